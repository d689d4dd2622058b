"""What customers buy: orders over time, their lines, and refunds.

Orders of one customer follow the BG/NBD story (Fader, Hardie and Lee 2005): a Poisson process at the customer's own
gamma-distributed rate, and after each order a chance of leaving for good. Time runs faster on busy days, which gives
seasons, sales and weekends.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from coterie.workspace.demo import seasons
from coterie.workspace.demo.catalogue import DISCOUNTS, catalogue, category_weights, mean_price, pick
from coterie.workspace.demo.draws import Booleans, Draws, Floats, Integers
from coterie.workspace.demo.files import ids, money, times, words
from coterie.workspace.demo.groups import Behaviour
from coterie.workspace.demo.people import People
from coterie.workspace.demo.seasons import DAY

GUESTS = 0.01  # share of orders without a customer: somebody bought without registering
CHANNELS = ("web", "app", "store")
STORES = ("London Spitalfields", "Manchester", "Bristol", "Edinburgh", "Dublin")
REASONS = ("damaged", "does not fit", "changed my mind", "arrived late", "wrong item")


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days of the data and how busy each is for each value group (group × day)."""

    first: int
    days: list[date]
    demand: Floats
    sale: Booleans
    month: Integers

    @property
    def stop(self) -> int:
        """The first second after the data."""
        return (self.first + len(self.days)) * DAY


def calendar(start: date, end: date, model: Behaviour) -> Calendar:
    """The calendar of the data from start to end (both included)."""
    days = seasons.days_from(start, end)
    demand = [seasons.demand(days, model.sale_pull[g], model.weekend[g]) for g in range(len(model.sale_pull))]
    return Calendar(
        first=seasons.day_number(start),
        days=days,
        demand=np.array(demand),
        sale=np.array([seasons.is_sale(day) for day in days]),
        month=np.array([day.month - 1 for day in days]),
    )


@dataclass(frozen=True, slots=True)
class Orders:
    """The orders of one part of the customers, by time. customer: position among all customers, -1 for a guest."""

    number: Integers
    customer: Integers
    time: Integers
    group: Integers
    lifestyle: Integers
    sensitivity: Floats
    channel: Integers
    refunded: Booleans


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of orders. order: position in Orders. Money in pence; discount is for the whole line."""

    order: Integers
    product: Integers
    quantity: Integers
    price: Integers
    discount: Integers

    @property
    def pence(self) -> Integers:
        """What was paid for each line."""
        return self.quantity * self.price - self.discount


@dataclass(frozen=True, slots=True)
class Mailing:
    """E-mails really sent, by customer position and then time: what may bring about additional orders."""

    customer: Integers
    time: Integers


def orders(
    seed: int, crowd: People, model: Behaviour, days: Calendar, mail: Mailing, first: int, stop: int, numbered: int
) -> tuple[Orders, Integers]:
    """The orders of the customers from position `first` to before `stop`.

    numbered: how many order numbers are taken already. Returns the orders and, per customer, the second at which
    they left for good (-1: not within the data).
    """
    size = stop - first
    group, signup = crowd.group[first:stop], crowd.signup[first:stop]
    lifetime = crowd.lifetime[first:stop]
    draws = Draws(seed, "orders", first)

    # The first order comes on the day of registration or some days later; too late is never.
    wait = np.where(draws.chance(0.65, size), 0, 1 + draws.geometric(np.full(size, 9.0)))
    opened = signup - days.first + wait
    buys = (lifetime > 0) & (opened < len(days.days))
    start = np.where(buys, opened, len(days.days) - 1)

    # Operational time: busy days count for more.
    clock = np.concatenate([np.zeros((len(days.demand), 1)), np.cumsum(days.demand, axis=1)], axis=1)
    from_, until = clock[group, start + 1], clock[group, len(days.days)]
    counts = np.where(buys, draws.poisson(crowd.rate[first:stop] / 365.25 * (until - from_)), 0)
    owner = np.repeat(np.arange(size), counts)
    moment = from_[owner] + draws.uniform(len(owner)) * (until - from_)[owner]
    day = np.zeros(len(owner), dtype=np.int64)
    for which in range(len(clock)):
        mine = group[owner] == which
        day[mine] = np.searchsorted(clock[which], moment[mine], side="right") - 1
    day = np.minimum(day, len(days.days) - 1)
    buyers = np.flatnonzero(buys)
    owner = np.concatenate([buyers, owner])
    day = np.concatenate([start[buyers], day])
    time = (days.first + day) * DAY + _times_of_day(draws, model, group[owner])

    # Only the orders before the customer's own dropout happen.
    by_customer = np.lexsort((time, owner))
    owner, time = owner[by_customer], time[by_customer]
    begins = np.searchsorted(owner, np.arange(size))
    rank = np.arange(len(owner)) - begins[owner]
    left = np.full(size, -1, dtype=np.int64)
    final = rank == lifetime[owner] - 1
    left[owner[final]] = time[final]
    happens = rank < lifetime[owner]
    owner, time = owner[happens], time[happens]

    mailed = slice(*np.searchsorted(mail.customer, [first, stop]))
    reader, sent = mail.customer[mailed] - first, mail.time[mailed]
    swayed = draws.chance(crowd.mail_effect[first:stop][reader], len(reader))
    late = (sent // DAY + 1 + draws.integers(len(reader), 6)) * DAY + _times_of_day(draws, model, group[reader])
    since = np.where(buys, (days.first + start + 1) * DAY, days.stop)
    known = (sent >= since[reader]) & ((left[reader] < 0) | (late < left[reader])) & (late < days.stop)
    added = swayed & known
    owner, time = np.concatenate([owner, reader[added]]), np.concatenate([time, late[added]])

    # A guest's order looks like somebody's order, but says not whose.
    guests = draws.integers(int(len(owner) * GUESTS), max(1, len(owner)))
    guest_time = (time[guests] // DAY) * DAY + _times_of_day(draws, model, group[owner[guests]])
    as_seen = np.concatenate([owner, owner[guests]])
    customer = np.concatenate([owner + first, np.full(len(guests), -1, dtype=np.int64)])
    time = np.concatenate([time, guest_time])

    order = np.lexsort((customer, time))
    as_seen, customer, time = as_seen[order], customer[order], time[order]
    in_app = crowd.app[first:stop][as_seen]
    channel = draws.choose_by_row(in_app.astype(np.int64), np.array([(0.82, 0.0, 0.18), (0.3, 0.6, 0.1)]))
    refunded = draws.chance(model.refunds[group[as_seen]], len(as_seen)) & (customer >= 0)
    return (
        Orders(
            number=np.arange(numbered + 1, numbered + len(time) + 1, dtype=np.int64),
            customer=customer,
            time=time,
            group=group[as_seen],
            lifestyle=crowd.lifestyle[first:stop][as_seen],
            sensitivity=crowd.sensitivity[first:stop][as_seen],
            channel=channel,
            refunded=refunded,
        ),
        left,
    )


def _times_of_day(draws: Draws, model: Behaviour, group: Integers) -> Integers:
    """Seconds after midnight: companies order from the office, everybody else mostly in the evening."""
    at_home = seasons.time_of_day(draws, len(group))
    at_work = seasons.time_of_day(draws, len(group), office=True)
    return np.where(draws.chance(model.office[group], len(group)), at_work, at_home)


def lines(seed: int, bought: Orders, model: Behaviour, days: Calendar, first: int) -> Lines:
    """The lines of the orders; products by lifestyle, season and price level, quantities by value group."""
    draws = Draws(seed, "lines", first)
    count = 1 + draws.poisson(model.extra_lines[bought.group])
    order = np.repeat(np.arange(len(count)), count)
    group = bought.group[order]
    day = bought.time[order] // DAY - days.first
    category = draws.choose_by_row(bought.lifestyle[order] * 12 + days.month[day], category_weights(model.categories))
    product = pick(draws, category, model.levels, group)
    quantity = 1 + draws.geometric(model.extra_quantity[group])
    price = catalogue().pence[product]
    # During a sale twice the usual odds of a discount.
    wish = bought.sensitivity[order]
    odds = wish / (1 - wish) * np.where(days.sale[day], 2.0, 1.0)
    percent = np.array(DISCOUNTS)[draws.choose(len(order), [5, 3, 2])]
    percent = np.where(draws.chance(odds / (1 + odds), len(order)), percent, 0)
    return Lines(
        order=order,
        product=product,
        quantity=quantity,
        price=price,
        discount=(quantity * price * percent + 50) // 100,
    )


def order_lines_table(seed: int, bought: Orders, rows: Lines, first: int) -> pa.Table:
    """order_lines.csv: one row per line; times are the shop's wall clock, without an offset."""
    goods = catalogue()
    order = rows.order
    store = Draws(seed, "stores", first).choose(len(bought.time), [5, 3, 2, 2, 1])
    store = np.where(bought.channel == 2, store, len(STORES))
    return pa.table(
        {
            "order_id": ids("O", bought.number[order], 8),
            "customer_id": ids("C", np.where(bought.customer < 0, -1, bought.customer + 1)[order]),
            "ordered_at": times(bought.time[order]),
            "product": words(goods.names, rows.product),
            "category": words(goods.categories, rows.product // 9),
            "quantity": pa.array(rows.quantity),
            "unit_price": money(rows.price),
            "discount": money(rows.discount),
            "channel": words(CHANNELS, bought.channel[order]),
            "store": words([*STORES, None], store[order]),
        }
    )


def refunds_table(seed: int, bought: Orders, rows: Lines, days: Calendar, first: int, numbered: int) -> pa.Table:
    """refunds.parquet: half of the refunds are for the whole order, half for its first line; times are UTC.

    numbered: how many refund numbers are taken already. A refund after the end of the data has not happened yet.
    """
    draws = Draws(seed, "refunds", first)
    size = len(bought.time)
    total = np.bincount(rows.order, weights=rows.pence, minlength=size).astype(np.int64)
    begins = np.searchsorted(rows.order, np.arange(size))
    first_line = rows.pence[begins] if size else total
    amount = np.where(draws.chance(0.5, size), total, first_line)
    when = (bought.time // DAY + 2 + draws.geometric(np.full(size, 9.0))) * DAY + seasons.time_of_day(draws, size, True)
    reason = draws.choose(size, [3, 3, 4, 1, 2])
    kept = np.flatnonzero(bought.refunded & (when < days.stop) & (amount > 0))
    kept = kept[np.lexsort((bought.number[kept], when[kept]))]
    utc = when[kept] - seasons.london_offset(when[kept])
    return pa.table(
        {
            "refund_id": ids("R", np.arange(numbered + 1, numbered + len(kept) + 1, dtype=np.int64)),
            "order_id": ids("O", bought.number[kept], 8),
            "customer_id": ids("C", bought.customer[kept] + 1),
            "refunded_at": pc.assume_timezone(times(utc).cast(pa.timestamp("us")), "UTC"),
            "amount": money(amount[kept]),
            "reason": words(REASONS, reason[kept]),
        }
    )


def expected_order_value(crowd: People, model: Behaviour) -> Floats:
    """What one order of each customer is worth on average, in pounds, over the year and before refunds.

    Sale weeks are left out of account, so for keen buyers at a discount it is a little high.
    """
    lines_ = 1 + model.extra_lines
    quantity = 1 + model.extra_quantity
    price = mean_price(model.categories, model.levels)
    percent = (5 * DISCOUNTS[0] + 3 * DISCOUNTS[1] + 2 * DISCOUNTS[2]) / 10 / 100
    per_group = (lines_ * quantity)[:, None] * price
    return per_group[crowd.group, crowd.lifestyle] * (1 - percent * crowd.sensitivity)
