"""Random programs: a schema, everybody's data, an instant to ask at, and definitions that use each other.

`program(seed)` is the same in every process. A plug-in's author registers an operator, function or aggregation in its table
and draws programs: what is new is in them.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from coterie.core.errors import CoterieError
from coterie.core.place import Origin
from coterie.core.windows import local_day
from coterie.language.catalog import parts_of
from coterie.language.check import check
from coterie.language.format import format as canonical
from coterie.language.scope import ColumnInfo
from coterie.language.tree import Column, Expr
from coterie.language.types import BOOLEAN, DATE, FLOAT, INTEGER, MONEY, TEXT, TIMESTAMP, Type
from coterie.testing.asking import Covered, Defined, Program, parsed
from coterie.testing.expressions import Expressions, Feature, Nothing, features
from coterie.testing.populations import ZONES, Schema, pool, population, question, schema
from coterie.testing.reference import Reference
from coterie.testing.sharpening import plant, sharpen


def program(seed: int, *, size: int = 60, definitions: int = 30, zone: str | None = None, focus: Sequence[Feature] = ()) -> Program:
    """A random program.

    Args:
        seed: the same seed, the same program.
        size: how many customers; from 60 on, groups of `by` are now and then large enough to have a standing.
        definitions: how many. They go through `features()` in turn, so that a few seeds have them all.
        zone: the project's time zone; None goes through `ZONES`.
        focus: go through these features instead.
    """
    rng = Random(seed)  # noqa: S311
    zone = ZONES[seed % len(ZONES)] if zone is None else zone
    as_of = question(rng, zone)
    of = schema(rng)
    values = pool(rng, as_of, zone)
    everybody = population(rng, of, values, as_of, size)
    coverage = _coverage(rng, of, local_day(as_of, zone)) if rng.random() < 0.5 else {}
    draw = Expressions(rng, of, values, as_of, zone, dict(of.columns))
    empty = Program(of, everybody, as_of, zone, {}, coverage)
    return plant(replace(empty, definitions=_definitions(draw, empty, seed, definitions, focus or features())), rng)


def _coverage(rng: Random, of: Schema, today: date) -> dict[str, Covered]:
    flags = [name for name, t in of.columns.items() if t == BOOLEAN]
    out = {}
    for kind in of.events:
        if rng.random() < 0.5:
            name = canonical(Column(rng.choice([*flags, *of.columns])))
            covers = name if name in flags else f"{name} is known"
            out[kind] = Covered(
                covers if rng.random() < 0.3 else None,
                today - timedelta(days=rng.choice((0, 2, 6, 10, 29, 40, 400))) if rng.random() < 0.7 else None,
                today - timedelta(days=rng.choice((-5, 0, 1, 10, 100))) if rng.random() < 0.25 else None,
            )
    return out


def _definitions(draw: Expressions, base: Program, seed: int, n: int, wanted: Sequence[Feature]) -> dict[str, Defined]:
    out: dict[str, Defined] = {}
    columns = dict(base.scope.columns)
    known = Reference(base)
    later: set[str] = set()
    turn, misses = seed * n, 0
    while len(out) < n:
        name = _name(len(out))
        scope = replace(base.scope, columns=columns)
        try:
            defined = _defined(draw, wanted[turn % len(wanted)] if draw.rng.random() < 0.7 else None)
            checked = check(parsed(defined), scope, Origin.of(defined.text))
        except (CoterieError, Nothing):
            misses += 1
            turn += misses % 40 == 0  # here and now this feature cannot be had
            if misses > 200 * n:
                raise
            continue
        sharper = replace(defined, text=canonical(sharpen(checked.tree, known, draw.rng, later)))
        try:
            checked, defined = check(parsed(sharper), scope, Origin.of(sharper.text)), sharper
        except CoterieError:
            pass  # what somebody has cannot be written there
        turn += 1
        out[name] = defined
        parts = {part: ColumnInfo(type_) for part, type_ in parts_of(checked.tree, columns).items()}
        columns[name] = ColumnInfo(checked.type, checked.nothing, checked.partial, checked.unsure, parts=parts)
        draw.columns[name] = checked.type
        if checked.fits or checked.uses & later:
            later.add(name)
        known.world.definitions[name] = checked.tree  # type: ignore[index]
        if parts:
            draw.parts[name] = {part: info.type for part, info in parts.items()}
    return out


def _name(i: int) -> str:
    return {3: "Trait Three", 5: "größer", 7: "t.7"}.get(i, f"t{i}")


def _defined(draw: Expressions, feature: tuple[str, str] | None) -> Defined:
    rng = draw.rng
    depth = rng.choice((1, 1, 2, 3))
    if feature is not None:
        node = draw.about(feature, depth)
        if rng.random() < 0.3:
            node = draw.condition(1) if rng.random() < 0.1 else _joined(draw, node)
        return Defined(rng.choice(("segment", "trait")), canonical(node))
    match draw.pick(segment=8, trait=6, end=1, segmentation=2, alias=1, rfm=1, standing=1):
        case "segment":
            return Defined("segment", canonical(draw.condition(depth)))
        case "trait":
            types: tuple[Type, ...] = (INTEGER, MONEY, FLOAT, TEXT, BOOLEAN, DATE, TIMESTAMP)
            return Defined("trait", canonical(draw.value(rng.choice(types), depth)))
        case "end":
            return Defined("trait", canonical(draw.end()))
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
            breaks = (("recency", (3, 30, 90)), ("f", 3), ("monetary", (Decimal("0.5"), 10, 1000)))
            return (("bins", breaks[: rng.randrange(1, 4)]),)
        case _:
            return (("bins", 3), ("cells", (("best", "3/2-3/1-3"), ("worth a call", "1-2/3/1-3"), ("rest", "1-3/1-3/1-2"))))
