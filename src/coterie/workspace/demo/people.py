"""The customers: who they are planted to be, and what the customers file says about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from coterie.workspace.demo import seasons
from coterie.workspace.demo.accounts import Accounts, accounts
from coterie.workspace.demo.draws import Booleans, Draws, Floats, Integers
from coterie.workspace.demo.files import dates, flags, hidden, ids, rounded, words
from coterie.workspace.demo.groups import LIFESTYLES, VALUE_GROUPS, Behaviour, blended, lifestyle_shares, shares
from coterie.workspace.demo.places import LANGUAGES, PLACES

RATE_SHAPE = 10  # of the gamma that spreads the rates of one group: a coefficient of variation of 0.32


@dataclass(frozen=True, slots=True)
class People:
    """All customers as columns, in the order in which they registered.

    group, lifestyle: positions in VALUE_GROUPS and LIFESTYLES. signup: day number. rate: orders a year while a
    customer. lifetime: orders until they leave for good (0: never buys). sensitivity: chance that a line is bought at
    a discount, 0 to 1. mail_effect: added chance of an order in the week after an e-mail. account: position in the
    accounts, -1 for private customers.
    """

    start: date
    end: date
    group: Integers
    lifestyle: Integers
    signup: Integers
    rate: Floats
    lifetime: Integers
    sensitivity: Floats
    mail_effect: Floats
    account: Integers
    accounts: Accounts
    email: Booleans
    mailable: Booleans
    app: Booleans

    def __len__(self) -> int:
        return len(self.group)


_APP_CHANCES = np.array([0.35, 0.30, 0.70, 0.45])  # of having the shop's app, by lifestyle


def people(seed: int, customers: int, start: date, end: date, model: Behaviour) -> People:
    """Draw the customers who register from start to end (both included)."""
    days = seasons.days_from(start, end)
    last = len(days) - 1
    # The shop grows: at the end it wins a good twice as many new customers a day as at the start.
    growth = np.linspace(0.6, 1.4, len(days)) * np.array([seasons.MONTHS[day.month - 1] ** 0.5 for day in days])
    reached = np.cumsum(growth)
    draws = Draws(seed, "people", "groups")
    group = _planted(draws, customers, shares())
    # Groups that need a history registered early enough to have one.
    latest = np.maximum(0, last - np.floor(model.settled).astype(np.int64))[group]
    when = np.searchsorted(reached, draws.uniform(customers) * reached[latest], side="right")
    signup = np.minimum(when, latest).astype(np.int64)
    order = np.argsort(signup, kind="stable")
    group, signup = group[order], signup[order]
    lifestyle = _planted(Draws(seed, "people", "lifestyles"), customers, lifestyle_shares())

    draws = Draws(seed, "people", "behaviour")
    rate = model.orders_per_year[group] * draws.gamma(customers, RATE_SHAPE)
    odds = model.dropout_odds[group] * draws.gamma(customers, 4)
    # Orders until dropout: after each order a coin is tossed, as in the BG/NBD model.
    survived = draws.geometric(1.0 / odds)
    lifetime = model.least_orders[group].astype(np.int64) + survived
    lifetime[draws.chance(model.never_buys[group], customers)] = 0
    wanted = np.log(model.discount_odds[group]) + 0.5 * draws.normal(customers)
    sensitivity = 1.0 / (1.0 + np.exp(-wanted))
    business = draws.chance(model.business[group], customers)

    draws = Draws(seed, "people", "consent")
    email = draws.chance(0.97, customers)
    mailable = email & draws.chance(0.68, customers)
    app = draws.chance(blended(_APP_CHANCES, lifestyle_shares(), model.separation)[lifestyle], customers)
    account, firms = accounts(seed, business)
    return People(
        start=start,
        end=end,
        group=group,
        lifestyle=lifestyle,
        signup=signup + seasons.day_number(start),
        rate=rate,
        lifetime=lifetime,
        sensitivity=sensitivity,
        mail_effect=model.mail_effect[group],
        account=account,
        accounts=firms,
        email=email,
        mailable=mailable,
        app=app,
    )


def _planted(draws: Draws, size: int, weights: Floats) -> Integers:
    """Labels in a random order whose counts are the weights' to within one, so that every size has every group."""
    bounds = np.floor(np.cumsum(weights) * size + 0.5).astype(np.int64)
    bounds[-1] = size
    labels = np.searchsorted(bounds, np.arange(size), side="right").astype(np.int64)
    return labels[np.argsort(draws.uniform(size), kind="stable")]


_ADJECTIVES = (
    "quiet",
    "amber",
    "brave",
    "clever",
    "dusty",
    "early",
    "fuzzy",
    "green",
    "happy",
    "indigo",
    "jolly",
    "kind",
)
_NOUNS = ("otter", "birch", "comet", "delta", "ember", "fern", "gull", "harbour", "iris", "juniper", "kestrel", "lynx")
_HOUSEHOLDS = ("single", "couple", "family", "shared")
_CHANNELS = ("search", "social", "referral", "email", "store", "marketplace")
_TIERS = ("none", "bronze", "silver", "gold")
_DEVICES = ("iphone", "android", "desktop", "tablet")
_IOS = ("iOS 17.7", "iOS 18.5", "iOS 19.2", "iOS 26.0")
_ANDROID = ("Android 12", "Android 13", "Android 14", "Android 15", "Android 16")
_DESKTOP = ("Windows 10", "Windows 11", "macOS 15.6", "Ubuntu 24.04")
# 3.10 is newer than 3.9: compared as text it would not be.
_VERSIONS = ("2.8.0", "3.8.4", "3.9.0", "3.9.12", "3.10.0", "3.10.3", "3.11.1")
# Likelihood of no tier, bronze, silver, gold for each value group.
_TIER_WEIGHTS = np.array(
    [(1, 2, 6, 11), (3, 7, 8, 2), (5, 9, 5, 1), (16, 3, 0.5, 0.5), (8, 8, 3, 1), (4, 4, 6, 6), (19, 1, 0.05, 0.05)]
)
_TAGS = ("newsletter", "vegan", "dog owner", "gift buyer", "early access")
# Chance of each tag for each lifestyle.
_TAG_CHANCES = np.array(
    [(0.3, 0.05, 0.4, 0.1, 0.1), (0.4, 0.05, 0.25, 0.3, 0.05), (0.3, 0.1, 0.1, 0.15, 0.45), (0.4, 0.5, 0.15, 0.2, 0.1)]
)


def customers_table(seed: int, crowd: People, model: Behaviour, unsubscribed: Booleans, first: int, stop: int) -> pa.Table:
    """customers.csv for the customers from position `first` to before `stop`, with the gaps real exports have.

    unsubscribed: of all customers, who took back their consent through an e-mail.
    """
    size = stop - first
    group, lifestyle = crowd.group[first:stop], crowd.lifestyle[first:stop]
    signup, account = crowd.signup[first:stop], crowd.account[first:stop]
    numbers = np.arange(first + 1, stop + 1, dtype=np.int64)

    draws = Draws(seed, "people", "demography", first)
    place = draws.choose(size, [place.weight for place in PLACES])
    ages = np.clip(model.ages[lifestyle] + 11 * draws.normal(size), 18, 88)
    born = seasons.day_number(crowd.end) - np.floor(ages * 365.25).astype(np.int64)
    richer = blended(np.array([14_000.0] + [0.0] * (len(VALUE_GROUPS) - 1)), shares(), model.separation)
    income = np.clip(31_000 + 12_000 * draws.normal(size) + richer[group] + 120 * (ages - 40), 9_000, 160_000)
    gender = words(["f", "m", "x"], draws.choose(size, [50, 47, 3]))
    household = words(_HOUSEHOLDS, draws.choose(size, [28, 30, 34, 8]))
    languages = [LANGUAGES[place.country] for place in PLACES]

    draws_ = Draws(seed, "people", "technology", first)
    device = draws_.choose(size, [34, 33, 25, 8])
    system = _systems(draws_, device)
    version = words(_VERSIONS, draws_.choose(size, [3, 7, 12, 20, 24, 22, 12]))
    app = crowd.app[first:stop]

    contact = Draws(seed, "people", "contact", first)
    address = pc.binary_join_element_wise(
        words(_ADJECTIVES, contact.integers(size, len(_ADJECTIVES))),
        words(_NOUNS, contact.integers(size, len(_NOUNS))),
        ".",
    )
    address = pc.binary_join_element_wise(address, pa.array(numbers).cast(pa.string()), "@example.com", "")
    # Some people type their address in capitals; `fold: [email]` in the project file undoes that.
    address = pc.if_else(pa.array(contact.chance(0.03, size)), pc.utf8_title(address), address)
    mailable = crowd.mailable[first:stop]
    sms = contact.chance(0.25, size)
    asked = signup + contact.geometric(np.full(size, 5.0))
    asked = np.minimum(asked, seasons.day_number(crowd.end))
    tier_weights = _TIER_WEIGHTS / _TIER_WEIGHTS.sum(axis=1, keepdims=True)
    tier_weights = blended(tier_weights, shares(), model.separation)
    extra = Draws(seed, "people", "extras", first)

    return pa.table(
        {
            "customer_id": ids("C", numbers),
            "email": hidden(address, ~crowd.email[first:stop]),
            "account_id": ids("A", np.where(account < 0, -1, account + 1), 6),
            "country": words([place.country for place in PLACES], place),
            "city": words([place.city for place in PLACES], place),
            "postcode": hidden(words([place.postcode for place in PLACES], place), extra.chance(0.03, size)),
            "birth_date": hidden(dates(born), extra.chance(0.12, size)),
            "gender": hidden(gender, extra.chance(0.08, size)),
            "income": hidden(pa.array(rounded(income, 500)), extra.chance(0.35, size)),
            "household": hidden(household, extra.chance(0.2, size)),
            "language": words(languages, place),
            "signup_date": dates(signup),
            "loyalty_tier": words(_TIERS, extra.choose_by_row(group, tier_weights)),
            "device": hidden(words(_DEVICES, device), extra.chance(0.15, size)),
            "os": hidden(system, extra.chance(0.2, size)),
            "app_version": hidden(version, ~app),
            "marketing_consent_email": flags(mailable & ~unsubscribed[first:stop]),
            "marketing_consent_sms": flags(sms),
            "consent_date": hidden(dates(asked), ~(mailable | sms)),
            "tags": _tags(extra, lifestyle, model.separation),
            "acquisition_channel": words(_CHANNELS, extra.choose(size, [34, 24, 14, 10, 10, 8])),
        }
    )


def _systems(draws: Draws, device: Integers) -> pa.Array:
    """The operating system that goes with each device."""
    families: Sequence[Sequence[str]] = (_IOS, _ANDROID, _DESKTOP, _IOS)
    draw = draws.uniform(len(device))
    widths = np.array([len(family) for family in families])
    starts = np.concatenate([[0], np.cumsum(widths)[:-1]])
    chosen = starts[device] + np.floor(draw * widths[device]).astype(np.int64)
    return words([name for family in families for name in family], chosen)


def _tags(draws: Draws, lifestyle: Integers, separation: float) -> pa.Array:
    """Lists of tags such as `newsletter|vegan`; no tag at all is an empty cell."""
    size = len(lifestyle)
    bits = np.zeros(size, dtype=np.int64)
    chances = np.minimum(blended(_TAG_CHANCES, lifestyle_shares(), separation), 1.0)
    for position in range(len(_TAGS)):
        bits |= draws.chance(chances[lifestyle, position], size).astype(np.int64) << position
    lists = ["|".join(tag for n, tag in enumerate(_TAGS) if bit >> n & 1) or None for bit in range(1 << len(_TAGS))]
    return words(lists, bits)


def group_names(positions: Integers) -> pa.Array:
    """The names of value groups by position."""
    return words([group.name for group in VALUE_GROUPS], positions)


def lifestyle_names(positions: Integers) -> pa.Array:
    """The names of lifestyles by position."""
    return words([lifestyle.name for lifestyle in LIFESTYLES], positions)
