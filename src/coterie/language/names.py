"""How names are written: bare where they are plain words, else in double quotes."""

import re
import unicodedata
from functools import lru_cache

RESERVED = frozenset(
    {
        *("and", "or", "not", "true", "false", "case", "when", "then", "else", "end"),
        *("is", "in", "between", "missing", "known", "otherwise", "null"),
    }
)
"""Words that stand for themselves only when quoted; every other word is free."""

AS_OF = "as_of"

_SHAPE = re.compile(r"[^\W\d](?:\w|[^\x00-\x7F\s])*")


def stray(word: str) -> int | None:
    """Where in a word of the grammar's wide shape a character stands that no name holds bare (a curly quote, `≥`)."""
    if word.isascii():
        return None
    return next((i for i, c in enumerate(word) if not (c == "_" or c.isalnum() or unicodedata.category(c)[0] == "M")), None)


def normal(name: str) -> str:
    """The one Unicode form (NFC) in which names are compared."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


@lru_cache(maxsize=4096)
def is_bare(name: str) -> bool:
    """Whether a name needs no quotes."""
    return bool(_SHAPE.fullmatch(name)) and stray(name) is None and name.lower() not in RESERVED


def written(name: str) -> str:
    """A name as canonical text writes it."""
    return name if is_bare(name) and name.lower() != AS_OF else quoted(name)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def complaint(name: str) -> str | None:
    """Why a text cannot be a name, if so (quoted names may hold nearly everything)."""
    if not name:
        return "a name has at least one character"
    if len(name) > 200:
        return f"a name has at most 200 characters, this one has {len(name)}"
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in name):
        return "a name holds no control characters"
    return None
