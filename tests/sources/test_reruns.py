"""What a second run does: what changed is read, what did not is kept, what was learned is remembered."""

import os
import shutil
import sqlite3
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from coterie.core.errors import DataError, MissingColumn, StoreError
from coterie.sources.loads import Loads
from tests.sources.gathering import FIRST, SECOND, THIRD, Project, source, table_bytes

ORDER = {"customer": "who", "time": "at"}


@pytest.fixture
def folder(tmp_path):
    project = Project(tmp_path, source("order", path="days/*.csv", id="order_id", **ORDER))
    project.write("days/1.csv", "order_id,who,at,total", "o1,a,2026-01-01,1", "o2,b,2026-01-02,2")
    return project


def test_nothing_changed_nothing_done(folder):
    first = folder.gather()
    again = folder.gather(SECOND)
    assert again == first
    assert folder.told == []


def test_a_new_file_of_a_folder_is_the_only_one_read(folder):
    folder.gather()
    folder.write("days/2.csv", "order_id,who,at,total", "o3,c,2026-01-03,3")
    gathered = folder.gather(SECOND)
    assert {what for what in folder.told if what.startswith("reading")} == {"reading days/2.csv"}
    learned = folder.events(gathered, "order", "id", "_learned_at")
    assert learned == [("o1", FIRST), ("o2", FIRST), ("o3", SECOND)]


def test_a_touched_file_is_the_same_file(folder):
    first = folder.gather()
    path = folder.folder / "days/1.csv"
    path.write_bytes(path.read_bytes())
    assert folder.gather(SECOND) == first


def test_a_file_of_the_same_size_and_time_is_not_read_to_be_compared(folder):
    first = folder.gather()
    path = folder.folder / "days/1.csv"
    state = path.stat()
    path.write_bytes(b"x" * state.st_size)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert folder.gather(SECOND) == first


def test_the_same_file_twice_counts_once(folder):
    shutil.copy(folder.folder / "days/1.csv", folder.folder / "days/copy.csv")
    gathered = folder.gather()
    assert gathered.events["order"].rows == 2
    assert any("days/copy.csv is the same file as days/1.csv" in note for note in gathered.notes)


def test_an_id_counts_once_and_the_newer_file_wins(folder):
    folder.gather()
    folder.write("days/0.csv", "order_id,who,at,total", "o1,a,2026-01-01,1", "o2,b,2026-01-02,20", "o4,b,2026-01-04,4")
    gathered = folder.gather(SECOND)
    assert folder.events(gathered, "order", "id", "total") == [("o1", 1), ("o2", 20), ("o4", 4)]
    report = gathered.sources["order"]
    assert (report.duplicates, report.conflicts, report.kept, report.rows) == (1, 1, 3, 5)


def test_loaded_together_the_later_name_is_the_newer_file(folder):
    folder.write("days/0.csv", "order_id,who,at,total", "o2,b,2026-01-02,20")
    assert folder.events(folder.gather(), "order", "id", "total") == [("o1", 1), ("o2", 2)]


def test_a_conflict_may_change_the_customer(folder):
    folder.write("days/2.csv", "order_id,who,at,total", "o1,z,2026-01-02,20")
    gathered = folder.gather()
    assert folder.customers(gathered, "customer") == [("b",), ("z",)]


def test_overlap_without_an_id_is_reported_and_counted_once(tmp_path):
    project = Project(tmp_path, source("order", path="days/*.csv", **ORDER))
    project.write("days/1.csv", "who,at,total", "a,2026-01-01,1", "a,2026-01-02,2", "a,2026-01-02,2")
    project.write("days/2.csv", "who,at,total", "a,2026-01-02,2", "a,2026-01-03,3")
    gathered = project.gather()
    assert [n for (n,) in project.events(gathered, "order", "total")] == [1, 2, 2, 3]
    report = gathered.sources["order"]
    assert (report.overlaps, report.identical, report.kept) == (1, 1, 4)
    assert any("1 row stands in two files and counts" in note for note in gathered.notes)


def test_a_snapshot_replaces(tmp_path):
    project = Project(tmp_path, source("order", path="o.csv", **ORDER))
    project.write("o.csv", "who,at,total", "a,2026-01-01,1", "b,2026-01-02,2")
    project.gather()
    project.write("o.csv", "who,at,total", "a,2026-01-01,10")
    gathered = project.gather(SECOND)
    assert project.events(gathered, "order", "customer", "total") == [("a", 10)]
    assert project.customers(gathered, "customer", as_of=SECOND) == [("a",)]


def people(tmp_path, **fields):
    project = Project(
        tmp_path,
        source("customers", **{"path": "c.csv", "id": "id", "constant": ["born"], **fields}),
        source("order", path="o.csv", **ORDER),
    )
    project.write("c.csv", "id,city,born", "a,Rome,1980", "b,Oslo,1990", "c,Bern,2000")
    project.write("o.csv", "who,at", "a,2025-01-01", "c,2025-01-01")
    return project


def test_attributes_keep_their_history(tmp_path):
    project = people(tmp_path)
    project.gather(FIRST)
    project.write("c.csv", "id,city,born", "c,Bern,2000", "a,Paris,1980", "d,Kyiv,1970")
    gathered = project.gather(SECOND)
    columns = ("customer", "city", "born")
    assert project.customers(gathered, *columns, as_of=SECOND) == [
        ("a", "Paris", 1980), ("c", "Bern", 2000), ("d", "Kyiv", 1970),
    ]  # fmt: skip
    assert project.customers(gathered, *columns, as_of=FIRST) == [
        ("a", "Rome", 1980), ("b", "Oslo", 1990), ("c", "Bern", 2000), ("d", None, 1970),
    ]  # fmt: skip
    assert [c for (c,) in project.customers(gathered, "city", as_of=datetime(2025, 6, 1))] == [None] * 4
    parts = sorted((project.stores.record / "attributes").iterdir())
    assert [p.name for p in parts] == ["customers-1.parquet", "customers-2.parquet"]
    project.engine.parquet("part", [parts[1]])
    assert project.engine.rows("SELECT id, _gone FROM part ORDER BY id") == [("a", False), ("b", True), ("d", False)]


def test_who_left_and_comes_back(tmp_path):
    project = people(tmp_path)
    project.gather(FIRST)
    project.write("c.csv", "id,city,born", "b,Oslo,1990")
    project.gather(SECOND)
    project.write("c.csv", "id,city,born", "a,Rome,1980", "b,Oslo,1990")
    gathered = project.gather(THIRD)
    # c has events and stays, though nothing is known of it any more but what never changes
    assert project.customers(gathered, "customer", "city", "born", as_of=SECOND) == [
        ("a", None, 1980), ("b", "Oslo", 1990), ("c", None, 2000),
    ]  # fmt: skip
    assert project.customers(gathered, "customer", "city", as_of=THIRD) == [("a", "Rome"), ("b", "Oslo"), ("c", None)]


def test_a_literal_valid_from_dates_first_versions_alone(tmp_path):
    from datetime import date

    project = people(tmp_path, valid_from=date(2020, 1, 1))
    project.gather(FIRST)
    project.write("c.csv", "id,city,born", "a,Paris,1980", "b,Oslo,1990", "c,Bern,2000", "d,Kyiv,1970")
    gathered = project.gather(SECOND)

    def cities(as_of):
        return [c for (c,) in project.customers(gathered, "city", as_of=as_of)]

    assert cities(datetime(2020, 1, 1)) == ["Oslo", "Kyiv"]  # a and c exist from their first event
    assert cities(FIRST) == ["Rome", "Oslo", "Bern", "Kyiv"]
    assert cities(SECOND) == ["Paris", "Oslo", "Bern", "Kyiv"]


def test_rows_with_their_own_day_leave_and_come_back(tmp_path):
    project = Project(tmp_path, source("customers", path="c.csv", id="id", valid_from="from"))
    rows = ["a,Rome,2024-01-01", "a,Oslo,2025-01-01"]
    project.write("c.csv", "id,city,from", *rows, "b,Bern,2024-01-01")
    project.gather(FIRST)
    project.write("c.csv", "id,city,from", "b,Bonn,2024-01-01")
    project.gather(SECOND)
    project.write("c.csv", "id,city,from", *rows, "b,Bonn,2024-01-01")
    gathered = project.gather(THIRD)

    def cities(as_of):
        return project.customers(gathered, "customer", "city", as_of=as_of)

    assert cities(datetime(2024, 6, 1)) == [("a", "Rome"), ("b", "Bonn")]  # a correction holds from its day on
    assert cities(FIRST) == [("a", "Oslo"), ("b", "Bonn")]
    assert cities(SECOND) == [("b", "Bonn")]
    assert cities(THIRD) == [("a", "Oslo"), ("b", "Bonn")]
    for row, city in (("a,Milan,2024-01-01", "Oslo"), ("a,Bergen,2025-01-01", "Bergen")):
        # A correction of a day that was over before a left says nothing of now; one of the last day holds since a is back.
        rows = [row if row[-10:] == old[-10:] else old for old in rows]
        project.write("c.csv", "id,city,from", *rows, "b,Bonn,2024-01-01")
        later = THIRD + timedelta(days=1 + rows.index(row))
        gathered = project.gather(later)
        assert cities(THIRD) == cities(later) == [("a", city), ("b", "Bonn")]


def test_a_renamed_column_makes_no_history(tmp_path):
    project = people(tmp_path)
    project.gather(FIRST)
    order = project.sources[1]
    project.sources = (source("customers", path="c.csv", id="id", columns={"town": "city", "age": "2026 - born"}), order)
    gathered = project.gather(SECOND)
    assert project.customers(gathered, "town", "age", as_of=FIRST)[0] == ("Rome", 46)
    assert gathered.customers.single


def test_columns_that_come_go_and_change_their_kind(tmp_path):
    project = Project(tmp_path, source("customers", path="c.csv", id="id"))
    project.write("c.csv", "id,size,old", "a,1,x", "b,2,y")
    project.gather(FIRST)
    project.write("c.csv", "id,size,new", "a,1,7", "b,XL,8")
    gathered = project.gather(SECOND)
    assert list(gathered.customers.columns) == ["size", "new"]
    assert project.customers(gathered, "size", "new", as_of=FIRST) == [("1", None), ("2", None)]
    assert project.customers(gathered, "size", "new", as_of=SECOND) == [("1", 7), ("XL", 8)]


def test_a_tombstone_takes_a_customer_and_an_event_away(tmp_path):
    project = Project(
        tmp_path,
        source("customers", path="c.csv", id="id", deleted="gone"),
        source("order", path="days/*.csv", id="order_id", deleted="void", **ORDER),
    )
    project.write("c.csv", "id,gone", "a,no", "b,yes", "c,")
    project.write("days/1.csv", "order_id,who,at,void", "o1,a,2026-01-01,", "o2,a,2026-01-02,")
    project.write("days/2.csv", "order_id,who,at,void", "o2,,,true")
    gathered = project.gather()
    assert project.events(gathered, "order", "id") == [("o1",)]
    assert project.customers(gathered, "customer") == [("a",), ("c",)]
    report = gathered.sources["order"]
    assert (report.rows, report.kept, report.deleted, report.conflicts) == (3, 1, 2, 0)


def test_deleting_the_cache_changes_nothing(tmp_path):
    project = people(tmp_path)
    project.gather(FIRST)
    project.write("c.csv", "id,city,born", "a,Paris,1980", "d,Kyiv,1970")
    project.write("o.csv", "who,at", "a,2025-01-01", "c,2025-01-01", "e,2026-02-01")
    before = project.gather(SECOND)
    kept = table_bytes(before)
    shutil.rmtree(project.stores.cache)
    after = project.gather(THIRD)
    assert table_bytes(after) == kept
    assert after == before


def test_one_source_that_changed_leaves_the_other_tables_alone(tmp_path):
    project = people(tmp_path)
    project.gather(FIRST)
    project.write("c.csv", "id,city,born", "a,Paris,1980", "b,Oslo,1990", "c,Bern,2000")
    project.gather(SECOND)
    assert not any("events" in what or "rows of order" in what for what in project.told)


def test_a_lost_column_that_is_used_is_an_error_and_the_last_tables_stay(tmp_path):
    project = Project(tmp_path, source("order", path="o.csv", columns={"amount": "total * 2"}, **ORDER))
    project.write("o.csv", "who,at,total,dept", "a,2026-01-01,1,x")
    before = project.gather()
    kept = table_bytes(before)
    project.write("o.csv", "who,at,totals,shop", "a,2026-01-01,1,x")
    with pytest.raises(MissingColumn) as error:
        project.gather(SECOND)
    assert "did you mean 'totals'" in str(error.value)
    assert error.value.message == "o.csv has no column 'total' any more (it had until the run of 10 Jan 2026, 12:00)"
    assert (error.value.source, error.value.column) == ("order", "total")
    assert table_bytes(before) == kept
    project.write("o.csv", "who,at,total,shop", "a,2026-01-01,1,x")
    notes = project.gather(SECOND).notes
    assert "order: new since the last time: shop" in notes
    assert "order: no longer there: dept" in notes


def test_until_when_a_column_was_there_is_kept(tmp_path):
    project = Project(tmp_path, source("order", path="o.csv", **ORDER))
    had = {}
    for at, header in ((FIRST, "who,at,a,b"), (SECOND, "who,at,a"), (THIRD, "who,at")):
        project.write("o.csv", header, ",".join(["x", "2026-01-01", "1", "2"][: header.count(",") + 1]))
        project.gather(at)
        project.gather(at + timedelta(hours=1))  # nothing has changed
        with Loads(project.stores.record) as record:
            had[at] = record.had("order")
    seen = {at: at + timedelta(hours=1) for at in had}
    assert had[FIRST] == dict.fromkeys(["who", "at", "a", "b"], seen[FIRST])
    assert had[SECOND] == dict.fromkeys(["who", "at", "a"], seen[SECOND]) | {"b": seen[FIRST]}
    assert had[THIRD] == dict.fromkeys(["who", "at"], seen[THIRD]) | {"a": seen[SECOND], "b": seen[FIRST]}
    project.write("o.csv", "who,at,b", "x,2026-01-01,2")
    project.gather(THIRD + timedelta(days=1))
    with Loads(project.stores.record) as record:
        assert record.had("order")["b"] == THIRD + timedelta(days=1)


def test_a_record_of_an_older_form_is_brought_up_to_date(folder):
    folder.gather()
    record = sqlite3.connect(folder.stores.record / "record.sqlite")
    record.executescript("DROP TABLE gone; ALTER TABLE seen DROP COLUMN at; UPDATE forms SET version = 2 WHERE part = 'loads'")
    record.close()
    with Loads(folder.stores.record) as loads:
        assert loads.had("order") == {}
    folder.gather(SECOND)
    with Loads(folder.stores.record) as loads:
        assert set(loads.had("order").values()) == {SECOND}


def test_columns_of_files_that_do_not_agree(tmp_path):
    project = Project(tmp_path, source("order", path="days/*.csv", **ORDER))
    project.write("days/1.csv", "who,at,sku,price,note", "a,2026-01-01,0100,1,")
    project.write("days/2.csv", "who,at,sku,price,note,more", "a,2026-01-02,200,2.50,x,7")
    project.write("days/3.csv", "who,at,sku,price", "a,2026-01-03,A7,3")
    gathered = project.gather()
    assert project.events(gathered, "order", "sku", "price", "note", "more") == [
        ("0100", Decimal("1.0000"), None, None), ("200", Decimal("2.5000"), "x", 7), ("A7", Decimal("3.0000"), None, None),
    ]  # fmt: skip


def test_a_newer_record_is_refused_by_name(folder):
    folder.gather()
    record = sqlite3.connect(folder.stores.record / "record.sqlite")
    record.execute("UPDATE forms SET version = 99 WHERE part = 'loads'")
    record.commit()
    record.close()
    with pytest.raises(StoreError, match="newer coterie") as error:
        folder.gather()
    assert error.value.code == "E503"


def test_a_damaged_record_is_told(folder):
    folder.gather()
    (folder.stores.record / "record.sqlite").write_bytes(b"no database" * 500)
    for more in folder.stores.record.glob("record.sqlite-*"):
        more.unlink()
    with pytest.raises(StoreError) as error:
        folder.gather()
    assert error.value.code == "E502"


def test_a_kill_at_any_write_leaves_the_last_tables_readable(tmp_path, monkeypatch):
    """Fails the n-th write for every n: what was there stays whole, and the next run is right."""
    project = people(tmp_path)
    before = project.gather(FIRST)
    kept = table_bytes(before)
    project.write("c.csv", "id,city,born", "a,Paris,1980", "d,Kyiv,1970")
    project.write("o.csv", "who,at", "a,2025-01-01", "e,2026-02-01")
    write = type(project.engine).write_parquet
    clean = Project(tmp_path / "clean", *project.sources)
    for n in range(20):
        left = [n]

        def failing(self, query, path, about="", left=left):
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            return write(self, query, path, about)

        monkeypatch.setattr(type(project.engine), "write_parquet", failing)
        try:
            project.gather(SECOND)
        except KeyboardInterrupt:
            assert table_bytes(before) == kept
            continue
        break
    else:
        pytest.fail("never finished")
    assert n >= 3
    monkeypatch.undo()
    for name in ("c.csv", "o.csv"):
        clean.write(name, *(project.folder / name).read_text().splitlines())
    mine = project.gather(SECOND)
    assert project.events(mine, "order", "customer", "time") == clean.events(clean.gather(SECOND), "order", "customer", "time")
    assert project.customers(mine, "customer", "city", as_of=SECOND) == [("a", "Paris"), ("d", "Kyiv"), ("e", None)]


def test_first_loads_are_remembered(tmp_path):
    with Loads(tmp_path) as record:
        assert record.learned("order", [("x", "1.csv")], FIRST) == {"x": FIRST}
        assert record.learned("order", [("x", "1.csv"), ("y", "2.csv")], SECOND) == {"x": FIRST, "y": SECOND}
        assert record.learned("other", [("x", "1.csv")], SECOND) == {"x": SECOND}


def test_old_tables_are_cleared_away(tmp_path):
    project = Project(tmp_path, source("order", path="o.csv", **ORDER))
    last = None
    for n in range(6):
        project.write("o.csv", "who,at,total", f"a,2026-01-01,{n}")
        last = project.gather(SECOND)
    assert last is not None
    tables = list((project.stores.cache / "events").iterdir())
    assert len(tables) == 2
    assert last.events["order"].paths[0] in tables
    assert len(list((project.stores.cache / "shards").glob("*.parquet"))) == 2
    assert project.events(last, "order", "total") == [(5,)]


def test_tables_that_are_still_read_stay(tmp_path):
    project = Project(tmp_path, source("order", path="o.csv", **ORDER))
    project.write("o.csv", "who,at,total", "a,2026-01-01,0")
    first = project.gather()
    project.shown = frozenset(f"events/{path.name}" for path in first.events["order"].paths)
    for n in range(1, 5):
        project.write("o.csv", "who,at,total", f"a,2026-01-01,{n}")
        project.gather(SECOND)
    project.engine.parquet("read", first.events["order"].paths)
    assert project.engine.rows("SELECT total FROM read") == [(0,)]
    assert len(list((project.stores.cache / "events").iterdir())) == 3


def database(tmp_path, **fields):
    connection = sqlite3.connect(tmp_path / "shop.db")
    connection.execute("CREATE TABLE orders (order_id INTEGER, who TEXT, at TEXT, total REAL, changed TEXT)")
    connection.executemany(
        "INSERT INTO orders VALUES (?, ?, ?, ?, ?)",
        [
            (1, "a", "2026-01-01 10:00:00", 1.5, "2026-01-01 10:00:00"),
            (2, "b", "2026-01-02 10:00:00", 2.5, "2026-01-02 10:00:00"),
        ],
    )
    connection.commit()
    project = Project(
        tmp_path, source("order", **{"url": "sqlite:///shop.db", "table": "orders", "id": "order_id", **ORDER, **fields})
    )
    return connection, project


def test_a_database_is_read_anew(tmp_path):
    connection, project = database(tmp_path)
    gathered = project.gather()
    assert project.events(gathered, "order", "id", "total") == [("1", Decimal("1.5000")), ("2", Decimal("2.5000"))]
    assert project.gather(SECOND) == gathered
    connection.execute("DELETE FROM orders WHERE order_id = 2")
    connection.commit()
    connection.close()
    assert project.events(project.gather(SECOND), "order", "id") == [("1",)]


def test_a_database_is_read_from_where_it_was_left(tmp_path):
    connection, project = database(tmp_path, updated_at="changed")
    project.gather(FIRST)
    connection.execute("INSERT INTO orders VALUES (3, 'c', '2026-01-03 10:00:00', 3.5, '2026-01-03 10:00:00')")
    connection.execute("UPDATE orders SET total = 20, changed = '2026-01-04 10:00:00' WHERE order_id = 2")
    connection.commit()
    gathered = project.gather(SECOND)
    columns = ("id", "total", "_learned_at")
    expected = [("1", Decimal("1.5000"), FIRST), ("2", Decimal("20.0000"), SECOND), ("3", Decimal("3.5000"), SECOND)]
    assert project.events(gathered, "order", *columns) == expected
    assert len(gathered.sources["order"].files) == 2
    assert project.gather(THIRD) == gathered
    connection.close()
    shutil.rmtree(project.stores.cache)
    assert project.events(project.gather(THIRD), "order", *columns) == expected


def test_a_variable_that_is_not_set(tmp_path):
    project = Project(tmp_path, source("order", url="sqlite:///${SHOP}.db", table="orders", **ORDER))
    with pytest.raises(DataError) as error:
        project.gather()
    assert error.value.code == "E213"


def test_postgres_is_read_from_where_it_was_left(tmp_path, postgres_url):
    import sqlalchemy as sa

    engine = sa.create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE IF EXISTS shop_orders"))
        connection.execute(
            sa.text("CREATE TABLE shop_orders (order_id int, who text, at timestamptz, total numeric(10, 2), changed timestamptz)")
        )
        connection.execute(
            sa.text(
                "INSERT INTO shop_orders VALUES (1, 'a', '2026-01-01 10:00+02', 1.50, '2026-01-01 10:00:00.123456+02'),"
                " (2, 'b', '2026-01-02 10:00+02', 2.50, NULL)"
            )
        )
    order = source("order", url="${SHOP}", table="shop_orders", id="order_id", updated_at="changed", **ORDER)
    project = Project(tmp_path, order, zone="Europe/Berlin")
    project.environ = {"SHOP": postgres_url}
    columns = ("id", "time", "total", "_learned_at")
    assert project.events(project.gather(FIRST), "order", *columns) == [
        ("1", datetime(2026, 1, 1, 8), Decimal("1.5000"), FIRST),
        ("2", datetime(2026, 1, 2, 8), Decimal("2.5000"), FIRST),
    ]
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE shop_orders SET total = 9, changed = '2026-01-01 08:00:00.123457+00' WHERE order_id = 1")
        )
    engine.dispose()
    gathered = project.gather(SECOND)
    assert project.events(gathered, "order", "id", "total", "_learned_at") == [
        ("1", Decimal("9.0000"), SECOND),
        ("2", Decimal("2.5000"), FIRST),
    ]
    assert project.gather(THIRD) == gathered


def test_a_file_that_changes_while_it_is_read(folder, monkeypatch):
    from coterie.sources import assembly
    from coterie.sources.reading import read_typed

    path = folder.folder / "days/1.csv"

    def slow(location, *args, **options):
        done = read_typed(location, *args, **options)
        path.write_text("order_id,who,at,total\no9,z,2026-01-01,1\n")
        return done

    with pytest.raises(DataError, match="changed while it was read") as error:
        assembly.gather(folder.folder, folder.sources, engine=folder.engine, stores=folder.stores, zone="UTC", now=FIRST, read=slow)
    assert error.value.code == "E219"
    assert folder.events(folder.gather(), "order", "id") == [("o9",)]


def test_a_folder_that_cannot_be_written(folder, monkeypatch):
    from coterie.sources import assembly

    def full(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(assembly, "write_json", full)
    with pytest.raises(StoreError, match="no space left on device") as error:
        folder.gather()
    assert error.value.code == "E506"


def test_a_file_that_may_not_be_read(folder, monkeypatch):
    def refuse(self, *args, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(folder.folder), "open", refuse)
    with pytest.raises(DataError, match="permission denied") as error:
        folder.gather()
    assert error.value.code == "E218"
