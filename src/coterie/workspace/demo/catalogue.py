"""What the shop sells: eight categories of nine products, from budget to premium, and when each category sells."""

from dataclasses import dataclass

import numpy as np

from coterie.workspace.demo.draws import Draws, Floats, Integers
from coterie.workspace.demo.groups import CATEGORIES, PRICE_LEVELS

# Ascending by price in pounds: three budget, three standard, three premium products each.
PRODUCTS: dict[str, tuple[tuple[str, str], ...]] = {
    "Camping": (
        ("Tin mug, enamel", "6.50"),
        ("Head torch", "12.90"),
        ("Camping chair", "18.00"),
        ("Sleeping mat", "34.50"),
        ("Gas stove, two burners", "49.00"),
        ("Sleeping bag 3-season", "69.95"),
        ("Trekking rucksack 55 l", "129.00"),
        ("Two-person tent", "189.00"),
        ("Family tent, 4 rooms", "349.00"),
    ),
    "Sports": (
        ("Skipping rope", "7.95"),
        ("Yoga block", "9.50"),
        ("Running socks, 3 pairs", "14.99"),
        ("Resistance bands", "24.50"),
        ("Running tights", "39.95"),
        ("Cycling helmet", "59.00"),
        ("Trail running shoes", "119.00"),
        ("Rain jacket", "149.00"),
        ("Rowing machine", "429.00"),
    ),
    "Garden": (
        ("Seed box “Butterflies”", "4.95"),
        ("Gardening gloves", "8.50"),
        ("Watering can 10 l", "15.90"),
        ("Pruning shears", "27.50"),
        ("Bird house, oak", "36.00"),
        ("Rose arch", "64.00"),
        ("Fire bowl", "119.00"),
        ("Garden bench", "179.00"),
        ("Cordless mower", "329.00"),
    ),
    "Kitchen": (
        ("Tea towels, set of 3", "9.95"),
        ("Wooden spoon set", "12.50"),
        ("Mixing bowl", "16.90"),
        ("Baking tin 26 cm", "22.50"),
        ("Chef's knife 20 cm", "44.00"),
        ("Cast iron pan", "58.00"),
        ("Stand mixer", "199.00"),
        ("Copper pot set", "249.00"),
        ("Espresso machine", "389.00"),
    ),
    "Electronics": (
        ("USB-C cable 2 m", "8.99"),
        ("Phone stand", "13.50"),
        ("Power bank", "19.99"),
        ("Smart plug, pack of 2", "29.90"),
        ("Wireless earbuds", "59.90"),
        ("Bluetooth speaker", "79.00"),
        ("Noise-cancelling headphones", "219.00"),
        ("Tablet 11”", "379.00"),
        ("Smart watch", "269.00"),
    ),
    "Games": (
        ("Card game “Owls”", "9.90"),
        ("Dice set", "11.50"),
        ("Puzzle, 1000 pieces", "15.00"),
        ("Strategy game “Harbour”", "34.90"),
        ("Game controller", "49.90"),
        ("Building set “Lighthouse”", "64.90"),
        ("VR headset", "349.00"),
        ("Games console", "399.00"),
        ("Racing wheel", "189.00"),
    ),
    "Beauty": (
        ("Lip balm", "3.95"),
        ("Hand cream, oat", "7.50"),
        ("Shampoo bar", "8.90"),
        ("Night cream", "24.00"),
        ("Bath oil, lavender", "18.50"),
        ("Face serum", "36.00"),
        ("Perfume “Moss”", "79.00"),
        ("Hair dryer, ionic", "119.00"),
        ("Spa gift box", "95.00"),
    ),
    "Health food": (
        ("Green tea, loose", "5.90"),
        ("Oat bars, box of 12", "11.90"),
        ("Peanut butter 1 kg", "9.90"),
        ("Olive oil 1 l, cold-pressed", "17.90"),
        ("Protein powder, pea", "27.90"),
        ("Superfood box", "32.00"),
        ("Juice cleanse, 5 days", "89.00"),
        ("Vitamin plan, 3 months", "74.00"),
        ("Slow juicer", "249.00"),
    ),
}
PER_LEVEL = 3
PER_CATEGORY = PRICE_LEVELS * PER_LEVEL

# How many times its share a category sells in each month, January first.
CATEGORY_MONTHS: dict[str, tuple[float, ...]] = {
    "Camping": (0.5, 0.6, 0.8, 1.2, 1.6, 1.9, 1.9, 1.4, 0.8, 0.6, 0.5, 0.6),
    "Sports": (1.6, 1.2, 1.1, 1.0, 1.0, 0.9, 0.8, 0.9, 1.1, 0.9, 0.8, 0.8),
    "Garden": (0.3, 0.6, 1.5, 2.0, 1.9, 1.4, 1.0, 0.9, 0.9, 0.7, 0.4, 0.4),
    "Kitchen": (0.9, 0.9, 0.8, 0.8, 0.8, 0.8, 0.8, 0.9, 1.0, 1.1, 1.4, 1.7),
    "Electronics": (0.9, 0.9, 0.9, 0.8, 0.8, 0.8, 0.9, 1.1, 1.1, 1.0, 1.5, 1.6),
    "Games": (0.9, 0.8, 0.8, 0.7, 0.7, 0.7, 0.8, 0.8, 0.9, 1.1, 1.6, 2.2),
    "Beauty": (0.9, 1.2, 1.1, 0.9, 1.1, 0.9, 0.8, 0.8, 0.9, 1.0, 1.2, 1.4),
    "Health food": (1.8, 1.2, 1.0, 1.0, 1.0, 1.0, 0.9, 0.9, 1.0, 0.9, 0.8, 0.7),
}

DISCOUNTS = (10, 20, 30)  # percent


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The products as columns: product p belongs to category p // 9 and price level (p % 9) // 3."""

    names: tuple[str, ...]
    pence: Integers
    categories: tuple[str, ...]


def catalogue() -> Catalogue:
    """All products, category after category, in the order of `groups.CATEGORIES`."""
    rows = [product for category in CATEGORIES for product in PRODUCTS[category]]
    pence = np.array([int(price.replace(".", "")) for _, price in rows], dtype=np.int64)
    return Catalogue(tuple(name for name, _ in rows), pence, CATEGORIES)


def category_weights(mix: Floats) -> Floats:
    """Weights of the categories in each month: mix (lifestyle × category) → (lifestyle · 12 + month) × category."""
    months = np.array([CATEGORY_MONTHS[category] for category in CATEGORIES]).T
    return np.asarray((mix[:, None, :] * months[None, :, :]).reshape(-1, len(CATEGORIES)))


def mean_price(mix: Floats, levels: Floats) -> Floats:
    """Mean list price in pounds for each (value group, lifestyle), months weighted alike."""
    prices = catalogue().pence.reshape(len(CATEGORIES), PRICE_LEVELS, PER_LEVEL).mean(axis=2) / 100.0
    by_month = category_weights(mix).reshape(len(mix), 12, len(CATEGORIES))
    by_month = by_month / by_month.sum(axis=2, keepdims=True)
    return np.asarray(levels @ prices.T @ by_month.mean(axis=1).T)


def pick(draws: Draws, category: Integers, levels: Floats, group: Integers) -> Integers:
    """A product for each entry: one of its category, at a price level as its value group prefers (group × level)."""
    level = draws.choose_by_row(group, levels)
    return category * PER_CATEGORY + level * PER_LEVEL + draws.integers(len(category), PER_LEVEL)
