"""From a file's columns to coterie's: pure, so tested without a file."""

from datetime import date, datetime, timedelta

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coterie.core.errors import DefinitionError, MissingColumn, TypeMismatch
from coterie.core.windows import first_instant
from coterie.language.leaves import Context
from coterie.language.sql import Builder
from coterie.language.types import BOOLEAN, DATE, FLOAT, INTEGER, MONEY, TEXT, TIMESTAMP, list_of
from coterie.sources.assembly import slug
from coterie.sources.ids import bad_ids, id_text, one_id
from coterie.sources.mapping import day_start, map_source, odd, settled
from coterie.sources.mapping import id_text as id_sql
from coterie.sources.relations import col
from coterie.sources.shards import expanded, options_of, without_password
from tests.sources.gathering import source

Q = Builder("duckdb", Context(datetime(2026, 1, 1), "UTC"), col("customer"))
TYPES = {
    "who": TEXT,
    "at": TIMESTAMP,
    "total": MONEY,
    "n": INTEGER,
    "rate": FLOAT,
    "dept": TEXT,
    "flag": BOOLEAN,
    "tags": list_of(TEXT.kind),
}


def mapped(types=None, **fields):
    return map_source(source("order", **{"path": "o.csv", "customer": "who", "time": "at", **fields}), types or TYPES, zone="UTC")


CONNECTION = duckdb.connect()


def value(expression, rows):
    CONNECTION.register("t", rows)
    return [v for (v,) in CONNECTION.execute(f"SELECT {expression.sql(dialect='duckdb')} FROM t").fetchall()]


texts = st.one_of(
    st.text(max_size=12),
    st.from_regex(r"\s*-?[0-9]{1,5}(\.0{0,3})?\s*", fullmatch=True),
    st.sampled_from(
        ["", " ", "0.0", "-0.0", "00.0", "-1.0", "+1.0", "1.0.0", "Cafe\u0301", "a\u00a0", "x y", "\u3000x", "1.50", "1.00\n"]
    ),
)


@given(st.lists(st.one_of(st.none(), texts), min_size=1, max_size=20))
def test_ids_in_sql_are_those_of_the_reader(values):
    values = [v if v is None or not any("\ud800" <= c <= "\udfff" or c == "\0" for c in v) else None for v in values]
    found = value(id_sql(Q, col("x"), TEXT), pa.table({"x": pa.array(values, pa.string())}))
    assert found == id_text(pa.array(values, pa.string())).to_pylist()
    assert found == [one_id(v) for v in values]


@pytest.mark.parametrize(
    ("type_", "arrow", "values", "ids"),
    [
        (INTEGER, pa.int64(), [17850, -1, None], ["17850", "-1", None]),
        (MONEY, pa.decimal128(18, 4), ["17850.0000", "0.5000", "100.0000", None], ["17850", "0.5", "100", None]),
        (FLOAT, pa.decimal128(24, 9), ["17850.000000000", "1.25"], ["17850", "1.25"]),
    ],
)
def test_ids_of_numbers(type_, arrow, values, ids):
    from decimal import Decimal

    array = pa.array([v if v is None or type_ == INTEGER else Decimal(v) for v in values], arrow)
    assert value(id_sql(Q, col("x"), type_), pa.table({"x": array})) == ids
    assert id_text(array).to_pylist() == ids


@given(
    st.lists(
        st.text(max_size=5).filter(lambda t: "\0" not in t and t.isprintable())
        | st.sampled_from(["a\u202eb", "a\x1f", "\u200ex", "é"]),
        min_size=1,
    )
)
def test_ids_that_cannot_be_seen(values):
    table = pa.table({"x": pa.array(values, pa.string())})
    assert value(odd(Q, col("x")), table) == list(bad_ids(table.column("x").combine_chunks()))


@pytest.mark.parametrize(
    "zone", ["Europe/London", "America/New_York", "Africa/Cairo", "America/Santiago", "Asia/Kathmandu", "Pacific/Apia"]
)
def test_days_begin_where_the_zone_says(zone):
    first = date(2009, 12, 20)
    days = [first + timedelta(days=n) for n in range(5000)]
    found = value(day_start(Q, col("d"), zone, (days[0], days[-1])), pa.table({"d": days}))
    assert found == [first_instant(day, zone) for day in days]


def test_without_a_range_of_days_the_usual_years_are_right():
    days = [date(1970, 1, 1), date(1999, 7, 1), date(2031, 12, 1), date(2199, 12, 31)]
    found = value(day_start(Q, col("d"), "Europe/London", None), pa.table({"d": days}))
    assert found == [first_instant(day, "Europe/London") for day in days]


def test_columns_keep_their_names_except_those_with_a_role():
    assert dict(mapped().columns) == {k: TYPES[k] for k in ("total", "n", "rate", "dept", "flag", "tags")}
    assert "dept" not in mapped(columns={"category": "dept"}).columns
    assert mapped(columns={"both": "dept = 'x'"}).columns["dept"] == TEXT
    assert mapped(columns={"total": "n * 2"}).columns["total"] == INTEGER
    assert mapped(columns={"when": "at"}).columns["when"] == TIMESTAMP


@pytest.mark.parametrize(
    ("expression", "type_"),
    [
        ("total * n", MONEY),
        ("n * n", INTEGER),
        ("total * rate", FLOAT),
        ("total / n", FLOAT),
        ("total > 5", BOOLEAN),
        ("lower(dept)", TEXT),
    ],
)
def test_computed_columns_have_the_languages_types(expression, type_):
    assert mapped(columns={"x": expression}).columns["x"] == type_


def test_a_role_may_be_a_computed_column():
    found = mapped(columns={"buyer": "concat(dept, '-', who)"}, customer="buyer")
    assert found.customer is not None
    rows = pa.table({"who": ["a"], "dept": ["x"]})
    assert value(found.customer, rows) == ["x-a"]


@pytest.mark.parametrize(
    ("kind", "yes", "no"),
    [
        (pa.bool_(), [True], [False, None]),
        (pa.string(), ["yes", "x", "2026-01-01"], ["", "no", "0", "FALSE", " n ", None]),
        (pa.int64(), [1, -1], [0, None]),
        (pa.timestamp("us"), [datetime(2026, 1, 1)], [None]),
    ],
)
def test_tombstones(kind, yes, no):
    type_ = {pa.bool_(): BOOLEAN, pa.string(): TEXT, pa.int64(): INTEGER}.get(kind, TIMESTAMP)
    found = mapped({**TYPES, "gone": type_}, deleted="gone")
    assert found.deleted is not None
    assert value(found.deleted, pa.table({"gone": pa.array(yes, kind)})) == [True] * len(yes)
    assert value(found.deleted, pa.table({"gone": pa.array(no, kind)})) == [False] * len(no)


def test_an_empty_column_is_of_the_kind_that_is_needed():
    types = {"who": TEXT, "at": TEXT, "total": TEXT, "dept": TEXT}
    columns = {"double": "total * 2", "no": "not dept"}
    order = source("order", path="o.csv", customer="who", time="at", columns=columns)
    empty = frozenset(types)
    known = settled(order, types, empty)
    assert known == {**types, "at": TIMESTAMP}
    found = map_source(order, known, zone="UTC", empty=empty)
    assert (found.columns["double"], found.columns["no"], found.columns["total"]) == (MONEY, BOOLEAN, TEXT)
    rows = pa.table({"total": pa.nulls(1, pa.string()), "dept": pa.nulls(1, pa.string())})
    assert value(found.values["double"], rows) == value(found.values["no"], rows) == [None]
    with pytest.raises(TypeMismatch):
        map_source(order, known, zone="UTC", empty=frozenset({"at"}))


def test_names_in_another_unicode_form_are_found():
    types = {"who": TEXT, "at": DATE, "Cafe\u0301": INTEGER}
    found = mapped(types, columns={"x": "Café + 1"})
    assert found.columns == {"x": INTEGER, "Café": INTEGER}
    with pytest.raises(DefinitionError, match="Unicode form"):
        mapped({**types, "Café": INTEGER})


def test_names_that_differ_only_in_case_are_refused():
    with pytest.raises(DefinitionError, match="differ only in case"):
        mapped({**TYPES, "Dept": TEXT})
    assert "DEPT" in mapped({**TYPES, "Dept": TEXT}, columns={"DEPT": "Dept", "department": "dept"}).columns


def test_errors_point_into_the_project_file():
    with pytest.raises(MissingColumn) as error:
        mapped(columns={"x": "total + missng"})
    assert error.value.place is not None
    assert (error.value.place.column, error.value.place.width) == (9, 6)
    with pytest.raises(TypeMismatch, match="adds up 'dept'"):
        mapped(lines="n", sum=["dept"])
    with pytest.raises(MissingColumn, match="a column of this source"):
        mapped(fold=["nothing"])


def test_a_password_is_not_shown():
    assert without_password("postgresql://me:secret@host/shop") == "postgresql://me:***@host/shop"
    assert without_password("postgresql://${U}:${P}@host/shop") == "postgresql://${U}:${P}@host/shop"


def test_variables_and_relative_databases(tmp_path):
    order = source("order", url="x", customer="a", time="b")
    assert expanded("postgresql://${U}@h/s", {"U": "me"}, tmp_path, order) == "postgresql://me@h/s"
    assert expanded("sqlite:///shop.db", {}, tmp_path, order) == f"sqlite:///{tmp_path}/shop.db"
    assert expanded("sqlite:////abs/shop.db", {}, tmp_path, order) == "sqlite:////abs/shop.db"


def test_options_of_a_source():
    order = source(
        "order",
        path="o.csv",
        timezone="Asia/Tokyo",
        sheet="s",
        options={"delimiter": ";", "types": {"n": "text"}, "missing": ("x",)},
    )
    options = options_of(order, "UTC", {"m": "text"})
    assert (options.timezone, options.sheet, options.delimiter) == ("Asia/Tokyo", "s", ";")
    assert (options.columns, options.missing) == ({"n": "text", "m": "text"}, ("x",))


def test_names_of_files_are_plain():
    assert slug("order_line") == "order_line"
    assert "/" not in slug('"; drop table ../x')
    assert slug("a b") != slug("a-b")
