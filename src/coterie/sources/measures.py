"""What values say of a column: whether they can identify, count, be a price of one piece, mean what a name says."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from coterie.language.types import BOOLEAN, INTEGER, TEXT
from coterie.sources.findings import Value
from coterie.sources.seen import SeenColumn, SeenFile
from coterie.sources.states import STATES, folded
from coterie.sources.vocabulary import identifies, meanings


def happened(name: str) -> float:
    """How much a name says that something happened then (and not: was born, began, changed)."""
    said = meanings(name)
    if max((said.get(m, 0) for m in ("birth_date", "since", "updated", "consent")), default=0) >= 0.4:
        return min(0.3, said.get("time", 0))
    if said.get("closed", 0) >= 0.6:
        return min(0.6, said.get("time", 0))
    return said.get("time", 0)


def numbers_rows(column: SeenColumn) -> bool:
    """Whole numbers that number rows: all different, densely within their range."""
    low, high = column.range()
    return bool(column.distinct == column.known and low is not None and high - low < 3 * column.distinct and column.distinct > 20)


def alike(one: SeenColumn, other: SeenColumn) -> bool:
    """Whether two columns can hold the same ids (a text may hold what the other has as numbers)."""
    if one.type == other.type:
        return True
    return {one.type, other.type} == {TEXT, INTEGER}


def linked(column: SeenColumn, key: SeenColumn | None, name: str | None) -> bool:
    """Whether found values are no accident: the same name, a name of which nothing is known, or texts."""
    if key is None:
        return False
    if column.name == name:
        return True
    said = {m: w for m, w in meanings(column.name).items() if w >= 0.6}
    if said and "customer" not in said and not identifies(column.name):
        return False
    if any(m in said for m in ("order", "event_id", "session", "product", "account")):
        return False
    return column.distinct >= 20 and (column.type == TEXT or not counts(column))


def can_identify(column: SeenColumn) -> bool:
    """Whether values can be ids: texts without prose, or whole numbers that are no counts or sums."""
    if not column.countable or column.distinct < 5:
        return False
    if column.type == TEXT:
        return column.text_share <= 0.5 or column.email_share > 0.9
    return not counts(column) and (column.range()[0] or 0) >= 0


def counts(column: SeenColumn) -> bool:
    """Whole numbers that count something: few of them make up much, or some are negative."""
    if column.type != INTEGER or not column.known:
        return False
    low, high = column.range()
    top = column.top(1)[0][1] / column.known
    return bool(low < 0 or (top >= 0.05 and (high <= 1000 or top >= 0.1)))


def finest(columns: Sequence[SeenColumn], file: SeenFile) -> SeenColumn | None:
    """The column with most values, where it is clearly finer than the next, or says the same as the next."""
    if not columns:
        return None
    ordered = sorted(columns, key=lambda c: -c.distinct)
    for other in ordered[1:]:
        if ordered[0].distinct >= 3 * other.distinct:
            break
        if file.decides(ordered[0].name, other.name) < 0.98:
            return None
    return ordered[0]


def values_of(column: SeenColumn, customer: SeenColumn) -> tuple[Value, ...]:
    both = (column.codes >= 0) & (customer.codes >= 0)
    pairs = np.unique(column.codes[both] * np.int64(max(1, customer.distinct)) + customer.codes[both])
    each = np.bincount(pairs // max(1, customer.distinct), minlength=column.distinct)
    place = {column.encoded[1][i].as_py(): i for i in range(column.distinct)}
    return tuple(Value(str(v), n, int(each[place[v]])) for v, n in column.top(60))


def spread(column: SeenColumn) -> str:
    values = column.numbers[~np.isnan(column.numbers)]
    low, middle, high = (float(q) for q in np.quantile(values, (0, 0.5, 1))) if len(values) else (0.0, 0.0, 0.0)
    return f"from {low:,.2f} to {high:,.2f}, half of them up to {middle:,.2f}"


def per_unit(price: SeenColumn, quantity: SeenColumn) -> bool:
    """Whether a price is that of one piece: it does not grow with the quantity (slope of the logarithms under one half)."""
    p, q = price.numbers, quantity.numbers
    good = (p > 0) & (q > 0)
    if good.sum() < 10:
        return True
    x, y = np.log(q[good]), np.log(p[good])
    spread = float(np.var(x))
    if spread == 0:
        return True
    return float(np.mean((x - x.mean()) * (y - y.mean()))) / spread < 0.5


def negative_prefix(column: SeenColumn, negative: npt.NDArray[np.bool_]) -> tuple[str | None, npt.NDArray[np.bool_]]:
    """A letter with which a few ids begin, nine in ten of whose rows are negative; most other ids begin otherwise."""
    texts = [str(v) for v in column.encoded[1].to_pylist()]
    nothing = np.zeros(len(negative), np.bool_)
    firsts = np.array([t[:1] if t[:1].isalpha() else "" for t in texts] or [""])
    letters, codes = set(firsts) - {""}, column.codes
    best: tuple[int, str, np.typing.NDArray[np.bool_]] | None = None
    for letter in sorted(letters):
        rows = np.append(firsts == letter, False)[codes]
        count = int(rows.sum())
        if 0 < count < 0.5 * len(rows) and negative[rows].mean() >= 0.9 and negative[~rows].mean() < 0.1:
            best = max(best or (0, "", nothing), (count, letter, rows), key=lambda b: b[0])
    return (best[1], best[2]) if best is not None else (None, nothing)


_NUMBERS = ("amount", "price", "discount", "charge", "charged", "annual_revenue", "income", "points", "latitude", "longitude")
_DATED = ("time", "since", "birth_date", "updated", "closed")
_FEW: tuple[str, ...] = (
    "gender",
    "marital",
    "education",
    "household",
    "children",
    "country",
    "region",
    "setting",
    "category",
    "brand",
    "store",
)
_FEW += ("sales_channel", "device", "os", "browser", "platform", "industry", "loyalty", "plan", "payment", "acquisition")
_FEW += ("language", "currency", "status", "variant", "topic", "referrer", "occupation", "internet", "event")
_TEXTS = (
    "email",
    "first_name",
    "last_name",
    "full_name",
    "city",
    "address",
    "app_version",
    "product_text",
    "company",
    "page",
    "text",
)


def plausible(meaning: str, column: SeenColumn) -> float:
    """How far values can mean what a name says: 0 not at all, 1 without doubt."""
    if meaning in _DATED:
        return 1.0 if column.dated else 0.0
    if column.dated:
        return 0.0
    low, high = column.range() if column.numeric and column.known else (-1, -1)
    if meaning in _NUMBERS or meaning in ("recency", "frequency", "tenure", "employees", "satisfaction"):
        flag = column.numeric and column.distinct <= 2 and {low, high} <= {0, 1}
        return 1.0 if column.numeric and (not flag or meaning == "discount") else 0.0
    if meaning == "quantity":
        return (1.0 if column.type == INTEGER or whole(column) else 0.5) if column.numeric else 0.0
    if meaning == "age":
        return 1.0 if column.numeric and low >= 0 and high <= 130 else 0.5 if column.type == TEXT else 0.0
    if meaning == "birth_year":
        return 1.0 if column.type == INTEGER and 1850 <= low <= high <= 2100 else 0.0
    if meaning == "email":
        return 1.0 if column.email_share > 0.5 else 0.0
    if meaning == "tags":
        return 1.0 if column.type.of is not None else 0.5 if column.type == TEXT else 0.0
    if column.type.of is not None:
        return 0.0
    if meaning in ("consent", "unsubscribed", "churn", "complaint", "response"):
        return 1.0 if column.type == BOOLEAN or column.distinct <= 3 else 0.0
    if meaning in ("customer", "order", "account", "event_id", "session", "product"):
        return 1.0 if column.countable else 0.0
    if meaning == "children":
        return 1.0 if column.type in (INTEGER, BOOLEAN) and column.distinct <= 20 else 0.0
    if meaning == "status":
        values = {folded(str(v)) for v, _ in column.top(60)}
        return 1.0 if values & STATES else 0.4 if column.type == TEXT and column.distinct <= 30 else 0.0
    if meaning == "postcode":
        with_digits = column.type == INTEGER or any(any(d.isdigit() for d in str(v)) for v, _ in column.top(20))
        return 1.0 if column.countable and with_digits else 0.0
    if meaning in _FEW:
        return 1.0 if column.countable and column.distinct <= max(60, len(column.values) // 5) else 0.3
    if meaning in _TEXTS:
        return 1.0 if column.type == TEXT else 0.0
    return 0.9


def whole(column: SeenColumn) -> bool:
    values = column.numbers[~np.isnan(column.numbers)]
    return bool(len(values) and np.all(values == np.floor(values)))
