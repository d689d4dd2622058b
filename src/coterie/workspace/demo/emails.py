"""E-mail campaigns of the last year, as experiments: half of those reachable get each e-mail, half are held out.

So the effect that is planted can be measured: in the week after a campaign the mailed order more often.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import xlsxwriter

from coterie.workspace.demo import seasons
from coterie.workspace.demo.draws import Booleans, Draws, Integers
from coterie.workspace.demo.files import ids, moment, words
from coterie.workspace.demo.groups import Behaviour
from coterie.workspace.demo.orders import Mailing
from coterie.workspace.demo.people import People
from coterie.workspace.demo.seasons import DAY

CAMPAIGNS = (
    ("Black Friday", 11, 26),
    ("Christmas gifts", 12, 9),
    ("January sale", 1, 5),
    ("Spring garden", 3, 12),
    ("July sale", 7, 2),
    ("Back to routine", 9, 3),
)
VARIANTS = ("mailed", "held out")
EVENTS = ("opened", "clicked", "unsubscribed")
# A worksheet ends at 1,048,576 rows, and long before that nobody opens it any more. A large shop mails a random part
# of its customers, so that the workbook stays below about this number of rows.
MOST_ROWS = 120_000


@dataclass(frozen=True, slots=True)
class Emails:
    """All e-mails as columns, by time: who was chosen for which campaign, and the answers of those mailed.

    message: position of the e-mail that an answer belongs to. event: position in EVENTS.
    """

    campaign: Integers
    customer: Integers
    sent: Integers
    held_out: Booleans
    message: Integers
    event: Integers
    answered: Integers
    unsubscribed: Booleans

    def mailing(self) -> Mailing:
        """Those really sent, by customer."""
        mailed = np.flatnonzero(~self.held_out)
        order = mailed[np.lexsort((self.sent[mailed], self.customer[mailed]))]
        return Mailing(customer=self.customer[order], time=self.sent[order])


def sending_days(end: date) -> list[date]:
    """The day of each campaign: its last date that lies a week or more before the end of the data."""
    latest = end - timedelta(days=7)
    days = (date(latest.year, month, day) for _, month, day in CAMPAIGNS)
    return [day if day <= latest else day.replace(year=day.year - 1) for day in days]


def emails(seed: int, crowd: People, model: Behaviour) -> Emails:
    """Draw who is chosen, who is held out, and who opens, clicks and unsubscribes."""
    days = np.array([seasons.day_number(day) for day in sending_days(crowd.end)])
    reachable = np.flatnonzero(crowd.mailable)
    draws = Draws(seed, "emails")
    eligible = int((crowd.signup[reachable][:, None] < days[None, :]).sum())
    chosen = draws.chance(min(1.0, MOST_ROWS / max(1, eligible)), len(reachable))
    reachable = reachable[chosen]

    pairs = crowd.signup[reachable][:, None] < days[None, :]
    who, campaign = np.nonzero(pairs)
    customer = reachable[who]
    sent = days[campaign] * DAY + 10 * 3600 + draws.integers(len(customer), 1800)
    held_out = draws.chance(0.5, len(customer))
    group = crowd.group[customer]
    opened = draws.chance(model.opens[group], len(customer)) & ~held_out
    clicked = opened & draws.chance(0.28, len(customer))
    quits = opened & draws.chance(0.012, len(customer))

    # Who unsubscribes is not chosen again.
    never = np.iinfo(np.int64).max
    gone = np.full(len(crowd), never, dtype=np.int64)
    np.minimum.at(gone, customer[quits], sent[quits])
    kept = sent <= gone[customer]
    after_open = 60 + draws.geometric(np.full(len(customer), 20_000.0))
    to_click = 5 + draws.geometric(np.full(len(customer), 60.0))
    order = np.flatnonzero(kept)[np.lexsort((customer[kept], sent[kept]))]
    customer, campaign, sent, held_out = customer[order], campaign[order], sent[order], held_out[order]
    opened, clicked, quits = opened[order], clicked[order], quits[order]
    after_open, to_click = after_open[order], to_click[order]

    message = np.concatenate([np.flatnonzero(opened), np.flatnonzero(clicked), np.flatnonzero(quits)])
    event = np.repeat(np.arange(3), [opened.sum(), clicked.sum(), quits.sum()])
    answered = sent[message] + after_open[message] + event * to_click[message]
    stop = (seasons.day_number(crowd.end) + 1) * DAY
    order = np.flatnonzero(answered < stop)
    order = order[np.lexsort((event[order], message[order], answered[order]))]
    return Emails(
        campaign=campaign.astype(np.int64),
        customer=customer.astype(np.int64),
        sent=sent,
        held_out=held_out,
        message=message[order].astype(np.int64),
        event=event[order].astype(np.int64),
        answered=answered[order],
        unsubscribed=gone < never,
    )


def write_workbook(path: Path, mail: Emails, created: date) -> tuple[int, int]:
    """Write emails.xlsx with the sheets `sent` and `responses`; returns their numbers of rows.

    created: stands in the file as the day it was made, since the real one would change its bytes.
    """
    workbook = xlsxwriter.Workbook(str(path), {"constant_memory": True, "default_date_format": "yyyy-mm-dd hh:mm:ss"})
    workbook.set_properties({"created": moment(seasons.day_number(created) * DAY)})
    names = [name for name, _, _ in CAMPAIGNS]
    customers = ids("C", mail.customer + 1)
    campaigns = words(names, mail.campaign)
    messages = ids("M", np.arange(1, len(mail.customer) + 1, dtype=np.int64))
    _sheet(
        workbook,
        "sent",
        ("message_id", "campaign", "customer_id", "sent_at", "variant"),
        (
            messages.to_pylist(),
            campaigns.to_pylist(),
            customers.to_pylist(),
            [moment(second) for second in mail.sent.tolist()],
            words(VARIANTS, mail.held_out.astype(np.int64)).to_pylist(),
        ),
    )
    _sheet(
        workbook,
        "responses",
        ("response_id", "message_id", "campaign", "customer_id", "event", "at"),
        (
            ids("P", np.arange(1, len(mail.message) + 1, dtype=np.int64)).to_pylist(),
            messages.take(mail.message).to_pylist(),
            campaigns.take(mail.message).to_pylist(),
            customers.take(mail.message).to_pylist(),
            words(EVENTS, mail.event).to_pylist(),
            [moment(second) for second in mail.answered.tolist()],
        ),
    )
    workbook.close()
    return len(mail.customer), len(mail.message)


def _sheet(workbook: xlsxwriter.Workbook, name: str, header: Sequence[str], columns: Sequence[list[object]]) -> None:
    sheet = workbook.add_worksheet(name)
    sheet.write_row(0, 0, header)
    for number, row in enumerate(zip(*columns, strict=True), start=1):
        for column, value in enumerate(row):
            if isinstance(value, str):
                sheet.write_string(number, column, value)
            else:
                sheet.write_datetime(number, column, value)
