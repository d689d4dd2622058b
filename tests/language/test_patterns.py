"""The patterns of `matches`: what they mean (against Python's own engine), what is refused, and that none is slow."""

import re
from collections.abc import Iterator
from time import perf_counter

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.language.patterns import complaint, found, rewritten

Duck = duckdb.DuckDBPyConnection

SIGNS = st.sampled_from(["a", "b", "K", "é", "0", "_", "-", " ", "\n", "\t", "😀", "&", "~", "\u212a", "\r"])
LITERALS = ["a", "b", "k", "K", "é", "0", "_", "-", " ", "😀", r"\.", r"\n"]
CLASSES = [".", r"\d", r"\w", r"\s", r"\D", r"\W", r"\S", "[ab]", "[^ab]", "[a-z]", "[A-Z0]", "[^a-zé]", "[é😀]"]
CLASSES += [r"[\w.-]", r"[\s&+]", r"[\]\\^]", "[-a]", "[a-]"]
PIECES = st.sampled_from([*LITERALS, *CLASSES, "^", "$"])
COUNTS = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,}", "{0,2}", "{0}"])


@st.composite
def patterns(draw: st.DrawFn, depth: int = 2) -> str:
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        piece = draw(PIECES)
        if depth and draw(st.integers(0, 3)) == 0:
            piece = "(" + draw(patterns(depth - 1)) + ")"
        counts = "" if piece in ("^", "$") else draw(COUNTS)
        parts.append(piece + counts)
    row = "".join(parts)
    return row + "|" + draw(patterns(0)) if draw(st.integers(0, 4)) == 0 else row


def by_python(pattern: str, text: str) -> bool:
    """Python's engine backtracks and reads a few things otherwise: `$` also before a last newline, `\\s` on \\v."""
    outside_a_class = re.sub(r"(\[[^\]]*\]|\\.)|\$", lambda m: m[1] or r"\Z", pattern)
    return re.search(outside_a_class, text, re.ASCII) is not None


@pytest.fixture(scope="module")
def duck() -> Iterator[Duck]:
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        yield connection


@settings(max_examples=150)
@given(pattern=patterns(), fold=st.booleans(), texts=st.lists(st.text(SIGNS, max_size=6), min_size=1, max_size=8))
def test_a_pattern_means_the_same_to_python_re2_and_duckdb(pattern: str, fold: bool, texts: list[str], duck: Duck):
    pattern = f"(?i){pattern}" if fold else pattern
    assert complaint(pattern) is None
    expected = [by_python(pattern, text) for text in texts]
    assert [found(text, pattern) for text in texts] == expected
    sql = "SELECT regexp_matches(unnest(?), ?)"
    assert [row[0] for row in duck.execute(sql, [texts, rewritten(pattern)]).fetchall()] == expected


@pytest.mark.parametrize(
    ("pattern", "same_for_all_engines"),
    [
        ("a.c", r"a[^\x{a}]c"),
        (r"^\d{5}$", r"\A[0-9]{5,5}\z"),
        (r"\s", r"[\x{9}-\x{a}\x{c}-\x{d} ]"),
        ("(?i)ab", "[Aa][Bb]"),
        ("(?i)[^a-c]", "[^A-Ca-c]"),
        ("a|b", "a|b"),
        ("(a|b)c", "(?:a|b)c"),
        ("(ab)+", "(?:ab)+"),
        ("[a&&b]", r"[\&a-b]"),
        ("é😀", "é😀"),
        (r"a_\-\/", r"a_\-\/"),
    ],
)
def test_how_a_pattern_is_written_for_engines(pattern: str, same_for_all_engines: str):
    assert rewritten(pattern) == same_for_all_engines


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("", "at character 1: nothing stands here to look for"),
        ("a|", "at character 3: nothing stands here to look for"),
        ("(", "at character 2: nothing stands here to look for"),
        ("(a", "at character 1: this ( is not closed"),
        ("a)", "at character 2: this ) closes nothing; write \\) for a bracket itself"),
        ("a**", "at character 3: a second repeat of the same part; put the first in brackets: (a+){2}"),
        ("a+?", "at character 3: a second repeat of the same part; put the first in brackets: (a+){2}"),
        ("*a", "at character 1: nothing stands before * to repeat; write \\* for the sign itself"),
        ("^*", "at character 1: the start or end of the text cannot be repeated"),
        ("(?=a)", "at character 1: only plain brackets ( ), and (?i) at the very start"),
        ("a(?i)b", "at character 2: only plain brackets ( ), and (?i) at the very start"),
        (r"(a)\1", "at character 4: \\1 is not known; there are \\d \\w \\s \\D \\W \\S \\t \\n \\r \\f"),
        (r"\bword", "at character 1: \\b is not known; there are \\d \\w \\s \\D \\W \\S \\t \\n \\r \\f"),
        (r"\p{L}", "at character 1: \\p is not known; there are \\d \\w \\s \\D \\W \\S \\t \\n \\r \\f"),
        ("a\\", "at character 2: a pattern cannot end in \\; write \\\\ for the sign itself"),
        ("[a", "at character 1: this [ is not closed"),
        ("[]", "at character 1: this [ ] holds nothing"),
        ("[[:alpha:]]", "at character 2: write \\[ for a bracket inside [ ]"),
        ("[z-a]", "at character 2: the range z-a runs backwards"),
        ("[à-ü]", "at character 2: ranges are of ASCII only; list other letters one by one"),
        (r"[\d-z]", "at character 4: a range runs between two signs, such as a-z"),
        ("a{2", "at character 2: { begins a count such as {2} or {2,5}; write \\{ for the sign itself"),
        ("a{,2}", "at character 2: { begins a count such as {2} or {2,5}; write \\{ for the sign itself"),
        ("a{3,2}", "at character 2: 3 is more than 2"),
        ("a{1001}", "at character 2: at most 1000 repeats"),
        ("}", "at character 1: write \\} for the sign itself"),
        ("(a{50}){50}", "repeats inside repeats come to 2,500, at most 1,000 are read"),
        (".{1000}", "with its repeats written out the pattern is 8,000 signs long, at most 5,000"),
        ("a" * 257, "a pattern has at most 256 characters, this one has 257"),
    ],
)
def test_what_cannot_be_read_is_said_in_plain_words(pattern: str, words: str):
    assert complaint(pattern) == words


@settings(max_examples=200)
@given(pattern=st.text(st.sampled_from("ab()[]{}|*+?.^$\\dws-,0123é"), max_size=12))
def test_whatever_is_read_runs_in_both_engines(pattern: str, duck: Duck):
    if complaint(pattern) is None:
        row = duck.execute("SELECT regexp_matches('abc-01é', ?)", [rewritten(pattern)]).fetchone()
        assert row == (found("abc-01é", pattern),)


@pytest.mark.parametrize("pattern", ["[^a]{600}", "(a|b|c){1000}", "(.{25}){20}", "(a?){1000}a{1000}", "((a{10}){10}){10}" * 4])
def test_the_largest_patterns_run_in_both_engines(pattern: str, duck: Duck):
    assert complaint(pattern) is None
    row = duck.execute("SELECT regexp_matches(repeat('b', 5000), ?)", [rewritten(pattern)]).fetchone()
    assert row == (found("b" * 5000, pattern),)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(a|aa)+$", "(.*)*x", "(a*)*b", "a*a*a*a*a*a*a*b"])
def test_patterns_that_make_other_engines_hang_take_no_time(pattern: str):
    start = perf_counter()
    assert found("a" * 20_000 + "!", pattern) is False
    assert perf_counter() - start < 2
