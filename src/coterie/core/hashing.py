"""Stable hashes: the same bits in every process, on every machine and engine."""

import hashlib


def fingerprint(*parts: str) -> str:
    """The first 16 hex digits of SHA-256 over the parts, which are kept apart (their lengths count)."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()[:16]
