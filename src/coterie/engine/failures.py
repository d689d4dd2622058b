"""What is said of an engine that failed, whichever it is."""

ROOM = "free some disk space and run again; the last results are untouched"
UNEXPECTED = "this should not happen with a checked project: please report it with the SQL"
_FULL = ("no space left", "file too large", "quota exceeded", "disk full", "disk is full")


def is_full(words: str) -> bool:
    """Whether an engine speaks of a disk that has no room."""
    return any(said in words.lower() for said in _FULL)
