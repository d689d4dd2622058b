"""Which base of segmentation a column is of: geographic, demographic, behavioural …, told by what it is made of.

A tag of that name in the project file decides; else an attribute is told by its name, a trait by the first thing that it reads:
sums of money are value, answers to a survey are psychographic, what else happened is behavioural.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from coterie.language.catalog import Catalog
from coterie.language.tree import Column, EventColumn, Expr, Fitted, Measure, Sequence, children
from coterie.language.types import MONEY, Type
from coterie.sources.vocabulary import meanings, words_of

BASES: Mapping[str, tuple[str, ...]] = {
    "geographic": ("country", "region", "city", "postcode", "latitude", "longitude", "setting", "address", "store"),
    "demographic": (
        *("age", "birth_date", "birth_year", "gender", "income", "education", "marital", "household", "children", "occupation"),
        "language",
    ),
    "psychographic": ("satisfaction", "tags"),
    "behavioural": ("recency", "frequency", "category", "product", "page", "complaint", "churn", "payment", "sales_channel"),
    "technographic": ("device", "os", "browser", "app_version", "platform", "internet"),
    "firmographic": ("company", "industry", "employees", "annual_revenue", "account"),
    "value": ("amount", "charge", "charged", "price"),
    "loyalty": ("loyalty", "points", "plan", "tenure", "since"),
    "origin": ("acquisition", "campaign", "referrer"),
    "consent": ("consent", "unsubscribed"),
}
"""Base → the meanings of columns that are of it."""
OF = {meaning: base for base, meant in BASES.items() for meaning in meant}
SURVEYS = frozenset({"survey", "answer", "answers", "questionnaire", "umfrage", "poll"})
OTHER = "other"


@dataclass(frozen=True, slots=True)
class End:
    """What a definition comes to in the end: an attribute, or a column of a kind of event (None: the event itself)."""

    attribute: str | None = None
    event: str | None = None
    column: str | None = None
    windowed: bool = False


def ends(catalog: Catalog, tree: Expr) -> Iterator[End]:
    """All that a tree reads, in its order, through the names in it."""
    match tree:
        case Column(name=name, part=part):
            found = catalog.definitions.get(name)
            if found is not None:
                yield from ends(catalog, found.checked.tree)
            else:
                yield End(name if part is None else f"{name}.{part}")
        case Measure(event=event, column=column, window=window):
            yield End(event=event, column=column, windowed=window is not None)
        case EventColumn(event=event, column=column):
            yield End(event=event, column=column)
        case Sequence(steps=steps):
            yield End(event=steps[0].event, windowed=tree.window is not None)
        case _:
            for child in tree.args if isinstance(tree, Fitted) else children(tree):
                yield from ends(catalog, child)


def base_of_name(name: str) -> str:
    """The base of an attribute by its name, `other` where that does not tell."""
    if name.startswith("account."):
        return "firmographic"
    found = sorted(meanings(name).items(), key=lambda m: -m[1])
    return next((OF[meaning] for meaning, sure in found if meaning in OF and sure >= 0.6), OTHER)


def base_of(catalog: Catalog, name: str, tags: tuple[str, ...] = (), type_: Type | None = None) -> str:
    """The base of a column of the table of traits.

    Args:
        tags: of its definition; type_: its type.
    """
    told = next((t for t in tags if t in BASES), None)
    if told is not None:
        return told
    found = catalog.definitions.get(name)
    if found is None:
        return base_of_name(name)
    first = next(ends(catalog, found.checked.tree), None)
    if first is None:
        return OTHER
    if first.attribute is not None:
        return base_of_name(first.attribute)
    if SURVEYS & set(words_of(first.event or "")):
        return "psychographic"
    return "value" if type_ == MONEY else "behavioural"
