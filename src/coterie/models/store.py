"""The record of what was learned: parameters of fitted calls as versioned JSON, dated by the instant they were learned as of.

Parameters are plain values in the text of one SQLite table; nothing is unpickled. A fit that learned the same as the one
before it is not stored again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from coterie.core.errors import StoreError
from coterie.sources.record import Part, connected

VERSION = 1
_TABLE = """
CREATE TABLE IF NOT EXISTS fits (
    name TEXT NOT NULL, number INTEGER NOT NULL, version INTEGER NOT NULL, call TEXT NOT NULL, as_of TEXT NOT NULL,
    fitted_at TEXT NOT NULL, population INTEGER NOT NULL, parameters TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'accepted', told TEXT NOT NULL DEFAULT '{}', PRIMARY KEY (name, number)
) WITHOUT ROWID;
"""
_TOLD = """
ALTER TABLE fits ADD COLUMN state TEXT NOT NULL DEFAULT 'accepted';
ALTER TABLE fits ADD COLUMN told TEXT NOT NULL DEFAULT '{}';
"""
_COLUMNS = "number, version, call, as_of, fitted_at, population, parameters, state, told"
State = Literal["accepted", "held"]


@dataclass(frozen=True, slots=True)
class FittedParameters:
    """What a fitted call learned.

    Attributes:
        name: the column that holds its value; `call`: its canonical text with its settings' fingerprint.
        as_of: the instant whose data it learned from; `fitted_at`: when.
        population: how many customers there were.
        parameters: plain values, such as the cuts of an axis.
        told: of a model: how good it is, what it asks of a customer, what charts draw.
        state: whether it is in use, or waits for somebody to accept it; `why` in `told`.
        number: its version, from 1.
    """

    name: str
    call: str
    as_of: datetime
    fitted_at: datetime
    population: int
    parameters: Mapping[str, Any]
    told: Mapping[str, Any] = field(default_factory=dict)
    state: State = "accepted"
    number: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "name": self.name,
            "call": self.call,
            "as_of": self.as_of.isoformat(),
            "fitted_at": self.fitted_at.isoformat(),
            "population": self.population,
            "parameters": dict(self.parameters),
            "number": self.number,
            "state": self.state,
            "told": dict(self.told),
        }


class FitStore:
    """The fits of a project, in its record."""

    def __init__(self, record: Path):
        self.connection = connected(record, Part("fits", 2, _TABLE, (_TOLD,)))

    def __enter__(self) -> "FitStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def keep(self, fit: FittedParameters) -> int:
        """Store a fit, unless the newest of that name learned the same from the same instant; returns its number."""
        text = json.dumps(dict(fit.parameters), sort_keys=True, default=str)
        told = json.dumps(dict(fit.told), default=str)
        with self.connection:
            newest = self.connection.execute(
                "SELECT number, call, as_of, parameters FROM fits WHERE name = ? ORDER BY number DESC LIMIT 1", (fit.name,)
            ).fetchone()
            if newest is not None and newest[1:] == (fit.call, fit.as_of.isoformat(), text):
                return int(str(newest[0]))
            number = 1 if newest is None else int(str(newest[0])) + 1
            self.connection.execute(
                "INSERT INTO fits VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    fit.name,
                    number,
                    VERSION,
                    fit.call,
                    fit.as_of.isoformat(),
                    fit.fitted_at.isoformat(),
                    fit.population,
                    text,
                    fit.state,
                    told,
                ),
            )
        return number

    def of(self, name: str, as_of: datetime | None = None, *, call: str | None = None) -> FittedParameters | None:
        """The newest accepted fit of a name that is dated at or before an instant; of this call alone, where one is given.

        Raises:
            StoreError: it was written by a newer version.
        """
        row = self.connection.execute(
            f"SELECT {_COLUMNS} FROM fits WHERE name = ? AND as_of <= ? AND state = 'accepted' AND (call = ? OR ?)"  # noqa: S608
            " ORDER BY as_of DESC, number DESC LIMIT 1",
            (name, (as_of or datetime.max).isoformat(), call, call is None),
        ).fetchone()
        return None if row is None else _read(name, row)

    def held(self, name: str) -> FittedParameters | None:
        """The newest fit of a name, where it waits to be accepted."""
        row = self.connection.execute(
            f"SELECT {_COLUMNS} FROM fits WHERE name = ? ORDER BY number DESC LIMIT 1",  # noqa: S608
            (name,),
        ).fetchone()
        found = None if row is None else _read(name, row)
        return found if found is not None and found.state == "held" else None

    def accept(self, name: str) -> FittedParameters | None:
        """Bring the fit that waits into use; None where none does."""
        found = self.held(name)
        if found is not None:
            with self.connection:
                self.connection.execute("UPDATE fits SET state = 'accepted' WHERE name = ? AND number = ?", (name, found.number))
        return found

    def all(self, name: str) -> list[FittedParameters]:
        """Every fit of a name, oldest first."""
        query = f"SELECT {_COLUMNS} FROM fits WHERE name = ? ORDER BY number"  # noqa: S608
        return [_read(name, row) for row in self.connection.execute(query, (name,))]


def _read(name: str, row: tuple[Any, ...]) -> FittedParameters:
    number, version, call, dated, fitted_at, population, parameters, state, told = row
    if int(str(version)) > VERSION:
        raise StoreError(
            f"the fit of {name} was written by a newer coterie (format {version}, this one reads {VERSION})",
            code="E502",
            hint="use the newer version",
        )
    return FittedParameters(
        name,
        str(call),
        datetime.fromisoformat(str(dated)),
        datetime.fromisoformat(str(fitted_at)),
        int(str(population)),
        json.loads(str(parameters)),
        json.loads(str(told)),
        "held" if state == "held" else "accepted",
        int(str(number)),
    )
