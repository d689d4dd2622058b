"""Customers with a known truth, for tests of prediction."""

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from coterie.models.prediction.training import Sample

T = datetime(2026, 6, 1)
INTERESTS = ("shoes", "books", "garden")


def shop(n: int, seed: int, as_of: datetime = T, signal: float = 1.0) -> tuple[pa.Table, np.ndarray]:
    """Customers of a shop and the log odds that they order."""
    rng = np.random.default_rng(seed)
    recency = rng.exponential(60, n)
    orders = rng.poisson(3, n).astype(float)
    country = rng.choice(["DE", "FR", "IT", "ES", "AT"], n, p=[0.5, 0.2, 0.15, 0.1, 0.05])
    age = np.where(rng.random(n) < 0.3, np.nan, rng.normal(45, 12, n))
    odds = -1.0 + signal * (1.0 - recency / 40 + 0.35 * orders + 0.8 * (country == "FR") + np.where(np.isnan(age), -0.5, 0.0))
    table = pa.table(
        {
            "recency": recency,
            "orders": pa.array(orders.astype(int)),
            "country": pa.array(country, pa.string(), mask=rng.random(n) < 0.05),
            "age": pa.array(age, from_pandas=True),
            "member": rng.random(n) < 0.5,
            "joined": pa.array([as_of - timedelta(days=float(d)) for d in rng.uniform(1, 2000, n)], pa.timestamp("us")),
            "interests": pa.array(
                [[w for w, b in zip(INTERESTS, bits, strict=True) if b] for bits in (rng.random((n, 3)) < 0.5).tolist()]
            ),
        }
    )
    return table, odds


def sample(n: int, seed: int, as_of: datetime = T, signal: float = 1.0) -> Sample:
    table, odds = shop(n, seed, as_of, signal)
    happened = np.random.default_rng(seed + 1).random(n) < 1 / (1 + np.exp(-odds))
    return Sample(as_of, table, happened)


def noise(n: int, seed: int, columns: int = 8) -> Sample:
    """Features that have nothing to do with the outcome."""
    rng = np.random.default_rng(seed)
    table = {f"x{i}": rng.normal(size=n) if i % 2 else rng.exponential(size=n) for i in range(columns)}
    table["kind"] = rng.choice(list("abcd"), n)
    return Sample(T, pa.table(table), rng.random(n) < 0.3)
