"""Webhooks of Stripe: payments, refunds, subscriptions and customers as messages.

Amounts come in the smallest unit of their currency. A checkout, a charge and an invoice of one payment have one order id, the
payment's, so that an order that is told three times is one order.
(docs.stripe.com/api/events; docs.stripe.com/currencies.)
"""

from decimal import Decimal

from coterie.live.hooks.said import Item, at, first, known, number, rows, text
from coterie.live.orders import amount
from coterie.live.strict import Json

WHOLE = frozenset({
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF",
})  # fmt: skip
"""Currencies that Stripe counts in whole units. The Icelandic króna has none smaller either, and is sent in hundredths."""
THOUSANDTHS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
SUBSCRIPTIONS = {
    "customer.subscription.created": "Subscription Started",
    "customer.subscription.updated": "Subscription Updated",
    "customer.subscription.deleted": "Subscription Cancelled",
}


def major(value: Json, currency: str | None) -> Decimal | None:
    """An amount in units of its currency, of one in its smallest: 1099 of USD is 10.99, of JPY 1099."""
    found = amount(value)
    if found is None or currency is None:
        return None
    name = currency.upper()
    return found if name in WHOLE else found / (1000 if name in THOUSANDTHS else 100)


def items(event: Item, by: str, id_: str) -> list[Item]:
    """What a webhook says, as items of Segment's protocol.

    Args:
        by: whether customers go by their `id` or by their `email`.
        id_: of the event.
    """
    type_ = text(at(event, "type")) or "stripe"
    said = at(event, "data", "object")
    thing: Item = said if isinstance(said, dict) else {}
    who = _who(thing, by)
    base: Item = {
        "messageId": id_,
        "timestamp": at(event, "created"),
        "userId": who,
        "anonymousId": f"stripe-{first(at(thing, 'id'), at(event, 'account')) or 'account'}" if who is None else None,
    }
    if type_ in ("customer.created", "customer.updated") and who is not None:
        return [{**base, "type": "identify", "traits": _traits(thing)}]
    name, properties = _told(type_, thing, event)
    return [{**base, "type": "track", "event": name, "properties": properties}]


def _who(thing: Item, by: str) -> str | None:
    """Whose it is: a customer as an id, or within."""
    customer = at(thing, "customer")
    id_ = first(customer, at(customer, "id"))
    if id_ is None and at(thing, "object") == "customer":
        id_ = text(at(thing, "id"))
    email = first(
        at(thing, "customer_details", "email"), at(thing, "customer_email"), at(thing, "billing_details", "email"),
        at(thing, "email"), at(thing, "receipt_email"), at(customer, "email"),
    )  # fmt: skip
    if by == "email":
        return email.casefold() if email else id_
    return id_ or (email.casefold() if email else None)


def _told(type_: str, thing: Item, event: Item) -> tuple[str, Item]:
    currency = text(at(thing, "currency"))

    def money(*keys: str) -> Json:
        return number(major(at(thing, *keys), currency))

    def revenue(whole: str, *beside: tuple[str, ...]) -> Json:
        """What is left of an amount without tax and shipping."""
        found = major(at(thing, whole), currency)
        parts = [part for keys in beside if (part := major(at(thing, *keys), currency)) is not None]
        return None if found is None else number(found - sum(parts, Decimal(0)))

    order: Item = {"order_id": _order(thing), "currency": currency.upper() if currency else None}
    if type_ == "charge.succeeded":
        return "Order Completed", known({**order, "total": money("amount"), "revenue": money("amount"), **_from(thing)})
    if type_ == "charge.refunded":
        # What was given back is told as the sum so far: this time it is what came since.
        before = major(at(event, "data", "previous_attributes", "amount_refunded"), currency) or Decimal(0)
        back = major(at(thing, "amount_refunded"), currency)
        refund = number(None if back is None else back - before)
        return "Order Refunded", known({**order, "total": refund, "revenue": refund})
    if type_ == "checkout.session.completed" and at(thing, "mode") == "payment" and at(thing, "payment_status") != "unpaid":
        beside = (("total_details", "amount_tax"), ("total_details", "amount_shipping"))
        return "Order Completed", known({
            **order,
            "checkout_id": text(at(thing, "id")),
            "revenue": revenue("amount_total", *beside),
            "total": money("amount_total"),
            "subtotal": money("amount_subtotal"),
            "tax": money("total_details", "amount_tax"),
            "shipping": money("total_details", "amount_shipping"),
            "discount": money("total_details", "amount_discount"),
            **_from(thing),
        })  # fmt: skip
    if type_ == "invoice.paid" and amount(at(thing, "amount_paid")):
        subscription = at(thing, "subscription") or at(thing, "parent", "subscription_details", "subscription")
        net = money("total_excluding_tax")
        return "Order Completed", known({
            **order,
            "invoice_id": text(at(thing, "id")),
            "subscription_id": first(subscription, at(subscription, "id")),
            "reason": text(at(thing, "billing_reason")),
            "revenue": revenue("total", ("tax",)) if net is None else net,
            "total": money("total"),
            "subtotal": money("subtotal"),
            "tax": money("tax"),
            **_from(thing),
        })  # fmt: skip
    if type_ in SUBSCRIPTIONS:
        return SUBSCRIPTIONS[type_], _subscription(thing)
    return type_, thing


def _order(thing: Item) -> str | None:
    """The id that everything about one payment has."""
    payments = rows(thing, "payments", "data")
    intent = first(
        at(thing, "payment_intent"), at(thing, "payment_intent", "id"), *(at(p, "payment", "payment_intent") for p in payments)
    )
    return intent or first(at(thing, "charge"), at(thing, "id"))


def _from(thing: Item) -> Item:
    """What a shop has written to it."""
    notes = at(thing, "metadata")
    return {"description": text(at(thing, "description")), "client_reference_id": text(at(thing, "client_reference_id")),
            "metadata": notes if isinstance(notes, dict) else None}  # fmt: skip


def _subscription(thing: Item) -> Item:
    """A subscription: what it costs each time, and until when it is paid."""
    lines = rows(thing, "items", "data")
    line = lines[0] if lines else None
    price = at(line, "price") or at(line, "plan") or at(thing, "plan")
    currency = first(at(price, "currency"), at(thing, "currency"))
    return known({
        "subscription_id": text(at(thing, "id")),
        "status": text(at(thing, "status")),
        "plan": first(at(price, "nickname"), at(price, "lookup_key"), at(price, "id")),
        "product_id": first(at(price, "product"), at(price, "product", "id")),
        "price": number(major(first(at(price, "unit_amount"), at(price, "amount")), currency)),
        "currency": currency.upper() if currency else None,
        "interval": first(at(price, "recurring", "interval"), at(price, "interval")),
        "interval_count": at(price, "recurring", "interval_count") or at(price, "interval_count"),
        "quantity": at(line, "quantity") or at(thing, "quantity"),
        "started": at(thing, "start_date"),
        "period_end": at(thing, "current_period_end") or at(line, "current_period_end"),
        "cancel_at_period_end": at(thing, "cancel_at_period_end"),
        "canceled_at": at(thing, "canceled_at"),
        "trial_end": at(thing, "trial_end"),
        "reason": text(at(thing, "cancellation_details", "reason")),
    })  # fmt: skip


def _traits(customer: Item) -> Item:
    place, notes = at(customer, "address"), at(customer, "metadata")
    street = [found for key in ("line1", "line2") if (found := text(at(place, key)))]
    return known({
        "email": text(at(customer, "email")),
        "name": text(at(customer, "name")),
        "phone": text(at(customer, "phone")),
        "description": text(at(customer, "description")),
        "createdAt": at(customer, "created"),
        "stripe_id": text(at(customer, "id")),
        "delinquent": at(customer, "delinquent"),
        "metadata": notes if isinstance(notes, dict) else None,
        "address": known({
            "street": ", ".join(street) or None,
            "city": text(at(place, "city")),
            "postalCode": text(at(place, "postal_code")),
            "state": text(at(place, "state")),
            "country": text(at(place, "country")),
        }),
    })  # fmt: skip
