"""What people bought and gave back: traits and segments from orders, with limits from the rhythm found in them."""

from coterie.language.names import written
from coterie.language.types import TIMESTAMP
from coterie.sources.vocabulary import slug
from coterie.workspace.drafting.proposer import Proposer


def bought(p: Proposer) -> None:
    kind, rhythm = p.buys, p.rhythm
    if kind is None or rhythm is None:
        return
    o, group = written(kind.name), "What they bought"
    deal = kind.name == "won"
    noun = "deal" if deal else "order"
    w, active, cooling = rhythm.window, rhythm.active, rhythm.cooling
    orders = p.trait("deals_won" if deal else "orders", f"count({o})", group)
    p.named["orders"] = orders
    p.trait(f"{noun}s_{w}d", f"count({o} within {w} days)", group)
    revenue = recent = average = None
    if kind.amount is not None:
        a = f"{o}.{written(kind.amount)}"
        revenue = p.trait("revenue", f"sum({a})", group, instead=f"revenue_{slug(kind.name)}")
        recent = p.trait(f"revenue_{w}d", f"sum({a} within {w} days)", group)
        average = p.trait(f"average_{noun}", f"avg({a})", group)
        p.trait(f"biggest_{noun}", f"max({a})", group)
    elif kind.items is not None:
        p.trait("items", f"sum({o}.{kind.items})", group)
        average = p.trait(
            "average_basket", f"avg({o}.{kind.items})", group, "no column holds money, so baskets are counted in things"
        )
    first = p.trait(f"first_{noun}", f"first({o}.time)", group)
    last = p.trait(f"last_{noun}", f"last({o}.time)", group)
    p.named["first_order"], p.named["last_order"] = first, last
    quiet = p.trait("days_quiet", f"days_since({last})", group)
    again = rhythm.once < 0.98
    if again:
        p.trait(f"days_between_{noun}s", f"days_between({first}, {last}) / ({orders} - 1)", group)
    rows = written(kind.line or kind.name)
    column = kind.found.column("category")
    if "category" in kind.columns and column is not None and column.distinct >= 2:
        c = f"{rows}.{written(kind.columns['category'])}"
        favourite = p.trait("favourite_category", f"most_common({c})", group)
        p.trait("categories_bought", f"distinct({c})", group)
        p.top_values(
            favourite,
            column,
            group="What they buy",
            suffix="fans",
            about="{who} who buy {value} more often than anything else.",
            most=1,
            only=f"{orders} > 0",
        )
    if "product" in kind.columns:
        thing = f"{rows}.{written(kind.columns['product'])}"
        p.trait("favourite_product", f"most_common({thing})", group)
        p.trait("products_bought", f"distinct({thing})", group)
    if kind.line is not None and "discount" in kind.columns:
        d = written(kind.columns["discount"])
        p.trait("discount_share", f"share({rows} where {d} > 0)", group)
    stamped = kind.found.file.columns[kind.found.time or ""].type == TIMESTAMP
    weekend = None
    if rhythm.weekend > 0.02 and not p.detection.business:
        weekend = p.trait("weekend_share", f"share({o} where weekday(time) >= 6)", group)

    group = "Value"
    if revenue is not None:
        p.segment(
            "vip",
            f"percentile({revenue}) >= 0.8 and {last} within {active} days",
            f"The fifth with the highest revenue, if they bought in the last {active} days.",
            group,
        )
        p.segment(
            "top_tenth",
            f"percentile({revenue}) >= 0.9",
            f"The tenth of all {p.who.lower()} with the highest revenue.",
            group,
        )
        p.segment(
            "big_baskets",
            f"{orders} >= 1 and percentile({average}) >= 0.9",
            "The tenth of all buyers with the highest average.",
            group,
        )
    group = "Loyalty"
    often = rhythm.often
    p.segment(
        "loyal",
        f"{orders} >= {often} and {last} within {active} days",
        f"{often} {noun}s or more (a fifth of all buyers have as many), the last one in the last {active} days.",
        group,
    )
    if rhythm.once > 0.005:
        p.segment(
            "one_time_buyers",
            f"{orders} = 1",
            f"Have bought exactly once ({100 * rhythm.once:.0f} % of all buyers when this was drafted).",
            group,
        )
    p.segment(
        "new_customers",
        f"{first} within {rhythm.new} days",
        f"Bought for the first time in the last {rhythm.new} days.",
        group,
    )
    if again and rhythm.once > 0.02:
        p.segment(
            "second_order_due",
            f"{orders} = 1 and {first} from {cooling} to {active} days ago",
            f"Bought once, {active} to {cooling} days ago; by now most who come back have come back.",
            group,
        )
    group = "Activity"
    if often > 1:
        p.segment(
            "at_risk",
            f"{orders} >= {min(often, 3)} and {quiet} between {active + 1} and {cooling}",
            f"Bought {min(often, 3)} times or more, and not in the last {active} days, longer than most pause.",
            group,
        )
    p.segment(
        "lapsed",
        f"{orders} > 0 and not {last} within {cooling} days",
        f"Bought before, but not in the last {cooling} days.",
        group,
    )
    if revenue is not None:
        p.segment(
            "win_back",
            f"percentile({revenue}) >= 0.8 and {orders} > 0 and not {last} within {cooling} days",
            f"Among the fifth with the highest revenue, and quiet for more than {cooling} days.",
            group,
        )
        a = f"{o}.{written(kind.amount or '')}"
        if rhythm.span >= 2 * w + 30:
            before = p.trait(f"revenue_{w}d_before", f"sum({a} from {2 * w} to {w} days ago)", "What they bought")
            p.segment(
                "spending_less",
                f"{before} > 0 and {recent} < 0.5 * {before}",
                f"Spent less than half as much in the last {w} days as in the {w} days before.",
                group,
            )
    if p.detection.hub is not None:
        p.segment("never_bought", f"{orders} = 0", "Are known, but have never bought.", group)
    group = "Behaviour"
    if average is not None and often > 1:
        p.segment(
            "frequent_small_baskets",
            f"{orders} >= {often} and percentile({average}) <= 0.33",
            "Buy often, and little each time: their average is in the lowest third.",
            group,
        )
    if weekend is not None and stamped | (rhythm.weekend > 0.05):
        p.segment(
            "weekend_shoppers",
            f"{orders} >= 2 and {weekend} > 0.6",
            "More than six in ten of their orders fall on a Saturday or Sunday.",
            group,
        )
    if "discount_share" in p.named:
        p.segment(
            "bargain_hunters",
            f"{orders} >= 2 and {p.named['discount_share']} > 0.5",
            "More than half of what they buy is reduced.",
            group,
        )
    if "products_bought" in p.named:
        products = p.named["products_bought"]
        p.segment("wide_choice", f"percentile({products}) >= 0.9", "The tenth who have bought the most different products.", group)


def taken_back(p: Proposer) -> None:
    kind = p.sources.kind("refund")
    if kind is None:
        return
    group, k = "What they gave back", written(kind.name)
    plural = "cancellations" if kind.name.startswith("cancel") else "refunds"
    count = p.trait(plural, f"count({k})", group)
    if kind.amount is not None:
        refunded = p.trait("refunded", f"sum({k}.{written(kind.amount)})", group)
        if "revenue" in p.named and not kind.taken_out:
            p.trait("net_revenue", f"{p.named['revenue']} - {refunded}", group)
    if "orders" in p.named and p.buys is not None:
        orders = p.named["orders"]
        p.segment(
            "gives_much_back" if plural == "refunds" else "cancels_often",
            f"{count} >= 2 and {count} >= 0.2 * {orders}",
            f"Two {plural} or more, and at least one for every five orders.",
            "Behaviour",
        )
    else:
        p.segment("gave_back", f"{count} >= 1", f"Have at least one of the {plural}.", "Behaviour")
