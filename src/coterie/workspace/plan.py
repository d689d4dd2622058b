"""What a run would do, before it does it: who would enter and leave, what depends on it, whether a gate would stop it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from coterie.core.windows import local
from coterie.language.types import Type
from coterie.workspace import gates as gating
from coterie.workspace.comparison import Comparison, Moved, Relabelled, compare
from coterie.workspace.edits import Edit, earlier_names, edits, names_before
from coterie.workspace.gates import Gate
from coterie.workspace.ground import Ground
from coterie.workspace.results import Results, account_columns, money_of
from coterie.workspace.run import Answered
from coterie.workspace.trial import Answers

if TYPE_CHECKING:
    from coterie.engine.engine import Engine

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would publish, beside what is published.

    Attributes:
        as_of, before: the instants of the answer and of the results it is compared with (None: nothing is published).
        population, population_before: customers.
        money, currency: the trait that customers are worth; None where there is none.
        edits: definitions that are not what they were.
        schema: what changed in the columns of the sources.
        gates: those that there are.
        seconds, rows: what it cost: wall-clock time, and rows of the sources looked at.
    """

    as_of: datetime
    before: datetime | None
    population: int
    population_before: int | None
    zone: str
    money: str | None
    currency: str | None
    compared: Comparison | None
    answered: Answered
    edits: tuple[Edit, ...]
    schema: tuple[str, ...]
    gates: tuple[Gate, ...]
    seconds: float
    rows: int

    @property
    def stopped(self) -> bool:
        """Whether a run would publish nothing."""
        return any(not g.passed for g in self.gates)

    @property
    def segments(self) -> tuple[Moved, ...]:
        if self.compared is not None:
            return self.compared.segments
        return tuple(Moved(n, None, None, s, entered=s.inside) for n, s in self.answered.sizes.items())

    @property
    def segmentations(self) -> tuple[Relabelled, ...]:
        if self.compared is not None:
            return self.compared.segmentations
        return tuple(Relabelled(n, None, None, c) for n, c in self.answered.labels.items())

    def entered(self, name: str) -> list[str]:
        """The customers who would enter a segment (all of a first run are not listed)."""
        return [c for c, before, after in self._verdicts(name) if after and not before]

    def left(self, name: str) -> list[str]:
        """The customers who would leave a segment."""
        return [c for c, before, after in self._verdicts(name) if before and not after]

    def _verdicts(self, name: str) -> list[tuple[str, bool | None, bool | None]]:
        return [] if self.compared is None else self.compared.verdicts(name)

    def to_json(self) -> Json:
        return {
            "as_of": local(self.as_of, self.zone).isoformat(timespec="seconds"),
            "before": None if self.before is None else local(self.before, self.zone).isoformat(timespec="seconds"),
            "population": self.population,
            "population_before": self.population_before,
            "money": self.money,
            "currency": self.currency,
            "segments": [self._segment(m) for m in self.segments],
            "segmentations": [_segmentation(m) for m in self.segmentations],
            "definitions": [e.to_json() for e in self.edits],
            "schema": list(self.schema),
            "gates": [g.to_json() for g in self.gates],
            "stopped": self.stopped,
            "seconds": round(self.seconds, 3),
            "rows": self.rows,
        }

    def _segment(self, moved: Moved) -> Json:
        def share(inside: int | None, of: int | None) -> float | None:
            return None if inside is None or not of else round(inside / of, 6)

        change = moved.change
        return {
            "name": moved.name,
            "was": moved.was if moved.was != moved.name else None,
            "before": None if moved.before is None else moved.before.inside,
            "after": None if moved.after is None else moved.after.inside,
            "entered": moved.entered,
            "left": moved.left,
            "net": moved.net,
            "newly_cannot_tell": moved.newly_unknown,
            "cannot_tell": None if moved.after is None else moved.after.cannot_tell,
            "change": None if change in (None, float("inf")) else round(change or 0.0, 6),
            "share_before": share(None if moved.before is None else moved.before.inside, self.population_before),
            "share": share(None if moved.after is None else moved.after.inside, self.population),
            "revenue_entered": None if moved.money_entered is None else float(moved.money_entered),
            "revenue_left": None if moved.money_left is None else float(moved.money_left),
        }


def _segmentation(moved: Relabelled) -> Json:
    def listed(counts: Mapping[str | None, int] | None) -> list[Json] | None:
        return None if counts is None else [{"label": label, "customers": n} for label, n in counts.items()]

    return {
        "name": moved.name,
        "was": moved.was if moved.was != moved.name else None,
        "before": listed(moved.before),
        "after": listed(moved.after),
        "moves": [{"from": a, "to": b, "customers": n} for (a, b), n in moved.moves.items()],
    }


def against(
    results: Results | None, ground: Ground, engine: "Engine", answered: Answered, *, listed: bool = True
) -> tuple[Comparison | None, tuple[Edit, ...], str | None]:
    """What an answer changes in published results: members, definitions, and the trait that customers are worth.

    `listed`: as of `compare`.
    """
    catalog, money = ground.catalog, money_of(ground.catalog)
    if results is None:
        return None, (), money
    then = names_before(catalog, earlier_names(ground.project), results.catalog)
    nouns = {noun: {d.name: then[d.name] for d in catalog.of(noun)} for noun in ("segment", "segmentation")}
    of_segments, labelled = nouns["segment"], nouns["segmentation"]
    found = compare(results, engine, answered, segments=of_segments, segmentations=labelled, money=money, listed=listed)
    return found, edits(catalog, then, results.catalog), money


def answers_of(ground: Ground, answered: Answered, published: Callable[[], Results | None]) -> Answers:
    """What examples and expectations are held against; nothing is compared that none of them asks for."""

    def compared() -> Comparison | None:
        return against(published(), ground, ground.engine, answered, listed=False)[0]

    return Answers(ground.project, ground.engine, answered, money_of(ground.catalog), compared)


def planned(results: Results | None, ground: Ground, instant: datetime, answered: Answered, began: float) -> Plan:
    """The plan of an answer: compared with the published results, where there are any.

    Args:
        began: `time.perf_counter()` when the work began.
    """
    found, edited, money = against(results, ground, ground.engine, answered)
    rows = sum(e.rows for e in ground.events.values()) + answered.population
    return Plan(
        as_of=instant,
        before=None if results is None else results.made.as_of,
        population=answered.population,
        population_before=None if results is None else results.made.population,
        zone=ground.project.timezone,
        money=money,
        currency=ground.project.currency,
        compared=found,
        answered=answered,
        edits=edited,
        schema=() if results is None else schema_changes(results, ground),
        gates=() if found is None else gating.gates(ground.project, found),
        seconds=time.perf_counter() - began,
        rows=rows,
    )


def pass_gates(
    published: Callable[[], Results | None], ground: Ground, answered: Answered, accepted: Sequence[str]
) -> tuple[str, ...]:
    """Let an answer through the project's gates; nothing is compared where there are none.

    Returns:
        The definitions whose gates would have stopped it, had nobody accepted it.

    Raises:
        TooMuchChange: E173, more moved than a gate lets through and nobody accepted it.
        UnknownName: what is accepted has no gate.
    """
    gating.known(ground.project, accepted)
    results = published() if gating.limits(ground.project) else None
    if results is None:
        return ()
    found, _, _ = against(results, ground, ground.engine, answered, listed=False)
    assert found is not None
    there = gating.gates(ground.project, found)
    stopped = gating.stopped(there, accepted)
    if stopped:
        raise gating.refusal(stopped)
    return tuple(g.name for g in there if not g.passed)


def schema_changes(results: Results, ground: Ground) -> tuple[str, ...]:
    """What changed in the columns that the sources give, in words."""
    made, gathered = results.made, ground.gathered
    out = _columns("customers", made.columns, gathered.attributes)
    out += _columns("accounts", made.account_columns, account_columns(gathered))
    for kind in {**made.events, **ground.events}:
        before, after = made.events.get(kind), ground.events.get(kind)
        if before is None or after is None:
            out.append(f"{kind}: {'a new kind of event' if before is None else 'this kind of event is gone'}")
        else:
            out += _columns(kind, before.columns, after.columns)
    return tuple(out)


def _columns(of: str, before: Mapping[str, Type], after: Mapping[str, Type]) -> list[str]:
    out = [f"{of}: the column {name} is new ({type_})" for name, type_ in after.items() if name not in before]
    out += [f"{of}: the column {name} is gone (it was {type_})" for name, type_ in before.items() if name not in after]
    both = [n for n in after if n in before and before[n] != after[n]]
    return out + [f"{of}: the column {n} is {after[n]} now, it was {before[n]}" for n in both]
