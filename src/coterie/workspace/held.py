"""Everybody of a run, and everything that they did, in files that are looked into where they lie.

The first message of a customer brings them in from here: found by halving, read from the few pages that hold them, without a
query and whatever the size of the whole.
"""

import json
import mmap
import shutil
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from sqlglot import exp

from coterie.language.evaluate import Event
from coterie.segments.bitmaps import word_count
from coterie.segments.membership import BITS
from coterie.traits import batch
from coterie.traits.batch import aliased, quoted
from coterie.workspace.results import Results, plain
from coterie.workspace.run import TRAITS

FOLDER = "live"
FORM = 5
"""Files of another form are made again."""
WHOLE = "whole.json"
"""Written last: what the files hold."""


APART = 32
"""So far apart lie the ids that are kept in memory; between two of them the file is read."""
LET_GO, WIDE = 50_000, 100
"""After so many rows of events the pages around them are let go of; a row of a customer, with all its columns, is as many."""
TOGETHER = 8
"""Columns of customers that lie in one file."""
ROWS = 1 << 21
"""Rows of events that lie together in a file."""


class Ids:
    """A column of texts in their order, found by halving."""

    def __init__(self, column: pa.Array):
        self.column = column
        self.some: list[str] = column.take(pa.array(range(0, len(column), APART), pa.int64())).to_pylist()

    def place(self, text: str) -> int | None:
        """Where a text stands; None where it does not."""
        first = max(0, bisect_right(self.some, text) - 1) * APART
        near: list[str] = self.column.slice(first, APART).to_pylist()
        here = bisect_left(near, text)
        return first + here if here < len(near) and near[here] == text else None


class Pages:
    """What of the files is in this process: it is let go of from time to time, and comes back where it is read, out of what the
    system keeps of files in memory that nobody else needs."""

    def __init__(self) -> None:
        self.maps: list[mmap.mmap] = []
        self.rows = 0

    def table(self, path: Path) -> pa.Table:
        """A table that is looked into where it lies."""
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.maps.append(mapped)
        return pa.ipc.open_file(pa.BufferReader(pa.py_buffer(mapped))).read_all()

    def touched(self, rows: int) -> None:
        """So many rows were read, each somewhere else."""
        self.rows += rows
        if self.rows >= LET_GO:
            self.rows = 0
            if hasattr(mmap, "MADV_DONTNEED"):
                for mapped in self.maps:
                    mapped.madvise(mmap.MADV_DONTNEED)


@dataclass(frozen=True)
class Held:
    """The files, open.

    Attributes:
        people: a row a customer, in the order of their ids.
        events: by kind, parts with the keys of their rows, which ascend.
    """

    people: pa.Table
    events: Mapping[str, Sequence[tuple[npt.NDArray[np.int64], pa.Table]]]
    accounts: dict[str, Sequence[str]] = field(default_factory=dict)
    pages: Pages = field(default_factory=Pages)

    def rows(self, customers: Sequence[str]) -> Iterator[dict[str, Any]]:
        """The rows of some customers; who is not there is left out."""
        for place in self.places(customers):
            if place is not None:
                self.pages.touched(WIDE)
                yield {name: column[place].as_py() for name, column in self.columns.items()}

    @cached_property
    def columns(self) -> Mapping[str, pa.Array]:
        return {name: self.people.column(name).chunk(0) for name in self.people.column_names}

    def places(self, customers: Sequence[str]) -> list[int | None]:
        """The rows in which some customers stand; None for who is not there."""
        return [self.ids.place(customer) for customer in customers] if self.people.num_rows else [None] * len(customers)

    @cached_property
    def ids(self) -> Ids:
        return Ids(self.people.column("customer").chunk(0))

    @cached_property
    def keys(self) -> npt.NDArray[np.int64]:
        """By row, the customer's number."""
        return self.people.column(batch.KEY).chunk(0).to_numpy()  # type: ignore[no-any-return]

    def done(self, kind: str, keys: npt.NDArray[np.int64]) -> tuple[pa.Table, npt.NDArray[np.int64]] | None:
        """The events of a kind of customers by their numbers, and for each row which of the customers it is of; None without."""
        tables, owners = [], []
        order = np.argsort(keys, kind="stable")
        for numbers, table in self.events.get(kind, ()):
            first = np.searchsorted(numbers, keys[order], "left")
            counts = np.searchsorted(numbers, keys[order], "right") - first
            total = int(counts.sum())
            if not total:
                continue
            self.pages.touched(total)
            # Every row's place: where its customer's begin, and how many of them come before it.
            rows = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(total)
            begun = 0
            for part in table.to_batches():
                low, high = np.searchsorted(rows, (begun, begun + part.num_rows))
                if high > low:
                    tables.append(part.take(pa.array(rows[low:high] - begun)))
                begun += part.num_rows
            owners.append(np.repeat(order, counts))
        return (pa.Table.from_batches(tables), np.concatenate(owners)) if tables else None

    def by_account(self, column: str) -> Mapping[str, Sequence[str]]:
        """The customers of each account; `column` says which is theirs."""
        if not self.accounts:
            of = self.people.select(["customer", column]).filter(pc.is_valid(self.people.column(column)))
            found = of.group_by(column).aggregate([("customer", "list")])
            names = found.column(column).to_pylist()
            self.accounts.update(zip(names, found.column("customer_list").to_pylist(), strict=True))
        return self.accounts

    def lately(self, since: Mapping[str, datetime]) -> list[str]:
        """Customers who did something of a kind after an instant."""
        keys: list[npt.NDArray[np.int64]] = []
        for kind, instant in since.items():
            for numbers, table in self.events.get(kind, ()):
                late = pc.greater(table.column("time"), pa.scalar(instant, pa.timestamp("us"))).to_numpy()
                keys.append(numbers[late])
        if not keys:
            return []
        here = np.isin(self.people.column(batch.KEY).to_numpy(), np.concatenate(keys))
        found: list[str] = self.people.column("customer").filter(pa.array(here)).to_pylist()
        return found

    def events_of(self, keys: Sequence[int]) -> Mapping[int, list[Event]]:
        """Everything that some customers did."""
        out: dict[int, list[Event]] = {}
        for kind, parts in self.events.items():
            for numbers, table in parts:
                first = np.searchsorted(numbers, keys, "left")
                last = np.searchsorted(numbers, keys, "right")
                names = [n for n in table.column_names if n not in (batch.DAY, "time", "id")]
                for key, a, b in zip(keys, first, last, strict=True):
                    if b > a:
                        rows = table.slice(int(a), int(b - a))
                        times, ids = rows.column("time").to_pylist(), rows.column("id").to_pylist()
                        values = zip(*(rows.column(n).to_pylist() for n in names), strict=True) if names else repeat(())
                        out.setdefault(key, []).extend(
                            Event(kind, time, str(id_), dict(zip(names, map(plain, row), strict=True)))
                            for time, id_, row in zip(times, ids, values, strict=False)
                        )
        return out


def held(results: Results, columns: Sequence[str], kinds: Mapping[str, Sequence[str]], root: Path) -> Held:
    """The files of some results, made where they are not there yet; those of older ones go.

    Args:
        columns: of the table of traits.
        kinds: of events, each with its columns.
        root: the folder of the cache.
    """
    folder = root / FOLDER / str(results.generation.number)
    said = {
        "form": FORM,
        "made": results.made.finished.isoformat(),
        "columns": list(columns),
        "kinds": {k: list(c) for k, c in kinds.items()},
    }
    try:
        found = json.loads((folder / WHOLE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if found is None or found["said"] != said:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        parts = {kind: _write_events(results, kind, read, folder, n) for n, (kind, read) in enumerate(kinds.items())}
        people = _write_people(results, columns, folder)
        (folder / WHOLE).write_text(json.dumps({"said": said, "parts": parts, "people": people}), encoding="utf-8")
        for other in (root / FOLDER).iterdir():
            if other.name.isdigit() and int(other.name) < results.generation.number - 1:
                shutil.rmtree(other, ignore_errors=True)
        found = {"parts": parts, "people": people}
    pages = Pages()

    def numbers(path: Path) -> npt.NDArray[np.int64]:
        mapped: npt.NDArray[np.int64] = np.load(path, mmap_mode="r")
        pages.maps.append(getattr(mapped, "_mmap"))  # noqa: B009
        return mapped

    events = {
        kind: [(numbers(folder / f"{name}.npy"), pages.table(folder / f"{name}.arrow")) for name in names]
        for kind, names in found["parts"].items()
    }
    tables = [pages.table(folder / f"{name}.arrow") for name in found["people"]]
    return Held(pa.table({n: table.column(n) for table in tables for n in table.column_names}), events, pages=pages)


def rows_of(results: Results, columns: Sequence[str]) -> exp.Select:
    """Columns of the table of traits (`t`), beside everybody's packed memberships."""
    on = exp.EQ(this=quoted(batch.KEY, "b"), expression=quoted(batch.KEY, "t"))
    names = [quoted(n, "t") for n in columns]
    words = [quoted(f"w{i}", "b") for i in range(word_count(len(results.sizes_order)))]
    return exp.select(*names, *words, copy=False).from_(aliased(TRAITS, "t")).join(aliased(BITS, "b"), on=on)


def _write_people(results: Results, columns: Sequence[str], folder: Path) -> list[str]:
    """Some columns a file, so that few are in memory at a time."""
    words = [f"w{i}" for i in range(word_count(len(results.sizes_order)))]
    wanted = list(dict.fromkeys(("customer", batch.KEY, *words, *columns)))
    names = []
    for first in range(0, len(wanted), TOGETHER):
        some = wanted[first : first + TOGETHER]
        name = f"people-{first // TOGETHER}"
        query = rows_of(results, [n for n in some if n not in words]).order_by(quoted("customer", "t"))
        table = results.engine.fetch(query, "customers").select(some).combine_chunks()
        with pa.OSFile(str(folder / f"{name}.arrow"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table, max_chunksize=max(1, table.num_rows))
        names.append(name)
    return names


def _large(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Rows in large parts: who looks for some of everywhere has few parts to look into."""
    parts: list[pa.RecordBatch] = []
    for part in chain(batches, [None]):
        if parts and (part is None or sum(p.num_rows for p in parts) + part.num_rows > ROWS):
            yield from pa.Table.from_batches(parts).combine_chunks().to_batches()
            parts = []
        if part is not None:
            parts.append(part)


def _write_events(results: Results, kind: str, columns: Sequence[str], folder: Path, number: int) -> list[str]:
    """One file a part of a kind's table, each in the order of its keys."""
    names = []
    for part, file in enumerate(results.made.events[kind].files):
        name = f"{number}-{part}"
        scan = ds.dataset(results.cache / file, format="parquet").scanner(
            columns=[batch.KEY, "time", "id", batch.DAY, *columns], batch_size=ROWS
        )
        kept = scan.projected_schema.remove(scan.projected_schema.get_field_index(batch.KEY))
        keys: list[npt.NDArray[np.int64]] = [np.zeros(0, np.int64)]
        with pa.OSFile(str(folder / f"{name}.arrow"), "wb") as sink, pa.ipc.new_file(sink, kept) as writer:
            for rows in _large(scan.to_batches()):
                writer.write_batch(rows.drop_columns([batch.KEY]))
                keys.append(rows.column(batch.KEY).to_numpy())
        np.save(folder / f"{name}.npy", np.concatenate(keys))
        names.append(name)
    return names
