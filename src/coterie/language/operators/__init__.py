"""The operators of the language, each one row with all of its faces."""

from coterie.language.operators.arithmetic import ARITHMETIC
from coterie.language.operators.comparisons import COMPARISONS
from coterie.language.operators.texts import TEXTS

OPERATORS = COMPARISONS | TEXTS | ARITHMETIC

__all__ = ["OPERATORS"]
