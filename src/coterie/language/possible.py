"""The values that one operand of a rule may still have: what the conditions met so far leave of it.

A value is put on a line first (`point`): numbers as fractions, dates and instants as whole numbers, text as it is. A set of
points is an interval, or a few points, less some; beside it stands whether the operand may be missing.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from math import ceil, floor
from typing import Any

from coterie.language.types import BOOLEAN, DATE, FLOAT, INTEGER, MONEY, TEXT, TIMESTAMP, Scalar, Type

Point = Any
"""Points of one operand are of one kind: fractions, whole numbers, texts or truth values."""

EPOCH = datetime.fromisoformat("1970-01-01")
MICROSECOND = timedelta(microseconds=1)
STEPS = {INTEGER: Fraction(1), DATE: Fraction(1), TIMESTAMP: Fraction(1), MONEY: Fraction(1, 10_000)}
"""How far the values of a kind lie apart, where they do not lie densely."""
FEW = 64
"""Up to so many values are tried one by one."""


@dataclass(frozen=True, slots=True)
class Possible:
    """What an operand may be.

    Attributes:
        missing: whether it may be missing.
        low, high: limits of its value, None for none; `above`, `below`: the limit itself is left out.
        only: the values left, where they can be listed.
        never: values left out.
        step: how far values lie apart, None where between two there is always a third.
    """

    missing: bool = True
    low: Point | None = None
    high: Point | None = None
    above: bool = False
    below: bool = False
    only: frozenset[Point] | None = None
    never: frozenset[Point] = frozenset()
    step: Fraction | None = None

    def at_least(self, point: Point, *, above: bool = False) -> "Possible":
        if self.low is None or point > self.low or (point == self.low and above):
            return replace(self, low=point, above=above)
        return self

    def at_most(self, point: Point, *, below: bool = False) -> "Possible":
        if self.high is None or point < self.high or (point == self.high and below):
            return replace(self, high=point, below=below)
        return self

    def among(self, points: frozenset[Point]) -> "Possible":
        return replace(self, only=points if self.only is None else self.only & points)

    def without(self, points: frozenset[Point]) -> "Possible":
        return replace(self, never=self.never | points)

    def known(self) -> "Possible":
        return replace(self, missing=False) if self.missing else self

    def holds(self, point: Point) -> bool:
        """Whether a point lies within all of it."""
        if self.only is not None and point not in self.only:
            return False
        if self.low is not None and (point < self.low or (point == self.low and self.above)):
            return False
        if self.high is not None and (point > self.high or (point == self.high and self.below)):
            return False
        between = self.step is not None and isinstance(point, Fraction) and (point / self.step).denominator != 1
        return not between and point not in self.never

    def listed(self) -> frozenset[Point] | None:
        """The values left, where they are few."""
        if self.only is not None:
            return frozenset(p for p in self.only if self.holds(p))
        low, high = self.least, self.greatest
        if low is None or high is None:
            return None
        if low > high:
            return frozenset()
        if low == high:
            return frozenset([low] if self.holds(low) else [])
        if self.step is not None and (high - low) / self.step < FEW:
            points = (low + i * self.step for i in range(int((high - low) / self.step) + 1))
            return frozenset(p for p in points if self.holds(p))
        return None

    @property
    def least(self) -> Point | None:
        """The smallest value that is left, or a limit below which none is."""
        if self.only is not None:
            return min(self.listed() or (), default=None)
        if self.low is None or self.step is None:
            return self.low
        steps = self.low / self.step
        return (floor(steps) + 1 if self.above else ceil(steps)) * self.step

    @property
    def greatest(self) -> Point | None:
        """The largest value that is left, or a limit above which none is."""
        if self.only is not None:
            return max(self.listed() or (), default=None)
        if self.high is None or self.step is None:
            return self.high
        steps = self.high / self.step
        return (ceil(steps) - 1 if self.below else floor(steps)) * self.step

    @property
    def impossible(self) -> bool:
        """Whether it can be neither a value nor missing."""
        return not self.missing and self.listed() == frozenset()


def of_type(type_: Type) -> Possible:
    """Everything that an operand of a type may be."""
    if type_ == BOOLEAN:
        return Possible(only=frozenset([True, False]))
    return Possible(low="" if type_ == TEXT else None, step=STEPS.get(type_))


def point(value: Scalar, type_: Type) -> Point:
    """Where a value stands on the line of an operand of a type."""
    match value:
        case bool() | str():
            return value
        case datetime():
            return Fraction((value - EPOCH) // MICROSECOND)
        case date():
            return Fraction(value.toordinal())
        case _:
            return Fraction(float(value)) if type_ == FLOAT else Fraction(value)  # type: ignore[arg-type]


def value_at(at: Point, type_: Type) -> Scalar:
    """The value of a point: what `point` was made of."""
    match type_:
        case _ if type_ == DATE:
            return date.fromordinal(int(at))
        case _ if type_ == TIMESTAMP:
            return EPOCH + int(at) * MICROSECOND
        case _ if isinstance(at, Fraction):
            return int(at) if at.denominator == 1 else float(at)
        case _:
            return at  # type: ignore[no-any-return]
