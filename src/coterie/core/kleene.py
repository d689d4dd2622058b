"""Three-valued logic of Kleene, which is SQL's own: true, false, and None for unknown."""

from collections.abc import Iterable

Truth = bool | None


def not_(a: Truth) -> Truth:
    return None if a is None else not a


def all_(values: Iterable[Truth]) -> Truth:
    """False if any is false, else unknown if any is unknown, else true (so true over nothing)."""
    unknown = False
    for value in values:
        if value is False:
            return False
        unknown = unknown or value is None
    return None if unknown else True


def any_(values: Iterable[Truth]) -> Truth:
    """True if any is true, else unknown if any is unknown, else false (so false over nothing)."""
    unknown = False
    for value in values:
        if value is True:
            return True
        unknown = unknown or value is None
    return None if unknown else False
