"""Who moved between the labels of a segmentation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coterie.profiles.charts.flows import Band, room_beside, sankey
from coterie.profiles.charts.grid import Cell, heat_map
from coterie.profiles.hidden import Hidden, hide, is_small
from coterie.profiles.movement import Movement
from coterie.profiles.page import words
from coterie.profiles.page.parts import Figure, Section, Setting, Table
from coterie.profiles.page.render import anchor
from coterie.profiles.sections.sizes import RUN_AGAIN

CANNOT_TELL, NOBODY = "cannot tell", "not there"


@dataclass(frozen=True, slots=True)
class Moved:
    """A segmentation, its labels in order, their colours, and who moved."""

    name: str
    order: tuple[str, ...]
    colours: Mapping[str, str]
    movement: Movement


def movement(found: Sequence[Moved], setting: Setting) -> Section:
    """For each segmentation the flows as a Sankey diagram and the whole matrix."""
    key, short, question = "movement", "Movements", "Who moved, and where to?"
    if not found:
        return Section(key, short, question, "There is one day on record so far, so nobody can have moved.", to_do=[RUN_AGAIN])
    figures, data = [], []
    for moved in found:
        names = _names(moved)
        table = [[moved.movement.table.get((_key(a), _key(b)), 0) for b in names] for a in names]
        hidden = hide(table, setting.k)
        figures += _figures(moved, names, table, hidden, setting)
        data.append(
            {
                "name": moved.name,
                "since": moved.movement.since.isoformat(),
                "until": moved.movement.until.isoformat(),
                "labels": names,
                "table": [[None if hidden.cells[i][j] else n for j, n in enumerate(row)] for i, row in enumerate(table)],
            }
        )
    return Section(key, short, question, _answer(found[0], setting), figures=figures, data=data)


def _names(moved: Moved) -> list[str]:
    there = {name for pair, n in moved.movement.table.items() if n for name in pair}
    named = [n for n in moved.order if n in there]
    named += sorted(n for n in there if n and n not in named)
    return [*named, *([CANNOT_TELL] if None in there else []), *([NOBODY] if "" in there else [])]


def _key(name: str) -> str | None:
    return None if name == CANNOT_TELL else "" if name == NOBODY else name


def _answer(moved: Moved, setting: Setting) -> str:
    m = moved.movement
    whole = m.moved + m.stayed
    since = words.day(m.since, setting.zone)
    if not whole or 0 < m.moved < setting.k:
        return f"Hardly anybody moved since {since}."
    name = words.plain(moved.name)
    return f"{words.share(m.moved, whole)} have another label of {name} than on {since}: {words.customers(m.moved)}."


def _figures(moved: Moved, names: list[str], table: list[list[int]], hidden: Hidden, setting: Setting) -> list[Figure]:
    m = moved.movement
    then, now = words.day(m.since, setting.zone), words.day(m.until, setting.zone)
    shown = [
        (a, b, table[i][j])
        for i, a in enumerate(names)
        for j, b in enumerate(names)
        if table[i][j] and not hidden.cells[i][j] and NOBODY not in (a, b)
    ]
    flows = sorted((f for f in shown if f[0] != f[1] and CANNOT_TELL not in f[:2]), key=lambda f: -f[2])
    name = words.plain(moved.name)
    if flows:
        a, b, n = flows[0]
        finding = f"{name[0].upper()}{name[1:]}: the largest move is from {a} to {b}, {words.customers(n)}."
    else:
        finding = f"{name[0].upper()}{name[1:]}: no move is large enough to show."
    note = f"{words.customers(setting.population)}; from {then} to {now}."
    if m.unsure:
        note += f" {f'fewer than {setting.k}' if m.unsure < setting.k else f'{m.unsure:,}'} cannot be told on one of the days."
    cells, rows = [], []
    for i, a in enumerate(names):
        row = [a]
        for j, b in enumerate(names):
            words_ = hidden.words(i, j)
            row.append(words_ if words_ is not None else f"{table[i][j]:,}")
            text = (
                "<" + str(setting.k)
                if words_ is not None and hidden.small[i][j]
                else ""
                if words_ is not None
                else f"{table[i][j]:,}"
            )
            if table[i][j]:
                cells.append(Cell(b, a, None if words_ is not None else table[i][j], text, outlined=a == b))
        rows.append(tuple(row))
    behind = Table(f"From (rows, {then}) to (columns, {now})", (("from", False), *((n, True) for n in names)), tuple(rows))
    out = []
    if flows:
        told = f"{note} Bands have the colour of where they come from; those who stayed are lighter."
        if any(any(row) for row in hidden.cells):
            told += " Small moves are not drawn."
        totals = {("then", v.name): v.before for v in m.labels} | {("now", v.name): v.after for v in m.labels}
        chart = sankey(
            [Band(a, b, n) for a, b, n in shown],
            [n for n in names if n != NOBODY],
            title=finding,
            then=then,
            now=now,
            colours=moved.colours,
            totals={key: n for key, n in totals.items() if not is_small(n, setting.k)},
            note=told,
        )
        beside = room_beside([(v.name, max(v.before, v.after)) for v in m.labels], then, now)
        out.append(Figure(f"flows-{anchor(moved.name)}", finding, chart, told, behind, least=2 * beside + 90))
    stayed = words.share(m.stayed, m.stayed + m.moved) if m.stayed + m.moved and m.stayed >= setting.k else "few"
    other = f"{name[0].upper()}{name[1:]}: {stayed} stayed where they were; every move from {then} (rows) to {now} (columns)."
    chart = heat_map(
        cells, names, names, title=other, across_title=f"on {now}", up_title=f"on {then}", note=note, band=30, labels_angle=-40
    )
    out.append(
        Figure(f"moves-{anchor(moved.name)}", other, chart, f"{note} Outlined: stayed.", behind, least=120 + 52 * len(names))
    )
    return out
