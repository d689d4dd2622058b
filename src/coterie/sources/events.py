"""From a source's rows to kinds of event: which rows count, each once, sorted by customer, time and id."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

import pyarrow as pa
from sqlglot import exp

from coterie.core.errors import StoreError
from coterie.engine.engine import Engine
from coterie.language.sql import Builder
from coterie.language.types import EVENT_FLOAT, FLOAT, INTEGER, Type, sql_type
from coterie.sources.fold import fold_columns, fold_computed
from coterie.sources.gathered import EventFacts
from coterie.sources.mapping import FIRST_TIME, LAST_TIME, Mapped, odd
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
    up,
)

KEPT = "kept"
UNUSABLE = {
    "odd id": "the id of the customer holds characters that cannot be seen",
    "no time": "the time is missing",
    "time out of range": "the time lies before 1970 or after 2199",
    "no line id": "it does not say which event it is a line of",
    "two customers": "the lines of this event name two customers",
}
"""Why a row goes to quarantine here, in words."""
GAP = 2**30
"""Between the places of two rows: more come in between before the table is written anew."""


@dataclass(slots=True)
class Rows:
    """The rows of one source, ready to be written once the customers have their numbers.

    Attributes:
        view: one row per row of the files: `_status`, `_id`, `_customer_id`, `_time`, `_day`, file, line, first load,
            and the columns.
        counts: rows by status; `identical`, `overlaps`, `duplicates`, `conflicts` beside.
    """

    mapped: Mapped
    files: tuple[SourceFile, ...]
    view: str
    counts: Mapping[str, int]


@dataclass(frozen=True)
class EventWriter:
    """Writes the events of sources as Parquet.

    Args:
        engine, q: where SQL runs and how it is written.
        identity: the map from (source, id) to the customer.
    """

    engine: Engine
    q: Builder
    identity: Mapping[tuple[str, str], str]

    # --- rows

    def rows(self, mapped: Mapped, types: Mapping[str, Type], files: Sequence[SourceFile], ids: Path, marks: Path) -> Rows:
        """Say of each row of some files of a source what becomes of it.

        Args:
            ids: where to write the different customers of the rows kept: (customer, rows).
            marks: where to write a hash of each row by which the same event is known again (see `meet`).
        """
        engine, q, source = self.engine, self.q, mapped.source
        assert mapped.customer is not None
        assert mapped.time is not None
        assert mapped.day is not None
        base = f"coterie_in_{source.name}"
        make_base(engine, q, f"{base}_files", files, types)
        fold_columns(engine, q, source, types, f"{base}_files", base)
        values, joins = fold_computed(engine, q, mapped, base)
        told = [mapped.customer, mapped.time, *(values[name] for name in sorted(values))]
        hashed, bucket = content(q, told), q.call("hash", *told)
        given = mapped.id if mapped.id is not None else q.null()
        identified = hashed
        if mapped.id is not None:
            always = mapped.id_column is not None and all(f.shard.known.get(mapped.id_column, 0) == f.shard.kept for f in files)
            identified = mapped.id if always else q.call("coalesce", mapped.id, hashed)
            same_id = q.call("hash", mapped.id)
            bucket = same_id if always else q.case([(q.is_null(mapped.id), bucket)], same_id)
        select = exp.select(
            self.status(mapped).as_("_status"),
            given.as_("_given"),
            identified.as_("_id"),
            hashed.as_("_content"),
            bucket.as_("_bucket"),
            mapped.customer.as_("_raw_customer"),
            mapped.time.as_("_time"),
            mapped.day.as_("_day"),
            (mapped.lines if mapped.lines is not None else q.null()).as_("_line_of"),
            (mapped.updated_at if mapped.updated_at is not None else q.null()).as_("_updated_at"),
            col(FILE, "r").as_(FILE, quoted=True),
            col(LINE, "r").as_(LINE, quoted=True),
            col(LEARNED, "r").as_(LEARNED, quoted=True),
            *(tree.as_(name, quoted=True) for name, tree in values.items()),
        )

        def seen(relation: str) -> exp.Select:
            query = select.copy().from_(rel(relation, "r"), copy=False)
            for join in joins:
                query = query.join(join.copy(), join_type="left", copy=False)
            return self.with_identity(query, source.name, base)

        view = f"{base}_rows"
        engine.view(view, seen(base))
        view, counted = self.once(mapped, view, base, seen, marks)
        view, counted = self.lines_of_one(mapped, view, counted)
        counts = self.count(view, ids, source.name)
        return Rows(mapped, tuple(files), view, {**counts, **counted})

    def status(self, mapped: Mapped) -> exp.Expression:
        q = self.q
        assert mapped.customer is not None
        assert mapped.time is not None
        branches: list[tuple[exp.Expression, exp.Expression]] = []

        def when(condition: exp.Expression, word: str) -> None:
            branches.append((condition, q.literal(word)))

        if mapped.deleted is not None:
            when(mapped.deleted, "deleted")
        if mapped.where is not None:
            when(q.is_null(mapped.where), "undecided")
            when(q.not_(mapped.where), "left out")
        when(q.is_null(mapped.customer), "no customer")
        when(odd(q, mapped.customer), "odd id")
        when(q.is_null(mapped.time), "no time")
        early, late = q.binary("<", mapped.time, q.literal(FIRST_TIME)), q.binary(">=", mapped.time, q.literal(LAST_TIME))
        when(q.any([early, late]), "time out of range")
        if mapped.lines is not None:
            when(q.is_null(mapped.lines), "no line id")
        return q.case(branches, q.literal(KEPT))

    def with_identity(self, select: exp.Select, source: str, base: str) -> exp.Select:
        """The rows with `_customer_id`: where the one map leads from (source, id)."""
        q = self.q
        pairs = [(id_, customer) for (name, id_), customer in self.identity.items() if name == source]
        rows = exp.select(exp.Column(this=exp.Star(), table=exp.to_identifier("m"))).from_(select.subquery("m"), copy=False)
        if not pairs:
            return rows.select(col("_raw_customer", "m").as_("_customer_id"), copy=False)
        table = f"{base}_identity"
        self.engine.register(
            table,
            pa.table({"_from": [a for a, _ in pairs], "_to": [b for _, b in pairs]}, schema=_PAIRS),
        )
        on = exp.EQ(this=col("_raw_customer", "m"), expression=col("_from", "i"))
        led = q.call("coalesce", col("_to", "i"), col("_raw_customer", "m"))
        return rows.select(led.as_("_customer_id"), copy=False).join(rel(table, "i"), on=on, join_type="left", copy=False)

    # --- each event once

    def once(
        self, mapped: Mapped, view: str, base: str, seen: Callable[[str], exp.Select], marks: Path
    ) -> tuple[str, dict[str, int]]:
        """Leave out rows that say again what another said, and number rows that are the same by right.

        Rows whose hash is alike are found first, which needs no more than the hash; only these are looked at closely.
        """
        q, engine = self.q, self.engine
        counted = {"identical": 0, "overlaps": 0, "duplicates": 0, "conflicts": 0, "taken away": 0}
        tombstone = q.all([q.binary("=", col("_status"), q.literal("deleted")), q.not_(q.is_null(col("_given")))])
        usable = q.any([q.binary("=", col("_status"), q.literal(KEPT)), tombstone])
        of_lines = q.case([(q.not_(q.is_null(col("_line_of"))), q.call("hash", col("_line_of")))])
        marked = [col("_bucket"), *([of_lines.as_("_line_of", quoted=True)] if mapped.lines is not None else [])]
        engine.write_parquet(exp.select(*marked).from_(rel(view)).where(usable), marks, f"rows of {mapped.source.name}")
        twins = f"{view}_twins"
        several = q.binary(">", q.count_rows(), q.literal(1))
        engine.parquet(f"{view}_marks", [marks])
        engine.create(
            twins,
            exp.select(col("_bucket")).from_(rel(f"{view}_marks")).group_by(col("_bucket")).having(several),
            f"rows of {mapped.source.name} with the same id",
        )
        if not _one(engine, twins):
            return view, counted
        alike = f"{view}_alike"
        same = exp.EQ(this=col("_bucket", "r"), expression=col("_bucket", "t"))
        engine.create(
            alike,
            exp.select(col(FILE, "r"), col(LINE, "r"))
            .from_(rel(view, "r"), copy=False)
            .join(rel(twins, "t"), on=same, join_type="semi", copy=False)
            .where(usable, copy=False),
            f"rows of {mapped.source.name} that are alike",
        )
        here = q.all([exp.EQ(this=col(c, "b"), expression=col(c, "a")) for c in (FILE, LINE)])
        close = f"{view}_close"
        engine.view(
            close,
            exp.select(exp.Column(this=exp.Star(), table=exp.to_identifier("b")))
            .from_(rel(base, "b"), copy=False)
            .join(rel(alike, "a"), on=here, join_type="semi", copy=False),
        )
        among = seen(close)
        fates = f"{view}_fates"
        engine.create(fates, self.fates(among), f"each event of {mapped.source.name} once")
        for fate, n in engine.rows(
            exp.select(col("_fate"), q.count_rows()).from_(rel(fates)).where(q.not_(q.is_null(col("_fate")))).group_by(col("_fate"))
        ):
            counted[str(fate)] = int(cast(int, n))
        again = exp.select(q.count_rows()).from_(rel(fates)).where(q.binary(">", col("_nth"), q.literal(1)))
        counted["identical"] = int(cast(int, engine.rows(again)[0][0]))
        changed = q.any([q.not_(q.is_null(col("_fate"))), q.binary(">", col("_nth"), q.literal(1))])
        engine.create(f"{fates}_kept", exp.select(exp.Star()).from_(rel(fates)).where(changed), "rows that change")
        on = q.all(
            [
                exp.EQ(this=col(FILE, "r"), expression=col(FILE, "x")),
                exp.EQ(this=col(LINE, "r"), expression=col(LINE, "x")),
            ]
        )
        star = exp.Column(
            this=exp.Star(except_=[exp.to_identifier("_id", quoted=True), exp.to_identifier("_status", quoted=True)]),
            table=exp.to_identifier("r"),
        )
        nth = q.binary(">", col("_nth", "x"), q.literal(1))
        numbered_id = q.binary("||", q.binary("||", col("_id", "r"), q.literal("-")), q.cast(col("_nth", "x"), "VARCHAR"))
        view_once = f"{view}_once"
        engine.view(
            view_once,
            exp.select(
                star,
                q.case([(nth, numbered_id)], col("_id", "r")).as_("_id"),
                q.call("coalesce", col("_fate", "x"), col("_status", "r")).as_("_status"),
            )
            .from_(rel(view, "r"), copy=False)
            .join(rel(f"{fates}_kept", "x"), on=on, join_type="left", copy=False),
        )
        return view_once, counted

    def meet(self, mapped: Mapped, marks: Path, more: Path) -> bool:
        """Whether some event, or some line of one, of two sets of rows (by their marks) may be the same."""
        engine = self.engine
        engine.parquet("coterie_marks", [marks])
        engine.parquet("coterie_more_marks", [more])
        for column in ("_bucket", *(["_line_of"] if mapped.lines is not None else [])):
            on = exp.EQ(this=col(column, "o"), expression=col(column, "n"))
            both = exp.select(exp.Literal.number(1)).from_(rel("coterie_marks", "o"))
            if engine.rows(both.join(rel("coterie_more_marks", "n"), on=on, join_type="semi").limit(1), "events that come again"):
                return True
        return False

    def fates(self, among: exp.Query) -> exp.Expression:
        """Of rows that share an id: which stays, and why the others do not.

        With an id given, the newest stays: changed last, of the newest file, latest in time, greatest in content.
        Without one, equal rows of one file all stay; of two files, as many as the file with most has.
        """
        q = self.q
        given = q.not_(q.is_null(col("_given")))
        newest = [down(col("_updated_at")), down(col(FILE)), down(col("_time")), down(col("_content")), up(col(LINE))]
        place = q.case([(given, row_number([col("_id")], newest))])
        in_file = q.case([(given, q.literal(1))], row_number([col("_id"), col(FILE)], [up(col(LINE))]))

        def winner(column: str) -> exp.Expression:
            order = exp.Order(expressions=[o.copy() for o in newest])
            return exp.Window(this=exp.FirstValue(this=col(column)), partition_by=[col("_id")], order=order)

        inner = exp.select(
            exp.Star(),
            place.as_("_place"),
            in_file.as_("_nth"),
            winner("_content").as_("_winner"),
            winner("_status").as_("_winners_status"),
        ).from_(among.subquery("a"), copy=False)
        over_files = row_number([col("_id"), col("_nth")], [up(col(FILE))])
        second = exp.select(exp.Star(), over_files.as_("_copy")).from_(inner.subquery("b"), copy=False)
        gone = q.binary("=", col("_winners_status"), q.literal("deleted"))
        again = q.binary("=", col("_content"), col("_winner"))
        why = q.case([(gone, q.literal("taken away")), (again, q.literal("duplicates"))], q.literal("conflicts"))
        fate = q.case(
            [
                (q.binary(">", col("_place"), q.literal(1)), why),
                (q.all([q.not_(given), q.binary(">", col("_copy"), q.literal(1))]), q.literal("overlaps")),
            ]
        )
        return exp.select(
            col(FILE), col(LINE), fate.as_("_fate"), q.case([(q.is_null(fate), col("_nth"))], q.literal(1)).as_("_nth")
        ).from_(second.subquery("c"), copy=False)

    def lines_of_one(self, mapped: Mapped, view: str, counted: dict[str, int]) -> tuple[str, dict[str, int]]:
        """Set apart the lines of an event that name two customers."""
        q, engine = self.q, self.engine
        if mapped.lines is None:
            return view, counted
        torn = f"{view}_torn"
        customer = col("_customer_id")
        differ = q.not_(q.binary("=", q.call("min", customer), q.call("max", customer)))
        engine.create(
            torn,
            exp.select(col("_line_of"))
            .from_(rel(view))
            .where(q.binary("=", col("_status"), q.literal(KEPT)))
            .group_by(col("_line_of"))
            .having(differ),
            f"lines of {mapped.source.name} with two customers",
        )
        if not _one(engine, torn):
            return view, counted
        star = exp.Column(this=exp.Star(except_=[exp.to_identifier("_status", quoted=True)]), table=exp.to_identifier("r"))
        hit = q.all([q.not_(q.is_null(col("_line_of", "x"))), q.binary("=", col("_status", "r"), q.literal(KEPT))])
        whole = f"{view}_whole"
        on = exp.EQ(this=col("_line_of", "r"), expression=col("_line_of", "x"))
        engine.view(
            whole,
            exp.select(star, q.case([(hit, q.literal("two customers"))], col("_status", "r")).as_("_status"))
            .from_(rel(view, "r"), copy=False)
            .join(rel(torn, "x"), on=on, join_type="left", copy=False),
        )
        return whole, counted

    def count(self, view: str, ids: Path, name: str) -> dict[str, int]:
        """Count the rows by status, and write the different customers of those kept."""
        q, engine = self.q, self.engine
        kept = q.binary("=", col("_status"), q.literal(KEPT))
        table = f"{view}_ids"
        customer = q.case([(kept, col("_customer_id"))])
        engine.create(
            table,
            exp.select(col("_status"), customer.as_("customer"), q.count_rows().as_("n"))
            .from_(rel(view))
            .group_by(col("_status"), customer),
            f"customers of {name}",
        )
        try:
            counts = engine.rows(
                exp.select(col("_status"), q.cast(q.call("sum", col("n")), "BIGINT")).from_(rel(table)).group_by(col("_status"))
            )
            engine.write_parquet(
                exp.select(col("customer"), col("n")).from_(rel(table)).where(kept).order_by(up(col("customer"))),
                ids,
                f"customers of {name}",
            )
        finally:
            engine.drop(table)
        return {str(status): int(cast(int, n)) for status, n in counts}

    # --- tables

    def write(self, rows: Rows, kind: str, keys: str, path: Path, beside: Path | None = None) -> int:
        """Write the kept rows of a source, sorted and numbered; returns how many have a customer in `keys`.

        Args:
            beside: the table of the earlier rows of this kind, where these come on top of them.
        """
        q = self.q
        self.room(rows.files, path)
        on = exp.EQ(this=col("_customer_id", "r"), expression=col("customer", "k"))
        select = (
            exp.select(
                col("_customer", "k").as_("_customer", quoted=True),
                col("_time", "r").as_("time", quoted=True),
                col("_day", "r").as_("_day", quoted=True),
                col("_id", "r").as_("id", quoted=True),
                col(LEARNED, "r").as_(LEARNED, quoted=True),
                *(col(name, "r").as_(name, quoted=True) for name in rows.mapped.columns),
            )
            .from_(rel(rows.view, "r"), copy=False)
            .join(rel(keys, "k"), on=on, copy=False)
            .where(q.binary("=", col("_status", "r"), q.literal(KEPT)), copy=False)
        )
        return self.write_sorted(select, kind, path, beside)

    def write_sorted(self, select: exp.Select, kind: str, path: Path, beside: Path | None) -> int:
        """Write events sorted by customer, time and id, with their place: a number that grows in this order.

        The places of a whole table lie `GAP` apart, so that rows that come later find theirs in between.
        """
        q, engine = self.q, self.engine
        order = [col("_customer"), col("time"), col("id")]
        about = f"write the events {kind}"
        if beside is None:
            return engine.write_parquet(q.numbered(select, order, "_order", GAP), path, about)
        new, old, places = (f"coterie_{what}_{kind}" for what in ("new", "old", "places"))
        engine.create(new, q.numbered(select, order, "_nth"), about)
        engine.parquet(old, [beside])
        nothing = q.cast(exp.Null(), "BIGINT")
        theirs = exp.select(*(c.copy() for c in order), col("_order"), nothing.as_("_nth", quoted=True))
        same = exp.EQ(this=col("_customer", "o"), expression=col("_customer", "n"))
        theirs = theirs.from_(rel(old, "o")).join(rel(new, "n"), on=same, join_type="semi")
        ours = exp.select(*(c.copy() for c in order), nothing.copy(), col("_nth")).from_(rel(new))
        before = exp.Window(
            this=q.call("max", col("_order")),
            partition_by=[col("_customer")],
            order=exp.Order(expressions=[up(col("time")), up(col("id"))]),
            spec=exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW"),
        )
        both = exp.Union(this=theirs, expression=ours, distinct=False).subquery("b")
        engine.create(
            places, exp.select(col("_customer"), col("_nth"), before.as_("_before", quoted=True)).from_(both, copy=False), about
        )
        place = exp.Add(this=q.call("coalesce", col("_before", "p"), q.literal(0)), expression=col("_nth", "n"))
        star = exp.Column(this=exp.Star(except_=[exp.to_identifier("_nth", quoted=True)]), table=exp.to_identifier("n"))
        on = q.all([exp.EQ(this=col(name, "n"), expression=col(name, "p")) for name in ("_customer", "_nth")])
        query = exp.select(star, place.as_("_order", quoted=True)).from_(rel(new, "n")).join(rel(places, "p"), on=on)
        query.set("order", exp.Order(expressions=[up(col("_customer", "n")), up(col("_nth", "n"))]))
        try:
            return engine.write_parquet(query, path, about)
        finally:
            for made in (new, places, old):
                engine.drop(made)

    def write_whole(self, mapped: Mapped, lines: Path, kind: str, path: Path, beside: Path | None = None) -> int:
        """Write one event for the lines with one id: the earliest time, sums, and what all lines agree on."""
        q = self.q
        assert mapped.line_column is not None
        view = f"coterie_lines_{kind}"
        self.engine.parquet(view, [lines])
        columns = whole_columns(mapped)
        sums = set(mapped.source.sum)
        selected = []
        for name, type_ in columns.items():
            column = col(name)
            if name in sums:
                exact = "BIGINT" if type_ == INTEGER else EVENT_FLOAT if type_ == FLOAT else sql_type(type_)
                selected.append(q.try_cast(q.call("sum", column), exact).as_(name, quoted=True))
                continue
            low, high = q.call("min", column), q.call("max", column)
            agree = q.all([q.binary("=", exp.Count(this=column.copy()), q.count_rows()), q.binary("=", low, high)])
            selected.append(q.case([(agree, low)]).as_(name, quoted=True))
        id_ = col(mapped.line_column)
        select = (
            exp.select(
                q.call("min", col("_customer")).as_("_customer", quoted=True),
                q.call("min", col("time")).as_("time", quoted=True),
                q.call("min", col("_day")).as_("_day", quoted=True),
                id_.copy().as_("id", quoted=True),
                q.call("max", col(LEARNED)).as_(LEARNED, quoted=True),
                *selected,
            )
            .from_(rel(view), copy=False)
            .group_by(id_)
        )
        try:
            outer = exp.select(exp.Star()).from_(select.subquery("g"), copy=False)
            return self.write_sorted(outer, kind, path, beside)
        finally:
            self.engine.drop(view)

    def facts(self, kind: str, source: str, paths: Sequence[Path], columns: Mapping[str, Type], rank: int) -> EventFacts:
        """What is in a table of events."""
        q, engine = self.q, self.engine
        view = f"coterie_facts_{kind}"
        engine.parquet(view, paths)
        try:
            query = exp.select(q.count_rows(), q.call("min", col("time")), q.call("max", col("time"))).from_(rel(view))
            for name in columns:
                query = query.select(exp.Count(this=col(name)))
            n, first, last, *known = engine.rows(query)[0]
        finally:
            engine.drop(view)
        nullable = frozenset(name for name, k in zip(columns, known, strict=True) if k != n)
        return EventFacts(
            kind=kind, source=source, paths=tuple(paths), columns=dict(columns), rows=int(cast(int, n)), nullable=nullable,
            first=cast(datetime | None, first), last=cast(datetime | None, last), rank=rank,
        )  # fmt: skip

    def room(self, files: Sequence[SourceFile], path: Path) -> None:
        """Refuse to begin a sort for which the disk has no room.

        Raises:
            StoreError: E504.
        """
        size = sum(f.shard.size for f in files)
        need = size + size // 2
        path.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(path.parent).free
        if need > free:
            raise StoreError(
                f"sorting {sum(f.shard.kept for f in files):,} rows needs about {need / 1e9:.1f} GB of free disk, "
                f"and {path.parent} has {free / 1e9:.1f} GB",
                code="E504",
                hint="free some space, or put the project on a larger disk; the last results are untouched",
            )


def whole_columns(mapped: Mapped) -> dict[str, Type]:
    """The columns of an event made of lines: those of the lines, without the one that is its id."""
    named = {name for name in mapped.source.columns if name == mapped.line_column}
    return {name: type_ for name, type_ in mapped.columns.items() if name != mapped.line_column or name in named}


def _one(engine: Engine, table: str) -> bool:
    return bool(engine.rows(exp.select(exp.Literal.number(1)).from_(rel(table)).limit(1)))


_PAIRS = pa.schema([("_from", pa.string()), ("_to", pa.string())])
