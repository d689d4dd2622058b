"""The planted truth: who the customers really are, and how strongly it shows in what they do.

Two partitions that have nothing to do with each other: *value groups* (how often, how much, for how long, at what
price) and *lifestyles* (which categories, which answers in the survey). `separation` draws every parameter of every
group towards the mean of all groups: at 1 the groups are as written here, at 0 there are no groups.
"""

from dataclasses import dataclass

import numpy as np

from coterie.workspace.demo.draws import Floats

PRICE_LEVELS = 3  # budget, standard, premium


@dataclass(frozen=True, slots=True)
class ValueGroup:
    """One kind of customer, by the way they buy.

    Attributes:
        share: of all customers.
        orders_per_year: while they are customers.
        dropout_odds: odds of leaving for good after each order, from the `least_orders`-th on.
        never_buys: share that registers and never orders.
        extra_lines, extra_quantity: mean number above one, per order and per line.
        discount_share: share of lines bought at a discount outside sales.
        sale_pull, weekend: as in `seasons.demand`.
        office: share of orders placed in office hours.
        levels: weights of budget, standard and premium products.
        mail_effect: added chance of an order in the week after an e-mail.
        opens: chance of opening an e-mail.
        refunds: share of orders with a refund.
        settled: registered at least this many days before the end of the data.
        visits: browsing sessions a month.
        business: share of business contacts.
    """

    name: str
    share: float
    orders_per_year: float
    dropout_odds: float
    least_orders: float
    never_buys: float
    extra_lines: float
    extra_quantity: float
    discount_share: float
    sale_pull: float
    weekend: float
    office: float
    levels: tuple[float, float, float]
    mail_effect: float
    opens: float
    refunds: float
    settled: float
    visits: float
    business: float


VALUE_GROUPS = (
    ValueGroup("champions", 0.07, 20, 0.003, 4, 0, 1.8, 0.25, 0.06, 1.2, 1, 0.1, (2, 4, 5), 0.01, 0.55, 0.05, 60, 4.0, 0.08),
    ValueGroup("loyal", 0.17, 5, 0.006, 4, 0, 0.9, 0.15, 0.08, 1.2, 1, 0.1, (4, 5, 1), 0.06, 0.45, 0.05, 180, 2.2, 0.08),
    ValueGroup(
        "bargain hunters",
        0.15,
        6,
        0.008,
        3,
        0,
        1.2,
        0.20,
        0.90,
        4.0,
        1,
        0.1,
        (8, 2, 0.3),
        0.12,
        0.50,
        0.08,
        200,
        2.6,
        0.05,
    ),
    ValueGroup("one-timers", 0.36, 5, 90.0, 1, 0, 0.4, 0.10, 0.20, 1.6, 1, 0.1, (4, 5, 1), 0.0, 0.15, 0.10, 30, 0.3, 0.07),
    ValueGroup("lapsed", 0.13, 9, 0.450, 3, 0, 0.9, 0.15, 0.15, 1.3, 1, 0.1, (4, 5, 1), 0.03, 0.20, 0.06, 540, 1.5, 0.08),
    ValueGroup("wholesalers", 0.06, 10, 0.004, 3, 0, 2.5, 7.0, 0.10, 1, 0.2, 0.95, (6, 4, 0.5), 0.0, 0.35, 0.03, 60, 2.0, 1.0),
    ValueGroup("browsers", 0.06, 4, 0.100, 1, 1, 1.0, 0.20, 0.30, 1.3, 1, 0.1, (3, 5, 2), 0.0, 0.30, 0.05, 30, 2.0, 0.03),
)


@dataclass(frozen=True, slots=True)
class Lifestyle:
    """One way of living: the two categories it buys, the scale of the survey on which it scores high, its mean age."""

    name: str
    share: float
    categories: tuple[str, str]
    scale: str
    age: float


LIFESTYLES = (
    Lifestyle("outdoor people", 0.30, ("Camping", "Sports"), "outdoors", 41),
    Lifestyle("homemakers", 0.30, ("Garden", "Kitchen"), "home", 50),
    Lifestyle("early adopters", 0.22, ("Electronics", "Games"), "technology", 32),
    Lifestyle("mindful", 0.18, ("Beauty", "Health food"), "wellbeing", 38),
)
CATEGORIES = tuple(category for lifestyle in LIFESTYLES for category in lifestyle.categories)
OWN_SHARE = 0.84  # share of lines from the lifestyle's own two categories, at separation 1


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The parameters of all groups at one separation: arrays of one entry (or row) per value group or lifestyle."""

    separation: float
    orders_per_year: Floats
    dropout_odds: Floats
    least_orders: Floats
    never_buys: Floats
    extra_lines: Floats
    extra_quantity: Floats
    discount_share: Floats
    sale_pull: Floats
    weekend: Floats
    office: Floats
    levels: Floats
    mail_effect: Floats
    opens: Floats
    refunds: Floats
    settled: Floats
    visits: Floats
    business: Floats
    categories: Floats  # lifestyle × category
    ages: Floats

    @property
    def discount_odds(self) -> Floats:
        return self.discount_share / (1 - self.discount_share)


def shares() -> Floats:
    """The planted shares of the value groups; they add up to 1."""
    return np.array([group.share for group in VALUE_GROUPS])


def lifestyle_shares() -> Floats:
    """The planted shares of the lifestyles; they add up to 1."""
    return np.array([lifestyle.share for lifestyle in LIFESTYLES])


def behaviour(separation: float) -> Behaviour:
    """The parameters at a separation ≥ 0 (0: all groups alike; 1: as planted).

    Rates move on the log scale, shares on the log-odds scale, differences on their own.
    """
    weights = shares()

    def linear(name: str) -> Floats:
        values = np.array([getattr(group, name) for group in VALUE_GROUPS], dtype=np.float64)
        mean = weights @ values
        return np.asarray(mean + separation * (values - mean))

    def rate(name: str) -> Floats:
        values = np.log(np.array([getattr(group, name) for group in VALUE_GROUPS], dtype=np.float64))
        mean = weights @ values
        return np.asarray(np.exp(mean + separation * (values - mean)))

    def share(name: str) -> Floats:
        values = np.array([getattr(group, name) for group in VALUE_GROUPS], dtype=np.float64)
        odds = np.log(values / (1 - values))
        mean = weights @ odds
        return np.asarray(1 / (1 + np.exp(-(mean + separation * (odds - mean)))))

    levels = np.log(np.array([group.levels for group in VALUE_GROUPS], dtype=np.float64))
    level_mean = weights @ levels
    levels = np.exp(level_mean + separation * (levels - level_mean))
    levels /= levels.sum(axis=1, keepdims=True)

    life = lifestyle_shares()
    count = len(CATEGORIES)
    own = np.full((len(LIFESTYLES), count), (1 - OWN_SHARE) / (count - 2))
    for row, lifestyle in enumerate(LIFESTYLES):
        for category in lifestyle.categories:
            own[row, CATEGORIES.index(category)] = OWN_SHARE / 2
    mixed = np.log(own)
    mix_mean = life @ mixed
    categories = np.exp(mix_mean + separation * (mixed - mix_mean))
    categories /= categories.sum(axis=1, keepdims=True)

    ages = np.array([lifestyle.age for lifestyle in LIFESTYLES])
    return Behaviour(
        separation=separation,
        orders_per_year=rate("orders_per_year"),
        dropout_odds=rate("dropout_odds"),
        least_orders=np.maximum(1.0, np.floor(1 + separation * (linear_values("least_orders") - 1) + 0.5)),
        never_buys=np.clip(linear("never_buys"), 0, 1),
        extra_lines=rate("extra_lines"),
        extra_quantity=rate("extra_quantity"),
        discount_share=share("discount_share"),
        sale_pull=rate("sale_pull"),
        weekend=rate("weekend"),
        office=share("office"),
        levels=levels,
        mail_effect=np.clip(linear("mail_effect"), 0, 1),
        opens=share("opens"),
        refunds=share("refunds"),
        settled=np.clip(separation * linear_values("settled"), 0, 800),
        visits=rate("visits"),
        business=np.clip(linear("business"), 0, 1),
        categories=categories,
        ages=np.asarray(life @ ages + separation * (ages - life @ ages)),
    )


def blended(table: Floats, weights: Floats, separation: float) -> Floats:
    """Rows of a table (group × anything) drawn towards their weighted mean, kept at or above 0."""
    mean = weights @ table
    return np.asarray(np.clip(mean + separation * (table - mean), 0, None))


def linear_values(name: str) -> Floats:
    """One planted parameter, one entry per value group, as written in the table."""
    return np.array([getattr(group, name) for group in VALUE_GROUPS], dtype=np.float64)
