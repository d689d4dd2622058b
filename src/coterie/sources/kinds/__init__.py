"""The kinds of sources, one file each. A kind has a name, the endings or URL schemes it reads, and `open`.

Others add theirs by the entry point group `coterie.sources`: a module with `KIND: Kind`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from coterie.core.errors import DataError, did_you_mean
from coterie.sources.options import ReadOptions
from coterie.sources.raw import Reader


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of source.

    Attributes:
        name: the word for it in a project file.
        endings: of file names, lower case, with the dot.
        magic: first bytes by which a file without a known ending is recognised.
        schemes: of URLs, without `://`.
        open: gives the reader for a location (raises DataError).
    """

    name: str
    open: Callable[[str, ReadOptions], Reader]
    endings: tuple[str, ...] = ()
    magic: tuple[bytes, ...] = ()
    schemes: tuple[str, ...] = ()


_OURS = ("parquet", "excel", "jsonl", "sql", "csv")
_PACKED = (".gz", ".bz2", ".zst")


def kinds() -> dict[str, Kind]:
    """All kinds by name: ours, then those of installed packages."""
    out = {}
    for name in _OURS:
        kind: Kind = import_module(f"coterie.sources.kinds.{name}").KIND
        out[kind.name] = kind
    for entry in entry_points(group="coterie.sources"):
        kind = entry.load().KIND
        out.setdefault(kind.name, kind)
    return out


def open_source(location: str | Path, options: ReadOptions | None = None, kind: str | None = None) -> Reader:
    """Open a file, a folder of Parquet or a database.

    Args:
        location: a path, or a URL such as `postgresql://…`.
        options: what is known of it; None finds everything by looking.
        kind: csv, parquet, jsonl, excel, sql; None goes by the ending, then by the first bytes.

    Raises:
        DataError: there is nothing there, or nothing reads it.
    """
    options, where = options or ReadOptions(), str(location)
    known = kinds()
    if kind is not None:
        if kind not in known:
            raise DataError(f"{kind!r} is not a kind of source", hint=did_you_mean(kind, known, "Kinds"))
        chosen = known[kind]
    else:
        chosen = _guess(where, known)
    if "://" not in where and not where.startswith("sqlite:"):
        path = Path(where)
        if not path.exists():
            raise DataError(f"there is no file {where}", hint=_neighbours(path))
    return chosen.open(where, options)


def _neighbours(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"the folder {folder} is not there either"
    try:
        names = sorted(item.name for item in folder.iterdir() if not item.name.startswith("."))
    except OSError:
        names = []
    return did_you_mean(path.name, names, f"In {folder}")


def _guess(where: str, known: dict[str, Kind]) -> Kind:
    if "://" in where:
        scheme = where.split("://", 1)[0].split("+", 1)[0].lower()
        for kind in known.values():
            if scheme in kind.schemes:
                return kind
        every = sorted(scheme for kind in known.values() for scheme in kind.schemes)
        raise DataError(f"nothing reads addresses of the form {scheme}://", hint=did_you_mean(scheme, every, "Databases"))
    path = Path(where)
    name = path.name.lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    for kind in known.values():
        if name.endswith(kind.endings):
            return kind
    if path.is_dir():
        return known["parquet"]
    if not path.exists():
        return known["csv"]
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise DataError(f"{where} cannot be read: {error.strerror or error}", hint="check the path and its permissions") from None
    for kind in known.values():
        if kind.magic and head.startswith(kind.magic):
            return kind
    if head.startswith(b"PK\x03\x04"):
        raise DataError(f"{where} is a zip archive", hint="unpack it and name the file inside")
    return known["csv"]
