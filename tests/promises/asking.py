"""Small projects on disk of which a test says everything: customers, orders, definitions. They are run as a user runs them."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import coterie

Cells = Mapping[str, Any]
"""What is recorded of a customer, by column; a column that is not named is absent."""
Order = tuple[str, str, Any] | tuple[str, str, Any, Cells]
"""Customer, time, amount, and other columns."""

HEAD = """\
project: promises
timezone: {zone}
currency: EUR
as_of: {as_of}
sources:
  customers: {{path: customers.jsonl, id: id{constant}{customers}}}
  order:
    {{path: orders.jsonl, customer: customer, time: at, id: order_id, options: {{types: {{at: timestamp, amount: money}}}}{order}}}
"""


def write(
    folder: Path,
    segments: Mapping[str, str] | None = None,
    people: Mapping[str, Cells] | Iterable[str] = ("a", "b"),
    orders: Iterable[Order] = (),
    *,
    traits: Mapping[str, str] | None = None,
    zone: str = "UTC",
    as_of: str = "2026-03-31T12:00Z",
    keys: Mapping[str, str] | None = None,
    more: str = "",
) -> Path:
    """Write a project.

    Args:
        segments: rules by name; `traits` likewise.
        people: cells by id, or ids alone.
        orders: what was bought.
        zone, as_of: of the project.
        keys: more keys of a source, as YAML (`order: "timezone: UTC"`).
        more: sections at the end of the file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    there = people if isinstance(people, Mapping) else {name: {} for name in people}
    columns = list(dict.fromkeys(c for cells in there.values() for c in cells))
    extra = {name: f", {text}" for name, text in (keys or {}).items()}
    constant = f", constant: {json.dumps(columns)}" if columns else ""
    text = HEAD.format(
        zone=zone, as_of=as_of, constant=constant, customers=extra.get("customers", ""), order=extra.get("order", "")
    )
    for section, rules in (("traits", traits), ("segments", segments)):
        lines = [f"  {quoted(name)}: {quoted(rule)}" for name, rule in (rules or {}).items()]
        text += "\n".join([f"{section}:", *lines, ""]) if lines else ""
    (folder / "coterie.yaml").write_text(text + more, encoding="utf-8")
    lines = [json.dumps({"id": name, **cells}, ensure_ascii=False) for name, cells in there.items()]
    (folder / "customers.jsonl").write_text("\n".join([*lines, ""]), encoding="utf-8")
    bought = [
        {"order_id": f"o{n:06}", "customer": customer, "at": at, "amount": amount, **(cells[0] if cells else {})}
        for n, (customer, at, amount, *cells) in enumerate(orders)
    ]
    if not bought:  # a file has rows; this one is nobody's
        bought = [{"order_id": "none", "customer": None, "at": "2020-01-01T00:00:00", "amount": 0}]
    rows = "\n".join([*(json.dumps(row, ensure_ascii=False) for row in bought), ""])
    (folder / "orders.jsonl").write_text(rows, encoding="utf-8")
    return folder


def shop(folder: Path, *what: Any, **more: Any) -> coterie.Workspace:
    """A project that has been run; arguments as of `write`."""
    space = coterie.open(write(folder, *what, **more))
    space.run()
    return space


def quoted(text: str) -> str:
    """A text as YAML has it in double quotes."""
    return json.dumps(text, ensure_ascii=False)


def verdicts(space: coterie.Workspace) -> dict[str, dict[str, bool | None]]:
    """Everybody's answer to every segment of the newest results, by segment and customer."""
    table = space.results.engine.fetch("SELECT * FROM segments")
    rows = table.to_pylist()
    return {name: {row["customer"]: row[name] for row in rows} for name in space.segments}


def members(space: coterie.Workspace) -> dict[str, set[str]]:
    """Who is in each segment."""
    return {name: {c for c, truth in found.items() if truth is True} for name, found in verdicts(space).items()}
