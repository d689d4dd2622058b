"""A survey of attitudes: fifteen statements, answered from 1 (not at all) to 5 (fully) by about four in ten."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from coterie.workspace.demo import seasons
from coterie.workspace.demo.draws import Draws
from coterie.workspace.demo.files import hidden, ids, times
from coterie.workspace.demo.groups import LIFESTYLES, Behaviour, lifestyle_shares
from coterie.workspace.demo.people import People
from coterie.workspace.demo.seasons import DAY


@dataclass(frozen=True, slots=True)
class Item:
    """One statement. scale: the attitude it asks for. reverse: agreeing means the opposite of the attitude."""

    text: str
    scale: str
    reverse: bool = False


ITEMS = (
    Item("At the weekend I want to be outside, whatever the weather.", "outdoors"),
    Item("I would rather camp than stay in a hotel.", "outdoors"),
    Item("Sport is part of my week.", "outdoors"),
    Item("After an hour in the woods I want to go home.", "outdoors", reverse=True),
    Item("I like to cook for other people.", "home"),
    Item("My home and my garden say who I am.", "home"),
    Item("I would rather make something than buy it.", "home"),
    Item("Household work is lost time.", "home", reverse=True),
    Item("I want to have new technology first.", "technology"),
    Item("Friends ask me which device to buy.", "technology"),
    Item("I play on a console or a computer most weeks.", "technology"),
    Item("New devices are more trouble than they are worth.", "technology", reverse=True),
    Item("I read what is in a product before I buy it.", "wellbeing"),
    Item("I take time for myself each day.", "wellbeing"),
    Item("What I eat is of no great importance to me.", "wellbeing", reverse=True),
)
ANSWERING = 0.42  # before those who registered too late are taken away


def survey_table(seed: int, crowd: People, model: Behaviour, first: int, stop: int) -> pa.Table:
    """survey.csv for the customers from position `first` to before `stop`: answers in columns q1 to q15."""
    size = stop - first
    draws = Draws(seed, "survey", first)
    end = seasons.day_number(crowd.end)
    day = end - 5 - draws.integers(size, 240)
    answers = draws.chance(ANSWERING, size) & (crowd.signup[first:stop] < day)
    who = np.flatnonzero(answers)
    when = day[who] * DAY + seasons.time_of_day(draws, len(who))
    who = who[np.lexsort((who, when))]
    when = np.sort(when, kind="stable")

    lifestyle = crowd.lifestyle[first:stop][who]
    scales = [group.scale for group in LIFESTYLES]
    # On the own scale well above the middle of 3, on the others a little below.
    mean = np.where(np.eye(len(scales), dtype=np.bool_), 4.3, 2.6)
    overall = lifestyle_shares() @ mean
    mean = overall + model.separation * (mean - overall)
    person = mean[lifestyle] + 0.35 * np.column_stack([draws.normal(len(who)) for _ in scales])
    # Some people agree with everything a little, whatever it says.
    agreeing = 0.25 * draws.normal(len(who))
    columns: dict[str, pa.Array] = {
        "customer_id": ids("C", who + first + 1),
        "answered_at": pc.strftime(times(when), format="%Y-%m-%d %H:%M:%S"),
    }
    for number, item in enumerate(ITEMS, start=1):
        attitude = person[:, scales.index(item.scale)]
        stated = (6 - attitude if item.reverse else attitude) + agreeing + 0.7 * draws.normal(len(who))
        answer = np.clip(np.floor(stated + 0.5), 1, 5).astype(np.int64)
        columns[f"q{number}"] = hidden(pa.array(answer), draws.chance(0.03, len(who)))
    return pa.table(columns)
