"""Commands about keys: who may send events, ask, change, administer."""

import os
from typing import TYPE_CHECKING, Annotated, cast

import typer

from coterie.cli.shared import HERE, Dir, Json, print_json

if TYPE_CHECKING:
    from coterie.live.keys import Scope

SCOPES = ("ingest", "read", "write", "admin")
app = typer.Typer(no_args_is_help=True, help="Keys of the service: list, add, remove.")


@app.command("list")
def listed(directory: Dir = HERE, json: Json = False) -> None:
    """The keys, without their secrets."""
    from coterie.cli.page import Page
    from coterie.workspace.serving import keys_of

    found = sorted(keys_of(directory).all.values(), key=lambda key: key.made)
    if json:
        print_json([{"id": k.id, "scope": k.scope, "name": k.name, "made": k.made.isoformat() + "Z"} for k in found])
        return
    page = Page()
    if not found:
        page.line("There are no keys; `coterie keys add read` makes one.")
        return
    rows = [[k.id, k.scope, k.name, f"{k.made:%Y-%m-%d %H:%M}"] for k in found]
    page.table([("id", False), ("may", False), ("name", False), ("made (UTC)", False)], rows)


@app.command("add")
def added(
    scope: Annotated[str, typer.Argument(help="ingest, read, write or admin.")],
    name: Annotated[str, typer.Argument(help="For people; of an ingest key: the source.")] = "",
    directory: Dir = HERE,
) -> None:
    """Make a key. It is shown once; kept is its hash.

    An ingest key sends events, and can do nothing else. A read key asks; a write key also says where changes go; an admin key
    does everything.
    """
    from coterie.live.desk import Desk
    from coterie.workspace.run import utc_now
    from coterie.workspace.serving import keys_of, place_of

    if scope not in SCOPES:
        raise typer.BadParameter(f"a key is for {', '.join(SCOPES[:-1])} or {SCOPES[-1]}")
    text = keys_of(directory).make(cast("Scope", scope), name or scope, utc_now(), os.urandom)
    with Desk(place_of(directory, new=True), utc_now) as desk:
        desk.note("command line", "keys add", f"{text.split('_')[2]} ({scope})")
    typer.echo(text)
    typer.echo("Keep it: it is shown this once.", err=True)


@app.command("remove")
def removed(id: Annotated[str, typer.Argument(help="The id, as `coterie keys list` shows it.")], directory: Dir = HERE) -> None:
    """Take a key back. A service that runs refuses it within a second."""
    from coterie.core.errors import UnknownName, did_you_mean
    from coterie.live.desk import Desk
    from coterie.workspace.run import utc_now
    from coterie.workspace.serving import keys_of, place_of

    keys = keys_of(directory)
    if not keys.remove(id):
        raise UnknownName(f"there is no key {id!r}", hint=did_you_mean(id, keys.all, "Keys are"))
    with Desk(place_of(directory, new=True), utc_now) as desk:
        desk.note("command line", "keys remove", id)
    typer.echo(f"{id} counts no longer.")


def add(root: typer.Typer) -> None:
    root.add_typer(app, name="keys")
