"""The record of what was learned: parameters of fitted calls as versioned JSON, dated by the instant they were learned as of.

Parameters are plain values in the text of one SQLite table; nothing is unpickled. A fit that learned the same as the one
before it is not stored again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from coterie.core.errors import StoreError
from coterie.sources.record import Part, connected

VERSION = 1
_TABLE = """
CREATE TABLE IF NOT EXISTS fits (
    name TEXT NOT NULL, number INTEGER NOT NULL, version INTEGER NOT NULL, call TEXT NOT NULL, as_of TEXT NOT NULL,
    fitted_at TEXT NOT NULL, population INTEGER NOT NULL, parameters TEXT NOT NULL, PRIMARY KEY (name, number)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class FittedParameters:
    """What a fitted call learned.

    Attributes:
        name: the column that holds its value; `call`: its canonical text with its settings' fingerprint.
        as_of: the instant whose data it learned from; `fitted_at`: when.
        population: how many customers there were.
        parameters: plain values, such as the cuts of an axis.
    """

    name: str
    call: str
    as_of: datetime
    fitted_at: datetime
    population: int
    parameters: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "name": self.name,
            "call": self.call,
            "as_of": self.as_of.isoformat(),
            "fitted_at": self.fitted_at.isoformat(),
            "population": self.population,
            "parameters": dict(self.parameters),
        }


class FitStore:
    """The fits of a project, in its record."""

    def __init__(self, record: Path):
        self.connection = connected(record, Part("fits", 1, _TABLE))

    def __enter__(self) -> "FitStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def keep(self, fit: FittedParameters) -> None:
        """Store a fit, unless the newest of that name learned the same from the same instant."""
        text = json.dumps(dict(fit.parameters), sort_keys=True, default=str)
        with self.connection:
            newest = self.connection.execute(
                "SELECT number, call, as_of, parameters FROM fits WHERE name = ? ORDER BY number DESC LIMIT 1", (fit.name,)
            ).fetchone()
            if newest is not None and newest[1:] == (fit.call, fit.as_of.isoformat(), text):
                return
            number = 1 if newest is None else int(str(newest[0])) + 1
            self.connection.execute(
                "INSERT INTO fits VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (fit.name, number, VERSION, fit.call, fit.as_of.isoformat(), fit.fitted_at.isoformat(), fit.population, text),
            )

    def of(self, name: str, as_of: datetime | None = None) -> FittedParameters | None:
        """The newest fit of a name that is dated at or before an instant.

        Raises:
            StoreError: it was written by a newer version.
        """
        row = self.connection.execute(
            "SELECT version, call, as_of, fitted_at, population, parameters FROM fits"
            " WHERE name = ? AND as_of <= ? ORDER BY as_of DESC, number DESC LIMIT 1",
            (name, (as_of or datetime.max).isoformat()),
        ).fetchone()
        if row is None:
            return None
        version, call, dated, fitted_at, population, parameters = row
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
        )
