"""A shop whose customers buy at rates of their own and leave: enough to learn from, small enough for every test run."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np

TODAY = date(2026, 6, 30)
BEGAN = date(2024, 7, 1)
PROJECT = """\
project: buyers
timezone: Europe/Berlin
currency: EUR
as_of: 2026-06-30

sources:
  customers: {path: customers.csv, id: id, constant: [age, country]}
  order: {path: orders.csv, customer: customer, time: at, id: order_id, options: {types: {at: timestamp}}}

traits:
  orders: count(order)
  revenue: sum(order.amount)
  last_order: last(order.time)
  days_quiet: days_since(last_order)
  next_year: lifetime_value(order.amount, 365 days)
  buys_soon: predict(exists(order within next 60 days) from orders, revenue, days_quiet, age)
  interest: affinity(order.category half life 60 days)
  likes_tea: interest.tea
  like_big: lookalike(big, age, orders)

segments:
  big: revenue >= 300
  likely: buys_soon >= 0.5
  worth_it: next_year > 100 and not big

segmentations:
  lifecycle:
    prospect: orders = 0
    active: last_order within 90 days
    lapsed: otherwise
  alike: {clusters: [orders, revenue, days_quiet], groups: 3}
  micro: cross(lifecycle, country) at least 40
"""


def orders(customers: int = 400, seed: int = 1) -> "list[Order]":
    """Customer, time, amount and category of each order."""
    draw = np.random.default_rng(seed)
    out = []
    for n in range(customers):
        start = BEGAN + timedelta(days=int(draw.integers(0, 500)))
        rate = draw.gamma(1.2, 1 / 60)
        leaves = draw.geometric(0.12)
        mean, taste = draw.gamma(6, 6), ("tea", "coffee", "cocoa")[draw.integers(3)]
        when = datetime.combine(start, datetime.min.time()) + timedelta(hours=float(draw.uniform(8, 20)))
        while when.date() <= TODAY and leaves > 0:
            category = taste if draw.random() < 0.7 else "mugs"
            out.append((f"c{n:03}", when.replace(microsecond=0), round(float(draw.gamma(4, mean / 4)) + 0.01, 2), category))
            when += timedelta(days=float(draw.exponential(1 / rate)) + 0.02)
            leaves -= 1
    return out


Order = tuple[str, datetime, float, str]


def write(folder: Path, project: str = PROJECT, customers: int = 400, more: Sequence[Order] = ()) -> Path:
    """The project's files."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(2)
    people = ["id,age,country"]
    people += [f"c{n:03},{draw.integers(18, 80)},{('DE', 'FR')[int(draw.random() < 0.4)]}" for n in range(customers + 20)]
    lines = ["order_id,customer,at,amount,category"]
    for i, (who, when, amount, what) in enumerate([*orders(customers), *more]):
        lines.append(f"{i},{who},{when:%Y-%m-%d %H:%M:%S},{amount:.2f},{what}")
    (folder / "customers.csv").write_text("\n".join([*people, ""]), encoding="utf-8")
    (folder / "orders.csv").write_text("\n".join([*lines, ""]), encoding="utf-8")
    (folder / "coterie.yaml").write_text(project, encoding="utf-8")
    return folder
