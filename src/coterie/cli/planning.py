"""The command that says what a run would do: plan."""

from typing import TYPE_CHECKING, Annotated

import typer

from coterie.cli.shared import HERE, Dir, Json, Quiet, opened, print_json, progress, then

if TYPE_CHECKING:
    from coterie.cli.page import Page
    from coterie.workspace.edits import Edit
    from coterie.workspace.plan import Plan

SHOWN_MOVES = 12
"""How many movements between labels are listed."""


def plan(
    directory: Dir = HERE,
    as_of: Annotated[str | None, typer.Option("--as-of", help="A date (its end), an instant, `now` or `latest event`.")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """What a run would change, and what depends on it."""
    from coterie.cli.page import Page

    with opened(directory) as space:
        with progress(quiet) as say:
            found = space.plan(as_of, say)
        if json:
            print_json(found.to_json())
        else:
            page = Page()
            plan_shown(page, found)
            page.line()
            if found.stopped:
                names = " ".join(g.name for g in found.gates if not g.passed)
                page.warn(f"a run would publish nothing; `{then(directory, f'run --accept {names}')}` accepts it")
            else:
                page.line(f"Nothing is published yet: `{then(directory, 'run')}` does it")
    if found.stopped:
        raise typer.Exit(1)


def plan_shown(page: "Page", found: "Plan") -> None:
    """A plan for people."""
    from coterie.cli.shown import day, money

    if found.before is None:
        page.title(f"the first run: {found.population:,} customers as of {day(found.as_of, found.zone)}")
    else:
        page.title(f"as of {day(found.as_of, found.zone)}, compared with the results of {day(found.before, found.zone)}")
    edits_shown(page, found.edits)
    if found.schema:
        page.line()
        page.quiet("columns of the sources")
        page.listed(found.schema)
    rows = []
    for m in found.segments:
        if found.before is not None and not (m.entered or m.left or m.newly_unknown or m.before is None or m.after is None):
            continue
        before = "" if m.before is None else f"{m.before.inside:,}"
        after = "gone" if m.after is None else f"{m.after.inside:,}"
        row = [m.name, before, after, _signed(m.entered), _signed(-m.left), f"{m.newly_unknown:,}" if m.newly_unknown else ""]
        if found.money:
            row += [money(v, None) if v else "" for v in (m.money_entered, m.money_left)]
        rows.append(row)
    headings = [("segment", False), ("before", True), ("then", True), ("enter", True), ("leave", True), ("newly cannot tell", True)]
    if found.money:
        unit = f" {found.currency}" if found.currency else ""
        headings += [(f"{found.money} entering{unit}", True), (f"{found.money} leaving{unit}", True)]
    page.line()
    if rows:
        page.table(headings, rows)
    same = len(found.segments) - len(rows)
    if same:
        page.quiet(f"{same:,} segment{'' if same == 1 else 's'} with the same customers")
    for s in found.segmentations:
        if s.after is None:
            page.line(f"{s.name}: this segmentation is gone; its history stays")
        elif s.was is None:
            page.line(f"{s.name}: new, " + ", ".join(f"{label or 'cannot tell'} {n:,}" for label, n in s.after.items()))
        elif s.moves:
            moved = [[_label(a), _label(b), f"{n:,}"] for (a, b), n in list(s.moves.items())[:SHOWN_MOVES]]
            page.line()
            page.table([(f"{s.name} before", False), ("then", False), ("customers", True)], moved)
            if len(s.moves) > SHOWN_MOVES:
                page.quiet(f"and {len(s.moves) - SHOWN_MOVES:,} more movements: --json lists all")
    gone = [m.name for m in found.segments if m.after is None]
    if gone:
        page.line(f"gone: {', '.join(gone)}; their history stays, and counts on under `was:` of another segment")
    if found.gates:
        page.line()
        for gate in found.gates:
            (page.line if gate.passed else page.warn)(f"{'passes' if gate.passed else 'stops the run'}: {gate.said}")
    page.quiet(f"{found.seconds:.1f} s, {found.rows:,} rows looked at")


def edits_shown(page: "Page", edits: "tuple[Edit, ...]") -> None:
    """Definitions that were edited, the old rule over the new one in words."""
    for e in edits:
        page.line()
        named = f"{e.was} → {e.name}" if e.was else e.name
        page.line(f"{e.what} {e.noun}: {named}" + (f" (through {', '.join(e.through)})" if e.through else ""))
        if e.what == "renamed" or e.through:
            pass
        else:
            facts = [("before", e.words_before), ("now", e.words_after)]
            page.facts([(when, words) for when, words in facts if words is not None])
        if e.dependants:
            page.facts([("used by", ", ".join(f"{name} ({noun})" for noun, name in e.dependants))])


def _signed(n: int) -> str:
    return f"{n:+,}".replace("-", "−") if n else ""


def _label(label: str | None) -> str:
    return "cannot tell" if label is None else label or "not a customer"


def add(app: typer.Typer) -> None:
    app.command()(plan)
