"""Which kind reads what: by name, ending, first bytes or address; and kinds that other packages bring."""

import gzip
import sqlite3
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coterie.core.errors import DataError
from coterie.sources import kinds as all_kinds
from coterie.sources.kinds import Kind, kinds, open_source
from coterie.sources.options import ReadOptions
from coterie.sources.raw import Chunk, Note, Reader
from coterie.sources.reading import LINE, read_typed


def test_by_ending_by_first_bytes_and_by_name(tmp_path: Path) -> None:
    for name in ("a.csv", "a.tsv", "a.txt", "A.CSV", "noending"):
        (tmp_path / name).write_text("a,b\n1,2\n")
        assert open_source(tmp_path / name).kind == "csv"
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n"))
    assert open_source(tmp_path / "a.csv.gz").kind == "csv"
    for name in ("a.jsonl", "a.ndjson", "a.json"):
        (tmp_path / name).write_text('{"a": 1}\n')
        assert open_source(tmp_path / name).kind == "jsonl"
    for name in ("a.parquet", "part-0001"):
        pq.write_table(pa.table({"a": [1]}), tmp_path / name)
        assert open_source(tmp_path / name).kind == "parquet"
    for name in ("shop.db", "shop"):
        with sqlite3.connect(tmp_path / name) as base:
            base.execute("CREATE TABLE t (a)")
        base.close()
        assert open_source(tmp_path / name, ReadOptions(table="t")).kind == "sql"
    (tmp_path / "rows.log").write_text('{"a": 1}\n')
    assert open_source(tmp_path / "rows.log", kind="jsonl").kind == "jsonl"
    with pytest.raises(DataError, match="did you mean 'csv'"):
        open_source(tmp_path / "a.csv", kind="cvs")


def test_every_reader_has_what_a_reader_has(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n')
    pq.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")
    for name in ("a.csv", "a.jsonl", "a.parquet"):
        reader = open_source(tmp_path / name)
        assert isinstance(reader, Reader)
        once, twice = list(reader.chunks()), list(reader.chunks())
        assert [chunk.lines.tolist() for chunk in once] == [chunk.lines.tolist() for chunk in twice]
        assert reader.columns == ("a",)
        assert len(reader.content_hash) == 64


class Weather:
    """A source of another package: two rows, whatever the address."""

    kind = "weather"
    location = "weather://here"
    columns = ("day", "rain")
    notes = (Note("made up"),)
    rule = "full"
    blank_is_missing = True
    likely_decimal = None
    content_hash = "0" * 64

    def chunks(self) -> Iterator[Chunk]:
        columns = {"day": pa.array(["2025-01-31", "2025-02-01"]), "rain": pa.array(["1.5", ""])}
        yield Chunk(np.array([1, 2], dtype=np.int64), columns)


def test_a_kind_of_another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = SimpleNamespace(KIND=Kind("weather", lambda _where, _options: Weather(), schemes=("weather",)))  # type: ignore[arg-type,return-value]
    monkeypatch.setattr(EntryPoint, "load", lambda _self: module)
    entry = EntryPoint("weather", "somewhere", "coterie.sources")
    monkeypatch.setattr(all_kinds, "entry_points", lambda group: [entry] if group == "coterie.sources" else [])
    assert "weather" in kinds()
    typed = read_typed("weather://here", ReadOptions(), tmp_path / "o", tmp_path / "q")
    assert {name: str(t) for name, t in typed.schema.items()} == {"day": "date", "rain": "money"}
    assert pq.read_table(typed.path)[LINE].to_pylist() == [1, 2]
