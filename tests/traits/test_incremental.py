"""What is kept of a customer answers as their whole history does, after any prefix of events in any order, at any moment."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

import pytest

from coterie.language.evaluate import Customer, Evaluation, Event, Result, World, in_order
from coterie.language.prepared import found_of
from coterie.testing.asking import Program
from coterie.testing.programs import program
from coterie.testing.reference import Reference
from coterie.traits.incremental import Incremental, State, empty, needs, preparation


def histories(seed: int) -> tuple[Program, Reference, list[datetime]]:
    """A program, what it is held against, and the moments at which it is asked, the last its own."""
    made = program(seed, size=12, definitions=30)
    rng = Random(seed)
    steps = [timedelta(0)]
    for _ in range(4):
        steps.append(
            steps[-1] + rng.choice((timedelta(microseconds=1), timedelta(minutes=20), timedelta(hours=7), timedelta(days=2)))
        )
    return made, Reference(made), [made.as_of - step for step in reversed(steps)]


def asked(evaluation: Evaluation, world: World) -> Mapping[str, Result]:
    return {name: evaluation.definition(name) for name in world.definitions}


def differ(seed: int) -> list[str]:
    """Where the two answers are not the same."""
    made, reference, moments = histories(seed)
    rng = Random(seed)
    of = needs(reference.world.definitions.values(), reference.world)
    states = {c.id: empty(of) for c in reference.customers}
    arrived: dict[str, list[Event]] = {c.id: [] for c in reference.customers}
    coming = [(c, e) for c in reference.customers for e in c.events]
    rng.shuffle(coming)  # in no order, late ones and those of the future among them
    ready = preparation(of, reference.world, made.schema.columns)
    found: list[str] = []
    for number, now in enumerate(moments):
        keeper = Incremental(of, replace(reference.world, as_of=now), ready)
        share = len(coming) if number == len(moments) - 1 else rng.randrange(len(coming) + 1)
        for customer, event in coming[:share]:
            keeper.add(states[customer.id], event)
            arrived[customer.id].append(event)
        del coming[:share]
        for state in states.values():
            keeper.settle(state)
        found += compared(keeper, states, arrived, reference, f"seed {seed}, {now}")
    return found


def compared(
    keeper: Incremental, states: Mapping[str, State], arrived: Mapping[str, list[Event]], reference: Reference, where: str
) -> list[str]:
    world, found = keeper.world, list[str]()
    whole = {c.id: Customer(c.id, c.columns, in_order(arrived[c.id], world), c.account) for c in reference.customers}
    accounts = {c.id: [m.id for m in c.members] for c in reference.customers}
    alone = {c.id: Customer(c.id, c.columns, keeper.events(states[c.id]), c.account) for c in reference.customers}
    slim = {c: replace(who, members=tuple(alone[m] for m in accounts[c])) for c, who in alone.items()}
    for c in reference.customers:
        members = tuple(whole[m] for m in accounts[c.id])
        truth = asked(Evaluation(Customer(c.id, c.columns, whole[c.id].events, c.account, members), world), world)
        mine = asked(keeper.asked(slim[c.id], states), world)
        quick = keeper.prepared(slim[c.id], states)
        answers = {n: keeper.preparation.answer(quick, n) for n in truth}
        found += [
            f"{where}, {c.id}: {n} is {answers[n]!r} when prepared, should be {truth[n]!r}"
            for n in truth
            if answers[n] != found_of(truth[n])
        ]
        found += [f"{where}, {c.id}: {n} is {mine[n]!r}, should be {truth[n]!r}" for n in truth if mine[n] != truth[n]]
    return found


@pytest.mark.parametrize("seed", range(40))
def test_a_state_answers_as_the_whole_history_does(seed: int) -> None:
    assert not (found := differ(seed)), found[0]


@pytest.mark.parametrize("seed", range(20))
def test_nothing_changes_before_the_moment_that_is_due(seed: int) -> None:
    _, reference, _ = histories(seed)
    world = reference.world
    # What a function reads from the clock itself may change at any moment; what an account has, with its other members.
    quiet = [n for n, d in world.definitions.items() if not needs([d], world).clock]
    of = needs([world.definitions[n] for n in quiet], world)
    now, asked_of = Incremental(of, world), 0
    for c in reference.customers:
        states = {c.id: empty(of)}
        for event in c.events:
            now.add(states[c.id], event)
        before = now.asked(Customer(c.id, c.columns, now.events(states[c.id]), c.account), states)
        due = before.due()
        if due is None:
            continue
        assert due > world.as_of
        later = Incremental(of, replace(world, as_of=due - timedelta(microseconds=1))).asked(before.customer, states)
        assert {n: later.definition(n) for n in quiet} == {n: before.definition(n) for n in quiet}
        asked_of += len(quiet)
    assert asked_of
