"""All segments of some results against everybody else, over what may be shown of customers."""

from collections.abc import Mapping

from coterie.language.types import Type
from coterie.profiles.apart import Comparison, apart
from coterie.profiles.reads import rule_reads
from coterie.workspace.results import Results


def shown_types(results: Results) -> Mapping[str, Type]:
    """Attributes, traits and segmentations with their types, but for what is personal."""
    personal = {c for s in results.project.sources.values() for c in (*s.personal, *s.sensitive)}
    personal |= {n for n, t in results.project.traits.items() if t.notes.get("personal") or t.notes.get("sensitive")}
    found = {n: t for n, t in results.made.columns.items() if n not in personal}
    found |= {d.name: d.checked.type for d in results.catalog.of("trait") if d.name not in personal}
    found |= {d.name: d.checked.type for d in results.catalog.of("segmentation")}
    there = set(results.columns)
    return {n: t for n, t in found.items() if n in there}


def compared(results: Results, types: Mapping[str, Type], k: int) -> Comparison:
    """The segments with k customers and more on both sides, against everybody else."""
    names = [n for n, s in results.sizes.items() if s.inside >= k and s.outside >= k]
    reads = {n: rule_reads(results.catalog, n, types) for n in names}
    return apart(results.engine, names, results.sizes_order, types, reads, zone=results.project.timezone, least=max(k, 2))
