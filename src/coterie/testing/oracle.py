"""Two answers to one program, and where they differ: the reference in plain Python, and the batch in an engine.

The reference is `language/evaluate` for each customer; what is fitted on everybody is counted here, from the words of
LANGUAGE.md section 6 alone. A disagreement can be made small and is printed with all that is needed to see it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

import pyarrow as pa
from sqlglot import exp

from coterie.core.errors import CoterieError
from coterie.core.windows import local_day
from coterie.engine.engine import Engine
from coterie.language import tree
from coterie.language.evaluate import Coverage, Customer, Evaluation, Event, Missing, Result, World, in_order, truth
from coterie.language.format import format as canonical
from coterie.language.leaves import Context
from coterie.language.sql import Builder
from coterie.language.tree import Column, EventColumn, Expr, Fitted, Literal, Measure, walk
from coterie.language.types import BOOLEAN, FLOAT, INTEGER, MONEY, Kind, Type, Value
from coterie.models.kinds import FITTERS
from coterie.models.kinds.rfm import cells_of
from coterie.models.kinds.standing import SMALLEST_GROUP
from coterie.segments import membership
from coterie.testing.programs import Defined, Program
from coterie.traits import batch

Answers = Mapping[str, Sequence[Value | None]]
"""By definition (and `name.part`), the values of the customers in the order of the population; None is missing."""


# --- the reference


@dataclass
class Reference:
    """A program answered customer by customer. `watch` sees every node that is evaluated, with its result."""

    program: Program
    watch: Callable[[Expr, Result], None] | None = None
    unknown_rows: dict[str, int] = field(default_factory=dict)

    @cached_property
    def world(self) -> World:
        p = self.program
        coverage = {
            kind: Coverage(p.covers.get(kind), c.complete_from, c.complete_to) for kind, c in p.coverage.items()
        }
        return World(
            p.as_of,
            p.zone,
            tuple(p.schema.events),
            {name: d.checked.tree for name, d in p.catalog.definitions.items()},
            coverage,
            p.population.lists,
            self.fitted,
        )

    @cached_property
    def customers(self) -> list[Customer]:
        p, world = self.program.population, World(self.program.as_of, kinds=tuple(self.program.schema.events))
        events: dict[str, list[Event]] = {}
        for e in p.events:
            events.setdefault(e.customer, []).append(Event(e.kind, e.time, e.id, e.values))
        accounts: dict[str, list[Customer]] = {name: [] for name in p.accounts}
        out = []
        for person in p.people:
            account = None if person.account is None else p.accounts[person.account]
            members = [] if person.account is None else accounts[person.account]
            done = in_order(events.get(person.id, ()), world)
            out.append(Customer(person.id, person.columns, done, account, members))
            if person.account is not None:
                members.append(out[-1])
        return out

    @cached_property
    def evaluations(self) -> list[Evaluation]:
        known: dict[tuple[str, str], Result] = {}
        if self.watch is None:
            return [Evaluation(c, self.world, known) for c in self.customers]
        return [Watched(c, self.world, known, watch=self.watch) for c in self.customers]

    def results(self, name: str) -> list[Result]:
        """A definition for every customer."""
        return [e.definition(name) for e in self.evaluations]

    def ask(self, node: Expr) -> list[Result]:
        """Any checked expression for every customer."""
        return [e.value(node) for e in self.evaluations]

    def answers(self) -> Answers:
        out = {}
        for name, definition in self.program.catalog.definitions.items():
            out[name] = [plain(r) for r in self.results(name)]
            for part in definition.parts:
                out[f"{name}.{part}"] = [self.fitted(f"{name}.{part}", c.id) for c in self.customers]
        return out

    def unknown(self, node: Measure) -> int:
        """How many rows the `where` of a measure could not decide, over everybody."""
        counts: dict[str, int] = {}
        world = replace(self.world, unknown_rows=counts)
        for customer in self.customers:
            Evaluation(customer, world).measure(node)
        return counts.get(canonical(node), 0)

    # --- fitted on everybody

    @cached_property
    def calls(self) -> dict[str, Fitted]:
        """Fitted calls by the column that they stand under."""
        out: dict[str, Fitted] = {}
        for name, definition in self.program.catalog.definitions.items():
            if isinstance(definition.checked.tree, Fitted):
                out[name] = definition.checked.tree
            for call in definition.checked.fits:
                out.setdefault(canonical(call), call)
        return out

    @cached_property
    def fits(self) -> dict[str, dict[str, dict[str, Value | None]]]:
        return {}

    def fitted(self, column: str, customer: str) -> Value | None:
        """The value of a fitted column, as `World.fitted` asks for it."""
        name, part = column, ""
        if name not in self.calls and name.rpartition(".")[0] in self.program.definitions:
            name, _, part = name.rpartition(".")
        while name not in self.calls:  # another name of a fitted definition
            other = self.program.catalog.definitions[name].checked.tree
            assert isinstance(other, Column)
            name = other.name
        if name not in self.fits:
            self.fits[name] = self.fit(self.calls[name])
        return self.fits[name][part][customer]

    def fit(self, call: Fitted) -> dict[str, dict[str, Value | None]]:
        """By part, then by customer."""
        ids = [c.id for c in self.customers]
        if call.function == "rfm":
            return {part: dict(zip(ids, values, strict=True)) for part, values in self.rfm(call).items()}
        xs = [plain(r) for r in self.ask(call.args[0])]
        groups: list[Any] = [0] * len(xs) if call.by is None else [plain(r) for r in self.ask(call.by)]
        out: list[Value | None] = []
        for x, group in zip(xs, groups, strict=True):
            known = [y for y, g in zip(xs, groups, strict=True) if y is not None and g == group]
            if x is None or group is None or (call.by is not None and len(known) < SMALLEST_GROUP):
                out.append(None)
            else:
                out.append(standing(call, x, known))
        return {"": dict(zip(ids, out, strict=True))}

    def rfm(self, call: Fitted) -> dict[str, list[Value | None]]:
        """Days since the last event, number of events, sum: each scored 1 to k, many days being worst."""
        time, amount = call.args
        assert isinstance(time, EventColumn) and isinstance(amount, EventColumn)
        last = self.ask(Measure("last", time.event, time.column, type=time.type))
        n = self.ask(Measure("count", time.event, type=INTEGER))
        total = self.ask(Measure("sum", amount.event, amount.column, type=amount.type))
        today = self.world.today
        rows = []
        for t, f, m in zip(map(plain, last), map(plain, n), map(plain, total), strict=True):
            rows.append((None, None, None) if t is None else ((today - local_day(t, self.world.zone)).days, f, m))  # type: ignore[arg-type]
        values: list[list[Any]] = [list(axis) for axis in zip(*rows, strict=True)] or [[], [], []]
        found = dict(call.settings).get("bins", 5)
        breaks: dict[str, Any] = {} if isinstance(found, int) else dict(found)  # type: ignore[call-overload]
        k = found if isinstance(found, int) else max(map(len, breaks.values())) + 1
        scores = []
        for axis, xs in zip(("recency", "frequency", "monetary"), values, strict=True):
            known = [x for x in xs if x is not None]
            if axis in breaks:
                most = len(breaks[axis]) + 1
                points = [None if x is None else 1 + sum(x >= b for b in breaks[axis]) for x in xs]
            else:
                most = k
                points = [None if x is None else tile(x, known, k) for x in xs]
            scores.append([None if p is None else most + 1 - p for p in points] if axis == "recency" else points)
        cells = cells_of(call)
        score: list[Value | None] = []
        label: list[Value | None] = []
        for r, f, m in zip(*scores, strict=True):
            written = None if r is None or f is None or m is None else f"{r}{f}{m}"
            score.append(written)
            fits = (name for name, limits in cells if all(low <= s <= high for s, (low, high) in zip((r, f, m), limits, strict=True)))
            label.append(None if written is None else next(fits, None) if cells else written)
        parts = dict(zip(("r", "f", "m"), scores, strict=True)) | dict(zip(("recency", "frequency", "monetary"), values, strict=True))
        return {"": label, "score": score, **parts}


def tile(x: Any, known: Sequence[Any], k: int) -> int:
    """min(k, 1 + ⌊k · below / n⌋)."""
    return min(k, 1 + k * sum(y < x for y in known) // len(known))


def standing(call: Fitted, x: Any, known: Sequence[Any]) -> Value:
    """A standing among the known values."""
    match call.function:
        case "percentile":
            return (2 * sum(y < x for y in known) + sum(y == x for y in known)) / (2 * len(known))
        case "quantile":
            k = call.args[1]
            assert isinstance(k, Literal) and isinstance(k.value, int)
            return tile(x, known, k.value)
        case "rank":
            return 1 + sum(y > x for y in known)
    raise ValueError(f"no reference for {call.function}")


@dataclass(frozen=True)
class Watched(Evaluation):
    """An evaluation that tells of every node of a customer (not of those inside a condition on events)."""

    watch: Callable[[Expr, Result], None] = lambda _node, _result: None

    def value(self, node: Expr, row: Event | None = None) -> Result:
        found = super().value(node, row)
        if row is None:
            self.watch(node, found)
        return found


def plain(result: Result) -> Value | None:
    return None if isinstance(result, Missing) else result


# --- the batch in an engine

_ARROW = {
    Kind.INTEGER: pa.int64(),
    Kind.MONEY: pa.decimal128(18, 4),
    Kind.FLOAT: pa.float64(),
    Kind.TEXT: pa.string(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.DATE: pa.date32(),
    Kind.TIMESTAMP: pa.timestamp("us"),
}


def arrow_type(type_: Type, *, event: bool = False) -> pa.DataType:
    """How a column of a type is held; floats of events as exact decimals."""
    if type_.of is not None:
        return pa.list_(_ARROW[type_.of])
    return pa.decimal128(24, 9) if event and type_ == FLOAT else _ARROW[type_.kind]


def load(program: Program, engine: Engine) -> batch.Tables:
    """Make a program's tables in an engine."""
    schema, people = program.schema, program.population.people
    keys = {p.id: i for i, p in enumerate(people)}
    columns: dict[str, pa.Array] = {
        batch.KEY: pa.array(range(len(people)), pa.int64()),
        "customer": pa.array([p.id for p in people], pa.string()),
        "account": pa.array([p.account for p in people], pa.string()),
    }
    for name, type_ in schema.columns.items():
        columns[name] = pa.array([p.columns.get(name) for p in people], arrow_type(type_))
    accounts = [program.population.accounts.get(p.account or "", {}) for p in people]
    for name, type_ in schema.account.items():
        columns[f"account.{name}"] = pa.array([a.get(name) for a in accounts], arrow_type(type_))
    engine.register("customers", pa.table(columns))
    lists = [(name, one) for name, ids in program.population.lists.items() for one in sorted(ids)]
    engine.register(
        "lists", pa.table({"list": pa.array([n for n, _ in lists], pa.string()), "customer": pa.array([c for _, c in lists], pa.string())})
    )
    tables = {}
    for rank, (kind, row) in enumerate(schema.events.items()):
        events = sorted((e for e in program.population.events if e.kind == kind), key=lambda e: (e.time, e.id))
        cells: dict[str, pa.Array] = {
            batch.KEY: pa.array([keys[e.customer] for e in events], pa.int64()),
            batch.TIME: pa.array([e.time for e in events], pa.timestamp("us")),
            batch.DAY: pa.array([local_day(e.time, program.zone) for e in events], pa.date32()),
            batch.ORDER: pa.array(range(len(events)), pa.int64()),
            batch.ID: pa.array([e.id for e in events], pa.string()),
        }
        for name, type_ in row.items():
            cells[name] = pa.array([e.values.get(name) for e in events], arrow_type(type_, event=True))
        engine.register(f"events {kind}", pa.table(cells))
        nullable = frozenset(name for name in row if cells[name].null_count)
        covered = program.coverage.get(kind)
        coverage = None
        if covered is not None:
            coverage = batch.Coverage(program.covers.get(kind), covered.complete_from, covered.complete_to)
        tables[kind] = batch.EventTable(f"events {kind}", program.scope.events[kind], rank, coverage, nullable)
    return batch.Tables("customers", tables, "account")


@dataclass(frozen=True)
class Run:
    """A program carried out by an engine: the values of definitions, the sizes of conditions, and per measure the rows that
    its `where` could not decide."""

    answers: Answers
    sizes: Mapping[str, membership.Size]
    unknown: Mapping[str, int]
    planned: batch.Batch


def conditions(program: Program) -> dict[str, Expr]:
    """The definitions that are conditions."""
    return {n: d.checked.tree for n, d in program.catalog.definitions.items() if d.checked.type == BOOLEAN}


def planned(program: Program, tables: batch.Tables) -> tuple[batch.Batch, Builder]:
    """The batch of a program's definitions."""
    q = Builder("duckdb", Context(program.as_of, program.zone), exp.column("customer"))
    found = program.catalog.definitions.values()
    wanted = [batch.Wanted(d.name, d.checked.tree, d.checked.nothing, d.checked.partial, d.parts) for d in found]
    return batch.plan(wanted, tables, program.catalog.scope, q, FITTERS), q


def run(program: Program, engine: Engine, *, sizes: bool = True) -> Run:
    """Carry a program out."""
    tables = load(program, engine)
    made, q = planned(program, tables)
    for step in made.steps:
        engine.create(step.table, step.query, step.about)
    found = engine.fetch(exp.select("*").from_(batch.relation(made.table)).order_by(batch.quoted(batch.KEY)))
    definitions = program.catalog.definitions
    columns = [*definitions, *(f"{n}.{part}" for n, d in definitions.items() for part in d.parts)]
    answers = {name: [_cell(v) for v in found.column(name).to_pylist()] for name in columns}
    counts: Mapping[str, membership.Size] = {}
    if sizes:
        aliases = batch.aliases_of((d.name, d.checked.tree) for d in definitions.values())
        over = batch.compiler(q, program.catalog.scope, tables, aliases)
        counts = membership.count(engine, membership.rules(conditions(program), over, made.table))
    unknown = {text: int(str(engine.rows(query)[0][0])) for text, _, query in made.unknown}
    return Run(answers, counts, unknown, made)


def _cell(value: Any) -> Value | None:
    if isinstance(value, list):
        return tuple(value)
    return value  # type: ignore[no-any-return]


# --- where they differ


@dataclass(frozen=True)
class Disagreement:
    """One thing that the two answer differently. `customer` is a place in the population, or None where it is about all."""

    program: Program
    name: str
    customer: int | None
    reference: object
    engine: object
    about: str = "value"

    def __str__(self) -> str:
        return report(self)


def same(a: object, b: object) -> bool:
    """The same value of the same class; floats to the bit, but for the sign of zero."""
    return type(a) is type(b) and a == b


def disagreements(program: Program, engine: Engine, *, sizes: bool = True, reference: Reference | None = None) -> list[Disagreement]:
    """Everything in which an engine differs from the reference: values, three-way counts with their blame, and rows left out."""
    known = Reference(program) if reference is None else reference
    return list(differences(program, known, run(program, engine, sizes=sizes)))


def differences(program: Program, known: Reference, found: Run) -> Iterator[Disagreement]:
    answers = known.answers()
    for name, expected in answers.items():
        for i, (a, b) in enumerate(zip(expected, found.answers[name], strict=True)):
            if not same(a, b):
                yield Disagreement(program, name, i, a, b)
    for name, size in found.sizes.items():
        results = known.results(name)
        truths = [truth(r) for r in results]
        three = (truths.count(True), truths.count(False), truths.count(None))
        if three != (size.inside, size.outside, size.cannot_tell):
            yield Disagreement(program, name, None, three, (size.inside, size.outside, size.cannot_tell), "in, out, cannot tell")
        asked_tree = program.catalog.definitions[name].checked.tree
        asked = known.ask(asked_tree)
        blamed = Counter(" and ".join(sorted(r.names)) for r in asked if isinstance(r, Missing))
        if dict(blamed) != dict(size.missing):
            yield Disagreement(program, name, None, dict(blamed), dict(size.missing), "blame")
    measures = {canonical(n): n for d in program.catalog.definitions.values() for n in walk(d.checked.tree) if isinstance(n, Measure)}
    for text, n in found.unknown.items():
        expected_n = known.unknown(measures[text])
        if expected_n != n:
            yield Disagreement(program, text, None, expected_n, n, "rows left out")


def flat(node: Expr) -> bool:
    """Whether every condition of a rule reads its names directly, so that those alone can be to blame."""
    return all(
        isinstance(leaf, tree.Column | tree.Sequence | Measure | Literal)
        or (
            isinstance(leaf, tree.Apply | tree.WindowTest)
            and not batch.may_fail(leaf)
            and all(isinstance(n, Column | Measure | Literal) for n in tree.children(leaf))
        )
        for leaf in membership.leaves(node)
    )


# --- making it small


def closure(program: Program, names: Iterable[str]) -> dict[str, Defined]:
    """The definitions that these need, in their order."""
    needed, todo = set(names), list(names)
    while todo:
        for used in program.catalog.definitions[todo.pop()].checked.uses:
            if used in program.definitions and used not in needed:
                needed.add(used)
                todo.append(used)
    return {name: d for name, d in program.definitions.items() if name in needed}


def shrink(found: Disagreement, engine: Engine, *, tries: int = 250) -> Disagreement:
    """A smaller program that still disagrees on the same thing: fewer definitions, a part of the expression, fewer customers,
    fewer events, each dropped as long as the disagreement stays."""
    left = tries

    def still(program: Program, name: str) -> Disagreement | None:
        nonlocal left
        left -= 1
        if left < 0:
            return None
        try:
            again = disagreements(program, engine, sizes=found.about != "value")
        except CoterieError:
            return None
        return next((d for d in again if d.about == found.about and (d.name == name or found.about == "rows left out")), None)

    name = found.name.rpartition(".")[0] if found.name not in found.program.definitions else found.name
    if name not in found.program.definitions:
        return found
    best = still(replace(found.program, definitions=closure(found.program, [name])), found.name)
    if best is None:
        return found
    for node in sorted(_parts_of(best), key=lambda n: len(list(walk(n)))):
        part = {**closure(best.program, best.program.catalog.definitions[name].checked.uses & best.program.definitions.keys())}
        part["part"] = Defined("trait", canonical(node))
        smaller = still(replace(best.program, definitions=part), "part")
        if smaller is not None:
            best = smaller
            break
    best = _without(best, still, "people")
    return _without(best, still, "events")


def _parts_of(found: Disagreement) -> list[Expr]:
    if found.name not in found.program.definitions:
        return []
    whole = found.program.catalog.definitions[found.name].checked.tree
    return [n for n in batch.walk_outer(whole) if n is not whole and not isinstance(n, Literal | Column | EventColumn)]


def _without(found: Disagreement, still: Callable[[Program, str], Disagreement | None], what: str) -> Disagreement:
    """Fewer rows: halves first, then one by one."""
    best = found
    size = max(1, len(getattr(best.program.population, what)) // 2)
    while size:
        start = 0
        while start < len(rows := getattr(best.program.population, what)):
            kept = rows[:start] + rows[start + size :]
            smaller = still(_keeping(best.program, what, kept), best.name) if kept or what == "events" else None
            if smaller is None:
                start += size
            else:
                best = smaller
        size //= 2
    return best


def _keeping(program: Program, what: str, rows: tuple[Any, ...]) -> Program:
    people = rows if what == "people" else program.population.people
    events = program.population.events if what == "people" else rows
    ids = {p.id for p in people}
    return replace(
        program, population=replace(program.population, people=people, events=tuple(e for e in events if e.customer in ids))
    )


def report(found: Disagreement) -> str:
    """What differs, the definitions, the customer's data and the SQL."""
    p = found.program
    base = found.name if found.name in p.definitions else found.name.rpartition(".")[0]
    shown = closure(p, [base]) if base in p.definitions else p.definitions
    out = [f"{found.about} of {found.name}", f"  as of {p.as_of} in {p.zone}"]
    out += [f"  {name}: {d.text}  ({d.noun}{f', {d.settings}' if d.settings else ''})" for name, d in shown.items()]
    out += [f"  covers {kind}: {c}" for kind, c in p.coverage.items()]
    out += [f"  reference: {found.reference!r}", f"  engine:    {found.engine!r}"]
    people = p.population.people
    wanted = people[:3] if found.customer is None else [people[found.customer]]
    for person in wanted:
        out.append(f"  customer {person.id!r}, account {person.account!r}: {_known(person.columns)}")
        events = sorted((e for e in p.population.events if e.customer == person.id), key=lambda e: (e.time, e.id))
        out += [f"    {e.time} {e.kind} {e.id}: {_known(e.values)}" for e in events]
    try:
        made, _ = planned(replace(p, definitions=shown), _tables_of(p))
        out += [f"  {s.table}: {s.query.sql(dialect='duckdb')}" for s in made.steps]
    except CoterieError as error:
        out.append(f"  no SQL: {error}")
    return "\n".join(out)


def _tables_of(program: Program) -> batch.Tables:
    tables = {}
    for rank, kind in enumerate(program.schema.events):
        covered = program.coverage.get(kind)
        coverage = None
        if covered is not None:
            coverage = batch.Coverage(program.covers.get(kind), covered.complete_from, covered.complete_to)
        tables[kind] = batch.EventTable(f"events {kind}", program.scope.events[kind], rank, coverage)
    return batch.Tables("customers", tables, "account")


def _known(values: Mapping[str, Value | None]) -> str:
    return ", ".join(f"{name}={_shown(value)}" for name, value in values.items() if value is not None)


def _shown(value: Value) -> str:
    return str(value) if isinstance(value, date | Decimal) else repr(value)


__all__ = [
    "BOOLEAN",
    "MONEY",
    "Answers",
    "Disagreement",
    "Reference",
    "Run",
    "closure",
    "conditions",
    "differences",
    "disagreements",
    "load",
    "planned",
    "report",
    "run",
    "shrink",
    "tree",
]
