"""The business of the benchmarks as a service has it: its project with sources that are live, run once."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import coterie
from benchmarks.business import SOURCES, TRAITS, business, rules
from coterie.workspace.workspace import Workspace

LIVE = SOURCES.replace("id: customer_id,", "id: customer_id, live: identify,").replace(
    "time: time}", "time: time, live: Order Completed}"
)
LIVE = LIVE.replace("as_of: 2026-09-30\n", "as_of: now\n")


def served(folder: Path, events: int, customers: int, segments: int = 50) -> Workspace:
    """A project folder of so many customers and events with 29 traits and 50 segments, run, with an empty log."""
    made = business(folder, events, customers)
    here = made.folder.with_name(f"{made.folder.name}-live")
    here.mkdir(exist_ok=True)
    for file in ("customers.parquet", "orders.parquet"):
        if not (here / file).exists():
            (here / file).symlink_to((made.folder / file).resolve())
    lines = [LIVE, "traits:", *(f"  {n}: {t}" for n, t in TRAITS.items())]
    lines += ["segments:", *(f"  {n}: {rule}" for n, (rule, _) in rules(segments).items())]
    (here / "coterie.yaml").write_text("\n".join(lines) + "\n")
    shutil.rmtree(here / ".coterie" / "record" / "live", ignore_errors=True)
    space = coterie.open(here)
    today = datetime.now(UTC).replace(tzinfo=None)
    if not space.store.generations() or today - space.results.made.as_of > timedelta(hours=20):
        space.run()
    return space
