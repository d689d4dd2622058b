"""The record of memberships: what every run found, for good, so that any day can be looked at again.

A *snapshot* is everybody's memberships as one run found them for one instant. It is a Parquet file of those customers whose
memberships differ from the snapshot before (all of them, now and then, so that no chain gets long), and a row in SQLite.
Files are written first and named by that row last: a run that is killed leaves no half of a snapshot. Nothing is ever
rewritten; an undone run stays, marked with when it was undone, so that what was known at any time can be told.

Two clocks: `as_of` is the instant that a snapshot speaks of, `recorded_at` when it was found.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

import apsw
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from coterie.engine.written import clear_away
from coterie.segments import numbering
from coterie.segments.numbering import Numbering
from coterie.segments.state import NO_LABEL, Codes, Layout, Numbers, Sizes, State, Words
from coterie.sources.record import Part, connected, unwritten

FULL_EVERY = 32
"""A snapshot of everybody after so many of differences."""
_TABLES = """
CREATE TABLE runs (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, as_of TEXT NOT NULL, recorded_at TEXT NOT NULL,
    population INTEGER NOT NULL, project TEXT NOT NULL, events TEXT NOT NULL, accepted TEXT NOT NULL, undone_at TEXT
);
CREATE TABLE projects (fingerprint TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE meanings (
    run INTEGER NOT NULL, name TEXT NOT NULL, noun TEXT NOT NULL, hash TEXT NOT NULL, was TEXT NOT NULL, reads TEXT NOT NULL,
    PRIMARY KEY (run, name)
) WITHOUT ROWID;
CREATE TABLE snapshots (
    number INTEGER PRIMARY KEY, run INTEGER NOT NULL, as_of TEXT NOT NULL, recorded_at TEXT NOT NULL, previous INTEGER,
    base INTEGER, depth INTEGER NOT NULL, layout TEXT NOT NULL, population INTEGER NOT NULL, size INTEGER NOT NULL,
    models TEXT NOT NULL, kinds TEXT NOT NULL, sizes TEXT NOT NULL DEFAULT '[]'
);
"""

FOLDER = "memberships"

ATTRIBUTES = ""
"""Beside the kinds of event: what is known of a customer without any."""
KINDS = 60
"""Kinds beyond so many share one bit."""
Masks = npt.NDArray[np.int64]

Kind = Literal["run", "back-fill"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a name stood for in a run.

    Attributes:
        noun, hash: what it was, and the hash of its definition.
        was: its earlier names.
        reads: the kinds of event that its answer depends on, directly or through names; ATTRIBUTES where it reads some.
    """

    noun: str
    hash: str
    was: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as it is remembered.

    Attributes:
        number: as its results file is numbered.
        kind: `back-fill` where past days were filled in with it.
        events: by kind of event, the files of the cache that were read.
        accepted: the names whose large change somebody accepted.
        undone_at: when it was taken back; None where it was not.
    """

    number: int
    kind: Kind
    as_of: datetime
    recorded_at: datetime
    population: int
    project: str
    events: Mapping[str, Sequence[str]] = field(default_factory=dict)
    accepted: tuple[str, ...] = ()
    undone_at: datetime | None = None

    @property
    def undone(self) -> bool:
        return self.undone_at is not None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where a snapshot is kept, and what it speaks of.

    Attributes:
        previous: the snapshot that `touched` compares with; None for a first one.
        base: the snapshot whose differences its file holds; None where it holds everybody.
        size: how many customers had a number then.
        models: by definition, a fingerprint of the fitted parameters that it stands on.
        kinds: what the bits of `touched` stand for.
        sizes: of each segment.
    """

    number: int
    run: int
    as_of: datetime
    recorded_at: datetime
    previous: int | None
    base: int | None
    depth: int
    layout: Layout
    population: int
    size: int
    models: Mapping[str, str]
    kinds: tuple[str, ...]
    sizes: Mapping[str, Sizes]

    def bits(self, reads: Iterable[str]) -> int:
        """The bits of some kinds of event."""
        return sum({1 << min(self.kinds.index(kind), KINDS) for kind in reads if kind in self.kinds})


@dataclass(frozen=True, slots=True)
class Picture:
    """Everybody's memberships, as a run has just found them.

    Attributes:
        numbers: of the customers, in the order of the other arrays.
        words: as `membership` packs them; `labels`: by segmentation, a dictionary array of the labels (null: cannot tell).
        touched: given the snapshot before, by kind of event (and ATTRIBUTES) the customers of whom something was learned.
        models: as in `Snapshot`.
    """

    as_of: datetime
    segments: tuple[str, ...]
    numbers: Numbers
    words: Sequence[Words]
    labels: Mapping[str, pa.DictionaryArray]
    touched: Callable[[Snapshot], Mapping[str, Numbers]]
    models: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Drawn:
    """Everybody's memberships as a cluster has just found them, which stay there.

    Attributes:
        labels: by segmentation, those that somebody has.
        population, sizes: how many customers, and of each segment.
        write: given a file, the layout, the snapshot before, and the files of a chain to write the differences to (none:
            everybody is written), writes what the file of a snapshot holds; returns the kinds of event of `touched`.
        models: as in `Snapshot`.
    """

    as_of: datetime
    segments: tuple[str, ...]
    labels: Mapping[str, tuple[str, ...]]
    population: int
    sizes: Mapping[str, Sizes]
    write: Callable[[Path, Layout, Snapshot | None, Sequence[Path]], tuple[str, ...]]
    models: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Walked:
    """A snapshot on the way through history: its memberships, and of whom something was learned since the one before, as
    bits of `snapshot.kinds`.

    `touched` is None where the snapshot was not found after that one, so that it cannot be told.
    """

    snapshot: Snapshot
    state: State
    touched: Masks | None


class Snapshots:
    """The snapshots of a record, read."""

    def __init__(self, folder: Path, connection: apsw.Connection):
        self.folder, self.connection = folder / FOLDER, connection

    def state(self, snapshot: Snapshot) -> State:
        """Everybody's memberships in a snapshot."""
        chain = self.chain(snapshot)
        state = State.nobody(chain[0].layout, chain[0].size)
        for link in chain:
            state, _ = self._laid(link, state)
        return state

    def chain(self, snapshot: Snapshot, others: Sequence[Snapshot] = ()) -> list[Snapshot]:
        """The snapshots whose files, laid over each other, give one: the first has everybody, the others differences.

        Args:
            others: written and not in the record yet.
        """
        out = [snapshot]
        by_number = {s.number: s for s in (*self.all(), *others)} if snapshot.base is not None else {}
        while out[-1].base is not None:
            out.append(by_number[out[-1].base])
        return out[::-1]

    def walk(self, snapshots: Iterable[Snapshot]) -> Iterator[Walked]:
        """Snapshots with the memberships in each, one after the other."""
        before: Walked | None = None
        for snapshot in snapshots:
            if before is not None and snapshot.base == before.snapshot.number:
                state, touched = self._laid(snapshot, before.state)
            else:
                state = self.state(snapshot)
                touched = self._touched(snapshot, state.size)
            linked = before is not None and snapshot.previous == before.snapshot.number
            before = Walked(snapshot, state, touched if linked else None)
            yield before

    def _laid(self, snapshot: Snapshot, onto: State) -> tuple[State, Masks]:
        """A state with a snapshot's file laid over it, and of whom in it something new was learned."""
        rows = pq.read_table(self._file(snapshot.number))
        numbers = rows.column("number").to_numpy()
        arrays = [rows.column(n).to_numpy() for n in rows.column_names if n not in ("number", "touched")]
        width = snapshot.layout.width
        touched = np.zeros(snapshot.size, np.int64)
        touched[numbers] = rows.column("touched").to_numpy()
        return onto.grown(snapshot.size).overlaid(snapshot.layout, numbers, arrays[:width], arrays[width:]), touched

    def _touched(self, snapshot: Snapshot, size: int) -> Masks:
        rows = pq.read_table(self._file(snapshot.number), columns=["number", "touched"])
        touched = np.zeros(size, np.int64)
        touched[rows.column("number").to_numpy()] = rows.column("touched").to_numpy()
        return touched

    def all(self) -> list[Snapshot]:
        """All of them in the order in which they were written, those of undone runs too."""
        found = self.connection.execute(
            "SELECT number, run, as_of, recorded_at, previous, base, depth, layout, population, size, models, kinds,"
            " sizes FROM snapshots ORDER BY number"
        )
        return [_snapshot(*row) for row in found]

    def _file(self, number: int) -> Path:
        return self.folder / f"{number:08d}.parquet"


def _counted(connection: apsw.Connection, folder: Path) -> None:
    """To form 2: every snapshot with the sizes of its segments, which are counted in its memberships."""
    connection.execute("ALTER TABLE snapshots ADD COLUMN sizes TEXT NOT NULL DEFAULT '[]'")
    stored = Snapshots(folder, connection)
    for walked in stored.walk(stored.all()):
        said = json.dumps(list(walked.state.sizes().values()))
        connection.execute("UPDATE snapshots SET sizes = ? WHERE number = ?", (said, walked.snapshot.number))


class Record(Snapshots):
    """The history of a project's memberships, in the folder of its record (`.coterie/record`).

    Raises:
        StoreError: the record cannot be opened, or a newer version wrote it.
    """

    def __init__(self, folder: Path):
        super().__init__(
            folder, connected(folder, Part("history", 3, _TABLES + numbering.TABLE, (_counted, numbering.written_down)))
        )
        self.customers = Numbering(folder, self.connection)

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> "Record":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- runs

    def runs(self) -> list[RunRecord]:
        """All runs, oldest first, undone ones too."""
        found = self.connection.execute(
            "SELECT number, kind, as_of, recorded_at, population, project, events, accepted, undone_at FROM runs ORDER BY number"
        )
        return [
            RunRecord(
                int(str(number)),
                "run" if kind == "run" else "back-fill",
                _instant(as_of),
                _instant(recorded),
                int(str(population)),
                str(project),
                json.loads(str(events)),
                tuple(json.loads(str(accepted))),
                None if undone is None else _instant(undone),
            )
            for number, kind, as_of, recorded, population, project, events, accepted, undone in found
        ]

    def last(self) -> RunRecord | None:
        """The newest run that was not undone."""
        return next((r for r in reversed(self.runs()) if not r.undone), None)

    def meanings(self, run: int) -> dict[str, Meaning]:
        """What every name stood for in a run."""
        found = self.connection.execute("SELECT name, noun, hash, was, reads FROM meanings WHERE run = ?", (run,))
        return {
            str(n): Meaning(str(noun), str(hash_), tuple(json.loads(str(was))), tuple(json.loads(str(reads))))
            for n, noun, hash_, was, reads in found
        }

    def project(self, fingerprint: str) -> str | None:
        """The text of a project file that some run used."""
        row = self.connection.execute("SELECT text FROM projects WHERE fingerprint = ?", (fingerprint,)).fetchone()
        return None if row is None else str(row[0])

    def undo(self, run: int, now: datetime) -> None:
        """Mark a run as taken back; what it found stays, and counts for nothing from now on."""
        with self.connection:
            self.connection.execute("UPDATE runs SET undone_at = ? WHERE number = ?", (now.isoformat(), run))

    def add(
        self, run: RunRecord, text: str, meanings: Mapping[str, Meaning], pictures: Iterable[Picture | Drawn]
    ) -> list[Snapshot]:
        """Keep what a run found, whole or not at all.

        Args:
            run: the run; `text`: its project file; `meanings`: what its names stood for.
            pictures: one an instant, oldest first; each is written while the next is made.
        """
        return self.keep(run, text, meanings, self.written(run, pictures))

    def written(self, run: RunRecord, pictures: Iterable[Picture | Drawn]) -> list[Snapshot]:
        """Write what a run found, which counts for nothing before `keep`."""
        try:
            return self._written(run, pictures)
        except (apsw.Error, OSError, pa.ArrowException) as error:
            raise unwritten(self.folder.parent, error) from error

    def _written(self, run: RunRecord, pictures: Iterable[Picture | Drawn]) -> list[Snapshot]:
        previous, state = self.newest(), None
        self.folder.mkdir(exist_ok=True)
        number, out = self._next_snapshot(), []
        writing: Future[tuple[Snapshot, State | None]] | None = None
        with ThreadPoolExecutor(1) as aside:
            for place, picture in enumerate(pictures):
                if writing is not None:
                    previous, state = writing.result()
                    out.append(previous)
                if isinstance(picture, Drawn):
                    writing = Future()
                    writing.set_result((self._drawn(number + place, run, picture, previous, out), None))
                    continue
                if previous is not None and state is None:
                    state = self.state(previous)
                learned = {} if previous is None else picture.touched(previous)
                writing = aside.submit(self._write, number + place, run, picture, learned, previous, state)
            if writing is not None:
                out.append(writing.result()[0])
        return out

    def keep(self, run: RunRecord, text: str, meanings: Mapping[str, Meaning], snapshots: Sequence[Snapshot]) -> list[Snapshot]:
        """Name what was written for a run, whole or not at all; arguments as of `add`."""
        try:
            return self._keep(run, text, meanings, snapshots)
        except (apsw.Error, OSError, pa.ArrowException) as error:
            raise unwritten(self.folder.parent, error) from error

    def _keep(self, run: RunRecord, text: str, meanings: Mapping[str, Meaning], snapshots: Sequence[Snapshot]) -> list[Snapshot]:
        written = [self._file(s.number) for s in snapshots]
        _synced(written if (named := self.customers.write()) is None else [*written, named])
        with self.connection:
            self.connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)", _run_row(run))
            self.connection.execute("INSERT OR IGNORE INTO projects VALUES (?, ?)", (run.project, text))
            rows = [
                (run.number, n, m.noun, m.hash, json.dumps(list(m.was)), json.dumps(list(m.reads))) for n, m in meanings.items()
            ]
            self.connection.executemany("INSERT INTO meanings VALUES (?, ?, ?, ?, ?, ?)", rows)
            self.connection.executemany(
                "INSERT INTO snapshots VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", map(_row, snapshots)
            )
            self.customers.keep()
        return list(snapshots)

    def _drawn(
        self, number: int, run: RunRecord, picture: Drawn, previous: Snapshot | None, others: Sequence[Snapshot]
    ) -> Snapshot:
        """Let a cluster write one snapshot's file."""
        layout, base = self._based(Layout(picture.segments, picture.labels), previous)
        chain = [] if base is None else self.chain(base, others)
        size = len(self.customers)
        files = [self._file(link.number) for link in chain]
        kinds = picture.write(self._file(number), layout, previous, files)
        return _made(number, run, picture, previous, base, layout, picture.population, size, kinds, picture.sizes)

    def _based(self, layout: Layout, previous: Snapshot | None) -> tuple[Layout, Snapshot | None]:
        """A snapshot's layout with the codes of the one before, and that one, where its file may hold the differences alone."""
        layout = layout.after(None if previous is None else previous.layout)
        like = previous is not None and layout.like(previous.layout) and previous.depth < FULL_EVERY
        return layout, previous if like else None

    def _write(
        self,
        number: int,
        run: RunRecord,
        picture: Picture,
        learned: Mapping[str, Numbers],
        previous: Snapshot | None,
        before: State | None,
    ) -> tuple[Snapshot, State]:
        """Write one snapshot's file: those whose memberships differ from the snapshot before, or everybody.

        Args:
            learned: what the picture says was touched since.
        """
        labels = {n: tuple(found.dictionary.to_pylist()) for n, found in picture.labels.items()}
        layout, base = self._based(Layout(picture.segments, labels), previous)
        codes = [_codes(found, layout.labels[n]) for n, found in picture.labels.items()]
        size = len(self.customers)
        state = State.of(layout, size, picture.numbers, picture.words, codes)
        touched = np.zeros(size, np.int64)
        for place, numbers in enumerate(learned.values()):
            touched[numbers] |= 1 << min(place, KINDS)
        rows = np.flatnonzero(state.there() if base is None or before is None else state.differs(before.grown(size)))
        held = {f"w{i}": w[rows] for i, w in enumerate(state.words)} | {f"l{i}": c[rows] for i, c in enumerate(state.codes)}
        table = pa.table({"number": rows.astype(np.int64), **held, "touched": touched[rows]})
        # Numbers rise: their differences are small.
        rising = {"number": "DELTA_BINARY_PACKED"}
        repeating = [*held, "touched"]
        clear_away(self._file(number))  # a cluster that was killed may have left a folder
        pq.write_table(table, self._file(number), compression="zstd", use_dictionary=repeating, column_encoding=rising)
        kinds = tuple(learned)
        return _made(number, run, picture, previous, base, layout, len(picture.numbers), size, kinds, state.sizes()), state

    # --- snapshots

    def snapshots(self, known_at: datetime | None = None) -> list[Snapshot]:
        """What is held to be the history, oldest first: for each instant the newest snapshot that was not undone.

        Args:
            known_at: as it was known at that time; None: as it is known now.
        """
        counted = {r.number for r in self.runs() if _counts(r, known_at)}
        newest = {s.as_of: s for s in self.all() if s.run in counted}
        return [newest[as_of] for as_of in sorted(newest)]

    def of_run(self, run: int) -> list[Snapshot]:
        """The snapshots of one run, oldest first."""
        return [s for s in self.all() if s.run == run]

    def newest(self) -> Snapshot | None:
        """The snapshot that the newest run ended with, undone ones left out."""
        counted = {r.number for r in self.runs() if not r.undone}
        return next((s for s in reversed(self.all()) if s.run in counted), None)

    def _next_snapshot(self) -> int:
        row = self.connection.execute("SELECT coalesce(max(number), 0) + 1 FROM snapshots").fetchone()
        return int(str(row[0])) if row else 1


def _made(
    number: int,
    run: RunRecord,
    picture: Picture | Drawn,
    previous: Snapshot | None,
    base: Snapshot | None,
    layout: Layout,
    population: int,
    size: int,
    kinds: tuple[str, ...],
    sizes: Mapping[str, Sizes],
) -> Snapshot:
    return Snapshot(
        number,
        run.number,
        picture.as_of,
        run.recorded_at,
        None if previous is None else previous.number,
        None if base is None else base.number,
        0 if base is None else base.depth + 1,
        layout,
        population,
        size,
        dict(picture.models),
        kinds,
        sizes,
    )


def _counts(run: RunRecord, known_at: datetime | None) -> bool:
    if known_at is None:
        return not run.undone
    return run.recorded_at <= known_at and (run.undone_at is None or run.undone_at > known_at)


def _codes(labels: pa.DictionaryArray, listed: Sequence[str]) -> Codes:
    """The codes of labels by a list of them."""
    places = {label: i for i, label in enumerate(listed)}
    coded = np.array([*(places[x] for x in labels.dictionary.to_pylist()), NO_LABEL], np.int16)
    places_of = labels.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return np.asarray(coded[places_of.astype(np.int64)], np.int16)


def _synced(files: Iterable[Path]) -> None:
    """Bring files to the disk before a row names them."""
    for file in (part for path in files for part in ([path] if path.is_file() else path.glob("*.parquet"))):
        with file.open("rb+") as handle:
            os.fsync(handle.fileno())


def _run_row(run: RunRecord) -> tuple[int | str, ...]:
    return (
        run.number,
        run.kind,
        run.as_of.isoformat(),
        run.recorded_at.isoformat(),
        run.population,
        run.project,
        json.dumps({kind: list(files) for kind, files in run.events.items()}),
        json.dumps(list(run.accepted)),
    )


def _row(snapshot: Snapshot) -> tuple[int | str | None, ...]:
    layout = {"segments": list(snapshot.layout.segments), "labels": {n: list(x) for n, x in snapshot.layout.labels.items()}}
    return (
        snapshot.number,
        snapshot.run,
        snapshot.as_of.isoformat(),
        snapshot.recorded_at.isoformat(),
        snapshot.previous,
        snapshot.base,
        snapshot.depth,
        json.dumps(layout),
        snapshot.population,
        snapshot.size,
        json.dumps(dict(snapshot.models)),
        json.dumps(list(snapshot.kinds)),
        json.dumps([snapshot.sizes[name] for name in snapshot.layout.segments]),
    )


def _snapshot(*row: object) -> Snapshot:
    number, run, as_of, recorded, previous, base, depth, layout, population, size, models, kinds, sizes = row
    said = json.loads(str(layout))
    return Snapshot(
        int(str(number)),
        int(str(run)),
        _instant(as_of),
        _instant(recorded),
        None if previous is None else int(str(previous)),
        None if base is None else int(str(base)),
        int(str(depth)),
        Layout(tuple(said["segments"]), {n: tuple(x) for n, x in said["labels"].items()}),
        int(str(population)),
        int(str(size)),
        json.loads(str(models)),
        tuple(json.loads(str(kinds))),
        {
            name: (inside, outside, doubt)
            for name, (inside, outside, doubt) in zip(said["segments"], json.loads(str(sizes)), strict=False)
        },
    )


def _instant(text: object) -> datetime:
    return datetime.fromisoformat(str(text))
