"""Commands about webhooks: where changes of membership are sent."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from coterie.cli.shared import HERE, Dir, Json, print_json

if TYPE_CHECKING:
    from coterie.live.desk import Desk

app = typer.Typer(no_args_is_help=True, help="Where changes go: add, list, test, rotate, enable, remove.")
Id = Annotated[str, typer.Argument(help="The id, as `coterie webhooks list` shows it.")]


@contextmanager
def desk_of(directory: Dir) -> Iterator["Desk"]:
    from coterie.live.desk import Desk
    from coterie.workspace.run import utc_now
    from coterie.workspace.serving import place_of

    with Desk(place_of(directory, new=True), utc_now) as desk:
        yield desk


@app.command("list")
def listed(directory: Dir = HERE, json: Json = False) -> None:
    """The webhooks, and how they stand."""
    from coterie.cli.page import Page
    from coterie.live.webhooks import endpoints

    with desk_of(directory) as desk:
        found = endpoints(desk)
    if json:
        keys = ("id", "url", "names", "disabled", "waiting", "sent", "lost", "said")
        print_json([{key: getattr(e, key) for key in keys} for e in found])
        return
    page = Page()
    if not found:
        page.line("Changes are sent nowhere; `coterie webhooks add URL` begins it.")
        return
    rows = [
        [
            e.id,
            e.url,
            ", ".join(e.names) or "all",
            f"{e.waiting:,}",
            f"{e.sent:,}",
            f"disabled: {e.disabled}" if e.disabled else e.said,
        ]
        for e in found
    ]
    columns = [("id", False), ("url", False), ("segments", False), ("waiting", True), ("sent", True), ("last", False)]
    page.table(columns, rows, wide="last", cut=False)


@app.command("add")
def added(
    url: Annotated[str, typer.Argument(help="Where to, by https.")],
    segment: Annotated[list[str] | None, typer.Option("--segment", help="Only of this segment; may be repeated.")] = None,
    directory: Dir = HERE,
) -> None:
    """Send who enters and leaves to a URL, from now on.

    What is sent is signed by the scheme of Standard Webhooks; the secret that a receiver needs to verify it is shown this once.
    """
    from coterie.live import webhooks
    from coterie.live.changes import newest
    from coterie.live.log import FILE, Reader
    from coterie.workspace.serving import place_of
    from coterie.workspace.settings import Settings

    place = place_of(directory, new=True)
    after = 0
    if (place / FILE).exists():
        with Reader(place) as reader:
            after = newest(reader.connection)
    with desk_of(directory) as desk:
        found, secret = webhooks.add(desk, url, segment or (), after, os.urandom, Settings.from_environment().inside)
        desk.note("command line", "webhooks add", f"{found.id} {url}")
    typer.echo(f"{found.id} is told from now on. Its secret, shown this once: {secret}")


@app.command("remove")
def removed(id: Id, directory: Dir = HERE) -> None:
    """Send nothing there any more, and forget what waits."""
    from coterie.live import webhooks

    with desk_of(directory) as desk:
        webhooks.remove(desk, id)
        desk.note("command line", "webhooks remove", id)
    typer.echo(f"{id} is told nothing more.")


@app.command("rotate")
def rotated(id: Id, directory: Dir = HERE) -> None:
    """Give it another secret; for a day messages are signed with both."""
    from coterie.live import webhooks

    with desk_of(directory) as desk:
        secret = webhooks.rotate(desk, id, os.urandom)
        desk.note("command line", "webhooks rotate", id)
    typer.echo(f"The new secret of {id}, shown this once: {secret}")
    typer.echo("For a day messages are signed with the one before, too.")


@app.command("enable")
def enabled(id: Id, directory: Dir = HERE) -> None:
    """Send again to one that was disabled, from where it stopped."""
    from coterie.live import webhooks

    with desk_of(directory) as desk:
        webhooks.enable(desk, id)
        desk.note("command line", "webhooks enable", id)
    typer.echo(f"{id} is told again, from where it stopped.")


@app.command("test")
def tried(id: Id, directory: Dir = HERE) -> int:
    """Send a message that says that it is a test."""
    from coterie.core.errors import DeliveryError
    from coterie.live import webhooks
    from coterie.live.egress import Egress
    from coterie.workspace.settings import Settings

    with desk_of(directory) as desk:
        try:
            said = webhooks.try_out(desk, id, Egress(Settings.from_environment().inside), os.urandom)
        except DeliveryError as error:
            typer.echo(f"It was not delivered: {error.message}")
            return 1
    fine = 200 <= said.status < 300
    typer.echo(f"It was {'delivered' if fine else 'refused'}: the receiver answered {said.status}.")
    return 0 if fine else 1


def add(root: typer.Typer) -> None:
    root.add_typer(app, name="webhooks")
