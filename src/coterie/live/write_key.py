"""Where clients put their write key."""

import base64
import binascii
from collections.abc import Mapping

from coterie.live.strict import Json


def header_key(authorization: str | None, x_write_key: str | None, query: str | None) -> str | None:
    """The write key of a request's head: the user of Basic authorization (the password does not count, and one vendor's
    manual quotes the key), a Bearer token, X-Write-Key, or writeKey in the query. None where the body has to say it."""
    if authorization:
        kind, _, rest = authorization.partition(" ")
        if kind.lower() == "basic":
            try:
                user = base64.b64decode(rest.strip(), validate=True).decode("utf-8").partition(":")[0]
            except (binascii.Error, ValueError):
                user = ""
            if user:
                return user.strip('"')
        elif kind.lower() == "bearer" and rest.startswith("ct_"):
            return rest.strip()
    return x_write_key or query or None


def body_key(fields: Mapping[str, Json]) -> str | None:
    """The write key within a body: `writeKey`, or PostHog's `api_key` and `token` (of its first event too)."""
    for name in ("writeKey", "api_key", "token", "$token"):
        found = fields.get(name)
        if isinstance(found, str) and found:
            return found
    properties = fields.get("properties")
    found = properties.get("token") if isinstance(properties, dict) else None
    return found if isinstance(found, str) and found else None
