"""Projects that have been run, for tests of what stands on results: a tiny one, and a small demo shop."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import coterie
from coterie.workspace.demo import write_demo

TINY = """\
project: tiny
timezone: Europe/Berlin
currency: EUR
as_of: 2026-03-31

sources:
  customers: {path: customers.csv, id: id, constant: [email, country, age], personal: [email]}
  order: {path: orders.csv, customer: customer, time: at, id: order_id, options: {types: {at: timestamp}}}

traits:
  orders: count(order)
  revenue: sum(order.amount)
  last_order: last(order.time)

segments:
  vip:
    where: revenue >= 100 and last_order within 60 days
    about: Spent a hundred or more, lately
  german: country = 'DE'
  german_vip: vip and german
  '"; drop table': orders > 1

segmentations:
  lifecycle:
    prospect: orders = 0
    active: last_order within 60 days
    lapsed: otherwise
"""
CUSTOMERS = '''\
id,email,country,age
a1,a1@example.com,DE,31
a2,a2@example.com,FR,45
a3,"=HYPERLINK(""http://x"")",DE,
a4,a4@example.com,,52
a5,"Ä, ""quoted""",AT,28
'''
ORDERS = """\
order_id,customer,at,amount
1,a1,2026-03-01 10:00:00,80.50
2,a1,2026-03-20 11:30:00,40.00
3,a2,2026-03-05 09:00:00,250.00
4,a3,2025-06-01 09:00:00,500.00
5,a4,2026-03-28 18:45:00,120.25
6,a1,not a date,12.00
"""


def write_tiny(folder: Path, project: str = TINY, customers: str = CUSTOMERS, orders: str = ORDERS) -> Path:
    """The files of the tiny project, not yet run."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "coterie.yaml").write_text(project, encoding="utf-8")
    (folder / "customers.csv").write_text(customers, encoding="utf-8")
    (folder / "orders.csv").write_text(orders, encoding="utf-8")
    return folder


@cache
def tiny() -> Path:
    """The tiny project after a run. Only to be read: `copied` gives one to change."""
    folder = write_tiny(_kept() / "tiny")
    _run(folder)
    return folder


@cache
def demo() -> Path:
    """A demo shop of 200 customers after a run. Only to be read."""
    folder = _kept() / "demo"
    write_demo(folder, 200)
    _run(folder)
    return folder


def copied(folder: Path, to: Path) -> Path:
    """A copy of a project with its results."""
    return Path(shutil.copytree(folder, to))


def _run(folder: Path) -> None:
    workspace = coterie.open(folder)
    workspace.run()
    workspace.close()


@cache
def _kept() -> Path:
    folder = tempfile.mkdtemp(prefix="coterie-tests-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
