"""Rewrite what the documents show: `python -m tests.docs.refresh [README.md docs/reading.md …]`.

Runs the documents and puts what is printed now in the place of what was printed then. Lines `…` stay: as many lines stand
before the first and after the last as did; those between two of them are found by their first line. Then read the
differences: `git diff README.md docs`.
"""

import sys
import tempfile
from pathlib import Path

from tests.docs import tables
from tests.docs.documents import ANY, ROOT, Difference, run, same
from tests.docs.plan import ORDER, begin


def refresh(chosen: list[Path]) -> int:
    """Rewrite the chosen documents (all that come before them in a folder are run too); how many blocks were changed."""
    changed = tables.rewrite(ROOT)
    for documents in ORDER:
        paths = [ROOT / name for name in documents]
        while paths and paths[-1] not in chosen:
            paths.pop()
        with tempfile.TemporaryDirectory() as folder:
            if paths:
                begin(Path(folder))
            for path in paths:
                found = run(path, Path(folder))
                if path in chosen:
                    changed += rewrite(path, found)
    return changed


def rewrite(path: Path, differences: list[Difference]) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    count = 0
    for difference in sorted(differences, key=lambda d: -d.start):
        if difference.what.startswith(("$", ">>>")):
            lines[difference.start : difference.end] = elided(difference.written, difference.found)
            count += 1
        else:
            sys.stderr.write(f"{difference}\n")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return count


def elided(written: list[str], found: list[str]) -> list[str]:
    """What was found, cut where the old text was cut."""
    found = [line.rstrip() for line in found]
    parts: list[list[str]] = [[]]
    for line in written:
        if line.strip() == ANY:
            parts.append([])
        else:
            parts[-1].append(line)
    cut = found if len(parts) == 1 else [*found[: len(parts[0])], ANY]
    for part in parts[1:-1]:
        at = found.index(part[0]) if part and part[0] in found else 0
        cut += [*found[at : at + len(part)], ANY]
    if len(parts) > 1 and parts[-1]:
        cut += found[-len(parts[-1]) :]
    kept = [line for line in written if ANY in line and line.strip() != ANY]
    return [next((old for old in kept if line != ANY and same([old], [line])), line) for line in cut]


if __name__ == "__main__":
    named = [Path(name).resolve() for name in sys.argv[1:]] or [ROOT / name for group in ORDER for name in group]
    sys.stdout.write(f"{refresh(named):,} blocks rewritten\n")
