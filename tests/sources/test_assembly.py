"""What the tables hold: every rule of LANGUAGE.md section 0 on a few rows."""

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coterie.core.errors import DataError, DefinitionError, MissingColumn, StoreError, TypeMismatch
from coterie.engine.duckdb import DuckDB
from coterie.language.types import FLOAT, INTEGER, MONEY, TEXT
from coterie.sources.events import GAP
from coterie.sources.loads import Loads
from tests.sources.gathering import FIRST, SECOND, Project, source

ORDERS = source("order", path="orders.csv", customer="customer_id", time="at", id="order_id")


def orders(tmp_path: Path, *lines: str, **fields: object) -> Project:
    project = Project(
        tmp_path, source("order", **{"path": "orders.csv", "customer": "customer_id", "time": "at", "id": "order_id", **fields})
    )
    project.write("orders.csv", "order_id,customer_id,at,total,dept", *lines)
    return project


def test_events_are_sorted_and_numbered_by_customer_time_and_id(tmp_path):
    project = orders(
        tmp_path,
        "o3,b,2026-01-02 10:00,3,x",
        "o2,b,2026-01-02 10:00,2,x",
        "o1,a,2026-01-03 10:00,1,y",
        "o4,b,2026-01-01 10:00,4,",
    )
    gathered = project.gather()
    rows = project.events(gathered, "order", "customer", "id", "total", "_order")
    assert [row[:3] for row in rows] == [("a", "o1", 1), ("b", "o4", 4), ("b", "o2", 2), ("b", "o3", 3)]
    assert [row[3] for row in rows] == sorted(row[3] for row in rows)
    facts = gathered.events["order"]
    assert facts.columns == {"total": INTEGER, "dept": TEXT}
    assert facts.nullable == {"dept"}
    assert (facts.first, facts.last, facts.rows) == (datetime(2026, 1, 1, 10), datetime(2026, 1, 3, 10), 4)
    assert gathered.sources["order"].kept == 4


def test_the_order_holds_over_many_rows_and_threads(tmp_path):
    project = Project(tmp_path, source("order", path="o.parquet", customer="who", time="at"))
    project.engine = DuckDB(threads=4)
    n = 300_000
    who = [f"c{i * 7919 % 20_011}" for i in range(n)]
    at = [datetime(2026, 1, 1) + timedelta(minutes=i * 104_729 % 5_003) for i in range(n)]
    pq.write_table(pa.table({"who": who, "at": at, "n": range(n)}), tmp_path / "o.parquet")
    gathered = project.gather()
    project.engine.parquet("o", gathered.events["order"].paths)
    places = "row_number() OVER (ORDER BY _customer, time, id)"
    assert project.engine.rows(
        f"SELECT count(*), bool_and(_order = place * {GAP}) FROM (SELECT _order, {places} AS place FROM o)"
    ) == [(n, True)]


def test_customers_come_from_events_where_there_is_no_file_of_them(tmp_path):
    project = orders(tmp_path, "o1,b,2026-01-02,3,x", "o2,a,2026-01-03,2,x")
    assert project.customers(project.gather(), "customer") == [("a",), ("b",)]


def test_ids_are_text_by_one_rule(tmp_path):
    project = Project(
        tmp_path,
        source("customers", path="customers.csv", id="id"),
        source("order", path="orders.parquet", customer="who", time="at"),
    )
    project.write("customers.csv", "id,name", "17850,Ann", "0017850,Bob", "x 1,Cid")
    when = datetime(2026, 1, 1)
    table = pa.table({"who": [" 17850 ", "17850.0", "17850", "0017850", "x 1", "  "], "at": [when] * 6, "n": range(6)})
    pq.write_table(table, tmp_path / "orders.parquet")
    gathered = project.gather()
    assert sorted(project.events(gathered, "order", "n", "customer")) == [
        (0, "17850"),
        (1, "17850"),
        (2, "17850"),
        (3, "0017850"),
        (4, "x 1"),
    ]
    assert gathered.sources["order"].without_customer == 1
    assert gathered.sources["order"].match == 1.0


def test_a_float_id_meets_a_whole_one(tmp_path):
    project = Project(tmp_path, source("order", path="o.parquet", customer="who", time="at"))
    table = pa.table({"who": [17850.0, 12.0, None], "at": [datetime(2026, 1, 1)] * 3})
    pq.write_table(table, tmp_path / "o.parquet")
    assert project.customers(project.gather(), "customer") == [("12",), ("17850",)]


def test_population_is_everybody_in_the_file_or_with_an_event_that_counts(tmp_path):
    project = Project(
        tmp_path,
        source("customers", path="customers.csv", id="id"),
        source("order", path="orders.csv", customer="who", time="at", where="total > 0"),
    )
    project.write("customers.csv", "id,name", "a,Ann", "b,Bob")
    project.write("orders.csv", "who,at,total", "a,2026-01-01,5", "c,2026-01-01,5", "d,2026-01-01,-5", "e,2026-01-01,")
    gathered = project.gather()
    assert project.customers(gathered, "customer") == [("a",), ("b",), ("c",)]
    report = gathered.sources["order"]
    assert (report.kept, report.left_out, report.undecided, report.ids, report.met) == (2, 1, 1, 2, 1)
    assert any("50% of its 2 customers" in note and "'c'" in note for note in gathered.notes)
    project.population = "customers"
    gathered = project.gather()
    assert project.customers(gathered, "customer") == [("a",), ("b",)]
    assert gathered.sources["order"].strangers == 1
    assert gathered.events["order"].rows == 1


def test_columns_are_computed_exactly_and_keep_their_own_names_unless_named(tmp_path):
    project = orders(
        tmp_path,
        columns={"gross": "total * 1.2", "category": "dept", "half": "total / 3"},
    )
    project.write("orders.csv", "order_id,customer_id,at,total,dept", "o1,a,2026-01-02,0.10,x", "o2,a,2026-01-03,19.99,y")
    gathered = project.gather()
    assert gathered.events["order"].columns == {"gross": MONEY, "category": TEXT, "half": FLOAT, "total": MONEY}
    rows = project.events(gathered, "order", "gross", "category", "half", "total")
    assert rows[0] == (Decimal("0.1200"), "x", Decimal("0.033333333"), Decimal("0.1000"))
    assert rows[1][0] == Decimal("23.9880")


def test_a_value_that_leaves_the_limits_is_missing(tmp_path):
    columns = {"much": "total * 2", "by": "1 / (total - 2)"}
    project = Project(tmp_path, source("order", path="o.parquet", customer="who", time="at", columns=columns))
    table = pa.table({"who": ["a", "b"], "at": [datetime(2026, 1, 1)] * 2, "total": [9 * 10**18, 2]})
    pq.write_table(table, tmp_path / "o.parquet")
    assert project.events(project.gather(), "order", "much", "by") == [(None, Decimal("0E-9")), (4, None)]


def test_a_not_a_number_is_missing(tmp_path):
    project = Project(tmp_path, source("order", path="o.parquet", customer="who", time="at"))
    table = pa.table({"who": ["a", "a"], "at": [datetime(2026, 1, 1)] * 2, "x": [float("nan"), 0.123456]})
    pq.write_table(table, tmp_path / "o.parquet")
    assert {x for (x,) in project.events(project.gather(), "order", "x")} == {None, Decimal("0.123456000")}


def test_several_kinds_come_from_one_file_that_is_read_once(tmp_path):
    kinds = [
        source(kind, path="visits.csv", customer="who", time="at", id="event_id", where=f"what = '{kind}'")
        for kind in ("search", "view")
    ]
    project = Project(tmp_path, *kinds)
    project.write("visits.csv", "event_id,who,at,what", "1,a,2026-01-01,search", "2,a,2026-01-02,view", "3,b,2026-01-02,view")
    gathered = project.gather()
    assert (gathered.events["search"].rows, gathered.events["view"].rows) == (1, 2)
    assert (gathered.events["search"].rank, gathered.events["view"].rank) == (0, 1)
    assert len(list((project.stores.cache / "shards").glob("*.json"))) == 1


LINES = ["i1,a,2026-01-02 10:00,2,5.00,x", "i1,a,2026-01-02 09:00,1,1.50,y", "i2,a,2026-01-03 09:00,1,2.00,x"]


def lines(tmp_path: Path, *rows: str) -> Project:
    project = Project(
        tmp_path,
        source(
            "order",
            path="lines.csv",
            customer="who",
            time="at",
            lines="invoice",
            sum=["amount", "qty"],
            columns={"amount": "qty * price"},
        ),
    )
    project.write("lines.csv", "invoice,who,at,qty,price,shop", *rows)
    return project


def test_lines_give_two_kinds_of_event(tmp_path):
    project = lines(tmp_path, *LINES)
    gathered = project.gather()
    assert [(f.kind, f.rows, f.rank) for f in gathered.events.values()] == [("order_line", 3, 0), ("order", 2, 1)]
    assert project.events(gathered, "order", "id", "time", "amount", "qty", "price", "shop") == [
        ("i1", datetime(2026, 1, 2, 9), Decimal("11.5000"), 3, None, None),
        ("i2", datetime(2026, 1, 3, 9), Decimal("2.0000"), 1, Decimal("2.0000"), "x"),
    ]
    assert project.events(gathered, "order_line", "invoice", "amount") == [
        ("i1", Decimal("1.5000")),
        ("i1", Decimal("10.0000")),
        ("i2", Decimal("2.0000")),
    ]
    assert "invoice" not in gathered.events["order"].columns


def test_equal_lines_of_one_file_all_count(tmp_path):
    project = lines(tmp_path, LINES[0], LINES[0], LINES[0])
    gathered = project.gather()
    assert project.events(gathered, "order", "amount") == [(Decimal("30.0000"),)]
    ids = [i for (i,) in project.events(gathered, "order_line", "id")]
    assert len(set(ids)) == 3
    assert gathered.sources["order"].identical == 2


def test_lines_with_two_customers_go_to_quarantine(tmp_path):
    project = lines(tmp_path, *LINES, "i1,b,2026-01-02 10:00,2,5.00,x", ",b,2026-01-02 10:00,2,5.00,x")
    gathered = project.gather()
    assert gathered.events["order"].rows == 1
    assert gathered.events["order_line"].rows == 1
    assert {(b.reason, b.rows) for b in gathered.quarantine} == {
        ("the lines of this event name two customers", 3),
        ("it does not say which event it is a line of", 1),
    }
    project.engine.parquet("bad", [gathered.bad_rows["order"]])
    bad = project.engine.rows('SELECT file, line, "column", value, row FROM bad ORDER BY line')
    assert [row[:4] for row in bad] == [
        ("lines.csv", 2, "who", "a"),
        ("lines.csv", 3, "who", "a"),
        ("lines.csv", 5, "who", "b"),
        ("lines.csv", 6, "invoice", None),
    ]
    assert json.loads(str(bad[0][4])) == {
        "invoice": "i1",
        "who": "a",
        "at": "2026-01-02 10:00:00",
        "qty": 2,
        "price": 5.0,
        "shop": "x",
    }
    assert project.customers(gathered, "customer") == [("a",)]
    report = gathered.sources["order"]
    assert report.rows == report.kept + report.quarantined


def test_times_that_cannot_be_go_to_quarantine_and_future_ones_stay(tmp_path):
    project = orders(
        tmp_path, "o1,a,1969-12-31,1,x", "o2,a,2199-12-31,1,x", "o3,a,2200-01-01,1,x", "o4,a,,1,x", "o5,b,2026-01-11,1,x"
    )
    gathered = project.gather()
    assert project.events(gathered, "order", "id") == [("o2",), ("o5",)]
    assert sum(b.rows for b in gathered.quarantine) == 3
    assert project.customers(gathered, "customer", as_of=datetime(2026, 1, 10, 12)) == []
    assert project.customers(gathered, "customer", as_of=datetime(2026, 1, 11)) == [("b",)]


def test_days_and_times_in_the_projects_zone(tmp_path):
    zone = "America/New_York"
    project = Project(
        tmp_path,
        source("visit", path="visits.csv", customer="who", time="at"),
        source("order", path="orders.csv", customer="who", time="day"),
        source("mail", path="mails.csv", customer="who", time="day", timezone="Asia/Tokyo"),
        zone=zone,
    )
    project.write(
        "visits.csv", "who,at", "a,2026-03-08 01:30", "a,2026-03-08 02:30", "a,2026-11-01 01:30", "a,2026-07-01T03:00:00Z"
    )
    project.write("orders.csv", "who,day", "a,2026-03-08", "a,2026-03-09", "a,2026-01-01")
    project.write("mails.csv", "who,day", "a,2026-03-09")
    gathered = project.gather()
    assert project.events(gathered, "visit", "time", "_day") == [
        (datetime(2026, 3, 8, 6, 30), date(2026, 3, 8)),
        (datetime(2026, 3, 8, 7, 30), date(2026, 3, 8)),  # 02:30 does not happen: moved to 03:30
        (datetime(2026, 7, 1, 3, 0), date(2026, 6, 30)),
        (datetime(2026, 11, 1, 5, 30), date(2026, 11, 1)),  # the first of the two
    ]
    assert project.events(gathered, "order", "time", "_day") == [
        (datetime(2026, 1, 1, 5), date(2026, 1, 1)),
        (datetime(2026, 3, 8, 5), date(2026, 3, 8)),
        (datetime(2026, 3, 9, 4), date(2026, 3, 9)),
    ]
    assert project.events(gathered, "mail", "time", "_day") == [(datetime(2026, 3, 8, 15), date(2026, 3, 8))]


def test_attributes_hold_from_the_first_load_on_or_from_when_the_source_says(tmp_path):
    project = Project(
        tmp_path,
        source("customers", path="c.csv", id="id", constant=["born"], since="joined"),
        source("order", path="o.csv", customer="who", time="at"),
    )
    project.write("c.csv", "id,joined,born,city", "a,2025-05-05,1980-01-01,Rome", "b,2026-01-09,1990-01-01,Oslo", "c,,,Bern")
    project.write("o.csv", "who,at", "d,2025-01-01", "c,2025-06-01")
    gathered = project.gather()
    columns = ("customer", "born", "city")
    assert project.customers(gathered, *columns, as_of=FIRST) == [
        ("a", date(1980, 1, 1), "Rome"),
        ("b", date(1990, 1, 1), "Oslo"),
        ("c", None, "Bern"),
        ("d", None, None),
    ]
    assert project.customers(gathered, *columns, as_of=datetime(2026, 1, 9, 12)) == [
        ("a", date(1980, 1, 1), None),
        ("b", date(1990, 1, 1), None),
        ("c", None, None),
        ("d", None, None),
    ]
    assert project.customers(gathered, "customer", as_of=datetime(2025, 5, 5)) == [("a",), ("d",)]
    assert project.customers(gathered, "customer", as_of=datetime(2025, 5, 4, 23)) == [("d",)]


def test_valid_from_a_date_or_a_column(tmp_path):
    fixed = Project(tmp_path, source("customers", path="c.csv", id="id", valid_from=date(2020, 1, 1)))
    fixed.write("c.csv", "id,city,from", "a,Rome,2024-01-01", "a,Oslo,2025-01-01", "b,Bern,2024-06-01")
    moving = Project(tmp_path / "x", source("customers", path="c.csv", id="id", valid_from="from"))
    moving.write("c.csv", "id,city,from", "a,Rome,2024-01-01", "a,Oslo,2025-01-01", "b,Bern,2024-06-01")
    gathered = moving.gather()
    assert moving.customers(gathered, "customer", "city", as_of=datetime(2024, 3, 1)) == [("a", "Rome"), ("b", None)]
    assert moving.customers(gathered, "customer", "city", as_of=datetime(2025, 1, 1)) == [("a", "Oslo"), ("b", "Bern")]
    assert moving.customers(gathered, "customer", "city", as_of=datetime(2024, 12, 31, 23)) == [("a", "Rome"), ("b", "Bern")]
    assert gathered.customers.keys == 2


def test_lookups_and_accounts_add_columns(tmp_path):
    project = Project(
        tmp_path,
        source("customers", path="c.csv", id="id", account="firm"),
        source("places", path="p.csv", id="zip", lookup="postcode"),
        source("accounts", path="f.csv", id="firm_id"),
    )
    project.write("c.csv", "id,postcode,firm", "a,01000,7", "b,99999,8", "c,,")
    project.write("p.csv", "zip,region", "01000,North", "1000,South")
    project.write("f.csv", "firm_id,sector", "7,toys", "9,cars")
    gathered = project.gather()
    assert project.customers(gathered, "customer", "region", "firm", "account.sector") == [
        ("a", "North", "7", "toys"),
        ("b", None, "8", None),
        ("c", None, None, None),
    ]
    assert gathered.accounts is not None
    assert gathered.accounts.columns == {"sector": TEXT}


def test_one_row_a_customer_the_fuller_of_two(tmp_path):
    project = Project(tmp_path, source("customers", path="c.csv", id="id"))
    project.write("c.csv", "id,city,phone", "a,Rome,", "a,Rome,1", "b,Oslo,2", "b,Oslo,2", ",Bern,3")
    gathered = project.gather()
    assert project.customers(gathered, "customer", "phone") == [("a", 1), ("b", 2)]
    report = gathered.sources["customers"]
    assert (report.rows, report.kept, report.duplicates, report.quarantined) == (5, 2, 1, 2)
    project.engine.parquet("bad", [gathered.bad_rows["customers"]])
    assert project.engine.rows("SELECT line, reason FROM bad ORDER BY line") == [
        (2, "the id stands in another row with other values; used is line 3"),
        (6, "the id is missing"),
    ]


def test_a_file_of_many_rows_a_customer_is_not_one_of_customers(tmp_path):
    project = Project(tmp_path, source("customers", path="c.csv", id="id"))
    project.write("c.csv", "id,n", *(f"a,{n}" for n in range(20)))
    with pytest.raises(DataError, match="does not identify its rows") as error:
        project.gather()
    assert error.value.code == "E214"


def test_case_is_folded_once_at_import(tmp_path):
    project = Project(tmp_path, source("customers", path="c.csv", id="id", fold=["email"]))
    project.write("c.csv", "id,email", "a,ANN@x.org", "b,Straße@X.org", "c,\u0130@x.org", "d,Cafe\u0301@x.org", "e,")
    assert [e for (e,) in project.customers(project.gather(), "email")] == [
        "ann@x.org",
        "strasse@x.org",
        "i\u0307@x.org",
        "caf\u00e9@x.org",
        None,
    ]


def test_ids_are_folded_where_the_source_says(tmp_path):
    project = Project(
        tmp_path,
        source("customers", path="c.csv", id="email", fold=["email"]),
        source("order", path="o.csv", customer="mail", time="at", fold=["mail", "kind"], columns={"kind": "concat(dept, '!')"}),
    )
    project.write("c.csv", "email,city", "Ann@X.org,Rome", "BJÖRN@x.org,Oslo")
    project.write("o.csv", "mail,at,dept", "ANN@x.org,2026-01-01,A", "björn@X.org,2026-01-02,É")
    gathered = project.gather()
    assert project.customers(gathered, "customer", "city") == [("ann@x.org", "Rome"), ("björn@x.org", "Oslo")]
    assert project.events(gathered, "order", "customer", "kind", "dept") == [
        ("ann@x.org", "a!", "A"),
        ("björn@x.org", "é!", "É"),
    ]
    assert project.gather(SECOND) == gathered


def test_one_map_for_customers_too(tmp_path):
    project = Project(
        tmp_path,
        source("customers", path="c.csv", id="id"),
        source("order", path="o.csv", customer="who", time="at"),
    )
    project.write("c.csv", "id,city", "a,Rome", "b,Oslo", "old,Bern")
    project.write("o.csv", "who,at", "a,2026-01-01")
    project.gather()
    with Loads(project.stores.record) as record:
        record.set_identity({("customers", "a"): "b", ("customers", "b"): "a", ("customers", "old"): "b"})
    gathered = project.gather()
    assert project.customers(gathered, "customer", "city") == [("a", "Oslo"), ("b", "Rome")]


def test_ids_that_cannot_be_told_apart_by_eye_go_to_quarantine(tmp_path):
    project = orders(tmp_path, "o1,a,2026-01-02,1,x", "o2,a\u202e,2026-01-02,1,x")
    gathered = project.gather()
    assert project.customers(gathered, "customer") == [("a",)]
    assert [(b.rows, b.reason) for b in gathered.quarantine] == [(1, "the id of the customer holds characters that cannot be seen")]


def test_a_file_with_a_header_and_no_rows_is_a_kind_without_events(tmp_path):
    project = Project(
        tmp_path,
        source("order", path="o.csv", customer="who", time="at"),
        source("refund", path="r.csv", customer="who", time="at", columns={"amount": "-1 * total"}),
    )
    project.write("o.csv", "who,at", "a,2026-01-01")
    project.write("r.csv", "who,at,total")
    gathered = project.gather()
    facts = gathered.events["refund"]
    assert (facts.rows, facts.first, facts.columns["amount"]) == (0, None, MONEY)


def test_a_name_that_would_be_sql(tmp_path):
    name = '"; drop table x; --/../y'
    project = Project(tmp_path, source(name, path="o.csv", customer="who", time="at"))
    project.write("o.csv", 'who,at,"a""b"', "a,2026-01-01,1")
    gathered = project.gather()
    assert project.events(gathered, name, 'a""b') == [(1,)]
    assert gathered.events[name].paths[0].parent == project.stores.cache / "events"


def test_accounts_need_a_customer_who_has_one(tmp_path):
    project = Project(tmp_path, source("customers", path="c.csv", id="id"), source("accounts", path="c.csv", id="id"))
    project.write("c.csv", "id,city", "a,Rome")
    with pytest.raises(DefinitionError, match="no customer says"):
        project.gather()


def test_a_column_named_like_our_own_is_refused(tmp_path):
    project = Project(tmp_path, source("customers", path="c.csv", id="id", columns={"x": "_key"}))
    project.write("c.csv", "id,_key", "a,Rome")
    with pytest.raises(DefinitionError, match="coterie uses itself"):
        project.gather()


def test_the_map_leads_to_the_customer(tmp_path):
    project = orders(tmp_path, "o1,a,2026-01-02,1,x", "o2,b,2026-01-03,2,x")
    project.gather()
    with Loads(project.stores.record) as record:
        record.set_identity({("order", "a"): "b", ("order", "b"): "a"})
    assert project.events(project.gather(), "order", "customer", "total") == [("a", 2), ("b", 1)]
    with Loads(project.stores.record) as record:
        record.set_identity({("order", "a"): "b"})
    assert project.events(project.gather(), "order", "customer", "total") == [("b", 1), ("b", 2)]


def test_row_order_changes_nothing(tmp_path):
    rows = [f"o{n % 7},c{n % 5},2026-01-{n % 9 + 1:02d},{n % 4},d{n % 3}" for n in range(60)]
    seen = []
    for name, listed in (("x", rows), ("y", rows[::-1]), ("z", rows[30:] + rows[:30])):
        for id_ in ("order_id", None):
            project = orders(tmp_path / f"{name}{id_}", *listed, id=id_)
            gathered = project.gather()
            columns = ["customer", "time", "_day", "id", "total", "dept"] + ([] if id_ else ["order_id"])
            seen.append((id_, project.events(gathered, "order", *columns)))
    for id_ in ("order_id", None):
        first, *others = [events for key, events in seen if key == id_]
        assert all(other == first for other in others)
    assert len(next(e for key, e in seen if key is None)) == 60


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"customer": "custmer_id"}, "E201", "did you mean 'customer_id'"),
        ({"columns": {"x": "totl * 2"}}, "E201", "did you mean 'total'"),
        ({"where": 'dept = "x"'}, "E201", "single quotes"),
        ({"columns": {"_x": "total"}}, None, ""),
        ({"id": None}, None, ""),
    ],
)
def test_wrong_names_teach(tmp_path, fields, code, words):
    project = orders(tmp_path, "o1,a,2026-01-02,1,x", **fields)
    if code is None:
        project.gather()
        return
    with pytest.raises(MissingColumn) as error:
        project.gather()
    assert error.value.code == code
    assert words in str(error.value)
    assert "last results stay" in str(error.value)


@pytest.mark.parametrize(("column", "hint"), [("time", "clock_time: time"), ("id", "id: id"), ("_x", "x_2: _x")])
def test_reserved_names_are_refused_with_a_way_out(tmp_path, column, hint):
    project = Project(tmp_path, source("order", path="o.csv", customer="who", time="at"))
    project.write("o.csv", f"who,at,{column}", "a,2026-01-01,1")
    with pytest.raises(DefinitionError) as error:
        project.gather()
    assert error.value.code == "E211"
    assert hint in str(error.value)


def test_a_source_cannot_depend_on_the_day_of_asking(tmp_path):
    project = orders(tmp_path, "o1,a,2026-01-02,1,x", where="at within 30 days")
    with pytest.raises(DefinitionError) as error:
        project.gather()
    assert error.value.code == "E212"


def test_a_time_that_is_none_is_told(tmp_path):
    project = orders(tmp_path, "o1,a,2026-01-02,1,x", time="dept")
    with pytest.raises(TypeMismatch, match="which is text"):
        project.gather()


def test_no_file_no_folder_nothing_in_it(tmp_path):
    for path in ("nothing.csv", "no/*.csv", "empty/"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(DataError) as error:
            Project(tmp_path, source("order", path=path, customer="a", time="b")).gather()
        assert error.value.code == "E210"


def test_a_full_disk_is_told_before_the_sort(tmp_path, monkeypatch):
    import shutil
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 10, 0))
    with pytest.raises(StoreError, match="free disk") as error:
        orders(tmp_path, "o1,a,2026-01-02,1,x").gather()
    assert error.value.code == "E504"


def test_customers_alone_are_a_project(tmp_path):
    project = Project(tmp_path, source("customers", path="c.csv", id="id", where="city is known"))
    project.write("c.csv", "id,city", "a,Rome", "b,")
    gathered = project.gather()
    assert project.customers(gathered, "customer", "city", as_of=SECOND) == [("a", "Rome")]
    assert dict(gathered.events) == {}


def test_online_retail(shared, tmp_path):
    retail = source(
        "order",
        path=str(shared / "data/online_retail_1/online_retail_1.parquet"),
        customer="CustomerID",
        time="InvoiceDate",
        lines="InvoiceNo",
        sum=["amount", "quantity"],
        columns={"amount": "Quantity * UnitPrice", "country": "Country", "product": "StockCode", "quantity": "Quantity"},
        where="not (InvoiceNo starts with 'C') and Quantity > 0 and UnitPrice > 0",
    )
    project = Project(tmp_path, retail, zone="Europe/London")
    gathered = project.gather()
    project.engine.parquet("orders", gathered.events["order"].paths)
    counted = project.engine.rows("SELECT count(*), sum(amount), count(DISTINCT _customer) FROM orders")
    assert counted == [(18_532, Decimal("8911407.9040"), 4_338)]
    assert gathered.events["order_line"].rows == 397_884


def test_that_ids_are_kept_as_text_is_no_news(tmp_path):
    project = Project(
        tmp_path,
        source("customers", path="customers.csv", id="id"),
        source("places", path="places.csv", id="postcode", lookup="postcode"),
        source("order", path="orders.csv", customer="who", time="at", id="no"),
    )
    project.write("customers.csv", "id,postcode,size", "0017,10115,010", "0018,E1 6AN,011")
    project.write("places.csv", "postcode,region", "10115,east", "E1 6AN,london")
    project.write("orders.csv", "no,who,at,code", "01,0017,2026-01-01,02", "02,0018,2026-01-02,03")
    told = [note for note in project.gather().notes if "kept as text" in note]
    assert [note.split(": kept")[0] for note in told] == ["customers: size", "order: code"]
