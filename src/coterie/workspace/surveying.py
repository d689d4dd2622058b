"""Survey scales: how far the items of a trait such as `mean_of(q1, 7 - q2, q3)` measure one thing, and the fewest questions
that tell which group somebody is in."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from sqlglot import exp

from coterie.core.errors import DefinitionError, UnknownName, did_you_mean
from coterie.language.format import format as format_expr
from coterie.language.tree import Apply, Column, Expr, Fitted, Measure, children, typed, walk
from coterie.language.types import NUMBERS, TEXT
from coterie.models.clusters.fitted import OUTLIER
from coterie.models.surveys.scales import Reliability, Scale, reliability
from coterie.models.surveys.typing_tool import FEWEST, Projection, typing_tool
from coterie.traits.batch import KEY, quoted, relation
from coterie.workspace.answers import ANSWERS
from coterie.workspace.fitting import SEED
from coterie.workspace.results import Results
from coterie.workspace.run import TRAITS


@dataclass(frozen=True, slots=True)
class Measured:
    """A scale of the project with its reliability."""

    name: str
    items: tuple[str, ...]
    found: Reliability

    def to_json(self) -> dict[str, Any]:
        return {
            "scale": self.name,
            "items": list(self.items),
            "alpha": self.found.alpha,
            "alpha_without": dict(self.found.without),
            "towards_the_others": dict(self.found.towards),
            "respondents": self.found.respondents,
            "notes": list(self.found.notes),
        }


def scales(results: Results) -> dict[str, tuple[Expr, ...]]:
    """The traits that are scales, with the answers they are made of, reversed ones as they count."""
    found = {d.name: d.checked.tree for d in results.catalog.of("trait")}
    return {name: tree.args for name, tree in found.items() if isinstance(tree, Apply) and tree.op == "mean_of"}


def measured(results: Results, names: Sequence[str] = ()) -> list[Measured]:
    """The reliability of scales, all of them where none is named.

    Raises:
        UnknownName: a name is no scale. Degenerate: an item that nobody, or everybody alike, has answered.
    """
    known = scales(results)
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known, "Scales are") if known else "a scale is a trait such as mean_of(q1, 7 - q2, q3)"
            raise UnknownName(f"there is no scale {name!r}", code="E108", hint=hint)
    out = []
    for name in names or known:
        answers = answered(results, known[name])
        items = tuple(answers.column_names)
        spread = np.concatenate([np.asarray(answers.column(i).drop_null(), float) for i in items])
        low, high = (float(spread.min()), float(spread.max())) if len(spread) else (0.0, 0.0)
        out.append(Measured(name, items, reliability(Scale(name, items, (), low, high), answers)))
    return out


def answered(results: Results, items: Sequence[Expr]) -> pa.Table:
    """Everybody's answers, one column an item."""
    compiler = results.compiler()
    columns = [exp.Cast(this=compiler.sql(i), to=exp.DataType.build("DOUBLE")).as_(format_expr(i), quoted=True) for i in items]
    query = exp.select(quoted(KEY), *columns).from_(relation(TRAITS)).order_by(quoted(KEY))
    return results.engine.fetch(query, "answers").drop_columns([KEY])


def answers_in(item: Expr) -> Iterator[tuple[str, Expr]]:
    """The answers that an item of a scale is made of: columns, or what was answered last (`last(survey.q1)`), by their name."""
    if isinstance(item, Measure):
        yield item.column or format_expr(item), item
    elif isinstance(item, Column):
        yield item.name, item
    else:
        for child in children(item):
            yield from answers_in(child)


def taken_as_they_are(results: Results, tree: Expr) -> dict[str, Expr]:
    """The answers of groups that were made of answers: traits `last(survey.q1)` that are numbers."""
    if not isinstance(tree, Fitted):
        return {}
    traits = {d.name: d.checked.tree for d in results.catalog.of("trait")}
    named = {arg.name: traits[arg.name] for arg in tree.args if isinstance(arg, Column) and arg.name in traits}
    return {n: t for n, t in named.items() if isinstance(t, Measure) and t.aggregation in ANSWERS and typed(t) in NUMBERS}


def questions(results: Results, name: str, most: int) -> Projection:
    """The fewest questions that tell the label of a segmentation.

    Raises:
        UnknownName: there is no such segmentation. DefinitionError: it is not made of scales.
    """
    definitions = results.catalog.definitions
    if name not in definitions or definitions[name].checked.type != TEXT:
        known = [d.name for d in results.catalog.of("segmentation")]
        raise UnknownName(f"there is no segmentation {name!r}", code="E108", hint=did_you_mean(name, known, "Segmentations are"))
    known_scales = scales(results)
    asked: dict[str, Expr] = {}
    left, seen = [definitions[name].checked.tree], {name}
    while left:
        for node in walk(left.pop()):
            if not isinstance(node, Column) or node.name in seen:
                continue
            seen.add(node.name)
            if node.name in known_scales:
                asked |= {q: a for item in known_scales[node.name] for q, a in answers_in(item)}
            elif node.name in definitions:
                left.append(definitions[node.name].checked.tree)
    asked = asked or taken_as_they_are(results, definitions[name].checked.tree)
    if not asked:
        raise DefinitionError(
            f"{name} is not made of scales", code="E170", hint="scales are traits such as mean_of(q1, 7 - q2, q3)"
        )
    answers = answered(results, list(asked.values()))
    query = exp.select(quoted(KEY), quoted(name)).from_(relation(TRAITS)).order_by(quoted(KEY))
    labels = results.engine.fetch(query).column(name).to_pylist()
    sizes = Counter(labels)
    told = [label if label != OUTLIER and sizes[label] >= FEWEST else None for label in labels]  # too few to tell
    return typing_tool(answers, told, questions=most, seed=SEED)
