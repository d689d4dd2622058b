"""A small shop to ask about: what names mean there, and short ways to make customers and questions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from coterie.core.place import Origin
from coterie.language.check import Checked, check
from coterie.language.evaluate import Coverage, Customer, Event, Missing, Result, World, evaluate, in_order
from coterie.language.parse import parse
from coterie.language.scope import ColumnInfo, EventInfo, Scope
from coterie.language.tree import Expr
from coterie.language.types import BOOLEAN, DATE, FLOAT, INTEGER, MONEY, TEXT, TIMESTAMP, Kind, Value, list_of

NOON = datetime(2026, 3, 10, 12)
TODAY = NOON.date()
KINDS = ("page_view", "cart_added", "order", "refund")

ORDER = {
    "amount": MONEY,
    "quantity": INTEGER,
    "score": FLOAT,
    "category": TEXT,
    "gift": BOOLEAN,
    "cart_id": TEXT,
    "shipped_on": DATE,
    "shipped_at": TIMESTAMP,
}
COLUMNS = {
    "country": TEXT,
    "age": INTEGER,
    "income": MONEY,
    "height": FLOAT,
    "opted_in": BOOLEAN,
    "birth_date": DATE,
    "signup_date": DATE,
    "seen_at": TIMESTAMP,
    "email": TEXT,
    "tags": list_of(Kind.TEXT),
}
SCOPE = Scope(
    columns={name: ColumnInfo(type_) for name, type_ in COLUMNS.items()},
    events={
        "page_view": EventInfo({"page": TEXT, "cart_id": TEXT}, partial=True),
        "cart_added": EventInfo({"cart_id": TEXT, "amount": MONEY}),
        "order": EventInfo(ORDER),
        "refund": EventInfo({"amount": MONEY}),
    },
    zone="UTC",
    account={"industry": ColumnInfo(TEXT), "employees": ColumnInfo(INTEGER)},
    has_accounts=True,
    lists=frozenset({"vips"}),
)


def read(text: str, definitions: Mapping[str, str] | None = None) -> Expr:
    """An expression over the shop and definitions (each of which may use earlier ones), checked."""
    return _read(text, tuple((definitions or {}).items()))


@lru_cache(maxsize=4096)
def _read(text: str, definitions: tuple[tuple[str, str], ...]) -> Expr:
    return check(parse(text), define(dict(definitions))[0], Origin.of(text)).tree


def define(definitions: Mapping[str, str]) -> tuple[Scope, dict[str, Expr]]:
    """The scope with definitions (each may use earlier ones) and their checked trees."""
    scope, trees = SCOPE, {}
    for name, text in definitions.items():
        found: Checked = check(parse(text), scope, Origin.of(text))
        trees[name] = found.tree
        info = ColumnInfo(found.type, found.nothing, found.partial)
        scope = replace(scope, columns={**scope.columns, name: info})
    return scope, trees


def world(
    as_of: datetime = NOON,
    zone: str = "UTC",
    definitions: Mapping[str, str] | None = None,
    coverage: Mapping[str, Coverage] | None = None,
    **rest: object,
) -> World:
    trees = define(definitions or {})[1]
    lists = {"vips": frozenset({"vip-1"})}
    return replace(
        World(as_of, zone, KINDS, trees, coverage or {}, lists),
        **rest,  # type: ignore[arg-type]
    )


def event(kind: str, time: datetime | str, id: str = "", **values: Value | None) -> Event:
    at = datetime.fromisoformat(time) if isinstance(time, str) else time
    return Event(kind, at, id or at.isoformat(), values)


def order(time: datetime | str, id: str = "", **values: Value | None) -> Event:
    return event("order", time, id, **values)


def ago(**length: float) -> datetime:
    return NOON - timedelta(**length)


def customer(*events: Event, id: str = "c1", **columns: Value | None) -> Customer:
    return Customer(id, columns, in_order(events, World(NOON, kinds=KINDS)))


def account(customers: Sequence[Customer], **columns: Value | None) -> list[Customer]:
    """The same customers, as the members of one account."""
    members: list[Customer] = []
    members.extend(replace(c, account=columns, members=members) for c in customers)
    return members


def ask(text: str, one: Customer | None = None, where: World | None = None, **definitions: str) -> Result:
    """The answer to a question about a customer."""
    there = where or world()
    there = replace(there, definitions={**there.definitions, **define(definitions)[1]})
    return evaluate(read(text, definitions), one or customer(), there)


def missing(reason: str, *names: str, at_least: Value | None = None, at_most: Value | None = None, seen: bool = True) -> Missing:
    return Missing(reason, frozenset(names), at_least, at_most, seen)  # type: ignore[arg-type]


def money(text: str) -> Decimal:
    return Decimal(text)


def day(text: str) -> date:
    return date.fromisoformat(text)
