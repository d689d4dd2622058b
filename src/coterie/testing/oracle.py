"""Two answers to one program, and where they differ: the reference in plain Python, and the batch in an engine.

A disagreement can be made small and is printed with all that is needed to see it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
from sqlglot import exp

from coterie.core.errors import CoterieError
from coterie.core.windows import local_day
from coterie.engine.arrow import arrow_type
from coterie.engine.engine import Engine
from coterie.language import tree
from coterie.language.evaluate import Missing, truth
from coterie.language.format import format as canonical
from coterie.language.leaves import Context
from coterie.language.sql import Builder
from coterie.language.tree import Column, EventColumn, Expr, Literal, Measure, walk
from coterie.language.types import BOOLEAN, Value
from coterie.models.kinds import FITTERS
from coterie.segments import membership
from coterie.testing.asking import Defined, Program
from coterie.testing.reference import Answers, Reference
from coterie.traits import batch
from coterie.traits.carry import make, undecided
from coterie.traits.coverage import Coverage

# --- the batch in an engine


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
        "lists",
        pa.table({"list": pa.array([n for n, _ in lists], pa.string()), "customer": pa.array([c for _, c in lists], pa.string())}),
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
            coverage = Coverage(program.covers.get(kind), covered.complete_from, covered.complete_to)
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


def planned(program: Program, tables: batch.Tables, dialect: str = "duckdb") -> tuple[batch.Batch, Builder]:
    """The batch of a program's definitions."""
    q = Builder(dialect, Context(program.as_of, program.zone), exp.column("customer"))
    found = program.catalog.definitions.values()
    wanted = [batch.Wanted(d.name, d.checked.tree, d.checked.nothing, d.checked.partial, d.parts) for d in found]
    return batch.plan(wanted, tables, program.catalog.scope, q, FITTERS), q


def run(program: Program, engine: Engine, *, sizes: bool = True, tables: batch.Tables | None = None) -> Run:
    """Carry a program out; `tables` are those that `load` made before, if it did."""
    tables = load(program, engine) if tables is None else tables
    made, q = planned(program, tables, engine.dialect)
    for step in made.steps:
        make(engine, step, temporary=False)
    found = engine.fetch(exp.select("*").from_(batch.relation(made.table)).order_by(batch.quoted(batch.KEY)))
    definitions = program.catalog.definitions
    columns = [*definitions, *(f"{n}.{part}" for n, d in definitions.items() for part in d.parts)]
    answers = {name: [_cell(v) for v in found.column(name).to_pylist()] for name in columns}
    counts: Mapping[str, membership.Size] = {}
    if sizes:
        aliases = batch.aliases_of((d.name, d.checked.tree) for d in definitions.values())
        over = batch.compiler(q, program.catalog.scope, tables, aliases)
        counts = membership.count(engine, membership.rules(conditions(program), over, made.table))
    return Run(answers, counts, undecided(engine, made), made)


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


def disagreements(
    program: Program, engine: Engine, *, sizes: bool = True, reference: Reference | None = None
) -> list[Disagreement]:
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
    measures = {
        canonical(n): n for d in program.catalog.definitions.values() for n in walk(d.checked.tree) if isinstance(n, Measure)
    }
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
            coverage = Coverage(program.covers.get(kind), covered.complete_from, covered.complete_to)
        tables[kind] = batch.EventTable(f"events {kind}", program.scope.events[kind], rank, coverage)
    return batch.Tables("customers", tables, "account")


def _known(values: Mapping[str, Value | None]) -> str:
    return ", ".join(f"{name}={_shown(value)}" for name, value in values.items() if value is not None)


def _shown(value: Value) -> str:
    return str(value) if isinstance(value, date | Decimal) else repr(value)
