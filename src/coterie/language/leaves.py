"""What an operator or function is: one row that holds all of its faces.

A row of `operators.py` or `functions.py` is everything that the language knows of it: how it is written, its types, its
meaning in Python, its meaning as a SQL tree, its words, and vectors (known answers) that prove the faces
equal. Nothing here imports SQLGlot: a SQL face is a function of a builder (`sql.Builder`), which brings it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from typing import Literal as OneOf

from coterie.core.windows import local_day
from coterie.language.types import Type, Value

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class Context:
    """What a meaning may depend on beside its arguments; `lists` are named lists of ids, `customer` is an id."""

    as_of: datetime
    zone: str
    customer: str = ""
    lists: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def today(self) -> date:
        return local_day(self.as_of, self.zone)


instant = datetime.fromisoformat
"""A UTC instant as the vectors write it."""

Shape = OneOf["comparison", "sum", "product", "sign", "between", "in", "has", "is", "function", "name"]
"""How a row is written: `a = b` and `a contains b` (comparison), `a + b` (sum), `a * b` (product), `-a` (sign),
`a between b and c`, `a in (…)`, `a has any (…)`, `a is missing`, `lower(a)`, or a bare name (`as_of`)."""


@dataclass(frozen=True, slots=True)
class Vector:
    """A known answer: arguments (None is missing) and the result, with the context where it matters."""

    args: tuple[Value | None, ...]
    result: Value | None
    types: tuple[Type, ...] = ()
    """The types of the arguments; left empty where the values tell (an int is an integer, a Decimal money)."""
    context: Context | None = None


@dataclass(frozen=True, slots=True)
class Leaf:
    """One operator or function of the language.

    Attributes:
        name: the symbol or the name as canonical text writes it (`=`, `starts with`, `lower`).
        shape: how it is written.
        result: argument types → type of the result, or None where these types do not go together. Receives exactly the
            arguments written (so it also settles their number); literal texts beside times have become dates before.
        expects: what it takes, in words, for the error ("two numbers, two texts, or two times").
        python: the reference meaning. With `strict`, called only when no argument is missing. Gets a Context first when
            `context` is set. Returns None for missing.
        sql: the same meaning as a SQL tree in the words of the builder's engine: (builder, *args) → SQLGlot expression.
            With `strict` it must give NULL when an argument is NULL; it never raises at run time, whatever the data.
        words: English with {0}, {1} … for the arguments ({rest} for all after the first, as a list); a part in square
            brackets is left out when an argument in it was not written (see `phrase`).
        unlike: English of the negation, where better than "it is not so that …".
        vectors: known answers.
        strict: a missing argument makes the result missing.
        context: `python` takes a Context first.
        literal: positions of arguments that must be literals (a pattern, a salt).
        validate: literal arguments → complaint or None (a pattern that cannot be read); called with the values at
            `literal`.
        forbids: types and values of all arguments (None for what is no literal) → complaint or None, for what neither
            the types nor a literal alone can tell (a month added to an instant).
        bounded: for a comparison, its meaning where arguments are only known to lie in ranges: (Order, *ranges) → true,
            false or unknown, as that order has them.
        order: of a function of one date or time, whether a later one makes the result larger (or the same) or smaller.
        live: what freshness reading the clock adds ("daily" for days_since, "timed" for hours), or None.
        gives: the least and the greatest number that can come out; None for no limit.
        settles: what comes out goes through unchanged a second time (`lower`): of the last argument, the others literal.
    """

    name: str
    shape: Shape
    result: Callable[..., Type | None]
    expects: str
    python: Callable[..., Any]
    sql: Callable[..., Any]
    words: str
    unlike: str | None = None
    vectors: tuple[Vector, ...] = ()
    strict: bool = True
    context: bool = False
    literal: tuple[int, ...] = ()
    validate: Callable[..., str | None] | None = None
    forbids: Callable[[Sequence[Type], Sequence[Value | None]], str | None] | None = None
    bounded: Callable[..., Any] | None = None
    order: OneOf["kept", "reversed"] | None = None
    live: OneOf["daily", "timed"] | None = None
    gives: tuple[int | None, int | None] = (None, None)
    settles: bool = False


OPTIONAL = re.compile(r"\[([^\[\]]*)\]")


def phrase(words: str, written: int) -> str:
    """The template for so many written arguments: `{0} rounded[ to {1} places]` keeps its bracket only where {1} is."""

    def keep(match: re.Match[str]) -> str:
        return match[1] if all(int(n) < written for n in re.findall(r"\{(\d+)\}", match[1])) else ""

    return OPTIONAL.sub(keep, words)


def table(*rows: Leaf) -> dict[str, Leaf]:
    """Rows by name; a name defined twice is a mistake of ours."""
    out: dict[str, Leaf] = {}
    for row in rows:
        if row.name in out:
            raise ValueError(f"{row.name} is defined twice")
        out[row.name] = row
    return out
