"""What an answer hangs on: everything that an expression comes to through the names of its definitions."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from coterie.core.windows import Around, Window
from coterie.language import tree
from coterie.language.evaluate import World
from coterie.language.functions import LEAVES
from coterie.language.tree import Expr


@dataclass
class Reach:
    """The parts of an expression and of all definitions below it, each in the order met.

    Attributes:
        values: nodes over the customer, whose value can be asked for.
        conditions: by kind of event, what `where`s ask of its rows.
        columns: the customer's columns that no definition explains, account columns included.
        clock: whether a function reads the time: "daily", "timed".
    """

    values: list[Expr] = field(default_factory=list)
    conditions: dict[str, list[Expr]] = field(default_factory=dict)
    columns: dict[tuple[str, str | None], tree.Column] = field(default_factory=dict)
    clock: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    covered: set[str] = field(default_factory=set)

    @property
    def measures(self) -> list[tree.Measure]:
        return [n for n in self.values if isinstance(n, tree.Measure)]

    @property
    def sequences(self) -> list[tree.Sequence]:
        return [n for n in self.values if isinstance(n, tree.Sequence)]

    @property
    def tests(self) -> list[tree.WindowTest]:
        return [n for n in self.values if isinstance(n, tree.WindowTest)]

    @property
    def kinds(self) -> list[str]:
        """The kinds of event that matter."""
        measured = [m.event for m in self.measures]
        return list(dict.fromkeys([*measured, *(s.event for q in self.sequences for s in q.steps)]))

    def literals(self) -> list[tree.Literal]:
        """Every value written anywhere."""
        rows = [n for conditions in self.conditions.values() for c in conditions for n in tree.walk(c)]
        return [n for n in [*self.values, *rows] if isinstance(n, tree.Literal)]

    def windows(self) -> list[Window]:
        nodes = (n for n in self.values if isinstance(n, tree.Measure | tree.Sequence | tree.WindowTest))
        return [n.window for n in nodes if n.window is not None]


def reach(expr: Expr, world: World) -> Reach:
    """Everything below an expression, through definitions and the coverage of the sources it measures."""
    out = Reach()
    _over_customer([expr], world, out)
    return out


def _over_customer(nodes: Iterable[Expr], world: World, out: Reach) -> None:
    stack = list(nodes)[::-1]
    while stack:
        node = stack.pop()
        out.values.append(node)
        match node:
            case tree.Column(name=name, part=part):
                _name(tree.Column(name, part, type=node.type), world, out, stack)
            case tree.Measure(event=event, where=where, window=window):
                _row(event, where, out)
                _anchor(window, world, out, stack)
                coverage = world.coverage.get(event)
                if coverage is not None and coverage.covers is not None and event not in out.covered:
                    out.covered.add(event)
                    stack.append(coverage.covers)
            case tree.Sequence(steps=steps, window=window):
                for step in steps:
                    _row(step.event, step.where, out)
                _anchor(window, world, out, stack)
            case tree.Fitted() | tree.EventColumn():
                pass
            case _:
                if isinstance(node, tree.WindowTest):
                    _anchor(node.window, world, out, stack)
                if isinstance(node, tree.Apply) and LEAVES[node.op].live:
                    out.clock.add(str(LEAVES[node.op].live))
                stack.extend(reversed(tree.children(node)))


def _name(node: tree.Column, world: World, out: Reach, stack: list[Expr]) -> None:
    if node.part is None and node.name in world.definitions:
        if node.name not in out.seen:
            out.seen.add(node.name)
            stack.append(world.definitions[node.name])
    elif node.part is None or node.name == "account":
        out.columns.setdefault((node.name, node.part), node)


def _anchor(window: Window | None, world: World, out: Reach, stack: list[Expr]) -> None:
    if isinstance(window, Around):
        _name(tree.Column(window.anchor), world, out, stack)


def _row(event: str, where: Expr | None, out: Reach) -> None:
    conditions = out.conditions.setdefault(event, [])
    if where is not None:
        conditions.append(where)
        out.clock.update(str(LEAVES[n.op].live) for n in tree.walk(where) if isinstance(n, tree.Apply) and LEAVES[n.op].live)
