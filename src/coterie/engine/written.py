"""What engines write: one file (DuckDB), or a folder of Parquet files (Spark). Either may stand where the other stood."""

import contextlib
import shutil
from pathlib import Path


def listed(path: Path) -> str:
    """A Parquet file, or all files of a folder of them, as engines name what they read."""
    return str(path / "*.parquet") if path.is_dir() else str(path)


def put(partial: Path, path: Path) -> None:
    """Put what was written aside in the place of whatever is there."""
    if path.is_dir() or partial.is_dir():
        remove(path)
    partial.replace(path)


def remove(path: Path) -> None:
    """Delete a file or a folder, if it is there.

    Raises:
        OSError: it cannot be deleted.
    """
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def clear_away(path: Path) -> None:
    """Delete what nobody reads any more, as far as that can be done."""
    with contextlib.suppress(OSError):
        remove(path)
