"""Functions that look at who the customer is: `sample(10%, 'spring')` and `in_list('name')`."""

from decimal import Decimal
from hashlib import md5
from typing import TYPE_CHECKING, Any

from coterie.language.leaves import Context, Leaf, Vector, instant, table
from coterie.language.types import BOOLEAN, NUMBERS, TEXT, Type

if TYPE_CHECKING:
    from sqlglot import exp

    from coterie.language.sql import Builder, Sql

BITS = 52
"""13 hexadecimal digits, exact in a double."""
BETWEEN = "\x1f"
"""Stands between salt and id, in neither of them by custom (the unit separator)."""


def bucket(salt: str, customer: str) -> int:
    """Where a customer falls in a split: a number below 2^52, the first 13 digits of md5(salt, 0x1F, id)."""
    digest = md5(f"{salt}{BETWEEN}{customer}".encode(), usedforsecurity=False).hexdigest()
    return int(digest[:13], 16)


def _threshold(part: Any) -> int:
    return int(Decimal(str(part)) * 2**BITS)


def _sample(context: Context, part: Any, salt: str) -> bool:
    return bucket(salt, context.customer) < _threshold(part)


def _sample_sql(b: "Builder", part: "Sql", salt: "Sql") -> "exp.Expression":
    """Digits compare as texts just as their numbers do."""
    threshold = _threshold(part.value)
    if threshold >= 2**BITS:
        return b.literal(True)
    text = b.binary("||", b.literal(f"{salt.value}{BETWEEN}"), b.customer)
    return b.binary("<", b.call("SUBSTRING", b.call("MD5", text), b.literal(1), b.literal(13)), b.literal(f"{threshold:013x}"))


def _share(part: Any, salt: Any) -> str | None:
    if not 0 <= part <= 1:
        return "the share is between 0% and 100%, such as 10%"
    return None if salt else "the sample needs a name, so that another sample is another draw"


def _sample_type(*types: Type) -> Type | None:
    return BOOLEAN if len(types) == 2 and types[0] in NUMBERS and types[1] == TEXT else None


def _in_list(context: Context, name: str) -> bool:
    return context.customer in context.lists.get(name, frozenset())


def _in_list_sql(b: "Builder", name: "Sql") -> "exp.Expression":
    return b.on_list(str(name.value))


def _of(customer: str, **lists: frozenset[str]) -> Context:

    return Context(instant("2026-01-01"), "UTC", customer, lists)


TENTH, HALF = Decimal("0.1000"), Decimal("0.5000")
PRESS = frozenset({"1", "cust-é"})

CUSTOMERS = table(
    Leaf(
        name="sample",
        shape="function",
        result=_sample_type,
        expects="a share and the name of the draw, written out, such as sample(10%, 'spring')",
        python=_sample,
        sql=_sample_sql,
        words="is in the sample of {0} named {1}",
        unlike="is not in the sample of {0} named {1}",
        context=True,
        literal=(0, 1),
        validate=_share,
        vectors=(
            # 2943313116277336 / 2^52 is 0.6535…, 549504726576881 / 2^52 is 0.1220…
            Vector((HALF, "spring"), False, context=_of("1")),
            Vector((Decimal("0.6536"), "spring"), True, context=_of("1")),
            Vector((Decimal("0.6535"), "spring"), False, context=_of("1")),
            Vector((Decimal("0.8407"), "spring"), True, context=_of("cust-é")),
            Vector((Decimal("0.8406"), "spring"), False, context=_of("cust-é")),
            Vector((TENTH, "spring"), False, context=_of("a b")),
            Vector((Decimal("0.1221"), "spring"), True, context=_of("a b")),
            Vector((1, "spring"), True, context=_of("1")),
            Vector((0, "spring"), False, context=_of("a b")),
            Vector((0.1221, "spring"), True, context=_of("a b")),
        ),
    ),
    Leaf(
        name="in_list",
        shape="function",
        result=lambda *types: BOOLEAN if types == (TEXT,) else None,
        expects="the name of a list, written out",
        python=_in_list,
        sql=_in_list_sql,
        words="is on the list {0}",
        unlike="is not on the list {0}",
        context=True,
        literal=(0,),
        vectors=(
            Vector(("press",), True, context=_of("1", press=PRESS)),
            Vector(("press",), True, context=_of("cust-é", press=PRESS)),
            Vector(("press",), False, context=_of("2", press=PRESS)),
            Vector(("other",), False, context=_of("1", press=PRESS)),
        ),
    ),
)
