"""How memberships moved: sizes over time, who entered and left and why, movements between labels, any day as it was.

```python
shop.history.sizes("vip")                       # one step a snapshot
shop.history.moves("value", "2011-01-01")       # from one label to another
shop.history.members("vip", "2011-06-30")       # who was in it then, as it is known now
```
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from coterie.core.errors import StoreError, UnknownName, did_you_mean
from coterie.profiles.scorecard import Stay
from coterie.segments.bitmaps import ABSENT, IN
from coterie.segments.history import Meaning, Record, RunRecord, Snapshot, Walked
from coterie.segments.state import NO_CUSTOMER, NO_LABEL, Flags, Verdicts

REASONS = ("new customer", "gone from source", "definition", "data", "model", "time", "not recorded")
"""Why a membership changed, in the order in which they are asked: somebody became a customer or was taken out of the source;
the definition is another; something was learned of this customer; fitted parameters moved; only time went by; or the two
snapshots were not found one after the other, so that it cannot be told."""


@dataclass(frozen=True, slots=True)
class Step:
    """A segment in one snapshot, and what became of it since the snapshot before.

    Attributes:
        reasons: by reason, (entered, left).
    """

    as_of: datetime
    run: int
    inside: int
    outside: int
    cannot_tell: int
    entered: int
    left: int
    reasons: Mapping[str, tuple[int, int]]

    @property
    def population(self) -> int:
        return self.inside + self.outside + self.cannot_tell


@dataclass(frozen=True, slots=True)
class Labels:
    """A segmentation in one snapshot: customers by label; None are those that cannot be told."""

    as_of: datetime
    run: int
    customers: Mapping[str | None, int]


NOT_THERE = ""
"""Beside the labels of a movement: no customer then."""


@dataclass(frozen=True, slots=True)
class Moves:
    """How many customers went from which label to which: None cannot be told, NOT_THERE was no customer then."""

    segmentation: str
    since: datetime
    until: datetime
    table: Mapping[tuple[str | None, str | None], int]


@dataclass(frozen=True, slots=True)
class Difference:
    """A segment in two snapshots: how many entered and left, and whether its definition is another."""

    name: str
    before: int | None
    after: int | None
    entered: int
    left: int
    changed: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """Two runs beside each other.

    Attributes:
        added, removed, changed: names of definitions.
        renamed: new name by old name.
    """

    earlier: RunRecord
    later: RunRecord
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    renamed: Mapping[str, str]
    segments: tuple[Difference, ...]


class History:
    """The history of a project's memberships.

    Args:
        opened: opens the record.
        instant: reads a date as an instant (a date means its end).
        was: earlier names by name, as the project file has them now.
    """

    def __init__(
        self, opened: Callable[[], Record], instant: Callable[[str], datetime], was: Callable[[], Mapping[str, Sequence[str]]]
    ):
        self._opened, self._instant, self._was = opened, instant, cache(was)  # the project file is read once

    def runs(self) -> list[RunRecord]:
        """All runs, oldest first, with those that were undone."""
        with self._opened() as record:
            return record.runs()

    def snapshots(self, known_at: str | None = None) -> list[Snapshot]:
        """The instants that are known, oldest first; `known_at`: as they were known then."""
        with self._opened() as record:
            return record.snapshots(self._then(known_at))

    def changed(self, run: int) -> tuple[str, ...]:
        """The definitions that were not what they had been in the run before that was not undone."""
        with self._opened() as record:
            earlier = [r for r in record.runs() if r.number < run and not r.undone]
            if not earlier:
                return ()
            before, now = record.meanings(earlier[-1].number), record.meanings(run)
            return compared(before, now)[2]

    # --- one segment

    def sizes(self, name: str, known_at: str | None = None) -> list[Step]:
        """A segment's size in every snapshot, with who entered and left and why.

        Raises:
            UnknownName: no snapshot has such a segment.
        """
        out: list[Step] = []
        for before, now in self._pairs(known_at):
            found = now.verdicts(self._names(name))
            if found is None:
                continue
            then = None if before is None else before.verdicts(self._names(name))
            entered, left = _turned(then, found)
            reasons = {} if before is None else self._reasons(name, before, now, then, found)
            inside, outside, doubt = next(now.snapshot.sizes[n] for n in self._names(name) if n in now.snapshot.sizes)
            counts = (int(np.count_nonzero(entered)), int(np.count_nonzero(left))) if before is not None else (0, 0)
            out.append(Step(now.as_of, now.run, inside, outside, doubt, *counts, reasons))
        if not out:
            self._unknown(name, "segment", known_at)
        return out

    def all_sizes(self, names: Sequence[str]) -> dict[str, list[tuple[datetime, int]]]:
        """How many were in each of several segments in every snapshot that has it.

        Days on which nobody was in because most could not be told (before a source begins, or a model was learned) are left out.
        """
        out: dict[str, list[tuple[datetime, int]]] = {name: [] for name in names}
        known = {name: self._names(name) for name in names}
        for snapshot in self.snapshots():
            for name, called in known.items():
                found = next((snapshot.sizes[n] for n in called if n in snapshot.sizes), None)
                if found is not None and (found[0] or found[2] <= found[1]):
                    out[name].append((snapshot.as_of, found[0]))
        return out

    def last_turn(self, names: Sequence[str]) -> tuple[int, int]:
        """How many memberships of several segments were entered and left in the newest snapshot, all together."""
        with self._opened() as record:
            pair = [_Seen(record, Walked(s, record.state(s), None)) for s in record.snapshots()[-2:]]
            entered = left = 0
            for name in names if len(pair) > 1 else ():
                then, now = (seen.verdicts(self._names(name)) for seen in pair)
                if now is not None:
                    came, went = _turned(then, now)
                    entered += int(np.count_nonzero(came))
                    left += int(np.count_nonzero(went))
        return entered, left

    def stays(self, names: Sequence[str]) -> dict[str, list[Stay]]:
        """Of several segments, how many members left from each recorded day to the next, and how many came.

        Who was taken out of the source has not left, and days between which the definition changed are left out.
        """
        out: dict[str, list[Stay]] = {name: [] for name in names}
        for before, now in self._pairs(None):
            if before is None:
                continue
            there = now.state.there()
            for name in names:
                called = self._names(name)
                then, found = before.verdicts(called), now.verdicts(called)
                if then is None or found is None or before.meaning(called) != now.meaning(called):
                    continue
                was = _padded(then, len(found), ABSENT) == IN
                kept = was & _padded(there, len(found), False)
                left = int(np.count_nonzero(kept & (found != IN)))
                entered = int(np.count_nonzero(_turned(then, found)[0]))
                out[name].append(Stay(before.as_of, now.as_of, int(np.count_nonzero(kept)), left, entered))
        return out

    def _reasons(
        self, name: str, before: "_Seen", now: "_Seen", then: Verdicts | None, found: Verdicts
    ) -> Mapping[str, tuple[int, int]]:
        entered, left = _turned(then, found)
        out: dict[str, tuple[int, int]] = {}
        for reason, where in _because(before, now, then, found, self._names(name)):
            pair = int(np.count_nonzero(entered & where)), int(np.count_nonzero(left & where))
            if any(pair):
                out[reason] = pair
        return out

    def members(self, name: str, as_of: str | None = None, known_at: str | None = None) -> pa.Table:
        """Everybody's verdict on a segment, or label of a segmentation, in the newest snapshot at or before an instant.

        Returns:
            customer, and `verdict` (in, out, cannot tell) or `label` (null: cannot tell).

        Raises:
            UnknownName: it has no such name. StoreError: nothing is known so early.
        """
        with self._opened() as record:
            snapshots = record.snapshots(self._then(known_at))
            if as_of is not None:
                instant = self._instant(as_of)
                snapshots = [s for s in snapshots if s.as_of <= instant]
            if not snapshots:
                raise StoreError(
                    "nothing is recorded so early" if as_of or known_at else "nothing is recorded yet",
                    code="E508",
                    hint="`coterie run` records a day, `coterie run --since DATE` also the days before",
                )
            seen = _Seen(record, Walked(snapshots[-1], record.state(snapshots[-1]), None))
            found, labels = seen.verdicts(self._names(name)), seen.labels(self._names(name))
            ids = record.customers.ids
        if found is not None:
            rows = np.flatnonzero(found != ABSENT)
            words = pa.array(["out", "in", "cannot tell"])
            table = pa.table({"customer": ids.take(pa.array(rows)), "verdict": words.take(pa.array(found[rows]))})
        elif labels is not None:
            codes, listed = labels
            rows = np.flatnonzero(codes != NO_CUSTOMER)
            places = pa.array(codes[rows], mask=codes[rows] == NO_LABEL)
            table = pa.table({"customer": ids.take(pa.array(rows)), "label": pa.array(listed, pa.string()).take(places)})
        else:
            self._unknown(name, "segment or segmentation", known_at)
        return table.take(pc.sort_indices(table, sort_keys=[("customer", "ascending")]))

    def intervals(self, name: str, known_at: str | None = None) -> pa.Table:
        """From when to when somebody was in a segment.

        Returns:
            customer, entered (the instant of the first snapshot with them in it), left (of the first without; null: still
            in), run and reason of entering, left_reason.
        """
        started: npt.NDArray[np.int64] | None = None
        why: npt.NDArray[np.int8] = np.zeros(0, np.int8)
        parts: list[tuple[npt.NDArray[np.int64], ...]] = []
        instants: list[datetime] = []
        runs: list[int] = []
        for before, now in self._pairs(known_at):
            found = now.verdicts(self._names(name))
            then = None if before is None else before.verdicts(self._names(name))
            size = max(now.state.size, 0 if started is None else len(started))
            started = _padded(np.zeros(0, np.int64) if started is None else started, size, -1)
            why = _padded(why, size, -1)
            current = np.full(size, ABSENT, np.uint8) if found is None else _padded(found, size, ABSENT)
            reason = np.full(size, -1, np.int8)
            if before is not None and found is not None:
                for text, where in _because(before, now, then, found, self._names(name)):
                    reason[: len(where)][where] = REASONS.index(text)
            place = len(instants)
            instants.append(now.as_of)
            runs.append(now.run)
            inside = current == IN
            gone = np.flatnonzero((started >= 0) & ~inside)
            parts.append(
                (gone, started[gone], np.full(len(gone), place), why[gone].astype(np.int64), reason[gone].astype(np.int64))
            )
            started[gone] = -1
            new = np.flatnonzero((started < 0) & inside)
            started[new], why[new] = place, reason[new]
        if started is None:
            self._unknown(name, "segment", known_at)
        still = np.flatnonzero(started >= 0)
        none = np.full(len(still), -1)
        parts.append((still, started[still], none, why[still].astype(np.int64), none))
        number, entered, left, reasons, left_reasons = (np.concatenate(column) for column in zip(*parts, strict=True))
        with self._opened() as record:
            ids = record.customers.ids
        times, texts = pa.array(instants, pa.timestamp("us")), pa.array(REASONS)

        def maybe(values: pa.Array, places: npt.NDArray[np.int64]) -> pa.Array:
            return values.take(pa.array(places, mask=places < 0))

        table = pa.table(
            {
                "customer": ids.take(pa.array(number)),
                "entered": times.take(pa.array(entered)),
                "left": maybe(times, left),
                "run": pa.array(runs).take(pa.array(entered)),
                "reason": maybe(texts, reasons),
                "left_reason": maybe(texts, left_reasons),
            }
        )
        return table.take(pc.sort_indices(table, sort_keys=[("customer", "ascending"), ("entered", "ascending")]))

    # --- one segmentation

    def labels(self, name: str, known_at: str | None = None) -> list[Labels]:
        """A segmentation's labels in every snapshot."""
        out = []
        for _, now in self._pairs(known_at):
            found = now.labels(self._names(name))
            if found is not None:
                codes, listed = found
                counted = {label: int(np.count_nonzero(codes == i)) for i, label in enumerate(listed)}
                doubt = int(np.count_nonzero(codes == NO_LABEL))
                customers: dict[str | None, int] = {label: n for label, n in counted.items() if n}
                out.append(Labels(now.as_of, now.run, customers | ({None: doubt} if doubt else {})))
        if not out:
            self._unknown(name, "segmentation", known_at)
        return out

    def moves(self, name: str, since: str | None = None, until: str | None = None) -> Moves:
        """Movements between the labels of a segmentation from one day to another (default: the last two snapshots).

        Raises:
            StoreError: there are no two snapshots to compare.
        """
        with self._opened() as record:
            snapshots = [s for s in record.snapshots() if any(n in s.layout.labels for n in self._names(name))]
            if not snapshots:
                self._unknown(name, "segmentation", None)
            last = _at_or_before(snapshots, None if until is None else self._instant(until))
            earlier = [s for s in snapshots if last is not None and s.as_of < last.as_of]
            first = _at_or_before(earlier, None if since is None else self._instant(since))
            if first is None and since is not None and earlier:
                first = earlier[0]
            if first is None or last is None:
                raise StoreError(
                    f"there are no two days of {name} to compare",
                    code="E508",
                    hint="`coterie run --since DATE` fills in the days before",
                )
            sides = []
            size = len(record.customers)
            for snapshot in (first, last):
                found = _Seen(record, Walked(snapshot, record.state(snapshot), None)).labels(self._names(name))
                codes, listed = found if found is not None else (np.zeros(0, np.int16), ())
                sides.append((_padded(codes, size, NO_CUSTOMER), listed))
        (a, names_a), (b, names_b) = sides
        kinds, counts = np.unique(np.stack([a, b], axis=1), axis=0, return_counts=True)
        table: dict[tuple[str | None, str | None], int] = {}
        for (x, y), n in zip(kinds.tolist(), counts.tolist(), strict=True):
            if (x, y) != (NO_CUSTOMER, NO_CUSTOMER):
                table[_label(x, names_a), _label(y, names_b)] = n
        return Moves(name, first.as_of, last.as_of, table)

    # --- two runs

    def diff(self, earlier: int, later: int) -> Compared:
        """Two runs beside each other: definitions, sizes, who entered and left.

        Raises:
            UnknownName: there is no such run.
        """
        with self._opened() as record:
            runs = {r.number: r for r in record.runs()}
            for number in (earlier, later):
                if number not in runs:
                    listed = ", ".join(str(n) for n in list(runs)[-8:])
                    raise UnknownName(f"there is no run {number}", hint=f"the last runs are {listed}: see `coterie runs`")
            before, now = record.meanings(earlier), record.meanings(later)
            added, removed, changed, renamed = compared(before, now)
            first, last = (record.of_run(n)[-1] for n in (earlier, later))
            a, b = (_Seen(record, Walked(s, record.state(s), None)) for s in (first, last))
            size = max(a.state.size, b.state.size)
            segments = []
            back = {new: old for old, new in renamed.items()}
            for name in dict.fromkeys((*last.layout.segments, *first.layout.segments)):
                if name in renamed:
                    continue
                x, y = a.verdicts([back.get(name, name)]), b.verdicts([name])
                was = np.full(size, ABSENT, np.uint8) if x is None else _padded(x, size, ABSENT)
                is_ = np.full(size, ABSENT, np.uint8) if y is None else _padded(y, size, ABSENT)
                entered, left = _turned(was, is_)
                segments.append(
                    Difference(
                        name,
                        None if x is None else int(np.count_nonzero(was == IN)),
                        None if y is None else int(np.count_nonzero(is_ == IN)),
                        int(np.count_nonzero(entered)),
                        int(np.count_nonzero(left)),
                        name in changed,
                    )
                )
        return Compared(runs[earlier], runs[later], added, removed, changed, renamed, tuple(segments))

    # ---

    def _pairs(self, known_at: str | None) -> Iterator[tuple["_Seen | None", "_Seen"]]:
        with self._opened() as record:
            before: _Seen | None = None
            for walked in record.walk(record.snapshots(self._then(known_at))):
                now = _Seen(record, walked)
                yield before, now
                before = now

    def _names(self, name: str) -> list[str]:
        return [name, *self._was().get(name, ())]

    def _then(self, known_at: str | None) -> datetime | None:
        return None if known_at is None else self._instant(known_at)

    def _unknown(self, name: str, noun: str, known_at: str | None) -> NoReturn:
        snapshots = self.snapshots(known_at)
        if not snapshots:
            raise StoreError("nothing is recorded yet", code="E508", hint="`coterie run` records a day")
        known = [*snapshots[-1].layout.segments, *snapshots[-1].layout.labels]
        raise UnknownName(f"no {noun} {name!r} is recorded", hint=did_you_mean(name, known, "Recorded are"))


class _Seen:
    """A snapshot with its run's meanings, read when somebody asks."""

    def __init__(self, record: Record, walked: Walked):
        self.snapshot, self.state, self.touched = walked.snapshot, walked.state, walked.touched
        self.as_of, self.run = walked.snapshot.as_of, walked.snapshot.run
        self.meanings: Mapping[str, Meaning] = record.meanings(walked.snapshot.run)

    def verdicts(self, names: Sequence[str]) -> Verdicts | None:
        return next((v for n in names if (v := self.state.verdicts(n)) is not None), None)

    def labels(self, names: Sequence[str]) -> tuple[npt.NDArray[np.int16], tuple[str, ...]] | None:
        for name in names:
            codes = self.state.labels(name)
            if codes is not None:
                return codes, self.snapshot.layout.labels[name]
        return None

    def meaning(self, names: Sequence[str]) -> str | None:
        return next((self.meanings[n].hash for n in names if n in self.meanings), None)

    def reads(self, names: Sequence[str]) -> tuple[str, ...]:
        return next((self.meanings[n].reads for n in names if n in self.meanings), ())

    def model(self, names: Sequence[str]) -> str | None:
        return next((self.snapshot.models[n] for n in names if n in self.snapshot.models), None)


def _turned(then: Verdicts | None, now: Verdicts) -> tuple[Flags, Flags]:
    """Who entered and who left."""
    before = np.full(len(now), ABSENT, np.uint8) if then is None else _padded(then, len(now), ABSENT)
    return (now == IN) & (before != IN), (before == IN) & (now != IN)


def _because(before: _Seen, now: _Seen, then: Verdicts | None, found: Verdicts, names: Sequence[str]) -> list[tuple[str, Flags]]:
    """Of everybody, the one reason for which their membership would have changed."""
    size = len(found)
    left = np.ones(size, np.bool_)
    out: list[tuple[str, Flags]] = []

    def take(reason: str, where: Flags) -> None:
        nonlocal left
        out.append((reason, left & where))
        left = left & ~where

    everybody = np.ones(size, np.bool_)
    was_there = _padded(before.state.there(), size, False)
    take("new customer", ~was_there & now.state.there())
    take("gone from source", was_there & ~now.state.there())
    if then is None or before.meaning(names) != now.meaning(names):
        take("definition", everybody)
    if now.touched is None:
        take("not recorded", everybody)
    else:
        take("data", _padded(now.touched & now.snapshot.bits(now.reads(names)), size, 0) != 0)
    if before.model(names) != now.model(names):
        take("model", everybody)
    take("time", everybody)
    return out


def compared(
    before: Mapping[str, Meaning], now: Mapping[str, Meaning]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], dict[str, str]]:
    """Names added, removed and changed from one set of definitions to another, and the new name by the old of those renamed."""
    renamed = {old: n for n, m in now.items() for old in m.was if old in before and old not in now and n not in before}
    back = {new: old for old, new in renamed.items()}
    added = tuple(n for n in now if n not in before and n not in back)
    removed = tuple(n for n in before if n not in now and n not in renamed)
    kept = [(n, back.get(n, n)) for n in now]
    changed = tuple(n for n, old in kept if old in before and before[old].hash != now[n].hash)
    return added, removed, changed, renamed


def _at_or_before(snapshots: Sequence[Snapshot], instant: datetime | None) -> Snapshot | None:
    return next((s for s in reversed(snapshots) if instant is None or s.as_of <= instant), None)


def _label(code: int, listed: Sequence[str]) -> str | None:
    return NOT_THERE if code == NO_CUSTOMER else None if code == NO_LABEL else listed[code]


def _padded(values: npt.NDArray, size: int, missing: object) -> npt.NDArray:  # type: ignore[type-arg]
    if len(values) >= size:
        return values
    return np.concatenate([values, np.full(size - len(values), missing, values.dtype)])


__all__ = ["NOT_THERE", "REASONS", "Compared", "Difference", "History", "Labels", "Moves", "Step", "compared"]
