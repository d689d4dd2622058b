"""What people do on the web site and in the app: sessions of pages, products, carts and checkouts."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from coterie.workspace.demo import seasons
from coterie.workspace.demo.catalogue import PER_CATEGORY, catalogue, category_weights, pick
from coterie.workspace.demo.draws import Draws, Integers
from coterie.workspace.demo.files import ids, iso, quoted, words
from coterie.workspace.demo.groups import Behaviour
from coterie.workspace.demo.orders import Calendar, Lines, Orders
from coterie.workspace.demo.people import People
from coterie.workspace.demo.seasons import DAY

MONTHS_KEPT = 3  # the analytics tool keeps no more
REFERRERS = ("google", "newsletter", "instagram", "direct", "partner")
DEVICES = ("mobile", "desktop", "tablet")
PAGE_VIEW, SEARCH, PRODUCT_VIEW, CART_ADDED, CHECKOUT_STARTED = range(5)
EVENTS = ("page_view", "search", "product_view", "cart_added", "checkout_started")
ANONYMOUS = 0.06  # share of browsing sessions of which nobody knows whose they are
SENT_TWICE = 0.003  # share of events that arrive twice, with the same id


@dataclass(frozen=True, slots=True)
class Visits:
    """Events as columns, by time. customer: position, -1 if unknown. product: position, -1 on pages without one."""

    customer: Integers
    time: Integers
    event: Integers
    product: Integers
    referrer: Integers
    device: Integers


def visits(
    seed: int,
    crowd: People,
    model: Behaviour,
    days: Calendar,
    bought: Orders,
    rows: Lines,
    left: Integers,
    first: int,
    stop: int,
    since: int,
) -> Visits:
    """The visits of the customers from position `first` to before `stop` from day `since` on.

    Each order on the web or in the app has its session; other sessions end without an order. left: when each of
    these customers left for good (-1: not), after which they hardly come any more.
    """
    draws = Draws(seed, "visits", first)
    # Sessions that end with an order: page, product, cart, checkout, order.
    online = np.flatnonzero((bought.channel != 2) & (bought.time >= since * DAY) & (bought.customer >= 0))
    begins = np.searchsorted(rows.order, online)
    buyer, when = bought.customer[online], bought.time[online]
    wanted = rows.product[begins]
    minutes = [draws.integers(len(online), 60) + at * 60 for at in (14, 9, 4, 1)]

    # Sessions that end without one.
    customer = np.arange(first, stop)
    until = days.first + len(days.days)
    entered = np.maximum(crowd.signup[first:stop], since)
    gone = np.where(left < 0, until, np.clip(left // DAY, entered, until))
    monthly = model.visits[crowd.group[first:stop]] / 30.4
    counts = draws.poisson(monthly * ((gone - entered) + 0.08 * (until - gone)))
    who = np.repeat(customer, counts)
    here = np.repeat(gone - entered + 0.08 * (until - gone), counts)
    spot = draws.uniform(len(who)) * here
    stays = np.repeat(gone - entered, counts)
    offset = np.where(spot < stays, spot, stays + (spot - stays) / 0.08)
    day = np.minimum(entered[who - first] + np.floor(offset).astype(np.int64), until - 1)
    start = day * DAY + seasons.time_of_day(draws, len(who))
    lifestyle, group = crowd.lifestyle[who], crowd.group[who]
    weights = category_weights(model.categories)
    month = days.month[day - days.first]

    parts: list[tuple[Integers, Integers, int, Integers]] = []  # session, time, event, product
    sessions = np.arange(len(online))
    nothing = np.full(max(len(who), len(online)), -1, dtype=np.int64)
    for event, before in zip((PAGE_VIEW, PRODUCT_VIEW, CART_ADDED, CHECKOUT_STARTED), minutes, strict=True):
        parts.append((sessions, when - before, event, nothing[: len(online)] if event == PAGE_VIEW else wanted))
    browsing = np.arange(len(who)) + len(online)
    parts.append((browsing, start, PAGE_VIEW, nothing[: len(who)]))
    searching = np.flatnonzero(draws.chance(0.25, len(who)))
    parts.append((browsing[searching], start[searching] + 20, SEARCH, nothing[: len(searching)]))
    last = nothing[: len(who)]
    for position, likely in enumerate((0.9, 0.6, 0.35)):
        looks = np.flatnonzero(draws.chance(likely, len(who)))
        category = draws.choose_by_row(lifestyle[looks] * 12 + month[looks], weights)
        product = pick(draws, category, model.levels, group[looks])
        last = last.copy()
        last[looks] = product
        parts.append((browsing[looks], start[looks] + 45 + 80 * position, PRODUCT_VIEW, product))
    carts = np.flatnonzero(draws.chance(0.16, len(who)) & (last >= 0))
    parts.append((browsing[carts], start[carts] + 300, CART_ADDED, last[carts]))
    gives_up = carts[draws.chance(0.3, len(carts))]
    parts.append((browsing[gives_up], start[gives_up] + 420, CHECKOUT_STARTED, last[gives_up]))

    total = len(online) + len(who)
    unknown = draws.chance(ANONYMOUS, len(who))
    owners = np.concatenate([buyer, np.where(unknown, -1, who)])
    referrer = draws.choose(total, [40, 12, 15, 28, 5])
    device = draws.choose(total, [62, 31, 7])
    session = np.concatenate([part[0] for part in parts])
    time = np.concatenate([part[1] for part in parts])
    kind = np.concatenate([np.full(len(part[0]), part[2], dtype=np.int64) for part in parts])
    product = np.concatenate([part[3] for part in parts])
    order = np.lexsort((kind, session, time))
    order = order[(time[order] >= since * DAY) & (time[order] < days.stop)]
    session = session[order]
    return Visits(
        customer=owners[session],
        time=time[order],
        event=kind[order],
        product=product[order],
        referrer=referrer[session],
        device=device[session],
    )


def visit_lines(seed: int, seen: Visits, first: int, numbered: int) -> tuple[pa.Array, Integers]:
    """The visits as lines of JSON with the month (year · 12 + month - 1) of each; a few lines come twice.

    numbered: how many event numbers are taken already.
    """
    goods = catalogue()
    twice = Draws(seed, "visits", "twice", first).chance(SENT_TWICE, len(seen.time))
    at = np.repeat(np.arange(len(seen.time)), 1 + twice)
    product = seen.product[at]
    names, categories = quoted(goods.names), quoted(goods.categories)
    about = [
        f'"page":"/p/{number + 1}","product":{name},"category":{categories[number // PER_CATEGORY]}'
        for number, name in enumerate(names)
    ]
    about += ['"page":"/","product":null,"category":null', '"page":"/search","product":null,"category":null']
    which = np.where(product >= 0, product, np.where(seen.event[at] == SEARCH, len(names) + 1, len(names)))
    owner = pc.binary_join_element_wise('"', ids("C", np.abs(seen.customer[at] + 1)), '"', "")
    owner = pc.if_else(pa.array(seen.customer[at] < 0), "null", owner)
    pieces = [
        '{"event_id":"',
        ids("V", at + numbered + 1, 9),
        '","customer_id":',
        owner,
        ',"ts":"',
        iso(seen.time[at], seasons.london_offset(seen.time[at])),
        words([f'","event":"{event}",' for event in EVENTS], seen.event[at]),
        words(about, which),
        words([f',"referrer":"{referrer}"' for referrer in REFERRERS], seen.referrer[at]),
        words([f',"device":"{device}"}}' for device in DEVICES], seen.device[at]),
        "",
    ]
    months = seen.time[at].astype("datetime64[s]").astype("datetime64[M]").astype(np.int64) + 1970 * 12
    return pc.binary_join_element_wise(*pieces), months
