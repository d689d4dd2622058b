"""A small project that has something of everything, to be run wherever Spark runs."""

import json
from collections.abc import Mapping
from pathlib import Path

from tests.shops import write_tiny
from tests.spark.sessions import QUICK

PROJECT = """\
project: twice
timezone: Europe/Berlin
currency: EUR
as_of: 2026-03-31

sources:
  customers: {path: customers.csv, id: id, constant: [email, country, age]}
  order: {path: orders.csv, customer: customer, time: at, id: order_id, options: {types: {at: timestamp}}}
  visit: {path: visits, customer: who, time: seen}

traits:
  orders: count(order)
  revenue: sum(order.amount)
  last_order: last(order.time)
  recent: count(order within 60 days)
  pages: distinct(visit.page)
  usual_page: most_common(visit.page)
  value: rfm(order.time, order.amount)
  place: percentile(revenue)

segments:
  vip:
    where: revenue >= 100 and last_order within 60 days
    about: Spent a hundred or more, lately
  german: country = 'DE'
  german_vip: vip and german
  came_back: sequence(order, order within 30 days)
  browsers: count(visit where page = 'home') >= 2 and not exists(order within 20 days)
  older: age > 40

segmentations:
  lifecycle:
    prospect: orders = 0
    active: last_order within 60 days
    lapsed: otherwise
"""


QUICKLY = f"spark: {json.dumps(dict(QUICK))}\n"


def write_project(folder: Path, engine: str, settings: Mapping[str, str] = QUICK) -> None:
    """Write the project's files."""
    write_tiny(folder, PROJECT)
    (folder / "visits").mkdir()
    for n, page in enumerate(("home", "home", "shop", "home", "cart")):
        rows = [f"a{n % 4 + 1},2026-03-{n + 10} 12:00:00,{page}", f"a1,2026-03-{n + 20} 08:00:00,{page}", "ä,2026-03-02,home"]
        (folder / "visits" / f"{n}.csv").write_text("\n".join(["who,seen,page", *rows, ""]), encoding="utf-8")
    said = f"engine: {engine}\nspark: {json.dumps(dict(settings))}\n"
    (folder / "coterie.yaml").write_text(said + PROJECT, encoding="utf-8")
