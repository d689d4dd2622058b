"""JSON Lines and JSON arrays: what becomes of nested, mixed, broken and hostile rows."""

import gzip
import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.core.errors import DataError
from coterie.sources.kinds.jsonl import DECODER, NESTING, Refused, depth_of
from coterie.sources.reading import LINE, ReadOptions, TypedFile, read_typed


def read(tmp_path: Path, data: bytes | str, name: str = "data.jsonl", **options: Any) -> tuple[TypedFile, dict[str, list[Any]]]:
    path = tmp_path / name
    path.write_bytes(data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data)
    typed = read_typed(path, ReadOptions(**options), tmp_path / "out.parquet", tmp_path / "bad.parquet")
    return typed, pq.read_table(typed.path).to_pydict()


def types(typed: TypedFile) -> dict[str, str]:
    return {name: str(type_) for name, type_ in typed.schema.items()}


def lines(*rows: Any) -> str:
    return "\n".join(json.dumps(row) for row in rows)


def test_types_of_json_are_kept(tmp_path: Path) -> None:
    row = {
        "i": 1,
        "x": 2.5,
        "s": "a",
        "b": True,
        "d": "2025-01-31",
        "t": "2025-01-31T10:00:00Z",
        "l": ["x", "y", "x", None],
        "n": None,
    }
    typed, columns = read(tmp_path, lines(row, {"i": 2, "s": "007"}))
    assert types(typed) == {
        "i": "integer", "x": "money", "s": "text", "b": "boolean", "d": "date", "t": "timestamp", "l": "list of text", "n": "text",
    }  # fmt: skip
    assert columns == {
        "i": [1, 2], "x": [Decimal("2.5"), None], "s": ["a", "007"], "b": [True, None], "d": [date(2025, 1, 31), None],
        "t": [datetime(2025, 1, 31, 10), None], "l": [["x", "y"], None], "n": [None, None], LINE: [1, 2],
    }  # fmt: skip


def test_objects_in_objects_become_columns_with_dots(tmp_path: Path) -> None:
    deep: Any = {"end": 1}
    for i in range(12):
        deep = {f"k{i}": deep}
    _typed, columns = read(tmp_path, lines({"a": {"b": {"c": 1}, "d": "x"}, "empty": {}}, deep))
    assert columns["a.b.c"] == [1, None]
    assert "empty" not in columns
    (name,) = [n for n in columns if n.startswith("k11")]
    assert name.count(".") == 7
    assert json.loads(columns[name][1]) == {"k3": {"k2": {"k1": {"k0": {"end": 1}}}}}


def test_columns_may_join_late(tmp_path: Path) -> None:
    data = lines(*({"a": i} for i in range(25_000)), {"b": "2025-01-31"})
    typed, columns = read(tmp_path, data)
    assert types(typed) == {"a": "integer", "b": "date"}
    assert columns["b"].count(None) == 25_000
    assert typed.facts["b"].missing == 25_000


def test_mixed_cells_are_text_and_said(tmp_path: Path) -> None:
    typed, columns = read(tmp_path, lines({"v": 1}, {"v": "x"}, {"v": True}, {"v": [1]}))
    assert columns["v"] == ["1", "x", "true", '["1"]']
    assert any("cells of several kinds" in str(note) for note in typed.notes)


def test_numbers_in_texts_stay_texts_unless_declared(tmp_path: Path) -> None:
    data = lines({"price": "19.90", "id": "0012"}, {"price": "5", "id": "12"})
    typed, columns = read(tmp_path, data)
    assert columns["price"] == ["19.90", "5"]
    assert any(note.column == "price" and "read like numbers" in note.text for note in typed.notes)
    assert read(tmp_path, data, columns={"price": "money"})[1]["price"] == [Decimal("19.9"), Decimal(5)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"a": 1, "a": 2}', "stands twice"),
        ('{"a.b": 1, "a": {"b": 2}}', "stands twice"),
        ('{"a": NaN}', "NaN"),
        ('{"a": -Infinity}', "Infinity"),
        ('{"a": 1e999}', "more than 15 digits"),
        ('{"a": 1} {"a": 2}', "more than one JSON value"),
        ('{"a": 1', "not JSON"),
        ("[1, 2]", "not a JSON object"),
        ("1", "not a JSON object"),
        ("[" * 100_000, "nested deeper"),
        ('{"a":' * 1000 + "1" + "}" * 1000, "nested deeper"),
        ("{" + ",".join(f'"k{i}": 1' for i in range(300)) + "}", "more than 256 keys"),
    ],
)
def test_a_bad_line_is_set_apart_with_its_number(tmp_path: Path, line: str, reason: str) -> None:
    good = [json.dumps({"a": i + 0.5}) for i in range(200)]
    typed, columns = read(tmp_path, "\n".join([*good[:100], "", line, *good[100:]]))
    assert len(columns["a"]) == 200
    (bad,) = typed.quarantined.examples
    assert bad.line == 102
    assert reason in bad.reason


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    typed, columns = read(tmp_path, b'{"a": "x"}\n{"a": "\xff"}\n')
    assert columns["a"] == ["x"]
    assert typed.quarantined.examples[0].line == 2


@pytest.mark.parametrize("number", ["0", "1", "-1", str(2**53 + 1), str(-(2**53) - 1), "999999999999999999"])
def test_whole_numbers_are_exact(tmp_path: Path, number: str) -> None:
    assert read(tmp_path, f'{{"a": {number}}}')[1]["a"] == [int(number)]


@pytest.mark.parametrize("number", [str(2**63), str(-(2**63)), "1" + "0" * 308, "9" * 5000])
def test_whole_numbers_beyond_18_digits_are_text(tmp_path: Path, number: str) -> None:
    assert read(tmp_path, f'{{"a": {number}}}')[1]["a"] == [number]


def test_lone_surrogates(tmp_path: Path) -> None:
    assert read(tmp_path, '{"a": "x\\ud800y"}')[1]["a"] == ["x\ufffdy"]
    assert read(tmp_path, '{"a\\ud800": "x"}')[1]["a\ufffd"] == ["x"]


@pytest.mark.parametrize(
    "data",
    [
        '[{"a": 1}, {"a": 2}]',
        '[\n  {\n    "a": 1\n  },\n  {"a": 2}\n]\n',
        '{\n "a": 1\n}\n{\n "a": 2\n}\n',
        '\ufeff{"a": 1}\n{"a": 2}\n',
    ],
)
def test_arrays_and_objects_over_many_lines(tmp_path: Path, data: str) -> None:
    assert read(tmp_path, data, name="data.json")[1]["a"] == [1, 2]


def test_lines_of_an_array(tmp_path: Path) -> None:
    assert read(tmp_path, '[\n{"a": 1},\n\n{"a": 2}]', name="data.json")[1][LINE] == [2, 4]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("", "is empty"),
        ("  \n", "is empty"),
        ('{\n"orders": [{"a": 1}]\n}', "its rows seem to be under 'orders'"),
        ('[{"a": 1},\n {"a": }]', "not JSON"),
        ("[" * 100_000 + "]" * 100_000, "nests deeper"),
    ],
)
def test_what_is_no_table(tmp_path: Path, data: str, said: str) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, data, name="data.json")
    assert said in str(caught.value)
    assert caught.value.hint


def test_packed_and_utf16(tmp_path: Path) -> None:
    assert read(tmp_path, gzip.compress(b'{"a": 1}\n'), name="d.jsonl.gz")[1]["a"] == [1]
    assert read(tmp_path, '{"a": "ü"}\n'.encode("utf-16"))[1]["a"] == ["ü"]


def test_depth_is_told_without_parsing() -> None:
    assert depth_of(b'{"a": "[[[["}' * 40) <= NESTING
    assert depth_of(b'{"a": "\\"' + b"[" * 100 + b'"}') <= NESTING
    assert depth_of(b"[" * 40 + b"]" * 40) == 40


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.text(max_size=8)
    | st.floats(-1e6, 1e6).map(lambda x: round(x, 3)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60)
@given(st.lists(st.dictionaries(st.text(max_size=4), VALUES, max_size=4), min_size=1, max_size=10))
def test_any_rows_are_read_or_set_apart(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]) -> None:
    typed, columns = read(tmp_path_factory.mktemp("any"), "\n".join(json.dumps(row) for row in rows))
    assert typed.rows_in == len(rows)
    assert len(columns[LINE]) == typed.rows_kept


@given(st.text(alphabet='{}[]",:0123456789.eE+-truefalsn\\u \n', max_size=40))
def test_ours_accepts_what_json_accepts_without_its_laxness(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        expected = Refused
    try:
        value, end = DECODER.raw_decode(text.strip())
        ours: Any = value if end == len(text.strip()) else Refused
    except ValueError:
        ours = Refused
    assert (ours is Refused) or (expected is not Refused)
