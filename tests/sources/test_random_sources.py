"""Random files over three runs against a plain reading of the rules: every event, every attribute, every count."""

import hashlib
import random
import shutil
from collections import Counter
from datetime import datetime, timedelta

import pytest

from tests.sources.gathering import FIRST, SECOND, THIRD, Project, source, table_bytes

RUNS = (FIRST, SECOND, THIRD)
CUSTOMERS = ["a", "b", "c", " d ", "7", "7.0", "", "é"]
HEAD = "order_id,who,at,total,dept,void"


def one_row(draw: random.Random) -> dict[str, str]:
    day = datetime(2026, 1, 1) + timedelta(days=draw.randrange(5), hours=draw.choice([0, 0, 9]))
    return {
        "order_id": draw.choice([*map(str, range(8)), ""]),
        "who": draw.choice(CUSTOMERS),
        "at": draw.choice([f"{day:%Y-%m-%d %H:%M:%S}"] * 9 + ["", "1950-01-01 00:00:00"]),
        "total": draw.choice(["-1", "0", "1", "2", ""]),
        "dept": draw.choice(["x", "y", ""]),
        "void": draw.choice(["no"] * 8 + ["yes"]),
    }


def text_of(row: dict[str, str]) -> str:
    return ",".join(row[name] for name in HEAD.split(","))


def the_id(text: str) -> str | None:
    return text.strip().removesuffix(".0") or None


def content_of(row: dict[str, str], with_id: bool) -> str:
    columns = ["dept", "total"] if with_id else ["dept", "order_id", "total"]
    told = [the_id(row["who"]), row["at"] or None, *(row[c] or None for c in columns)]
    return hashlib.md5("\x1f".join("\0" if v is None else v for v in told).encode()).hexdigest()[:20]


def expected(files: list[tuple[str, datetime, list[dict[str, str]]]], with_id: bool) -> tuple[Counter, Counter]:
    """The events that count, and how many rows met which fate, by the rules of LANGUAGE.md section 0."""
    fates: Counter = Counter()
    candidates = []
    for number, (_, _, rows) in enumerate(sorted(files, key=lambda f: (f[1], f[0]))):
        for line, row in enumerate(rows):
            gone = row["void"] == "yes"
            if not gone:
                if row["total"] == "":
                    fates["undecided"] += 1
                    continue
                if int(row["total"]) < 0:
                    fates["left_out"] += 1
                    continue
                if the_id(row["who"]) is None:
                    fates["without_customer"] += 1
                    continue
                if row["at"] == "" or row["at"].startswith("1950"):
                    fates["quarantined"] += 1
                    continue
            content = content_of(row, with_id)
            given = row["order_id"] or None if with_id else None
            if gone and given is None:
                fates["deleted"] += 1
                continue
            candidates.append((given or content, number, row["at"], content, line, row, gone, given))
    kept: Counter = Counter()
    by_id: dict[str, list] = {}
    for c in candidates:
        by_id.setdefault(c[0], []).append(c)
    for key, group in by_id.items():
        if group[0][7] is None:  # no id: as many as the file with most has
            per_file = Counter(c[1] for c in group)
            most = max(per_file.values())
            fates["overlaps"] += len(group) - most
            row = group[0][5]
            for n in range(1, most + 1):
                kept[(key if n == 1 else f"{key}-{n}", the_id(row["who"]), row["at"], row["total"], row["dept"])] += 1
            continue
        # the newest file, then the latest time, then the greatest content, then the first line
        winner = max(group, key=lambda c: (c[1], c[2] != "", c[2], c[3], -c[4]))
        for c in group:
            if c is winner:
                continue
            fates["deleted" if winner[6] else "duplicates" if c[3] == winner[3] else "conflicts"] += 1
        if winner[6]:
            fates["deleted"] += 1
        else:
            row = winner[5]
            kept[(key, the_id(row["who"]), row["at"], row["total"], row["dept"])] += 1
    return kept, fates


@pytest.mark.parametrize("seed", range(10))
def test_events_of_a_growing_folder(tmp_path, seed):
    draw = random.Random(seed)
    with_id = seed % 2 == 0
    fields = {"id": "order_id"} if with_id else {}
    order = source("order", path="days/*.csv", customer="who", time="at", where="total >= 0", deleted="void", **fields)
    project = Project(tmp_path, order)
    files: list[tuple[str, datetime, list[dict[str, str]]]] = []
    pool = [one_row(draw) for _ in range(30)]
    gathered = None
    for run in RUNS:
        for _ in range(draw.randrange(1, 3)):
            rows = [draw.choice(pool) if draw.random() < 0.5 else one_row(draw) for _ in range(draw.randrange(5, 25))]
            rows.append({**one_row(draw), "void": "no", "total": "1", "at": "2026-01-01 00:00:00", "dept": "x"})
            name = f"{draw.randrange(1000):03d}.csv"
            if any(f[0] == name for f in files):
                continue
            files.append((name, run, rows))
            project.write(f"days/{name}", HEAD, *(text_of(row) for row in rows))
        gathered = project.gather(run)
        kept, fates = expected(files, with_id)
        columns = ("id", "customer", "time", "total", "dept")
        found = Counter((i, c, str(t), str(n), d or "") for i, c, t, n, d in project.events(gathered, "order", *columns))
        assert found == kept
        report = gathered.sources["order"]
        told = {name: getattr(report, name) for name in fates}
        assert told == dict(fates)
        others = ["kept", "quarantined", "left_out", "undecided", "without_customer", "strangers"]
        others += ["duplicates", "conflicts", "overlaps", "deleted"]
        assert report.rows == sum(getattr(report, name) for name in others)
    assert gathered is not None
    before = table_bytes(gathered)
    shutil.rmtree(project.stores.cache)
    assert table_bytes(project.gather(THIRD)) == before


@pytest.mark.parametrize("seed", range(6))
def test_attributes_of_a_changing_snapshot(tmp_path, seed):
    draw = random.Random(seed)
    project = Project(
        tmp_path,
        source("customers", path="c.csv", id="id", constant=["born"]),
        source("order", path="o.csv", customer="who", time="at"),
    )
    buyers = draw.sample("abcdefgh", 3)
    project.write("o.csv", "who,at", *(f"{who},2025-06-01" for who in buyers))
    snapshots: list[dict[str, tuple[str, str]]] = []
    born = {who: str(draw.randrange(1950, 2010)) for who in "abcdefgh"}
    gathered = None
    for run in RUNS:
        listed = draw.sample("abcdefgh", draw.randrange(2, 7))
        snapshots.append({who: (draw.choice(["Rome", "Oslo", "Bern"]), born[who]) for who in listed})
        project.write("c.csv", "id,city,born", *(f"{who},{city},{year}" for who, (city, year) in snapshots[-1].items()))
        gathered = project.gather(run)
    assert gathered is not None
    ever = {who for snapshot in snapshots for who in snapshot}
    for as_of in (datetime(2025, 6, 1), *RUNS, SECOND - timedelta(microseconds=1), THIRD + timedelta(days=9)):
        number = sum(run <= as_of for run in RUNS) - 1
        now = snapshots[number] if number >= 0 else {}
        rows = []
        for who in sorted(ever | set(buyers)):
            was_there = any(who in s for s in snapshots[: number + 1])
            if who in buyers or who in now or not was_there:
                rows.append((who, now[who][0] if who in now else None, int(born[who]) if who in ever else None))
        assert project.customers(gathered, "customer", "city", "born", as_of=as_of) == rows
