"""Figures for whoever watches the service, as Prometheus reads them. Nothing of any customer is in them."""

from collections.abc import Iterable

from coterie.live.webhooks import Endpoint
from coterie.live.writer import Standing

Row = tuple[str, str, str, Iterable[tuple[str, float]]]
"""Name, kind, words, and values by label."""


def text(standing: Standing, lag: float | None, served: int, refused: int, streams: int, endpoints: Iterable[Endpoint]) -> str:
    """The figures.

    Args:
        standing: of the writer; `lag`: seconds that the oldest event waits to be applied, None where none waits.
        served, refused: requests of the API that were let through, and that were not.
    """
    s, hooks = standing, list(endpoints)
    items = [
        (o, float(n))
        for o, n in (("stored", s.stored), ("duplicate", s.duplicates), ("conflict", s.conflicts), ("quarantined", s.quarantined))
    ]
    rows: list[Row] = [
        ("log_position", "gauge", "The position of the last event that was accepted.", [("", s.position)]),
        ("log_applied", "gauge", "The position up to which events are applied.", [("", s.applied)]),
        ("log_behind", "gauge", "Events that wait to be applied.", [("", s.position - s.applied)]),
        ("apply_sustained", "gauge", "Events a second that can be applied, by what the last ones took.", [("", s.sustains)]),
        ("log_behind_seconds", "gauge", "How long the oldest of them has waited.", [("", lag or 0.0)]),
        (
            "ingest_items_total",
            "counter",
            "Items since the start, by what became of them.",
            [(f'outcome="{o}"', n) for o, n in items],
        ),
        ("ingest_waiting", "gauge", "Requests that wait to be written.", [("", s.waiting)]),
        ("writer_failed", "gauge", "1 where the log cannot be written any more.", [("", float(bool(s.failed)))]),
        ("disk_full", "gauge", "1 where the disk has no room for events.", [("", float(s.full))]),
        ("api_requests_total", "counter", "Requests of the API.", [('let="in"', served), ('let="not in"', refused)]),
        ("api_streams", "gauge", "Streams that are open.", [("", streams)]),
        ("webhook_waiting", "gauge", "Messages that wait, by webhook.", [(f'webhook="{e.id}"', e.waiting) for e in hooks]),
        ("webhook_sent_total", "counter", "Messages that were taken.", [(f'webhook="{e.id}"', e.sent) for e in hooks]),
        ("webhook_given_up_total", "counter", "Messages that were given up.", [(f'webhook="{e.id}"', e.lost) for e in hooks]),
        (
            "webhook_disabled",
            "gauge",
            "1 where nothing is sent.",
            [(f'webhook="{e.id}"', float(e.disabled is not None)) for e in hooks],
        ),
    ]
    lines: list[str] = []
    for name, kind, words, values in rows:
        lines += [f"# HELP coterie_{name} {words}", f"# TYPE coterie_{name} {kind}"]
        lines += [f"coterie_{name}{{{label}}} {value:g}" if label else f"coterie_{name} {value:.15g}" for label, value in values]
    return "\n".join(lines) + "\n"
