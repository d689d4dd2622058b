"""The published results of a run, open for reading: sizes, members, ad-hoc counts, reasons, SQL.

A results file carries the definitions and the scope it was made with, so what is read is always what was run, whatever has
become of the project file since. Readers open it read-only and never wait for a run.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlglot import Dialect as Dialects
from sqlglot import exp

from coterie.core.errors import TypeMismatch, UnknownName, did_you_mean
from coterie.core.place import Origin
from coterie.core.windows import local
from coterie.engine.engine import Engine
from coterie.engine.written import listed
from coterie.language.catalog import Catalog
from coterie.language.change import Change
from coterie.language.changes import changes
from coterie.language.check import Checked
from coterie.language.compile import Compiler
from coterie.language.dialects import DIALECTS, words
from coterie.language.evaluate import Coverage as KnownCoverage
from coterie.language.evaluate import Customer, Event, World, in_order
from coterie.language.explain import Reason, explain
from coterie.language.format import format as format_expr
from coterie.language.leaves import Context
from coterie.language.names import written
from coterie.language.scope import ColumnInfo, EventInfo, Scope
from coterie.language.sql import Builder
from coterie.language.tree import And, Apply, Case, Column, Expr, Fitted, Measure, Members, Not, Or, WindowTest
from coterie.language.types import BOOLEAN, MONEY, TEXT, Type, Value, named
from coterie.models.kinds import FITTERS
from coterie.segments import membership
from coterie.segments.membership import Size
from coterie.sources.gathered import Gathered
from coterie.traits import batch
from coterie.traits.batch import Batch, EventTable, Tables, quoted, relation
from coterie.traits.carry import make
from coterie.traits.coverage import Coverage
from coterie.workspace.definitions import catalog as catalog_of
from coterie.workspace.definitions import notices as definition_notices
from coterie.workspace.definitions import notices_of
from coterie.workspace.engines import reader
from coterie.workspace.hands import Hands, from_json, hand_lists, in_words, to_json, told, with_hands
from coterie.workspace.project import Notice, Project, read_project
from coterie.workspace.run import TRAITS, builder, inner
from coterie.workspace.settings import Settings
from coterie.workspace.store import Generation

RUN = "coterie_run"
"""The table of one row that says how these results were made, as JSON."""


@dataclass(frozen=True, slots=True)
class EventSource:
    """A kind of event as a run saw it: its Parquet files (names in the cache), columns, rank and coverage."""

    files: tuple[str, ...]
    columns: Mapping[str, Type]
    rank: int
    rows: int
    nullable: frozenset[str]
    covers: str | None = None
    complete_from: date | None = None
    complete_to: date | None = None

    @property
    def partial(self) -> bool:
        return self.covers is not None or self.complete_from is not None or self.complete_to is not None


@dataclass(frozen=True, slots=True)
class Made:
    """How results were made: everything a reader needs beside the tables."""

    as_of: datetime
    finished: datetime
    project_text: str
    project_file: str
    columns: Mapping[str, Type]
    """Attributes of customers."""
    account_columns: Mapping[str, Type]
    account: str | None
    events: Mapping[str, EventSource]
    population: int
    unknown_rows: Mapping[str, int] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    """What came in: per source rows, kept, quarantined …; notes and warnings; the data's fingerprint."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    labels: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    version: str = ""
    hands: Hands = field(default_factory=dict)
    """Who the record says is in a segment or out of it by hand."""

    def to_json(self) -> str:
        return json.dumps(
            {
                "as_of": self.as_of.isoformat(),
                "finished": self.finished.isoformat(),
                "project_text": self.project_text,
                "project_file": self.project_file,
                "columns": {n: str(t) for n, t in self.columns.items()},
                "account_columns": {n: str(t) for n, t in self.account_columns.items()},
                "account": self.account,
                "events": {
                    kind: {
                        "files": list(e.files),
                        "columns": {n: str(t) for n, t in e.columns.items()},
                        "rank": e.rank,
                        "rows": e.rows,
                        "nullable": sorted(e.nullable),
                        "covers": e.covers,
                        "complete_from": None if e.complete_from is None else e.complete_from.isoformat(),
                        "complete_to": None if e.complete_to is None else e.complete_to.isoformat(),
                    }
                    for kind, e in self.events.items()
                },
                "population": self.population,
                "unknown_rows": dict(self.unknown_rows),
                "data": dict(self.data),
                "seconds": dict(self.seconds),
                "labels": {n: dict(c) for n, c in self.labels.items()},
                "version": self.version,
                "hands": to_json(self.hands),
            },
            default=str,
        )

    @classmethod
    def from_json(cls, text: str) -> "Made":
        said = json.loads(text)
        events = {
            kind: EventSource(
                tuple(e["files"]),
                {n: named(t) for n, t in e["columns"].items()},
                e["rank"],
                e["rows"],
                frozenset(e["nullable"]),
                e["covers"],
                _date(e["complete_from"]),
                _date(e["complete_to"]),
            )
            for kind, e in said["events"].items()
        }
        return cls(
            datetime.fromisoformat(said["as_of"]),
            datetime.fromisoformat(said["finished"]),
            said["project_text"],
            said["project_file"],
            {n: named(t) for n, t in said["columns"].items()},
            {n: named(t) for n, t in said["account_columns"].items()},
            said["account"],
            events,
            said["population"],
            said["unknown_rows"],
            said["data"],
            said["seconds"],
            said["labels"],
            said["version"],
            from_json(said.get("hands", {})),
        )


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def scope_of(
    project: Project,
    columns: Mapping[str, Type],
    account_columns: Mapping[str, Type],
    account: str | None,
    events: Mapping[str, EventSource],
    lookups: Mapping[str, Iterable[str]],
) -> Scope:
    """The names that definitions may use, before the definitions themselves."""
    return Scope(
        {name: ColumnInfo(type_) for name, type_ in columns.items()},
        {kind: EventInfo(e.columns, e.partial) for kind, e in events.items()},
        zone=project.timezone,
        account={name: ColumnInfo(type_) for name, type_ in account_columns.items()},
        has_accounts=account is not None,
        lists=frozenset(project.lists) | hand_lists(project).keys(),
        lookups={source: frozenset(names) for source, names in lookups.items()},
    )


def made_scope(project: Project, made: "Made") -> Scope:
    """The same of results that are there."""
    lookups = made.data.get("lookups", {})
    return scope_of(project, made.columns, made.account_columns, made.account, made.events, lookups)


def tables_of(catalog: Catalog, events: Mapping[str, EventSource], account: str | None, customers: str) -> Tables:
    """The tables that a batch reads: customers, and each kind of event as the view `event <kind>`."""
    known = {}
    for kind, source in events.items():
        coverage = None
        if source.partial:
            covers = None if source.covers is None else catalog.expression(source.covers, expected=BOOLEAN).tree
            coverage = Coverage(covers, source.complete_from, source.complete_to)
        info = EventInfo(source.columns, source.partial)
        known[kind] = EventTable(event_view(kind), info, source.rank, coverage, source.nullable)
    return Tables(customers, known, account)


def event_sources(project: Project, gathered: Gathered, cache: Path) -> dict[str, EventSource]:
    """The kinds of event as a run sees them, of gathered tables in a cache."""
    out = {}
    for kind, facts in gathered.events.items():
        source = project.sources[facts.source]
        out[kind] = EventSource(
            files=tuple(p.relative_to(cache).as_posix() for p in facts.paths),
            columns=facts.columns,
            rank=facts.rank,
            rows=facts.rows,
            nullable=facts.nullable,
            covers=None if source.covers is None else source.covers.text,
            complete_from=source.complete_from,
            complete_to=source.complete_to,
        )
    return out


def account_columns(gathered: Gathered) -> Mapping[str, Type]:
    """The accounts' columns, without the `account.` before them."""
    return {} if gathered.accounts is None else gathered.accounts.columns


def event_view(kind: str) -> str:
    return f"event {kind}"


@dataclass(frozen=True, slots=True)
class Count:
    """A three-way count of an expression, with what it stands for. `definition` is its fingerprint; `notices` say
    where it can never be true, or always is."""

    size: Size
    written: Expr
    as_of: datetime
    definition: str
    timezone: str = "UTC"
    notices: tuple[Notice, ...] = ()

    @property
    def expression(self) -> str:
        """As canonical text."""
        return format_expr(self.written)

    @property
    def english(self) -> str:
        from coterie.language.describe import describe

        return describe(self.written)

    def to_json(self) -> dict[str, Any]:
        return {
            "in": self.size.inside,
            "out": self.size.outside,
            "cannot_tell": self.size.cannot_tell,
            "missing": dict(self.size.missing),
            "population": self.size.population,
            "as_of": local(self.as_of, self.timezone).isoformat(timespec="seconds"),
            "definition": self.definition,
            **({"notices": [str(n) for n in self.notices]} if self.notices else {}),
        }


@dataclass(frozen=True, slots=True)
class Why:
    """Why a customer is in or not: each condition with the value found, and what would change the answer."""

    customer: str
    name: str
    reason: Reason
    changes: tuple[Change, ...]
    as_of: datetime
    drives: tuple[str, ...] = ()
    """Of a prediction: what raises and what lowers it for this customer, in words."""


class Results:
    """The results of one run.

    Args:
        generation: which.
        cache: the folder of the cache, where the events' files are.
        engine: to use instead of opening the file (tests).
        settings: limits of the machine.
    """

    def __init__(self, generation: Generation, cache: Path, engine: Engine | None = None, settings: Settings | None = None):
        self.generation, self.cache = generation, cache
        limits = settings or Settings()
        self.engine: Engine = engine or reader(generation.path, limits, generation.about.get("engine", "spark"))
        self.ad_hoc = 0

    @cached_property
    def made(self) -> Made:
        return Made.from_json(str(self.engine.rows(exp.select(quoted("json")).from_(relation(RUN)))[0][0]))

    @cached_property
    def project(self) -> Project:
        return with_hands(read_project(self.made.project_text, Path(self.made.project_file)), self.made.hands)

    @cached_property
    def catalog(self) -> Catalog:
        return catalog_of(self.project, made_scope(self.project, self.made))

    @cached_property
    def notices(self) -> tuple[Notice, ...]:
        """What is worth knowing of the project file and its definitions."""
        return (*self.project.notices, *definition_notices(self.catalog))

    @cached_property
    def tables(self) -> Tables:
        return tables_of(self.catalog, self.made.events, self.made.account, TRAITS)

    @cached_property
    def lists(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, set[str]] = {name: set() for name in (*self.project.lists, *hand_lists(self.project))}
        if found:
            for name, customer in self.engine.rows(exp.select("*").from_(relation("lists"))):
                found.setdefault(str(name), set()).add(str(customer))
        return {name: frozenset(ids) for name, ids in found.items()}

    @cached_property
    def context(self) -> Context:
        return Context(self.made.as_of, self.project.timezone)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table of traits."""
        return tuple(self.engine.schema(exp.select("*").from_(relation(TRAITS))))

    @cached_property
    def aliases(self) -> Mapping[str, str]:
        trees = [(d.name, d.checked.tree) for d in self.catalog.definitions.values() if d.name in self.columns]
        return batch.aliases_of(trees)

    # --- sizes and members ------------------------------------------------------------------------------------------------

    @cached_property
    def sizes(self) -> Mapping[str, Size]:
        """The three-way size of each segment, in the order of the file."""
        rows = self.engine.rows(exp.select("*").from_(relation("sizes")))
        found = {str(name): Size(_int(i), _int(o), _int(c), json.loads(str(missing))) for name, i, o, c, missing in rows}
        return {name: found[name] for name in self.project.segments if name in found}

    def segment(self, name: str) -> Size:
        if name not in self.sizes:
            raise self.unknown_segment(name)
        return self.sizes[name]

    def unknown_segment(self, name: str) -> UnknownName:
        return UnknownName(
            f"there is no segment {name!r} in these results",
            hint=did_you_mean(name, self.sizes, "Segments are"),
        )

    def members(self, name: str, columns: Sequence[str] = ()) -> exp.Select:
        """The query of a segment's customers, in the order of their ids, with columns of theirs."""
        self.segment(name)
        return self.selected(name, columns)

    def selected(self, name: str, columns: Sequence[str] | None = None) -> exp.Select:
        """The query of the customers of a segment or who meet any condition, in the order of their ids.

        Args:
            name: a segment, or a condition.
            columns: columns of theirs, or segments (true, false or missing); None are those that the rule reads.

        Raises:
            DefinitionError: the name or a column means nothing here, or it is no condition.
        """
        checked = self.meant(name, expected=BOOLEAN)
        wanted = self.read_by(checked.tree) if columns is None else [c for c in dict.fromkeys(columns) if c != "customer"]
        for column in wanted:
            if column not in self.public and column not in self.sizes:
                known = [*self.public, *self.sizes]
                raise UnknownName(f"unknown column {column!r}", hint=did_you_mean(column, known, "Columns are"))
        if name in self.sizes:
            table = TRAITS
            inside = exp.select(quoted(batch.KEY)).from_(relation(membership.BITS)).where(self.bit(name))
            condition: exp.Expression = exp.In(this=quoted(batch.KEY, "t"), query=inside.subquery())
        else:
            table = self.prepared([checked.tree])
            held = holding(self.compiler().sql(self.inlined(checked.tree)), batch.KEY, table)
            condition = exp.In(this=quoted(batch.KEY, "t"), query=held.subquery())
        select = exp.select(quoted("customer", "t")).from_(batch.aliased(TRAITS, "t")).where(condition)
        for column in wanted:
            value = quoted(column, "t") if column in self.public else quoted(column, "s")
            select = select.select(value.as_(column, quoted=True), copy=False)
        rules = [column for column in wanted if column not in self.public]
        if rules:
            bits = exp.select(quoted(batch.KEY), *(self.bit(rule).as_(rule, quoted=True) for rule in rules))
            on = exp.EQ(this=quoted(batch.KEY, "t"), expression=quoted(batch.KEY, "s"))
            select = select.join(bits.from_(relation(membership.BITS)).subquery("s"), on=on)
        return select.order_by(quoted("customer", "t"))

    @cached_property
    def public(self) -> tuple[str, ...]:
        """The columns of the table of traits that are for people: not those that only help to answer."""
        return tuple(c for c in self.columns if not c.startswith("_") and "~" not in c)

    def meant(self, name: str, expected: Type | None = None) -> Checked:
        """The definition of that name, else the name as an expression.

        Raises:
            DefinitionError: it cannot be read, or its type is not the one expected.
        """
        found = self.catalog.definitions.get(name)
        if found is None:
            return self.catalog.expression(name, expected=expected)
        if expected is not None and found.checked.type != expected:
            way = f"{written(name)} = '…'" if found.checked.type == TEXT else f"{written(name)} is known"
            raise TypeMismatch(
                f"the {found.noun} {name!r} is {found.checked.type}, and a condition is needed",
                hint=f"write one with it, as in: {way}",
            )
        return found.checked

    def read_by(self, tree: Expr) -> list[str]:
        """The columns for people that a rule names, through the segments in it, in the order of the rule."""
        tree = self.inlined(tree)
        columns = [n for n in batch.walk_outer(tree) if isinstance(n, Column)]
        names = [n.name if n.part is None else f"{n.name}.{n.part}" for n in columns]
        names += sorted(batch.used(tree))
        return [n for n in dict.fromkeys(names) if n in self.public and n != "customer"]

    @cached_property
    def sizes_order(self) -> tuple[str, ...]:
        """Segments in the order in which their bits are packed."""
        rows = self.engine.rows(exp.select(quoted("segment")).from_(relation("sizes")))
        return tuple(str(r[0]) for r in rows)

    def bit(self, name: str) -> exp.Expression:
        return membership.member(self.sizes_order.index(name))

    def overlap(self, name: str) -> Mapping[str, int]:
        """How many customers of a segment are in each other one."""
        self.segment(name)
        others = [o for o in self.sizes_order if o != name]
        out: dict[str, int] = {}
        for start in range(0, len(others), 100):
            some = others[start : start + 100]
            select = exp.select().from_(relation(membership.BITS)).where(self.bit(name))
            for i, other in enumerate(some):
                counted = exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=self.bit(other)))
                select = select.select(counted.as_(f"n{i}"), copy=False)
            out.update(zip(some, (_int(v) for v in self.engine.rows(select)[0]), strict=True))
        return out

    @cached_property
    def money(self) -> str | None:
        """The trait that shares of revenue are taken of: one called revenue, else the first sum of money."""
        return money_of(self.catalog)

    @cached_property
    def revenue(self) -> Mapping[str, Decimal]:
        """The money trait summed over each segment, and over everybody under the empty name; empty where there is none."""
        return self.revenue_of(self.sizes_order)

    def revenue_of(self, segments: Sequence[str]) -> Mapping[str, Decimal]:
        """The same of some segments, and of everybody."""
        if self.money is None:
            return {}
        out: dict[str, Decimal] = {}
        joined = exp.select(quoted(self.money, "t").as_("money"), "s.*").from_(batch.aliased(TRAITS, "t"))
        on = exp.EQ(this=quoted(batch.KEY, "t"), expression=quoted(batch.KEY, "s"))
        joined = joined.join(batch.aliased(membership.BITS, "s"), on=on)
        total = exp.Anonymous(this="sum", expressions=[quoted("money")])
        names = ["", *segments]
        for start in range(0, len(names), 100):
            select = exp.select().from_(joined.subquery("j"))
            for i, name in enumerate(names[start : start + 100]):
                kept = total.copy() if not name else exp.Filter(this=total.copy(), expression=exp.Where(this=self.bit(name)))
                select = select.select(exp.func("coalesce", kept, exp.Literal.number(0)).as_(f"n{i}"), copy=False)
            values = self.engine.rows(select)[0]
            out.update((n, Decimal(str(v))) for n, v in zip(names[start : start + 100], values, strict=True))
        return out

    def english(self, name: str) -> str:
        """A definition in plain English."""
        from coterie.language.describe import describe

        return in_words(self.project, describe(self.definition(name).written))

    def definition(self, name: str) -> Checked:
        found = self.catalog.definitions.get(name)
        if found is None:
            raise UnknownName(f"nothing is called {name!r}", hint=did_you_mean(name, self.catalog.definitions, "Defined are"))
        return found.checked

    # --- any expression -----------------------------------------------------------------------------------------------------

    def count(self, expression: str) -> Count:
        """The three-way size of any expression, over the traits of this run; what it measures anew is scanned for."""
        origin = Origin.of(expression)
        checked = self.catalog.expression(origin, expected=BOOLEAN)
        table = self.prepared([checked.tree])
        compiled = membership.rules({"": self.inlined(checked.tree)}, self.compiler(), table)
        size = membership.count(self.engine, compiled)[""]
        notices = notices_of(checked, origin, self.catalog)
        return Count(size, checked.written, self.made.as_of, self.catalog.hash(checked), self.project.timezone, notices)

    def compiler(self, dialect: str | None = None) -> Compiler:
        return batch.compiler(self.words(dialect), self.catalog.scope, self.tables, self.aliases)

    def words(self, dialect: str | None = None) -> Builder:
        return replace(builder(self.engine, self.context), dialect=dialect or self.engine.dialect)

    def prepared(self, trees: Iterable[Expr]) -> str:
        """The table of traits, or a temporary one that also has what these trees measure or fit in place."""
        table = f"ad_hoc_{self.ad_hoc + 1}"
        planned = self.planned(trees, prefix=table, table=table)
        if planned is None:
            return TRAITS
        self.attach_events()
        self.ad_hoc += 1
        for step in planned.steps:
            make(self.engine, step, temporary=True)
        return table

    def planned(self, trees: Iterable[Expr], *, prefix: str, table: str, dialect: str | None = None) -> Batch | None:
        """The steps to a table that has all traits and what these trees measure or fit in place; None where traits suffice."""
        wanted = {w.name: w for t in trees for w in inner(self.inlined(t))}
        missing = [w for n, w in wanted.items() if self.aliases.get(n, n) not in self.columns]
        if not missing:
            return None
        return batch.plan(
            missing,
            self.tables,
            self.catalog.scope,
            self.words(dialect),
            FITTERS,
            aliases=self.aliases,
            have=self.columns,
            prefix=prefix,
            table=table,
        )

    def attach_events(self) -> None:
        """Make the events' files readable here, wherever the folder has been moved to."""
        for kind, source in self.made.events.items():
            self.engine.parquet(event_view(kind), [self.cache / f for f in source.files], temporary=True, sorted_by=batch.SORTED)

    def inlined(self, node: Expr) -> Expr:
        """The tree with the names of segments that are no columns replaced by their rules."""
        return substitute(node, {d.name: d.checked.tree for d in self.catalog.of("segment") if d.name not in self.columns})

    def sql(self, name: str, dialect: str | None = None) -> str:
        """The SQL of a segment or of any expression over the table of traits, to paste into a shell of its engine.

        What it measures or fits anew comes before it as steps that read the events' files. `dialect` is that of these results'
        engine where nothing is said, `duckdb` or `spark`; one that coterie has no words for is DuckDB's SQL as SQLGlot
        translates it, which nobody here has run.

        Raises:
            UnknownName: SQLGlot knows no such dialect.
        """
        checked = self.meant(name)
        tree = self.inlined(checked.tree)
        dialect = dialect or self.engine.dialect
        if dialect not in Dialects.classes:
            known = sorted(n for n in Dialects.classes if n)
            raise UnknownName(f"there is no SQL dialect {dialect!r}", hint=did_you_mean(dialect, known, "Known are"))
        spoken = dialect if dialect in DIALECTS else "spark" if dialect == "databricks" else "duckdb"
        planned = self.planned([checked.tree], prefix="step", table="answers", dialect=spoken)
        table = TRAITS if planned is None else planned.table
        if checked.type == BOOLEAN:
            select = holding(self.compiler(spoken).sql(tree), "customer", table)
        else:
            select = exp.select(quoted("customer"), self.compiler(spoken).sql(tree).as_(name, quoted=True)).from_(relation(table))
        select = select.order_by(quoted("customer"))
        for step, query in self.steps_of(planned, spoken) if planned is not None else ():
            alias = exp.TableAlias(this=exp.to_identifier(step, quoted=True))
            select = select.with_(alias, as_=query, copy=False)
        return select.sql(dialect=dialect, pretty=True)

    def steps_of(self, planned: Batch, dialect: str) -> Iterator[tuple[str, exp.Expression]]:
        """The steps of a batch by name, behind the events that they read."""
        read = {table.name for step in planned.steps for table in step.query.find_all(exp.Table)}
        for kind, source in self.made.events.items():
            if event_view(kind) in read:
                yield event_view(kind), words(dialect).files([listed((self.cache / f).resolve()) for f in source.files])
        for step in planned.steps:
            yield step.table, step.query

    # --- rows that were set aside

    def quarantine(self, source: str | None = None, limit: int | None = None) -> list[dict[str, Any]]:
        """Rows that could not be read or used: source, file, line, column, value, reason, row; the first `limit` of them.

        Raises:
            UnknownName: there is no such source.
        """
        known = [s["name"] for s in self.made.data.get("sources", ())]
        if source is not None and source not in known:
            raise UnknownName(f"there is no source {source!r} in these results", hint=did_you_mean(source, known, "Sources are"))
        found: list[dict[str, Any]] = []
        for name, file in self.made.data.get("bad_rows", {}).items():
            if source not in (None, name) or (limit is not None and len(found) >= limit):
                continue
            self.engine.parquet("quarantine", [self.cache / file], temporary=True)
            query = exp.select(exp.Star()).from_(relation("quarantine")).order_by(quoted("file"), quoted("line"))
            if limit is not None:
                query = query.limit(limit - len(found))
            found += self.engine.fetch(query).to_pylist()
        return found

    # --- one customer -------------------------------------------------------------------------------------------------------

    def why(self, customer: str, name: str) -> Why:
        """Why a customer is in a segment (or has a label, or meets an expression) or not, and what would change it."""
        checked = self.meant(name)
        fits = [node for node in batch.walk_outer(self.inlined(checked.tree)) if isinstance(node, Fitted)]
        who, world = self.reference(customer, self.prepared(fits))
        if isinstance(checked.tree, Fitted):
            return Why(customer, name, self.fitted_reason(name, checked, who, world), (), self.made.as_of)
        # A number changes with every event: only answers and labels are worth asking of.
        found = changes(checked.tree, who, world) if checked.type in (BOOLEAN, TEXT) else ()
        return Why(customer, name, told(explain(checked.tree, who, world), self.project, customer), found, self.made.as_of)

    def fitted_reason(self, name: str, checked: Checked, who: Customer, world: World) -> Reason:
        """A fitted value with its parts and with what it was fitted on."""
        resolved = self.catalog.definitions.get(name)
        if resolved is None:
            return explain(checked.tree, who, world)
        whole = explain(Column(name, type=checked.type), who, world)
        parts = [explain(Column(name, part, type=type_), who, world) for part, type_ in resolved.parts.items()]
        return replace(whole, text=format_expr(checked.written), words=self.english(name), children=tuple(parts))

    def reference(self, customer: str, table: str = TRAITS) -> tuple[Customer, World]:
        """One customer and the world as the reference interpreter takes them; fitted values are those of a table."""
        rows = self.engine.fetch(self.one(quoted("customer"), customer, table)).to_pylist()
        if not rows:
            near = self.engine.rows(
                exp.select(quoted("customer"))
                .from_(relation(TRAITS))
                .where(
                    exp.Like(
                        this=quoted("customer"), expression=exp.Literal.string(f"{customer[: max(1, min(3, len(customer) - 1))]}%")
                    )
                )
                .limit(5)
            )
            hint = "ids are text, as the source has them"
            if near:
                hint = f"ids that begin like it: {', '.join(str(n[0]) for n in near)}"
            raise UnknownName(f"there is no customer {customer!r} in these results", code="E108", hint=hint)
        row = rows[0]
        members = [row]
        if self.made.account is not None and row.get(self.made.account) is not None:
            members = self.engine.fetch(self.one(quoted(self.made.account), row[self.made.account], table)).to_pylist()
        events = self.events_of([m[batch.KEY] for m in members])
        by_alias = dict(self.aliases)
        values = {str(m["customer"]): m for m in members}

        def fitted(column: str, who: str) -> Value | None:
            row = values[who]
            names = (by_alias.get(own, own) for own in (column, batch.told_apart(column)))
            found: Value | None = next((row[name] for name in names if name in row), None)
            return found

        world = replace(self.world, fitted=fitted)
        made = {str(m["customer"]): self.customer(m, events.get(m[batch.KEY], []), world) for m in members}
        everybody = tuple(made.values()) if row.get(self.made.account or "") is not None else ()
        return replace(made[str(row["customer"])], members=everybody), world

    @cached_property
    def world(self) -> World:
        """What every answer depends on, as the reference interpreter takes it; fitted values are not in it."""
        coverage = {
            kind: KnownCoverage(t.coverage.covers, t.coverage.complete_from, t.coverage.complete_to)
            for kind, t in self.tables.events.items()
            if t.coverage is not None
        }
        kinds = sorted(self.made.events, key=lambda k: self.made.events[k].rank)
        definitions = {d.name: d.checked.tree for d in self.catalog.definitions.values()}
        return World(self.made.as_of, self.project.timezone, kinds, definitions, coverage, self.lists)

    def customer(self, row: Mapping[str, Any], events: Sequence[Event], world: World) -> Customer:
        account = None
        if self.made.account is not None and row.get(self.made.account) is not None:
            account = {n: plain(row.get(f"account.{n}")) for n in self.made.account_columns}
        return Customer(
            str(row["customer"]),
            {name: plain(row.get(name)) for name in self.made.columns},
            in_order(events, world),
            account,
        )

    def one(self, column: exp.Expression, value: Any, table: str) -> exp.Select:
        literal = self.words().literal(value)
        return exp.select("*").from_(relation(table)).where(exp.EQ(this=column, expression=literal))

    def events_of(self, keys: Sequence[int]) -> dict[int, list[Event]]:
        """All events of some customers, up to and beyond as_of."""
        self.attach_events()
        out: dict[int, list[Event]] = {}
        listed = [exp.Literal.number(k) for k in keys]
        for kind, source in self.made.events.items():
            query = exp.select("*").from_(relation(event_view(kind)))
            query = query.where(exp.In(this=quoted(batch.KEY), expressions=listed))
            for row in self.engine.fetch(query).to_pylist():
                values = {name: plain(row[name]) for name in source.columns}
                out.setdefault(row[batch.KEY], []).append(Event(kind, row["time"], str(row["id"]), values))
        return out

    def close(self) -> None:
        self.engine.close()


def money_of(catalog: Catalog) -> str | None:
    """The trait that customers are worth: one called revenue, else the first sum of money."""
    found = [d for d in catalog.of("trait") if d.checked.type == MONEY]
    sums = [d.name for d in found if isinstance(d.checked.tree, Measure) and d.checked.tree.aggregation == "sum"]
    whole = [n for n in sums if getattr(catalog.definitions[n].checked.tree, "window", 1) is None]
    named_so = [d.name for d in found if d.name.casefold() in ("revenue", "total_revenue", "umsatz")]
    return next(iter([*named_so, *whole, *sums]), None)


def holding(condition: exp.Expression, column: str, table: str) -> exp.Select:
    """A column of the rows of a table for which a condition holds; one that looks at other rows is worked out first."""
    select = exp.select(quoted(column)).from_(relation(table))
    if condition.find(exp.Window) is None:
        return select.where(condition)
    told = select.select(condition.as_("holds", quoted=True))
    return exp.select(quoted(column)).from_(told.subquery("told")).where(quoted("holds"))


def plain(value: Any) -> Value | None:
    return tuple(value) if isinstance(value, list) else value


def substitute(node: Expr, rules: Mapping[str, Expr]) -> Expr:
    """The tree with names replaced by what they stand for, down to names that are columns."""
    match node:
        case Column(name=name, part=None) if name in rules:
            return substitute(rules[name], rules)
        case And(args=args) | Or(args=args) | Apply(args=args):
            return replace(node, args=tuple(substitute(a, rules) for a in args))
        case Not(arg=arg):
            return replace(node, arg=substitute(arg, rules))
        case Case(branches=branches, otherwise=otherwise):
            told = tuple((substitute(a, rules), substitute(b, rules)) for a, b in branches)
            return replace(node, branches=told, otherwise=None if otherwise is None else substitute(otherwise, rules))
        case WindowTest(value=value):
            return replace(node, value=substitute(value, rules))
        case Members(where=where) if where is not None:
            return replace(node, where=substitute(where, rules))
    return node


def _int(value: object) -> int:
    return int(str(value))
