"""The drafted project file: it can be read, says why, runs at once, and finds what is known of real data."""

import shutil
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from coterie.core.errors import DataError
from coterie.workspace.demo import write_demo
from coterie.workspace.draft import Draft, draft
from coterie.workspace.drafting.buying import step
from coterie.workspace.drafting.outline import comment, listed, scalar
from coterie.workspace.fmt import format_project
from coterie.workspace.workspace import Workspace
from coterie.workspace.workspace import open as open_workspace

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def write(folder: Path, text: str, name: str = "orders.csv") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def orders_csv(days: int = 300, start: date = date(2024, 1, 1), rows: int = 400, customers: int = 50) -> str:
    rng = np.random.default_rng(1)
    out = ["order_id,customer_id,ordered_at,category,amount"]
    for n in range(rows):
        day = start + timedelta(days=int(rng.integers(days)))
        category = ("shoes", "hats", "belts")[int(rng.integers(3))]
        out.append(f"o{n},k{int(rng.integers(customers))},{day},{category},{int(rng.integers(500, 9000)) / 100}")
    return "\n".join(out) + "\n"


def run(drafted: Draft, folder: Path) -> Workspace:
    (folder / "coterie.yaml").write_text(drafted.text, "utf-8")
    shutil.rmtree(folder / ".coterie", ignore_errors=True)
    workspace = open_workspace(folder)
    workspace.run()
    return workspace


def section(drafted: Draft, start: str, end: str) -> str:
    return drafted.text[drafted.text.index(f"\n{start}:") : drafted.text.index(f"\n{end}:")]


# --- one file ---------------------------------------------------------------------------------------------------------


def test_one_file_of_orders_becomes_a_project_that_runs(tmp_path: Path) -> None:
    write(tmp_path, orders_csv())
    drafted = draft(tmp_path, ["orders.csv"], now=NOW)
    assert not drafted.dropped
    source = drafted.project.sources["order"]
    assert (source.path, source.customer, source.time, source.id) == ("orders.csv", "customer_id", "ordered_at", "order_id")
    assert {
        "orders",
        "revenue",
        "first_order",
        "last_order",
        "days_quiet",
        "average_order",
        "orders_90d",
        "favourite_category",
    } <= set(drafted.project.traits)
    assert {"vip", "loyal", "new_customers", "at_risk", "lapsed", "win_back"} <= set(drafted.project.segments)
    assert set(drafted.project.segmentations) == {"value", "lifecycle"}
    workspace = run(drafted, tmp_path)
    assert workspace.count("orders > 0").size.inside == 50
    assert workspace.count("orders >= 0").size.inside == 50


def test_every_segment_and_label_says_what_it_is(tmp_path: Path) -> None:
    write(tmp_path, orders_csv())
    drafted = draft(tmp_path, ["orders.csv"], now=NOW)
    for segment in drafted.project.segments.values():
        assert str(segment.notes["about"]).endswith(".")
    assert drafted.project.segmentations["lifecycle"].notes["about"]


def test_guesses_are_written_down_with_their_reasons(tmp_path: Path) -> None:
    write(tmp_path, orders_csv(customers=40))
    drafted = draft(tmp_path, ["orders.csv"], now=NOW)
    assert "# customer_id: 40 different values over 400 rows, so it names the customer" in drafted.text
    assert {g.role for g in drafted.guesses} >= {"customer", "time", "id", "amount"}
    assert all(0 < g.confidence <= 1 and g.why for g in drafted.guesses)


def test_the_same_files_give_the_same_text(tmp_path: Path) -> None:
    write(tmp_path, orders_csv())
    assert draft(tmp_path, ["orders.csv"], now=NOW).text == draft(tmp_path, ["orders.csv"], now=NOW).text


def test_models_are_proposed_where_enough_customers_came_back_over_enough_time(tmp_path: Path) -> None:
    many = draft(tmp_path, [write(tmp_path, orders_csv(days=420, rows=3000, customers=400))], now=NOW)
    assert many.project.traits["next_year"].expression.text == "lifetime_value(order.amount, 365 days)"
    assert "interest" in many.project.traits
    assert many.project.segmentations["buying_style"].notes == {}
    assert "worth_winning_back" in many.project.segments
    said = " ".join(many.text.replace("#", " ").split())
    assert "a model, learned at the first run and again each month; `coterie models` tells how good it is" in said
    half = draft(tmp_path, [write(tmp_path, orders_csv(days=250, rows=3000, customers=400))], now=NOW)
    assert half.project.traits["next_half_year"].expression.text == "lifetime_value(order.amount, 180 days)"
    for days, rows, customers in ((120, 3000, 400), (420, 400, 60), (420, 450, 4000)):
        few = draft(tmp_path, [write(tmp_path, orders_csv(days, rows=rows, customers=customers))], now=NOW)
        assert "lifetime_value(" not in few.text
        assert "predict(" not in few.text
        assert "clusters(" not in few.text or days == 120


def test_limits_come_from_the_days_between_orders(tmp_path: Path) -> None:
    lines = ["customer_id,date,amount"]
    lines += [f"{c},{date(2024, 1, 1) + timedelta(days=6 * n)},10.00" for c in range(20) for n in range(40)]
    write(tmp_path, "\n".join(lines))
    drafted = draft(tmp_path, ["orders.csv"], now=NOW)
    assert (
        "within 6 days of the order before, 80 % within 6, 95 % within 6: so 7 and 10 days are the limits"
        in drafted.text.replace("\n  # ", " ")
    )


@pytest.mark.parametrize(("days", "expected"), [(1, 3), (7, 7), (8, 10), (100, 120), (5000, 1460)])
def test_steps(days: int, expected: int) -> None:
    assert step(days) == expected


# --- finished or running ----------------------------------------------------------------------------------------------


def customers_csv(since: bool) -> str:
    head = "customer_id,email,birth_date" + (",signup_date" if since else "")
    rows = [f"k{n},k{n}@mail.example,19{50 + n % 50}-03-04" + (f",2023-0{1 + n % 9}-11" if since else "") for n in range(60)]
    return "\n".join([head, *rows]) + "\n"


def test_a_running_shop_is_asked_as_of_now(tmp_path: Path) -> None:
    write(tmp_path, orders_csv(days=200, start=NOW.date() - timedelta(days=201)))
    drafted = draft(tmp_path, ["orders.csv"], now=NOW)
    assert drafted.project.as_of == "now"
    assert "valid_from" not in drafted.text


def test_finished_data_is_asked_as_of_its_latest_event(tmp_path: Path) -> None:
    write(tmp_path, orders_csv())
    write(tmp_path, customers_csv(since=False), "customers.csv")
    drafted = draft(tmp_path, ["orders.csv", "customers.csv"], now=NOW)
    assert drafted.project.as_of == "latest event"
    assert drafted.project.sources["customers"].valid_from == date(2024, 1, 2)
    assert "this assumes that they were so since the day of the first event" in drafted.text.replace("\n    # ", " ")
    workspace = run(drafted, tmp_path)
    assert workspace.count("birth_date is known").size.inside == 60
    assert workspace.segments.size("never_bought").inside == 10


def test_values_hold_since_the_day_on_which_a_customer_joined(tmp_path: Path) -> None:
    write(tmp_path, orders_csv())
    write(tmp_path, customers_csv(since=True), "customers.csv")
    source = draft(tmp_path, ["orders.csv", "customers.csv"], now=NOW).project.sources["customers"]
    assert (source.since, source.valid_from) == ("signup_date", "signup_date")
    assert set(source.constant) == {"birth_date", "signup_date"}
    assert source.personal == ("email", "birth_date")
    assert source.fold == ("email",)


def test_a_customers_file_alone_is_a_fine_project(tmp_path: Path) -> None:
    write(tmp_path, customers_csv(since=True), "customers.csv")
    drafted = draft(tmp_path, ["customers.csv"], now=NOW)
    assert "as_of: 2023-09-11" in drafted.text
    workspace = run(drafted, tmp_path)
    size = workspace.segments.size("under_30")
    assert size.inside
    assert size.inside + size.outside == 60
    supported = {b.name for b in drafted.bases if b.supported}
    assert "demographic" in supported
    assert "behavioural" not in supported


# --- names that bite --------------------------------------------------------------------------------------------------


def test_columns_with_awkward_names(tmp_path: Path) -> None:
    lines = ['user id,"when, exactly: ts",Time,id,"sum # (€)",_x,select,END,"it\'s","say ""hi"""']
    lines += [
        f"u{n % 9},2024-0{1 + n % 9}-05,{n},{n % 3},{n + 1}.25,{n % 7},a{n % 2},b{n % 4},c{n % 5},d{n % 3}" for n in range(90)
    ]
    write(tmp_path, "\n".join(lines))
    drafted = draft(tmp_path, ["orders.csv"], now=NOW, customer="user id", time="when, exactly: ts", amount="sum # (€)")
    assert not drafted.dropped
    workspace = run(drafted, tmp_path)
    assert workspace.count("revenue > 0").size.inside == 9


def test_values_that_bite(tmp_path: Path) -> None:
    lines = ["customer_id;ordered_at;category;amount"]
    strange = ["it's, #1: {a}", 'say "hi"', "*star", "- dash", "100%"]
    lines += [f"k{n % 20};2024-0{1 + n % 9}-05;{strange[0] if n % 3 else strange[n % 5]};{n}.50" for n in range(200)]
    write(tmp_path, "\n".join(lines))
    drafted = draft(tmp_path, ["orders.csv"], now=NOW)
    assert not drafted.dropped
    fans = [s for s in drafted.project.segments.values() if "favourite_category" in s.where.text]
    assert len(fans) == 1
    assert "'it''s, #1: {a}'" in fans[0].where.text
    run(drafted, tmp_path)


def test_customers_whose_columns_have_the_names_of_traits(tmp_path: Path) -> None:
    write(tmp_path, orders_csv().replace("category", "country"))
    lines = ["customer_id,email,country,orders,Revenue,value,vip,lifecycle,first_order,active"]
    lines += [f"k{n},k{n}@mail.example,{'FR' if n % 3 else 'DE'},{n},{n}.50,{n % 5},yes,a{n % 2},2023-01-05,no" for n in range(60)]
    write(tmp_path, "\n".join(lines), "customers.csv")
    drafted = draft(tmp_path, ["customers.csv", "orders.csv"], now=NOW)
    assert not drafted.dropped
    assert "country" not in drafted.project.traits
    workspace = run(drafted, tmp_path)
    assert workspace.segments.size("never_bought").inside == 10


def test_who_is_known_by_an_address_can_be_identified(tmp_path: Path) -> None:
    rows = [f"o{n},k{n % 30}@mail.example,2024-0{1 + n % 9}-05,{n}.50" for n in range(90)]
    write(tmp_path, "\n".join(["order_no,email,date,total", *rows]))
    drafted = draft(tmp_path, ["orders.csv"], now=NOW)
    assert drafted.project.sources["order"].customer == "email"
    assert {b.name: b.supported for b in drafted.bases}["identity"]


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\u2028\u2029\ufeff\u0085"),
    min_size=1,
    max_size=40,
)


@given(TEXTS)
def test_a_scalar_is_read_back_as_it_was(text: str) -> None:
    yaml = YAML(typ="base")
    if text.strip() == text:
        assert yaml.load(StringIO(f"a: {scalar(text)}\n")) == {"a": text}
    assert yaml.load(StringIO(f"a: {listed([text, 'b'])}\n")) == {"a": [text, "b"]}


@given(st.text(max_size=400), st.integers(0, 8))
def test_comments_are_comments(text: str, indent: int) -> None:
    for line in comment(text, indent):
        assert line.startswith(" " * indent + "#")
        assert "\n" not in line


# --- several files ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Draft]:
    folder = tmp_path_factory.mktemp("shop")
    write_demo(folder, customers=300)
    (folder / "coterie.yaml").unlink()
    return folder, draft(folder, [folder], now=NOW)


def test_the_demo_shop_is_understood(demo: tuple[Path, Draft]) -> None:
    _, drafted = demo
    assert not drafted.dropped
    sources = drafted.project.sources
    assert {"customers", "places", "accounts", "order", "refund", "survey", "support", "activity"} <= set(sources)
    assert {"page_view", "product_view", "cart_added", "search", "checkout_started"} <= set(sources)
    assert {"email_sent", "email_opened", "email_clicked", "email_unsubscribed"} <= set(sources)
    assert sources["page_view"].path == "web/visits-*.jsonl"
    order = sources["order"]
    assert (order.lines, order.columns["amount"].text) == ("order_id", "quantity * unit_price - discount")
    assert (sources["places"].lookup, sources["places"].id) == ("postcode", "postcode")
    assert (sources["customers"].account, sources["accounts"].id) == ("account_id", "account_id")
    scores = {name: text.text for name, text in sources["survey"].columns.items()}
    assert list(scores.values()) == [
        "(q1 + q2 + q3 + (6 - q4)) / 4",
        "(q5 + q6 + q7 + (6 - q8)) / 4",
        "(q9 + q10 + q11 + (6 - q12)) / 4",
        "(q13 + q14 + (6 - q15)) / 3",
    ]
    assert all(base.supported for base in drafted.bases)


def test_the_demo_shop_runs(demo: tuple[Path, Draft]) -> None:
    folder, drafted = demo
    workspace = run(drafted, folder)
    assert workspace.results.made.population == 300
    assert {"cart_abandoners", "reachable_by_email", "never_bought", "bargain_hunters"} <= set(workspace.segments)
    assert workspace.segments.size("cart_abandoners").cannot_tell == 0


def test_files_of_a_series_are_one_source_only_where_they_are_all_named(tmp_path: Path) -> None:
    for month in (1, 2, 3):
        write(tmp_path, orders_csv(start=date(2024, month, 1), days=25), f"orders-2024-0{month}.csv")
    together = draft(tmp_path, ["orders-*.csv"], now=NOW).project.sources
    assert [s.path for s in together.values()] == ["orders-*.csv"]
    apart = draft(tmp_path, ["orders-2024-01.csv", "orders-2024-02.csv"], now=NOW).project.sources
    assert [s.path for s in apart.values()] == ["orders-2024-01.csv", "orders-2024-02.csv"]


# --- no way -----------------------------------------------------------------------------------------------------------


def test_no_files_and_no_matches(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no files"):
        draft(tmp_path, [], now=NOW)
    with pytest.raises(DataError, match="no file matches"):
        draft(tmp_path, ["*.csv"], now=NOW)
    with pytest.raises(DataError, match="there is no file"):
        draft(tmp_path, ["orders.csv"], now=NOW)


def test_a_file_without_customers(tmp_path: Path) -> None:
    write(tmp_path, "sku,price\n" + "\n".join(f"s{n},{n}.50" for n in range(50)))
    with pytest.raises(DataError) as caught:
        draft(tmp_path, ["orders.csv"], now=NOW)
    assert caught.value.code == "E220"


# --- the real data ----------------------------------------------------------------------------------------------------


SETS: Mapping[str, str] = {
    "telco_churn_ibm": "Telco-Customer-Churn.csv",
    "customer_personality": "marketing_campaign.csv",
    "groceries_members": "groceries_members.csv",
    "cdnow_sample": "cdnow_sample.csv",
    "ecom_clickstream_synthetic": "ecom.csv.gz",
    "crm_sales_opportunities": "",
    "mall_customers": "",
    "hillstrom_dev": "",
    "clvtools_apparel": "",
    "psych_bfi": "bfi.csv",
    "stackoverflow_2017_dev": "",
    "rfm_r_orders": "",
    "lifetimes_example": "",
    "identity_fake_1000": "fake_1000.csv",
    "identity_febrl_dev": "dataset1.csv",
    "segment_spec_examples": "",
}


@pytest.mark.parametrize("name", SETS)
def test_every_real_data_set_gets_a_draft_that_checks(name: str, shared: Path, tmp_path: Path) -> None:
    drafted = draft(tmp_path, [shared / "data" / name / SETS[name]], now=NOW)
    assert not drafted.dropped
    assert drafted.project.sources
    assert format_project(drafted.text) == drafted.text


@pytest.mark.parametrize("name", ["bank_marketing/bank-full.csv", "wholesale_customers", "sbg_contractual"])
def test_data_without_customers_is_said_to_have_none(name: str, shared: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        draft(tmp_path, [shared / "data" / name], now=NOW)
    assert caught.value.code == "E220"


def test_the_scales_of_a_published_questionnaire(shared: Path, tmp_path: Path) -> None:
    """The items that Revelle's psych keys as reversed (bfi): A1, C4, C5, E1, E2, O2, O5."""
    drafted = draft(tmp_path, [shared / "data/psych_bfi/bfi.csv"], now=NOW)
    (hub,) = drafted.detection.of("customers")
    assert [i for s in hub.scales for i in s.reversed] == ["A1", "C4", "C5", "E1", "E2", "O2", "O5"]


def retail(shared: Path) -> pa.Table:
    return pq.read_table(shared / "data/online_retail_1/online_retail_1.parquet")


def test_online_retail_alone(shared: Path, tmp_path: Path) -> None:
    drafted = draft(tmp_path, [shared / "data/online_retail_1/online_retail_1.parquet"], now=NOW)
    order = drafted.project.sources["order"]
    assert (order.customer, order.time, order.lines) == ("CustomerID", "InvoiceDate", "InvoiceNo")
    assert order.columns["amount"].text == "Quantity * UnitPrice"
    assert drafted.project.sources["cancellation"].where is not None
    assert drafted.project.sources["cancellation"].where.text == "InvoiceNo starts with 'C'"
    assert drafted.project.traits["country"].expression.text == "last(order.country)"
    assert drafted.project.timezone == "Europe/London"
    said = " ".join(drafted.text.replace("#", " ").split())
    assert "CustomerID: 4,372 different values over 541,909 rows, so it names the customer" in said
    assert "135,080 rows, 24.9 %, have none: they are kept aside and counted" in said
    figures = answers(drafted, tmp_path)
    assert figures == {"population": 4372, "buyers": 4338, "orders": 18532, "revenue": "8911407.90"}


def test_online_retail_gets_its_models_and_a_report_that_tells_of_them(shared: Path, tmp_path: Path) -> None:
    """From the file alone: who the groups are, what they are worth, what they will do, and that nobody is seen to leave."""
    drafted = draft(tmp_path, [shared / "data/online_retail_1/online_retail_1.parquet"], now=NOW)
    texts = {name: t.expression.text for name, t in drafted.project.traits.items()}
    assert texts["next_year"] == "lifetime_value(order.amount, 365 days)"
    assert texts["likely_to_buy"].startswith("predict(exists(order within next 75 days) from days_quiet, orders, orders_90d,")
    workspace = run(drafted, tmp_path)
    told = {s.name: s.fit.told for s in workspace.models.states() if s.fit is not None}
    assert set(told) == {"next_year", "likely_to_buy", "buying_style"}
    written = workspace.report()
    assert {"groups", "lifetime", "predictions"} <= set(written.sections)
    page = written.path.read_text("utf-8")
    assert "No sign that customers leave for good: BG/NBD, MBG/NBD and Pareto/NBD explain the orders no better" in page
    assert "It foresaw no more than that each goes on at their own past rate." in page
    assert "Better than chance and than" in page
    sizes = workspace.results.made.labels["buying_style"]
    assert sum(n for label, n in sizes.items() if label not in ("", "outlier")) > 4_000
    workspace.close()


@pytest.mark.long
@pytest.mark.parametrize(
    "names",
    [
        ("beleg", "artikel", "bezeichnung", "menge", "datum", "preis", "kd_nr", "land"),
        ("c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"),
        ("wupp", "fli", "trala", "ork", "znn", "bim", "bam", "dideldum"),
    ],
)
def test_online_retail_under_other_names(names: tuple[str, ...], shared: Path, tmp_path: Path) -> None:
    """Columns renamed and moved, rows shuffled, dates shifted, prices tripled: the same customers, revenue tripled."""
    table = retail(shared)
    rng = np.random.default_rng(11)
    table = table.set_column(5, "UnitPrice", pc.multiply(table["UnitPrice"], 3))
    shift = pa.scalar(timedelta(days=413), pa.duration(table["InvoiceDate"].type.unit))
    table = table.set_column(4, "InvoiceDate", pc.add(table["InvoiceDate"], shift))
    order = [int(i) for i in rng.permutation(8)]
    table = table.take(pa.array(rng.permutation(len(table)))).select(order).rename_columns([names[i] for i in order])
    pq.write_table(table, tmp_path / "data.parquet")
    figures = answers(draft(tmp_path, ["data.parquet"], now=NOW), tmp_path)
    assert figures == {"population": 4372, "buyers": 4338, "orders": 18532, "revenue": "26734223.71"}


def answers(drafted: Draft, folder: Path) -> dict[str, Any]:
    workspace = run(drafted, folder)
    table = workspace.results.engine.fetch("select sum(orders)::bigint o, sum(revenue::decimal(18, 4)) r from traits").to_pylist()[
        0
    ]
    return {
        "population": workspace.results.made.population,
        "buyers": workspace.count("revenue > 0").size.inside,
        "orders": table["o"],
        "revenue": f"{table['r']:.2f}",
    }
