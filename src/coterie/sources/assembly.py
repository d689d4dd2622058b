"""From a project's sources to its tables: gathers what they hold, once, and keeps what nothing changed.

The steps: files are found and read into typed shards (`shards`), attributes are compared with their history (`attributes`),
rows of events get their fate (`events`), all customers get a number, and the tables are written, sorted. Each table is named
by a fingerprint of what went into it, so that it is made again only when that changed.

Events that come in new files are written beside the table that is there, as long as they are few and none of them says
again what an earlier one said (see `parts`). Customers then keep their numbers, and new ones get the next.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import apsw
from sqlglot import exp

from coterie.core.errors import DataError, DefinitionError, MissingColumn, StoreError
from coterie.core.hashing import fingerprint
from coterie.core.windows import local
from coterie.core.words import counted
from coterie.engine.engine import Cluster, Engine
from coterie.engine.written import remove
from coterie.language.leaves import Context
from coterie.language.names import normal
from coterie.language.shown import day_shown
from coterie.language.sql import Builder
from coterie.language.types import INTEGER, MONEY, Type
from coterie.sources import afar, increments
from coterie.sources import shards as shards_
from coterie.sources.attributes import REFUSED, AttributeWriter, Snapshot
from coterie.sources.events import KEPT, UNUSABLE, EventWriter, Rows, whole_columns
from coterie.sources.files import Found, Hashes, adds_up, find, read_json, write_json
from coterie.sources.gathered import (
    AttributeFacts,
    Bad,
    EventFacts,
    Gathered,
    SourceReport,
    from_json,
    to_json,
)
from coterie.sources.loads import Loads
from coterie.sources.mapping import Mapped, map_source, settled
from coterie.sources.options import UNPACK, ReadOptions
from coterie.sources.parts import Before, EventPart, manifests
from coterie.sources.reading import LINE, read_typed
from coterie.sources.record import busy
from coterie.sources.relations import FILE, INTERNAL, SourceFile, col, rel, together, unified, up
from coterie.sources.scratch import Scratch
from coterie.sources.shards import Progress, Read, Shard, Shards
from coterie.sources.source import Source

KNOWN = "coterie_known"
"""The table of the ids in the customers source."""
FORMAT = "1"
"""Of the tables; a new one when their making changes."""
FEW = 10
"""New rows are written beside the others while the others are at least so many times as many."""
MET = "coterie_met"
"""The view of the different customers of a source of events."""
MATCH = 0.9
"""A smaller share of ids that meet customers is said."""


Messages = Callable[[Source], Sequence[Found]]
"""The files with the rows of a source that came as messages; each new row makes a file another one."""


@dataclass(frozen=True, slots=True)
class Stores:
    """Where a project keeps what can be computed again (`cache`), and what cannot (`record`).

    `shown` are files of the cache (relative, with `/`) that published results read: they stay.
    """

    cache: Path
    record: Path
    shown: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Loaded:
    """A source with its files as shards, their columns, and a fingerprint of it all."""

    source: Source
    files: tuple[SourceFile, ...]
    types: Mapping[str, Type]
    zone: str
    dialect: str
    notes: tuple[str, ...] = ()

    @cached_property
    def days(self) -> tuple[date, date] | None:
        """The first and last day of its events, where their times are days."""
        return None if self.source.time is None else shards_.span_of_days(tuple(f.shard for f in self.files), self.source.time)

    @cached_property
    def mapped(self) -> Mapped:
        """What the columns mean; worked out only when something changed."""
        source = self.source
        where = self.files[0].name if len(self.files) == 1 else f"{source.path or source.url or source.table}"
        empty = empty_columns(self.files, self.types)
        return map_source(source, self.types, zone=self.zone, dialect=self.dialect, days=self.days, where=where, empty=empty)

    @cached_property
    def mark(self) -> str:
        return fingerprint(FORMAT, meaning(self.source), self.zone, str(self.days), *map(_file_mark, self.files))

    def mark_of(self, files: Sequence[SourceFile]) -> str:
        """Of some of its files, read as all of them are."""
        types = [f"{name} {type_}" for name, type_ in self.types.items()]
        empty = sorted(empty_columns(self.files, self.types))
        return fingerprint(FORMAT, meaning(self.source), self.zone, str(types), str(empty), *map(_file_mark, files))

    @property
    def name(self) -> str:
        return self.source.name


def gather(
    folder: Path,
    sources: Sequence[Source],
    *,
    engine: Engine,
    stores: Stores,
    zone: str,
    population: str = "all",
    now: datetime,
    progress: Progress | None = None,
    environ: Mapping[str, str] | None = None,
    read: Read = read_typed,
    unpack: int = UNPACK,
    messages: Messages | None = None,
) -> Gathered:
    """Bring the tables of events and customers up to what the sources hold.

    Args:
        folder: the project's; paths of sources are relative to it.
        sources: in the order of the project file.
        engine: where SQL runs; only temporary tables are made in it.
        stores: the cache and the record.
        zone: the project's time zone.
        population: `all`, or `customers` for those of the customers source alone.
        now: the instant of this run (UTC, naive): what is new was learned then.
        progress: told what is being done and how many rows are done.
        environ: variables that URLs may name.
        read: reads one file (for tests).
        unpack: how many times its size a packed file may unpack to.
        messages: files with the rows that came as messages, for sources that say `live:`.

    Returns:
        Where the tables are, what is in them and what became of each row.

    Raises:
        DataError, MissingColumn, DefinitionError: a source cannot be read as it is declared; the tables of the last time
            stay as they are.
        StoreError: the disk has no room, or the record cannot be used.
    """
    try:
        with Loads(stores.record) as record, Scratch(engine) as scratch:
            q = Builder(engine.dialect, Context(now, zone), exp.Literal.string(""))
            return _Gathering(
                folder, tuple(sources), scratch, q, stores, record, population, now, progress, environ or {}, read, unpack, messages
            ).run()
    except apsw.BusyError as error:
        raise busy() from error
    except (apsw.Error, OSError) as error:
        words = (getattr(error, "strerror", None) or str(error)).lower()
        raise StoreError(
            f"the project's folder {stores.cache.parent} cannot be written: {words}",
            code="E506",
            hint="make room, or see who may write to it; the last results are untouched",
        ) from error


def gone(source: Source, column: str, until: datetime, zone: str) -> str:
    """What is said of a column that a source has lost; `until` is when it was last seen (UTC, naive)."""
    where = source.path or shards_.without_password(source.url or source.table or source.name)
    at = local(until, zone)
    return f"{where} has no column {column!r} any more (it had until the run of {day_shown(at.date())}, {at:%H:%M})"


@dataclass
class _Gathering:
    folder: Path
    sources: tuple[Source, ...]
    engine: Scratch
    q: Builder
    stores: Stores
    record: Loads
    population: str
    now: datetime
    progress: Progress | None
    environ: Mapping[str, str]
    read: Read
    unpack: int
    messages: Messages | None

    @property
    def cluster(self) -> Cluster | None:
        return self.engine.engine if isinstance(self.engine.engine, Cluster) else None

    def run(self) -> Gathered:
        for source in self.sources:
            if source.table is not None and source.url is None and self.cluster is None:
                raise DefinitionError(
                    f"{source.name} is a table of Spark's catalog ({source.table}), and engine: {self.engine.dialect} has none",
                    code="E215",
                    hint="say engine: spark, or COTERIE_ENGINE=spark for one command; or name files (path:) or a database (url:)",
                    place=source.place,
                )
        hashes = Hashes.load(self.stores.cache / "files.json")
        try:
            loaded = [self.load(source, hashes) for source in self.sources]
        finally:
            hashes.save(self.stores.cache / "files.json")
        known = self.known(loaded)
        if known is not None:
            self.seen(loaded)
            return known
        self.check(loaded)
        snapshots = self.histories(loaded)
        mark = self.mark(loaded)
        gathered, parts, who = self.assemble(loaded, snapshots, mark)
        keep = [f"shards/{f.shard.key}" for item in loaded for f in item.files]
        keep += [f"ids/{self.held_path(item).stem}" for item in loaded if item.source.role != "events"]
        keep += [f"ids/{part.path.name}" for several in parts.values() for part in several]
        first = {name: {"files": len(of[0].files), "mark": of[0].mark} for name, of in parts.items()}
        told = {"keep": keep, "parts": first, "who": who}
        write_json(self.manifest(mark), {**to_json(gathered, self.stores.cache), **told})
        clear(self.stores.cache, self.stores.shown)
        self.seen(loaded)
        return gathered

    def seen(self, loaded: Sequence[Loaded]) -> None:
        for item in loaded:
            self.record.set_seen(item.name, item.types, [f.name for f in item.files], self.now)

    def manifest(self, mark: str) -> Path:
        return self.stores.cache / "gathered" / f"{mark}.json"

    def known(self, loaded: Sequence[Loaded]) -> Gathered | None:
        """The tables that the same sources gave before, where all of it is still there."""
        writer = self.attributes
        for item in loaded:
            if item.source.role != "events" and self.record.state(item.name) != writer.state(item.source, item.files):
                return None
        manifest = self.manifest(self.mark(loaded))
        data = read_json(manifest)
        if data is None:
            return None
        try:
            gathered = from_json(data, self.stores.cache)
        except (KeyError, TypeError, ValueError):
            return None
        if not all(path.exists() for path in gathered.paths):
            return None
        manifest.touch()  # the last two that were used are kept
        return gathered

    def say(self, what: str, rows: int = 0) -> None:
        if self.progress is not None:
            self.progress(what, rows)

    # --- files

    def load(self, source: Source, hashes: Hashes) -> Loaded:
        try:
            return self.loaded(source, hashes)
        except MissingColumn as error:
            raise self.explained(error, source) from None

    def explained(self, error: MissingColumn, source: Source) -> MissingColumn:
        """The error for a column that is missing, which says so where it was there before."""
        had = {normal(column): at for column, at in self.record.had(source.name).items()}
        until = had.get(normal(error.column))
        if until is None:
            return error
        told = gone(source, error.column, until, self.q.context.zone)
        return MissingColumn(told, hint=error.hint, place=error.place or source.place).of(error.column, source.name)

    def loaded(self, source: Source, hashes: Hashes) -> Loaded:
        notes: list[str] = []
        files = self.files(source, hashes, {}, notes)
        types, clashes = unified([f.shard for f in files])
        if clashes:
            files = self.files(source, hashes, clashes, [])
            types, _ = unified([f.shard for f in files])
            for column, as_what in clashes.items():
                notes.append(f"{source.name}: {column} is not of one kind in all files and was read as {as_what}")
        if source.role == "customers" and source.id == LINE and LINE not in types:
            types = {LINE: INTEGER, **types}  # a file without ids: each row is the customer of its line
        notes += notes_of(source, files)
        notes += lacking(source, files)
        notes += self.lost_files(source, files)
        notes += self.changed_columns(source, types)
        types = settled(source, types, empty_columns(files, types))
        return Loaded(source, tuple(files), types, self.q.context.zone, self.q.dialect, tuple(notes))

    def must_have_id(self, source: Source) -> None:
        if source.id is None:
            raise DefinitionError(
                f"{source.name} is read from where it was left (updated_at:), and has no id: to tell a changed row from a new one",
                code="E215",
                hint="name the column: id: …",
                place=source.place,
            )

    def files(self, source: Source, hashes: Hashes, types: Mapping[str, str], notes: list[str]) -> list[SourceFile]:
        """The files of a source as shards, the newest last; `types` are those as which columns must be read."""
        shards = Shards(self.stores.cache / "shards", self.read)
        options = shards_.options_of(source, self.q.context.zone, types, self.unpack)
        found: list[tuple[str, Shard]] = []
        if source.url is not None:
            url = shards_.expanded(source.url, self.environ, self.folder, source)
            name = shards_.without_password(source.url)
            if source.updated_at is not None:
                self.must_have_id(source)
                batches = increments.batches(source, url, options, shards, self.record, self.now)
                return increments.files(source, url, options, shards, batches, self.progress)
            found.append((name, shards.of_rows(url, options, source.kind, self.progress, name)))
        elif source.table is not None:
            assert self.cluster is not None  # `run` has seen to it
            if source.updated_at is not None:
                self.must_have_id(source)
                return afar.read_changes(self.cluster, shards, source, options, self.record, self.now, self.progress)
            found.append((source.table, afar.read_table(self.cluster, shards, source, options, self.progress)))
        elif source.path is None and source.live is None:
            raise DefinitionError(
                f"{source.name} names neither a path nor a url", code="E215", hint="say path: orders.csv", place=source.place
            )
        elif source.path is not None:
            found += self.read_files(source, find(self.folder, source), hashes, shards, options, source.kind)
        if source.live is not None and self.messages is not None:
            # What clients send does not decide what a column is: a file has said so, or the project.
            said, _ = unified([shard for _, shard in found])
            declared = {**{n: str(t) for n, t in said.items() if t.of is None}, **types}
            options = shards_.options_of(source, self.q.context.zone, declared, self.unpack)
            found += self.read_files(source, tuple(self.messages(source)), hashes, shards, options, None)
        once: dict[str, tuple[str, Shard]] = {}
        for name, shard in found:
            if shard.content in once:
                notes.append(f"{source.name}: {name} is the same file as {once[shard.content][0]} and was counted once")
            once.setdefault(shard.content, (name, shard))
        learned = self.record.learned(source.name, [(content, name) for content, (name, _) in once.items()], self.now)
        files = (SourceFile(name, shard, learned[content]) for content, (name, shard) in once.items())
        return sorted(files, key=lambda f: (f.learned_at, f.name, f.shard.content))

    def read_files(
        self, source: Source, several: tuple[Found, ...], hashes: Hashes, shards: Shards, options: ReadOptions, kind: str | None
    ) -> list[tuple[str, Shard]]:
        """Some files of a source, each by its name."""
        found: list[tuple[str, Shard]] = []
        if self.cluster is not None and sum(file.path.stat().st_size for file in several) > afar.LARGE:
            self.say(f"reading {source.name}")
            afar.read_files(self.cluster, shards, hashes, several, options, kind, source.name)
        for file in several:
            digest = hashes.of(file.path)
            job = afar.job_of(file, digest, options)
            shard = shards.of(file.path, job.content, job.options, kind, self.progress, file.name)
            if hashes.of(file.path) != digest:
                shards.remove(shard)
                raise DataError(
                    f"{file.name} changed while it was read",
                    code="E219",
                    hint="run again when it is written to its end; the last results stay",
                    place=source.place,
                )
            found.append((file.name, shard))
        return found

    def changed_columns(self, source: Source, types: Mapping[str, Type]) -> list[str]:
        before = self.record.columns(source.name)
        if before is None:
            return []
        new, lost = [c for c in types if c not in before], [c for c in before if c not in types]
        notes = []
        if new:
            notes.append(f"{source.name}: new since the last time: {', '.join(new)}")
        if lost:
            notes.append(f"{source.name}: no longer there: {', '.join(lost)}")
        return notes

    def lost_files(self, source: Source, files: Sequence[SourceFile]) -> list[str]:
        """Files of a glob or folder that were there the last time and are not any more."""
        if not adds_up(source):
            return []
        lost = sorted(set(self.record.files(source.name)) - {f.name for f in files})
        if not lost:
            return []
        listed = ", ".join(lost[:3]) + (", …" if len(lost) > 3 else "")
        return [
            f"{source.name}: {counted(len(lost), 'file is', 'files are')} no longer there and their rows no longer count: {listed}"
        ]

    def check(self, loaded: Sequence[Loaded]) -> None:
        """What only all sources together can tell."""
        customers = [x for x in loaded if x.source.role == "customers"]
        if self.population == "customers" and not customers:
            raise DefinitionError(
                "population: customers needs a source of customers", code="E216", hint="add one, or leave population: out"
            )
        if not loaded:
            raise DefinitionError("the project names no sources", code="E216", hint="add one under sources:")
        for item in loaded:
            source = item.source
            taken = sorted(c for c in item.types if c.casefold() in INTERNAL and c != source.id)
            if taken:
                raise DefinitionError(
                    f"{source.name} has a column {taken[0]!r}, a name that coterie uses itself",
                    code="E211",
                    hint="rename the column in the file",
                    place=source.place,
                )
            needed = {"events": ("customer", "time"), "customers": ("id",), "lookup": ("id",), "accounts": ("id",)}
            for key in needed[source.role]:
                if getattr(source, key) is None:
                    raise DefinitionError(
                        f"{source.name} does not say {key}:",
                        code="E215",
                        hint=f"name the column: {key}: …; it has {', '.join(item.types)}",
                        place=source.place,
                    )
        mapped: list[Mapped] = []
        for item in loaded:  # everything is understood before anything is written
            try:
                mapped.append(item.mapped)
            except MissingColumn as error:
                raise self.explained(error, item.source) from None
        if any(m.source.role == "accounts" for m in mapped) and not any(m.account for m in mapped):
            raise DefinitionError(
                "there are accounts, and no customer says which is theirs",
                code="E216",
                hint="name the customers' column with the id of their account: customers: {…, account: company_id}",
            )
        names: dict[str, str] = {}
        for item in loaded:
            if item.source.role not in ("customers", "lookup"):
                continue
            for column in item.mapped.columns:
                other = names.setdefault(column.casefold(), item.name)
                if other != item.name:
                    raise DefinitionError(
                        f"{other} and {item.name} both have a column {column!r}, and a customer has one",
                        code="E211",
                        hint=f"rename it in {item.name}: columns: {{{item.name}_{column}: {column}}}",
                        place=item.source.place,
                    )
        known = {c for x in customers for c in x.mapped.columns} | {"customer"}
        known |= {normal(x.source.id or "") for x in customers}
        for item in loaded:
            if item.source.lookup is not None and normal(item.source.lookup) not in known:
                raise DefinitionError(
                    f"{item.name} is looked up by {item.source.lookup!r}, which customers do not have",
                    code="E216",
                    hint=f"they have {', '.join(sorted(known))}",
                    place=item.source.place,
                )

    # --- attributes

    @property
    def attributes(self) -> AttributeWriter:
        return AttributeWriter(
            self.engine, self.q, self.record, self.stores.record / "attributes", self.now, self.record.identity()
        )

    @property
    def events(self) -> EventWriter:
        return EventWriter(self.engine, self.q, self.record.identity())

    def histories(self, loaded: Sequence[Loaded]) -> dict[str, Snapshot]:
        """Bring the histories of attributes up to date; what each source holds, for those that were looked at."""
        out = {}
        writer = self.attributes
        for item in loaded:
            if item.source.role == "events":
                continue
            if self.record.state(item.name) == writer.state(item.source, item.files):
                continue
            self.say(f"comparing {item.name} with what was known")
            out[item.name] = writer.update(item.mapped, item.types, item.files)
        return out

    def mark(self, loaded: Sequence[Loaded]) -> str:
        return fingerprint(FORMAT, self.population, self.record.mark(), *(item.mark for item in loaded))

    # --- tables

    def assemble(
        self, loaded: Sequence[Loaded], snapshots: Mapping[str, Snapshot], mark: str
    ) -> tuple[Gathered, Mapping[str, Sequence[EventPart]], str]:
        """The tables, the parts that the events of each source are made of, and a fingerprint of who may be a customer."""
        events = [x for x in loaded if x.source.role == "events"]
        others = [x for x in loaded if x.source.role != "events"]
        customers = next((x for x in others if x.source.role == "customers"), None)
        attributes = self.attributes
        told = {x.name: self.held(x, snapshots.get(x.name)) for x in others}

        versions = None
        if customers is not None:
            versions = "coterie_versions_customers"
            attributes.versions(customers.mapped, customers.types, versions)
            self.engine.create(KNOWN, exp.select(col("_key")).distinct().from_(rel(versions)), "known customers")
        who = self.who(versions)
        before = self.before(who)
        rows: dict[str, Rows] = {}
        parts = {item.name: self.parts(item, before, rows) for item in events}
        counts = {name: Counter[str]() for name in parts}
        for name, several in parts.items():
            for part in several:
                counts[name].update(part.counts)
        ids = {name: [part.ids for part in several] for name, several in parts.items()}
        kept = before if before is not None and any(before.has(name, of[0]) for name, of in parts.items()) else None
        keys, keys_mark = self.keys(versions, [path for paths in ids.values() for path in paths], kept)

        facts: dict[str, EventFacts] = {}
        strangers: dict[str, int] = {}
        for item in events:
            for made in self.tables(item, parts[item.name], kept, rows, keys, keys_mark, len(facts)):
                facts[made.kind] = made
        for item in events:
            kind = f"{item.name}_line" if item.source.lines is not None else item.name
            strangers[item.name] = counts[item.name].get(KEPT, 0) - facts[kind].rows
        people = self.customers(customers, versions, keys, keys_mark, facts)
        lookups = tuple(self.keyed(x) for x in others if x.source.role == "lookup")
        accounts = next((self.keyed(x) for x in others if x.source.role == "accounts"), None)

        met = {item.name: self.met(ids[item.name], versions) for item in events}
        bad_rows, bad = {}, []
        for item in loaded:
            path, reasons = self.quarantine(item, parts.get(item.name, ()), told.get(item.name))
            bad += reasons
            if path is not None:
                bad_rows[item.name] = path
        reports = {}
        for item in loaded:
            reports[item.name] = self.report(
                item, counts.get(item.name), told.get(item.name), strangers.get(item.name, 0), met.get(item.name), bad
            )
        gathered = Gathered(
            events=facts,
            customers=people,
            lookups=lookups,
            accounts=accounts,
            quarantine=tuple(bad),
            bad_rows=bad_rows,
            notes=(),
            sources=reports,
            fingerprint=mark,
        )
        return replace(gathered, notes=tuple(self.notes(loaded, gathered, ids))), parts, who

    def held(self, item: Loaded, new: Snapshot | None) -> Snapshot:
        """What a source of attributes holds (`new`, if just looked at); asked once of the same files, unless rows are refused."""
        path = self.held_path(item)
        data = read_json(path) if new is None else None
        if data is not None:
            return Snapshot(**{name: int(cast(int, n)) for name, n in data.items()}, refused=(), learned=False)
        found = new or self.attributes.update(item.mapped, item.types, item.files)
        if not found.refused:
            write_json(path, {name: n for name, n in asdict(found).items() if name not in ("refused", "learned")})
        return found

    def held_path(self, item: Loaded) -> Path:
        return self.stores.cache / "ids" / f"{slug(item.name)}-{item.mark}.json"

    # --- what is there from the last time

    def who(self, versions: str | None) -> str:
        """A fingerprint of what decides whose events count: all, or those of known customers."""
        if self.population == "all" or versions is None:
            return "all"
        return self.digest(KNOWN, col("_key"))

    def digest(self, table: str, value: exp.Expression) -> str:
        """A fingerprint of the values in a table, whatever their order."""
        q = self.q
        digits = q.hex_number(q.call("left", q.call("md5", value), q.literal(13)))
        total = q.cast(q.call("sum", digits), "VARCHAR")
        ((n, digest),) = self.engine.rows(exp.select(q.count_rows(), total).from_(rel(table)))
        return fingerprint(str(n), str(digest))

    def before(self, who: str) -> Before | None:
        """The gathering that was used last, where what it wrote can be added to."""
        found = Before.newest(self.stores.cache)
        return found if found is not None and found.data.get("who") == who else None

    def parts(self, item: Loaded, before: Before | None, rows: dict[str, Rows]) -> list[EventPart]:
        """The files of a source of events as one part, or as the part whose table is there and the files that are new.

        They stay apart while the new rows are few and none of them may be the same event as an earlier one: then what becomes
        of a row does not depend on the other part.
        """
        n = 0 if before is None else before.files_of(item.name)
        if before is not None and 0 < n <= len(item.files):
            old, new = item.files[:n], item.files[n:]
            first = self.known_part(item, old)
            few = sum(f.shard.kept for f in new) * FEW <= sum(f.shard.kept for f in old)
            if first is not None and before.has(item.name, first) and few:
                if not new:
                    return [first]
                second = self.part(item, new, rows)
                if not self.events.meet(item.mapped, first.marks, second.marks):
                    return [first, second]
        return [self.part(item, item.files, rows)]

    def part_path(self, item: Loaded, files: Sequence[SourceFile]) -> tuple[str, Path]:
        mark = fingerprint(item.mark_of(files), self.engine.version, *self.led(item.name))
        return mark, self.stores.cache / "ids" / f"{slug(item.name)}-{mark}"

    def known_part(self, item: Loaded, files: Sequence[SourceFile]) -> EventPart | None:
        return EventPart.there(files, *self.part_path(item, files))

    def part(self, item: Loaded, files: Sequence[SourceFile], rows: dict[str, Rows]) -> EventPart:
        """A part, made now where it is not there; its rows are then in `rows`."""
        found = self.known_part(item, files)
        if found is not None:
            return found
        made = EventPart(tuple(files), *self.part_path(item, files))
        there = rows[made.mark] = self.rows(item, made)
        made = replace(made, counts=there.counts)
        made = replace(made, bad=self.unusable(item, made, there))
        made.keep()
        return made

    def rows(self, item: Loaded, part: EventPart) -> Rows:
        self.say(f"looking at the rows of {item.name}")
        return self.events.rows(item.mapped, item.types, part.files, part.ids, part.marks)

    def led(self, name: str) -> list[str]:
        """The identity map of one source, for its fingerprint."""
        return [f"{id_} {to}" for (source, id_), to in self.record.identity().items() if source == name]

    def keys(self, versions: str | None, ids: Sequence[Path], before: Before | None) -> tuple[str, str]:
        """Number all customers; the table, and a fingerprint of who has which number.

        They are numbered in the order of their ids, those whom the last gathering did not know behind those that it did.
        """
        q, engine = self.q, self.engine
        parts: list[exp.Select] = []
        if versions is not None:
            parts.append(exp.select(col("_key").as_("customer")).from_(rel(KNOWN)))
        if ids and (self.population == "all" or versions is None):
            engine.parquet("coterie_ids", list(ids))
            parts.append(exp.select(col("customer")).from_(rel("coterie_ids")))
        self.say("numbering the customers")
        unique = exp.select(col("customer")).distinct().from_(together(parts).subquery("u"), copy=False)
        keys, new = "coterie_keys", "coterie_new_keys"
        if before is None:
            engine.numbered(keys, unique, "customer", "_customer", 1)
        else:
            engine.parquet("coterie_last_customers", before.customers)
            last = exp.select(col("_customer"), col("customer")).distinct().from_(rel("coterie_last_customers"))
            engine.create("coterie_numbered", last, "customers with a number")
            engine.create("coterie_all", unique, "all customers")
            has = exp.EQ(this=col("customer", "d"), expression=col("customer", "n"))
            here = exp.select(col("customer", "d")).from_(rel("coterie_all", "d"))
            ((most,),) = engine.rows(exp.select(q.call("max", col("_customer"))).from_(rel("coterie_numbered")))
            behind = 1 + int(cast(int, most or 0))
            strangers = here.join(rel("coterie_numbered", "n"), on=has, join_type="anti")
            engine.numbered(new, strangers, "customer", "_customer", behind)
            old = here.select(col("_customer", "n")).join(rel("coterie_numbered", "n"), on=has)
            both = exp.Union(this=old, expression=exp.select(col("customer"), col("_customer")).from_(rel(new)), distinct=False)
            engine.create(keys, both, "number the customers")
        told = q.call("concat", col("customer"), q.literal(" "), q.cast(col("_customer"), "VARCHAR"))
        return keys, self.digest(keys, told)

    def tables(
        self,
        item: Loaded,
        parts: Sequence[EventPart],
        before: Before | None,
        rows: Mapping[str, Rows],
        keys: str,
        keys_mark: str,
        rank: int,
    ) -> list[EventFacts]:
        """The one or two kinds of event of a source."""
        lines = item.source.lines is not None
        kind = f"{item.name}_line" if lines else item.name
        paths: dict[str, list[Path]] = {kind: [], item.name: []}
        writer = self.events
        for part in parts:
            if not paths[kind] and before is not None and before.has(item.name, part):
                for name, written in paths.items():
                    written.append(before.table(name))
                continue
            mark = fingerprint(part.mark, keys_mark, *(path.name for written in paths.values() for path in written))
            beside = {name: written[0] if written else None for name, written in paths.items()}
            for name, written in paths.items():
                written.append(self.stores.cache / "events" / f"{slug(name)}-{mark}.parquet")
            path = paths[kind][-1]
            if not path.exists():
                there = rows[part.mark] if part.mark in rows else self.rows(item, part)
                self.say(f"sorting the events {kind}", there.counts.get(KEPT, 0))
                writer.write(there, kind, keys, path, beside[kind])
            whole = paths[item.name][-1]
            if lines and not whole.exists():
                self.say(f"putting lines together to {item.name}")
                writer.write_whole(item.mapped, path, item.name, whole, beside[item.name])
        out = [self.facts_of(item, kind, paths[kind], item.mapped.columns, rank)]
        if lines:
            out.append(self.facts_of(item, item.name, paths[item.name], whole_columns(item.mapped), rank + 1))
        return out

    def facts_of(self, item: Loaded, kind: str, paths: Sequence[Path], columns: Mapping[str, Type], rank: int) -> EventFacts:
        facts = self.events.facts(kind, item.name, paths, columns, rank)
        return replace(facts, currencies=currencies(item, columns))

    def customers(
        self, item: Loaded | None, versions: str | None, keys: str, keys_mark: str, events: Mapping[str, EventFacts]
    ) -> AttributeFacts:
        q, engine = self.q, self.engine
        parts = [f"{p.name}" for e in events.values() for p in e.paths]
        told = [item.mark, *self.record.parts(item.name)] if item is not None else []
        mark = fingerprint(FORMAT, keys_mark, *told, *parts)
        path = self.stores.cache / "attributes" / f"customers-{mark}.parquet"
        writer = self.attributes
        if not path.exists():
            self.say("writing the customers")
            first = "coterie_first_events"
            selects = []
            for i, e in enumerate(events.values()):
                view = f"coterie_event_{i}"
                engine.parquet(view, e.paths)
                selects.append(exp.select(col("_customer"), col("time")).from_(rel(view)))
            if selects:
                engine.create(
                    first,
                    exp.select(col("_customer"), q.call("min", col("time")).as_("_first_event", quoted=True))
                    .from_(together(selects).subquery("e"), copy=False)
                    .group_by(col("_customer")),
                    "first events",
                )
            else:
                nothing = exp.select(
                    q.cast(exp.Null(), "BIGINT").as_("_customer", quoted=True),
                    q.cast(exp.Null(), "TIMESTAMP").as_("_first_event", quoted=True),
                ).where(q.literal(False))
                engine.create(first, nothing, "first events")
            columns = item.mapped.columns if item is not None else {}
            writer.write_customers(versions, columns, keys, first, path)
        facts = writer.facts(None if item is None else item.mapped, path)
        return facts if item is None else replace(facts, currencies=currencies(item, facts.columns))

    def keyed(self, item: Loaded) -> AttributeFacts:
        """The table of a lookup or of accounts."""
        mark = fingerprint(FORMAT, item.mark, *self.record.parts(item.name))
        path = self.stores.cache / "attributes" / f"{slug(item.name)}-{mark}.parquet"
        writer = self.attributes
        if not path.exists():
            versions = f"coterie_versions_{item.name}"
            writer.versions(item.mapped, item.types, versions)
            writer.write_keyed(versions, item.mapped.columns, path)
        return replace(writer.facts(item.mapped, path), currencies=currencies(item, item.mapped.columns))

    def met(self, ids: Sequence[Path], versions: str | None) -> tuple[int, int | None]:
        """How many different customers a source has, and how many of them the customers source knows."""
        engine, q = self.engine, self.q
        self.see_ids(ids)
        ((n,),) = engine.rows(exp.select(q.count_rows()).from_(rel(MET)))
        if versions is None:
            return int(cast(int, n)), None
        on = exp.EQ(this=col("customer", "i"), expression=col("_key", "v"))
        select = exp.select(q.count_rows()).from_(rel(MET, "i")).join(rel(KNOWN, "v"), on=on, join_type="semi")
        ((found,),) = engine.rows(select)
        return int(cast(int, n)), int(cast(int, found))

    def see_ids(self, ids: Sequence[Path]) -> None:
        """Make a view of the different customers of a source."""
        self.engine.parquet(f"{MET}_parts", ids)
        select = exp.select(col("customer")).from_(rel(f"{MET}_parts"))
        self.engine.view(MET, select.distinct() if len(ids) > 1 else select)

    # --- what became of the rows

    def quarantine(self, item: Loaded, parts: Sequence[EventPart], snapshot: Snapshot | None) -> tuple[Path | None, list[Bad]]:
        """The bad rows of a source as a table, and by reason."""
        q, engine = self.q, self.engine
        reasons: list[Bad] = []
        for file in item.files:
            for reason, n in file.shard.reasons.items():
                examples = tuple(
                    (file.name, line, column, value)
                    for line, column, value, why in file.shard.examples
                    if reason in (why, f"{column}: {why}")
                )
                reasons.append(Bad(item.name, reason, n, examples[:3]))
        for refused in snapshot.refused if snapshot is not None else ():
            examples = tuple((item.files[f].name, line, item.source.id, None) for f, line in refused.examples[:3])
            reasons.append(Bad(item.name, refused.reason, refused.rows, examples))
        for why in UNUSABLE.values():
            found = [b for part in parts for b in part.bad if b.reason == why]
            if found:
                reasons.append(Bad(item.name, why, sum(b.rows for b in found), tuple(e for b in found for e in b.examples)[:3]))
        if not reasons:
            return None, []
        mark = fingerprint(FORMAT, item.mark, *self.led(item.name))
        path = self.stores.cache / "quarantine" / f"{slug(item.name)}-{mark}.parquet"
        tables: list[exp.Select] = []
        for i, file in enumerate(item.files):
            if file.shard.bad is None:
                continue
            view = f"coterie_bad_{i}"
            engine.parquet(view, [file.shard.bad])
            tables.append(
                exp.select(
                    q.literal(item.name).as_("source"),
                    q.literal(file.name).as_("file"),
                    *(col(name) for name in ("line", "column", "value", "reason", "row")),
                ).from_(rel(view))
            )
        unusable = [part.bad_rows for part in parts if part.bad]
        if unusable:
            engine.parquet("coterie_unusable", unusable)
            tables.append(exp.select(exp.Star()).from_(rel("coterie_unusable")))
        if snapshot is not None and snapshot.refused:
            base = f"coterie_in_{item.name}"
            placed = f"{base}_placed"
            chosen = q.one_of(col("_fate", "r"), [q.literal(fate) for fate in REFUSED])
            line = q.cast(col("_winners_line", "r"), "VARCHAR")
            told = q.binary("||", q.literal(f"{REFUSED['conflict']}; used is line "), line)
            plain = [
                (q.binary("=", col("_fate", "r"), q.literal(fate)), q.literal(why))
                for fate, why in REFUSED.items()
                if fate != "conflict"
            ]
            said = q.case(plain, told)
            column, value = q.literal(item.source.id or ""), col("_key", "r")
            tables.append(self.bad_of(item, item.files, rel(placed, "r"), column, value, said, chosen))
        ordered = exp.select(exp.Star()).from_(together(tables).subquery("b"), copy=False)
        ordered = ordered.order_by(up(col("file")), up(col("line")))
        engine.write_parquet(ordered, path, f"set bad rows of {item.name} apart")
        return path, reasons

    def unusable(self, item: Loaded, part: EventPart, rows: Rows) -> tuple[Bad, ...]:
        """The rows of a part that cannot be used, by reason; the rows themselves are written down."""
        q, engine = self.q, self.engine
        unusable = {status: part.counts[status] for status in UNUSABLE if part.counts.get(status)}
        if not unusable:
            return ()
        chosen = q.one_of(col("_status", "r"), [q.literal(s) for s in unusable])
        said = q.case([(q.binary("=", col("_status", "r"), q.literal(s)), q.literal(UNUSABLE[s])) for s in unusable])
        of_customer = q.one_of(col("_status", "r"), [q.literal("two customers"), q.literal("odd id")])
        of_lines = q.binary("=", col("_status", "r"), q.literal("no line id"))
        where = q.case(
            [(of_lines, q.literal(item.source.lines or "")), (of_customer, q.literal(item.source.customer or ""))],
            q.literal(item.source.time or ""),
        )
        value = q.case(
            [(of_customer, col("_raw_customer", "r")), (of_lines, q.cast(exp.Null(), "VARCHAR"))],
            q.cast(col("_time", "r"), "VARCHAR"),
        )
        bad = self.bad_of(item, part.files, rel(rows.view, "r"), where, value, said, chosen)
        engine.write_parquet(bad, part.bad_rows, f"set bad rows of {item.name} apart")
        engine.create(
            "coterie_bad_examples",
            exp.select(col("_status"), col(FILE), col(LINE)).from_(rel(rows.view, "r")).where(chosen),
            "examples of bad rows",
        )
        reasons = []
        for status, n in unusable.items():
            found = engine.rows(
                exp.select(col(FILE), col(LINE))
                .from_(rel("coterie_bad_examples"))
                .where(q.binary("=", col("_status"), q.literal(status)))
                .order_by(up(col(FILE)), up(col(LINE)))
                .limit(3)
            )
            examples = tuple((part.files[int(cast(int, f))].name, int(cast(int, li)), None, None) for f, li in found)
            reasons.append(Bad(item.name, UNUSABLE[status], n, examples))
        return tuple(reasons)

    def bad_of(
        self,
        item: Loaded,
        files: Sequence[SourceFile],
        rows: exp.Expression,
        column: exp.Expression,
        value: exp.Expression,
        reason: exp.Expression,
        chosen: exp.Expression,
    ) -> exp.Select:
        """Rows of some files of a source as they stand in quarantine, taken from the view of its files."""
        q, base = self.q, f"coterie_in_{item.name}"
        numbers = [(q.binary("=", col(FILE, "b"), q.literal(n)), q.literal(f.name)) for n, f in enumerate(files)]
        on = q.all([exp.EQ(this=col(c, "r"), expression=col(c, "b")) for c in (FILE, LINE)])
        cells = [part for name in item.types for part in (q.literal(name), col(name, "b"))]
        packed = q.call("json_object", *cells)
        return (
            exp.select(
                q.literal(item.name).as_("source"),
                q.case(numbers).as_("file"),
                col(LINE, "b").as_("line"),
                column.as_("column", quoted=True),
                value.as_("value"),
                reason.as_("reason"),
                q.cast(packed, "VARCHAR").as_("row", quoted=True),
            )
            .from_(rows, copy=False)
            .join(rel(base, "b"), on=on, copy=False)
            .where(chosen, copy=False)
        )

    def report(
        self,
        item: Loaded,
        counts: Mapping[str, int] | None,
        snapshot: Snapshot | None,
        strangers: int,
        met: tuple[int, int | None] | None,
        bad: Sequence[Bad],
    ) -> SourceReport:
        files = tuple((f.name, f.shard.content, f.shard.rows, f.learned_at) for f in item.files)
        common: dict[str, Any] = {
            "name": item.name,
            "role": item.source.role,
            "files": files,
            "rows": sum(f.shard.rows for f in item.files),
            "quarantined": sum(b.rows for b in bad if b.source == item.name),
            "learned_at": max((f.learned_at for f in item.files), default=None),
            "columns": tuple((name, str(type_)) for name, type_ in item.types.items()),
        }
        if counts is None:
            assert snapshot is not None
            return SourceReport(
                **common,
                kept=snapshot.kept,
                left_out=snapshot.left_out,
                undecided=snapshot.undecided,
                duplicates=snapshot.duplicates,
                deleted=snapshot.deleted,
            )
        ids, found = met or (0, None)
        return SourceReport(
            **common,
            kept=counts.get(KEPT, 0) - strangers,
            left_out=counts.get("left out", 0),
            undecided=counts.get("undecided", 0),
            without_customer=counts.get("no customer", 0),
            strangers=strangers,
            duplicates=counts.get("duplicates", 0),
            conflicts=counts.get("conflicts", 0),
            overlaps=counts.get("overlaps", 0),
            identical=counts.get("identical", 0),
            deleted=counts.get("deleted", 0) + counts.get("taken away", 0),
            ids=ids,
            met=found,
        )

    def notes(self, loaded: Sequence[Loaded], gathered: Gathered, ids: Mapping[str, Sequence[Path]]) -> list[str]:
        """What a person should know of the rows, in plain words: numbers first."""
        looked_up = [f"{SOURCE_OF_CUSTOMERS}: {item.source.lookup}: {AS_TEXT}" for item in loaded if item.source.lookup]
        out = [note for item in loaded for note in item.notes if not note.startswith(tuple(looked_up))]
        for item in loaded:
            r, source = gathered.sources[item.name], item.source
            if r.without_customer:
                out.append(
                    f"{item.name}: {r.without_customer:,} of {r.rows:,} rows have no customer ({source.customer} is empty): "
                    "they count nowhere"
                )
            if r.undecided:
                rows = counted(r.undecided, "row is", "rows are")
                out.append(f"{item.name}: {rows} left out because `where:` cannot be told for them (a column is missing)")
            if r.strangers:
                rows = counted(r.strangers, "row belongs", "rows belong")
                out.append(f"{item.name}: {rows} to customers whom the customers source does not have (population: customers)")
            if r.conflicts:
                rows = counted(r.conflicts, "row has", "rows have")
                out.append(f"{item.name}: {rows} an id that another row has with other values: the newest counts")
            if r.duplicates:
                rows = counted(r.duplicates, "row stands there twice and counts", "rows stand there twice and count")
                out.append(f"{item.name}: {rows} once")
            if r.overlaps:
                rows = counted(r.overlaps, "row stands in two files and counts", "rows stand in two files and count")
                out.append(
                    f"{item.name}: {rows} once; where they are different events, name the column that tells them apart as `id:`"
                )
            if r.identical and source.id is None and source.lines is None:
                rows = counted(r.identical, "row is", "rows are")
                out.append(
                    f"{item.name}: {rows} the same as another row of their file; all of them count, since the source names no `id:`"
                )
            if r.match is not None and r.match < MATCH:
                out.append(self.strange(item, r, ids[item.name]))
        for bad in gathered.quarantine:
            where = ", ".join(f"{name}:{line}" for name, line, _, _ in bad.examples)
            out.append(f"{bad.source}: {counted(bad.rows, 'row')} in quarantine: {bad.reason}" + (f" ({where})" if where else ""))
        return out

    def strange(self, item: Loaded, r: SourceReport, ids: Sequence[Path]) -> str:
        """Ids that meet no customer, with examples of both sides."""
        engine = self.engine
        self.see_ids(ids)
        on = exp.EQ(this=col("customer", "i"), expression=col("_key", "v"))
        theirs = engine.rows(
            exp.select(col("customer", "i"))
            .from_(rel(MET, "i"))
            .join(rel(KNOWN, "v"), on=on, join_type="anti")
            .order_by(up(col("customer", "i")))
            .limit(3)
        )
        ours = engine.rows(exp.select(col("_key")).from_(rel(KNOWN)).order_by(up(col("_key"))).limit(3))
        shown = ", ".join(repr(str(x)) for (x,) in theirs)
        known = ", ".join(repr(str(x)) for (x,) in ours)
        return (
            f"{item.name}: {r.match or 0:.0%} of its {r.ids:,} customers are in the customers source; not there are {shown}, "
            f"while ids there look like {known}"
        )


def _file_mark(file: SourceFile) -> str:
    return f"{file.name} {file.shard.key} {file.learned_at.isoformat()}"


def empty_columns(files: Sequence[SourceFile], types: Mapping[str, Type]) -> frozenset[str]:
    return frozenset(c for c in types if not any(f.shard.known.get(c) for f in files))


AS_TEXT = "kept as text"
SOURCE_OF_CUSTOMERS = "customers"


def notes_of(source: Source, files: Sequence[SourceFile]) -> list[str]:
    """What was noticed while reading, the same note of several files once. Ids are text, so that is no news of them."""
    keys = [c for c in (source.id, source.customer, source.account, source.lines) if c is not None]
    known = tuple(f"{key}: {AS_TEXT}" for key in keys)
    where: dict[str, list[str]] = {}
    for file in files:
        for note in (n for n in file.shard.notes if not n.startswith(known)):
            where.setdefault(note, []).append(file.name)
    several = len(files) > 1
    out = []
    for note, names in where.items():
        named = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
        out.append(f"{source.name}: {named}: {note}" if several else f"{source.name}: {note}")
    return out


def lacking(source: Source, files: Sequence[SourceFile]) -> list[str]:
    """Columns that some of several files do not have, which are missing there.

    Raises:
        DataError: E201, it is one that says whose the rows are, or when they happened.
    """
    named = {normal(c): role for role, c in (("id", source.id), ("customer", source.customer), ("time", source.time)) if c}
    without: dict[tuple[str, ...], list[str]] = {}
    for column in dict.fromkeys(c for f in files for c in f.shard.types):
        names = tuple(f.name for f in files if column not in f.shard.types and f.shard.rows)
        if names and normal(column) in named:
            where = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more of {len(files)} files"
            role = named[normal(column)]
            raise DataError(
                f"{source.name} names {column!r} as its {role}, and {where} has no such column, unlike the other files",
                code="E201",
                hint="write these files again, or leave them out of the path; the last results stay as they are",
                place=source.place,
            )
        if names:
            without.setdefault(names, []).append(column)
    return [
        f"{source.name}: {', '.join(columns)} not in {len(names)} of {len(files)} files, such as {names[0]}: missing there"
        for names, columns in without.items()
    ]


def meaning(source: Source) -> str:
    """Everything of a source that its tables depend on beside its files, as text."""
    fields = (
        source.role, source.name, source.id, source.customer, source.time, source.lines, source.sum, source.account,
        source.since, str(source.valid_from), source.lookup, source.timezone, source.updated_at, source.deleted,
        source.fold, source.constant, sorted(source.currency.items()), adds_up(source),
    )  # fmt: skip
    columns = sorted((name, text.text) for name, text in source.columns.items())
    return repr((fields, columns, source.where.text if source.where is not None else None))


def currencies(item: Loaded, columns: Mapping[str, Type]) -> dict[str, str]:
    """The currency of money columns: as the source says, else the one sign found beside their numbers."""
    said = item.source.currency
    found = {column: code for file in item.files for column, code in file.shard.currencies.items()}
    out = {}
    for name, type_ in columns.items():
        if name in said:
            out[name] = said[name]
        elif type_ == MONEY:
            code = said.get("*") or found.get(item.mapped.original.get(name, ""))
            if code is not None:
                out[name] = code
    return out


def clear(cache: Path, shown: Collection[str] = ()) -> None:
    """Remove what neither of the two gatherings used last needs, nor the results that are shown."""
    found = manifests(cache)
    needed = {name.removesuffix(".parquet") for name in shown}
    for manifest in found[:2]:
        data = cast(dict[str, Any], read_json(manifest) or {})
        needed |= set(data.get("keep", ()))
        for table in [*data["events"], data["customers"], *data["lookups"], *([data["accounts"]] if data["accounts"] else [])]:
            needed |= {name.removesuffix(".parquet") for name in table["paths"]}
        needed |= {name.removesuffix(".parquet") for name in data["bad_rows"].values()}
    for manifest in found[2:]:
        manifest.unlink(missing_ok=True)
    for folder in ("shards", "ids", "events", "attributes", "quarantine"):
        for path in (cache / folder).glob("*"):
            whole = f"{folder}/{path.name.partition('.')[0]}"
            stale = path.name.startswith(".partial-") and path.stat().st_mtime < found[0].stat().st_mtime - 3600
            if stale or (not path.name.startswith(".") and whole not in needed):
                remove(path)


def slug(name: str) -> str:
    """A name as part of a file's name: letters, digits and _; what is lost is told by a hash."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", name)[:60]
    return plain if plain == name else f"{plain}_{fingerprint(name)[:6]}"
