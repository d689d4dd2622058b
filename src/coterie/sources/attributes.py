"""What is known of customers, places and accounts, and since when: the history of attributes.

A snapshot that changed leaves in the record only the rows that changed, as the file has them, with the instant at which
they were learned. What they mean is said anew each time the table is made, so that renaming a column changes no history.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import cast

import pyarrow as pa
import pyarrow.dataset as ds
from sqlglot import exp

from coterie.core.errors import DataError
from coterie.core.hashing import fingerprint
from coterie.core.windows import first_instant
from coterie.engine.engine import Engine
from coterie.language.names import normal
from coterie.language.sql import Builder
from coterie.language.types import Type, sql_type
from coterie.sources.fold import fold_columns, fold_computed
from coterie.sources.gathered import AttributeFacts
from coterie.sources.loads import Loads
from coterie.sources.mapping import Mapped, odd
from coterie.sources.reading import LINE
from coterie.sources.relations import (
    FILE,
    LEARNED,
    SourceFile,
    col,
    content,
    down,
    make_base,
    rel,
    row_number,
    stored_type,
    together,
    up,
)
from coterie.sources.source import Source

GONE = "_gone"
MESSAGES = "messages/"
"""How the names of files begin that hold what clients have said."""
REFUSED = {
    "no id": "the id is missing",
    "odd id": "the id holds characters that cannot be seen",
    "conflict": "the id stands in another row with other values",
}
"""Why a row goes to quarantine, in words."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Rows of a source that cannot be used: why, and which (file number, line)."""

    reason: str
    rows: int
    examples: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a source of attributes holds now.

    Attributes:
        rows, kept: rows of its files, and rows that count (one an id, or one an id and day of validity).
        duplicates: rows that say the same again; `left_out`, `undecided`: by `where:`; `deleted`: by their tombstone.
        refused: rows that cannot be used.
        learned: whether the record has got something new.
    """

    rows: int
    kept: int
    duplicates: int
    left_out: int
    undecided: int
    deleted: int
    refused: tuple[Refused, ...]
    learned: bool


@dataclass(frozen=True)
class AttributeWriter:
    """Brings the history up to date and writes the tables of attributes.

    Args:
        engine, q: where SQL runs and how it is written; q carries the project's zone.
        record: of first loads and parts; `folder`: where the parts lie.
        now: the instant at which something new is learned.
        identity: the map from (source, id) to the customer.
    """

    engine: Engine
    q: Builder
    record: Loads
    folder: Path
    now: datetime
    identity: Mapping[tuple[str, str], str]

    # --- the history

    def update(self, mapped: Mapped, types: Mapping[str, Type], files: Sequence[SourceFile]) -> Snapshot:
        """Compare a source with what the record last knew of it, and write down what changed."""
        engine, q, source = self.engine, self.q, mapped.source
        assert mapped.id is not None
        base = f"coterie_in_{source.name}"
        make_base(engine, q, f"{base}_files", files, types)
        came = [number for number, file in enumerate(files) if file.name.startswith(MESSAGES)]
        fold_columns(engine, q, source, types, f"{base}_files", f"{base}_said" if came else base)
        if came:
            engine.view(base, self.overlaid(mapped, types, f"{base}_said", came))
        rows, placed = f"{base}_rows", f"{base}_placed"
        engine.view(rows, self.rows(mapped, types, base))
        engine.create(placed, self.placed(rows), f"rows of {source.name}")
        snapshot = self.told(source, placed)
        state = self.state(source, files)
        if self.record.state(source.name) == state:
            return snapshot
        current = exp.select(*(col(name) for name in ("_key", "_from", *types))).from_(rel(placed))
        current = current.where(q.binary("=", col("_fate"), q.literal("kept")))
        return replace(snapshot, learned=self.learn(mapped, types, current, state))

    def overlaid(self, mapped: Mapped, types: Mapping[str, Type], said: str, came: Sequence[int]) -> exp.Expression:
        """Rows of files, with what clients have said since in the place of what the files say; and whom no file has.

        A message says some of the columns, so that the others stay as the file has them. `came` are the files of messages,
        with one row a customer.
        """
        q = self.q
        id_ = mapped.id
        assert id_ is not None
        of_messages = q.one_of(col(FILE), [q.literal(n) for n in came])
        names = (*types, FILE, LINE, LEARNED)

        def some(condition: exp.Expression) -> exp.Select:
            return exp.select(*map(col, names), id_.copy().as_("_who")).from_(rel(said), copy=False).where(condition)

        filed, sent = some(q.not_(of_messages)).subquery("f"), some(of_messages.copy()).subquery("m")
        on = exp.EQ(this=col("_who", "f"), expression=col("_who", "m"))
        columns = [q.call("coalesce", col(n, "m"), col(n, "f")).as_(n, quoted=True) for n in types]
        kept = [col(n, "f") for n in (FILE, LINE, LEARNED)]
        first = exp.select(*columns, *kept).from_(filed).join(sent, on=on, join_type="left", copy=False)
        alone = (
            exp.select(*(col(n, "m") for n in names))
            .from_(sent.copy())
            .join(filed.copy(), on=on.copy(), join_type="anti", copy=False)
        )
        return exp.Union(this=first, expression=alone, distinct=False)

    def state(self, source: Source, files: Sequence[SourceFile]) -> str:
        """A fingerprint of what the history of a source is compared with."""
        told = [f"{f.shard.content} {f.shard.key}" for f in files]
        texts = [source.id or "", source.where.text if source.where else "", source.deleted or "", str(source.valid_from)]
        return fingerprint("1", *texts, *sorted(told))

    def rows(self, mapped: Mapped, types: Mapping[str, Type], base: str) -> exp.Expression:
        """The rows as the file has them, with their key, from when they hold, and what becomes of them."""
        q = self.q
        assert mapped.id is not None
        branches = []
        if mapped.deleted is not None:
            branches.append((mapped.deleted, q.literal("deleted")))
        if mapped.where is not None:
            branches.append((q.is_null(mapped.where), q.literal("undecided")))
            branches.append((q.not_(mapped.where), q.literal("left out")))
        branches.append((q.is_null(mapped.id), q.literal("no id")))
        branches.append((odd(q, mapped.id), q.literal("odd id")))
        begins = mapped.valid_from if mapped.valid_from is not None else q.null()
        hashed = content(q, [col(name) for name in sorted(types)])
        known = [q.case([(q.is_null(col(name)), q.literal(0))], q.literal(1)) for name in types]
        filled = known[0] if known else q.literal(0)
        for more in known[1:]:
            filled = exp.Add(this=filled, expression=more)
        updated = mapped.updated_at if mapped.updated_at is not None else q.null()
        return exp.select(
            q.case(branches, q.literal("usable")).as_("_status"),
            mapped.id.as_("_key"),
            q.cast(begins, "TIMESTAMP").as_("_from"),
            updated.as_("_updated_at"),
            hashed.as_("_content"),
            filled.as_("_filled"),
            col(FILE),
            col(LINE),
            col(LEARNED),
            *(col(name) for name in types),
        ).from_(rel(base), copy=False)

    def placed(self, rows: str) -> exp.Expression:
        """One row an id: of the newest file, the fullest, then the greatest in content (never by its place in the file)."""
        q = self.q
        usable = q.binary("=", col("_status"), q.literal("usable"))
        newest = [down(col("_updated_at")), down(col(FILE)), down(col("_filled")), down(col("_content")), up(col(LINE))]
        same = [usable, col("_key"), col("_from")]
        order = exp.Order(expressions=newest)
        winner = exp.Window(this=exp.FirstValue(this=col("_content")), partition_by=same, order=order)
        winners_file = exp.Window(this=exp.FirstValue(this=col(FILE)), partition_by=[s.copy() for s in same], order=order.copy())
        winners_line = exp.Window(this=exp.FirstValue(this=col(LINE)), partition_by=[s.copy() for s in same], order=order.copy())
        inner = exp.select(
            exp.Star(),
            row_number(same, newest).as_("_place"),
            winner.as_("_winner"),
            winners_file.as_("_winners_file"),
            winners_line.as_("_winners_line"),
        ).from_(rel(rows), copy=False)
        again = q.binary("=", col("_content"), col("_winner"))
        older = q.not_(q.binary("=", col(FILE), col("_winners_file")))
        fate = q.case(
            [
                (q.not_(usable), col("_status")),
                (q.binary("=", col("_place"), q.literal(1)), q.literal("kept")),
                (q.any([again, older]), q.literal("duplicate")),
            ],
            q.literal("conflict"),
        )
        return exp.select(exp.Star(), fate.as_("_fate")).from_(inner.subquery("p"), copy=False)

    def told(self, source: Source, placed: str) -> Snapshot:
        q, engine = self.q, self.engine
        counts = {
            str(fate): int(cast(int, n))
            for fate, n in engine.rows(exp.select(col("_fate"), q.count_rows()).from_(rel(placed)).group_by(col("_fate")))
        }
        total = sum(counts.values())
        conflicts = counts.get("conflict", 0)
        if conflicts > 10 and conflicts * 2 > total:
            raise DataError(
                f"the id of {source.name} does not identify its rows: {conflicts:,} of {total:,} repeat one with other values",
                code="E214",
                hint="name the column that is different in each row as `id:`; a file with many rows a customer is a "
                "kind of event: give it `customer:` and `time:`",
                place=source.place,
            )
        refused = []
        for fate, reason in REFUSED.items():
            if not counts.get(fate):
                continue
            found = engine.rows(
                exp.select(col(FILE), col(LINE), col("_winners_line"))
                .from_(rel(placed))
                .where(q.binary("=", col("_fate"), q.literal(fate)))
                .order_by(up(col(FILE)), up(col(LINE)))
                .limit(5)
            )
            used = f"; line {found[0][2]} is used instead of line {found[0][1]}" if fate == "conflict" else ""
            examples = tuple((int(cast(int, f)), int(cast(int, line))) for f, line, _ in found)
            refused.append(Refused(f"{reason}{used}" if counts[fate] == 1 else reason, counts[fate], examples))
        return Snapshot(
            rows=total,
            kept=counts.get("kept", 0),
            duplicates=counts.get("duplicate", 0),
            left_out=counts.get("left out", 0),
            undecided=counts.get("undecided", 0),
            deleted=counts.get("deleted", 0),
            refused=tuple(refused),
            learned=False,
        )

    def learn(self, mapped: Mapped, types: Mapping[str, Type], current: exp.Select, state: str) -> bool:
        """Write the rows that differ from the last known ones as a new part of the history."""
        engine, q, source = self.engine, self.q, mapped.source
        now = q.literal(self.now)
        number = self.record.next_number(source.name)
        file = f"{source.name}-{number}.parquet"
        if number == 1:
            query: exp.Expression = exp.select(
                *(col(name) for name in types), now.as_(LEARNED, quoted=True), q.literal(False).as_(GONE, quoted=True)
            ).from_(current.subquery("c"), copy=False)
        else:
            parts = f"coterie_history_{source.name}"
            self.history(mapped, types, parts)
            last = f"{parts}_last"
            place = row_number([col("_key"), col("_from")], [down(col(LEARNED)), down(col("_part"))])
            ranked = exp.select(exp.Star(), place.as_("_place")).from_(rel(parts), copy=False)
            newest = q.binary("=", col("_place"), q.literal(1))
            engine.create(last, exp.select(exp.Star()).from_(ranked.subquery("r"), copy=False).where(newest), "last known")
            now_there = f"{parts}_current"
            engine.create(now_there, current, f"rows of {source.name}")
            same = q.all([self.equal("_key"), self.equal("_from")])
            differs = [q.is_null(col("_key", "l")), col(GONE, "l")]
            differs += [exp.Not(this=self.equal(name)) for name in types]
            changed = (
                exp.select(
                    *(col(name, "c") for name in types),
                    now.as_(LEARNED, quoted=True),
                    q.literal(False).as_(GONE, quoted=True),
                )
                .from_(rel(now_there, "c"), copy=False)
                .join(rel(last, "l"), on=same, join_type="left", copy=False)
                .where(q.any(differs), copy=False)
            )
            left = (
                exp.select(
                    *(col(name, "l") for name in types),
                    now.copy().as_(LEARNED, quoted=True),
                    q.literal(True).as_(GONE, quoted=True),
                )
                .from_(rel(last, "l"), copy=False)
                .join(
                    rel(now_there, "c"),
                    on=exp.EQ(this=col("_key", "l"), expression=col("_key", "c")),
                    join_type="anti",
                    copy=False,
                )
                .where(q.not_(col(GONE, "l")), copy=False)
            )
            query = exp.Union(this=changed, expression=left, distinct=False)
        rows = engine.write_parquet(query, self.folder / file, f"what is new in {source.name}")
        if not rows and number > 1:
            (self.folder / file).unlink(missing_ok=True)
            self.record.add_part(source.name, state, None, 0, self.now)
            return False
        self.record.add_part(source.name, state, file, rows, self.now)
        return True

    def equal(self, name: str) -> exp.Expression:
        return exp.Paren(this=exp.NullSafeEQ(this=col(name, "c"), expression=col(name, "l")))

    def history(self, mapped: Mapped, types: Mapping[str, Type], name: str) -> None:
        """Make a view of all parts: the columns of `types` as they are typed now, `_key`, `_from`, when learned, part."""
        engine, q = self.engine, self.q
        assert mapped.id is not None
        forms: dict[tuple[tuple[str, str], ...], list[tuple[int, Path]]] = {}
        for number, file in enumerate(self.record.parts(mapped.source.name)):
            path = self.folder / file
            if not path.exists():
                raise DataError(
                    f"the record lacks {path}, a part of the history of {mapped.source.name}",
                    code="E505",
                    hint="restore the folder .coterie/record from a copy",
                )
            form = tuple((field.name, str(field.type)) for field in ds.dataset(path, format="parquet").schema)
            forms.setdefault(form, []).append((number, path))
        selects = []
        for index, (form, members) in enumerate(forms.items()):
            view, numbers = f"{name}_{index}", f"{name}_{index}_parts"
            engine.parquet(view, [path for _, path in members], file="_path")
            told = {"_path": [str(path) for _, path in members], "_part": pa.array([n for n, _ in members], pa.int32())}
            engine.register(numbers, pa.table(told))
            have = {column for column, _ in form}
            columns = [
                (q.try_cast(col(c, "r"), stored_type(t)) if c in have else q.cast(exp.Null(), stored_type(t))).as_(c, quoted=True)
                for c, t in types.items()
            ]
            on = exp.EQ(this=col("_path", "r"), expression=col("_path", "n"))
            selects.append(
                exp.select(*columns, col(LEARNED, "r"), col(GONE, "r"), col("_part", "n"))
                .from_(rel(view, "r"), copy=False)
                .join(rel(numbers, "n"), on=on, copy=False)
            )
        parts = f"{name}_parts"
        engine.view(f"{parts}_files", together(selects))
        fold_columns(engine, q, mapped.source, types, f"{parts}_files", parts)
        begins = mapped.valid_from if mapped.valid_from is not None else q.null()
        engine.view(
            name,
            exp.select(exp.Star(), mapped.id.as_("_key", quoted=True), q.cast(begins, "TIMESTAMP").as_("_from", quoted=True)).from_(
                rel(parts), copy=False
            ),
        )

    # --- the tables

    def versions(self, mapped: Mapped, types: Mapping[str, Type], name: str) -> None:
        """Make a view of the versions of each key: `_key`, `_valid_from`, `_learned_at`, `_gone` and the columns."""
        engine, q, source = self.engine, self.q, mapped.source
        parts = f"coterie_history_{source.name}"
        self.history(mapped, types, parts)
        values, joins = fold_computed(engine, q, mapped, parts)
        several = len(self.record.parts(source.name)) > 1
        learned, gone = col(LEARNED, "r"), col(GONE, "r")
        base: exp.Expression = rel(parts, "r")
        if several:
            base = self.eras(parts).subquery("r")
        if isinstance(source.valid_from, date):
            opening = q.literal(first_instant(source.valid_from, q.context.zone))
            begins: exp.Expression = opening
            if several:
                begins = q.case([(q.binary("=", learned, col("_first", "r")), opening)], learned)
        else:
            begins = q.call("coalesce", col("_from", "r"), learned)
        branches: list[tuple[exp.Expression, exp.Expression]] = [(gone, learned)]
        if several:
            # Who came back holds again from then on, whatever the row says of before.
            branches.append((q.binary("<=", begins, col("_left_at", "r")), col("_back_at", "r")))
        begins = q.case(branches, begins)
        select = exp.select(
            col("_key", "r"),
            begins.as_("_valid_from", quoted=True),
            learned.as_(LEARNED, quoted=True),
            col(GONE, "r").as_(GONE, quoted=True),
            *(q.cast(tree, sql_type(mapped.columns[n])).as_(n, quoted=True) for n, tree in values.items()),
        ).from_(base, copy=False)
        for join in joins:
            select = select.join(join, join_type="left", copy=False)
        engine.view(name, self.with_identity(select, source, name))

    def eras(self, parts: str) -> exp.Select:
        """Of rows for one key and one day of validity the one learned last, apart for each time that the key was there.

        Adds `_first`, when the key was first learned, `_left_at`, when it last left before this row, and `_back_at`, when it
        was first learned after that. Of rows that were valid before their key left, only the last says what holds when it
        is back: the others were over by then.
        """
        q = self.q
        key = [col("_key")]
        first = exp.Window(this=q.call("min", col(LEARNED)), partition_by=key)
        left = exp.Window(
            this=q.call("max", q.case([(col(GONE), col(LEARNED))])),
            partition_by=[col("_key")],
            order=exp.Order(expressions=[up(col(LEARNED)), up(col("_part"))]),
        )
        told = exp.select(exp.Star(), first.as_("_first"), left.as_("_left_at")).from_(rel(parts), copy=False)
        day = q.call("coalesce", col("_from"), col(LEARNED))
        place = row_number([col("_key"), day, col("_left_at"), col(GONE)], [down(col(LEARNED)), down(col("_part"))])
        stay = [col("_key"), col("_left_at"), col(GONE)]
        back = exp.Window(this=q.call("min", col(LEARNED)), partition_by=stay)
        before = q.binary("<=", day, col("_left_at"))
        last = exp.Window(this=q.call("max", q.case([(before, day)])), partition_by=[column.copy() for column in stay])
        ranked = exp.select(exp.Star(), place.as_("_place"), back.as_("_back_at"), last.as_("_last_before")).from_(
            told.subquery("t"), copy=False
        )
        newest = q.binary("=", col("_place"), q.literal(1))
        over = q.call("coalesce", q.binary("<", day, col("_last_before")), q.literal(False))
        return exp.select(exp.Star()).from_(ranked.subquery("p"), copy=False).where(q.all([newest, q.not_(over)]))

    def with_identity(self, versions: exp.Select, source: Source, name: str) -> exp.Select:
        """The versions with the customer to whom the one map leads; of two for one instant, that of the smaller id."""
        q = self.q
        pairs = [(id_, to) for (of, id_), to in self.identity.items() if of == source.name]
        if source.role != "customers" or not pairs:
            return versions
        table = f"{name}_identity"
        self.engine.register(table, pa.table({"_from": [a for a, _ in pairs], "_to": [b for _, b in pairs]}))
        on = exp.EQ(this=col("_key", "v"), expression=col("_from", "i"))
        star = exp.Column(this=exp.Star(except_=[exp.to_identifier("_key", quoted=True)]), table=exp.to_identifier("v"))
        led = q.call("coalesce", col("_to", "i"), col("_key", "v"))
        joined = (
            exp.select(star, led.as_("_key", quoted=True), col("_key", "v").as_("_raw_key", quoted=True))
            .from_(versions.subquery("v"), copy=False)
            .join(rel(table, "i"), on=on, join_type="left", copy=False)
        )
        place = row_number([col("_key"), col("_valid_from")], [up(col(GONE)), up(col("_raw_key")), down(col(LEARNED))])
        ranked = exp.select(exp.Star(), place.as_("_place")).from_(joined.subquery("j"), copy=False)
        first = q.binary("=", col("_place"), q.literal(1))
        return exp.select(exp.Star()).from_(ranked.subquery("r"), copy=False).where(first)

    def write_customers(self, versions: str | None, columns: Mapping[str, Type], keys: str, first: str, path: Path) -> None:
        """Write the customers: one row for each and each version of what is known of them."""
        q = self.q
        select = exp.select(
            col("_customer", "k").as_("_customer", quoted=True), col("customer", "k").as_("customer", quoted=True)
        ).from_(rel(keys, "k"), copy=False)
        on = exp.EQ(this=col("_customer", "k"), expression=col("_customer", "f"))
        select = select.select(col("_first_event", "f").as_("_first_event", quoted=True), copy=False)
        select = select.join(rel(first, "f"), on=on, join_type="left", copy=False)
        if versions is None:
            nothing = q.cast(exp.Null(), "TIMESTAMP")
            select = select.select(
                nothing.as_("_valid_from", quoted=True),
                nothing.copy().as_(LEARNED, quoted=True),
                q.literal(False).as_(GONE, quoted=True),
                q.literal(False).as_("_known", quoted=True),
                copy=False,
            )
        else:
            gone = q.call("coalesce", col(GONE, "v"), q.literal(False))
            met = q.not_(q.is_null(col("_key", "v")))
            select = select.select(
                col("_valid_from", "v").as_("_valid_from", quoted=True),
                col(LEARNED, "v").as_(LEARNED, quoted=True),
                gone.as_(GONE, quoted=True),
                met.as_("_known", quoted=True),
                *(col(name, "v").as_(name, quoted=True) for name in columns),
                copy=False,
            )
            meets = exp.EQ(this=col("customer", "k"), expression=col("_key", "v"))
            select = select.join(rel(versions, "v"), on=meets, join_type="left", copy=False)
        select.set("order", exp.Order(expressions=[up(col("_customer")), up(col("_valid_from")), up(col(LEARNED))]))
        self.engine.write_parquet(select, path, "write the customers")

    def write_keyed(self, versions: str, columns: Mapping[str, Type], path: Path) -> None:
        """Write a lookup or accounts: one row for each key and version."""
        names = ["_key", "_valid_from", LEARNED, GONE, *columns]
        select = exp.select(*(col(name) for name in names)).from_(rel(versions), copy=False)
        select.set("order", exp.Order(expressions=[up(col("_key")), up(col("_valid_from")), up(col(LEARNED))]))
        self.engine.write_parquet(select, path, "write the attributes")

    def facts(self, mapped: Mapped | None, path: Path) -> AttributeFacts:
        """What is in a table of attributes."""
        engine, q = self.engine, self.q
        role = "customers" if mapped is None else mapped.source.role
        assert role != "events"
        key = "_customer" if role == "customers" else "_key"
        view = "coterie_facts_attributes"
        engine.parquet(view, [path])
        try:
            distinct = exp.Count(this=exp.Distinct(expressions=[col(key)]))
            row = engine.rows(
                exp.select(
                    q.count_rows(),
                    distinct,
                    q.call("min", col("_valid_from")),
                    q.call("max", col("_valid_from")),
                    q.call("bool_or", col(GONE)),
                ).from_(rel(view))
            )[0]
        finally:
            engine.drop(view)
        rows, keys, low, high, gone = row
        source = mapped.source if mapped is not None else None
        constant = frozenset() if source is None else frozenset(normal(c) for c in source.constant)
        return AttributeFacts(
            name="customers" if source is None else source.name,
            role=role,
            paths=(path,),
            columns={} if mapped is None else dict(mapped.columns),
            rows=int(cast(int, rows)),
            keys=int(cast(int, keys)),
            known_from=None if low is None else (cast(datetime, low), cast(datetime, high)),
            gone=bool(gone),
            constant=constant,
            of=None if source is None or source.lookup is None else normal(source.lookup),
            account=None if mapped is None else mapped.account,
            since=None if mapped is None else mapped.since,
        )
