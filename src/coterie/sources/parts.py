"""What is there of the events of the last time: parts of sources, and the tables that begin with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, cast

from coterie.sources.files import read_json, write_json
from coterie.sources.gathered import Bad, bad_from_json, bad_to_json
from coterie.sources.relations import SourceFile


@dataclass(frozen=True)
class EventPart:
    """Files of a source of events whose rows were taken in together.

    Attributes:
        mark: a fingerprint of what its rows depend on.
        path: without its ending: of the ids of its customers (`.parquet`), of hashes by which its rows are known again
            (`.marks.parquet`), of its bad rows (`.bad.parquet`, where there are any), and of the rest of this (`.json`).
        counts: how many rows met which fate; `bad`: of those in quarantine.
    """

    files: tuple[SourceFile, ...]
    mark: str
    path: Path
    counts: Mapping[str, int] = field(default_factory=dict)
    bad: tuple[Bad, ...] = ()

    @classmethod
    def there(cls, files: Sequence[SourceFile], mark: str, path: Path) -> Self | None:
        """A part that was kept, with all its files, or None."""
        told = read_json(path.with_name(f"{path.name}.json"))
        if told is None:
            return None
        bad = tuple(bad_from_json(b) for b in cast(list[list[Any]], told["bad"]))
        part = cls(tuple(files), mark, path, cast(Mapping[str, int], told["counts"]), bad)
        needed = [part.ids, part.marks, *([part.bad_rows] if bad else [])]
        return part if all(file.exists() for file in needed) else None

    def keep(self) -> None:
        """Say that it is there; its other files are written before."""
        write_json(self.file(".json"), {"counts": dict(self.counts), "bad": [bad_to_json(b) for b in self.bad]})

    def file(self, ending: str) -> Path:
        return self.path.with_name(f"{self.path.name}{ending}")

    @property
    def ids(self) -> Path:
        return self.file(".parquet")

    @property
    def marks(self) -> Path:
        return self.file(".marks.parquet")

    @property
    def bad_rows(self) -> Path:
        return self.file(".bad.parquet")


@dataclass(frozen=True)
class Before:
    """What a gathering wrote, as its manifest has it."""

    cache: Path
    data: Mapping[str, Any]

    @classmethod
    def newest(cls, cache: Path) -> Self | None:
        """That which was used last, where its customers and their numbers are still there."""
        for manifest in manifests(cache)[:1]:
            found = cls(cache, read_json(manifest) or {})
            if found.data.get("parts") and all(path.exists() for path in found.customers):
                return found
        return None

    @property
    def customers(self) -> list[Path]:
        return [self.cache / path for path in self.data["customers"]["paths"]]

    def files_of(self, source: str) -> int:
        """How many files of a source of events its first part had."""
        return int(self.data["parts"].get(source, {}).get("files", 0))

    def has(self, source: str, part: EventPart) -> bool:
        """Whether its tables of a source begin with this part, and are still there."""
        made = [e["kind"] for e in self.data["events"] if e["source"] == source]
        same = self.data["parts"].get(source, {}).get("mark") == part.mark
        return same and bool(made) and all(self.table(kind).exists() for kind in made)

    def table(self, kind: str) -> Path:
        """Its table of the first part."""
        return self.cache / next(str(e["paths"][0]) for e in self.data["events"] if e["kind"] == kind)


def manifests(cache: Path) -> list[Path]:
    """What gatherings wrote down, the one used last first."""
    return sorted((cache / "gathered").glob("*.json"), key=lambda p: (p.stat().st_mtime_ns, p.name), reverse=True)
