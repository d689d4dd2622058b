"""What results say, as plain values for JSON: all segments together, one of them, traits."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlglot import exp

from coterie.core.definition import Definition, Written
from coterie.core.errors import UnknownName, did_you_mean
from coterie.core.windows import local
from coterie.language.evaluate import Missing
from coterie.language.explain import Reason
from coterie.language.format import format as format_expr
from coterie.segments.by_hand import ByHand
from coterie.traits.batch import quoted, relation
from coterie.workspace.freshness import Stale
from coterie.workspace.results import Results, Why
from coterie.workspace.run import TRAITS

Json = dict[str, Any]


def summary(results: Results, stale: Stale) -> Json:
    """All segments and segmentations with their sizes, what came in, and whether it is still so."""
    made = results.made
    return {
        "project": results.project.name,
        **_stamp(results),
        "finished": made.finished.isoformat(timespec="seconds") + "Z",
        "population": made.population,
        "currency": results.project.currency,
        "money": results.money,
        "segments": [_segment(results, name) for name in results.sizes],
        "segmentations": [{"name": name, "labels": _labels(counts, made.population)} for name, counts in made.labels.items()],
        "sources": [{k: v for k, v in source.items() if k != "files"} for source in made.data.get("sources", ())],
        "quarantine": [{"source": s, "reason": r, "rows": n} for s, r, n, _ in made.data.get("quarantine", ())],
        "unknown_rows": dict(made.unknown_rows),
        "notes": [*(str(n) for n in results.notices), *made.data.get("notes", ())],
        "stale": stale.said(),
    }


def _stamp(results: Results) -> Json:
    return {"as_of": local(results.made.as_of, results.project.timezone).isoformat(timespec="seconds")}


def _segment(results: Results, name: str) -> Json:
    size = results.sizes[name]
    row: Json = {
        "name": name,
        "in": size.inside,
        "out": size.outside,
        "cannot_tell": size.cannot_tell,
        "missing": dict(size.missing),
        "share": _share(size.inside, size.population),
    }
    if results.revenue:
        part, whole = results.revenue[name], results.revenue[""]
        row |= {"revenue": plain(part), "revenue_share": _share(part, whole)}
    notes = results.project.segments[name].notes
    return row | {"about": plain(notes.get("about")), "english": results.english(name), "definition": _hash(results, name)}


def _hash(results: Results, name: str) -> str:
    return results.catalog.definitions[name].hash


def _labels(counts: Mapping[str, int], population: int) -> list[Json]:
    return [
        {"label": label or None, "customers": n, "share": _share(n, population)}
        for label, n in sorted(counts.items(), key=lambda c: (not c[0], -c[1], c[0]))
    ]


def _share(part: int | Decimal, whole: int | Decimal) -> float | None:
    return round(float(part) / float(whole), 6) if whole else None


def describe(results: Results, name: str, stale: Stale) -> Json:
    """One definition: its rule, its sizes or labels, its overlap, when it can change.

    Raises:
        UnknownName: nothing is called so.
    """
    checked = results.definition(name)
    resolved = results.catalog.definitions[name]
    out: Json = {
        "name": name,
        "noun": resolved.noun,
        "type": str(checked.type),
        "rule": format_expr(checked.written),
        "english": results.english(name),
        "definition": resolved.hash,
        "fresh": sorted(checked.fresh),
        "state": checked.state,
        "uses": sorted(checked.uses),
        "used_by": list(results.catalog.users(name)),
        "notes": {key: plain(value) for key, value in definition(results, name).notes.items()},
        **_stamp(results),
        "population": results.made.population,
    }
    if name in results.sizes:
        segment = _segment(results, name)
        out |= {k: segment[k] for k in segment if k not in ("name", "about", "english", "definition")}
        out["overlap"] = dict(results.overlap(name))
        out["by_hand"] = [by_hand(e) for e in results.project.segments[name].by_hand]
    if name in results.made.labels:
        out["labels"] = _labels(results.made.labels[name], results.made.population)
    return out | {"stale": stale.said()}


def by_hand(entry: ByHand) -> Json:
    """Customers who were put in or out by hand, as plain values."""
    return {
        "side": entry.side,
        "ids": list(entry.ids),
        "list": entry.list,
        "author": entry.author,
        "reason": entry.reason,
        "until": plain(entry.until),
    }


def definition(results: Results, name: str) -> Definition:
    """What the project file says of a name."""
    project = results.project
    for section in (project.segments, project.segmentations, project.traits):
        if name in section:
            return section[name]
    known = [*project.segments, *project.segmentations, *project.traits]
    raise UnknownName(f"nothing is called {name!r}", hint=did_you_mean(name, known, "Defined are"))


def traits(results: Results) -> list[Json]:
    """Every trait: what it is, of which kind, of how many customers it is known, and when it can change."""
    found = results.catalog.of("trait")
    known: dict[str, int] = {}
    for start in range(0, len(found), 200):
        some = [d.name for d in found[start : start + 200]]
        query = exp.select(*(exp.Count(this=quoted(n)).as_(f"n{i}") for i, n in enumerate(some))).from_(relation(TRAITS))
        known |= {n: int(str(v)) for n, v in zip(some, results.engine.rows(query)[0], strict=True)}
    return [
        {
            "name": d.name,
            "type": str(d.checked.type),
            "known": known[d.name],
            "fresh": sorted(d.checked.fresh),
            "state": d.checked.state,
            "rule": format_expr(d.checked.written),
            "english": results.english(d.name),
            "about": plain(results.project.traits[d.name].notes.get("about")),
            "definition": d.hash,
        }
        for d in found
    ]


def why_json(found: Why, zone: str) -> Json:
    """A reason as plain values."""
    return {
        "customer": found.customer,
        "name": found.name,
        "as_of": local(found.as_of, zone).isoformat(timespec="seconds"),
        "reason": reason_json(found.reason),
        "changes": [c.words for c in found.changes],
        "drives": list(found.drives),
    }


def reason_json(reason: Reason) -> Json:
    found = reason.value
    if isinstance(found, Missing):
        value: object = {"missing": found.reason, "at_least": plain(found.at_least), "at_most": plain(found.at_most)}
    else:
        value = plain(found)
    return {
        "text": reason.text,
        "words": reason.words,
        "value": value,
        "condition": reason.condition,
        "truth": reason.truth if reason.condition else None,
        "missing": sorted(reason.names),
        "member": reason.member,
        "children": [reason_json(c) for c in reason.children],
    }


PLAIN = frozenset({bool, int, float, str})


def plain(value: object) -> Any:
    """A value as JSON has it: money is a number, days and instants are ISO 8601 (instants in UTC)."""
    if value is None or type(value) in PLAIN:
        return value
    match value:
        case bool() | int() | float() | str():
            return value
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime():
            return value.isoformat() + ("" if value.tzinfo else "Z")
        case date():
            return value.isoformat()
        case Written():
            return value.text
        case Mapping():
            return {str(k): plain(v) for k, v in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(v) for v in value]
        case _:
            return str(value)
