"""Messages as tests make them."""

import json
from datetime import datetime, timedelta
from typing import Any

from coterie.live.message import Caps, Message, Refused, messages

NOW = datetime(2026, 11, 22, 14, 0, 2)


def made_id(index: int) -> str:
    return f"made-{index}"


def read(
    value: object, path: str = "/v1/batch", *, caps: Caps | None = None, now: datetime = NOW
) -> tuple[list[Message], list[Refused]]:
    """The messages of a body: bytes as they are, anything else as JSON."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return messages(body, path, NOW, make_id=made_id, caps=caps)


def one(item: dict[str, Any], path: str = "/v1/batch", /, **envelope: Any) -> Message:
    """The message of one item, which is taken."""
    found, refused = read({"batch": [item], **envelope} if path.endswith("batch") else item, path)
    assert not refused, refused
    return found[0]


def track(number: int, **more: Any) -> Message:
    """A message for tests of the log, of its own id."""
    said: dict[str, Any] = {"order_id": f"o{number}", "revenue": number, **more}
    when = NOW + timedelta(seconds=number)
    return Message(f"m{number}", "track", "Order Completed", f"u{number % 7}", None, None, None, when, when, said, {}, NOW)
