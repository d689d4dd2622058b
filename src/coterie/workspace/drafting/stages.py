"""Labels for everybody: value by recency, frequency and money, and the stages of the lifecycle."""

from coterie.language.names import written
from coterie.workspace.drafting.buying import buying
from coterie.workspace.drafting.outline import Segmentation
from coterie.workspace.drafting.proposer import Proposer


def labels(p: Proposer) -> None:
    kind, rhythm = p.buys, p.rhythm
    if kind is not None and rhythm is not None:
        money = kind.amount or kind.items
        if money is not None:
            of = "for how much" if kind.amount else "how many things (no column holds money)"
            p.out.segmentations.insert(
                0,
                Segmentation(
                    p.name("value"),
                    "",
                    call=f"rfm({written(kind.name)}.time, {written(kind.name)}.{written(money)})",
                    note=f"How lately, how often and {of} they buy, each in fifths, and a name for each combination. "
                    "value.r, value.f and value.m are the scores; 5 is best.",
                ),
            )
        orders = p.named["orders"]
        first, last = p.named["first_order"], p.named["last_order"]
        labels: tuple[tuple[str, str | None], ...] = (
            ("prospect", f"{orders} = 0"),
            ("new", f"{first} within {rhythm.new} days"),
            ("active", f"{last} within {rhythm.active} days"),
            ("cooling", f"{last} within {rhythm.cooling} days"),
            ("lapsed", None),
        )
        p.out.segmentations.insert(
            1 if money is not None else 0,
            Segmentation(
                p.name("lifecycle"),
                "Where they stand on the way from the first order to leaving.",
                labels=labels,
                note=rhythm.why,
            ),
        )
        return
    seen = p.sources.kind("activity", "view") or next((k for k in p.sources.kinds if k.role in ("other", "deal")), None)
    if seen is not None and seen.rows > 1:
        rhythm = buying(seen.found, seen.value)
        k = written(seen.name)
        first = p.named.get("first_seen") or p.trait("first_seen", f"first({k}.time)", "When they were there")
        last = p.named.get("last_visit") or p.trait("last_seen", f"last({k}.time)", "When they were there")
        labels = (
            ("never seen", f"{first} is missing"),
            ("new", f"{first} within {rhythm.new} days"),
            ("active", f"{last} within {rhythm.active} days"),
            ("cooling", f"{last} within {rhythm.cooling} days"),
            ("lapsed", None),
        )
        p.out.segmentations.insert(
            0, Segmentation(p.name("lifecycle"), "How lately they were there.", labels=labels, note=rhythm.why)
        )
