"""Who is how valuable: the grid of an RFM segmentation and its labels as a treemap."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from coterie.profiles.charts.grid import Cell, heat_map
from coterie.profiles.charts.treemap import Tile, treemap
from coterie.profiles.hidden import hide_list
from coterie.profiles.page import words
from coterie.profiles.page.parts import Figure, Section, Setting, Table
from coterie.profiles.page.render import anchor
from coterie.profiles.sections.small import hide_in_groups, said

Scores = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class GridCell:
    """Customers with the same scores and label: how many, what they brought, how many days they have been quiet."""

    r: int
    f: int
    m: int
    label: str
    customers: int
    money: Decimal
    recency: float


@dataclass(frozen=True, slots=True)
class GridNumbers:
    """An RFM segmentation: its cells, its labels in order, and the customers who have no scores."""

    name: str
    cells: tuple[GridCell, ...]
    order: tuple[str, ...]
    unknown: int
    colours: Mapping[str, str]
    about: str = ""


def value(found: Sequence[GridNumbers], setting: Setting) -> Section:
    """Every RFM segmentation as a treemap of its labels and a grid of its scores."""
    key, short, question = "value", "Value", "Who buys lately, often and for much?"
    found = [g for g in found if g.cells]
    if not found:
        return Section(
            key,
            short,
            question,
            "There is no RFM segmentation yet.",
            to_do=["Write `value: rfm(order.time, order.amount)` under segmentations: in coterie.yaml and run."],
        )
    figures, data = [], []
    for grid in found:
        figures += [_treemap(grid, setting), _heat_map(grid, setting), _full(grid, setting)]
        data.append(_data(grid, setting))
    return Section(key, short, question, _answer(found[0], setting), figures=figures, data=data)


def _by_label(grid: GridNumbers) -> dict[str, tuple[int, Decimal]]:
    out: dict[str, tuple[int, Decimal]] = {}
    for c in grid.cells:
        n, money = out.get(c.label, (0, Decimal()))
        out[c.label] = (n + c.customers, money + c.money)
    return {n: out[n] for n in [*grid.order, *out] if n in out}


def _by_scores(grid: GridNumbers) -> dict[tuple[int, int], tuple[int, Decimal]]:
    out: dict[tuple[int, int], tuple[int, Decimal]] = {}
    for c in grid.cells:
        n, money = out.get((c.r, c.f), (0, Decimal()))
        out[c.r, c.f] = (n + c.customers, money + c.money)
    return out


def _hidden_labels(grid: GridNumbers, setting: Setting) -> frozenset[str]:
    counts = {n: c for n, (c, _) in _by_label(grid).items()}
    return hide_list(counts, setting.k)


def _hidden_scores(grid: GridNumbers, setting: Setting) -> frozenset[tuple[int, int]]:
    """The sum of all is known, and a label may be made of whole cells."""
    counts = {key: n for key, (n, _) in _by_scores(grid).items()}
    groups = [list(counts)]
    labels: dict[tuple[int, int], set[str]] = {}
    for c in grid.cells:
        labels.setdefault((c.r, c.f), set()).add(c.label)
    groups += [[key for key, names in labels.items() if name in names] for name in grid.order]
    return hide_in_groups(counts, groups, setting.k)


def _hidden_cells(grid: GridNumbers, setting: Setting) -> frozenset[Scores]:
    counts = {(c.r, c.f, c.m): c.customers for c in grid.cells}
    groups = [[key for key in counts if key[:2] == pair] for pair in {key[:2] for key in counts}]
    groups += [[(c.r, c.f, c.m) for c in grid.cells if c.label == name] for name in grid.order]
    return hide_in_groups(counts, groups, setting.k)


def _answer(grid: GridNumbers, setting: Setting) -> str:
    hidden = _hidden_labels(grid, setting)
    told = {n: found for n, found in _by_label(grid).items() if n not in hidden and n}
    if not told:
        return "No label may be shown."
    whole = sum((c.money for c in grid.cells), Decimal())
    best, (n, money) = max(told.items(), key=lambda p: p[1][1])
    text = f"{best} are {words.share(n, setting.population)} of customers"
    return f"{text} and {words.share(money, whole)} of revenue." if whole else f"{text}."


def _treemap(grid: GridNumbers, setting: Setting) -> Figure:
    hidden = _hidden_labels(grid, setting)
    whole = sum((c.money for c in grid.cells), Decimal())
    found = _by_label(grid)
    tiles = [
        Tile(n, c, f"{c:,} · {words.share(c, setting.population)}", f"{words.share(money, whole)} of revenue" if whole else "")
        for n, (c, money) in found.items()
        if n not in hidden
    ]
    by_money = sorted((n for n in found if n not in hidden), key=lambda n: -found[n][1])
    share = words.share(sum((found[n][1] for n in by_money[:2]), Decimal()), whole)
    people = words.share(sum(found[n][0] for n in by_money[:2]), setting.population)
    finding = f"{words.listed(by_money[:2])} bring {share} of revenue and are {people} of customers."
    note = setting.note(grid.unknown, "Areas are customers." + (f" {grid.about}" if grid.about else ""))
    rows = tuple(
        (
            n or "no label",
            said(None if n in hidden else c, c, setting.k),
            "–" if n in hidden else words.share(c, setting.population),
            "–" if n in hidden else words.money(money, setting.currency),
            "–" if n in hidden else words.share(money, whole),
        )
        for n, (c, money) in sorted(found.items(), key=lambda p: -p[1][0])
    )
    headings = (("label", False), ("customers", True), ("share", True), ("revenue", True), ("of revenue", True))
    chart = treemap(tiles, title=finding, colours=grid.colours, note=note)
    return Figure(f"treemap-{anchor(grid.name)}", finding, chart, note, Table(f"Labels of {grid.name}", headings, rows))


def _heat_map(grid: GridNumbers, setting: Setting) -> Figure:
    found, hidden = _by_scores(grid), _hidden_scores(grid, setting)
    across = [str(r) for r in range(1, max(r for r, _ in found) + 1)]
    up = [str(f) for f in range(max(f for _, f in found), 0, -1)]
    whole = sum((c.money for c in grid.cells), Decimal())
    cells = []
    for (r, f), (n, money) in found.items():
        secret = (r, f) in hidden
        text = _short(said(None, n, setting.k)) if secret else f"{n:,}"
        cells.append(Cell(str(r), str(f), None if secret else n, text, "" if secret else words.short(money)))
    best = found.get((int(across[-1]), int(up[0])), (0, Decimal()))
    finding = "Customers by how lately (across) and how often (up) they buy."
    if best[0] and (int(across[-1]), int(up[0])) not in hidden and whole:
        part = words.share(best[0], setting.population)
        finding = f"The best corner, lately and often, is {part} of customers and {words.share(best[1], whole)} of revenue."
    note = setting.note(
        grid.unknown, f"In each cell customers, and below what they brought{f' in {setting.currency}' if setting.currency else ''}."
    )
    rows = tuple(
        (
            f"{r}",
            f"{f}",
            said(None if (r, f) in hidden else n, n, setting.k),
            "–" if (r, f) in hidden else words.money(money, setting.currency),
        )
        for (r, f), (n, money) in sorted(found.items(), reverse=True)
    )
    headings = (("recency score", True), ("frequency score", True), ("customers", True), ("revenue", True))
    chart = heat_map(
        cells,
        across,
        up,
        title=finding,
        across_title=f"recency score, {across[-1]} bought last",
        up_title=f"frequency score, {up[0]} most often",
        note=note,
        band=52,
    )
    return Figure(f"grid-{anchor(grid.name)}", finding, chart, note, Table(f"Cells of {grid.name}", headings, rows))


def _full(grid: GridNumbers, setting: Setting) -> Figure:
    """The whole grid: recency across, frequency and within it money up."""
    hidden = _hidden_cells(grid, setting)
    across = [str(r) for r in range(1, max(c.r for c in grid.cells) + 1)]
    best_f, best_m = max(c.f for c in grid.cells), max(c.m for c in grid.cells)
    up = [f"{f} · {m}" for f in range(best_f, 0, -1) for m in range(best_m, 0, -1)]
    up = [name for name in up if any(f"{c.f} · {c.m}" == name for c in grid.cells)]
    cells = []
    for c in grid.cells:
        secret = (c.r, c.f, c.m) in hidden
        text = _short(said(None, c.customers, setting.k)) if secret else f"{c.customers:,}"
        cells.append(Cell(str(c.r), f"{c.f} · {c.m}", None if secret else c.customers, text))
    finding = f"Every cell of {grid.name}: recency across, frequency and money up"
    note = setting.note(grid.unknown, "Rows are frequency · money, 5 is best; cells are customers.")
    rows = tuple(
        (
            f"{c.r}/{c.f}/{c.m}",
            c.label or "no label",
            said(None if (c.r, c.f, c.m) in hidden else c.customers, c.customers, setting.k),
            "–" if (c.r, c.f, c.m) in hidden else words.money(c.money, setting.currency),
            "–" if (c.r, c.f, c.m) in hidden else words.number(round(c.recency, 1)),
        )
        for c in grid.cells
    )
    headings = (("scores", False), ("label", False), ("customers", True), ("revenue", True), ("days quiet, mean", True))
    chart = heat_map(
        cells,
        across,
        up,
        title=finding,
        across_title="recency score",
        up_title="frequency · money score",
        note=note,
        band=24,
    )
    table = Table(f"Every cell of {grid.name} (recency/frequency/money)", headings, rows)
    return Figure(f"cells-{anchor(grid.name)}", finding, chart, note, table, extra=True)


def _short(text: str) -> str:
    return text.replace("fewer than ", "<")


def _data(grid: GridNumbers, setting: Setting) -> dict[str, object]:
    labels, hidden = _by_label(grid), _hidden_labels(grid, setting)
    cells = _hidden_cells(grid, setting)
    scores, hidden_scores = _by_scores(grid), _hidden_scores(grid, setting)
    return {
        "name": grid.name,
        "labels": [
            {"label": n or None, "customers": None if n in hidden else c, "money": None if n in hidden else str(m)}
            for n, (c, m) in labels.items()
        ],
        "scores": [
            {
                "r": r,
                "f": f,
                "customers": None if (r, f) in hidden_scores else c,
                "money": None if (r, f) in hidden_scores else str(m),
            }
            for (r, f), (c, m) in scores.items()
        ],
        "cells": [
            {
                "r": c.r,
                "f": c.f,
                "m": c.m,
                "label": c.label or None,
                "customers": None if (c.r, c.f, c.m) in cells else c.customers,
                "money": None if (c.r, c.f, c.m) in cells else str(c.money),
            }
            for c in grid.cells
        ],
    }
