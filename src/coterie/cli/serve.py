"""The command that turns a project into a service."""

import os
from pathlib import Path
from typing import Annotated

import typer

from coterie.cli.shared import HERE, Dir

Host = Annotated[str, typer.Option("--host", help="The address to listen on.")]
Port = Annotated[int, typer.Option("--port", help="The port; 0 takes a free one.", min=0, max=65535)]
Proxied = Annotated[bool, typer.Option("--behind-proxy", help="A proxy in front speaks TLS.")]
Certificate = Annotated[Path | None, typer.Option("--tls-cert", help="The certificate, as PEM.", exists=True)]
Secret = Annotated[Path | None, typer.Option("--tls-key", help="Its private key, as PEM.", exists=True)]
Nights = Annotated[bool, typer.Option("--nightly/--no-nightly", help="Run when a day has begun.")]
Loss = Annotated[bool, typer.Option("--accept-loss", help="Go on where events are gone.")]


def serve(
    directory: Dir = HERE,
    host: Host = "127.0.0.1",
    port: Port = 8400,
    behind_proxy: Proxied = False,
    tls_cert: Certificate = None,
    tls_key: Secret = None,
    nightly: Nights = True,
    accept_loss: Loss = False,
) -> int:
    """Take events from any client of Segment's protocol; lose none."""
    from coterie.server.app import Parts
    from coterie.server.run import bound, run
    from coterie.workspace.run import utc_now
    from coterie.workspace.serving import Nightly, check_address, served

    check_address(host, encrypted=tls_cert is not None, proxied=behind_proxy)
    with served(directory, accept_loss=accept_loss) as found:
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

        parts = Parts(found.log, found.keys, utc_now, os.urandom, found.people)
        nights = Nightly(directory, found.zone, utc_now, lambda said: typer.echo(said, err=True))
        if nightly:
            nights.start()
        try:
            return run(parts, listening, proxied=behind_proxy, certificate=tls_cert, secret=tls_key, started=started)
        finally:
            nights.stop()


def add(app: typer.Typer) -> None:
    app.command()(serve)
