"""The webhooks that a service takes: which vendor, whose secret, and what their messages are told apart by."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from typing import Literal

import apsw

from coterie.core.errors import DataError, UnknownName, did_you_mean
from coterie.live.desk import Desk
from coterie.live.hooks import shopify, stripe, typeform
from coterie.live.hooks.said import Item, at, text
from coterie.live.hooks.signatures import VENDORS, Vendor
from coterie.live.keys import Random
from coterie.live.log import micros, of_micros
from coterie.live.message import Caps, Message, Refused, messages
from coterie.live.strict import Envelope, Unreadable, opened

By = Literal["id", "email"]
LOOK = 1.0
"""Seconds after which a webhook that another process has added or removed is seen."""
_READ: Mapping[Vendor, Callable[[Item, Mapping[str, str], str, str], list[Item]]] = {
    "shopify": shopify.items,
    "stripe": lambda payload, _, by, id_: stripe.items(payload, by, id_),
    "typeform": lambda payload, _, by, id_: typeform.items(payload, by, id_),
}


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook that is taken, without its secret.

    Attributes:
        name: the source of what comes with it.
        by: what customers go by: the vendor's own `id`, or their `email`.
        made: when, naive UTC.
    """

    id: str
    vendor: Vendor
    name: str
    by: By
    made: datetime


def add(desk: Desk, vendor: Vendor, secret: str, random: Random, name: str = "", by: By = "id") -> Hook:
    """Take a vendor's webhooks that are signed with a secret.

    Raises:
        DataError: the secret is empty.
    """
    secret = secret.strip()
    if not secret or not secret.isprintable():
        raise DataError(
            "no secret was given",
            code="E666",
            hint=f"give it on the standard input, or with --secret-env NAME; {vendor} shows it where its webhooks are set up",
        )
    hook = Hook(f"hook_{random(6).hex()}", vendor, name or vendor, by, of_micros(micros(desk.clock())))
    with desk.transaction() as db:
        db.execute("INSERT INTO hook VALUES (?, ?, ?, ?, ?, ?)", (hook.id, vendor, hook.name, by, secret, micros(hook.made)))
    return hook


def remove(desk: Desk, id_: str) -> None:
    """Take no more of what is signed with its secret.

    Raises:
        UnknownName: there is no such webhook.
    """
    found = {hook.id for hook in hooks(desk)}
    if id_ not in found:
        raise UnknownName(f"there is no webhook {id_!r} that is taken", hint=did_you_mean(id_, found, "They are"))
    with desk.transaction() as db:
        db.execute("DELETE FROM hook WHERE id = ?", (id_,))


def hooks(desk: Desk) -> list[Hook]:
    """All of them, the oldest first."""
    return [hook for hook, _ in _all(desk)]


def _all(desk: Desk) -> list[tuple[Hook, str]]:
    rows = desk.rows("SELECT id, vendor, name, identified, secret, made FROM hook ORDER BY made, id")
    return [
        (Hook(id_, vendor, name, by, of_micros(made)), secret) for id_, vendor, name, by, secret, made in rows if vendor in VENDORS
    ]


class Hooks:
    """What a service knows of them; looks at most once a second."""

    def __init__(self, desk: Desk):
        self.desk = desk
        self._looked: float | None = None
        self._all: list[tuple[Hook, str]] = []

    def stale(self, now: float) -> bool:
        """Whether it is time to look again, by monotonic seconds."""
        return self._looked is None or now - self._looked >= LOOK

    def look(self, now: float) -> None:
        """Look what there is. May wait for another who writes; where that takes too long, what was there before counts on."""
        with contextlib.suppress(apsw.BusyError):
            self._all = _all(self.desk)
        self._looked = now

    def of(self, vendor: Vendor) -> Sequence[tuple[Hook, str]]:
        """Those of a vendor, each with its secret."""
        return [entry for entry in self._all if entry[0].vendor == vendor]


def taken(
    hook: Hook, body: bytes, headers: Mapping[str, str], received: datetime, caps: Caps
) -> tuple[list[Message], list[Refused]]:
    """The messages of a webhook whose signature is right, and what of it is refused: kept whole.

    Args:
        headers: by their names in small letters.
    """
    try:
        read = opened(body)
    except Unreadable as error:
        return [], [Refused(0, error.reason, error.message, body)]
    payload = read.items[0] if read.single else None
    if not isinstance(payload, dict):
        return [], [Refused(0, "not_an_object", "the webhook's body is no object", body)]
    if read.odd:
        return [], [Refused(0, read.odd[0].reason, read.odd[0].said, body)]
    items = _READ[hook.vendor](payload, headers, hook.by, _id(hook.vendor, payload, headers, body))
    # What a vendor has signed is taken as large as it is.
    made, refused = messages(Envelope({}, items), "/v1/batch", received, make_id=str, caps=replace(caps, item=caps.body))
    return made, [replace(no, item=body) for no in refused[:1]]


def _id(vendor: Vendor, payload: Item, headers: Mapping[str, str], body: bytes) -> str:
    """By which a webhook that is sent again is known."""
    if vendor == "shopify":
        found = text(headers.get("x-shopify-webhook-id"))
    else:
        found = text(at(payload, "id" if vendor == "stripe" else "event_id"))
    return found if found and len(found) <= 80 else blake2b(body, digest_size=16).hexdigest()
