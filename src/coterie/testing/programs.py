"""Random programs: a schema, everybody's data, an instant to ask at, and definitions that use each other.

`program(seed)` is the same in every process. A plug-in's author registers an operator, function or aggregation in its table
and draws programs: what is new is in them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from random import Random

from coterie.core.errors import CoterieError
from coterie.core.place import Origin
from coterie.core.windows import local_day
from coterie.language.catalog import Catalog, Entry, Noun, resolve
from coterie.language.check import check
from coterie.language.format import format as canonical
from coterie.language.parse import parse
from coterie.language.scope import ColumnInfo, EventInfo, Scope
from coterie.language.tree import Column, Expr, Fitted
from coterie.language.types import BOOLEAN, DATE, FLOAT, INTEGER, MONEY, TEXT, TIMESTAMP, Type
from coterie.testing.expressions import Expressions, Nothing, features
from coterie.testing.populations import ZONES, Population, Schema, pool, population, question, schema


@dataclass(frozen=True, slots=True)
class Defined:
    """A definition as a project file has it; `settings` are those of a fitted call's long form."""

    noun: Noun
    text: str
    settings: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class Covered:
    """What a source says it knows: whom (a condition over attributes) and which local days."""

    covers: str | None = None
    complete_from: date | None = None
    complete_to: date | None = None


@dataclass(frozen=True)
class Program:
    """Everything that answers depend on."""

    schema: Schema
    population: Population
    as_of: datetime
    zone: str
    definitions: Mapping[str, Defined]
    coverage: Mapping[str, Covered] = field(default_factory=dict)

    @cached_property
    def scope(self) -> Scope:
        """The names without the definitions."""
        return Scope(
            {name: ColumnInfo(t) for name, t in self.schema.columns.items()},
            {kind: EventInfo(columns, kind in self.coverage) for kind, columns in self.schema.events.items()},
            self.zone,
            {name: ColumnInfo(t) for name, t in self.schema.account.items()},
            has_accounts=True,
            lists=frozenset(self.schema.lists),
        )

    @cached_property
    def catalog(self) -> Catalog:
        """The definitions, checked."""
        return resolve([Entry(n, d.noun, _parsed(d), Origin.of(d.text)) for n, d in self.definitions.items()], self.scope)

    @cached_property
    def covers(self) -> dict[str, Expr]:
        """The checked conditions of sources that know some customers only."""
        return {
            kind: check(parse(c.covers), self.scope, Origin.of(c.covers), expected=BOOLEAN).tree
            for kind, c in self.coverage.items()
            if c.covers is not None
        }


def _parsed(defined: Defined) -> Expr:
    node = parse(defined.text)
    return replace(node, settings=defined.settings) if isinstance(node, Fitted) and defined.settings else node


def program(seed: int, *, size: int = 60, definitions: int = 30, zone: str | None = None) -> Program:
    """A random program.

    Args:
        seed: the same seed, the same program.
        size: how many customers; from 60 on, groups of `by` are now and then large enough to have a standing.
        definitions: how many. They go through `features()` in turn, so that a few seeds have them all.
        zone: the project's time zone; None goes through `ZONES`.
    """
    rng = Random(seed)
    zone = ZONES[seed % len(ZONES)] if zone is None else zone
    as_of = question(rng, zone)
    of = schema(rng)
    values = pool(rng, as_of, zone)
    everybody = population(rng, of, values, as_of, size)
    coverage = _coverage(rng, of, local_day(as_of, zone)) if rng.random() < 0.5 else {}
    draw = Expressions(rng, of, values, as_of, zone, dict(of.columns))
    empty = Program(of, everybody, as_of, zone, {}, coverage)
    return replace(empty, definitions=_definitions(draw, empty, seed, definitions))


def _coverage(rng: Random, of: Schema, today: date) -> dict[str, Covered]:
    flags = [name for name, t in of.columns.items() if t == BOOLEAN]
    out = {}
    for kind in of.events:
        if rng.random() < 0.4:
            name = canonical(Column(rng.choice([*flags, *of.columns])))
            covers = name if name in flags else f"{name} is known"
            out[kind] = Covered(
                covers if rng.random() < 0.5 else None,
                today - timedelta(days=rng.choice((0, 2, 10, 40, 400))) if rng.random() < 0.6 else None,
                today - timedelta(days=rng.choice((-5, 0, 1, 10, 100))) if rng.random() < 0.3 else None,
            )
    return out


def _definitions(draw: Expressions, base: Program, seed: int, n: int) -> dict[str, Defined]:
    out: dict[str, Defined] = {}
    columns = dict(base.scope.columns)
    wanted = features()
    turn, misses = seed * n, 0
    while len(out) < n:
        name = _name(len(out))
        try:
            defined = _defined(draw, wanted[turn % len(wanted)] if draw.rng.random() < 0.6 else None)
            origin = Origin.of(defined.text)
            checked = check(_parsed(defined), replace(base.scope, columns=columns), origin)
        except (CoterieError, Nothing):
            misses += 1
            turn += misses % 40 == 0  # here and now this feature cannot be had
            if misses > 200 * n:
                raise
            continue
        turn += 1
        out[name] = defined
        parts = _parts(checked.tree, columns)
        columns[name] = ColumnInfo(checked.type, checked.nothing, checked.partial, checked.unsure, parts=parts)
        draw.columns[name] = checked.type
        if parts:
            draw.parts[name] = {part: info.type for part, info in parts.items()}
    return out


def _name(i: int) -> str:
    return {3: "Trait Three", 5: "größer", 7: "t.7"}.get(i, f"t{i}")


def _parts(node: Expr, columns: Mapping[str, ColumnInfo]) -> Mapping[str, ColumnInfo]:
    from coterie.language.catalog import parts_of

    return {part: ColumnInfo(type_) for part, type_ in parts_of(node, columns).items()}


def _defined(draw: Expressions, feature: tuple[str, str] | None) -> Defined:
    rng = draw.rng
    depth = rng.choice((1, 1, 2, 3))
    if feature is not None:
        node = draw.about(feature, depth)
        if rng.random() < 0.3:
            node = draw.condition(1) if rng.random() < 0.1 else _joined(draw, node)
        return Defined(rng.choice(("segment", "trait")), canonical(node))
    match draw.pick(segment=8, trait=6, segmentation=2, alias=1, rfm=1, standing=1):
        case "segment":
            return Defined("segment", canonical(draw.condition(depth)))
        case "trait":
            types: tuple[Type, ...] = (INTEGER, MONEY, FLOAT, TEXT, BOOLEAN, DATE, TIMESTAMP)
            return Defined("trait", canonical(draw.value(rng.choice(types), depth)))
        case "segmentation":
            return Defined("segmentation", canonical(draw.labels(depth)))
        case "alias":
            return Defined("trait", canonical(Column(rng.choice(list(draw.columns)))))
        case "standing":
            return Defined("trait", canonical(draw.standing(rng.choice(("percentile", "quantile", "rank")), depth)[0]))
        case _:
            node, _ = draw.rfm()
            return Defined("segmentation", canonical(node), _rfm_settings(rng))


def _joined(draw: Expressions, node: Expr) -> Expr:
    from coterie.language.tree import And, Or

    other = draw.condition(1)
    kind = draw.rng.choice((And, Or))
    sides: list[Expr] = []
    for side in (node, other):
        sides += side.args if isinstance(side, kind) else [side]
    return kind(tuple(sides))


def _rfm_settings(rng: Random) -> tuple[tuple[str, object], ...]:
    """Settings of the long form: the usual ones, another number of scores, breaks, cells."""
    match rng.randrange(4):
        case 0:
            return ()
        case 1:
            return (("bins", rng.choice((2, 3, 4, 10))),)
        case 2:
            breaks = (("recency", (3, 30, 90)), ("monetary", (Decimal("0.5"), 10, 1000)))
            return (("bins", breaks[: rng.randrange(1, 3)]),)
        case _:
            return (("bins", 3), ("cells", (("best", "3/2-3/1-3"), ("worth a call", "1-2/3/1-3"), ("rest", "1-3/1-3/1-2"))))
