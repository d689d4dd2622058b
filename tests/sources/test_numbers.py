"""Numbers as people write them: every writing of a number is read as that number, and its evidence names the sign."""

from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.sources import numbers
from coterie.sources.numbers import NumberEvidence, canonical, floats_to_decimals, to_decimals, to_integers

AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, allow_nan=False, allow_infinity=False, places=2)


def grouped(number: Decimal, thousands: str, sign: str, places: int) -> str:
    whole, _, rest = f"{abs(number):,.{places}f}".partition(".")
    return whole.replace(",", thousands) + (sign + rest if places else "")


def read(texts: list[str], sign: str, places: int = 4, digits: int = 14) -> list[Decimal | None]:
    out: list[Decimal | None] = to_decimals(canonical(pa.array(texts, pa.string()), sign), places, digits)[0].to_pylist()  # type: ignore[arg-type]
    return out


@given(
    amounts=st.lists(AMOUNTS, min_size=1, max_size=20),
    thousands=st.sampled_from(["", ",", " ", "'", "\u00a0", "\u202f", "."]),
    sign=st.sampled_from([".", ","]),
    negative=st.sampled_from(["-{}", "({})", "{}-", "\u2212{}", "- {}"]),
    symbol=st.sampled_from(["{}", "€{}", "{} €", "$ {}", "USD {}", "{} kr", "{} zł"]),
)
def test_every_writing_of_an_amount_is_that_amount(
    amounts: list[Decimal], thousands: str, sign: str, negative: str, symbol: str
) -> None:
    if thousands == sign:
        thousands = ""
    texts = []
    for amount in amounts:
        text = symbol.format(grouped(amount, thousands, sign, 2))
        texts.append(negative.format(text) if amount < 0 else text)
    assert read(texts, sign) == amounts
    evidence = NumberEvidence()
    ones = np.ones(len(texts), np.int64)
    assert evidence.add_ornate(pa.array(texts), ones, ones).all()
    assert evidence.firm[sign] == len(texts)
    assert evidence.firm["," if sign == "." else "."] == 0


@given(st.lists(st.integers(-(10**18) + 1, 10**18 - 1), min_size=1))
def test_whole_numbers_are_exact(values: list[int]) -> None:
    array, reasons = to_integers(canonical(pa.array([str(v) for v in values]), "."))
    assert array.to_pylist() == values
    assert reasons.null_count == len(values)


@settings(max_examples=50)
@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**14), max_value=10**14), min_size=1, max_size=20))
def test_decimals_round_half_away_from_zero(values: list[Decimal]) -> None:
    texts = [str(value) for value in values]
    expected = [value.quantize(Decimal("1e-9"), ROUND_HALF_UP) for value in values]
    assert read(texts, ".", 9, 15) == expected


@given(
    st.lists(st.floats(-1e15, 1e15, exclude_min=True, exclude_max=True), min_size=1, max_size=50),
    st.sampled_from([(9, 15), (4, 15)]),
)
def test_floats_are_their_shortest_text_rounded(values: list[float], size: tuple[int, int]) -> None:
    places, digits = size
    found, reasons = floats_to_decimals(pa.array(values, pa.float64()), places, digits)
    quantum = Decimal(1).scaleb(-places)
    expected = [Decimal(repr(value)).quantize(quantum, ROUND_HALF_UP) for value in values]
    fits = [abs(Decimal(repr(value))) < Decimal(10) ** digits for value in values]
    for got, want, fine in zip(found.to_pylist(), expected, fits, strict=True):
        assert not fine or got == want
    assert reasons.null_count == sum(fits)


@given(st.lists(st.decimals(0, 10**10, places=2), min_size=1, max_size=30))
def test_prices_in_floats_are_the_prices(prices: list[Decimal]) -> None:
    found, _ = floats_to_decimals(pa.array([float(p) for p in prices]), 4, 14)
    assert found.to_pylist() == prices


def test_sizes_beyond_a_column_say_so() -> None:
    for text in ("1e999", "1" + "0" * 5000, "1e15"):
        values, reasons = to_decimals(canonical(pa.array([text]), "."), 9, 15)
        assert values.to_pylist() == [None]
        assert "more than 15 digits" in reasons[0].as_py()
    values, reasons = to_integers(pa.array(["9" * 19, "1.5", "2.0", "3e2", "-0"]))
    assert values.to_pylist() == [None, None, 2, 300, 0]
    assert reasons.to_pylist()[:2] == ["a whole number of more than 18 digits", "not a whole number"]
    assert read(["1e-999", "-1e-30"], ".", 9, 15) == [0, 0]


@given(st.text(max_size=12))
def test_no_text_is_read_as_another_number(text: str) -> None:
    """What is read at all is what Python reads once signs, blanks and marks are gone."""
    text = text.strip()
    for sign in (".", ","):
        got = read([text], sign)[0] if text else None
        digits = "".join(c for c in text if c in "0123456789")
        if got is not None and "e" not in text.lower() and got != 0:
            assert str(abs(got)).replace(".", "").strip("0") == digits.strip("0")[: 18 + 4] or len(digits) > 18


@pytest.mark.parametrize(
    "text",
    ["", "-", "+", ".", ",", "()", "(5", "5)", "--5", "5--", "-(5)", "1,2,3", "1.2.3", "12 34", "1e", "e5", "0x1F", "1_000",
     "½", "٣",
     "5 5", "€5€", "$5%", "% 5", "1,234,56", "01,234", "1 2345", "nan", "inf", "Infinity", "1e5 €", "5k", "#5"],
)  # fmt: skip
def test_what_is_no_number(text: str) -> None:
    assert read([text], ".") == [None]
    assert read([text], ",") == [None] or text == "01,234"


def test_open_marks_are_no_evidence() -> None:
    evidence = NumberEvidence()
    texts = pa.array(["1.234", "12.345"])
    evidence.add_decimals(texts, np.array([3, 4]), np.array([7, 8]))
    assert (evidence.open["."], evidence.firm["."]) == (7, 0)
    assert evidence.examples["open."] == [(7, "1.234"), (8, "12.345")]
    evidence.add_decimals(pa.array(["0.125", "1234.567", "1.2"]), np.ones(3, np.int64), np.ones(3, np.int64))
    assert evidence.firm["."] == 3


@pytest.mark.parametrize(
    ("texts", "yes"),
    [(["1", "-2.5", "+3", ".5", "4."], True), (["1", "2-"], False), (["1", "."], False), (["1e5"], False), ([], False)],
)
def test_plain_numbers_are_told_without_regular_expressions(texts: list[str], yes: bool) -> None:
    assert numbers.plain(pa.array(texts, pa.string())) == yes
    if texts:
        assert numbers.matches(pa.array(texts), numbers.DECIMAL_OR_INTEGER).all() == yes
