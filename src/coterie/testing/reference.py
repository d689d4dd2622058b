"""The right answers to a program: `language/evaluate` for each customer, and what is fitted on everybody counted from the words
of LANGUAGE.md section 6 alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from coterie.core.windows import local_day
from coterie.language.evaluate import Coverage, Customer, Evaluation, Event, Missing, Result, World, in_order
from coterie.language.format import format as canonical
from coterie.language.tree import Column, EventColumn, Expr, Fitted, Literal, Measure
from coterie.language.types import INTEGER, Value
from coterie.models.kinds.rfm import cells_of
from coterie.models.kinds.standing import SMALLEST_GROUP
from coterie.testing.asking import Program

Answers = Mapping[str, Sequence[Value | None]]
"""By definition (and `name.part`), the values of the customers in the order of the population; None is missing."""


@dataclass
class Reference:
    """A program answered customer by customer. `watch` sees every node that is evaluated, with its result."""

    program: Program
    watch: Callable[[Expr, Result], None] | None = None
    unknown_rows: dict[str, int] = field(default_factory=dict)

    @cached_property
    def world(self) -> World:
        p = self.program
        coverage = {kind: Coverage(p.covers.get(kind), c.complete_from, c.complete_to) for kind, c in p.coverage.items()}
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
        assert isinstance(time, EventColumn)
        assert isinstance(amount, EventColumn)
        last = self.ask(Measure("last", time.event, time.column, type=time.type))
        n = self.ask(Measure("count", time.event, type=INTEGER))
        total = self.ask(Measure("sum", amount.event, amount.column, type=amount.type))
        today = self.world.today
        ages: list[Any] = []
        n_events: list[Any] = []
        sums: list[Any] = []
        for t, f, m in zip(map(plain, last), map(plain, n), map(plain, total), strict=True):
            ages.append((today - local_day(t, self.world.zone)).days if isinstance(t, datetime) else None)
            n_events.append(None if t is None else f)
            sums.append(None if t is None else m)
        values = [ages, n_events, sums]
        found = dict(call.settings).get("bins", 5)
        bins: dict[str, Any] = {} if isinstance(found, int) else dict(found)  # type: ignore[call-overload]
        scores = []
        for axis, xs in zip(("recency", "frequency", "monetary"), values, strict=True):
            known = [x for x in xs if x is not None]
            own = bins.get(axis, bins.get(axis[0], found if isinstance(found, int) else 5))
            if isinstance(own, int):
                most, points = own, [None if x is None else tile(x, known, own) for x in xs]
            else:
                most, points = len(own) + 1, [None if x is None else 1 + sum(x >= b for b in own) for x in xs]
            scores.append([None if p is None else most + 1 - p for p in points] if axis == "recency" else points)
        cells = cells_of(call)
        score: list[Value | None] = []
        label: list[Value | None] = []
        for r, f, m in zip(*scores, strict=True):
            written = None if r is None or f is None or m is None else f"{r}{f}{m}"
            score.append(written)
            fits = (
                name for name, limits in cells if all(low <= s <= high for s, (low, high) in zip((r, f, m), limits, strict=True))
            )
            label.append(None if written is None else next(fits, None) if cells else written)
        parts = dict(zip(("r", "f", "m"), scores, strict=True)) | dict(
            zip(("recency", "frequency", "monetary"), values, strict=True)
        )
        return {"": label, "score": score, **parts}


def below(x: Any, known: Sequence[Any]) -> int:
    return len([y for y in known if y < x])


def equal(x: Any, known: Sequence[Any]) -> int:
    return len([y for y in known if y == x])


def tile(x: Any, known: Sequence[Any], k: int) -> int:
    """min(k, 1 + ⌊k · below / n⌋)."""
    return min(k, 1 + k * below(x, known) // len(known))


def standing(call: Fitted, x: Any, known: Sequence[Any]) -> Value:
    """A standing among the known values."""
    match call.function:
        case "percentile":
            return (2 * below(x, known) + equal(x, known)) / (2 * len(known))
        case "quantile":
            k = call.args[1]
            assert isinstance(k, Literal)
            assert isinstance(k.value, int)
            return tile(x, known, k.value)
        case "rank":
            return 1 + len(known) - below(x, known) - equal(x, known)
        case _:
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
