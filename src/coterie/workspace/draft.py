"""The first project file: files are read and looked at, and what was found is written down with its reasons.

Everything that is drafted is checked against the columns that there are before it is written, so a draft runs at once.
"""

import glob
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from coterie.core.errors import CoterieError, DataError
from coterie.core.place import Origin
from coterie.language.catalog import parts_of
from coterie.language.check import check
from coterie.language.parse import parse
from coterie.language.scope import ColumnInfo, EventInfo, Scope
from coterie.language.types import BOOLEAN, Type
from coterie.sources.countries import zone_of
from coterie.sources.detection import Asked, detect
from coterie.sources.findings import Detection, Found, Guess
from coterie.sources.kinds import open_source
from coterie.sources.mapping import map_source
from coterie.sources.options import UNPACK
from coterie.sources.reading import ReadOptions, read_typed
from coterie.sources.seen import SeenFile, hidden_dates, joined, seen
from coterie.workspace.bases import Base, bases
from coterie.workspace.definitions import catalog
from coterie.workspace.drafting.kinds import Sources, sources
from coterie.workspace.drafting.outline import (
    Segment,
    Segmentation,
    Trait,
    comment,
    even,
    scalar,
    segmentations_text,
    segments_text,
    traits_text,
)
from coterie.workspace.drafting.proposals import propose
from coterie.workspace.drafting.proposer import Known, Proposals
from coterie.workspace.fmt import format_project
from coterie.workspace.project import FILE, Project, read_project

FINISHED = timedelta(days=45)
"""Data whose newest event is older than this has ended."""
ENDINGS = (".csv", ".tsv", ".txt", ".parquet", ".jsonl", ".ndjson", ".json", ".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
_PACKED = (".gz", ".bz2", ".zst")
_BOOKS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
_SIGNS = {"£": "GBP", "€": "EUR", "$": "USD", "¥": "JPY", "₹": "INR", "zł": "PLN", "kr": "SEK", "CHF": "CHF"}

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Draft:
    """A drafted project.

    Attributes:
        text: the project file.
        guesses: what was guessed, with reasons.
        bases: which bases of segmentation the data supports, and what the others need.
        questions: what a person should look at.
        detection: what the files are.
        project: the text as it is read.
        dropped: definitions that were proposed and did not check (none, unless something is wrong with coterie), with why.
    """

    text: str
    guesses: tuple[Guess, ...]
    bases: tuple[Base, ...]
    questions: tuple[str, ...]
    detection: Detection
    project: Project
    dropped: tuple[tuple[str, str], ...] = ()


def draft(
    folder: Path | str,
    files: Sequence[Path | str],
    *,
    now: datetime,
    customer: Asked = None,
    time: Asked = None,
    amount: Asked = None,
    id: Asked = None,
    progress: Callable[[str], None] | None = None,
    unpack: int = UNPACK,
) -> Draft:
    """Draft the project file for some files.

    Args:
        folder: the project's folder; paths are written relative to it.
        files: files, folders or globs (relative ones from the current directory, else from the project's folder).
        now: the current instant (decides whether the data has ended).
        customer, time, amount, id: columns that a person named: for every file that has them, or by file.
        progress: called with what is being done.
        unpack: how many times its size a packed file may unpack to.

    Raises:
        DataError: a file cannot be read; no column names the customer (E220), or several could (E221).
        MissingColumn: a named column is nowhere.
    """
    say = progress or (lambda _: None)
    folder = Path(folder)
    tables = read(folder, files, say, unpack)
    say("finding out what the columns are")
    detection = detect(tables, customer=customer, time=time, amount=amount, id=id)
    return compose(folder, detection, now=now)


# --- reading --------------------------------------------------------------------------------------------------------


def read(folder: Path, files: Sequence[Path | str], say: Progress, unpack: int = UNPACK) -> list[SeenFile]:
    """Read files for detection: every sheet of a workbook, and numbered files of the same columns as one."""
    paths = _expanded(folder, files)
    if not paths:
        raise DataError("no files to look at", code="E223", hint="name some: coterie init orders.csv customers.xlsx")
    out: list[tuple[Path, SeenFile]] = []
    with tempfile.TemporaryDirectory(prefix="coterie-init-") as aside:
        for number, path in enumerate(paths):
            say(f"reading {path.name}")
            for sheet in _sheets(path):
                target, bad = Path(aside) / f"{number}.parquet", Path(aside) / f"{number}.bad"
                typed = read_typed(path, ReadOptions(sheet=sheet, unpack=unpack), target, bad)
                types = hidden_dates(typed)
                if types:
                    typed = read_typed(path, ReadOptions(sheet=sheet, columns=types, unpack=unpack), target, bad)
                if not typed.rows_kept and sheet is not None:
                    continue
                stem = path.name
                for ending in (*_PACKED, *ENDINGS):
                    stem = stem.removesuffix(ending)
                name = f"{stem}_{sheet}" if sheet is not None else stem
                out.append((path, seen(typed, name, _written_path(folder, path), sheet=sheet, types=types)))
    return _series(folder, out)


def _expanded(folder: Path, files: Sequence[Path | str]) -> list[Path]:
    out: list[Path] = []
    for given in files:
        path = Path(given)
        if not path.exists() and not path.is_absolute() and (folder / path).exists():
            path = folder / path
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.is_file() and _readable(p) and not _hidden(p.relative_to(path)))
            if not found:
                raise DataError(f"the folder {path} holds no file that can be read", hint=f"endings: {', '.join(ENDINGS)}")
            out += found
        elif not path.exists() and glob.has_magic(str(given)):
            found = [Path(p) for p in sorted(glob.glob(str(path), recursive=True) or glob.glob(str(folder / path), recursive=True))]  # noqa: PTH207
            if not found:
                raise DataError(f"no file matches {given}", hint="look at the pattern, or name the files")
            out += found
        else:
            out.append(path)
    return list(dict.fromkeys(out))


def _readable(path: Path) -> bool:
    name = path.name.lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    return name.endswith(ENDINGS) and not name.startswith(("readme", "license", "~$"))


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _sheets(path: Path) -> list[str | None]:
    if not path.name.lower().endswith(_BOOKS):
        return [None]
    workbook = getattr(open_source(path, ReadOptions()), "workbook", None)
    names: list[str] = list(getattr(workbook, "sheet_names", []))
    return list(names) if len(names) > 1 else [None]


def _written_path(folder: Path, path: Path) -> str:
    """A path as the project file has it: relative where the file is near, else whole."""
    whole, base = path.resolve(), folder.resolve()
    relative = Path(os.path.relpath(whole, base)).as_posix()
    return relative if relative.count("../") <= 2 else whole.as_posix()


def _series(folder: Path, tables: list[tuple[Path, SeenFile]]) -> list[SeenFile]:
    """Files whose names differ in numbers only and whose columns are the same, as one glob."""
    groups: dict[tuple[Path, str, str | None, object], list[tuple[Path, SeenFile]]] = {}
    for path, table in tables:
        pattern = re.sub(r"\d+(?:[-_.]\d+)*", "*", path.name) if table.sheet is None else path.name
        key = (path.parent, pattern, table.sheet, tuple((c.name, c.type) for c in table.columns.values()))
        groups.setdefault(key, []).append((path, table))
    out = []
    for (parent, pattern, _, _), members in groups.items():
        whole = sorted(p for p in parent.glob(pattern) if p.is_file())
        if len(members) > 1 and whole == sorted(p for p, _ in members):
            stem = re.sub(r"[\W_]*\*[\W_]*", " ", pattern.split(".")[0]).strip().replace(" ", "_") or "events"
            path = parent / pattern
            written = Path(_written_path(folder, parent)) / path.name
            out.append(joined([t for _, t in members], stem, written.as_posix()))
        else:
            out += [t for _, t in members]
    names: dict[str, int] = {}
    for n, table in enumerate(out):
        names[table.name] = names.get(table.name, 0) + 1
        if names[table.name] > 1:
            out[n] = replace(table, name=f"{table.name}_{names[table.name]}")
    return out


# --- composing ------------------------------------------------------------------------------------------------------


def compose(folder: Path, detection: Detection, *, now: datetime) -> Draft:
    """The project file for what was detected."""
    newest, oldest = detection.newest(), detection.oldest()
    finished = newest is not None and now.date() - newest > FINISHED
    parts = sources(detection, finished=(oldest or newest) if finished else None)
    zone, zone_why = _zone(detection)
    currency, currency_why = _currency(detection)
    head = _head(
        folder, detection, now=now, finished=finished, newest=newest, zone=(zone, zone_why), currency=(currency, currency_why)
    )
    even(parts.texts)
    body = ["sources:"]
    for n, text in enumerate(parts.texts):
        compact = text.compact and n and parts.texts[n - 1].compact
        body += ([] if n == 0 or compact else [""]) + text.lines()
    project = read_project("\n".join([*head, *body]) + "\n", folder / FILE)
    scope = scope_of(project, detection)
    known = Known(
        {n: c.type for n, c in scope.columns.items()},
        {n: c.type for n, c in scope.account.items()},
        {n: e.columns for n, e in scope.events.items()},
    )
    proposals = propose(detection, parts, known)
    proposals, dropped = _checked(proposals, scope)
    found = bases(detection, parts, known)
    questions = tuple(dict.fromkeys((*detection.questions, *_questions(detection, zone_why))))
    lines = [*head, *_asked(questions), *body, ""]
    lines += [*traits_text(proposals.traits), ""] if proposals.traits else []
    lines += [*segments_text(proposals.segments), ""] if proposals.segments else []
    lines += [*segmentations_text(proposals.segmentations), ""] if proposals.segmentations else []
    lines += _bases_text(found)
    whole = format_project("\n".join(lines).rstrip() + "\n")
    project = read_project(whole, folder / FILE)
    catalog(project, scope)
    return Draft(whole, detection.guesses, found, questions, detection, project, tuple(dropped))


def _head(
    folder: Path,
    detection: Detection,
    *,
    now: datetime,
    finished: bool,
    newest: date | None,
    zone: tuple[str, str],
    currency: tuple[str | None, str],
) -> list[str]:
    name = folder.resolve().name or "project"
    files = ", ".join(dict.fromkeys(f.file.label.partition(", sheet ")[0] for f in detection.found))
    out = comment(
        f"Drafted by `coterie init` on {now.date()} from {files}. Every guess says why it was made; change what is wrong, then "
        "`coterie run`."
    )
    out += ["", f"project: {scalar(name)}"]
    out += comment(zone[1])
    out.append(f"timezone: {zone[0]}")
    if currency[0] is not None:
        out += comment(currency[1])
        out.append(f"currency: {currency[0]}")
    events = detection.of("events")
    if newest is not None and finished and events:
        out += comment(
            f"The newest event is of {newest}, so the data has ended. For a business that is running, write `as_of: now`."
        )
        out.append("as_of: latest event")
    elif newest is not None and finished:
        out += comment(f"The newest date in the customers file is {newest}, so everything is asked as of that day.")
        out.append(f"as_of: {newest}")
    else:
        out += comment("Everything is asked as of now. For a data set that has ended, write `as_of: latest event`, or a date.")
        out.append("as_of: now")
    return [*out, ""]


def _asked(questions: Sequence[str]) -> list[str]:
    if not questions:
        return []
    out = comment("Please look at:")
    for number, question in enumerate(questions, 1):
        out += comment(f"{number}. {question}")
    return [*out, ""]


def _bases_text(found: Iterable[Base]) -> list[str]:
    out = comment("Bases of segmentation that this data supports, and what the others would need:")
    for base in found:
        mark = "yes" if base.supported else "not yet"
        out += comment(f"  {base.name} ({mark}): {base.why}")
    return out


def _zone(detection: Detection) -> tuple[str, str]:
    """The project's zone, with the reason."""
    best: tuple[str, float, str] | None = None
    for found in detection.found:
        column = found.column("country")
        if column is None or found.role not in ("customers", "events", "lookup") or not column.known:
            continue
        value, rows = column.top(1)[0]
        share = rows / column.known
        if best is None or share > best[1]:
            best = (str(value), share, column.name)
    if best is not None and best[1] >= 0.5:
        zone = zone_of(best[0])
        if zone is not None:
            return zone, (
                f"{best[2]} is {best[0]} on {100 * best[1]:.0f} % of the rows, so days are taken to begin and end there. Times in "
                "the files have no zone of their own unless they say so."
            )
        return (
            "UTC",
            f"Most are in {best[0]}, which has several time zones or is not known here: write yours, such as Europe/London.",
        )
    return "UTC", "Nothing says in which time zone days begin and end. Write yours, such as Europe/London."


def _currency(detection: Detection) -> tuple[str | None, str]:
    for found in detection.found:
        sign = found.file.currency
        if sign:
            code = _SIGNS.get(sign, sign if re.fullmatch(r"[A-Z]{3}", sign) else None)
            if code:
                return code, f"{sign} stands beside numbers in {found.file.label}."
        column = found.column("currency")
        if column is not None and column.distinct == 1 and re.fullmatch(r"[A-Z]{3}", str(column.top(1)[0][0])):
            return str(column.top(1)[0][0]), f"{column.name} in {found.file.label} is the same on every row."
        for name in found.file.columns:
            match = re.search(r"(?:^|[_\s(])(USD|EUR|GBP|CHF|JPY|usd|eur|gbp|chf|jpy)(?:$|[_\s)])", name)
            if match:
                return match[1].upper(), f"the name of the column {name} in {found.file.label} says so."
    return None, ""


def _questions(detection: Detection, zone_why: str) -> list[str]:
    out = []
    for guess in detection.guesses:
        if guess.confidence < 0.7 or (guess.confidence < 0.8 and guess.alternatives):
            others = f" (others that could be it: {', '.join(guess.alternatives)})" if guess.alternatives else ""
            out.append(f"{guess.file}: is {guess.column} really the {_ROLE_WORDS.get(guess.role, guess.role)}{others}?")
    for found in detection.of("events"):
        if found.match is not None and found.match < 0.9:
            out.append(
                f"{found.file.label}: only {100 * found.match:.1f} % of its customers are in the customers file: the same ids?"
            )
        first = found.file.columns[found.time or ""].first_day()
        oldest = detection.oldest()
        if first is not None and oldest is not None and first - oldest > timedelta(days=180) and found.kind is not None:
            out.append(
                f"{found.file.label} begins on {first}, other events on {oldest}. If earlier ones were only not kept, add "
                f"complete_from: {first} to its sources: counts that would need them are then 'cannot tell' instead of too low"
            )
        if not found.file.whole:
            out.append(f"{found.file.label} is large: guesses rest on a part of its {found.file.rows:,} rows")
    if zone_why.startswith(("Nothing", "Most")) and any(f.time for f in detection.found):
        out.append("in which time zone do days begin and end? UTC is written for now")
    return out


_ROLE_WORDS = {"customer": "customer", "id": "id of a row", "time": "time", "amount": "amount", "lines": "order"}


# --- checking -------------------------------------------------------------------------------------------------------


def scope_of(project: Project, detection: Detection) -> Scope:
    """The names that definitions may use, from the files as they were read."""
    by_path = {(f.file.path, f.file.sheet): f for f in detection.found}
    columns: dict[str, ColumnInfo] = {}
    account: dict[str, ColumnInfo] = {}
    events: dict[str, EventInfo] = {}
    has_accounts = False
    for source in project.sources.values():
        found: Found = by_path[source.path or "", source.sheet]
        types: Mapping[str, Type] = {c.name: c.type for c in found.file.columns.values()}
        mapped = map_source(source, types, zone=project.timezone)
        match source.role:
            case "customers" | "lookup":
                for name, type_ in mapped.columns.items():
                    columns.setdefault(name, ColumnInfo(type_))
                has_accounts = has_accounts or source.account is not None
            case "accounts":
                account = {name: ColumnInfo(type_) for name, type_ in mapped.columns.items()}
            case "events":
                info = EventInfo(mapped.columns)
                events[source.name] = info
                if source.lines is not None:
                    events[f"{source.name}_line"] = info
    return Scope(columns, events, zone=project.timezone, account=account, has_accounts=has_accounts)


def _checked(proposals: Proposals, scope: Scope) -> tuple[Proposals, list[tuple[str, str]]]:
    """The proposals that can mean something, each checked on those before it."""
    columns = dict(scope.columns)
    dropped: list[tuple[str, str]] = []

    def holds(name: str, text: str, expected: Type | None = None) -> bool:
        origin = Origin.of(text, name)
        try:
            checked = check(parse(origin), replace(scope, columns=columns), origin, expected=expected)
        except CoterieError as error:
            dropped.append((name, str(error)))
            return False
        parts = {part: ColumnInfo(type_) for part, type_ in parts_of(checked.tree, columns).items()}
        if name:
            columns[name] = ColumnInfo(
                checked.type,
                nothing=checked.nothing,
                partial=checked.partial,
                fresh=checked.fresh,
                state=checked.state,
                parts=parts,
            )
        return True

    traits: list[Trait] = [t for t in proposals.traits if holds(t.name, t.expression)]
    segments: list[Segment] = [s for s in proposals.segments if holds(s.name, s.where, BOOLEAN)]
    segmentations: list[Segmentation] = []
    for one in proposals.segmentations:
        if one.call is not None:
            if holds(one.name, one.call):
                segmentations.append(one)
        elif all(rule is None or holds("", rule, BOOLEAN) for _, rule in one.labels):
            segmentations.append(one)
    return Proposals(traits, segments, segmentations), dropped


def unread(sources_: Sources) -> int:
    """How many kinds of events a draft has."""
    return len(sources_.kinds)
