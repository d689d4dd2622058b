"""Commands that read results: segments, segment, traits, count, why, sql, export."""

from collections.abc import Mapping
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coterie.cli.shared import HERE, Dir, Json, opened, print_json, then
from coterie.core.words import counted

if TYPE_CHECKING:
    from coterie.cli.page import Page
    from coterie.workspace.results import Results
    from coterie.workspace.workspace import Workspace

OVERLAPS = 8
"""How many other segments are listed."""
LISTED = 100
"""How many segments are listed where nobody asks for more."""


def segments(
    directory: Dir = HERE,
    limit: Annotated[int, typer.Option(help="How many segments at most.", min=1)] = LISTED,
    json: Json = False,
) -> None:
    """All segments with their sizes, and the labels."""
    from coterie.cli.page import Page

    with opened(directory) as space:
        if json:
            print_json(space.summary())
            return
        page = Page()
        segments_shown(page, space.results, directory, limit)
        stale_shown(page, space, directory)


def segments_shown(page: "Page", results: "Results", directory: Path, limit: int = LISTED) -> None:
    """Segments (the first of very many) and labels as tables, and of what population and day they are."""
    from coterie.cli.shown import day, labels, money, one_line, share

    listed = dict(islice(results.sizes.items(), limit))
    population, revenue = results.made.population, results.revenue_of(list(listed))
    headings = [("segment", False), ("in", True), ("share", True), ("cannot tell", True)]
    headings += [(str(results.money), True)] if revenue else []
    rows = []
    for name, size in listed.items():
        row = [name, f"{size.inside:,}", share(size.inside, population), f"{size.cannot_tell:,}" if size.cannot_tell else ""]
        if revenue:
            row.append(share(revenue[name], revenue[""]))
        about = results.project.segments[name].notes.get("about")
        rows.append([*row, one_line(str(about or results.english(name)))])
    if rows:
        page.table([*headings, ("who", False)], rows, wide="who")
        page.line()
    if len(listed) < len(results.sizes):
        page.quiet(
            f"the first {len(listed):,} of {len(results.sizes):,} segments; `{then(directory, 'segments')} --limit` shows more"
        )
        page.line()
    for name, counts in results.made.labels.items():
        found = [[label, f"{n:,}", share(n, population)] for label, n in labels(counts)]
        page.table([(name, False), ("customers", True), ("share", True)], found)
        page.line()
    whole = f", {results.money} {money(revenue[''], results.project.currency)}" if revenue else ""
    page.line(f"{counted(population, 'customer')} as of {day(results.made.as_of, results.project.timezone)}{whole}")


def stale_shown(page: "Page", space: "Workspace", directory: Path) -> None:
    """Say it when the project file or the sources are no longer what was run."""
    said = space.stale().said()
    if said:
        page.line()
        page.warn(f"stale: `{then(directory, 'run')}` brings the numbers up to date")
        page.listed(said)


def segment(
    name: Annotated[str, typer.Argument(help="A segment, a segmentation or a trait.")], directory: Dir = HERE, json: Json = False
) -> None:
    """One segment: rule, words, size, revenue, overlap."""
    from coterie.cli.page import Page

    with opened(directory) as space:
        if json:
            print_json(space.describe(name))
            return
        page = Page()
        segment_shown(page, space.results, name)
        stale_shown(page, space, directory)


def segment_shown(page: "Page", results: "Results", name: str) -> None:
    """A definition with all that is known of it."""
    from coterie.cli.shown import day, labels, money, one_line, share, three_way
    from coterie.cli.trial import goal_said
    from coterie.language.format import format as canonical
    from coterie.workspace.goals import standings
    from coterie.workspace.hands import some
    from coterie.workspace.overview import definition, plain

    checked = results.definition(name)
    notes = definition(results, name).notes
    page.title(name)
    if notes.get("about"):
        page.line(one_line(str(notes["about"])))
    page.line()
    facts = [("rule", canonical(checked.written)), ("in words", results.english(name))]
    if name in results.sizes:
        size = results.sizes[name]
        facts.append(("size", three_way(size)))
        facts.append(("share", f"{share(size.inside, size.population)} of {counted(size.population, 'customer')}"))
        if results.revenue and results.money:
            part, whole = results.revenue[name], results.revenue[""]
            facts.append((results.money, f"{money(part, results.project.currency)}, {share(part, whole)} of all"))
    elif name not in results.made.labels:
        facts.append(("kind", str(checked.type)))
    facts.append(("follows", follows(checked.fresh)))
    facts += [(key, told(plain(found))) for key, found in notes.items() if key != "about"]
    facts += [("goal stands", goal_said(s)) for s in standings(results) if s.goal.name == name and s.goal.change]
    if name in results.project.segments:
        for entry in results.project.segments[name].by_hand:
            facts.append(("by hand", f"{entry.said()}: {f'list {entry.list}' if entry.list else some(entry.ids)}"))
    users = results.catalog.users(name)
    if users:
        facts.append(("used by", ", ".join(users)))
    facts.append(("as of", day(results.made.as_of, results.project.timezone)))
    facts.append(("definition", results.catalog.definitions[name].hash))
    page.facts(facts)
    if name in results.sizes and results.sizes[name].inside:
        inside = results.sizes[name].inside
        over = sorted(results.overlap(name).items(), key=lambda p: (-p[1], p[0]))[:OVERLAPS]
        rows = [[other, f"{n:,}", share(n, inside)] for other, n in over if n]
        if rows:
            page.line()
            page.table([("also in", False), ("customers", True), ("of this segment", True)], rows)
    if name in results.made.labels:
        rows = [[lab, f"{n:,}", share(n, results.made.population)] for lab, n in labels(results.made.labels[name])]
        page.line()
        page.table([("label", False), ("customers", True), ("share", True)], rows)
        grid_shown(page, results, name)


def grid_shown(page: "Page", results: "Results", name: str) -> None:
    """Of an RFM segmentation: customers and their share of revenue by recency (across) and frequency (up)."""
    from coterie.cli.shown import share
    from coterie.workspace.grid import is_rfm, rfm_grid

    if not is_rfm(results, name):
        return
    cells: dict[tuple[int, int], tuple[int, Decimal]] = {}
    for cell in rfm_grid(results, name).to_pylist():
        customers, revenue = cells.get((cell["f"], cell["r"]), (0, Decimal()))
        cells[cell["f"], cell["r"]] = (customers + cell["customers"], revenue + Decimal(str(cell["revenue"] or 0)))
    whole = sum((revenue for _, revenue in cells.values()), Decimal())
    across = sorted({r for _, r in cells})
    rows = []
    for f in sorted({f for f, _ in cells}, reverse=True):
        row = [f"frequency {f}"]
        for r in across:
            customers, revenue = cells.get((f, r), (0, Decimal()))
            row.append(f"{customers:,} · {share(revenue, whole)}" if customers else "")
        rows.append(row)
    page.line()
    page.line("Customers and their share of revenue; recency 5 bought last, frequency 5 most often.")
    page.table([("", False), *((f"recency {r}", True) for r in across)], rows)


def follows(fresh: frozenset[str]) -> str:
    """When an answer can change, in words."""
    words = {
        "live": "each event",
        "timed": "hours as they run out",
        "daily": "the turn of each day",
        "fitted": "everybody (fitted anew at each run)",
    }
    return ", ".join(text for key, text in words.items() if key in fresh) or "the customer's own columns"


def told(value: object) -> str:
    """A note as text."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {told(v)}" for key, v in value.items())
    return ", ".join(told(v) for v in value) if isinstance(value, list) else str(value)


def traits(directory: Dir = HERE, json: Json = False) -> None:
    """All traits: kind, for how many known, meaning."""
    from coterie.cli.page import Page

    with opened(directory) as space:
        found = space.traits()
        population = space.results.made.population
    if json:
        print_json(found)
        return
    rows = [[t["name"], t["type"], f"{t['known']:,}", t["english"]] for t in found]
    page = Page()
    page.table([("trait", False), ("kind", False), ("known", True), ("what", False)], rows, wide="what", cut=False)
    page.line()
    page.line(f"{counted(len(found), 'trait')} of {counted(population, 'customer')}")


def count(
    expression: Annotated[str, typer.Argument(help="A condition, as in \"revenue > 1000 and country = 'DE'\".")],
    directory: Dir = HERE,
    json: Json = False,
) -> None:
    """Count who meets a condition: in, out, cannot tell."""
    from coterie.cli.page import Page
    from coterie.cli.shown import day, three_way

    with opened(directory) as space:
        found = space.count(expression)
    if json:
        print_json(found.to_json())
        return
    page = Page()
    page.line(three_way(found.size))
    page.quiet(f"of {counted(found.size.population, 'customer')} as of {day(found.as_of, found.timezone)}: {found.english}")
    for notice in found.notices:
        page.line()
        page.line(str(notice))


def why(
    customer: Annotated[str, typer.Argument(help="The customer's id.")],
    name: Annotated[str, typer.Argument(help="A segment, segmentation, trait or expression.")],
    directory: Dir = HERE,
    json: Json = False,
) -> None:
    """Why a customer is in a segment or not."""
    from coterie.cli.page import Page
    from coterie.cli.shown import MARKS, day, one_line, reasons, value

    with opened(directory) as space:
        found = space.why(customer, name)
        zone = space.results.project.timezone
    if json:
        from coterie.workspace.overview import why_json

        print_json(why_json(found, zone))
        return
    page = Page()
    answer = MARKS[found.reason.truth] if found.reason.condition else value(found.reason.value, zone)
    page.title(f"{customer} · {one_line(name)}: {answer}, as of {day(found.as_of, zone)}")
    page.line()
    rows = [list(line) for line in reasons(found.reason, zone)]
    if rows[0][0].startswith("case "):
        rows[0][0] = one_line(name)
    conditions = any(row[1] for row in rows)
    headings = [("condition" if conditions else "value", False), ("holds", False), ("found", False)]
    wide = headings[0][0]
    if not conditions:
        headings, rows = [headings[0], headings[2]], [[row[0], row[2]] for row in rows]
    page.table(headings, rows, wide=wide, cut=False)
    if found.drives:
        page.line()
        page.line("What drives it, beside a typical customer:")
        page.listed(list(found.drives))
    if found.changes:
        page.line()
        page.line("What would change it, each by itself:")
        page.listed([change.words for change in found.changes])
    elif found.reason.condition:
        page.line()
        page.line("What would change it: no single change that coterie knows to look for.")


def sql(
    name: Annotated[str, typer.Argument(help="A segment, trait or expression.")],
    directory: Dir = HERE,
    dialect: Annotated[str | None, typer.Option(help="duckdb, spark, or another that SQLGlot knows, such as snowflake.")] = None,
) -> None:
    """Print a segment's SQL, to paste into a shell of its engine."""
    with opened(directory) as space:
        text = space.sql(name, dialect)
        typer.echo(f"-- {where(dialect or space.results.engine.dialect, space.results.generation.path)}\n{text};")


def where(dialect: str, path: Path) -> str:
    """Where SQL can be run, or that nobody has."""
    if dialect == "duckdb" and path.suffix == ".duckdb":
        return f"duckdb -readonly {path.as_posix()}"
    if dialect in ("duckdb", "spark"):
        return f"{dialect}: over the table traits of {path.as_posix()}"
    return f"{dialect}: untested; translated from DuckDB's, which differs in places that a translation does not see"


def export(
    name: Annotated[str, typer.Argument(help="A segment, or any condition.")],
    directory: Dir = HERE,
    form: Annotated[str | None, typer.Option("--format", help="csv (usual), parquet, jsonl or xlsx.")] = None,
    columns: Annotated[str | None, typer.Option(help="Columns or segments to bring along, with commas between.")] = None,
    out: Annotated[str | None, typer.Option(help="The file to write; - for the screen (csv, jsonl).")] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Leave texts as they are that a spreadsheet would run as formulas.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write the customers of a segment to a file."""
    listed = None if columns is None else [c.strip() for c in columns.split(",") if c.strip()]
    with opened(directory) as space:
        done = space.export(name, form, listed, out, raw=raw, force=force)
    if done.path != Path("-"):
        typer.echo(f"{counted(done.rows, 'customer')} in {done.path.as_posix()}", err=True)


def add(app: typer.Typer) -> None:
    for command in (segments, segment, traits, count, why, sql, export):
        app.command()(command)
