"""The keys of the project file: each with its shape and its meaning, in one place.

Reading, the JSON Schema for editors and the documentation all come from these tables.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from coterie.core.errors import DefinitionError, DefinitionErrors, did_you_mean, nearest
from coterie.core.windows import UNITS
from coterie.language.fitted import FITTED, LATER
from coterie.segments.by_hand import ByHand, Side
from coterie.segments.expectations import FORMS, Expectation, expectation
from coterie.sources.ids import one_id
from coterie.sources.source import CALLS, Live
from coterie.workspace.document import List, Map, Node, Scalar
from coterie.workspace.shapes import (
    AS_OF,
    BINS,
    CELLS,
    COLUMN,
    COLUMNS,
    CURRENCIES,
    CURRENCY,
    DATE,
    ENGINE,
    ENGINES,
    EXACT,
    EXACTS,
    EXPRESSION,
    EXPRESSIONS,
    FREE,
    FROM_WHEN,
    LOCALE,
    PATH,
    PERCENT,
    SCALAR,
    TEXT,
    TEXTS,
    TRUTH,
    WHOLE,
    ZONE,
    Shape,
    each,
    items,
    map_of,
    mapping,
    one_of,
    refuse,
)


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a map of the project file.

    Attributes:
        name: as written.
        shape: what its value is.
        about: what it means, for people.
        note: kept and shown, changes no answer.
        roles: of a key of sources: the roles that have it; empty for all.
        idle: it promises more than this version does: said where it is used.
    """

    name: str
    shape: Shape
    about: str
    note: bool = False
    roles: tuple[str, ...] = ()
    idle: bool = False


Keys = Mapping[str, Key]


def table(*rows: Key) -> Keys:
    return MappingProxyType({row.name: row for row in rows})


def shown(*rows: Key) -> Keys:
    """Keys that are kept and shown."""
    return table(*(replace(row, note=True) for row in rows))


GOAL = table(
    Key("metric", EXPRESSION, "what is to move: a measure of the customers, such as avg(revenue)"),
    Key("change", TEXT, "by how much: +5%, -200"),
    Key("per", one_of(*UNITS), "in which time"),
)


def _goal(node: Node) -> object:
    if isinstance(node, Scalar):
        return TEXT.read(node)
    return MappingProxyType(read_keys(mapping(node, "a text, or metric, change and per"), GOAL, "a goal"))


GOAL_SHAPE = Shape(
    "a text, or metric, change and per",
    _goal,
    {
        "anyOf": [
            SCALAR,
            {
                "type": "object",
                "properties": {k.name: {**k.shape.schema, "description": k.about} for k in GOAL.values()},
                "additionalProperties": False,
            },
        ]
    },
)

HAND = table(
    Key("ids", EXACTS, "the customers"),
    Key("list", TEXT, "a list of the project, whose customers are meant"),
    Key("author", TEXT, "who says so"),
    Key("reason", TEXT, "why"),
    Key("until", DATE, "the last day on which it counts"),
)


def _hands(node: Node, side: Side) -> tuple[ByHand, ...]:
    """Ids, and entries with their author, reason and end."""
    found: list[ByHand] = []
    plain: list[str] = []
    errors: list[DefinitionError] = []
    for item in node.items if isinstance(node, List) else (node,):
        try:
            if isinstance(item, Map):
                found.append(_hand(item, side))
            else:
                plain.append(one_id(EXACT.read(item)) or "")
        except DefinitionError as error:
            errors.append(error)
    if errors:
        raise DefinitionErrors(errors)
    return (*([ByHand(side, tuple(plain))] if plain else []), *found)


def _hand(node: Map, side: Side) -> ByHand:
    values = read_keys(node, HAND, f"an entry of {side}")
    if ("ids" in values) == ("list" in values):
        raise refuse(
            node,
            "E187",
            f"an entry of {side} names customers by ids or by list, one of the two",
            f"write {side}: [{{ids: [C001, C002], author: Ann, reason: friends of the house, until: 2026-12-31}}]",
        )
    ids = tuple(one_id(i) or "" for i in values.get("ids", ()))
    return ByHand(side, ids, values.get("list"), values.get("author"), values.get("reason"), values.get("until"))


def hands_shape(side: Side) -> Shape:
    entry = {**keys_schema(HAND), "minProperties": 1}
    item = {"anyOf": [SCALAR, entry]}
    words = "customers, or entries such as {ids: [C001], author: Ann, reason: …, until: 2026-12-31}"
    return Shape(words, lambda node: _hands(node, side), {"anyOf": [SCALAR, entry, {"type": "array", "items": item}]})


def _expect(node: Node) -> tuple[Expectation, ...]:
    def read(item: Node) -> Expectation:
        try:
            return expectation(TEXT.read(item))
        except ValueError as error:
            raise refuse(item, "E174", str(error.args[0]), str(error.args[1])) from None

    return each(items(node, FORMS), read)


EXPECT = Shape("what is expected, such as size between 100 and 5000", _expect, TEXTS.schema)
KNOWN_OF_SEGMENTS = ("in", "out", "cannot_tell")


def _examples(node: Node, segment: bool) -> Mapping[str, tuple[str, ...]]:
    known = "customers by what is known: {in: [17850], out: [12346]}"
    words = known if segment else "customers by their label: {Champions: [17850]}"
    out: dict[str, tuple[str, ...]] = {}
    for entry in mapping(node, words).entries:
        if segment and entry.key.text not in KNOWN_OF_SEGMENTS:
            raise unknown_key(entry.key, KNOWN_OF_SEGMENTS, "the examples of a segment")
        out[entry.key.text] = tuple(one_id(i) or "" for i in EXACTS.read(entry.value))
    return MappingProxyType(out)


_EXAMPLE_IDS = {"type": "object", "additionalProperties": dict(TEXTS.schema)}
EXAMPLES = Shape(
    "customers by what is known of them",
    lambda node: _examples(node, True),
    {**_EXAMPLE_IDS, "propertyNames": {"enum": list(KNOWN_OF_SEGMENTS)}},
)
LABELLED = Shape("customers by their label", lambda node: _examples(node, False), _EXAMPLE_IDS)

NOTES = shown(
    Key("about", TEXT, "what it is, for people"),
    Key("owner", TEXT, "who answers for it"),
    Key("tags", TEXTS, "words to find it by"),
    Key("was", TEXTS, "its earlier names"),
    Key("purpose", TEXTS, "what it may be used for, such as marketing email"),
)
PRIVACY = shown(
    Key("personal", FREE, "whether it is personal data, or which columns are"),
    Key("sensitive", FREE, "whether it is sensitive data, or which columns are"),
)

TYPE = one_of("text", "integer", "money", "float", "boolean", "date", "timestamp", "list")
OPTIONS = table(
    Key("delimiter", EXACT, "what stands between the cells of a CSV file; found by looking"),
    Key("encoding", TEXT, "the encoding of a text file, such as utf-8 or cp1252; found by looking"),
    Key("header", WHOLE, "the line with the column names, from 1; 0 for a file without one; found by looking"),
    Key("decimal", one_of(".", ","), "the decimal sign; found by looking"),
    Key("dates", one_of("dmy", "mdy", "ymd"), "the order of dates such as 03/04/2025; found by looking"),
    Key("types", map_of(TYPE, "columns with their type"), "column: type, where the guess is not wanted"),
    Key("missing", EXACTS, "further texts that stand for a missing value, such as N/A"),
    Key("skip_total_rows", TRUTH, "leave out rows such as Total at the end of a file"),
)

LINES = table(
    Key("id", COLUMN, "the column by which rows are lines of one event"),
    Key("sum", COLUMNS, "the columns that are added up over the lines of an event"),
)


def keys_schema(keys: Keys, required: Iterable[str] = ()) -> dict[str, Any]:
    """The JSON Schema of a map with these keys."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {k.name: {**k.shape.schema, "description": k.about} for k in keys.values()},
        "additionalProperties": False,
    }
    needed = list(required)
    return {**schema, "required": needed} if needed else schema


def _lines(node: Node) -> tuple[str, tuple[str, ...] | None]:
    """The column of the event's id, and what is summed where that stands here too."""
    if not isinstance(node, Map):
        return COLUMN.read(node), None
    values = read_keys(node, LINES, "lines")
    if "id" not in values:
        raise refuse(
            node,
            "E187",
            "lines need the column that tells which event they belong to",
            "lines: {id: order_id, sum: [amount]}",
        )
    return values["id"], values.get("sum", ())


def _options(node: Node) -> Mapping[str, Any]:
    return MappingProxyType(read_keys(mapping(node, "options with their values, such as {delimiter: ';'}"), OPTIONS, "options"))


LIVE_KEYS = table(
    Key("event", TEXTS, "the name of what a client tracks, or several: Order Completed"),
    Key(
        "columns", map_of(TEXT, "the file's columns with the property of the message"), "the file's column: the message's property"
    ),
)


def _live(node: Node) -> Live:
    values = read_keys(node, LIVE_KEYS, "live") if isinstance(node, Map) else {"event": TEXTS.read(node)}
    named = values.get("event", ())
    if not named:
        raise refuse(node, "E187", "live: needs to say which messages", "live: Order Completed, or live: page")
    calls = tuple(name for name in named if name in CALLS)
    return Live(calls, tuple(name for name in named if name not in CALLS), values.get("columns", MappingProxyType({})))


LIVE = Shape(
    "the name of an event, or page, screen or identify", _live, {"anyOf": [SCALAR, {"type": "array"}, keys_schema(LIVE_KEYS)]}
)
INCLUDE, EXCLUDE = hands_shape("include"), hands_shape("exclude")
LINES_SHAPE = Shape("a column, or {id: …, sum: […]}", _lines, {"anyOf": [SCALAR, keys_schema(LINES, ["id"])]})

SOURCE = table(
    Key("path", PATH, "a file, a glob or a folder, relative to the project's folder: orders.parquet, visits/*.jsonl"),
    Key(
        "url",
        TEXT,
        "a database, such as postgresql://${USER}:${PASSWORD}@host/shop; ${NAME} is taken from the environment when it is used",
    ),
    Key("table", TEXT, "the table of the database; without a url, a table of Spark's catalog: shop.orders"),
    Key("query", TEXT, "a query of the database, instead of a table"),
    Key("sheet", TEXT, "the sheet of a workbook; the first that holds anything otherwise"),
    Key("kind", TEXT, "csv, parquet, jsonl, excel or sql, where name and content do not tell"),
    Key("id", COLUMN, "the column that identifies a row: of customers the customer, of an event the event"),
    Key("customer", COLUMN, "of events: the column that says whose it is", roles=("events",)),
    Key("time", COLUMN, "of events: the column that says when it happened", roles=("events",)),
    Key(
        "columns",
        map_of(EXPRESSION, "names with the file's column or an expression over it"),
        "name: the file's column, or an expression over the file's columns such as price * quantity",
    ),
    Key("where", EXPRESSION, "which rows count, an expression over the file's columns"),
    Key(
        "lines",
        LINES_SHAPE,
        "the column by which rows are lines of one event: gives <name>_line (rows) and <name> (one an id)",
        roles=("events",),
    ),
    Key("sum", COLUMNS, "the columns that are added up over the lines of an event", roles=("events",)),
    Key("account", COLUMN, "of customers: the column that names their account", roles=("customers",)),
    Key("since", COLUMN, "of customers: the column with the day from which they exist", roles=("customers",)),
    Key(
        "lookup",
        COLUMN,
        "makes this source a lookup: the customers' column that is looked up by this source's id",
        roles=("lookup",),
    ),
    Key("valid_from", FROM_WHEN, "a column or a date from which the values hold; before that they are not recorded"),
    Key(
        "constant",
        COLUMNS,
        "columns assumed never to have changed, such as birth_date",
        roles=("customers", "lookup", "accounts"),
    ),
    Key(
        "covers",
        EXPRESSION,
        "whom it knows, an expression over the customers' columns: email is known",
        roles=("events",),
    ),
    Key("complete_from", DATE, "since when it knows everything", roles=("events",)),
    Key("complete_to", DATE, "until when it knows everything", roles=("events",)),
    Key("timezone", ZONE, "of times without an offset; the project's otherwise"),
    Key("updated_at", COLUMN, "the column that says when a row changed; a database is then read incrementally"),
    Key("deleted", COLUMN, "the column that marks a row as gone"),
    Key("fold", COLUMNS, "text columns whose case and Unicode form are folded at import, such as email"),
    Key("currency", CURRENCIES, "of money columns: one code, or column: code"),
    Key(
        "options",
        Shape("how to read the file", _options, keys_schema(OPTIONS)),
        "how to read the file, where looking at it is not enough",
    ),
    Key("live", LIVE, "which messages of clients are rows of it too: the name of an event, or page, screen, identify"),
    Key("personal", COLUMNS, "columns that are personal data"),
    Key("sensitive", COLUMNS, "columns that are sensitive data"),
    Key("purpose", TEXTS, "what it may be used for, such as marketing email"),
    *(key for key in NOTES.values() if key.name != "purpose"),
)


NEEDED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"customers": ("id",), "accounts": ("id",), "lookup": ("id",), "events": ("customer", "time")}
)
"""The keys that a source of each role needs."""

REFIT = one_of("each run", "daily", "weekly", "monthly", "quarterly", "never")
FITTED_FUNCTIONS = (*FITTED, *LATER)
FITS = table(*(Key(name, EXPRESSIONS, f"the arguments of {name}, for its long form with settings") for name in FITTED_FUNCTIONS))
FIT_SETTINGS = table(
    Key("bins", BINS, "of rfm: the number of groups, or for recency, frequency and monetary a number or the limits between them"),
    Key("cells", CELLS, "of rfm: labels with their scores, the first that fits wins: {Champions: 5/5/5}"),
    Key("by", COLUMN, "within each value of this column"),
    Key("groups", WHOLE, "of clusters: how many groups to make, where that is not to be found by itself"),
    Key(
        "keep",
        COLUMNS,
        "of predict and lookalike: features that are known before, though they alone tell the outcome nearly perfectly",
    ),
    Key(
        "process",
        one_of("nbd", "bg_nbd", "mbg_nbd", "pareto_nbd", "sbg"),
        "of lifetime_value: how customers are taken to buy and leave; sbg is for contracts",
    ),
    Key("period", one_of("week", "month", "quarter", "year"), "of lifetime_value by sbg: how often a contract is paid"),
    Key("unsure", PERCENT, "of predict, where it tells one of several answers: less likely than this, the answer is unsure: 60%"),
    Key(
        "refit",
        REFIT,
        "of a model: when it is learned again, by the first run after so long (monthly where nothing is said)",
    ),
)
SETTINGS_OF: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "rfm": ("bins", "cells", "refit"),
        "percentile": ("by", "refit"),
        "quantile": ("by", "refit"),
        "rank": ("by", "refit"),
        "clusters": ("groups", "refit"),
        "lifetime_value": ("process", "period", "refit"),
        "predict": ("keep", "unsure", "refit"),
        "lookalike": ("keep", "refit"),
        **dict.fromkeys(("affinity", "cross", *LATER), ("refit",)),
    }
)
"""Which settings each fitted function has."""


def setting(function: str, name: str) -> Key:
    """A setting of a fitted function; what is counted anew at each run is not refitted."""
    model = function not in FITTED or FITTED[function].model
    return FIT_SETTINGS[name] if model or name != "refit" else replace(FIT_SETTINGS[name], idle=True)


TRAIT = table(
    Key("value", EXPRESSION, "the expression that gives the value"),
    *shown(
        Key("goal", GOAL_SHAPE, "what is to be reached with it"),
        Key("refit", REFIT, "of a model: when it is learned again"),
        Key("missing", TEXT, "how a missing value is to be taken", idle=True),
        Key("covers", TEXT, "whom it is about"),
        Key("currency", CURRENCY, "of a trait of money"),
    ).values(),
    *NOTES.values(),
    *PRIVACY.values(),
)
MAX_CHANGE = "how many may enter and leave from run to run, as a part of who was in, before somebody has to accept it: 20%"

SEGMENT = table(
    Key("where", EXPRESSION, "the rule: whom it holds of is in the segment"),
    Key(
        "include",
        INCLUDE,
        "customers who are in whatever the rule says: [C001], or {ids: [C001], author: Ann, reason: …, until: 2026-12-31}",
    ),
    Key("exclude", EXCLUDE, "customers who are out whatever the rule says, as include; where somebody is on both, out counts"),
    *shown(
        Key(
            "goal",
            GOAL_SHAPE,
            "what is to be reached with it: a text, or {metric: avg(revenue), change: +5%, per: quarter}",
        ),
        Key("examples", EXAMPLES, "customers of whom it is known, for `coterie test`: {in: [17850], out: [12346]}"),
        Key("expect", EXPECT, "what is expected, for `coterie test`: [size between 100 and 5000, change below 20%]"),
        Key("max_change", PERCENT, MAX_CHANGE),
        Key("channel", TEXTS, "the channels it is used on"),
        Key("missing", TEXT, "how a customer for whom the rule cannot tell is to be taken", idle=True),
        Key("covers", TEXT, "whom it is about"),
        Key("currency", CURRENCY, "of what it is worth"),
    ).values(),
    *NOTES.values(),
    *PRIVACY.values(),
)
SEGMENTATION = table(
    Key(
        "labels",
        Shape("labels with their rules", lambda node: node, {}),
        "label: rule; the first that is true wins, `otherwise` at the end takes the rest",
    ),
    *shown(
        Key("goal", GOAL_SHAPE, "what is to be reached with it"),
        Key("examples", LABELLED, "customers whose label is known, for `coterie test`: {Champions: [17850], cannot_tell: [12346]}"),
        Key("expect", EXPECT, "what is expected, for `coterie test`: [share of Champions above 5%, cannot tell below 10%]"),
        Key("max_change", TEXT, "by how much a size may change between two runs before somebody is asked: 20%", idle=True),
        Key("channel", TEXTS, "the channels it is used on"),
        Key("missing", TEXT, "how a customer without a label is to be taken", idle=True),
        Key("covers", TEXT, "whom it is about"),
        Key("currency", CURRENCY, "of what it is worth"),
    ).values(),
    *NOTES.values(),
    *PRIVACY.values(),
)

PROJECT = table(
    Key("project", TEXT, "the project's name"),
    Key("version", WHOLE, "the version of this file's format: 1"),
    Key("timezone", ZONE, "the zone in which days begin and end, such as Europe/London"),
    Key("currency", CURRENCY, "the currency of money columns, such as GBP"),
    Key(
        "as_of",
        AS_OF,
        "the instant at which everything is asked: now, latest event (of a finished data set), a date (its end) or an instant",
    ),
    Key(
        "population",
        one_of("all", "customers"),
        "whom counts are about: everybody with a row or an event, or who is in the customers source",
    ),
    Key("engine", ENGINE, f"where the work is done: {ENGINES}"),
    Key("spark", map_of(TEXT, "settings with their values"), "settings of Spark, such as spark.executor.memory: 4g"),
    Key("locale", LOCALE, "how numbers and dates are shown, such as en-GB"),
    Key("goal", GOAL_SHAPE, "what is to be reached", note=True),
    Key(
        "max_change",
        PERCENT,
        "of every segment and segmentation that does not say it itself",
        note=True,
    ),
    *NOTES.values(),
    Key(
        "sources",
        Shape("sources by name", lambda node: node, {}),
        "the files and databases: customers, accounts, lookups; every other name is a kind of event",
    ),
    Key(
        "lists",
        Shape("lists by name", lambda node: node, map_of(PATH, "").schema),
        "name: path of a list of ids, used as in_list('name')",
    ),
    Key("traits", Shape("traits by name", lambda node: node, {}), "what is known of a customer: name: expression"),
    Key("segments", Shape("segments by name", lambda node: node, {}), "groups of customers: name: rule"),
    Key(
        "segmentations",
        Shape("segmentations by name", lambda node: node, {}),
        "each customer gets at most one label: labels with rules, or a fitted call such as rfm(order.time, order.amount)",
    ),
)

OTHER_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "file": "path",
        "files": "path",
        "filter": "where",
        "type": "kind",
        "format": "kind",
        "rename": "columns",
        "customer_id": "customer",
        "user": "customer",
        "timestamp": "time",
        "date": "time",
        "database": "url",
        "key": "id",
        "tz": "timezone",
        "time_zone": "timezone",
        "name": "project",
        "description": "about",
        "rule": "where",
        "expression": "value",
        "segmentation": "segmentations",
        "segment": "segments",
        "trait": "traits",
        "source": "sources",
        "events": "sources",
    }
)
"""What is written elsewhere for a key of ours."""


def unknown_key(key: Scalar, keys: Iterable[str], what: str) -> DefinitionError:
    """E186 for a key that is none, with the nearest one that is."""
    text, known = key.text, list(keys)
    meant = OTHER_WORDS.get(text.lower())
    if text in OPTIONS and "options" in known:
        hint = f"it stands under options: options: {{{text}: …}}"
    elif meant in known and nearest(text, known) is None:
        hint = f"did you mean '{meant}'? Keys here: {', '.join(known)}"
    else:
        hint = did_you_mean(text, known, "Keys here")
    return refuse(key, "E186", f"unknown key '{text}' in {what}", hint)


def read_keys(node: Map, keys: Keys, what: str) -> dict[str, Any]:
    """The values of a map by key.

    Raises:
        DefinitionErrors: all unknown keys and all values that cannot be read.
    """
    values, errors = collect_keys(node, keys, what)
    if errors:
        raise DefinitionErrors(errors)
    return values


def collect_keys(node: Map, keys: Keys, what: str) -> tuple[dict[str, Any], list[DefinitionError]]:
    """The values that can be read, and what is wrong with the others."""
    values: dict[str, Any] = {}
    errors: list[DefinitionError] = []
    for entry in node.entries:
        key = keys.get(entry.key.text)
        if key is None:
            errors.append(unknown_key(entry.key, keys, what))
            continue
        try:
            values[key.name] = key.shape.read(entry.value)
        except DefinitionError as error:
            errors.append(error)
    return values, errors
