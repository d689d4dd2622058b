"""What people look at, read, answer and ask: visits, e-mails, surveys, support."""

import numpy as np

from coterie.language.names import written
from coterie.language.types import BOOLEAN, TEXT
from coterie.workspace.drafting.buying import buying
from coterie.workspace.drafting.proposer import Proposer


def looked(p: Proposer) -> None:
    activity, view = p.sources.kind("activity"), p.sources.kind("view")
    seen = view or activity
    group, behaviour = "What they do on the web site", "Behaviour"
    first = p.sources.kind("deal")
    if first is not None:
        d = written(first.name)
        p.trait("opportunities", f"count({d})", "What they were offered")
        if "deals_won" in p.named:
            won = p.named["deals_won"]
            lost = p.sources.kind("lost")
            if lost is not None:
                count = p.trait("deals_lost", f"count({written(lost.name)})", "What they were offered")
                rate = p.trait("win_rate", f"{won} / ({won} + {count})", "What they were offered")
                p.segment(
                    "easy_to_win",
                    f"{won} + {count} >= 5 and percentile({rate}) >= 0.8",
                    "Five closed deals or more, and a share won that is among the highest fifth.",
                    "Behaviour",
                )
            p.segment(
                "open_deals",
                f"{p.named['opportunities']} > {won}" + (f" + {p.named['deals_lost']}" if lost else ""),
                "Have a deal that is neither won nor lost yet.",
                "Activity",
            )
    if seen is None:
        return
    v = written(seen.name)
    rhythm = buying(seen.found, seen.value)
    window = 30 if rhythm.span >= 60 else 7
    views = p.trait(f"views_{window}d" if view is not None else f"visits_{window}d", f"count({v} within {window} days)", group)
    whole = written((activity or seen).name)
    last = p.trait("last_visit", f"last({whole}.time)", group)
    session = (activity or seen).columns.get("session")
    if session is not None:
        p.trait("sessions", f"distinct({whole}.{written(session)})", group)
    page = seen.columns.get("category")
    if page is not None and view is not None:
        p.trait("category_viewed", f"most_common({v}.{written(page)})", group)
    order, cart = p.buys, p.sources.kind("cart")
    if order is not None:
        o = written(order.name)
        p.segment(
            "looks_without_buying",
            f"{last} within {window} days and not exists({o} within {window} days)",
            f"Came by in the last {window} days and did not order.",
            behaviour,
        )
    if cart is not None:
        c = written(cart.name)
        p.trait("cart_adds", f"count({c})", group)
        if order is not None:
            look = 2 * window
            p.segment(
                "cart_abandoners",
                f"sequence({c}, not {written(order.name)} within 24 hours) within {look} days",
                f"Put something into the cart in the last {look} days and did not order within a day.",
                behaviour,
            )
    p.segment(
        "frequent_visitors",
        f"percentile({views}) >= 0.9 and {views} > 0",
        f"The tenth who came by most often in the last {window} days.",
        behaviour,
    )
    if order is None or seen.found is order.found:
        active, cooling = rhythm.active, rhythm.cooling
        p.segment("quiet_visitors", f"not {last} within {active} days", f"Have not been seen for {active} days.", "Activity")
        _ = cooling


def mailed(p: Proposer) -> None:
    sent, opened, clicked = (p.sources.kind(r) for r in ("sent", "opened", "clicked"))
    left = p.sources.kind("unsubscribed")
    group = "What they do with e-mails"
    if sent is not None:
        p.trait("emails_sent", f"count({written(sent.name)})", group)
    if opened is not None:
        name = written(opened.name)
        count = p.trait("emails_opened", f"count({name})", group)
        if sent is not None:
            p.trait("open_rate", f"{count} / {p.named['emails_sent']}", group)
            p.segment(
                "email_readers",
                f"{p.named['emails_sent']} >= 2 and {p.named['open_rate']} >= 0.5",
                "Were sent two e-mails or more, and open at least half of them.",
                "Behaviour",
            )
        else:
            p.segment("email_readers", f"exists({name} within 90 days)", "Opened an e-mail in the last 90 days.", "Behaviour")
    if clicked is not None:
        p.trait("emails_clicked", f"count({written(clicked.name)})", group)
        p.segment(
            "email_clickers",
            f"exists({written(clicked.name)} within 180 days)",
            "Clicked in an e-mail in the last 180 days.",
            "Behaviour",
        )
    consent, email = p.sources.attributes.get("consent"), p.sources.attributes.get("email")
    parts, words = [], []
    if consent is not None:
        condition = p.yes(consent)
        if condition is not None:
            parts.append(condition)
            words.append("agreed")
    if email is not None and p.known.attributes.get(email) == TEXT:
        parts.append(f"{written(email)} is known")
        words.append("have an address")
    if left is not None:
        parts.append(f"not exists({written(left.name)})")
        words.append("did not unsubscribe")
    if (email is not None or consent is not None) and parts:
        about = f"May be written to ({', '.join(words)})."
        if consent is None:
            about = "Have an e-mail address. No column says who agreed to be written to."
        p.segment("reachable_by_email", " and ".join(parts), about, "Who can be reached")


def asked(p: Proposer) -> None:
    group = "What they say"
    survey = p.sources.kind("survey")
    scores: list[tuple[str, str]] = []
    if survey is not None:
        name = written(survey.name)
        scores += [(p.trait(score, f"last({name}.{written(score)})", group), score) for score in survey.scores]
    scores += [(p.trait(score, expression, group), score) for score, expression in p.sources.scores.items()]
    standing: list[tuple[str, str]] = []
    for name, score in scores[:8]:
        items = items_of(p, score)
        p.segment(
            f"high_{score}", f"percentile({name}) >= 0.8", f"The fifth that scores highest on {', '.join(items)}.", "Attitudes"
        )
        if len(scores) > 1:
            label = f"{items[0]} to {items[-1]}" if items else score
            wanted = f"{score.removesuffix('_score')}_standing"
            standing.append((p.trait(wanted, f"percentile({name})", group), label))
    if len(standing) > 1:
        labels: list[tuple[str, str | None]] = []
        for n, (name, label) in enumerate(standing):
            others = ", ".join(other for m, (other, _) in enumerate(standing) if m != n)
            rule = f"{name} >= greatest({others})" if len(standing) > 2 else f"{name} >= {others}"
            labels.append((label, rule if n + 1 < len(standing) else None))
        p.segmentation(
            "attitude",
            "The answers that stand out most against everybody else's. Who did not answer cannot be told.",
            labels=tuple(labels),
            note="Give the labels words of your own once you have read the questions.",
        )


def items_of(p: Proposer, score: str) -> tuple[str, ...]:
    """The questions of a score."""
    return next((s.items for f in p.detection.found for s in f.scales if s.name == score), ())


def helped(p: Proposer) -> None:
    support = p.sources.kind("support")
    if support is None:
        return
    s, group = written(support.name), "What they asked for help with"
    p.trait("support_cases", f"count({s})", group)
    column = support.columns.get("satisfaction")
    if column is not None:
        last = p.trait("last_satisfaction", f"last({s}.{written(column)})", group)
        seen = support.found.file.columns.get(support.found.meaning["satisfaction"])
        if seen is not None and seen.numeric:
            top = seen.range()[1]
            limit = int(np.floor(float(top) * 0.4))
            p.segment("unhappy", f"{last} <= {limit}", f"Gave {limit} of {top} or less the last time they were asked.", "Needs")
    resolved = next((c for c, t in p.known.events.get(support.name, {}).items() if t == BOOLEAN and "resolv" in c.lower()), None)
    if resolved is not None:
        p.segment(
            "waiting_for_help",
            f"exists({s} where not {written(resolved)} within 30 days)",
            "Asked in the last 30 days, and it is not resolved.",
            "Needs",
        )
