"""The money of an order's messages."""

from decimal import Decimal

import pytest

from coterie.live.orders import OrderMoney, order_money
from tests.live.sent import one

PRODUCTS = [{"price": 3.5, "quantity": 2}, {"price": "5.10"}]


@pytest.mark.parametrize(
    ("said", "amount", "by"),
    [
        ({"revenue": 0.1, "subtotal": 9, "total": 9}, "0.1", "revenue"),
        ({"subtotal": "22.50", "total": 30}, "22.50", "subtotal"),
        ({"total": 27.5, "tax": 2, "shipping": 3, "products": PRODUCTS}, "22.5", "total"),
        ({"products": PRODUCTS}, "12.10", "products"),
        ({"revenue": None, "total": "abc"}, None, None),
        ({"products": [{"price": 1}, {"name": "free?"}]}, None, None),
        ({"revenue": True}, None, None),
        ({"revenue": 1e300}, None, None),
    ],
)
def test_what_an_order_brought(said: dict[str, object], amount: str | None, by: str | None) -> None:
    for name in ("Order Completed", "Completed Order"):
        message = one({"type": "track", "event": name, "userId": "u", "properties": {"order_id": 17, "currency": "eur", **said}})
        found = order_money(message)
        assert found == OrderMoney("completed", "17", None if amount is None else Decimal(amount), by, False, "EUR")  # type: ignore[arg-type]


def of(event: str, **said: object) -> OrderMoney | None:
    return order_money(one({"type": "track", "event": event, "userId": "u", "properties": {"order_id": "o", **said}}))


def test_refunds_take_away_and_cancellations_void() -> None:
    assert of("Order Refunded", total=5) == OrderMoney("refunded", "o", Decimal(-5), "total", False, None)
    assert of("Order Refunded") == OrderMoney("refunded", "o", None, None, True, None)
    assert of("Order Canceled", total=5) == OrderMoney("cancelled", "o", None, None, True, None)
    assert of("Product Viewed", total=5) is None
