"""Writing a whole demo shop: customers part by part, so that a million of them fit into memory."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from importlib.resources import files as package_files
from pathlib import Path

import numpy as np
import pyarrow as pa

from coterie.core.errors import CoterieError
from coterie.workspace.demo import seasons
from coterie.workspace.demo.accounts import accounts_table
from coterie.workspace.demo.emails import emails, write_workbook
from coterie.workspace.demo.files import LinesFile, TableFile
from coterie.workspace.demo.groups import behaviour
from coterie.workspace.demo.orders import (
    calendar,
    expected_order_value,
    lines,
    order_lines_table,
    orders,
    refunds_table,
)
from coterie.workspace.demo.people import customers_table, people
from coterie.workspace.demo.places import places_table
from coterie.workspace.demo.support import support_lines
from coterie.workspace.demo.survey import survey_table
from coterie.workspace.demo.truth import DemoTruth
from coterie.workspace.demo.visits import MONTHS_KEPT, visit_lines, visits

LAST_DAY = date(2026, 9, 30)
YEARS = 3
PART = 20_000  # customers at a time; part of the format, since the streams of draws are named by it

# done, of how many customers
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class DemoFile:
    """One file of the shop: where it is, how many rows it holds (0 for the project file), and what they are."""

    path: Path
    rows: int
    about: str


@dataclass(frozen=True, slots=True)
class DemoShop:
    """A shop as it was written: its files, its first and last day, and the truth that was planted."""

    folder: Path
    customers: int
    seed: int
    start: date
    end: date
    separation: float
    files: tuple[DemoFile, ...]
    truth: DemoTruth = field(repr=False)

    def write_truth(self, path: Path) -> None:
        """Write the planted truth to a .csv or .parquet file, one row per customer."""
        self.truth.write(path)

    def rows(self, name: str) -> int:
        """How many rows the file of that name (relative to the folder, with `/`) holds; KeyError if there is none."""
        return {file.path.relative_to(self.folder).as_posix(): file.rows for file in self.files}[name]


def write_demo(
    folder: Path,
    customers: int = 2000,
    seed: int = 7,
    today: date | None = None,
    planted: bool = True,
    separation: float = 1.0,
    progress: Progress | None = None,
) -> DemoShop:
    """Write a generated shop with its project file into a folder, and return what was written and planted.

    customers: how many, at least 1. seed: the same seed, size, day and separation give the same bytes, whatever the
    machine, its clock or its zone. today: the last day of the data (default 2026-09-30); they reach three years back.
    planted: False writes a shop without groups, as separation 0 does. separation: how far the groups are apart,
    0 (not at all) to 2; 1 is clear, 0.5 blurred. progress: told the customers done and their number.

    Raises CoterieError: E480 for a size, seed or separation out of range; E481 when the folder holds other files or a
    project file that somebody has changed. Nothing is written then.
    """
    if customers < 1 or seed < 0 or not 0 <= separation <= 2:
        raise CoterieError(
            f"a demo shop cannot have {customers} customers, seed {seed} and separation {separation}",
            code="E480",
            hint="give at least 1 customer, a seed of 0 or more, and a separation from 0 to 2",
        )
    end = today or LAST_DAY
    start = _years_before(end, YEARS) + timedelta(days=1)
    since = seasons.first_of_month(end, MONTHS_KEPT - 1)
    months = seasons.months_between(since, end)
    folder.mkdir(parents=True, exist_ok=True)
    _refuse_other_files(folder, {f"web/visits-{month}.jsonl" for month in months} | set(_FILES))
    _refuse_changed_project(folder / "coterie.yaml")
    (folder / "web").mkdir(exist_ok=True)

    model = behaviour(separation if planted else 0.0)
    days = calendar(start, end, model)
    crowd = people(seed, customers, start, end, model)
    mail = emails(seed, crowd, model)
    mailing = mail.mailing()
    left = np.full(customers, -1, dtype=np.int64)
    first_visit = seasons.day_number(since)

    with ExitStack() as open_files:
        tables = {name: open_files.enter_context(TableFile(folder / name)) for name in _FILES if _is_table(name)}
        web = [open_files.enter_context(LinesFile(folder / f"web/visits-{month}.jsonl")) for month in months]
        support = open_files.enter_context(LinesFile(folder / "support.jsonl"))
        tables["places.csv"].add(places_table())
        tables["accounts.csv"].add(accounts_table(seed, crowd.accounts))
        taken_orders = taken_visits = 0
        for first, stop in _parts(customers):
            tables["customers.csv"].add(customers_table(seed, crowd, model, mail.unsubscribed, first, stop))
            bought, left[first:stop] = orders(seed, crowd, model, days, mailing, first, stop, taken_orders)
            rows = lines(seed, bought, model, days, first)
            tables["order_lines.csv"].add(order_lines_table(seed, bought, rows, first))
            refunds = tables["refunds.parquet"]
            refunds.add(refunds_table(seed, bought, rows, days, first, refunds.rows))
            tables["survey.csv"].add(survey_table(seed, crowd, model, first, stop))
            support.add(support_lines(seed, bought, days, first, support.rows))
            seen = visits(seed, crowd, model, days, bought, rows, left[first:stop], first, stop, first_visit)
            text, month = visit_lines(seed, seen, first, taken_visits)
            for position, file in enumerate(web):
                wanted = np.flatnonzero(month == since.year * 12 + since.month - 1 + position)
                file.add(text.take(pa.array(wanted)))
            taken_orders += len(bought.time)
            taken_visits += len(seen.time)
            if progress:
                progress(stop, customers)
        counted = {name: table.rows for name, table in tables.items()}
        counted |= {f"web/visits-{month}.jsonl": file.rows for month, file in zip(months, web, strict=True)}
        counted["support.jsonl"] = support.rows
    counted["emails.xlsx"] = sum(write_workbook(folder / "emails.xlsx", mail, end))
    (folder / "coterie.yaml").write_bytes(_project(since).encode())
    counted["coterie.yaml"] = 0

    return DemoShop(
        folder=folder,
        customers=customers,
        seed=seed,
        start=start,
        end=end,
        separation=model.separation,
        files=tuple(
            DemoFile(folder / name, rows, _FILES.get(name, "visits to the web site and the app")) for name, rows in counted.items()
        ),
        truth=DemoTruth(
            value_group=crowd.group,
            lifestyle=crowd.lifestyle,
            left_at=left,
            buys=crowd.lifetime > 0,
            orders_per_year=np.where(crowd.lifetime > 0, crowd.rate, 0.0),
            spend_per_year=np.where(crowd.lifetime > 0, crowd.rate, 0.0) * expected_order_value(crowd, model),
            price_sensitivity=crowd.sensitivity,
            mail_effect=crowd.mail_effect,
        ),
    )


DEFAULT_FIRST_VISIT = "2026-07-01"  # as coterie.yaml says for the default last day

_FILES = {
    "customers.csv": "one row per customer",
    "places.csv": "region, setting and coordinates of each postcode",
    "accounts.csv": "the companies of business customers",
    "order_lines.csv": "what was bought, one row per line of an order",
    "refunds.parquet": "money given back",
    "survey.csv": "answers to fifteen statements about attitudes",
    "support.jsonl": "conversations with support",
    "emails.xlsx": "e-mails sent and held out, and the responses",
    "coterie.yaml": "the project: sources, traits, segments",
}


def _project(since: date) -> str:
    """The project file of a shop whose visits begin on a day."""
    text = package_files(__package__).joinpath("coterie.yaml").read_text(encoding="utf-8")
    return text.replace(DEFAULT_FIRST_VISIT, since.isoformat())


def _is_table(name: str) -> bool:
    return name.endswith((".csv", ".parquet"))


def _parts(customers: int) -> Iterator[tuple[int, int]]:
    for first in range(0, customers, PART):
        yield first, min(customers, first + PART)


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February
        return day.replace(year=day.year - years, day=28)


def _refuse_other_files(folder: Path, ours: set[str]) -> None:
    """A shop may be written again over itself, but never into a folder with anything else in it."""
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    others = [name for name in found if name not in ours and not name.startswith(".")]
    if others:
        raise CoterieError(
            f"{folder} holds files that are not this demo shop's: {', '.join(others[:3])}",
            code="E481",
            hint="name a folder that is new or empty",
        )


def _refuse_changed_project(path: Path) -> None:
    """Definitions that somebody wrote into the shop's project file are never overwritten."""
    if not path.exists():
        return
    text = path.read_bytes().decode(errors="replace")
    ours = re.sub(r"complete_from: \d{4}-\d\d-\d\d", f"complete_from: {DEFAULT_FIRST_VISIT}", text)
    if ours != _project(date.fromisoformat(DEFAULT_FIRST_VISIT)):
        raise CoterieError(
            f"{path} differs from the demo shop's own, and writing the shop again would lose that",
            code="E481",
            hint="name another folder, or delete the file first",
        )
