"""Detection: what columns are, from names in several languages and from values alone."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.core.errors import DataError, MissingColumn
from coterie.language.types import BOOLEAN, DATE, FLOAT, INTEGER, MONEY, TEXT, TIMESTAMP, Kind, Type, list_of
from coterie.sources.countries import country_share, zone_of
from coterie.sources.detection import detect
from coterie.sources.findings import Amount, Detection, Found
from coterie.sources.reading import ReadOptions, read_typed
from coterie.sources.scales import scales
from coterie.sources.seen import SeenColumn, SeenFile, hidden_dates, overlap, seen
from coterie.sources.vocabulary import identifies, meanings, slug, words_of

TYPES: tuple[tuple[type, Type, pa.DataType], ...] = (
    (bool, BOOLEAN, pa.bool_()),
    (int, INTEGER, pa.int64()),
    (Decimal, MONEY, pa.decimal128(18, 4)),
    (float, FLOAT, pa.float64()),
    (datetime, TIMESTAMP, pa.timestamp("us")),
    (date, DATE, pa.date32()),
    (str, TEXT, pa.string()),
    (list, list_of(Kind.TEXT), pa.list_(pa.string())),
)


def file(name: str, columns: Mapping[str, Sequence[Any]]) -> SeenFile:
    """A file as detection sees it, from plain values."""
    out = {}
    for column, values in columns.items():
        some = next(v for v in values if v is not None)
        type_, arrow = next((t, a) for python, t, a in TYPES if isinstance(some, python))
        out[column] = SeenColumn(column, type_, pa.chunked_array([pa.array(values, arrow)]))
    rows = len(next(iter(columns.values())))
    return SeenFile(name, f"{name}.csv", rows, out, schema={c: s.type for c, s in out.items()})


START = datetime(2024, 1, 1, 9)
ROLES = ("order", "product", "quantity", "time", "price", "customer", "country")


def shop(seed: int = 1, orders: int = 400) -> dict[str, list[Any]]:
    """Lines of orders: one in five without a customer, some cancelled, a few that cost nothing."""
    rng = np.random.default_rng(seed)
    price = {f"P{n:03}": Decimal(int(rng.integers(100, 3000))) / 100 for n in range(40)}
    home = [("United Kingdom", "France", "Germany")[int(i)] for i in rng.choice(3, 60, p=[0.8, 0.1, 0.1])]
    out: dict[str, list[Any]] = {role: [] for role in ROLES}
    for number in range(orders):
        owner = int(rng.integers(60))
        named = rng.random() > 0.2
        back = rng.random() < 0.06
        time = START + timedelta(hours=int(rng.integers(24 * 300)))
        for _ in range(int(rng.integers(1, 6))):
            product = f"P{int(rng.integers(40)):03}"
            count = int(rng.choice([1, 1, 1, 2, 2, 3, 6, 12]))
            free = rng.random() < 0.01 and not back
            out["order"].append(f"{'C' if back else ''}{530000 + number}")
            out["product"].append(product)
            out["quantity"].append(-count if back else count)
            out["time"].append(time)
            out["price"].append(Decimal("0.00") if free else price[product])
            out["customer"].append(17000 + owner if named else None)
            out["country"].append(home[owner])
    return out


def named(columns: Mapping[str, Sequence[Any]], names: Sequence[str], order: Sequence[int] | None = None) -> SeenFile:
    """The shop's lines under other names, in another order of columns."""
    roles = list(columns)
    return file("data", {names[i]: columns[roles[i]] for i in (order or range(len(roles)))})


def only(detection: Detection) -> Found:
    assert len(detection.found) == 1
    return detection.found[0]


SPELLINGS = {
    "english": ("InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"),
    "snake": ("order_id", "sku", "qty", "ordered_at", "unit_price", "user_id", "country_code"),
    "german": ("beleg", "artikel", "menge", "datum", "preis", "kd_nr", "land"),
    "german, long": ("Rechnungsnr", "Artikelnr", "Stück", "Rechnungsdatum", "Einzelpreis", "Kundennummer", "Land"),
    "spanish": ("id_pedido", "producto", "cantidad", "fecha_pedido", "precio", "id_cliente", "país"),
    "french": ("num_commande", "article", "quantité", "date_commande", "prix_unitaire", "client", "pays"),
    "italian": ("numero_ordine", "articolo", "quantità", "data", "prezzo", "cliente", "paese"),
    "dutch": ("bestelling", "artikel", "aantal", "datum", "prijs", "klant", "land"),
    "nothing": ("c1", "c2", "c3", "c4", "c5", "c6", "c7"),
    "nonsense": ("wupp", "fli", "trala", "ork", "znn", "bim", "bam"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_shop_is_found_whatever_its_columns_are_called(spelling: str) -> None:
    order, product, quantity, time, price, customer, country = names = SPELLINGS[spelling]
    found = only(detect([named(shop(), names)]))
    assert (found.role, found.customer, found.time, found.lines) == ("events", customer, time, order)
    assert found.amount == Amount(price=price, quantity=quantity)
    assert found.cancelled is not None
    assert found.cancelled.where == f"{order} starts with 'C'"
    assert found.free is not None
    assert found.free.where.replace('"', "") == f"{quantity} > 0 and {price} > 0"
    assert found.meaning["country"] == country
    assert found.meaning["product"] == product
    assert found.profile == (country,)


@settings(max_examples=15)
@given(
    st.permutations(range(7)),
    st.lists(st.text("bdfghjklmnpqrstvwxz", min_size=3, max_size=6), min_size=7, max_size=7, unique=True),
    st.integers(1, 4),
    st.integers(0, 2**16),
)
def test_names_order_scale_and_dates_change_nothing(order: list[int], names: list[str], scale: int, seed: int) -> None:
    lines = shop()
    rows = np.random.default_rng(seed).permutation(len(lines["order"]))
    moved = {role: [values[i] for i in rows] for role, values in lines.items()}
    moved["price"] = [p * scale for p in moved["price"]]
    moved["time"] = [t + timedelta(days=seed % 900) for t in moved["time"]]
    if any(meanings(name) for name in names):
        return  # chance made a word
    found = only(detect([named(moved, names, order)]))
    assert found.customer == names[ROLES.index("customer")]
    assert found.lines == names[ROLES.index("order")]
    assert found.amount == Amount(price=names[ROLES.index("price")], quantity=names[ROLES.index("quantity")])


def test_the_customers_missing_are_counted_and_said() -> None:
    lines = shop()
    found = only(detect([named(lines, SPELLINGS["english"])]))
    missing = sum(c is None for c in lines["customer"])
    assert missing
    assert found.nameless == missing
    assert found.customers == len({c for c in lines["customer"] if c is not None})
    share = 100 * missing / len(lines["customer"])
    assert f"{missing:,} rows, {share:.1f} %, have none: they are kept aside and counted" in found.why


# --- amounts ----------------------------------------------------------------------------------------------------------


def purchases(total: bool, names: tuple[str, str] = ("x", "y")) -> SeenFile:
    rng = np.random.default_rng(3)
    count = [int(c) for c in rng.choice([1, 1, 1, 2, 2, 3, 4, 8], 600)]
    unit = [Decimal(int(u)) / 100 for u in rng.integers(500, 2000, 600)]
    return file(
        "purchases",
        {
            "user_id": [int(u) for u in rng.integers(100, 160, 600)],
            "date": [date(2024, 1, 1) + timedelta(days=int(d)) for d in rng.integers(0, 300, 600)],
            names[0]: count,
            names[1]: [u * c if total else u for u, c in zip(unit, count, strict=True)],
        },
    )


def test_what_grows_with_the_quantity_is_a_total() -> None:
    assert only(detect([purchases(total=True)])).amount == Amount(total="y", quantity="x")
    assert only(detect([purchases(total=False)])).amount == Amount(price="y", quantity="x")


def test_a_name_says_whether_it_is_a_price_or_a_total() -> None:
    assert only(detect([purchases(True, ("qty", "revenue"))])).amount == Amount(total="revenue", quantity="qty")
    found = only(detect([purchases(False, ("qty", "unit_price"))])).amount
    assert found is not None
    assert found.expression == "qty * unit_price"


@pytest.mark.parametrize(
    ("discounts", "expression"),
    [
        (["0.50", "0.00", "2.50"], "qty * unit_price - discount"),
        (["0.10", "0.00", "0.25"], "qty * unit_price * (1 - discount)"),
    ],
)
def test_a_discount_is_an_amount_or_a_share(discounts: list[str], expression: str) -> None:
    base = purchases(False, ("qty", "unit_price"))
    rows = {c.name: c.values.to_pylist() for c in base.columns.values()}
    rows["discount"] = [Decimal(discounts[i % 3]) for i in range(600)]
    amount = only(detect([file("purchases", rows)])).amount
    assert amount is not None
    assert amount.expression == expression


def test_an_amount_that_a_person_named_is_taken() -> None:
    assert only(detect([purchases(True)], amount="y")).amount == Amount(total="y")


def orders(**more: Sequence[Any]) -> SeenFile:
    rng = np.random.default_rng(4)
    return file(
        "orders",
        {
            "order_id": [f"o{n}" for n in range(500)],
            "client": [f"k{int(k)}" for k in rng.integers(0, 80, 500)],
            "created_at": [START + timedelta(hours=int(h)) for h in rng.integers(0, 9000, 500)],
            "total": [Decimal(int(t)) / 100 for t in rng.integers(500, 9000, 500)],
            **more,
        },
    )


def test_states_that_take_an_order_back() -> None:
    states = ["completed", "cancelled", "completed", "refunded", "pending"] * 100
    found = only(detect([orders(status=states)]))
    assert found.id == "order_id"
    assert found.cancelled is not None
    assert found.cancelled.where == "status in ('cancelled', 'refunded')"
    assert found.cancelled.rows == 200
    assert not found.cancelled.negative


def test_negative_sums_are_refunds() -> None:
    totals = [Decimal(-10) if n % 20 == 0 else Decimal(n % 90 + 3) for n in range(500)]
    found = only(detect([orders(total=totals)]))
    assert found.cancelled is not None
    assert (found.cancelled.where, found.cancelled.rows, found.cancelled.negative) == ("total < 0", 25, True)


def test_letters_before_ids_of_ordinary_orders_are_no_cancellations() -> None:
    lines = shop()
    lines["order"] = [f"{'W' if n % 9 else 'C'}{o.lstrip('C')}" for n, o in enumerate(lines["order"])]
    lines["quantity"] = [abs(q) for q in lines["quantity"]]
    assert only(detect([named(lines, SPELLINGS["english"])])).cancelled is None


# --- customers, lookups, accounts -------------------------------------------------------------------------------------


def people(n: int = 80) -> SeenFile:
    return file(
        "customers",
        {
            "customer_id": [f"k{i}" for i in range(n)],
            "email": [f"k{i}@mail.example" if i % 5 else None for i in range(n)],
            "postcode": [f"{10000 + i % 12}" for i in range(n)],
            "employer": [f"A{i % 25}" if i % 3 == 0 else None for i in range(n)],
            "signup_date": [date(2023, 1, 1) + timedelta(days=i) for i in range(n)],
            "birth_date": [date(1950, 1, 1) + timedelta(days=200 * i) for i in range(n)],
        },
    )


def places() -> SeenFile:
    codes = [f"{10000 + i}" for i in range(12)]
    return file("places", {"postcode": codes, "region": ["north", "south"] * 6, "latitude": [51.5 + i for i in range(12)]})


def firms() -> SeenFile:
    return file(
        "accounts",
        {
            "account_id": [f"A{i}" for i in range(25)],
            "industry": ["retail", "steel", "law", "food", "toys"] * 5,
            "employees": [10 * i + 3 for i in range(25)],
        },
    )


def test_files_are_told_apart_and_joined_by_their_values() -> None:
    detection = detect([places(), orders(), firms(), people()])
    assert [f.role for f in detection.found] == ["customers", "lookup", "accounts", "events"]
    customers, lookup, accounts, events = detection.found
    assert (customers.id, customers.since, customers.account) == ("customer_id", "signup_date", "employer")
    assert (lookup.id, lookup.looked_up) == ("postcode", "postcode")
    assert (accounts.id, accounts.looked_up) == ("account_id", "employer")
    assert (events.customer, events.match) == ("client", 1.0)
    assert "100.0 % of them are in customers.csv" in events.why


def test_the_share_of_ids_that_meet_is_said() -> None:
    detection = detect([people(40), orders()])
    (events,) = detection.of("events")
    assert events.match is not None
    assert 0.4 < events.match < 0.6


def test_text_and_number_ids_meet() -> None:
    rng = np.random.default_rng(5)
    hub = file("customers", {"id": [f"{n}" for n in range(100, 160)], "city": ["Rome", "Oslo", "Bonn"] * 20})
    visits = file(
        "visits",
        {
            "who": [int(v) for v in rng.integers(100, 160, 300)],
            "at": [START + timedelta(hours=int(h)) for h in rng.integers(0, 3000, 300)],
        },
    )
    assert overlap(visits.columns["who"], hub.columns["id"]) == 1.0
    assert [(f.role, f.customer) for f in detect([hub, visits]).of("events")] == [("events", "who")]


def test_companies_are_the_customers_where_no_file_names_persons() -> None:
    deals = file(
        "pipeline",
        {
            "opportunity_id": [f"d{n}" for n in range(300)],
            "account_id": [f"A{n % 25}" if n % 7 else None for n in range(300)],
            "stage": ["Won", "Lost", "Engaging"] * 100,
            "engage_date": [date(2024, 1, 1) + timedelta(days=n % 200) for n in range(300)],
            "close_date": [date(2024, 2, 1) + timedelta(days=n % 200) if n % 3 < 2 else None for n in range(300)],
            "close_value": [100 + n if n % 3 == 0 else 0 for n in range(300)],
        },
    )
    detection = detect([deals, firms()])
    assert detection.business
    assert [(f.role, f.id or f.customer) for f in detection.found] == [("customers", "account_id"), ("events", "opportunity_id")]
    (events,) = detection.of("events")
    assert (events.customer, events.time, events.status) == ("account_id", "engage_date", "stage")


def test_what_describes_products_is_left_out_and_said() -> None:
    products = file("products", {"sku": [f"P{n:03}" for n in range(40)], "label": [f"Thing {n}" for n in range(40)]})
    detection = detect([named(shop(), SPELLINGS["snake"]), products])
    (unused,) = detection.of("unused")
    assert unused.file.name == "products"
    assert any(q.startswith("products.csv describes sku of data.csv") for q in detection.questions)


# --- kinds of events, baskets, questionnaires -------------------------------------------------------------------------


def test_a_stream_of_events_has_kinds() -> None:
    rng = np.random.default_rng(6)
    kinds = [["page_view", "page_view", "add_to_cart", "purchase"][int(k)] for k in rng.integers(0, 4, 800)]
    stream = file(
        "clicks",
        {
            "user": [f"u{int(u)}" for u in rng.integers(0, 60, 800)],
            "session_id": [f"s{n // 4}" for n in range(800)],
            "ts": [START + timedelta(minutes=int(m)) for m in rng.integers(0, 90_000, 800)],
            "event_type": kinds,
        },
    )
    found = only(detect([stream]))
    assert (found.kind, found.lines) == ("event_type", None)
    assert {v.value: v.rows for v in found.values} == {k: kinds.count(k) for k in set(kinds)}
    assert all(v.customers <= 60 for v in found.values)


def test_things_bought_on_one_day_without_an_order_are_a_basket() -> None:
    rng = np.random.default_rng(7)
    rows = [(int(m), date(2024, 1, 1) + timedelta(days=int(d))) for m, d in rng.integers((1000, 0), (1100, 300), (300, 2))]
    rows = [row for row in rows for _ in range(int(rng.integers(1, 6)))]
    found = only(
        detect(
            [
                file(
                    "groceries",
                    {
                        "Member_number": [m for m, _ in rows],
                        "Date": [d for _, d in rows],
                        "itemDescription": [f"item {int(i)}" for i in rng.integers(0, 50, len(rows))],
                    },
                )
            ]
        )
    )
    assert found.basket
    assert found.customer == "Member_number"
    assert found.meaning["product"] == "itemDescription"


def test_answers_that_go_together_and_those_put_the_other_way_round() -> None:
    rng = np.random.default_rng(8)
    traits = rng.normal(size=(2, 400))
    columns: dict[str, list[Any]] = {"respondent_id": list(range(1, 401))}
    for item in range(8):
        sign = -1 if item in (2, 7) else 1
        answer = 3 + sign * traits[item // 4] + rng.normal(scale=0.6, size=400)
        columns[f"q{item + 1}"] = [int(a) for a in np.clip(np.rint(answer), 1, 5)]
    first, second = scales(file("survey", columns))
    assert first.items == ("q1", "q2", "q3", "q4")
    assert (first.reversed, second.reversed) == (("q3",), ("q8",))
    assert first.expression == "(q1 + q2 + (6 - q3) + q4) / 4"
    assert detect([file("survey", columns)]).of("customers")[0].scales == (first, second)


# --- nobody, or several -----------------------------------------------------------------------------------------------


def test_without_a_customer_it_says_what_was_looked_for() -> None:
    with pytest.raises(DataError) as caught:
        detect([file("products", {"sku": [f"S{n}" for n in range(30)], "price": [Decimal(n) for n in range(30)]})])
    assert caught.value.code == "E220"
    assert "sku, price" in caught.value.message
    assert "--customer COLUMN" in (caught.value.hint or "")


def several() -> SeenFile:
    rng = np.random.default_rng(9)
    return file(
        "data",
        {
            "a": [int(v) for v in rng.integers(1000, 1300, 2000)],
            "b": [int(v) for v in rng.integers(5000, 5250, 2000)],
            "d": [date(2024, 1, 1) + timedelta(days=int(v)) for v in rng.integers(0, 300, 2000)],
            "e": [Decimal(int(v)) / 100 for v in rng.integers(100, 900, 2000)],
        },
    )


def test_where_nothing_decides_it_asks_and_takes_the_answer() -> None:
    with pytest.raises(DataError) as caught:
        detect([several()])
    assert caught.value.code == "E221"
    assert "a (300 different), b (249 different)" in caught.value.message
    assert only(detect([several()], customer="b")).customer == "b"
    assert only(detect([several()], customer={"data": "a"})).customer == "a"


def test_a_named_column_that_is_nowhere_is_said() -> None:
    with pytest.raises(MissingColumn, match="no file has a column 'kunde'"):
        detect([several()], customer="kunde")


def test_files_without_rows_are_said() -> None:
    empty = SeenFile("orders", "orders.csv", 0, {})
    with pytest.raises(DataError, match="have no rows"):
        detect([empty])
    assert detect([empty, orders()]).questions[0].startswith("orders.csv has no rows")


# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("CustomerID", "customer"),
        ("Member_number", "customer"),
        ("kd_nr", "customer"),
        ("Kundennummer", "customer"),
        ("id_cliente", "customer"),
        ("InvoiceNo", "order"),
        ("Bestellnummer", "order"),
        ("ordered_at", "time"),
        ("fecha_pedido", "time"),
        ("Dt_Customer", "since"),
        ("signup_date", "since"),
        ("date_of_birth", "birth_date"),
        ("Year_Birth", "birth_year"),
        ("StockCode", "product"),
        ("unit_price", "price"),
        ("Einzelpreis (€)", "price"),
        ("Annual Income (k$)", "income"),
        ("close_value", "amount"),
        ("customer_country", "country"),
        ("acquisition_channel", "acquisition"),
        ("marketing_consent_email", "consent"),
        ("deal_stage", "status"),
    ],
)
def test_names_mean(name: str, meaning: str) -> None:
    said = meanings(name)
    assert max(said, key=lambda m: said[m]) == meaning


def test_names_of_which_nothing_is_known_mean_nothing() -> None:
    assert not meanings("c1")
    assert not meanings("znn")
    assert not identifies("c1")
    assert identifies("wupp_id")


@given(st.text(max_size=30))
def test_a_slug_needs_no_quotes(name: str) -> None:
    text = slug(name)
    assert text.isascii()
    assert text.replace("_", "a").isalnum()
    assert not text[0].isdigit()
    assert slug(text) == text
    words_of(name)


def test_countries() -> None:
    assert zone_of("Deutschland") == zone_of("DE") == "Europe/Berlin"
    assert zone_of("United States") is None
    assert country_share(["France", "EIRE", "USA", "Mars"]) == 0.75


# --- dates that look like numbers -------------------------------------------------------------------------------------


def test_days_and_instants_written_as_numbers(tmp_path: Path) -> None:
    source = tmp_path / "x.csv"
    source.write_text("user,ts,order_date,size\na,1700000000,20240229,20240229\nb,1700000600,20240301,20240301\n", "utf-8")
    typed = read_typed(source, ReadOptions(), tmp_path / "x.parquet", tmp_path / "x.bad")
    assert hidden_dates(typed) == {"ts": "timestamp", "order_date": "date"}
    again = read_typed(source, ReadOptions(columns=hidden_dates(typed)), tmp_path / "y.parquet", tmp_path / "y.bad")
    looked = seen(again, "x", "x.csv", types=hidden_dates(typed))
    assert looked.columns["ts"].range()[0] == datetime(2023, 11, 14, 22, 13, 20)
    assert looked.columns["order_date"].last_day() == date(2024, 3, 1)


def test_a_number_that_is_no_day_stays_one(tmp_path: Path) -> None:
    source = tmp_path / "x.csv"
    source.write_text("user,order_date\na,20240230\nb,20240301\n", "utf-8")
    assert not hidden_dates(read_typed(source, ReadOptions(), tmp_path / "x.parquet", tmp_path / "x.bad"))
