"""The page of promises and the tests agree."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROWS = re.compile(r"^\| G(\d+) \|(.*)\|$", re.MULTILINE)


def promises() -> Iterator[tuple[int, ast.FunctionDef]]:
    """The tests of this folder that are of a promise, with its number."""
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and (found := re.match(r"test_g(\d\d)_", node.name)):
                yield int(found[1]), node


def test_every_promise_is_listed_once_with_its_tests() -> None:
    page, later = (ROOT / "docs/promises.md").read_text(encoding="utf-8").split("## Not yet")
    kept = {int(n): re.findall(r"`(test_g\d\d_\w+)`", row) for n, row in ROWS.findall(page)}
    waiting = [int(n) for n, _ in ROWS.findall(later)]
    assert sorted([*(int(n) for n, _ in ROWS.findall(page)), *waiting]) == list(range(1, 54))
    there: dict[int, list[str]] = {}
    for number, node in promises():
        there.setdefault(number, []).append(node.name)
    assert kept == there


def test_every_test_says_its_complaint_and_asserts() -> None:
    for number, node in promises():
        said = ast.get_docstring(node)
        assert said, node.name
        assert len(said.splitlines()) == 1, node.name
        checks = [n for n in ast.walk(node) if isinstance(n, ast.Assert)]
        raised = [n for n in ast.walk(node) if isinstance(n, ast.Attribute) and n.attr == "raises"]
        assert checks or raised, f"G{number}: {node.name} asserts nothing"
