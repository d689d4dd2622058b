"""Commands about what changed: runs, history, moves, diff, undo."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coterie.cli.shared import HERE, Dir, Json, opened, print_json, then

if TYPE_CHECKING:
    from coterie.workspace.history import Step

KnownAt = Annotated[str | None, typer.Option("--known-at", help="As it was known on that date.")]


def runs(directory: Dir = HERE, json: Json = False) -> None:
    """List the runs, the newest last."""
    from coterie.cli.page import Page

    with opened(directory) as space:
        found = space.history.runs()
        changed = {r.number: list(space.history.changed(r.number)) for r in found}
        zone = space.project.timezone
    if json:
        print_json(
            [
                {
                    "run": r.number,
                    "kind": r.kind,
                    "as_of": _iso(r.as_of),
                    "recorded_at": _iso(r.recorded_at),
                    "population": r.population,
                    "undone_at": None if r.undone_at is None else _iso(r.undone_at),
                    "changed": changed[r.number],
                    "accepted": list(r.accepted),
                }
                for r in found
            ]
        )
        return
    page = Page()
    if not found:
        page.line(f"Nothing has been run yet: `{then(directory, 'run')}`")
        return
    rows = []
    for r in found:
        said = [f"{len(changed[r.number])} definitions changed: {', '.join(changed[r.number][:5])}"] if changed[r.number] else []
        said += [f"large changes accepted: {', '.join(r.accepted)}"] if r.accepted else []
        said += ["undone"] if r.undone else []
        said += ["with past days"] if r.kind == "back-fill" else []
        rows.append([f"{r.number:,}", day(r.as_of, zone), stamp(r.recorded_at, zone), f"{r.population:,}", "; ".join(said)])
    columns = [("run", True), ("as of", False), ("recorded", False), ("customers", True), ("", False)]
    page.table(columns, rows, wide="", cut=False)


def history(
    name: Annotated[str, typer.Argument(help="A segment or a segmentation.")],
    directory: Dir = HERE,
    known_at: KnownAt = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="Who was in it on that date, instead of the sizes.")] = None,
    json: Json = False,
) -> None:
    """How a segment's size moved, who came and left, and why."""
    from coterie.cli.page import Page

    with opened(directory) as space:
        zone = space.project.timezone
        page = Page()
        if as_of is not None:
            members = space.history.members(name, as_of, known_at)
            if json:
                print_json(members.to_pylist())
                return
            second = members.column_names[1]
            counted: dict[str, int] = {}
            for value in members.column(second).to_pylist():
                told = "cannot tell" if value is None else str(value)
                counted[told] = counted.get(told, 0) + 1
            page.line(f"{name} on {as_of}: " + " · ".join(f"{n:,} {told}" for told, n in counted.items()))
            page.quiet("--json lists the customers")
            return
        if name in space.project.segmentations:
            labels_shown(page, space.history.labels(name, known_at), zone, json)
            return
        steps = space.history.sizes(name, known_at)
    if json:
        print_json([step_json(s) for s in steps])
        return
    rows = [
        [
            day(s.as_of, zone),
            f"{s.inside:,}",
            f"{s.cannot_tell:,}",
            f"+{s.entered:,}" if s.entered else "",
            f"−{s.left:,}" if s.left else "",
            because(s),
        ]
        for s in steps
    ]
    columns = [("day", False), ("in", True), ("cannot tell", True), ("entered", True), ("left", True), ("why", False)]
    page.table(columns, rows, wide="why", cut=False)
    if len(steps) == 1:
        page.line()
        page.quiet(f"one day is recorded; `{then(directory, 'run --since DATE')}` fills in the days before")


def because(step: "Step") -> str:
    """The reasons of a step in words, the largest first."""
    ordered = sorted(step.reasons.items(), key=lambda item: -sum(item[1]))
    return ", ".join(f"{reason} " + _pair(*pair) for reason, pair in ordered)


def _pair(entered: int, left: int) -> str:
    return " ".join(text for text in (f"+{entered:,}" if entered else "", f"−{left:,}" if left else "") if text)


def step_json(step: "Step") -> dict[str, Any]:
    return {
        "as_of": _iso(step.as_of),
        "run": step.run,
        "in": step.inside,
        "out": step.outside,
        "cannot_tell": step.cannot_tell,
        "entered": step.entered,
        "left": step.left,
        "reasons": {reason: {"entered": a, "left": b} for reason, (a, b) in step.reasons.items()},
    }


def labels_shown(page: Any, found: Any, zone: str, json: bool) -> None:
    """A segmentation's labels over time."""
    if json:
        print_json(
            [
                {
                    "as_of": _iso(x.as_of),
                    "run": x.run,
                    "labels": [{"label": label, "customers": n} for label, n in x.customers.items()],
                }
                for x in found
            ]
        )
        return
    names = list(dict.fromkeys(label for x in found for label in x.customers if label is not None))
    columns = [("day", False), *((n, True) for n in names), ("cannot tell", True)]
    cells: list[list[str]] = []
    for x in found:
        counts: Mapping[str | None, int] = x.customers
        cells.append([day(x.as_of, zone), *(f"{counts.get(n, 0):,}" for n in names), f"{counts.get(None, 0):,}"])
    page.table(columns, cells, wide="day", cut=False)


def moves(
    name: Annotated[str, typer.Argument(help="A segmentation.")],
    directory: Dir = HERE,
    since: Annotated[str | None, typer.Option("--since", help="From this date; default: the snapshot before the last.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="To this date; default: the last snapshot.")] = None,
    json: Json = False,
) -> None:
    """Show who moved from which label to which."""
    from coterie.cli.page import Page

    with opened(directory) as space:
        found = space.history.moves(name, since, until)
        zone = space.project.timezone
    if json:
        print_json(
            {
                "segmentation": name,
                "since": _iso(found.since),
                "until": _iso(found.until),
                "moves": [{"from": a, "to": b, "customers": n} for (a, b), n in found.table.items()],
            }
        )
        return
    page = Page()
    stayed = sum(n for (a, b), n in found.table.items() if a == b)
    moved = sum(n for (a, b), n in found.table.items() if a != b and "" not in (a, b))
    page.line(f"{name}, {day(found.since, zone)} to {day(found.until, zone)}: {moved:,} moved, {stayed:,} stayed")
    page.line()
    rows = sorted(((a, b, n) for (a, b), n in found.table.items() if a != b), key=lambda row: -row[2])
    cells = [[_said(a, "new"), _said(b, "gone"), f"{n:,}"] for a, b, n in rows]
    page.table([("from", False), ("to", False), ("customers", True)], cells, wide="to")


def _said(label: str | None, absent: str) -> str:
    return "cannot tell" if label is None else label or f"({absent})"


def diff(
    earlier: Annotated[int, typer.Argument(help="The number of a run.")],
    later: Annotated[int, typer.Argument(help="The number of a later run.")],
    directory: Dir = HERE,
    json: Json = False,
) -> None:
    """Compare two runs: definitions, sizes, who entered and left."""
    from coterie.cli.page import Page

    with opened(directory) as space:
        found = space.history.diff(earlier, later)
        zone = space.project.timezone
    if json:
        print_json(
            {
                "earlier": earlier,
                "later": later,
                "added": list(found.added),
                "removed": list(found.removed),
                "changed": list(found.changed),
                "renamed": dict(found.renamed),
                "segments": [
                    {"segment": d.name, "before": d.before, "after": d.after, "entered": d.entered, "left": d.left}
                    for d in found.segments
                ],
            }
        )
        return
    page = Page()
    page.line(f"run {earlier} ({day(found.earlier.as_of, zone)}) → run {later} ({day(found.later.as_of, zone)})")
    for text, names in (("added", found.added), ("removed", found.removed), ("changed", found.changed)):
        if names:
            page.line(f"{text}: {', '.join(names)}")
    for old, new in found.renamed.items():
        page.line(f"renamed: {old} → {new}")
    page.line()
    rows = [
        [
            d.name,
            "" if d.before is None else f"{d.before:,}",
            "" if d.after is None else f"{d.after:,}",
            f"+{d.entered:,}" if d.entered else "",
            f"−{d.left:,}" if d.left else "",
            "definition changed" if d.changed else "",
        ]
        for d in found.segments
    ]
    columns = [("segment", False), ("before", True), ("after", True), ("entered", True), ("left", True), ("", False)]
    page.table(columns, rows, wide="segment")


def undo(directory: Dir = HERE, json: Json = False) -> None:
    """Take the last run back: the results before it are shown again."""
    with opened(directory) as space:
        run = space.undo()
        now = space.results.generation.number
        shown = space.results.made.as_of
        zone = space.project.timezone
    if json:
        print_json({"undone": run.number, "shown": now})
        return
    typer.echo(f"Run {run.number} is taken back; run {now} is shown again, as of {day(shown, zone)}.")


def day(instant: datetime, zone: str) -> str:
    """The local day of an instant."""
    from coterie.core.windows import local_day
    from coterie.language.shown import day_shown

    return day_shown(local_day(instant, zone))


def stamp(instant: datetime, zone: str) -> str:
    """The local day and time of an instant."""
    from coterie.core.windows import local

    return f"{day(instant, zone)} {local(instant, zone):%H:%M}"


def _iso(instant: datetime) -> str:
    return f"{instant.isoformat()}Z"


def add(app: typer.Typer) -> None:
    for command in (runs, history, moves, diff, undo):
        app.command()(command)
