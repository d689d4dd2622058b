"""Where a table begins: the row with the names of its columns, and the names themselves."""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from itertools import count

from coterie.core.errors import DataError
from coterie.core.place import Place
from coterie.sources import dates, numbers
from coterie.sources.raw import Note

Rows = list[tuple[int, list[str]]]
_DATA = [
    re.compile(numbers.ORNATE),
    *(re.compile(p) for form in ("iso", "ymd", "numeric", "short", "words") for p in dates.FORMS[form]),
]
_YEAR = re.compile(r"^(19|20)\d\d$")


@dataclass(frozen=True, slots=True)
class Header:
    """The row with the names.

    Attributes:
        cells: the names as they are written; made up where the file has none.
        line: the line they stand on; 0 where there are none.
        first_line: the line where the data begins.
    """

    cells: list[str]
    line: int
    first_line: int
    notes: tuple[Note, ...] = ()


def is_data(text: str) -> bool:
    """Whether a cell reads like a number or a date rather than a name."""
    text = text.strip()
    if not text:
        return False
    return any(shape.search(text) for shape in _DATA)


def find_header(rows: Rows, given: int | None, where: str) -> Header:
    """The header of a table from its first rows: (line, cells).

    Title lines above are passed over: the header is the first row about as wide as the table. A first row of numbers or
    dates is data, and the columns are then called column_1, column_2, …

    Raises:
        DataError: the line that is named is not there.
    """
    filled = [(line, row) for line, row in rows if any(cell.strip() for cell in row)]
    if not filled:
        raise DataError(f"{where} holds no rows", hint="export it again; a file without rows still has a line of column names")
    if given is not None and given > 0:
        chosen = next((item for item in rows if item[0] == given), None)
        if chosen is None or not any(cell.strip() for cell in chosen[1]):
            raise DataError(f"line {given} of {where} is no row of names", hint="leave `header:` out and it is found by looking")
        following = [line for line, _ in rows if line > given]
        return Header(chosen[1], given, following[0] if following else given + 1)
    width, _ = max(Counter(len(row) for _, row in filled).items(), key=lambda item: (item[1], item[0]))
    if given == 0:
        return _without(filled[0][0], width, "as declared")
    for at, (line, row) in enumerate(filled):
        named_cells = sum(bool(cell.strip()) for cell in row)
        if len(row) < width or (named_cells < max(2, round(0.6 * width)) and width > 1 and not _wider_below(filled, at)):
            continue
        if len(row) > width and len(filled) > at + 1:
            continue
        if not row[-1].strip() and _full_row_of_names(filled[at + 1 : at + 12], width):
            continue  # titles fill a line from the left
        if _is_row_of_data(row, [other for _, other in filled[at + 1 : at + 50]]):
            return _without(line, width, "its first row holds numbers or dates")
        notes = []
        if at:
            titles = " / ".join(" ".join(cell.strip() for cell in cells if cell.strip())[:60] for _, cells in filled[:at][:3])
            notes.append(Note(f"header on line {line}; the {at} line{'s' if at > 1 else ''} above left out ({titles})"))
        following = [number for number, _ in rows if number > line]
        return Header(row, line, following[0] if following else line + max(1, _height(row)), tuple(notes))
    line, row = filled[0]
    following = [number for number, _ in rows if number > line]
    return Header(row, line, following[0] if following else line + 1)


def _full_row_of_names(below: Rows, width: int) -> bool:
    return any(len(row) == width and all(cell.strip() and not is_data(cell) for cell in row) for _, row in below)


def _height(row: list[str]) -> int:
    return 1 + sum(cell.count("\n") for cell in row)


def _wider_below(filled: Rows, at: int) -> bool:
    """Whether no row further down is fuller than this one: then this one may be the header although half empty."""
    here = sum(bool(cell.strip()) for cell in filled[at][1])
    return all(sum(bool(cell.strip()) for cell in row) <= here for _, row in filled[at + 1 : at + 50])


def _without(line: int, width: int, why: str) -> Header:
    note = Note(f"no row of names ({why}): the columns are called column_1 to column_{width}")
    return Header([f"column_{i + 1}" for i in range(width)], 0, line, (note,))


def _is_row_of_data(row: list[str], below: list[list[str]]) -> bool:
    """Whether the first row is like those below it: a number or date stands wherever a column has them."""
    like = [i for i, cell in enumerate(row) if is_data(cell)]
    if not like:
        return False
    if all(_YEAR.match(row[i].strip()) for i in like) and len({row[i] for i in like}) == len(like) > 0 and len(like) < len(row):
        return False  # a column for each year
    of_data = [i for i in range(len(row)) if below and sum(is_data(r[i]) for r in below[:5] if i < len(r)) * 2 > len(below[:5])]
    if not below:
        return len(like) * 2 > len(row)
    return bool(of_data) and all(i in like for i in of_data)


@dataclass(slots=True)
class Names:
    """Gives columns their names: trimmed, in Unicode's composed form, no two alike but for case."""

    folded: dict[str, str] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def add(self, cell: str) -> str:
        """The name of the next column, from what the file calls it; a second one of a name gets another."""
        name = unicodedata.normalize("NFC", " ".join(cell.replace("\ufeff", "").split()))
        if not name:
            name = f"column_{len(self.folded) + 1}"
            self.notes.append(Note(f"column {len(self.folded) + 1} has no name and is called {name}"))
        if name == "_line":
            name = "line"
            self.notes.append(Note("called _line in the file", name))
        other = self.folded.get(name.casefold())
        if other is not None:
            fresh = next(f"{name}_{n}" for n in count(2) if f"{name}_{n}".casefold() not in self.folded)
            why = f"which differs from {other!r} only in case" if other != name else "as another column is"
            self.notes.append(Note(f"called {name!r} in the file, {why}", fresh))
            name = fresh
        self.folded[name.casefold()] = name
        return name


def named(cells: list[str], line: int, where: str, most: int) -> tuple[list[str], list[Note]]:
    """The names of columns, by `Names`.

    Args:
        cells: the names as they are written.
        line: where they stand; 0 for nowhere.
        where: the file, for messages.
        most: how many columns there may be.

    Raises:
        DataError: two columns of one name, or more columns than a table has.
    """
    place = Place(where, line, 1) if line else None
    if len(cells) > most:
        raise DataError(
            f"{where} has {len(cells):,} columns; at most {most:,} are read",
            place=place,
            hint="the delimiter may be another one, or the table lies on its side",
        )
    names, at, out = Names(), dict[str, int](), list[str]()
    for index, cell in enumerate(cells):
        plain = unicodedata.normalize("NFC", " ".join(cell.replace("\ufeff", "").split()))
        if plain and plain in at:
            raise DataError(
                f"two columns are called {plain!r}: column {at[plain] + 1} and column {index + 1}",
                place=place,
                hint="give each its own name in the file",
            )
        at[plain] = index
        out.append(names.add(cell))
    return out, names.notes
