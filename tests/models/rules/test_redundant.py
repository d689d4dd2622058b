import numpy as np
import pyarrow as pa

from coterie.models.rules.redundant import told_apart


def test_of_columns_that_say_the_same_the_first_stays():
    draw = np.random.default_rng(3)
    age = draw.integers(18, 80, 3000).astype(float)
    table = pa.table(
        {
            "age": age,
            "birth_year": 2026 - age,
            "band": pa.array(["young" if a < 40 else "old" for a in age]),
            "orders": draw.poisson(3, 3000).astype(float),
            "nothing": np.full(3000, np.nan),
            "country": pa.array(draw.choice(["DE", "FR", "GB"], 3000)),
        }
    )
    assert told_apart(table) == ["age", "orders", "nothing", "country"]
