"""Definitions and what they rest on."""

from coterie.core.place import Origin
from coterie.language.catalog import Entry, resolve
from coterie.language.parse import parse
from tests.language.shop import SCOPE

DEFINITIONS = {
    "spent": ("trait", "sum(order.amount)"),
    "orders": ("trait", "count(order)"),
    "per_order": ("trait", "spent / orders"),
    "first": ("trait", "first(order.time)"),
    "begun": ("trait", "count(order within 30 days after first)"),
    "quick": ("segment", "begun > 2"),
    "big": ("segment", "per_order > 50 and not quick"),
    "aside": ("trait", "per_order * 2"),
}


def test_some_definitions_stand_with_all_that_they_use_and_nothing_else() -> None:
    catalog = resolve([Entry(n, noun, parse(text), Origin.of(text, n)) for n, (noun, text) in DEFINITIONS.items()], SCOPE)  # type: ignore[arg-type]

    def behind(name: str) -> set[str]:
        return set(catalog.behind(lambda d: d.name == name).definitions)

    assert behind("spent") == {"spent"}
    assert behind("quick") == {"first", "begun", "quick"}  # `first` is what a window stands around
    assert behind("big") == DEFINITIONS.keys() - {"aside"}
    assert list(catalog.behind(lambda d: d.noun == "trait").definitions) == [
        n for n in catalog.definitions if n not in ("quick", "big")
    ]
    assert catalog.behind(lambda d: d.name == "quick").scope is catalog.scope
