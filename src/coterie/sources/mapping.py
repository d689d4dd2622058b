"""What a source's columns mean: from the columns of its files to those of a kind of event, or of customers.

`map_source` is pure: a source and the types of its files' columns go in, SQL over these columns comes out. It reads a
relation that has the file's columns under their own names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache

from sqlglot import exp

from coterie.core.definition import Written
from coterie.core.errors import DefinitionError, MissingColumn, TypeMismatch, did_you_mean
from coterie.core.place import Place
from coterie.core.windows import first_instant
from coterie.language.check import Checked, check_row
from coterie.language.compile import Compiler
from coterie.language.leaves import Context
from coterie.language.names import normal, written
from coterie.language.parse import parse
from coterie.language.ranges import Range
from coterie.language.scope import EventInfo, Scope
from coterie.language.sql import Builder
from coterie.language.tree import Column, Expr, Fitted, Measure, Members, Sequence, children
from coterie.language.types import (
    BOOLEAN,
    DATE,
    EVENT_FLOAT,
    FLOAT,
    INTEGER,
    MONEY,
    NUMBERS,
    TEXT,
    TIMESTAMP,
    Kind,
    Type,
    sql_type,
)
from coterie.sources.source import Source

FIRST_TIME, LAST_TIME = datetime(1970, 1, 1), datetime(2200, 1, 1)  # noqa: DTZ001 (naive is UTC here)
"""Events lie in between (the end excluded); what does not is a mistake in the file and goes to quarantine."""
RESERVED = {"events": ("time", "id"), "customers": ("customer",), "lookup": ("customer",), "accounts": ()}
"""Names that a table of this role has itself."""
BLANKS = "".join(chr(c) for c in (*range(9, 14), *range(28, 33), 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B)))
BLANKS += "\u2028\u2029\u202f\u205f\u3000"
"""What stands around an id without being part of it."""
UNSEEN = r"[\x{00}-\x{1F}\x{7F}-\x{9F}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2066}-\x{2069}]"
"""What no id may hold: it looks like another one."""
NO = ("", "0", "false", "no", "n", "f", "off")
"""Texts that say that a row is not deleted."""


class FileColumns(EventInfo):
    """The columns of a file as a row: nothing but what the file has (an event also has `time` and `id`)."""

    def column(self, name: str) -> Type | None:
        return self.columns.get(name)

    @property
    def names(self) -> list[str]:
        return list(self.columns)


@dataclass(frozen=True, slots=True)
class Role:
    """A column that a role of the source takes: its SQL, its type, and the file's column where it is just that."""

    sql: exp.Expression
    type: Type
    column: str | None


@dataclass(frozen=True, slots=True)
class Mapped:
    """A source as SQL over the columns of its files.

    Attributes:
        columns: the names that coterie knows, with their types; `values`: what each is in SQL, stored as its type.
        id, customer: texts by the rules for ids; `lines` likewise: what a line belongs to.
        time: a UTC TIMESTAMP; `day`: its local day in the project's zone.
        where: which rows count (NULL where that cannot be told), or None for all.
        deleted: which rows are tombstones; `updated_at`: when a row changed; `valid_from`: from when it holds.
        line_column, account, since: the names of the columns that hold what a row is a line of, the account, the day.
        original: name → the file's column, for those that are just another name.
        id_column: the file's column that is the id, where it is just that.
        used: the file's columns that something names.
    """

    source: Source
    columns: Mapping[str, Type]
    values: Mapping[str, exp.Expression]
    id: exp.Expression | None = None
    customer: exp.Expression | None = None
    time: exp.Expression | None = None
    day: exp.Expression | None = None
    where: exp.Expression | None = None
    lines: exp.Expression | None = None
    line_column: str | None = None
    deleted: exp.Expression | None = None
    updated_at: exp.Expression | None = None
    valid_from: exp.Expression | None = None
    account: str | None = None
    since: str | None = None
    original: Mapping[str, str] = None  # type: ignore[assignment]
    id_column: str | None = None
    used: frozenset[str] = frozenset()


def map_source(
    source: Source,
    types: Mapping[str, Type],
    *,
    zone: str,
    dialect: str = "duckdb",
    days: tuple[date, date] | None = None,
    where: str = "",
    empty: frozenset[str] = frozenset(),
) -> Mapped:
    """What a source's columns mean.

    Args:
        source: what the project says of it.
        types: the columns of its files and their types.
        zone: the project's.
        dialect: of the SQL.
        days: the first and last day in the column of times, where that holds days.
        where: the file's name, for messages.
        empty: columns without any value, which are of whatever kind they need to be.

    Raises:
        MissingColumn: E201, a column that the source names is not in the file.
        DefinitionError: an expression cannot be read or mean anything, or a name is taken.
        TypeMismatch: a column is of a kind that its role cannot have.
    """
    where = where or source.path or source.url or source.table or source.name
    return _Mapper(source, types, zone, dialect, days, where, empty).map()


def settled(source: Source, types: Mapping[str, Type], empty: frozenset[str]) -> dict[str, Type]:
    """The types of a file's columns, where those without any value take the kind that their role needs."""
    wanted: dict[str | None, Type] = {source.time: TIMESTAMP, source.since: DATE, **dict.fromkeys(source.sum, MONEY)}
    return {c: wanted.get(normal(c), type_) if c in empty and type_ == TEXT else type_ for c, type_ in types.items()}


class _Mapper:
    def __init__(
        self,
        source: Source,
        types: Mapping[str, Type],
        zone: str,
        dialect: str,
        days: tuple[date, date] | None,
        where: str,
        empty: frozenset[str],
    ):
        self.empty = empty
        self.nothing: dict[str, Type] = {}
        self.source, self.types, self.zone, self.where = source, types, zone, where
        self.days = days
        self.by_name = _by_name(types, source, where)
        self.row = FileColumns({normal(name): type_ for name, type_ in types.items()})
        context = Context(LAST_TIME, zone)
        self.q = Builder(dialect, context, exp.Literal.string(""))
        self.used: set[str] = set()
        self.named: set[str] = set()

    def map(self) -> Mapped:
        source, q = self.source, self.q
        roles: set[str] = set()
        given = {name: self.expression(w, f"{source.name}.columns.{name}") for name, w in source.columns.items()}

        def take(column: str | None, what: str, *, keep: bool = False) -> Role | None:
            if column is None:
                return None
            found = self.role(column, what, given)
            if not keep and found.column is not None:
                roles.add(found.column)
            return found

        id_ = take(source.id, "id")
        customer = take(source.customer, "customer")
        time = take(source.time, "time")
        lines = take(source.lines, "lines", keep=True)
        deleted = take(source.deleted, "deleted")
        updated = take(source.updated_at, "updated_at")
        account = take(source.account, "account", keep=True)
        since = take(source.since, "since", keep=True)
        begins = take(source.valid_from, "valid_from", keep=True) if isinstance(source.valid_from, str) else None
        if customer is not None:
            q = self.q = replace(q, customer=id_text(q, customer.sql, customer.type))

        columns: dict[str, Type] = {}
        values: dict[str, exp.Expression] = {}
        original: dict[str, str] = {}
        for name, (tree, type_) in given.items():
            columns[name], values[name] = type_, self.stored(tree, type_)
            plain = self.plain.get(name)
            if plain is not None:
                original[name] = plain
        renamed = set(original.values())
        for column, type_ in self.types.items():
            name = normal(column)
            if column in roles or column in renamed or name in columns:
                continue
            self.allowed(name, column)
            columns[name], values[name] = type_, self.stored(self.column(column), type_)
            original[name] = column
        self.alike(columns)

        line_column = account_column = since_column = None
        if lines is not None:
            line_column = self.name_of(source.lines, lines, original, columns)
            columns[line_column], values[line_column] = TEXT, id_text(q, lines.sql, lines.type)
        if account is not None:
            account_column = self.name_of(source.account, account, original, columns)
            columns[account_column], values[account_column] = TEXT, id_text(q, account.sql, account.type)
        if since is not None:
            since_column = self.name_of(source.since, since, original, columns)
            if since.type not in (DATE, TIMESTAMP):
                raise self.wrong("since", source.since, since.type, "a date or a time")
        for name in (*source.sum, *source.constant, *source.fold, *source.currency):
            role = name in (source.id, source.customer, source.account, source.lines, "*")
            if normal(name) not in columns and not role:
                raise self.missing(name, "a column of this source", columns)
        for name in source.sum:
            if columns[normal(name)] not in NUMBERS:
                raise TypeMismatch(
                    f"{source.name} adds up {name!r} over its lines, which is {columns[normal(name)]}",
                    hint="sum: takes numbers; text columns are kept where all lines agree",
                    place=source.place,
                )
        time_sql, day_sql = (None, None) if time is None else self.instant(time)
        return Mapped(
            source=source,
            columns=columns,
            values=values,
            id=None if id_ is None else id_text(q, id_.sql, id_.type),
            customer=None if customer is None else id_text(q, customer.sql, customer.type),
            time=time_sql,
            day=day_sql,
            where=None if source.where is None else self.condition(source.where),
            lines=None if lines is None else id_text(q, lines.sql, lines.type),
            line_column=line_column,
            deleted=None if deleted is None else self.is_deleted(deleted),
            updated_at=None if updated is None else q.cast(updated.sql, sql_type(updated.type)),
            valid_from=None if begins is None else self.begins(begins),
            account=account_column,
            since=since_column,
            original=original,
            id_column=None if id_ is None else id_.column,
            used=frozenset(self.used),
        )

    # --- names

    def column(self, name: str) -> exp.Expression:
        return exp.column(name, quoted=True)

    def role(self, name: str, what: str, given: Mapping[str, tuple[exp.Expression, Type]]) -> Role:
        column = self.by_name.get(normal(name))
        if column is not None:
            self.used.add(column)
            return Role(self.column(column), self.types[column], column)
        if normal(name) in given:
            tree, type_ = given[normal(name)]
            return Role(self.stored(tree, type_), type_, None)
        raise self.missing(name, f"its {what}", self.types)

    def name_of(self, asked: str | None, role: Role, original: dict[str, str], columns: Mapping[str, Type]) -> str:
        """The name under which a role's column is kept."""
        if role.column is None:
            return normal(asked or "")
        name = next((n for n, column in original.items() if column == role.column), None)
        if name is None:
            name = normal(role.column)
            self.allowed(name, role.column)
            if name in columns:
                raise self.taken(name, role.column)
            original[name] = role.column
        return name

    def allowed(self, name: str, column: str) -> None:
        role, source = self.source.role, self.source
        own = name.startswith("_") or name.casefold() in RESERVED[role]
        if not own:
            return
        hint = f"give it another name: columns: {{{_another(name)}: {written(column)}}}"
        if role == "events" and name == "id":
            hint = f"if it identifies the event, say `id: {column}`; else {hint}"
        why = "names that begin with _ are coterie's own" if name.startswith("_") else f"coterie has its own {name}"
        raise DefinitionError(
            f"the column {column!r} of {source.name} cannot keep its name: {why}",
            code="E211",
            hint=hint,
            place=source.place,
        )

    def taken(self, name: str, column: str) -> DefinitionError:
        return DefinitionError(
            f"{self.source.name} would have two columns {name!r}",
            code="E211",
            hint=f"give the file's column another name: columns: {{{_another(name)}: {written(column)}}}",
            place=self.source.place,
        )

    def alike(self, columns: Mapping[str, Type]) -> None:
        folded: dict[str, str] = {}
        for name in columns:
            other = folded.setdefault(name.casefold(), name)
            if other != name:
                raise DefinitionError(
                    f"the columns {other!r} and {name!r} of {self.source.name} differ only in case",
                    code="E211",
                    hint=f"rename one: columns: {{{_another(name)}: {written(name)}}}",
                    place=self.source.place,
                )

    def missing(self, name: str, what: str, known: Mapping[str, object]) -> MissingColumn:
        place = _place_of(self.source, name)
        return MissingColumn(
            f"{self.source.name} names {name!r} as {what}, and {self.where} has no such column",
            hint=f"{did_you_mean(name, known, 'It has')}; the last results stay as they are",
            place=place,
        ).of(name, self.source.name)

    def wrong(self, role: str, name: str | None, found: Type, expected: str) -> TypeMismatch:
        return TypeMismatch(
            f"{self.source.name} names {name!r} as its {role}, which is {found} in {self.where}",
            hint=f"{role}: takes {expected}; where the guess is wrong, say options: {{types: {{{name}: …}}}}",
            place=self.source.place,
        )

    # --- expressions

    @property
    def plain(self) -> Mapping[str, str]:
        """Names of `columns:` that are just another name for a column of the file."""
        out = {}
        for name, text in self.source.columns.items():
            tree = parse(text.origin)
            if isinstance(tree, Column) and tree.part is None and normal(tree.name) in self.by_name:
                out[normal(name)] = self.by_name[normal(tree.name)]
        return out

    def checked(self, text: Written, expected: Type | None) -> Checked:
        tree = parse(text.origin)
        for column in _columns(tree):
            if column.part is None and normal(column.name) not in self.by_name:
                place = text.origin.place(column.span.start, column.span.end)
                quoted = text.text[column.span.start : column.span.start + 1] == '"'
                near = did_you_mean(column.name, self.by_name, "It has")
                hint = f"text is written in single quotes: '{column.name}'" if quoted else near
                raise MissingColumn(
                    f"{self.source.name} uses {column.name!r}, and {self.where} has no such column",
                    hint=f"{hint}; the last results stay as they are",
                    place=place,
                ).of(column.name, self.source.name)
            self.used.add(self.by_name.get(normal(column.name), ""))
        checked = self.typed(tree, text, expected)
        if checked.fresh & {"daily", "timed"}:
            raise DefinitionError(
                f"a column of a source cannot depend on the day on which it is asked: {text.text}",
                code="E212",
                hint="say it in a trait, or in the `where` of a measure",
                place=text.place,
            )
        return checked

    def typed(self, tree: Expr, text: Written, expected: Type | None) -> Checked:
        """The checked expression; columns without any value take the first kind with which it means something."""
        row, nothing = self.row, {normal(c.name) for c in _columns(tree)} & {normal(c) for c in self.empty}
        kinds = (None, MONEY, BOOLEAN, DATE, TIMESTAMP) if nothing else (None,)
        first: TypeMismatch | None = None
        for kind in kinds:
            if kind is not None:
                row = FileColumns({name: kind if name in nothing else t for name, t in self.row.columns.items()})
            try:
                checked = check_row(tree, row, Scope({}, {}, self.zone), text.origin, expected=expected)
            except TypeMismatch as error:
                first = first or error
                continue
            self.nothing = {} if kind is None else dict.fromkeys(nothing, kind)
            return checked
        assert first is not None
        raise first

    def expression(self, text: Written, _what: str) -> tuple[exp.Expression, Type]:
        checked = self.checked(text, None)
        if checked.type.kind is Kind.DURATION:
            raise TypeMismatch("a column cannot hold a length of time", hint="use it in a comparison", place=text.place)
        return self.compiled(checked.tree), checked.type

    def condition(self, text: Written) -> exp.Expression:
        return self.compiled(self.checked(text, BOOLEAN).tree)

    def compiled(self, tree: Expr) -> exp.Expression:
        names = _FileNames(self.q, self.by_name, self.types, self.nothing)
        return Compiler(self.q, names, Scope({}, {}, self.zone)).sql(tree)

    def stored(self, tree: exp.Expression, type_: Type) -> exp.Expression:
        """A value as it is kept: an event's float as an exact decimal at 9 places, missing where it is too large."""
        if self.source.role == "events" and type_ == FLOAT:
            return self.q.try_cast(tree, EVENT_FLOAT)
        if type_ == FLOAT:
            return self.q.cast(tree, "DOUBLE")
        return tree if type_.of else self.q.cast(tree, sql_type(type_))

    # --- roles

    def instant(self, role: Role) -> tuple[exp.Expression, exp.Expression]:
        """The instant and the local day of an event."""
        q = self.q
        if role.type == TIMESTAMP:
            return role.sql, q.local_day(role.sql)
        if role.type == DATE:
            at = day_start(q, role.sql, self.zone_of_times, self.days)
            same = self.zone_of_times == self.zone
            return at, role.sql if same else q.local_day(at)
        raise self.wrong("time", self.source.time, role.type, "a date or a time")

    @property
    def zone_of_times(self) -> str:
        return self.source.timezone or self.zone

    def begins(self, role: Role) -> exp.Expression:
        if role.type == TIMESTAMP:
            return role.sql
        if role.type != DATE:
            raise self.wrong("valid_from", str(self.source.valid_from), role.type, "a date or a time")
        return day_start(self.q, role.sql, self.zone, None)

    def is_deleted(self, role: Role) -> exp.Expression:
        """True or false: a tombstone says so by true, a time, a number other than 0 or a text such as `yes`."""
        q = self.q
        if role.type == BOOLEAN:
            said = role.sql
        elif role.type in NUMBERS:
            said = q.not_(q.binary("=", role.sql, q.literal(0)))
        elif role.type == TEXT:
            texts = q.call("lower", q.call("trim", role.sql))
            said = q.not_(q.one_of(texts, [q.literal(word) for word in NO]))
        else:
            said = q.not_(q.is_null(role.sql))
        return q.call("coalesce", said, q.literal(False))


@dataclass(frozen=True)
class _FileNames:
    """What names are over a file: its columns; its floats are doubles in arithmetic, as those of an event are."""

    q: Builder
    by_name: Mapping[str, str]
    types: Mapping[str, Type]
    nothing: Mapping[str, Type]
    """Columns without any value, and the kind that they have here."""

    def column(self, name: str, part: str | None) -> exp.Expression:
        name = part if part is not None else name
        if name in self.nothing:
            return self.q.null(self.nothing[name])
        column = self.by_name[name]
        tree = exp.column(column, quoted=True)
        return self.q.cast(tree, "DOUBLE") if self.types[column] == FLOAT else tree

    def measure(self, node: Measure | Sequence | Fitted) -> exp.Expression:
        raise ValueError("a source measures nothing")

    def bounds(self, node: Column | Measure) -> Range | None:
        return None

    def nothing_happened(self, node: Column | Measure) -> exp.Expression | None:
        return None

    def members(self, node: Members, where: exp.Expression | None) -> exp.Expression:
        raise ValueError("a source asks no account")


def id_text(q: Builder, tree: exp.Expression, type_: Type) -> exp.Expression:
    """`ids.id_text` in SQL: trimmed, NFC, without `.0` behind a whole number; NULL where nothing is left."""
    if type_ == INTEGER:
        return q.cast(tree, "VARCHAR")
    if type_ in (MONEY, FLOAT):
        number = q.cast(q.cast(tree, EVENT_FLOAT if type_ == FLOAT else "DECIMAL(18,4)"), "VARCHAR")
        return q.call("rtrim", q.call("rtrim", number, q.literal("0")), q.literal("."))
    if type_ != TEXT:
        return q.cast(tree, "VARCHAR")
    text = q.call("trim", tree, q.literal(BLANKS))
    cut = q.call("regexp_replace", text, q.literal(r"^(0|-?[1-9][0-9]*)\.0+$"), q.literal(r"\1"))
    plain = q.call("regexp_full_match", tree, q.literal("[!-~]([ -~]*[!-~])?"))
    pointed = q.call("contains", tree, q.literal(".0"))
    # The usual id needs nothing; trimming by a set of characters is ten times as slow as asking.
    usual = [(q.all([plain, q.not_(pointed)]), tree)]
    wide = q.binary(">", q.call("strlen", tree), q.call("length", tree))
    others = q.case([(pointed, cut), (wide, q.call("nfc_normalize", text))], text)
    return q.case(usual, q.call("nullif", others, q.literal("")))


def odd(q: Builder, id_: exp.Expression) -> exp.Expression:
    """Whether an id holds control characters or marks that turn the direction of writing (`ids.bad_ids`)."""
    plain = q.call("regexp_full_match", id_, q.literal("[ -~]*"))
    return q.all([q.not_(plain), q.call("regexp_matches", id_, q.literal(UNSEEN))])


def day_start(q: Builder, day: exp.Expression, zone: str, days: tuple[date, date] | None) -> exp.Expression:
    """The first instant of a local day, as a choice between the zone's offsets (no engine knows that rule)."""
    midnight = q.cast(day, "TIMESTAMP")
    if zone == "UTC":
        return midnight
    first, last = days if days is not None else (FIRST_TIME.date(), LAST_TIME.date())
    first, last = max(first, FIRST_TIME.date() - timedelta(days=2)), min(last, LAST_TIME.date() + timedelta(days=2))
    if last < first:
        last = first
    runs = _runs(first, last, zone)

    def chosen(low: int, high: int) -> exp.Expression:
        if high - low == 1:
            micros = runs[low][1]
            if micros == 0:
                return midnight
            by = q.micros(abs(micros))
            moved = exp.Sub if micros > 0 else exp.Add
            return exp.Paren(this=moved(this=midnight.copy(), expression=by))
        middle = (low + high) // 2
        return q.case([(q.binary("<", day, q.literal(runs[middle][0])), chosen(low, middle))], chosen(middle, high))

    return chosen(0, len(runs))


@lru_cache(maxsize=64)
def _runs(first: date, last: date, zone: str) -> list[tuple[date, int]]:
    """From which day on a local midnight lies so many microseconds after UTC's; found by looking every tenth day."""

    def offset(day: date) -> int:
        gap = datetime.combine(day, datetime.min.time()) - first_instant(day, zone)
        return gap // timedelta(microseconds=1)

    day, at = first, offset(first)
    out = [(first, at)]
    while day < last:
        ahead = min(day + timedelta(days=10), last)
        beyond = offset(ahead)
        while at != beyond:
            low, high = day, ahead
            while high - low > timedelta(days=1):
                middle = low + (high - low) // 2
                low, high = (middle, high) if offset(middle) == at else (low, middle)
            day, at = high, offset(high)
            out.append((day, at))
        day = ahead
    return out


def _by_name(types: Mapping[str, Type], source: Source, where: str) -> dict[str, str]:
    out: dict[str, str] = {}
    for column in types:
        name = normal(column)
        if name in out:
            raise DefinitionError(
                f"{where} has two columns {name!r}, which differ only in their Unicode form",
                code="E211",
                hint="rename one of them in the file",
                place=source.place,
            )
        out[name] = column
    return out


def _columns(tree: Expr) -> list[Column]:
    out, stack = [], [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, Column):
            out.append(node)
        stack.extend(children(node))
    return out


def _place_of(source: Source, name: str) -> Place:
    for text in source.columns.values():
        if text.text == name:
            return text.place
    return source.place


def _another(name: str) -> str:
    plain = name.strip("_ ")
    return {"id": "row_id", "time": "clock_time", "customer": "customer_name"}.get(plain, f"{plain or 'column'}_2")
