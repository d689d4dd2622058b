"""RFM from orders in Parquet, against DuckDB SQL written by hand and vectorised pandas."""

from benchmarks.business import AS_OF, CUSTOMERS, NOW, Business, business
from benchmarks.figures import at_most
from benchmarks.measure import Case, Round, Sample, benchmark, seconds
from coterie.engine.duckdb import PACKED, DuckDB

ORDERS = 10_000_000
CELLS = (
    ("Champions", 4, 5, 4, 5, 4, 5),
    ("Loyal customers", 3, 5, 4, 5, 1, 5),
    ("Big spenders", 3, 5, 1, 5, 5, 5),
    ("Potential loyalists", 4, 5, 2, 3, 1, 5),
    ("New customers", 5, 5, 1, 1, 1, 5),
    ("Promising", 4, 4, 1, 1, 1, 5),
    ("Need attention", 3, 3, 2, 3, 1, 5),
    ("About to sleep", 3, 3, 1, 1, 1, 5),
    ("Cannot lose them", 1, 2, 4, 5, 4, 5),
    ("At risk", 1, 2, 3, 5, 1, 5),
    ("Hibernating", 2, 2, 1, 2, 1, 5),
    ("Lost", 1, 1, 1, 2, 1, 5),
)
CASES = " ".join(
    f"WHEN r BETWEEN {a} AND {b} AND f BETWEEN {c} AND {d} AND m BETWEEN {e} AND {g} THEN '{name}'"
    for name, a, b, c, d, e, g in CELLS
)
QUARTERS = "[0.2::DECIMAL(2,1), 0.4::DECIMAL(2,1), 0.6::DECIMAL(2,1), 0.8::DECIMAL(2,1)]"
BY_HAND = f"""
CREATE OR REPLACE TABLE by_hand AS
WITH scanned AS (
  SELECT _customer, max(_day) AS last_day, count(*) AS frequency, CAST(sum(amount) AS DECIMAL(18,4)) AS monetary
  FROM "event order" WHERE time <= TIMESTAMP '{AS_OF}' GROUP BY _customer),
base AS (SELECT c.*, DATE '2026-09-30' - last_day AS recency, frequency, monetary
  FROM "{CUSTOMERS}" c LEFT JOIN scanned USING (_customer)),
cuts AS (SELECT quantile_disc(recency, {QUARTERS}) AS qr, quantile_disc(frequency, {QUARTERS}) AS qf,
  quantile_disc(monetary, {QUARTERS}) AS qm FROM base WHERE recency IS NOT NULL),
scored AS (SELECT base.*,
  5 - ((recency > qr[1])::INT + (recency > qr[2])::INT + (recency > qr[3])::INT + (recency > qr[4])::INT) AS r,
  1 + (frequency > qf[1])::INT + (frequency > qf[2])::INT + (frequency > qf[3])::INT + (frequency > qf[4])::INT AS f,
  1 + (monetary > qm[1])::INT + (monetary > qm[2])::INT + (monetary > qm[3])::INT + (monetary > qm[4])::INT AS m
  FROM base, cuts)
SELECT *, CAST(r AS VARCHAR) || f || m AS score, CASE {CASES} END AS value FROM scored
"""


def data(case: Case) -> Business:
    orders = case.size or ORDERS
    return business(case.folder, orders, max(1000, orders // 10))


def hand(engine: DuckDB) -> list[tuple[object, ...]]:
    engine.execute(BY_HAND)
    return engine.rows("SELECT value, count(*) FROM by_hand GROUP BY value")


@benchmark("rfm.vs_sql_by_hand", goal=at_most(1.25), rounds=3)
def sql(case: Case) -> Round:
    """From warm tables to scores, labels and their counts, against the best DuckDB SQL at the same grain."""
    ours = data(case)
    catalog = ours.catalog({"value": "rfm(order.time, order.amount)"}, {})

    def round_() -> Sample:
        with ours.engine() as engine:
            value = seconds(ours.run, engine, catalog)
            found = set(engine.rows("SELECT value, count(*) FROM traits GROUP BY value"))
        with ours.engine() as engine:
            against = seconds(hand, engine)
            wanted = set(engine.rows("SELECT value, count(*) FROM by_hand GROUP BY value"))
        if found != wanted:
            raise AssertionError(f"the two sides differ: {found} {wanted}")
        return Sample(value, against, case.size or ORDERS)

    return round_


@benchmark("rfm.vs_pandas", goal=at_most(1 / 12), rounds=1)
def pandas(case: Case) -> Round:
    """The same in memory against vectorised pandas: read the Parquet columns, group, cut at quantiles, label."""
    import numpy as np
    import pandas as pd

    ours = data(case)
    catalog = ours.catalog({"value": "rfm(order.time, order.amount)"}, {})
    paths = list(ours.gathered.events["order"].paths)

    def vectorised() -> None:
        orders = pd.concat([pd.read_parquet(p, columns=["_customer", "time", "amount"]) for p in paths])
        orders["amount"] = orders["amount"].astype("float64")
        grouped = orders.groupby("_customer").agg(last=("time", "max"), f=("time", "size"), m=("amount", "sum"))
        grouped["r"] = (pd.Timestamp("2026-09-30") - grouped["last"].dt.normalize()).dt.days
        scores = {}
        for name in "rfm":
            cuts = grouped[name].quantile([0.2, 0.4, 0.6, 0.8], interpolation="higher")
            scores[name] = 1 + np.searchsorted(cuts.to_numpy(), grouped[name].to_numpy(), side="left")
        r, f, m = 6 - scores["r"], scores["f"], scores["m"]
        chosen = [(r >= a) & (r <= b) & (f >= c) & (f <= d) & (m >= e) & (m <= g) for _, a, b, c, d, e, g in CELLS]
        grouped["value"] = np.select(chosen, [c[0] for c in CELLS], default="")
        grouped["value"].value_counts()

    def round_() -> Sample:
        with ours.engine("3GB", kept=False) as engine:
            value = seconds(ours.run, engine, catalog)
        return Sample(value, seconds(vectorised), case.size or ORDERS)

    return round_


@benchmark("rfm.100m_orders", unit="s", rounds=1)
def hundred_million(case: Case) -> Round:
    """100 M orders of 10 M customers on 8 GB: gathered (once, in preparing) and scored without failing."""
    orders = case.size or 100_000_000
    ours = business(case.folder, orders, orders // 10, memory="5GB")
    catalog = ours.catalog({"value": "rfm(order.time, order.amount)"}, {})

    def round_() -> Sample:
        with ours.engine(memory="5GB") as engine:
            return Sample(seconds(ours.run, engine, catalog), n=orders)

    return round_


@benchmark("gather.10m_orders", unit="s", rounds=1)
def gathering(case: Case) -> Round:
    """From a Parquet file of orders nobody has seen to sorted tables, beside DuckDB sorting the same file into Parquet."""
    from shutil import rmtree

    from coterie.sources.assembly import Stores, gather

    orders = case.size or ORDERS
    ours = data(case)

    def cold() -> None:
        stores = Stores(ours.folder / "cold" / "cache", ours.folder / "cold" / "record")
        with DuckDB(memory="2GB", temp=ours.folder / "temp") as engine:
            gather(
                ours.folder,
                tuple(ours.project.sources.values()),
                engine=engine,
                stores=stores,
                zone="UTC",
                now=NOW,
            )

    def sorting() -> None:
        with DuckDB(memory="2GB", temp=ours.folder / "temp") as engine:
            source = (ours.folder / "orders.parquet").as_posix()
            target = (ours.folder / "cold" / "sorted.parquet").as_posix()
            engine.execute(
                f"COPY (SELECT *, row_number() OVER (ORDER BY customer_id, time, id) AS place FROM '{source}'"
                f" ORDER BY customer_id, time, id) TO '{target}' ({PACKED})"
            )

    def round_() -> Sample:
        rmtree(ours.folder / "cold", ignore_errors=True)
        value = seconds(cold)
        return Sample(value, seconds(sorting), n=orders)

    return round_
