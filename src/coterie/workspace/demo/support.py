"""Conversations with the shop's support: what about, how long, and how satisfied people were."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from coterie.workspace.demo import seasons
from coterie.workspace.demo.draws import Draws
from coterie.workspace.demo.files import ids, iso, quoted, words
from coterie.workspace.demo.orders import Calendar, Orders
from coterie.workspace.demo.seasons import DAY

TOPICS = ("delivery", "return", "product question", "payment", "account")
CHANNELS = ("chat", "email", "phone")
OPENINGS = (
    "Where is my parcel?",
    "I would like to send something back.",
    "Does this fit the older model, too?",
    "My card was charged twice.",
    "I cannot log in any more.",
)
# A list, as JSON has them; an empty one is a value, too.
LABELS = (',"labels":[]', ',"labels":["urgent"]', ',"labels":["refund","urgent"]', ',"labels":["praise"]')


def support_lines(seed: int, bought: Orders, days: Calendar, first: int, numbered: int) -> pa.Array:
    """support.jsonl: one conversation a line, some days after an order; two in five with a refund, else one in 25.

    numbered: how many conversation numbers are taken already.
    """
    draws = Draws(seed, "support", first)
    size = len(bought.time)
    asks = draws.chance(np.where(bought.refunded, 0.4, 0.04), size) & (bought.customer >= 0)
    day = bought.time // DAY + 1 + draws.integers(size, 9)
    time = day * DAY + seasons.time_of_day(draws, size, office=True)
    who = np.flatnonzero(asks & (time < days.stop))
    who = who[np.lexsort((bought.number[who], time[who]))]
    size = len(who)
    topic = draws.choose_by_row(bought.refunded[who].astype(np.int64), np.array([(5.0, 1, 5, 2, 2), (1, 8, 0.5, 1, 0.5)]))
    happy = np.clip(np.floor(3.9 - 1.1 * bought.refunded[who] + 1.1 * draws.normal(size) + 0.5), 1, 5).astype(np.int64)
    rating = words(["1", "2", "3", "4", "5", "null"], np.where(draws.chance(0.45, size), 5, happy - 1))
    return pc.binary_join_element_wise(
        '{"conversation_id":"',
        ids("S", np.arange(numbered + 1, numbered + size + 1, dtype=np.int64)),
        '","customer_id":"',
        ids("C", bought.customer[who] + 1),
        '","opened_at":"',
        iso(time[who], seasons.london_offset(time[who])),
        words([f'","channel":"{channel}"' for channel in CHANNELS], draws.choose(size, [5, 4, 2])),
        words(
            [f',"topic":{name},"text":{text}' for name, text in zip(quoted(TOPICS), quoted(OPENINGS), strict=True)],
            topic,
        ),
        ',"messages":',
        pa.array(2 + draws.geometric(np.full(size, 3.0))).cast(pa.string()),
        ',"first_reply_minutes":',
        pa.array(1 + draws.geometric(np.full(size, 45.0))).cast(pa.string()),
        words([',"resolved":true', ',"resolved":false'], draws.choose(size, [9, 1])),
        words(LABELS, draws.choose(size, [6, 2, 1, 1])),
        ',"satisfaction":',
        rating,
        "}",
        "",
    )
