"""The functions of the language, each one row with all of its faces, and `LEAVES`: all rows by name."""

from coterie.language.functions.customers import CUSTOMERS
from coterie.language.functions.dates import DATES
from coterie.language.functions.geography import GEOGRAPHY
from coterie.language.functions.numbers import NUMBERS
from coterie.language.functions.texts import TEXTS
from coterie.language.operators import OPERATORS

FUNCTIONS = TEXTS | NUMBERS | DATES | GEOGRAPHY | CUSTOMERS
LEAVES = OPERATORS | FUNCTIONS

__all__ = ["FUNCTIONS", "LEAVES"]
