"""Which documents there are, and which share a folder: those of one group are run in this order in one folder."""

import shutil
from pathlib import Path

from tests.docs.documents import ROOT

ORDER: tuple[tuple[str, ...], ...] = (
    ("README.md", "docs/segments.md", "docs/reading.md", "docs/history.md", "docs/report.md", "docs/quality.md"),
    ("docs/changing.md",),
    ("docs/models.md",),
    ("docs/personas.md",),
    ("docs/start.md",),
    ("docs/sources.md",),
    ("docs/live.md",),
    ("docs/language.md",),
    ("docs/promises.md",),
    ("docs/spark.md",),
)


def begin(folder: Path) -> None:
    """A folder as somebody has it who has a clone: the examples are there."""
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns(".coterie"))
