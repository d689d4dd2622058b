"""The routes of signed webhooks: what is signed is on the disk before it is acknowledged, once; what is not is told nothing."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from coterie.live.desk import Desk
from coterie.live.hooks import given
from coterie.live.hooks.given import Hooks
from coterie.live.hooks.signatures import VENDORS, Vendor
from coterie.live.keys import Keys
from coterie.live.log import Log
from coterie.live.writer import Writer
from coterie.server.ingest import Ingest, told_on
from tests.live import vendors
from tests.live.sent import NOW

SECRET = "whsec_of_the_shop"
Ask = Callable[..., Awaitable[httpx.Response]]


def asked(folder: Path, what: Callable[[Ask, Log], Awaitable[None]], *of: Vendor, now: datetime = NOW) -> None:
    """Ask a service that takes the webhooks of some vendors."""

    async def run(log: Log, desk: Desk) -> None:
        writer = Writer(log)
        writer.deliver_with(told_on(asyncio.get_running_loop()))
        writer.start()
        ingest = Ingest(Keys(folder), writer, lambda: now, bytes, hooks=Hooks(desk))
        transport: Any = httpx.ASGITransport(app=ingest)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:

            async def ask(vendor: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
                return await client.post(f"/v1/hooks/{vendor}", content=body, headers=headers)

            await what(ask, log)
        await asyncio.to_thread(writer.stop)

    with Desk(folder, lambda: NOW) as desk, Log.open(folder, lambda: NOW) as log:
        for vendor in of:
            given.add(desk, vendor, SECRET, os.urandom)
        asyncio.run(run(log, desk))


PAYLOADS: dict[Vendor, Any] = {
    "shopify": vendors.ORDER,
    "stripe": vendors.event("charge.succeeded", vendors.CHARGE),
    "typeform": vendors.FORM,
}


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_webhook_that_is_sent_again_is_there_once(tmp_path: Path, vendor: Vendor) -> None:
    topic = {"x-shopify-topic": "orders/create"} if vendor == "shopify" else {}

    async def what(ask: Ask, log: Log) -> None:
        body, headers = vendors.sent(vendor, PAYLOADS[vendor], SECRET, NOW, **topic)
        first = await ask(vendor, body, headers)
        assert (first.status_code, first.json()["stored"]) == (200, 2 if topic else 1)
        assert log.position == first.json()["stored"]
        again = await ask(vendor, body, headers)
        assert (again.json()["stored"], again.json()["duplicate"]) == (0, first.json()["stored"])
        assert {event.source for event in log.read(0, 10)} == {vendor}

    asked(tmp_path, what, *VENDORS)


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_wrong_signature_is_told_nothing(tmp_path: Path, vendor: Vendor) -> None:
    async def what(ask: Ask, log: Log) -> None:
        body, headers = vendors.sent(vendor, PAYLOADS[vendor], "another secret", NOW)
        answers = [await ask(vendor, body, headers), await ask(vendor, body, {}), await ask(vendor, b"", {})]
        # Of a vendor that nobody has set up, too.
        others = [name for name in VENDORS if name != vendor]
        answers += [await ask(name, *vendors.sent(name, PAYLOADS[name], SECRET, NOW)) for name in others]
        assert {(a.status_code, a.text) for a in answers} == {(401, answers[0].text)}
        assert SECRET not in answers[0].text
        assert (log.position, len(log.quarantine())) == (0, 0)

    asked(tmp_path, what, vendor)


def test_an_old_webhook_of_stripe_is_refused(tmp_path: Path) -> None:
    async def what(ask: Ask, log: Log) -> None:
        body, headers = vendors.sent("stripe", PAYLOADS["stripe"], SECRET, NOW)
        assert (await ask("stripe", body, headers)).status_code == 401
        assert log.position == 0

    asked(tmp_path, what, "stripe", now=NOW.replace(minute=NOW.minute + 6))


def test_a_body_that_is_packed_anew_is_not_what_was_signed(tmp_path: Path) -> None:
    async def what(ask: Ask, log: Log) -> None:
        body, headers = vendors.sent("typeform", PAYLOADS["typeform"], SECRET, NOW)
        assert (await ask("typeform", json.dumps(json.loads(body)).encode(), headers)).status_code == 401
        assert (await ask("typeform", body, headers)).status_code == 200

    asked(tmp_path, what, "typeform")


def test_what_is_signed_and_cannot_be_read_is_kept(tmp_path: Path) -> None:
    async def what(ask: Ask, log: Log) -> None:
        body, headers = vendors.sent("shopify", b'{"id":', SECRET, NOW, **{"x-shopify-topic": "orders/create"})
        said = (await ask("shopify", body, headers)).json()
        assert (said["stored"], said["quarantined"]) == (0, 1)
        assert [item.item for item in log.quarantine()] == [body]

    asked(tmp_path, what, "shopify")


def test_a_vendor_that_is_not_known_is_not_there(tmp_path: Path) -> None:
    async def what(ask: Ask, log: Log) -> None:
        assert (await ask("paypal", b"{}", {})).status_code == 404

    asked(tmp_path, what, *VENDORS)
