"""Parquet: which of coterie's types each of its types becomes, and what crafted files do."""

import contextlib
import random
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coterie.core.errors import DataError
from coterie.sources.reading import LINE, ReadOptions, TypedFile, read_typed


def read(
    tmp_path: Path, table: pa.Table, *, flavor: dict[str, Any] | None = None, **options: Any
) -> tuple[TypedFile, dict[str, list[Any]]]:
    path = tmp_path / "data.parquet"
    pq.write_table(table, path, **(flavor or {}))
    typed = read_typed(path, ReadOptions(**options), tmp_path / "out.parquet", tmp_path / "bad.parquet")
    return typed, pq.read_table(typed.path).to_pydict()


BIG = Decimal(12345678901234567890)
NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("array", "kind", "values"),
    [
        (pa.array([1, None], pa.int32()), "integer", [1, None]),
        (pa.array([255], pa.uint8()), "integer", [255]),
        (pa.array([2**63 - 1], pa.uint64()), "integer", [2**63 - 1]),
        (pa.array([2**63, 1], pa.uint64()), "text", [str(2**63), "1"]),
        (pa.array([2.55, 0.1, None]), "money", [Decimal("2.55"), Decimal("0.1"), None]),
        (pa.array([1.0, 17850.0]), "integer", [1, 17850]),
        (pa.array([1 / 3, 1e-12]), "float", [Decimal("0.333333333"), 0]),
        (pa.array([0.5, NAN]), "money", [Decimal("0.5"), None]),
        (pa.array([NAN, NAN]), "float", [None, None]),
        (pa.array([0.1, 0.2], pa.float32()), "float", [Decimal("0.100000001"), Decimal("0.200000003")]),
        (pa.array([1.5, 2.5]).cast(pa.float16()), "money", [Decimal("1.5"), Decimal("2.5")]),
        (pa.array([Decimal("1.25")], pa.decimal128(10, 2)), "money", [Decimal("1.25")]),
        (pa.array([Decimal("1.123456")], pa.decimal128(20, 6)), "float", [Decimal("1.123456")]),
        (pa.array([Decimal("1.100000")], pa.decimal128(20, 6)), "money", [Decimal("1.1")]),
        (pa.array([Decimal(5)], pa.decimal128(10, 0)), "integer", [5]),
        (pa.array([BIG], pa.decimal128(30, 0)), "text", [str(BIG)]),
        (pa.array([Decimal("0.5")], pa.decimal256(50, 5)), "money", [Decimal("0.5")]),
        (pa.array([True, None]), "boolean", [True, None]),
        (pa.array([date(2025, 1, 31)]), "date", [date(2025, 1, 31)]),
        (pa.array([date.max, date(1, 1, 5)]), "date", [date.max, date(1, 1, 5)]),
        (pa.array([datetime(2025, 1, 31)], pa.date64()), "date", [date(2025, 1, 31)]),
        (pa.array([datetime(2025, 1, 31, 10)], pa.timestamp("s")), "timestamp", [datetime(2025, 1, 31, 10)]),
        (pa.array([1738317600123456789], pa.timestamp("ns")), "timestamp", [datetime(2025, 1, 31, 10, 0, 0, 123456)]),
        (pa.array([-1], pa.timestamp("ns")), "timestamp", [datetime(1969, 12, 31, 23, 59, 59, 999999)]),
        (pa.array([datetime(2025, 1, 31, 10)], pa.timestamp("us", "America/New_York")), "timestamp", [datetime(2025, 1, 31, 10)]),
        (pa.array(["a", None, ""]), "text", ["a", None, ""]),
        (pa.array(["1", "2"]), "text", ["1", "2"]),
        (pa.array(["2025-01-31", "2025-02-01"]), "date", [date(2025, 1, 31), date(2025, 2, 1)]),
        (pa.array(["2025-01-31", "soon"]), "text", ["2025-01-31", "soon"]),
        (pa.array(["31/01/2025"]), "text", ["31/01/2025"]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), "text", ["a", "b", "a"]),
        (pa.array([3, 5, 3]).dictionary_encode(), "integer", [3, 5, 3]),
        (pa.array(["x"], pa.large_string()), "text", ["x"]),
        (pa.array([b"x", b"y"], pa.binary()), "text", ["x", "y"]),
        (pa.array([b"\xff\x00"], pa.binary()), "text", ["ff00"]),
        (pa.array([["b", "a", "b", None], [], None], pa.list_(pa.string())), "list of text", [["b", "a"], [], None]),
        (pa.array([[1, 2, 1], None], pa.list_(pa.int64())), "list of text", [["1", "2"], None]),
        (pa.array([[{"x": 1}], None]), "text", ['[{"x": 1}]', None]),
        (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())), "text", ['[["k", 1]]']),
        (pa.nulls(2), "text", [None, None]),
        (pa.array([time(10, 30)]), "text", ["10:30:00.000000"]),
        (pa.array([timedelta(seconds=5)], pa.duration("s")), "integer", [5]),
    ],
)  # fmt: skip
def test_types(tmp_path: Path, array: pa.Array, kind: str, values: list[Any]) -> None:
    typed, columns = read(tmp_path, pa.table({"v": array}))
    assert str(typed.schema["v"]) == kind
    assert columns["v"] == values
    assert columns[LINE] == list(range(1, len(values) + 1))


def test_structs_become_columns(tmp_path: Path) -> None:
    typed, columns = read(tmp_path, pa.table({"a": pa.array([{"b": 1, "c": {"d": 2}}, None])}))
    assert columns["a.b"] == [1, None]
    assert columns["a.c"] == ['{"d": 2}', None]
    assert any(note.column == "a" for note in typed.notes)


def test_nan_is_missing_and_counted_and_infinity_is_set_apart(tmp_path: Path) -> None:
    typed, columns = read(tmp_path, pa.table({"v": [0.5, NAN, INF, -INF, 1e15], "w": [1, 2, 3, 4, 5]}))
    assert columns["w"] == [1, 2]
    assert [(bad.line, bad.reason) for bad in typed.quarantined.examples] == [
        (3, "not a number (infinity)"), (4, "not a number (infinity)"), (5, "a number of more than 15 digits before the point"),
    ]  # fmt: skip
    assert any("1 NaN read as missing" in note.text for note in typed.notes)


def test_local_times_are_converted_and_times_beyond_the_calendar_set_apart(tmp_path: Path) -> None:
    times = pa.array([1761354000_000000, 2**62], pa.timestamp("us"))
    typed, columns = read(tmp_path, pa.table({"t": times}), timezone="Europe/London")
    assert columns["t"] == [datetime(2025, 10, 25, 0)]
    assert "calendar" in typed.quarantined.examples[0].reason


def test_dates_beyond_the_calendar_are_set_apart(tmp_path: Path) -> None:
    typed, columns = read(tmp_path, pa.table({"d": pa.array([0, 2**30, -(2**30)], pa.int32()).cast(pa.date32())}))
    assert columns["d"] == [date(1970, 1, 1)]
    assert typed.quarantined.count == 2


def test_int96_times(tmp_path: Path) -> None:
    table = pa.table({"t": pa.array([datetime(1500, 1, 1), datetime(2025, 1, 31, 10)], pa.timestamp("us"))})
    assert read(tmp_path, table, flavor={"use_deprecated_int96_timestamps": True})[1]["t"] == [
        datetime(1500, 1, 1),
        datetime(2025, 1, 31, 10),
    ]


@pytest.mark.parametrize(
    ("array", "declared", "values"),
    [
        (pa.array([1735689600], pa.int64()), "timestamp", [datetime(2025, 1, 1)]),
        (pa.array([17850.0, None]), "text", ["17850", None]),
        (pa.array([5], pa.int32()), "money", [Decimal(5)]),
        (pa.array([2.5, 3.0]), "float", [Decimal("2.5"), Decimal(3)]),
        (pa.array(["12.5", "3"]), "money", [Decimal("12.5"), Decimal(3)]),
        (pa.array([0, 1]), "boolean", [False, True]),
        (pa.array([date(2025, 7, 1)]), "timestamp", [datetime(2025, 6, 30, 23)]),
        (pa.array([datetime(2025, 7, 1, 23, 30)]), "date", [date(2025, 7, 1)]),
        (pa.array([20250131]), "date", [date(2025, 1, 31)]),
        (pa.array(["31/01/2025"]), "date", [date(2025, 1, 31)]),
        (pa.array(["a;b"]), "list", [["a", "b"]]),
    ],
)
def test_declared_types(tmp_path: Path, array: pa.Array, declared: str, values: list[Any]) -> None:
    assert read(tmp_path, pa.table({"v": array}), columns={"v": declared}, timezone="Europe/London")[1]["v"] == values


def test_a_folder_is_read_as_one(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    (folder / "day=2").mkdir(parents=True)
    pq.write_table(pa.table({"a": [1, 2]}), folder / "a.parquet")
    pq.write_table(pa.table({"a": [3]}), folder / "day=2" / "b.parquet")
    typed = read_typed(folder, ReadOptions(), tmp_path / "o", tmp_path / "q")
    assert pq.read_table(typed.path).to_pydict() == {"a": [1, 2, 3], LINE: [1, 2, 3]}
    pq.write_table(pa.table({"b": [3]}), folder / "c.parquet")
    with pytest.raises(DataError, match="has other columns than"):
        read_typed(folder, ReadOptions(), tmp_path / "o", tmp_path / "q")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"holds no \.parquet file"):
        read_typed(tmp_path / "empty", ReadOptions(), tmp_path / "o", tmp_path / "q")


def test_no_rows(tmp_path: Path) -> None:
    typed, columns = read(tmp_path, pa.table({"a": pa.array([], pa.int64()), "s": pa.array([], pa.string())}))
    assert columns == {"a": [], "s": [], LINE: []}
    assert {name: str(t) for name, t in typed.schema.items()} == {"a": "integer", "s": "text"}


def test_names_that_differ_only_in_case_and_our_own(tmp_path: Path) -> None:
    assert list(read(tmp_path, pa.table([[1], [2], [3]], names=["a", "A", "_line"]))[1]) == ["a", "A_2", "line", LINE]


def test_damaged_files_say_so_and_nothing_crashes(tmp_path: Path) -> None:
    source = tmp_path / "good.parquet"
    pq.write_table(
        pa.table({"a": list(range(5000)), "s": [f"x{i % 50}" for i in range(5000)], "f": [i / 7 for i in range(5000)]}), source
    )
    good = source.read_bytes()
    chance = random.Random(1)
    broken = [b"", b"PAR1", b"PAR1PAR1", good[:100], good[:-1], good[50:], b"PAR1" + bytes(1000) + b"PAR1"]
    for _ in range(150):
        changed = bytearray(good)
        for _ in range(chance.randint(1, 8)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        broken.append(bytes(changed))
    refused = 0
    for data in broken:
        path = tmp_path / "bad.parquet"
        path.write_bytes(data)
        (tmp_path / "o").unlink(missing_ok=True)
        with contextlib.suppress(DataError):
            read_typed(path, ReadOptions(), tmp_path / "o", tmp_path / "q")
        refused += not (tmp_path / "o").exists()
    assert refused > 20
