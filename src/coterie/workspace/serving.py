"""What `coterie serve` needs of a project: the log of its events, the keys, and the rules about addresses."""

import ipaddress
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Lock, Thread
from zoneinfo import ZoneInfo

from coterie.core.errors import CoterieError, DefinitionError, StoreError
from coterie.live.ahead import Finish, Recorder
from coterie.live.keys import Keys
from coterie.live.log import Log, Logged, Transaction
from coterie.live.people import People, hear
from coterie.live.reserve import kept, released
from coterie.live.volume import check_local
from coterie.workspace.living import Living, moved
from coterie.workspace.living import people as people_of
from coterie.workspace.messages import LOG
from coterie.workspace.project import FILE, load
from coterie.workspace.results import Results
from coterie.workspace.run import utc_now
from coterie.workspace.store import Generation
from coterie.workspace.workspace import Workspace
from coterie.workspace.workspace import open as open_

LIVE = Path(".coterie") / "record" / LOG
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
    people: "Following"
    zone: str


class Following:
    """Customers on the newest results: when a run has published others, these are taken instead, between two events.

    One writer calls `apply` and `tick`; `asked` may be called from any thread.
    """

    tables = People.tables

    def __init__(self, space: Workspace, log: Log):
        self.space, self.log = space, log
        self.held = Lock()
        self.living: Living | None = None
        self.people: People | None = None
        self.coming: Living | None = None
        self.making: Thread | None = None
        self.look = datetime.min

    def prepare(self) -> None:
        """Get ready what the newest results have of everybody, so that the first message finds it."""
        newest = self.newest()
        if newest is not None:
            self._make(newest)

    def newest(self) -> Generation | None:
        """The newest results; None where nothing has been run yet."""
        try:
            return self.space.store.current()
        except StoreError:
            return None

    def _make(self, newest: Generation) -> None:
        living = Living(Results(newest, self.space.store.cache, settings=self.space.settings))
        living.held, living.crowd  # noqa: B018 (made now, in whatever thread this is)
        self.coming = living

    def apply(self, tx: Transaction, events: Sequence[Logged], now: datetime) -> None:
        with self.held:
            self._follow(tx, now)
            if self.people is not None:
                self.people.apply(tx, events, now)
            else:
                for _ in hear(tx, events):
                    pass  # nothing has been run yet

    def ahead(self, tx: Recorder, events: Sequence[Logged], now: datetime) -> Finish | None:
        """Work out what events come to, beside the writer; None where they are to be applied as they come."""
        people = self.people
        if self.coming is not None or people is None:
            return None
        finish = people.ahead(tx, events, now)
        if finish is None:
            return None

        def finished(written: Transaction) -> None:
            with self.held:
                finish(written)

        return finished

    def due(self) -> datetime | None:
        self.look = min(self.look, self.log.clock() + LOOK)  # the clock may have gone back
        due = None if self.people is None else self.people.due()
        return self.look if due is None else min(self.look, due)

    def tick(self, tx: Transaction, now: datetime) -> None:
        with self.held:
            self._follow(tx, now)
            due = None if self.people is None else self.people.due()
            if self.people is not None and due is not None and due <= now:
                self.people.tick(tx, now)

    def _follow(self, tx: Transaction, now: datetime) -> None:
        """Stand on the newest results as soon as they are ready; they are made ready beside the work."""
        if self.coming is not None:
            self._stand_on(tx, now, self.coming)
            self.coming = None
        if now < self.look or (self.making is not None and self.making.is_alive()):
            return
        self.look = now + LOOK
        newest = self.newest()
        if newest is not None and (self.living is None or self.living.results.generation.number != newest.number):
            self.making = Thread(target=self._make, args=(newest,), name="coterie-results", daemon=True)
            self.making.start()

    def _stand_on(self, tx: Transaction, now: datetime, living: Living) -> None:
        before = self.living or self._stood_on(tx)
        people = people_of(living, self.log)
        people.open(tx, now, None if before is None else partial(moved, before, living))
        if before is not None:
            before.results.close()
        self.living, self.people = living, people

    def _stood_on(self, tx: Transaction) -> Living | None:
        """The results that the last server stood on, where they are still there."""
        for (name,) in tx.execute("SELECT results FROM live_results"):
            for generation in self.space.store.generations():
                if str(generation.number) == str(name).split()[0] and generation.path.exists():
                    return Living(Results(generation, self.space.store.cache, settings=self.space.settings))
        return None


LOOK = timedelta(seconds=1)
"""After so long newer results are looked for."""


def keys_of(folder: Path) -> Keys:
    """The keys of a project's service."""
    return Keys(place_of(folder, new=True))


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


def place_of(folder: Path, *, new: bool = False) -> Path:
    """Where a project's events lie.

    Raises:
        DefinitionError: there is no project (`new`: no events are needed yet).
    """
    root = folder.parent if folder.is_file() else folder
    place = root / LIVE
    if not new and not place.exists():
        raise StoreError(f"no events were kept in {root} yet", code="E654", hint="coterie serve takes them")
    if new and not (root / FILE).exists():
        raise DefinitionError(f"there is no project file {FILE} in {root}", code="E180", hint="name the folder: --dir")
    return place


@contextmanager
def served(folder: Path, *, accept_loss: bool = False, network_disk: bool = False) -> Iterator[Served]:
    """The log and keys of the project in a folder, let go of at the end.

    A project file that cannot be read stops nothing: events are taken whatever it says.

    Args:
        accept_loss: go on where acknowledged events are gone; `network_disk`: where they lie on another machine's disk.

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
    check_local(root, allowed=network_disk)
    if released(place):
        notes.append("the disk is full: questions are answered, events are refused until there is room")
    with Log.open(place, utc_now, zone=zone, accept_loss=accept_loss, tables=Following.tables) as log:
        kept(place)
        keys = Keys(place)
        first = None
        if not any(key.scope == "ingest" for key in keys.all.values()):
            first = keys.make("ingest", FIRST, utc_now(), os.urandom)
        people = Following(open_(folder), log)
        if not people.space.store.pointer.is_file():
            notes.append("nothing has been run yet: events are kept, and segments follow them from the first `coterie run` on")
        people.prepare()
        yield Served(log, keys, first, (*notes, *log.notes), people, "UTC" if zone is None else zone.key)
