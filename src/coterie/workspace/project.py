"""The project file, read: a frozen Project with its sources, traits, segments and segmentations.

Expressions stay as they are written, with their places; they are parsed and checked against the columns of the sources
elsewhere. Everything that is wrong with a file is said at once.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, cast

from coterie.core.definition import Written
from coterie.core.errors import DefinitionError, DefinitionErrors, nearest
from coterie.core.place import Place
from coterie.segments.segment import Segment, Segmentation
from coterie.sources.source import Role, Source
from coterie.traits.trait import Trait
from coterie.workspace import bites
from coterie.workspace.document import (
    MAX_BYTES,
    Document,
    Entry,
    List,
    Map,
    Node,
    Scalar,
    decode,
    read_document,
    too_large,
)
from coterie.workspace.keys import (
    FIT_SETTINGS,
    FITS,
    NEEDED,
    PROJECT,
    SEGMENT,
    SEGMENTATION,
    SETTINGS_OF,
    SOURCE,
    TRAIT,
    Key,
    Keys,
    collect_keys,
    setting,
    unknown_key,
)
from coterie.workspace.shapes import EXPRESSION, SCORES, found, joined, mapping, name_of, refuse, scalar, text_of, trimmed

FILE = "coterie.yaml"
VERSION = 1
"""The version of the file's format that this program writes and reads."""
MIGRATIONS: Mapping[int, Callable[[Map], Map]] = MappingProxyType({})
"""From each older version of the format to the next; version 1 is the first."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something worth knowing about a file that can be read."""

    code: str
    message: str
    hint: str
    place: Place | None = None

    def __str__(self) -> str:
        """As an error is shown: with its line and carets under what is meant."""
        caret = self.place.caret() if self.place else ""
        return f"{self.head}\n{caret}  {self.hint}" if caret else f"{self.head}\n   {self.hint}"

    @property
    def head(self) -> str:
        where = f"{self.place}  " if self.place else ""
        return f"{where}{self.code} {self.message}"

    @property
    def line(self) -> str:
        """On one line, as a list of several shows it."""
        return f"{self.head}: {self.hint}"


@dataclass(frozen=True, slots=True)
class Project:
    """What a project file says.

    Attributes:
        folder, file: where it is; paths of sources and lists are relative to the folder.
        name: as written, or the folder's.
        timezone: the zone whose days are meant; UTC where nothing is said (and a notice).
        currency: of money columns, or None.
        as_of: "now", "latest event", or the written date (its end) or instant.
        population: "all" (everybody with a row or an event) or "customers".
        engine, spark, locale: where work is done; settings of Spark; how numbers are shown, or None.
        sources, traits, segments, segmentations: by name, in the order of the file.
        lists: name → path of a list of ids.
        notes: goal, about, owner …
        notices: what is worth knowing about the file.
    """

    folder: Path
    file: Path
    name: str
    timezone: str
    currency: str | None
    as_of: Literal["now", "latest event"] | Written
    population: Literal["all", "customers"]
    engine: str
    spark: Mapping[str, str]
    locale: str | None
    sources: Mapping[str, Source]
    traits: Mapping[str, Trait]
    segments: Mapping[str, Segment]
    segmentations: Mapping[str, Segmentation]
    lists: Mapping[str, Written]
    notes: Mapping[str, object]
    notices: tuple[Notice, ...] = ()


def load(path: Path | str) -> Project:
    """Read a project.

    Args:
        path: the project file, or the folder that holds `coterie.yaml`.

    Raises:
        DefinitionError: E180 where there is no such file or it is no UTF-8 text, E181 for its size, E182, E183 and E185
            for YAML that cannot be read.
        DefinitionErrors: everything else that is wrong, at once.
    """
    path = Path(path)
    file = path / FILE if path.is_dir() else path
    name = file.as_posix()
    if not file.is_file():
        other = file.with_name("coterie.yml" if file.name == FILE else FILE)
        misnamed = file.suffix in (".yaml", ".yml") and other.is_file()
        hint = f"there is {other.as_posix()}: rename or name it" if misnamed else "`coterie init` with your files writes one"
        raise DefinitionError(f"there is no project file {name}", code="E180", hint=hint)
    try:
        size = file.stat().st_size
        if size > MAX_BYTES:
            raise too_large(name, size)
        data = file.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DefinitionError(f"{name} cannot be read: {reason}", code="E180", hint="see who may read the file") from None
    return read_project(decode(data, name), file)


def read_project(text: str, file: Path = Path(FILE)) -> Project:
    """The project of a text. `file` is the name that places carry; its parent is the project's folder.

    Raises: as `load`.
    """
    return _Loader(read_document(text, file.as_posix()), file).project()


class _Loader:
    """One reading of a document; collects what is wrong and goes on."""

    def __init__(self, document: Document, file: Path):
        self.document, self.file = document, file
        self.errors: list[DefinitionError] = list(document.errors)
        self.notices: list[Notice] = []
        self.columns: dict[str, tuple[str, Place]] = {}
        self.alike: dict[str, tuple[str, str, Place]] = {}

    def project(self) -> Project:
        root = self.versioned(self.document.root)
        values, errors = collect_keys(root, PROJECT, "the project file")
        self.errors += errors
        sources = self.sources(root)
        traits = self.section(root, "traits", "a trait", self.trait)
        segments = self.section(root, "segments", "a segment", self.segment)
        segmentations = self.section(root, "segmentations", "a segmentation", self.segmentation)
        lists = self.section(root, "lists", "a list", self.id_list)
        self.shared_names(sources)
        self.cut_prose(root)
        if "timezone" not in values and root.get("timezone") is None:
            self.notices.append(
                Notice(
                    "W180",
                    "no time zone is given, so days begin and end in UTC",
                    "write the zone of your customers: timezone: Europe/London",
                )
            )
        if self.errors:
            raise DefinitionErrors(self.errors)
        return Project(
            folder=self.file.parent,
            file=self.file,
            name=values.get("project") or self.file.resolve().parent.name or "project",
            timezone=values.get("timezone", "UTC"),
            currency=values.get("currency"),
            as_of=values.get("as_of", "now"),
            population=values.get("population", "all"),
            engine=values.get("engine", "duckdb"),
            spark=values.get("spark", MappingProxyType({})),
            locale=values.get("locale"),
            sources=MappingProxyType(sources),
            traits=MappingProxyType(traits),
            segments=MappingProxyType(segments),
            segmentations=MappingProxyType(segmentations),
            lists=MappingProxyType(lists),
            notes=_notes(values, PROJECT),
            notices=tuple(self.notices),
        )

    def cut_prose(self, node: Node) -> None:
        """Notice a description that a `#1` in it cut short: a comment, says YAML."""
        for entry in node.entries if isinstance(node, Map) else ():
            value = entry.value
            if isinstance(value, Scalar):
                if entry.key.text in ("about", "goal") and value.style == "plain" and re.match(r"#[0-9]", value.follows):
                    message = (
                        f"YAML took {value.follows.split()[0]} for the start of a comment, so '{entry.key.text}' ends before it"
                    )
                    self.notices.append(Notice("W181", message, bites.way_out(f"{text_of(value)} {value.follows}"), value.place))
            else:
                self.cut_prose(value)

    def versioned(self, root: Map) -> Map:
        """The tree in today's format."""
        written = root.get("version")
        if not isinstance(written, Scalar) or not re.fullmatch(r"[0-9]{1,9}", text_of(written)):
            return root
        version = int(text_of(written))
        if version > VERSION:
            raise refuse(
                written,
                "E192",
                f"this file has format {version}, this coterie reads formats up to {VERSION}",
                "a newer coterie wrote it: update yours",
            )
        if version < 1:
            self.errors.append(refuse(written, "E192", "formats start at 1", f"write version: {VERSION}"))
        for number in range(max(version, 1), VERSION):
            root = MIGRATIONS[number](root)
        return root

    # --- names --------------------------------------------------------------------------------------------------------

    def section(self, root: Map, key: str, noun: str, read: Callable[[str, Entry], Any]) -> dict[str, Any]:
        """The definitions of a section by name. Traits, segments and segmentations share one name space."""
        node = root.get(key)
        if node is None:
            return {}
        out: dict[str, Any] = {}
        for entry in self.entries(node, key):
            try:
                name = name_of(entry.key, noun)
                if key in ("traits", "segments", "segmentations"):
                    self.claim(name, noun, entry.key)
                elif name in out:
                    raise _twice(name, noun, entry.key, out[name].place)
                out[name] = read(name, entry)
            except DefinitionError as error:
                self.errors.append(error)
        return out

    def entries(self, node: Node, key: str) -> Iterable[Entry]:
        try:
            return mapping(node, f"the {key} by name, each on a line of its own").entries
        except DefinitionError as error:
            self.errors.append(error)
            return ()

    def claim(self, name: str, noun: str, key: Scalar) -> None:
        """Take a name in the name space of columns."""
        if name in self.columns:
            raise _twice(name, noun, key, self.columns[name][1], self.columns[name][0])
        self.like(self.alike, name, noun, key)
        self.columns[name] = (noun, key.place)

    def like(self, taken: dict[str, tuple[str, str, Place]], name: str, noun: str, key: Scalar) -> None:
        """Refuse a name that differs from another only in case or Unicode form."""
        alike = _fold(name)
        if alike in taken and taken[alike][0] != name:
            other, what, place = taken[alike]
            raise refuse(
                key,
                "E190",
                f"'{name}' and '{other}' ({what} in line {place.line}) differ only in case or Unicode form",
                "give one of them another name",
            )
        taken[alike] = (name, noun, key.place)

    def shared_names(self, sources: Mapping[str, Source]) -> None:
        kinds = {kind for s in sources.values() if s.role == "events" for kind in kinds_of(s)}
        for name, (noun, place) in self.columns.items():
            if name in kinds:
                self.notices.append(
                    Notice(
                        "W184",
                        f"'{name}' is {noun} and also a kind of event",
                        "inside count(…) and the like it is the event, elsewhere the other: two names read easier",
                        place,
                    )
                )

    # --- definitions --------------------------------------------------------------------------------------------------

    def sources(self, root: Map) -> dict[str, Source]:
        node = root.get("sources")
        if node is None:
            hint = "such as `sources:` and below it `  order: {path: orders.csv, customer: customer_id, time: ordered_at}`"
            first = root.entries[0].key if root.entries else None
            self.errors.append(
                DefinitionError("the project names no sources", code="E187", hint=hint, place=first.place if first else root.place)
            )
            return {}
        out: dict[str, Source] = {}
        taken: dict[str, tuple[str, str, Place]] = {}
        for entry in self.entries(node, "sources"):
            try:
                name = name_of(entry.key, "a source")
                if name in out:
                    raise _twice(name, "a source", entry.key, out[name].place)
                self.like(taken, name, "a source", entry.key)
                source = self.source(name, entry)
                if source is not None:
                    out[name] = source
            except DefinitionError as error:
                self.errors.append(error)
        for source in out.values():
            line = f"{source.name}_line"
            if source.lines is not None and line in out:
                there = out[line].place.line
                message = f"the lines of '{source.name}' are events '{line}', a source of that name is in line {there}"
                self.errors.append(DefinitionError(message, code="E190", hint="rename that source", place=source.place))
        return out

    def source(self, name: str, entry: Entry) -> Source | None:
        if isinstance(entry.value, Scalar) and entry.value.text.strip():
            hint = f"write {name}: {{path: {text_of(entry.value)}, …}}"
            raise refuse(entry.value, "E188", f"{found(entry.value)} stands here", f"expected the keys of a source: {hint}")
        node = mapping(entry.value, "the keys of a source, such as {path: orders.csv, customer: customer_id, time: ordered_at}")
        values, errors = collect_keys(node, SOURCE, f"the source '{name}'")
        role: Role = "events"
        if name in ("customers", "accounts"):
            role = cast(Role, name)
        elif node.get("lookup") is not None:
            role = "lookup"
        complaints = [*_source_complaints(name, role, node, entry.key)]
        self.errors += [*errors, *complaints]
        if errors or complaints:
            return None
        lines, sums = values.pop("lines", (None, None))
        url = node.get("url")
        if isinstance(url, Scalar) and re.search(r"://[^:/@\s]*:(?!\$\{)[^/\s]+@", url.text):
            self.notices.append(
                Notice(
                    "W182",
                    f"the source '{name}' holds a password",
                    "put it in the environment and write ${NAME} in its place: everybody who reads this file reads it",
                    url.place,
                )
            )
        notes = _notes(values, SOURCE)
        fields = {key: value for key, value in values.items() if key not in notes and key != "sum"}
        sums = sums if sums is not None else values.get("sum", ())
        if node.get("live") is not None and not {"path", "url", "table"} & set(fields):
            fields = {**(ROWS_OF_MESSAGES if role == "events" else {"id": "id"}), **fields}
        return Source(name, entry.key.place, notes, role=role, lines=lines, sum=sums, **fields)

    def trait(self, name: str, entry: Entry) -> Trait:
        node = entry.value
        if not isinstance(node, Map):
            return Trait(name, entry.key.place, expression=EXPRESSION.read(node))
        fitted = _fitted_key(node)
        if fitted is not None:
            call, settings, values = self.fitted(node, fitted, TRAIT, f"the trait '{name}'")
            return Trait(name, entry.key.place, _notes(values, TRAIT), expression=call, settings=settings)
        values = self.read(node, TRAIT, f"the trait '{name}'", (*TRAIT, *FITS))
        if "value" not in values:
            hint = f"write {name}: expression, or {name}: {{value: expression, about: …}}"
            raise refuse(entry.key, "E187", f"the trait '{name}' has no value", hint)
        return Trait(name, entry.key.place, _notes(values, TRAIT), expression=values["value"])

    def segment(self, name: str, entry: Entry) -> Segment:
        node = entry.value
        if not isinstance(node, Map):
            return Segment(name, entry.key.place, where=EXPRESSION.read(node))
        values = self.read(node, SEGMENT, f"the segment '{name}'")
        if "where" not in values:
            hint = f"write {name}: rule, or {name}: {{where: rule, about: …}}"
            raise refuse(entry.key, "E187", f"the segment '{name}' has no rule", hint)
        by_hand = (*values.get("include", ()), *values.get("exclude", ()))
        return Segment(name, entry.key.place, _notes(values, SEGMENT), where=values["where"], by_hand=by_hand)

    def segmentation(self, name: str, entry: Entry) -> Segmentation:
        node = entry.value
        what = f"the segmentation '{name}'"
        if not isinstance(node, Map):
            return Segmentation(name, entry.key.place, call=EXPRESSION.read(node))
        fitted = _fitted_key(node)
        if node.get("labels") is None and fitted is not None:
            call, settings, values = self.fitted(node, fitted, SEGMENTATION, what)
            return Segmentation(name, entry.key.place, _notes(values, SEGMENTATION), call=call, settings=settings)
        if node.get("labels") is not None:
            values = self.read(node, SEGMENTATION, what)
            labels = self.labels(mapping(values["labels"], "labels with their rules"), name)
            return Segmentation(name, entry.key.place, _notes(values, SEGMENTATION), labels=labels)
        settings_among = [e.key for e in node.entries if e.key.text in SEGMENTATION or e.key.text in FIT_SETTINGS]
        if settings_among:
            key = settings_among[0]
            raise refuse(
                key,
                "E194",
                f"'{key.text}' is a setting, so the labels of '{name}' stand under a key of their own",
                f"write {name}: {{labels: {{label: rule, …}}, {key.text}: …}}; a label of that name stands there too",
            )
        return Segmentation(name, entry.key.place, labels=self.labels(node, name))

    def labels(self, node: Map, name: str) -> tuple[tuple[str, Written | None], ...]:
        errors: list[DefinitionError] = []
        out: list[tuple[str, Written | None]] = []
        for index, entry in enumerate(node.entries):
            label = entry.key.text
            try:
                if not label.strip():
                    raise refuse(entry.key, "E191", "a label has at least one character", "give it a name")
                rule = EXPRESSION.read(entry.value)
                if rule.text.lower() != "otherwise":
                    out.append((label, rule))
                    continue
                if index + 1 < len(node.entries):
                    hint = "it takes everybody whom no rule above it holds of; move it to the end"
                    raise refuse(entry.value, "E194", "otherwise stands once and last", hint)
                out.append((label, None))
            except DefinitionError as error:
                errors.append(error)
        if errors:
            raise DefinitionErrors(errors)
        if [rule for _, rule in out] == [None]:
            raise refuse(node, "E194", "otherwise stands alone", "it takes whom no rule above it holds of: write a rule above it")
        if not out:
            raise refuse(node, "E187", f"the segmentation '{name}' has no labels", "write label: rule, one on a line")
        return tuple(out)

    def fitted(self, node: Map, function: str, keys: Keys, what: str) -> tuple[Written, Mapping[str, object], dict[str, Any]]:
        """The long form of a fitted call: the call as it would be written in short, and its settings."""
        settings = {key: setting(function, key) for key in SETTINGS_OF[function]}
        plain = {k: v for k, v in keys.items() if k not in ("value", "labels", "refit")}
        allowed: dict[str, Key] = {function: FITS[function], **settings, **plain}
        values = self.read(node, allowed, what)
        entry = next(e for e in node.entries if e.key.text == function)
        arguments: tuple[Written, ...] = values[function]
        if not arguments:
            raise refuse(entry.value, "E187", f"{function} needs arguments", f"such as {function}: [order.time, order.amount]")
        _check_bins(node, values)
        _check_period(node, values)
        items = entry.value.items if isinstance(entry.value, List) else (entry.value,)
        pieces: list[tuple[str, Any]] = [(f"{function}(", entry.key.place)]
        for index, argument in enumerate(arguments):
            between = "" if index == 0 else " from " if function == "predict" and index == 1 else ", "
            if between:
                pieces.append((between, items[index].place))
            pieces.append((argument.text, argument.origin))
            if index == 0 and "by" in values:
                by = node.get("by")
                assert by is not None
                pieces.append((f" by {values['by']}", by.place))
        pieces.append((")", entry.key.place))
        kept = {k: v for k, v in values.items() if k in settings and k != "by"}
        return joined(pieces), MappingProxyType(kept), values

    def id_list(self, name: str, entry: Entry) -> Written:
        return trimmed(scalar(entry.value, "the path of a list of ids").written)

    def read(self, node: Map, keys: Keys, what: str, known: Iterable[str] = ()) -> dict[str, Any]:
        values, errors = collect_keys(node, keys, what)
        named = [e for e in errors if e.code == "E186"]
        if known and named:
            # The nearest name may be one of another form of the same thing.
            errors = [e for e in errors if e.code != "E186"]
            errors += [unknown_key(e.key, known, what) for e in node.entries if e.key.text not in keys]
        if errors:
            raise DefinitionErrors(errors)
        for entry in node.entries:
            if keys[entry.key.text].idle:
                message = f"'{entry.key.text}' of {what} is kept and shown, and changes nothing yet"
                self.notices.append(Notice("W185", message, "it will be acted on by a later coterie", entry.key.place))
        return values


def kinds_of(source: Source) -> tuple[str, ...]:
    """The kinds of event that a source gives."""
    return (source.name,) if source.lines is None else (source.name, f"{source.name}_line")


def _notes(values: Mapping[str, Any], keys: Keys) -> Mapping[str, object]:
    """Of the values read, those that are kept and shown."""
    return MappingProxyType({k: v for k, v in values.items() if k in keys and keys[k].note})


def _fold(name: str) -> str:
    """The form in which names that differ only in case or Unicode form are one."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _twice(name: str, noun: str, key: Scalar, first: Place, what: str | None = None) -> DefinitionError:
    before = f"{what} in line {first.line}" if what and what != noun else f"line {first.line}"
    return refuse(key, "E190", f"the name '{name}' is taken: {before}", "a name is defined once; rename or remove one of the two")


def _fitted_key(node: Map) -> str | None:
    """The fitted function whose long form a map is."""
    return next((e.key.text for e in node.entries if e.key.text in FITS), None)


def _check_bins(node: Map, values: Mapping[str, Any]) -> None:
    """Whether the cells lie within the groups."""
    cells, bins = values.get("cells"), values.get("bins", 5)
    if cells is None:
        return
    by_score = dict.fromkeys(SCORES, bins if isinstance(bins, int) else 5)
    if not isinstance(bins, int):
        by_score |= {score: groups if isinstance(groups, int) else len(groups) + 1 for score, groups in bins}
    written = node.get("cells")
    assert isinstance(written, Map)
    for label, cell in cells:
        for (score, most), part in zip(by_score.items(), cell.split("/"), strict=True):
            if int(part.rpartition("-")[2]) > most:
                key = next(e.value for e in written.entries if e.key.text == label)
                message = f"the cell {cell} asks for a {score} score that does not exist: there are {most} groups"
                raise refuse(key, "E195", message, f"scores run from 1 to {most}; `bins:` says how many there are")


def _check_period(node: Map, values: Mapping[str, Any]) -> None:
    """Whether contracts have a period, and nothing else has one."""
    process, period = node.get("process"), node.get("period")
    if process is not None and values["process"] == "sbg" and period is None:
        message = "`process: sbg` does not say how often a contract is paid"
        raise refuse(process, "E187", message, "add `period: month` (or week, quarter, year)")
    if period is not None and values.get("process") != "sbg":
        message = "`period:` is of contracts, which `process: sbg` is for"
        raise refuse(period, "E187", message, "add `process: sbg`, or leave `period:` out: other processes need none")


ROWS_OF_MESSAGES = {"customer": "customer", "time": "time", "id": "id"}
"""The columns of a source of events that has nothing but messages."""
ROLES = {"customers": "the customers", "accounts": "the accounts", "lookup": "a lookup", "events": "a kind of event"}


def _source_complaints(name: str, role: Role, node: Map, key: Scalar) -> Iterable[DefinitionError]:
    """What does not go together in a source, or is not there."""
    written = {e.key.text: e.key for e in node.entries}
    alone = "live" in written and not {"path", "url", "table"} & set(written)
    if not {"path", "url", "table", "live"} & set(written):
        hint = "path: a file, glob or folder; url: a database; or table: a table of Spark's catalog"
        yield refuse(key, "E187", f"the source '{name}' does not say where its rows are", hint)
    for one, other in (("path", "url"), ("path", "table"), ("path", "query"), ("table", "query"), ("url", "sheet")):
        if one in written and other in written and not (one == "path" and other != "url" and "url" in written):
            yield refuse(written[other], "E193", f"'{one}' and '{other}' do not go together", f"keep one of them in '{name}'")
    if "url" in written and not {"path", "table", "query"} & set(written):
        yield refuse(key, "E187", f"the source '{name}' does not say what to read of the database", "add table: its name")
    for each in SOURCE.values():
        if each.name in written and each.roles and role not in each.roles:
            hint = f"'{each.name}' belongs to {' and '.join(ROLES[r] for r in each.roles)}"
            if each.name == "customer" and role == "customers":
                hint = "the column that identifies a customer is `id:`"
            yield refuse(written[each.name], "E193", f"'{name}' is {ROLES[role]} and has no '{each.name}'", hint)
    meant = {nearest(key, SOURCE) for key in written if key not in SOURCE}
    for needed in NEEDED[role]:
        if needed not in written and needed not in meant and not alone:
            what = {
                "id": "the column that identifies a row",
                "customer": "whose its events are",
                "time": "when its events happened",
            }[needed]
            hint = f"add {needed}: the name of that column"
            if role == "events":
                hint += "; a source that only adds attributes is a lookup (lookup: the customers' column, id: its own)"
            yield refuse(key, "E187", f"the source '{name}' does not say {what}", hint)
    lines = node.get("lines")
    if "sum" in written and lines is None:
        yield refuse(
            written["sum"],
            "E193",
            f"'sum' needs 'lines' in '{name}'",
            "lines: the column by which rows are lines of one event",
        )
    if "sum" in written and isinstance(lines, Map):
        yield refuse(written["sum"], "E193", "'sum' stands twice", "either lines: {id: …, sum: […]} or lines: … and sum: […]")
