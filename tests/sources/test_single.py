"""A cell that comes in a message means what it means in a file whose columns are said."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from coterie.language.types import BOOLEAN
from coterie.sources.reading import ReadOptions, read_typed
from coterie.sources.single import Unfit, cell

SPELT = [
    True,
    False,
    "true",
    "FALSE",
    "Yes",
    "no",
    "t",
    "F",
    "y",
    "N",
    "on",
    "OFF",
    "1",
    "0",
    " yes ",
    1,
    0,
    2,
    "ja",
    "2",
    "1.0",
    "tru",
]


def test_what_is_true_in_a_file_is_true_in_a_message(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"n": n, "b": said}) + "\n" for n, said in enumerate(SPELT)))
    typed = read_typed(path, ReadOptions(columns={"b": "boolean"}), tmp_path / "out.parquet", tmp_path / "bad.parquet")
    rows = pq.read_table(typed.path).to_pydict()
    in_file = dict(zip(rows["n"], rows["b"], strict=True))
    assert len(in_file) >= 14

    def in_message(said: Any) -> object:
        try:
            return cell(said, BOOLEAN, "b", "UTC")
        except Unfit:
            return None

    assert {n: in_message(said) for n, said in enumerate(SPELT)} == {n: in_file.get(n) for n in range(len(SPELT))}
