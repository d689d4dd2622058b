"""Whether a webhook comes from who it says: each vendor signs the bytes of the body, by HMAC-SHA-256 with a secret of both.

Shopify and Typeform sign the body alone; Stripe signs the time with it, so that an old one cannot be sent again.
(shopify.dev, "Verify webhook deliveries"; docs.stripe.com/webhooks/signature; typeform.com/developers, "Secure your webhooks".)
"""

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Literal

Vendor = Literal["shopify", "stripe", "typeform"]
VENDORS: tuple[Vendor, ...] = ("shopify", "stripe", "typeform")
TOLERANCE = 300
"""Seconds that the time in a signature may be off by."""
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - instants are naive UTC
_MOST = 16
"""Signatures of one header that are looked at."""


def signed_by(vendor: Vendor, secrets: Iterable[str], headers: Mapping[str, str], body: bytes, now: datetime) -> int | None:
    """Which of some secrets a webhook was signed with, by its place; None for none, or where its time is not near now.

    Args:
        headers: by their names in small letters.
        body: the bytes as they came.
        now: naive UTC.
    """
    said, text = _given(vendor, headers, body, now)
    found = None
    for place, secret in enumerate(secrets):
        expected = hmac.new(secret.encode(), text, sha256).digest()
        for one in said:
            if hmac.compare_digest(expected, one) and found is None:
                found = place
    return found


def _given(vendor: Vendor, headers: Mapping[str, str], body: bytes, now: datetime) -> tuple[list[bytes], bytes]:
    """The signatures of a webhook, and what they sign."""
    if vendor == "shopify":
        return _base64(headers.get("x-shopify-hmac-sha256", "")), body
    if vendor == "typeform":
        scheme, _, rest = headers.get("typeform-signature", "").partition("=")
        return (_base64(rest) if scheme == "sha256" else []), body
    pairs = [part.strip().partition("=") for part in headers.get("stripe-signature", "").split(",")[: _MOST + 1]]
    at = next((value for name, _, value in pairs if name == "t"), "")
    if not (at.isascii() and at.isdigit() and len(at) <= 12) or abs((now - _EPOCH).total_seconds() - int(at)) > TOLERANCE:
        return [], b""
    return [found for name, _, value in pairs if name == "v1" for found in _hex(value)], at.encode() + b"." + body


def _base64(text: str) -> list[bytes]:
    try:
        return [base64.b64decode(text, validate=True)]
    except (binascii.Error, ValueError):
        return []


def _hex(text: str) -> list[bytes]:
    try:
        return [bytes.fromhex(text)]
    except ValueError:
        return []
