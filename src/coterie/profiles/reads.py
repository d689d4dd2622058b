"""What a rule reads, through the names in it: those columns differ between members and others by definition."""

from collections.abc import Iterable
from dataclasses import dataclass

from coterie.language.catalog import Catalog
from coterie.language.tree import Column, Expr, Fitted, Literal, Measure, Sequence, children
from coterie.models.kinds import FITTERS
from coterie.traits.batch import anchors, canonical, own_name


@dataclass(frozen=True, slots=True)
class Read:
    """The names that an expression passes through, and the ends it comes to: attributes, and measures as their text."""

    names: frozenset[str] = frozenset()
    ends: frozenset[str] = frozenset()

    def __or__(self, other: "Read") -> "Read":
        return Read(self.names | other.names, self.ends | other.ends)


NOTHING = Read()


def rule_reads(catalog: Catalog, segment: str, columns: Iterable[str]) -> frozenset[str]:
    """The columns that are part of a segment's rule.

    They are those that it names, directly or through other names; those that are made of nothing but what it reads
    (`abroad: country != 'GB'` where the rule reads `country`); and segmentations whose labels follow from any of it.

    Args:
        catalog: of the run.
        segment: a definition's name.
        columns: columns of the table of traits, parts as `value.r`.
    """
    return tree_reads(catalog, Column(segment), columns)


def tree_reads(catalog: Catalog, tree: Expr, columns: Iterable[str]) -> frozenset[str]:
    """The same of any condition."""
    known: dict[str, Read] = {}
    rule = of_tree(catalog, tree, known)
    out = set()
    for column in columns:
        base = column if column in catalog.definitions else column.partition(".")[0]
        if column in rule.names or base in rule.names or column in rule.ends:
            out.add(column)
        elif base in catalog.definitions:
            own = of_name(catalog, base, known)
            labels = catalog.definitions[base].noun == "segmentation"
            if own.ends and (own.ends <= rule.ends or (labels and own.ends & rule.ends)):
                out.add(column)
    return frozenset(out)


def of_name(catalog: Catalog, name: str, known: dict[str, Read]) -> Read:
    if name not in known:
        known[name] = (
            NOTHING if name not in catalog.definitions else of_tree(catalog, catalog.definitions[name].checked.tree, known)
        )
    return known[name]


def of_tree(catalog: Catalog, node: Expr, known: dict[str, Read]) -> Read:
    match node:
        case Literal():
            return NOTHING
        case Column(name=name, part=part):
            if name in catalog.definitions:
                return Read(frozenset({name})) | of_name(catalog, name, known)
            return Read(ends=frozenset({name if part is None else f"{name}.{part}"}))
        case Measure() | Sequence():
            found = Read(frozenset({own_name(node)}), frozenset({canonical(node)}))
            for anchor in anchors(node):
                found |= of_tree(catalog, Column(anchor.partition(".")[0]), known)
            return found
        case Fitted():
            found = Read(frozenset({own_name(node)}))
            # A model learns from what is written in its call, and perhaps from more that it has found by itself.
            fitter = FITTERS.get(node.function)
            for inner in children(node) if fitter is None else fitter.inputs(node).values():
                found |= of_tree(catalog, inner, known)
            return found
        case _:
            found = NOTHING
            for child in children(node):
                found |= of_tree(catalog, child, known)
            return found
