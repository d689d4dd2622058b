"""The tree as JSON, for the builder and the API: a union told apart by `kind`, and its JSON Schema.

Every node is an object; what is not there is left out (no nulls, no empty lists). Numbers that JavaScript would round are
texts: money always, integers beyond 2^53.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NoReturn, assert_never, cast

from coterie.core.errors import DefinitionError, nearest
from coterie.core.windows import (
    EXACT,
    UNITS,
    Ago,
    Around,
    Before,
    Duration,
    FromTo,
    Next,
    Period,
    Since,
    Unit,
    Window,
    Within,
)
from coterie.language import calls, names, shape
from coterie.language.aggregations import AGGREGATIONS
from coterie.language.format import literal
from coterie.language.tree import (
    And,
    Apply,
    Case,
    Column,
    EventColumn,
    Expr,
    Fitted,
    Literal,
    Measure,
    Members,
    Not,
    Or,
    Sequence,
    Step,
    WindowTest,
)
from coterie.language.types import Scalar

SAFE = 2**53
Json = dict[str, Any]


# To JSON


def to_json(tree: Expr) -> Json:
    """The tree as plain dicts, lists, texts, numbers and booleans; `from_json` gives the same tree back."""
    match tree:
        case Literal(value=value, percent=percent):
            return _literal(value, percent)
        case Column(name=name, part=part):
            return _object("column", name=name, part=part)
        case EventColumn(event=event, column=column):
            return _object("column", name=event, part=column)
        case Apply(op=op, args=args):
            return _object("apply", op=op, args=[to_json(a) for a in args])
        case And(args=args):
            return _object("and", args=[to_json(a) for a in args])
        case Or(args=args):
            return _object("or", args=[to_json(a) for a in args])
        case Not(arg=arg):
            return _object("not", arg=to_json(arg))
        case Case(branches=branches, otherwise=otherwise):
            pairs = [{"when": to_json(when), "then": to_json(then)} for when, then in branches]
            return _object("case", branches=pairs, otherwise=_maybe(otherwise))
        case Measure(aggregation=aggregation, event=event, column=column, where=where, window=window):
            return _object(
                "measure",
                aggregation=aggregation,
                event=event,
                column=column,
                where=_maybe(where),
                window=None if window is None else window_to_json(window),
            )
        case WindowTest(value=value, window=window):
            return _object("window_test", value=to_json(value), window=window_to_json(window))
        case Sequence(steps=steps, same=same, window=window):
            return _object(
                "sequence",
                steps=[_step(s) for s in steps],
                same=same,
                window=None if window is None else window_to_json(window),
            )
        case Members(quantifier=quantifier, where=where):
            return _object("members", quantifier=quantifier, where=_maybe(where))
        case Fitted(function=function, args=args, by=by, settings=settings):
            return _object(
                "fitted",
                function=function,
                args=[to_json(a) for a in args],
                by=_maybe(by),
                settings={key: _plain(value) for key, value in settings} or None,
            )
    assert_never(tree)


def window_to_json(window: Window) -> Json:
    """A window as plain values."""
    match window:
        case Within(length):
            return _object("within", n=length.n, unit=length.unit)
        case Ago(far, near, unit):
            return _object("ago", far=far, near=near, unit=unit)
        case Period(which, unit):
            return _object("period", which=which, unit=unit)
        case Since(day):
            return _object("since", day=day.isoformat())
        case Before(day):
            return _object("before", day=day.isoformat())
        case FromTo(start, end):
            return _object("from_to", start=start.isoformat(), end=end.isoformat())
        case Around(length, side, anchor):
            return _object("around", n=length.n, unit=length.unit, side=side, anchor=anchor)
        case Next(length):
            return _object("next", n=length.n, unit=length.unit)
    assert_never(window)


def _object(kind: str, **fields: Any) -> Json:
    return {"kind": kind, **{key: value for key, value in fields.items() if value is not None}}


def _maybe(tree: Expr | None) -> Json | None:
    return None if tree is None else to_json(tree)


def _step(step: Step) -> Json:
    out: Json = {"event": step.event}
    if step.where is not None:
        out["where"] = to_json(step.where)
    if step.within is not None:
        out["within"] = {"n": step.within.n, "unit": step.within.unit}
    if step.negated:
        out["negated"] = True
    return out


def _literal(value: Scalar, percent: bool) -> Json:
    match value:
        case bool():
            return {"kind": "literal", "type": "boolean", "value": value}
        case int():
            return {"kind": "literal", "type": "integer", "value": value if abs(value) <= SAFE else str(value)}
        case Decimal() | float():
            # As it is written, without the sign of a percent: 0.1.
            out = {"kind": "literal", "type": "money", "value": literal(value)}
            return out | {"percent": True} if percent else out
        case Duration():
            return {"kind": "literal", "type": "duration", "value": {"n": value.n, "unit": value.unit}}
        case date():
            return {"kind": "literal", "type": "text", "value": literal(value)[1:-1]}
        case str():
            return {"kind": "literal", "type": "text", "value": value}
    assert_never(value)


def _plain(value: object) -> Any:
    """A setting of a fitted call: tuples are lists, decimals and days are objects that say so."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Decimal():
            return {"money": literal(value)}
        case date():
            return {"day": value.isoformat()}
        case tuple():
            return [_plain(v) for v in value]
        case _:
            raise TypeError(f"a setting of a fitted call cannot be {value!r}")


# From JSON


def from_json(value: object) -> Expr:
    """The tree that a JSON object describes, as `parse` would make it (an `and` inside an `and` is taken apart).

    Args:
        value: what `json.loads` gave.

    Raises:
        DefinitionError: E140 with the path of what is not as the schema says; E138 for one too large; E131 to E137 for
            lengths, windows and numbers that cannot be meant, also with the path.
    """
    reader = _Reader()
    tree = reader.expression(value, "", 1)
    wrong = shape.of_tree(tree)
    if wrong:
        _complain(wrong[1], "")
    return tree


def _complain(complaint: shape.Complaint, path: str) -> NoReturn:
    raise DefinitionError(_located(complaint.message, path), code=complaint.code, hint=complaint.hint)


def _wrong(path: str, message: str, hint: str) -> NoReturn:
    raise DefinitionError(_located(message, path), code="E140", hint=hint)


def _located(message: str, path: str) -> str:
    return f"at {path.lstrip('.')}: {message}" if path else message


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str | int | float | bool | None) else _KINDS.get(type(value), "a value")
    return text if len(text) <= 40 else text[:39] + "…"


_KINDS: dict[type, str] = {dict: "an object", list: "a list"}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONEY = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_INTEGER = re.compile(r"-?[0-9]+")


class _Reader:
    """Reads with a count of nodes, so that no document is too large to be refused."""

    def __init__(self) -> None:
        self.nodes = 0

    def expression(self, value: object, path: str, depth: int) -> Expr:
        fields = self.fields_of(value, path)
        self.nodes += 1
        if self.nodes > shape.MAX_NODES:
            _complain(shape.too_many(shape.MAX_NODES, least=True), "")
        if depth > shape.MAX_DEPTH:
            _complain(shape.too_deep(depth, least=True), "")
        kind = fields.get("kind")
        read = _READERS.get(kind) if isinstance(kind, str) else None
        if read is None:
            near = nearest(kind, _READERS) if isinstance(kind, str) else None
            hint = f"did you mean {near!r}? " if near else ""
            what = f"{_shown(kind)} is not a kind of node" if "kind" in fields else "the `kind` of node is missing"
            _wrong(f"{path}.kind", what, f"{hint}Kinds: {', '.join(_READERS)}")
        return read(self, fields, path, depth + 1)

    def fields_of(self, value: object, path: str) -> Mapping[str, object]:
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            _wrong(path, f"an object is expected here, not {_shown(value)}", 'as in {"kind": "column", "name": "revenue"}')
        return value

    def only(self, fields: Mapping[str, object], path: str, needed: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
        for key in needed:
            if key not in fields:
                _wrong(path, f"`{key}` is missing", f"needed here: {', '.join(needed)}")
        for key in fields:
            if key not in needed and key not in optional:
                near = nearest(key, (*needed, *optional))
                hint = f"did you mean {near!r}? " if near else ""
                _wrong(f"{path}.{key}"[:200], "this key is not known here", f"{hint}Known here: {', '.join((*needed, *optional))}")

    def items(self, value: object, path: str, least: int = 0) -> list[object]:
        if not isinstance(value, list):
            _wrong(path, f"a list is expected here, not {_shown(value)}", "as in [ … ]")
        if len(value) < least:
            _wrong(path, f"at least {least} {'is' if least == 1 else 'are'} needed here, not {len(value)}", "add one")
        if len(value) > shape.MAX_NODES:
            _complain(shape.too_many(len(value)), path)
        return value

    def expressions(self, value: object, path: str, depth: int, least: int = 0) -> tuple[Expr, ...]:
        items = self.items(value, path, least)
        return tuple(self.expression(item, f"{path}[{i}]", depth) for i, item in enumerate(items))

    def maybe(self, fields: Mapping[str, object], key: str, path: str, depth: int) -> Expr | None:
        return self.expression(fields[key], f"{path}.{key}", depth) if key in fields else None

    def text(self, value: object, path: str) -> str:
        if not isinstance(value, str):
            _wrong(path, f"a text is expected here, not {_shown(value)}", 'as in "…"')
        if any("\ud800" <= c <= "\udfff" for c in value):
            _wrong(path, "this text holds half of a character", "it was cut or wrongly decoded: send it anew")
        if len(value) > shape.MAX_LENGTH:
            _wrong(path, f"a text of {len(value):,} characters is too long", f"at most {shape.MAX_LENGTH:,}")
        return value

    def name(self, value: object, path: str) -> str:
        name = names.normal(self.text(value, path))
        complaint = names.complaint(name)
        if complaint:
            _wrong(path, complaint, "give the column a plain name where its source is declared")
        return name

    def one_of(self, value: object, path: str, known: tuple[str, ...]) -> str:
        if not isinstance(value, str) or value not in known:
            near = nearest(value, known) if isinstance(value, str) else None
            hint = f"did you mean {near!r}? " if near else ""
            _wrong(path, f"{_shown(value)} is not one of those known", f"{hint}Known here: {', '.join(known)}")
        return value

    def whole(self, value: object, path: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            _wrong(path, f"a whole number is expected here, not {_shown(value)}", "as in 90")
        return value

    def boolean(self, value: object, path: str) -> bool:
        if not isinstance(value, bool):
            _wrong(path, f"true or false is expected here, not {_shown(value)}", "leave the key out for false")
        return value

    def day(self, value: object, path: str) -> date:
        text = self.text(value, path)
        if _DAY.fullmatch(text):
            try:
                return date.fromisoformat(text)
            except ValueError:
                pass
        _wrong(path, f"{_shown(text)} is not a day", 'a day is year-month-day, such as "2026-01-31"')

    def length(self, value: object, path: str) -> Duration:
        fields = self.fields_of(value, path)
        self.only(fields, path, ("n", "unit"))
        return self._length(fields, path)

    def _length(self, fields: Mapping[str, object], path: str) -> Duration:
        unit = cast(Unit, self.one_of(fields["unit"], f"{path}.unit", UNITS))
        length = Duration(self.whole(fields["n"], f"{path}.n"), unit)
        complaint = shape.of_duration(length)
        if complaint:
            _complain(complaint, path)
        return length

    def window(self, value: object, path: str) -> Window:
        fields = self.fields_of(value, path)
        kind = self.one_of(fields.get("kind"), f"{path}.kind", tuple(_WINDOWS))
        self.only(fields, path, ("kind", *_WINDOWS[kind]))
        made: Window
        match kind:
            case "within":
                made = Within(self._length(fields, path))
            case "next":
                made = Next(self._length(fields, path))
            case "around":
                side = cast(Any, self.one_of(fields["side"], f"{path}.side", ("after", "before")))
                made = Around(self._length(fields, path), side, self.name(fields["anchor"], f"{path}.anchor"))
            case "ago":
                far, near = self.whole(fields["far"], f"{path}.far"), self.whole(fields["near"], f"{path}.near")
                made = Ago(far, near, cast(Unit, self.one_of(fields["unit"], f"{path}.unit", UNITS)))
            case "period":
                which = cast(Any, self.one_of(fields["which"], f"{path}.which", ("this", "last")))
                made = Period(which, cast(Unit, self.one_of(fields["unit"], f"{path}.unit", UNITS)))
            case "since":
                made = Since(self.day(fields["day"], f"{path}.day"))
            case "before":
                made = Before(self.day(fields["day"], f"{path}.day"))
            case _:
                made = FromTo(self.day(fields["start"], f"{path}.start"), self.day(fields["end"], f"{path}.end"))
        complaint = shape.of_window(made)
        if complaint:
            _complain(complaint, path)
        return made

    def maybe_window(self, fields: Mapping[str, object], path: str) -> Window | None:
        return self.window(fields["window"], f"{path}.window") if "window" in fields else None

    # One for each kind of node

    def literal(self, fields: Mapping[str, object], path: str, _: int) -> Expr:
        self.only(fields, path, ("kind", "type", "value"), ("percent",))
        type_ = self.one_of(fields["type"], f"{path}.type", _LITERALS)
        value, at = fields["value"], f"{path}.value"
        if type_ != "money" and "percent" in fields:
            _wrong(
                f"{path}.percent", f"a percentage is money, not {type_}", 'as in {"type": "money", "value": "0.1", "percent": true}'
            )
        match type_:
            case "boolean":
                return Literal(self.boolean(value, at))
            case "integer":
                if isinstance(value, str) and len(value) < 30 and _INTEGER.fullmatch(value):
                    value = int(value)
                return Literal(self.whole(value, at))
            case "money":
                text = self.text(value, at)
                if not _MONEY.fullmatch(text) or len(text) > shape.MAX_DIGITS:
                    _wrong(at, f"{_shown(text)} is not a number written out", f'as in "1000.5", at most {shape.MAX_DIGITS} digits')
                number = Decimal(text)
                percent = self.boolean(fields.get("percent", False), f"{path}.percent")
                if percent and number < 0:
                    _wrong(at, "a percentage is not negative", "as in 0.1 for 10%")
                if percent:
                    short = text.rstrip("0").rstrip(".") if "." in text else text
                    return Literal(Decimal(short) if number else Decimal(0), percent=True)
                return Literal(number or Decimal("0.0"))
            case "duration":
                return Literal(self.length(value, at))
            case _:
                return Literal(self.text(value, at))

    def column(self, fields: Mapping[str, object], path: str, _: int) -> Column:
        self.only(fields, path, ("kind", "name"), ("part",))
        part = self.name(fields["part"], f"{path}.part") if "part" in fields else None
        return Column(self.name(fields["name"], f"{path}.name"), part)

    def apply(self, fields: Mapping[str, object], path: str, depth: int) -> Expr:
        self.only(fields, path, ("kind", "op"), ("args",))
        op = self.text(fields["op"], f"{path}.op")
        args = self.expressions(fields.get("args", []), f"{path}.args", depth)
        arity = shape.ARITY.get(op)
        if arity is not None:
            least, most = arity
            if not least <= len(args) <= most:
                many = str(least) if least == most else f"{least} or more"
                _wrong(
                    f"{path}.args", f"`{op}` takes {many} argument{'' if many == '1' else 's'}, not {len(args)}", "see the schema"
                )
            inner = args[0].value if op == "neg" and isinstance(args[0], Literal) else None
            if isinstance(inner, int | Decimal) and not isinstance(inner, bool):
                return Literal(
                    inner.copy_negate() if isinstance(inner, Decimal) and inner else -inner, cast(Literal, args[0]).percent
                )
            return Apply(op, args)
        what = calls.not_a_function(op)
        if what:
            _wrong(f"{path}.op", *what)
        return Apply(op, args)

    def and_(self, fields: Mapping[str, object], path: str, depth: int) -> Expr:
        return self.joined(And, fields, path, depth)

    def or_(self, fields: Mapping[str, object], path: str, depth: int) -> Expr:
        return self.joined(Or, fields, path, depth)

    def joined(self, kind: type[And] | type[Or], fields: Mapping[str, object], path: str, depth: int) -> Expr:
        self.only(fields, path, ("kind", "args"))
        args = self.expressions(fields["args"], f"{path}.args", depth, least=2)
        return kind(tuple(inner for arg in args for inner in (arg.args if isinstance(arg, kind) else (arg,))))

    def not_(self, fields: Mapping[str, object], path: str, depth: int) -> Expr:
        self.only(fields, path, ("kind", "arg"))
        return Not(self.expression(fields["arg"], f"{path}.arg", depth))

    def case(self, fields: Mapping[str, object], path: str, depth: int) -> Expr:
        self.only(fields, path, ("kind", "branches"), ("otherwise",))
        branches = []
        for i, item in enumerate(self.items(fields["branches"], f"{path}.branches", least=1)):
            at = f"{path}.branches[{i}]"
            pair = self.fields_of(item, at)
            self.only(pair, at, ("when", "then"))
            branches.append(
                (self.expression(pair["when"], f"{at}.when", depth), self.expression(pair["then"], f"{at}.then", depth))
            )
        return Case(tuple(branches), self.maybe(fields, "otherwise", path, depth))

    def measure(self, fields: Mapping[str, object], path: str, depth: int) -> Expr:
        self.only(fields, path, ("kind", "aggregation", "event"), ("column", "where", "window"))
        aggregation = self.one_of(fields["aggregation"], f"{path}.aggregation", tuple(AGGREGATIONS))
        column = self.name(fields["column"], f"{path}.column") if "column" in fields else None
        where = self.maybe(fields, "where", path, depth)
        event = self.name(fields["event"], f"{path}.event")
        return Measure(aggregation, event, column, where, self.maybe_window(fields, path))

    def window_test(self, fields: Mapping[str, object], path: str, depth: int) -> Expr:
        self.only(fields, path, ("kind", "value", "window"))
        value, window = self.expression(fields["value"], f"{path}.value", depth), self.window(fields["window"], f"{path}.window")
        if isinstance(value, Sequence):
            if value.window is not None:
                _wrong(f"{path}.window", "a sequence takes one window", "keep one: it says when the first step happened")
            return Sequence(value.steps, value.same, window)
        return WindowTest(value, window)

    def sequence(self, fields: Mapping[str, object], path: str, depth: int) -> Expr:
        self.only(fields, path, ("kind", "steps"), ("same", "window"))
        steps = []
        for i, item in enumerate(self.items(fields["steps"], f"{path}.steps", least=1)):
            at = f"{path}.steps[{i}]"
            step = self.fields_of(item, at)
            self.only(step, at, ("event",), ("where", "within", "negated"))
            within = self.length(step["within"], f"{at}.within") if "within" in step else None
            negated = self.boolean(step.get("negated", False), f"{at}.negated")
            event = self.name(step["event"], f"{at}.event")
            steps.append(Step(event, self.maybe(step, "where", at, depth), within, negated))
        same = self.name(fields["same"], f"{path}.same") if "same" in fields else None
        return Sequence(tuple(steps), same, self.maybe_window(fields, path))

    def members(self, fields: Mapping[str, object], path: str, depth: int) -> Expr:
        self.only(fields, path, ("kind", "quantifier"), ("where",))
        quantifier = cast(Any, self.one_of(fields["quantifier"], f"{path}.quantifier", shape.QUANTIFIERS))
        where = self.maybe(fields, "where", path, depth)
        if where is None and quantifier != "count":
            _wrong(path, "`where` is missing", f"{quantifier}(members where …) asks something of them")
        return Members(quantifier, where)

    def fitted(self, fields: Mapping[str, object], path: str, depth: int) -> Expr:
        self.only(fields, path, ("kind", "function"), ("args", "by", "settings"))
        function = self.one_of(fields["function"], f"{path}.function", tuple(sorted(shape.FITTED)))
        args = self.expressions(fields.get("args", []), f"{path}.args", depth)
        by = self.maybe(fields, "by", path, depth)
        if by is not None and (not isinstance(by, Column) or not args):
            _wrong(f"{path}.by", "`by` is a column, and stands behind an argument", "as in percentile(revenue by country)")
        settings = self.fields_of(fields.get("settings", {}), f"{path}.settings")
        read = tuple((key, self.setting(value, f"{path}.settings.{key}"[:200], 1)) for key, value in settings.items())
        return Fitted(function, args, by, read)

    def setting(self, value: object, path: str, depth: int) -> object:
        self.nodes += 1
        if depth > shape.MAX_DEPTH or self.nodes > shape.MAX_NODES:
            _complain(shape.too_many(shape.MAX_NODES, least=True), path[:200])
        match value:
            case None | bool() | int():
                return value
            case str():
                return self.text(value, path)
            case float() if value - value == 0:
                return value
            case [*items]:
                return tuple(self.setting(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(items))
            case {"day": day, **rest} if not rest:
                return self.day(day, path)
            case {"money": str(money), **rest} if not rest and len(money) <= shape.MAX_DIGITS and _MONEY.fullmatch(money):
                return Decimal(money)
            case _:
                _wrong(
                    path,
                    f"a setting cannot be {_shown(value)}",
                    'texts, numbers, true, false, lists, {"money": "0.5"}, {"day": "2026-01-31"}',
                )


_Read = Callable[[_Reader, Mapping[str, object], str, int], Expr]
_READERS: dict[str, _Read] = {
    "literal": _Reader.literal,
    "column": _Reader.column,
    "apply": _Reader.apply,
    "and": _Reader.and_,
    "or": _Reader.or_,
    "not": _Reader.not_,
    "case": _Reader.case,
    "measure": _Reader.measure,
    "window_test": _Reader.window_test,
    "sequence": _Reader.sequence,
    "members": _Reader.members,
    "fitted": _Reader.fitted,
}
_LITERALS = ("integer", "money", "text", "boolean", "duration")
_WINDOWS: dict[str, tuple[str, ...]] = {
    "within": ("n", "unit"),
    "ago": ("far", "near", "unit"),
    "period": ("which", "unit"),
    "since": ("day",),
    "before": ("day",),
    "from_to": ("start", "end"),
    "around": ("n", "unit", "side", "anchor"),
    "next": ("n", "unit"),
}


# Schema


def json_schema() -> Json:
    """The JSON Schema (draft-07) of an expression. What it admits may still be refused for what it means: an empty window."""
    expression = {"$ref": "#/definitions/expression"}
    expressions = {"type": "array", "items": expression}
    window = {"$ref": "#/definitions/window"}
    name = {"type": "string", "minLength": 1, "maxLength": 200}
    whole = {"type": "integer", "minimum": 1}
    unit = {"enum": list(UNITS)}
    period = {"enum": [u for u in UNITS if u not in EXACT]}
    day = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
    length = _closed({"n": whole, "unit": unit})
    money = {"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?$", "maxLength": shape.MAX_DIGITS}
    integer = {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": "^-?[0-9]+$"}]}

    def value(type_: str, of: Json) -> Json:
        return _kind("literal", {"type": {"const": type_}, "value": of})

    def operator(ops: list[str], least: int, most: int | None) -> Json:
        many = {"minItems": least, **({} if most is None else {"maxItems": most})}
        return _kind("apply", {"op": {"enum": ops}, "args": {**expressions, **many}})

    arities: dict[tuple[int, int], list[str]] = {}
    for op, arity in shape.ARITY.items():
        arities.setdefault(arity, []).append(op)
    function = {"type": "string", "minLength": 1, "not": {"enum": sorted(shape.ARITY)}}
    nodes = [
        value("integer", integer),
        value("text", {"type": "string"}),
        value("boolean", {"type": "boolean"}),
        value("duration", length),
        _kind("literal", {"type": {"const": "money"}, "value": money}, {"percent": {"type": "boolean"}}),
        _kind("column", {"name": name}, {"part": name}),
        *(
            operator(sorted(ops), least, None if most > shape.MAX_NODES else most)
            for (least, most), ops in sorted(arities.items())
            if most > 0
        ),
        _kind("apply", {"op": function}, {"args": expressions}),
        _kind("apply", {"op": {"const": names.AS_OF}}, {"args": {**expressions, "maxItems": 0}}),
        *(_kind(kind, {"args": {**expressions, "minItems": 2}}) for kind in ("and", "or")),
        _kind("not", {"arg": expression}),
        _kind(
            "case",
            {"branches": {"type": "array", "minItems": 1, "items": _closed({"when": expression, "then": expression})}},
            {"otherwise": expression},
        ),
        _kind(
            "measure",
            {"aggregation": {"enum": sorted(AGGREGATIONS)}, "event": name},
            {"column": name, "where": expression, "window": window},
        ),
        _kind("window_test", {"value": expression, "window": window}),
        _kind(
            "sequence",
            {
                "steps": {
                    "type": "array",
                    "minItems": 1,
                    "items": _closed({"event": name}, {"where": expression, "within": length, "negated": {"type": "boolean"}}),
                }
            },
            {"same": name, "window": window},
        ),
        _kind("members", {"quantifier": {"enum": ["any", "all", "none"]}, "where": expression}),
        _kind("members", {"quantifier": {"const": "count"}}, {"where": expression}),
        _kind(
            "fitted",
            {"function": {"enum": sorted(shape.FITTED)}},
            {"args": expressions, "by": {"$ref": "#/definitions/column"}, "settings": {"type": "object"}},
        ),
    ]
    windows = [
        _kind("within", {"n": whole, "unit": unit}),
        _kind("ago", {"far": whole, "near": whole, "unit": unit}),
        _kind("period", {"which": {"enum": ["this", "last"]}, "unit": period}),
        _kind("since", {"day": day}),
        _kind("before", {"day": day}),
        _kind("from_to", {"start": day, "end": day}),
        _kind("around", {"n": whole, "unit": period, "side": {"enum": ["after", "before"]}, "anchor": name}),
        _kind("next", {"n": whole, "unit": unit}),
    ]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "An expression of coterie",
        "$ref": "#/definitions/expression",
        "definitions": {
            "expression": {"oneOf": nodes},
            "column": _kind("column", {"name": name}, {"part": name}),
            "window": {"oneOf": windows},
        },
    }


def _kind(kind: str, needed: Json, optional: Json | None = None) -> Json:
    return _closed({"kind": {"const": kind}, **needed}, optional)


def _closed(needed: Json, optional: Json | None = None) -> Json:
    return {
        "type": "object",
        "properties": {**needed, **(optional or {})},
        "required": list(needed),
        "additionalProperties": False,
    }
