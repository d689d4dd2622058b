"""Gzip opened with care: never more than a cap, never more than a ratio, one member, one layer."""

import zlib

from coterie.live.strict import Unreadable

MAGIC = b"\x1f\x8b"
RATIO = 100
"""How many times its size a body may unpack to: JSON of events packs to a tenth."""
_FREE = 65536
"""Up to here the ratio is not looked at: a few equal events pack very well."""


def inflated(body: bytes, most: int, encoding: str = "gzip") -> bytes:
    """A body without its packing.

    Args:
        body: as it came.
        most: bytes that it may have unpacked.
        encoding: what `Content-Encoding` says: gzip, deflate, identity or nothing. Browsers' scripts that pack themselves say
            nothing, so that gzip is also known by its first bytes.

    Raises:
        Unreadable: an encoding that is not known, more than is allowed, or no such packing.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        if not body.startswith(MAGIC):
            return body
        encoding = "gzip"
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise Unreadable("encoding", f"Content-Encoding is {encoding[:40]!r}: gzip, deflate or none is read", status=415)
    engine = zlib.decompressobj(15 if encoding == "deflate" else 31)
    allowed = min(most, max(_FREE, len(body) * RATIO))
    try:
        out = engine.decompress(body, allowed + 1)
    except zlib.error:
        raise Unreadable("not_gzip", f"the body is not what Content-Encoding says ({encoding})") from None
    if len(out) > allowed:
        if allowed == most:
            raise Unreadable("too_large", f"the body unpacks to more than {most:,} bytes", status=413)
        raise Unreadable("packed_too_well", f"the body unpacks to more than {RATIO} times its size", status=413)
    if not engine.eof:
        raise Unreadable("not_gzip", "the packed body ends before its end")
    if engine.unused_data:
        raise Unreadable("not_gzip", "bytes stand behind the end of the packed body: one member is read")
    if out.startswith(MAGIC):
        raise Unreadable("not_gzip", "the body is packed twice: one layer is read")
    return out
