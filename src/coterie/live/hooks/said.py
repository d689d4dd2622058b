"""Reading a vendor's payload with care: what is not as the manual has it counts as not said."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from coterie.live.orders import amount
from coterie.live.strict import Json

Item = dict[str, Json]


def at(value: Json, *keys: str) -> Json:
    """The value under some keys, one inside the other; None where there is none."""
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def rows(value: Json, *keys: str) -> list[Json]:
    """The list under some keys; empty where there is none."""
    found = at(value, *keys)
    return found if isinstance(found, list) else []


def text(value: Json) -> str | None:
    """A text or a number as a text; None for anything else, and for an empty one."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value).strip() or None


def first(*values: Json) -> str | None:
    """The first text that is there."""
    return next((found for value in values if (found := text(value))), None)


def total(values: Iterable[Json]) -> Decimal:
    """The sum of those that are amounts."""
    return sum((found for value in values if (found := amount(value)) is not None), Decimal(0))


def number(value: Decimal | None) -> Json:
    """An amount as JSON has it."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def known(values: Mapping[str, Json]) -> Item:
    """Without what is not said."""
    return {key: value for key, value in values.items() if value is not None and value != {} and value != []}
