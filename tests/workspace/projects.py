"""Project files for tests: the one that the documentation starts with, one with every key, and random ones."""

from hypothesis import strategies as st

FIRST_PAGE = """\
# coterie.yaml
project: acme
timezone: Europe/London
currency: GBP
as_of: now                     # or: latest event (a finished data set), or a date

sources:
  customers: {path: customers.csv, id: customer_id, constant: [birth_date], since: signup_date}
  order:     {path: orders.parquet, customer: customer_id, time: ordered_at, id: order_id, columns: {amount: total, category: dept}}
  page_view: {path: visits/*.jsonl, customer: user_id, time: ts, complete_from: 2025-01-01}

traits:
  orders_90d:         count(order within 90 days)
  revenue:            sum(order.amount)
  last_order:         last(order.time)
  favourite_category: most_common(order.category)
  days_quiet:         days_since(last_order)
  average_order:      avg(order.amount)
  next_90d:           lifetime_value(order.amount, 90 days)          # a fitted trait
  likely_to_lapse:    predict(not exists(order within next 60 days)) # a fitted trait

segments:
  vip:
    where: revenue >= 1000 and last_order within 60 days
    about: Big spenders who bought lately
    goal: {metric: avg(revenue), change: +5%, per: quarter}
  cart_abandoner: sequence(cart_added, not order within 24 hours) within 3 days
  german_vip:     vip and country = 'DE'          # a segment is a boolean column: just name it
  big_tenth:      percentile(revenue) >= 0.9

segmentations:                                     # each customer gets at most one label
  value:     rfm(order.time, order.amount)
  lifestyle: clusters(age, income, orders_90d, favourite_category)
  lifecycle:
    prospect: count(order) = 0
    new:      first(order.time) within 30 days
    active:   orders_90d > 0
    lapsed:   otherwise                            # first match wins
"""

EVERY_KEY = """\
project: everything
version: 1
timezone: Europe/Berlin
currency: EUR
as_of: 2026-01-31T18:00+01:00
population: customers
engine: duckdb
locale: de-DE
goal: keep them
about: every key there is
owner: crm
tags: [a, b]
was: nothing
purpose: marketing
sources:
  customers:
    path: customers.xlsx
    sheet: people
    kind: excel
    id: id
    account: company
    since: registered
    valid_from: 2024-01-01
    constant: [born]
    columns: {age_now: 2026 - birth_year}
    where: not (id starts with 'test')
    timezone: UTC
    updated_at: changed
    deleted: gone
    fold: [email]
    currency: {income: EUR}
    personal: [email]
    sensitive: [health]
    purpose: [email, post]
    about: the people
    owner: crm
    tags: x
    was: [clients]
    options:
      delimiter: ';'
      encoding: cp1252
      header: 3
      decimal: ','
      dates: dmy
      types: {zip: text}
      missing: [N/A, '-']
      skip_total_rows: false
  accounts: {url: 'postgresql://${USER}:${PASSWORD}@host/crm', table: companies, id: id}
  places: {path: places.csv, id: postcode, lookup: postcode}
  orders:
    url: sqlite:///shop.db
    query: select * from orders
    customer: who
    time: at
    id: nr
    lines: {id: order, sum: [amount]}
    covers: email is known
    complete_from: 2025-01-01
    complete_to: 2025-12-31
    currency: EUR
  visits: {path: visits/, customer: who, time: at, lines: visit, sum: seconds}
lists:
  friends: lists/friends.csv
traits:
  plain: count(orders)
  long: {value: sum(orders.amount), about: money, currency: EUR, refit: monthly, missing: 'zero', personal: true,
         sensitive: false, owner: me, tags: [money], was: revenue, purpose: all}
  scores:
    rfm: [orders.time, orders.amount]
    bins: {recency: [115, 181.5, 297, 482], frequency: [4, 9], monetary: [256]}
    cells: {Champions: 5/3/2, At Risk: [1-2/2-3/1-2, '3/1/1']}
    refit: monthly
    about: scores
  tenth: {percentile: plain, by: country, refit: never}
segments:
  short: plain > 3
  long_one:
    where: plain > 3
    about: |
      Two
      lines
    goal: {metric: avg(plain), change: +5%, per: quarter}
    owner: me
    was: [old]
    tags: [x]
    examples: {in: [17850], out: [12346]}
    expect: [size between 100 and 200, change below 20%]
    include: [17850, {list: friends, reason: r}]
    exclude:
    - ids: [17850.0, "9"]
      author: Ann
      until: 2026-12-31
    max_change: 20%
    channel: [email]
    missing: out
    covers: all
    purpose: marketing
    personal: false
    sensitive: false
  "; drop table": plain > 4
  'quote"s': plain > 5
segmentations:
  called: rfm(orders.time, orders.amount)
  fitted: {rfm: [orders.time, orders.amount], bins: {recency: 3, monetary: [5, 9]}, cells: {Best: 3/5/3}, about: best, goal: more}
  guessed: {predict: [not exists(orders within next 60 days), plain, long]}
  labelled:
    labels:
      At Risk: plain = 0
      about: plain = 1
      rest: otherwise
    about: with labels
    examples: {rest: [5]}
    expect: share of rest above 50%
    max_change: 5%
    channel: post
    missing: rest
    goal: less
  short_one:
    low: plain < 3
    high: plain >= 3
"""

_NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True).filter(
    lambda n: (
        n not in ("and", "or", "not", "true", "false", "case", "when", "then", "else", "end", "is", "in")
        and n not in ("between", "missing", "known", "otherwise", "null", "as_of", "customers", "accounts")
    )
)
_ODD_NAMES = st.sampled_from(
    ["; drop table", "Größe", "two words", "a: b", "a #b", "'quoted'", '"double"', "{x}", "- x", "1st", "no", "x'y", "*", "?"]
)
NAMES = st.one_of(_NAMES, _NAMES, _NAMES, _ODD_NAMES)
EXPRESSIONS = st.sampled_from(
    [
        "revenue > 5",
        "revenue   >5 AND  country='DE'",
        "country in ('DE', 'FR')",
        "name = 'C #1'",
        "name = 'k: v'",
        "'DE' = country",
        '"Order Completed" > 1',
        "-x > 3",
        "not (a or b)",
        "count(order where (shipped within 3 days) within 90 days) > 2",
        "case when a > 1 then 'x, y' when b between 1 and 2 and c then 'y' else 'z' end",
        "name = '{z}'",
        "this is, no expression",
        "a > 1 or b > 2 or c between 3 and 4",
        "name = 'it''s'",
        "name = 'say \"hi\"'",
        " and ".join(f"column_number_{n} > {n}" for n in range(12)),
        " or ".join(f"column_number_{n} between {n} and 9" for n in range(12)),
    ]
)
TEXTS = st.one_of(
    st.sampled_from(
        [
            "plain words",
            "with: colon",
            "with #hash",
            "hash # inside",
            "# leads",
            "it's",
            'say "hi"',
            "both ' and \"",
            "null",
            "~",
            "- dash",
            "two\nlines",
            "three\n\n  indented\nlines: #x",
            "ends with:",
            "{brace}",
            "comma, here",
            "back\\slash",
            "tab\tinside",
            "word " * 40 + "end",
            "*",
            "5",
            "true",
            "ünï 𝕏",
        ]
    ),
    st.text(
        st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="\ufeff\ufffe\uffff"),
        min_size=1,
        max_size=30,
    )
    .map(str.strip)
    .filter(bool),
)
COMMENTS = st.sampled_from(["# why", "#x", "# it's: {a}, 'b"])


class Render:
    """Writes a project (plain maps, lists and texts) as YAML in a random way."""

    def __init__(self, draw):
        self.draw = draw
        self.comments: list[str] = []

    def chance(self, one_in: int) -> bool:
        return self.draw(st.integers(0, one_in - 1)) == 0

    def comment(self) -> str:
        comment = f"{self.draw(COMMENTS)} {len(self.comments)}"
        self.comments.append(comment)
        return comment

    def alone(self, indent: int) -> list[str]:
        """Blank lines and comments between two entries."""
        lines = [""] if self.chance(6) else []
        if self.chance(5):
            lines.append(" " * indent + self.comment())
            lines += [""] if self.chance(5) else []
        return lines

    def behind(self) -> str:
        return f"  {self.comment()}" if self.chance(6) else ""

    def one_line(self, text: str) -> str:
        """A text in quotes, or plain where that is surely possible."""
        safe = text.replace("_", "").replace(" ", "").isalnum() and text.isascii() and text == text.strip() and "  " not in text
        if safe and text != "null" and not self.chance(4):
            return text
        if "\n" in text or "\t" in text or self.chance(2):
            return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") + '"'
        return "'" + text.replace("'", "''") + "'"

    def flow(self, value) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{self.one_line(k)}: {self.flow(v)}" for k, v in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(self.flow(v) for v in value) + "]"
        return self.one_line(value)

    def value(self, head: str, value, indent: int) -> list[str]:
        if isinstance(value, str):
            blockable = "\t" not in value and not value.startswith(" ")
            if blockable and self.chance(4):
                lines = value.split("\n")
                return [f"{head} |{self.behind()}", *(" " * (indent + 3) + line if line else "" for line in lines)]
            return [f"{head} {self.one_line(value)}{self.behind()}"]
        if not value or self.chance(3):
            return [f"{head} {self.flow(value)}{self.behind()}"]
        step = self.draw(st.integers(1, 4))
        if isinstance(value, dict):
            return [head + self.behind(), *self.map(value, indent + step)]
        out = [head + self.behind()]
        for item in value:
            out += self.alone(indent + step)
            if isinstance(item, str):
                out += self.value(" " * (indent + step) + "-", item, indent + step)
            else:
                out.append(" " * (indent + step) + "- " + self.flow(item) + self.behind())
        return out

    def map(self, value: dict, indent: int) -> list[str]:
        out: list[str] = []
        for key, inner in value.items():
            out += self.alone(indent)
            out += self.value(" " * indent + self.one_line(key) + ":", inner, indent)
        if self.chance(6):
            out.append(" " * indent + self.comment())
        return out


@st.composite
def projects(draw) -> dict:
    """A project as plain maps, lists and texts."""
    maybe = lambda strategy: draw(st.one_of(st.none(), strategy))  # noqa: E731
    kept = lambda d: {k: v for k, v in d.items() if v is not None}  # noqa: E731
    names = draw(st.lists(NAMES, min_size=4, max_size=12, unique_by=lambda n: n.casefold()))
    kinds = draw(st.lists(_NAMES.filter(lambda n: not n.endswith("_line")), min_size=1, max_size=3, unique=True))
    sources = {
        kind: kept(
            {
                "path": draw(TEXTS),
                "customer": "who",
                "time": "at",
                "id": maybe(TEXTS),
                "where": maybe(EXPRESSIONS),
                "columns": maybe(st.dictionaries(_NAMES, EXPRESSIONS, min_size=1, max_size=3)),
                "about": maybe(TEXTS),
                "fold": maybe(st.lists(_NAMES, min_size=1, max_size=3)),
                "options": maybe(st.fixed_dictionaries({"delimiter": st.sampled_from([";", "\t", " ", ","])})),
            }
        )
        for kind in kinds
    }
    third = max(1, len(names) // 3)
    segment = st.one_of(
        EXPRESSIONS,
        st.fixed_dictionaries(
            {"where": EXPRESSIONS},
            optional={
                "about": TEXTS,
                "tags": st.lists(TEXTS, min_size=1, max_size=3),
                "goal": st.fixed_dictionaries({"metric": EXPRESSIONS, "change": st.just("+5%")}),
                "examples": st.fixed_dictionaries({"in": st.lists(TEXTS, max_size=2)}),
            },
        ),
    )
    trait = st.one_of(
        EXPRESSIONS,
        st.fixed_dictionaries({"value": EXPRESSIONS}, optional={"about": TEXTS, "owner": TEXTS}),
        st.fixed_dictionaries(
            {"rfm": st.just(["order.time", "order.amount"])},
            optional={
                "bins": st.sampled_from(["5", {"monetary": "5", "recency": ["1", "2.5", "30", "40"]}]),
                "cells": st.dictionaries(TEXTS.filter(lambda t: "\n" not in t), st.just("1-2/3/4-5"), max_size=2),
            },
        ),
    )
    label = TEXTS.filter(lambda t: "\n" not in t)
    labels = st.dictionaries(label, EXPRESSIONS, min_size=1, max_size=3)
    long = st.fixed_dictionaries({"labels": labels}, optional={"about": TEXTS})
    project = {
        "segmentations": {n: draw(long) for n in names[2 * third :]},
        "project": draw(TEXTS),
        "timezone": draw(st.sampled_from(["Europe/London", "UTC"])),
        "segments": {n: draw(segment) for n in names[third : 2 * third]},
        "about": maybe(TEXTS),
        "sources": sources,
        "traits": {n: draw(trait) for n in names[:third]},
        "lists": maybe(st.dictionaries(_NAMES, TEXTS, min_size=1, max_size=2)),
    }
    return kept(project)


@st.composite
def written_projects(draw) -> tuple[dict, str, list[str]]:
    """A project, a text of it, and the comments in that text."""
    project = draw(projects())
    render = Render(draw)
    text = "\n".join(render.map(project, 0)) + "\n"
    return project, text, render.comments
