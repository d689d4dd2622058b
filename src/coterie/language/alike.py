"""One spelling for rules that say the same: names looked through, conditions in one order, each negation at a leaf.

Two rules of the same normal form mean the same for every customer, also where something is missing. Other rules may mean the
same too: this is a spelling, not a proof.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from coterie.language.format import format as canonical
from coterie.language.tree import And, Apply, Case, Column, Expr, Fitted, Literal, Measure, Members, Not, Or, Sequence, WindowTest

MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""A comparison read from its right side."""
OPPOSITE = {"<": ">=", ">=": "<", ">": "<=", "<=": ">"}
MOST_NODES = 5_000
"""A rule that grows beyond this when its names are looked through keeps the names."""


class _TooLarge(Exception):
    """A rule that grows too much."""


def normal(tree: Expr, names: Mapping[str, Expr]) -> str:
    """The normal form of a checked expression as canonical text.

    Args:
        tree: the expression.
        names: what names stand for; those that are not in it stay.
    """
    try:
        return canonical(_Normal(names).of(tree))
    except _TooLarge:
        return canonical(_Normal({}).of(tree))


def conjuncts(tree: Expr, names: Mapping[str, Expr]) -> frozenset[str]:
    """The normal forms of the conditions that a rule joins by `and`."""
    try:
        found = _Normal(names).of(tree)
    except _TooLarge:
        found = _Normal({}).of(tree)
    return frozenset(canonical(a) for a in (found.args if isinstance(found, And) else (found,)))


class _Normal:
    def __init__(self, names: Mapping[str, Expr]):
        self.names, self.nodes = names, 0

    def of(self, node: Expr, sign: bool = True) -> Expr:
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise _TooLarge
        match node:
            case Not(arg=arg):
                return self.of(arg, not sign)
            case And(args=args) | Or(args=args):
                both = isinstance(node, And) == sign
                return _joined(tuple(self.of(a, sign) for a in args), And if both else Or)
            case Column(name=name, part=None) if name in self.names and not isinstance(self.names[name], Fitted):
                return self.of(self.names[name], sign)
            case Apply(op="between", args=(x, low, high)):
                pair = (Apply(">=", (x, low)), Apply("<=", (x, high)))
                return self.of(And(pair), sign)
            case Apply(op="in", args=(x, *values)):
                if len(values) == 1:
                    return self.of(Apply("=", (x, values[0])), sign)
                listed = {canonical(self.of(v)): self.of(v) for v in values}
                return _signed(Apply("in", (self.of(x), *(listed[k] for k in sorted(listed)))), sign)
            case Apply(op=op, args=(a, b)) if op in MIRRORED:
                return self.comparison(op, self.of(a), self.of(b), sign)
            case _:
                return _signed(self.below(node), sign)

    def comparison(self, op: str, a: Expr, b: Expr, sign: bool) -> Expr:
        if isinstance(a, Literal) and not isinstance(b, Literal):
            a, b, op = b, a, MIRRORED[op]
        if not sign and op in OPPOSITE:
            op, sign = OPPOSITE[op], True
        if op == "=" and isinstance(b, Literal) and isinstance(b.value, bool):
            return self.of(a, sign == b.value)
        if isinstance(a, Measure) and a.aggregation == "count" and isinstance(b, Literal):
            at_least_one = (op, b.value) in ((">", 0), (">=", 1))
            none = (op, b.value) in (("=", 0), ("<", 1), ("<=", 0))
            if (at_least_one or none) and a.column is None:
                return _signed(replace(a, aggregation="exists"), sign == at_least_one)
        return _signed(Apply(op, (a, b)), sign)

    def below(self, node: Expr) -> Expr:
        """The node with what is below it in normal form."""
        match node:
            case Literal(value=int() | Decimal() as value) if not isinstance(value, bool):
                whole = Decimal(value)
                return Literal(int(whole) if whole == whole.to_integral_value() else whole.normalize())
            case Apply(args=args):
                return replace(node, args=tuple(self.of(a) for a in args))
            case Case(branches=branches, otherwise=otherwise):
                told = tuple((self.of(when), self.of(then)) for when, then in branches)
                return replace(node, branches=told, otherwise=None if otherwise is None else self.of(otherwise))
            case WindowTest(value=value):
                return replace(node, value=self.of(value))
            case Measure(where=where) if where is not None:
                return replace(node, where=_Normal({}).of(where))
            case Members(where=where) if where is not None:
                return replace(node, where=self.of(where))
            case Sequence(steps=steps):
                told_steps = tuple(s if s.where is None else replace(s, where=_Normal({}).of(s.where)) for s in steps)
                return replace(node, steps=told_steps)
            case _:
                return node


def _signed(node: Expr, sign: bool) -> Expr:
    return node if sign else Not(node)


def _joined(args: tuple[Expr, ...], kind: type[And] | type[Or]) -> Expr:
    flat = [b for a in args for b in (a.args if isinstance(a, And | Or) and isinstance(a, kind) else (a,))]
    once = {canonical(a): a for a in flat}
    told = tuple(once[text] for text in sorted(once))
    return told[0] if len(told) == 1 else kind(told)
