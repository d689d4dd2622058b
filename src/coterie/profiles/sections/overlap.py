"""Who is in several segments at once."""

from coterie.profiles.charts.intersections import Together, upset
from coterie.profiles.hidden import is_small
from coterie.profiles.overlap import Overlap
from coterie.profiles.page import words
from coterie.profiles.page.parts import Figure, Section, Setting, Table

MOST_BARS = 20


def overlap(found: Overlap | None, setting: Setting) -> Section:
    """The largest combinations as an UpSet plot; combinations of few customers are counted together with the rest."""
    key, short, question = "overlap", "Overlap", "Which segments share their members?"
    if found is None or len(found.segments) < 2:
        return Section(
            key, short, question, "There are no two segments with members to compare.", to_do=["Define a second segment and run."]
        )
    k = setting.k
    shown = [c for c in found.combinations if not is_small(c.customers, k)]
    few = [c for c in found.combinations if is_small(c.customers, k)]
    rest = found.rest[1] + sum(c.customers for c in few)
    none = None if is_small(found.none, k) or is_small(rest, k) else found.none
    several = next((c for c in shown if len(c.segments) > 1), None)
    if several is not None:
        answer = (
            f"{words.customers(several.customers)} are in {words.listed(several.segments, 4)} at once and in no other of these."
        )
    else:
        answer = "No combination of these segments has members enough to show."
    finding = f"The {len(found.segments)} largest segments, and who is in several at once."
    if none is not None:
        outside = words.share(none, found.population)
        finding = f"{words.customers(none)}, {outside}, are in none of the {len(found.segments)} largest segments"
        alone = next((c for c in shown if len(c.segments) == 1), None)
        finding += "." if alone is None else f"; {alone.customers:,} are in {alone.segments[0]} alone."
    note = setting.note(None, f"The {len(found.segments)} largest segments; a column counts who is in exactly the marked ones.")
    if found.unsure:
        unsure = f"fewer than {k}" if is_small(found.unsure, k) else f"{found.unsure:,}"
        note += f" {unsure} cannot be told in at least one and count as not in it."
    rows = [(words.listed(c.segments, 12), f"{c.customers:,}", words.share(c.customers, found.population)) for c in shown]
    if rest and not is_small(rest, k):
        rows.append((f"{found.rest[0] + len(few):,} smaller combinations", f"{rest:,}", words.share(rest, found.population)))
    if none is not None:
        rows.append(("in none of them", f"{none:,}", words.share(none, found.population)))
    table = Table(
        "Customers who are in exactly these segments", (("segments", False), ("customers", True), ("share", True)), tuple(rows)
    )
    sizes = {n: found.sizes[n] for n in found.segments}
    chart = upset([Together(c.segments, c.customers) for c in shown[:MOST_BARS]], sizes, title=finding, note=note, axis="customers")
    data = {
        "segments": list(found.segments),
        "sizes": {n: (None if is_small(c, k) else c) for n, c in sizes.items()},
        "combinations": [{"segments": list(c.segments), "customers": c.customers} for c in shown],
        "rest": None if is_small(rest, k) else rest,
        "none": none,
    }
    return Section(
        key, short, question, answer, figures=[Figure("upset", finding, chart, note, table, least=620)] if shown else [], data=data
    )
