"""Exports: the same bytes whatever the machine, nothing a spreadsheet would run, flat memory, never half a file."""

import csv
import io
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import coterie
from coterie.core.errors import CoterieError, DefinitionError, StoreError
from coterie.workspace import export as exporting
from coterie.workspace.export import XLSX_ROWS, even, file_name, write_csv, write_jsonl, write_parquet, write_xlsx
from tests import shops

FORMS = ("csv", "jsonl", "parquet", "xlsx")


@pytest.fixture(scope="module")
def tiny() -> Iterator[coterie.Workspace]:
    space = coterie.open(shops.tiny())
    yield space
    space.close()


@pytest.fixture(scope="module")
def shop() -> Iterator[coterie.Workspace]:
    space = coterie.open(shops.demo())
    yield space
    space.close()


def of(*columns: tuple[str, pa.Array]) -> Iterator[pa.RecordBatch]:
    yield pa.RecordBatch.from_arrays([a for _, a in columns], names=[n for n, _ in columns])


def lines_of(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_bytes().decode(), newline="")))


def in_csv(texts: list[str | None], *, raw: bool = False) -> list[list[str]]:
    file = io.BytesIO()
    write_csv(of(("text", pa.array(texts, pa.string()))), file, raw=raw)
    return list(csv.reader(io.StringIO(file.getvalue().decode(), newline="")))


# --- what stands in a file


def test_default_columns_are_those_that_the_rule_reads(tiny: coterie.Workspace, tmp_path: Path) -> None:
    done = tiny.export("german_vip", out=tmp_path)
    assert (done.path, done.rows) == (tmp_path / "german_vip.csv", 1)
    assert done.path.read_bytes() == b"customer,revenue,last_order,country\r\na1,120.50,2026-03-20T10:30:00Z,DE\r\n"


def test_columns_asked_for(tiny: coterie.Workspace, tmp_path: Path) -> None:
    done = tiny.export("true", "csv", ["age", "german", "customer", "lifecycle", "age"], tmp_path / "x.csv")
    assert lines_of(done.path) == [
        ["customer", "age", "german", "lifecycle"],
        ["a1", "31", "true", "active"],
        ["a2", "45", "false", "active"],
        ["a3", "", "true", "lapsed"],
        ["a4", "52", "", "active"],
        ["a5", "28", "false", "prospect"],
    ]


@pytest.mark.parametrize("name", ["vip", "german", '"; drop table', "not vip", "age > 30", "revenue > 100 or german"])
def test_count_members_and_export_agree(tiny: coterie.Workspace, tmp_path: Path, name: str) -> None:
    written = '"""; drop table"' if name.startswith('"') else name
    rows = tiny.export(name, out=tmp_path / "x.csv").rows
    assert rows == tiny.count(written).size.inside
    if name in tiny.segments:
        assert rows == len(tiny.segments.members(name)) == tiny.segments.size(name).inside


def test_what_is_measured_anew_can_be_exported(tiny: coterie.Workspace, tmp_path: Path) -> None:
    done = tiny.export("count(order within 10 days) > 0", out=tmp_path / "x.csv")
    assert done.path.read_bytes() == b"customer\r\na4\r\n"


def test_jsonl(tiny: coterie.Workspace, tmp_path: Path) -> None:
    done = tiny.export("german", columns=["email", "revenue", "age", "last_order", "vip"], out=tmp_path / "x.jsonl")
    assert [json.loads(line) for line in done.path.read_text().splitlines()] == [
        {"customer": "a1", "email": "a1@example.com", "revenue": 120.5, "age": 31,
         "last_order": "2026-03-20T10:30:00Z", "vip": True},
        {"customer": "a3", "email": '=HYPERLINK("http://x")', "revenue": 500.0, "age": None,
         "last_order": "2025-06-01T07:00:00Z", "vip": False},
    ]  # fmt: skip


def test_parquet(tiny: coterie.Workspace, tmp_path: Path) -> None:
    done = tiny.export("german", columns=["revenue", "last_order"], out=tmp_path / "x.parquet")
    found = pq.read_table(done.path)
    assert found.schema.field("last_order").type == pa.timestamp("us", tz="UTC")
    assert found.column("revenue").to_pylist() == [Decimal("120.5000"), Decimal("500.0000")]


def test_xlsx_is_local_time_and_never_a_formula(tiny: coterie.Workspace, tmp_path: Path) -> None:
    done = tiny.export("german", columns=["email", "revenue", "last_order", "vip"], out=tmp_path / "x.xlsx")
    sheet = openpyxl.load_workbook(done.path).active
    assert sheet is not None
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0] == ("customer", "email", "revenue", "last_order", "vip")
    assert rows[1] == ("a1", "a1@example.com", 120.5, datetime(2026, 3, 20, 11, 30), True)
    assert [cell.data_type for cell in sheet[3]] == ["s", "s", "n", "d", "b"]


def test_an_empty_segment_is_a_heading(tiny: coterie.Workspace, tmp_path: Path) -> None:
    assert tiny.export("revenue > 9999", out=tmp_path / "x.csv").path.read_bytes() == b"customer,revenue\r\n"
    for form in ("jsonl", "parquet", "xlsx"):
        assert tiny.export("revenue > 9999", form, out=tmp_path / f"x.{form}").rows == 0
    assert pq.read_table(tmp_path / "x.parquet").column_names == ["customer", "revenue"]


# --- formulas and quotes

PAYLOADS = [
    lead + rest
    for lead in ("=", "+", "-", "@", "\t", "\r", "\0", "−", "＝", "＋", "－", "＠")
    for rest in ("1+1", 'HYPERLINK("http://x")', "cmd|' /C calc'!A0", "SUM(A1:A9)", ",", '"', "\n", "ü", "", " x", "9", "=", "'",
                 "A1", "IMPORTXML(1)", "\r\n=1", "x;y")
]  # fmt: skip


def test_payloads_are_disarmed_and_come_back() -> None:
    assert len(PAYLOADS) >= 200
    rows = in_csv(list(PAYLOADS))
    assert rows[0] == ["text"]
    assert [row[0] for row in rows[1:]] == [f"'{payload}" for payload in PAYLOADS]
    assert [row[0] for row in in_csv(list(PAYLOADS), raw=True)[1:]] == PAYLOADS


def test_headings_are_disarmed_too() -> None:
    file = io.BytesIO()
    write_csv(of(("=1+1", pa.array([1]))), file)
    assert file.getvalue() == b"'=1+1\r\n1\r\n"


def test_numbers_are_exempt() -> None:
    file = io.BytesIO()
    columns = [("i", pa.array([-5])), ("m", pa.array([Decimal("-1.5000")], pa.decimal128(18, 4))), ("f", pa.array([-0.25]))]
    write_csv(of(*columns), file)
    assert file.getvalue() == b"i,m,f\r\n-5,-1.50,-0.25\r\n"


@given(st.lists(st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]))), min_size=1))
def test_any_text_comes_back(texts: list[str | None]) -> None:
    file = io.BytesIO()
    write_csv(of(("n", pa.array(range(len(texts)))), ("text", pa.array(texts, pa.string()))), file, raw=True)
    rows = list(csv.reader(io.StringIO(file.getvalue().decode(), newline="")))[1:]
    assert [row[1] for row in rows] == [text or "" for text in texts]
    lines = io.BytesIO()
    write_jsonl(of(("text", pa.array(texts, pa.string()))), lines)
    assert [json.loads(line)["text"] for line in lines.getvalue().decode().split("\n")[:-1]] == texts


def test_missing_and_empty_texts_differ() -> None:
    file = io.BytesIO()
    write_csv(of(("a", pa.array(["", None])), ("b", pa.array([1, 2]))), file)
    assert file.getvalue() == b'a,b\r\n"",1\r\n,2\r\n'


def test_kinds_of_values() -> None:
    columns = [
        ("day", pa.array([date(2026, 3, 1)])),
        ("instant", pa.array([datetime(2026, 3, 1, 12, 0, 0, 250000)], pa.timestamp("us"))),
        ("money", pa.array([Decimal("1234.5678")], pa.decimal128(18, 4))),
        ("exact", pa.array([Decimal("0.100000000")], pa.decimal128(24, 9))),
        ("float", pa.array([0.1 + 0.2])),
        ("yes", pa.array([True])),
        ("tags", pa.array([["a", 'b"c']])),
    ]
    file = io.BytesIO()
    write_csv(of(*columns), file)
    text = file.getvalue().decode().split("\r\n")[1]
    assert text == '2026-03-01,2026-03-01T12:00:00.250000Z,1234.5678,0.10,0.30000000000000004,true,"[""a"", ""b\\""c""]"'
    file = io.BytesIO()
    write_jsonl(of(*columns), file)
    assert json.loads(file.getvalue()) == {
        "day": "2026-03-01", "instant": "2026-03-01T12:00:00.250000Z", "money": 1234.5678, "exact": 0.1,
        "float": 0.30000000000000004, "yes": True, "tags": ["a", 'b"c'],
    }  # fmt: skip


def test_what_excel_cannot_hold_is_a_text_or_refused() -> None:
    file = io.BytesIO()
    odd = [("n", pa.array([12345678901234567])), ("d", pa.array([date(1850, 1, 1)])), ("l", pa.array([["a"]]))]
    write_xlsx(of(*odd), file, "Europe/Berlin", datetime(2026, 3, 1))
    sheet = openpyxl.load_workbook(file).active
    assert sheet is not None
    assert next(sheet.iter_rows(min_row=2, values_only=True)) == ("12345678901234567", "1850-01-01", '["a"]')
    with pytest.raises(CoterieError, match="32,768 characters"):
        write_xlsx(of(("t", pa.array(["x" * 32_768]))), io.BytesIO(), "UTC", datetime(2026, 3, 1))


# --- refusals


def test_xlsx_is_refused_beyond_its_rows(tiny: coterie.Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.results.selected("vip")  # what a rule reads is known before the engine tells tales
    engine = tiny.results.engine
    monkeypatch.setattr(engine, "rows", lambda *_: [(XLSX_ROWS + 1,)])
    with pytest.raises(CoterieError) as refused:
        tiny.export("vip", out=tmp_path / "x.xlsx")
    assert refused.value.code == "E522"
    assert "1,048,575" in refused.value.message
    assert refused.value.hint is not None
    for form in ("csv", "parquet", "jsonl"):
        assert form in refused.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_not_replaced_unasked(tiny: coterie.Workspace, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("mine")
    with pytest.raises(CoterieError, match="is there already"):
        tiny.export("vip", out=tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text() == "mine"
    assert tiny.export("vip", out=tmp_path / "x.csv", force=True).rows == 3


def test_a_failure_leaves_nothing_behind(tiny: coterie.Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.csv").write_text("mine")

    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exporting, "write_csv", full)
    with pytest.raises(StoreError, match="no space left on device") as refused:
        tiny.export("vip", out=tmp_path / "x.csv", force=True)
    assert refused.value.code == "E523"
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("x.csv", "mine")]


def test_names_are_files(tiny: coterie.Workspace, tmp_path: Path) -> None:
    assert file_name('"; drop table') == "drop_table"
    assert file_name("../../etc/passwd") == "etc_passwd"
    assert file_name("größe 大") == "größe_大"
    assert file_name("?") == "export"
    assert len(file_name("x" * 500)) == 80
    assert tiny.export('"; drop table', out=tmp_path).path == tmp_path / "drop_table.csv"


@pytest.mark.parametrize("name", ["lifecycle", "revenue", "nosuch", "country = 5"])
def test_what_is_no_condition_is_refused(tiny: coterie.Workspace, tmp_path: Path, name: str) -> None:
    with pytest.raises(DefinitionError):
        tiny.export(name, out=tmp_path / "x.csv")
    assert list(tmp_path.iterdir()) == []


# --- the same bytes

SCRIPT = """
import sys
from pathlib import Path
import coterie
space = coterie.open(sys.argv[1])
space.run()
for form in ("csv", "jsonl", "parquet", "xlsx"):
    space.export("true", form, ["revenue", "last_order", "vip", "lifecycle", "spend"], Path(sys.argv[2]) / f"x.{form}")
"""
MANY = 3000


def many(folder: Path, seed: int) -> Path:
    """A project of some thousand customers, its rows in an order of their own."""
    draw = random.Random(seed)
    orders = [f"{i},c{i * 7 % MANY},2026-03-{1 + i % 28:02d} {i % 24:02d}:10:00,{i % 97}.{i % 100:02d}" for i in range(4 * MANY)]
    customers = [f"c{i},c{i}@example.com,{('DE', 'FR', '')[i % 3]},{20 + i % 50}" for i in range(MANY)]
    draw.shuffle(orders)
    draw.shuffle(customers)
    project = shops.TINY.replace("traits:\n", "traits:\n  spend: percentile(revenue)\n")
    return shops.write_tiny(
        folder,
        project,
        "\n".join(["id,email,country,age", *customers, ""]),
        "\n".join(["order_id,customer,at,amount", *orders, ""]),
    )


def exports(folder: Path, to: Path, **environment: str) -> dict[str, bytes]:
    to.mkdir()
    command = [sys.executable, "-c", SCRIPT, str(folder), str(to)]
    done = subprocess.run(command, env={"PATH": "/usr/bin:/bin", **environment}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {form: (to / f"x.{form}").read_bytes() for form in FORMS}


def test_the_same_bytes_on_any_machine(tmp_path: Path) -> None:
    first = exports(many(tmp_path / "a", 1), tmp_path / "a out", TZ="UTC", PYTHONHASHSEED="1", COTERIE_THREADS="1")
    other = exports(many(tmp_path / "b", 2), tmp_path / "b out", TZ="Asia/Tokyo", PYTHONHASHSEED="77", COTERIE_THREADS="4")
    assert first["csv"].count(b"\r\n") == MANY + 1
    assert first == other
    shutil.rmtree(tmp_path / "a/.coterie/cache")
    again = exports(tmp_path / "a", tmp_path / "a again", TZ="America/Lima", PYTHONHASHSEED="3", COTERIE_THREADS="2")
    assert again == first


def test_sql_pasted_into_a_shell_gives_the_members(shop: coterie.Workspace, tmp_path: Path) -> None:
    # A copy: one process opens a file with one set of settings.
    file = shutil.copy(shop.results.generation.path, tmp_path / "results.duckdb")
    with duckdb.connect(str(file), read_only=True) as shell:
        for name in shop.segments:
            done = shop.export(name, columns=[], out=tmp_path / "x.csv", force=True)
            exported = [row[0] for row in lines_of(done.path)][1:]
            assert [row[0] for row in shell.execute(shop.sql(name)).fetchall()] == exported, name


ANEW = [
    "count(order where amount > 100 within 40 days) >= 2",
    "sum(order_line.quantity within 1 year) - sum(refund.amount) > 10 and country = 'DE'",
    "sequence(page_view, order within 3 days) within 60 days",
    "percentile(sum(order.amount within 200 days) by country) >= 0.8",
    "rank(count(order_line where category = 'Garden')) <= 50 or vip",
    "most_common(order_line.category within 1 year) = 'Garden' and not exists(refund)",
    "any(members where count(order within 20 days) > 1)",
    "first(order.time within 1 year) within 90 days",
    "count(order within 30 days after signup_date) > 1",
    "vip and distinct(order_line.product within 90 days) > 3",
]
"""Conditions for which events are scanned, or something is fitted, beyond what a run has made."""


@pytest.mark.parametrize("condition", ANEW)
def test_sql_that_scans_events_anew_gives_the_members_by_itself(
    shop: coterie.Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, condition: str
) -> None:
    sql = shop.sql(condition)
    assert sql.startswith("WITH")
    monkeypatch.chdir(tmp_path)  # paths are absolute
    file = shutil.copy(shop.results.generation.path, tmp_path / "results.duckdb")
    with duckdb.connect(str(file), read_only=True) as shell:
        shell.execute("SET TimeZone = 'Asia/Tokyo'")
        found = [row[0] for row in shell.execute(sql).fetchall()]
        left = shell.execute("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall()
    size = shop.count(condition).size
    assert 0 < len(found) == size.inside < size.population
    assert left == []
    assert found == [row[0] for row in lines_of(shop.export(condition, columns=[], out=tmp_path / "x.csv").path)][1:]
    whys = {customer: shop.why(customer, condition).reason.truth for customer in (*found[:2], *found[-2:])}
    assert set(whys.values()) == {True}
    others = shop.results.engine.rows("SELECT customer FROM traits ORDER BY hash(customer) LIMIT 8")
    assert all((shop.why(str(c), condition).reason.truth is True) is (c in found) for (c,) in others)


def test_sql_of_a_value_that_scans_events_anew(shop: coterie.Workspace, tmp_path: Path) -> None:
    file = shutil.copy(shop.results.generation.path, tmp_path / "results.duckdb")
    fitted = "quantile(sum(order.amount within 200 days), 4)"
    with duckdb.connect(str(file), read_only=True) as shell:
        rows = shell.execute(shop.sql(fitted)).fetchall()
    assert len(rows) == shop.results.made.population
    assert {quarter for _, quarter in rows} == {1, 3, 4}  # so many bought nothing that they fill the second, too
    for quarter in (1, 4):
        assert sum(q == quarter for _, q in rows) == shop.count(f"{fitted} = {quarter}").size.inside


@pytest.mark.parametrize(
    "condition",
    [
        "any(members where orders > 3)",
        "percentile(revenue) >= 0.9",
        "value.r = 3 and country = 'GB'",
        "not exists(order within 99 days)",
    ],
)
def test_conditions_made_up_on_the_spot_give_as_many_rows_as_they_count(
    shop: coterie.Workspace, tmp_path: Path, condition: str
) -> None:
    rows = shop.export(condition, out=tmp_path / "x.csv").rows
    assert rows == shop.count(condition).size.inside
    assert rows > 0


def test_every_form_has_the_same_customers(shop: coterie.Workspace, tmp_path: Path) -> None:
    for name in list(shop.segments)[:5]:
        found = {form: shop.export(name, form, out=tmp_path / f"{name}.{form}").rows for form in FORMS}
        assert set(found.values()) == {shop.segments.size(name).inside}


# --- memory


def test_batches_of_one_size() -> None:
    rows = [pa.RecordBatch.from_pydict({"n": list(range(start, stop))}) for start, stop in ((0, 3), (3, 3), (3, 10), (10, 11))]
    assert [b.column(0).to_pylist() for b in even(iter(rows), 4)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10]]
    assert [b.num_rows for b in even(iter(rows[1:2]), 4)] == [0]


@pytest.mark.long
@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_memory_stays_flat(form: str, tmp_path: Path) -> None:
    code = f"""
import resource, pyarrow as pa
from decimal import Decimal
from coterie.workspace import export
def batches(rows):
    for start in range(0, rows, 65536):
        n = range(start, min(rows, start + 65536))
        ids = pa.array(n).cast(pa.string())
        money = pa.array(n).cast(pa.decimal128(20, 0)).cast(pa.decimal128(24, 4))
        yield pa.RecordBatch.from_arrays([ids, money, ids], names=list("abc"))
peak = []
for rows in (500_000, 5_000_000):
    with open({str(tmp_path / "x")!r}, "wb") as file:
        assert export.write_{form}(export.even(batches(rows), export.BATCH), file) == rows
    peak.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(peak[1] / peak[0])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 1.3


def test_parquet_is_written_batch_by_batch() -> None:
    file = io.BytesIO()
    assert write_parquet(iter([pa.RecordBatch.from_pydict({"n": [1, 2]}), pa.RecordBatch.from_pydict({"n": [3]})]), file) == 3
    assert pq.ParquetFile(file).num_row_groups == 2
