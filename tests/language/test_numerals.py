"""The kinds of number: their limits, and rounding as people who read the digits expect it."""

from decimal import ROUND_HALF_UP, Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coterie.language.numerals import alike, as_integer, as_money, nine_places, rounded_float, settled, whole, widest
from coterie.language.types import FLOAT, INTEGER, MONEY, TEXT

WIDE = Context(prec=60, rounding=ROUND_HALF_UP)


@given(digits=st.integers(-(10**15) + 1, 10**15 - 1), scale=st.integers(0, 12), places=st.integers(0, 9))
def test_a_float_rounds_by_the_digits_it_is_written_with(digits: int, scale: int, places: int):
    """Up to 15 digits a float is the decimal that it was read from, so 1.005 to two places is 1.01."""
    decimal = Decimal(digits).scaleb(-scale)
    nearest = WIDE.quantize(decimal, Decimal(1).scaleb(-places))
    assert rounded_float(float(decimal), places) == float(nearest)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 9))
def test_rounding_again_changes_nothing(number: float, places: int):
    once = rounded_float(number, places)
    assert rounded_float(once, places) == once


@pytest.mark.parametrize(
    ("number", "result"),
    [(0.5, 1), (-0.5, -1), (1.5, 2), (2.5, 3), (0.49999999999999994, 0), (-2.4, -2), (1e300, int(1e300)), (-0.0, 0)],
)
def test_a_whole_number_is_rounded_away_from_zero_at_half(number: float, result: int):
    assert whole(number) == result


def test_nine_places_of_very_large_numbers_are_themselves():
    assert nine_places(1.7e308) == 1.7e308
    assert nine_places(0.1 + 0.2) == 0.3


@pytest.mark.parametrize(
    ("value", "money"),
    [
        (Decimal("0.00005"), Decimal("0.0001")),
        (Decimal("-0.00005"), Decimal("-0.0001")),
        (Decimal("0.000049"), Decimal("0.0000")),
        (Decimal("-0.00001"), Decimal("0.0000")),
        (Decimal("99999999999999.9999"), Decimal("99999999999999.9999")),
        (Decimal("99999999999999.99995"), None),
        (10**14, None),
        (7, Decimal("7.0000")),
    ],
)
def test_money_has_fourteen_digits_and_four_places(value: Decimal | int, money: Decimal | None):
    assert str(as_money(value)) == str(money)


def test_an_integer_has_sixty_four_bits():
    assert as_integer(2**63 - 1) == 2**63 - 1
    assert as_integer(2**63) is None
    assert as_integer(-(2**63)) == -(2**63)
    assert as_integer(-(2**63) - 1) is None


def test_a_value_settles_in_its_type():
    assert (settled(1, MONEY), type(settled(1, MONEY))) == (Decimal(1), Decimal)
    assert (settled(Decimal("0.1"), FLOAT), type(settled(1, FLOAT))) == (0.1, float)
    assert settled(2**63 - 1, MONEY) is None
    assert settled(True, MONEY) is True
    assert settled("x", TEXT) == "x"
    assert settled(None, MONEY) is None


def test_numbers_meet_in_the_widest_kind():
    assert widest((INTEGER, MONEY)) == MONEY
    assert widest((INTEGER, MONEY, FLOAT)) == FLOAT
    assert widest((INTEGER, TEXT)) is None
    assert widest(()) is None
    assert alike((Decimal("0.1"), 0.1, None)) == (0.1, 0.1, None)
    assert alike(("a", "b")) == ("a", "b")
