"""Databases by URL: SQLite, and a real PostgreSQL server."""

import sqlite3
import sys
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from coterie.core.errors import DataError
from coterie.sources.reading import LINE, ReadOptions, TypedFile, read_typed


def read(tmp_path: Path, url: str, **options: Any) -> tuple[TypedFile, dict[str, list[Any]]]:
    typed = read_typed(url, ReadOptions(**options), tmp_path / "out.parquet", tmp_path / "bad.parquet")
    return typed, pq.read_table(typed.path).to_pydict()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    base = sqlite3.connect(path)
    base.execute("CREATE TABLE orders (id INTEGER, at TEXT, day DATE, amount REAL, note)")
    base.execute("CREATE TABLE customers (id TEXT)")
    rows = [(1, "2025-01-31 10:00:00", "2025-01-31", 1.5, "a"), (2, "2025-02-01 11:00:00", "2025-02-01", 2.0, None)]
    base.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", rows)
    base.commit()
    base.close()
    return path


def test_a_table(tmp_path: Path, shop: Path) -> None:
    typed, columns = read(tmp_path, f"sqlite:///{shop}", table="orders")
    assert typed.kind == "sql"
    assert columns == {
        "id": [1, 2], "at": [datetime(2025, 1, 31, 10), datetime(2025, 2, 1, 11)], "day": [date(2025, 1, 31), date(2025, 2, 1)],
        "amount": [Decimal("1.5"), Decimal(2)], "note": ["a", None], LINE: [1, 2],
    }  # fmt: skip
    assert read(tmp_path, str(shop), table="orders")[0].content_hash == typed.content_hash


def test_a_query(tmp_path: Path, shop: Path) -> None:
    query = "SELECT id, 'x:y' AS t FROM orders WHERE at > '2025-02-01 00:00:00';"
    assert read(tmp_path, f"sqlite:///{shop}", query=query)[1] == {"id": [2], "t": ["x:y"], LINE: [1]}
    assert read(tmp_path, f"sqlite:///{shop}", query="SELECT id FROM orders WHERE id > 5")[1] == {"id": [], LINE: []}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "has 2 tables"),
        ({"table": "order"}, "did you mean 'orders'"),
        ({"table": "orders", "query": "SELECT 1"}, "not both"),
        ({"query": "DROP TABLE orders"}, "is not run"),
        ({"query": "WITH x AS (SELECT 1) DELETE FROM orders"}, "readonly"),
        ({"query": "SELECT nothing FROM orders"}, "nothing"),
        ({"query": "SELECT 1; DROP TABLE orders"}, "one statement"),
    ],
)
def test_what_is_refused(tmp_path: Path, shop: Path, options: dict[str, str], said: str) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, f"sqlite:///{shop}", **options)
    assert said in str(caught.value)
    assert sqlite3.connect(shop).execute("SELECT count(*) FROM orders").fetchone() == (2,)


def test_reading_makes_no_database(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no database file"):
        read(tmp_path, f"sqlite:///{tmp_path}/none.db", table="x")
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "not.db").write_text("no database at all, just words " * 10)
    with pytest.raises(DataError, match="not a database"):
        read(tmp_path, f"sqlite:///{tmp_path}/not.db", table="x")


def test_no_secret_is_shown(tmp_path: Path) -> None:
    for url in (
        "postgresql://ann:s3cr%40t@127.0.0.1:9/shop",
        "mysql://ann:s3cr%40t@127.0.0.1:9/shop",
        "postgresql://ann:s3cr%40t@/x?port=a",
    ):
        with pytest.raises(DataError) as caught:
            read(tmp_path, url, table="orders")
        text = f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"
        assert "s3cr" not in text
    with pytest.raises(DataError, match="nothing reads"):
        read(tmp_path, "ftp://ann:s3cret@host/x")


def test_postgres(tmp_path: Path, postgres_url: str) -> None:
    import psycopg

    with psycopg.connect(postgres_url.replace("+psycopg", "")) as base:
        base.execute("DROP TABLE IF EXISTS coterie_kinds")
        base.execute(
            "CREATE TABLE coterie_kinds (id bigint, price numeric(12,2), rate double precision, at timestamptz, local timestamp,"
            " day date, ok boolean, tags text[], ref uuid, extra jsonb, big numeric, whole numeric(10,0), code varchar)"
        )
        base.execute(
            "INSERT INTO coterie_kinds VALUES (1, 19.90, 0.1, '2025-07-01 12:00+02', '2025-07-01 12:00', '2025-07-01', true,"
            " '{a,b,a}', '00000000-0000-0000-0000-000000000001', '{\"k\": [1, 2]}', 12345678901234567890123, 5, '007'),"
            " (2, NULL, 'NaN', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"
        )
    typed, columns = read(tmp_path, postgres_url, table="coterie_kinds", timezone="Europe/London")
    assert {name: str(t) for name, t in typed.schema.items()} == {
        "id": "integer", "price": "money", "rate": "money", "at": "timestamp", "local": "timestamp", "day": "date", "ok": "boolean",
        "tags": "list of text", "ref": "text", "extra": "text", "big": "text", "whole": "integer", "code": "text",
    }  # fmt: skip
    first = {name: values[0] for name, values in columns.items()}
    assert first["price"] == Decimal("19.9")
    assert first["at"] == datetime(2025, 7, 1, 10)
    assert first["local"] == datetime(2025, 7, 1, 11)
    assert first["tags"] == ["a", "b"]
    assert first["ref"] == "00000000-0000-0000-0000-000000000001"
    assert first["extra"] == '{"k": [1, 2]}'
    assert (first["big"], first["whole"], first["code"]) == ("12345678901234567890123", 5, "007")
    assert columns["rate"] == [Decimal("0.1"), None]


def test_postgres_streams_and_only_reads(tmp_path: Path, postgres_url: str) -> None:
    query = "SELECT i AS id, '2025-01-01'::timestamptz + i * interval '1 minute' AS at FROM generate_series(1, 50000) AS i"
    typed, columns = read(tmp_path, postgres_url, query=query)
    assert typed.rows_kept == 50_000
    assert columns["at"][-1] == datetime(2025, 2, 4, 17, 20)
    for query in (
        "WITH x AS (CREATE TABLE y (a int)) SELECT 1",
        "SELECT nextval('no_such')",
        "WITH x AS (DELETE FROM pg_class RETURNING 1) SELECT 1 FROM x",
    ):
        with pytest.raises(DataError):
            read(tmp_path, postgres_url, query=query)


def test_postgres_without_its_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DataError) as caught:
        read(tmp_path, "postgresql://ann:secret@localhost/shop", table="orders")
    assert caught.value.hint == "pip install 'coterie[postgres]'"
    assert "secret" not in str(caught.value)
