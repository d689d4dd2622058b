"""The project file: what it means, and everything that can be wrong with it, at its place and with the way out."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie.core.definition import Written
from coterie.core.errors import CoterieError, DefinitionError, DefinitionErrors
from coterie.workspace.document import read_document
from coterie.workspace.project import Project, kinds_of, load, read_project
from tests.workspace.projects import EVERY_KEY, FIRST_PAGE

SOURCES = "sources:\n  order: {path: o.csv, customer: c, time: t}\n"


def errors_of(text: str) -> list[DefinitionError]:
    with pytest.raises(DefinitionError) as raised:
        read_project(text)
    error = raised.value
    return list(error.errors) if isinstance(error, DefinitionErrors) else [error]


def text_of(written: Written | None) -> str | None:
    return None if written is None else written.text


def test_the_first_page():
    project = read_project(FIRST_PAGE, Path("shop/coterie.yaml"))
    assert (project.name, project.timezone, project.currency, project.as_of) == ("acme", "Europe/London", "GBP", "now")
    assert (project.population, project.engine, project.locale) == ("all", "duckdb", None)
    assert project.folder == Path("shop")
    assert project.notices == ()
    customers, order, page_view = project.sources.values()
    assert (customers.role, customers.id, customers.since, customers.constant) == (
        "customers",
        "customer_id",
        "signup_date",
        ("birth_date",),
    )
    assert (order.role, order.path, order.customer, order.time, order.id) == (
        "events",
        "orders.parquet",
        "customer_id",
        "ordered_at",
        "order_id",
    )
    assert {name: column.text for name, column in order.columns.items()} == {"amount": "total", "category": "dept"}
    assert page_view.complete_from == date(2025, 1, 1)
    assert list(project.traits) == [
        "orders_90d", "revenue", "last_order", "favourite_category", "days_quiet", "average_order", "next_90d", "likely_to_lapse",
    ]  # fmt: skip
    assert project.traits["next_90d"].expression.text == "lifetime_value(order.amount, 90 days)"
    vip = project.segments["vip"]
    assert vip.where.text == "revenue >= 1000 and last_order within 60 days"
    assert str(vip.where.origin.place(vip.where.text.index("last_order"))) == "shop/coterie.yaml:24:32"
    assert vip.notes["about"] == "Big spenders who bought lately"
    goal = dict(vip.notes)["goal"]
    assert isinstance(goal, Mapping)
    assert goal["metric"].text == "avg(revenue)"
    assert (goal["change"], goal["per"]) == ("+5%", "quarter")
    assert text_of(project.segmentations["value"].call) == "rfm(order.time, order.amount)"
    assert [(label, rule and rule.text) for label, rule in project.segmentations["lifecycle"].labels] == [
        ("prospect", "count(order) = 0"),
        ("new", "first(order.time) within 30 days"),
        ("active", "orders_90d > 0"),
        ("lapsed", None),
    ]
    with pytest.raises(TypeError):
        project.sources["x"] = order  # type: ignore[index]


def test_every_key():
    project = read_project(EVERY_KEY)
    assert isinstance(project.as_of, Written)
    assert project.as_of.text == "2026-01-31T18:00+01:00"
    assert (project.population, project.locale, project.notes["goal"]) == ("customers", "de-DE", "keep them")
    customers = project.sources["customers"]
    assert customers.valid_from == date(2024, 1, 1)
    assert dict(customers.options) == {
        "delimiter": ";", "encoding": "cp1252", "header": 3, "decimal": ",", "dates": "dmy", "types": {"zip": "text"},
        "missing": ("N/A", "-"), "skip_total_rows": False,
    }  # fmt: skip
    assert (customers.personal, customers.sensitive, customers.purpose) == (("email",), ("health",), ("email", "post"))
    assert dict(customers.currency) == {"income": "EUR"}
    assert customers.notes == {"about": "the people", "owner": "crm", "tags": ("x",), "was": ("clients",)}
    assert project.sources["accounts"].role == "accounts"
    assert project.sources["accounts"].url == "postgresql://${USER}:${PASSWORD}@host/crm"
    assert project.sources["places"].role == "lookup"
    orders, visits = project.sources["orders"], project.sources["visits"]
    assert (orders.lines, orders.sum, orders.currency) == ("order", ("amount",), {"*": "EUR"})
    assert (visits.lines, visits.sum) == ("visit", ("seconds",))
    assert kinds_of(visits) == ("visits", "visits_line")
    assert project.lists["friends"].text == "lists/friends.csv"
    scores = project.traits["scores"]
    assert scores.expression.text == "rfm(orders.time, orders.amount)"
    assert dict(scores.settings) == {
        "bins": (("recency", (115, Decimal("181.5"), 297, 482)), ("frequency", (4, 9)), ("monetary", (256,))),
        "cells": (("Champions", "5/3/2"), ("At Risk", "1-2/2-3/1-2"), ("At Risk", "3/1/1")),
        "refit": "monthly",
    }
    assert project.traits["tenth"].expression.text == "percentile(plain by country)"
    assert dict(project.traits["tenth"].settings) == {"refit": "never"}
    long = project.segments["long_one"]
    assert long.notes["about"] == "Two\nlines"
    assert long.notes["examples"] == {"in": ("17850",), "out": ("12346",)}
    assert project.segments["; drop table"].where.text == "plain > 4"
    assert project.segments['quote"s'].where.text == "plain > 5"
    assert text_of(project.segmentations["guessed"].call) == "predict(not exists(orders within next 60 days) from plain, long)"
    labelled = project.segmentations["labelled"]
    assert [label for label, _ in labelled.labels] == ["At Risk", "about", "rest"]
    assert labelled.notes["about"] == "with labels"


def test_groups_of_a_score_are_a_number_or_limits():
    text = SOURCES + "segmentations:\n  s: {rfm: [a.time, a.b], bins: {recency: [115, 181], monetary: 4, frequency: [3]}}\n"
    [(_, settings)] = [(s.name, s.settings) for s in read_project(text).segmentations.values()]
    assert dict(settings)["bins"] == (("recency", (115, 181)), ("monetary", 4), ("frequency", (3,)))


def test_places_of_a_long_fitted_call_are_those_of_its_arguments():
    text = SOURCES + "traits:\n  x:\n    percentile: revenu\n    by: countri\n    about: a\n"
    call = read_project(text).traits["x"].expression
    assert call.text == "percentile(revenu by countri)"
    assert str(call.origin.place(call.text.index("revenu"))) == "coterie.yaml:5:17"
    assert str(call.origin.place(call.text.index("percentile"))) == "coterie.yaml:5:5"
    two = read_project(SOURCES + "traits:\n  x: {rfm: [order.time,\n            order.amount]}\n").traits["x"].expression
    assert str(two.origin.place(two.text.index("order.amount"))) == "coterie.yaml:5:13"


def test_blanks_round_an_expression_do_not_move_it():
    text = SOURCES + "traits:\n  x: |\n\n    a\n      + b\n\n  y: '  a + b '\n"
    project = read_project(text)
    x, y = project.traits["x"].expression, project.traits["y"].expression
    assert x.text == "a\n  + b"
    assert str(x.origin.place(x.text.index("b"))) == "coterie.yaml:7:9"
    assert y.text == "a + b"
    assert str(y.origin.place(0)) == "coterie.yaml:9:9"


def test_no_time_zone_is_utc_and_said():
    project = read_project(SOURCES)
    assert project.timezone == "UTC"
    assert [n.code for n in project.notices] == ["W180"]
    assert "timezone:" in project.notices[0].hint


def test_a_password_in_the_file_is_noticed_and_not_repeated():
    text = "timezone: UTC\nsources:\n  order: {url: 'postgresql://me:s3cr3t@h/db', table: o, customer: c, time: t}\n"
    (notice,) = read_project(text).notices
    assert notice.code == "W182"
    assert "s3cr3t" not in str(notice)
    assert notice.place is not None
    assert "s3cr3t" not in notice.place.text
    fine = text.replace("s3cr3t", "${PASSWORD}")
    assert read_project(fine).notices == ()
    assert read_project(fine).sources["order"].url == "postgresql://me:${PASSWORD}@h/db"


def test_the_environment_is_never_read(monkeypatch):
    monkeypatch.setenv("PASSWORD", "canary")
    text = "timezone: UTC\nsources:\n  order: {url: 'postgresql://me:${PASSWORD}@h/db', table: o, customer: c, time: t}\n"
    assert "canary" not in repr(read_project(text))


def test_what_is_not_acted_on_yet_is_said():
    text = "timezone: UTC\n" + SOURCES + "segments:\n  x:\n    where: a\n    missing: out\n    about: b\n"
    (notice,) = read_project(text).notices
    assert (notice.code, str(notice.place)) == ("W185", "coterie.yaml:7:5")
    assert "'missing' of the segment 'x'" in notice.message
    assert [n.code for n in read_project("timezone: UTC\n" + SOURCES + FITTED).notices] == ["W185"]


FITTED = "traits:\n  x: {rfm: [order.time, order.a], refit: daily}\n"


def test_a_description_that_a_hash_cut_is_noticed():
    text = "timezone: UTC\n" + SOURCES + "segments:\n  x:\n    where: a\n    about: Our #1 customers\n"
    (notice,) = read_project(text).notices
    assert (notice.code, str(notice.place)) == ("W181", "coterie.yaml:7:12")
    assert '"Our #1 customers"' in notice.hint
    assert read_project(text.replace("#1", "# 1")).notices == ()


def test_a_name_of_both_kinds_is_noticed():
    (notice,) = read_project("timezone: UTC\n" + SOURCES + "traits:\n  order: count(order)\n").notices
    assert notice.code == "W184"
    assert str(notice.place) == "coterie.yaml:5:3"


def test_a_label_may_be_any_text():
    text = SOURCES + "segmentations:\n  s:\n    'At Risk: #1': a\n    \"it's\": b\n    AND: c\n    Other: OTHERWISE\n"
    labels = read_project(text).segmentations["s"].labels
    assert [(label, rule is None) for label, rule in labels] == [
        ("At Risk: #1", False),
        ("it's", False),
        ("AND", False),
        ("Other", True),
    ]


def test_names_come_in_one_unicode_form():
    assert list(read_project(SOURCES + "traits:\n  cafe\u0301: a\n").traits) == ["caf\u00e9"]


ORDER = "sources:\n  order: {path: o, customer: c, time: t, "
BAD = [
    # text, code, line:column, words of the message, words of the hint
    ("project: x\n", "E187", "1:1", "no sources", "order: {path:"),
    ("sources:\n", "E187", "1:1", "nothing stands here", "by name"),
    ("sources: x\n", "E188", "1:10", "'x' stands here", "by name"),
    (SOURCES + "segmnets: {}\n", "E186", "3:1", "unknown key 'segmnets'", "did you mean 'segments'?"),
    (SOURCES + "tz: UTC\n", "E186", "3:1", "unknown key 'tz'", "'timezone'"),
    (SOURCES + "timezone: Europe/Lodnon\n", "E196", "3:11", "'Europe/Lodnon'", "Europe/London"),
    (SOURCES + "timezone: london\n", "E196", "3:11", "'london'", "did you mean 'Europe/London'?"),
    (SOURCES + "timezone: Europe\n", "E196", "3:11", "'Europe'", "city"),
    (SOURCES + "timezone: localtime\n", "E196", "3:11", "'localtime'", "city"),
    (SOURCES + "timezone: ../etc/passwd\n", "E196", "3:11", "passwd", "city"),
    (SOURCES + "timezone:\n", "E187", "3:1", "nothing stands here", "time zone"),
    (SOURCES + "timezone: [UTC]\n", "E188", "3:11", "a list", "time zone"),
    (SOURCES + "currency: gbp\n", "E189", "3:11", "'gbp'", "did you mean GBP?"),
    (SOURCES + "currency: £\n", "E189", "3:11", "'£'", "GBP"),
    (SOURCES + "as_of: yesterday\n", "E189", "3:8", "yesterday", "2026-01-31"),
    (SOURCES + "as_of: 2026-02-30\n", "E189", "3:8", "2026-02-30", ""),
    (SOURCES + "population: everybody\n", "E189", "3:13", "all or customers", "Possible: all, customers"),
    (SOURCES + "engine: sparc\n", "E189", "3:9", "sparc", "duckdb, spark"),
    (SOURCES + "locale: English\n", "E189", "3:9", "English", "en-GB"),
    (SOURCES + "version: 2\n", "E192", "3:10", "format 2", "update"),
    (SOURCES + "version: 0\n", "E192", "3:10", "start at 1", ""),
    (SOURCES + "version: one\n", "E189", "3:10", "'one'", "digits"),
    (SOURCES + "goal: {metrik: a}\n", "E186", "3:8", "unknown key 'metrik'", "metric"),
    (SOURCES + "goal: {metric: a, per: fortnight}\n", "E189", "3:24", "fortnight", "Possible"),
    # sources
    ("sources:\n  order: o.csv\n", "E188", "2:10", "'o.csv' stands here", "{path: o.csv"),
    ("sources:\n  order: {path: o.csv, time: t}\n", "E187", "2:3", "whose its events are", "add customer:"),
    ("sources:\n  order: {path: o.csv, customer: c}\n", "E187", "2:3", "when its events happened", "add time:"),
    ("sources:\n  order: {customer: c, time: t}\n", "E187", "2:3", "where its rows are", "path:"),
    ("sources:\n  order: {path: o, url: 'sqlite:///a', table: a, customer: c, time: t}\n", "E193", "2:20", "'url'", "keep one"),
    ("sources:\n  order: {url: 'sqlite:///a', customer: c, time: t}\n", "E187", "2:3", "read of the database", "table:"),
    ("sources:\n  customers: {path: c.csv}\n", "E187", "2:3", "identifies a row", "add id:"),
    ("sources:\n  customers: {path: c.csv, id: i, customer: c}\n", "E193", "2:35", "no 'customer'", "`id:`"),
    ("sources:\n  customers: {path: c.csv, id: i, lines: c}\n", "E193", "2:35", "no 'lines'", "a kind of event"),
    (ORDER + "since: d}\n", "E193", "2:42", "no 'since'", "the customers"),
    ("sources:\n  p: {path: p.csv, lookup: postcode}\n", "E187", "2:3", "identifies a row", "id:"),
    (ORDER + "sum: a}\n", "E193", "2:42", "needs 'lines'", "lines:"),
    (ORDER + "lines: {sum: a}}\n", "E187", "2:49", "which event", "id: order_id"),
    (ORDER + "lines: {id: x, summ: a}}\n", "E186", "2:57", "'summ'", "did you mean 'sum'"),
    (ORDER + "lines: {id: x}, sum: a}\n", "E193", "2:58", "twice", ""),
    (ORDER + "file: x}\n", "E186", "2:42", "'file'", "'path'"),
    (ORDER + "delimiter: x}\n", "E186", "2:42", "'delimiter'", "options: {delimiter"),
    (ORDER + "options: {header: no}}\n", "E189", "2:60", "'no'", "digits"),
    (ORDER + "options: {date: dmy}}\n", "E186", "2:52", "'date'", "did you mean 'dates'"),
    (ORDER + "complete_from: 1/2/2025}\n", "E189", "2:57", "1/2/2025", "2026-01-31"),
    (ORDER + "columns: total}\n", "E188", "2:51", "'total'", "names with"),
    (ORDER + "columns: {a: }}\n", "E187", "2:52", "nothing stands here", "left out"),
    (ORDER + "currency: {a: euro}}\n", "E189", "2:56", "'euro'", "EUR"),
    (ORDER + "where: x in ('a', 'b')}\n", "E185", "2:58", "cut", "\"x in ('a', 'b')\""),
    (ORDER + "lines: i}\n  order_line: {path: o, customer: c, time: t}\n", "E190", "2:3", "order_line", "rename"),
    ("sources:\n  order: {path: o, customer: c, time: t}\n  Order: {path: o, id: i, lookup: x}\n", "E190", "3:3", "in case", ""),
    (ORDER + "options: {types: {zip: string}}}\n", "E189", "2:65", "'string' is not one of", "Possible: boolean"),
    # names
    (SOURCES + "traits: {and: a}\n", "E191", "3:10", "'and' is a word of the language", "another name"),
    (SOURCES + "traits: {Null: a}\n", "E191", "3:10", "'Null'", ""),
    (SOURCES + "traits: {as_of: a}\n", "E191", "3:10", "'as_of'", ""),
    (SOURCES + "traits: {'': a}\n", "E191", "3:11", "at least one character", ""),
    (SOURCES + "traits: {' a': a}\n", "E191", "3:11", "blank", ""),
    (SOURCES + 'traits: {"a\\u0007b": a}\n', "E191", "3:11", "control", ""),
    (SOURCES + "traits: {\u202eabc: a}\n", "E191", "3:10", "direction of writing", ""),
    (SOURCES + "traits: {" + "x" * 201 + ": a}\n", "E191", "3:10", "200 characters", ""),
    (SOURCES + "traits:\n  vip: a\nsegments:\n  vip: b\n", "E190", "6:3", "a trait in line 4", "defined once"),
    (SOURCES + "segments:\n  vip: b\n  VIP: b\n", "E190", "5:3", "'vip' (a segment in line 4)", "another name"),
    (SOURCES + "segments:\n  stra\u00dfe: b\n  strasse: b\n", "E190", "5:3", "only in case or Unicode form", ""),
    (SOURCES + "segments:\n  caf\u00e9: b\n  cafe\u0301: b\n", "E190", "5:3", "taken: line 4", ""),
    (SOURCES + "traits:\n  x: a\n  x: b\n", "E184", "5:3", "twice", "line 4"),
    # traits, segments
    (SOURCES + "traits:\n  x:\n", "E187", "4:3", "nothing stands here", "expression"),
    (SOURCES + "traits:\n  x: {about: a}\n", "E187", "4:3", "has no value", "x: {value:"),
    (SOURCES + "traits:\n  x: [a, b]\n", "E188", "4:6", "a list", "quotes"),
    (SOURCES + "traits:\n  x: {value: a, abuot: b}\n", "E186", "4:17", "'abuot'", "did you mean 'about'"),
    (SOURCES + "traits:\n  x: {expression: a}\n", "E186", "4:7", "'expression'", "did you mean 'value'"),
    (SOURCES + "traits:\n  x: {percentil: a}\n", "E186", "4:7", "'percentil'", "did you mean 'percentile'"),
    (SOURCES + "segments:\n  x: {about: a}\n", "E187", "4:3", "has no rule", "x: {where:"),
    (SOURCES + "segments:\n  x: name = 'C #1'\n", "E185", "4:16", "comment", "|"),
    (SOURCES + "segments:\n  x: {where: a, goal: {per: [a]}}\n", "E188", "4:29", "a list", ""),
    (SOURCES + "segments:\n  x: {where: a, about: [b]}\n", "E188", "4:24", "a list", "a text"),
    # segmentations
    (SOURCES + "segmentations:\n  s: {}\n", "E187", "4:6", "no labels", "label: rule"),
    (SOURCES + "segmentations:\n  s: {a: x, about: y}\n", "E194", "4:13", "'about' is a setting", "labels:"),
    (SOURCES + "segmentations:\n  s:\n    a: otherwise\n    b: x\n", "E194", "5:8", "once and last", "move it"),
    (SOURCES + "segmentations:\n  s:\n    a: x\n    b:\n", "E187", "6:5", "nothing stands here", ""),
    (SOURCES + "segmentations:\n  s:\n    '': x\n", "E191", "5:6", "at least one character", ""),
    (SOURCES + "segmentations:\n  s: {labels: {a: x}, labls: y}\n", "E186", "4:23", "'labls'", "did you mean 'labels'"),
    (SOURCES + "segmentations:\n  s: {rfm: [a.time, a.b], bins: 1}\n", "E195", "4:33", "1 groups", "from 2"),
    (SOURCES + "segmentations:\n  s: {rfm: [a.time, a.b], bins: {recency: [2, 1]}}\n", "E195", "4:43", "do not rise", "low"),
    (SOURCES + "segmentations:\n  s: {rfm: [a.time, a.b], bins: {}}\n", "E187", "4:33", "no groups", "bins: 5"),
    (SOURCES + "segmentations:\n  s: {rfm: [a.time, a.b], bins: {recency: x}}\n", "E189", "4:43", "'x'", "digits"),
    (SOURCES + "segmentations:\n  s: {rfm: [a.time, a.b], bins: {recency: [x]}}\n", "E189", "4:44", "'x'", "digits"),
    (SOURCES + "segmentations:\n  s: {rfm: [a.time, a.b], bins: {recency: 1500}}\n", "E195", "4:43", "1500 groups", "[100]"),
    (SOURCES + "segmentations:\n  s: {rfm: [a.time, a.b], bins: {monetary: 4}, cells: {Best: 5/5/5}}\n", "E195", "4:62",
     "a monetary score that does not exist: there are 4 groups", "1 to 4"),
    (SOURCES + "segmentations:\n  s: {rfm: [a.time, a.b], bins: {monetary: 9}, cells: {Best: 6/5/9}}\n", "E195", "4:62",
     "a recency score that does not exist: there are 5 groups", "1 to 5"),
    (SOURCES + "segmentations:\n  s: {a: otherwise}\n", "E194", "4:6", "stands alone", "a rule above it"),
    (SOURCES + "segmentations:\n  s: {rfm: [a.time, a.b], bins: {recensy: 3}}\n", "E186", "4:34", "'recensy'", "recency"),
    (SOURCES + "segmentations:\n  s: {rfm: [a.time, a.b], cells: {Best: 6/5/5}}\n", "E195", "4:41", "there are 5 groups", "1 to 5"),
    (SOURCES + "segmentations:\n  s: {rfm: [a.time, a.b], cells: {Best: 5/5}}\n", "E195", "4:41", "'5/5'", "three parts"),
    (SOURCES + "segmentations:\n  s: {rfm: [a.time, a.b], cells: {Best: 5-1/5/5}}\n", "E195", "4:41", "'5-1/5/5'", ""),
    (SOURCES + "segmentations:\n  s: {rfm: [], cells: {Best: 5/5/5}}\n", "E187", "4:12", "needs arguments", "order.time"),
    (SOURCES + "segmentations:\n  s: {percentile: a, bins: 3}\n", "E186", "4:22", "'bins'", ""),
    (SOURCES + "lists: {x: [1, 2]}\n", "E188", "3:12", "a list", "path"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "code", "place", "message", "hint"), BAD, ids=[f"{b[1]} {b[0].replace(SOURCES, '')[:50]!r}" for b in BAD]
)
def test_what_is_wrong_is_said_at_its_place(text, code, place, message, hint):
    errors = errors_of(text)
    assert len(errors) == 1, [str(e) for e in errors]
    (error,) = errors
    assert error.code == code, str(error)
    assert error.place is not None
    assert f"{error.place.line}:{error.place.column}" == place, str(error)
    assert message in error.message
    assert hint in (error.hint or "")
    assert error.hint


def test_codes_of_the_table_are_all_of_the_file():
    codes = {b[1] for b in BAD}
    assert codes >= {f"E{n}" for n in (184, 185, 186, 187, 188, 189, 190, 191, 192, 193, 194, 195, 196)}


def test_all_mistakes_are_said_at_once_in_the_order_of_the_file():
    text = (
        "projct: x\nsources:\n  order: {path: o.csv, tme: t, customer: c}\n"
        "  visit: {path: v.csv, customer: c, time: t, fold: {a: b}}\n"
        "traits:\n  and: x\n  y: name = 'C #1'\nsegments:\n  z: &a b\n  w: {about: x}\n  w: c\n"
    )
    with pytest.raises(DefinitionErrors) as raised:
        read_project(text)
    found = [(e.code, e.place.line) for e in raised.value.errors if e.place]
    assert found == sorted(found, key=lambda f: f[1])
    assert {
        ("E186", 1),
        ("E186", 3),
        ("E188", 4),
        ("E191", 6),
        ("E185", 7),
        ("E183", 9),
        ("E187", 10),
        ("E184", 11),
    } <= set(found)
    for error in raised.value.errors:
        assert str(error) in str(raised.value)


def test_one_mistake_is_said_once():
    errors = errors_of("sources:\n  order: {path: o, customer: c, tme: t, where: x != 'a, b'}\n")
    assert [e.code for e in errors] == ["E186", "E185"]


def test_load_from_a_folder_a_file_and_nowhere(tmp_path: Path):
    (tmp_path / "coterie.yaml").write_bytes(b"\xef\xbb\xbf" + FIRST_PAGE.replace("\n", "\r\n").encode())
    by_folder, by_file = load(tmp_path), load(str(tmp_path / "coterie.yaml"))
    assert isinstance(by_folder, Project)
    assert by_folder == by_file
    assert by_folder.folder == tmp_path
    assert by_folder.segments["vip"].place.line == 23
    for path in (tmp_path / "nothing", tmp_path / "nothing" / "coterie.yaml"):
        with pytest.raises(DefinitionError) as error:
            load(path)
        assert error.value.code == "E180"
        assert "coterie init" in (error.value.hint or "")
    other = tmp_path / "other"
    other.mkdir()
    (other / "coterie.yml").write_text(FIRST_PAGE)
    with pytest.raises(DefinitionError) as error:
        load(other)
    assert "coterie.yml" in (error.value.hint or "")
    assert load(other / "coterie.yml").name == "acme"


def test_the_project_takes_its_folders_name(tmp_path: Path, monkeypatch):
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "coterie.yaml").write_text(SOURCES)
    assert load(folder).name == "shop"
    monkeypatch.chdir(folder)
    project = load(".")
    assert project.name == "shop"
    assert str(project.sources["order"].place) == "coterie.yaml:2:3"


def test_a_file_that_is_no_text(tmp_path: Path):
    file = tmp_path / "coterie.yaml"
    for data, code in (
        (b"a: \xff\xfe\xfa", "E180"),
        ("a: b".encode("utf-16"), "E180"),
        (b"a: b\x00", "E180"),
        (b"PK\x03\x04\x14\x00\x00", "E180"),
    ):
        file.write_bytes(data)
        with pytest.raises(DefinitionError) as error:
            load(file)
        assert error.value.code == code
    with file.open("wb") as big:
        big.truncate(5_000_000_000)
    with pytest.raises(DefinitionError) as error:
        load(file)
    assert error.value.code == "E181"


PIECES = [
    "  ",
    "\n",
    "\n  ",
    "\n    ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "'",
    '"',
    "#",
    " #",
    "*a",
    "&a",
    "!x",
    "|",
    ">",
    "- ",
    "otherwise",
    "\t",
    "é",
    "<<",
    "?",
]


@settings(max_examples=max(60, settings().max_examples // 2))
@given(st.data())
def test_a_damaged_file_is_read_or_refused_and_nothing_else(data):
    """Pieces of YAML's syntax put anywhere, and stretches taken out, never raise anything but our errors."""
    text = data.draw(st.sampled_from([EVERY_KEY, FIRST_PAGE]))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        gone = data.draw(st.integers(0, 12))
        text = text[:at] + data.draw(st.sampled_from(PIECES)) + text[at + gone :]
    try:
        read_project(text)
    except CoterieError as error:
        assert str(error)  # noqa: PT017 - whatever it is, it can be shown
        read = error.errors if isinstance(error, DefinitionErrors) else (error,)
        lines = text.count("\n") + 1
        assert all(e.place is not None and e.place.line <= lines and e.hint for e in read)


def test_odd_names_stay_inert():
    """A name is data: whatever it holds, it is kept as it is and nothing else happens."""
    names = ['"; drop table', "'; drop table x; --", "${HOME}", "{{7*7}}", "__class__", "../../etc/passwd", "%s%n", "<script>"]
    quoted = "\n".join("  '" + n.replace("'", "''") + "': a > 1" for n in names)
    project = read_project(SOURCES + "segments:\n" + quoted + "\n")
    assert list(project.segments) == names
    assert not read_document(SOURCES + "segments:\n" + quoted + "\n").errors
