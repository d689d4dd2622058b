"""The marked tree: places, styles, and what YAML does to those who do not know it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import process_time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coterie.core.errors import DefinitionError, DefinitionErrors
from coterie.workspace import bites
from coterie.workspace.document import MAX_BYTES, MAX_NODES, Document, List, Map, Node, Scalar, decode, read_document


def first(document: Document) -> Scalar:
    value = document.root.entries[0].value
    assert isinstance(value, Scalar)
    return value


def errors_of(text: str) -> list[DefinitionError]:
    """All that is wrong with a text: of YAML, and of expressions that it cut."""
    try:
        document = read_document(text)
    except DefinitionErrors as errors:
        return list(errors.errors)
    except DefinitionError as error:
        return [error]
    cuts = [bites.cut(s) for s in scalars(document.root)]
    found = [*document.errors, *(c for c in cuts if c)]
    return list({str(e): e for e in found}.values())


def scalars(node: Node) -> Iterator[Scalar]:
    match node:
        case Scalar():
            yield node
        case Map():
            for entry in node.entries:
                yield from scalars(entry.value)
        case List():
            for item in node.items:
                yield from scalars(item)


def test_every_scalar_is_a_text():
    text = "a: no\nb: 010\nc: 2026-01-01\nd: 12:30\ne: 1_000\nf: ~\ng: null\non: yes\nh: 1.0\n"
    document = read_document(text)
    assert [(e.key.text, s.text) for e, s in zip(document.root.entries, scalars(document.root), strict=True)] == [
        ("a", "no"), ("b", "010"), ("c", "2026-01-01"), ("d", "12:30"), ("e", "1_000"), ("f", "~"), ("g", "null"),
        ("on", "yes"), ("h", "1.0"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value", "word", "place"),
    [
        ("x: a = b\n", "a = b", "b", (1, 8)),
        ("x: 'a = b'\n", "a = b", "b", (1, 9)),
        ("x: 'a = ''k'' or b'\n", "a = 'k' or b", "b", (1, 18)),
        ('x: "a = \\"k\\" or b"\n', 'a = "k" or b', "b", (1, 18)),
        ('x: "\\u0061\\x62 or b"\n', "ab or b", "or", (1, 16)),
        ('x: "a\\\n    b or c"\n', "ab or c", "or", (2, 7)),
        ("x: a\n   or b\n", "a or b", "b", (2, 7)),
        ("x: a\n\n\n   or b\n", "a\n\nor b", "b", (4, 7)),
        ("x: 'a\n\n   or b'\n", "a\nor b", "b", (3, 7)),
        ("x: |\n  a\n    or b\n", "a\n  or b\n", "b", (3, 8)),
        ("x: |\n\n  a\n  or b\n", "\na\nor b\n", "or", (4, 3)),
        ("x: >\n  a\n  or b\n", "a or b\n", "b", (3, 6)),
        ("x: >-  # why\n  a\n\n  or\n    b\n  c\n", "a\nor\n  b\nc", "c", (6, 3)),
        ("x: |2\n    a\n  b\n", "  a\nb\n", "b", (3, 3)),
        ("x: {y: a or b}\n", None, "b", (1, 13)),
        ("é: ünï or b\n", "ünï or b", "b", (1, 11)),
        ("\ufeffx: a or b\n", "a or b", "b", (1, 9)),
        ("x: 1\r\ny: a\r\n   or b\r\n", None, "b", (3, 7)),
        ("x: 1\ry: or b", None, "b", (2, 7)),
    ],
)
def test_a_word_in_a_value_is_found_in_the_file(text, value, word, place):
    document = read_document(text)
    scalar = list(scalars(document.root))[-1]
    if value is not None:
        assert scalar.text == value
    at = scalar.written.origin.place(scalar.text.rindex(word), scalar.text.rindex(word) + len(word))
    assert (at.line, at.column) == place
    assert at.text[at.column - 1 : at.column - 1 + len(word)] == word
    assert at.text[at.column - 1 : at.column - 1 + at.width] == word


WORDS = st.lists(st.text("ab'\"é€𝕏 #:,(=", min_size=1, max_size=6).map(str.strip).filter(bool), min_size=1, max_size=5)


@st.composite
def rendered(draw):
    """A value of several lines in one of YAML's styles."""
    style = draw(st.sampled_from(["literal", "folded", "single", "double"]))
    indent = " " * draw(st.integers(1, 4))
    lines = draw(WORDS)
    gap = "\n" * draw(st.integers(1, 3))
    if style in ("literal", "folded"):
        mark = "|" if style == "literal" else ">"
        return f"k: {mark}{draw(st.sampled_from(['', '-', '+']))}\n" + gap.join(indent + line for line in lines) + "\n"
    quote = "'" if style == "single" else '"'
    body = [line.replace("'", "''") if quote == "'" else line.replace('"', '\\"') for line in lines]
    return f"k: {quote}" + (gap + indent).join(body) + f"{quote}  # end\n"


@given(rendered())
@example("k: '''a'\n")
def test_every_character_of_a_value_is_where_its_place_says(text):
    document = read_document(text)
    scalar = first(document)
    for offset, character in enumerate(scalar.text):
        if character.isspace():
            continue
        place = scalar.written.origin.place(offset)
        there = document.lines[place.line - 1][place.column - 1]
        assert there == character or (scalar.style == "double" and there == "\\"), (offset, place)


SAID = [
    # text, code, line:column, words of the message or the hint
    ("x: name = 'C #1'\n", "E185", "1:14", "comment", "\"name = 'C #1'\""),
    ("x: |\n  name = 'C #1'\n", None, "", "", ""),
    ("x: revenue > 5 # many\n", None, "", "", ""),
    ("x: count(a # why\n", "E185", "1:12", "comment", "|"),
    ("x: 'DE' = country\n", "E185", "1:9", "'DE' for the whole value", "\"'DE' = country\""),
    ('x: "Order Completed".x > 1\n', "E185", "1:21", "whole value", "|"),
    ("x: !x\n", "E183", "1:4", "tag", "not"),
    ("x: !!str 5\n", "E183", "1:4", "tag", ""),
    ("x: !!python/object/apply:os.system ['true']\n", "E183", "1:4", "tag", ""),
    ("x: *x\n", "E183", "1:4", "alias", '"*x"'),
    ("x: * x\n", "E183", "1:4", "alias", ""),
    ("x: &x 3\n", "E183", "1:4", "anchor", ""),
    ("<<: {a: b}\n", "E183", "1:1", "merges", ""),
    ("x: > 5\n", "E185", "1:4", "block of text", '"> 5"'),
    ("x: >= 5\n", "E185", "1:4", "block of text", ""),
    ("x: >5\ny: 3\n", "E185", "1:4", "nothing stands", ""),
    ("x: x = 'k: v'\n", "E185", "1:10", "colon", "\"x = 'k: v'\""),
    ("x: {where: status != 'x, y'}\n", "E185", "1:24", "comma", "\"status != 'x, y'\""),
    ("x: {where: country in ('DE','FR')}\n", "E185", "1:28", "cut", "\"country in ('DE','FR')\""),
    ("x: {a: b,\n    where: country in ('DE', 'FR')}\n", "E185", "2:28", "cut", "\"country in ('DE', 'FR')\""),
    ("x: {amount: round(price, 2)}\n", "E185", "1:24", "comma", '"round(price, 2)"'),
    ("x: {f: [a, round(b, 2)]}\n", "E185", "1:19", "comma", '"round(b, 2)"'),
    ("x: {b: x = '{z}'}\n", "E185", "1:13", "cut", "\"x = '{z}'\""),
    ("x: {b: c[1]}\n", "E185", "1:9", "end a value", '"c[1]"'),
    ("x: {b: 'x' = y}\n", "E185", "1:12", "whole value", "\"'x' = y\""),
    ("x: {b: x = 'a: b'}\n", "E185", "1:14", "cut", ""),
    ("x: {a: b, c}\n", "E187", "1:11", "'c' has no value", ""),
    ("x: {a:b}\n", "E187", "1:5", "no value", "a blank after the colon"),
    ("x: @a\n", "E185", "1:4", "starts with @", ""),
    ("x: `a\n", "E185", "1:4", "starts with `", ""),
    ("x: %a\n", "E185", "1:4", "starts with %", ""),
    ("x: - 5\n", "E185", "1:4", "list", ""),
    ("x: ? 5\n", "E185", "1:4", "key", ""),
    ("x: a # c\n   and b\n", "E185", "1:6", "comment", ""),
    ("x:\n\ty: 3\n", "E182", "2:1", "tab", "blanks"),
    ("x:\ty\n", "E182", "1:3", "tab", ""),
    ("a: b\n c: d\n", "E182", "2:2", "indented", "same column"),
    ("a:\n  b: 3\n c: 4\n", "E182", "3:2", "indented", ""),
    ("a:\n  - b\n - c\n", "E182", "3:2", "indented", ""),
    ("a\nb: 3\n", "E182", "1:1", "no key", ""),
    ("a: b\na b\n", "E182", "2:1", "no key", "blank after the colon"),
    ("a:b\n", "E182", "1:1", "no keys", "blank after the colon"),
    ("- a\n- b\n", "E182", "1:1", "no keys", ""),
    ("a: [b\nc: d\n", "E182", "1:4", "[ is not closed", ""),
    ("a: {b: c\nd: e\n", "E182", "1:4", "{ is not closed", ""),
    ("a: 'b\nc: d\n", "E182", "1:4", "never closed", ""),
    ('a: "b\\qc"\n', "E182", "1:7", "escape", "\\\\"),
    ("[a]: b\n", "E183", "1:1", "key", ""),
    ("---\na: b\n---\nc: d\n", "E183", "3:1", "second document", ""),
    ("%YAML 1.1\n---\na: b\n", "E183", "1:1", "directives", ""),
    ("%YAML 1.2\n---\na: b\n", None, "", "", ""),
    ("a: 1\nb: 2\na: 3\n", "E184", "3:1", "twice", "line 1"),
    ("a: {b: 1, b: 2}\n", "E184", "1:11", "twice", ""),
    ("a: 'b'\n'a': c\n", "E184", "2:2", "twice", ""),
    ("", "E187", "1:1", "empty", "coterie init"),
    ("# nothing\n", "E187", "1:1", "empty", ""),
    ("a: b\x00c\n", "E180", "1:5", "U+0000", ""),
    ("a: b\n\u2028c: d\n", "E180", "2:1", "U+2028", ""),
    ('a: "\\ud83d"\n', "E180", "1:4", "surrogate", ""),
]


@pytest.mark.parametrize(("text", "code", "place", "message", "hint"), SAID, ids=[repr(s[0])[:40] for s in SAID])
def test_what_yaml_does_is_said(text, code, place, message, hint):
    found = errors_of(text)
    if code is None:
        assert not found
        return
    assert len(found) == 1, found
    error = found[0]
    assert error.code == code
    assert error.place is not None
    assert f"{error.place.line}:{error.place.column}" == place
    assert message in error.message
    assert hint in (error.hint or "")
    assert "None" not in str(error)


def test_the_way_out_that_is_told_works():
    for text, code, *_ in SAID:
        for error in errors_of(text):
            hint = error.hint or ""
            if code != "E185" or "in quotes: " not in hint:
                continue
            quoted = hint.split("in quotes: ")[1].split(" — or ")[0]
            again = read_document(f"x: {{y: {quoted}}}\n")
            assert not again.errors
            inner = again.root.entries[0].value
            assert isinstance(inner, Map)
            value = inner.entries[0].value
            assert isinstance(value, Scalar)
            assert bites.cut(value) is None
            assert value.text in text


def test_errors_are_collected():
    errors = errors_of("a: &x 1\nb: *x\na: 2\nc: !t 3\n")
    assert [(e.code, e.place.line) for e in errors if e.place] == [("E183", 1), ("E183", 2), ("E184", 3), ("E183", 4)]


def test_comments_are_kept_with_their_places():
    text = "# top\na: b  # one\nc: |  # two\n  x # no\n# three\nd: {e: 'f # no', # four\n  # five\n  g: h}\n"
    comments = read_document(text).comments
    assert [(c.text, c.line, c.column, c.alone) for c in comments] == [
        ("# top", 1, 1, True),
        ("# one", 2, 7, False),
        ("# two", 3, 7, False),
        ("# three", 5, 1, True),
        ("# four", 6, 18, False),
        ("# five", 7, 3, True),
    ]


def test_lines_of_nodes():
    document = read_document("a:\n  b: |\n    x\n    y\n\n  c: [d,\n      e]\n\nf: g\n")
    a, f = document.root.entries
    assert isinstance(a.value, Map)
    b, c = a.value.entries
    assert (b.value.first, b.value.last) == (2, 4)
    assert (c.value.first, c.value.last) == (6, 7)
    assert (a.value.first, a.value.last) == (2, 7)
    assert (f.value.first, f.value.last) == (9, 9)


def test_other_encodings():
    assert decode("é: ü\n".encode(), "f") == "é: ü\n"
    assert decode("\ufeffé: ü\n".encode(), "f") == "é: ü\n"
    with pytest.raises(DefinitionError, match="UTF-16") as utf16:
        decode("a: b".encode("utf-16"), "f")
    assert utf16.value.code == "E180"
    with pytest.raises(DefinitionError, match="0xE9") as latin:
        decode(b"a: b\r\nname: caf\xe9\n", "f")
    assert str(latin.value).startswith("f:2:10  E180")
    assert latin.value.hint is not None
    assert "UTF-8" in latin.value.hint


def test_a_password_is_not_shown():
    errors = errors_of("u: postgresql://me:s3cr3t@host/db\nu: postgresql://me:s3cr3t@host/db\n")
    text = "\n".join(map(str, errors))
    assert "E184" in text
    assert "s3cr3t" not in text
    assert errors_of("u: a://me:${PASS}@host\n x: 1\n")[0].place is not None


LAUGHS = "a: &a [lol, lol, lol]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
BOMBS = {
    "billion laughs": LAUGHS,
    "a million anchors": "".join(f"- &a{n} x\n" for n in range(180_000)),
    "duplicate keys": "a: 1\n" * 190_000,
    "deep flow": "a: " + "[" * 100_000,
    "deep block": "- " * 200_000 + "x",
    "deep maps": "a: " + "{b: " * 100_000,
    "many lines": "- x\n" * 900_000,
    "many commas": "a: [" + "x," * 900_000 + "]",
    "too large": "a: " + "x" * MAX_BYTES,
    "question marks": "? " * 100_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_at_once(name):
    text = BOMBS[name]
    start = process_time()
    errors = errors_of(text)
    assert process_time() - start < 1
    assert {e.code for e in errors} <= {"E181", "E182", "E183", "E184"}
    assert 0 < len(errors) <= 100
    assert len(str(errors[0])) < 1000


def test_bombs_need_little_memory(tmp_path: Path):
    """The whole process stays below 64 MB more than it has after its imports; a canary shows that nothing ran."""
    canary = tmp_path / "canary"
    program = f"""
import resource, sys
from coterie.core.errors import DefinitionError
from coterie.workspace.document import read_document
import ruamel.yaml
read_document("a: b")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for text in {[LAUGHS, "a: [" + "[" * 3000, f"a: !!python/object/apply:os.system ['touch {canary}']"]!r}:
    try:
        if not read_document(text).errors: raise SystemExit("read")
    except DefinitionError:
        pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 64 * 1024
    assert not canary.exists()


def test_the_number_of_values_is_limited():
    text = "a: [" + "[],\n" * (MAX_NODES // 2 + 1) + "]"
    with pytest.raises(DefinitionError) as refused:
        read_document(text)
    assert refused.value.code == "E181"


YAML = st.text(st.sampled_from(list("ab:,-?{}[]#&*!|>'\"%@`\\ \n\n\t0é<~.=")), max_size=40)


@given(YAML)
@example("a: |+9\n")
@example('a: "\\UFFFFFFFF"')
@example("%YAML 99.x\n---\na: b")
def test_any_text_is_read_or_refused_with_a_place(text):
    for error in errors_of(text):
        assert error.place is not None
        assert error.hint
        assert 1 <= error.place.line <= text.count("\n") + 1
        assert 1 <= error.place.column <= max(map(len, text.split("\n"))) + 1
        assert str(error)
