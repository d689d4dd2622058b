"""Recency, frequency, monetary: three scores, a label, and the cells that name them (LANGUAGE.md section 6).

Recency is the number of local days since the last event, frequency the number of events, monetary the sum of the amount.
Each is scored 1 (worst) to k (best) by its quantile (ties share a score) or by breaks of the user's; a cell such as
`'1-2/2-5/4-5'` names the customers whose r / f / m scores lie in its ranges, and the first that fits gives the label.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlglot import exp

from coterie.language.fitted import CELLS
from coterie.language.sql import Builder
from coterie.language.tree import Apply, EventColumn, Expr, Fitted, Measure, typed
from coterie.language.types import INTEGER, MONEY, TIMESTAMP

AXES = ("recency", "frequency", "monetary")
LETTERS = {"recency": "r", "frequency": "f", "monetary": "m"}

ColumnOf = Callable[[str], exp.Expression]
Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Bins:
    """How each axis is scored: by so many quantiles, or by the user's breaks, where a value scores 1 + the number of breaks
    that are ≤ it (recency the other way round)."""

    axes: Mapping[str, int | tuple[Decimal, ...]]

    def scores(self, axis: str) -> int:
        """The best score of an axis."""
        found = self.axes[axis]
        return found if isinstance(found, int) else len(found) + 1

    def breaks(self, axis: str) -> tuple[Decimal, ...] | None:
        found = self.axes[axis]
        return None if isinstance(found, int) else found


def bins_of(call: Fitted) -> Bins:
    """The `bins` setting: a number of quantiles for all axes, or by axis a number or breaks; five where nothing is said."""
    found = dict(call.settings).get("bins", 5)
    if isinstance(found, int):
        return Bins(dict.fromkeys(AXES, found))
    said = {axis_of(str(axis)): limits for axis, limits in dict(found).items()}  # type: ignore[call-overload]
    chosen: dict[str, int | tuple[Decimal, ...]] = {}
    for axis in AXES:
        limits = said.get(axis, 5)
        chosen[axis] = limits if isinstance(limits, int) else tuple(Decimal(str(b)) for b in limits)
    return Bins(chosen)


def axis_of(name: str) -> str:
    """An axis by its name or its letter."""
    return next((axis for axis, letter in LETTERS.items() if name in (axis, letter)), name)


def cells_of(call: Fitted) -> tuple[tuple[str, tuple[Range, Range, Range]], ...]:
    """The `cells` setting, else the customary ones; ranges of scores for r, f and m."""
    found = dict(call.settings).get("cells")
    pairs = CELLS if found is None else tuple((str(a), str(b)) for a, b in found)  # type: ignore[attr-defined]
    if found is None and any(bins_of(call).scores(axis) != 5 for axis in AXES):
        return ()
    return tuple((name, ranges(text)) for name, text in pairs)


def ranges(text: str) -> tuple[Range, Range, Range]:
    """`'1-2/2-5/4'` as ((1, 2), (2, 5), (4, 4))."""
    parts = []
    for part in text.split("/"):
        low, _, high = part.strip().partition("-")
        parts.append((int(low), int(high or low)))
    r, f, m = parts
    return r, f, m


class Rfm:
    def inputs(self, call: Fitted) -> Mapping[str, Expr]:
        time, amount = call.args
        assert isinstance(time, EventColumn)
        assert isinstance(amount, EventColumn)
        last = Measure("last", time.event, time.column, type=TIMESTAMP)
        return {
            "recency": Apply("days_since", (last,), type=INTEGER),
            "frequency": Measure("count", time.event, type=INTEGER),
            "monetary": Measure("sum", amount.event, amount.column, type=typed(amount)),
        }

    def parameters(self, q: Builder, call: Fitted, table: exp.Expression, column: ColumnOf) -> exp.Expression | None:
        bins = bins_of(call)
        cut = [axis for axis in AXES if bins.breaks(axis) is None]
        if not cut:
            return None
        selects = [self.cuts(q, table, column(axis), column("recency"), axis, bins.scores(axis)) for axis in cut]
        query = exp.select("*").from_(selects[0])
        for select in selects[1:]:
            query = query.join(select, join_type="cross", copy=False)
        return query

    def cuts(
        self, q: Builder, table: exp.Expression, x: exp.Expression, recency: exp.Expression, axis: str, k: int
    ) -> exp.Expression:
        """The k − 1 cuts of an axis: the value at place ⌈j·n/k⌉ of the sorted values, so that a value above exactly the
        first j cuts has j·n/k ≤ below. Customers without an event have no scores and are not counted."""
        counted = exp.select(x.copy().as_("v"), q.count_rows().as_("c")).from_(table.copy())
        counted = counted.where(q.all([q.not_(q.is_null(recency)), q.not_(q.is_null(x))])).group_by(x.copy())
        order = exp.Order(expressions=[exp.Ordered(this=exp.column("v"), nulls_first=False)])
        frame = exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW", end_side=None)
        upto = exp.Window(this=q.call("sum", exp.column("c")), order=order, spec=frame)
        total = exp.Window(this=q.call("sum", exp.column("c")))
        summed = exp.select("v", upto.as_("upto"), total.as_("n")).from_(counted.subquery("c"))
        out = exp.select().from_(summed.subquery("s"))
        for j in range(1, k):
            reached = exp.GTE(
                this=exp.Mul(this=exp.column("upto"), expression=q.literal(k)),
                expression=exp.Mul(this=q.literal(j), expression=exp.column("n")),
            )
            out = out.select(q.filter(q.call("min", exp.column("v")), reached).as_(f"{axis}_{j}"), copy=False)
        return out.subquery(f"cuts_{axis}")

    def score(
        self, q: Builder, call: Fitted, column: ColumnOf, parameter: ColumnOf, part: ColumnOf
    ) -> Sequence[Mapping[str, exp.Expression]]:
        bins = bins_of(call)
        happened = q.not_(q.is_null(column("recency")))
        first = {LETTERS[axis]: q.case([(happened, self.points(q, axis, column(axis), bins, parameter))]) for axis in AXES}
        first |= {axis: q.case([(happened, column(axis))]) for axis in AXES}
        joined = self.joined(q, bins, part)
        branches = []
        for name, limits in cells_of(call):
            inside: list[exp.Expression] = []
            for axis, (low, high) in zip(AXES, limits, strict=True):
                found = part(LETTERS[axis])
                # A range that holds every score still asks for one: no score, no label.
                if low > 1 or high >= bins.scores(axis):
                    inside.append(q.binary(">=", found, q.literal(low)))
                if high < bins.scores(axis):
                    inside.append(q.binary("<=", found, q.literal(high)))
            branches.append((q.all(inside), q.literal(name)))
        label = q.case(branches) if branches else joined
        return first, {"score": joined, "": label}

    def joined(self, q: Builder, bins: Bins, part: ColumnOf) -> exp.Expression:
        """The three scores side by side, as `543`. Digits are put together as a number: one text is made instead of five."""
        r, f, m = (part(LETTERS[axis]) for axis in AXES)
        if all(bins.scores(axis) < 10 for axis in AXES):
            hundreds, tens = exp.Mul(this=r, expression=q.literal(100)), exp.Mul(this=f, expression=q.literal(10))
            return q.cast(exp.Add(this=exp.Add(this=hundreds, expression=tens), expression=m), "VARCHAR")
        texts = [q.cast(score, "VARCHAR") for score in (r, f, m)]
        return q.binary("||", q.binary("||", texts[0], texts[1]), texts[2])

    def points(self, q: Builder, axis: str, x: exp.Expression, bins: Bins, parameter: ColumnOf) -> exp.Expression:
        own, k = bins.breaks(axis), bins.scores(axis)
        one, zero = q.literal(1), q.literal(0)
        total: exp.Expression = one
        if own is not None:
            for value in own:
                limit = q.literal(value, MONEY) if value != int(value) else q.literal(int(value))
                total = exp.Add(this=total, expression=q.case([(q.binary(">=", x, limit), one)], zero))
        else:
            for j in range(1, k):
                above = q.binary(">", x, parameter(f"{axis}_{j}"))
                total = exp.Add(this=total, expression=q.case([(above, one)], zero))
        tile: exp.Expression = exp.Paren(this=total)
        if axis == "recency":
            return exp.Paren(this=exp.Sub(this=q.literal(k + 1), expression=tile))  # few days since the last is best
        # A sum that overflows is missing, as is a count of which a source knows a part: then so is its score.
        return q.case([(q.not_(q.is_null(x)), tile)])

    def alone(self, call: Fitted, parameters: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
        """The same for one customer, by what a run has learned: of the inputs the value ("") and its parts."""
        bins, cells = bins_of(call), cells_of(call)

        def points(axis: str, x: Any) -> int | None:
            if x is None:
                return None
            own, k = bins.breaks(axis), bins.scores(axis)
            if own is not None:
                tile: int = 1 + sum(x >= limit for limit in own)
            else:
                cuts = (parameters.get(f"{axis}_{j}") for j in range(1, k))
                tile = 1 + sum(cut is not None and x > Decimal(str(cut)) for cut in cuts)
            return k + 1 - tile if axis == "recency" else tile

        def fits(limits: Sequence[Range], scores: Sequence[int | None]) -> bool:
            return all(score is not None and low <= score <= high for score, (low, high) in zip(scores, limits, strict=True))

        def score(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
            if inputs["recency"] is None:
                return {}
            values = [inputs[axis] for axis in AXES]
            scores = [points(axis, x) for axis, x in zip(AXES, values, strict=True)]
            whole = None if None in scores else "".join(str(p) for p in scores)
            label = next((name for name, limits in cells if fits(limits, scores)), None) if cells else whole
            letters = dict(zip((LETTERS[axis] for axis in AXES), scores, strict=True))
            return {**letters, **dict(zip(AXES, values, strict=True)), "score": whole, "": label}

        return score
