"""Who is whom: ids that clients have said belong to one customer.

`identify` and `alias` with two ids link them, for good. The ids that are linked, directly or not, are one customer, who goes
by the smallest of the ids that somebody has used as a userId, else by the smallest at all: the same whatever came first, and
however often it is said.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from coterie.live.message import Message

TABLES = (
    "CREATE TABLE IF NOT EXISTS live_id (id TEXT PRIMARY KEY, customer TEXT NOT NULL, user INTEGER NOT NULL) WITHOUT ROWID, STRICT",
    "CREATE INDEX IF NOT EXISTS live_id_customer ON live_id (customer)",
)


class Transaction(Protocol):
    """What an apply writes through."""

    def execute(self, sql: str, bindings: Any = ()) -> Iterable[tuple[Any, ...]]: ...

    def executemany(self, sql: str, rows: Iterable[Any]) -> Any: ...


def linked(message: Message) -> tuple[str, str] | None:
    """The two ids that a message says are one customer's."""
    if message.type == "alias" and message.previous is not None and message.user is not None:
        pair = (message.previous, message.user)
    elif message.type == "identify" and message.anonymous is not None and message.user is not None:
        pair = (message.anonymous, message.user)
    else:
        return None
    return None if pair[0] == pair[1] else pair


def customer_of(tx: Transaction, id_: str) -> str:
    """The customer that an id belongs to: itself, as long as nothing was said."""
    for (customer,) in tx.execute("SELECT customer FROM live_id WHERE id = ?", (id_,)):
        return str(customer)
    return id_


def ids_of(tx: Transaction, customer: str) -> tuple[str, ...]:
    """All ids of a customer, their own first."""
    found = [str(i) for (i,) in tx.execute("SELECT id FROM live_id WHERE customer = ? ORDER BY id", (customer,))]
    return (customer, *(i for i in found if i != customer))


def others(tx: Transaction) -> set[str]:
    """The ids of customers who go by another one."""
    return {str(i) for (i,) in tx.execute("SELECT id FROM live_id WHERE id != customer")}


def link(tx: Transaction, other: str, user: str) -> tuple[str, tuple[str, ...]] | None:
    """Make two ids one customer.

    Args:
        other: an anonymous or a former id; `user`: the one that is a userId.

    Returns:
        The customer that they are now and those that they were, or None where nothing changed.
    """
    before = tuple(dict.fromkeys((customer_of(tx, other), customer_of(tx, user))))
    members: dict[str, bool] = {other: False, user: True}
    for customer in before:
        for id_, used in tx.execute("SELECT id, user FROM live_id WHERE customer = ?", (customer,)):
            members[id_] = bool(used) or members.get(id_, False)
    now = named(members)
    if before == (now,) and all(_known(tx, i, u) for i, u in members.items()):
        return None
    for id_, used in members.items():
        sql = (
            "INSERT INTO live_id VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET customer = excluded.customer, user = excluded.user"
        )
        tx.execute(sql, (id_, now, int(used)))
    return None if before == (now,) else (now, before)


def _known(tx: Transaction, id_: str, used: bool) -> bool:
    return any(bool(u) == used for (u,) in tx.execute("SELECT user FROM live_id WHERE id = ?", (id_,)))


def named(members: Mapping[str, bool]) -> str:
    """The name of a customer with these ids, each with whether it was used as a userId."""
    return min((id_ for id_, used in members.items() if used), default=min(members))
