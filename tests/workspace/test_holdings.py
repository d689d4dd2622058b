"""A planted marker is found only where the stores say that ids and personal data may lie."""

import json
from pathlib import Path
from typing import Any

import apsw
import duckdb
import pytest

import coterie
from coterie.workspace.holdings import HOLDINGS, holding_of

MARKER = "zqx7marker"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("holdings")
    (folder / "customers.csv").write_text(
        f"id,email,age\nC-{MARKER},{MARKER}@example.com,40\n"
        + "".join(f"C{i},c{i}@example.com,{20 + i % 50}\n" for i in range(300))
    )
    rows = [f"o1,C-{MARKER},2026-01-05,12.50,note {MARKER}", f"o2,C-{MARKER},2026-01-06,n{MARKER},bad"]
    rows += [f"p{i},C{i},2026-02-{1 + i % 28:02d},{i}.25,plain" for i in range(300)]
    (folder / "orders.csv").write_text("order,customer,day,amount,note\n" + "\n".join(rows) + "\n")
    (folder / "vips.txt").write_text(f"C-{MARKER}\n")
    (folder / "coterie.yaml").write_text(
        """
project: holdings
timezone: UTC
as_of: 2026-03-01
sources:
  customers: {path: customers.csv, id: id, valid_from: '2020-01-01'}
  order: {path: orders.csv, id: order, customer: customer, time: day}
lists: {vips: vips.txt}
traits:
  revenue: sum(order.amount)
  last_note: last(order.note)
segments:
  listed: in_list('vips')
  buyers: revenue > 0
segmentations:
  value: rfm(order.time, order.amount)
"""
    )
    workspace = coterie.open(folder)
    workspace.run()
    workspace.include("buyers", [f"C-{MARKER}"], reason=f"asked: {MARKER}", author=MARKER)
    workspace.exclude("buyers", ["C1"], reason="asked")
    workspace.take_back("buyers", "exclude", ["C1"], author=MARKER)
    workspace.run()
    workspace.close()
    return folder / ".coterie"


def places(path: Path) -> set[str]:
    """The columns of a file in which the marker stands."""
    if path.suffix == ".parquet":
        with duckdb.connect() as connection:
            names = [r[0] for r in connection.execute(f"DESCRIBE SELECT * FROM '{path}'").fetchall()]
            return {n for n in names if found(connection, f"'{path}'", n)}
    if path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as connection:
            tables = [r[0] for r in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
            out = set()
            for table in tables:
                columns = [r[0] for r in connection.execute(f'DESCRIBE "{table}"').fetchall()]
                out |= {f"{table}.{c}" for c in columns if found(connection, f'"{table}"', c)}
            return out
    if path.suffix == ".sqlite":
        record = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        out = set()
        for (table,) in list(record.execute("SELECT name FROM sqlite_master WHERE type = 'table'")):
            for row in record.execute(f'PRAGMA table_info("{table}")'):
                query = f'SELECT count(*) FROM "{table}" WHERE CAST("{row[1]}" AS TEXT) LIKE ?'
                if list(record.execute(query, (f"%{MARKER}%",))) != [(0,)]:
                    out.add(f"{table}.{row[1]}")
        record.close()
        return out
    text = path.read_bytes().decode("utf-8", "replace")
    if MARKER not in text:
        return set()
    if path.suffix != ".json":
        return {"text"}
    said: dict[str, Any] = json.loads(text)
    return {key for key, value in said.items() if MARKER in json.dumps(value)}


def found(connection: duckdb.DuckDBPyConnection, relation: str, column: str) -> bool:
    query = f"SELECT count(*) FROM {relation} WHERE CAST(\"{column}\" AS VARCHAR) LIKE '%{MARKER}%'"
    row = connection.execute(query).fetchone()
    return bool(row and row[0])


def test_every_file_is_declared(folder: Path) -> None:
    names = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]
    undeclared = [n for n in names if holding_of(n) is None and not n.endswith(("-wal", "-shm"))]
    assert not undeclared


def test_the_marker_is_only_where_declared(folder: Path) -> None:
    met = 0
    for path in folder.rglob("*"):
        if not path.is_file() or path.name.endswith(("-wal", "-shm")):
            continue
        name = path.relative_to(folder).as_posix()
        holding = holding_of(name)
        assert holding is not None
        for place in places(path):
            met += 1
            table = place.partition(".")[0]
            assert "*" in holding.columns or place in holding.columns or f"{table}.*" in holding.columns, (name, place)
    assert met > 8  # it was planted in ids, an attribute, an event, a bad row and a list


def test_no_file_name_holds_it(folder: Path) -> None:
    assert not [p for p in folder.rglob("*") if MARKER in p.name]


def test_holdings_are_told_apart() -> None:
    assert len({h.files for h in HOLDINGS}) == len(HOLDINGS)
    assert all(h.about for h in HOLDINGS)
