"""From text to tree. The grammar is `grammar.lark`; what it cannot say is said in `mistakes.py`."""

import re
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NoReturn, cast

from coterie.core.errors import DefinitionError
from coterie.core.place import Origin
from coterie.core.windows import Ago, Around, Before, Duration, FromTo, Next, Period, Since, Unit, Window, Within
from coterie.language import names, shape
from coterie.language.calls import Arg, By, Events, HalfLife, Name, Same, WindowAt, call
from coterie.language.mistakes import Elsewhere, Fault, diagnose, not_a_day, refuse
from coterie.language.tree import (
    And,
    Apply,
    Case,
    Column,
    Expr,
    Literal,
    Not,
    Or,
    Sequence,
    Span,
    WindowTest,
    at,
)

if TYPE_CHECKING:
    from lark import Lark, Token


def parse(text: str | Origin) -> Expr:
    """Read one expression.

    Args:
        text: the expression, or with an `Origin` also where in a file it stands, so that errors point there.

    Returns:
        Its tree (`tree.py`), every node with its span in the text. Not checked: names and types are not looked at.

    Raises:
        DefinitionError: E101 for what cannot be read, E110 to E139 for what is said otherwise here; with the place of
            the stretch in question and the right spelling as hint.
    """
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    origin = Origin.of(text) if isinstance(text, str) else text
    source = origin.text
    try:
        if len(source) > shape.MAX_LENGTH:
            raise Fault(
                0,
                1,
                "E138",
                f"this is {len(source):,} characters long, at most {shape.MAX_LENGTH:,} are read",
                shape.too_many(0).hint,
            )
        tree = cast(Expr, parser().parse(source))
        wrong_whole = shape.of_tree(tree)
        if wrong_whole:
            _refuse(wrong_whole[0].span, wrong_whole[1])
        return tree
    except Fault as fault:
        raise _error(origin, fault) from None
    except Elsewhere as place:
        raise _error(origin, _diagnose(source, place.offset)) from None
    except UnexpectedToken as wrong:
        end = wrong.token.type == "$END" or wrong.token.start_pos is None
        raise _error(origin, _diagnose(source, len(source) if end else cast(int, wrong.token.start_pos))) from None
    except UnexpectedCharacters as wrong:
        raise _error(origin, _diagnose(source, wrong.pos_in_stream or 0)) from None


def _diagnose(source: str, offset: int) -> Fault:
    """The fault at `offset`, with all that could have stood there."""
    from lark.exceptions import LarkError

    try:
        # The error itself knows less: the parser had already closed what the wrong token seemed to close.
        state = parser().parse_interactive(source[:offset])
        state.exhaust_lexer()
        expected = frozenset(cast(Any, state).accepts())
    except LarkError:
        expected = frozenset()
    return diagnose(source, offset, expected)


def grammar() -> str:
    """The text of the grammar."""
    return files("coterie.language").joinpath("grammar.lark").read_text(encoding="utf-8")


@cache
def parser() -> "Lark":
    """The parser, built at the first use (about 0.1 s) and kept."""
    from lark import Lark

    return Lark(grammar(), parser="lalr", lexer="contextual", transformer=_tree_maker(), propagate_positions=False)


def _error(origin: Origin, fault: Fault) -> DefinitionError:
    return DefinitionError(fault.message, code=fault.code, hint=fault.hint, place=origin.place(fault.start, fault.end))


def _refuse(span: Span, complaint: shape.Complaint) -> NoReturn:
    raise Fault(span.start, span.end, complaint.code, complaint.message, complaint.hint)


_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _span(token: "Token") -> Span:
    return Span(cast(int, token.start_pos), cast(int, token.end_pos))


def _from(a: Span, b: Span) -> Span:
    return Span(a.start, b.end)


def _join(kind: type[And] | type[Or], a: Expr, b: Expr) -> Expr:
    args = (*(a.args if isinstance(a, kind) else (a,)), *(b.args if isinstance(b, kind) else (b,)))
    span = _from(a.span, b.span)
    if len(args) > shape.MAX_NODES:
        _refuse(span, shape.too_many(shape.MAX_NODES, least=True))
    return kind(args, span=span)


def _negate(negation: "Token | None", node: Expr) -> Expr:
    return Not(node, span=node.span) if negation is not None else node


def _text(token: "Token") -> str:
    return str(token)[1:-1].replace("''", "'")


def _day(token: "Token") -> date:
    text = _text(token)
    if _DATE.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise not_a_day(_span(token), text)


def _whole(token: "Token") -> int:
    text = str(token)
    span = _span(token)
    if "." in text:
        raise Fault(
            span.start,
            span.end,
            "E131",
            f"a length of time is a whole number, not {text}",
            "take a smaller unit: `36 hours`",
        )
    if len(text) > 18:
        raise Fault(span.start, span.end, "E131", "this is longer than 1,000 years", "without a window everything counts")
    return int(text)


def _number(token: "Token", text: str) -> int | Decimal:
    span = _span(token)
    whole = text.split(".", maxsplit=1)[0]
    if len(whole) > 1 and whole[0] == "0":
        raise Elsewhere(span.start)
    if len(text) > shape.MAX_DIGITS:
        raise Fault(
            span.start,
            span.end,
            "E137",
            f"a number of {len(text)} digits is longer than any that can be kept",
            f"at most {shape.MAX_DIGITS} digits; an id is text: '…'",
        )
    return Decimal(text) if "." in text else int(text)


def _hundredth(number: Decimal) -> Decimal:
    """number / 100, exactly whatever the decimal context, without zeros at the end."""
    sign, digits, exponent = number.as_tuple()
    text = f"{Decimal((sign, digits, cast(int, exponent) - 2)):f}"
    return Decimal(text.rstrip("0").rstrip(".") or "0") if "." in text else Decimal(text)


def _tree_maker() -> Any:
    from lark import Transformer, v_args

    @v_args(inline=True)
    class TreeMaker(Transformer[Any, Any]):
        """Makes nodes as the parser reduces: no parse tree is built, nothing recurses."""

        def start(self, tree: Expr) -> Expr:
            return tree

        def or_(self, a: Expr, _: "Token", b: Expr) -> Expr:
            return _join(Or, a, b)

        def and_(self, a: Expr, _: "Token", b: Expr) -> Expr:
            return _join(And, a, b)

        def not_(self, token: "Token", a: Expr) -> Expr:
            return Not(a, span=_from(_span(token), a.span))

        def window_test(self, value: Expr, window: WindowAt) -> Expr:
            span = _from(value.span, window.span)
            if isinstance(value, Sequence):
                if value.window is not None:
                    raise Fault(
                        window.span.start,
                        window.span.end,
                        "E135",
                        "a sequence takes one window",
                        "keep one: it says when the first step happened",
                    )
                return replace(value, window=window.value, span=span)
            return WindowTest(value, window.value, span=span)

        def compare(self, a: Expr, op: "Token", b: Expr) -> Expr:
            span = _from(a.span, b.span)
            if op == "!=":
                return Not(Apply("=", (a, b), span=span), span=span)
            return Apply(str(op), (a, b), span=span)

        def between(self, x: Expr, no: "Token | None", _b: "Token", low: Expr, _a: "Token", high: Expr) -> Expr:
            return _negate(no, Apply("between", (x, low, high), span=_from(x.span, high.span)))

        def in_(self, x: Expr, no: "Token | None", word: "Token", items: "_List") -> Expr:
            return _negate(no, Apply("in", (x, *items.some(word)), span=_from(x.span, items.span)))

        def infix(self, x: Expr, no: "Token | None", word: "Token", y: Expr) -> Expr:
            return _negate(no, Apply(word.lower(), (x, y), span=_from(x.span, y.span)))

        def infix_with(self, x: Expr, no: "Token | None", word: "Token", _with: "Token", y: Expr) -> Expr:
            return _negate(no, Apply(f"{word.lower()} with", (x, y), span=_from(x.span, y.span)))

        def has(self, x: Expr, no: "Token | None", _has: "Token", which: "Token", items: "_List") -> Expr:
            return _negate(no, Apply(f"has {which.lower()}", (x, *items.some(which)), span=_from(x.span, items.span)))

        def is_(self, x: Expr, _is: "Token", no: "Token | None", what: "Token") -> Expr:
            return _negate(no, Apply(f"is {what.lower()}", (x,), span=_from(x.span, _span(what))))

        def list(self, opening: "Token", *rest: Any) -> "_List":
            items = tuple(r for r in rest[:-1] if r is not None)
            return _List(items, _from(_span(opening), _span(rest[-1])))

        def arithmetic(self, a: Expr, op: "Token", b: Expr) -> Expr:
            span = _from(a.span, b.span)
            match a, op, b:
                case Apply(op="-", args=(Literal(value=int(year)), Literal(value=int(month)))), "-", Literal(value=int(day)):
                    if span.end - span.start == len(f"{year}-{month}-{day}") and year > 1000:
                        raise Elsewhere(span.start)
                case _:
                    pass
            return Apply(str(op), (a, b), span=span)

        def sign(self, op: "Token", a: Expr) -> Expr:
            span = _from(_span(op), a.span)
            if op == "+":
                return at(a, span)
            if isinstance(a, Literal) and isinstance(a.value, int | Decimal) and not isinstance(a.value, bool):
                # Not `-value`: the decimal context would round a long number.
                value = a.value.copy_negate() if isinstance(a.value, Decimal) and a.value else -a.value
                return Literal(value, a.percent, span=span)
            return Apply("neg", (a,), span=span)

        def number(self, token: "Token") -> Expr:
            return Literal(_number(token, str(token)), span=_span(token))

        def percent(self, token: "Token") -> Expr:
            number = Decimal(_number(token, str(token)[:-1]))
            return Literal(_hundredth(number), percent=True, span=_span(token))

        def text(self, token: "Token") -> Expr:
            value = _text(token)
            if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
                span = _span(token)
                raise Fault(
                    span.start,
                    span.end,
                    "E126",
                    "this text holds half of a character",
                    "it was cut or wrongly decoded: type it anew",
                )
            return Literal(value, span=_span(token))

        def true(self, token: "Token") -> Expr:
            return Literal(True, span=_span(token))

        def false(self, token: "Token") -> Expr:
            return Literal(False, span=_span(token))

        def duration(self, number: "Token", unit: "Token") -> Literal:
            length = Duration(_whole(number), _unit(unit))
            return Literal(length, span=_from(_span(number), _span(unit)))

        def parentheses(self, opening: "Token", inner: Expr, closing: "Token") -> Expr:
            return inner if isinstance(inner, Column) else at(inner, _from(_span(opening), _span(closing)))

        def case(self, opening: "Token", *rest: Any) -> Expr:
            span = _from(_span(opening), _span(rest[-1]))
            parts = [r for r in rest if r is not None and not hasattr(r, "start_pos")]
            otherwise = parts.pop() if len(parts) % 2 else None
            return Case(tuple(zip(parts[::2], parts[1::2], strict=True)), otherwise, span=span)

        def column(self, name: Name, part: Name | None) -> Expr:
            if part is None:
                if not name.quoted and name.text.lower() == names.AS_OF:
                    return Apply(names.AS_OF, (), span=name.span)
                return Column(name.text, span=name.span)
            return Column(name.text, part.text, span=_from(name.span, part.span))

        def bare(self, token: "Token") -> Name:
            text, span = str(token), _span(token)
            stray = names.stray(text)
            if stray is not None:
                raise Elsewhere(span.start + stray)
            return self._named(names.normal(text), False, span)

        def quoted(self, token: "Token") -> Name:
            return self._named(names.normal(str(token)[1:-1].replace('""', '"')), True, _span(token))

        def _named(self, text: str, quoted: bool, span: Span) -> Name:
            complaint = names.complaint(text)
            if complaint:
                raise Fault(span.start, span.end, "E133", complaint, "give the column a plain name where its source is declared")
            return Name(text, quoted, span)

        def within(self, word: "Token", length: Literal) -> WindowAt:
            return _window(Within(_length(length)), _from(_span(word), length.span))

        def around(self, word: "Token", length: Literal, side: "Token", anchor: Expr) -> WindowAt:
            span = _from(_span(word), anchor.span)
            if isinstance(anchor, Apply):
                raise Fault(
                    anchor.span.start,
                    anchor.span.end,
                    "E132",
                    "a window around as_of is a plain one",
                    f"write `within {_length(length)}`",
                )
            assert isinstance(anchor, Column)
            if anchor.part is not None:
                raise Fault(
                    anchor.span.start,
                    anchor.span.end,
                    "E132",
                    f"after `{side.lower()}` stands a customer's date, by its own name",
                    f"name it as a trait first: `renewal: {anchor.name}.{anchor.part}`, then `{side.lower()} renewal`",
                )
            return _window(Around(_length(length), cast(Any, side.lower()), anchor.name), span)

        def next_(self, word: "Token", _: "Token", length: Literal) -> WindowAt:
            return _window(Next(_length(length)), _from(_span(word), length.span))

        def period(self, which: "Token", unit: "Token") -> WindowAt:
            return _window(Period(cast(Any, which.lower()), _unit(unit)), _from(_span(which), _span(unit)))

        def since(self, word: "Token", day: "Token") -> WindowAt:
            return _window(Since(_day(day)), _from(_span(word), _span(day)))

        def before(self, word: "Token", day: "Token") -> WindowAt:
            return _window(Before(_day(day)), _from(_span(word), _span(day)))

        def from_to(self, word: "Token", start: "Token", _: "Token", end: "Token") -> WindowAt:
            return _window(FromTo(_day(start), _day(end)), _from(_span(word), _span(end)))

        def ago(self, word: "Token", far: "Token", _to: "Token", near: Literal, ago: "Token") -> WindowAt:
            length = _length(near)
            return _window(Ago(_whole(far), length.n, length.unit), _from(_span(word), _span(ago)))

        def by(self, value: Expr, _by: "Token", by: Expr, _from_word: "Token | None", source: Expr | None) -> By:
            if not isinstance(by, Column):
                raise Fault(
                    by.span.start,
                    by.span.end,
                    "E134",
                    "after `by` stands a column",
                    "as in percentile(revenue by country)",
                )
            return By(value, by, source, _from(value.span, (source or by).span))

        def predicted_from(self, value: Expr, _: "Token", source: Expr) -> By:
            return By(value, None, source, _from(value.span, source.span))

        def same(self, step: Expr, _: "Token", name: Name) -> Same:
            return Same(step, name, _from(step.span, name.span))

        def half_life(self, stream: Expr, _half: "Token", _life: "Token", length: Expr) -> HalfLife:
            return HalfLife(stream, length, _from(stream.span, length.span))

        def events(
            self,
            no: "Token | None",
            event: Expr,
            _where: "Token",
            where: Expr,
            window: WindowAt | None,
            _same: "Token | None",
            same: Name | None,
        ) -> Events:
            last = (same or window or where).span
            first = event.span if no is None else _span(no)
            return Events(no is not None, event, where, window, same, _from(first, last))

        def call(self, name: Name, _: "Token", *rest: Any) -> Expr:
            *given, closing, at, _, number = rest
            span = _from(name.span, _span(closing if number is None else number))
            args: list[Arg] = [r for r in given if r is not None]
            if name.quoted:
                what = f"{names.quoted(name.text)} in double quotes is a name, not a function"
                refuse(name.span, "E101", what, f"without quotes: {name.text}(…)")
            least = None if number is None else Literal(_number(number, str(number)), span=_from(_span(at), _span(number)))
            return call(name, args, span, least)

    return TreeMaker()


@dataclass(frozen=True, slots=True)
class _List:
    items: tuple[Expr, ...]
    span: Span

    def some(self, word: "Token") -> tuple[Expr, ...]:
        if not self.items:
            raise Fault(
                self.span.start,
                self.span.end,
                "E130",
                "an empty list matches nothing",
                f"put at least one value in: {word.lower()} ('…', '…')",
            )
        return self.items


def _unit(token: "Token") -> Unit:
    return cast(Unit, token.lower().removesuffix("s"))


def _length(literal: Literal) -> Duration:
    assert isinstance(literal.value, Duration)
    return literal.value


def _window(window: Window, span: Span) -> WindowAt:
    complaint = shape.of_window(window)
    if complaint:
        _refuse(span, complaint)
    return WindowAt(window, span)
