"""The command that tells who the customers of a group are."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coterie.cli.shared import HERE, Dir, Json, opened, print_json
from coterie.core.words import counted

if TYPE_CHECKING:
    from coterie.cli.page import Page
    from coterie.profiles.personas.persona import Persona

APART = 8
"""So many differences are listed."""


def persona(
    name: Annotated[str | None, typer.Argument(help="A segment, a segmentation, a label (lifestyle.2) or a condition.")] = None,
    directory: Dir = HERE,
    members: Annotated[bool, typer.Option("--members", help="Name typical and extreme customers by their ids.")] = False,
    playbook: Annotated[bool, typer.Option("--playbook", help="Print the playbook in use and the figures it can ask for.")] = False,
    json: Json = False,
) -> None:
    """Who the customers of a group are, and what to do about it."""
    from coterie.cli.page import Page

    with opened(directory) as space:
        if playbook:
            _playbook(space.folder)
            return
        if name is None:
            raise typer.BadParameter("name a segment, a segmentation, a label such as lifestyle.2, or a condition")
        found = space.personas(name, ids=members)
        zone = space.results.project.timezone
    if json:
        print_json([one.to_json() for one in found])
        return
    page = Page()
    if not found:
        page.line(f"Nobody has a label of {name} yet.")
    for place, one in enumerate(found):
        if place:
            page.line()
        shown(page, one, zone)


def shown(page: "Page", one: "Persona", zone: str) -> None:
    """A persona with all that is told of it."""
    from coterie.cli.history import day
    from coterie.profiles.personas.lines import because, facts, journey, steps
    from coterie.profiles.sections.apart import label, side

    page.title(f"{one.group.name}: {one.short}" if one.short else one.group.name)
    for sentence in one.sentences:
        page.line(sentence.text)
    against = f"against {counted(one.others, 'other customer', 'other customers')}"
    if one.unknown:
        against += f"; of {one.unknown:,} it cannot be told"
    page.quiet(against)
    if one.note:
        page.quiet(one.note)
    if one.apart:
        page.line()
        rows = [
            [label(d), side(d, d.members), side(d, d.others), f"{d.effect:+.2f}", f"{d.low:+.2f} to {d.high:+.2f}"]
            for d in one.apart[:APART]
        ]
        headings = [("what sets them apart", False), ("them", True), ("others", True), ("effect", True), ("95 % interval", True)]
        page.table(headings, rows, wide=headings[0][0])
        more = len(one.apart) - len(rows)
        also = f"; {counted(more, 'more difference holds', 'more differences hold')}" if more else ""
        page.quiet(f"clear also among {counted(one.compared, 'comparison')}{also}")
    if one.likings:
        page.line()
        rows = [[f"{li.column}: {li.value}", f"{100 * li.inside:.0f} %", f"{100 * li.outside:.0f} %"] for li in one.likings]
        page.table([("of what they buy", False), ("them", True), ("others", True)], rows, wide="of what they buy")
    told = [*facts(one), *journey(one, day_of=lambda at: day(at, zone))]
    if told:
        page.line()
        page.facts(told)
    came = steps(one)
    if came:
        page.line()
        page.line("How they came:")
        page.listed(came)
    for kind in one.members:
        page.line()
        page.line(f"{kind.what}, the medians of ten customers" + (f": {', '.join(kind.ids)}" if kind.ids else ""))
        page.facts(
            [
                (name.replace("_", " "), f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}")
                for name, value in kind.values.items()
            ]
        )
    for strategy in one.strategies:
        page.line()
        page.line(f"What to do: {strategy.play.name}")
        play = strategy.play
        rows_ = [("because", because(strategy, one.currency)), ("say", play.message), ("offer", play.offer)]
        rows_ += [("where", play.channel), ("watch", play.metric)]
        page.facts([(name, text) for name, text in rows_ if text])


def _playbook(folder: Path) -> None:
    from coterie.profiles.personas.figures import FIGURES
    from coterie.workspace.playbook import text_of

    text, file = text_of(folder)
    typer.echo(f"# {file}, over these figures of a group (and others_… of everybody else):")
    width = max(len(name) for name in FIGURES)
    for name, meaning in FIGURES.items():
        typer.echo(f"#   {name:<{width}}  {meaning.about}")
    typer.echo(f"\n{text}", nl=False)


def add(app: typer.Typer) -> None:
    app.command()(persona)
