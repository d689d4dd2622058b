"""The business customers' companies: several contacts each, with firmographic columns."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from coterie.workspace.demo.draws import Booleans, Draws, Integers
from coterie.workspace.demo.files import hidden, ids, rounded, words

_FIRST = (
    "Northgate", "Blue Anchor", "Harbour", "Old Mill", "Castle", "Riverside", "Summit", "Bridge", "Oak & Iron",
    "Lighthouse", "Meadow", "Station", "Green Door", "Hill", "Market", "Union", "Copper", "Granite", "Willow", "Fjord",
)  # fmt: skip
_LAST = ("Hotels", "Catering", "Outfitters", "Schools", "Studios", "Clinics", "Traders", "Events", "Logistics", "Labs")
_FORM = ("Ltd", "GmbH", "SARL", "plc", "& Sons", "B.V.")
# Each company line of business with its sector.
INDUSTRIES = (
    ("hospitality", "services"),
    ("catering", "services"),
    ("retail", "trade"),
    ("education", "public"),
    ("media", "services"),
    ("health care", "public"),
    ("wholesale", "trade"),
    ("events", "services"),
    ("logistics", "industry"),
    ("software", "technology"),
)


@dataclass(frozen=True, slots=True)
class Accounts:
    """The companies as columns. industry: position in INDUSTRIES. contacts: how many customers it has here."""

    industry: Integers
    contacts: Integers

    def __len__(self) -> int:
        return len(self.industry)


def accounts(seed: int, business: Booleans) -> tuple[Integers, Accounts]:
    """Give each business contact a company of one to six contacts.

    business: who buys for a company. Returns the company's position per customer (-1: private)
    and the companies.
    """
    draws = Draws(seed, "accounts")
    contacts = np.flatnonzero(business)
    sizes = 1 + draws.integers(len(contacts), 6)
    # Colleagues register at different times, so the seats are dealt at random.
    seats = np.argsort(draws.uniform(len(contacts)), kind="stable")
    account = np.full(len(business), -1, dtype=np.int64)
    account[contacts[seats]] = np.searchsorted(np.cumsum(sizes), np.arange(len(contacts)), side="right")
    count = int(account.max(initial=-1)) + 1
    size = np.bincount(account[contacts], minlength=count).astype(np.int64)
    return account, Accounts(industry=draws.integers(count, len(INDUSTRIES)), contacts=size)


def accounts_table(seed: int, firms: Accounts) -> pa.Table:
    """accounts.csv: one row per company; one in five gives no revenue."""
    size = len(firms)
    draws = Draws(seed, "accounts", "table")
    employees = np.clip(np.floor(np.exp(2.2 + 1.1 * draws.normal(size)) * firms.contacts), 1, 20_000)
    revenue = employees * (60_000 + 25_000 * draws.gamma(size, 4))
    company = pc.binary_join_element_wise(
        words(_FIRST, draws.integers(size, len(_FIRST))),
        words(_LAST, firms.industry),
        words(_FORM, draws.choose(size, [6, 3, 2, 1, 2, 1])),
        " ",
    )
    return pa.table(
        {
            "account_id": ids("A", np.arange(1, size + 1, dtype=np.int64), 6),
            "company": company,
            "industry": words([name for name, _ in INDUSTRIES], firms.industry),
            "sector": words([sector for _, sector in INDUSTRIES], firms.industry),
            "employees": pa.array(employees.astype(np.int64)),
            "annual_revenue": hidden(pa.array(rounded(revenue, 10_000)), draws.chance(0.2, size)),
        }
    )
