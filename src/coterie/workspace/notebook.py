"""How rows look in a notebook: a plain table, everything escaped."""

from html import escape

import pyarrow as pa

SHOWN = 20


def html(data: pa.Table) -> str:
    """The first rows as an HTML table, with how many there are."""
    head = "".join(f"<th>{escape(name)}</th>" for name in data.column_names)
    rows = []
    for row in data.slice(0, SHOWN).to_pylist():
        cells = "".join(f"<td>{'' if v is None else escape(str(v))}</td>" for v in row.values())
        rows.append(f"<tr>{cells}</tr>")
    more = f"<caption>{data.num_rows:,} rows" + (f", the first {SHOWN} shown" if data.num_rows > SHOWN else "")
    return f"<table>{more}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
