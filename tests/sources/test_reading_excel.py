"""Workbooks: sheets, headers below titles, typed cells, totals, and files that are none."""

import contextlib
import zipfile
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest

from coterie.core.errors import DataError
from coterie.sources.kinds.excel import check_size
from coterie.sources.reading import LINE, ReadOptions, TypedFile, read_typed

Sheet = list[list[Any]]


def read(tmp_path: Path, sheets: dict[str, Sheet], **options: Any) -> tuple[TypedFile, dict[str, list[Any]]]:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    path = tmp_path / "book.xlsx"
    book.save(path)
    typed = read_typed(path, ReadOptions(**options), tmp_path / "out.parquet", tmp_path / "bad.parquet")
    return typed, pq.read_table(typed.path).to_pydict()


HEAD = ["id", "when", "day", "amount", "n", "ok"]
ROWS = [
    [17850.0, datetime(2025, 1, 31, 10), date(2025, 1, 31), 1.5, 3, True],
    [17851, datetime(2025, 2, 1, 11), date(2025, 2, 1), 2, 4, False],
]


def test_types(tmp_path: Path) -> None:
    typed, columns = read(tmp_path, {"Orders": [HEAD, *ROWS]})
    assert {name: str(t) for name, t in typed.schema.items()} == {
        "id": "integer", "when": "timestamp", "day": "date", "amount": "money", "n": "integer", "ok": "boolean",
    }  # fmt: skip
    assert columns["id"] == [17850, 17851]
    assert columns["when"] == [datetime(2025, 1, 31, 10), datetime(2025, 2, 1, 11)]
    assert columns["day"] == [date(2025, 1, 31), date(2025, 2, 1)]
    assert columns["amount"] == [Decimal("1.5"), Decimal(2)]
    assert columns[LINE] == [2, 3]


def test_local_times(tmp_path: Path) -> None:
    _, columns = read(tmp_path, {"A": [["t", "x"], [datetime(2025, 7, 1, 12), 1]]}, timezone="Europe/London")
    assert columns["t"] == [datetime(2025, 7, 1, 11)]


def test_titles_blank_rows_and_totals(tmp_path: Path) -> None:
    rows: Sheet = [
        ["Sales report", None, None],
        [],
        ["shop", "day", "amount"],
        ["North", date(2025, 1, 31), 1.5],
        [],
        ["South", date(2025, 2, 1), 2.5],
    ]
    rows += [["Total", None, 4.0]]
    typed, columns = read(tmp_path, {"A": rows})
    assert columns == {
        "shop": ["North", "South"], "day": [date(2025, 1, 31), date(2025, 2, 1)], "amount": [Decimal("1.5"), Decimal("2.5")],
        LINE: [4, 6],
    }  # fmt: skip
    said = "\n".join(map(str, typed.notes))
    assert "header on line 3" in said
    assert "Sales report" in said
    assert "1 total row" in said


def test_sheets(tmp_path: Path) -> None:
    sheets: dict[str, Sheet] = {"Notes": [], "2024": [["a"], [1]], "2025": [["a"], [2]]}
    typed, columns = read(tmp_path, sheets)
    assert columns["a"] == [1]
    assert any("'2025'" in str(note) for note in typed.notes)
    assert read(tmp_path, sheets, sheet="2025")[1]["a"] == [2]
    with pytest.raises(DataError, match="no sheet '2026'") as caught:
        read(tmp_path, sheets, sheet="2026")
    assert "2025" in str(caught.value)
    with pytest.raises(DataError, match="holds nothing"):
        read(tmp_path, {"A": [], "B": []})


def test_texts_stay_texts_and_dates_in_texts_are_read(tmp_path: Path) -> None:
    _typed, columns = read(tmp_path, {"A": [["zip", "d", "mix"], ["01234", "31/01/2025", "007"], ["5678", "01/02/2025", 17850]]})
    assert columns["zip"] == ["01234", "5678"]
    assert columns["d"] == [date(2025, 1, 31), date(2025, 2, 1)]
    assert columns["mix"] == ["007", "17850"]


def test_cells_beside_the_table_are_set_apart(tmp_path: Path) -> None:
    typed, columns = read(tmp_path, {"A": [["a", "b"], *([i, i] for i in range(9)), [1, 2, "stray"]]})
    assert len(columns["a"]) == 9
    assert typed.quarantined.examples[0].line == 11


def test_times_of_day_are_texts(tmp_path: Path) -> None:
    assert read(tmp_path, {"A": [["t", "x"], [time(10, 30), 1]]})[1]["t"] == ["10:30:00"]


def test_merged_cells_hold_their_value_once(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["shop", "n"], ["North", 1], [None, 2], ["South", 3]):
        sheet.append(row)
    sheet.merge_cells("A2:A3")
    book.save(tmp_path / "m.xlsx")
    typed = read_typed(tmp_path / "m.xlsx", ReadOptions(), tmp_path / "o", tmp_path / "q")
    assert pq.read_table(typed.path)["shop"].to_pylist() == ["North", None, "South"]


@pytest.mark.parametrize(
    "data", [b"", b"no workbook", b"PK\x03\x04" + b"\0" * 50, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600]
)
def test_what_is_no_workbook(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "bad.xlsx"
    path.write_bytes(data)
    with pytest.raises(DataError) as caught:
        read_typed(path, ReadOptions(), tmp_path / "o", tmp_path / "q")
    assert caught.value.hint


def test_a_damaged_workbook(tmp_path: Path) -> None:
    read(tmp_path, {"A": [HEAD, *ROWS]})
    good = (tmp_path / "book.xlsx").read_bytes()
    import random

    chance = random.Random(2)
    path = tmp_path / "bad.xlsx"
    for _ in range(60):
        data = bytearray(good)
        for _ in range(chance.randint(1, 20)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(bytes(data))
        with contextlib.suppress(DataError):
            read_typed(path, ReadOptions(), tmp_path / "o", tmp_path / "q")


def test_a_cell_far_out_is_refused_before_it_is_read(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet["A1"] = "a"
    sheet["XFD1048576"] = 1
    book.save(tmp_path / "far.xlsx")
    with pytest.raises(DataError, match="column XFD"):
        check_size(tmp_path / "far.xlsx")


def test_a_zip_archive_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr("orders.csv", "a\n1\n")
    with pytest.raises(DataError, match="zip archive"):
        read_typed(tmp_path / "data.zip", ReadOptions(), tmp_path / "o", tmp_path / "q")


def test_open_document_sheets(tmp_path: Path) -> None:
    cells = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="{kind}" office:{attribute}="{value}"><text:p>{value}</text:p></table:table-cell>'
            for kind, attribute, value in row
        )
        + "</table:table-row>"
        for row in (
            [("string", "string-value", "id"), ("string", "string-value", "day"), ("string", "string-value", "amount")],
            [("float", "value", "7"), ("date", "date-value", "2025-01-31"), ("float", "value", "1.5")],
        )
    )
    spaces = "urn:oasis:names:tc:opendocument:xmlns:"
    content = (
        f'<office:document-content xmlns:office="{spaces}office:1.0" xmlns:table="{spaces}table:1.0" xmlns:text="{spaces}text:1.0">'
        f'<office:body><office:spreadsheet><table:table table:name="A">{cells}</table:table></office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    with zipfile.ZipFile(tmp_path / "book.ods", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", f'<manifest:manifest xmlns:manifest="{spaces}manifest:1.0"/>')
    typed = read_typed(tmp_path / "book.ods", ReadOptions(), tmp_path / "o", tmp_path / "q")
    assert pq.read_table(typed.path).to_pydict() == {"id": [7], "day": [date(2025, 1, 31)], "amount": [Decimal("1.5")], LINE: [2]}
