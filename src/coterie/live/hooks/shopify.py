"""Webhooks of a Shopify shop: orders, refunds and customers as messages.

Amounts are the shop's own currency. A refund does not say whose it is: the order's own visitor, `shopify-order-…`, is made one
with its customer when the order comes, so that a refund finds them, whichever comes first.
(shopify.dev/docs/api/webhooks.)
"""

from collections.abc import Mapping
from decimal import Decimal

from coterie.live.hooks.said import Item, at, first, known, number, rows, text, total
from coterie.live.orders import amount
from coterie.live.strict import Json

ORDERS = {
    "orders/create": "Order Completed",
    "orders/paid": "Order Completed",
    "orders/updated": "Order Updated",
    "orders/edited": "Order Updated",
    "orders/cancelled": "Order Cancelled",
}


def items(payload: Item, headers: Mapping[str, str], by: str, id_: str) -> list[Item]:
    """What a webhook says, as items of Segment's protocol.

    Args:
        headers: by their names in small letters.
        by: whether customers go by their `id` or by their `email`.
        id_: of the webhook; each item gets one of its own from it.
    """
    topic = headers.get("x-shopify-topic", "")
    if topic in ORDERS and "id" in payload:
        return _order(payload, topic, by, id_)
    if topic == "refunds/create" and "order_id" in payload:
        return [_refund(payload, id_)]
    if topic in ("customers/create", "customers/update"):
        return [_customer(payload, by, id_, {})]
    who = _who(at(payload, "customer") or (payload if topic.startswith("customers/") else None), payload, by)
    visitor = f"shopify-{headers.get('x-shopify-shop-domain') or 'shop'}"
    return [
        {
            "type": "track",
            "messageId": id_,
            "event": topic or "shopify",
            "userId": who,
            "anonymousId": visitor if who is None else None,
            "properties": payload,
        }
    ]


def _who(customer: Json, payload: Json, by: str) -> str | None:
    """Whose it is."""
    email = first(at(customer, "email"), at(payload, "email"), at(payload, "contact_email"))
    id_ = text(at(customer, "id"))
    if by == "email":
        return email.casefold() if email else id_
    return id_ or (email.casefold() if email else None)


def _visitor(order: Json) -> str:
    return f"shopify-order-{text(order)}"


def _order(order: Item, topic: str, by: str, id_: str) -> list[Item]:
    event = ORDERS[topic]
    customer = at(order, "customer")
    who = _who(customer, order, by)
    visitor = _visitor(order["id"])
    when = at(order, "cancelled_at") if event == "Order Cancelled" else at(order, "updated_at")
    made = first(at(order, "processed_at"), at(order, "created_at"))
    track: Item = {
        "type": "track",
        "messageId": id_,
        "event": event,
        "userId": who,
        "anonymousId": visitor,
        "timestamp": made if event == "Order Completed" else first(when, made),
        "properties": _money(order),
    }
    if who is None:
        return [track]
    said: Item = customer if isinstance(customer, dict) else {"email": at(order, "email")}
    return [_customer(said, by, f"{id_}:customer", {"userId": who, "anonymousId": visitor, "timestamp": made}), track]


def _money(order: Item) -> Item:
    """An order as E-commerce V2 has it: what it brought is after discounts, and without tax and shipping."""
    lines = rows(order, "line_items")
    subtotal = amount(at(order, "subtotal_price"))
    tax_within = total(at(tax, "price") for line in lines for tax in rows(line, "tax_lines")) if at(order, "taxes_included") else 0
    shipping = amount(at(order, "total_shipping_price_set", "shop_money", "amount"))
    if shipping is None:
        shipping = total(at(line, "price") for line in rows(order, "shipping_lines"))
    return known({
        "order_id": text(order["id"]),
        "order_number": first(at(order, "name"), at(order, "order_number")),
        "checkout_id": text(at(order, "checkout_id")),
        "affiliation": text(at(order, "source_name")),
        "revenue": number(None if subtotal is None else subtotal - tax_within),
        "subtotal": number(subtotal),
        "total": number(amount(at(order, "total_price"))),
        "tax": number(amount(at(order, "total_tax"))),
        "shipping": number(shipping),
        "discount": number(amount(at(order, "total_discounts"))),
        "coupon": next((found for code in rows(order, "discount_codes") if (found := text(at(code, "code")))), None),
        "currency": text(at(order, "currency")),
        "status": text(at(order, "financial_status")),
        "reason": text(at(order, "cancel_reason")),
        "test": at(order, "test"),
        "products": [_product(line, at(line, "quantity")) for line in lines],
    })  # fmt: skip


def _product(line: Json, quantity: Json) -> Item:
    return known(
        {
            "product_id": text(at(line, "product_id")),
            "sku": text(at(line, "sku")),
            "name": first(at(line, "title"), at(line, "name")),
            "variant": text(at(line, "variant_title")),
            "brand": text(at(line, "vendor")),
            "price": number(amount(at(line, "price"))),
            "quantity": quantity,
        }
    )


def _refund(refund: Item, id_: str) -> Item:
    """What was given back: of goods, and of shipping and tax beside them."""
    lines = rows(refund, "refund_line_items")
    moved = [
        t
        for t in rows(refund, "transactions")
        if at(t, "kind") in (None, "refund", "void") and at(t, "status") in (None, "success", "pending")
    ]
    shipping = abs(total(at(a, "amount") for a in rows(refund, "order_adjustments") if at(a, "kind") == "shipping_refund"))
    goods = total(at(line, "subtotal") for line in lines)
    tax = total(at(line, "total_tax") for line in lines)
    back = total(at(t, "amount") for t in moved)
    properties: Item = {
        "order_id": text(refund["order_id"]),
        "refund_id": text(at(refund, "id")),
        "total": number(back),
        "tax": number(tax),
        "shipping": number(shipping),
        "currency": next((found for t in moved if (found := text(at(t, "currency")))), None),
        "products": [_product(at(line, "line_item"), at(line, "quantity")) for line in lines],
    }
    if goods and back:
        properties["revenue"] = number(min(goods, back))
    elif back == Decimal(0):
        properties["revenue"] = 0
    return {
        "type": "track",
        "messageId": id_,
        "event": "Order Refunded",
        "anonymousId": _visitor(refund["order_id"]),
        "timestamp": first(at(refund, "processed_at"), at(refund, "created_at")),
        "properties": known(properties),
    }


def _customer(said: Item, by: str, id_: str, more: Item) -> Item:
    place = at(said, "default_address")
    traits: Item = {
        "email": text(at(said, "email")),
        "firstName": text(at(said, "first_name")),
        "lastName": text(at(said, "last_name")),
        "phone": first(at(said, "phone"), at(place, "phone")),
        "createdAt": text(at(said, "created_at")),
        "locale": text(at(said, "locale")),
        "tags": text(at(said, "tags")),
        "shopify_id": text(at(said, "id")),
        "email_consent": text(at(said, "email_marketing_consent", "state")),
        "sms_consent": text(at(said, "sms_marketing_consent", "state")),
        "address": known(
            {
                "street": text(at(place, "address1")),
                "city": text(at(place, "city")),
                "postalCode": text(at(place, "zip")),
                "state": first(at(place, "province_code"), at(place, "province")),
                "country": first(at(place, "country_code"), at(place, "country")),
            }
        ),
    }
    return {
        "type": "identify",
        "messageId": id_,
        "userId": _who(said, said, by),
        "timestamp": first(at(said, "updated_at"), at(said, "created_at")),
        "traits": known(traits),
        **more,
    }
