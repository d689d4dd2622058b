"""JSON that two readers could take for two things is found, wherever it hides."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coterie.live import strict
from coterie.live.strict import DEEPEST, Unreadable, opened, too_deep


def odd(text: str) -> list[str]:
    """What is wrong with the items of a list."""
    return [found.reason for _, found in sorted(opened(text.encode()).odd.items())]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" + "0" * 400 + ".0"])
@pytest.mark.parametrize("inside", ["%s", "[%s]", '{"a": %s}', '{"a": [1, {"b": %s}]}'])
def test_numbers_that_are_none(text: str, inside: str) -> None:
    assert odd(f"[{inside % text}, 1]") == ["not_finite"]


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**64 - 1, 2**64, 10**308, int("9" * 400)])
def test_numbers_beyond_64_bits(number: int) -> None:
    assert odd(f"[{number}]") == ["number_too_large"]
    assert odd(f'[{{"a":{number}}}, {{"b": 1}}]') == ["number_too_large"]


@pytest.mark.parametrize("number", [0, 1, -1, 2**53 - 1, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)])
def test_numbers_of_64_bits_are_exact(number: int) -> None:
    assert opened(f"[{number}]".encode()).items == [number]
    assert not opened(f"[{number}]".encode()).odd


def test_five_thousand_digits() -> None:
    assert odd(f"[{'7' * 5000}]") == ["number_too_large"]


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2}',
        '{"a":1,"a" : 2}',
        '{"a":":","a":2}',
        '{"a":1,"\\u0061":2}',
        '{"a":1,"b":"\\u0022:","a":2}',
        '{"a":1,"b":"\\u0022\\u0022","a":2}',
        '{"a":1,"b":"\\":","a":2}',
        '{"a":1,"b":"\\u003a","a":2}',
        '{"x":{"a":1,"a":1}}',
        '{"a":1,\n"a"\n:\n2}',
    ],
)
def test_a_key_that_stands_twice(text: str) -> None:
    assert odd(f"[{text}]") == ["key_twice"]
    with pytest.raises(Unreadable):
        opened(f'{{"batch": [], "y": {text}, "z": {text}}}'.encode())


@pytest.mark.parametrize(
    "text", ['{"a":":","b":"\\":\\":"}', '{"a":"\\u0022:"}', '{"a" : ":"}', '{"a":{"a":{"a":1}}}', '[{"a":1},{"a":1}]']
)
def test_a_key_that_stands_once(text: str) -> None:
    found = opened(f"[{text}]".encode())
    assert found.items == [json.loads(text)]
    assert not found.odd


@pytest.mark.parametrize(
    ("text", "read"), [('"\\ud83d"', "�"), ('"a\\udc00b"', "a�b"), ('"\\ud83d\\ude00"', "😀"), ('"\\ude00\\ud83d"', "��")]
)
def test_halves_of_characters(text: str, read: str) -> None:
    found = opened(f"[{text}]".encode())
    assert found.items == [read]
    assert not found.odd


def test_a_byte_order_mark_is_passed_over() -> None:
    assert opened(b"\xef\xbb\xbf[1]").items == [1]


@pytest.mark.parametrize("depth", [1, 2, 30, 31, 32])
@pytest.mark.parametrize("text", ["[", '{"a":', '[{"a":'])
def test_what_is_not_too_deep(depth: int, text: str) -> None:
    levels = depth if len(text) != 6 else depth // 2
    closing = "".join("]" if c == "[" else "}" for c in reversed(text) if c in "[{")
    assert not too_deep((text * levels + "1" + closing * levels).encode())


@pytest.mark.parametrize("depth", [33, 100, 10_000, 500_000])
@pytest.mark.parametrize("text", ["[", '{"a":', '[1,2,{"[[":'])
def test_what_is_too_deep(depth: int, text: str) -> None:
    with pytest.raises(Unreadable):
        opened((text * depth).encode())


def test_brackets_in_texts_are_no_depth() -> None:
    assert not too_deep(json.dumps(["[" * 100, '"[[[' * 20, "\\" * 3 + "{" * 50] * 3).encode())
    assert too_deep(b'["\\\\",' + b"[" * DEEPEST)


SHAPES = st.recursive(
    st.just(1), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)


@given(SHAPES, st.integers(0, 40))
def test_depth_is_what_a_reader_finds(shape: object, more: int) -> None:
    for _ in range(more):
        shape = [shape, {}] if more % 2 else {"[": shape}
    assert too_deep(json.dumps(shape).encode()) == (depth_of(shape) > DEEPEST)


def depth_of(value: object) -> int:
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 0


@given(st.lists(SHAPES | st.text() | st.floats() | st.integers(-(2**70), 2**70)), st.booleans())
def test_both_ways_of_reading_find_the_same(items: list[object], plain: bool) -> None:
    body = json.dumps(items, ensure_ascii=plain).encode("utf-8", "surrogatepass")
    try:
        quick = opened(body)
    except Unreadable as error:
        assert error.reason in ("not_utf8", "too_deep")  # noqa: PT017 - it need not be raised
        return
    slow = strict._one_by_one(body)
    assert repr(quick.items) == repr(slow.items)
    assert quick.odd == slow.odd
