"""The portfolio: what is double, empty, dead or odd among all definitions together, with the numbers and what to do.

Every finding has a code of its own, the names it is about and a way out. Logic is compared in the language, members on packed
bits of the published results.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sqlglot import exp

from coterie.core.errors import CoterieError
from coterie.core.windows import local_day
from coterie.language import verdicts
from coterie.language.alike import conjuncts, normal
from coterie.language.format import format as format_expr
from coterie.language.shown import day_shown
from coterie.language.tree import And, Apply, Column, Literal, Or, walk
from coterie.segments import membership
from coterie.segments.bitmaps import IN, PER_WORD, unpacked, word_count
from coterie.traits import batch
from coterie.traits.batch import quoted, relation
from coterie.workspace.hands import asked_ids, some
from coterie.workspace.manual import customers
from coterie.workspace.overview import plain
from coterie.workspace.results import Results
from coterie.workspace.run import TRAITS
from coterie.workspace.trial import examples_of

if TYPE_CHECKING:
    from coterie.workspace.history import History

NEAR, MOST, DOUBT, ONE, IDLE = 0.95, 0.99, 0.5, 0.5, 90
"""Near duplicates by Jaccard's index; near everybody; too many not to be told; carried by one customer; days without change."""
LEAST = 10
"""Segments of fewer customers are near-empty, and too small to compare members."""


@dataclass(frozen=True, slots=True)
class Smell:
    """Something odd about definitions.

    Attributes:
        code: stable, L01 …
        names: the definitions it is about.
        said: what was found, numbers first; todo: what to do.
        numbers: the same as plain values.
    """

    code: str
    names: tuple[str, ...]
    said: str
    todo: str
    numbers: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"code": self.code, "names": list(self.names), "said": self.said, "todo": self.todo, "numbers": dict(self.numbers)}


CODES: Mapping[str, str] = {
    "L01": "the same rule in another spelling",
    "L02": "the same customers by another rule",
    "L03": "all customers of one are in another",
    "L04": "nearly the same customers",
    "L05": "can never be true, or is always true",
    "L06": "a label or branch that is never reached, or a label that is not there",
    "L07": "a trait or list that nothing uses",
    "L08": "nobody, or too few",
    "L09": "nearly everybody",
    "L10": "a label that nobody has",
    "L11": "cannot be told for most",
    "L12": "worth of one customer",
    "L13": "no change for long",
    "L14": "names that are easily mistaken",
    "L15": "by hand: over, unknown, or most of the segment",
    "L16": "examples that contradict each other",
    "L17": "a condition that stands there twice",
    "L18": "another name for the same",
}


def lint(results: Results, history: "History | None" = None, *, least: int = LEAST) -> tuple[Smell, ...]:
    """Everything odd among the definitions of published results.

    Args:
        results: with their definitions and members.
        history: how memberships moved; None where nothing is recorded.
        least: fewer customers than this are near-empty.
    """
    look = _Look(results, history, least)
    checks = (
        look.same_rule, look.same_members, look.verdicts, look.unused, look.sizes, look.labels, look.doubt, look.one_customer,
        look.idle, look.similar_names, look.by_hand, look.examples, look.twice, look.aliases,
    )  # fmt: skip
    found = [smell for check in checks for smell in check()]
    return tuple(sorted(found, key=lambda s: (s.code, s.names)))


class _Look:
    def __init__(self, results: Results, history: "History | None", least: int):
        self.results, self.history, self.least = results, history, least
        self.catalog, self.project = results.catalog, results.project
        self.trees = {d.name: d.checked.tree for d in self.catalog.definitions.values()}
        self.population = results.made.population

    # --- the same twice

    @cached_property
    def forms(self) -> dict[str, str]:
        rules = (*self.catalog.of("segment"), *self.catalog.of("trait"))
        return {d.name: normal(d.checked.tree, {n: t for n, t in self.trees.items() if n != d.name}) for d in rules}

    @cached_property
    def groups(self) -> list[tuple[str, ...]]:
        """Names whose rule has the same normal form."""
        by_form: dict[tuple[str, str], list[str]] = {}
        for name, form in self.forms.items():
            by_form.setdefault((self.catalog.definitions[name].noun, form), []).append(name)
        return [tuple(names) for names in by_form.values() if len(names) > 1]

    def alias(self, name: str) -> bool:
        tree = self.trees[name]
        return isinstance(tree, Column) and tree.part is None and tree.name in self.trees

    def same_rule(self) -> Iterator[Smell]:
        for names in self.groups:
            own = tuple(n for n in names if not self.alias(n))
            if len(own) > 1:
                yield Smell("L01", own, f"{_listed(own)} say the same in other words", "keep one and name it in the others")

    def aliases(self) -> Iterator[Smell]:
        for name, definition in self.catalog.definitions.items():
            if self.alias(name):
                other = format_expr(definition.checked.tree)
                said = f"{name} is only another name for {other}"
                yield Smell("L18", (name, other), said, "keep one; `was:` keeps an earlier name")

    # --- members

    @cached_property
    def bits(self) -> tuple[tuple[str, ...], "npt.NDArray[np.uint64]"]:
        """Segments, and for each its members as packed bits."""
        order = self.results.sizes_order
        table = self.results.engine.fetch(exp.select("*").from_(relation(membership.BITS)))
        rows = table.num_rows
        packed = np.zeros((len(order), (rows + 63) // 64 * 8), dtype=np.uint8)
        for i in range(word_count(len(order))):
            word = table.column(f"w{i}").to_numpy()
            for place in range(i * PER_WORD, min((i + 1) * PER_WORD, len(order))):
                inside = np.packbits(unpacked(word, place) == IN, bitorder="little")
                packed[place, : len(inside)] = inside
        return order, packed.view(np.uint64)

    def same_members(self) -> Iterator[Smell]:
        order, packed = self.bits
        counts = np.bitwise_count(packed).sum(axis=1, dtype=np.int64)
        same_form = {frozenset((a, b)) for names in self.groups for a in names for b in names if a != b}
        for i, a in enumerate(order):
            if counts[i] < self.least:
                continue
            both = np.bitwise_count(packed[i] & packed[i + 1 :]).sum(axis=1, dtype=np.int64)
            for j in np.nonzero((both >= self.least) & (counts[i + 1 :] >= self.least))[0]:
                b = order[i + 1 + j]
                if frozenset((a, b)) in same_form:
                    continue
                yield from self._pair(a, b, int(counts[i]), int(counts[i + 1 + j]), int(both[j]))

    def _pair(self, a: str, b: str, n_a: int, n_b: int, both: int) -> Iterator[Smell]:
        numbers = {"in": {a: n_a, b: n_b}, "both": both, "jaccard": round(both / (n_a + n_b - both), 4)}
        if both == n_a == n_b:
            said = f"{a} and {b} have the same {both:,} customers by different rules"
            yield Smell("L02", (a, b), said, "keep one, or see what the other condition is meant to do", numbers)
        elif both / (n_a + n_b - both) >= NEAR:
            said = f"{both:,} customers are in both {a} ({n_a:,}) and {b} ({n_b:,}): {100 * numbers['jaccard']:.1f} % the same"  # type: ignore[operator]
            yield Smell("L04", (a, b), said, "one of them is most likely enough", numbers)
        elif both in (n_a, n_b):
            part, whole = (a, b) if both == n_a else (b, a)
            if not self.meant_within(part, whole):
                said = f"all {both:,} customers of {part} are in {whole} too, though its rule does not say so"
                yield Smell("L03", (part, whole), said, f"if that is meant, write {whole} into the rule of {part}", numbers)

    def meant_within(self, part: str, whole: str) -> bool:
        """Whether the rule of one says by itself that its customers are in the other, or both cut the same value."""
        a, b = (conjuncts(self.trees[n], {m: t for m, t in self.trees.items() if m != n}) for n in (part, whole))
        if b <= a or whole in self.catalog.definitions[part].checked.uses:
            return True
        tree = self.trees[whole]
        alternatives = tree.args if isinstance(tree, Or) else ()
        if any(format_expr(x) == part or conjuncts(x, self.trees) <= a for x in alternatives):
            return True
        cut_a, cut_b = self.cuts(part), self.cuts(whole)
        return bool(cut_b) and cut_b <= cut_a

    def cuts(self, name: str) -> frozenset[str]:
        """The values that a rule compares, as text."""
        found = [n for n in walk(self.trees[name]) if isinstance(n, Apply) and any(isinstance(x, Literal) for x in n.args)]
        return frozenset(format_expr(n.args[0]) for n in found if n.args and not isinstance(n.args[0], Literal))

    # --- rules by themselves

    def verdicts(self) -> Iterator[Smell]:
        names = verdicts.names_of(self.catalog)
        for d in self.catalog.definitions.values():
            for found in verdicts.findings(d.checked.tree, names, d.noun, d.name):
                code = "L05" if found.code in ("W110", "W111") else "L06"
                yield Smell(code, (d.name,), found.message, found.hint, {"notice": found.code})

    def twice(self) -> Iterator[Smell]:
        for d in self.catalog.of("segment"):
            for node in walk(d.checked.written):
                if isinstance(node, And | Or):
                    told = [format_expr(a) for a in node.args]
                    for text in dict.fromkeys(t for t in told if told.count(t) > 1):
                        yield Smell("L17", (d.name,), f"{d.name} says twice: {text}", "leave one out")

    def unused(self) -> Iterator[Smell]:
        used = {n for d in self.catalog.definitions.values() for n in d.checked.uses}
        noted = [d.notes for d in (*self.project.segments.values(), *self.project.segmentations.values())]
        goals = " ".join(str(plain(notes.get("goal", ""))) for notes in (*noted, self.project.notes))
        used |= {*re.findall(r"\w+", goals), self.results.money or ""}
        traits = tuple(d.name for d in self.catalog.of("trait") if d.name not in used)
        if traits:
            said = f"{_counted(len(traits), 'trait')} that no other definition uses: {', '.join(traits)}"
            yield Smell("L07", traits, said, "leave them out, unless exports or people read them")
        asked = [n for tree in self.trees.values() for n in walk(tree) if isinstance(n, Apply) and n.op == "in_list"]
        named = {a.value for n in asked for a in n.args if isinstance(a, Literal)}
        lists = tuple(name for name in self.project.lists if name not in named)
        if lists:
            said = f"{_counted(len(lists), 'list')} that no definition uses: {', '.join(lists)}"
            yield Smell("L07", lists, said, "leave them out")

    # --- sizes

    def sizes(self) -> Iterator[Smell]:
        for name, size in self.results.sizes.items() if self.population else ():
            numbers = {"in": size.inside, "population": self.population}
            if size.inside < self.least:
                said = f"only {size.inside:,} of {self.population:,} are in {name}" if size.inside else f"nobody is in {name}"
                todo = "see with `coterie why` what keeps others out, or wait until there are more"
                yield Smell("L08", (name,), said, todo, numbers)
            elif size.inside >= MOST * self.population:
                said = f"{size.inside:,} of {self.population:,} are in {name}"
                yield Smell("L09", (name,), said, "a segment that holds everybody tells nobody apart: tighten it", numbers)

    def labels(self) -> Iterator[Smell]:
        for name, counts in self.results.made.labels.items():
            written = [label for label, _ in self.project.segmentations[name].labels]
            for label in written:
                if not counts.get(label):
                    said = f"nobody has the label {label} of {name}"
                    yield Smell("L10", (name,), said, "see whether a label above it takes everybody", {"label": label})
            doubt = counts.get("", 0)
            if self.population and doubt > DOUBT * self.population:
                yield self._doubtful(name, doubt, {})
            for label, n in counts.items():
                if label and n >= MOST * self.population and self.population >= self.least:
                    numbers = {"label": label, "customers": n, "population": self.population}
                    said = f"{n:,} of {self.population:,} have the label {label} of {name}"
                    yield Smell("L09", (name,), said, "labels that hold everybody tell nobody apart", numbers)

    def doubt(self) -> Iterator[Smell]:
        for name, size in self.results.sizes.items():
            if size.population and size.cannot_tell > DOUBT * size.population:
                yield self._doubtful(name, size.cannot_tell, size.missing)

    def _doubtful(self, name: str, n: int, missing: Mapping[str, int]) -> Smell:
        blamed = max(missing, key=lambda k: missing[k]) if missing else None
        said = f"{n:,} of {self.population:,} cannot be told in {name}" + (f": {blamed} is missing" if blamed else "")
        todo = f"collect {blamed}, or decide with coalesce({blamed}, …)" if blamed else "collect what is missing"
        return Smell("L11", (name,), said, todo, {"cannot_tell": n, "population": self.population})

    def one_customer(self) -> Iterator[Smell]:
        money = self.results.money
        if money is None:
            return
        order = self.results.sizes_order
        joined = exp.select(quoted("customer", "t"), quoted(money, "t").as_("money"), "b.*").from_(batch.aliased(TRAITS, "t"))
        on = exp.EQ(this=quoted(batch.KEY, "t"), expression=quoted(batch.KEY, "b"))
        joined = joined.join(batch.aliased(membership.BITS, "b"), on=on)
        asked = {"max": ["money"], "sum": ["money"], "arg_max": ["customer", "money"], "count": ["money"]}
        for start in range(0, len(order), 60):
            names = order[start : start + 60]
            select = exp.select().from_(joined.subquery("j"))
            for i, name in enumerate(names):
                paid = exp.GT(this=quoted("money"), expression=exp.Literal.number(0))
                where = exp.Where(this=exp.and_(self.results.bit(name), paid))
                for what, args in asked.items():
                    call = self.results.words().call(what, *(quoted(a) for a in args))
                    select = select.select(exp.Filter(this=call, expression=where.copy()).as_(f"{what}{i}"), copy=False)
            row = self.results.engine.rows(select)[0]
            for i, name in enumerate(names):
                top, whole, who, n = row[4 * i : 4 * i + 4]
                paying = int(str(n))
                if paying >= self.least and Decimal(str(top)) > Decimal(str(ONE)) * Decimal(str(whole)):
                    part = Decimal(str(top)) / Decimal(str(whole))
                    said = f"one customer of {paying:,} carries {100 * part:.0f} % of the {money} of {name}: {who}"
                    todo = "if it is a test account, leave it out of its source with `where:`; else judge the segment without it"
                    yield Smell("L12", (name,), said, todo, {"customer": str(who), "part": round(float(part), 4)})

    # --- over time

    def idle(self) -> Iterator[Smell]:
        if self.history is None or not self.history.snapshots():
            return
        for name in self.results.sizes:
            try:
                steps = self.history.sizes(name)
            except CoterieError:
                continue  # answered, but not in the record
            moved = [s.as_of for s in steps[1:] if s.entered or s.left]
            since = moved[-1] if moved else steps[0].as_of if steps else None
            if since is None or not steps[-1].inside or steps[-1].as_of - since < timedelta(days=IDLE):
                continue
            days = (steps[-1].as_of - since).days
            said = f"nobody entered or left {name} for {days:,} days, since {day_shown(local_day(since, self.project.timezone))}"
            todo = "leave it out if nobody uses it, or see whether its source still comes in"
            yield Smell("L13", (name,), said, todo, {"days": days})

    # --- names, hands, examples

    def similar_names(self) -> Iterator[Smell]:
        alike: dict[str, list[str]] = {}
        for name in self.catalog.definitions:
            alike.setdefault(re.sub(r"[\W_]", "", name.casefold()).removesuffix("s"), []).append(name)
        for names in alike.values():
            if len(names) > 1:
                said = f"{_listed(names)} are easily mistaken for each other"
                yield Smell("L14", tuple(names), said, "rename one; `was:` keeps its history")

    def by_hand(self) -> Iterator[Smell]:
        today = local_day(self.results.made.as_of, self.project.timezone)
        asked = asked_ids(self.project)
        there = customers(self.results, sorted(asked)) if asked else frozenset()
        for name, segment in self.project.segments.items():
            over = [e for e in segment.by_hand if e.until is not None and e.until < today]
            if over:
                last = max(e.until for e in over if e.until is not None)
                said = f"what was said by hand of {name} is over since {day_shown(last)}"
                yield Smell("L15", (name,), said, "take it out of the file, or give it a later day", {"until": last.isoformat()})
            strangers = sorted({i for e in segment.by_hand for i in e.ids} - there)
            if strangers:
                said = f"{len(strangers):,} put in or out by hand of {name}, and not a customer: {some(strangers)}"
                yield Smell("L15", (name,), said, "take the ids out, or write them as the source does", {"ids": strangers})
            included = {i for e in segment.by_hand if e.side == "include" and e not in over for i in e.ids} & there
            inside = self.results.sizes[name].inside if name in self.results.sizes else 0
            if len(included) > 1 and 2 * len(included) > inside:
                said = f"{len(included):,} of the {inside:,} in {name} are in by hand"
                todo = "keep them as a list of their own, and the rule for the others"
                yield Smell("L15", (name,), said, todo, {"by_hand": len(included)})

    def examples(self) -> Iterator[Smell]:
        for definition in (*self.project.segments.values(), *self.project.segmentations.values()):
            seen: dict[str, str] = {}
            for known, ids in examples_of(definition).items():  # type: ignore[arg-type]
                for customer in ids:
                    if seen.setdefault(customer, known) != known:
                        said = f"{customer} is an example of {definition.name} for both {seen[customer]} and {known}"
                        yield Smell("L16", (definition.name,), said, "one of the two is wrong", {"customer": customer})


def _counted(n: int, noun: str) -> str:
    return f"1 {noun}" if n == 1 else f"{n:,} {noun}s"


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
