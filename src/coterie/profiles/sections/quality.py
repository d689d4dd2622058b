"""How far the numbers can be trusted: what came in, and of how many customers each thing is known."""

from coterie.profiles.charts.bars import Bar, bars
from coterie.profiles.hidden import is_small
from coterie.profiles.page import words
from coterie.profiles.page.parts import Figure, Section, Setting, Table
from coterie.profiles.quality import Coverage, Quality

MOST_BARS = 24


def quality(found: Quality, setting: Setting) -> Section:
    """Warnings first, then what is known of how many, then what became of each source's rows."""
    key, short, question = "quality", "Data quality", "How far can these numbers be trusted?"
    gaps = [c for c in found.coverage if c.known < c.population]
    rows = sum(s.rows for s in found.sources)
    kept = sum(s.kept for s in found.sources)
    if found.warnings:
        n = len(found.warnings)
        answer = (
            f"{n} thing{'s' if n > 1 else ''} to know before you believe them; the gravest: {_sentence(found.warnings[0].sentence)}"
        )
    else:
        answer = f"{kept:,} of {rows:,} rows were used, and nothing in them looks wrong."
    figures = [_coverage(gaps, found, setting)] if gaps else []
    lines = [] if gaps else [f"Everything is known of all {words.customers(setting.population)}."]
    sources = Table(
        "What became of each source's rows",
        (
            ("source", False),
            ("rows", True),
            ("used", True),
            ("set aside as bad", True),
            ("left out by where", True),
            ("without a customer", True),
            ("not in the customers source", True),
            ("repeated", True),
        ),
        tuple(
            (
                s.name,
                f"{s.rows:,}",
                f"{s.kept:,}",
                f"{s.bad:,}",
                f"{s.left_out:,}",
                f"{s.without_customer:,}",
                f"{s.strangers:,}",
                f"{s.identical:,}",
            )
            for s in found.sources
        ),
    )
    folded = []
    if found.notes:
        folded.append(Table("Notes of the run", (("note", False),), tuple((note,) for note in found.notes)))
    data = {
        "coverage": [{"column": c.column, "known": _known(c, setting), "population": c.population} for c in found.coverage],
        "sources": [{"name": s.name, "rows": s.rows, "kept": s.kept, "bad": s.bad} for s in found.sources],
        "warnings": [w.sentence for w in found.warnings],
    }
    return Section(
        key,
        short,
        question,
        answer,
        lines=lines,
        findings=[(_sentence(w.sentence), "") for w in found.warnings[1:]],
        figures=figures,
        tables=[sources],
        folded=folded,
        data=data,
    )


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith(".") else f"{text}."


def _known(c: Coverage, setting: Setting) -> int | None:
    return None if is_small(c.known, setting.k) or is_small(c.population - c.known, setting.k) else c.known


def _words(c: Coverage, setting: Setting) -> str:
    known = _known(c, setting)
    if known is not None:
        return f"{known:,} · {words.percent(c.share)}"
    return f"fewer than {setting.k}" if is_small(c.known, setting.k) else f"all but fewer than {setting.k}"


def _bar(c: Coverage, setting: Setting) -> Bar:
    if _known(c, setting) is not None:
        return Bar(words.plain(c.column), c.share, _words(c, setting), unknown=1 - c.share, short=words.percent(c.share))
    some = 0.0 if is_small(c.known, setting.k) else 1.0
    return Bar(
        words.plain(c.column), some, _words(c, setting), unknown=1 - some, short=f"<{setting.k}" if not some else "nearly all"
    )


def _coverage(gaps: list[Coverage], found: Quality, setting: Setting) -> Figure:
    listed = sorted(gaps, key=lambda c: (c.known, c.column))[:MOST_BARS]
    least = listed[0]
    full = len(found.coverage) - len(gaps)
    finding = f"{words.plain(least.column)} is known of {_words(least, setting).replace(' · ', ' customers, ')}"
    finding += f"; {full} of {len(found.coverage)} traits and attributes are known of everybody." if full else "."
    note = setting.note(None, "Hatched: not known.")
    if len(gaps) > len(listed):
        note += f" The {len(listed)} least known are shown."
    chart = bars(
        [_bar(c, setting) for c in listed],
        title=finding,
        axis="share of customers",
        note=note,
        share=True,
        text_room=170,
    )
    rows = tuple((words.plain(c.column), c.type, _words(c, setting)) for c in found.coverage)
    headings = (("trait or attribute", False), ("kind", False), ("known", True))
    return Figure("coverage", finding, chart, note, Table("Of how many customers each thing is known", headings, rows))
