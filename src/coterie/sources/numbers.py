"""Numbers as people write them: thousands marks, decimal commas, currency signs, `(12.00)`, percent; and what they show.

A decimal sign is never assumed: `NumberEvidence` gathers over a whole column which reading its values allow.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Mask = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]
DecimalSign = Literal[".", ","]

MONEY_PLACES, MONEY_DIGITS = 4, 14
FLOAT_PLACES, FLOAT_DIGITS = 9, 15
MONEY_TYPE, FLOAT_TYPE = pa.decimal128(18, 4), pa.decimal128(24, 9)

_SYMBOLS = (
    r"US\$|CA\$|AU\$|NZ\$|HK\$|R\$|C\$|A\$|S\$|\$|€|£|¥|₹|₽|₺|₩|₴|₪|฿|₫|₦|₱|₡|₸|₼|₾|zł|Kč|kr\.?|Fr\.?|Ft|lei|лв\.?|руб\.?|"  # noqa: RUF001
    r"USD|EUR|GBP|CHF|JPY|CNY|INR|AUD|CAD|NZD|SEK|NOK|DKK|ISK|PLN|CZK|HUF|RON|BGN|TRY|RUB|UAH|ILS|ZAR|BRL|MXN|ARS|CLP|COP|"
    r"KRW|SGD|HKD|THB|IDR|MYR|PHP|VND|AED|SAR|EGP|NGN|KES|PKR"
)
_ONE_CURRENCY = {
    "US$": "USD", "$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₽": "RUB", "руб": "RUB", "руб.": "RUB", "₺": "TRY",  # noqa: RUF001
    "₩": "KRW", "₴": "UAH", "₪": "ILS", "฿": "THB", "₫": "VND", "zł": "PLN", "Kč": "CZK", "kr.": "kr", "Fr": "CHF", "Fr.": "CHF",
    "Ft": "HUF", "lei": "RON", "лв": "BGN", "лв.": "BGN", "R$": "BRL", "C$": "CAD", "CA$": "CAD", "A$": "AUD", "AU$": "AUD",
    "NZ$": "NZD", "HK$": "HKD", "S$": "SGD", "₦": "NGN", "₱": "PHP",
}  # fmt: skip
_BLANKS = " \u00a0\u2009\u202f"
_BLANK = f"[{_BLANKS}]"
_MINUS = "[-\u2212]"
INTEGER = r"^[+-]?\d+$"
DECIMAL = r"^[+-]?(\d+\.\d*|\.\d+)$"
ORNATE = (
    rf"^(?P<open>\()?{_BLANK}?(?P<before>[+]|{_MINUS})?{_BLANK}?(?P<left>{_SYMBOLS})?{_BLANK}?(?P<inner>[+]|{_MINUS})?{_BLANK}?"
    rf"(?P<core>(?:\d[\d.,'’{_BLANKS}]*?|[.,]\d+))(?P<exponent>[eE][+-]?\d{{1,4}})?"
    rf"{_BLANK}?(?P<right>{_SYMBOLS}|%)?{_BLANK}?(?P<after>{_MINUS})?(?P<close>\))?$"
)
DECIMAL_OR_INTEGER = r"^[+-]?(\d+(\.\d*)?|\.\d+)$"
_ANY = re.sub(r"\(\?P<\w+>", "(?:", ORNATE)
"""`ORNATE` without its names: much quicker to say no by."""
_SPACED = rf"^[1-9]\d{{0,2}}(({_BLANK}\d{{3}})+|(['’]\d{{3}})+)([.,]\d*)?$"
_OPEN = {".": r"^[1-9]\d{0,2}\.\d{3}$", ",": r"^[1-9]\d{0,2},\d{3}$"}


def _firm(sign: str, other: str) -> str:
    s, o = ("\\." if sign == "." else ","), ("\\." if other == "." else ",")
    return (
        rf"^([1-9]\d{{0,2}}({o}\d{{2,3}})*{o}\d{{3}}{s}\d*"  # 1,234.50
        rf"|\d*{s}(\d{{0,2}}|\d{{4,}})"  # 1.5  .25  3.14159
        rf"|(0\d*|\d{{4,}}|){s}\d{{3}}"  # 0.125  12345.678
        rf"|[1-9]\d{{0,2}}({o}\d{{2,3}})+{o}\d{{3}})$"  # 1,234,567: the mark that repeats is no decimal sign
    )


_FIRM = {".": _firm(".", ","), ",": _firm(",", ".")}
_READ = {
    ".": r"^(\d+|[1-9]\d{0,2}(,\d{2,3})*,\d{3})?(\.\d*)?$",
    ",": r"^(\d+|[1-9]\d{0,2}(\.\d{2,3})*\.\d{3})?(,\d*)?$",
}
Example = tuple[int, str]


def to_numpy(mask: pa.Array) -> Mask:
    """A boolean Arrow array as numpy, missing as false."""
    out: Mask = pc.fill_null(mask, False).to_numpy(zero_copy_only=False)
    return out


def _numbers(values: pa.Array) -> Counts:
    """A column of whole numbers as numpy, missing as 0."""
    out: Counts = pc.fill_null(values, 0).to_numpy(zero_copy_only=False)
    return out


def only(values: pa.Array, letters: bytes) -> bool:
    """Whether the texts of a column are made of these bytes alone; far quicker than a regular expression."""
    data = values.buffers()[2]
    if data is None or not len(values):
        return True
    ends = np.frombuffer(values.buffers()[1], dtype=np.int32)
    start, stop = int(ends[values.offset]), int(ends[values.offset + len(values)])
    return not data.slice(start, stop - start).to_pybytes().translate(None, letters)


def plain(values: pa.Array) -> bool:
    """Whether every text is digits, perhaps with a sign in front and one point (`DECIMAL_OR_INTEGER`)."""
    if not len(values) or not only(values.slice(0, 100), b"0123456789.+-") or not only(values, b"0123456789.+-"):
        return False
    try:
        values.cast(pa.float64())
    except pa.ArrowInvalid:
        return False
    return True


def matches(values: pa.Array, pattern: str) -> Mask:
    return to_numpy(pc.match_substring_regex(values, pattern))


@dataclass(slots=True)
class NumberEvidence:
    """What the numbers of a column have shown so far; counts are of cells."""

    integers: int = 0
    padded: int = 0  # 0017850
    plus: int = 0  # +447900123456
    big: int = 0  # more than 18 digits
    below_1000: int = 0  # whole, no mark, fewer than four digits
    from_1000: int = 0  # whole, no mark, four digits or more
    firm: dict[str, int] = field(default_factory=lambda: {".": 0, ",": 0})
    open: dict[str, int] = field(default_factory=lambda: {".": 0, ",": 0})
    places: dict[str, int] = field(default_factory=lambda: {".": 0, ",": 0})  # most decimals under each reading
    zero_only: dict[str, bool] = field(default_factory=lambda: {".": True, ",": True})  # nothing but `.0` after the sign
    digits: int = 0  # most digits before the decimal sign
    exponents: int = 0
    bare_exponents: int = 0  # 12E5, which may be an id
    lengths: Counter[int] = field(default_factory=Counter)  # of whole numbers, in digits
    percents: int = 0
    accounting: int = 0
    grouped: int = 0
    currencies: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[Example]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return self.integers + sum(self.firm.values()) + sum(self.open.values()) + self.exponents

    def _example(self, name: str, values: pa.Array, mask: Mask, lines: Counts) -> None:
        kept = self.examples.setdefault(name, [])
        if len(kept) < 2:
            for index in np.flatnonzero(mask)[: 2 - len(kept)]:
                kept.append((int(lines[index]), values[int(index)].as_py()))

    def add_integers(self, values: pa.Array, counts: Counts, lines: Counts) -> None:
        """Cells that are digits alone, with or without a sign."""
        self.integers += int(counts.sum())
        bare = pc.utf8_ltrim(values, "+-")
        size = pc.binary_length(bare).to_numpy(zero_copy_only=False)
        padded = to_numpy(pc.starts_with(bare, "0")) & (size > 1)
        if padded.any():
            self.padded += int(counts[padded].sum())
            self._example("padded", values, padded, lines)
        plus = to_numpy(pc.starts_with(values, "+")) & (size >= 7)
        if plus.any():
            self.plus += int(counts[plus].sum())
            self._example("plus", values, plus, lines)
        if (size > 18).any():
            self.big += int(counts[size > 18].sum())
            self._example("big", values, size > 18, lines)
        self.below_1000 += int(counts[size < 4].sum())
        self.from_1000 += int(counts[size >= 4].sum())
        for length, count in enumerate(np.bincount(np.minimum(size, 40), weights=counts)):
            if count:
                self.lengths[length] += int(count)
        self.digits = max(self.digits, int(size.max(initial=0)))

    def add_decimals(self, values: pa.Array, counts: Counts, lines: Counts) -> None:
        """Cells of digits and one point, with or without a sign: the common case, done cheaply."""
        bare = pc.utf8_ltrim(values, "+-")
        self._marked(".", bare, values, counts, lines, matches(bare, _OPEN["."]))

    def _marked(self, sign: str, bare: pa.Array, values: pa.Array, counts: Counts, lines: Counts, opens: Mask) -> None:
        if opens.any():
            self.open[sign] += int(counts[opens].sum())
            self._example(f"open{sign}", values, opens, lines)
        if not opens.all():
            self.firm[sign] += int(counts[~opens].sum())
            self._example(f"firm{sign}", values, ~opens, lines)
        self._places(sign, bare)

    def _places(self, sign: str, bare: pa.Array) -> None:
        at = pc.find_substring(bare, sign).to_numpy(zero_copy_only=False)
        size = pc.binary_length(bare).to_numpy(zero_copy_only=False)
        signed = at >= 0
        if not signed.any():
            return
        trimmed = pc.binary_length(pc.utf8_rtrim(bare, "0")).to_numpy(zero_copy_only=False)
        self.places[sign] = max(self.places[sign], int((trimmed - at - 1)[signed].max()))
        if self.zero_only[sign]:
            zero = (size - at == 2) & (trimmed - at == 1)
            self.zero_only[sign] = bool(zero[signed].all())
        self.digits = max(self.digits, int(at.max(initial=0)))

    def add_ornate(self, values: pa.Array, counts: Counts, lines: Counts) -> Mask:
        """Cells with marks, signs and symbols; returns which of them are numbers at all under some reading."""
        shaped = matches(values, _ANY)
        if not shaped.any():
            return shaped
        if not shaped.all():
            some = np.flatnonzero(shaped)
            shaped[some] = self.add_ornate(values.take(some), counts[some], lines[some])
            return shaped
        parts = Ornate.of(values)
        known, core = parts.known, parts.core
        firm = {sign: matches(core, _FIRM[sign]) & known for sign in ".,"}
        opens = {sign: matches(core, _OPEN[sign]) & known for sign in ".,"}
        whole = matches(core, r"^\d+$") & known & ~parts.exponent
        both = firm["."] & firm[","]  # cannot be, by construction; kept out of doubt
        number = (firm["."] | firm[","] | opens["."] | opens[","] | whole | (parts.exponent & known)) & ~both
        for sign in ".,":
            chosen = (firm[sign] | opens[sign]) & number & ~parts.exponent
            if chosen.any():
                index = np.flatnonzero(chosen)
                self._marked(sign, core.take(index), values.take(index), counts[index], lines[index], opens[sign][index])
        if whole.any():
            index = np.flatnonzero(whole & number)
            grouped = parts.grouped[index]
            self.integers += int(counts[index].sum())
            bare = core.take(index)
            size = pc.binary_length(bare).to_numpy(zero_copy_only=False)
            self.grouped += int(counts[index][grouped].sum())
            self.below_1000 += int(counts[index][size < 4].sum())
            self.from_1000 += int(counts[index][(size >= 4) & ~grouped].sum())
            self.digits = max(self.digits, int(size.max(initial=0)))
            self.big += int(counts[index][size > 18].sum())
        self.exponents += int(counts[number & parts.exponent].sum())
        if parts.exponent.any():
            bare = matches(core, r"^\d+$") & matches(parts.exponents, r"^[eE]\d+$") & number
            self.bare_exponents += int(counts[bare].sum())
        self.percents += int(counts[number & parts.percent].sum())
        self.accounting += int(counts[number & parts.accounting].sum())
        if parts.has_currency.any():
            chosen = number & parts.has_currency
            for symbol, count in zip(parts.currency.filter(pa.array(chosen)).to_pylist(), counts[chosen], strict=True):
                currency = _ONE_CURRENCY.get(symbol, symbol)
                if currency not in self.currencies:
                    self._example(f"currency {currency}", values, to_numpy(pc.equal(parts.currency, symbol)) & chosen, lines)
                self.currencies[currency] += int(count)
        return number


@dataclass(frozen=True, slots=True)
class Ornate:
    """Cells taken apart: the digits with their marks, the sign and what stands around."""

    known: Mask
    core: pa.Array  # digits, points and commas; spaces and apostrophes that group are gone
    grouped: Mask
    exponent: Mask
    exponents: pa.Array
    negative: Mask
    percent: Mask
    accounting: Mask
    has_currency: Mask
    currency: pa.Array

    @classmethod
    def of(cls, values: pa.Array) -> "Ornate":
        parts = pc.extract_regex(values, ORNATE)
        known: Mask = parts.is_valid().to_numpy(zero_copy_only=False)

        def part(name: str) -> pa.Array:
            return pc.fill_null(parts.field(name), "")

        def given(name: str) -> Mask:
            return to_numpy(pc.not_equal(part(name), "")) & known

        core = part("core")
        spaced = matches(core, rf"{_BLANK}|['’]")
        if spaced.any():
            known = known & (~spaced | matches(core, _SPACED))
            core = pc.replace_substring_regex(core, rf"{_BLANK}|['’]", "")
        signs = [to_numpy(pc.match_substring_regex(part(name), _MINUS)) for name in ("before", "inner", "after")]
        plus = [to_numpy(pc.equal(part(name), "+")) for name in ("before", "inner")]
        brackets = given("open").astype(np.int8) + given("close")
        written = sum((s.astype(np.int8) for s in (*signs, *plus)), np.zeros(len(values), np.int8))
        known = known & (brackets != 1) & (written + (brackets == 2) <= 1)
        left, right = part("left"), part("right")
        percent = to_numpy(pc.equal(right, "%"))
        known = known & ~(given("left") & given("right"))
        currency = pc.if_else(pc.not_equal(left, ""), left, right)
        exponent = given("exponent")
        known = known & ~(exponent & (given("left") | given("right")))
        return cls(
            known=known,
            core=core,
            grouped=spaced,
            exponent=exponent,
            exponents=part("exponent"),
            negative=signs[0] | signs[1] | signs[2] | (brackets == 2),
            percent=percent & known,
            accounting=(brackets == 2) & known,
            has_currency=(given("left") | (given("right") & ~percent)) & known,
            currency=currency,
        )


def canonical(values: pa.Array, sign: DecimalSign) -> pa.Array:
    """Cells (trimmed text) as `-?digits[.digits][e±n]`, missing where a cell is no number under this decimal sign."""
    if sign == "." and plain(values):
        return values
    usual = matches(values, DECIMAL_OR_INTEGER if sign == "." else INTEGER)
    out = values
    if not usual.all():
        index = np.flatnonzero(~usual)
        parts = Ornate.of(values.take(index))
        good = parts.known & matches(parts.core, _READ[sign]) & matches(parts.core, r"\d")
        mark = "," if sign == "." else "."
        core = pc.replace_substring(parts.core, mark, "")
        if sign == ",":
            core = pc.replace_substring(core, ",", ".")
        minus = pc.if_else(pa.array(parts.negative), "-", "")
        text = pc.binary_join_element_wise(minus, core, parts.exponents, "")
        text = pc.if_else(pa.array(good), text, pa.scalar(None, pa.string()))
        out = pc.replace_with_mask(pc.if_else(pa.array(usual), values, pa.scalar(None, pa.string())), pa.array(~usual), text)
    return out


def to_integers(canon: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Canonical numbers as int64, and why not (text, missing where all is well)."""
    if not _numbers(pc.binary_length(canon)).max(initial=0) > 18 and only(canon, b"0123456789-"):
        return canon.cast(pa.int64()), pa.nulls(len(canon), pa.string())
    canon = _expand(canon)
    whole = pc.replace_substring_regex(pc.replace_substring_regex(canon, r"\.0*$", ""), r"^\+", "")
    is_whole = matches(whole, r"^-?\d+$")
    fits = is_whole & (_numbers(pc.binary_length(pc.utf8_ltrim(whole, "-0"))) <= 18)
    reasons = pc.if_else(
        pa.array(fits),
        pa.scalar(None, pa.string()),
        pc.if_else(pa.array(is_whole), "a whole number of more than 18 digits", "not a whole number"),
    )
    good = pc.if_else(pa.array(fits), whole, pa.scalar(None, pa.string()))
    return good.cast(pa.int64()), reasons


def _expand(canon: pa.Array) -> pa.Array:
    """Exponents written out; what lies beyond any column's range becomes `1` and forty zeros."""
    if only(canon, b"0123456789.+-"):
        return canon
    mask = matches(canon, "[eE]")
    if not mask.any():
        return canon
    written = [_written_out(text) for text in canon.filter(pa.array(mask)).to_pylist()]
    return pc.replace_with_mask(canon, pa.array(mask), pa.array(written, pa.string()))


def _written_out(text: str) -> str:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return "1" + "0" * 40
    if not number or number.adjusted() < -15:
        return "0"
    if number.adjusted() > 30:
        return f"{'-' if number < 0 else ''}1{'0' * 40}"
    # Twenty places are more than are ever kept, and the last one cannot change how the kept ones are rounded.
    short = abs(number.adjusted()) < 20 and len(text) < 30
    return f"{number if short else number.quantize(Decimal(1).scaleb(-20), ROUND_HALF_UP):f}"


def to_decimals(canon: pa.Array, places: int, digits: int) -> tuple[pa.Array, pa.Array]:
    """Canonical numbers as decimals of `places`, rounded half away from zero, and why not.

    Args:
        canon: text as `canonical` gives it.
        places: digits after the point that are kept.
        digits: digits before the point that fit.
    """
    canon = _expand(canon)
    reasons = pa.nulls(len(canon), pa.string())
    length = _numbers(pc.binary_length(canon))
    at = _numbers(pc.find_substring(canon, "."))
    if np.where(at < 0, length, at).max(initial=0) > digits:
        size = pc.binary_length(pc.utf8_ltrim(pc.replace_substring_regex(canon, r"\.\d*$", ""), "+-0"))
        too_large = to_numpy(pc.greater(size, digits))
        nothing = pa.scalar(None, pa.string())
        reasons = pc.if_else(pa.array(too_large), f"a number of more than {digits} digits before the point", nothing)
        canon = pc.if_else(pa.array(too_large), nothing, canon)
    # One digit more than is kept decides how to round; the rest cannot change it.
    most = int(np.where(at < 0, 0, length - at - 1).max(initial=0))
    if most > places + 1:
        canon = pc.replace_substring_regex(canon, rf"(\.\d{{{places + 1}}})\d+$", r"\1")
    if most <= places:
        return canon.cast(pa.decimal128(digits + places, places)), reasons
    wide = canon.cast(pa.decimal128(38, places + 1))
    rounded = pc.round(wide, places, "half_towards_infinity")
    return rounded.cast(pa.decimal128(digits + places, places)), reasons


def floats_to_decimals(values: pa.Array, places: int, digits: int) -> tuple[pa.Array, pa.Array]:
    """Binary floats (no NaN, no infinity) as decimals: the shortest text of each, rounded half away from zero.

    A float that is the nearest to some decimal of at most 15 digits has that decimal as its shortest text, so most are
    read by arithmetic; the others go through their text.
    """
    raw = np.nan_to_num(values.fill_null(0.0).to_numpy(zero_copy_only=False).astype(np.float64))
    scaled = np.rint(raw * 10.0**places)
    exact = (np.abs(scaled) < 1e15) & (scaled / 10.0**places == raw)
    # Elsewhere rounding decides alike for the float and for its text, unless the float is next to a tie.
    away = np.abs(np.abs(raw * 10.0**places - np.floor(raw * 10.0**places)) - 0.5)
    exact |= (np.abs(scaled) < 1e15) & (away > 8 * np.spacing(np.abs(scaled)))
    units = np.where(exact, scaled, 0).astype(np.int64)
    valid = values.is_valid()
    out = _decimal_array(units, valid, digits + places, places)
    reasons = pa.nulls(len(values), pa.string())
    rest = ~exact & valid.to_numpy(zero_copy_only=False)
    if rest.any():
        mask = pa.array(rest)
        some = values.filter(mask).cast(pa.float64())
        tiny = pc.less(pc.abs(some), 10.0 ** -(places + 2))
        read, why = to_decimals(pc.if_else(tiny, 0.0, some).cast(pa.string()), places, digits)
        out, reasons = pc.replace_with_mask(out, mask, read), pc.replace_with_mask(reasons, mask, why)
    return out, reasons


def _decimal_array(units: npt.NDArray[np.int64], valid: pa.Array, precision: int, scale: int) -> pa.Array:
    words = np.empty((len(units), 2), dtype=np.int64)
    words[:, 0], words[:, 1] = units, units >> 63
    array = pa.Array.from_buffers(pa.decimal128(precision, scale), len(units), [None, pa.py_buffer(words)])
    return array if bool(pc.all(valid).as_py() in (True, None)) else pc.if_else(valid, array, pa.scalar(None, array.type))
