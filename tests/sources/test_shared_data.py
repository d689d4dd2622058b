"""The real data sets: the types and notes that a careful reader would give them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from coterie.sources.reading import ReadOptions, TypedFile, read_typed

TYPES = {
    "bank_marketing/bank-full.csv": (45211, "integer text text text boolean integer boolean boolean text integer text"),
    "cdnow_sample/cdnow_sample.csv": (6919, "integer integer date integer money"),
    "clvtools_apparel/apparel_trans.csv": (3187, "integer date float"),
    "clvtools_apparel/apparel_dyn_cov.parquet": (187800, "text date integer integer integer"),
    "crm_sales_opportunities/accounts.csv": (85, "text text integer money integer text text"),
    "crm_sales_opportunities/sales_pipeline.csv": (8800, "text text text text text date date integer"),
    "customer_personality/marketing_campaign.csv": (2240, "integer integer text text integer integer integer date"),
    "ecom_clickstream_synthetic/ecom.csv.gz": (31106, "text text text timestamp text text text text"),
    "groceries_members/groceries_members.csv": (38765, "integer date text"),
    "hillstrom_dev/hillstrom_dev.csv": (
        31999,
        "integer integer text money integer integer text integer text text integer integer money",
    ),
    "identity_fake_1000/fake_1000.csv": (1000, "integer text text date text text integer"),
    "identity_febrl_dev/dataset1.csv": (1000, "text text text text text text text text text integer integer"),
    "lifetimes_example/example_transactions.csv": (15273, "date integer"),
    "mall_customers/Mall_Customers.csv": (200, "integer text integer integer integer"),
    "online_retail_1/online_retail_1.parquet": (541909, "text text text integer timestamp money integer text"),
    "psych_bfi/bfi.csv": (2800, " ".join(["integer"] * 29)),
    "rfm_r_orders/rfm_data_orders.csv": (4906, "text date integer text text text"),
    "segment_spec_examples/segment_spec_examples.jsonl": (109, "text text text boolean"),
    "stackoverflow_2017_dev/stackoverflow_dev.csv": (2796, "integer text float integer integer"),
    "telco_churn_ibm/Telco-Customer-Churn.csv": (7043, "text text integer boolean boolean integer boolean text"),
    "wholesale_customers/wholesale_customers.csv": (440, " ".join(["integer"] * 8)),
}


def read(path: Path, tmp_path: Path, **options: str) -> TypedFile:
    return read_typed(path, ReadOptions(**options), tmp_path / "out.parquet", tmp_path / "bad.parquet")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", TYPES)
def test_every_row_is_read_and_every_column_has_its_type(name: str, shared: Path, tmp_path: Path) -> None:
    rows, types = TYPES[name]
    typed = read(shared / "data" / name, tmp_path)
    assert (typed.rows_in, typed.rows_kept, typed.quarantined.count) == (rows, rows, 0)
    found = " ".join(str(type_) for type_ in typed.schema.values())
    assert found.startswith(types)


def test_blank_charges_are_missing(shared: Path, tmp_path: Path) -> None:
    typed = read(shared / "data/telco_churn_ibm/Telco-Customer-Churn.csv", tmp_path)
    assert str(typed.schema["TotalCharges"]) == "money"
    assert typed.facts["TotalCharges"].missing == 11


def test_missing_answers(shared: Path, tmp_path: Path) -> None:
    facts = read(shared / "data/psych_bfi/bfi.csv", tmp_path).facts
    assert facts["education"].missing == 223
    assert (facts["A1"].minimum, facts["A1"].maximum) == (1, 6)


def test_money_of_online_retail_is_exact(shared: Path, tmp_path: Path) -> None:
    typed = read(shared / "data/online_retail_1/online_retail_1.parquet", tmp_path)
    table = pq.read_table(typed.path)
    kept = table.filter(
        pc.and_(pc.and_(pc.greater(table["Quantity"], 0), pc.greater(table["UnitPrice"], 0)), pc.is_valid(table["CustomerID"]))
    )
    assert str(pc.sum(pc.multiply(kept["UnitPrice"], kept["Quantity"].cast(pa.decimal128(19, 0))))) == "8911407.9040"
    assert typed.facts["CustomerID"].missing == 135_080
    assert typed.facts["CustomerID"].distinct == pytest.approx(4372, rel=0.08)


def test_postcodes_keep_their_zeros(shared: Path, tmp_path: Path) -> None:
    typed = read(shared / "data/identity_febrl_dev/dataset2.csv", tmp_path)
    assert typed.facts["postcode"].padded
    assert any(note.column == "postcode" and "begin with 0" in note.text for note in typed.notes)
    assert "given_name" in typed.schema
    assert not pc.any(pc.starts_with(pq.read_table(typed.path)["given_name"], " ")).as_py()
