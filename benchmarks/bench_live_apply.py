"""What follows from events, in a service over the benchmarks' business: how many it sustains, how soon they are seen, and more.

Sizes: `--size` events of history (a tenth as many customers), COTERIE_SECONDS and COTERIE_RATE for the loads.
"""

import os
import random
import shutil
import statistics
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

from benchmarks.bench_batch import by_hand
from benchmarks.business import CUSTOMERS, NOW, TRAITS, business
from benchmarks.figures import Goal, at_least, at_most, figure, keep
from benchmarks.live_ask import Asked, asked
from benchmarks.live_business import served
from benchmarks.live_service import rate, serving
from benchmarks.measure import Case, Round, Sample, benchmark, seconds
from coterie.live.log import Log, Logged, Offer
from coterie.live.message import Message
from coterie.live.people import People
from coterie.workspace.living import Living, people
from coterie.workspace.workspace import Workspace

EVENTS = 10_000_000
CHANGED = 500


def events(case: Case) -> int:
    return case.size or EVENTS


def lasting(usual: float) -> float:
    """How long a load lasts, in seconds."""
    return float(os.environ.get("COTERIE_SECONDS", usual))


def offered() -> float:
    """Events a second that are sent: a little more than what is to be sustained."""
    return float(os.environ.get("COTERIE_RATE", "5250"))


def beside(name: str, value: float, unit: str, goal: Goal | None, n: int, took: float) -> None:
    """A figure that another measurement brings along."""
    made = figure(name, value, unit, goal=goal, n=n, seconds=took)
    print(f"  {name}: {value:.4g} {unit} {'' if goal is None else ('kept' if made.met else 'MISSED')}")
    keep(made)


def once(take: Round) -> Round:
    """A long load is its own warming: it is measured once."""
    had: list[Sample] = []

    def round_() -> Sample:
        if not had:
            had.append(take())
        return had[0]

    return round_


@benchmark("live.sustained", unit="events/s", goal=at_least(5000), rounds=1)
def sustained(case: Case) -> Round:
    """Ten minutes of orders in batches of a hundred from everybody; brings along the times to the acknowledgement and to an answer
    that knows it, and the memory."""
    size = events(case)
    space = served(case.folder, size, size // 10)

    def take() -> Sample:
        with serving(space) as service:
            began, cpu = perf_counter(), service.cpu
            said = rate(service, offered(), lasting(600), size // 10)
            service.caught_up()
            took, cpu = perf_counter() - began, service.cpu - cpu
            standing = service.ready()
            memory = list(service.memory)
        print(f"  {said}, {standing}")
        assert said["other"] == 0, said
        assert standing["applied"] == said["stored"], standing
        n = int(said["stored"])
        beside("live.ack_p99", said["ack_p99"], "ms", at_most(100), n, took)
        beside("live.visible_p99", said["visible_p99"], "ms", at_most(1000), n, took)
        beside("live.memory", max(memory), "MiB", at_most(1536), n, took)
        half = len(memory) // 2
        beside("live.memory_grows", memory[-1] / max(memory[: half + 1]), "of half-way", at_most(1.1), n, took)
        beside("live.cpu_per_event", 1e6 * cpu / n, "µs", None, n, took)
        beside("live.says_it_sustains", standing["sustains"], "events/s", None, n, took)
        return Sample(n / took, None, n)

    return once(take)


@benchmark("live.overload_recovery", unit="s", goal=at_most(10), rounds=1)
def overload(case: Case) -> Round:
    """Five minutes of three times what it says it sustains; then until everything that was acknowledged is applied."""
    size = events(case)
    space = served(case.folder, size, size // 10)

    def take() -> Sample:
        with serving(space) as service:
            rate(service, 4000, min(20.0, lasting(300)), size // 10)
            before = service.ready()
            said = rate(service, 3 * before["sustains"], lasting(300), size // 10, first=2 * 10**9)
            value = service.caught_up()
            after = service.ready()
            memory = max(service.memory)
        print(f"  {said}, {after}")
        assert after["position"] - before["position"] == said["stored"], "what was acknowledged is in the log, and nothing else"
        beside("live.overload_memory", memory, "MiB", at_most(1536), int(said["stored"]), said["seconds"])
        return Sample(value, None, int(said["stored"]))

    return once(take)


def answers(case: Case, what: str) -> Asked:
    size = events(case)
    with serving(served(case.folder, size, size // 10)) as service:
        rate(service, 2000, 5, size // 10)
        service.caught_up()
        found = asked(service.port, service.read, what, 8, lasting(10), size // 10)
    print(f"  {what}: {found}")
    return found


@benchmark("live.get_customer", unit="answers/s", goal=at_least(2000), rounds=1)
def get(case: Case) -> Round:
    """Random customers of everybody, over eight connections."""

    def take() -> Sample:
        found = answers(case, "get")
        beside("live.get_customer_p99", found.p99, "ms", at_most(10), events(case) // 10, lasting(10))
        return Sample(found.rate, None, events(case) // 10)

    return once(take)


@benchmark("live.decide_p99", unit="ms", goal=at_most(5), rounds=1)
def decide(case: Case) -> Round:
    """Two segments, a rule and everybody else, for random customers: one question at a time."""

    def take() -> Sample:
        size = events(case)
        with serving(served(case.folder, size, size // 10)) as service:
            rate(service, 2000, 5, size // 10)
            service.caught_up()
            found = asked(service.port, service.read, "decide", 1, lasting(10), size // 10)
        print(f"  {found}")
        return Sample(found.p99, None, size // 10)

    return once(take)


class Live:
    """The customers of a project in this process, on an empty log."""

    def __init__(self, space: Workspace, folder: Path):
        shutil.rmtree(folder, ignore_errors=True)
        living = Living(space.results)
        self.log = Log.open(folder, clock, tables=People.tables)
        self.people = people(living, self.log)
        self.draw, self.number = random.Random(9), 10**9
        with self.log.applying(0) as tx:
            self.people.open(tx, clock())
        while (due := self.people.due()) is not None and due <= clock():
            with self.log.applying(self.log.applied) as tx:
                self.people.tick(tx, clock())

    def accepted(self, customers: list[int]) -> list[Logged]:
        """An order of each, in the log."""
        now, made = clock(), list[Message]()
        for customer in customers:
            self.number += 1
            said = {"id": self.number, "amount": 12.5, "quantity": 2, "category": "Garden", "channel": "web"}
            key, at = f"m{self.number}", now - timedelta(seconds=1)
            made.append(Message(key, "track", "Order Completed", str(customer), None, None, None, at, now, said, {}))
        self.log.accept_all([Offer.of("bench", made)])
        return list(self.log.read(self.log.applied, len(made)))

    def apply(self, some: list[Logged]) -> float:
        """Seconds from events to memberships that are written down."""
        began = perf_counter()
        with self.log.applying(some[-1].position) as tx:
            self.people.apply(tx, some, clock())
        return perf_counter() - began

    def changed(self, customers: int) -> float:
        return self.apply(self.accepted(self.draw.sample(range(1, customers + 1), CHANGED)))


def clock() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


@benchmark("live.changed_customers_vs_run", goal=at_most(0.01), rounds=5)
def changed(case: Case) -> Round:
    """Five hundred changed customers of everybody, none of them in memory, against a run."""
    size = events(case)
    space = served(case.folder, size, size // 10)
    against = seconds(space.run)
    live = Live(space, case.folder / "live-changed")
    return lambda: Sample(live.changed(size // 10), against, size)


@benchmark("live.changed_customers_100m_vs_10m", goal=at_most(1.5), rounds=15)
def grown(case: Case) -> Round:
    """The same customers with ten times the history, against those with the usual one."""
    size = events(case)
    many = Live(served(case.folder, 10 * size, size // 10), case.folder / "live-many")
    few = Live(served(case.folder, size, size // 10), case.folder / "live-few")
    return lambda: Sample(many.changed(size // 10), few.changed(size // 10), 10 * size)


@benchmark("live.one_event_vs_duckdb", goal=at_most(0.05), rounds=5)
def one_event(case: Case) -> Round:
    """One event of one customer who is not in memory, until the memberships are written down, against DuckDB asked for the same
    memberships of that customer, events in Parquet by customer."""
    size = events(case)
    made = business(case.folder, size, size // 10)
    live = Live(served(case.folder, size, size // 10), case.folder / "live-one")
    asked_ = by_hand(50, TRAITS).replace("2026-09-30 23:59:59.999999", f"{NOW:%Y-%m-%d} 00:00:00")

    def round_() -> Sample:
        some = live.draw.sample(range(1, size // 10 + 1), 20)
        ours = statistics.median(live.apply(live.accepted([customer])) for customer in some)
        with made.engine(kept=False) as engine:
            those = ", ".join(f"'{customer}'" for customer in some)
            rows = engine.rows(f'SELECT _customer FROM "{CUSTOMERS}" WHERE customer IN ({those})')

            def theirs(key: object) -> None:
                one = asked_.replace("GROUP BY _customer", f"AND _customer = {key} GROUP BY _customer")
                one = one.replace(f'FROM "{CUSTOMERS}" c', f'FROM (SELECT * FROM "{CUSTOMERS}" WHERE _customer = {key}) c')
                engine.execute(one.replace("CREATE OR REPLACE TABLE by_hand AS", "")).fetchall()

            against = statistics.median(seconds(theirs, row[0]) for row in rows)
        return Sample(ours, against, size)

    return round_
