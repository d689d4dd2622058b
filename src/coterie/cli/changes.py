"""The command that lists changes of membership as a service found them."""

import sys
from typing import Annotated, Literal

import typer

from coterie.cli.shared import HERE, Dir


def changes(
    directory: Dir = HERE,
    after: Annotated[int, typer.Option("--after", help="Only behind this number.", min=0)] = 0,
    segment: Annotated[str | None, typer.Option("--segment", help="Only of this segment or segmentation.")] = None,
    customer: Annotated[str | None, typer.Option("--customer", help="Only of this customer.")] = None,
    limit: Annotated[int, typer.Option("--limit", help="So many at most.", min=1)] = 1000,
    format: Annotated[
        Literal["table", "csv", "json"], typer.Option("--format", help="table, csv, or json (one a line).")
    ] = "table",
) -> None:
    """Who entered and left which segment as events came, in order."""
    from coterie.cli.page import Page
    from coterie.live.changes import read
    from coterie.live.log import Reader
    from coterie.workspace.export import write_csv
    from coterie.workspace.serving import place_of

    with Reader(place_of(directory)) as reader:
        found = read(reader.connection, after, limit, name=segment, customer=customer)
    if format == "json":
        import orjson

        for change in found:
            typer.echo(orjson.dumps(change.to_json()).decode())
        return
    if format == "csv":
        import pyarrow as pa

        columns = ("number", "customer", "name", "label", "entered", "at", "position")
        kinds = (pa.int64(), pa.string(), pa.string(), pa.string(), pa.bool_(), pa.timestamp("us"), pa.int64())
        table = pa.table({n: pa.array([getattr(c, n) for c in found], kind) for n, kind in zip(columns, kinds, strict=True)})
        write_csv(iter(table.to_batches() or [pa.RecordBatch.from_pylist([], table.schema)]), sys.stdout.buffer)
        return
    page = Page()
    if not found:
        page.line("Nobody has entered or left anything.")
        return
    rows = [
        [
            f"{c.number:,}",
            c.customer,
            "entered" if c.entered else "left",
            c.name + (f": {c.label}" if c.label else ""),
            f"{c.at:%Y-%m-%d %H:%M:%S}",
        ]
        for c in found
    ]
    page.table([("", True), ("customer", False), ("", False), ("segment", False), ("at (UTC)", False)], rows)


def add(app: typer.Typer) -> None:
    app.command()(changes)
