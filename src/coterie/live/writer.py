"""The one thread that writes: requests wait for it in a bounded queue, go into the log many at a time, and are answered when
what they brought is on the disk. In between it applies what was accepted, in order.

The first error of the disk that leaves open what was written ends it: nothing more is acknowledged, and a new start reads what
is there. A full disk is waited out.
"""

import contextlib
import shutil
import threading
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from time import monotonic, perf_counter
from typing import Literal

import apsw

from coterie.core.errors import StoreError
from coterie.live.ahead import Ahead, Foresees
from coterie.live.log import Applier, Log, Logged, Offer, Receipt
from coterie.live.message import Message, Refused

Answer = list[Receipt] | StoreError
Done = Callable[[Answer], None]
"""Called once, on the writer's thread (or by what `deliver` makes of it), with what became of an offer."""
Deliver = Callable[[Sequence[tuple[Done, Answer]]], None]
TOGETHER = 250
"""Events of one transaction that could not be worked on beforehand."""
PAUSE = 0.2
"""Seconds after which it is tried again to apply on a disk that was full."""
GIVEN_UP = 3
"""How often an event is tried before it goes into quarantine."""


class Overloaded(StoreError):
    """More comes than can be written: nothing was taken, and the client is to come again after `retry_after` seconds.

    `reason` is `queue`, `disk` or `stopped`.
    """

    default_code = "E656"

    def __init__(self, message: str, reason: Literal["queue", "disk", "stopped"], retry_after: int):
        super().__init__(message)
        self.reason = reason
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Limits:
    """How much waits, and how much is done at once.

    Attributes:
        requests, size: what may wait in the queue: requests, and bytes of their messages.
        group: messages of one transaction.
        slice: seconds that applying takes at a time, so that acknowledgements do not wait for it.
        many, most: from so many waiting events on, and up to so many at once, they are worked on beside the writer.
        pause: seconds from one beginning of that to the next, in which events gather.
        lag: seconds of work that may wait to be applied before clients are told to come again; `least`: events that always may.
        tail: events that are kept in memory until they are applied.
        room: bytes that must be free on the disk.
        wal: bytes of the write-ahead file from which on it is brought into the database.
    """

    requests: int = 4000
    size: int = 64_000_000
    group: int = 4000
    slice: float = 0.02
    many: int = 64
    most: int = 4000
    pause: float = 0.2
    lag: float = 6.0
    least: int = 10_000
    tail: int = 50_000
    room: int = 256_000_000
    wal: int = 32_000_000


@dataclass(frozen=True, slots=True)
class Standing:
    """How the writer stands.

    Attributes:
        position, applied: of the log.
        waiting: requests in the queue.
        stored, duplicates, conflicts, quarantined: items since the start.
        failed: why it ended; empty while it works.
        full: whether the disk has no room.
        written: monotonic seconds of the last transaction that was forced to the disk, `probe` included.
        sustains: events a second that can be applied, by what the last ones took; 0 where none were.
    """

    position: int
    applied: int
    waiting: int
    stored: int
    duplicates: int
    conflicts: int
    quarantined: int
    failed: str
    full: bool
    written: float
    sustains: float = 0.0


class Writer:
    """Writes a log. `start` begins its thread, `stop` ends it after everything that waits was written."""

    def __init__(self, log: Log, applier: Applier | None = None, *, limits: Limits | None = None, deliver: Deliver | None = None):
        self.log = log
        self.applier = applier
        self.limits = limits or Limits()
        self.failed = ""
        self._deliver = deliver or _tell
        self._queue: deque[tuple[Offer, Done]] = deque()
        self._jobs: deque[Callable[[Log], None]] = deque()
        self._size = 0
        self._wake = threading.Condition()
        self._stopping = False
        self._tail: deque[Logged] = deque()
        self._counts = {"stored": 0, "duplicate": 0, "conflict": 0, "quarantined": 0}
        self._full = False
        self._written = monotonic()
        self._looked = 0.0
        self._rest = 0.0
        self._probe = False
        self._alone_until = 0 if log.clean else log.position
        self._chunk = 64
        foresees: object = applier
        self._ahead = Ahead(foresees, log.folder, self._nudge) if isinstance(foresees, Foresees) else None
        self._begin = 0.0
        self._waited = log.position - log.applied
        self._took = deque[tuple[int, float]](maxlen=50)
        self._thread = threading.Thread(target=self._work, name="coterie-writer", daemon=True)

    # From any thread

    def deliver_with(self, deliver: Deliver) -> None:
        """How answers are given from now on: all of a transaction at once."""
        self._deliver = deliver

    def start(self) -> None:
        self._thread.start()

    def offer(self, offer: Offer, done: Done) -> None:
        """Let something be written; `done` is called when it is on the disk, or when it cannot be.

        Raises:
            Overloaded: nothing was taken.
        """
        with self._wake:
            self._refuse()
            if self._too_far_behind():
                raise Overloaded("more events come than can be applied: come again in a second", "queue", 1)
            if len(self._queue) >= self.limits.requests or (self._queue and self._size + offer.size > self.limits.size):
                raise Overloaded("more events come than can be written: come again in a second", "queue", 1)
            self._queue.append((offer, done))
            self._size += offer.size
            if len(self._queue) == 1:
                self._wake.notify()

    def _too_far_behind(self) -> bool:
        """Whether what is applied is behind what is accepted by more than some seconds can make good; what waited when this began
        does not count."""
        if self.applier is None:
            return False
        behind = self.log.position - self.log.applied
        self._waited = min(self._waited, behind)
        return behind - self._waited > self.limits.least and behind - self._waited > self.limits.lag * self._sustains()

    def _refuse(self) -> None:
        if self.failed or self._stopping:
            raise Overloaded(self.failed or "the server is stopping", "stopped", 5)
        if self._full:
            raise Overloaded("the disk has no room for more events", "disk", 30)

    def accept(self, source: str, messages: Sequence[Message], refused: Sequence[Refused] = ()) -> list[Receipt]:
        """The same, waiting for the answer.

        Raises:
            Overloaded, StoreError: nothing was acknowledged.
        """
        answered = threading.Event()
        answers: list[Answer] = []

        def done(answer: Answer) -> None:
            answers.append(answer)
            answered.set()

        self.offer(Offer.of(source, messages, refused), done)
        answered.wait()
        if isinstance(answers[0], StoreError):
            raise answers[0]
        return answers[0]

    def probe(self) -> None:
        """Ask for a transaction that is forced to the disk though there is nothing to write: whether that works is what
        readiness means."""
        with self._wake:
            self._probe = True
            self._wake.notify()

    def post(self, job: Callable[[Log], None]) -> None:
        """Let the writer do something with its log, in between: `log.keep_sealed`, for one. An error of it ends the writer."""
        with self._wake:
            self._jobs.append(job)
            self._wake.notify()

    def standing(self) -> Standing:
        n = self._counts
        return Standing(
            self.log.position,
            self.log.applied,
            len(self._queue),
            n["stored"],
            n["duplicate"],
            n["conflict"],
            n["quarantined"],
            self.failed,
            self._full,
            self._written,
            self._sustains(),
        )

    def _sustains(self) -> float:
        took = list(self._took)
        seconds = sum(s for _, s in took)
        return sum(n for n, _ in took) / seconds if seconds else 0.0

    def _nudge(self) -> None:
        """Something came out that is to be written."""
        with self._wake:
            self._wake.notify()

    def stop(self, timeout: float | None = 30) -> bool:
        """Take nothing more, write what waits, and end. Whether it ended within the time."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    # On the writer's thread

    def _work(self) -> None:
        try:
            while self._step():
                pass
        except Exception as error:
            self._fail(f"the log cannot be written: {error}", error)
        finally:
            self._drop()
            if self._ahead is not None:
                self._ahead.stop()

    def _step(self) -> bool:
        """One round: write what waits, apply a little. False when it is over."""
        group, probe = self._next()
        if group:
            self._accept(group)
        elif probe:
            self._prove()
        try:
            while self._jobs:
                self._jobs.popleft()(self.log)
            if self.applier is not None:
                with contextlib.suppress(apsw.BusyError):  # another program holds the log: later, then
                    self._apply(self.applier)
            self._keep_house(idle=not group)
        except apsw.FullError:  # what came to nothing is done again when there is room
            self._full, self._rest = True, monotonic() + PAUSE
        return not (self._stopping and not self._queue)

    def _next(self) -> tuple[list[tuple[Offer, Done]], bool]:
        with self._wake:
            if not (self._queue or self._stopping or self._probe or self._jobs):
                wait = self._patience()
                if wait > 0:
                    self._wake.wait(wait)
            probe, self._probe = self._probe, False
            group: list[tuple[Offer, Done]] = []
            count = 0
            while self._queue and (not group or count + len(self._queue[0][0].messages) <= self.limits.group):
                entry = self._queue.popleft()
                self._size -= entry[0].size
                count += len(entry[0].messages)
                group.append(entry)
            return group, probe

    def _patience(self) -> float:
        """How long to wait for requests: not at all while there is something to apply."""
        if self.applier is None:
            return 1.0
        if self._rest > monotonic():
            return self._rest - monotonic()
        if self._ahead is not None and self._ahead.events:
            return 0.0 if self._ahead.ready else 1.0
        if self.log.applied < self.log.position:
            return max(0.0, self._begin - monotonic()) if self._gathers() else 0.0
        due = self.applier.due()
        return 1.0 if due is None else min(1.0, max(0.0, (due - self.log.clock()).total_seconds()))

    def _accept(self, group: Sequence[tuple[Offer, Done]]) -> None:
        self.log.at("before_accept")
        try:
            made = self.log.accept_all([offer for offer, _ in group], followed=self.applier is not None)
        except apsw.FullError:
            self._full = True
            full = Overloaded("the disk has no room for more events", "disk", 30)
            self._deliver([(done, full) for _, done in group])
            return
        except apsw.BusyError:
            busy = Overloaded("another program holds the log: come again in a second", "queue", 1)
            self._deliver([(done, busy) for _, done in group])
            return
        except Exception as error:
            failed = self._fail(f"the log cannot be written: {error}", error)
            self._deliver([(done, failed) for _, done in group])
            raise
        self._written = monotonic()
        for receipts, stored in made:
            if self.applier is not None and len(self._tail) < self.limits.tail and self._follows(stored):
                self._tail.extend(stored)
            for receipt in receipts:
                self._counts[receipt.outcome] += 1
        self.log.at("before_ack")
        self._deliver([(done, receipts) for (_, done), (receipts, _) in zip(group, made, strict=True)])
        self.log.at("after_ack")

    def _follows(self, stored: Sequence[Logged]) -> bool:
        """Whether events go on where those in memory end."""
        last = self._tail[-1].position if self._tail else self.log.applied
        return bool(stored) and stored[0].position == last + 1

    def _prove(self) -> None:
        try:
            self.log.prove()
        except apsw.FullError:
            self._full = True
            return
        except apsw.BusyError:
            return
        self._written = monotonic()

    def _gathers(self) -> bool:
        """Whether so many events wait that they are worked on together, beside this thread."""
        waiting = self.log.position - self.log.applied
        return self._ahead is not None and waiting >= self.limits.many and self.log.applied >= self._alone_until

    def _apply(self, applier: Applier) -> None:
        log = self.log
        if self._ahead is not None and self._ahead.events:
            if not self._ahead.ready:
                return
            self._write_down(applier, self._ahead)
        elif self._ahead is not None and self._gathers():
            if monotonic() < self._begin:
                return
            events = self._events(self.limits.most)
            if events:
                self._begin = monotonic() + self.limits.pause
                self._ahead.begin(events, log.clock())
                return
        elif log.applied < log.position:
            events = self._events(self._chunk)
            if events:
                self._timed(applier, events)
        due = applier.due()
        now = self._time()
        if due is not None and due <= now:
            with log.applying(log.applied) as tx:
                applier.tick(tx, now)

    def _timed(self, applier: Applier, events: Sequence[Logged]) -> None:
        began = perf_counter()
        self._apply_some(applier, events)
        took = max(perf_counter() - began, 1e-6)
        self._took.append((len(events), took))
        self._chunk = max(16, min(4096, int(len(events) * self.limits.slice / took)))

    def _write_down(self, applier: Applier, ahead: Ahead) -> None:
        """What was worked out goes to the disk; where nothing came out, the events are applied as they come."""
        events, found = ahead.take()
        if found is None:
            self._timed(applier, events[:TOGETHER])
            return
        recorder, finish = found
        began = perf_counter()
        with self.log.applying(events[-1].position) as tx:
            for sql, rows in recorder.writes:
                tx.executemany(sql, rows)
            finish(tx)
        self._took.append((len(events), ahead.seconds + perf_counter() - began))

    def _time(self) -> datetime:
        """How far time has come for what is applied: not beyond the next event, where some wait."""
        now = self.log.clock()
        if self.log.applied >= self.log.position:
            return now
        while self._tail and self._tail[0].position <= self.log.applied:
            self._tail.popleft()
        waiting = list(islice(self._tail, 1))
        if not waiting or waiting[0].position != self.log.applied + 1:
            waiting = list(self.log.read(self.log.applied, 1))
        return min(now, waiting[0].message.received) if waiting else now

    def _events(self, most: int) -> list[Logged]:
        """The next events, from memory where they are there."""
        while self._tail and self._tail[0].position <= self.log.applied:
            self._tail.popleft()
        if self._tail and self._tail[0].position == self.log.applied + 1:
            return list(islice(self._tail, most))
        self._tail.clear()
        found = list(self.log.read(self.log.applied, most))
        if not found:
            # Positions that were lost, and that somebody has agreed to go on without.
            with self.log.applying(self.log.position):
                pass
        return found

    def _apply_some(self, applier: Applier, events: Sequence[Logged]) -> None:
        if events[0].position <= self._alone_until:
            # The process before died: should one of these have done it, only that one is left out.
            self._apply_alone(applier, events[0], counted=True)
            return
        try:
            with self.log.applying(events[-1].position) as tx:
                applier.apply(tx, events, self.log.clock())
        except apsw.Error:
            raise
        except Exception:
            if len(events) > 1:
                for event in events:
                    self._apply_alone(applier, event, counted=False)
            else:
                self._apply_alone(applier, events[0], counted=False)

    def _apply_alone(self, applier: Applier, event: Logged, *, counted: bool) -> None:
        said = "the server stopped each time it was applied"
        before = self.log.attempt(event.position) if counted else 0
        for _ in range(before, GIVEN_UP):
            try:
                with self.log.applying(event.position) as tx:
                    applier.apply(tx, [event], self.log.clock())
                return
            except apsw.Error:
                raise
            except Exception:
                said = traceback.format_exc(limit=-6)
        self.log.set_aside(event, "not_applied", said)

    def _keep_house(self, *, idle: bool) -> None:
        """Bring the write-ahead file in when it is long, and look whether the disk has room."""
        now = monotonic()
        if now - self._looked < 1.0:
            return
        self._looked = now
        free = shutil.disk_usage(self.log.folder).free
        if free < self.limits.room:
            self._full = True
        elif self._full:
            self._full = False
        size = self.log.wal_size()
        if size > self.limits.wal or (idle and size > 1_000_000):
            self.log.checkpoint(whole=size > 8 * self.limits.wal)

    def _fail(self, said: str, error: Exception) -> StoreError:
        with self._wake:
            self.failed = self.failed or said
        failed = Overloaded(self.failed, "stopped", 5)
        failed.__cause__ = error
        return failed

    def _drop(self) -> None:
        """Tell everybody who still waits that nothing was taken."""
        with self._wake:
            left, self._queue = list(self._queue), deque()
            self._stopping = True
        if left:
            stopped = Overloaded(self.failed or "the server is stopping", "stopped", 5)
            self._deliver([(done, stopped) for _, done in left])


def _tell(answers: Sequence[tuple[Done, Answer]]) -> None:
    for done, answer in answers:
        done(answer)
