"""From machine to rule: a group, a label, a score band or any condition as a short rule that a person can read and edit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc
from sqlglot import exp

from coterie.core.errors import DefinitionError, UnknownName, did_you_mean
from coterie.language.fitted import FITTED
from coterie.language.format import format as format_expr
from coterie.language.tree import Column, Fitted
from coterie.language.types import BOOLEAN, TEXT, Kind
from coterie.models.features import resting_on
from coterie.models.rules.rule import Rule, rule_for
from coterie.traits.batch import KEY, quoted, relation
from coterie.workspace.fitting import SEED
from coterie.workspace.results import Results
from coterie.workspace.run import TRAITS

READABLE = (Kind.INTEGER, Kind.MONEY, Kind.FLOAT, Kind.BOOLEAN, Kind.TEXT, Kind.DATE, Kind.TIMESTAMP, Kind.LIST)


@dataclass(frozen=True, slots=True)
class Found:
    """A rule for a set of customers.

    Attributes:
        about: whom it stands for, in words; `customers`: how many they are.
        rule: with its precision and coverage on customers it was not learned from.
        columns: what it could choose from.
    """

    about: str
    customers: int
    rule: Rule
    columns: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        r = self.rule
        return {
            "about": self.about,
            "customers": self.customers,
            "rule": r.text,
            "precision": r.precision,
            "precision_interval": list(r.precision_interval),
            "coverage": r.coverage,
            "coverage_interval": list(r.coverage_interval),
            "measured_on": r.n,
            "notes": list(r.notes),
        }


def rule_of(results: Results, name: str) -> Found:
    """A short rule for `lifestyle.2`, `lifestyle.Savers`, a segment, the highest tenth of a prediction, or any condition.

    Raises:
        UnknownName: there is nothing of that name. TooFewRows: fewer than 20 customers in it, or outside it.
    """
    about, condition, without = meant(results, name)
    columns = readable(results, without)
    select = [quoted(KEY), condition.as_("inside"), *(quoted(c).as_(c, quoted=True) for c in columns)]
    rows = results.engine.fetch(exp.select(*select).from_(relation(TRAITS)).order_by(quoted(KEY)), f"a rule for {name}")
    known = pc.is_valid(rows.column("inside"))
    rows = rows.filter(known)
    target = np.asarray(rows.column("inside"), bool)
    return Found(about, int(target.sum()), rule_for(rows.select(list(columns)), target, seed=SEED), columns)


def meant(results: Results, name: str) -> tuple[str, exp.Expression, set[str]]:
    """Whom a name stands for: in words, as SQL over the table of traits, and the names that would only say it again."""
    whole, dot, label = name.partition(".")
    definitions = results.catalog.definitions
    found = definitions.get(name) or (definitions.get(whole) if dot else None)
    if found is not None and isinstance(found.checked.tree, Fitted) and FITTED[found.checked.tree.function].model:
        if "tenth" in found.parts:
            tenth = int(label) if dot and label.isdecimal() else 10
            at_least = exp.GTE(this=quoted(f"{whole}.tenth"), expression=exp.Literal.number(tenth))
            words = "the highest tenth" if tenth == 10 else f"tenth {tenth} or higher"
            return f"{words} of {whole}", at_least, resting_on(results.catalog, {whole})
        if found.checked.type == TEXT and dot:
            return labelled(results, whole, label)
    if found is not None and dot and name not in definitions and found.checked.type == TEXT:
        return labelled(results, whole, label)
    if found is not None and found.checked.type == TEXT:
        labels = [f"{name}.{label}" for label in results.made.labels.get(name, {}) if label]
        raise DefinitionError(f"{name} has several labels", code="E170", hint=f"say which: {', '.join(labels[:6])}")
    checked = results.meant(name, BOOLEAN)
    table = results.prepared([checked.tree])
    if table != TRAITS:
        raise DefinitionError(
            "a rule is learned from the traits of the results", code="E170", hint="give what is measured a name as a trait first"
        )
    condition = results.compiler().sql(results.inlined(checked.tree))
    return format_expr(checked.written), condition, {name, *results.read_by(checked.tree)}


def labelled(results: Results, name: str, label: str) -> tuple[str, exp.Expression, set[str]]:
    """The customers with a label, named by its text or by its number."""
    if f"{name}.key" in results.columns and label.isdecimal():
        condition: exp.Expression = exp.EQ(this=quoted(f"{name}.key"), expression=exp.Literal.number(int(label)))
        query = exp.select(quoted(name)).from_(relation(TRAITS)).where(condition.copy()).limit(1)
        rows = results.engine.rows(query)
        if rows:
            return f"'{rows[0][0]}' of {name}", condition, resting_on(results.catalog, {name})
    labels: Mapping[str, int] = results.made.labels.get(name, {})
    if label not in labels:
        raise UnknownName(
            f"{name} has no label {label!r}", hint=did_you_mean(label, [text for text in labels if text], "Labels are")
        )
    condition = exp.EQ(this=quoted(name), expression=exp.Literal.string(label))
    return f"'{label}' of {name}", condition, resting_on(results.catalog, {name})


def readable(results: Results, without: set[str]) -> tuple[str, ...]:
    """The traits and attributes that a rule may name: not ids, nor what is learned by a model or made of the set itself."""
    out = []
    for column in results.public:
        info = results.catalog.scope.columns.get(column)
        if info is None or column in without or column == "customer" or info.type.kind not in READABLE:
            continue
        definition = results.catalog.definitions.get(column)
        if definition is not None and (definition.noun != "trait" or "fitted" in definition.checked.fresh):
            continue
        if definition is None and info.type == TEXT and _like_ids(results, column):
            continue
        if definition is not None and isinstance(definition.checked.tree, Column) and definition.checked.tree.name in without:
            continue
        out.append(column)
    return tuple(out)


def _like_ids(results: Results, column: str) -> bool:
    """Whether a text differs for most customers, as ids and addresses do."""
    different = exp.Count(this=exp.Distinct(expressions=[quoted(column)]))
    ((n, known),) = results.engine.rows(exp.select(different, exp.Count(this=quoted(column))).from_(relation(TRAITS)))
    return int(str(n)) > 0.5 * max(1, int(str(known)))
