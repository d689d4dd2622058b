"""Histories and holdouts of the published data sets, from their transactions: purchases of one day are one."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from coterie.models.value.choice import Before
from coterie.models.value.history import History
from coterie.models.value.quality import Holdout


@dataclass(frozen=True)
class Purchases:
    """One row a customer and day: id, day, value."""

    rows: pd.DataFrame

    def until(self, end: str) -> History:
        """What was known at the end of a day, customers in order of their ids."""
        last_day = pd.Timestamp(end)
        seen = self.rows[self.rows.day <= last_day]
        first = seen.groupby("id").day.min()
        repeats = seen[seen.day > seen.id.map(first)].groupby("id")
        x = repeats.size().reindex(first.index, fill_value=0)
        spend = repeats.value.mean().reindex(first.index, fill_value=0)
        t_x = (seen.groupby("id").day.max() - first).dt.days
        T = (last_day - first).dt.days
        return History(x.to_numpy(float), t_x.to_numpy(float), T.to_numpy(float), spend.to_numpy(float))

    def ids(self, end: str) -> np.ndarray:
        return np.unique(self.rows[self.rows.day <= pd.Timestamp(end)].id)

    def before(self, cut: str, end: str) -> Before:
        """The histories at the cut and the days with an order from then to the end."""
        start, stop = pd.Timestamp(cut), pd.Timestamp(end)
        after = self.rows[(self.rows.day > start) & (self.rows.day <= stop)].groupby("id").size()
        orders = after.reindex(self.ids(cut), fill_value=0).to_numpy(dtype=float)
        return Before(self.until(cut), Holdout(orders, (stop - start).days))


def merged(rows: pd.DataFrame) -> Purchases:
    return Purchases(rows.groupby(["id", "day"], as_index=False).value.sum())


def cdnow(shared: Path) -> Purchases:
    rows = pd.read_csv(shared / "data/cdnow_sample/cdnow_sample.csv", parse_dates=["date"])
    return merged(rows.rename(columns={"customer_id": "id", "date": "day"}))


def online_retail(shared: Path) -> Purchases:
    """Sales of customers with an id: no cancellations, positive quantity and price."""
    rows = pd.read_parquet(shared / "data/online_retail_1/online_retail_1.parquet")
    rows = rows[rows.CustomerID.notna() & ~rows.InvoiceNo.str.startswith("C") & (rows.Quantity > 0) & (rows.UnitPrice > 0)]
    day = rows.InvoiceDate.dt.normalize()
    return merged(pd.DataFrame({"id": rows.CustomerID.astype(int), "day": day, "value": rows.Quantity * rows.UnitPrice}))


def apparel(shared: Path) -> Purchases:
    rows = pd.read_csv(shared / "data/clvtools_apparel/apparel_trans.csv", parse_dates=["Date"])
    return merged(rows.rename(columns={"Id": "id", "Date": "day", "Price": "value"}))


def example(shared: Path) -> Purchases:
    rows = pd.read_csv(shared / "data/lifetimes_example/example_transactions.csv", parse_dates=["date"])
    return merged(pd.DataFrame({"id": rows.id, "day": rows.date.dt.normalize(), "value": 1.0}))
