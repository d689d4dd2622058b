"""The façade in Python: what a notebook or a program does with a project."""

import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

import coterie
from coterie.core.errors import CoterieError, DefinitionErrors, StoreError, UnknownName
from coterie.segments.membership import Size
from coterie.workspace.workspace import init
from tests import shops


@pytest.fixture(scope="module")
def tiny() -> Iterator[coterie.Workspace]:
    space = coterie.open(shops.tiny())
    yield space
    space.close()


def test_segments(tiny: coterie.Workspace) -> None:
    assert list(tiny.segments) == ["vip", "german", "german_vip", '"; drop table']
    assert tiny.segments.size("vip") == Size(3, 2, 0, {})
    assert tiny.segments.size("german") == Size(2, 2, 1, {"country": 1})
    assert tiny.segments.overlap("vip") == {"german": 1, "german_vip": 1, '"; drop table': 1}
    assert tiny.segments.english("german") == "country is 'DE'"
    with pytest.raises(UnknownName, match="no segment 'vpi'") as wrong:
        tiny.segments.size("vpi")
    assert wrong.value.hint is not None
    assert "did you mean 'vip'?" in wrong.value.hint


def test_members_as_tables(tiny: coterie.Workspace) -> None:
    members = tiny.segments.members("vip", ["country", "revenue"])
    assert len(members) == 3
    assert next(iter(members)) == {"customer": "a1", "country": "DE", "revenue": Decimal("120.5000")}
    assert isinstance(members.arrow(), pa.Table)
    assert list(members.pandas()["customer"]) == ["a1", "a2", "a4"]
    assert members.polars()["customer"].to_list() == ["a1", "a2", "a4"]
    shown = tiny.segments.members("german", ["email"])._repr_html_()
    assert "<td>a1</td>" in shown
    assert "=HYPERLINK(&quot;http://x&quot;)" in shown
    assert repr(members) == "Table(3 rows: customer, country, revenue)"


def test_the_table_of_segments(tiny: coterie.Workspace) -> None:
    rows = list(tiny.segments.table())
    assert rows[0] == {"segment": "vip", "in": 3, "out": 2, "cannot_tell": 0, "revenue": Decimal("490.7500")}


def test_summary(tiny: coterie.Workspace) -> None:
    said = tiny.summary()
    assert [s["name"] for s in said["segments"]] == list(tiny.segments)
    assert {k: said[k] for k in ("project", "as_of", "population", "currency", "money", "stale")} == {
        "project": "tiny", "as_of": "2026-03-31T23:59:59", "population": 5, "currency": "EUR", "money": "revenue", "stale": [],
    }  # fmt: skip
    vip = said["segments"][0]
    assert (vip["in"], vip["share"], vip["revenue"], vip["revenue_share"]) == (3, 0.6, 490.75, 0.495332)
    assert said["segmentations"] == [
        {
            "name": "lifecycle",
            "labels": [
                {"label": "active", "customers": 3, "share": 0.6},
                {"label": "lapsed", "customers": 1, "share": 0.2},
                {"label": "prospect", "customers": 1, "share": 0.2},
            ],
        }
    ]
    assert [(s["name"], s["rows"], s["kept"]) for s in said["sources"]] == [("customers", 5, 5), ("order", 6, 5)]
    assert [q["rows"] for q in said["quarantine"]] == [1]


def test_describe(tiny: coterie.Workspace) -> None:
    said = tiny.describe("german_vip")
    assert (said["noun"], said["rule"], said["uses"], said["in"]) == ("segment", "vip and german", ["german", "vip"], 1)
    assert tiny.describe("vip")["used_by"] == ["german_vip"]
    assert tiny.describe("vip")["fresh"] == ["daily", "live"]
    assert tiny.describe("vip")["notes"] == {"about": "Spent a hundred or more, lately"}
    assert tiny.describe("revenue")["type"] == "money"
    assert tiny.describe("lifecycle")["labels"][0] == {"label": "active", "customers": 3, "share": 0.6}
    with pytest.raises(UnknownName):
        tiny.describe("nosuch")


def test_traits(tiny: coterie.Workspace) -> None:
    assert [(t["name"], t["type"], t["known"]) for t in tiny.traits()] == [
        ("orders", "integer", 5),
        ("revenue", "money", 5),
        ("last_order", "timestamp", 4),
    ]


def test_why(tiny: coterie.Workspace) -> None:
    found = tiny.why("a3", "vip")
    assert (found.customer, found.name, found.reason.truth) == ("a3", "vip", False)
    assert [change.words for change in found.changes]
    assert tiny.why("a2", "lifecycle").reason.value == "active"
    assert tiny.why("a2", "lifecycle").changes
    assert tiny.why("a2", "revenue").changes == ()


def test_why_of_a_fitted_segmentation_shows_its_parts() -> None:
    space = coterie.open(shops.demo())
    member = next(iter(space.segments.members("vip")))["customer"]
    found = space.why(member, "value").reason
    space.close()
    assert isinstance(found.value, str)
    assert {c.text for c in found.children} >= {"value.r", "value.f", "value.m", "value.score"}


def test_format_keeps_or_writes(tmp_path: Path) -> None:
    space = coterie.open(shops.write_tiny(tmp_path / "new"))
    before = space.file.read_text()
    assert space.format(write=False)
    assert space.file.read_text() == before
    assert space.format()
    assert space.file.read_text() != before
    assert not space.format()


def test_edited(tmp_path: Path) -> None:
    space = coterie.open(shops.copied(shops.tiny(), tmp_path / "copy"))
    assert not space.edited()
    assert not space.stale()
    space.file.write_text(space.file.read_text().replace("revenue >= 100", "revenue >= 90"))
    assert space.edited()
    assert space.stale().changed == ("vip", "german_vip")
    space.close()


def test_readers_see_the_newest_results(tmp_path: Path) -> None:
    folder = shops.copied(shops.tiny(), tmp_path / "copy")
    reader, writer = coterie.open(folder), coterie.open(folder)
    assert reader.segments.size("vip").inside == 3
    writer.run(as_of="2025-06-30")
    assert reader.segments.size("vip").inside == 1
    assert reader.results.generation.number == 2
    reader.close()
    writer.close()


def test_deleting_the_cache_changes_no_answer(tmp_path: Path) -> None:
    folder = shops.copied(shops.tiny(), tmp_path / "copy")
    space = coterie.open(folder)
    before = {**space.summary(), "finished": None}
    space.close()
    shutil.rmtree(folder / ".coterie/cache")
    space.run()
    assert {**space.summary(), "finished": None} == before
    space.close()


def test_a_segment_called_like_an_attack_is_a_segment(tiny: coterie.Workspace, tmp_path: Path) -> None:
    name = '"; drop table'
    assert tiny.segments.size(name).inside == 1
    assert tiny.export(name, out=tmp_path).rows == 1
    assert tiny.why("a1", name).reason.truth
    assert tiny.sql(name).startswith("SELECT")
    assert tiny.segments.size("vip").inside == 3


def test_errors_name_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(CoterieError, match="there is no project file"):
        coterie.open(tmp_path).run()
    with pytest.raises(StoreError, match="no results yet"):
        coterie.open(shops.write_tiny(tmp_path / "new")).segments.size("vip")
    wrong = shops.write_tiny(tmp_path / "wrong", shops.TINY.replace("orders > 1", "ordres > 1").replace("= 'DE'", "= 5"))
    with pytest.raises(DefinitionErrors) as found:
        coterie.open(wrong).check()
    assert [e.code for e in found.value.errors] == ["E104", "E102"]


def test_init(tmp_path: Path) -> None:
    folder = shops.write_tiny(tmp_path / "new", orders=shops.ORDERS.replace("not a date", "2026-02-02 10:00:00"))
    (folder / "coterie.yaml").unlink()
    files = [folder / "customers.csv", folder / "orders.csv"]
    drafted = init(folder, files)
    assert (folder / "coterie.yaml").read_text() == drafted.text
    with pytest.raises(CoterieError, match="is there already"):
        init(folder, files)
    space = coterie.open(folder)
    space.run()
    assert space.results.made.population == 5
    space.close()
