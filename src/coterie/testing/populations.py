"""Random customers and what they did: small populations full of the values that go wrong.

Ties in time over several kinds, the last microsecond before a local midnight, clock changes, month ends and leap days, the
largest numbers, texts that look like something else, lists without elements, customers without events, events still to come.
Every value of a kind is drawn from one small pool, so that values meet each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from random import Random

from coterie.core.windows import first_instant, last_instant, local_day, step, zone
from coterie.language.types import BOOLEAN, DATE, FLOAT, INTEGER, MONEY, TEXT, TIMESTAMP, Kind, Type, Value, list_of

ZONES = (
    "UTC",
    "Europe/London",
    "America/New_York",
    "Asia/Kathmandu",
    "Africa/Cairo",
    "America/Santiago",
    "Pacific/Apia",
)
TAGS, SIZES = list_of(Kind.TEXT), list_of(Kind.INTEGER)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Schema:
    """Names and types: columns of customers, of each kind of event (in the order of the project file) and of accounts,
    and the names of lists of ids."""

    columns: Mapping[str, Type]
    events: Mapping[str, Mapping[str, Type]]
    account: Mapping[str, Type]
    lists: tuple[str, ...] = ("press", "other")


@dataclass(frozen=True, slots=True)
class Person:
    """A customer: an id, attributes (None: not recorded), and the account that they belong to, if any."""

    id: str
    columns: Mapping[str, Value | None]
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of a customer; a float column holds decimals of 9 places, as the language stores it."""

    customer: str
    kind: str
    time: datetime
    id: str
    values: Mapping[str, Value | None]


@dataclass(frozen=True, slots=True)
class Population:
    """Everybody, what they did, their accounts, and lists of ids."""

    people: tuple[Person, ...]
    events: tuple[Happening, ...]
    accounts: Mapping[str, Mapping[str, Value | None]]
    lists: Mapping[str, frozenset[str]]


COLUMNS: Mapping[str, Type] = {
    "country": TEXT,
    "plan": TEXT,
    "app version": TEXT,
    "age": INTEGER,
    "größe": INTEGER,
    "income": MONEY,
    "credit": MONEY,
    "score": FLOAT,
    "lat": FLOAT,
    "lon": FLOAT,
    "opted_in": BOOLEAN,
    "trial": BOOLEAN,
    "born": DATE,
    "signup": DATE,
    "order": DATE,
    "seen": TIMESTAMP,
    'so "called"': TIMESTAMP,
    "tags": TAGS,
    "sizes": SIZES,
}
"""Attributes to draw from: a name that needs quotes, one that is also a kind of event, one that is not ASCII."""
EVENT_COLUMNS: Mapping[str, Type] = {
    "amount": MONEY,
    "quantity": INTEGER,
    "score": FLOAT,
    "category": TEXT,
    "cart": TEXT,
    "gift": BOOLEAN,
    "shipped": DATE,
    "paid": TIMESTAMP,
    "labels": TAGS,
}
KINDS = ("order", "visit", "Cart Added", "refund", "国")
ACCOUNT: Mapping[str, Type] = {"industry": TEXT, "employees": INTEGER, "limit": MONEY, "since": DATE}

VERSIONS = ("3.10", "3.9.1", "3", "3.9", "10.0", "v2")
NUMERALS = ("2026-01-31", " 12.50 ", "-7", "1e3", "2024-02-29", "0.1", "1,000")
LETTERS = ("é", "É", "e\u0301", "ß", "Straße", "\u212a", "ÀB")
BLANKS = (" a", "a ", " a b\t", "\n", " ", "\u00a0a ")
TEXTS: tuple[str, ...] = (
    "",
    "a",
    "b",
    "A",
    "DE",
    "FR",
    "😀",
    "it's",
    "50%_off",
    "a\\b",
    'say "hi"',
    "NULL",
    "ab",
    "handbag",
    "bag",
)
TEXTS += ("x\ny", "\uffff", "&amp; --", "ann@example.com", "a" * 40, "(12)", "a.b", *VERSIONS, *NUMERALS, *LETTERS, *BLANKS)
INTEGERS = (0, 1, 2, 3, 5, 7, -1, -3, 10, 100, 2**31, 2**53 + 1, 2**63 - 1, -(2**63))
MONIES = (
    "0",
    "0.0001",
    "-0.0001",
    "0.5",
    "1",
    "2.5",
    "-2.5",
    "19.99",
    "100",
    "1000.005",
    "99999999999999.9999",
    "-99999999999999.9999",
)
FLOATS = (
    0.0,
    -0.0,
    0.5,
    1.0,
    -1.5,
    2.5,
    0.1,
    0.30000000000000004,
    1 / 3,
    51.5,
    -0.12,
    179.9,
    1e15,
    1e308,
    -1e308,
    5e-324,
)
DECIMALS = (
    "0",
    "0.1",
    "0.2",
    "0.3",
    "-1.5",
    "2.5",
    "0.000000001",
    "-0.000000001",
    "7",
    "123456789.123456789",
    "999999999999999.999999999",
)
TAG_LISTS = ((), ("a",), ("a", "b"), ("b", "é", ""), ("vip", "press", "a"))
SIZE_LISTS = ((), (1,), (2, 3), (1, 2, 100))


@dataclass(frozen=True)
class Pool:
    """A few values of every kind, drawn once, so that cells and literals meet. `decimals` are the floats of events."""

    values: Mapping[Type, Sequence[Value]]
    decimals: Sequence[Decimal]

    def of(self, type_: Type, rng: Random) -> Value:
        return rng.choice(self.values[type_])


@cache
def clock_changes(zone_name: str) -> tuple[datetime, ...]:
    """The instants (to the minute, naive UTC) at which a zone's clock is set, 2010 to 2028."""
    there = zone(zone_name)
    days = [datetime(2010, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(19 * 365)]
    found = []
    for before, after in pairwise(days):
        if before.astimezone(there).utcoffset() == after.astimezone(there).utcoffset():
            continue
        while after - before > timedelta(minutes=1):
            middle = before + (after - before) // 2
            same = middle.astimezone(there).utcoffset() == before.astimezone(there).utcoffset()
            before, after = (middle, after) if same else (before, middle)
        found.append(after.replace(tzinfo=None, second=0, microsecond=0))
    return tuple(found)


def question(rng: Random, zone_name: str) -> datetime:
    """An instant to ask at: often near a clock change, a leap day, a month end, or the very end of a day."""
    changes = clock_changes(zone_name)
    near = timedelta(days=rng.choice((0, 0, 0, 1, 2, 7, 31)), hours=rng.randrange(-30, 30), minutes=rng.choice((0, 30, 59)))
    if changes and rng.random() < 0.5:
        return rng.choice(changes) + near
    day = rng.choice(
        (
            date(2024, 2, 29),
            date(2025, 2, 28),
            date(2024, 3, 31),
            date(2026, 12, 31),
            date(2026, 3, 30),
            date(2023, 5, 31),
        )
    )
    if rng.random() < 0.5:
        return last_instant(day, zone_name)
    return datetime.combine(day, datetime.min.time()) + timedelta(
        seconds=rng.randrange(86_400), microseconds=rng.choice((0, 1, 999_999))
    )


def moments(rng: Random, as_of: datetime, zone_name: str) -> list[datetime]:
    """Instants to happen at: at and beside the edges of windows as of an instant, at clock changes, and any."""
    today = local_day(as_of, zone_name)
    edges = [as_of, as_of, as_of - timedelta(hours=1), as_of - timedelta(hours=24), as_of - timedelta(minutes=30)]
    edges += [as_of - timedelta(days=n, hours=rng.randrange(24)) for n in (1, 3, 6, 7)]
    for unit, n in (
        ("day", 0),
        ("day", 1),
        ("day", 2),
        ("day", 30),
        ("week", 1),
        ("month", 1),
        ("month", 3),
        ("quarter", 1),
        ("year", 1),
    ):
        edges.append(first_instant(step(today, -n, unit), zone_name))  # type: ignore[arg-type]
    edges += [first_instant(today.replace(day=1), zone_name), first_instant(today.replace(month=1, day=1), zone_name)]
    edges += [c for c in clock_changes(zone_name) if abs(c - as_of) < timedelta(days=400)]
    out = [e + rng.choice((timedelta(), timedelta(), MICROSECOND, -MICROSECOND)) for e in rng.sample(edges, 9)]
    out += [as_of - timedelta(seconds=rng.randrange(40 * 86_400)) for _ in range(8)]
    out += [as_of - timedelta(seconds=rng.randrange(500 * 86_400)) for _ in range(5)]
    out += [as_of + timedelta(seconds=rng.randrange(60 * 86_400)), as_of + MICROSECOND]
    return out


def days_around(rng: Random, as_of: datetime, zone_name: str) -> list[date]:
    today = local_day(as_of, zone_name)
    near = [
        today,
        today - timedelta(days=1),
        today + timedelta(days=1),
        step(today, -1, "month"),
        step(today, -1, "year"),
    ]
    near += [
        today.replace(day=1),
        today.replace(day=1) - timedelta(days=1),
        date(2024, 2, 29),
        date(2000, 2, 29),
        date(1999, 2, 28),
    ]
    near += [today - timedelta(days=rng.randrange(1, 60)) for _ in range(3)]
    near += [today + timedelta(days=rng.randrange(1, 45)) for _ in range(2)]
    edge = [date.min, date.max, date(1, 12, 31), date(9999, 1, 31)]
    return rng.sample(near, 8) + (rng.sample(edge, 1) if rng.random() < 0.25 else [])


def pool(rng: Random, as_of: datetime, zone_name: str) -> Pool:
    """A few values of every kind."""
    plain = rng.sample(range(-2, 12), 4)
    money = [Decimal(m) for m in rng.sample(MONIES, 4)] + [Decimal(rng.randrange(-500, 5000)).scaleb(-2) for _ in range(3)]
    floats = rng.sample(FLOATS, 4) + [rng.randrange(-900, 900) / 10 for _ in range(3)]
    decimals = [Decimal(d) for d in rng.sample(DECIMALS, 4)] + [
        Decimal(rng.randrange(-(10**6), 10**6)).scaleb(-5) for _ in range(3)
    ]
    values: dict[Type, Sequence[Value]] = {
        TEXT: [*rng.sample(TEXTS, 4), *(rng.choice(kind) for kind in (VERSIONS, NUMERALS, LETTERS, BLANKS))],
        INTEGER: [*plain, *rng.sample(INTEGERS, 3)],
        MONEY: [m.quantize(Decimal("0.0001")) for m in money],
        FLOAT: floats,
        BOOLEAN: [True, False],
        DATE: days_around(rng, as_of, zone_name),
        TIMESTAMP: moments(rng, as_of, zone_name),
        TAGS: list(TAG_LISTS),
        SIZES: list(SIZE_LISTS),
    }
    return Pool(values, [d.quantize(Decimal("0.000000001")) for d in decimals])


def schema(rng: Random) -> Schema:
    """Random names and types; every type has a column of customers, and the first kind of event has every column."""
    columns = {name: t for name, t in COLUMNS.items() if rng.random() < 0.75}
    for name, type_ in COLUMNS.items():
        if type_ not in columns.values():
            columns[name] = type_
    kinds = rng.sample(KINDS, rng.randrange(2, 5))
    events = {}
    for i, kind in enumerate(kinds):
        events[kind] = {name: t for name, t in EVENT_COLUMNS.items() if i == 0 or name == "cart" or rng.random() < 0.5}
    return Schema(columns, events, ACCOUNT)


def population(rng: Random, of: Schema, pool_: Pool, as_of: datetime, size: int) -> Population:
    """`size` customers of a schema, a quarter of them without any event."""
    accounts = {
        name: {column: _cell(rng, pool_, t, 0.2) for column, t in of.account.items()} for name in ("acme", "bolt & co", "çelik")
    }
    draws = {name: _Draw.of(rng, pool_, t) for name, t in of.columns.items()}
    people = []
    for i in range(size):
        account = rng.choice(sorted(accounts)) if rng.random() < 0.6 else None
        cells = {name: draw.cell(rng) for name, draw in draws.items()}
        people.append(Person(_customer_id(i), cells, account))
    events = tuple(_events(rng, of, pool_, as_of, people))
    lists = {name: frozenset(p.id for p in people if rng.random() < 0.4) for name in of.lists[:-1]}
    return Population(tuple(people), events, accounts, lists)


def _customer_id(i: int) -> str:
    return {0: "17850", 1: "é", 2: "a b", 3: "it's", 4: "😀"}.get(i, f"c{i}")


@dataclass(frozen=True)
class _Draw:
    """How a column is filled: some values of its pool, some of them often, some cells missing."""

    values: Sequence[Value]
    weights: Sequence[float]
    missing: float

    @classmethod
    def of(cls, rng: Random, pool_: Pool, type_: Type) -> "_Draw":
        values = rng.sample(pool_.values[type_], min(len(pool_.values[type_]), rng.randrange(2, 12)))
        often = rng.choice((1.0, 8.0, 8.0) if type_ in (TEXT, BOOLEAN) else (1.0, 1.0, 8.0))
        return cls(values, [often if i == 0 else 1.0 for i in range(len(values))], rng.choice((0.0, 0.1, 0.1, 0.4)))

    def cell(self, rng: Random) -> Value | None:
        return None if rng.random() < self.missing else rng.choices(self.values, self.weights)[0]


def _cell(rng: Random, pool_: Pool, type_: Type, missing: float) -> Value | None:
    return None if rng.random() < missing else pool_.of(type_, rng)


def _events(rng: Random, of: Schema, pool_: Pool, as_of: datetime, people: Sequence[Person]) -> list[Happening]:
    """Events of some customers; ids in no order, times that meet over kinds, and now and then none of a kind at all."""
    kinds = [k for k in of.events if rng.random() < 0.95]
    missing = {(kind, column): rng.choice((0.0, 0.15, 0.3)) for kind, columns in of.events.items() for column in columns}
    out: list[Happening] = []
    for person in people:
        if not kinds or rng.random() < 0.25:
            continue
        for _ in range(rng.choice((1, 2, 3, 4, 6, 9))):
            kind = rng.choice(kinds)
            at = pool_.of(TIMESTAMP, rng) if rng.random() < 0.7 else as_of - timedelta(seconds=rng.randrange(90 * 86_400))
            assert isinstance(at, datetime)
            values: dict[str, Value | None] = {}
            for column, type_ in of.events[kind].items():
                if rng.random() < missing[kind, column]:
                    values[column] = None
                else:
                    values[column] = rng.choice(pool_.decimals) if type_ == FLOAT else pool_.of(type_, rng)
            out.append(Happening(person.id, kind, at, f"{rng.randrange(10**6):06d}-{len(out)}", values))
    rng.shuffle(out)
    return out
