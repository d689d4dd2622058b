"""What is different between published results and what an engine has just answered: who entered and left, whose label moved."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlglot import exp

from coterie.engine.engine import Cluster, Engine
from coterie.segments import membership
from coterie.segments.bitmaps import IN, OUT, PER_WORD, unpacked, word_count
from coterie.segments.membership import BITS, NOBODY, Size
from coterie.traits import batch
from coterie.traits.batch import quoted, relation
from coterie.workspace.results import Results
from coterie.workspace.run import TRAITS, Answered

BEFORE, MOVED = "results before", "customers who moved"
Words = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Moved:
    """A segment before and after.

    Attributes:
        was: its name before; None where it is new.
        before, after: its sizes; None where it was not there, or is gone.
        entered, left: customers who are in now and were not, and the other way round.
        newly_unknown: customers of whom it cannot be told now and could be before.
        money_entered, money_left: what they are worth; None where nothing says so.
    """

    name: str
    was: str | None
    before: Size | None
    after: Size | None
    entered: int = 0
    left: int = 0
    newly_unknown: int = 0
    money_entered: Decimal | None = None
    money_left: Decimal | None = None

    @property
    def net(self) -> int:
        return self.entered - self.left

    @property
    def change(self) -> float | None:
        """Who entered and left, as a part of who was in; None where there is nothing to compare with."""
        return None if self.before is None or self.after is None else part_of(self.entered + self.left, self.before.inside)


@dataclass(frozen=True, slots=True)
class Relabelled:
    """A segmentation before and after.

    Attributes:
        was: its name before; None where it is new.
        before, after: customers by label (None: cannot tell); None where it was not there, or is gone.
        moves: (label before, label after) → customers, of those who moved; None is cannot tell, "" not a customer then.
    """

    name: str
    was: str | None
    before: Mapping[str | None, int] | None
    after: Mapping[str | None, int] | None
    moves: Mapping[tuple[str | None, str | None], int] = field(default_factory=dict)

    @property
    def moved(self) -> int:
        """Customers who had a label and have another one now, or none."""
        return sum(n for (before, _), n in self.moves.items() if before)

    @property
    def change(self) -> float | None:
        """Who moved, as a part of those who had a label; None where there is nothing to compare with."""
        if self.before is None or self.after is None:
            return None
        return part_of(self.moved, sum(n for label, n in self.before.items() if label))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that is different; `table` has a row for each customer who moved anywhere, where these were to be listed."""

    segments: tuple[Moved, ...]
    segmentations: tuple[Relabelled, ...]
    table: pa.Table
    places: Mapping[str, tuple[int | None, int | None]]

    def of(self, name: str) -> Moved | Relabelled:
        both: tuple[Moved | Relabelled, ...] = (*self.segments, *self.segmentations)
        return next(m for m in both if m.name == name)

    def verdicts(self, name: str) -> list[tuple[str, bool | None, bool | None]]:
        """Of a segment, the customers whose answer is another one: (customer, before, after); None is cannot tell or absent."""
        before, after = self.places[name]
        customers = self.table.column("customer").to_pylist()
        old, new = self._answers("o", before), self._answers("n", after)
        return [(c, b, a) for c, b, a in zip(customers, old, new, strict=True) if a is not b]

    def _answers(self, side: str, place: int | None) -> list[bool | None]:
        if place is None:
            return [None] * self.table.num_rows
        told = {IN: True, OUT: False}
        return [told.get(v) for v in unpacked(_word(self.table, f"{side}{place // PER_WORD}"), place).tolist()]


def part_of(part: int, whole: int) -> float:
    """A part of a whole; of nobody, everything is infinitely much."""
    return part / whole if whole else (float("inf") if part else 0.0)


def compare(
    results: Results,
    engine: Engine,
    answered: Answered,
    *,
    segments: Mapping[str, str | None],
    segmentations: Mapping[str, str | None],
    money: str | None,
    listed: bool = True,
) -> Comparison:
    """Compare published results with what an engine has answered.

    Args:
        results: the results before.
        engine: with the tables `traits` and `segment_bits` of the answer.
        answered: what it found.
        segments, segmentations: names after, with their names before; None where they are new.
        money: the trait that customers are worth, in the answer.
        listed: whether the customers who moved are wanted, and not their numbers alone; an engine with everything in this
            process lists them in any case.
    """
    listed = listed or not isinstance(engine, Cluster)
    old_order, new_order = list(results.sizes_order), list(answered.sizes)
    labels = {n: w for n, w in segmentations.items() if w is not None and w in results.columns}
    old_money = money if money in results.columns else None
    named = {f"ol{i}": was for i, was in enumerate(labels.values())}
    put_before(results.engine, engine, _side(len(old_order), named, old_money))
    after = _side(len(new_order), {f"nl{i}": name for i, name in enumerate(labels)}, money)
    pairs = {n: (old_order.index(w), new_order.index(n)) for n, w in segments.items() if w is not None and w in old_order}
    differs = _words_differ(len(new_order)) if old_order == new_order else _verdicts_differ(pairs, segments, old_order, new_order)
    differs += [_distinct(quoted(f"ol{i}", "o"), quoted(f"nl{i}", "n")) for i in range(len(labels))]
    differs += [_null(quoted("customer", "o")), _null(quoted("customer", "n"))]
    both = exp.func("coalesce", quoted("customer", "n"), quoted("customer", "o")).as_("customer", quoted=True)
    joined = exp.select(both).from_(batch.aliased(BEFORE, "o"))
    on = exp.EQ(this=quoted("customer", "o"), expression=quoted("customer", "n"))
    joined = joined.join(after.subquery("n"), on=on, join_type="full")
    joined = joined.where(exp.or_(*differs))
    for side, order in (("o", old_order), ("n", new_order)):
        there = exp.Not(this=_null(quoted("customer", side)))
        joined = joined.select(there.as_(f"{side}_there"), copy=False)
        for i in range(word_count(len(order))):
            joined = joined.select(quoted(f"w{i}", side).as_(f"{side}{i}", quoted=True), copy=False)
        for i in range(len(labels)):
            joined = joined.select(quoted(f"{side}l{i}", side), copy=False)
    worth = [quoted("money", s) for s, m in (("n", money), ("o", old_money)) if m is not None]
    if worth:
        joined = joined.select((exp.func("coalesce", *worth) if len(worth) > 1 else worth[0]).as_("money"), copy=False)
    engine.create(MOVED, joined, "compare with the results before", temporary=True)
    places: dict[str, tuple[int | None, int]] = {
        name: (old_order.index(was) if was in old_order else None, new_order.index(name))
        for name, was in segments.items()
        if name in new_order
    }
    everybody = exp.select(exp.Star()).from_(relation(MOVED))
    counted = _counted_there(engine, everybody, places, bool(worth)) if isinstance(engine, Cluster) else None
    table = engine.fetch(everybody.order_by(quoted("customer")) if listed else everybody.limit(0))
    if counted is None:
        counted = _counted(table, places, bool(worth))
    gone = [n for n in old_order if n not in segments.values()]
    rows = [Moved(n, was, _size(results, was), answered.sizes[n], *counted[n]) for n, was in segments.items() if n in places]
    rows += [Moved(n, n, _size(results, n), None, left=results.sizes.get(n, NOBODY).inside) for n in gone]
    relabelled = []
    for name, was in segmentations.items():
        moves = _moves(engine, list(labels).index(name)) if name in labels else {}
        before = None if was is None else _labels(results.made.labels.get(was))
        relabelled.append(Relabelled(name, was if name in labels else None, before, _labels(answered.labels.get(name)), moves))
    relabelled += [
        Relabelled(n, n, _labels(counts), None) for n, counts in results.made.labels.items() if n not in segmentations.values()
    ]
    for made in (BEFORE, MOVED):
        engine.drop(made)
    return Comparison(tuple(rows), tuple(relabelled), table, {**places, **{n: (old_order.index(n), None) for n in gone}})


def put_before(theirs: Engine, engine: Engine, side: exp.Select) -> None:
    """Make the table of what was published; between two engines of one cluster nothing of it comes here."""
    if isinstance(theirs, Cluster) and isinstance(engine, Cluster):
        engine.take_over(BEFORE, theirs, side)
    else:
        engine.register(BEFORE, theirs.fetch(side), temporary=True)


def _word(table: pa.Table, column: str) -> Words:
    """A column of packed memberships; of who was not there all bits are set."""
    found: Words = table.column(column).combine_chunks().fill_null(-1).to_numpy(zero_copy_only=False)
    return found


def _side(segments: int, labels: Mapping[str, str], money: str | None) -> exp.Select:
    """Customers with their packed memberships, labels and worth."""
    select = exp.select(quoted("customer", "t")).from_(batch.aliased(TRAITS, "t"))
    for i in range(word_count(segments)):
        select = select.select(quoted(f"w{i}", "b").as_(f"w{i}", quoted=True), copy=False)
    for column, name in labels.items():
        select = select.select(quoted(name, "t").as_(column, quoted=True), copy=False)
    if money is not None:
        select = select.select(quoted(money, "t").as_("money"), copy=False)
    on = exp.EQ(this=quoted(batch.KEY, "t"), expression=quoted(batch.KEY, "b"))
    return select.join(batch.aliased(BITS, "b"), on=on)


def _distinct(a: exp.Expression, b: exp.Expression) -> exp.Expression:
    return exp.NullSafeNEQ(this=a, expression=b)


def _null(a: exp.Expression) -> exp.Expression:
    return exp.Is(this=a, expression=exp.Null())


def _words_differ(segments: int) -> list[exp.Expression]:
    return [_distinct(quoted(f"w{i}", "o"), quoted(f"w{i}", "n")) for i in range(word_count(segments))]


def _verdicts_differ(
    pairs: Mapping[str, tuple[int, int]], segments: Mapping[str, str | None], old: Sequence[str], new: Sequence[str]
) -> list[exp.Expression]:
    """Whether the answer to any segment differs, where the segments are not packed in the same order."""
    out = [_distinct(membership.member(a, "o"), membership.member(b, "n")) for a, b in pairs.values()]
    out += [_true(membership.member(new.index(n), "n")) for n in segments if n in new and n not in pairs]
    kept = {w for w in segments.values() if w is not None}
    return out + [_true(membership.member(i, "o")) for i, n in enumerate(old) if n not in kept]


def _true(node: exp.Expression) -> exp.Expression:
    return exp.Is(this=node, expression=exp.true())


Numbers = tuple[int, int, int, Decimal | None, Decimal | None]
COUNTS, _TOLD = "customers who moved, counted", pa.schema([("told", pa.string())])


@dataclass(frozen=True, slots=True)
class _Counting:
    """Counts some of the customers who moved, in whatever process they are."""

    places: Mapping[str, tuple[int | None, int]]
    worth: bool

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for rows in batches:
            counted = _counted(pa.Table.from_batches([rows]), self.places, self.worth)
            told = json.dumps({name: [None if n is None else str(n) for n in numbers] for name, numbers in counted.items()})
            yield pa.RecordBatch.from_pylist([{"told": told}], schema=_TOLD)


def _counted_there(
    engine: Cluster, moved: exp.Select, places: Mapping[str, tuple[int | None, int]], worth: bool
) -> dict[str, Numbers]:
    """The same as `_counted`, where the customers are: what comes here is what each task has counted."""
    none = Decimal(0) if worth else None
    out: dict[str, Numbers] = dict.fromkeys(places, (0, 0, 0, none, none))
    engine.mapped(COUNTS, moved, _Counting(places, worth), _TOLD, "count who moved", temporary=True)
    for (told,) in engine.rows(exp.select(quoted("told")).from_(relation(COUNTS))):
        for name, (entered, left, doubt, more, less) in json.loads(str(told)).items():
            a, b, c, gained, lost = out[name]
            money = (None if n is None else n + Decimal(m) for n, m in ((gained, more), (lost, less)))
            out[name] = (a + int(entered), b + int(left), c + int(doubt), *money)  # type: ignore[assignment]
    engine.drop(COUNTS)
    return out


def _counted(table: pa.Table, places: Mapping[str, tuple[int | None, int]], worth: bool) -> dict[str, Numbers]:
    """By segment: entered, left, newly not to be told, and what those who entered and left are worth."""
    there = {side: table.column(f"{side}_there").to_numpy() for side in "on"}
    units = _units(table.column("money")) if worth else None
    words: dict[str, Words] = {}

    def codes(side: str, place: int) -> npt.NDArray[np.uint8]:
        """Everybody's verdict on a segment."""
        column = f"{side}{place // PER_WORD}"
        if column not in words:
            words[column] = _word(table, column)
        return unpacked(words[column], place)

    out: dict[str, Numbers] = {}
    for name, (before, after) in places.items():
        new = codes("n", after)
        old = np.zeros_like(new) if before is None else codes("o", before)
        entered, left = (new == IN) & (old != IN), (old == IN) & (new != IN)
        doubt = there["n"] & (new > IN)
        if before is not None:
            doubt &= ~(there["o"] & (old > IN))
        amounts = [None if units is None else _sum(units, where) for where in (entered, left)]
        out[name] = (_many(entered), _many(left), _many(doubt), amounts[0], amounts[1])
    return out


def _units(money: pa.ChunkedArray) -> Words:
    """Money in units of its last place, as whole numbers; what is missing is nothing."""
    exact = money.cast(pa.decimal128(18, 4)).combine_chunks().fill_null(Decimal(0))
    if not len(exact):
        return np.zeros(0, np.int64)
    # The lower half of a decimal of at most 18 digits is the whole of it.
    halves = np.frombuffer(exact.buffers()[1], np.int64)
    return halves[2 * exact.offset : 2 * (exact.offset + len(exact)) : 2]


def _sum(units: Words, where: npt.NDArray[np.bool_]) -> Decimal:
    """An exact sum: the halves of the numbers are added up apart, so that none runs over."""
    chosen = units[where]
    return Decimal((int((chosen >> 32).sum()) << 32) + int((chosen & 0xFFFFFFFF).sum())).scaleb(-4)


def _many(where: npt.NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(where))


def _moves(engine: Engine, i: int) -> dict[tuple[str | None, str | None], int]:
    """Customers by label before and after, of those who moved."""

    def label(side: str) -> exp.Expression:
        gone = exp.If(this=exp.Not(this=quoted(f"{side}_there")), true=exp.Literal.string(""))
        return exp.Case(ifs=[gone], default=quoted(f"{side}l{i}"))

    query = exp.select(label("o").as_("a"), label("n").as_("b"), exp.Count(this=exp.Star()).as_("n")).from_(relation(MOVED))
    query = query.where(_distinct(label("o"), label("n"))).group_by(exp.Literal.number(1), exp.Literal.number(2))
    found: dict[tuple[str | None, str | None], int] = {}
    for a, b, n in engine.rows(query):
        found[None if a is None else str(a), None if b is None else str(b)] = _int(n)
    return dict(sorted(found.items(), key=lambda m: (-m[1], str(m[0]))))


def _labels(counts: Mapping[Any, int] | None) -> dict[str | None, int] | None:
    """Customers by label; the empty label of published results is that of those who cannot be told."""
    return None if counts is None else {(label or None): n for label, n in counts.items()}


def _size(results: Results, name: str | None) -> Size | None:
    return None if name is None else results.sizes.get(name)


def _int(value: object) -> int:
    return int(str(value))
