"""What is asked of a service: one customer as they are now, their history, and the newest results.

A customer in memory is answered from what is kept of them, at once. Everybody else is brought in as the writer would bring them
in, from the results of the last run and the log since, for this one question: the same answers, a millisecond later. Nothing here
writes, and only a customer in memory whose state has just changed is waited for.
"""

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import local
from typing import Any

from sqlglot import exp

from coterie.core.errors import DefinitionError, StoreError, UnknownName
from coterie.core.windows import clamped_first_instant, local_day
from coterie.language import tree
from coterie.language.changes import changes
from coterie.language.check import Checked
from coterie.language.evaluate import Customer, Evaluation, World, in_order
from coterie.language.explain import explain
from coterie.language.prepared import NOTHING
from coterie.language.reach import reach
from coterie.language.tree import Fitted, Members
from coterie.language.types import BOOLEAN, TEXT
from coterie.live import identity
from coterie.live.log import Reader, of_micros
from coterie.live.people import MINUTE, Answers, Known, People, Person, message_at
from coterie.traits.batch import KEY, quoted, relation
from coterie.traits.incremental import Needs, needs
from coterie.workspace.hands import told
from coterie.workspace.living import Living
from coterie.workspace.overview import plain
from coterie.workspace.results import Results, Why
from coterie.workspace.run import TRAITS
from coterie.workspace.serving import Following
from coterie.workspace.workspace import Workspace

BIGGEST = 2**63 - 1
REMEMBERED = 20_000
"""How many answers about customers are kept as they were last given."""


Checks = Sequence[tuple[str, Checked | None]]
"""Conditions in their order: a segment by its name, or a rule."""
Decided = tuple[str, int | None, list[bool | None]]
"""A customer, the place of the first condition that holds (None for none), and the answers up to there."""


class NothingRun(StoreError):
    """There are no results yet, so that no question can be answered."""

    default_code = "E503"


class Nobody(UnknownName):
    """Nobody has heard of a customer."""

    default_code = "E108"


@dataclass(frozen=True, slots=True)
class Seen:
    """A customer as they are now, as plain values.

    Attributes:
        ids: all that are known of them, their own first.
        segments: true, false or None for what cannot be told; `labels`: by segmentation.
        as_of_run: names whose values are those of the last run.
        due: when time alone may change something.
    """

    customer: str
    ids: tuple[str, ...]
    attributes: Mapping[str, Any]
    traits: Mapping[str, Any]
    segments: Mapping[str, bool | None]
    labels: Mapping[str, str | None]
    as_of_run: tuple[str, ...]
    as_of: datetime
    run: int
    due: datetime | None


@dataclass(frozen=True, slots=True)
class Happened:
    """Something in a customer's history: an event, a message that is none, a change of membership."""

    at: datetime
    what: str
    name: str
    id: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Standing:
    """The newest results, open for one thread, with everything that is asked of them.

    Attributes:
        results: a connection of its own.
        living: the results as customers in memory stand on them; `people`: customers on these, none of them in memory.
    """

    results: Results
    living: Living
    people: People
    whole: "Whole"
    words: dict[str, str] = field(default_factory=dict)
    rules: dict[str, Checked] = field(default_factory=dict)

    def english(self, name: str) -> str:
        if name not in self.words:
            self.words[name] = self.results.english(name)
        return self.words[name]

    def rule(self, text: str) -> Checked:
        """An expression, checked, that can be answered of a single customer.

        Raises:
            DefinitionError: it cannot.
        """
        found = self.rules.get(text)
        if found is None:
            found = self.results.catalog.expression(text, expected=BOOLEAN)
            inner = list(reach(found.tree, self.results.world).values)
            if any(isinstance(node, Members) for node in inner):
                raise DefinitionError("the other members of an account are not at hand here", hint="ask with a segment's name")
            if any(isinstance(node, Fitted) for node in tree.walk(found.tree)):
                raise DefinitionError(
                    "a model is not fitted for a single question", hint="give the model a name, run, and ask by it"
                )
            if len(self.rules) >= 1000:
                self.rules.clear()
            self.rules[text] = found
        return found

    def close(self) -> None:
        self.results.close()


class Reading:
    """The log as somebody reads it who changes nothing: what an apply would note on the way is left out."""

    def __init__(self, reader: Reader):
        self.reader = reader

    def execute(self, sql: str, bindings: Any = ()) -> Iterable[tuple[Any, ...]]:
        if sql.startswith("INSERT"):
            return ()
        return self.reader.connection.execute(sql, bindings)

    def executemany(self, sql: str, rows: Iterable[Any]) -> None:
        for bindings in rows:
            self.execute(sql, bindings)


class Asking:
    """Answers questions about the customers of a service, from any thread; each thread reads for itself.

    Args:
        following: the customers that the writer keeps; its `log` is read.
        clock: the time now, naive UTC.
    """

    def __init__(self, space: Workspace, following: Following, clock: Callable[[], datetime]):
        self.space, self.following, self.clock = space, following, clock
        self.log = following.log
        self._own = local()
        self._within: dict[tuple[int, int], tuple[bool, People, Checked]] = {}
        self._seen: OrderedDict[str, tuple[Person, object, Seen]] = OrderedDict()

    # --- what it stands on

    @property
    def reading(self) -> Reading:
        found: Reading | None = getattr(self._own, "reading", None)
        if found is None:
            found = self._own.reading = Reading(Reader(self.log.folder))
        return found

    @property
    def standing(self) -> Standing:
        """The newest results, for this thread.

        Raises:
            NothingRun: there are none yet.
        """
        found: Standing | None = getattr(self._own, "standing", None)
        living = self.following.living or self.following.coming
        if living is None:
            raise NothingRun("nothing has been run yet: segments follow events from the first `coterie run` on")
        if found is None or found.living is not living:
            if found is not None:
                found.close()
            results = Results(living.results.generation, self.space.store.cache, settings=self.space.settings)
            people = People(living.project, living, self.reading.reader)
            found = self._own.standing = Standing(results, living, people, Whole(results))
        return found

    @property
    def generation(self) -> int:
        """The number of the results that customers in memory stand on; 0 where there are none."""
        living = self.following.living
        return 0 if living is None else living.results.generation.number

    # --- a customer

    def seen(self, id_: str, *, patient: bool = False) -> Seen | None:
        """A customer in memory, as they are now; None for others, who take `looked_up`. Never waits for a file or an engine.

        Args:
            patient: wait for the writer where it is at work on customers; otherwise the answer is None then, too.
        """
        people = self.following.people
        if people is None:
            return None
        customer = identity.customer_of(self.reading, id_)
        person = people.memory.get(customer)
        now = self.clock()
        if person is None or not person.answers:
            return self._as_run(people, customer, now)
        had = self._seen.get(customer)
        if had is not None and had[0] is person and had[1] is person.answers and (had[2].due is None or now < had[2].due):
            return had[2]
        if not self.following.held.acquire(blocking=patient):
            return None
        try:
            if people.memory.get(customer) is not person:
                return None
            found = self._of_memory(people, customer, person, now)
            self._seen[customer] = (person, person.answers, found)
            self._seen.move_to_end(customer)
            while len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
        finally:
            self.following.held.release()
        return found

    def _untouched(self, people: People, customer: str, now: datetime) -> tuple[dict[str, Any], dict[str, Any], Answers] | None:
        """A customer of whom nothing was heard since the last run, where what it has told still holds."""
        living = people.results
        assert isinstance(living, Living)
        found = living.lately(customer, now)
        if found is None:
            return None
        sql = (
            "SELECT EXISTS (SELECT 1 FROM live_did WHERE customer = ? AND position > ?) OR EXISTS (SELECT 1 FROM live_id WHERE "
            "customer = ?) OR EXISTS (SELECT 1 FROM live_gone WHERE customer = ?)"
        )
        ((heard,),) = self.reading.execute(sql, (customer, living.position, customer, customer))
        return None if heard else found

    def _as_run(self, people: People, customer: str, now: datetime) -> Seen | None:
        """A customer of whom nothing was heard since the last run, as it has told them."""
        found = self._untouched(people, customer, now)
        if found is None:
            return None
        attributes, traits, answers = found
        project = people.project
        midnight = clamped_first_instant(local_day(now, project.world.zone) + timedelta(days=1), project.world.zone)
        return Seen(
            customer,
            (customer,),
            {n: plain(v) for n, v in attributes.items()},
            {n: plain(v) for n, v in traits.items()},
            {n: truth(answers.get(n)) for n in project.segments},
            {n: label(answers.get(n)) for n in project.segmentations},
            (),
            now,
            self.generation,
            midnight,
        )

    def looked_up(self, id_: str) -> Seen:
        """Any customer, brought in for this question.

        Raises:
            Nobody: nobody has heard of them.
            NothingRun: there are no results yet.
        """
        people = self.standing.people
        people.memory.clear()
        customer = identity.customer_of(self.reading, id_)
        return self._of_memory(people, customer, None, self.clock())

    def _of_memory(self, people: People, customer: str, person: Person | None, now: datetime) -> Seen:
        living, project = people.results, people.project
        assert isinstance(living, Living)
        asked = people.asked(self.reading, customer, now)
        if asked is None:
            raise Nobody("nobody has heard of this customer")
        evaluation = asked[2]
        prepared, answer = people.prepared(customer, asked[1]), project.preparation.answer
        if person is None:
            person = asked[1]
            answers: dict[str, Any] = {n: answer(prepared, n) for n in (*project.segments, *project.segmentations)}
        else:
            answers = dict(person.answers)
        traits: dict[str, Any] = {}
        left = []
        for name in living.traits:
            found = answer(prepared, name)
            traits[name] = None if found is NOTHING else plain(found)
            if name in living.fitted and name not in living.fits:
                left.append(name)
        due = evaluation.due()
        return Seen(
            customer,
            identity.ids_of(self.reading, customer),
            {n: plain(v) for n, v in person.columns.items()},
            traits,
            {n: truth(answers.get(n)) for n in project.segments},
            {n: label(answers.get(n)) for n in project.segmentations},
            tuple(left),
            now,
            living.results.generation.number,
            min(due, now + MINUTE) if people.project.needs.clock and due is not None else due,
        )

    def _whole(self, id_: str, *, everything: bool = False) -> tuple[Customer, World]:
        """A customer with what they did, and the world now, as the reference interpreter takes them.

        Args:
            everything: also what no definition asks for; takes a query.

        Raises:
            Nobody: nobody has heard of them.
        """
        standing = self.standing
        standing.people.memory.clear()
        asked = standing.people.asked(self.reading, id_, self.clock())
        if asked is None:
            raise Nobody("nobody has heard of this customer")
        customer, person, evaluation = asked
        people = standing.whole.people(standing.people, self.reading) if everything else standing.people
        found = people.whole(self.reading, customer)
        world = evaluation.world
        events = () if found is None else found[2]
        return Customer(customer, person.columns, in_order(events, world)), world

    def why(self, id_: str, name: str) -> Why:
        """Why a customer is in a segment now, or has a label, or not, and what would change it.

        Raises:
            Nobody: nobody has heard of them. UnknownName: nothing is called so.
        """
        standing = self.standing
        checked = standing.results.definition(name)
        who, world = self._whole(id_)
        if name not in (*standing.living.segments, *standing.living.segmentations):
            return standing.results.why(who.id, name)
        found = changes(checked.tree, who, world) if checked.type in (BOOLEAN, TEXT) else ()
        reason = told(explain(checked.tree, who, world), standing.results.project, who.id)
        return Why(who.id, name, reason, found, world.as_of)

    def timeline(self, id_: str) -> tuple[str, list[Happened]]:
        """Everything that happened to a customer, the newest first: events, other messages, changes of membership.

        Raises:
            Nobody: nobody has heard of them.
        """
        who, _ = self._whole(id_, everything=True)
        customer, people, out = who.id, self.standing.people, list[Happened]()
        for event in who.events:
            out.append(Happened(event.time, "event", event.kind, event.id, {n: plain(v) for n, v in event.values.items()}))
        sql = "SELECT position FROM live_did WHERE customer = ? ORDER BY position DESC LIMIT 10000"
        positions = [int(p) for (p,) in self.reading.execute(sql, (customer,))]
        for position in sorted(positions):
            message = message_at(self.reading.reader, position)
            if message is None:
                continue
            if position > people.results.position and any(s.role == "events" for s in people.project.rows.of(message)):
                continue  # it is there as an event
            values = {"position": position, **message.properties}
            out.append(Happened(message.time, "message", message.name or message.type, message.id, values))
        sql = "SELECT number, name, label, entered, at, position FROM live_change WHERE customer = ? ORDER BY number"
        for number, name, its, entered, at, position in self.reading.execute(sql, (customer,)):
            values = {"label": its, "number": number, "position": position}
            out.append(Happened(of_micros(at), "entered" if entered else "left", name, str(number), values))
        return customer, sorted(out, key=lambda h: (h.at, h.what, h.id), reverse=True)

    # --- segments

    def moved(self, name: str) -> tuple[int, int]:
        """How many entered and how many left a segment since the results of the last run were there."""
        of = self.standing.living.name
        had: tuple[str, int, dict[str, list[int]]] | None = getattr(self._own, "moved", None)
        if had is None or had[0] != of:
            since = [n for (n,) in self.reading.execute("SELECT number FROM live_since WHERE results = ?", (of,))]
            had = (of, since[0] if since else BIGGEST, {})
        number, counts = had[1:]
        sql = (
            "SELECT name, entered, count(*), max(number) FROM live_change WHERE number > ? AND label IS NULL GROUP BY name, entered"
        )
        for its, entered, count, greatest in self.reading.execute(sql, (had[1],)):
            counts.setdefault(its, [0, 0])[0 if entered else 1] += count
            number = max(number, greatest)
        if number < BIGGEST:
            self._own.moved = (of, number, counts)
        entered, left = counts.get(name, (0, 0))
        return entered, left

    def members(self, name: str, after: str, limit: int) -> tuple[list[str], bool]:
        """The ids of customers in a segment behind an id, in order; and whether there are more.

        As of the last run, with everybody of whom was heard since as they are now.
        """
        results = self.standing.results
        query = results.members(name)
        behind = exp.GT(this=quoted("customer", "t"), expression=results.words().literal(after))
        rows = results.engine.rows(query.where(behind).limit(limit + 1))
        found = [str(row[0]) for row in rows]
        end = found[-1] if len(found) > limit else None
        there = set(found)
        rest = "" if end is None else " AND customer <= ?"
        bindings = (after,) if end is None else (after, end)
        sql = f"SELECT customer, answers FROM live_told WHERE customer > ?{rest} AND answers IS NOT NULL"  # noqa: S608
        for customer, answers in self.reading.execute(sql, bindings):
            (there.add if json.loads(answers).get(name) is True else there.discard)(customer)
        rest = "" if end is None else " AND id <= ?"
        for (gone,) in self.reading.execute(f"SELECT id FROM live_id WHERE customer <> id AND id > ?{rest}", bindings):  # noqa: S608
            there.discard(gone)
        page = sorted(there, key=str.encode)
        return page[:limit], end is not None or len(page) > limit

    # --- a decision

    def holds(self, id_: str, checks: Checks, *, patient: bool = False) -> Decided | None:
        """Which of several conditions holds first for a customer in memory.

        Args:
            checks: name of a segment and None, or anything and a rule of `Standing.rule`.
            patient: as of `seen`.

        Returns:
            None where the customer is not in memory or a rule asks for more than is kept of them: `holds_of_all` answers then.
        """
        people = self.following.people
        if people is None:
            return None
        customer = identity.customer_of(self.reading, id_)
        person = people.memory.get(customer)
        segments = all(rule is None for _, rule in checks)
        if person is None or not person.answers:
            known = self._untouched(people, customer, self.clock()) if segments else None
            return None if known is None else decided(customer, (truth(known[2].get(name)) for name, _ in checks))
        if segments:
            return decided(customer, (truth(person.answers.get(name)) for name, _ in checks))
        if not all(rule is None or self._covered(people, rule) for _, rule in checks):
            return None
        if not self.following.held.acquire(blocking=patient):
            return None
        try:
            if people.memory.get(customer) is not person:
                return None
            asked = people.asked(self.reading, customer, self.clock())
            assert asked is not None
            ask = asked[2]
            found = (truth(person.answers.get(name) if rule is None else ask.value(rule.tree)) for name, rule in checks)
            return decided(customer, found)
        finally:
            self.following.held.release()

    def _covered(self, people: People, rule: Checked) -> bool:
        """Whether what is kept of every customer answers a rule, too."""
        key = (id(people), id(rule))
        found = self._within.get(key)
        if found is None:
            living = people.results
            assert isinstance(living, Living)
            wanted = needs([rule.tree], people.project.world)
            if len(self._within) > 10_000:
                self._within.clear()
            found = (within(wanted, people.project.needs), people, rule)
            self._within[key] = found
        return found[0]

    def holds_of_one(self, id_: str, checks: Checks) -> Decided | None:
        """The same of any customer, brought in for this question; None where a rule asks for more than is kept of them, or nobody
        knows them."""
        people = self.standing.people
        if not all(rule is None or self._covered(people, rule) for _, rule in checks):
            return None
        people.memory.clear()
        asked = people.asked(self.reading, id_, self.clock())
        if asked is None:
            return None
        customer, person, ask = asked
        prepared, answer = people.prepared(customer, person), people.project.preparation.answer
        found = (truth(answer(prepared, name) if rule is None else ask.value(rule.tree)) for name, rule in checks)
        return decided(customer, found)

    def holds_of_all(self, id_: str, checks: Checks) -> Decided:
        """The same of any customer, read whole; somebody whom nobody knows has done nothing."""
        try:
            who, world = self._whole(id_, everything=True)
        except Nobody:
            people = self.standing.people
            world = replace(self.standing.results.world, as_of=self.clock())
            who = Customer(id_, dict.fromkeys(people.project.attributes))
        evaluation = Evaluation(who, world)
        found = (truth(evaluation.definition(n) if rule is None else evaluation.value(rule.tree)) for n, rule in checks)
        return decided(who.id, found)


class Whole(Living):
    """Results with everything that customers did, whether a definition asks for it or not: by a query."""

    def known(self, customers: Sequence[str]) -> Mapping[str, Known]:
        results, out = self.results, dict[str, Known]()
        if not customers:
            return out
        literals = [results.words().literal(c) for c in customers]
        query = exp.select("*").from_(relation(TRAITS)).where(exp.In(this=quoted("customer"), expressions=literals))
        rows = results.engine.fetch(query).to_pylist()
        events = results.events_of([r[KEY] for r in rows]) if rows else {}
        for row in rows:
            who = results.customer(row, events.get(row[KEY], []), results.world)
            out[who.id] = Known(who, {}, {})
        return out

    def people(self, like: People, reading: Reading) -> People:
        """Customers on these."""
        return People(like.project, self, reading.reader)


def decided(customer: str, answers: Iterable[bool | None]) -> Decided:
    """The first of some answers that is true, and those before it."""
    found: list[bool | None] = []
    for place, answer in enumerate(answers):
        found.append(answer)
        if answer is True:
            return customer, place, found
    return customer, None, found


def within(wanted: Needs, kept: Needs) -> bool:
    """Whether whatever is wanted is kept."""
    for cell in wanted.cells:
        place = kept.places.get((cell.measure, cell.daily))
        if place is None:
            return False
        back = kept.cells[place].back
        if back is not None and (cell.back is None or cell.back > back):
            return False
    for kind, keeping in wanted.keeping.items():
        have = kept.keeping.get(kind)
        if have is None or not set(keeping.columns) <= set(have.columns):
            return False
        if have.back is not None and (keeping.back is None or keeping.back > have.back):
            return False
    return True


def truth(found: object) -> bool | None:
    return found if isinstance(found, bool) else None


def label(found: object) -> str | None:
    return found if isinstance(found, str) else None
