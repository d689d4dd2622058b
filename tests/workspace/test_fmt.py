"""The canonical text of a project file: same meaning, same comments, and formatting it again changes nothing."""

from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.core.definition import Written
from coterie.core.errors import DefinitionError
from coterie.core.place import Place
from coterie.workspace.document import List, Map, Scalar, read_document
from coterie.workspace.fmt import broken, canonical, format_project, plain, quoted
from coterie.workspace.project import Notice, read_project
from tests.workspace.projects import EVERY_KEY, FIRST_PAGE, TEXTS, written_projects

DEMO = Path(__file__).parents[2] / "src/coterie/workspace/demo/coterie.yaml"


SPREAD = """\
sources:
  order: {path: o.csv,
          customer: c,

          time: t, columns: {
            a: b
          }
         }
segments:
    x:
        where:
            a > 1
            and b
        tags:
        - a
        -
          b
        sensitive:
          -   [c, d
            ]
          - {in: 5}
          - out: 6
            in: 7
    y: >-
      a
      or b

    z: 'a
      or b'
segmentations: {s: {labels: {a: b, c: d}, about: e}}
"""


def meaning(value):
    """A value without its places, expressions in canonical text."""
    if isinstance(value, Written):
        return canonical(value.text)
    if isinstance(value, Place | Notice):
        return None
    if is_dataclass(value):
        return {f.name: meaning(getattr(value, f.name)) for f in fields(value)}
    if hasattr(value, "items"):
        return [(k, meaning(v)) for k, v in value.items()]
    if isinstance(value, tuple):
        return [meaning(v) for v in value]
    return value


def comments(text: str) -> list[str]:
    return sorted(c.text for c in read_document(text).comments)


def check(text: str) -> str:
    formatted = format_project(text)
    assert meaning(read_project(formatted)) == meaning(read_project(text))
    assert comments(formatted) == comments(text)
    assert format_project(formatted) == formatted
    assert not any(line != line.rstrip() for line in formatted.split("\n"))
    assert formatted.endswith("\n")
    assert not formatted.endswith("\n\n")
    return formatted


def test_the_first_page_is_canonical_but_for_the_place_of_its_comments():
    formatted = check(FIRST_PAGE)
    squeezed = [" ".join(line.split()) if "#" in line else line for line in formatted.splitlines()]
    assert squeezed == [" ".join(line.split()) if "#" in line else line for line in FIRST_PAGE.splitlines()]


@pytest.mark.parametrize("text", [EVERY_KEY, SPREAD, DEMO.read_text(encoding="utf-8")], ids=["every key", "spread", "demo"])
def test_whole_files(text):
    check(text)


@settings(max_examples=max(15, settings().max_examples // 10))
@given(written_projects())
def test_random_projects(written):
    project, text, said = written
    formatted = check(text)
    assert comments(formatted) == sorted(said)
    loaded = read_project(formatted)
    assert list(loaded.traits) == list(project["traits"])
    assert list(loaded.sources) == list(project["sources"])
    for name, source in project["sources"].items():
        assert loaded.sources[name].path == source["path"]
        assert dict(loaded.sources[name].options) == source.get("options", {})
    for name, segment in project["segments"].items():
        where = segment if isinstance(segment, str) else segment["where"]
        assert canonical(loaded.segments[name].where.text) == canonical(where)
        if isinstance(segment, dict) and "about" in segment:
            assert loaded.segments[name].notes["about"] == segment["about"]


@settings(max_examples=max(15, settings().max_examples // 3))
@given(st.data())
def test_comments_anywhere_survive(data):
    """Comments and blank lines put between any two lines, with any indentation, and behind any line."""
    lines = data.draw(st.sampled_from([EVERY_KEY, FIRST_PAGE, SPREAD])).split("\n")
    for number in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["alone", "behind", "blank"])):
            case "alone":
                lines.insert(at, " " * data.draw(st.integers(0, 8)) + f"# {number}")
            case "behind":
                lines[at] += f" # {number}"
            case _:
                lines.insert(at, "")
    text = "\n".join(lines)
    try:
        read_project(text)
    except DefinitionError:
        return  # a comment that broke a text of several lines
    check(text)


@given(TEXTS)
def test_plain_and_quoted_texts_are_read_back(text):
    if "\n" in text:
        return
    written = text if plain(text) else quoted(text)
    inside = text if plain(text, flow=True) else quoted(text)
    document = read_document(f"k: {written}\nin: {{{quoted(text)}: [{inside}, x]}}\n")
    assert not document.errors
    first, last = document.root.entries
    assert isinstance(first.value, Scalar)
    assert first.value.text == text
    assert isinstance(last.value, Map)
    (second,) = last.value.entries
    assert second.key.text == text
    assert isinstance(second.value, List)
    assert [i.text for i in second.value.items if isinstance(i, Scalar)] == [text, "x"]


CASES = [
    # what is written, what is made of it (both below `segments:`)
    ("x: revenue>5   AND country='DE'", "x: revenue > 5 and country = 'DE'"),
    ("x: this is, no expression", "x: this is, no expression"),
    ('x: "name = \'C #1\'"', "x: |\n    name = 'C #1'"),
    ("x: |\n    a > 1", "x: a > 1"),
    ("x: |\n    a > 1\n    and b", "x: |\n    a > 1\n    and b"),
    ("x: >\n    a > 1\n    or b", "x: |\n    a > 1\n    or b"),
    ("x: a > 1\n     or b", "x: |\n    a > 1\n    or b"),
    ("x: |\n    count(order\n      within 3 days)", "x: count(order within 3 days)"),
    ("x: '''DE'' = country'", "x: |\n    'DE' = country"),
    ("x: {where: a > 1, about: why}", "x:\n    where: a > 1\n    about: why"),
    ("x: {where: \"name = 'a, b'\"}", "x:\n    where: name = 'a, b'"),
    ("x: a > 1\n  long_name: b > 1", "x:         a > 1\n  long_name: b > 1"),
    ("x: a # one\n  yy: b # two", "x:  a  # one\n  yy: b  # two"),
    ("x:\n    # first\n    where: a\n    # last\n  # next\n  y: b", "x:\n    # first\n    where: a\n    # last\n  # next\n  y: b"),
    ("x: a\n\n\n\n  y: b", "x: a\n\n  y: b"),
    ("x: {where: a,  # one\n      about: b}  # two", "x:  # two\n    where: a  # one\n    about: b"),
    ("'x': \"a\"", "x: a"),
    ("'a: b': c", "'a: b': c"),
    ("x: {where: a, about: 'it''s: so'}", "x:\n    where: a\n    about: \"it's: so\""),
    ("x: {where: a, about: \"one\\ntwo\"}", "x:\n    where: a\n    about: |\n      one\n      two"),
    ("x: {where: a, tags: [b, 'c, d']}", "x:\n    where: a\n    tags: [b, 'c, d']"),
    ("x:\n      where: a\n      tags:\n      - b\n      - c", "x:\n    where: a\n    tags:\n      - b\n      - c"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "expected"), CASES, ids=[c[0][:40] for c in CASES])
def test_layout(written, expected):
    head = "sources:\n  order: {path: o.csv, customer: c, time: t}\n\nsegments:\n  "
    assert format_project(f"{head}{written}\n") == f"{head}{expected}\n"
    assert format_project(f"{head}{expected}\n") == f"{head}{expected}\n"


def test_sections_are_put_in_order_with_their_comments():
    text = (
        "# a file\n\n# rules\nsegments:\n  x: a\n# where it is\nsources:\n  order: {path: o.csv, customer: c, time: t}\n"
        "project: p # name\n# end\n"
    )
    assert format_project(text) == (
        "# a file\n\nproject: p  # name\n\n# where it is\nsources:\n  order: {path: o.csv, customer: c, time: t}\n\n"
        "# rules\nsegments:\n  x: a\n# end\n"
    )


def test_a_long_rule_is_broken_where_its_parts_join():
    rule = " or ".join(f"(a_rather_long_name_{n} > 1 and b_{n} between 2 and 3)" for n in range(4))
    lines = broken(canonical(rule))
    assert len(lines) == 4
    assert lines[1].startswith("or a_rather_long_name_1 > 1 and b_1 between 2 and 3")
    both = broken(canonical(" and ".join(f"a_rather_long_name_{n} between 2 and 3" for n in range(5))))
    assert [line.count("between") for line in both] == [1] * 5
    cases = broken(
        canonical("case " + " ".join(f"when a_rather_long_name_{n} > 1 then 'x{n}'" for n in range(4)) + " else 'y' end")
    )
    assert [line.split()[0] for line in cases] == ["case", "when", "when", "when", "else"]


def test_columns_stay_as_they_are_since_a_column_may_be_called_so():
    text = "sources:\n  order: {path: o.csv, customer: c, time: t, columns: {a: unit-price, b: price*2}}\n"
    assert format_project(text) == text


def test_what_is_no_project_file_is_refused():
    with pytest.raises(DefinitionError) as error:
        format_project("x: 'a' = b\n")
    assert error.value.code == "E185"
    with pytest.raises(DefinitionError) as error:
        format_project("x: 1\nx: 2\n")
    assert error.value.code == "E184"


def test_unknown_keys_are_left_to_the_check():
    assert format_project("segmnets:\n    x:   a\nproject: p\n") == "project: p\nsegmnets:\n  x: a\n"


COMMENTED = """\
sources:
  order: {path: o.csv, # one
          # two
          customer: c,

          time: t, columns: {  # three
            a: b # four
            # five
          }
         }  # six
segments:
    x: # seven
        # eight
        where: # nine
            a > 1
        sensitive: # ten
        # eleven
        - a # twelve
        -
          b
        # thirteen
        -   [c, d # fourteen
          ]
          # fifteen
      # sixteen
    # seventeen
    y: >- # eighteen
      a
      or b
  # nineteen
# twenty
"""


def test_every_comment_stays_with_what_it_is_about():
    assert (
        check(COMMENTED)
        == """\
sources:
  order:  # six
    path: o.csv  # one
    # two
    customer: c

    time: t
    columns:  # three
      a: b  # four
      # five

segments:
  x:  # seven
    # eight
    where: a > 1  # nine
    sensitive:    # ten
      # eleven
      - a  # twelve
      - b
      # thirteen
      - - c  # fourteen
        - d
      # fifteen
  # sixteen
  # seventeen
  y: |  # eighteen
    a
    or b
# nineteen
# twenty
"""
    )
