"""Nasty CSV files, each with what must come of it: types, values, notes, quarantine or an error that says what to do."""

import csv
import gzip
import io
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.core.errors import DataError, MissingColumn
from coterie.sources.reading import LINE, QUARANTINE, ReadOptions, TypedFile, read_typed

NONE: Any = None
D = Decimal


def read(tmp_path: Path, data: bytes | str, name: str = "data.csv", **options: Any) -> tuple[TypedFile, dict[str, list[Any]]]:
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    typed = read_typed(path, ReadOptions(**options), tmp_path / "out.parquet", tmp_path / "bad.parquet")
    assert not (tmp_path / "out.parquet.cells").exists()
    table = pq.read_table(typed.path)
    assert table.num_rows == typed.rows_kept
    assert typed.rows_in == typed.rows_kept + typed.quarantined.count
    assert (typed.quarantine is not None) == (typed.quarantined.count > 0)
    if typed.quarantine is not None:
        bad = pq.read_table(typed.quarantine)
        assert bad.schema.equals(QUARANTINE)
        assert bad.num_rows == typed.quarantined.count
    return typed, table.to_pydict()


def types(typed: TypedFile) -> Mapping[str, str]:
    return {name: str(type_) for name, type_ in typed.schema.items()}


def notes(typed: TypedFile) -> str:
    return "\n".join(str(note) for note in typed.notes)


@pytest.mark.parametrize(
    ("written", "kind", "values"),
    [
        ("1\n2\n-3", "integer", [1, 2, -3]),
        ("+1\n2", "integer", [1, 2]),
        ("999999999999999999\n0", "integer", [999999999999999999, 0]),
        ("9999999999999999999\n1", "text", ["9999999999999999999", "1"]),
        ("0017850\n17850", "text", ["0017850", "17850"]),
        ("+447900123456\n447900123457", "text", ["+447900123456", "447900123457"]),
        ("17850.0\n\n2.0", "integer", [17850, 2]),
        ("1.50\n2.00", "money", [D("1.5"), D(2)]),
        (".5\n12.", "money", [D("0.5"), D(12)]),
        ("1.12345\n2", "float", [D("1.12345"), D(2)]),
        ("1.0000000005\n-1.0000000005\n0.00000000049", "float", [D("1.000000001"), D("-1.000000001"), D(0)]),
        ("1.5e3\n2.25E-2", "float", [D(1500), D("0.0225")]),
        ("12E5\n13E4", "text", ["12E5", "13E4"]),
        ('"1,234.50"\n"12,345,678.9"', "money", [D("1234.5"), D("12345678.9")]),
        ('"1.234,50"\n"0,5"', "money", [D("1234.5"), D("0.5")]),
        ('"1 234,5"\n"12 345 678,25"', "money", [D("1234.5"), D("12345678.25")]),
        ("1'234.50\n12'345.00", "money", [D("1234.5"), D(12345)]),
        ('"1,00,000.00"\n5.5', "money", [D(100000), D("5.5")]),
        ("€1.50\n€ 2.25\n€-3", "money", [D("1.5"), D("2.25"), D(-3)]),
        ("1.50 €\n2.25 EUR", "money", [D("1.5"), D("2.25")]),
        ("£5.50\n-£3.25", "money", [D("5.5"), D("-3.25")]),
        ("(12.00)\n12.50", "money", [D(-12), D("12.5")]),
        ("($12.00)\n$1.50", "money", [D(-12), D("1.5")]),
        ("12.00-\n1.50", "money", [D(-12), D("1.5")]),
        ("−4\n4", "integer", [-4, 4]),
        ("12.5%\n3%", "money", [D("12.5"), D(3)]),
        ("€1.50\n$2.50", "text", ["€1.50", "$2.50"]),
        ("12%\n0.12", "text", ["12%", "0.12"]),
        ("99999999999999.9999\n1.5", "money", [D("99999999999999.9999"), D("1.5")]),
        ("999999999999999.5\n1.5", "float", [D("999999999999999.5"), D("1.5")]),
        ("true\nFALSE\nTrue", "boolean", [True, False, True]),
        ("yes\nno\nYES", "boolean", [True, False, True]),
        ("yes\nno\nperhaps", "text", ["yes", "no", "perhaps"]),
        ("0\n1\n1", "integer", [0, 1, 1]),
        ("2025-01-31\n2024-02-29", "date", [date(2025, 1, 31), date(2024, 2, 29)]),
        ("2025-01-31T10:00:00Z\n2025-01-31 10:00:00+01:00", "timestamp", [datetime(2025, 1, 31, 10), datetime(2025, 1, 31, 9)]),
        ("2025-01-31 10:00\n2025-02-01", "timestamp", [datetime(2025, 1, 31, 10), datetime(2025, 2, 1)]),
        ("2025-01-31T10:00:00.123456789Z", "timestamp", [datetime(2025, 1, 31, 10, 0, 0, 123456)]),
        ("2025-01-31 10:00:00,5\n2025-01-31 10:00:01", "timestamp", NONE),
        ("2014-03-08 00:00:00\n2014-03-09 00:00:00", "date", [date(2014, 3, 8), date(2014, 3, 9)]),
        ("31/01/2025\n01/02/2025", "date", [date(2025, 1, 31), date(2025, 2, 1)]),
        ("01/31/2025\n02/01/2025", "date", [date(2025, 1, 31), date(2025, 2, 1)]),
        ("03.04.2025\n05.06.2025", "date", [date(2025, 4, 3), date(2025, 6, 5)]),
        ("1/31/2025 1:05 PM\n2/1/2025 12:00 AM", "timestamp", [datetime(2025, 1, 31, 13, 5), datetime(2025, 2, 1)]),
        ("05/05/2025\n06/06/2025", "date", [date(2025, 5, 5), date(2025, 6, 6)]),
        ("31 Jan 2025\n1 Feb 2025", "date", [date(2025, 1, 31), date(2025, 2, 1)]),
        ('"Jan 31, 2025"\n"February 1st, 2025"', "date", [date(2025, 1, 31), date(2025, 2, 1)]),
        ("2025/1/31\n2025/02/1", "date", [date(2025, 1, 31), date(2025, 2, 1)]),
        ("20-00-00\n40-17-22", "text", ["20-00-00", "40-17-22"]),
        ("192.168.1.1\n10.0.0.1", "text", ["192.168.1.1", "10.0.0.1"]),
        ("020 7946 0958\n020 7946 0959", "text", ["020 7946 0958", "020 7946 0959"]),
        ("a\nb", "text", ["a", "b"]),
        ('"a, ""b"""\nc', "text", ['a, "b"', "c"]),
        ('"x\ny"\nz', "text", ["x\ny", "z"]),
    ],
)
def test_a_column_becomes_what_all_its_values_say(tmp_path: Path, written: str, kind: str, values: list[Any] | None) -> None:
    typed, columns = read(tmp_path, f"v\n{written}\n", delimiter=",")
    assert types(typed) == {"v": kind}
    if values is not None:
        assert columns["v"] == values


@pytest.mark.parametrize(
    ("written", "code", "said"),
    [
        ("03/04/2025\n05/06/2025", "E210", ["2025-04-03", "2025-03-04", "line 2: 03/04/2025", "line 3: 05/06/2025", "dates: dmy"]),
        ("31/12/2025\n12/31/2025", "E213", ["31/12/2025", "12/31/2025", "line 2", "line 3"]),
        ("2025-01-31\n31/12/2025", "E213", ["2025-01-31", "31/12/2025", "1 year first"]),
        ("31/12/25\n01/02/25", "E212", ["31/12/25", "1925", "2025"]),
        ("1.234\n5.678", "E211", ["1.234 is 1234 or 1.234", "decimal: ','"]),
        ("1,234\n5,678", "E211", ["1,234 is 1234 or 1.234"]),
    ],
)
def test_two_readings_stop_with_both(tmp_path: Path, written: str, code: str, said: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, "v;w\n" + "".join(f"{line};x\n" for line in written.split("\n")))
    assert caught.value.code == code
    for words in said:
        assert words in str(caught.value)
    assert caught.value.place is not None
    assert not list(tmp_path.glob("*.parquet"))


def test_the_way_out_of_two_readings(tmp_path: Path) -> None:
    dates = "v;w\n03/04/2025;x\n05/06/2025;x\n"
    assert read(tmp_path, dates, dates="dmy")[1]["v"][0] == date(2025, 4, 3)
    assert read(tmp_path, dates, dates="mdy")[1]["v"][0] == date(2025, 3, 4)
    assert types(read(tmp_path, dates, columns={"v": "text"})[0])["v"] == "text"
    numbers = "v;w\n1.234;x\n5.678;x\n"
    assert read(tmp_path, numbers, decimal=".")[1]["v"] == [D("1.234"), D("5.678")]
    assert read(tmp_path, numbers, decimal=",")[1]["v"] == [1234, 5678]


def test_other_columns_of_the_file_settle_what_one_leaves_open(tmp_path: Path) -> None:
    typed, columns = read(tmp_path, "a;b\n03/04/2025;31/12/2025\n05/06/2025;01/02/2025\n")
    assert columns["a"] == [date(2025, 4, 3), date(2025, 6, 5)]
    assert "as column 'b'" in notes(typed)
    typed, columns = read(tmp_path, "a;b\n1.234;0,5\n5.678;1,25\n")
    assert columns["a"] == [1234, 5678]
    assert columns["b"] == [D("0.5"), D("1.25")]


def test_whole_numbers_below_a_thousand_without_a_mark_show_what_the_mark_is(tmp_path: Path) -> None:
    assert read(tmp_path, "v;w\n1.234;x\n999;x\n12;x\n")[1]["v"] == [1234, 999, 12]


def test_a_comma_file_has_decimal_points(tmp_path: Path) -> None:
    typed, columns = read(tmp_path, "v,w\n51.123,x\n12.456,x\n")
    assert columns["v"] == [D("51.123"), D("12.456")]
    assert "decimal sign" in notes(typed)


@pytest.mark.parametrize("bad", ["N/A", "nan", "inf", "1e999", "12,34,5", "-", "#REF!"])
def test_one_bad_cell_in_a_hundred_quarantines_its_row_only(tmp_path: Path, bad: str) -> None:
    lines = [f"{i}.25,x" for i in range(300)]
    lines[150] = f'"{bad}",x'
    typed, columns = read(tmp_path, "amount,w\n" + "\n".join(lines) + "\n")
    assert types(typed)["amount"] == "float" if bad == "1e999" else "money"
    assert len(columns["amount"]) == 299
    (example,) = typed.quarantined.examples
    assert (example.line, example.column, example.value) == (152, "amount", bad)
    assert example.reason
    assert 152 not in columns[LINE]


def test_more_bad_cells_than_one_in_a_hundred_make_the_column_text_and_say_so(tmp_path: Path) -> None:
    typed, columns = read(tmp_path, "amount,w\n" + "".join(f"{'N/A' if i % 10 == 0 else i},x\n" for i in range(100)))
    assert types(typed)["amount"] == "text"
    assert "90 of 100 values are numbers, 10 are not ('N/A' 10 times" in notes(typed)
    typed, columns = read(
        tmp_path, "amount,w\n" + "".join(f"{'N/A' if i % 10 == 0 else i},x\n" for i in range(100)), missing=("N/A",)
    )
    assert types(typed)["amount"] == "integer"
    assert columns["amount"][:2] == [None, 1]


def test_a_declared_type_holds_whatever_the_share(tmp_path: Path) -> None:
    data = "zip,n,flag,when,tags,dob\n01234,1,y,1735689600,a;b;a,20250131\n5678,x,n,1735689601,,19991231\n"
    data += "9,3,0,1735689602,c,20240229\n"
    declared = {"zip": "text", "n": "integer", "flag": "boolean", "when": "timestamp", "tags": "list", "dob": "date"}
    typed, columns = read(tmp_path, data, columns=declared)
    assert columns["zip"] == ["01234", "9"]
    assert columns["flag"] == [True, False]
    assert columns["when"] == [datetime(2025, 1, 1), datetime(2025, 1, 1, 0, 0, 2)]
    assert columns["tags"] == [["a", "b"], ["c"]]
    assert columns["dob"] == [date(2025, 1, 31), date(2024, 2, 29)]
    assert typed.quarantined.count == 1
    assert typed.quarantined.examples[0].value == "x"


def test_a_declaration_that_most_rows_contradict_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="declared integer, and 2 of 3 rows are not"):
        read(tmp_path, "a,b\nx,1\ny,2\n3,3\n", columns={"a": "integer"})
    with pytest.raises(MissingColumn, match="no column 'amout'") as caught:
        read(tmp_path, "amount,b\n1,1\n", columns={"amout": "integer"})
    assert "did you mean 'amount'" in str(caught.value)
    with pytest.raises(DataError, match="'int' is not a type"):
        read(tmp_path, "amount,b\n1,1\n", columns={"amount": "int"})


@pytest.mark.parametrize(
    ("stamp", "unit"), [("1735689600", "seconds"), ("1735689600000", "milliseconds"), ("1735689600000000", "microseconds")]
)
def test_epochs_when_declared(tmp_path: Path, stamp: str, unit: str) -> None:
    typed, columns = read(tmp_path, f"t,b\n{stamp},x\n{stamp},y\n{stamp},z\n99999999999999999,z\n", columns={"t": "timestamp"})
    assert columns["t"] == [datetime(2025, 1, 1)] * 3
    assert unit in notes(typed)
    assert "2200" in typed.quarantined.examples[0].reason
    assert types(read(tmp_path, f"t,b\n{stamp},x\n")[0])["t"] == "integer"


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_what_stands_between_cells_is_found(tmp_path: Path, mark: str) -> None:
    rows = [["id", "name", "price"], ["1", "Ann", "2.5"], ["2", "Bob", "3.5"]]
    _typed, columns = read(tmp_path, "\n".join(mark.join(row) for row in rows))
    assert columns == {"id": [1, 2], "name": ["Ann", "Bob"], "price": [D("2.5"), D("3.5")], LINE: [2, 3]}


def test_semicolons_beside_decimal_commas(tmp_path: Path) -> None:
    typed, columns = read(tmp_path, "name;price\nA;1,50\nB;2,50\nC;1.234,00\n")
    assert columns["price"] == [D("1.5"), D("2.5"), D(1234)]
    assert "',' is the decimal sign" in notes(typed)


@pytest.mark.parametrize(
    ("codec", "bom"),
    [
        ("utf-8", b""),
        ("utf-8", b"\xef\xbb\xbf"),
        ("utf-16-le", b"\xff\xfe"),
        ("utf-16-be", b"\xfe\xff"),
        ("utf-16-le", b""),
        ("cp1252", b""),
    ],
)
def test_encodings(tmp_path: Path, codec: str, bom: bytes) -> None:
    text = "größe,straße\n1,Müller\n2,Élodie Lefèvre\n3,Straße Köln\n4,Jürgen Weiß\n"
    typed, columns = read(tmp_path, bom + text.encode(codec))
    assert list(columns) == ["größe", "straße", LINE]
    assert columns["straße"] == ["Müller", "Élodie Lefèvre", "Straße Köln", "Jürgen Weiß"]
    assert columns[LINE] == [2, 3, 4, 5]
    assert ("encoding" in notes(typed)) == (codec == "cp1252" or codec.startswith("utf-16"))


def test_bytes_that_the_encoding_does_not_have_are_set_apart(tmp_path: Path) -> None:
    data = "a,b\n1,Zoë\n".encode() + b"2,Zo\xeb\n" + b"3,ok\n"
    typed, columns = read(tmp_path, data, encoding="utf-8")
    assert columns["b"] == ["Zoë", "ok"]
    assert typed.quarantined.examples[0].line == 3
    with pytest.raises(DataError, match="no encoding 'utf-9'"):
        read(tmp_path, data, encoding="utf-9")


def test_packed_files(tmp_path: Path) -> None:
    _typed, columns = read(tmp_path, gzip.compress(b"a,b\n1,2\n"), name="data.csv.gz")
    assert columns == {"a": [1], "b": [2], LINE: [2]}
    with pytest.raises(DataError, match="ends too early"):
        read(tmp_path, gzip.compress(b"a,b\n1,2\n" * 1000)[:-20], name="cut.csv.gz")
    with pytest.raises(DataError, match="cannot be"):
        read(tmp_path, b"\x1f\x8b\x08\x00" + b"\xff" * 100, name="broken.csv.gz")


@pytest.mark.parametrize(
    ("data", "names", "first", "said"),
    [
        ("Report 2025\n\nid,name,total\n1,a,2\n2,b,3\n", ["id", "name", "total"], 4, "header on line 3"),
        ("Report;;\nby;me;\nid;name;total\n1;a;2\n2;b;3\n", ["id", "name", "total"], 4, "header on line 3"),
        ("1,a,2.5\n2,b,3.5\n", ["column_1", "column_2", "column_3"], 1, "no row of names"),
        ("id,2023,2024\na,1,2\nb,3,4\n", ["id", "2023", "2024"], 2, ""),
        ("id,,name\n1,2,a\n", ["id", "column_2", "name"], 2, "column 2 has no name"),
        ('"first\nname",b\nx,1\n', ["first name", "b"], 3, ""),
        ("id,ID\n1,2\n", ["id", "ID_2"], 2, "differs from 'id' only in case"),
        ("name,city\nAnn,Paris\n", ["name", "city"], 2, ""),
    ],
)
def test_the_header_is_found(tmp_path: Path, data: str, names: list[str], first: int, said: str) -> None:
    typed, columns = read(tmp_path, data)
    assert list(columns) == [*names, LINE]
    assert columns[LINE][0] == first
    assert said in notes(typed)


def test_the_header_is_where_it_is_said_to_be(tmp_path: Path) -> None:
    data = "a,b\nc,d\n1,2\n"
    assert list(read(tmp_path, data, header=2)[1]) == ["c", "d", LINE]
    assert read(tmp_path, data, header=0)[1]["column_1"] == ["a", "c", "1"]
    with pytest.raises(DataError, match="line 9"):
        read(tmp_path, data, header=9)


def test_two_columns_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="two columns are called 'a': column 1 and column 3"):
        read(tmp_path, "a,b,a\n1,2,3\n")


def test_total_rows_at_the_end_are_left_out_counted_and_shown(tmp_path: Path) -> None:
    rows = "".join(f"2025-01-{i + 1:02},shop {i},{i}.50\n" for i in range(20))
    typed, columns = read(tmp_path, "day,shop,total\n" + rows + "Total,,200.00\n")
    assert types(typed) == {"day": "date", "shop": "text", "total": "money"}
    assert len(columns["day"]) == typed.rows_in == 20
    assert "1 total row at the end left out (line 22: Total, 200.00)" in notes(typed)
    typed, _ = read(tmp_path, "region,amount\nNorth,1\nSouth,2\nSumme:,3\n")
    assert typed.rows_in == 2
    # The word is a value like others, or nothing adds up: it stays.
    assert read(tmp_path, "brand,amount\nTotal,1\nShell,2\nTotal,3\n")[0].rows_in == 3
    assert read(tmp_path, "brand,amount\nBP,1\nShell,2\nTotal,9\n")[0].rows_in == 3
    assert read(tmp_path, "region,amount\nNorth,1\nSouth,2\nTotal,3\n", skip_total_rows=False)[0].rows_in == 3


def test_ragged_rows_are_set_apart_with_their_line(tmp_path: Path) -> None:
    data = 'a,b,c\n1,2,3\n4,5\n"6\n6",7,8\n9,9,9,9\n\n10,11,12\n'
    typed, columns = read(tmp_path, data)
    assert columns["c"] == [3, 8, 12]
    assert columns[LINE] == [2, 4, 8]
    assert [(bad.line, bad.row) for bad in typed.quarantined.examples] == [(3, "4,5"), (6, "9,9,9,9")]
    assert "4 cells where the header has 3" in typed.quarantined.examples[1].reason
    assert "1 blank row left out" in notes(typed)


def test_lines_are_counted_over_many_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coterie.sources.kinds.csv.BLOCK", 512)
    lines, expected, bad = ["a,b"], list[int](), list[int]()
    at = 1
    for i in range(2000):
        at += 1
        if i % 31 == 0:
            lines.append(f"{i}")
            bad.append(at)
        elif i % 17 == 0:
            lines.append(f'{i},"x\ny\nz"')
            expected.append(at)
            at += 2
        elif i % 13 == 0:
            lines.append("")
        else:
            lines.append(f"{i},x")
            expected.append(at)
    typed, columns = read(tmp_path, "\n".join(lines))
    assert columns[LINE] == expected
    assert sorted(pq.read_table(typed.quarantine)["line"].to_pylist()) == bad


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\n\n  \n", "blank lines"),
        (b"\xef\xbb\xbf", "blank lines"),
        (b'a,b\n1,"2\n3,4\n5,6\n', "never closed"),
        (b"a," * 10_001 + b"b\n1\n", "10,002 columns"),
    ],
)
def test_what_is_no_table_says_so(tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, data)
    assert said in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("data", ["a,b\n1\n2\n3\n", "a,b\n" + "1,2\n" * 500 + "1\n" * 1600])
def test_a_table_whose_rows_do_not_fit_its_header(tmp_path: Path, data: str) -> None:
    with pytest.raises(DataError, match="cannot be read and only"):
        read(tmp_path, data, header=1, delimiter=",")


def test_long_rows_and_long_first_lines(tmp_path: Path) -> None:
    long = "x" * 12_000_000
    assert read(tmp_path, f'a,b\n1,{long}\n2,"{long[:9_000_000]}"\n')[1]["a"] == [1, 2]
    with pytest.raises(DataError, match="first line"):
        read(tmp_path, "a," * 1_000_000)
    with pytest.raises(DataError, match="more than 16 MB"):
        read(tmp_path, b"a,b\n" + b"x" * 40_000_000)


def test_the_hint_of_spreadsheet_programs(tmp_path: Path) -> None:
    assert read(tmp_path, "sep=;\nname;price\nA;1,50\n")[1] == {"name": ["A"], "price": [D("1.5")], LINE: [3]}


def test_a_delimiter_at_the_end_of_every_line(tmp_path: Path) -> None:
    assert read(tmp_path, "a;b;\n1;2;\n3;4;\n")[1] == {"a": [1, 3], "b": [2, 4], LINE: [2, 3]}


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    typed, columns = read(tmp_path, "id,amount\n")
    assert columns == {"id": [], "amount": [], LINE: []}
    assert typed.rows_in == 0


def test_missing_cells(tmp_path: Path) -> None:
    _, columns = read(tmp_path, 'id,name,n,d\n1,"",,\n2,  ,3, \n3,NA,4,2025-01-31\n')
    assert columns == {
        "id": [1, 2, 3],
        "name": [None, None, "NA"],
        "n": [None, 3, 4],
        "d": [None, None, date(2025, 1, 31)],
        LINE: [2, 3, 4],
    }


def test_a_blank_after_each_delimiter_is_left_out_and_other_blanks_stay(tmp_path: Path) -> None:
    assert read(tmp_path, "a, b, c\nx, y, 1\nz, , 2\n")[1]["b"] == ["y", None]
    assert read(tmp_path, "a,b\nx , y\nz,w\n")[1] == {"a": ["x ", "z"], "b": [" y", "w"], LINE: [2, 3]}


def test_nul_and_odd_characters_stay_in_texts(tmp_path: Path) -> None:
    text = "a\x00b \u202e \U0001f600 e\u0301"
    assert read(tmp_path, f"id,t\n1,{text}\n2,x\n")[1]["t"] == [text, "x"]


def test_carriage_returns_end_lines_too(tmp_path: Path) -> None:
    assert read(tmp_path, "a,b\r\n1,2\r\n3,4\r\n")[1] == {"a": [1, 3], "b": [2, 4], LINE: [2, 3]}
    assert read(tmp_path, "a,b\r1,2\r3,4\r")[1] == {"a": [1, 3], "b": [2, 4], LINE: [2, 3]}


def test_backslash_quotes(tmp_path: Path) -> None:
    _, columns = read(tmp_path, 'a,b\n"x \\" y, z",1\n"p \\" q, r",2\n')
    assert columns["a"] == ['x " y, z', 'p " q, r']


def test_a_stray_quote_inside_a_cell_is_a_character(tmp_path: Path) -> None:
    assert read(tmp_path, 'a,b\n5" pipe,1\n6" pipe,2\n')[1]["a"] == ['5" pipe', '6" pipe']


def test_local_times_move_once_and_are_counted(tmp_path: Path) -> None:
    data = "t,w\n2026-10-25 01:30:00,x\n2026-03-29 01:30:00,y\n2026-07-01 12:00:00,z\n"
    typed, columns = read(tmp_path, data, timezone="Europe/London")
    assert columns["t"] == [datetime(2026, 10, 25, 0, 30), datetime(2026, 3, 29, 1, 30), datetime(2026, 7, 1, 11)]
    assert "1 local time happens twice" in notes(typed)
    assert "1 local time never happened" in notes(typed)


def test_the_same_answer_in_any_order_of_rows(tmp_path: Path) -> None:
    import random

    rows = [f"{i},{i * 0.25},2025-{i % 12 + 1:02}-{i % 28 + 1:02},{'abc'[i % 3]}" for i in range(500)] + ["oops,1.5,2025-01-01,a"]
    first = None
    for seed in range(4):
        random.Random(seed).shuffle(rows)
        typed, columns = read(tmp_path, "id,x,day,c\n" + "\n".join(rows))
        found = (
            types(typed),
            sorted(zip(*(columns[name] for name in ("id", "x", "day", "c")), strict=True)),
            typed.quarantined.reasons,
        )
        first = first or found
        assert found == first


def test_facts_of_columns(tmp_path: Path) -> None:
    rows = "".join(f"{i},{i % 7}.50,{'x' if i % 2 else ''},00{i}\n" for i in range(5000))
    typed, _ = read(tmp_path, "id,price,flag,code\n" + rows)
    facts = typed.facts
    assert (facts["id"].minimum, facts["id"].maximum, facts["id"].missing) == (0, 4999, 0)
    assert facts["id"].distinct == pytest.approx(5000, rel=0.1)
    assert facts["price"].distinct == 7
    assert facts["price"].decimals == 1
    assert (facts["flag"].known, facts["flag"].missing) == (2500, 2500)
    assert facts["code"].padded
    assert len(facts["price"].examples) == 5


def test_the_hash_is_of_the_bytes(tmp_path: Path) -> None:
    import hashlib

    data = b"a,b\n1,2\n"
    assert read(tmp_path, data)[0].content_hash == hashlib.sha256(data).hexdigest()


def test_progress_counts_rows(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("a\n" + "1\n" * 100)
    seen: list[int] = []
    read_typed(path, ReadOptions(), tmp_path / "o", tmp_path / "q", progress=seen.append)
    assert seen[-1] == 100


def test_no_file(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("a\n1\n")
    with pytest.raises(DataError, match="there is no file") as caught:
        read_typed(tmp_path / "order.csv", ReadOptions(), tmp_path / "o", tmp_path / "q")
    assert "did you mean 'orders.csv'" in str(caught.value)


CELLS = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\ufeff"), max_size=8)


@settings(max_examples=80)
@given(
    st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=12),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], mark: str, end: str
) -> None:
    """Any texts, as Python's writer puts them down, come back byte for byte, each with its line."""
    sink = io.StringIO()
    writer = csv.writer(sink, delimiter=mark, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow(["a", "b", "c"])
    writer.writerows(rows)
    declared = {"a": "text", "b": "text", "c": "text"}
    folder = tmp_path_factory.mktemp("written")
    typed, columns = read(folder, sink.getvalue(), delimiter=mark, header=1, columns=declared, skip_total_rows=False)
    expected = [tuple(cell if cell.strip() else None for cell in row) for row in rows]
    lines, at = [], 2
    for row in rows:
        lines.append(at)
        at += 1 + sum(cell.count("\n") for cell in row)
    kept = [i for i, row in enumerate(rows) if any(row)]
    assert list(zip(columns["a"], columns["b"], columns["c"], strict=True)) == [expected[i] for i in kept]
    assert columns[LINE] == [lines[i] for i in kept]
    assert typed.quarantined.count == 0


@settings(max_examples=150)
@given(
    st.one_of(
        st.binary(max_size=400),
        st.text(alphabet='0123456789,;|\t"\n\r.-/ aé€\x00', max_size=400).map(lambda text: text.encode()),
        st.text(alphabet='a1,\n"', max_size=60).map(lambda text: b"a,b,c\n" + text.encode()),
    )
)
def test_no_bytes_break_the_reading(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Anything is a table or an error with a way out."""
    try:
        read(tmp_path_factory.mktemp("any"), data)
    except DataError as error:
        hint = error.hint
        assert hint


def test_an_earlier_quarantine_does_not_stay(tmp_path: Path) -> None:
    assert read(tmp_path, "a,b\n1,2\n3\n")[0].quarantine is not None
    assert read(tmp_path, "a,b\n1,2\n")[0].quarantine is None
    assert not (tmp_path / "bad.parquet").exists()
