"""Commands about webhooks that are taken: of shops, payments and surveys."""

import os
import sys
from typing import TYPE_CHECKING, Annotated, cast

import typer

from coterie.cli.shared import HERE, Dir, Json, print_json
from coterie.cli.webhooks import desk_of

if TYPE_CHECKING:
    from coterie.live.hooks.given import By

app = typer.Typer(no_args_is_help=True, help="Webhooks that are taken: add, list, remove.")
Id = Annotated[str, typer.Argument(help="The id, as `coterie hooks list` shows it.")]


@app.command("list")
def listed(directory: Dir = HERE, json: Json = False) -> None:
    """The webhooks that are taken, without their secrets."""
    from coterie.cli.page import Page
    from coterie.live.hooks.given import hooks

    with desk_of(directory) as desk:
        found = hooks(desk)
    if json:
        print_json([{"id": h.id, "vendor": h.vendor, "source": h.name, "by": h.by, "made": h.made.isoformat()} for h in found])
        return
    page = Page()
    if not found:
        page.line("No webhooks are taken; `coterie hooks add shopify` begins it.")
        return
    rows = [[h.id, f"/v1/hooks/{h.vendor}", h.name, h.by, f"{h.made:%Y-%m-%d}"] for h in found]
    page.table([("id", False), ("path", False), ("source", False), ("customers by", False), ("made", False)], rows, cut=False)


@app.command("add")
def added(
    vendor: Annotated[str, typer.Argument(help="shopify, stripe or typeform.")],
    secret_env: Annotated[str, typer.Option("--secret-env", help="The variable that holds the secret.")] = "",
    name: Annotated[str, typer.Option("--name", help="The source of what comes; the vendor's name, if none.")] = "",
    by: Annotated[str, typer.Option("--by", help="What customers go by: id or email.")] = "id",
    directory: Dir = HERE,
) -> None:
    """Take a vendor's webhooks that are signed with a secret.

    The secret is read from the standard input, or from an environment variable, and kept beside the log in a file that its owner
    alone can read. A service that runs takes them within a second.
    """
    from coterie.live.hooks import given
    from coterie.live.hooks.signatures import VENDORS

    if vendor not in VENDORS:
        raise typer.BadParameter(f"webhooks come from {', '.join(VENDORS[:-1])} or {VENDORS[-1]}")
    if by not in ("id", "email"):
        raise typer.BadParameter("customers go by id or by email")
    if secret_env:
        secret = os.environ.get(secret_env, "")
    elif sys.stdin.isatty():
        secret = typer.prompt(f"The secret of {vendor}", hide_input=True)
    else:
        secret = sys.stdin.readline()
    with desk_of(directory) as desk:
        hook = given.add(desk, vendor, secret, os.urandom, name, cast("By", by))
        desk.note("command line", "hooks add", f"{hook.id} {vendor}")
    typer.echo(f"{hook.id} is taken from now on, at /v1/hooks/{vendor}.")


@app.command("remove")
def removed(id: Id, directory: Dir = HERE) -> None:
    """Take no more of what is signed with its secret."""
    from coterie.live.hooks import given

    with desk_of(directory) as desk:
        given.remove(desk, id)
        desk.note("command line", "hooks remove", id)
    typer.echo(f"{id} is taken no more.")


def add(root: typer.Typer) -> None:
    root.add_typer(app, name="hooks")
