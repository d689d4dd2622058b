"""What a column becomes, from what all its values have shown; where two readings are left, an error with both."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pyarrow as pa

from coterie.core.errors import DataError, MissingColumn, did_you_mean
from coterie.core.place import Place
from coterie.language.types import BOOLEAN, DATE, FLOAT, INTEGER, MONEY, TEXT, TIMESTAMP, Type
from coterie.sources import dates, numbers
from coterie.sources.cells import DATE_FORMS, TEXTS, Evidence, Plan
from coterie.sources.dates import Form, Order
from coterie.sources.numbers import DecimalSign, Example
from coterie.sources.options import ReadOptions
from coterie.sources.raw import Note

ENOUGH = 0.99  # of a column's values, for the rest to be bad cells rather than the column text

TYPES: Mapping[str, Type] = {
    "text": TEXT, "integer": INTEGER, "money": MONEY, "float": FLOAT, "number": FLOAT, "boolean": BOOLEAN, "date": DATE,
    "timestamp": TIMESTAMP, "list": TEXTS, "list of text": TEXTS,
}  # fmt: skip


def declared_types(options: ReadOptions, columns: tuple[str, ...], location: str) -> dict[str, Type]:
    """The types that the options name, checked against the columns there are."""
    out = {}
    for name, written in options.columns.items():
        if name not in columns:
            raise MissingColumn(f"{location} has no column {name!r}", hint=did_you_mean(name, columns, "Its columns")).of(name)
        if written not in TYPES:
            raise DataError(f"{written!r} is not a type for column {name!r}", hint=did_you_mean(written, TYPES, "Types"))
        out[name] = TYPES[written]
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
            plan, missing=options.missing, timezone=options.timezone, blank_is_missing=seen.blank_is_missing,
            declared=name in declared,
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
                f"kept as text: {count:,} of {seen.known:,} values are {what}, {seen.known - count:,} are not"
                f" ({seen.others}); if these"
                " stand for a missing value, list them under options: {missing: […]}"
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
    compact = seen.numbers.lengths[8] > 0.5 * seen.numbers.integers > 0
    if type_ == TIMESTAMP and epochs > seen.dates.count and not compact:
        usual = max(seen.numbers.lengths, key=lambda size: (seen.numbers.lengths[size], -size), default=seen.numbers.digits)
        named = "seconds" if usual <= 11 else "milliseconds" if usual <= 14 else "microseconds"
        return replace(plan, how="epoch", unit=named), [f"read as {named} since 1970"]
    if seen.dates.forms.get("short"):
        raise _short(seen, file)
    forms: tuple[Form, ...] = tuple(form for form in DATE_FORMS if form in seen.dates.forms) or ("iso",)
    if compact:
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
        counts = f"decimal sign {major!r} by {n.firm[major]:,} values; {n.firm[minor]:,} are written with {minor!r}"
        return major, [f"{counts} ({example[1]}, line {example[0]:,})"]
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
        raise _two_readings(seen, file, n.examples["open."] + n.examples["open,"])
    mark = opened[0]
    other = "," if mark == "." else "."
    value = n.examples[f"open{mark}"][0][1]
    if n.below_1000 and not n.from_1000 and not n.grouped:
        return _as_sign(other), [f"{value} is {_whole(value)}: whole numbers below 1,000 have no mark, none above is without"]
    elsewhere = file.signs()
    if len(elsewhere) == 1:
        ((sign, column),) = elsewhere.items()
        return _as_sign(sign), [f"decimal sign {sign!r} as in column {column!r} of the same file"]
    if file.likely_decimal is not None:
        sign = file.likely_decimal
        reading = f"{value} is {_whole(value)}" if mark != sign else f"{value} has three decimals"
        return _as_sign(sign), [f"{reading}: where commas part the cells, {sign!r} is taken as the decimal sign"]
    raise _two_readings(seen, file, n.examples[f"open{mark}"])


def _as_sign(sign: str) -> DecimalSign:
    return "." if sign == "." else ","


def _whole(text: str) -> str:
    return text.replace(".", "").replace(",", "")


def _two_readings(seen: Evidence, file: _File, examples: list[Example]) -> DataError:
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
            zeros = f"{n.padded:,} of {seen.known:,} whole numbers begin with 0 ({value}, line {line:,})"
            return replace(text, padded=True), [f"kept as text: {zeros}; declare integer to drop the zeros"]
        if n.plus:
            return text, [f"kept as text: whole numbers with a plus sign, as telephone numbers have ({n.examples['plus'][0][1]})"]
        if n.big:
            return text, [f"kept as text: whole numbers of more than 18 digits ({n.examples.get('big', [(0, '')])[0][1]})"]
        if n.exponents and n.bare_exponents == n.exponents and seen.rule == "full" and not seen.said:
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
        points = f"{n.firm['.']:,} numbers have a decimal point ({a[1]}, line {a[0]:,})"
        return text, [f"kept as text: {points} and {n.firm[',']:,} a decimal comma ({b[1]}, line {b[0]:,})"]
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
            f"{d.zoned:,} times have an offset, {d.count - d.zoned:,} have none and are read as local times in"
            f" {file.options.timezone}"
        )
    bad = seen.known - d.count
    if bad or families[major] < d.count:
        notes.append(
            f"{seen.known - families[major]:,} of {seen.known:,} values are not written like the others"
            f" ({seen.others or 'dates in another form'}); their rows are in quarantine"
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
                f"column {seen.name!r} mixes two orders of dates: {d.dmy_only:,} can only be day/month/year ({a[1]},"
                f" line {a[0]:,}), {d.mdy_only:,} only month/day/year ({b[1]}, line {b[0]:,})",
                d.examples[name][0],
                "write them in one order, say `options: {dates: dmy}` or `options: {dates: mdy}` to quarantine the others,"
                " or keep the column as text:"
                f" `{seen.name}: text`",
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
        f"column {seen.name!r} can be read in two ways: {text} is {one} (day first) or {two} (month first),"
        f" and no value settles it ({shown_rows})",
        (line, text),
        "say which, under the source: `options: {dates: dmy}` or `options: {dates: mdy}`",
        "E210",
    )
