"""Commands of the service: serve, and verify, backup, restore of the events that it keeps."""

import os
from pathlib import Path
from typing import Annotated

import typer

from coterie.cli.shared import HERE, Dir, then

Host = Annotated[str, typer.Option("--host", help="The address to listen on.")]
Port = Annotated[int, typer.Option("--port", help="The port; 0 takes a free one.", min=0, max=65535)]
Proxied = Annotated[bool, typer.Option("--behind-proxy", help="A proxy in front speaks TLS.")]
Certificate = Annotated[Path | None, typer.Option("--tls-cert", help="The certificate, as PEM.", exists=True)]
Secret = Annotated[Path | None, typer.Option("--tls-key", help="Its private key, as PEM.", exists=True)]
Nights = Annotated[bool, typer.Option("--nightly/--no-nightly", help="Run when a day has begun.")]
Watching = Annotated[bool, typer.Option("--watch/--no-watch", help="Run when the project file has changed.")]
MANY = 30
"""How many of several findings are printed."""
Network = Annotated[bool, typer.Option("--network-disk", help="The folder may lie on another machine.")]
Loss = Annotated[bool, typer.Option("--accept-loss", help="Go on where events are gone.")]


def serve(
    directory: Dir = HERE,
    host: Host = "127.0.0.1",
    port: Port = 8400,
    behind_proxy: Proxied = False,
    tls_cert: Certificate = None,
    tls_key: Secret = None,
    nightly: Nights = True,
    watch: Watching = True,
    accept_loss: Loss = False,
    network_disk: Network = False,
) -> int:
    """Take events from any client of Segment's protocol; lose none."""
    from coterie.live.desk import Desk
    from coterie.live.egress import Egress
    from coterie.server.app import Parts
    from coterie.server.guard import LOOPBACK
    from coterie.server.run import bound, run
    from coterie.workspace.asking import Asking
    from coterie.workspace.renewing import Renewing
    from coterie.workspace.run import utc_now
    from coterie.workspace.serving import check_address, is_loopback, served
    from coterie.workspace.settings import Settings

    check_address(host, encrypted=tls_cert is not None, proxied=behind_proxy)
    settings = Settings.from_environment()
    with served(directory, accept_loss=accept_loss, network_disk=network_disk) as found, Desk(found.log.folder, utc_now) as desk:
        listening = bound(host, port)
        scheme = "http" if tls_cert is None else "https"
        name = f"[{host}]" if ":" in host else host
        address = f"{scheme}://{name}:{listening.getsockname()[1]}"

        def started() -> None:
            for note in found.notes:
                typer.echo(note, err=True)
            if found.first_key:
                typer.echo(f"A write key was made, and is shown this once: {found.first_key}")
            typer.echo(f"Listening on {address}: {found.log.position:,} events are in the log. Ctrl-C stops.")

        renewing = Renewing(
            found.people.space,
            found.zone,
            utc_now,
            lambda said: typer.echo(said, err=True),
            nightly=nightly,
            watching=watch,
        )
        parts = Parts(
            found.log,
            found.keys,
            utc_now,
            os.urandom,
            found.people,
            asking=Asking(found.people.space, found.people, utc_now),
            hosts=LOOPBACK if is_loopback(host) and not behind_proxy else None,
            proxied=behind_proxy,
            desk=desk,
            egress=Egress(settings.inside),
            renewal=lambda: renewing.renewal,
        )
        renewing.start()
        try:
            return run(parts, listening, proxied=behind_proxy, certificate=tls_cert, secret=tls_key, started=started)
        finally:
            renewing.stop()


def verify(directory: Dir = HERE) -> int:
    """Look whether every event that was kept is as it was written."""
    from coterie.live.verify import verify as verified
    from coterie.workspace.serving import place_of

    found = verified(place_of(directory))
    typer.echo(f"{found.events:,} events were looked at, up to position {found.position:,}; {found.sealed:,} days are sealed.")
    if found.audited:
        typer.echo(f"{found.audited:,} entries say who has changed what.")
    for said in found.lost:
        typer.echo(f"known to be lost: {said}")
    for said in found.wrong[:MANY]:
        typer.echo(said)
    if len(found.wrong) > MANY:
        typer.echo(f"and {len(found.wrong) - MANY:,} more")
    typer.echo("All is as it was written." if not found.wrong else "What is wrong is listed above; a backup brings it back.")
    return 1 if found.wrong else 0


def backup(
    to: Annotated[Path, typer.Argument(help="A new folder.")],
    directory: Dir = HERE,
) -> None:
    """Copy the events into a new folder; serving may go on."""
    from coterie.live.backup import backup as taken
    from coterie.workspace.run import utc_now
    from coterie.workspace.serving import place_of

    found = taken(place_of(directory), to, utc_now())
    size = sum(found.files.values())
    typer.echo(f"{found.folder} holds the events up to position {found.position:,} ({len(found.files)} files, {size:,} bytes).")
    typer.echo("Whoever has it can read every event: keep it as you keep the project.")


def restore(
    source: Annotated[Path, typer.Argument(help="A folder that backup has written.")],
    directory: Dir = HERE,
) -> None:
    """Bring the events of a backup back."""
    from coterie.live.backup import restore as brought
    from coterie.workspace.serving import place_of

    found = brought(source, place_of(directory, new=True))
    typer.echo(f"The events up to position {found.position:,} are back: `{then(directory, 'serve')}`")


def refused(
    directory: Dir = HERE,
    again: Annotated[bool, typer.Option("--again", help="Try them again, while nobody serves.")] = False,
) -> None:
    """Events that could not be taken, each with the reason."""
    from coterie.core.errors import Busy
    from coterie.live.log import Log, Reader
    from coterie.live.replay import replay
    from coterie.workspace.run import utc_now
    from coterie.workspace.serving import place_of

    place = place_of(directory)
    if again:
        try:
            with Log.open(place, utc_now) as log:
                taken = replay(log)
        except Busy as error:
            error.hint = "ask the service instead, with a key that administers: POST /api/v1/quarantine/again"
            raise
        typer.echo(f"{len(taken):,} were taken now.")
    with Reader(place) as reader:
        found = reader.quarantine(MANY + 1)
    for item in found[:MANY]:
        typer.echo(f"{item.number}  {item.received:%Y-%m-%d %H:%M}  {item.source}  {item.said.splitlines()[-1]}")
    typer.echo("and more" if len(found) > MANY else "No event was refused." if not found else f"{len(found)} in all")


def add(app: typer.Typer) -> None:
    for command in (serve, refused, verify, backup, restore):
        app.command()(command)
