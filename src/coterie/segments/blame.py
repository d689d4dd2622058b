"""What is to blame where a condition is unknown, as SQL: the same rules as `language/evaluate` has for one customer.

A missing name blames itself; of and / or the unknown sides are to blame; of an operation its missing arguments, and where none
is missing (a division by zero) the operation itself.
"""

from collections.abc import Iterable

from sqlglot import exp

from coterie.core.windows import Around
from coterie.language.compile import Compiler
from coterie.language.format import format as canonical
from coterie.language.functions import LEAVES
from coterie.language.tree import And, Apply, Case, Column, Expr, Fitted, Literal, Measure, Members, Not, Or, WindowTest, typed
from coterie.language.types import INTEGER, MONEY
from coterie.traits.batch import may_fail

Blames = dict[str, exp.Expression]
"""By name, the condition under which a node is missing on its account."""


def is_plain(node: Expr) -> bool:
    """Whether a condition reads one name directly and can be unknown on no other account, so that nothing has to be asked."""
    if isinstance(node, Column | Fitted):
        return True
    if isinstance(node, Measure):
        return not isinstance(node.window, Around)
    if not isinstance(node, Apply | WindowTest) or may_fail(node):
        return False
    if isinstance(node, WindowTest):
        return not isinstance(node.window, Around) and isinstance(node.value, Column | Measure) and is_plain(node.value)
    read = [a for a in node.args if not isinstance(a, Literal)]
    return len(set(read)) == 1 and isinstance(read[0], Column | Measure | Fitted) and is_plain(read[0])


def read_by(node: Expr) -> str:
    """The name that a plain condition reads."""
    match node:
        case Apply(args=args):
            return next(read_by(a) for a in args if not isinstance(a, Literal))
        case WindowTest(value=value):
            return read_by(value)
        case Column(name=name, part=part):
            return name if part is None else f"{name}.{part}"
        case _:
            return canonical(node)


def blames(node: Expr, c: Compiler, *, asked: bool = False) -> Blames:
    """What is to blame for a missing value of a node, by name.

    Args:
        asked: the caller looks only where the node is missing, so that this need not be asked again.
    """
    q = c.q

    def here(found: Blames) -> Blames:
        return found if asked else where(missing(node), found, c)

    def missing(of: Expr) -> exp.Expression:
        return q.is_null(c.sql(of))

    match node:
        case Column() | Fitted():
            return {read_by(node): missing(node)}
        case Measure(window=window):
            out = {canonical(node): missing(node)}
            if isinstance(window, Around):
                known = q.not_(q.is_null(c.anchor(window)))
                out = {canonical(node): q.all([missing(node), known])}
                return together([out, {window.anchor: q.is_null(c.anchor(window))}], c)
            return out
        case And(args=args) | Or(args=args):
            return here(together([blames(a, c) for a in args], c))
        case Not(arg=arg):
            return blames(arg, c, asked=asked)
        case WindowTest(value=value, window=window):
            parts = [blames(value, c)]
            if isinstance(window, Around):
                parts.append({window.anchor: q.is_null(c.anchor(window))})
            return here(together(parts, c))
        case Apply(op=op, args=args):
            found = together([blames(a, c) for a in args], c)
            bounded = any(c.bounds(a) is not None for a in args)
            if not LEAVES[op].strict or bounded:
                found = here(found)
            if may_fail(Apply(op)) or typed(node) == MONEY:
                given = [q.not_(missing(a)) for a in args if not isinstance(a, Literal)]
                found = together([found, here({canonical(node): q.all(given)})], c)
            return found
        case Case():
            return of_case(node, c)
        case Members(where=inner) if inner is not None and node.quantifier != "count":
            found = blames(inner, c)
            return here({name: c.names.members(Members("any"), sql) for name, sql in found.items()})
        case _:
            return {}


def of_case(node: Case, c: Compiler) -> Blames:
    """The first condition that is unknown; else the branch taken."""
    q = c.q
    parts: list[Blames] = []
    so_far: list[exp.Expression] = []

    def taken(then: Expr, reached: list[exp.Expression]) -> None:
        parts.append(where(q.all(reached), blames(then, c), c))
        if typed(then) == INTEGER and typed(node) == MONEY:
            too_large = [q.not_(q.is_null(c.sql(then))), q.is_null(c.sql(node))]
            parts.append({canonical(node): q.all([*reached, *too_large])})

    for condition, then in node.branches:
        sql = c.sql(condition)
        parts.append(where(q.all(so_far), blames(condition, c), c))
        taken(then, [*so_far, q.call("coalesce", sql, q.literal(False))])
        so_far = [*so_far, q.call("coalesce", q.not_(sql), q.literal(False))]
    if node.otherwise is None:
        parts.append({canonical(node): q.all(so_far)})
    else:
        taken(node.otherwise, so_far)
    return together(parts, c)


def where(condition: exp.Expression, found: Blames, c: Compiler) -> Blames:
    return {name: c.q.all([condition, sql]) for name, sql in found.items()}


def together(parts: Iterable[Blames], c: Compiler) -> Blames:
    out: dict[str, list[exp.Expression]] = {}
    for part in parts:
        for name, sql in part.items():
            out.setdefault(name, []).append(sql)
    return {name: c.q.any(list(dict.fromkeys(sqls))) for name, sqls in out.items()}
