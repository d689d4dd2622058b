import json
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.core.errors import DefinitionError
from coterie.language.format import format
from coterie.language.parse import parse
from coterie.language.tree import Apply, EventColumn, Expr, Fitted, Literal, walk
from coterie.language.tree_json import from_json, json_schema, to_json
from coterie.testing.trees import trees

SCHEMA = json_schema()


def exactly(tree: Expr) -> tuple[Expr, list[tuple[type, str]]]:
    return tree, [(type(n.value), str(n.value)) for n in walk(tree) if isinstance(n, Literal)]


def fits(schema: dict[str, Any], value: Any) -> bool:
    """Whether a value is as the schema says, in the part of draft-07 that is used."""
    known = {"$schema", "title", "$ref", "definitions", "oneOf", "anyOf", "not", "type", "const", "enum", "properties", "required"}
    known |= {"additionalProperties", "items", "minItems", "maxItems", "minLength", "maxLength", "minimum", "pattern"}
    assert set(schema) <= known
    if "$ref" in schema:
        return fits(SCHEMA["definitions"][schema["$ref"].removeprefix("#/definitions/")], value)
    types = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}
    expected = schema.get("type")
    if expected and (not isinstance(value, types[expected]) or (expected == "integer" and isinstance(value, bool))):
        return False
    checks = [
        sum(fits(s, value) for s in schema["oneOf"]) == 1 if "oneOf" in schema else True,
        any(fits(s, value) for s in schema["anyOf"]) if "anyOf" in schema else True,
        not fits(schema["not"], value) if "not" in schema else True,
        value == schema["const"] if "const" in schema else True,
        value in schema["enum"] if "enum" in schema else True,
    ]
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        checks += [all(key in value for key in schema.get("required", []))]
        checks += [schema.get("additionalProperties", True) or value.keys() <= properties.keys()]
        checks += [fits(properties[key], item) for key, item in value.items() if key in properties]
    if isinstance(value, list):
        checks += [schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))]
        checks += [fits(schema["items"], item) for item in value if "items" in schema]
    if isinstance(value, str):
        checks += [schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value))]
        checks += [re.search(schema.get("pattern", ""), value) is not None]
    if isinstance(value, int):
        checks += [schema.get("minimum", value) <= value]
    return all(checks)


@given(trees())
def test_a_tree_comes_back_from_its_json(tree):
    text = json.dumps(to_json(tree), allow_nan=False)
    assert exactly(from_json(json.loads(text))) == exactly(tree)


@settings(max_examples=40)
@given(trees(depth=2))
def test_the_json_of_a_tree_is_as_the_schema_says(tree):
    assert fits(SCHEMA, to_json(tree))


def test_json_reads_well():
    assert to_json(parse("revenue >= 1000.50 and not vip")) == {
        "kind": "and",
        "args": [
            {
                "kind": "apply",
                "op": ">=",
                "args": [{"kind": "column", "name": "revenue"}, {"kind": "literal", "type": "money", "value": "1000.5"}],
            },
            {"kind": "not", "arg": {"kind": "column", "name": "vip"}},
        ],
    }
    assert to_json(parse("count(order.x where a within 90 days)")) == {
        "kind": "measure",
        "aggregation": "count",
        "event": "order",
        "column": "x",
        "where": {"kind": "column", "name": "a"},
        "window": {"kind": "within", "n": 90, "unit": "day"},
    }


def test_numbers_survive_javascript():
    assert to_json(parse("9007199254740993"))["value"] == "9007199254740993"
    assert to_json(parse("-9007199254740992"))["value"] == -9007199254740992
    assert to_json(parse("f(10%)"))["args"] == [{"kind": "literal", "type": "money", "value": "0.1", "percent": True}]


@pytest.mark.parametrize("text", ["f(0%)", "f(100%)", "f(12.5%)", "0.0", "-5.5", "10.0", "f(1, 2)"])
def test_numbers_come_back_as_they_were(text):
    assert exactly(from_json(to_json(parse(text)))) == exactly(parse(text))


def test_json_is_put_in_order_like_text():
    nested = {"kind": "and", "args": [COLUMN, {"kind": "and", "args": [COLUMN, COLUMN]}]}
    assert format(from_json(nested)) == "x and x and x"
    minus = {"kind": "apply", "op": "neg", "args": [{"kind": "literal", "type": "integer", "value": 5}]}
    assert from_json(minus) == parse("-5")
    window = {"kind": "within", "n": 3, "unit": "day"}
    sequence = {"kind": "sequence", "steps": [{"event": "a"}]}
    assert from_json({"kind": "window_test", "value": sequence, "window": window}) == parse("sequence(a) within 3 days")
    assert from_json({"kind": "column", "name": "e\u0301"}) == parse("\u00e9")


def test_streams_and_settings_of_fitted_calls():
    kept = (("bins", 5), ("cells", (("Champions", "5/5/5"),)), ("share", Decimal("0.5")), ("recency", (115, 181.5, None, True)))
    call = Fitted("rfm", (EventColumn("order", "time"),), settings=kept)
    back = from_json(json.loads(json.dumps(to_json(call))))
    assert back == Fitted("rfm", parse("rfm(order.time)").args, settings=kept)  # type: ignore[union-attr]
    assert fits(SCHEMA, to_json(call))


COLUMN = {"kind": "column", "name": "x"}
ONE = {"kind": "literal", "type": "integer", "value": 1}


def literal(type_: str, value: object, **more: object) -> dict[str, object]:
    return {"kind": "literal", "type": type_, "value": value, **more}


def apply(op: str, *args: object) -> dict[str, object]:
    return {"kind": "apply", "op": op, "args": list(args)}


def windowed(**window: object) -> dict[str, object]:
    return {"kind": "window_test", "value": COLUMN, "window": window}


HOSTILE: list[tuple[object, str, str]] = [
    (None, "E140", "an object is expected here, not None"),
    ([], "E140", "an object is expected here, not a list"),
    ("x > 5", "E140", "an object is expected here, not 'x > 5'"),
    ({}, "E140", "at kind: the `kind` of node is missing"),
    ({"kind": "colunm", "name": "x"}, "E140", "at kind: 'colunm' is not a kind of node"),
    ({"kind": ["column"], "name": "x"}, "E140", "at kind: a list is not a kind of node"),
    ({"kind": "column"}, "E140", "`name` is missing"),
    ({"kind": "column", "name": "x", "nam": 1}, "E140", "at nam: this key is not known here"),
    ({"kind": "column", "name": 5}, "E140", "at name: a text is expected here, not 5"),
    ({"kind": "column", "name": ""}, "E140", "at name: a name has at least one character"),
    ({"kind": "column", "name": "\ud800"}, "E140", "at name: this text holds half of a character"),
    ({"kind": "column", "name": "a\x00"}, "E140", "at name: a name holds no control characters"),
    ({"kind": "column", "name": "x" * 300}, "E140", "at name: a name has at most 200 characters"),
    ({"kind": "column", "name": "x", "part": None}, "E140", "at part: a text is expected here, not None"),
    ({1: "column"}, "E140", "an object is expected here"),
    (literal("integer", True), "E140", "at value: a whole number is expected here, not True"),
    (literal("integer", 1.5), "E140", "at value: a whole number is expected here, not 1.5"),
    (literal("integer", float("nan")), "E140", "at value: a whole number is expected here, not nan"),
    (literal("integer", 2**63), "E137", "9,223,372,036,854,775,808 is beyond 64 bits"),
    (literal("integer", "9" * 5000), "E140", "at value: a whole number is expected here"),
    (literal("money", 1.5), "E140", "at value: a text is expected here, not 1.5"),
    (literal("money", "1e9"), "E140", "at value: '1e9' is not a number written out"),
    (literal("money", "NaN"), "E140", "at value: 'NaN' is not a number written out"),
    (literal("money", "1" * 39), "E140", "is not a number written out"),
    (literal("money", "0.1", percent=True), "E137", "a percentage stands only as an argument"),
    (literal("money", "0.1", percent=1), "E140", "at percent: true or false is expected here"),
    (literal("money", "-0.1", percent=True), "E140", "at value: a percentage is not negative"),
    (literal("text", "x", percent=True), "E140", "at percent: a percentage is money, not text"),
    (literal("boolean", 1), "E140", "at value: true or false is expected here, not 1"),
    (literal("float", 1.5), "E140", "at type: 'float' is not one of those known"),
    (literal("duration", "90 days"), "E140", "at value: an object is expected here, not '90 days'"),
    (literal("duration", {"n": 0, "unit": "day"}), "E131", "at value: a length of 0 days holds nothing"),
    (literal("duration", {"n": 10**9, "unit": "day"}), "E131", "longer than 1,000 years"),
    (literal("duration", {"n": 1, "unit": "days"}), "E140", "at value.unit: 'days' is not one of those known"),
    (apply("=", ONE), "E140", "at args: `=` takes 2 arguments, not 1"),
    (apply("in", COLUMN), "E140", "at args: `in` takes 2 or more arguments, not 1"),
    (apply("between", ONE, ONE), "E140", "at args: `between` takes 3 arguments, not 2"),
    (apply("as_of", ONE), "E140", "at args: `as_of` takes 0 arguments, not 1"),
    (apply("count", COLUMN), "E140", "at op: `count` is a kind of node of its own"),
    (apply("rfm", COLUMN), "E140", "at op: `rfm` is a kind of node of its own"),
    (apply("Lower", COLUMN), "E140", "at op: `Lower` is not the name of a function"),
    (apply("x) or (true", COLUMN), "E140", "at op: `x) or (true` is not the name of a function"),
    (apply("and", COLUMN, COLUMN), "E140", "at op: `and` is not the name of a function"),
    (apply("!=", COLUMN, COLUMN), "E140", "at op: `!=` is not the name of a function"),
    (apply("cast", COLUMN), "E140", "at op: there are no casts"),
    (apply("", COLUMN), "E140", "at op: `` is not the name of a function"),
    ({"kind": "apply", "op": "=", "args": {"0": ONE}}, "E140", "at args: a list is expected here, not an object"),
    ({"kind": "and", "args": [COLUMN]}, "E140", "at args: at least 2 are needed here, not 1"),
    ({"kind": "or", "args": []}, "E140", "at args: at least 2 are needed here, not 0"),
    ({"kind": "not", "arg": []}, "E140", "at arg: an object is expected here"),
    ({"kind": "case", "branches": []}, "E140", "at branches: at least 1 is needed here"),
    ({"kind": "case", "branches": [{"when": COLUMN}]}, "E140", "at branches[0]: `then` is missing"),
    ({"kind": "measure", "aggregation": "median", "event": "x"}, "E140", "at aggregation: 'median' is not one of those known"),
    ({"kind": "measure", "aggregation": "count", "event": "x", "where": None}, "E140", "at where: an object is expected"),
    (windowed(kind="within", n=0, unit="day"), "E131", "at window: a length of 0 days holds nothing"),
    (windowed(kind="within", n=True, unit="day"), "E140", "at window.n: a whole number is expected here, not True"),
    (windowed(kind="within", n=1), "E140", "at window: `unit` is missing"),
    (windowed(kind="last"), "E140", "at window.kind: 'last' is not one of those known"),
    (windowed(n=1), "E140", "at window.kind: None is not one of those known"),
    (windowed(kind="ago", far=1, near=2, unit="day"), "E132", "at window: from 1 to 2 days ago holds nothing"),
    (windowed(kind="period", which="this", unit="hour"), "E132", "at window: `this hour` is not a calendar period"),
    (windowed(kind="since", day="2026-02-30"), "E140", "at window.day: '2026-02-30' is not a day"),
    (windowed(kind="since", day="20260201"), "E140", "at window.day: '20260201' is not a day"),
    (windowed(kind="from_to", start="2026-02-01", end="2026-01-01"), "E132", "holds nothing"),
    (windowed(kind="around", n=1, unit="hour", side="after", anchor="x"), "E132", "counts days, not hours"),
    ({"kind": "sequence", "steps": []}, "E140", "at steps: at least 1 is needed here, not 0"),
    ({"kind": "sequence", "steps": [{"event": "a", "negated": "yes"}]}, "E140", "at steps[0].negated: true or false is expected"),
    ({"kind": "sequence", "steps": [{"event": "a", "within": {"n": 1}}]}, "E140", "at steps[0].within: `unit` is missing"),
    ({"kind": "members", "quantifier": "any"}, "E140", "`where` is missing"),
    ({"kind": "members", "quantifier": "some", "where": COLUMN}, "E140", "at quantifier: 'some' is not one of those known"),
    ({"kind": "fitted", "function": "magic"}, "E140", "at function: 'magic' is not one of those known"),
    ({"kind": "fitted", "function": "rank", "args": [COLUMN], "by": ONE}, "E140", "at by: `by` is a column"),
    ({"kind": "fitted", "function": "rank", "by": COLUMN}, "E140", "at by: `by` is a column"),
    ({"kind": "fitted", "function": "rank", "settings": {"x": {"y": 1}}}, "E140", "at settings.x: a setting cannot be an object"),
    ({"kind": "fitted", "function": "rank", "settings": {"x": float("inf")}}, "E140", "at settings.x: a setting cannot be inf"),
    ({"kind": "and", "args": [COLUMN] * 1024}, "E138", "more than 1,024 parts"),
    ({"kind": "and", "args": [COLUMN] * 5000}, "E138", "at args: this has 5,000 parts"),
]


@pytest.mark.parametrize(("value", "code", "message"), HOSTILE, ids=[f"{i}" for i in range(len(HOSTILE))])
def test_json_that_is_no_tree(value, code, message):
    with pytest.raises(DefinitionError) as caught:
        from_json(value)
    assert caught.value.code == code
    assert message in caught.value.message
    assert caught.value.hint
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("wrap", [
    lambda inner: {"kind": "not", "arg": inner},
    lambda inner: {"kind": "apply", "op": "lower", "args": [inner]},
    lambda inner: {"kind": "measure", "aggregation": "count", "event": "e", "where": inner},
])  # fmt: skip
def test_deep_json_is_refused_and_not_followed(wrap):
    value = COLUMN
    for _ in range(31):
        value = wrap(value)
    assert format(from_json(value))
    for _ in range(50_000):
        value = wrap(value)
    with pytest.raises(DefinitionError) as caught:
        from_json(value)
    assert caught.value.code == "E138"


def test_deep_settings_are_refused_and_not_followed():
    value: object = 1
    for _ in range(50_000):
        value = [value]
    with pytest.raises(DefinitionError) as caught:
        from_json({"kind": "fitted", "function": "rank", "settings": {"x": value}})
    assert caught.value.code == "E138"


JSON_VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(["column", "x", "day", "=", "literal", "text"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["kind", "name", "args", "arg", "op", "value", "type", "window", "n", "unit", "event"]), inner
        ),
    ),
    max_leaves=8,
)


@given(trees(depth=2), st.data())
def test_a_broken_document_is_read_or_refused(tree, data):
    document = to_json(tree)
    places: list[tuple[Any, Any]] = [(document, key) for key in document]
    for node in places:
        inner = node[0][node[1]]
        if isinstance(inner, dict):
            places += [(inner, key) for key in inner]
        elif isinstance(inner, list):
            places += [(inner, i) for i in range(len(inner))]
    holder, key = data.draw(st.sampled_from(places))
    holder[key] = data.draw(JSON_VALUES)
    try:
        read = from_json(document)
    except DefinitionError:
        return
    assert exactly(parse(format(read))) == exactly(read)


def test_the_schema_is_strict():
    assert fits(SCHEMA, apply("=", COLUMN, ONE))
    for wrong in [apply("=", ONE), {**COLUMN, "x": 1}, {"kind": "and", "args": [ONE]}, windowed(kind="within", n=0, unit="day")]:
        assert not fits(SCHEMA, wrong)


def test_every_kind_of_node_is_met():
    kinds = {node["properties"]["kind"]["const"] for node in SCHEMA["definitions"]["expression"]["oneOf"]}
    met = set()

    def look(value: object) -> None:
        if isinstance(value, dict):
            met.add(value.get("kind"))
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    @given(trees())
    def collect(tree):
        look(to_json(tree))

    collect()
    assert kinds <= met
    assert isinstance(from_json(apply("lower", COLUMN)), Apply)
