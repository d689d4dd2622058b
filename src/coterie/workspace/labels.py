"""The labels of a segmentation in their order, and by what they are learned."""

from coterie.language.tree import Column, Expr, Fitted
from coterie.models.kinds.rfm import cells_of
from coterie.workspace.results import Results


def label_order(results: Results, name: str) -> tuple[str, ...]:
    """The labels of a segmentation in the order of its definition, then any others by size."""
    written = results.project.segmentations.get(name)
    order = [label for label, _ in written.labels] if written is not None else []
    if not order:
        call = learned(results, results.definition(name).tree)
        order = [label for label, _ in cells_of(call)] if call is not None and call.function == "rfm" else []
    counted = results.made.labels.get(name, {})
    others = sorted((n for n in counted if n and n not in order), key=lambda n: (-counted[n], n))
    return tuple(dict.fromkeys([*order, *others]))


def learned(results: Results, tree: Expr) -> Fitted | None:
    if isinstance(tree, Column) and tree.part is None and tree.name in results.catalog.definitions:
        return learned(results, results.definition(tree.name).tree)
    return tree if isinstance(tree, Fitted) else None
