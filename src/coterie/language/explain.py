"""Why a customer is where they are: each part of a rule with what was found and what that makes of it."""

from dataclasses import dataclass

from coterie.language import tree
from coterie.language.change import Change, in_words
from coterie.language.changes import changes
from coterie.language.describe import describe
from coterie.language.evaluate import Customer, Evaluation, Missing, Result, World, is_condition
from coterie.language.format import format as canonical
from coterie.language.tree import Expr

__all__ = ["Change", "Reason", "changes", "explain", "in_words"]


@dataclass(frozen=True, slots=True)
class Reason:
    """One part of a rule for one customer.

    Attributes:
        text: the part in canonical text.
        words: the part in English.
        value: what was found.
        condition: whether the part is true, false or unknown (otherwise it is a value).
        names: what is to blame where nothing could be found.
        children: the parts below it that decide it: conditions under `and`, the values that a comparison compares, the
            definition behind a name.
        member: the customer of the account for whom this part was answered, where that is another one.
    """

    text: str
    words: str
    value: Result
    condition: bool
    names: frozenset[str]
    children: tuple["Reason", ...] = ()
    member: str | None = None

    @property
    def truth(self) -> bool | None:
        """True, false, or None for unknown; None too for a value."""
        return self.value if isinstance(self.value, bool) and self.condition else None


def explain(expr: Expr, customer: Customer, world: World) -> Reason:
    """The reason for an answer: a tree that follows the expression, through names, to what was found.

    Args:
        expr: a checked tree.
        customer, world: as for `evaluate`.
    """
    return _reason(expr, Evaluation(customer, world))


def _reason(node: Expr, run: Evaluation, member: str | None = None) -> Reason:
    value = run.value(node)
    condition = is_condition(node, run.world)
    names = value.names if isinstance(value, Missing) else frozenset()
    below = _below(node, run)
    return Reason(canonical(node), describe(node), value, condition, names, below, member)


def _below(node: Expr, run: Evaluation) -> tuple[Reason, ...]:
    match node:
        case tree.And(args=args) | tree.Or(args=args):
            return tuple(_reason(a, run) for a in args)
        case tree.Not(arg=arg):
            return (_reason(arg, run),)
        case tree.Apply(args=args):
            return tuple(_reason(a, run) for a in args if not isinstance(a, tree.Literal))
        case tree.WindowTest(value=value):
            return (_reason(value, run),)
        case tree.Column(name=name, part=None) if name in run.world.definitions:
            definition = run.world.definitions[name]
            return () if isinstance(definition, tree.Fitted) else (_reason(definition, run),)
        case tree.Case():
            return _branches(node, run)
        case tree.Members(where=where) if where is not None:
            others = [(m, Evaluation(m, run.world, run.known, run.counted)) for m in run.customer.members]
            return tuple(_reason(where, one, m.id) for m, one in others)
        case _:
            return ()


def _branches(node: tree.Case, run: Evaluation) -> tuple[Reason, ...]:
    """The conditions up to the one that decided, and the result where it is more than a written value."""
    out = []
    for condition, result in node.branches:
        reason = _reason(condition, run)
        out.append(reason)
        if reason.truth is not False:
            if reason.truth and not isinstance(result, tree.Literal):
                out.append(_reason(result, run))
            return tuple(out)
    if node.otherwise is not None and not isinstance(node.otherwise, tree.Literal):
        out.append(_reason(node.otherwise, run))
    return tuple(out)
