"""Ids are text: 17850, 17850.0 and ` 17850 ` are one id, 0017850 is another."""

import unicodedata

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from coterie.language.types import Type
from coterie.sources.native import as_text

_CONTROL = r"[\x{00}-\x{1F}\x{7F}-\x{9F}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2066}-\x{2069}]"


def id_text(array: pa.Array, type_: Type | None = None) -> pa.Array:  # noqa: ARG001
    """Values of any type as ids: trimmed text in Unicode's composed form (NFC), missing where nothing is left.

    A whole number's `.0` is dropped (`17850.0` is `17850`), leading zeros stay. Characters that control a terminal or the
    direction of writing are left in; `bad_ids` finds them.

    Args:
        array: any scalar column (also chunked or dictionary-encoded).
        type_: its type, where known; the array's own decides.
    """
    if isinstance(array, pa.ChunkedArray):
        parts = [id_text(chunk) for chunk in array.chunks]
        return pa.chunked_array(parts, pa.string())
    if pa.types.is_dictionary(array.type):
        return pc.take(id_text(array.dictionary), array.indices)
    if pa.types.is_integer(array.type):
        return array.cast(pa.string())
    if pa.types.is_decimal(array.type):
        text = array.cast(pa.string())
        return pc.replace_substring_regex(pc.replace_substring_regex(text, r"(\.\d*?)0+$", r"\1"), r"\.$", "")
    text = pc.utf8_trim_whitespace(as_text(array))
    text = pc.replace_substring_regex(text, r"^(0|-?[1-9]\d*)\.0+$", r"\1")
    if not pc.all(pc.string_is_ascii(text)).as_py():
        text = pc.utf8_normalize(text, "NFC")
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def bad_ids(ids: pa.Array) -> "np.typing.NDArray[np.bool_]":
    """Which ids hold control characters or marks that turn the direction of writing, and so cannot be told apart by eye."""
    found = pc.fill_null(pc.match_substring_regex(ids, _CONTROL), False)
    out: np.typing.NDArray[np.bool_] = found.to_numpy(zero_copy_only=False)
    return out


def one_id(value: object) -> str | None:
    """`id_text` of one value, for what a person types: `12346`, 12346 and 12346.0 are one id."""
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isalnum():
        return value
    text = unicodedata.normalize("NFC", str(value).strip())
    whole, point, rest = text.partition(".")
    digits = whole.removeprefix("-")
    if point and rest and not rest.strip("0") and digits.isascii() and digits.isdigit() and (whole == "0" or digits[0] != "0"):
        text = whole
    return text or None
