"""What `coterie serve` needs of a project: the log of its events, the keys, and the rules about addresses."""

import ipaddress
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from coterie.core.errors import CoterieError, DefinitionError
from coterie.live.keys import Keys
from coterie.live.log import Log
from coterie.workspace.project import load
from coterie.workspace.run import utc_now

LIVE = Path(".coterie") / "record" / "live"
"""Where the log of a project's events lies, from the project's folder on."""
FIRST = "default"
"""The name of the first ingest key, and of the source of what comes with it."""


@dataclass(frozen=True, slots=True)
class Served:
    """A project's log and keys, held by this process.

    Attributes:
        first_key: the ingest key that was made now, because there was none; shown once.
        notes: what was found, in plain words.
    """

    log: Log
    keys: Keys
    first_key: str | None
    notes: tuple[str, ...]


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_address(host: str, *, encrypted: bool, proxied: bool) -> None:
    """Refuse to speak plainly where others listen.

    Raises:
        CoterieError: the address is not this machine's own, and neither TLS nor a proxy is named.
    """
    if is_loopback(host) or encrypted or proxied:
        return
    raise CoterieError(
        f"{host} can be reached from other machines, and keys and events would cross the network unencrypted",
        code="E661",
        hint="give --tls-cert and --tls-key, or say --behind-proxy where a proxy in front speaks TLS",
    )


@contextmanager
def served(folder: Path, *, accept_loss: bool = False) -> Iterator[Served]:
    """The log and keys of the project in a folder, let go of at the end.

    A project file that cannot be read stops nothing: events are taken whatever it says.

    Raises:
        Busy: another process serves it.
        StoreError: the log cannot be used, or acknowledged events are gone.
    """
    notes: list[str] = []
    root = folder.parent if folder.is_file() else folder
    zone: ZoneInfo | None = None
    try:
        zone = ZoneInfo(load(folder).timezone)
    except DefinitionError as error:
        if error.code == "E180":  # not a project's folder
            raise
        notes.append(f"the project cannot be read, so that events are kept and nothing follows from them: {error}")
    place = root / LIVE
    with Log.open(place, utc_now, zone=zone, accept_loss=accept_loss) as log:
        keys = Keys(place)
        first = None
        if not any(key.scope == "ingest" for key in keys.all.values()):
            first = keys.make("ingest", FIRST, utc_now(), os.urandom)
        yield Served(log, keys, first, (*notes, *log.notes))
