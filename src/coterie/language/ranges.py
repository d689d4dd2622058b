"""Values that are only known to lie between two others, and what comparing them decides.

A source that does not know everything leaves a count at least what was seen, and the last visit before the day since which
visits are known. A comparison is written once over an `Order`, here for Python's values and in `compile` for SQL's.
"""

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from coterie.core.kleene import Truth, all_, any_
from coterie.language.numerals import alike


@dataclass(frozen=True, slots=True)
class Range:
    """A value that lies from `least` to `most`, both included; None where there is no such limit."""

    least: Any = None
    most: Any = None


class Order(Protocol):
    """Kleene's logic over ranges: true or false where every value that they leave open gives that."""

    def below(self, a: Range, b: Range) -> Any: ...

    def up_to(self, a: Range, b: Range) -> Any:
        """a ≤ b."""

    def all(self, trees: Iterable[Any]) -> Any: ...

    def any(self, trees: Iterable[Any]) -> Any: ...


class Values:
    """The order of Python's values."""

    def below(self, a: Range, b: Range) -> Truth:
        return _decided(operator.lt, a, b)

    def up_to(self, a: Range, b: Range) -> Truth:
        return _decided(operator.le, a, b)

    def all(self, trees: Iterable[Truth]) -> Truth:
        return all_(trees)

    def any(self, trees: Iterable[Truth]) -> Truth:
        return any_(trees)


VALUES = Values()


def equal(order: Order, a: Range, b: Range) -> Any:
    return order.all([order.up_to(a, b), order.up_to(b, a)])


def _decided(less: Callable[[Any, Any], bool], a: Range, b: Range) -> Truth:
    """True where the largest a is less than the smallest b, false where the smallest a is not less than the largest b."""
    if a.most is not None and b.least is not None and less(*alike((a.most, b.least))):
        return True
    if a.least is not None and b.most is not None and not less(*alike((a.least, b.most))):
        return False
    return None
