"""What shops, payments and surveys send, signed, becomes messages; what is not signed right becomes nothing."""

import base64
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as asked
from hypothesis import strategies as st
from stripe import SignatureVerificationError, WebhookSignature

from coterie.core.errors import CoterieError
from coterie.live.desk import Desk
from coterie.live.hooks import given, stripe
from coterie.live.hooks.given import By, Hook, Hooks, taken
from coterie.live.hooks.signatures import VENDORS, Vendor, signed_by
from coterie.live.message import Caps, Message
from coterie.live.orders import order_money
from tests.live import vendors
from tests.live.sent import NOW

SECRET = "whsec_3fGx"
VISITOR = "shopify-order-820982911946154508"


def told(vendor: Vendor, payload: Any, topic: str = "", by: By = "id") -> list[Message]:
    """The messages of a webhook, all of which are taken."""
    body, headers = vendors.sent(vendor, payload, SECRET, NOW, **({"x-shopify-topic": topic} if topic else {}))
    made, refused = taken(Hook("h", vendor, vendor, by, NOW), body, headers, NOW, Caps())
    assert not refused
    return made


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_signature_is_of_these_bytes_and_this_secret(vendor: Vendor) -> None:
    body, headers = vendors.sent(vendor, {"a": 1}, SECRET, NOW)
    assert signed_by(vendor, [SECRET], headers, body, NOW) == 0
    assert signed_by(vendor, ["another", SECRET], headers, body, NOW) == 1
    assert signed_by(vendor, ["another", "", SECRET + "x"], headers, body, NOW) is None
    assert signed_by(vendor, [SECRET], headers, body + b" ", NOW) is None
    assert signed_by(vendor, [SECRET], headers, json.dumps(json.loads(body)).encode(), NOW) is None
    assert signed_by(vendor, [SECRET], {}, body, NOW) is None
    assert signed_by(vendor, [], headers, body, NOW) is None


@pytest.mark.parametrize("off", [-301, -299, 0, 299, 301])
def test_an_old_webhook_of_stripe_is_not_taken_again(off: int) -> None:
    body, headers = vendors.sent("stripe", {"a": 1}, SECRET, NOW - timedelta(seconds=off))
    assert (signed_by("stripe", [SECRET], headers, body, NOW) == 0) == (abs(off) <= 300)


def test_stripes_own_package_signs_and_finds_the_same() -> None:
    body, headers = vendors.sent("stripe", vendors.event("charge.succeeded", vendors.CHARGE), SECRET, NOW)
    text, header = body.decode(), headers["stripe-signature"]
    assert WebhookSignature.verify_header(text, header, SECRET)
    with pytest.raises(SignatureVerificationError):
        WebhookSignature.verify_header(text, header, "another")
    at = header[2:].partition(",")[0]
    own = WebhookSignature._compute_signature(f"{at}.{text}", SECRET)
    assert signed_by("stripe", [SECRET], {"stripe-signature": f"t={at},v1=00,v1={own}"}, body, NOW) == 0


HEADERS = st.sampled_from(
    ["", "=", ",", "t=", "t=1", "t=1,v1=", "t=١,v1=00", "sha256=", "sha256=ü", "AAAA", "t=9" * 30, "v1=zz,t=-1"]
)


@asked(st.sampled_from(VENDORS), HEADERS | st.text(max_size=20), st.binary(max_size=9))
def test_no_other_header_is_a_signature(vendor: Vendor, header: str, body: bytes) -> None:
    headers = dict.fromkeys(("x-shopify-hmac-sha256", "stripe-signature", "typeform-signature"), header)
    assert signed_by(vendor, [SECRET], headers, body, NOW) is None


# --- Shopify


def test_an_order_of_a_shop_is_an_order_of_its_customer() -> None:
    customer, order = told("shopify", vendors.ORDER, "orders/create")
    assert (customer.type, customer.user, customer.anonymous) == (
        "identify",
        "115310627314723954",
        "shopify-order-820982911946154508",
    )
    assert customer.properties["address"] == {
        "street": "123 Elm St.",
        "city": "Ottawa",
        "postalCode": "K2H7A8",
        "state": "Ontario",
        "country": "CA",
    }
    assert (order.type, order.name, order.id) == ("track", "Order Completed", "w1")
    assert order.time == datetime(2026, 11, 22, 13, 5)
    said = order.properties
    assert {key: said[key] for key in ("order_id", "revenue", "total", "tax", "shipping", "discount", "coupon", "currency")} == {
        "order_id": "820982911946154508",
        "revenue": 388,
        "total": 414.95,
        "tax": 16.95,
        "shipping": 10,
        "discount": 20,
        "coupon": "SAVE20",
        "currency": "USD",
    }
    assert said["products"] == [
        {
            "product_id": "788032119674292922",
            "sku": "example-shirt-s",
            "name": "Example T-Shirt",
            "variant": "Small",
            "brand": "Acme",
            "price": 204,
            "quantity": 2,
        }
    ]


def test_tax_that_is_within_the_prices_is_not_earned() -> None:
    *_, order = told("shopify", {**vendors.ORDER, "taxes_included": True}, "orders/create")
    assert order.properties["revenue"] == 371.05


def test_a_refund_finds_its_customer_by_the_order() -> None:
    (refund,) = told("shopify", vendors.REFUND, "refunds/create")
    assert (refund.name, refund.user, refund.anonymous) == ("Order Refunded", None, VISITOR)
    said = refund.properties
    assert (said["total"], said["tax"], said["shipping"], said["revenue"]) == (207.48, 8.48, 5, 194)
    money = order_money(refund)
    assert money is not None
    assert (float(money.amount or 0), money.whole) == (-194.0, False)


def test_a_refund_of_money_alone_and_one_of_none() -> None:
    (refund,) = told("shopify", {**vendors.REFUND, "refund_line_items": [], "order_adjustments": []}, "refunds/create")
    money = order_money(refund)
    assert money is not None
    assert float(money.amount or 0) == -207.48
    (refund,) = told("shopify", {**vendors.REFUND, "transactions": []}, "refunds/create")
    money = order_money(refund)
    assert money is not None
    assert (float(money.amount or 0), money.whole) == (0.0, False)  # goods came back, money did not: the order is not void


def test_a_cancelled_order_is_void_from_then_on() -> None:
    *_, order = told(
        "shopify", {**vendors.ORDER, "cancelled_at": "2026-11-22T09:00:00Z", "cancel_reason": "customer"}, "orders/cancelled"
    )
    assert (order.name, order.time) == ("Order Cancelled", datetime(2026, 11, 22, 9))
    money = order_money(order)
    assert money is not None
    assert money.whole


def test_customers_go_by_their_address_where_that_is_asked_for() -> None:
    assert {m.user for m in told("shopify", vendors.ORDER, "orders/paid", "email")} == {"jon@example.com"}
    (guest,) = told("shopify", {**vendors.ORDER, "customer": None, "email": ""}, "orders/create")
    assert (guest.user, guest.anonymous) == (None, VISITOR)


def test_a_customer_of_a_shop() -> None:
    said = {**vendors.ORDER["customer"], "email_marketing_consent": {"state": "subscribed"}, "updated_at": "2026-11-22T13:00:00Z"}
    (customer,) = told("shopify", said, "customers/update")
    assert (customer.type, customer.user, customer.properties["email_consent"]) == ("identify", "115310627314723954", "subscribed")


@pytest.mark.parametrize("topic", ["carts/update", "customers/redact", "app/uninstalled"])
def test_what_is_not_known_of_a_shop_is_kept_as_it_is(topic: str) -> None:
    (found,) = told("shopify", {"id": 7, "x": {"y": [1]}}, topic)
    assert (found.type, found.name, found.properties) == ("track", topic, {"id": 7, "x": {"y": [1]}})
    assert found.anonymous == "shopify-north.myshopify.com" or found.user == "7"


# --- Stripe


@pytest.mark.parametrize(
    ("currency", "value", "units"),
    [
        ("usd", 1099, "10.99"),
        ("jpy", 500, "500"),
        ("krw", 1, "1"),
        ("kwd", 5120, "5.12"),
        ("isk", 500, "5"),
        ("huf", 1045, "10.45"),
    ],
)
def test_money_is_in_units_of_its_currency(currency: str, value: int, units: str) -> None:
    assert str(stripe.major(value, currency)) == units
    (found,) = told("stripe", vendors.event("charge.succeeded", {**vendors.CHARGE, "currency": currency, "amount": value}))
    assert found.properties["revenue"] == float(units)
    assert found.properties["currency"] == currency.upper()


def test_a_charge_a_checkout_and_an_invoice_are_orders() -> None:
    (charge,) = told("stripe", vendors.event("charge.succeeded", vendors.CHARGE))
    assert (charge.id, charge.user, charge.time) == ("evt_1", "cus_NffrFeUfNV2Hib", datetime(2026, 11, 22, 14))
    assert charge.properties["order_id"] == "pi_3MmlLrLkdIwHu7ix0"
    (checkout,) = told("stripe", vendors.event("checkout.session.completed", vendors.SESSION))
    assert (checkout.name, checkout.user) == ("Order Completed", "jenny@example.com")
    assert [checkout.properties[k] for k in ("order_id", "revenue", "total", "tax", "shipping")] == [
        "pi_1GszdM2eZvKYlo2C",
        21.98,
        27.98,
        1,
        5,
    ]
    (invoice,) = told("stripe", vendors.event("invoice.paid", vendors.INVOICE))
    assert [invoice.properties[k] for k in ("order_id", "subscription_id", "revenue", "total")] == ["pi_9", "sub_1MowQV", 50, 59.5]


@pytest.mark.parametrize("more", [{"mode": "subscription"}, {"mode": "setup"}, {"payment_status": "unpaid"}])
def test_a_checkout_without_a_payment_is_no_order(more: dict[str, str]) -> None:
    (found,) = told("stripe", vendors.event("checkout.session.completed", {**vendors.SESSION, **more}))
    assert found.name == "checkout.session.completed"


def test_each_refund_takes_away_what_came_since_the_one_before() -> None:
    def back(before: int, now: int) -> dict[str, Any]:
        charge = {**vendors.CHARGE, "amount_refunded": now}
        return vendors.event("charge.refunded", charge, previous_attributes={"amount_refunded": before})

    steps = [back(0, 300), back(300, 1099)]
    amounts = [order_money(message) for said in steps for message in told("stripe", said)]
    assert [float(m.amount or 0) for m in amounts if m is not None] == [-3.0, -7.99]
    assert {m.order for m in amounts if m is not None} == {"pi_3MmlLrLkdIwHu7ix0"}


@pytest.mark.parametrize(
    ("type_", "name"),
    [
        ("customer.subscription.created", "Subscription Started"),
        ("customer.subscription.updated", "Subscription Updated"),
        ("customer.subscription.deleted", "Subscription Cancelled"),
    ],
)
def test_subscriptions(type_: str, name: str) -> None:
    (found,) = told("stripe", vendors.event(type_, vendors.SUBSCRIPTION))
    assert (found.name, found.user) == (name, "cus_Na6dX7aXxi11N4")
    assert [found.properties[k] for k in ("price", "currency", "interval", "status")] == [10, "USD", "month", "active"]


def test_a_customer_of_stripe_and_one_by_address() -> None:
    (found,) = told("stripe", vendors.event("customer.updated", vendors.CUSTOMER))
    assert (found.type, found.user, found.properties["metadata"]) == ("identify", "cus_NffrFeUfNV2Hib", {"plan": "pro"})
    (found,) = told("stripe", vendors.event("customer.updated", vendors.CUSTOMER), by="email")
    assert found.user == "jennyrosen@example.com"


def test_what_is_not_known_of_stripe_is_kept_as_it_is() -> None:
    (found,) = told("stripe", vendors.event("balance.available", {"object": "balance", "available": [{"amount": 7}]}))
    assert (found.name, found.properties) == ("balance.available", {"object": "balance", "available": [{"amount": 7}]})
    assert found.anonymous == "stripe-account"


# --- Typeform


def test_a_form_that_was_answered() -> None:
    (found,) = told("typeform", vendors.FORM)
    assert (found.name, found.user, found.id, found.time) == (
        "Survey Answered",
        "abc123456",
        "LtWXD3crgy",
        datetime(2026, 11, 18, 18, 17, 2),
    )
    said = found.properties
    assert said["answers"] == {
        "address": "Laura@example.com",
        "pet": False,
        "nps": 9,
        "pictures": ["London", "Sydney"],
        "city": "Barcelona",
    }
    assert said["questions"]["nps"] == "How likely are you to recommend us?"
    assert (said["survey"], said["score"], said["variables"]) == ("lT4Z3j", 9, {"score": 4, "name": "typeform"})
    (found,) = told("typeform", vendors.FORM, by="email")
    assert found.user == "laura@example.com"


# --- any


LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(0, 9) | st.sampled_from(["", "x", "1.5", "usd", "refund"])
KEYS = st.sampled_from([
    "id", "order_id", "customer", "email", "line_items", "transactions", "data", "object", "type", "currency", "amount", "items",
    "form_response", "answers", "field", "ref", "total_price", "address", "metadata", "price", "quantity", "payments", "hidden",
])  # fmt: skip
THINGS = st.recursive(LEAVES, lambda v: st.lists(v, max_size=2) | st.dictionaries(KEYS, v, max_size=5), max_leaves=12)
TOPICS = ["orders/create", "orders/cancelled", "refunds/create", "customers/update", "x", ""]
TYPES = [
    "charge.refunded",
    "charge.succeeded",
    "checkout.session.completed",
    "invoice.paid",
    "customer.subscription.updated",
    "customer.updated",
    "form_response",
]


@asked(st.sampled_from(VENDORS), st.dictionaries(KEYS, THINGS, max_size=6), st.sampled_from(TOPICS), st.sampled_from(TYPES), THINGS)
def test_nothing_that_is_signed_is_lost(vendor: Vendor, payload: dict[str, Any], topic: str, type_: str, thing: Any) -> None:
    said = {**payload, "type": type_, "event_type": type_, "form_response": thing, "data": {"object": thing}}
    body, headers = vendors.sent(vendor, said, SECRET, NOW, **{"x-shopify-topic": topic})
    made, refused = taken(Hook("h", vendor, vendor, "id", NOW), body, headers, NOW, Caps())
    assert made or [no.item for no in refused] == [body]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'{"id":1,"id":2}', b'{"id":NaN}'])
def test_what_is_signed_and_cannot_be_read_is_kept_whole(body: bytes) -> None:
    made, refused = taken(Hook("h", "shopify", "shopify", "id", NOW), body, {}, NOW, Caps())
    assert (made, [no.item for no in refused]) == ([], [body])


def test_a_large_payload_is_taken_as_large_as_it_is() -> None:
    (found,) = told("shopify", {"id": 1, "rows": ["x" * 100] * 900}, "bulk/finish")
    assert len(found.properties["rows"]) == 900


# --- which are taken


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk(tmp_path, lambda: NOW) as found:
        yield found


def test_webhooks_are_added_seen_and_removed(desk: Desk) -> None:
    known = Hooks(desk)
    assert known.stale(0.0)
    known.look(0.0)
    assert list(known.of("stripe")) == []
    hook = given.add(desk, "stripe", f" {SECRET}\n", bytes, "north", "email")
    assert not known.stale(0.5)
    assert known.stale(1.0)
    known.look(1.0)
    assert list(known.of("stripe")) == [(hook, SECRET)]
    assert list(known.of("shopify")) == []
    assert SECRET not in repr(given.hooks(desk))
    given.remove(desk, hook.id)
    assert given.hooks(desk) == []
    with pytest.raises(CoterieError):
        given.remove(desk, hook.id)


@pytest.mark.parametrize("secret", ["", "  \n", "a\x00b"])
def test_a_secret_is_needed(desk: Desk, secret: str) -> None:
    with pytest.raises(CoterieError) as found:
        given.add(desk, "stripe", secret, bytes)
    assert found.value.code == "E666"


def test_the_signature_of_a_shop_is_base64() -> None:
    body, headers = vendors.sent("shopify", {}, SECRET, NOW)
    as_hex = base64.b64decode(headers["x-shopify-hmac-sha256"]).hex()
    assert signed_by("shopify", [SECRET], {"x-shopify-hmac-sha256": as_hex}, body, NOW) is None
