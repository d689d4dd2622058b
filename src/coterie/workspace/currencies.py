"""Amounts of several currencies do not add: a model over them is refused, with what would make one currency of them.

An amount is in several where the events have a column of currencies that holds more than one, or where what is predicted
takes amounts of columns whose currencies are said to differ. Nothing is said against a column whose currency the source states,
nor against a measure that looks at the currency itself.
"""

import re
from collections import Counter
from collections.abc import Iterator

from sqlglot import exp

from coterie.core.errors import Degenerate
from coterie.language.names import written
from coterie.language.tree import Column, EventColumn, Expr, Fitted, Measure, typed, walk
from coterie.language.types import NUMBERS, Kind
from coterie.sources.vocabulary import meanings
from coterie.traits.batch import quoted, relation
from coterie.workspace.ground import Ground
from coterie.workspace.results import event_view
from coterie.workspace.run import builder

CODE = re.compile(r"[A-Z]{3}|[€£$¥₹]")
CERTAIN = 0.5
"""How surely a name has to mean something."""

Amount = tuple[str, str]
"""A kind of event and its column."""


def one_currency(ground: Ground, call: Fitted) -> None:
    """See to it that a model adds up amounts of one currency only.

    Raises:
        Degenerate: there are several.
    """
    said: dict[str, Amount] = {}
    for event, column, where in amounts(call):
        currency = currency_column(ground, event)
        stated = ground.gathered.events[event].currencies.get(column)
        if stated is not None:
            said.setdefault(stated, (event, column))
        elif currency is not None and not looks_at(where, currency):
            found = codes(ground, event, column, currency)
            if len(found) > 1:
                raise Degenerate(_several(found, event, column), hint=_hint(ground, found, event, column, currency))
    if len(said) > 1:
        named = " and ".join(f"{event}.{column} in {code}" for code, (event, column) in said.items())
        raise Degenerate(
            f"{named} do not add up", hint="predict each by itself, or bring them to one currency with `columns:` of their sources"
        )


def amounts(call: Fitted) -> Iterator[tuple[str, str, Expr | None]]:
    """What a model adds up of events: kind, column, and the condition on the events."""
    if call.function == "lifetime_value":
        stream = call.args[0]
        assert isinstance(stream, EventColumn)
        yield stream.event, stream.column, None
    elif call.function == "predict":
        for node in walk(call.args[0]):
            if isinstance(node, Measure) and node.column is not None and is_amount(node):
                yield node.event, node.column, node.where


def is_amount(measure: Measure) -> bool:
    """Whether a measure is one of money: by its type, or by the name of its column."""
    assert measure.column is not None
    if typed(measure).kind is Kind.MONEY:
        return True
    meant = meanings(measure.column)
    return typed(measure) in NUMBERS and max(meant.get("amount", 0), meant.get("price", 0)) >= CERTAIN


def currency_column(ground: Ground, event: str) -> str | None:
    """The column of a kind of event that by its name holds currencies."""
    columns = ground.gathered.events[event].columns
    return next((c for c, t in columns.items() if t.kind is Kind.TEXT and meanings(c).get("currency", 0) >= CERTAIN), None)


def looks_at(where: Expr | None, column: str) -> bool:
    return where is not None and any(isinstance(n, Column) and n.name == column for n in walk(where))


def codes(ground: Ground, event: str, column: str, currency: str) -> Counter[str]:
    """How many events have an amount in each currency."""
    q = builder(ground.engine, ground.context(ground.loaded))
    query = exp.select(quoted(currency), q.count_rows()).from_(relation(event_view(event)))
    known = q.not_(q.is_null(quoted(column)))
    found: Counter[str] = Counter()
    for value, rows in ground.engine.rows(query.where(known).group_by(quoted(currency))):
        code = str(value or "").strip().upper()
        if CODE.fullmatch(code):
            found[code] += int(str(rows))
    return found


def _several(found: Counter[str], event: str, column: str) -> str:
    listed = ", ".join(f"{rows:,} {code}" for code, rows in found.most_common(5))
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    return f"{event}.{column} is in {len(found)} currencies ({listed}{more} events), and amounts of different ones do not add up"


def _hint(ground: Ground, found: Counter[str], event: str, column: str, currency: str) -> str:
    (first, _), (other, _) = found.most_common(2)
    name, own = written(currency), written(column)
    source = ground.gathered.events[event].source
    return (
        f"bring them to one where they are read, in the source {source}: `columns: {{{own}: case when {name} = '{other}' "
        f"then {own} * 1.1 else {own} end}}` with the rates of yours, and `currency: {first}`; or take one alone by "
        f"`where: {name} = '{first}'`"
    )
