"""What detection finds: what files are, what their columns mean, each guess with its reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from coterie.language.names import written
from coterie.sources.scales import Scale
from coterie.sources.seen import SeenColumn, SeenFile

Role = Literal["customers", "events", "accounts", "lookup", "unused"]


@dataclass(frozen=True, slots=True)
class Guess:
    """One thing that was guessed: in which file, the role and the column that has it, why, how sure (0 to 1), what else."""

    file: str
    role: str
    column: str
    why: str
    confidence: float
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Amount:
    """What an event is worth, in columns of the file: a total, or price times quantity, less a discount.

    `rate`: the discount is a share of the price (0.1), not an amount.
    """

    total: str | None = None
    price: str | None = None
    quantity: str | None = None
    discount: str | None = None
    rate: bool = False

    @property
    def expression(self) -> str:
        """The amount as an expression over the file's columns."""
        if self.total is not None:
            return written(self.total)
        parts = [written(c) for c in (self.quantity, self.price) if c is not None]
        text = " * ".join(parts)
        if self.discount is None:
            return text
        return f"{text} * (1 - {written(self.discount)})" if self.rate else f"{text} - {written(self.discount)}"


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a column that tells kinds of rows apart: its rows and how many customers have one."""

    value: str
    rows: int
    customers: int


@dataclass(frozen=True, slots=True)
class Split:
    """A condition over the file's columns that sets rows apart, with its rows, those that have a customer, and why."""

    where: str
    rows: int
    with_customer: int
    why: str
    negative: bool = False


@dataclass(frozen=True)
class Found:
    """What a file is.

    Attributes:
        role: what its rows are; `unused` with the reason in `why`.
        id: customers, accounts, lookup: what identifies a row; events: what identifies an event, if anything does.
        customer, time: of events.
        lines: the column by which rows are lines of one order; `basket`: there is none, and what one customer bought on one
            day counts as one order.
        account: of customers: the column that names their account.
        since: of customers: since when they exist.
        looked_up: of a lookup: the customers' column.
        meaning: what columns mean: meaning → column, for those that are sure enough.
        amount: what an event is worth.
        cancelled, free: rows that take something back; rows that cost nothing.
        kind: the column that tells kinds of events apart, with its `values`.
        status: the column of states of an order or deal, with `states`.
        profile: columns that the customer decides (they belong to the customer, though the events carry them).
        scales: answers to a questionnaire, put together.
        nameless: rows without a customer. customers: how many different ones.
        match: the share of its customers that the customers file has.
    """

    file: SeenFile
    role: Role
    why: str = ""
    id: str | None = None
    customer: str | None = None
    time: str | None = None
    lines: str | None = None
    basket: bool = False
    account: str | None = None
    since: str | None = None
    looked_up: str | None = None
    meaning: Mapping[str, str] = field(default_factory=dict)
    amount: Amount | None = None
    cancelled: Split | None = None
    free: Split | None = None
    kind: str | None = None
    values: tuple[Value, ...] = ()
    status: str | None = None
    states: tuple[Value, ...] = ()
    profile: tuple[str, ...] = ()
    scales: tuple[Scale, ...] = ()
    nameless: int = 0
    customers: int = 0
    match: float | None = None

    def column(self, meaning: str) -> SeenColumn | None:
        """The column of a meaning."""
        name = self.meaning.get(meaning)
        return None if name is None else self.file.columns[name]

    def means(self, column: str) -> str | None:
        """What a column means, if that is known."""
        return next((m for m, c in self.meaning.items() if c == column), None)


@dataclass(frozen=True)
class Detection:
    """What all files are, each guess with its reason, and what a person should look at."""

    found: tuple[Found, ...]
    guesses: tuple[Guess, ...]
    questions: tuple[str, ...]
    business: bool = False
    """The customers are companies: no file names persons."""

    def of(self, role: Role) -> tuple[Found, ...]:
        return tuple(f for f in self.found if f.role == role)

    @property
    def hub(self) -> Found | None:
        """The customers file."""
        return next(iter(self.of("customers")), None)

    def newest(self) -> date | None:
        """The newest day on which anything happened; without events the newest day from which a customer exists."""
        days = [f.file.columns[f.time].last_day() for f in self.of("events") if f.time]
        days += [f.file.columns[f.since].last_day() for f in self.of("customers") if f.since and not days]
        return max((d for d in days if d is not None), default=None)

    def oldest(self) -> date | None:
        """The first day on which anything happened."""
        days = [f.file.columns[f.time].first_day() for f in self.of("events") if f.time]
        return min((d for d in days if d is not None), default=None)
