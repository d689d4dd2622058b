"""Every row of the language in Spark's words: known answers and random arguments, many rows to a query."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, strategies
from hypothesis import settings as examples
from sqlglot import exp

from coterie.core.errors import CoterieError, NotSupported
from coterie.engine.arrow import arrow_type
from coterie.engine.spark import Spark
from coterie.language.dialects import DIALECTS
from coterie.language.dialects import spark as words
from coterie.language.functions import LEAVES
from coterie.language.leaves import Context, Leaf, Vector
from coterie.language.sql import Builder, Sql
from coterie.language.types import BOOLEAN, DATE, DURATION, FLOAT, INTEGER, MONEY, TEXT, TIMESTAMP, Type, Value
from tests.language.faces import UTC_NOON, DuckDB, in_python, plain, same, types_of
from tests.language.test_leaves_agree import calls, signatures
from tests.spark.sessions import SETTINGS, spark

pytestmark = pytest.mark.spark

LISTS = {"press": ("1", "cust-é", "", "0", "a")}
STORED = {
    INTEGER: "bigint",
    MONEY: "decimal(18,4)",
    FLOAT: "double",
    TEXT: "string",
    BOOLEAN: "boolean",
    DATE: "date",
    TIMESTAMP: "timestamp_ntz",
}
"""The column that a value of each kind becomes, as results keep it."""
TOGETHER = 60
"""Columns a query."""
Case = tuple[Leaf, Vector]
VECTORS: list[Case] = [(leaf, vector) for leaf in LEAVES.values() for vector in leaf.vectors]


@pytest.fixture(scope="module", params=["a zone with clock changes", "outside ANSI mode"])
def engine(request):
    with spark(SETTINGS[request.param]) as made:
        made.register("lists", pa.table({"list": ["press"] * len(LISTS["press"]), "customer": LISTS["press"]}))
        yield made


def literal(b: Builder, value: Value | None, type_: Type) -> Sql:
    return DuckDB.literal(None, b, value, type_)  # type: ignore[arg-type]


def written(cases: Sequence[Case]) -> list[exp.Expression]:
    """The SQL of vectors, their arguments written out."""
    out = []
    for leaf, vector in cases:
        b = Builder("spark", vector.context or UTC_NOON, exp.Literal.string((vector.context or UTC_NOON).customer))
        out.append(leaf.sql(b, *(literal(b, a, t) for a, t in zip(vector.args, types_of(vector), strict=True))))
    return out


def asked(engine: Spark, trees: Sequence[exp.Expression], table: str | None = None) -> list[list[Any]]:
    """The rows of a query of these columns."""
    select = exp.select(*(tree.as_(f"c{i}") for i, tree in enumerate(trees)))
    return [list(map(plain, row)) for row in engine.rows(select if table is None else select.from_(table).order_by("row"))]


def wrong(engine: Spark, cases: Sequence[Case]) -> list[str]:
    """What Spark answers otherwise than it should."""
    out = []
    for start in range(0, len(cases), TOGETHER):
        some = cases[start : start + TOGETHER]
        for (leaf, vector), found in zip(some, asked(engine, written(some))[0], strict=True):
            if not same(found, vector.result):
                out.append(f"{leaf.name} of {vector.args}: {found!r}, not {vector.result!r}")
    return out


def test_known_answers(engine):
    assert wrong(engine, VECTORS) == []


@strategies.composite
def calls_of_all(draw: strategies.DrawFn) -> list[tuple[Leaf, Any]]:
    return [(leaf, draw(calls(leaf, signatures(leaf)))) for leaf in LEAVES.values()]


def test_both_faces_agree(engine):
    """A call of every row at once: each has its columns in one table."""

    @examples(max_examples=6)
    @given(calls_of_all())
    def agree(drawn: list[tuple[Leaf, Any]]) -> None:
        most = max(len(rows) for _, (_, rows, _) in drawn)
        columns: dict[str, Any] = {"row": pa.array(range(most), pa.int64())}
        trees = []
        for n, (leaf, (types, rows, context)) in enumerate(drawn):
            args = []
            asked_of = Context(context.as_of, context.zone, context.customer, {"press": frozenset(LISTS["press"])})
            b = Builder("spark", asked_of, exp.Literal.string(context.customer))
            for i, type_ in enumerate(types):
                if i in leaf.literal or type_ == DURATION:
                    args.append(literal(b, rows[0][i], type_))
                    continue
                name = f"a{n}_{i}"
                cells = [row[i] for row in rows] + [None] * (most - len(rows))
                columns[name] = pa.array(cells, arrow_type(type_))
                args.append(Sql(exp.column(name), type_))
            trees.append(leaf.sql(b, *args))
        engine.register("t", pa.table(columns))
        found = asked(engine, trees, "t")
        kinds = list(engine.schema(exp.select(*(tree.as_(f"c{i}") for i, tree in enumerate(trees))).from_("t")).values())
        for n, (leaf, (types, rows, context)) in enumerate(drawn):
            asked_of = Context(context.as_of, context.zone, context.customer, {"press": frozenset(LISTS["press"])})
            result = leaf.result(*types)
            assert result is not None
            assert result.of is not None or kinds[n] == STORED[result], (leaf.name, types, kinds[n])
            for row, answer in zip(rows, found, strict=False):
                expected = in_python(leaf, row, types, asked_of)
                assert same(answer[n], expected), (leaf.name, row, types, asked_of, answer[n], expected)

    agree()


WRONG: dict[str, tuple[str, Any]] = {
    "EPOCH_US": ("hours_between", lambda x: words.named("UNIX_MICROS", exp.cast(x, "TIMESTAMPLTZ"))),
    "DATE_TRUNC": ("date_trunc", lambda unit, day: words.named("TRUNC", day, unit)),
    "ISODOW": ("weekday", lambda x: words.cast(words.named("WEEKDAY", x), "BIGINT")),
    "DATE_DIFF": ("days_between", lambda unit, a, b: words.named("DATEDIFF", a, b)),
    "STRING_SPLIT": ("version_at_least", lambda x, sign: words.named("SPLIT", x, sign)),
    "LENGTH": ("length", words.as_bigint("OCTET_LENGTH")),
    "TRIM": ("trim", lambda x, signs: words.named("TRIM", x)),
    "TRANSLATE": ("lower", lambda x, *_: words.named("LOWER", x)),
    "REGEXP_MATCHES": ("matches", lambda x, pattern: words.named("CONTAINS", x, pattern)),
}
"""Words that are nearly right, and the row of the language that they spoil."""


@pytest.mark.parametrize("word", WRONG)
def test_a_wrong_word_is_noticed(word, engine, monkeypatch):
    name, form = WRONG[word]
    if word == "EPOCH_US" and engine.session.conf.get("spark.sql.session.timeZone") == "UTC":
        pytest.skip("the mistake shows in another zone only")
    monkeypatch.setitem(words.FUNCTIONS, word, form)
    try:
        assert wrong(engine, [case for case in VECTORS if case[0].name == name])
    except CoterieError:
        pass  # refused by the engine: noticed


@pytest.mark.parametrize(
    ("of", "wrongly"),
    [
        ("money_digits", "DECIMAL(19,4)"),
        ("local", lambda self, instant, zone: instant),
        ("step", lambda self, day, n, unit: words.named("DATE_ADD", day, words.number(n))),
        ("try_cast", lambda self, a, to: exp.TryCast(this=a, to=to)),
        ("plain_text", lambda self, number, is_float: words.cast(number, "VARCHAR")),
        ("whole", lambda self, name, x: self.try_cast(words.named(name, x), words.typed("BIGINT"))),
        ("instant_text", lambda self, instant: words.cast(instant, "VARCHAR")),
    ],
)
def test_a_wrong_form_is_noticed(of, wrongly, engine, monkeypatch):
    monkeypatch.setattr(words.Spark, of, wrongly)
    rows = {"money_digits": "*", "local": "hour", "step": "+", "try_cast": "+", "plain_text": "text"}
    name = rows.get(of, "floor" if of == "whole" else "text")
    try:
        assert wrong(engine, [case for case in VECTORS if case[0].name == name])
    except CoterieError:
        pass


def test_a_text_is_no_setting_of_the_session(engine):
    texts = ["${env:HOME}", "$", "a${b}${c}", "\\", "'", "\x00", "\n\t\r", "\\n", "😀", '"', "%_"]
    b = Builder("spark", UTC_NOON, exp.Literal.string("1"))
    assert asked(engine, [b.literal(text) for text in texts])[0] == texts


def test_what_spark_does_not_have_is_refused_before_anything_runs():
    b = Builder("spark", UTC_NOON, exp.Literal.string("1"))
    with pytest.raises(NotSupported, match="no function jaro_similarity"):
        b.call("JARO_SIMILARITY", exp.column("x"), exp.column("y"))
    with pytest.raises(NotSupported, match="no words for snowflake"):
        Builder("snowflake", UTC_NOON, exp.Literal.string("1")).call("ABS", exp.column("x"))
    assert set(DIALECTS) == {"duckdb", "spark"}
