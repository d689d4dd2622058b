"""Combinations of segmentations, each with enough customers to act on: `cross(value, lifecycle) at least 50`.

Where a combination is too small, its last segmentation is no longer told apart; where what comes together so is still too
small, the one before it, and so on. Every customer with a label in each segmentation keeps one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from coterie.core.errors import Degenerate
from coterie.language.format import format as format_expr
from coterie.language.tree import Expr, Literal
from coterie.models.model import Asking, Learned, Sample, Scoring, Want

LEAST = 50
"""How large a combination must be, where nothing is said."""
OTHER = "other"
BETWEEN = " · "

Cell = tuple[str, ...]


class Cross:
    function = "cross"

    def wants(self, asking: Asking) -> Sequence[Want]:
        return [Want(asking.today, {format_expr(c): c for c in columns(asking)})]

    def fit(self, asking: Asking, samples: Sequence[Sample], before: Mapping[str, Any] | None, seed: int) -> Learned:
        """Count the combinations, and bring the small ones together."""
        names = samples[-1].inputs.column_names
        least = least_of(asking)
        counted = Counter(cell for cell in cells(samples[-1].inputs) if cell is not None)
        if not counted:
            raise Degenerate(f"no customer has a label in each of {', '.join(names)}", hint="combine others")
        kept = groups(counted, least)
        small = {cell: n for cell, n in counted.items() if cell not in kept}
        width = len(names)
        rows = [{"group": label(c, width), "customers": n} for c, n in sorted(kept.items(), key=lambda i: (-i[1], i[0]))]
        merged = [{"combination": BETWEEN.join(c), "customers": n, "in": found(c, kept, width)} for c, n in small.items()]
        notes = []
        if small:
            many = f"{len(small)} of {len(counted)} combinations have fewer than {least} customers"
            notes.append(f"{many}, {sum(small.values()):,} in all: they are brought together with what is next to them")
        lone = [cell for cell, n in kept.items() if n < least]
        if lone:
            notes.append(f"{sum(kept[c] for c in lone):,} customers are in no group of {least}: they are together in '{OTHER}'")
        return Learned(
            {"kept": [[list(cell), n] for cell, n in kept.items()], "least": least, "width": width},
            names,
            f"{len(kept)} groups of {sum(kept.values()):,} customers, the smallest of {min(kept.values()):,}",
            notes=notes,
            tables={"groups": rows, "merged": sorted(merged, key=lambda r: -int(str(r["customers"])))},
        )

    def inputs(self, asking: Asking, names: Sequence[str]) -> Mapping[str, Expr]:
        return asking.trees(names)

    def ready(self, parameters: Mapping[str, Any]) -> Scoring:
        kept = {tuple(cell): n for cell, n in parameters["kept"]}
        known: dict[Cell, str | None] = {}

        def score(rows: pa.Table, _as_of: datetime) -> Mapping[str, pa.Array]:
            out = []
            for cell in cells(rows):
                if cell is not None and cell not in known:
                    known[cell] = found(cell, kept, parameters["width"])
                out.append(None if cell is None else known[cell])
            return {"": pa.array(out, pa.string())}

        return score


def columns(asking: Asking) -> tuple[Expr, ...]:
    args = asking.call.args
    return args[:-1] if isinstance(args[-1], Literal) else args


def least_of(asking: Asking) -> int:
    last = asking.call.args[-1]
    return int(str(last.value)) if isinstance(last, Literal) else LEAST


def cells(table: pa.Table) -> list[Cell | None]:
    """The combination of each row; None where a label is missing."""
    named = [[labelled(v, name) for v in table.column(name).to_pylist()] for name in table.column_names]
    return [None if None in row else row for row in zip(*named, strict=True)]


def labelled(value: object, name: str) -> str | None:
    """A label; of a segment, whether in it or not."""
    if isinstance(value, bool):
        return name if value else f"not {name}"
    return None if value is None else str(value)


def groups(counted: Mapping[Cell, int], least: int) -> dict[Cell, int]:
    """The combinations that are kept: whole ones that are large enough, then shorter ones of what is left; a cell that is cut
    short stands for all its customers that no longer one holds, the empty one for the rest."""
    kept: dict[Cell, int] = {}
    left = dict(counted)
    for width in range(len(next(iter(counted))), -1, -1):
        together: Counter[Cell] = Counter()
        for cell, n in left.items():
            together[cell[:width]] += n
        kept |= {cell: n for cell, n in together.items() if n >= least or width == 0}
        left = {cell: n for cell, n in left.items() if cell[:width] not in kept}
        if not left:
            break
    return kept


def found(cell: Cell, kept: Mapping[Cell, int], width: int) -> str | None:
    """The label of a customer's combination."""
    for end in range(len(cell), -1, -1):
        if cell[:end] in kept:
            return label(cell[:end], width)
    return None


def label(cell: Cell, width: int) -> str:
    return BETWEEN.join(cell) if len(cell) == width else BETWEEN.join((*cell, OTHER))
