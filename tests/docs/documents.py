"""The Markdown documents as programs: every fenced block is run, and what it prints is compared with what stands there.

What a block is, by the word behind its fence:

- `console`: lines that begin with `$ ` are commands, what follows is their output (stdout and stderr together). A line
  `…` stands for any lines, `…` within a line for any text. `cd` and `export` last until the end of the document.
- `python`: lines with `>>>` are typed in one by one, their output is compared; otherwise the block is run whole. The names
  of one document's blocks are shared.
- `yaml NAME`, `csv NAME`, `jsonl NAME`, `text NAME`: written to that file. `yaml` without a name is a part of a project:
  put into the project of the folder, it must check.
- `coterie`: expressions, one a line (further lines are indented), that must check in the results of the folder.
- `sh`: how to install; not run, but only the known ways of installing may stand there.
"""

import ast
import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ANY = "…"
SECTIONED = "<!-- each section starts in an empty folder -->"
PLAIN = ("cat", "head", "ls", "mkdir", "cp", "rm", "printf", "duckdb")
"""The commands beside coterie that a document may use."""
INSTALLING = ("make ", "pip install", "pipx install", "uv tool install", "git clone", "cd ", "uv build", "python -m")


@dataclass
class Block:
    """A fenced block: the word behind the fence, a name, its lines, and the line of the document where they begin (from 0)."""

    kind: str
    name: str
    lines: list[str]
    start: int


@dataclass
class Difference:
    """Where a document and the program differ: lines of the document from `start` to `end` should be `found`."""

    file: str
    start: int
    end: int
    what: str
    written: list[str]
    found: list[str]

    def __str__(self) -> str:
        written, found = ("\n".join(f"    {line}" for line in some) for some in (self.written, self.found))
        return f"{self.file}:{self.start + 1}  {self.what}\n  written:\n{written}\n  found:\n{found}"


@dataclass
class State:
    """What lasts from block to block."""

    names: dict[str, Any] = field(default_factory=dict)
    home: Path = field(default_factory=Path.cwd)


def blocks(text: str) -> Iterator[Block | str]:
    """The blocks of a document, and its headings of the second level (as texts) between them."""
    inside: Block | None = None
    for number, line in enumerate(text.splitlines()):
        if inside is None:
            fence = re.fullmatch(r"```(\w+)(?: +(\S+))?", line)
            if fence:
                inside = Block(fence[1], fence[2] or "", [], number + 1)
            elif line.startswith("```"):
                raise ValueError(f"line {number + 1}: a block without a word behind its fence")
            elif line.startswith("## "):
                yield line[3:]
        elif line == "```":
            yield inside
            inside = None
        else:
            inside.lines.append(line)
    if inside is not None:
        raise ValueError(f"the block of line {inside.start} is not closed")


def same(written: list[str], found: list[str]) -> bool:
    """Whether what was printed is what stands there, `…` standing for anything."""
    parts = []
    for line in written:
        if line.strip() == ANY:
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append(".*?".join(re.escape(part) for part in line.rstrip().split(ANY)) + r"\n")
    return re.fullmatch("".join(parts), "".join(line.rstrip() + "\n" for line in found)) is not None


def run(file: Path, folder: Path, state: State | None = None, root: Path = ROOT) -> list[Difference]:
    """Run a document's blocks in a folder, and say where what is printed differs from what is written."""
    text = file.read_text(encoding="utf-8")
    state = state or State()
    state.home = folder
    out: list[Difference] = []
    shown = file.relative_to(root).as_posix()
    sections = 0
    with _there(folder):
        for block in blocks(text):
            if isinstance(block, str):
                if SECTIONED in text:
                    sections += 1
                    state.home = folder / f"section{sections}"
                    state.home.mkdir()
                    os.chdir(state.home)
                continue
            try:
                out += RUNNERS[block.kind](block, state, shown)
            except Exception:
                lines = traceback.format_exc().splitlines()
                out.append(Difference(shown, block.start, block.start, f"{block.kind} block stopped", block.lines, lines))
    return out


@contextlib.contextmanager
def _there(folder: Path) -> Iterator[None]:
    """Work in a folder, as a terminal of 100 columns without colours would."""
    before, environment = Path.cwd(), dict(os.environ)
    os.environ |= {"COLUMNS": "100", "NO_COLOR": "1", "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
        os.environ.clear()
        os.environ.update(environment)


# --- console -----------------------------------------------------------------------------------------------------------------


def console(block: Block, state: State, file: str) -> list[Difference]:
    out = []
    for at, command, end in _commands(block):
        found = [line.rstrip() for line in perform(command).splitlines()]
        written = block.lines[at:end]
        if not same(written, found):
            out.append(Difference(file, block.start + at, block.start + end, f"$ {command}", written, found))
    return out


def _commands(block: Block) -> Iterator[tuple[int, str, int]]:
    """(where the output begins, the command, where the output ends), in lines of the block."""
    at = 0
    while at < len(block.lines):
        line = block.lines[at]
        if not line.startswith("$ "):
            raise ValueError(f"output without a command: {line!r}")
        command = line[2:]
        at += 1
        while command.endswith("\\") and at < len(block.lines):
            command = command[:-1] + block.lines[at].removeprefix("> ").strip()
            at += 1
        begin = at
        while at < len(block.lines) and not block.lines[at].startswith("$ "):
            at += 1
        end = at
        while end > begin and not block.lines[end - 1].strip():
            end -= 1
        yield begin, command, end


def perform(command: str) -> str:
    """What a command prints. coterie runs in this process unless it is part of a pipe."""
    import shlex

    words = shlex.split(command)
    if words[0] == "cd":
        os.chdir(words[1])
        return ""
    if words[0] == "coterie" and not {"|", ">", ";"} & set(words):
        return captured(lambda: _coterie(words[1:]))
    if words[0] not in (*PLAIN, "coterie"):
        raise ValueError(f"documents do not run {words[0]}")
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, encoding="utf-8", check=False)
    return done.stdout + done.stderr


def _coterie(arguments: list[str]) -> None:
    from coterie.cli.app import execute

    execute(arguments)


def captured(work: Callable[[], None]) -> str:
    raw = io.BytesIO()
    text = io.TextIOWrapper(raw, encoding="utf-8", newline="", write_through=True)
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        work()
    text.flush()
    return raw.getvalue().decode("utf-8")


# --- python ------------------------------------------------------------------------------------------------------------------


def python(block: Block, state: State, file: str) -> list[Difference]:
    state.names.setdefault("__name__", "document")
    if not any(line.startswith(">>> ") for line in block.lines):
        exec(compile("\n" * block.start + "\n".join(block.lines), file, "exec"), state.names)
        return []
    out = []
    at = 0
    while at < len(block.lines):
        source = [block.lines[at][4:]]
        at += 1
        while at < len(block.lines) and block.lines[at].startswith("..."):
            source.append(block.lines[at][4:])
            at += 1
        begin = at
        while at < len(block.lines) and not block.lines[at].startswith(">>> "):
            at += 1
        end = at
        while end > begin and not block.lines[end - 1].strip():
            end -= 1
        found = captured(lambda: typed("\n".join(source), state.names)).splitlines()  # noqa: B023 - called at once
        if not same(block.lines[begin:end], found):
            out.append(Difference(file, block.start + begin, block.start + end, ">>> " + source[0], block.lines[begin:end], found))
    return out


def typed(source: str, names: dict[str, Any]) -> None:
    """One statement as if typed in: the value of an expression is printed."""
    tree = ast.parse(source)
    if len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr):
        value = eval(compile(ast.Expression(tree.body[0].value), "document", "eval"), names)
        if value is not None:
            sys.stdout.write(f"{value!r}\n")
    else:
        exec(compile(tree, "document", "exec"), names)


# --- files, projects, expressions --------------------------------------------------------------------------------------------


def written(block: Block, state: State, file: str) -> list[Difference]:
    if block.name:
        path = Path(block.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(block.lines) + "\n", encoding="utf-8")
    elif block.kind == "yaml":
        part(block.lines, Path.cwd())
    elif block.kind != "text":
        raise ValueError(f"a {block.kind} block needs the name of a file")
    return []


def part(lines: list[str], folder: Path) -> None:
    """Put a part of a project into the project of the folder, each section under its own heading, and check the whole."""
    import coterie

    sections: dict[str, list[str]] = {}
    current = ""
    for line in lines:
        heading = re.match(r"(\w+):", line)
        if heading:
            current = heading[1]
            sections[current] = [] if line.rstrip() == f"{current}:" else [line]
        else:
            sections[current].append(line)
    project = (folder / "coterie.yaml").read_text(encoding="utf-8").splitlines()
    for name, added in sections.items():
        if added[:1] and added[0].startswith(f"{name}:"):
            project = [line for line in project if not line.startswith(f"{name}:")] + added
        elif f"{name}:" in project:
            at = project.index(f"{name}:") + 1
            project[at:at] = added
        else:
            project += [f"{name}:", *added]
    copy = folder / "part of a document"
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(copy.name))
    try:
        (copy / "coterie.yaml").write_text("\n".join(project) + "\n", encoding="utf-8")
        coterie.open(copy).check()
    finally:
        shutil.rmtree(copy)


def expressions(block: Block, state: State, file: str) -> list[Difference]:
    import coterie

    workspace = coterie.open(".")
    out = []
    for number, text in logical(block.lines):
        try:
            workspace.results.catalog.expression(text)
        except Exception as error:
            out.append(Difference(file, block.start + number, block.start + number, text, [text], str(error).splitlines()))
    workspace.close()
    return out


def logical(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Expressions of a block: a line each, with the indented lines that follow it; `  # …` at the end is a remark."""
    text, at = "", 0
    for number, line in enumerate(lines):
        bare = re.sub(r"(^|\s+)# .*$", "", line).rstrip()
        if bare.startswith(" ") and text:
            text += f" {bare.strip()}"
            continue
        if text:
            yield at, text
        text, at = bare.strip(), number
    if text:
        yield at, text


def installing(block: Block, state: State, file: str) -> list[Difference]:
    for line in block.lines:
        if line.strip() and not line.startswith(INSTALLING):
            raise ValueError(f"not a way to install: {line!r}")
    return []


Runner = Callable[[Block, State, str], list[Difference]]
RUNNERS: dict[str, Runner] = {
    "console": console,
    "python": python,
    "yaml": written,
    "csv": written,
    "jsonl": written,
    "text": written,
    "coterie": expressions,
    "sh": installing,
}
