"""What applying some events comes to, worked out beside the thread that writes: it goes on accepting, and writes down what came out
when it is there.

Nothing is written here. What is read is what was committed, which is everything up to these events.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from queue import SimpleQueue
from time import perf_counter
from typing import Any, Protocol, runtime_checkable

from coterie.live.log import Logged, Reader, Transaction

Finish = Callable[[Transaction], None]


class NotAhead(Exception):
    """It takes a transaction of its own."""


class Recorder:
    """A transaction that reads what was committed and keeps what is to be written for later."""

    def __init__(self, reader: Reader):
        self.reader = reader
        self.writes: list[tuple[str, list[Any]]] = []

    def execute(self, sql: str, bindings: Any = ()) -> Iterable[tuple[Any, ...]]:
        if sql.startswith("SELECT"):
            return self.reader.connection.execute(sql, bindings)
        if not sql.startswith("INSERT") or "live_id" in sql:
            raise NotAhead  # what follows would read it
        if not self.writes or self.writes[-1][0] != sql:
            self.writes.append((sql, []))
        self.writes[-1][1].append(bindings)
        return ()

    def executemany(self, sql: str, rows: Iterable[Any]) -> None:
        for bindings in rows:
            self.execute(sql, bindings)

    def read(self, after: int, limit: int) -> Sequence[Logged]:
        return self.reader.read(after, limit)


@runtime_checkable
class Foresees(Protocol):
    """An applier that can work ahead."""

    def ahead(self, tx: Recorder, events: Sequence[Logged], now: datetime) -> Finish | None:
        """What is to be written goes to `tx`; what is left to do in the transaction that writes it is returned. None where the
        events are to be applied in a transaction.

        Raises:
            NotAhead: the same.
        """


class Ahead:
    """Works ahead on a thread of its own, on some events at a time.

    Args:
        folder: of the log.
        done: called when something came out.
    """

    def __init__(self, applier: Foresees, folder: Path, done: Callable[[], None]):
        self.applier, self.folder, self.done = applier, folder, done
        self.events: Sequence[Logged] = ()
        """What is worked on; empty where nothing is."""
        self.found: tuple[Recorder, Finish] | None = None
        self.ready = False
        self.seconds = 0.0
        self._queue: SimpleQueue[tuple[Sequence[Logged], datetime] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="coterie-ahead", daemon=True)

    def begin(self, events: Sequence[Logged], now: datetime) -> None:
        if self._thread.ident is None:
            self._thread.start()
        self.events, self.ready, self.found = events, False, None
        self._queue.put((events, now))

    def take(self) -> tuple[Sequence[Logged], tuple[Recorder, Finish] | None]:
        """The events that were worked on, and what came out: None where they are to be applied in a transaction."""
        events, found = self.events, self.found
        self.events, self.ready, self.found = (), False, None
        return events, found

    def stop(self) -> None:
        if self._thread.ident is not None:
            self._queue.put(None)
            self._thread.join()

    def _work(self) -> None:
        reader: Reader | None = None
        while (asked := self._queue.get()) is not None:
            began = perf_counter()
            try:
                reader = reader or Reader(self.folder)
                tx = Recorder(reader)
                finish = self.applier.ahead(tx, *asked)
                self.found = None if finish is None else (tx, finish)
            except Exception:
                self.found = None  # applied in a transaction it shows again what it was
            self.seconds = perf_counter() - began
            self.ready = True
            self.done()
        if reader is not None:
            reader.close()
