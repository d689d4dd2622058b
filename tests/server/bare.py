"""A service of a log's folder alone, for tests: it can die at a named point, and be broken on purpose.

python -m tests.server.bare --dir FOLDER [--point NAME --after N] [--broken no-fsync|memory-ids|ack-first|apply-first|disk]
    [--apply | --project]

With `--project` the folder is a project's, and its own segments follow the events.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apsw

from coterie.core.errors import Busy, CoterieError
from coterie.live.keys import Keys
from coterie.live.log import Applier, Damaged, Log, Logged, Transaction
from coterie.live.writer import Limits, Writer
from coterie.server.app import Parts
from coterie.server.run import bound, run


def clock() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


class Counting:
    """Counts the events of each customer, and adds up what they brought: what a recomputation from the log must find too."""

    tables = ("CREATE TABLE IF NOT EXISTS counting (customer TEXT PRIMARY KEY, events INTEGER, total INTEGER) STRICT",)

    def apply(self, tx: Transaction, events: Sequence[Logged], now: datetime) -> None:
        for event in events:
            if event.message.properties.get("poison"):
                raise ValueError("poison")
            tx.execute(
                "INSERT INTO counting VALUES (?, 1, ?) "
                "ON CONFLICT DO UPDATE SET events = events + 1, total = total + excluded.total",
                (event.message.user, event.message.properties.get("revenue", 0)),
            )

    def due(self) -> datetime | None:
        return None

    def tick(self, tx: Transaction, now: datetime) -> None:
        pass


def dying(point: str, after: int) -> Callable[[str], None]:
    """Ends the process as a power cut would, when a point is passed for the n-th time."""
    left = [after]

    def at(name: str) -> None:
        if name == point:
            left[0] -= 1
            if left[0] <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return at


def break_on_purpose(log: Log, how: str) -> None:
    """What a test must find out."""
    if how == "no-fsync":
        log.connection.execute("PRAGMA synchronous=OFF").fetchall()
    elif how == "disk":
        left = [5]

        def fails(name: str) -> None:
            if name == "before_commit":
                left[0] -= 1
                if left[0] < 0:
                    raise apsw.IOError("as planned")

        log.at = fails
    elif how == "memory-ids":
        seen: dict[tuple[str, str], tuple[int, Any]] = {}
        insert = log._insert

        def forgetful(offers: Any, pending: Any, followed: bool) -> Any:
            log.connection.execute("DELETE FROM ids")
            out = insert(offers, pending, followed)
            for offer in offers:
                seen.update({key: (pending.position, m) for key, m in zip(offer.keys, offer.messages, strict=True)})
            return out

        log._known = lambda keys: {key: seen[key] for key in keys if key in seen}  # type: ignore[method-assign]
        log._insert = forgetful  # type: ignore[method-assign]
    elif how == "ack-first":
        accept = Writer._accept

        def hasty(self: Writer, group: Any) -> None:
            deliver = self._deliver
            from coterie.live.log import Receipt

            deliver([(done, [Receipt("stored", 1) for _ in offer.messages]) for offer, done in group])
            self._deliver = lambda answers: None
            try:
                accept(self, group)
            finally:
                self._deliver = deliver

        Writer._accept = hasty  # type: ignore[method-assign]
    elif how == "apply-first":
        take = Writer._accept

        def eager(self: Writer, group: Any) -> None:
            rows = {key: m for offer, _ in group for key, m in zip(offer.keys, offer.messages, strict=True)}
            known = log._known(list(rows))
            new = [Logged(0, key[0], message) for key, message in rows.items() if key not in known]
            with log.applying(log.applied) as tx:
                if self.applier is not None:
                    self.applier.apply(tx, new, clock())
            take(self, group)

        def nothing_left(self: Writer, applier: Applier) -> None:
            with log.applying(log.position):
                pass

        Writer._accept, Writer._apply = eager, nothing_left  # type: ignore[method-assign]


@contextmanager
def opened(said: argparse.Namespace) -> Iterator[tuple[Log, Keys, Applier | None]]:
    """The log of a folder, or of the project in it."""
    if said.project:
        from coterie.workspace.serving import served  # takes longer than everything else here

        with served(said.dir) as found:
            yield found.log, found.keys, found.people
        return
    applier: Applier | None = Counting() if said.apply else None
    tables = Counting.tables if said.apply else ()
    with Log.open(said.dir, clock, tables=tables, accept_loss=said.accept_loss) as log:
        yield log, Keys(said.dir), applier


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--point", default="")
    parser.add_argument("--after", type=int, default=1)
    parser.add_argument("--broken", default="")
    parser.add_argument("--apply", action="store_true")
    parser.add_argument("--project", action="store_true")
    parser.add_argument("--room", type=int, default=0)
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--patience", type=float, default=30)
    parser.add_argument("--accept-loss", action="store_true")
    said = parser.parse_args()
    try:
        with opened(said) as (log, keys, applier):
            log.at = dying(said.point, said.after)
            break_on_purpose(log, said.broken)
            listening = bound("127.0.0.1", 0)
            limits = Limits(room=said.room, requests=said.requests)
            parts = Parts(log, keys, clock, os.urandom, applier, limits)
            port = listening.getsockname()[1]
            said_so = f"Listening on http://127.0.0.1:{port}"
            return run(parts, listening, started=lambda: print(said_so, flush=True), patience=said.patience)
    except CoterieError as error:
        print(error, flush=True)
        return 3 if isinstance(error, Damaged) else 75 if isinstance(error, Busy) else 1


if __name__ == "__main__":
    sys.exit(main())
