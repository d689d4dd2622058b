"""Packed files are read as what they hold, and never further than there is room for."""

import bz2
import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

import coterie
from coterie.core.errors import CoterieError, DataError
from coterie.sources import packed
from coterie.sources.options import UNPACK, ReadOptions
from coterie.sources.packed import megabytes
from coterie.sources.reading import read_typed
from coterie.sources.shards import key_of
from coterie.workspace.settings import Settings
from coterie.workspace.workspace import init
from tests import shops

HEADER = {"csv": b"a,b\n", "jsonl": b""}
LINE = {"csv": b"1,2\n", "jsonl": b'{"a":1,"b":2}\n'}
ROWS = 60_000


def zstd(data: bytes) -> bytes:
    packed: bytes = pa.Codec("zstd").compress(data, asbytes=True)
    return packed


PACK: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "bz2": bz2.compress, "zst": zstd}


def read(folder: Path, path: Path, options: ReadOptions) -> int:
    return read_typed(path, options, folder / "out.parquet", folder / "bad.parquet").rows_kept


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "HARMLESS", 1 << 12)


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("kind", HEADER)
@pytest.mark.parametrize("ending", PACK)
def test_a_file_that_unpacks_to_far_more_than_its_size_is_refused(tmp_path: Path, kind: str, ending: str) -> None:
    path = tmp_path / f"orders.{kind}.{ending}"
    path.write_bytes(PACK[ending](HEADER[kind] + LINE[kind] * ROWS))
    ratio = len(HEADER[kind] + LINE[kind] * ROWS) / path.stat().st_size
    with pytest.raises(DataError, match=r"unpacks to more than .*, which is more than 20 times its size") as error:
        read(tmp_path, path, ReadOptions(unpack=20))
    assert error.value.code == "E224"
    assert "COTERIE_UNPACK=200" in (error.value.hint or "")
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name]
    assert read(tmp_path, path, ReadOptions(unpack=int(ratio) + 1)) == ROWS
    if ratio > 200:
        with pytest.raises(DataError, match="200 times"):
            read(tmp_path, path, ReadOptions())


@pytest.mark.parametrize("kind", HEADER)
def test_a_file_that_unpacks_to_more_than_is_free_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"orders.{kind}.gz"
    data = HEADER[kind] + LINE[kind] * ROWS
    path.write_bytes(gzip.compress(data))
    with pytest.raises(DataError, match=r"unpacks to more than the 10\d kB that are free on the disk") as error:
        read(tmp_path, path, ReadOptions(room=104 << 10))
    assert error.value.code == "E224"
    assert read(tmp_path, path, ReadOptions(room=len(data))) == ROWS


def test_what_is_free_is_asked_of_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "orders.csv.gz"
    path.write_bytes(gzip.compress(HEADER["csv"] + LINE["csv"] * ROWS))
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(DataError, match="more than the 1000 bytes that are free"):
        read(tmp_path, path, ReadOptions())


def test_small_files_may_shrink_as_they_like(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv.gz"
    path.write_bytes(gzip.compress(HEADER["csv"] + LINE["csv"] * ROWS))
    assert path.stat().st_size * 100 < ROWS * 4
    assert read(tmp_path, path, ReadOptions(unpack=1)) == ROWS


def test_limits_are_no_part_of_what_was_read() -> None:
    assert key_of("c", ReadOptions(), None, "") == key_of("c", ReadOptions(unpack=7, room=9), None, "")


@pytest.mark.usefixtures("strict")
def test_a_run_and_a_draft_keep_the_limit_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shops.write_tiny(tmp_path)
    text = (tmp_path / "coterie.yaml").read_text().replace("orders.csv", "orders.csv.gz")
    (tmp_path / "coterie.yaml").write_text(text)
    rows = "".join(f"{i},a1,2026-03-01 10:00:00,1.00\n" for i in range(10_000))
    (tmp_path / "orders.csv.gz").write_bytes(gzip.compress(b"order_id,customer,at,amount\n" + rows.encode()))
    for unpack, fits in (("2", False), ("100", True)):
        monkeypatch.setenv("COTERIE_UNPACK", unpack)
        for at_work in (
            coterie.open(tmp_path).run,
            lambda: init(tmp_path / "new", [tmp_path / "orders.csv.gz"]),
        ):
            if fits:
                at_work()
            else:
                with pytest.raises(DataError, match="more than 2 times its size"):
                    at_work()


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5", "²"])
def test_a_limit_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(CoterieError, match="COTERIE_UNPACK is"):
        Settings.from_environment({"COTERIE_UNPACK": text})
    assert Settings.from_environment({}).unpack == 200
    assert Settings.from_environment({"COTERIE_UNPACK": "7"}).unpack == 7


@pytest.mark.parametrize(
    ("size", "said"), [(7, "7 bytes"), (1 << 10, "1.0 kB"), (1500, "1.5 kB"), (20 << 20, "20 MB"), (3 << 40, "3,072 GB")]
)
def test_sizes_in_words(size: int, said: str) -> None:
    assert megabytes(size) == said


def test_the_documents_name_every_limit_of_the_machine() -> None:
    root = Path(__file__).parents[2]
    named = set(re.findall(r"COTERIE_[A-Z_]+[A-Z]", (root / "src/coterie/workspace/settings.py").read_text(encoding="utf-8")))
    told = (root / "docs/reading.md").read_text(encoding="utf-8")
    assert [name for name in sorted(named) if f"| `{name}` |" not in told] == []
    assert f"{UNPACK} otherwise" in told
