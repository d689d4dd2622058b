"""All definitions in one go: what they need of the events is gathered, each kind of event is scanned once, and the columns
are made layer by layer.

This module only writes SQL. It returns a `Batch`: steps in order, each a table to make, with the fits between them; the
engine carries them out. Measures stand in the result under their canonical text, so that whoever names the same measure
finds it there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property, partial
from typing import Protocol

import pyarrow as pa
from sqlglot import exp

from coterie.core.hashing import fingerprint
from coterie.core.windows import MICROSECOND as _MICROSECOND
from coterie.core.windows import Around, Duration, Next, Window, days, exact_length, instants, local_day
from coterie.engine.arrow import arrow_type
from coterie.language import tree
from coterie.language.aggregations import AGGREGATIONS, Rows, filtered
from coterie.language.compile import Compiler
from coterie.language.fitted import FITTED
from coterie.language.format import format as format_expr
from coterie.language.leaves import Context
from coterie.language.ranges import Range
from coterie.language.scope import ColumnInfo, EventInfo, Scope
from coterie.language.sql import Builder
from coterie.language.tree import Column, Expr, Fitted, Measure, Members, children, typed, walk
from coterie.language.types import EVENT_FLOAT, FLOAT, Kind, Type, sql_type
from coterie.traits.coverage import (
    ALL_SEEN,
    Coverage,
    known,
    least_of,
    most_of,
    nothing_happened,
    nothing_of,
    takes_end,
    unseen,
)

KEY = "_customer"
"""The customer as a dense number, which joins and groups faster than its text."""
TIME, DAY, ORDER, ID = "time", "_day", "_order", "id"
"""Of an event: its instant (UTC), its local day, its place among its customer's events of its kind, its id."""
SORTED = KEY, ORDER
"""How events lie in their files."""


@dataclass(frozen=True, slots=True)
class EventTable:
    """One kind of event as a table: `_customer`, `time`, `_day`, `_order`, `id` and its columns.

    `nullable`: columns that are missing in some row; a condition over others can never be unknown.
    """

    relation: str
    info: EventInfo
    rank: int
    coverage: Coverage | None = None
    nullable: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Tables:
    """What there is to read: a relation with one row per customer of the population (`_customer`, `customer`, attributes,
    account columns as `account.x`), and one per kind of event."""

    customers: str
    events: Mapping[str, EventTable]
    account: str | None = None
    """The customers' column that names their account."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A column to make: its name, the checked tree, and what the check derived of it."""

    name: str
    tree: Expr
    nothing: bool = False
    partial: bool = False
    parts: Mapping[str, Type] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """A table to make. `about` says in words what is being done; `kept`: it is the result, not a step on the way.

    `score`: the rows of the query are given to a model, and what it makes of them, beside their customers, is the table.
    """

    table: str
    query: exp.Expression
    about: str
    kept: bool = False
    score: "Scored | None" = None


@dataclass(frozen=True, slots=True)
class Scored:
    """A model's values: the call, the column of its value, and the model with what it has learned."""

    call: Fitted
    column: str
    model: "Scorer"

    @property
    def columns(self) -> dict[str, str]:
        """By the part, the column that it becomes."""
        return {part: f"{self.column}.{part}" if part else self.column for part in self.model.parts}

    @property
    def schema(self) -> pa.Schema:
        """The columns of the table: the customer's number, the value, its parts."""
        made = [(column, arrow_type(self.model.parts[part])) for part, column in self.columns.items()]
        return pa.schema([(KEY, pa.int64()), *made])

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The customers' numbers of some rows, and the model's values for them."""
        for batch in batches:
            rows = pa.Table.from_batches([batch])
            values = self.model.score(rows.drop_columns([KEY]))
            columns = [rows.column(KEY), *(values.column(part) for part in self.columns)]
            yield from pa.table(columns, names=self.schema.names).cast(self.schema).combine_chunks().to_batches()


def quoted(name: str, table: str | None = None) -> exp.Column:
    return exp.column(name, table=table, quoted=True)


def relation(name: str) -> exp.Table:
    return exp.Table(this=exp.to_identifier(name, quoted=True))


def canonical(node: Expr) -> str:
    """The name under which a measure, sequence or fitted call stands among the columns."""
    return format_expr(node)


class Fitter(Protocol):
    """What a fitted function is in SQL (implemented in `models/kinds`)."""

    def inputs(self, call: Fitted) -> Mapping[str, Expr]:
        """The customer's values that it learns from, as checked trees by the names that it gives them."""

    def parameters(
        self, q: Builder, call: Fitted, table: exp.Expression, column: Callable[[str], exp.Expression]
    ) -> exp.Expression | None:
        """A query of one row of learned parameters over a table that has the inputs; None where it learns none."""

    def score(
        self,
        q: Builder,
        call: Fitted,
        column: Callable[[str], exp.Expression],
        parameter: Callable[[str], exp.Expression],
        part: Callable[[str], exp.Expression],
    ) -> Sequence[Mapping[str, exp.Expression]]:
        """The value ("") and its parts, over the inputs and the parameters, in layers: a later one may read the parts of
        an earlier one by `part`, so that nothing is worked out twice."""


@dataclass(frozen=True, slots=True)
class EventScan:
    """Aggregates of a customer's events of a kind up to as_of, by name; the events stand as `e`."""

    event: str
    columns: Callable[[Builder], Mapping[str, exp.Expression]]


class Scorer(Protocol):
    """A model with what it has learned, as a batch needs it.

    Attributes:
        inputs: what it asks of a customer, as checked trees by name; each may stand around the date of an earlier one, which
            it names as `hidden` does.
        parts: the types of its value ("") and of its parts.
        scan: what it asks of events that no measure tells; its columns come behind the inputs.
    """

    @property
    def scan(self) -> EventScan | None: ...

    @property
    def inputs(self) -> Mapping[str, Expr]: ...

    @property
    def parts(self) -> Mapping[str, Type]: ...

    @property
    def learned(self) -> Mapping[str, object]:
        """What it goes by: another when it has been fitted again."""

    def score(self, rows: pa.Table) -> pa.Table:
        """The value ("") and the parts for each row of inputs."""


def hidden(call: Fitted, name: str) -> str:
    """The column of a model's input, on the way."""
    return f"model {fingerprint(fitted_name(call))[:10]} {name}"


def no_models(call: Fitted) -> Scorer:
    raise ValueError(f"nothing is known of {canonical(call)}")


@dataclass(frozen=True, slots=True)
class Fit:
    """A fit that a batch makes: its parameters stand as the one row of `parameters`, learned from `table`."""

    call: Fitted
    column: str
    table: str
    parameters: str | None
    inputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Scanned:
    """A column that is nothing but a column of a grouped scan; `zero`: 0 for customers of whom the scan has none, else missing."""

    scan: exp.Expression
    column: str
    zero: bool


@dataclass(frozen=True)
class Batch:
    """Steps in order; the last makes `table`, which has every column wanted.

    Attributes:
        unknown: asks for the rows that the `where` of measures could not decide: their canonical texts, and a query of one row
            with a number for each.
        scanned: the columns that come out of a scan as they are.
        base: the relation of customers that the steps begin with.
    """

    steps: tuple[Step, ...]
    table: str
    columns: tuple[str, ...]
    fits: tuple[Fit, ...]
    unknown: tuple[tuple[tuple[str, ...], exp.Expression], ...]
    scanned: Mapping[str, Scanned]
    base: str

    @cached_property
    def made(self) -> frozenset[str]:
        """Every name that a step gives to anything: a column of another name is one that the customers came with."""
        return frozenset(alias.alias for step in self.steps for alias in step.query.find_all(exp.Alias))


@dataclass(frozen=True)
class _Customers:
    """Names of expressions over the table of customers: everything is a column there."""

    q: Builder
    scope: Scope
    tables: Tables
    aliases: Mapping[str, str]

    def column(self, name: str, part: str | None) -> exp.Expression:
        return quoted(name if part is None else f"{name}.{part}")

    def measure(self, node: Measure | tree.Sequence | Fitted) -> exp.Expression:
        return quoted(column_of(node, self.aliases))

    def bounds(self, node: Column | Measure) -> Range | None:
        if isinstance(node, Column):
            partial = node.part is None and node.name in self.scope.columns and self.scope.columns[node.name].partial
        else:
            partial = self.tables.events[node.event].coverage is not None
        name = node.name if isinstance(node, Column) else column_of(node, self.aliases)
        return Range(quoted(least_of(name)), quoted(most_of(name))) if partial else None

    def nothing_happened(self, node: Column | Measure) -> exp.Expression | None:
        if not is_nothing(node, self.scope):
            return None
        if isinstance(node, Column):
            name, otherwise = node.name, self.scope.columns[node.name].unsure
        else:
            name = column_of(node, self.aliases)
            otherwise = self.tables.events[node.event].coverage is not None or isinstance(node.window, Around)
        return quoted(nothing_of(name)) if otherwise else self.q.is_null(quoted(name))

    def members(self, node: Members, where: exp.Expression | None) -> exp.Expression:
        q, account = self.q, quoted(self.tables.account or "account")
        met = exp.true() if where is None else where

        def over(condition: exp.Expression) -> exp.Expression:
            return exp.Window(this=q.count_in_window(condition), partition_by=q.words.parts(account.copy(), quoted(KEY)))

        yes, unknown = over(met), over(q.is_null(met))
        some = q.binary(">", yes, q.literal(0))
        doubt = q.binary(">", unknown, q.literal(0))
        alone = q.is_null(account)
        if node.quantifier == "count":
            return q.case([(alone, q.literal(0))], yes)
        if node.quantifier == "all":
            no = q.binary(">", over(q.not_(met)), q.literal(0))
            return q.case([(alone, exp.true()), (no, exp.false()), (doubt, q.null())], exp.true())
        any_ = q.case([(alone, exp.false()), (some, exp.true()), (doubt, q.null())], exp.false())
        return any_ if node.quantifier == "any" else q.not_(any_)


@dataclass(frozen=True)
class _Row:
    """Names of a condition inside a measure: the columns of that event."""

    q: Builder
    info: EventInfo

    def column(self, name: str, part: str | None) -> exp.Expression:
        column = quoted(name, "e")
        return self.q.cast(column, "DOUBLE") if self.info.column(name) == FLOAT else column

    def measure(self, node: Measure | tree.Sequence | Fitted) -> exp.Expression:
        raise ValueError("a condition on events measures nothing")

    def bounds(self, node: Column | Measure) -> Range | None:
        return None

    def nothing_happened(self, node: Column | Measure) -> exp.Expression | None:
        return None

    def members(self, node: Members, where: exp.Expression | None) -> exp.Expression:
        raise ValueError("a condition on events asks no account")


def compiler(q: Builder, scope: Scope, tables: Tables, aliases: Mapping[str, str]) -> Compiler:
    """The compiler of expressions over a table that a batch has made; `aliases` as `aliases_of` gives them."""
    return Compiler(q, _Customers(q, scope, tables, aliases), scope)


def aliases_of(trees: Iterable[tuple[str, Expr]]) -> dict[str, str]:
    """Measures, sequences and fitted calls that are the whole of a definition stand under its name and nowhere else."""
    out: dict[str, str] = {}
    for name, node in trees:
        if isinstance(node, Measure | tree.Sequence | Fitted):
            out.setdefault(own_name(node), name)
    return out


def own_name(node: Measure | tree.Sequence | Fitted) -> str:
    """Under what a measure, sequence or fitted call stands that no definition names.

    Engines take two columns for one whose names differ in capitals only, and two texts in a condition may: capitals in a text
    are told by a number behind.
    """
    name = fitted_name(node) if isinstance(node, Fitted) else canonical(node)
    texts = [n.value for n in walk(node) if isinstance(n, tree.Literal) and isinstance(n.value, str)]
    return name if all(text == text.upper().lower() for text in texts) else told_apart(name)


def told_apart(name: str) -> str:
    """The name of a column whose text has capitals that matter."""
    return f"{name} #{fingerprint(name)[:6]}"


def column_of(node: Measure | tree.Sequence | Fitted, aliases: Mapping[str, str]) -> str:
    name = own_name(node)
    return aliases.get(name, name)


def is_nothing(node: Expr, scope: Scope) -> bool:
    """Whether a missing value of this node means that nothing happened."""
    match node:
        case Measure(aggregation=name):
            return AGGREGATIONS[name].nothing
        case Column(name=name, part=None):
            return name in scope.columns and scope.columns[name].nothing
        case _:
            return False


def plan(
    wanted: Sequence[Wanted],
    tables: Tables,
    scope: Scope,
    q: Builder,
    fitters: Mapping[str, Fitter],
    *,
    aliases: Mapping[str, str] | None = None,
    have: Iterable[str] = (),
    prefix: str = "coterie",
    table: str = "traits",
    models: Callable[[Fitted], Scorer] = no_models,
) -> Batch:
    """Plan the columns `wanted`, given in the order in which they use each other.

    Args:
        wanted: what to make; measures, sequences and fitted calls inside come along under their canonical text.
        tables: what to read.
        scope: what names mean, every wanted column included.
        q: the builder, which carries as_of and the zone.
        fitters: by the name of the fitted function.
        aliases: as `aliases_of` gives them for all definitions there are; None derives them from `wanted`.
        have: columns that `tables.customers` has beside attributes (an earlier batch's measures), which are not made again.
        prefix: of the names of intermediate tables.
        table: the name of the result.
        models: of each call of a model, the model with what it has learned.

    Returns:
        The batch; its last step makes `table` from `tables.customers` with everything wanted added.
    """
    known = aliases_of((w.name, w.tree) for w in wanted) if aliases is None else aliases
    return _Planner(tables, scope, q, fitters, known, set(have), prefix, table, models).plan(list(wanted))


class _Planner:
    def __init__(
        self,
        tables: Tables,
        scope: Scope,
        q: Builder,
        fitters: Mapping[str, Fitter],
        aliases: Mapping[str, str],
        have: set[str],
        prefix: str,
        table: str,
        models: Callable[[Fitted], Scorer],
    ):
        self.tables, self.scope, self.q, self.fitters = tables, scope, q, fitters
        self.have, self.prefix, self.result = have, prefix, table
        self.aliases, self.models = aliases, models
        self.compiler = compiler(q, scope, tables, aliases)
        self.steps: list[Step] = []
        self.fits: list[Fit] = []
        self.undecided: dict[str, dict[str, Measure]] = {}
        self.made: set[str] = set()
        self.scanned: dict[str, Scanned] = {}
        self.scans = 0
        self.stage_scans: list[Step] = []
        self.pending_fits: list[Fit] = []
        self.scorers: dict[str, Scored] = {}
        self.pending_scores: list[tuple[str, Scored]] = []
        self.scored: set[str] = set()
        self.hidden: list[str] = []

    def plan(self, wanted: list[Wanted]) -> Batch:
        wanted = self.with_inputs(wanted)
        later = {w.name for w in wanted}
        base, stage, order = self.tables.customers, 0, [w.name for w in wanted if w.name not in self.hidden]
        pending = wanted
        while True:
            ready, fits, pending = self.ready(pending, later)
            if not ready and not fits and pending and not self.pending_fits and not self.pending_scores:
                raise ValueError(f"definitions that never become ready: {', '.join(w.name for w in pending)}")
            target = self.result if not pending and not fits else f"{self.prefix}_stage_{stage}"
            self.stage(base, target, ready, fits)
            later -= {w.name for w in ready}
            base, stage = target, stage + 1
            if not pending and not fits:
                break
        unknown = tuple(query for event in self.undecided for query in self.unknown(event))
        return Batch(tuple(self.steps), self.result, tuple(order), tuple(self.fits), unknown, self.scanned, self.tables.customers)

    def with_inputs(self, wanted: list[Wanted]) -> list[Wanted]:
        """What models ask of customers, as columns of their own before what wants the model's value."""
        out: list[Wanted] = []
        columns, aliases = dict(self.scope.columns), dict(self.aliases)
        named = {own_name(n) for w in wanted for n in walk_outer(w.tree) if isinstance(n, Measure | tree.Sequence)}
        for w in wanted:
            for call in walk_outer(w.tree):
                if not isinstance(call, Fitted) or not FITTED[call.function].model:
                    continue
                name = column_of(call, self.aliases)
                if name in self.scorers or name in self.have:
                    continue
                self.scorers[name] = Scored(call, name, self.models(call))
                for key, node in self.scorers[name].model.inputs.items():
                    own = hidden(call, key)
                    columns[own] = ColumnInfo(typed(node))
                    self.hidden.append(own)
                    if isinstance(node, Measure | tree.Sequence) and own_name(node) not in named | self.have:
                        aliases.setdefault(own_name(node), own)  # nobody else asks for it
                    out.append(Wanted(own, node))
            out.append(w)
        if self.hidden:
            self.scope, self.aliases = replace(self.scope, columns=columns), aliases
            self.compiler = compiler(self.q, self.scope, self.tables, self.aliases)
        return out

    def ready(self, pending: list[Wanted], later: set[str]) -> tuple[list[Wanted], list[Fitted], list[Wanted]]:
        """What this stage can make: definitions whose names are there or made in it, whose windows stand around columns of
        the stage before, and whose fitted calls are fitted; then the calls that can be fitted on what it makes."""
        fitted = {f.column for f in self.pending_fits} | {f.column for f in self.fits} | self.scored
        here: set[str] = set()
        ready, rest, fits = [], [], []
        for w in pending:
            calls = [n for n in walk_outer(w.tree) if isinstance(n, Fitted)]
            waiting = [c for c in calls if column_of(c, self.aliases) not in fitted | self.have]
            named = used(w.tree) - {w.name}
            blocked = any(n in later and n not in here for n in named) or any(a in later for a in anchors(w.tree))
            if not waiting and not blocked:
                ready.append(w)
                here.add(w.name)
                continue
            rest.append(w)
            for call in waiting:
                scorer = self.scorers.get(column_of(call, self.aliases))
                if scorer is not None:
                    asked = [hidden(call, name) for name in scorer.model.inputs]
                    if all(n not in later or n in here for n in asked):
                        fits.append(call)
                    continue
                names = used(call)
                if all(n not in later or n in here for n in names) and not any(
                    a in later for arg in call.args for a in anchors(arg)
                ):
                    fits.append(call)
        return ready, list(dict.fromkeys(fits)), rest

    def stage(self, base: str, target: str, ready: list[Wanted], calls: list[Fitted]) -> None:
        """Write the scans and the one table of a stage."""
        models = [self.scorers[name] for c in calls if (name := column_of(c, self.aliases)) in self.scorers]
        calls = [c for c in calls if column_of(c, self.aliases) not in self.scorers]
        learned = [self.fit(c, target, i) for i, c in enumerate(calls)]
        fits = [fit for fit, _ in learned]
        inputs = {f.inputs[name]: node for f in fits for name, node in self.fitters[f.call.function].inputs(f.call).items()}
        trees = [w.tree for w in ready] + list(inputs.values())
        joined, joins = self.measures(base, trees)
        select = exp.select(exp.Column(this=exp.Star(), table=exp.to_identifier("b"))).from_(aliased(base, "b"))
        scored = self.scores()
        for name, sql in [*(scored[0] if scored else ()), *joined]:
            select = select.select(sql.as_(name, quoted=True), copy=False)
        inline = {s.table: s.query for s in self.stage_scans} if len(self.stage_scans) <= self.q.words.scans else {}
        self.steps += [] if inline else self.stage_scans
        self.stage_scans = []
        for source, alias in joins:
            on = exp.EQ(this=quoted(KEY, "b"), expression=quoted(KEY, alias))
            scan = inline[source].subquery(alias) if source in inline else aliased(source, alias)  # type: ignore[attr-defined]
            select = select.join(scan, on=on, join_type="left", copy=False)
        if joins:
            select = self.q.words.side_by_side(select, ["b", *(alias for _, alias in joins)])
        for fit in self.pending_fits:
            if fit.parameters is not None:
                select = select.join(aliased(fit.parameters, fit.parameters), join_type="cross", copy=False)
        for made, scores in self.pending_scores:
            on = exp.EQ(this=quoted(KEY, "b"), expression=quoted(KEY, made))
            select = select.join(aliased(made, made), on=on, join_type="left", copy=False)
            for column in scores.columns.values():
                select = select.select(quoted(column, made), copy=False)
        for layer in [*scored[1:], *self.layers(ready, inputs)]:
            inner = exp.Subquery(this=select, alias=exp.TableAlias(this=exp.to_identifier("t")))
            select = exp.select(exp.Column(this=exp.Star(), table=exp.to_identifier("t"))).from_(inner, copy=False)
            for name, sql in layer:
                select = select.select(sql.as_(name, quoted=True), copy=False)
        if target == self.result:
            between = [i for f in self.fits for i in f.inputs.values() if i.startswith(f"{f.column} ")] + self.hidden
            if between:
                listed = exp.Star(except_=[exp.to_identifier(h, quoted=True) for h in dict.fromkeys(between)])
                inner = exp.Subquery(this=select, alias=exp.TableAlias(this=exp.to_identifier("t")))
                select = exp.select(listed).from_(inner, copy=False)
        self.steps.append(Step(target, select, "customers and their traits", kept=target == self.result))
        self.pending_fits = fits
        for fit, query in learned:
            if query is not None and fit.parameters is not None:
                self.steps.append(Step(fit.parameters, query, f"fit {fit.column}"))
        self.fits += fits
        self.pending_scores = []
        for model in models:
            made = f"{self.prefix}_scores_{len(self.scored)}"
            asked = [quoted(hidden(model.call, key)).as_(key, quoted=True) for key in model.model.inputs]
            values = exp.select(quoted(KEY, "b"), *asked).from_(aliased(target, "b"))
            if model.model.scan is not None:
                values = self.with_scan(values, target, model.model.scan)
            self.steps.append(Step(made, values, f"score {model.column}", score=model))
            self.pending_scores.append((made, model))
            self.scored.add(model.column)

    def with_scan(self, values: exp.Select, base: str, scan: EventScan) -> exp.Select:
        """The rows of a query of customers `b`, with a model's own aggregates beside them."""
        columns = scan.columns(self.q)
        select = self.from_events(base, scan.event, []).select(quoted(KEY, "e"), copy=False)
        for name, sql in columns.items():
            select = select.select(sql.as_(name, quoted=True), copy=False)
        own = select.group_by(quoted(KEY, "e"), copy=False).subquery("own")
        on = exp.EQ(this=quoted(KEY, "b"), expression=quoted(KEY, "own"))
        values = values.join(own, on=on, join_type="left", copy=False)
        return values.select(*(quoted(name, "own") for name in columns), copy=False)

    # --- fitted calls

    def fit(self, call: Fitted, table: str, number: int) -> tuple[Fit, exp.Expression | None]:
        """A fit that learns from a table, and the query that asks for what it learns."""
        name = column_of(call, self.aliases)
        inputs = {}
        for key, node in self.fitters[call.function].inputs(call).items():
            if isinstance(node, Column):
                inputs[key] = node.name if node.part is None else f"{node.name}.{node.part}"
            elif isinstance(node, Measure | tree.Sequence):
                inputs[key] = column_of(node, self.aliases)
            else:
                inputs[key] = f"{name} {key}"
        query = self.fitters[call.function].parameters(self.q, call, relation(table), _column_of(inputs))
        parameters = None if query is None else f"{self.prefix}_fit_{len(self.fits) + number}"
        return Fit(call, name, table, parameters, inputs), query

    def scores(self) -> list[list[tuple[str, exp.Expression]]]:
        """The columns that the fits of the stage before give, in layers."""
        out: list[list[tuple[str, exp.Expression]]] = []
        for fit in self.pending_fits:
            layers = self.fitters[fit.call.function].score(
                self.q,
                fit.call,
                _column_of(fit.inputs, "b"),
                partial(quoted, table=fit.parameters or "p"),
                _parts_of(fit.column),
            )
            for place, layer in enumerate(layers):
                if place == len(out):
                    out.append([])
                out[place] += [(f"{fit.column}.{part}" if part else fit.column, sql) for part, sql in layer.items()]
        return out

    # --- layers of columns

    def layers(self, ready: list[Wanted], inputs: Mapping[str, Expr]) -> list[list[tuple[str, exp.Expression]]]:
        """Definitions by how deep they stand on each other, so that none is written out inside another."""
        depth: dict[str, int] = {}
        layers: list[list[tuple[str, exp.Expression]]] = []

        def put(names: Iterable[str], columns: list[tuple[str, exp.Expression]]) -> int:
            at = max((depth[n] + 1 for n in names if n in depth), default=0)
            while len(layers) <= at:
                layers.append([])
            layers[at] += columns
            return at

        for w in ready:
            if isinstance(w.tree, Measure | tree.Sequence | Fitted) and column_of(w.tree, self.aliases) == w.name:
                continue  # the scan or the fit has made it
            columns = [(w.name, self.compiler.sql(w.tree))]
            if w.partial:
                columns += self.limits(w)
            unsure = w.name in self.scope.columns and self.scope.columns[w.name].unsure
            nothing = self.compiler.nothing_happened(w.tree) if unsure else None
            if nothing is not None:
                columns.append((nothing_of(w.name), nothing))
            columns += [(f"{w.name}.{part}", self.part(w.tree, part)) for part in w.parts]
            depth[w.name] = put(used(w.tree), columns)
        for name, node in inputs.items():
            made = isinstance(node, Column | Measure | tree.Sequence) and name not in depth
            if name not in depth and not made:
                put(used(node), [(name, self.compiler.sql(node))])
        return [layer for layer in layers if layer]

    def limits(self, wanted: Wanted) -> list[tuple[str, exp.Expression]]:
        """The columns beside a definition whose source may know only a part."""
        found = self.compiler.bounds(wanted.tree) or Range()
        ends = (self.q.null(typed(wanted.tree)) if end is None else end for end in (found.least, found.most))
        return list(zip((least_of(wanted.name), most_of(wanted.name)), ends, strict=True))

    def part(self, node: Expr, part: str) -> exp.Expression:
        base = column_of(node, self.aliases) if isinstance(node, Fitted) else node.name if isinstance(node, Column) else ""
        return quoted(f"{base}.{part}")

    # --- measures and sequences

    def measures(self, base: str, trees: Iterable[Expr]) -> tuple[list[tuple[str, exp.Expression]], list[tuple[str, str]]]:
        """The scans that the trees need; (column, SQL over the joined scans) and (scan's table, its alias)."""
        nodes = {column_of(n, self.aliases): n for t in trees for n in walk_outer(t) if isinstance(n, Measure | tree.Sequence)}
        missing = {name: n for name, n in nodes.items() if name not in self.have}
        self.have |= set(missing)
        groups: dict[tuple[str, str, bool], list[tuple[str, Measure]]] = {}
        columns: list[tuple[str, exp.Expression]] = []
        joins: list[tuple[str, str]] = []
        for name, node in missing.items():
            if isinstance(node, tree.Sequence):
                table = self.scan(self.sequence(base, node), f"sequence of {', '.join(s.event for s in node.steps)}")
                joins.append((table, table))
                columns.append((name, self.q.not_(self.q.is_null(quoted(KEY, table)))))
            else:
                grouped = AGGREGATIONS[node.aggregation].grouped
                ahead = isinstance(node.window, Next)
                groups.setdefault((node.event, (node.column or "") if grouped else "", ahead), []).append((name, node))
        size = self.q.words.aggregates
        for (event, column, _), members in groups.items():
            for start in range(0, len(members), size):
                chunk = members[start : start + size]
                query = self.grouped(base, event, column, chunk) if column else self.aggregates(base, event, chunk)
                table = self.scan(query, f"{event}: {len(chunk)} measures")
                joins.append((table, table))
                for i, (name, node) in enumerate(chunk):
                    if self.tables.events[event].coverage is None and not isinstance(node.window, Around | Next):
                        self.scanned[name] = Scanned(query, f"m{i}", not AGGREGATIONS[node.aggregation].nothing)
                    columns += self.joined(name, node, table, i)
                    self.note_unknown(node)
        return columns, joins

    def scan(self, query: exp.Expression, about: str) -> str:
        table = f"{self.prefix}_scan_{self.scans}"
        self.scans += 1
        self.stage_scans.append(Step(table, query, about))
        return table

    def joined(self, name: str, node: Measure, table: str, number: int) -> list[tuple[str, exp.Expression]]:
        """A measure beside the customers: its value over nothing where there was no row, and what coverage leaves of it."""
        q, found = self.q, quoted(f"m{number}", table)
        value: exp.Expression = found
        if not AGGREGATIONS[node.aggregation].nothing:
            type_ = typed(node)
            none = q.literal(False) if type_.kind is Kind.BOOLEAN else q.as_type(q.literal(0), type_)
            value = q.case([(q.is_null(quoted(KEY, table)), none)], found)
        anchor = self.compiler.anchor(node.window) if isinstance(node.window, Around) else None
        if anchor is not None:
            value = q.case([(q.not_(q.is_null(anchor)), value)])
        coverage = self.tables.events[node.event].coverage
        left, columns = ALL_SEEN, []
        if coverage is not None:
            left = unseen(q, node, coverage, self.compiler.sql, anchor)
            told = known(q, node, value, quoted(f"m{number}~end", table) if takes_end(node, coverage) else None, left)
            value, columns = told.value, [(least_of(name), told.least), (most_of(name), told.most)]
        if AGGREGATIONS[node.aggregation].nothing and (coverage is not None or anchor is not None):
            columns.append((nothing_of(name), nothing_happened(q, found, left, anchor)))
        return [(name, value), *columns]

    def keep(self, base: str, node: Measure, *, condition: bool = True) -> exp.Expression | None:
        """Which rows a measure sees: inside its window, with its column known, and (unless told otherwise) its `where` true."""
        q = self.q
        parts = []
        inside = self.compiler_of_anchor().events_inside(node.window, quoted(TIME, "e"), quoted(DAY, "e"))
        if inside is not None:
            parts.append(inside)
        table = self.tables.events[node.event]
        nullable = table.nullable is None or node.column in table.nullable
        if node.column is not None and node.column not in (TIME, ID) and nullable:
            parts.append(q.not_(q.is_null(quoted(node.column, "e"))))
        if condition and node.where is not None:
            parts.append(self.condition(node.event, node.where))
        return q.all(parts) if parts else None

    def compiler_of_anchor(self) -> Compiler:
        """Windows around a customer's date name it beside the event: the customers stand as `b` there."""
        names = _Beside(self.q, _NO_COLUMNS)
        return replace(self.compiler, names=names)

    def condition(self, event: str, where: Expr) -> exp.Expression:
        info = self.tables.events[event].info
        return Compiler(self.q, _Row(self.q, info), self.scope).sql(where)

    def from_events(self, base: str, event: str, nodes: Sequence[Measure | tree.Sequence]) -> exp.Select:
        """The events of a kind that measures can see, or any up to as_of, beside their customers where a window needs a date
        of them."""
        q = self.q
        select = exp.select().from_(aliased(self.tables.events[event].relation, "e"))
        if any(isinstance(n.window, Around) for n in nodes):
            on = exp.EQ(this=quoted(KEY, "e"), expression=quoted(KEY, "b"))
            select = select.join(aliased(base, "b"), on=on, copy=False)
        if any(isinstance(n.window, Next) for n in nodes):
            return select  # what is still to come, as only the outcome of a prediction asks for it
        select = select.where(q.binary("<=", quoted(TIME, "e"), q.literal(q.context.as_of)), copy=False)
        first = first_day([n.window for n in nodes if isinstance(n, Measure)], q.context)
        return select if first is None else select.where(q.binary(">=", quoted(DAY, "e"), q.literal(first)), copy=False)

    def aggregates(self, base: str, event: str, chunk: Sequence[tuple[str, Measure]]) -> exp.Expression:
        select = self.from_events(base, event, [n for _, n in chunk]).select(quoted(KEY, "e"), copy=False)
        info = self.tables.events[event].info
        for i, (_, node) in enumerate(chunk):
            aggregation = AGGREGATIONS[node.aggregation]
            type_ = None if node.column is None else info.column(node.column)
            if node.aggregation == "share" and node.where is not None:
                rows = Rows(self.condition(event, node.where), None, self.keep(base, node, condition=False), quoted(ORDER, "e"))
            else:
                value = None if node.column is None else quoted(node.column, "e")
                rows = Rows(value, type_, self.keep(base, node), quoted(ORDER, "e"))
            select = select.select(aggregation.sql(self.q, rows).as_(f"m{i}"), copy=False)
            if takes_end(node, self.tables.events[event].coverage):
                last = aggregation.end(node.column) == "last"
                end = filtered(self.q, self.q.call("max" if last else "min", quoted(TIME, "e")), rows.keep)
                select = select.select(end.as_(f"m{i}~end", quoted=True), copy=False)
        return select.group_by(quoted(KEY, "e"), copy=False)

    def grouped(self, base: str, event: str, column: str, chunk: Sequence[tuple[str, Measure]]) -> exp.Expression:
        """Aggregations over the different values of a column: first counted by value, then by customer."""
        q = self.q
        value = quoted(column, "e")
        inner = self.from_events(base, event, [n for _, n in chunk]).select(quoted(KEY, "e"), value.copy().as_("v"), copy=False)
        inner = inner.where(q.not_(q.is_null(value)), copy=False)
        for i, (_, node) in enumerate(chunk):
            counted = filtered(q, q.count_rows(), self.keep(base, node))
            inner = inner.select(counted.as_(f"n{i}"), copy=False)
        inner = inner.group_by(quoted(KEY, "e"), value, copy=False)
        outer = exp.select(quoted(KEY, "g")).from_(inner.subquery("g"), copy=False)
        type_ = self.tables.events[event].info.column(column)
        for i, (_, node) in enumerate(chunk):
            rows = Rows(quoted("v", "g"), type_, None, quoted(f"n{i}", "g"))
            outer = outer.select(AGGREGATIONS[node.aggregation].sql(q, rows).as_(f"m{i}"), copy=False)
        return outer.group_by(quoted(KEY, "g"), copy=False)

    def note_unknown(self, node: Measure) -> None:
        """Have the rows counted that a `where` cannot decide, where a column it reads is missing in some row."""
        table = self.tables.events[node.event]
        if node.where is None:
            return
        read = {n.name for n in walk(node.where) if isinstance(n, Column)}
        if table.nullable is not None and not read & table.nullable and not may_fail(node.where):
            return
        if not isinstance(node.window, Around | Next):
            self.undecided.setdefault(node.event, {})[canonical(node)] = node

    def unknown(self, event: str) -> Iterator[tuple[tuple[str, ...], exp.Expression]]:
        """Queries of how many rows of a kind of event the conditions of measures cannot decide, many to a scan."""
        q, asked, size = self.q, list(self.undecided[event].items()), self.q.words.aggregates
        for start in range(0, len(asked), size):
            some = asked[start : start + size]
            select = self.from_events("", event, [node for _, node in some])
            conditions = {}
            for i, (_, node) in enumerate(some):
                assert node.where is not None
                undecided = q.is_null(self.condition(event, node.where))
                conditions[undecided.sql()] = undecided
                keep = self.keep("", node, condition=False)
                rows = filtered(q, q.count_rows(), undecided if keep is None else q.all([undecided, keep]))
                select = select.select(rows.as_(f"n{i}"), copy=False)
            yield tuple(text for text, _ in some), select.where(q.any(list(conditions.values())), copy=False)

    def sequence(self, base: str, node: tree.Sequence) -> exp.Expression:
        """Customers for whom some choice of events fits, by one window function a step.

        The latest completion of each prefix dominates every earlier one, since a step only asks to lie within its time of
        the positive step before. `not e` belongs to that step's event: none of e in the time behind it, and that time over.
        """
        q = self.q
        same = [quoted("same")] if node.same is not None else []
        partition = [quoted(KEY), *same]
        order = [quoted(TIME), quoted("kind"), quoted(ORDER)]
        union: exp.Expression | None = None
        for event in dict.fromkeys(s.event for s in node.steps):
            part = self.steps_of(base, event, node)
            union = part if union is None else exp.Union(this=union, expression=part, distinct=False)
        assert union is not None
        rows: exp.Expression = exp.Subquery(this=union, alias=exp.TableAlias(this=exp.to_identifier("s")))

        def following(flag: str, length: Duration) -> exp.Expression:
            """How many events with the flag lie in (this one's time, its time + length]."""
            micros = exact_length(length) // _MICROSECOND
            frame = exp.WindowSpec(
                kind="RANGE", start=q.micros(1), start_side="FOLLOWING", end=q.micros(micros), end_side="FOLLOWING"
            )
            return exp.Window(
                this=q.count_in_window(quoted(flag)),
                partition_by=[c.copy() for c in partition],
                order=exp.Order(expressions=[exp.Ordered(this=quoted(TIME), nulls_first=False)]),
                spec=frame,
            )

        def latest(column: str) -> exp.Expression:
            """The latest time in `column` among the events before this one."""
            frame = exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end=q.literal(1), end_side="PRECEDING")
            return exp.Window(
                this=q.call("max", quoted(column)),
                partition_by=[c.copy() for c in partition],
                order=exp.Order(expressions=[exp.Ordered(this=c.copy(), nulls_first=False) for c in order]),
                spec=frame,
            )

        # Column `t` is this event's time where the steps so far are complete with it, else NULL.
        done = q.case([(quoted("p0"), quoted(TIME))])
        if node.window is not None:
            inside = self.compiler_of_first().events_inside(node.window, quoted(TIME), quoted(DAY))
            if inside is not None:
                done = q.case([(q.all([quoted("p0"), inside]), quoted(TIME))])
        select = exp.select("*", done.as_("t0")).from_(rows, copy=False)
        last = 0
        for i, step in enumerate(node.steps[1:], 1):
            inner = exp.Subquery(this=select, alias=exp.TableAlias(this=exp.to_identifier(f"s{i}")))
            if step.negated:
                assert step.within is not None
                over = q.binary("<=", quoted(TIME), q.literal(q.context.as_of - exact_length(step.within)))
                none = q.binary("=", following(f"p{i}", step.within), q.literal(0))
                now = q.case([(q.all([none, over]), quoted(f"t{last}"))])
            else:
                before = latest(f"t{last}")
                fits = q.not_(q.is_null(before))
                if step.within is not None:
                    limit = exp.Paren(
                        this=exp.Sub(this=quoted(TIME), expression=q.micros(exact_length(step.within) // _MICROSECOND))
                    )
                    fits = q.binary(">=", before, limit)
                now = q.case([(q.all([quoted(f"p{i}"), fits]), quoted(TIME))])
            select = exp.select("*", now.as_(f"t{i}")).from_(inner, copy=False)
            last = i
        final = exp.Subquery(this=select, alias=exp.TableAlias(this=exp.to_identifier("f")))
        found = q.not_(q.is_null(quoted(f"t{last}")))
        return exp.select(quoted(KEY)).distinct().from_(final, copy=False).where(found, copy=False)

    def compiler_of_first(self) -> Compiler:
        return replace(self.compiler, names=_Carried(self.q, _NO_COLUMNS))

    def steps_of(self, base: str, event: str, node: tree.Sequence) -> exp.Expression:
        """The events of a kind that some step can use, with a flag for each step."""
        q, table = self.q, self.tables.events[event]
        flags = []
        for step in node.steps:
            if step.event != event:
                flags.append(q.literal(False))
            elif step.where is None:
                flags.append(q.literal(True))
            else:
                flags.append(q.call("coalesce", self.condition(event, step.where), q.literal(False)))
        select = self.from_events(base, event, [node]).select(
            quoted(KEY, "e"),
            quoted(TIME, "e"),
            quoted(DAY, "e"),
            quoted(ORDER, "e"),
            q.literal(table.rank).as_("kind"),
            *(flag.as_(f"p{i}") for i, flag in enumerate(flags)),
            copy=False,
        )
        if node.same is not None:
            type_ = table.info.column(node.same)
            assert type_ is not None
            stored = EVENT_FLOAT if type_ == FLOAT else sql_type(type_)
            select = select.select(q.cast(quoted(node.same, "e"), stored).as_("same"), copy=False)
            select = select.where(q.not_(q.is_null(quoted(node.same, "e"))), copy=False)
        if isinstance(node.window, Around):
            select = select.select(self.compiler_of_anchor().anchor(node.window).as_("anchor"), copy=False)
        return select.where(q.any(flags), copy=False)


def first_day(windows: Sequence[Window | None], context: Context) -> date | None:
    """The first local day on which an event may lie in one of the windows; None where there is no such day."""
    found = []
    for window in windows:
        if window is None or isinstance(window, Around):
            return None
        limits = instants(window, context.as_of) or days(window, context.today)
        low = None if limits is None else limits.lo
        if low is None or low.year == date.min.year:
            return None
        found.append(local_day(low, context.zone) if isinstance(low, datetime) else low)
    return min(found, default=None)


_NO_COLUMNS = EventInfo({})


@dataclass(frozen=True)
class _Beside(_Row):
    """Names of a window around a customer's date, in a scan where the customers stand as `b`."""

    def column(self, name: str, part: str | None) -> exp.Expression:
        return quoted(name if part is None else f"{name}.{part}", "b")


@dataclass(frozen=True)
class _Carried(_Row):
    """Names of a sequence's window: the customer's date was carried along with each event, as its day."""

    def column(self, name: str, part: str | None) -> exp.Expression:
        return quoted("anchor")


def may_fail(where: Expr) -> bool:
    """Whether a condition can be unknown though all its columns are known (a division by zero, a text that is no number)."""
    plain = {
        "=",
        "<",
        "<=",
        ">",
        ">=",
        "between",
        "in",
        "contains",
        "starts with",
        "ends with",
        "matches",
        "is missing",
    }
    plain |= {"is known", "has any", "has all", "lower", "upper", "trim", "length", "coalesce"}
    return any(isinstance(n, tree.Case) or (isinstance(n, tree.Apply) and n.op not in plain) for n in walk(where))


def walk_outer(node: Expr) -> Iterator[Expr]:
    """The nodes that are evaluated per customer: not those inside a measure's or a step's condition, nor a fitted call's."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        if not isinstance(current, Measure | tree.Sequence | Fitted):
            stack.extend(reversed(children(current)))


def anchors(node: Expr) -> set[str]:
    """The columns around which measures and sequences stand: they must be there before the events are scanned."""
    out = set()
    for n in walk_outer(node):
        window = n.window if isinstance(n, Measure | tree.Sequence) else None
        if isinstance(window, Around):
            out.add(window.anchor.partition(".")[0])
            out.add(window.anchor)
    return out


def used(node: Expr) -> set[str]:
    """The customers' columns that a checked tree reads."""
    out = anchors(node)
    stack = [node]
    while stack:
        current = stack.pop()
        match current:
            case Column(name=name):
                out.add(name)
            case tree.WindowTest(window=Around(anchor=anchor)):
                out |= {anchor, anchor.partition(".")[0]}
                stack.extend(children(current))
            case Measure() | tree.Sequence():
                pass
            case _:
                stack.extend(children(current))
    return out


def fitted_name(call: Fitted) -> str:
    """The column of a fitted call: its text, and what sets it apart from others that are written the same."""
    if not call.settings:
        return canonical(call)
    return f"{canonical(call)} {fingerprint(repr(call.settings))}"


def _column_of(columns: Mapping[str, str], table: str | None = None) -> Callable[[str], exp.Expression]:
    """Columns by the names that a model gives them."""
    return lambda name: quoted(columns[name], table)


def _parts_of(fitted: str) -> Callable[[str], exp.Expression]:
    """The parts of a fitted column that an earlier layer has made."""
    return lambda part: quoted(f"{fitted}.{part}")


def aliased(name: str, alias: str) -> exp.Expression:
    return exp.Table(this=exp.to_identifier(name, quoted=True), alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
