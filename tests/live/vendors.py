"""Webhooks as their vendors' manuals have them, signed as the vendors sign."""

import base64
import hmac
import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

ORDER: dict[str, Any] = {
    "id": 820982911946154508,
    "name": "#9999",
    "email": "Jon@example.com",
    "created_at": "2026-11-22T08:05:00-05:00",
    "updated_at": "2026-11-22T08:05:01-05:00",
    "cancelled_at": None,
    "cancel_reason": None,
    "checkout_id": 901414060,
    "currency": "USD",
    "financial_status": "paid",
    "source_name": "web",
    "subtotal_price": "388.00",
    "taxes_included": False,
    "total_discounts": "20.00",
    "discount_codes": [{"code": "SAVE20", "amount": "20.00", "type": "fixed_amount"}],
    "total_price": "414.95",
    "total_tax": "16.95",
    "total_shipping_price_set": {"shop_money": {"amount": "10.00", "currency_code": "USD"}},
    "customer": {
        "id": 115310627314723954,
        "email": "Jon@example.com",
        "first_name": "John",
        "last_name": "Smith",
        "created_at": None,
        "updated_at": None,
        "default_address": {
            "address1": "123 Elm St.",
            "city": "Ottawa",
            "zip": "K2H7A8",
            "country_code": "CA",
            "province": "Ontario",
        },
    },
    "line_items": [
        {
            "product_id": 788032119674292922,
            "sku": "example-shirt-s",
            "title": "Example T-Shirt",
            "variant_title": "Small",
            "vendor": "Acme",
            "price": "204.00",
            "quantity": 2,
            "tax_lines": [{"price": "16.95", "rate": 0.08}],
        }
    ],
}
REFUND: dict[str, Any] = {
    "id": 890088186047892319,
    "order_id": ORDER["id"],
    "created_at": "2026-11-23T08:05:00-05:00",
    "processed_at": "2026-11-23T08:05:00-05:00",
    "user_id": 548380009,
    "order_adjustments": [{"kind": "shipping_refund", "amount": "-5.00", "tax_amount": "0.00"}],
    "refund_line_items": [
        {"quantity": 1, "subtotal": 194.0, "total_tax": 8.48, "line_item": {"sku": "example-shirt-s", "title": "Example T-Shirt"}}
    ],
    "transactions": [{"kind": "refund", "status": "success", "amount": "207.48", "currency": "USD"}],
}


def event(type_: str, thing: dict[str, Any], id_: str = "evt_1", **more: Any) -> dict[str, Any]:
    """An event of Stripe's."""
    return {
        "id": id_,
        "object": "event",
        "api_version": "2026-10-29",
        "created": 1795356000,
        "livemode": True,
        "type": type_,
        "data": {"object": thing, **more},
    }


CHARGE: dict[str, Any] = {
    "id": "ch_3MmlLrLkdIwHu7ix0snN0B15",
    "object": "charge",
    "amount": 1099,
    "amount_refunded": 0,
    "billing_details": {"email": "jenny@example.com", "name": "Jenny"},
    "currency": "usd",
    "customer": "cus_NffrFeUfNV2Hib",
    "payment_intent": "pi_3MmlLrLkdIwHu7ix0",
    "metadata": {"shop": "north"},
}
SESSION: dict[str, Any] = {
    "id": "cs_test_a11YYufWQzNY63zpQ6QSNRQhkUpVph4WRmzW0zWJO2znZKdVujZ0N0S22u",
    "object": "checkout.session",
    "mode": "payment",
    "payment_status": "paid",
    "amount_subtotal": 2198,
    "amount_total": 2798,
    "currency": "usd",
    "customer": None,
    "customer_details": {"email": "Jenny@Example.com"},
    "payment_intent": "pi_1GszdM2eZvKYlo2C",
    "total_details": {"amount_discount": 0, "amount_shipping": 500, "amount_tax": 100},
}
INVOICE: dict[str, Any] = {
    "id": "in_1MtHbELkdIwHu7ixl4OzzPMv",
    "object": "invoice",
    "amount_paid": 5950,
    "billing_reason": "subscription_cycle",
    "currency": "eur",
    "customer": "cus_NeZwdNtLEOXuvB",
    "customer_email": "jennyrosen@example.com",
    "parent": {"type": "subscription_details", "subscription_details": {"subscription": "sub_1MowQV"}},
    "payments": {"data": [{"payment": {"type": "payment_intent", "payment_intent": "pi_9"}}]},
    "subtotal": 5000,
    "total": 5950,
    "total_excluding_tax": 5000,
}
SUBSCRIPTION: dict[str, Any] = {
    "id": "sub_1MowQVLkdIwHu7ixeRlqHVzs",
    "object": "subscription",
    "currency": "usd",
    "customer": "cus_Na6dX7aXxi11N4",
    "status": "active",
    "cancel_at_period_end": False,
    "items": {
        "data": [
            {
                "current_period_end": 1682285767,
                "quantity": 1,
                "price": {
                    "id": "price_1MowQULkdIwHu7ixraBm864M",
                    "currency": "usd",
                    "product": "prod_Na6dGcTsmU0I4R",
                    "recurring": {"interval": "month", "interval_count": 1},
                    "unit_amount": 1000,
                },
            }
        ]
    },
}
CUSTOMER: dict[str, Any] = {
    "id": "cus_NffrFeUfNV2Hib",
    "object": "customer",
    "address": {"city": "Berlin", "country": "DE", "line1": "Weg 1", "line2": None, "postal_code": "10115", "state": None},
    "created": 1680893993,
    "delinquent": False,
    "email": "jennyrosen@example.com",
    "metadata": {"plan": "pro"},
    "name": "Jenny Rosen",
}
FORM: dict[str, Any] = {
    "event_id": "LtWXD3crgy",
    "event_type": "form_response",
    "form_response": {
        "form_id": "lT4Z3j",
        "token": "a3a12ec67a1365927098a606107fac15",
        "submitted_at": "2026-11-18T18:17:02Z",
        "landed_at": "2026-11-18T18:07:02Z",
        "calculated": {"score": 9},
        "variables": [{"key": "score", "type": "number", "number": 4}, {"key": "name", "type": "text", "text": "typeform"}],
        "hidden": {"user_id": "abc123456"},
        "definition": {
            "id": "lT4Z3j",
            "title": "Webhooks example",
            "fields": [
                {"id": "SMEUb7VJz92Q", "title": "Your address?", "type": "email", "ref": "address"},
                {"id": "RUqkXSeXBXSd", "title": "Do you have a pet?", "type": "yes_no", "ref": "pet"},
                {"id": "NRsxU591jIW9", "title": "How likely are you to recommend us?", "type": "opinion_scale", "ref": "nps"},
                {"id": "PNe8ZKBK8C2Q", "title": "Which pictures do you like?", "type": "picture_choice", "ref": "pictures"},
                {"id": "k6TP9oLGgHjl", "title": "Which city?", "type": "multiple_choice", "ref": "city"},
            ],
        },
        "answers": [
            {"type": "email", "email": "Laura@example.com", "field": {"id": "SMEUb7VJz92Q", "type": "email", "ref": "address"}},
            {"type": "boolean", "boolean": False, "field": {"id": "RUqkXSeXBXSd", "type": "yes_no", "ref": "pet"}},
            {"type": "number", "number": 9, "field": {"id": "NRsxU591jIW9", "type": "opinion_scale", "ref": "nps"}},
            {"type": "choices", "choices": {"labels": ["London", "Sydney"]}, "field": {"id": "PNe8ZKBK8C2Q", "ref": "pictures"}},
            {"type": "choice", "choice": {"label": "Barcelona"}, "field": {"id": "k6TP9oLGgHjl", "ref": "city"}},
        ],
    },
}


def sent(vendor: str, payload: Any, secret: str, now: datetime, **more: str) -> tuple[bytes, dict[str, str]]:
    """The body and the headers of a webhook."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload, indent=1).encode()
    if vendor == "stripe":
        at = int(now.replace(tzinfo=UTC).timestamp())
        mac = hmac.new(secret.encode(), f"{at}.".encode() + body, sha256).hexdigest()
        return body, {"stripe-signature": f"t={at},v1={mac},v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39"}
    mac = base64.b64encode(hmac.new(secret.encode(), body, sha256).digest()).decode()
    if vendor == "typeform":
        return body, {"typeform-signature": f"sha256={mac}"}
    return body, {
        "x-shopify-hmac-sha256": mac,
        "x-shopify-shop-domain": "north.myshopify.com",
        "x-shopify-webhook-id": "w1",
        **more,
    }
