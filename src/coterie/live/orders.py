"""The money of an order's messages (Segment's e-commerce events, version 2 and the names of version 1).

What an order brought is its `revenue`, else its `subtotal`, else its total without tax and shipping, else the sum of price ×
quantity of its products; which of them was used is told. A refund takes away, a cancellation voids the order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal

from coterie.live.message import Message
from coterie.live.strict import Json
from coterie.sources.ids import one_id

Step = Literal["completed", "updated", "refunded", "cancelled"]
By = Literal["revenue", "subtotal", "total", "products"]
STEPS: Mapping[str, Step] = {
    "order completed": "completed",
    "completed order": "completed",
    "order updated": "updated",
    "updated order": "updated",
    "order refunded": "refunded",
    "refunded order": "refunded",
    "order cancelled": "cancelled",
    "order canceled": "cancelled",
    "cancelled order": "cancelled",
    "canceled order": "cancelled",
}
"""What happens to an order, by the event's name in small letters."""


@dataclass(frozen=True, slots=True)
class OrderMoney:
    """What one message says about an order.

    Attributes:
        step: what happened.
        order: the order's id; None where the message has none.
        amount: what the order is worth now (`completed`, `updated`), or what is taken from it (`refunded`, below zero); None
            where the message does not say, or where the whole order is void.
        by: what the amount was found by.
        whole: the refund or cancellation is of the whole order.
        currency: as it is written, in capitals.
    """

    step: Step
    order: str | None
    amount: Decimal | None
    by: By | None
    whole: bool
    currency: str | None


def order_money(message: Message) -> OrderMoney | None:
    """The money of an order's message; None where the message is about something else."""
    step = STEPS.get(message.name.casefold()) if message.type == "track" and message.name else None
    if step is None:
        return None
    said = message.properties
    found = said.get("order_id", said.get("orderId"))
    order = one_id(found) if isinstance(found, str | int) and not isinstance(found, bool) else None
    money = said.get("currency")
    currency = money.strip().upper() or None if isinstance(money, str) else None
    if step == "cancelled":
        return OrderMoney(step, order, None, None, True, currency)
    amount, by = amount_of(said)
    if step == "refunded":
        return OrderMoney(step, order, None if amount is None else -abs(amount), by, amount is None, currency)
    return OrderMoney(step, order, amount, by, False, currency)


def amount_of(said: Mapping[str, Json]) -> tuple[Decimal | None, By | None]:
    """The amount in an order's properties, and what it was found by; None where nothing says it."""
    revenue, subtotal, total = (_number(said.get(name)) for name in ("revenue", "subtotal", "total"))
    if revenue is not None:
        return revenue, "revenue"
    if subtotal is not None:
        return subtotal, "subtotal"
    if total is not None:
        return total - (_number(said.get("tax")) or 0) - (_number(said.get("shipping")) or 0), "total"
    products = said.get("products")
    if not isinstance(products, list):
        return None, None
    parts = [_line(product) for product in products]
    known = [part for part in parts if part is not None]
    return (sum(known, Decimal(0)), "products") if known and len(known) == len(parts) else (None, None)


def _line(product: Json) -> Decimal | None:
    """Price × quantity of a product; one where no quantity is said."""
    if not isinstance(product, dict):
        return None
    price = _number(product.get("price"))
    quantity = Decimal(1) if product.get("quantity") is None else _number(product["quantity"])
    return None if price is None or quantity is None else price * quantity


def amount(value: Json) -> Decimal | None:
    """A number, or a text of one, as it was written: 12.3 is 12.3, not the binary fraction next to it."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _number(value: Json) -> Decimal | None:
    """An amount that an order may have."""
    found = amount(value)
    return found if found is not None and abs(found) < Decimal("1e15") else None
