"""What can be expected of customers: models, where enough of them came back over enough time to learn from.

A lifetime value, a prediction of buying again from a few traits that are quick to make, groups by how they buy, and what they
are interested in. Each comes with a comment; each is left out by removing its line.
"""

from coterie.language.names import written
from coterie.workspace.drafting.proposer import Proposer

REPEATERS = 100
"""Customers who came back, without whom nothing is proposed."""
BUYERS = 300
"""Customers without whom no groups are looked for."""
YEAR, HALF = 365, 180
"""Days ahead for which a value is told; there must be as many behind."""
WINDOWS = 4
"""So many times the days of a prediction there must be behind."""
GROUP = "What can be expected of them"
MONTHLY = "learned at the first run and again each month; `coterie models` tells how good it is"


def expected(p: Proposer) -> None:
    kind, rhythm = p.buys, p.rhythm
    if kind is None or rhythm is None or kind.name == "won" or rhythm.repeaters < REPEATERS or rhythm.span < HALF:
        return
    order, money = written(kind.name), kind.amount
    if money is not None:
        days, name = (YEAR, "next_year") if rhythm.span >= YEAR else (HALF, "next_half_year")
        p.trait(
            name,
            f"lifetime_value({order}.{written(money)}, {days} days)",
            GROUP,
            f"What each is expected to spend in the next {days} days: a model, {MONTHLY}. {name}.low and {name}.high are what it "
            f"lies between in 9 of 10 cases, {name}.probability_alive is how probably they are still customers.",
        )
    ahead = rhythm.active
    features = [p.named[f] for f in _features(rhythm.window) if f in p.named]
    if rhythm.span >= WINDOWS * ahead and len(features) >= 2:
        likely = p.trait(
            "likely_to_buy",
            f"predict(exists({order} within next {ahead} days) from {', '.join(features)})",
            GROUP,
            f"How probably each orders in the next {ahead} days (in which 80 % of those who come back do): a model as well. "
            "Without `from` it looks for more by itself, which takes longer. likely_to_buy.tenth is 10 for the tenth it is "
            "likeliest of.",
        )
        p.segment(
            "about_to_buy",
            f"{likely}.tenth >= 9",
            f"Among those most likely to order in the next {ahead} days.",
            GROUP,
        )
        if "revenue" in p.named:
            p.segment(
                "worth_winning_back",
                f"percentile({p.named['revenue']}) >= 0.8 and {likely}.tenth <= 5",
                f"Among the fifth with the highest revenue, and among those less likely to order in the next {ahead} days.",
                GROUP,
            )
    if "category" in kind.columns:
        rows = f"{written(kind.line or kind.name)}.{written(kind.columns['category'])}"
        p.trait(
            "interest",
            f"affinity({rows} half life {max(30, ahead)} days)",
            GROUP,
            "The category of most interest now: what they bought counts half as much each time so many days go by.",
        )


def groups(p: Proposer) -> None:
    """Groups by how they buy; comes after the segmentations with rules."""
    kind, rhythm = p.buys, p.rhythm
    if kind is None or rhythm is None or rhythm.buyers < BUYERS or rhythm.repeaters < REPEATERS:
        return
    noun = "deal" if kind.name == "won" else "order"
    wanted = (
        f"{noun}s" if noun == "order" else "deals_won",
        f"average_{noun}",
        "average_basket",
        "days_quiet",
        "products_bought",
        "categories_bought",
        "discount_share",
    )
    columns = [p.named[name] for name in wanted if name in p.named]
    if len(columns) < 3:
        return
    p.segmentation(
        "buying_style",
        "",
        call=f"clusters({', '.join(columns)})",
        note="Groups of customers who buy alike, found by a model; how many there are is found too, and their names are made of "
        "what sets them apart. `coterie persona buying_style` tells who they are.",
    )


def _features(window: int) -> tuple[str, ...]:
    return (
        "days_quiet",
        "orders",
        f"orders_{window}d",
        "days_between_orders",
        f"revenue_{window}d",
        "average_order",
        "products_bought",
        "discount_share",
    )
