"""The tables of the documents that stand in the program already: each is made from its rows there.

A table lies between `<!-- table: name -->` and `<!-- end -->`.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from coterie.language.aggregations import AGGREGATIONS
from coterie.language.describe import measured
from coterie.language.fitted import FITTED
from coterie.language.functions import FUNCTIONS
from coterie.language.leaves import Leaf
from coterie.language.operators import OPERATORS
from coterie.workspace.keys import FIT_SETTINGS, OPTIONS, PROJECT, SEGMENT, SEGMENTATION, SOURCE, TRAIT, Keys

PLACE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def rewrite(root: Path) -> int:
    """Make the tables of all documents anew; how many documents were changed."""
    changed = 0
    for path in sorted((root / "docs").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        new = current(text)
        if new != text:
            path.write_text(new, encoding="utf-8")
            changed += 1
    return changed


def current(text: str) -> str:
    """A document with its tables as the program has them."""
    return PLACE.sub(lambda match: f"{match[1]}{TABLES[match[2]]()}{match[3]}", text)


def markdown(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def leaves(rows: Mapping[str, Leaf]) -> str:
    """Written, what it takes, in words, one example with its answer."""
    return markdown(
        ("written", "takes", "in words", "example"),
        ([f"`{written(leaf)}`", leaf.expects, words(leaf), example(leaf)] for leaf in rows.values()),
    )


def arguments(leaf: Leaf) -> int:
    """How many arguments the first known answer has."""
    return len(leaf.vectors[0].args) if leaf.vectors else 2


def written(leaf: Leaf, texts: Sequence[str] = ("a", "b", "c", "d")) -> str:
    """How a row is written, over these arguments."""
    texts = texts[: max(arguments(leaf), 1)]
    match leaf.shape:
        case "comparison" | "sum" | "product":
            return f"{texts[0]} {leaf.name} {texts[1]}"
        case "sign":
            return f"-{texts[0]}"
        case "between":
            return f"{texts[0]} between {texts[1]} and {texts[2]}"
        case "in" | "has":
            return f"{texts[0]} {leaf.name} ({', '.join(texts[1:])})"
        case "is":
            return f"{texts[0]} {leaf.name}"
        case "name":
            return leaf.name
        case "function":
            return f"{leaf.name}({', '.join(texts[: arguments(leaf)])})"


def words(leaf: Leaf) -> str:
    said = re.sub(r"\[([^\[\]]*)\]", r"\1" if arguments(leaf) > 1 else "", leaf.words)
    rest = " and ".join("bcd"[: max(arguments(leaf) - 1, 1)])
    return said.replace("{rest}", rest).format(*"abcd")


def example(leaf: Leaf) -> str:
    """The first known answer that needs neither clock nor list to be understood."""
    for vector in leaf.vectors:
        if vector.context is None and None not in vector.args and leaf.name not in ("in_list", "sample") and vector.args:
            return f"`{written(leaf, [shown(a) for a in vector.args])}` is {shown(vector.result)}"
    return ""


def shown(value: object) -> str:
    match value:
        case None:
            return "missing"
        case bool():
            return "true" if value else "false"
        case str():
            return "'" + value.replace("\n", " ").replace("\t", " ").replace("\r", " ") + "'"
        case datetime():
            return f"'{value.isoformat()}'"
        case date():
            return f"'{value}'"
        case Decimal():
            return f"{value.normalize():f}"
        case tuple():
            return "[" + ", ".join(shown(v) for v in value) + "]"
        case _:
            return str(value)


def measures() -> str:
    how = {"required": "{0}(order.amount)", "optional": "{0}(order)", "none": "{0}(order where amount > 100)"}
    return markdown(
        ("written", "takes", "in words", "over no events"),
        (
            [
                f"`{how[row.column].format(row.name)}`",
                {"required": row.expects, "optional": f"nothing, or {row.expects}", "none": "a condition behind where"}[row.column],
                measured(row.words, "order", "orders", "amount"),
                "missing: nothing happened" if row.nothing else shown(row.final(row.zero())),
            ]
            for row in AGGREGATIONS.values()
        ),
    )


def fitted() -> str:
    rows = (
        [
            f"`{name}`",
            {
                "percentile": "`percentile(revenue by country)`",
                "quantile": "`quantile(revenue, 5)`",
                "rank": "`rank(revenue)`",
                "rfm": "`rfm(order.time, order.amount)`",
                "lifetime_value": "`lifetime_value(order.amount, 365 days)`",
                "predict": "`predict(exists(order within next 30 days))`",
                "clusters": "`clusters(age, income, orders_90d)`",
                "affinity": "`affinity(order.category half life 60 days)`",
                "lookalike": "`lookalike(vip)`",
                "cross": "`cross(value, lifecycle) at least 50`",
            }.get(name, ""),
            form.words.format("a", "b"),
        ]
        for name, form in FITTED.items()
    )
    return markdown(("name", "written", "in words"), rows)


def keys(rows: Keys) -> Callable[[], str]:
    def made() -> str:
        lines = []
        for key in rows.values():
            notes = "kept and shown" if key.note else ", ".join(key.roles)
            lines.append([f"`{key.name}`", key.about, notes + (" (does nothing yet)" if key.idle else "")])
        return markdown(("key", "what it says", "of"), lines)

    return made


TABLES: Mapping[str, Callable[[], str]] = {
    "operators": lambda: leaves(OPERATORS),
    "functions": lambda: leaves(FUNCTIONS),
    "measures": measures,
    "fitted": fitted,
    "source": keys(SOURCE),
    "options": keys(OPTIONS),
    "project": keys(PROJECT),
    "trait": keys(TRAIT),
    "segment": keys(SEGMENT),
    "segmentation": keys(SEGMENTATION),
    "fit_settings": keys(FIT_SETTINGS),
}
