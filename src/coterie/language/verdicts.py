"""Rules that can never be true, or are always true, and why: what a reader most likely did not mean.

`verdict` judges one condition; `findings` looks through a definition, and gives what is worth saying with its place:

- W110: a rule, or a part of it, can never be true.
- W111: it is always true (where it is known).
- W112: a label, or a branch of a `case`, is never reached.
- W113: a column is compared with a label that it never has.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal as OneOf

from coterie.core.errors import did_you_mean, nearest
from coterie.core.place import Origin, Place
from coterie.core.windows import Around
from coterie.language.catalog import Catalog
from coterie.language.contradictions import Asked, Names, branches, exclude, gives
from coterie.language.fitted import FITTED
from coterie.language.format import format as canonical
from coterie.language.format import literal
from coterie.language.functions import LEAVES
from coterie.language.tree import (
    And,
    Apply,
    Case,
    Column,
    Expr,
    Fitted,
    Literal,
    Measure,
    Members,
    Not,
    Or,
    WindowTest,
    children,
    typed,
    walk,
)
from coterie.language.tree import (
    Sequence as Steps,
)
from coterie.language.types import BOOLEAN, TEXT


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is certain of a condition.

    Attributes:
        never: it can never be true; otherwise it can never be false.
        why: a sentence without its full stop.
        nodes: the parts of the tree that make it so.
    """

    never: bool
    why: str
    nodes: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a definition that is most likely not meant; `node` is where."""

    code: OneOf["W110", "W111", "W112", "W113"]
    message: str
    hint: str
    node: Expr = field(repr=False)
    place: Place | None = None


def verdict(tree: Expr, names: Names) -> Verdict | None:
    """Whether a checked condition can never be true, or never be false; None where both may be."""
    for sign in (True, False):
        core = smallest([_Part(tree, tree, sign)], names)
        if core is not None:
            return Verdict(sign, reason(core, sign, names), tuple(p.shown for p in core))
    return None


def of_catalog(catalog: Catalog) -> tuple[Finding, ...]:
    """Everything worth saying of the definitions of a project, in the order of their places."""
    names = names_of(catalog)
    out: list[Finding] = []
    for definition in catalog.definitions.values():
        if definition.origin is not None:
            out += findings(definition.checked.tree, names, definition.noun, definition.name, definition.origin)
    return tuple(sorted(out, key=lambda f: (f.place.file, f.place.line, f.place.column) if f.place else ("", 0, 0)))


def names_of(catalog: Catalog) -> Names:
    return Names({name: d.checked.tree for name, d in catalog.definitions.items()}, catalog.scope.events)


def findings(tree: Expr, names: Names, noun: str = "rule", name: str = "", origin: Origin | None = None) -> tuple[Finding, ...]:
    """What is worth saying of one checked expression.

    Args:
        tree: a condition, a `case` or a value.
        names: what the names in it stand for.
        noun, name: what the whole is called: a segment and its name; an expression that stands alone has none.
        origin: where it was read, for places.
    """
    whole = f"the {noun} {name!r}" if name else "this"
    out = list(_Judge(names).whole(tree, whole, ad_hoc=not name))
    if origin is None:
        return tuple(out)
    return tuple(
        Finding(f.code, f.message, f.hint, f.node, origin.place(f.node.span.start, max(f.node.span.end, f.node.span.start + 1)))
        for f in out
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """A condition asked to be true or false, and the node of the rule that is shown for it (a name, where it is behind one)."""

    shown: Expr
    node: Expr
    sign: bool

    @property
    def asked(self) -> Asked:
        return self.node, self.sign


def parts(part: _Part) -> list[_Part]:
    """What must hold for a part to be as it is asked, where that is several things at once."""
    node, sign = part.node, part.sign
    own = part.shown is node
    match node:
        case Not(arg=arg) if isinstance(arg, And | Or | Not):
            return parts(_Part(arg if own else part.shown, arg, not sign))
        case And(args=args) | Or(args=args) if isinstance(node, And) == sign:
            return [p for a in args for p in parts(_Part(a if own else part.shown, a, sign))]
    return [part]


def smallest(asked: Sequence[_Part], names: Names) -> list[_Part] | None:
    """Of parts that exclude each other, as few as still do; None where they may hold together."""
    found = [p for part in asked for p in parts(part)]
    if not exclude([p.asked for p in found], names):
        return None
    return fewer(found, names)


def fewer(found: list[_Part], names: Names) -> list[_Part]:
    kept = list(found)
    for part in reversed(found):
        rest = [p for p in kept if p is not part]
        if rest and exclude([p.asked for p in rest], names):
            kept = rest
    return kept


def looked_through(core: list[_Part], names: Names) -> list[_Part]:
    """The same with names replaced by those of their conditions that matter."""
    for _ in range(8):
        opened: list[_Part] = []
        for part in core:
            node = part.node
            inside = definition(node, names)
            opened += [part] if inside is None else parts(_Part(part.shown, inside, part.sign))
        if opened == core or not exclude([p.asked for p in opened], names):
            return core
        core = fewer(opened, names)
    return core


def definition(node: Expr, names: Names) -> Expr | None:
    """The condition behind a name."""
    if isinstance(node, Column) and node.part is None and not names.row and typed(node) == BOOLEAN:
        found = names.definitions.get(node.name)
        return None if isinstance(found, Fitted) else found
    return None


# --- words ----------------------------------------------------------------------------------------------------------------


def reason(core: list[_Part], never: bool, names: Names) -> str:
    """Why parts exclude each other."""
    opposite = len(core) == 2 and len({canonical(p.node.arg if isinstance(p.node, Not) else p.node) for p in core}) == 1
    deep = core if opposite else looked_through(core, names)
    said = list(dict.fromkeys(_said(p) for p in deep))
    through = [p for p in deep if p.shown is not p.node]
    if len(said) == 1:
        one = deep[0]
        inner = single(one, names)
        return f"{_text(one.shown)} stands for {said[0]}: {inner}" if through else inner
    tail = "".join(
        f"; {_text(shown)} asks for {' and '.join(dict.fromkeys(_said(p) for p in through if p.shown is shown))}"
        for shown in dict.fromkeys(p.shown for p in through)
    )
    if not never:
        if len(said) == 2:
            return f"one of {_text(deep[0].node)} and {_text(deep[1].node)} always holds{tail}"
        return f"one of {_listed([_text(p.node) for p in deep])} always holds{tail}"
    if len(said) == 2:
        return f"{said[0]} and {said[1]} exclude each other{tail}"
    return f"{_listed(said)} exclude each other, all together{tail}"


def single(part: _Part, names: Names) -> str:
    """Why a condition by itself is never as it is asked to be."""
    node, sign = part.node, part.sign
    if isinstance(node, Not):
        return single(_Part(node.arg, node.arg, not sign), names)
    if isinstance(node, Literal):
        return f"it is written as {literal(node.value)}"
    if isinstance(node, And | Or):
        return "none of its parts can be" if isinstance(node, Or) == sign else "its parts exclude each other"
    if isinstance(node, Apply) and node.op == "between" and sign and all(isinstance(a, Literal) for a in node.args[1:]):
        low, high = node.args[1:]
        if exclude([(Apply("<=", (low, high), type=BOOLEAN), True)], names):
            return f"nothing lies between {_text(low)} and {_text(high)}: the smaller stands first"
    if isinstance(node, Apply) and node.args:
        if LEAVES[node.op].shape == "comparison" and isinstance(node.args[0], Apply) and LEAVES[node.args[0].op].settles:
            return f"{_text(node.args[0])} never gives {_text(node.args[1])}"
        limits = _limits(node.args[0], names)
        if limits and not all(isinstance(a, Literal) for a in node.args):
            return f"{_text(node.args[0])} is {limits}"
    if isinstance(node, Measure) and node.where is not None:
        return "its condition can never be true"
    if isinstance(node, Members):
        return "what it asks of the members can never be true"
    return f"{_text(node)} is {'never' if sign else 'always'} true"


def _limits(operand: Expr, names: Names) -> str:
    """What an operand can be, in words."""
    labels = labels_of(operand, names)
    if labels:
        return f"one of {_listed([literal(x) for x in sorted(labels)])}"
    least, most = gives(stands_for(operand, names))
    found = fitted_of(operand, names)
    strictly = False
    if found is not None:
        values = FITTED[found[0].function].values(*found)
        if isinstance(values, tuple):
            least, most, strictly = values
    if least is not None and most is not None:
        return f"between {least} and {most}{', and never just these' if strictly else ''}"
    if least is not None:
        return f"never below {least}"
    return ""


def labels_of(operand: Expr, names: Names) -> frozenset[str] | None:
    """The texts that a segmentation, a `case` or a fitted label can be, where they are known."""
    found = fitted_of(operand, names)
    if found is not None:
        values = FITTED[found[0].function].values(*found)
        return values if isinstance(values, frozenset) else None
    operand = stands_for(operand, names)
    if not isinstance(operand, Case) or typed(operand) != TEXT:
        return None
    results = [then for _, then in branches(operand)]
    texts = [r.value for r in results if isinstance(r, Literal) and isinstance(r.value, str)]
    return frozenset(texts) if len(texts) == len(results) else None


def stands_for(operand: Expr, names: Names) -> Expr:
    """What a name stands for, through other names."""
    while isinstance(operand, Column) and operand.part is None and not names.row and operand.name in names.definitions:
        operand = names.definitions[operand.name]
    return operand


def fitted_of(operand: Expr, names: Names) -> tuple[Fitted, str] | None:
    """The fitted call, and the part of it, that an operand is."""
    part = (operand.part or "") if isinstance(operand, Column) else ""
    while isinstance(operand, Column) and not names.row and operand.name in names.definitions:
        operand = names.definitions[operand.name]
    return (operand, part) if isinstance(operand, Fitted) else None


MOST_TEXT = 60
"""Longer conditions are cut where they are named in a sentence."""


def _text(node: Expr) -> str:
    text = canonical(node)
    return f"`{text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + '…'}`"


def _said(part: _Part) -> str:
    """A part as a condition that has to hold."""
    if part.sign:
        return _text(part.node)
    return _text(part.node.arg if isinstance(part.node, Not) else Not(part.node))


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


# --- a definition -----------------------------------------------------------------------------------------------------------


@dataclass
class _Judge:
    names: Names

    def whole(self, tree: Expr, what: str, *, ad_hoc: bool) -> Iterator[Finding]:
        """All findings of an expression, those within it first."""
        strange = list(self.strange_labels(tree))
        yield from strange
        told = {id(f.node) for f in strange}
        inner = list(self.below(tree, told))
        yield from inner
        told |= {id(f.node) for f in inner}  # the rule around it is so because of that
        if tree.type == BOOLEAN and not isinstance(tree, Case):
            yield from self.condition(tree, what, told, ad_hoc=ad_hoc)

    def condition(self, tree: Expr, what: str, told: set[int], *, ad_hoc: bool) -> Iterator[Finding]:
        """A condition as a whole; where nothing is to be said of that, its parts."""
        found = verdict(tree, self.names)
        if found is None:
            if isinstance(tree, And | Or):
                for arg in tree.args:
                    yield from self.part(arg, isinstance(tree, Or), told)
            return
        if any(id(n) in told for node in found.nodes for n in walk(node)):
            return
        if not ad_hoc and len(found.nodes) == 1 and definition(found.nodes[0], self.names) is not None:
            return  # said where that name is defined
        yield self.said(found, what)

    def said(self, found: Verdict, what: str) -> Finding:
        node = found.nodes[-1]
        if found.never:
            hint = "write `or` between what need not hold at once" if len(found.nodes) > 1 else "nobody will ever be counted in"
            return Finding("W110", f"{what} can never be true: {found.why}", hint, node)
        always = "is always true" if self.sure(found.nodes) else "is true of everybody of whom it is known"
        return Finding("W111", f"{what} {always}: {found.why}", "a rule that asks nothing more can be left out", node)

    def sure(self, nodes: Sequence[Expr]) -> bool:
        """Whether a condition that is never false is never unknown either, as far as can be told."""
        return not any(self.unknown(n) for n in nodes)

    def unknown(self, node: Expr) -> bool:
        """Whether a part may be missing or unknown."""
        match node:
            case Literal() | Steps() | Apply(op="is missing" | "is known" | "sample" | "in_list" | "as_of"):
                return False
            case Members(quantifier="count"):
                return False
            case Measure(aggregation="count" | "exists" | "distinct", event=event, window=window):
                info = self.names.events.get(event)
                return info is None or info.partial or isinstance(window, Around)
            case WindowTest(value=value, window=window) if isinstance(stands_for(value, self.names), Measure):
                measured = stands_for(value, self.names)
                assert isinstance(measured, Measure)
                info = self.names.events.get(measured.event)
                around = isinstance(window, Around) or isinstance(measured.window, Around)
                return info is None or info.partial or around or measured.column != "time"
            case Column() if stands_for(node, self.names) is not node:
                return self.unknown(stands_for(node, self.names))
            case And() | Or() | Not():
                return any(self.unknown(c) for c in children(node))
            case Apply(op="=" | "<" | "<=" | ">" | ">=" | "between" | "in", args=args):
                return any(self.unknown(a) for a in args)
            case _:
                return True

    def part(self, node: Expr, of_or: bool, told: set[int]) -> Iterator[Finding]:
        """A part of a rule that may be true and false as a whole: one that never helps an `or`, or never narrows an `and`."""
        core = smallest([_Part(node, node, of_or)], self.names)
        if core is not None:
            named = len(core) == 1 and definition(core[0].shown, self.names) is not None
            known = any(id(n) in told for p in core for n in walk(p.shown))
            if not named and not known:
                found = Verdict(of_or, reason(core, of_or, self.names), tuple(p.shown for p in core))
                yield self.said(found, f"{_text(node)}, a part of this rule,")
        elif isinstance(node, And | Or):
            for arg in node.args:
                yield from self.part(arg, isinstance(node, Or), told)

    def below(self, tree: Expr, told: set[int]) -> Iterator[Finding]:
        """What stands within: branches of `case`, conditions of measures and of the members of an account."""
        match tree:
            case Case():
                yield from self.branches(tree, told)
            case Measure(where=where) if where is not None:
                yield from self.where(where, told, f"the condition of {tree.aggregation}({tree.event} where …)")
                return
            case Steps(steps=steps):
                for step in steps:
                    if step.where is not None:
                        yield from self.where(step.where, told, f"the condition of {step.event} in this sequence")
                return
            case Members(quantifier=quantifier, where=where) if where is not None:
                yield from self.condition(where, f"the condition of {quantifier}(members where …)", told, ad_hoc=False)
            case _:
                pass
        for child in children(tree):
            yield from self.below(child, told)

    def where(self, where: Expr, told: set[int], what: str) -> Iterator[Finding]:
        inner = _Judge(self.names.of_row)
        yield from inner.condition(where, what, told, ad_hoc=True)
        yield from inner.below(where, told)

    def branches(self, case: Case, told: set[int]) -> Iterator[Finding]:
        before: list[_Part] = []
        for when, then in case.branches:
            core = smallest([*before, _Part(when, when, True)], self.names)
            if core is not None and not any(id(n) in told for n in walk(when)):
                yield self.unreached(when, then, core)
            before.append(_Part(when, when, False))
        if case.otherwise is not None:
            core = smallest(before, self.names)
            if core is not None:
                node = case.branches[-1][0]
                yield self.unreached(node, case.otherwise, core, otherwise=True)

    def unreached(self, node: Expr, then: Expr, core: list[_Part], *, otherwise: bool = False) -> Finding:
        what = f"the label {literal(then.value)}" if isinstance(then, Literal) else "this branch"
        earlier = list(dict.fromkeys(_text(p.node) for p in core if not p.sign))
        if otherwise:
            return Finding("W112", f"{what} is never reached: {_listed(earlier)} leave nobody", "leave it out", node)
        if not earlier:
            why = f"its rule can never be true: {reason(core, True, self.names)}"
            return Finding("W112", f"{what} is never reached: {why}", "nobody will ever have it", node)
        why = (
            f"whoever meets its rule meets {_listed(earlier)} before it"
            if len(earlier) == 1
            else (f"who meets its rule meets one of {_listed(earlier)} before it")
        )
        return Finding("W112", f"{what} is never reached: {why}", "the first that holds wins: put the narrower rule first", node)

    def strange_labels(self, tree: Expr) -> Iterator[Finding]:
        """Comparisons with a label that there is not."""
        for node in walk(tree):
            if not isinstance(node, Apply) or node.op not in ("=", "in") or len(node.args) < 2:
                continue
            first, rest = node.args[0], node.args[1:]
            if isinstance(first, Literal) and node.op == "=":
                first, rest = rest[0], (first,)
            labels = labels_of(first, self.names)
            if labels is None:
                continue
            for item in rest:
                if isinstance(item, Literal) and isinstance(item.value, str) and item.value not in labels:
                    close = nearest(item.value, labels)
                    hint = did_you_mean(item.value, labels, "Its labels are")
                    message = f"{_text(first)} is never {literal(item.value)}"
                    yield Finding("W113", message, hint if close else hint[:1].upper() + hint[1:], node)


__all__ = ["Finding", "Names", "Verdict", "findings", "names_of", "of_catalog", "verdict"]
