"""Contracts that are paid each period, as payments in a file."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np

SOURCE = "  payment: {path: payments.csv, customer: customer, time: at, id: payment_id}\n"
PROJECT = f"""\
project: payers
timezone: Europe/Berlin
currency: EUR
as_of: TODAY

sources:
{SOURCE}
traits:
  payments: count(payment)
  remaining: {{lifetime_value: [payment.amount, 365 days], process: sbg, period: PERIOD}}

segments:
  worth_keeping: remaining > 60 and remaining.probability_alive > 0.5
"""
Payment = tuple[str, date, float]


def project(today: date, period: str) -> str:
    return PROJECT.replace("TODAY", today.isoformat()).replace("PERIOD", period)


def write(folder: Path, payments: Sequence[Payment]) -> None:
    lines = ["payment_id,customer,at,amount"]
    lines += [f"{n},{who},{when},{amount:.2f}" for n, (who, when, amount) in enumerate(payments)]
    (folder / "payments.csv").write_text("\n".join([*lines, ""]), encoding="utf-8")


def cohort(survivors: Sequence[float], began: date, amount: float = 10.0) -> Iterator[Payment]:
    """A cohort that pays on the same day of every year: how many began, and how many renewed once, twice …"""
    for n in range(int(survivors[0])):
        for year, left in enumerate(survivors):
            if n < left:
                yield f"c{n:04}", began.replace(year=began.year + year), amount


def monthly(customers: int, today: date, seed: int = 0) -> Iterator[Payment]:
    """Contracts of the last three years, paid about every 30 days: a day or two early or late, some a week."""
    draw = np.random.default_rng(seed)
    for n in range(customers):
        when = today - timedelta(days=int(draw.integers(0, 3 * 365)))
        amount = round(float(draw.gamma(8, 2)) + 1, 2)
        for _ in range(draw.geometric(draw.beta(1, 6))):
            paid = when + timedelta(days=int(draw.integers(0, 3)) + 5 * int(draw.random() < 0.05))
            if paid > today:
                break
            yield f"c{n:03}", paid, amount
            when += timedelta(days=30 + int(draw.random() < 0.5))
