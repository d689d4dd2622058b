"""Who is in what, day by day, as plain Parquet for other tools: `.coterie/results/memberships/day=2026-03-31/`.

A row is a customer in a segment, or with a label of a segmentation. A cluster writes the day of each run.
"""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

from sqlglot import exp

from coterie.engine.engine import Cluster
from coterie.engine.written import put
from coterie.segments.membership import BITS, member
from coterie.traits.batch import KEY, quoted, relation
from coterie.workspace.run import TRAITS


def folder_of(root: Path, day: date) -> Path:
    """Where the memberships of a day are shown, below a project's own folder."""
    return root / "results" / "memberships" / f"day={day.isoformat()}"


def write(engine: Cluster, segments: Iterable[str], segmentations: Iterable[str], root: Path, day: date) -> Path:
    """Write what an engine has answered, in a place that no reader looks at.

    Args:
        segments: in the order in which they are packed.

    Returns:
        What `show` is to show.
    """

    def row(name: str, label: exp.Expression, kept: exp.Expression) -> str:
        told = exp.Literal.string(name)
        return f"CASE WHEN {engine.text(kept)} THEN STRUCT({engine.text(told)} AS s, {engine.text(label)} AS l) END"

    nothing = exp.cast(exp.null(), exp.DataType.Type.VARCHAR)
    rows = [row(name, nothing, member(place, "b")) for place, name in enumerate(segments)]
    for name in segmentations:
        label = quoted(name, "t")
        rows.append(row(name, label, exp.Not(this=exp.Is(this=label.copy(), expression=exp.Null()))))
    # One row that is nobody's, so that there is a type where nothing is defined.
    rows.append(f"IF(FALSE, STRUCT('' AS s, {engine.text(nothing)} AS l), NULL)")
    bits, traits, key = (engine.text(part) for part in (relation(BITS), relation(TRAITS), quoted(KEY)))
    each = f"SELECT t.`customer`, EXPLODE(ARRAY({', '.join(rows)})) AS r FROM {bits} b JOIN {traits} t ON b.{key} = t.{key}"  # noqa: S608
    aside = folder_of(root, day).with_name(f".day={day.isoformat()}")
    query = f"SELECT `customer`, r.s AS `segment`, r.l AS `label` FROM ({each}) WHERE r IS NOT NULL"  # noqa: S608
    engine.write_parquet(query, aside, "write the memberships of the day")
    return aside


def show(written: Path) -> None:
    """Show what was written, in place of what was there of that day."""
    put(written, written.with_name(written.name.removeprefix(".")))
