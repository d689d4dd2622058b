"""Tables with planted groups: Gaussian columns and categories that depend on the group, and noise columns that do not."""

import numpy as np
import pyarrow as pa

LETTERS = np.array(list("abcdefgh"))


def planted(seed: int, separation: float, n: int = 2000, groups: int | None = None) -> tuple[pa.Table, np.ndarray]:
    """A table and each row's group: 3 to 6 groups of 5 to 60 % of the rows, 4 to 7 numbers that tell them apart, up to 3
    categories that do, up to 7 columns of noise. At separation 1 no two centres are nearer than 5.5 standard deviations."""
    rng = np.random.default_rng(seed)
    k = groups or int(rng.integers(3, 7))
    telling, noise, categories = int(rng.integers(4, 8)), int(rng.integers(0, 8)), int(rng.integers(0, 4))
    while True:
        shares = rng.dirichlet(np.ones(k) * 1.5)
        if shares.min() >= 0.05 and shares.max() <= 0.6:
            break
    group = rng.choice(k, n, p=shares)
    while True:
        centres = rng.normal(0, 2.4, (k, telling))
        apart = np.linalg.norm(centres[:, None] - centres, axis=2) + 99 * np.eye(k)
        if apart.min() > 5.5:
            break
    columns: dict[str, np.ndarray] = {f"x{j}": separation * centres[group, j] + rng.normal(size=n) for j in range(telling)}
    for j in range(noise):
        columns[f"noise{j}"] = [rng.normal(size=n) * 3, rng.random(n) * 10, rng.exponential(2, n)][int(rng.integers(3))]
    for j in range(categories):
        levels = int(rng.integers(2, 6))
        own = rng.integers(0, levels, k)
        columns[f"level{j}"] = LETTERS[np.where(rng.random(n) < 0.7 * separation, own[group], rng.integers(0, levels, n))]
    columns["noise_level"] = LETTERS[rng.integers(0, 4, n)]
    return pa.table(columns), group


def without_groups(seed: int, n: int = 2000) -> pa.Table:
    """A table without groups: normal, uniform, correlated, skewed and correlated, or counts; with independent categories."""
    rng = np.random.default_rng(seed)
    width = int(rng.integers(4, 10))
    loadings = rng.normal(size=(width, 2)) * rng.choice([0.5, 1, 2])
    related = rng.normal(size=(n, 2)) @ loadings.T + rng.normal(size=(n, width))
    related /= related.std(axis=0)
    x = [
        lambda: rng.normal(size=(n, width)),
        lambda: rng.random((n, width)),
        lambda: related,
        lambda: np.exp(related),
        lambda: rng.poisson(np.exp(related / 2)),
    ][seed % 5]()
    columns: dict[str, np.ndarray] = {f"x{j}": x[:, j] for j in range(width)}
    columns |= {f"level{j}": LETTERS[rng.integers(0, int(rng.integers(2, 6)), n)] for j in range(int(rng.integers(0, 4)))}
    columns["flag"] = rng.random(n) < 0.3
    return pa.table(columns)
