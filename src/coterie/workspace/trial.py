"""Segments on trial: the examples and expectations that stand beside them, held against answers that nobody has published yet.

What examples leave open is found by flipping each condition of a rule: where every example still comes out right, no example
exercises that condition.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

from sqlglot import exp

from coterie.core.errors import CoterieError, UnknownName, did_you_mean
from coterie.engine.engine import Engine
from coterie.language.evaluate import Missing, evaluate
from coterie.language.explain import Reason
from coterie.language.format import format as format_expr
from coterie.language.tree import And, Case, Expr, Fitted, Not, Or
from coterie.segments import membership
from coterie.segments.by_hand import texts
from coterie.segments.expectations import Expectation
from coterie.segments.segment import Segment, Segmentation
from coterie.traits import batch
from coterie.traits.batch import quoted, relation
from coterie.workspace.comparison import Comparison
from coterie.workspace.project import Project
from coterie.workspace.results import Results
from coterie.workspace.run import TRAITS, Answered

Examples = Mapping[str, tuple[str, ...]]
"""By what is known of them (in, out, cannot_tell, or a label), customers."""
CANNOT_TELL = "cannot_tell"
MOST = 200
"""Examples of one definition that are looked at for conditions that none exercises."""


@dataclass(frozen=True, slots=True)
class Held:
    """One example or expectation, held against the answers.

    Attributes:
        name: of the definition; customer: of an example.
        said: what stands in the file; expected, found: in words.
        why: the reason, of an example that failed.
    """

    name: str
    said: str
    passed: bool
    expected: str
    found: str
    customer: str | None = None
    why: Reason | None = None

    def in_words(self) -> str:
        subject = f"{self.customer} in {self.name}" if self.customer is not None else f"{self.name}: {self.said}"
        return f"{subject}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of all examples and expectations.

    Attributes:
        idle: (definition, condition) that no example exercises.
        untested: segments and segmentations with neither examples nor expectations.
    """

    held: tuple[Held, ...]
    idle: tuple[tuple[str, str], ...] = ()
    untested: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[Held, ...]:
        return tuple(h for h in self.held if not h.passed)

    def to_json(self) -> dict[str, Any]:
        from coterie.workspace.overview import reason_json

        return {
            "passed": len(self.held) - len(self.failed),
            "failed": [
                {
                    "name": h.name,
                    "customer": h.customer,
                    "said": h.said,
                    "expected": h.expected,
                    "found": h.found,
                    "why": None if h.why is None else reason_json(h.why),
                }
                for h in self.failed
            ],
            "not_exercised": [{"name": name, "condition": text} for name, text in self.idle],
            "untested": list(self.untested),
        }


@dataclass(frozen=True)
class Answers:
    """Answers that examples and expectations are held against.

    Args:
        engine: with `traits`, `segment_bits` and the view `segments`.
        money: the trait that customers are worth.
        compared: gives what is different from the published results; None before the first run.
    """

    project: Project
    engine: Engine
    answered: Answered
    money: str | None
    compared: Callable[[], Comparison | None] = field(repr=False)

    @cached_property
    def difference(self) -> Comparison | None:
        return self.compared()

    def labels(self, name: str) -> list[str]:
        written = [label for label, _ in self.project.segmentations[name].labels]
        return list(dict.fromkeys([*written, *(label for label in self.answered.labels[name] if label)]))

    def money_share(self, name: str, label: str | None) -> float:
        if self.money is None:
            raise CoterieError("no trait says what customers are worth", code="E174", hint="add one: revenue: sum(order.amount)")
        if label is None:
            inside = membership.member(list(self.answered.sizes).index(name))
        else:
            inside = exp.EQ(this=quoted(name, "t"), expression=exp.Literal.string(label))
        total = exp.Anonymous(this="sum", expressions=[quoted(self.money, "t")])
        part = exp.Filter(this=total.copy(), expression=exp.Where(this=inside))
        on = exp.EQ(this=quoted(batch.KEY, "t"), expression=quoted(batch.KEY, "b"))
        query = exp.select(part, total).from_(batch.aliased(TRAITS, "t")).join(batch.aliased(membership.BITS, "b"), on=on)
        some, whole = self.engine.rows(query)[0]
        return float(Decimal(str(some or 0)) / Decimal(str(whole))) if whole else 0.0

    def found(self, name: str, line: Expectation) -> float | None:
        """What an expectation looks at; None where there is nothing to compare with.

        Raises:
            CoterieError: E174, it asks for what there is not.
        """
        segmented = name in self.answered.labels
        if line.label is not None and (not segmented or line.subject in ("change", "cannot tell")):
            what = f"{line.subject} is of the whole segmentation" if segmented else f"{name} is a segment and has no labels"
            raise CoterieError(what, code="E174", hint=f"write {line.text.replace(f' of {line.label}', '')}")
        if segmented and line.label is None and line.subject not in ("change", "cannot tell"):
            first = (self.labels(name) or ["Champions"])[0]
            raise CoterieError(f"of which label of {name}?", code="E174", hint=f"such as {line.subject} of {first} …")
        if line.label is not None and line.label not in self.labels(name):
            raise UnknownName(f"{name} has no label {line.label!r}", hint=did_you_mean(line.label, self.labels(name), "Labels are"))
        counts = self.answered.labels.get(name, {})
        if line.subject == "change":
            return None if self.difference is None else self.difference.of(name).change
        if line.subject == "revenue share":
            return self.money_share(name, line.label)
        if line.subject == "cannot tell":
            n = counts.get(None, 0) if segmented else self.answered.sizes[name].cannot_tell
        else:
            n = counts.get(line.label, 0) if segmented else self.answered.sizes[name].inside
        part = line.part or line.subject == "share"
        return n if not part else n / self.answered.population if self.answered.population else 0.0


def examples_of(definition: Segment | Segmentation) -> Examples:
    found = definition.notes.get("examples", {})
    return found if isinstance(found, Mapping) else {}


def expectations_of(definition: Segment | Segmentation) -> tuple[Expectation, ...]:
    found = definition.notes.get("expect", ())
    return found if isinstance(found, tuple) else ()


def tested(project: Project) -> Iterator[Segment | Segmentation]:
    """The definitions that have examples or expectations."""
    every: tuple[Segment | Segmentation, ...] = (*project.segments.values(), *project.segmentations.values())
    for definition in every:
        if examples_of(definition) or expectations_of(definition):
            yield definition


def hold(answers: Answers, names: Sequence[str] = ()) -> list[Held]:
    """Hold every example and expectation against the answers; without reasons yet."""
    out: list[Held] = []
    for definition in tested(answers.project):
        if not names or definition.name in names:
            out += _examples(answers, definition)
            out += [_expected(answers, definition.name, line) for line in expectations_of(definition)]
    return out


def warnings(answers: Answers) -> list[str]:
    """What a run says of examples and expectations that are not met."""
    return [f"not as expected: {h.in_words()}" for h in hold(answers) if not h.passed]


def _expected(answers: Answers, name: str, line: Expectation) -> Held:
    try:
        found = answers.found(name, line)
    except CoterieError as error:
        hint = f" ({error.hint})" if error.hint else ""
        return Held(name, line.text, False, "something to look at", f"{error.message}{hint}")
    if found is None:
        return Held(name, line.text, True, line.text, "nothing to compare with yet")
    part = line.part or line.subject in ("share", "change", "revenue share")
    shown = ("from nobody" if found == float("inf") else f"{100 * found:.4g} %") if part else f"{int(found):,}"
    return Held(name, line.text, line.met(found), line.text, shown)


def _examples(answers: Answers, definition: Segment | Segmentation) -> Iterator[Held]:
    examples = examples_of(definition)
    ids = sorted({i for some in examples.values() for i in some})
    there = verdicts(answers.engine, definition, ids)
    for known, some in examples.items():
        for customer in some:
            said = f"{known}: {customer}"
            expected = told(definition, meant(definition, known))
            if isinstance(definition, Segmentation) and known not in (*answers.labels(definition.name), CANNOT_TELL):
                listed = ", ".join(answers.labels(definition.name))
                yield Held(definition.name, said, False, expected, f"no such label; labels are {listed}", customer)
            elif customer not in there:
                yield Held(definition.name, said, False, expected, "no such customer", customer)
            else:
                passed = there[customer] == meant(definition, known)
                yield Held(definition.name, said, passed, expected, told(definition, there[customer]), customer)


def meant(definition: Segment | Segmentation, known: str) -> object:
    """The answer that an example stands for."""
    if known == CANNOT_TELL:
        return None
    return {"in": True, "out": False}[known] if isinstance(definition, Segment) else known


def told(definition: Segment | Segmentation, answer: object) -> str:
    if answer is None:
        return "cannot tell"
    return ("in" if answer else "out") if isinstance(definition, Segment) else str(answer)


def verdicts(engine: Engine, definition: Segment | Segmentation, ids: Sequence[str]) -> dict[str, object]:
    """By customer, the answer; customers that there are not are left out."""
    table = membership.VIEW if isinstance(definition, Segment) else TRAITS
    out: dict[str, object] = {}
    for start in range(0, len(ids), 1000):
        listed = [exp.Literal.string(i) for i in ids[start : start + 1000]]
        query = exp.select(quoted("customer"), quoted(definition.name)).from_(relation(table))
        out |= {str(c): v for c, v in engine.rows(query.where(exp.In(this=quoted("customer"), expressions=listed)))}
    return out


# --- reasons, and what no example exercises ---------------------------------------------------------------------------------


def explained(held: Held, results: Results) -> Held:
    """A failed example with its reason."""
    if held.passed or held.customer is None:
        return held
    try:
        return replace(held, why=results.why(held.customer, held.name).reason)
    except UnknownName:
        return held


def not_exercised(results: Results, definition: Segment | Segmentation, held: Sequence[Held]) -> list[str]:
    """The conditions of a rule that could be the other way round without any of its examples coming out differently."""
    tree = results.catalog.definitions[definition.name].checked.tree
    by_hand = texts(definition.name, definition.by_hand) if isinstance(definition, Segment) else {}
    some = [h for h in held if h.customer is not None and h.name == definition.name and h.passed][:MOST]
    leaves = [leaf for leaf in dict.fromkeys(conditions(tree)) if format_expr(leaf) not in by_hand]
    if isinstance(tree, Fitted) or not some:
        return []
    right = []
    for one in some:
        who, world = results.reference(one.customer or "")
        found = evaluate(tree, who, world)
        right.append((who, world, None if isinstance(found, Missing) else found))
    out = []
    for leaf in leaves:
        mutant = flipped(tree, leaf)
        if all(_same(evaluate(mutant, who, world), found) for who, world, found in right):
            out.append(format_expr(leaf))
    return out


def _same(found: object, before: object) -> bool:
    return (None if isinstance(found, Missing) else found) == before


def conditions(node: Expr) -> Iterator[Expr]:
    """The conditions of a rule, or of the rules of labels: what stands below and, or, not and case."""
    match node:
        case And(args=args) | Or(args=args):
            for arg in args:
                yield from conditions(arg)
        case Not(arg=arg):
            yield from conditions(arg)
        case Case(branches=branches):
            for when, _ in branches:
                yield from conditions(when)
        case _:
            yield node


def flipped(node: Expr, leaf: Expr) -> Expr:
    """The rule with one of its conditions the other way round."""
    match node:
        case And(args=args) | Or(args=args):
            return replace(node, args=tuple(flipped(a, leaf) for a in args))
        case Not(arg=arg):
            return replace(node, arg=flipped(arg, leaf))
        case Case(branches=branches):
            return replace(node, branches=tuple((flipped(when, leaf), then) for when, then in branches))
        case _:
            return Not(node, type=node.type) if node == leaf else node
