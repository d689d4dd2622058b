"""From cells of text to typed columns: what a whole column shows, what that makes it, and the conversion itself.

Everything runs on whole arrays, and on distinct values where a column repeats itself.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from coterie.core.errors import DataError, MissingColumn, did_you_mean
from coterie.core.place import Place
from coterie.language.types import BOOLEAN, DATE, FLOAT, INTEGER, MONEY, TEXT, TIMESTAMP, Kind, Type, list_of
from coterie.sources import dates, numbers
from coterie.sources.dates import DateEvidence, Form, Order
from coterie.sources.numbers import Counts, DecimalSign, Example, Mask, NumberEvidence, matches, to_numpy
from coterie.sources.options import ReadOptions
from coterie.sources.raw import Cell, Kinds, Lines, Note, TextRule
from coterie.sources.zones import to_utc

ENOUGH = 0.99  # of a column's values, for the rest to be bad cells rather than the column text
TEXTS = TEXT_LIST = list_of(Kind.TEXT)
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

_BOOLEANS = {"true": True, "yes": True, "false": False, "no": False}
_MORE_BOOLEANS = {**_BOOLEANS, "t": True, "y": True, "on": True, "1": True, "f": False, "n": False, "off": False, "0": False}
Index = npt.NDArray[np.int64]
_DATE_FORMS: tuple[Form, ...] = ("iso", "numeric", "ymd", "words", "short")
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
                truth = to_numpy(pc.is_in(pc.ascii_lower(values.take(words)), value_set=pa.array(list(_BOOLEANS))))
                self.booleans += int(counts[words[truth]].sum())
                self._text(raw, words[~truth], counts, first, lines)
        if len(left) and rule in ("full", "numbers"):
            left = left[~self.numbers.add_ornate(*some(left))]
        if len(left) and rule in ("full", "dates"):
            shaped = matches(some(left)[0], dates.ANY)
            index = np.flatnonzero(shaped)
            shaped[index] = self._dated(_DATE_FORMS[1:], *some(left[index])) if len(index) else False
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
                table = _MORE_BOOLEANS if self.declared else _BOOLEANS
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
        out: list[list[str] | None] = []
        for text in texts.to_pylist():
            out.append(_list_of(text, self.separator, self.missing))
        return Typed(pa.array(out, ARROW[TEXTS]), None)


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


_TYPES: Mapping[str, Type] = {
    "text": TEXT, "integer": INTEGER, "money": MONEY, "float": FLOAT, "number": FLOAT, "boolean": BOOLEAN, "date": DATE,
    "timestamp": TIMESTAMP, "list": TEXTS, "list of text": TEXTS,
}  # fmt: skip


def declared_types(options: ReadOptions, columns: tuple[str, ...], location: str) -> dict[str, Type]:
    """The types that the options name, checked against the columns there are."""
    out = {}
    for name, written in options.columns.items():
        if name not in columns:
            raise MissingColumn(f"{location} has no column {name!r}", hint=did_you_mean(name, columns, "Its columns"))
        if written not in _TYPES:
            raise DataError(f"{written!r} is not a type for column {name!r}", hint=did_you_mean(written, _TYPES, "Types"))
        out[name] = _TYPES[written]
    return out


def decide(
    evidence: Mapping[str, Evidence], options: ReadOptions, location: str, likely_decimal: str | None
) -> tuple[dict[str, Plan], list[Note]]:
    """One plan per column, from what all columns of a file have shown; ambiguity that nothing settles is an error."""
    declared = declared_types(options, tuple(evidence), location)
    notes: list[Note] = []
    file = _File(options, location, likely_decimal, evidence, declared)
    plans = {}
    for name, seen in evidence.items():
        plan, said = _plan(seen, declared.get(name), file)
        plans[name] = replace(
            plan, missing=options.missing, timezone=options.timezone, blank_is_missing=seen.blank_is_missing, declared=name in declared,
        )  # fmt: skip
        notes += [Note(text, name) for text in said]
    return plans, notes


@dataclass(frozen=True, slots=True)
class _File:
    """What decides for one column from the others of its file."""

    options: ReadOptions
    location: str
    likely_decimal: str | None
    evidence: Mapping[str, Evidence]
    declared: Mapping[str, Type]

    def numeric(self) -> list[Evidence]:
        return [e for e in self.evidence.values() if e.known and e.numbers.count / e.known >= ENOUGH]

    def signs(self) -> dict[str, str]:
        """Decimal signs that other columns settle, with the column that does."""
        out: dict[str, str] = {}
        for seen in self.numeric():
            firm = [sign for sign in ".," if seen.numbers.firm[sign]]
            if len(firm) == 1:
                out.setdefault(firm[0], seen.name)
        return out

    def orders(self) -> dict[Order, str]:
        out: dict[Order, str] = {}
        for seen in self.evidence.values():
            d = seen.dates
            if seen.known and d.count / seen.known >= ENOUGH:
                if d.dmy_only and not d.mdy_only:
                    out.setdefault("dmy", seen.name)
                elif d.mdy_only and not d.dmy_only:
                    out.setdefault("mdy", seen.name)
        return out

    def error(self, message: str, example: Example | None, hint: str, code: str) -> DataError:
        place = Place(self.location, example[0], 1) if example else None
        return DataError(message, code=code, hint=hint, place=place)


def _plan(seen: Evidence, declared: Type | None, file: _File) -> tuple[Plan, list[str]]:
    plan = Plan(seen.name, TEXT)
    if declared is not None:
        return _declared(seen, declared, file)
    if seen.settled:
        return plan, []
    if not seen.known:
        return plan, ["no values at all: read as text"] if seen.rows else []
    counted, dated = seen.numbers.count, seen.dates.count
    if seen.booleans == seen.known:
        return replace(plan, type=BOOLEAN, how="boolean"), []
    if seen.lists == seen.known:
        return replace(plan, type=TEXTS, how="list"), []
    if counted and counted >= ENOUGH * seen.known:
        return _number_plan(seen, file)
    if dated and dated >= ENOUGH * seen.known:
        return _date_plan(seen, file)
    notes = []
    for count, what in ((counted, "numbers"), (dated, "dates")):
        if count >= 0.5 * seen.known:
            notes.append(
                f"kept as text: {count:,} of {seen.known:,} values are {what}, {seen.known - count:,} are not ({seen.others}); if these"
                " stand for a missing value, list them under missing:"
            )
    if len(seen.said) > 1 and not notes and set(seen.said) - {"integer", "number"}:
        mix = ", ".join(f"{count:,} {what}" for what, count in seen.said.most_common())
        notes.append(f"kept as text: cells of several kinds ({mix})")
    if seen.number_texts and seen.number_texts == seen.known:
        notes.append("texts that read like numbers, kept as text; declare the column's type where they are meant as numbers")
    return plan, notes


def _declared(seen: Evidence, type_: Type, file: _File) -> tuple[Plan, list[str]]:
    plan = Plan(seen.name, type_, declared=True)
    if type_ == TEXT:
        return plan, []
    if type_ == BOOLEAN:
        return replace(plan, how="boolean"), []
    if type_ == TEXTS:
        found = {mark: sum(count for text, count in seen.frequent.items() if mark in text) for mark in (";", "|", ",")}
        return replace(plan, how="list", separator=max(found, key=lambda mark: found[mark])), []
    if type_ in (INTEGER, MONEY, FLOAT):
        sign, notes = _sign(seen, file) if seen.numbers.count else (file.options.decimal or ".", [])
        return replace(plan, how="number", decimal=sign), notes
    epochs = seen.numbers.integers + sum(seen.numbers.firm.values()) + sum(seen.numbers.open.values())
    if type_ == TIMESTAMP and epochs > seen.dates.count and seen.numbers.digits != 8:
        unit = {10: "seconds", 13: "milliseconds", 16: "microseconds"}
        size = seen.numbers.digits
        named = unit[min(unit, key=lambda digits: abs(digits - size))]
        return replace(plan, how="epoch", unit=named), [f"read as {named} since 1970"]
    if seen.dates.forms.get("short"):
        raise _short(seen, file)
    forms: tuple[Form, ...] = tuple(form for form in _DATE_FORMS if form in seen.dates.forms) or ("iso",)
    if seen.numbers.integers and seen.numbers.digits == 8:
        forms = (*forms, "compact")  # 20250131
    order, notes = _order(seen, file) if "numeric" in forms else ("dmy", [])
    return replace(plan, how="date", forms=forms, order=order), notes


def _sign(seen: Evidence, file: _File) -> tuple[DecimalSign, list[str]]:
    """The decimal sign of a column of numbers, by its own evidence, then its file's."""
    n = seen.numbers
    if file.options.decimal is not None:
        return file.options.decimal, []
    if n.firm["."] and n.firm[","]:
        major: DecimalSign = "." if n.firm["."] >= n.firm[","] else ","
        minor: DecimalSign = "," if major == "." else "."
        example = n.examples[f"firm{minor}"][0]
        return major, [
            f"decimal sign {major!r} by {n.firm[major]:,} values; {n.firm[minor]:,} are written with {minor!r} ({example[1]}, line {example[0]:,})"
        ]
    for sign in (".", ","):
        if n.firm[sign]:
            other = "," if sign == "." else "."
            said = (
                [f"{other!r} groups thousands and {sign!r} is the decimal sign ({n.examples['firm' + sign][0][1]})"]
                if n.open[other] or sign == ","
                else []
            )
            return ("." if sign == "." else ","), said
    opened = [sign for sign in ".," if n.open[sign]]
    if not opened:
        return ".", []
    if len(opened) == 2:
        raise _two_readings(seen, ".", file, n.examples["open."] + n.examples["open,"])
    mark = opened[0]
    other = "," if mark == "." else "."
    example = n.examples[f"open{mark}"][0][1]
    if n.below_1000 and not n.from_1000 and not n.grouped:
        return _as_sign(other), [f"{example} is {_whole(example)}: whole numbers below 1,000 have no mark, none above is without"]
    elsewhere = file.signs()
    if len(elsewhere) == 1:
        ((sign, column),) = elsewhere.items()
        return _as_sign(sign), [f"decimal sign {sign!r} as in column {column!r} of the same file"]
    if file.likely_decimal is not None:
        sign = file.likely_decimal
        reading = f"{example} is {_whole(example)}" if mark != sign else f"{example} has three decimals"
        return _as_sign(sign), [f"{reading}: where commas part the cells, {sign!r} is taken as the decimal sign"]
    raise _two_readings(seen, mark, file, n.examples[f"open{mark}"])


def _as_sign(sign: str) -> DecimalSign:
    return "." if sign == "." else ","


def _whole(text: str) -> str:
    return text.replace(".", "").replace(",", "")


def _two_readings(seen: Evidence, mark: str, file: _File, examples: list[Example]) -> DataError:
    line, text = examples[0]
    small = text.replace(",", ".")
    rows = "; ".join(f"line {at:,}: {value}" for at, value in examples[:2])
    return file.error(
        f"column {seen.name!r} can be read in two ways: {text} is {_whole(text)} or {small} ({rows})",
        (line, text),
        "say which: `decimal: '.'` or `decimal: ','` for this source",
        "E211",
    )


def _number_plan(seen: Evidence, file: _File) -> tuple[Plan, list[str]]:
    n = seen.numbers
    plan = Plan(seen.name, INTEGER, how="number")
    text = Plan(seen.name, TEXT)
    signed = sum(n.firm.values()) + sum(n.open.values())
    if not signed:
        if n.padded:
            line, value = n.examples["padded"][0]
            return replace(text, padded=True), [
                f"kept as text: {n.padded:,} of {seen.known:,} whole numbers begin with 0 ({value}, line {line:,}); declare integer to drop the zeros"
            ]
        if n.plus:
            return text, [f"kept as text: whole numbers with a plus sign, as telephone numbers have ({n.examples['plus'][0][1]})"]
        if n.big:
            return text, [f"kept as text: whole numbers of more than 18 digits ({n.examples.get('big', [(0, '')])[0][1]})"]
        if n.exponents and seen.rule == "full" and not seen.said:
            return text, ["kept as text: digits with an E, such as 12E5, may be ids; declare float to read them as numbers"]
    if len(n.currencies) > 1:
        mix = ", ".join(f"{count:,} {symbol}" for symbol, count in n.currencies.most_common())
        return text, [f"kept as text: amounts in several currencies ({mix}); amounts of different currencies do not add"]
    notes: list[str] = []
    if n.percents:
        if n.percents < ENOUGH * n.count:
            return text, [f"kept as text: {n.percents:,} of {n.count:,} numbers have a percent sign and the others have not"]
        notes.append("percent signs dropped: 12.5% is read as 12.5")
    currency = next(iter(n.currencies), None)
    if currency is not None:
        notes.append(f"amounts in {currency} (from the sign beside {n.currencies[currency]:,} of {n.count:,} numbers)")
    if n.accounting:
        notes.append(f"{n.accounting:,} amounts in brackets are negative: (12.00) is -12.00")
    if n.firm["."] and n.firm[","] and min(n.firm.values()) > (1 - ENOUGH) * seen.known:
        a, b = n.examples["firm."][0], n.examples["firm,"][0]
        return text, [
            f"kept as text: {n.firm['.']:,} numbers have a decimal point ({a[1]}, line {a[0]:,}) and {n.firm[',']:,} a decimal comma ({b[1]}, line {b[0]:,})"
        ]
    sign, said = _sign(seen, file)
    notes += said
    places = n.places[sign] if n.firm[sign] + n.open[sign] else 0
    pure = n.firm[sign] + n.open[sign] == 0
    if not n.exponents and (pure or (n.zero_only[sign] and places == 0)):
        type_ = INTEGER if n.digits <= 18 else MONEY
        if not pure and type_ == INTEGER:
            notes.append("whole numbers written with .0 are read as integers")
    elif places <= numbers.MONEY_PLACES and n.digits <= numbers.MONEY_DIGITS and not n.exponents:
        type_ = MONEY
    else:
        type_ = FLOAT
    bad = seen.known - n.count
    if bad:
        notes.append(f"{bad:,} of {seen.known:,} values are no numbers ({seen.others}); their rows are in quarantine")
    return replace(plan, type=type_, decimal=sign, currency=currency, evidence=f"{places} decimals"), notes


def _date_plan(seen: Evidence, file: _File) -> tuple[Plan, list[str]]:
    d = seen.dates
    notes: list[str] = []
    if d.forms.get("short"):
        if d.forms["short"] < ENOUGH * d.count:
            raise _mixed(seen, file)
        raise _short(seen, file)
    families = {
        "year first": d.forms.get("iso", 0) + d.forms.get("ymd", 0),
        "numeric": d.forms.get("numeric", 0),
        "words": d.forms.get("words", 0),
    }
    major = max(families, key=lambda family: families[family])
    if families[major] < ENOUGH * d.count:
        raise _mixed(seen, file)
    order: Order = "dmy"
    if major == "numeric":
        order, notes = _order(seen, file)
    forms: dict[str, tuple[Form, ...]] = {"year first": ("iso", "ymd"), "numeric": ("numeric",), "words": ("words",)}
    chosen = forms[major] if d.forms.get("ymd") or major != "year first" else ("iso",)
    type_ = TIMESTAMP if d.timed else DATE
    whole_days = d.timed and d.midnight == d.timed and not d.zoned and seen.rule != "iso"
    if whole_days:
        type_ = DATE
        notes.append("every time is 00:00: read as dates")
    if type_ == TIMESTAMP and d.zoned and d.zoned < d.count:
        notes.append(
            f"{d.zoned:,} times have an offset, {d.count - d.zoned:,} have none and are read as local times in {file.options.timezone}"
        )
    bad = seen.known - d.count
    if bad or families[major] < d.count:
        notes.append(
            f"{seen.known - families[major]:,} of {seen.known:,} values are not written like the others ({seen.others or 'dates in another form'}); their rows are in quarantine"
        )
    return Plan(
        seen.name, type_, how="date", forms=chosen, order=order, evidence=f"{d.dmy_only:,} day first, {d.mdy_only:,} month first"
    ), notes


def _short(seen: Evidence, file: _File) -> DataError:
    line, text = seen.dates.examples["short"][0]
    return file.error(
        f"column {seen.name!r} writes years with two digits ({text}): 25 may be 1925 or 2025, and day, month and year may stand"
        " in any order",
        (line, text),
        f"export it with four-digit years, or keep it as text: `{seen.name}: text`",
        "E212",
    )


def _mixed(seen: Evidence, file: _File) -> DataError:
    d = seen.dates
    names = {
        "iso": "year first",
        "ymd": "year first",
        "numeric": "day/month/year or month/day/year",
        "words": "with a month's name",
        "short": "with a two-digit year",
    }
    parts = [
        f"{count:,} {names[form]} ({d.examples[form][0][1]}, line {d.examples[form][0][0]:,})"
        for form, count in sorted(d.forms.items(), key=lambda x: -x[1])
    ]
    last = min(d.forms, key=lambda form: d.forms[form])
    return file.error(
        f"column {seen.name!r} mixes ways of writing dates: {', '.join(parts)}",
        d.examples[last][0],
        f"write them in one way (2025-01-31 is read by everyone), or keep the column as text: `{seen.name}: text`",
        "E213",
    )


def _order(seen: Evidence, file: _File) -> tuple[Order, list[str]]:
    """Day or month first, for dates such as 03/04/2025."""
    d = seen.dates
    given = file.options.dates
    if given in ("dmy", "mdy"):
        return given, []
    if d.dmy_only or d.mdy_only:
        order: Order = "dmy" if d.dmy_only >= d.mdy_only else "mdy"
        against, name = (d.mdy_only, "mdy_only") if order == "dmy" else (d.dmy_only, "dmy_only")
        proof = d.examples[f"{order}_only"][0]
        if against > (1 - ENOUGH) * seen.known:
            a, b = d.examples["dmy_only"][0], d.examples["mdy_only"][0]
            raise file.error(
                f"column {seen.name!r} mixes two orders of dates: {d.dmy_only:,} can only be day/month/year ({a[1]}, line {a[0]:,}),"
                f" {d.mdy_only:,} only month/day/year ({b[1]}, line {b[0]:,})",
                d.examples[name][0],
                f"write them in one order, say `dates: dmy` or `dates: mdy` to quarantine the others, or keep the column as text: `{seen.name}: text`",
                "E213",
            )
        words = "day/month/year" if order == "dmy" else "month/day/year"
        return order, [f"read as {words}: {proof[1]} (line {proof[0]:,}) can be nothing else"]
    if not d.either:
        return "dmy", []
    if d.dotted == d.forms.get("numeric", 0):
        return "dmy", ["dates with points are read as day.month.year"]
    elsewhere = file.orders()
    if len(elsewhere) == 1:
        ((found, column),) = elsewhere.items()
        words = "day/month/year" if found == "dmy" else "month/day/year"
        return found, [f"read as {words}, as column {column!r} of the same file is"]
    rows = d.examples["either"]
    line, text = rows[0]
    values = pa.array([text])
    one, two = (
        str(dates.parse(values, "numeric", o).wall.astype("datetime64[us]").astype("datetime64[D]")[0]) for o in ("dmy", "mdy")
    )
    shown_rows = "; ".join(f"line {at:,}: {value}" for at, value in rows[:2])
    raise file.error(
        f"column {seen.name!r} can be read in two ways: {text} is {one} (day first) or {two} (month first), and no value settles it ({shown_rows})",
        (line, text),
        "say which: `dates: dmy` or `dates: mdy` for this source",
        "E210",
    )
