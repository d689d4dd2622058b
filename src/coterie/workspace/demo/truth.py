"""What was planted: the truth about every customer, which no file of the shop says."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from coterie.workspace.demo.draws import Booleans, Floats, Integers
from coterie.workspace.demo.files import TableFile, flags, hidden, ids, times
from coterie.workspace.demo.groups import LIFESTYLES, VALUE_GROUPS
from coterie.workspace.demo.people import group_names, lifestyle_names


@dataclass(frozen=True, slots=True, eq=False)
class DemoTruth:
    """One entry per customer, in the order of customer_id (the first is C0000001).

    value_group, lifestyle: positions in `value_groups` and `lifestyles`. left_at: the second (shop's wall clock, from
    1970-01-01) of the order after which the customer left for good, -1 for those who are still there; `churned` says
    the same. buys: false for those who never will. orders_per_year, spend_per_year: expected while a customer (pounds,
    before refunds). price_sensitivity: chance from 0 to 1 that a line is bought at a discount outside sales.
    mail_effect: added chance of an order within the week after an e-mail, while a customer.
    """

    value_group: Integers
    lifestyle: Integers
    left_at: Integers
    buys: Booleans
    orders_per_year: Floats
    spend_per_year: Floats
    price_sensitivity: Floats
    mail_effect: Floats

    @property
    def value_groups(self) -> tuple[str, ...]:
        """The names of the value groups."""
        return tuple(group.name for group in VALUE_GROUPS)

    @property
    def lifestyles(self) -> tuple[str, ...]:
        """The names of the lifestyles."""
        return tuple(lifestyle.name for lifestyle in LIFESTYLES)

    @property
    def churned(self) -> Booleans:
        """Who bought and left for good within the data."""
        return self.left_at >= 0

    def table(self) -> pa.Table:
        """The truth as a table of one row per customer."""
        return pa.table(
            {
                "customer_id": ids("C", np.arange(1, len(self.value_group) + 1, dtype=np.int64)),
                "value_group": group_names(self.value_group),
                "lifestyle": lifestyle_names(self.lifestyle),
                "buys": flags(self.buys),
                "churned": flags(self.churned),
                "left_at": hidden(times(self.left_at), ~self.churned),
                "orders_per_year": pa.array(np.round(self.orders_per_year, 4)),
                "spend_per_year": pa.array(np.round(self.spend_per_year, 2)),
                "price_sensitivity": pa.array(np.round(self.price_sensitivity, 4)),
                "mail_effect": pa.array(np.round(self.mail_effect, 4)),
            }
        )

    def write(self, path: Path) -> None:
        """Write the truth to a .csv or .parquet file. Not beside the shop: who reads the shop should not see it."""
        with TableFile(path) as file:
            file.add(self.table())
