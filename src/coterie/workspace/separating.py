"""Which variables separate customers and can be acted on: everything known of them against one target (`coterie bases`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from coterie.core.errors import TypeMismatch
from coterie.language.types import BOOLEAN, NUMBERS, TIMES, Kind
from coterie.profiles.natures import End, base_of, ends
from coterie.profiles.separation import LEVEL, Separation, separations
from coterie.traits.batch import aliased, quoted
from coterie.workspace.compared import shown_types
from coterie.workspace.results import Results

MOST = 200_000
"""Of more customers about so many are looked at, always the same ones."""
TRIED = frozenset({Kind.TEXT, Kind.INTEGER, Kind.FLOAT, Kind.MONEY, Kind.DATE, Kind.TIMESTAMP, Kind.BOOLEAN})


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable with what it tells: `base` it is of, and `moves`: when a customer's value can change."""

    base: str
    moves: str
    told: Separation


@dataclass(frozen=True, slots=True)
class Bases:
    """All variables against a target.

    Attributes:
        target: the trait or condition; customers: looked at, `of` how many.
        variables: those first that separate and can be acted on.
        left_out: traits made of the same data as the target, which of course go with it.
    """

    target: str
    customers: int
    of: int
    variables: tuple[Variable, ...]
    left_out: tuple[str, ...]

    @property
    def honesty(self) -> str:
        """What was done against chance."""
        tried = sum(v.told.strength is not None for v in self.variables)
        return (
            f"{tried:,} variables were tried. By chance alone, in at most {100 * (1 - LEVEL):.0f} of 100 shops like this one would "
            "any of them be said to separate (Kruskal–Wallis, Bonferroni)."
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "target": self.target,
            "customers": self.customers,
            "of": self.of,
            "variables": [
                {
                    "variable": v.told.column,
                    "base": v.base,
                    "moves": v.moves,
                    "known": v.told.known,
                    "groups": v.told.groups,
                    "smallest": v.told.smallest,
                    "evenness": v.told.evenness,
                    "strength": v.told.strength,
                    "low": v.told.low,
                    "high": v.told.high,
                    "separates": v.told.holds,
                    "why_not": v.told.why_not,
                    "same_as": v.told.same_as,
                }
                for v in self.variables
            ],
            "left_out": list(self.left_out),
        }


def bases(results: Results, target: str | None = None) -> Bases:
    """Every trait and attribute against a target.

    Args:
        target: a trait, a segment or a condition; None is the money trait, else the first count.

    Raises:
        DefinitionError: the target cannot be read. TypeMismatch: it is a text, or nothing is there to take.
    """
    wanted = target or default_target(results)
    checked = results.meant(wanted)
    if checked.type not in (*NUMBERS, *TIMES, BOOLEAN):
        raise TypeMismatch(
            f"{wanted!r} is {checked.type}, and a number, a day or a condition is needed",
            hint="write a condition with it, as in: value = 'Champions'",
        )
    table = results.prepared([checked.tree])
    types = {n: t for n, t in shown_types(results).items() if t.kind in TRIED and n not in results.project.segmentations}
    own = set(ends(results.catalog, checked.tree))
    left_out = [n for n in types if n == wanted or _same_data(results, n, own)]
    kept = {n: t for n, t in types.items() if n not in left_out}
    population = results.made.population
    # One row of the many in a long table, told by a hash of its id: the same ones every time.
    select = exp.select(results.compiler().sql(results.inlined(checked.tree)).as_("target")).from_(aliased(table, "t"))
    for i, (name, type_) in enumerate(kept.items()):
        read: exp.Expression = quoted(name, "t")
        if type_.kind is Kind.MONEY:
            read = exp.Cast(this=read, to=exp.DataType.build("DOUBLE"))
        select = select.select(read.as_(f"c{i}"), copy=False)
    if population > MOST:
        digits = exp.Anonymous(this="MD5", expressions=[quoted("customer", "t")])
        drawn = exp.Anonymous(this="SUBSTRING", expressions=[digits, exp.Literal.number(1), exp.Literal.number(4)])
        select = select.where(exp.LT(this=drawn, expression=exp.Literal.string(f"{int(0x10000 * MOST / population):04x}")))
    rows = results.engine.fetch(select, "bases")
    found = rows.select([f"c{i}" for i in range(len(kept))]).rename_columns(list(kept))
    told = separations(found, kept, rows.column("target"))
    variables = tuple(Variable(_base(results, s.column), _moves(results, s.column), s) for s in told)
    return Bases(wanted, rows.num_rows, population, variables, tuple(left_out))


def default_target(results: Results) -> str:
    """The money trait, else the first trait that is a whole number."""
    if results.money is not None:
        return results.money
    counts = [d.name for d in results.catalog.of("trait") if d.checked.type.kind is Kind.INTEGER]
    if not counts:
        raise TypeMismatch("there is nothing to separate customers by yet", hint="add a trait such as revenue: sum(order.amount)")
    return counts[0]


def _same_data(results: Results, name: str, own: set[End]) -> bool:
    """Whether a trait is made of the very column of events, or attribute, that the target reads."""
    read = results.catalog.definitions.get(name)
    reads = {End(name)} if read is None else set(ends(results.catalog, read.checked.tree))
    return bool({_key(e) for e in reads} & {_key(e) for e in own})


def _key(end: End) -> tuple[str | None, str | None, str | None]:
    return end.attribute, end.event, end.column


def _base(results: Results, name: str) -> str:
    notes = results.project.traits[name].notes if name in results.project.traits else {}
    tags = notes.get("tags")
    told: Sequence[str] = tags if isinstance(tags, list | tuple) else ()
    return base_of(results.catalog, name, tuple(str(t) for t in told), shown_types(results).get(name))


def _moves(results: Results, name: str) -> str:
    """When a customer's value can change."""
    found = results.catalog.definitions.get(name)
    fresh = frozenset[str]() if found is None else found.checked.fresh
    if fresh & {"daily", "timed"}:
        return "with time"
    if "fitted" in fresh:
        return "with each run"
    constant = {c for s in results.project.sources.values() for c in s.constant}
    read = [End(name)] if found is None else list(ends(results.catalog, found.checked.tree))
    if any(e.event is not None for e in read):
        return "with events"
    return "never" if all(e.attribute in constant for e in read) else "with their data"
