"""From cells of text to typed columns: what a whole column shows, and the conversion itself.

Everything runs on whole arrays, and on distinct values where a column repeats itself.
"""

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from coterie.language.types import BOOLEAN, DATE, FLOAT, INTEGER, MONEY, TEXT, TIMESTAMP, Kind, Type, list_of
from coterie.sources import dates, numbers
from coterie.sources.dates import DateEvidence, Form, Order
from coterie.sources.numbers import Counts, DecimalSign, Example, Mask, NumberEvidence, matches, to_numpy
from coterie.sources.options import ReadOptions
from coterie.sources.raw import Cell, Kinds, Lines, TextRule
from coterie.sources.zones import to_utc

TEXTS = list_of(Kind.TEXT)
ARROW: dict[Type, pa.DataType] = {
    INTEGER: pa.int64(),
    MONEY: numbers.MONEY_TYPE,
    FLOAT: numbers.FLOAT_TYPE,
    TEXT: pa.string(),
    BOOLEAN: pa.bool_(),
    DATE: pa.date32(),
    TIMESTAMP: pa.timestamp("us"),
    TEXTS: pa.list_(pa.string()),
}
"""How a typed column is stored between reading and the engine."""

BOOLEANS = {"true": True, "yes": True, "false": False, "no": False}
DECLARED_BOOLEANS = {**BOOLEANS, "t": True, "y": True, "on": True, "1": True, "f": False, "n": False, "off": False, "0": False}
"""What else is true or false in a column that is said to be so, as every column of messages is."""
Index = npt.NDArray[np.int64]
DATE_FORMS: tuple[Form, ...] = ("iso", "numeric", "ymd", "words", "short")
_YEAR_2200 = 7_258_118_400  # seconds since 1970
_EPOCHS = {"seconds": 1_000_000, "milliseconds": 1_000, "microseconds": 1}


@dataclass(frozen=True, slots=True)
class Coded:
    """A column as its values and, for each row, which of them (-1 where missing).

    The values are the distinct ones where a column repeats itself, else those of all rows.
    """

    values: pa.Array
    codes: npt.NDArray[np.int64]

    @classmethod
    def of(cls, array: pa.Array) -> "Coded":
        if not pa.types.is_dictionary(array.type):
            if not repeats(array):
                codes = np.arange(len(array))
                return cls(array, np.where(array.is_valid(), codes, -1) if array.null_count else codes)
            array = array.dictionary_encode()
        codes = pc.fill_null(array.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        values = array.dictionary
        return cls(values if values.type == pa.string() else values.cast(pa.string()), codes)

    @property
    def counts(self) -> Counts:
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.values)).astype(np.int64)

    @property
    def first(self) -> Counts:
        """The row where each value stands first."""
        out = np.zeros(len(self.values), np.int64)
        rows = np.flatnonzero(self.codes >= 0)[::-1]
        out[self.codes[rows]] = rows
        return out


def repeats(array: pa.Array) -> bool:
    """Whether a look at the first rows says that values repeat."""
    head = array.slice(0, 2000)
    return len(head) > 0 and len(pc.unique(head)) <= 0.5 * len(head)


def trimmed(values: pa.Array) -> pa.Array:
    return pc.utf8_trim_whitespace(values)


def missing_mask(trimmed_values: pa.Array, extra: tuple[str, ...], blank: bool) -> Mask:
    """Which distinct values stand for a missing one."""
    if not extra:
        return to_numpy(pc.equal(pc.binary_length(trimmed_values), 0)) if blank else np.zeros(len(trimmed_values), np.bool_)
    texts = ([""] if blank else []) + [text.strip() for text in extra]
    return to_numpy(pc.is_in(trimmed_values, value_set=pa.array(texts)))


@dataclass(slots=True)
class Evidence:
    """What the cells of one column have shown so far; counts are of cells."""

    name: str
    rule: TextRule = "full"
    blank_is_missing: bool = True
    rows: int = 0
    known: int = 0
    numbers: NumberEvidence = field(default_factory=NumberEvidence)
    dates: DateEvidence = field(default_factory=DateEvidence)
    booleans: int = 0
    texts: int = 0
    lists: int = 0
    number_texts: int = 0  # texts of a typed file that read like numbers
    said: Counter[str] = field(default_factory=Counter)  # what a typed file said its cells are
    frequent: Counter[str] = field(default_factory=Counter)  # some of the texts
    example: Example | None = None
    settled: bool = False  # is text, whatever follows

    def observe(self, array: pa.Array, kinds: Kinds | None, lines: Lines, options: ReadOptions) -> None:
        """Add a chunk of the column."""
        self.rows += len(array)
        if self.settled:
            return
        coded = Coded.of(array)
        if not len(coded.values):
            return
        if kinds is None:
            self._cells(coded, lines, options, self.rule)
            # A typed file's text becomes a date only when all of it is one.
            self.settled = self.rule == "iso" and self.name not in options.columns and self.texts > self.number_texts
            return
        for cell in np.unique(kinds):
            if cell == Cell.MISSING:
                continue
            mask = kinds == cell
            self.said[Cell(int(cell)).name.lower()] += int(mask.sum())
            part = Coded(coded.values, np.where(mask, coded.codes, -1))
            if cell == Cell.BOOLEAN:
                self.known += int(mask.sum())
                self.booleans += int(mask.sum())
            elif cell == Cell.LIST:
                self.known += int(mask.sum())
                self.lists += int(mask.sum())
            elif cell in (Cell.INTEGER, Cell.NUMBER):
                self._cells(part, lines, options, "numbers")
            elif cell == Cell.TIME:
                self._cells(part, lines, options, "iso")
            else:
                self._cells(part, lines, options, self.rule)

    def _cells(self, coded: Coded, lines: Lines, options: ReadOptions, rule: TextRule | Literal["numbers"]) -> None:
        counts, first = coded.counts, coded.first
        raw = coded.values
        values = trimmed(raw)
        left = np.flatnonzero((counts > 0) & ~missing_mask(values, options.missing, self.blank_is_missing))
        if not len(left):
            return
        self.known += int(counts[left].sum())

        def some(index: Index) -> tuple[pa.Array, Counts, Counts]:
            return values.take(index) if len(index) != len(values) else values, counts[index], lines[first[index]]

        if rule in ("full", "numbers"):
            cells = some(left)[0]
            usual = np.ones(len(left), np.bool_) if numbers.plain(cells) else matches(cells, numbers.DECIMAL_OR_INTEGER)
            if usual.any():
                pointed = usual & to_numpy(pc.match_substring(cells, "."))
                if pointed.any():
                    self.numbers.add_decimals(*some(left[pointed]))
                if (usual & ~pointed).any():
                    self.numbers.add_integers(*some(left[usual & ~pointed]))
                left = left[~usual]
                if not len(left):
                    return
        if rule != "numbers":
            left = left[~self._dated(("iso",), *some(left))]
        if rule == "full":
            digits = matches(some(left)[0], r"\d")
            words, left = left[~digits], left[digits]
            if len(words):
                truth = to_numpy(pc.is_in(pc.ascii_lower(values.take(words)), value_set=pa.array(list(BOOLEANS))))
                self.booleans += int(counts[words[truth]].sum())
                self._text(raw, words[~truth], counts, first, lines)
        if len(left) and rule in ("full", "numbers"):
            left = left[~self.numbers.add_ornate(*some(left))]
        if len(left) and rule in ("full", "dates"):
            shaped = matches(some(left)[0], dates.ANY)
            index = np.flatnonzero(shaped)
            shaped[index] = self._dated(DATE_FORMS[1:], *some(left[index])) if len(index) else False
            left = left[~shaped]
        if len(left) and rule in ("iso", "dates"):
            plain = matches(some(left)[0], numbers.DECIMAL_OR_INTEGER)
            self.number_texts += int(counts[left[plain]].sum())
        self._text(raw, left, counts, first, lines)

    def _dated(self, forms: tuple[Form, ...], values: pa.Array, counts: Counts, lines: Counts) -> Mask:
        """Which cells are dates in one of the forms; each is counted under the first that fits."""
        found = np.zeros(len(values), np.bool_)
        if forms == ("iso",) and dates.all_plain_iso(values):
            return self.dates.add("iso", values, counts, lines)
        for form in forms:
            left = np.flatnonzero(~found)
            shaped = left[dates.looks(values.take(left) if len(left) != len(values) else values, form)]
            if len(shaped):
                whole = len(shaped) == len(values)
                part = values if whole else values.take(shaped)
                found[shaped] = self.dates.add(form, part, counts[shaped], lines[shaped])
            if found.all():
                break
        return found

    def _text(self, raw: pa.Array, index: npt.NDArray[np.int64], counts: Counts, first: Counts, lines: Lines) -> None:
        if not len(index):
            return
        self.texts += int(counts[index].sum())
        if self.example is None:
            at = int(index[np.argmin(first[index])])
            self.example = int(lines[first[at]]), raw[at].as_py()
        if len(index) <= 200:
            for text, count in zip(raw.take(index).to_pylist(), counts[index], strict=True):
                if text in self.frequent or len(self.frequent) < 1000:
                    self.frequent[text] += int(count)

    @property
    def others(self) -> str:
        """The most frequent texts, for a note."""
        return ", ".join(
            f"{shown(text)} {count:,} times" if count > 1 else shown(text) for text, count in self.frequent.most_common(3)
        )


def shown(text: str | None, width: int = 40) -> str:
    """A value in a message: quoted, cut, no control characters."""
    if text is None:
        return "nothing"
    clean = "".join(c if c.isprintable() else "�" for c in text)
    return repr(clean if len(clean) <= width else clean[: width - 1] + "…")


@dataclass(frozen=True, slots=True)
class Plan:
    """How a column is converted."""

    name: str
    type: Type
    how: Literal["text", "number", "boolean", "date", "list", "epoch"] = "text"
    decimal: DecimalSign = "."
    forms: tuple[Form, ...] = ("iso",)
    order: Order = "dmy"
    timezone: str = "UTC"
    unit: str = "seconds"
    declared: bool = False
    strip: bool = False
    missing: tuple[str, ...] = ()
    blank_is_missing: bool = True
    separator: str = ","
    padded: bool = False
    currency: str | None = None
    evidence: str = ""

    def convert(self, array: pa.Array) -> "Typed":
        """A chunk of cells as a typed array, and for each cell that cannot be one the reason."""
        if self.how == "list":
            return self._lists(array)
        if self.how == "text" and not self.missing and not self.blank_is_missing:
            return Typed(array if pa.types.is_string(array.type) else array.cast(pa.string()), None)
        if pa.types.is_dictionary(array.type) or repeats(array):
            coded = Coded.of(array)
            typed = self._values(coded.values)
            if not len(coded.values):
                return Typed(pa.nulls(len(array), ARROW[self.type]), None)
            index = pa.array(coded.codes, mask=coded.codes < 0)
            out = Typed(typed.array.take(index), typed.reasons.take(index) if typed.reasons is not None else None)
            if typed.repeated is not None and typed.skipped is not None:
                seen = coded.counts
                return replace(out, repeats=int(seen[typed.repeated].sum()), skips=int(seen[typed.skipped].sum()))
            return out
        typed = self._values(array)
        if typed.repeated is not None and typed.skipped is not None:
            return replace(typed, repeats=int(typed.repeated.sum()), skips=int(typed.skipped.sum()))
        return typed

    def _values(self, raw: pa.Array) -> "Typed":
        values = trimmed(raw)
        blank = self.blank_is_missing or self.how != "text"
        absent = missing_mask(values, self.missing, blank)
        nothing = pa.scalar(None, pa.string())
        if self.how == "text":
            return Typed(pc.if_else(pa.array(absent), nothing, raw) if absent.any() else raw, None)
        if absent.any():
            values = pc.if_else(pa.array(absent), nothing, values)
        given: Mask = values.is_valid().to_numpy(zero_copy_only=False)
        match self.how:
            case "number":
                return self._numbers(values, given)
            case "boolean":
                lower = pc.ascii_lower(values)
                table = DECLARED_BOOLEANS if self.declared else BOOLEANS
                yes = pc.is_in(lower, value_set=pa.array([w for w, truth in table.items() if truth]))
                no = pc.is_in(lower, value_set=pa.array([w for w, truth in table.items() if not truth]))
                read = pc.if_else(yes, True, pc.if_else(no, False, pa.scalar(None, pa.bool_())))
                return Typed(read, _reasons(given & ~to_numpy(pc.or_(yes, no)), "not true, false, yes or no"))
            case "epoch":
                return self._epochs(values, given)
            case _:
                return self._dates(values, given)

    def _numbers(self, values: pa.Array, given: Mask) -> "Typed":
        canon = numbers.canonical(values, self.decimal)
        unread = given & ~canon.is_valid().to_numpy(zero_copy_only=False)
        if self.type == INTEGER:
            array, reasons = numbers.to_integers(canon)
        elif self.type == MONEY:
            array, reasons = numbers.to_decimals(canon, numbers.MONEY_PLACES, numbers.MONEY_DIGITS)
        else:
            array, reasons = numbers.to_decimals(canon, numbers.FLOAT_PLACES, numbers.FLOAT_DIGITS)
        if unread.any():
            reasons = pc.if_else(pa.array(unread), "not a number", reasons)
        if (~given).any():
            reasons = pc.if_else(pa.array(given), reasons, pa.scalar(None, pa.string()))
        return Typed(array, reasons if reasons.null_count < len(reasons) else None)

    def _epochs(self, values: pa.Array, given: Mask) -> "Typed":
        whole = matches(values, r"^-?\d{1,18}(\.\d+)?$")
        text = pc.if_else(pa.array(whole), values, pa.scalar(None, pa.string()))
        scale = _EPOCHS[self.unit]
        kept = pc.replace_substring_regex(text, r"\.(\d{1,6}).*$", r".\1")
        exact = pc.fill_null(pc.multiply(kept.cast(pa.decimal128(26, 6)), pa.scalar(scale, pa.decimal128(10, 0))), 0)
        good = whole & to_numpy(pc.less(pc.abs(exact), pa.scalar(_YEAR_2200 * 1_000_000, pa.decimal128(38, 6))))
        micros = (
            pc.floor(pc.if_else(pa.array(good), exact, pa.scalar(0, exact.type)))
            .cast(pa.decimal128(38, 0), safe=False)
            .cast(pa.int64())
        )
        array = pc.if_else(pa.array(good), micros, pa.scalar(None, pa.int64())).cast(pa.timestamp("us"))
        reasons = _reasons(given & ~good, f"not a time in {self.unit} since 1970, or after the year 2200")
        dated = given & ~whole
        if dated.any():  # a column of epochs may hold ISO times too
            iso = self._dates(values, dated)
            array = pc.if_else(pa.array(dated), iso.array, array)
            reasons = pc.if_else(pa.array(dated), iso.reasons, reasons) if reasons is not None else reasons
            if iso.reasons is None and reasons is not None:
                reasons = pc.if_else(pa.array(dated), pa.scalar(None, pa.string()), reasons)
        return Typed(array, reasons)

    def _dates(self, values: pa.Array, given: Mask) -> "Typed":
        n = len(values)
        times = dates.Times.none(n)
        left = np.flatnonzero(given)
        for form in self.forms:
            if not len(left):
                break
            some = dates.parse(values.take(left) if len(left) != n else values, form, self.order)
            if some.good.all():
                times.put(left, some)
                left = left[:0]
                break
            index = np.flatnonzero(some.good)
            times.put(left[index], dates.Times(*(getattr(some, f)[index] for f in ("wall", "good", "timed", "zoned", "offset"))))
            left = left[~some.good]
        bad = np.zeros(n, np.bool_)
        bad[left] = True
        written = {"numeric": "dd/mm/yyyy" if self.order == "dmy" else "mm/dd/yyyy", "iso": "yyyy-mm-dd", "ymd": "yyyy/mm/dd"}
        expected = " or ".join(written.get(form, "a month's name") for form in self.forms)
        reasons = _reasons(bad, f"not a {self.type} in this column's form ({expected})")
        nothing = pa.array(~times.good)
        if self.type == DATE:
            days = np.floor_divide(times.wall, dates.DAY).astype(np.int32)
            late = times.good & (times.wall % dates.DAY != 0)
            if late.any() and not self.declared:
                more = _reasons(late, "a time of day in a column of dates")
                reasons = more if reasons is None else pc.coalesce(reasons, more)
            return Typed(pc.if_else(nothing, pa.scalar(None, pa.date32()), pa.array(days).cast(pa.date32())), reasons)
        local = times.good & ~times.zoned
        if not local.any():
            return Typed(
                pc.if_else(nothing, pa.scalar(None, pa.timestamp("us")), pa.array(times.wall).cast(pa.timestamp("us"))), reasons
            )
        moved = to_utc(times.wall, self.timezone)
        utc = np.where(local, moved.utc, times.wall)
        array = pc.if_else(nothing, pa.scalar(None, pa.timestamp("us")), pa.array(utc).cast(pa.timestamp("us")))
        return Typed(array, reasons, repeated=moved.repeated & local, skipped=moved.skipped & local)

    def _lists(self, array: pa.Array) -> "Typed":
        texts = array.cast(pa.string()) if pa.types.is_dictionary(array.type) else array
        lists = [_list_of(text, self.separator, self.missing) for text in texts.to_pylist()]
        return Typed(pa.array(lists, ARROW[TEXTS]), None)


def _list_of(text: str | None, separator: str, missing: tuple[str, ...]) -> list[str] | None:
    if text is None or not text.strip() or text.strip() in missing:
        return None
    items: list[Any]
    if text.startswith("["):
        try:
            items = json.loads(text)
        except ValueError:
            items = text.strip("[]").split(separator)
    else:
        items = [item.strip() for item in text.split(separator)]
    kept = [item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in items if item not in (None, "")]
    return list(dict.fromkeys(kept))


@dataclass(frozen=True, slots=True)
class Typed:
    """A converted chunk: the array, the reason for each cell that could not be converted (None: all could)."""

    array: pa.Array
    reasons: pa.Array | None
    repeated: Mask | None = None  # of local times: happened twice
    skipped: Mask | None = None  # of local times: never happened
    repeats: int = 0
    skips: int = 0
    not_numbers: int = 0  # NaN of a typed file, read as missing


def _reasons(bad: Mask, text: str) -> pa.Array | None:
    if not bad.any():
        return None
    return pc.if_else(pa.array(bad), text, pa.scalar(None, pa.string()))
