"""Ids as clients send them: text, or nothing where an id is what programs send for want of one."""

import re
import unicodedata
from functools import lru_cache

from coterie.live.strict import Json
from coterie.sources.ids import one_id

LONGEST = 256
"""Characters of an id."""
NOBODY = frozenset({
    "", "null", "undefined", "none", "nil", "nan", "0", "-1", "true", "false", "anonymous", "guest", "unknown", "n/a", "na",
    "distinctid", "distinct_id", "id", "email", "not_authenticated", "not authenticated", "[object object]",
    "{}", "[]", "00000000-0000-0000-0000-000000000000",
})  # fmt: skip
"""What stands for nobody, in any case of letters: two who send it are not one customer. After PostHog's list of illegal ids."""
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


class BadId(ValueError):
    """An id that cannot be told from another by eye, or that is no text; the message says which."""


def clean_id(value: Json, what: str = "the id") -> str | None:
    """An id as the sources write theirs (17850, 17850.0 and ` 17850 ` are one), None where it stands for nobody.

    Raises:
        BadId: it holds characters that cannot be seen, is longer than LONGEST, or is no text or number.
    """
    if isinstance(value, str):
        try:
            return _clean_text(value)
        except BadId as error:
            raise BadId(f"{what} {error}") from None
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _clean_text(str(value))
    raise BadId(f"{what} is neither a text nor a number")


@lru_cache(maxsize=50_000)
def _clean_text(value: str) -> str | None:
    text = value if value.isascii() and value.isalnum() else one_id(value)
    if text is None or (len(text) <= 36 and text.casefold() in NOBODY):
        return None
    if len(text) > LONGEST:
        raise BadId(f"has {len(text):,} characters: {LONGEST} are read")
    if not text.isprintable() and (found := _CONTROL.search(text)):
        raise BadId(f"holds a character that cannot be seen (U+{ord(found.group()):04X})")
    return text


def message_id(value: Json) -> str | None:
    """A message's own id, as it was sent; None where there is none.

    Raises:
        BadId: it is longer than 100 characters, holds characters that cannot be seen, or is no text or number.
    """
    if isinstance(value, str) and 0 < len(value) <= 100 and value.isascii() and value.isprintable():
        return value
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise BadId("messageId is neither a text nor a number")
    text = str(value)
    if len(text) > 100:
        raise BadId(f"messageId has {len(text):,} characters: 100 are read")
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if not text.isprintable() and (found := _CONTROL.search(text)):
        raise BadId(f"messageId holds a character that cannot be seen (U+{ord(found.group()):04X})")
    return text
