"""Personas gathered from the published results: groups, their customers as arrays, what they buy, how they came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from coterie.core.errors import TypeMismatch, UnknownName, did_you_mean
from coterie.core.place import Origin
from coterie.language.check import Checked
from coterie.language.format import literal
from coterie.language.names import written
from coterie.language.tree import Expr
from coterie.language.types import BOOLEAN, FLOAT, INTEGER, MONEY, Kind, Type
from coterie.profiles.apart import Comparison, Difference, apart
from coterie.profiles.intervals import Floats
from coterie.profiles.movement import Movement
from coterie.profiles.personas import told
from coterie.profiles.personas.figures import LITTLE, OTHERS, Bools, People, figures
from coterie.profiles.personas.members import kinds, medians, ranks, telling
from coterie.profiles.personas.persona import Group, Journey, Persona, Step
from coterie.profiles.personas.persona import Kind as Stands
from coterie.profiles.personas.playbook import fitting
from coterie.profiles.reads import tree_reads
from coterie.segments import membership
from coterie.segments.bitmaps import CANNOT_TELL, IN, PER_WORD, unpacked, word_count
from coterie.traits.batch import KEY, TIME, quoted, relation
from coterie.workspace.labels import label_order
from coterie.workspace.playbook import read_playbook, text_of
from coterie.workspace.results import event_view
from coterie.workspace.run import TRAITS, builder

if TYPE_CHECKING:
    from coterie.workspace.report import Gathering

BITS = "persona_bits"
ROWS = "persona_rows"
THINGS, VALUES = 3, 12
"""So many columns of what is bought are looked at, and so many values of each, the most frequent."""
FEW = 50
"""A text with at most so many values is a kind of thing, however few rows there are."""
SOME = 20_000
"""Whether two columns say the same is seen among about so many customers."""
LEAST = 10
"""No comparison where fewer are on a side."""
COORDINATES = frozenset(("latitude", "longitude", "lat", "lon", "lng"))
"""Numbers of which more is not more of anything."""
ALWAYS = {"orders": "orders", "quiet": "days since the last order"}
"""What is told of typical and extreme customers beside their money and what sets them apart."""
STEPS = 4
TOP = 6
"""So many telling differences and likings of a group are kept for its sentences and its typical members."""


def groups_of(gathering: "Gathering", name: str) -> list[Group]:
    """The groups that a name means: a segment, the labels of a segmentation, one label (`lifestyle.mindful`, or by its key,
    or by its place: `lifestyle.2`), or whoever meets a condition.

    Raises:
        UnknownName: nothing is called so. TypeMismatch: it is no condition.
    """
    results = gathering.results
    if name in results.sizes:
        return [_segment(gathering, name)]
    if name in results.made.labels:
        return labels_of(gathering, name)
    head, _, label = name.partition(".")
    if head in results.made.labels and label:
        every = labels_of(gathering, head)
        named = [g for g in every if g.label.casefold() == label.casefold()]
        if named:
            return named
        keyed = _keys(gathering, head)
        by_key = [g for g in every if keyed.get(g.label) == label]
        if by_key:
            return by_key
        if label.isdigit() and 1 <= int(label) <= len(every):
            return [every[int(label) - 1]]
        raise UnknownName(f"{head} has no label {label!r}", hint=did_you_mean(label, [g.label for g in every], "Labels are"))
    try:
        results.meant(name, expected=BOOLEAN)
    except TypeMismatch:
        raise
    except UnknownName as error:
        known = [*results.sizes, *results.made.labels]
        if name.isidentifier():
            raise UnknownName(f"there is no group {name!r}", hint=did_you_mean(name, known, "Groups are")) from None
        raise error
    return [Group(name, name, name, given=False)]


def _segment(gathering: "Gathering", name: str) -> Group:
    about = gathering.results.project.segments[name].notes.get("about")
    return Group(name, name.replace("_", " "), written(name), " ".join(str(about).split()) if about else "")


def labels_of(gathering: "Gathering", name: str) -> list[Group]:
    """The labels of a segmentation that somebody has, in the order of its definition."""
    counted = gathering.results.made.labels[name]
    given = gathering.learned(name) != "clusters"  # groups that were found are called by what they are like
    return [
        Group(f"{name}.{label}", label, f"{written(name)} = {literal(label)}", of=name, label=label, given=given)
        for label in label_order(gathering.results, name)
        if counted.get(label)
    ]


def _keys(gathering: "Gathering", name: str) -> Mapping[str, str]:
    """The key of each label of a segmentation that has keys."""
    results = gathering.results
    if f"{name}.key" not in results.columns:
        return {}
    query = exp.select(quoted(name), quoted(f"{name}.key")).distinct().from_(relation(TRAITS))
    return {str(label): str(key) for label, key in results.engine.rows(query) if label is not None}


@dataclass(frozen=True, slots=True)
class Trails:
    """Everybody's first two events: the places of their kinds among `kinds` (−1: none), and the days between (NaN)."""

    kinds: tuple[str, ...]
    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    days: Floats


class Personas:
    """The personas of some groups, compared at once.

    Args:
        gathering: the numbers of the newest results.
        groups: who they are of.
        ids: whether typical and extreme members are named.
    """

    def __init__(self, gathering: "Gathering", groups: Sequence[Group], *, ids: bool = False):
        self.gathering, self.groups, self.ids = gathering, list(groups), ids
        self.results, self.setting = gathering.results, gathering.setting
        self.names = [g.name for g in self.groups]

    def all(self) -> list[Persona]:
        """One persona a group, in their order."""
        if not self.groups:
            return []
        self._prepare()
        plays = read_playbook(*text_of(self.gathering.space.folder))
        out = []
        for place, group in enumerate(self.groups):
            verdict = unpacked(self.bits[place // PER_WORD], place)
            inside, outside = verdict == IN, (verdict != IN) & (verdict != CANNOT_TELL)
            found = self.compared.segments[group.name]
            of_group = dict(figures(self.people, inside, outside))
            n = int(np.count_nonzero(inside))
            little = n < LITTLE
            likes = () if little else told.likings(found, self.compared.level, self.things)[:TOP]
            if likes:
                best = max(likes, key=lambda one: one.inside - one.outside)
                of_group |= {"share_of_favourite": best.inside, f"{OTHERS}share_of_favourite": best.outside}
            clear = [d for d in found.shown(self.setting.k) if d.column not in self.things]
            picked = () if little else self._telling(clear, found.by_definition)
            brief = told.short(picked or ()) or ", ".join(one.value for one in likes[:1])
            title = group.title if group.given or group.label else brief or group.title
            setting = self.setting
            who = group.title if group.given else "they"
            said = told.sentences(group, who, setting.population, setting.money, setting.currency, of_group, picked)
            note = f"{found.why_not}: nothing is compared." if found.why_not else ""
            if little:
                note = f"Fewer than {LITTLE} customers: figures of so few move by chance, so no play is proposed."
            out.append(
                Persona(
                    group=group,
                    name=title,
                    short=brief,
                    customers=n,
                    others=int(np.count_nonzero(outside)),
                    population=setting.population,
                    currency=setting.currency,
                    sentences=said,
                    apart=() if little else tuple(clear),
                    compared=self.compared.comparisons,
                    by_definition=found.by_definition,
                    likings=likes,
                    figures=of_group,
                    journey=Journey() if little else self._journey(group, inside),
                    members=() if little else self._members(inside, picked),
                    strategies=() if little else fitting(plays, of_group),
                    note=note,
                )
            )
        return out

    # --- tables

    def _prepare(self) -> None:
        """Memberships of the groups, and one table with all that they are compared by."""
        results = self.results
        results.attach_events()
        trees: dict[str, Expr] = {name: one.tree for name, one in self.conditions.items()}
        values = {f"~{name}": self._expression(text) for name, text in self.asked.items()}
        likes = {text: self._expression(text) for text in self.things}
        self.table = results.prepared([*trees.values(), *(c.tree for c in (*values.values(), *likes.values()))])
        compiler = results.compiler()
        rules = membership.rules({n: results.inlined(t) for n, t in trees.items()}, compiler, self.table, keys=(KEY,))
        packed, _ = membership.asked(results.engine, rules, "personas")
        results.engine.register(BITS, packed, temporary=True)
        select = exp.select(quoted(KEY), quoted("customer"), *(quoted(c) for c in self.gathering.types))
        for name, checked in (*values.items(), *likes.items()):
            select = select.select(compiler.sql(results.inlined(checked.tree)).as_(name, quoted=True), copy=False)
        results.engine.create(ROWS, select.from_(relation(self.table)), "personas", temporary=True)
        columns = [
            *(f"~{n}" for n in self.asked),
            *self.numbers,
            *self.dates,
            *([self.setting.money] if self.setting.money else []),
        ]
        words = [f"w{i}" for i in range(word_count(len(self.groups)))]
        bits = exp.select(*(quoted(c, "t") for c in dict.fromkeys([KEY, *columns])), *(quoted(w, "b") for w in words))
        on = exp.EQ(this=quoted(KEY, "t"), expression=quoted(KEY, "b"))
        joined = bits.from_(exp.alias_(relation(ROWS), "t", table=True)).join(exp.alias_(relation(BITS), "b", table=True), on=on)
        self.rows: pa.Table = results.engine.fetch(joined.order_by(quoted(KEY, "t")), "personas")
        self.bits = [self.rows.column(w).to_numpy() for w in words]

    @cached_property
    def conditions(self) -> Mapping[str, Checked]:
        return {g.name: self.results.catalog.expression(Origin.of(g.expression), expected=BOOLEAN) for g in self.groups}

    def _expression(self, text: str) -> Checked:
        return self.results.catalog.expression(text)

    @cached_property
    def asked(self) -> Mapping[str, str]:
        """What is asked of every customer, as expressions by the names of `People`."""
        out: dict[str, str] = {}
        if self.gathering.stream is not None:
            kind, money = self.gathering.stream
            event, bought = written(kind), written(self._bought or kind)
            out |= {
                "orders": f"count({event})",
                "quiet": f"days_since(last({event}.time))",
                "known": f"days_since(first({event}.time))",
            }
            if money is not None:
                amount = f"{event}.{written(money)}"
                out |= {
                    "spent": f"sum({amount})",
                    "year": f"sum({amount} within 365 days)",
                    "before": f"sum({amount} from 730 to 365 days ago)",
                }
            columns = self.results.made.events[self._bought or kind].columns
            if columns.get("discount") in (INTEGER, MONEY, FLOAT):
                out["discounted"] = f"share({bought} where discount > 0)"
            kinds_ = [c for c in self._things if "categor" in c.casefold()]
            if kinds_:
                out["categories"] = f"distinct({bought}.{written(kinds_[0])})"
        lifetime = next((n for n, call in self._models.items() if call == "lifetime_value"), None)
        if lifetime is not None:
            out["lifetime"] = written(lifetime)
        return out

    @cached_property
    def _models(self) -> Mapping[str, str]:
        from coterie.workspace.models import called

        return {name: one.call.function for name, one in called(self.results.catalog).items() if name in self.results.columns}

    @cached_property
    def _bought(self) -> str | None:
        """The kind of event whose rows are what was bought: the lines of the orders, where there are lines."""
        if self.gathering.stream is None:
            return None
        kind, events = self.gathering.stream[0], self.results.made.events
        return f"{kind}_line" if f"{kind}_line" in events else kind

    @cached_property
    def _things(self) -> tuple[str, ...]:
        """The text columns of what was bought that name kinds of things rather than single ones, categories first."""
        kind = self._bought
        if kind is None:
            return ()
        event = self.results.made.events[kind]
        private = {c for s in self.results.project.sources.values() for c in (*s.personal, *s.sensitive)}
        texts = [c for c, t in event.columns.items() if t.kind is Kind.TEXT and c not in private]
        if not texts:
            return ()
        counted = (exp.Count(this=exp.Distinct(expressions=[quoted(c)])).as_(f"n{i}") for i, c in enumerate(texts))
        found = self.results.engine.rows(exp.select(*counted).from_(relation(event_view(kind))))[0]
        most = max(FEW, event.rows // 50)
        kept = {c: int(str(n)) for c, n in zip(texts, found, strict=True) if 2 <= int(str(n)) <= most}
        return tuple(sorted(kept, key=lambda c: ("categor" not in c.casefold(), kept[c]))[:THINGS])

    @cached_property
    def things(self) -> dict[str, tuple[str, str, str]]:
        """Each customer's share of what was bought that is of some kind, as expressions, with what they stand for."""
        kind, out, seen = self._bought, dict[str, tuple[str, str, str]](), set[str]()
        for column in self._things:
            count = exp.Count(this=exp.Star())
            query = exp.select(quoted(column)).from_(relation(event_view(str(kind)))).group_by(quoted(column))
            query = query.where(exp.Not(this=exp.Is(this=quoted(column), expression=exp.Null())))
            query = query.order_by(exp.Ordered(this=count, desc=True), quoted(column)).limit(VALUES)
            for (found,) in self.results.engine.rows(query):
                text = f"share({written(str(kind))} where {written(column)} = {literal(str(found))})"
                if text.casefold() not in seen:
                    seen.add(text.casefold())
                    out[text] = (str(kind), column, str(found))
        return out

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        return tuple(n for n, t in self.gathering.types.items() if t.kind in (Kind.INTEGER, Kind.MONEY, Kind.FLOAT))

    @cached_property
    def dates(self) -> tuple[str, ...]:
        return tuple(n for n, t in self.gathering.types.items() if t.kind in (Kind.DATE, Kind.TIMESTAMP))

    @cached_property
    def compared(self) -> Comparison:
        columns: dict[str, Type] = {**self.gathering.types, **dict.fromkeys(self.things, FLOAT)}
        reads = {n: tree_reads(self.results.catalog, c.tree, columns) for n, c in self.conditions.items()}
        zone, least = self.setting.zone, max(self.setting.k, LEAST)
        return apart(self.results.engine, self.names, self.names, columns, reads, table=ROWS, bits=BITS, zone=zone, least=least)

    # --- arrays

    def _floats(self, column: str) -> Floats:
        values = self.rows.column(column)
        if pa.types.is_temporal(values.type):
            values = values.cast(pa.timestamp("us")).cast(pa.int64())
        found: Floats = pc.cast(values, pa.float64(), safe=False).to_numpy(zero_copy_only=False).copy()
        found[~np.isfinite(found)] = np.nan
        return found

    @cached_property
    def people(self) -> People:
        money = None if self.setting.money is None else self.rows.column(self.setting.money)
        values = {name: self._floats(f"~{name}") for name in self.asked}
        return People(self.rows.num_rows, money, {**values, "to_second": self.trails.days})

    @cached_property
    def traits(self) -> Mapping[str, Floats]:
        return {name: self._floats(name) for name in self.numbers}

    @cached_property
    def ranks(self) -> Mapping[str, Floats]:
        """Numbers and days as places in their order; among very many customers, of some of them."""
        every = slice(None, None, max(1, self.rows.num_rows // SOME))
        return {name: ranks(values[every]) for name, values in {**self.traits, **self.days}.items()}

    @cached_property
    def days(self) -> Mapping[str, Floats]:
        return {name: self._floats(name) for name in self.dates}

    def _telling(self, clear: Sequence[Difference], by_definition: Sequence[str]) -> tuple[Difference, ...]:
        """The differences worth a sentence: none that says again what the rule, the money or another one says."""
        worth = [d for d in clear if d.column not in COORDINATES and (d.shape != "share" or d.effect > 0 or d.value == "true")]
        said = {*by_definition, *([self.setting.money] if self.setting.money else [])}
        names = telling([d.column for d in worth[: 5 * TOP]], self.ranks, said, TOP)
        return tuple(next(d for d in worth if d.column == name) for name in names)

    def _members(self, inside: Bools, picked: Sequence[Difference]) -> tuple[Stands, ...]:
        directions = {d.column: d.effect for d in picked if d.column in self.traits}
        money = self.setting.money if self.setting.money in self.traits else None
        traits = {name: self.traits[name] for name in [*directions, *([money] if money is not None else [])]}
        traits |= {words: self.people.values[name] for name, words in ALWAYS.items() if name in self.people.values}
        found = kinds(traits, inside, directions or ({money: 1.0} if money is not None else {}))
        return tuple(Stands(what, medians(traits, rows), self._ids(rows)) for what, rows in found.items())

    def _ids(self, rows: npt.NDArray[np.intp]) -> tuple[str, ...]:
        if not self.ids:
            return ()
        keys = [exp.Literal.number(k) for k in self.rows.column(KEY).take(pa.array(rows)).to_pylist()]
        query = exp.select(quoted("customer")).from_(relation(ROWS)).where(exp.In(this=quoted(KEY), expressions=keys))
        return tuple(str(row[0]) for row in self.results.engine.rows(query.order_by(quoted("customer"))))

    # --- the way here

    @cached_property
    def trails(self) -> Trails:
        """The first two events of every customer among kinds that are known whole (lines of orders are no events of their own)."""
        results = self.results
        lines = {f"{name}_line" for name, source in results.project.sources.items() if source.lines}
        names = tuple(k for k, e in results.made.events.items() if not e.partial and k not in lines)
        n = self.rows.num_rows
        first, second, days = np.full(n, -1), np.full(n, -1), np.full(n, np.nan)
        if not names:
            return Trails(names, first, second, days)
        q = builder(results.engine, results.context)
        parts: list[exp.Select] = []
        for place, kind in enumerate(names):
            by = q.binary("<=", quoted(TIME), q.literal(results.made.as_of))
            one = exp.select(quoted(KEY), quoted(TIME), exp.Literal.number(place).as_("kind")).from_(relation(event_view(kind)))
            parts.append(one.where(by))
        whole = parts[0] if len(parts) == 1 else exp.union(*parts, distinct=False)
        order = exp.Order(expressions=[exp.Ordered(this=quoted(TIME)), exp.Ordered(this=quoted("kind"))])
        place_ = exp.Window(this=exp.RowNumber(), partition_by=[quoted(KEY)], order=order)
        told_ = exp.select(quoted(KEY), quoted(TIME), quoted("kind"), place_.as_("n")).from_(whole.subquery("e"))
        two = exp.select("*").from_(told_.subquery("f")).where(exp.LTE(this=quoted("n"), expression=exp.Literal.number(2)))
        found = results.engine.fetch(two, "first events")
        keys = self.rows.column(KEY).to_numpy()
        rows = np.searchsorted(keys, found.column(KEY).to_numpy())
        known = (rows < n) & (keys[np.minimum(rows, n - 1)] == found.column(KEY).to_numpy()) if n else np.zeros(0, np.bool_)
        which, kind = found.column("n").to_numpy(), found.column("kind").to_numpy()
        times = found.column(TIME).cast(pa.timestamp("us")).to_numpy().astype("datetime64[us]").astype(np.int64)
        at = np.zeros((2, n))
        for number, into in ((1, first), (2, second)):
            these = known & (which == number)
            into[rows[these]], at[number - 1, rows[these]] = kind[these], times[these]
        both = second >= 0
        days[both] = (at[1, both] - at[0, both]) / 86_400e6
        return Trails(names, first, second, days)

    def _journey(self, group: Group, inside: Bools) -> Journey:
        trails = self.trails
        steps = []
        known = inside & (trails.first >= 0)
        pairs, counts = np.unique(np.stack([trails.first[known], trails.second[known]]), axis=1, return_counts=True)
        for (a, b), n in sorted(zip(pairs.T.tolist(), counts.tolist(), strict=True), key=lambda p: (-p[1], p[0]))[:STEPS]:
            days = trails.days[known & (trails.first == a) & (trails.second == b)]
            middle = float(np.median(days)) if b >= 0 and len(days) else None
            steps.append(Step(trails.kinds[a], trails.kinds[b] if b >= 0 else None, n, middle))
        since, came, went = self.moves(group)
        return Journey(int(np.count_nonzero(known)), tuple(steps), since, came, went).shown(self.setting.k)

    def moves(self, group: Group) -> tuple[datetime | None, tuple[tuple[str, int], ...], tuple[tuple[str, int], ...]]:
        """From which labels a label's customers came since about a month ago, and to which they went."""
        moved: Movement | None = self.gathering.moved.get(group.of) if group.of else None
        if moved is None or moved.until - moved.since < timedelta(days=1):
            return None, (), ()
        came = tuple((f.before, f.customers) for f in moved.flows if f.after == group.label)
        went = tuple((f.after, f.customers) for f in moved.flows if f.before == group.label)
        return moved.since, came[:STEPS], went[:STEPS]
