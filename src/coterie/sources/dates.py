"""Dates and times as people write them, and what a column of them shows about the order of day and month.

Nothing is assumed about `03/04/2025`: `DateEvidence` gathers over a whole column which readings its values allow.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from coterie.sources.numbers import Counts, Example, Mask, matches, to_numpy

Order = Literal["dmy", "mdy"]
Form = Literal["iso", "ymd", "numeric", "words", "short", "compact"]

_TIME = (
    r"(?:(?:T|,? +)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?(?: ?(?P<zone>Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))?)?"
)
_WORD = r"(?P<month>[A-Za-z]{3,9})\.?"
_WEEKDAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? )?"
FORMS: dict[Form, tuple[str, ...]] = {
    "iso": (rf"^(?P<year>\d{{4}})-(?P<month>\d{{2}})-(?P<day>\d{{2}}){_TIME}$",),
    "ymd": (rf"^(?P<year>\d{{4}})[-/.](?P<month>\d{{1,2}})[-/.](?P<day>\d{{1,2}}){_TIME}$",),
    "compact": (rf"^(?P<year>\d{{4}})(?P<month>\d{{2}})(?P<day>\d{{2}}){_TIME}$",),
    "numeric": (rf"^(?P<first>\d{{1,2}})[-/.](?P<second_>\d{{1,2}})[-/.](?P<year>\d{{4}}){_TIME}$",),
    "words": (
        rf"^{_WEEKDAY}(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:[ -]|\. ?){_WORD},?[ -](?P<year>\d{{4}}){_TIME}$",
        rf"^{_WEEKDAY}{_WORD}[ -](?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?[ -](?P<year>\d{{4}}){_TIME}$",
    ),
    "short": (rf"^(?P<first>\d{{1,2}})[-/.](?P<second_>\d{{1,2}})[-/.](?P<year>\d{{2}}){_TIME}$",),
}
ANY = r"^(\d{1,4}[-/.]\d{1,2}[-/.]\d|([A-Z][a-z]+,? )?(\d{1,2}(st|nd|rd|th)?[ .-]+)?[A-Za-z]{3,9}\.?,?[ -]\d)"
"""What every date other than ISO begins with: a quick no for the rest."""
_ISO_LOCAL = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?$"
_ISO_ZONED = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:?\d\d)$"
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH_NAMES = "jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|oct(ober)?|nov(ember)?|dec(ember)?"
DAY = 86_400_000_000
Micros = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Times:
    """Parsed cells: wall-clock microseconds, whether there was a time of day, the offset where one was written."""

    wall: Micros
    good: Mask
    timed: Mask
    zoned: Mask
    offset: Micros

    @classmethod
    def none(cls, n: int) -> "Times":
        good, timed, zoned = (np.zeros(n, np.bool_) for _ in range(3))
        return cls(np.zeros(n, np.int64), good, timed, zoned, np.zeros(n, np.int64))

    def put(self, at: npt.NDArray[np.int64], other: "Times") -> None:
        for name in ("wall", "good", "timed", "zoned", "offset"):
            getattr(self, name)[at] = getattr(other, name)


def looks(values: pa.Array, form: Form) -> Mask:
    """Which cells have the shape of a form (their numbers may still be no date)."""
    if form == "iso":
        begun = matches(values, r"^\d{4}-\d\d-\d\d")
        if not begun.any():
            return begun
    found = np.zeros(len(values), np.bool_)
    for pattern in FORMS[form]:
        found |= matches(values, pattern)
    return found


def parse(values: pa.Array, form: Form, order: Order = "dmy") -> Times:
    """Cells of one form as times; `good` is false where the shape or the calendar says no."""
    if form == "iso":
        quick = _quick(values)
        if quick is not None:
            return quick
    out = Times.none(len(values))
    for pattern in FORMS[form]:
        parts = pc.extract_regex(values, pattern)
        some = np.flatnonzero(parts.is_valid().to_numpy(zero_copy_only=False))
        if len(some):
            out.put(some, _assemble(parts.take(some), form, order))
    return out


def all_plain_iso(values: pa.Array) -> bool:
    """Whether every cell is a date or time in a plain ISO shape; a quick yes for `looks`."""
    return _quick(values) is not None


def _quick(values: pa.Array) -> Times | None:
    """A column all in one of the plain ISO shapes, by Arrow's own cast; None where that cannot be had."""
    n = len(values)
    if not n:
        return None
    head = values.slice(0, 1)
    for pattern, target in ((_ISO_LOCAL, pa.timestamp("us")), (_ISO_ZONED, pa.timestamp("us", "UTC"))):
        if not matches(head, pattern).all():
            continue
        try:
            wall = values.cast(target).cast(pa.int64()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:  # the first cell that does not fit ends it
            return None
        length = pc.binary_length(values).to_numpy(zero_copy_only=False)
        zoned = target.tz is not None
        if not zoned and bool(((length != 10) & (length < 16)).any()):  # Arrow would read `2025-01` and `2025-01-31 10`
            return None
        in_calendar = (wall >= _FIRST) & (wall <= _LAST)
        return Times(wall, in_calendar, length > 10, np.full(n, zoned), np.zeros(n, np.int64))
    return None


_FIRST = int(np.datetime64("0001-01-02", "us").astype(np.int64))
_LAST = int(np.datetime64("9999-12-31", "us").astype(np.int64)) + DAY - 1


def _assemble(parts: pa.StructArray, form: Form, order: Order) -> Times:
    def number(name: str) -> Micros:
        text = parts.field(name)
        out: Micros = pc.if_else(pc.equal(text, ""), "0", text).cast(pa.int64()).to_numpy(zero_copy_only=False)
        return out

    year = number("year")
    if form in ("numeric", "short"):
        first, second = number("first"), number("second_")
        day, month = (first, second) if order == "dmy" else (second, first)
    elif form == "words":
        day = number("day")
        names = pc.ascii_lower(parts.field("month"))
        known = matches(names, f"^({_MONTH_NAMES})$")
        index = pc.index_in(pc.utf8_slice_codeunits(names, 0, 3), value_set=pa.array(_MONTHS))
        month = np.where(known, pc.fill_null(index, -1).to_numpy(zero_copy_only=False), -1).astype(np.int64) + 1
    else:
        day, month = number("day"), number("month")
    good = (month >= 1) & (month <= 12) & (year >= 1) & (day >= 1)
    month = np.where(good, month, 1)
    first_of_month = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    length = ((first_of_month + 1).astype("datetime64[D]") - first_of_month.astype("datetime64[D]")).astype(np.int64)
    good &= day <= length
    days = first_of_month.astype("datetime64[D]").astype(np.int64) + day - 1

    timed = to_numpy(pc.not_equal(parts.field("hour"), ""))
    hour, minute, second = number("hour"), number("minute"), number("second")
    half = pc.ascii_lower(parts.field("half"))
    pm, am = to_numpy(pc.equal(half, "p")), to_numpy(pc.equal(half, "a"))
    good &= ~(pm | am) | ((hour >= 1) & (hour <= 12))
    hour = np.where(pm & (hour < 12), hour + 12, np.where(am & (hour == 12), 0, hour))
    good &= (hour < 24) & (minute < 60) & (second < 60)
    # Nanoseconds are cut to microseconds.
    fraction = pc.utf8_slice_codeunits(pc.utf8_rpad(parts.field("fraction"), 6, "0"), 0, 6)
    micros = fraction.cast(pa.int64()).to_numpy(zero_copy_only=False)
    zone = parts.field("zone")
    zoned = to_numpy(pc.not_equal(zone, ""))
    offset = np.zeros(len(year), np.int64)
    signed = np.flatnonzero(to_numpy(pc.match_substring_regex(zone, "^[+-]")))
    if len(signed):
        written = pc.utf8_rpad(pc.replace_substring(zone.take(signed), ":", ""), 5, "0")
        hours = pc.utf8_slice_codeunits(written, 1, 3).cast(pa.int64()).to_numpy(zero_copy_only=False)
        minutes = pc.utf8_slice_codeunits(written, 3, 5).cast(pa.int64()).to_numpy(zero_copy_only=False)
        minus = to_numpy(pc.starts_with(written, "-"))
        offset[signed] = np.where(minus, -1, 1) * (hours * 60 + minutes) * 60_000_000
        good[signed] &= (hours <= 18) & (minutes < 60)
    wall = days * DAY + ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros
    good &= (wall - offset >= _FIRST) & (wall - offset <= _LAST)
    return Times(np.where(good, wall - offset, 0), good, timed, zoned, np.where(good, offset, 0))


@dataclass(slots=True)
class DateEvidence:
    """What the dates of a column have shown so far; counts are of cells whose numbers are a date in some reading."""

    forms: dict[str, int] = field(default_factory=dict)
    dmy_only: int = 0
    mdy_only: int = 0
    either: int = 0  # two readings, two days
    same: int = 0  # 05/05/2025
    dotted: int = 0
    timed: int = 0
    midnight: int = 0
    zoned: int = 0
    examples: dict[str, list[Example]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(self.forms.values())

    def add(self, form: Form, values: pa.Array, counts: Counts, lines: Counts) -> Mask:
        """Cells, of which some have the shape of a form; returns which are dates under some reading."""
        if form in ("numeric", "short"):
            dmy, mdy = parse(values, form, "dmy"), parse(values, form, "mdy")
            good, times = dmy.good | mdy.good, dmy
            timed, zoned = dmy.timed | mdy.timed, dmy.zoned | mdy.zoned
            midnight = np.where(dmy.good, dmy.wall, mdy.wall) % DAY == 0
            both = dmy.good & mdy.good
            equal = both & (dmy.wall == mdy.wall)
            if form == "numeric":
                for name, mask in (
                    ("dmy_only", dmy.good & ~mdy.good),
                    ("mdy_only", mdy.good & ~dmy.good),
                    ("either", both & ~equal),
                    ("same", equal),
                ):
                    if mask.any():
                        setattr(self, name, getattr(self, name) + int(counts[mask].sum()))
                        self._example(name, values, mask, lines)
                self.dotted += int(counts[good & to_numpy(pc.match_substring(values, "."))].sum()) if good.any() else 0
        else:
            times = parse(values, form)
            good, timed, zoned = times.good, times.timed, times.zoned
            midnight = times.wall % DAY == 0
        if good.any():
            self.forms[form] = self.forms.get(form, 0) + int(counts[good].sum())
            self._example(form, values, good, lines)
            self.timed += int(counts[good & timed].sum())
            self.midnight += int(counts[good & timed & midnight & ~zoned].sum())
            self.zoned += int(counts[good & zoned].sum())
        return good

    def _example(self, name: str, values: pa.Array, mask: Mask, lines: Counts) -> None:
        kept = self.examples.setdefault(name, [])
        if len(kept) < 2:
            for index in np.flatnonzero(mask)[: 2 - len(kept)]:
                kept.append((int(lines[index]), values[int(index)].as_py()))
