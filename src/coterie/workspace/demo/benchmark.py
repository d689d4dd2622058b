"""Many plain events in Parquet, quickly: what speed is measured with. No planted groups, no seasons."""

from dataclasses import dataclass
from datetime import date, timedelta
from math import gcd
from pathlib import Path

import numpy as np
import pyarrow as pa

from coterie.workspace.demo import seasons
from coterie.workspace.demo.draws import Draws, Integers
from coterie.workspace.demo.files import TableFile, dates, exact, hidden, words
from coterie.workspace.demo.groups import CATEGORIES
from coterie.workspace.demo.seasons import DAY
from coterie.workspace.demo.shop import LAST_DAY, Progress

ROWS_AT_ONCE = 1_000_000
DAYS = 3 * 365
COUNTRIES = ("GB", "DE", "FR", "NL", "ES", "IE", "AT", "IT")
CHANNELS = ("web", "app", "store")
EVENTS = ("page_view", "product_view", "cart_added", "checkout_started")
PAGES = tuple(f"/p/{number}" for number in range(1, 73))
DEVICES = ("mobile", "desktop", "tablet")


@dataclass(frozen=True, slots=True)
class BenchmarkFiles:
    """The files written for a benchmark, with their rows, and the last day of the data."""

    customers: Path
    orders: Path
    visits: Path
    customer_rows: int
    order_rows: int
    visit_rows: int
    end: date


def events_for_benchmark(
    folder: Path,
    events: int,
    customers: int,
    seed: int = 7,
    orders_share: float = 0.5,
    today: date | None = None,
    progress: Progress | None = None,
) -> BenchmarkFiles:
    """Write customers.parquet, orders.parquet and visits.parquet with `events` events in all into a folder.

    orders_share: share of the events that are orders (1: orders only). Events are in the order of time over the three
    years up to `today` (default 2026-09-30), ids ascend, times are UTC microseconds without a zone, customers are
    whole numbers from 1, some a hundred times busier than others. Orders: id, customer_id, time, amount
    (decimal(18, 4)), quantity, category (3 % missing), channel. Visits: id, customer_id, time, event, page, device.
    Customers: customer_id, country, income (20 % missing), birth_date, signup_date. progress: rows done, of how many.
    """
    folder.mkdir(parents=True, exist_ok=True)
    end = today or LAST_DAY
    begin = seasons.day_number(end - timedelta(days=DAYS - 1)) * DAY * 1_000_000
    span = DAYS * DAY * 1_000_000
    order_rows = int(events * orders_share)
    visit_rows = events - order_rows
    done = 0
    paths = [folder / f"{name}.parquet" for name in ("customers", "orders", "visits")]

    with TableFile(paths[0]) as file:
        for first in range(0, customers, ROWS_AT_ONCE):
            size = min(ROWS_AT_ONCE, customers - first)
            draws = Draws(seed, "benchmark", "customers", first)
            last = seasons.day_number(end)
            income = hidden(pa.array(12_000 + draws.integers(size, 80_000)), draws.chance(0.2, size))
            file.add(
                pa.table(
                    {
                        "customer_id": np.arange(first + 1, first + size + 1, dtype=np.int64),
                        "country": words(COUNTRIES, draws.choose(size, [30, 20, 14, 10, 9, 7, 6, 4])),
                        "income": income,
                        "birth_date": dates(last - 18 * 365 - draws.integers(size, 60 * 365)),
                        "signup_date": dates(np.full(size, last - DAYS + 1)),
                    }
                )
            )

    for name, path, rows in (("orders", paths[1], order_rows), ("visits", paths[2], visit_rows)):
        with TableFile(path) as file:
            for first in range(0, max(rows, 1), ROWS_AT_ONCE):
                size = max(0, min(ROWS_AT_ONCE, rows - first))
                draws = Draws(seed, "benchmark", name, first)
                # Each part holds its own stretch of time, so the whole file is in order.
                share = (first + np.sort(draws.uniform(size)) * size) / max(rows, 1)
                time = begin + np.floor(share * span).astype(np.int64)
                columns: dict[str, object] = {
                    "id": np.arange(first + 1, first + size + 1, dtype=np.int64),
                    "customer_id": _customers(draws, size, customers),
                    "time": time.astype("datetime64[us]"),
                }
                columns |= _order_columns(draws, size) if name == "orders" else _visit_columns(draws, size)
                file.add(pa.table(columns))
                done += size
                if progress:
                    progress(done, events)
    return BenchmarkFiles(paths[0], paths[1], paths[2], customers, order_rows, visit_rows, end)


def _customers(draws: Draws, size: int, customers: int) -> Integers:
    """Customer numbers from 1, some far more often than others, the busy ones spread over all numbers."""
    draw = draws.uniform(size)
    rank = np.floor(draw * np.sqrt(draw) * customers).astype(np.int64)
    step = 48_271
    while gcd(step, customers) != 1:
        step += 1
    return (rank * step) % customers + 1


def _order_columns(draws: Draws, size: int) -> dict[str, object]:
    pence = np.floor(300 + 4_500 * draws.gamma(size, 1)).astype(np.int64)
    category = words(CATEGORIES, draws.choose(size, [20, 18, 15, 14, 12, 9, 7, 5]))
    return {
        "amount": exact(pence * 100, 18, 4),
        "quantity": 1 + draws.integers(size, 5),
        "category": hidden(category, draws.chance(0.03, size)),
        "channel": words(CHANNELS, draws.choose(size, [60, 25, 15])),
    }


def _visit_columns(draws: Draws, size: int) -> dict[str, object]:
    return {
        "event": words(EVENTS, draws.choose(size, [50, 35, 11, 4])),
        "page": words(PAGES, draws.integers(size, len(PAGES))),
        "device": words(DEVICES, draws.choose(size, [62, 31, 7])),
    }
