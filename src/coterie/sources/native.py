"""Columns of files that carry types (Parquet): which of coterie's types each becomes, and its values in it."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from coterie.language.types import BOOLEAN, DATE, FLOAT, INTEGER, MONEY, TEXT, TIMESTAMP, Type
from coterie.sources import numbers
from coterie.sources.cells import ARROW, TEXTS, Plan, Typed
from coterie.sources.numbers import to_numpy
from coterie.sources.options import ReadOptions
from coterie.sources.zones import to_utc

_INTEGER_END = 2**63


def needs_look(type_: pa.DataType) -> bool:
    """Whether the values, not the file's type alone, decide what the column becomes."""
    return bool(
        pa.types.is_floating(type_) or pa.types.is_decimal(type_) or pa.types.is_uint64(type_) or pa.types.is_string(type_)
        or pa.types.is_dictionary(type_) or pa.types.is_large_string(type_)
    )  # fmt: skip


@dataclass(slots=True)
class NativeEvidence:
    """What the values of a number column have shown so far."""

    name: str
    type: pa.DataType
    rows: int = 0
    known: int = 0
    whole: bool = True
    at_4_places: bool = True
    largest: float = 0  # exact for whole numbers

    def observe(self, array: pa.Array) -> None:
        self.rows += len(array)
        if array.null_count == len(array):
            return
        if not pa.types.is_floating(self.type):
            self.known += len(array) - array.null_count
        if pa.types.is_floating(self.type):
            raw = array.drop_null().cast(pa.float64()).to_numpy(zero_copy_only=False)
            raw = raw[np.isfinite(raw)]
            self.known += len(raw)
            if len(raw):
                self.largest = max(self.largest, float(np.abs(raw).max()))
                self.whole = self.whole and bool((raw == np.rint(raw)).all())
                # Of 15 digits or fewer, so that the decimal is the shortest text of the float.
                scaled = np.rint(raw * 1e4)
                exact = (np.abs(scaled) < 1e15) & (scaled / 1e4 == raw) | (raw == np.rint(raw))
                self.at_4_places = self.at_4_places and bool(exact.all())
        elif pa.types.is_decimal(self.type):
            ends = pc.min_max(array).as_py()
            self.largest = max(self.largest, abs(float(ends["min"])), abs(float(ends["max"])))
            if self.type.scale > 0:
                values = array.drop_null()
                self.whole = self.whole and bool(pc.all(pc.equal(pc.round(values, 0), values)).as_py())
                self.at_4_places = self.at_4_places and bool(pc.all(pc.equal(pc.round(values, 4), values)).as_py())
        elif pa.types.is_uint64(self.type):
            self.largest = max(self.largest, pc.max(array).as_py())


@dataclass(frozen=True, slots=True)
class NativePlan:
    """How a typed column is converted."""

    name: str
    type: Type
    timezone: str = "UTC"
    padded: bool = False
    currency: str | None = None
    evidence: str = ""
    declared: bool = False

    def convert(self, array: pa.Array) -> Typed:
        source = array.type
        if self.type == TEXT:
            return Typed(as_text(array), None)
        if source.equals(ARROW[self.type]) and self.type not in (TIMESTAMP, DATE):
            return Typed(array, None)
        if self.type in (INTEGER, MONEY, FLOAT):
            return self._number(array)
        if self.type == TIMESTAMP and pa.types.is_timestamp(source):
            return self._timestamp(array)
        if self.type == TIMESTAMP:  # a date declared to be a timestamp: the local midnight
            return replace(self, type=TIMESTAMP)._timestamp(array.cast(pa.timestamp("us")))
        if self.type == DATE and pa.types.is_timestamp(source):
            local = array.cast(pa.timestamp("us"), safe=False) if source.tz is None else pc.local_timestamp(array)
            wall = local.cast(pa.timestamp("us"), safe=False).cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
            return _days(pa.array(np.floor_divide(wall, 86_400_000_000)), array.is_valid())
        if self.type == DATE:
            return _days(array.cast(pa.int32()).cast(pa.int64()), array.is_valid())
        return Typed(array.cast(ARROW[self.type]), None)

    def _number(self, array: pa.Array) -> Typed:
        places, digits = (
            (numbers.MONEY_PLACES, numbers.MONEY_DIGITS) if self.type == MONEY else (numbers.FLOAT_PLACES, numbers.FLOAT_DIGITS)
        )
        if pa.types.is_floating(array.type):
            array = array.cast(pa.float64())
            nan = to_numpy(pc.is_nan(array))
            infinite = to_numpy(pc.is_inf(array))
            if nan.any() or infinite.any():
                array = pc.if_else(pa.array(nan | infinite), pa.scalar(None, pa.float64()), array)
            if self.type == INTEGER:
                out: pa.Array = pc.round(array).cast(pa.int64(), safe=False)
                off = to_numpy(pc.or_(pc.not_equal(pc.round(array), array), pc.greater_equal(pc.abs(array), 2.0**63)))
                reasons = _why(off, "not a whole number", None)
            else:
                out, reasons = numbers.floats_to_decimals(array, places, digits)
                reasons = reasons if reasons.null_count < len(reasons) else None
            return Typed(out, _why(infinite, "not a number (infinity)", reasons), not_numbers=int(nan.sum()))
        if pa.types.is_decimal(array.type):
            text = array.cast(pa.string())
            out, reasons = numbers.to_integers(text) if self.type == INTEGER else numbers.to_decimals(text, places, digits)
            reasons = pc.if_else(array.is_valid(), reasons, pa.scalar(None, pa.string()))
            return Typed(out, reasons if reasons.null_count < len(reasons) else None)
        if self.type == INTEGER:
            return Typed(array.cast(pa.int64()), None)
        out, reasons = numbers.to_decimals(array.cast(pa.string()), places, digits)
        return Typed(out, reasons if reasons.null_count < len(reasons) else None)

    def _timestamp(self, array: pa.Array) -> Typed:
        # Nanoseconds are cut, not rounded: the floor to the microsecond.
        if array.type.unit == "ns":
            array = pc.floor_temporal(array, unit="microsecond")
        zoned = array.type.tz is not None
        try:
            plain = array.cast(pa.timestamp("us", array.type.tz), safe=array.type.unit != "ns")
        except pa.ArrowInvalid:
            return Typed(
                pa.nulls(len(array), pa.timestamp("us")),
                pc.if_else(array.is_valid(), "a time outside the calendar", pa.scalar(None, pa.string())),
            )
        wall = plain.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
        valid = array.is_valid().to_numpy(zero_copy_only=False)
        beyond = valid & ((wall < _FIRST) | (wall > _LAST))
        reasons = _why(beyond, "a time outside the calendar (years 1 to 9999)", None)
        wall = np.where(beyond, 0, wall)
        good = pa.array(valid & ~beyond)
        nothing = pa.scalar(None, pa.timestamp("us"))
        if zoned:
            return Typed(pc.if_else(good, pa.array(wall).cast(pa.timestamp("us")), nothing), reasons)
        moved = to_utc(wall, self.timezone)
        out = pc.if_else(good, pa.array(moved.utc).cast(pa.timestamp("us")), nothing)
        return Typed(out, reasons, repeats=int((moved.repeated & valid).sum()), skips=int((moved.skipped & valid).sum()))


_FIRST = int(np.datetime64("0001-01-02", "us").astype(np.int64))
_LAST = int(np.datetime64("9999-12-30", "us").astype(np.int64))


def _days(days: pa.Array, valid: pa.Array) -> Typed:
    """Days since 1970 as dates; those outside the years 1 to 9999 are bad."""
    number = pc.fill_null(days, 0).to_numpy(zero_copy_only=False)
    beyond = valid.to_numpy(zero_copy_only=False) & ((number < _FIRST // 86_400_000_000) | (number > _LAST // 86_400_000_000 + 1))
    good = pc.and_(valid, pa.array(~beyond))
    kept = pa.array(np.where(beyond, 0, number).astype(np.int32)).cast(pa.date32())
    return Typed(
        pc.if_else(good, kept, pa.scalar(None, pa.date32())), _why(beyond, "a date outside the calendar (years 1 to 9999)", None)
    )


def _why(bad: "np.typing.NDArray[np.bool_]", text: str, others: pa.Array | None) -> pa.Array | None:
    if not bad.any():
        return others
    mine = pc.if_else(pa.array(bad), text, pa.scalar(None, pa.string()))
    return mine if others is None else pc.coalesce(mine, others)


def as_text(array: pa.Array) -> pa.Array:
    """A column of any scalar type as text; whole floats without `.0`, so that ids stay ids."""
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if pa.types.is_floating(array.type):
        text = array.cast(pa.string())
        return pc.if_else(pc.is_finite(array), pc.replace_substring_regex(text, r"\.0$", ""), pa.scalar(None, pa.string()))
    if pa.types.is_timestamp(array.type):
        return pc.replace_substring_regex(
            array.cast(pa.timestamp("us", array.type.tz), safe=False).cast(pa.string()), r"\.000000", ""
        )
    if pa.types.is_list(array.type):
        return pa.array([None if v is None else ",".join(str(x) for x in v) for v in array.to_pylist()], pa.string())
    return array.cast(pa.string())


def plan_of(seen: NativeEvidence, options: ReadOptions, declared: Type | None) -> tuple[NativePlan, list[str]]:
    """What a typed column becomes, and what there is to say about it."""
    t = seen.type
    made = NativePlan(seen.name, declared or TEXT, timezone=options.timezone, declared=declared is not None)
    if declared is not None:
        return made, []
    if pa.types.is_boolean(t):
        return replace(made, type=BOOLEAN), []
    if pa.types.is_uint64(t) and seen.largest >= _INTEGER_END:
        return made, [f"kept as text: whole numbers up to {seen.largest:.3g} do not fit 64 bits with a sign"]
    if pa.types.is_integer(t):
        return replace(made, type=INTEGER), []
    if pa.types.is_floating(t):
        if not seen.known:
            return replace(made, type=FLOAT), []
        if seen.whole and seen.largest < 2**53:
            return replace(made, type=INTEGER), ["every float is whole: read as integers"]
        if seen.at_4_places and seen.largest < 10.0**numbers.MONEY_DIGITS:
            return replace(made, type=MONEY), []
        return replace(made, type=FLOAT), []
    if pa.types.is_decimal(t):
        if t.scale <= 0:
            if seen.largest < 1e18:
                return replace(made, type=INTEGER), []
            return made, ["kept as text: whole numbers of more than 18 digits"]
        if seen.at_4_places and seen.largest < 10.0**numbers.MONEY_DIGITS:
            return replace(made, type=MONEY), []
        if t.scale > numbers.FLOAT_PLACES:
            return replace(made, type=FLOAT), [f"decimals beyond {numbers.FLOAT_PLACES} places are rounded"]
        return replace(made, type=FLOAT), []
    if pa.types.is_date(t):
        return replace(made, type=DATE), []
    if pa.types.is_timestamp(t):
        return replace(made, type=TIMESTAMP), []
    if pa.types.is_list(t):
        return replace(made, type=TEXTS), []
    return made, []


AnyPlan = Plan | NativePlan
