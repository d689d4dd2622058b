"""Trees that are mentioned several times: repeated where they are small, bound to a name where they are large."""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Protocol

from sqlglot import exp

SMALL = 32
"""How many nodes a tree may have to be repeated rather than bound to a name."""


class Binds(Protocol):
    def binds(self, trees: Sequence[exp.Expression]) -> bool: ...

    def bound(self, trees: Sequence[exp.Expression], body: Callable[..., exp.Expression]) -> exp.Expression: ...


def let(words: Binds, trees: Sequence[exp.Expression], body: Callable[..., exp.Expression]) -> exp.Expression:
    """`body` of these trees, each of which it may mention several times (and no other tree).

    Small trees are repeated. Larger ones are bound to a name, so that rules nest without doubling at each level.
    """
    if not any(is_large(tree) for tree in trees) or not words.binds(trees):
        return body(*(own(tree) for tree in trees))
    return words.bound([tree.copy() for tree in trees], body)


def own(tree: exp.Expression) -> exp.Expression:
    """A tree to put below another one: itself where nobody holds it yet, else a copy, since a node stands in one place only."""
    return tree if tree.parent is None else tree.copy()


def ascending(order: Sequence[exp.Expression]) -> list[exp.Ordered]:
    return [exp.Ordered(this=tree.copy(), desc=False, nulls_first=False) for tree in order]


def apart(place: exp.Expression, gap: int) -> exp.Expression:
    return place if gap == 1 else exp.Mul(this=place, expression=exp.Literal.number(gap))


def is_large(tree: exp.Expression) -> bool:
    return next(islice(tree.walk(), SMALL, None), None) is not None
