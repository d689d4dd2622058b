"""What is known of every segment, put together for its scorecard."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from coterie.core.errors import StoreError
from coterie.language.tree import Apply, Column, Expr, Fitted, Literal, Measure, walk
from coterie.language.types import BOOLEAN, NUMBERS, Type
from coterie.profiles.apart import Apart, Comparison
from coterie.profiles.channels import Way, ways
from coterie.profiles.figures import figures
from coterie.profiles.hidden import K
from coterie.profiles.natures import base_of
from coterie.profiles.quality import coverage
from coterie.profiles.scorecard import Channel, Evidence, Mark, Money, Scorecard, Stay, scorecard
from coterie.traits.batch import quoted
from coterie.workspace.compared import compared, shown_types
from coterie.workspace.results import Results

if TYPE_CHECKING:
    from coterie.workspace.workspace import Workspace


def scorecards(space: "Workspace", comparison: Comparison | None = None) -> tuple[Scorecard, ...]:
    """The scorecards of all segments, in the order of the file.

    Args:
        comparison: of all segments, where it is there already.
    """
    return tuple(scorecard(e) for e in evidence(space, comparison))


def evidence(space: "Workspace", comparison: Comparison | None = None) -> tuple[Evidence, ...]:
    """What the marks of all segments are made of."""
    results = space.results
    names = list(results.sizes)
    there = ways_of(results)
    conditions = {way.channel: _met(way) for way in there}
    found = figures(results.engine, names, results.sizes_order, conditions, results.money)
    types = shown_types(results)
    known = comparison or compared(results, types, K)
    reads = {n: tuple(c for c in results.read_by(results.definition(n).tree) if c in results.columns) for n in names}
    columns = {c: _type(results, c) for own in reads.values() for c in own}
    nothing = {d.name for d in results.catalog.of("trait") if d.checked.nothing}
    covered = {c.column: c for c in coverage(results.engine, columns, nothing=nothing)} if columns else {}
    metrics = metrics_of(results)
    try:
        stays: Mapping[str, list[Stay]] = space.history.stays(names)
    except StoreError:
        stays = {}
    again = found_again(space)
    out = []
    for i, name in enumerate(names):
        size = results.sizes[name]
        money = None
        if results.money is not None:
            inside, squares = float(found.money[i]), float(found.squares[i])
            money = Money(results.money, inside, found.all_money - inside, squares, found.all_squares - squares)
        rule = results.inlined(results.definition(name).tree)
        out.append(
            Evidence(
                name,
                size.population,
                size.inside,
                size.cannot_tell,
                size.missing,
                [covered[c] for c in reads[name]],
                money,
                [Channel(w.channel, w.identifier, w.consent, int(found.having[w.channel][i])) for w in _used(results, name, there)],
                {o: (int(found.both[i, j]), int(found.inside[j])) for j, o in enumerate(names) if o != name},
                known.segments.get(name) or Apart(name, size.inside, size.outside, (), (), _too_few(size.inside)),
                metrics,
                stays.get(name, ()),
                min((again[label] for label in labels_named(rule) if label in again), default=None),
                results.catalog.users(name),
            )
        )
    return tuple(out)


def ways_of(results: Results) -> tuple[Way, ...]:
    """The channels by which customers of some results can be reached."""
    attributes = {n: t for n, t in results.made.columns.items() if n in results.columns}
    traits = {d.name: d.checked.type for d in results.catalog.of("trait") if d.name in results.columns}
    return ways(attributes, {**attributes, **traits})


def _met(way: Way) -> exp.Expression:
    """Whether a customer can be reached so; where it is not known whether they agreed, they have not."""
    known = exp.Not(this=exp.Is(this=quoted(way.identifier, "t"), expression=exp.Null()))
    if way.consent is None:
        return known
    agreed: exp.Expression = exp.Coalesce(this=quoted(way.consent, "t"), expressions=[exp.true() if way.objection else exp.false()])
    return exp.And(this=known, expression=exp.Not(this=agreed) if way.objection else agreed)


def _used(results: Results, name: str, there: tuple[Way, ...]) -> tuple[Way, ...]:
    """The channels that a segment says it is used on, where it says so and they are known; else all."""
    said = results.project.segments[name].notes.get("channel")
    told = {str(c).casefold() for c in said} if isinstance(said, list | tuple) else set()
    alike = {"email": "e-mail", "mail": "e-mail", "sms": "phone", "letter": "post"}
    own = tuple(w for w in there if w.channel in {alike.get(c, c) for c in told})
    return own or there


def metrics_of(results: Results) -> frozenset[str]:
    """The traits that measure what customers do."""
    out = {results.money} if results.money is not None else set()
    for d in results.catalog.of("trait"):
        counted = isinstance(d.checked.tree, Measure) and d.checked.type in (*NUMBERS, BOOLEAN)
        # What customers answer is no deed of theirs.
        if counted and base_of(results.catalog, d.name, type_=d.checked.type) != "psychographic":
            out.add(d.name)
    return frozenset(out)


def found_again(space: "Workspace") -> Mapping[tuple[str, str], float]:
    """By (segmentation, label) how alike each fitted group is when it is learned from other customers."""
    results = space.results
    if not any(isinstance(d.checked.tree, Fitted) and d.checked.tree.function == "clusters" for d in _definitions(results)):
        return {}
    out: dict[tuple[str, str], float] = {}
    for state in space.models.states():
        if state.call.function == "clusters" and state.fit is not None:
            for group in state.fit.told["tables"].get("groups", ()):
                if group["found_again"] is not None:
                    again = float(group["found_again"])
                    out |= {(state.name, str(group["name"])): again, (f"{state.name}.key", str(group["key"])): again}
    return out


def _definitions(results: Results) -> list[Any]:
    return list(results.catalog.definitions.values())


def labels_named(rule: Expr) -> set[tuple[str, str]]:
    """Which values of which columns a rule names."""
    out = set()
    for node in walk(rule):
        if isinstance(node, Apply):
            columns = [a.name if a.part is None else f"{a.name}.{a.part}" for a in node.args if isinstance(a, Column)]
            texts = [str(a.value) for a in node.args if isinstance(a, Literal) and isinstance(a.value, str | int)]
            out |= {(c, t) for c in columns for t in texts}
    return out


def _type(results: Results, column: str) -> Type:
    made, definitions = results.made.columns, results.catalog.definitions
    if column in made:
        return made[column]
    if column in definitions:
        return definitions[column].checked.type
    base, _, part = column.partition(".")
    parts = definitions[base].parts if base in definitions else results.made.account_columns
    return parts.get(part, BOOLEAN)


def _too_few(inside: int) -> str:
    return f"fewer than {K} {'members' if inside < K else 'others to compare with'}"


def to_json(card: Scorecard) -> dict[str, Any]:
    """A scorecard as plain values."""
    return {"segment": card.segment, "marks": [mark_json(m) for m in card.marks], "advice": card.advice, "stale": card.stale}


def mark_json(mark: Mark) -> dict[str, Any]:
    return {
        "criterion": mark.criterion,
        "mark": mark.colour,
        "value": mark.value,
        "low": mark.low,
        "high": mark.high,
        "number": mark.number,
        "limits": mark.limits,
        "suggestion": mark.suggestion,
    }
