"""A customers file alone: its numbers, flags and texts, of which little is known."""

from collections.abc import Iterable

import numpy as np

from coterie.language.names import written
from coterie.language.types import INTEGER, NUMBERS, TEXT, TIMES
from coterie.sources.seen import SeenColumn
from coterie.sources.vocabulary import identifies, meanings, slug, words_of
from coterie.workspace.drafting.kinds import is_flag
from coterie.workspace.drafting.proposer import Proposer

_HANDLED = frozenset(
    [
        "gender",
        "age",
        "birth_date",
        "birth_year",
        "income",
        "children",
        "household",
        "marital",
        "education",
        "occupation",
        "since",
        "tenure",
        "charge",
        "charged",
        "churn",
        "plan",
        "payment",
        "loyalty",
        "tags",
        "country",
        "region",
        "setting",
        "device",
        "os",
        "platform",
        "app_version",
        "acquisition",
        "email",
        "phone",
        "first_name",
        "last_name",
        "full_name",
        "city",
        "postcode",
        "address",
        "latitude",
        "longitude",
        "consent",
        "recency",
        "account",
        "text",
        "industry",
    ]
)
"""Meanings for which there are definitions of their own (or none: gender and names make no segments here)."""


def generic(p: Proposer) -> None:
    """For a customers file alone: numbers that belong together are added up; then the highest tenth of each number, those
    for whom a flag is set, and the most frequent value of each column of few texts."""
    hub = p.detection.hub
    if hub is None or p.sources.kinds:
        return
    own = p.own_names()
    questions = {i for s in hub.scales for i in s.items}
    left = [
        (own[c], s)
        for c, s in hub.file.columns.items()
        if own[c] in p.known.attributes and c not in questions and hub.means(c) not in _HANDLED
    ]
    numbers = [(n, s) for n, s in left if p.known.attributes[n] in NUMBERS and s.distinct > 10 and not _code_like(s)]
    flags = [(n, s) for n, s in left if is_flag(s)]
    money: str | None = None
    for found in (p.attribute("charged"), p.attribute("charge"), p.attribute("amount")):
        money = money or (found[0] if found is not None and found[1].numeric else None)
    grouped: set[str] = set()
    for word, members in _families(numbers).items():
        total = p.trait(f"{word}_total", " + ".join(written(n) for n, _ in members), "What the columns add up to")
        about = f"The tenth with the highest sum of {_listed(n for n, _ in members)}."
        p.segment(f"high_{word}", f"percentile({total}) >= 0.9", about, "Value")
        grouped |= {n for n, _ in members}
        money = money or total
    for word, members in _families([(n, s) for n, s in flags if p.known.attributes[n] == INTEGER]).items():
        total = p.trait(f"{word}_count", " + ".join(written(n) for n, _ in members), "What the columns add up to")
        p.segment(f"{word}_any", f"{total} > 0", f"At least one of {_listed(n for n, _ in members)} is set.", "Behaviour")
        grouped |= {n for n, _ in members}
    for name, _ in numbers:
        if name not in grouped:
            about = f"The tenth with the highest {name}."
            p.segment(f"high_{slug(name)}", f"percentile({written(name)}) >= 0.9", about, "Value")
    for name, seen in flags:
        condition = p.yes(name) if name not in grouped and seen.distinct == 2 else None
        if condition is not None:
            p.segment(f"has_{slug(name)}", condition, f"{name} is set.", "Behaviour")
    for name, seen in left:
        if seen.type == TEXT and 2 <= seen.distinct <= 12:
            yes = p.yes(name)
            if yes is not None:
                p.segment(f"has_{slug(name)}", yes, f"{name} is set.", "Behaviour")
            else:
                p.top_values(written(name), seen, group="Behaviour", about=f"{{who}} whose {name} is {{value}}.", most=1)
    recency = p.attribute("recency")
    if recency is not None and recency[1].numeric and np.nanquantile(recency[1].numbers, 0.2) > recency[1].range()[0]:
        about = f"The fifth with the lowest {recency[0]}."
        p.segment("bought_lately", f"percentile({recency[0]}) <= 0.2", about, "Activity")
    if money is not None:
        rank = p.trait("value_standing", f"percentile({money})", "Relative to everybody")
        p.segmentation(
            "value",
            f"By {money} relative to everybody: the highest fifth, the fifth below, the middle, the lowest two fifths.",
            labels=(
                ("highest fifth", f"{rank} >= 0.8"),
                ("fourth fifth", f"{rank} >= 0.6"),
                ("middle", f"{rank} >= 0.4"),
                ("lowest two fifths", None),
            ),
        )


def _families(columns: list[tuple[str, SeenColumn]]) -> dict[str, list[tuple[str, SeenColumn]]]:
    """Columns whose names begin with one word (MntWines, MntFruits …), three or more."""
    out: dict[str, list[tuple[str, SeenColumn]]] = {}
    for name, seen in columns:
        words = words_of(name)
        if len(words) > 1 or (words and words[0][-1:].isdigit()):
            stem = words[0].rstrip("0123456789")
            if stem and not any(seen.type == d for d in TIMES):
                out.setdefault(stem, []).append((name, seen))
    families = {}
    for stem, members in out.items():
        last = [words_of(n)[-1] for n, _ in members]
        common = max(set(last), key=lambda w: (last.count(w), w))
        if 3 <= last.count(common) < len(members):  # NumWebPurchases, NumStorePurchases … and NumWebVisits
            members = [m for m, w in zip(members, last, strict=True) if w == common]
            stem = f"{stem}_{common}"
        if len(members) >= 3:
            families[stem] = members
    return families


def _code_like(seen: SeenColumn) -> bool:
    """Whole numbers that number rows, or years."""
    low, high = seen.range()
    if seen.type != INTEGER or not seen.known:
        return False
    if identifies(seen.name) or meanings(seen.name).get("birth_date", 0) >= 0.6:
        return True
    numbered = seen.unique and seen.distinct > 50 and low >= 0 and high < 4 * seen.distinct
    return bool(numbered or (seen.distinct > 200 and low in (0, 1) and high <= 1.1 * seen.distinct))


def _listed(names: Iterable[str]) -> str:
    """A few names in words."""
    every = list(names)
    return ", ".join(every[:4]) + (f" and {len(every) - 4} more" if len(every) > 4 else "")
