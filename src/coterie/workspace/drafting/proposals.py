"""The usual traits, segments and segmentations that a project's data supports, each with the numbers found in it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from coterie.language.names import RESERVED, written
from coterie.language.types import BOOLEAN, INTEGER, NUMBERS, TEXT, TIMES, TIMESTAMP, Type
from coterie.sources.detection import Detection
from coterie.sources.seen import SeenColumn
from coterie.sources.vocabulary import identifies, meanings, slug, words_of
from coterie.workspace.drafting.buying import Buying, buying
from coterie.workspace.drafting.kinds import Kind, Sources, is_flag
from coterie.workspace.drafting.outline import Segment, Segmentation, Trait

MOST = {"Value": 5, "Loyalty": 4, "Activity": 5, "Behaviour": 9, "Contract": 5, "Demography": 3, "Attitudes": 3}
"""Segments of a group that are drafted at most; 2 of every other, and twice as many where there are no events."""
ALL = 36
"""Segments at most."""
_HANDLED = frozenset(
    [
        "gender",
        "age",
        "birth_date",
        "birth_year",
        "income",
        "children",
        "household",
        "marital",
        "education",
        "occupation",
        "since",
        "tenure",
        "charge",
        "charged",
        "churn",
        "plan",
        "payment",
        "loyalty",
        "tags",
        "country",
        "region",
        "setting",
        "device",
        "os",
        "platform",
        "app_version",
        "acquisition",
        "email",
        "phone",
        "first_name",
        "last_name",
        "full_name",
        "city",
        "postcode",
        "address",
        "latitude",
        "longitude",
        "consent",
        "recency",
        "account",
        "text",
        "industry",
    ]
)
"""Meanings for which there are definitions of their own (or none: gender and names make no segments here)."""
_AGES = ((30, "under 30"), (45, "30 to 44"), (60, "45 to 59"))


@dataclass
class Proposals:
    """What is proposed, in the order of the file."""

    traits: list[Trait] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    segmentations: list[Segmentation] = field(default_factory=list)


@dataclass(frozen=True)
class Known:
    """What can be named: the customers' columns and the events' columns with their types."""

    attributes: Mapping[str, Type]
    account: Mapping[str, Type]
    events: Mapping[str, Mapping[str, Type]]


def propose(detection: Detection, sources: Sources, known: Known) -> Proposals:
    """The usual definitions for what there is.

    Args:
        detection, sources: the files and the kinds of events that come from them.
        known: names and types of what definitions may use.
    """
    return _Proposer(detection, sources, known).out


class _Proposer:
    def __init__(self, detection: Detection, sources: Sources, known: Known):
        self.detection, self.sources, self.known = detection, sources, known
        self.out = Proposals()
        self.names = {n.casefold() for n in known.attributes} | set(RESERVED) | {"as_of"}
        self.named: dict[str, str] = {}
        self.who = "Companies" if detection.business else "Customers"
        self.buys = sources.kind("order")
        self.rhythm: Buying | None = buying(self.buys.found, self.buys.value) if self.buys is not None else None
        self.bought()
        self.taken_back()
        self.looked()
        self.mailed()
        self.asked()
        self.helped()
        self.customers()
        self.carried()
        self.accounts()
        self.generic()
        self.labels()
        self.out.traits = _by_group(self.out.traits)
        self.out.segments = _by_group(_few(self.out.segments, not self.sources.kinds))

    # --- adding ------------------------------------------------------------------------------------------------------

    def name(self, wanted: str) -> str:
        """A name that nothing has yet."""
        base, n, name = wanted, 2, wanted
        while name.casefold() in self.names:
            name, n = f"{base}_{n}", n + 1
        self.names.add(name.casefold())
        return name

    def trait(self, wanted: str, expression: str, group: str, note: str = "", instead: str | None = None) -> str:
        """Add a trait; `instead` is its name where the wanted one is taken."""
        name = self.name(instead if instead is not None and wanted.casefold() in self.names else wanted)
        self.out.traits.append(Trait(name, expression, group, note))
        self.named[wanted] = written(name)
        return written(name)

    def segment(self, wanted: str, where: str, about: str, group: str) -> str:
        name = self.name(slug(wanted))
        self.out.segments.append(Segment(name, where, about, group))
        return written(name)

    def segmentation(
        self, wanted: str, about: str, call: str | None = None, labels: tuple[tuple[str, str | None], ...] = (), note: str = ""
    ) -> None:
        self.out.segmentations.append(Segmentation(self.name(wanted), about, call, labels, note))

    # --- buying ------------------------------------------------------------------------------------------------------

    def bought(self) -> None:
        kind, rhythm = self.buys, self.rhythm
        if kind is None or rhythm is None:
            return
        o, group = written(kind.name), "What they bought"
        deal = kind.name == "won"
        noun = "deal" if deal else "order"
        w, active, cooling = rhythm.window, rhythm.active, rhythm.cooling
        orders = self.trait("deals_won" if deal else "orders", f"count({o})", group)
        self.named["orders"] = orders
        self.trait(f"{noun}s_{w}d", f"count({o} within {w} days)", group)
        revenue = recent = average = None
        if kind.amount is not None:
            a = f"{o}.{written(kind.amount)}"
            revenue = self.trait("revenue", f"sum({a})", group, instead=f"revenue_{slug(kind.name)}")
            recent = self.trait(f"revenue_{w}d", f"sum({a} within {w} days)", group)
            average = self.trait(f"average_{noun}", f"avg({a})", group)
            self.trait(f"biggest_{noun}", f"max({a})", group)
        elif kind.items is not None:
            self.trait("items", f"sum({o}.{kind.items})", group)
            average = self.trait(
                "average_basket", f"avg({o}.{kind.items})", group, "no column holds money, so baskets are counted in things"
            )
        first = self.trait(f"first_{noun}", f"first({o}.time)", group)
        last = self.trait(f"last_{noun}", f"last({o}.time)", group)
        self.named["first_order"], self.named["last_order"] = first, last
        quiet = self.trait("days_quiet", f"days_since({last})", group)
        again = rhythm.once < 0.98
        if again:
            self.trait(f"days_between_{noun}s", f"days_between({first}, {last}) / ({orders} - 1)", group)
        rows = written(kind.line or kind.name)
        column = kind.found.column("category")
        if "category" in kind.columns and column is not None and column.distinct >= 2:
            c = f"{rows}.{written(kind.columns['category'])}"
            favourite = self.trait("favourite_category", f"most_common({c})", group)
            self.trait("categories_bought", f"distinct({c})", group)
            self.top_values(
                favourite,
                column,
                group="What they buy",
                suffix="fans",
                about="{who} who buy {value} more often than anything else.",
                most=1,
                only=f"{orders} > 0",
            )
        if "product" in kind.columns:
            p = f"{rows}.{written(kind.columns['product'])}"
            self.trait("favourite_product", f"most_common({p})", group)
            self.trait("products_bought", f"distinct({p})", group)
        if kind.line is not None and "discount" in kind.columns:
            d = written(kind.columns["discount"])
            self.trait("discount_share", f"share({rows} where {d} > 0)", group)
        stamped = kind.found.file.columns[kind.found.time or ""].type == TIMESTAMP
        weekend = None
        if rhythm.weekend > 0.02 and not self.detection.business:
            weekend = self.trait("weekend_share", f"share({o} where weekday(time) >= 6)", group)

        group = "Value"
        if revenue is not None:
            self.segment(
                "vip",
                f"percentile({revenue}) >= 0.8 and {last} within {active} days",
                f"The fifth with the highest revenue, if they bought in the last {active} days.",
                group,
            )
            self.segment(
                "top_tenth",
                f"percentile({revenue}) >= 0.9",
                f"The tenth of all {self.who.lower()} with the highest revenue.",
                group,
            )
            self.segment(
                "big_baskets",
                f"{orders} >= 1 and percentile({average}) >= 0.9",
                "The tenth of all buyers with the highest average.",
                group,
            )
        group = "Loyalty"
        often = rhythm.often
        self.segment(
            "loyal",
            f"{orders} >= {often} and {last} within {active} days",
            f"{often} {noun}s or more (a fifth of all buyers have as many), the last one in the last {active} days.",
            group,
        )
        if rhythm.once > 0.005:
            self.segment(
                "one_time_buyers",
                f"{orders} = 1",
                f"Have bought exactly once ({100 * rhythm.once:.0f} % of all buyers when this was drafted).",
                group,
            )
        self.segment(
            "new_customers",
            f"{first} within {rhythm.new} days",
            f"Bought for the first time in the last {rhythm.new} days.",
            group,
        )
        if again and rhythm.once > 0.02:
            self.segment(
                "second_order_due",
                f"{orders} = 1 and {first} from {cooling} to {active} days ago",
                f"Bought once, {active} to {cooling} days ago; by now most who come back have come back.",
                group,
            )
        group = "Activity"
        if often > 1:
            self.segment(
                "at_risk",
                f"{orders} >= {min(often, 3)} and {quiet} between {active + 1} and {cooling}",
                f"Bought {min(often, 3)} times or more, and not in the last {active} days, longer than most pause.",
                group,
            )
        self.segment(
            "lapsed",
            f"{orders} > 0 and not {last} within {cooling} days",
            f"Bought before, but not in the last {cooling} days.",
            group,
        )
        if revenue is not None:
            self.segment(
                "win_back",
                f"percentile({revenue}) >= 0.8 and {orders} > 0 and not {last} within {cooling} days",
                f"Among the fifth with the highest revenue, and quiet for more than {cooling} days.",
                group,
            )
            a = f"{o}.{written(kind.amount or '')}"
            if rhythm.span >= 2 * w + 30:
                before = self.trait(f"revenue_{w}d_before", f"sum({a} from {2 * w} to {w} days ago)", "What they bought")
                self.segment(
                    "spending_less",
                    f"{before} > 0 and {recent} < 0.5 * {before}",
                    f"Spent less than half as much in the last {w} days as in the {w} days before.",
                    group,
                )
        if self.detection.hub is not None:
            self.segment("never_bought", f"{orders} = 0", "Are known, but have never bought.", group)
        group = "Behaviour"
        if average is not None and often > 1:
            self.segment(
                "frequent_small_baskets",
                f"{orders} >= {often} and percentile({average}) <= 0.33",
                "Buy often, and little each time: their average is in the lowest third.",
                group,
            )
        if weekend is not None and stamped | (rhythm.weekend > 0.05):
            self.segment(
                "weekend_shoppers",
                f"{orders} >= 2 and {weekend} > 0.6",
                "More than six in ten of their orders fall on a Saturday or Sunday.",
                group,
            )
        if "discount_share" in self.named:
            self.segment(
                "bargain_hunters",
                f"{orders} >= 2 and {self.named['discount_share']} > 0.5",
                "More than half of what they buy is reduced.",
                group,
            )
        if "products_bought" in self.named:
            products = self.named["products_bought"]
            self.segment(
                "wide_choice", f"percentile({products}) >= 0.9", "The tenth who have bought the most different products.", group
            )

    def taken_back(self) -> None:
        kind = self.sources.kind("refund")
        if kind is None:
            return
        group, k = "What they gave back", written(kind.name)
        plural = "cancellations" if kind.name.startswith("cancel") else "refunds"
        count = self.trait(plural, f"count({k})", group)
        if kind.amount is not None:
            refunded = self.trait("refunded", f"sum({k}.{written(kind.amount)})", group)
            if "revenue" in self.named and not kind.taken_out:
                self.trait("net_revenue", f"{self.named['revenue']} - {refunded}", group)
        if "orders" in self.named and self.buys is not None:
            orders = self.named["orders"]
            self.segment(
                "gives_much_back" if plural == "refunds" else "cancels_often",
                f"{count} >= 2 and {count} >= 0.2 * {orders}",
                f"Two {plural} or more, and at least one for every five orders.",
                "Behaviour",
            )
        else:
            self.segment("gave_back", f"{count} >= 1", f"Have at least one of the {plural}.", "Behaviour")

    # --- looking, e-mails, answers, support --------------------------------------------------------------------------

    def looked(self) -> None:
        activity, view = self.sources.kind("activity"), self.sources.kind("view")
        seen = view or activity
        group, behaviour = "What they do on the web site", "Behaviour"
        first = self.sources.kind("deal")
        if first is not None:
            d = written(first.name)
            self.trait("opportunities", f"count({d})", "What they were offered")
            if "deals_won" in self.named:
                won = self.named["deals_won"]
                lost = self.sources.kind("lost")
                if lost is not None:
                    count = self.trait("deals_lost", f"count({written(lost.name)})", "What they were offered")
                    rate = self.trait("win_rate", f"{won} / ({won} + {count})", "What they were offered")
                    self.segment(
                        "easy_to_win",
                        f"{won} + {count} >= 5 and percentile({rate}) >= 0.8",
                        "Five closed deals or more, and a share won that is among the highest fifth.",
                        "Behaviour",
                    )
                self.segment(
                    "open_deals",
                    f"{self.named['opportunities']} > {won}" + (f" + {self.named['deals_lost']}" if lost else ""),
                    "Have a deal that is neither won nor lost yet.",
                    "Activity",
                )
        if seen is None:
            return
        v = written(seen.name)
        rhythm = buying(seen.found, seen.value)
        window = 30 if rhythm.span >= 60 else 7
        views = self.trait(
            f"views_{window}d" if view is not None else f"visits_{window}d", f"count({v} within {window} days)", group
        )
        whole = written((activity or seen).name)
        last = self.trait("last_visit", f"last({whole}.time)", group)
        session = (activity or seen).columns.get("session")
        if session is not None:
            self.trait("sessions", f"distinct({whole}.{written(session)})", group)
        page = seen.columns.get("category")
        if page is not None and view is not None:
            self.trait("category_viewed", f"most_common({v}.{written(page)})", group)
        order, cart = self.buys, self.sources.kind("cart")
        if order is not None:
            o = written(order.name)
            self.segment(
                "looks_without_buying",
                f"{last} within {window} days and not exists({o} within {window} days)",
                f"Came by in the last {window} days and did not order.",
                behaviour,
            )
        if cart is not None:
            c = written(cart.name)
            self.trait("cart_adds", f"count({c})", group)
            if order is not None:
                look = 2 * window
                self.segment(
                    "cart_abandoners",
                    f"sequence({c}, not {written(order.name)} within 24 hours) within {look} days",
                    f"Put something into the cart in the last {look} days and did not order within a day.",
                    behaviour,
                )
        self.segment(
            "frequent_visitors",
            f"percentile({views}) >= 0.9 and {views} > 0",
            f"The tenth who came by most often in the last {window} days.",
            behaviour,
        )
        if order is None or seen.found is order.found:
            active, cooling = rhythm.active, rhythm.cooling
            self.segment("quiet_visitors", f"not {last} within {active} days", f"Have not been seen for {active} days.", "Activity")
            _ = cooling

    def mailed(self) -> None:
        sent, opened, clicked = (self.sources.kind(r) for r in ("sent", "opened", "clicked"))
        left = self.sources.kind("unsubscribed")
        group = "What they do with e-mails"
        if sent is not None:
            self.trait("emails_sent", f"count({written(sent.name)})", group)
        if opened is not None:
            name = written(opened.name)
            count = self.trait("emails_opened", f"count({name})", group)
            if sent is not None:
                self.trait("open_rate", f"{count} / {self.named['emails_sent']}", group)
                self.segment(
                    "email_readers",
                    f"{self.named['emails_sent']} >= 2 and {self.named['open_rate']} >= 0.5",
                    "Were sent two e-mails or more, and open at least half of them.",
                    "Behaviour",
                )
            else:
                self.segment(
                    "email_readers", f"exists({name} within 90 days)", "Opened an e-mail in the last 90 days.", "Behaviour"
                )
        if clicked is not None:
            self.trait("emails_clicked", f"count({written(clicked.name)})", group)
            self.segment(
                "email_clickers",
                f"exists({written(clicked.name)} within 180 days)",
                "Clicked in an e-mail in the last 180 days.",
                "Behaviour",
            )
        consent, email = self.sources.attributes.get("consent"), self.sources.attributes.get("email")
        parts, words = [], []
        if consent is not None:
            condition = self.yes(consent)
            if condition is not None:
                parts.append(condition)
                words.append("agreed")
        if email is not None and self.known.attributes.get(email) == TEXT:
            parts.append(f"{written(email)} is known")
            words.append("have an address")
        if left is not None:
            parts.append(f"not exists({written(left.name)})")
            words.append("did not unsubscribe")
        if (email is not None or consent is not None) and parts:
            about = f"May be written to ({', '.join(words)})."
            if consent is None:
                about = "Have an e-mail address. No column says who agreed to be written to."
            self.segment("reachable_by_email", " and ".join(parts), about, "Who can be reached")

    def yes(self, column: str) -> str | None:
        """The condition that a column says yes."""
        type_, seen = self.known.attributes.get(column), self.seen_attribute(column)
        if type_ == BOOLEAN:
            return written(column)
        if type_ == INTEGER:
            return f"{written(column)} = 1"
        if type_ == TEXT and seen is not None:
            for value, _ in seen.top(5):
                if str(value).casefold() in (
                    "yes",
                    "y",
                    "ja",
                    "oui",
                    "si",
                    "sí",
                    "opt-in",
                    "opted in",
                    "subscribed",
                    "granted",
                    "true",
                ):
                    return f"{written(column)} = {_text(str(value))}"
        return None

    def asked(self) -> None:
        group = "What they say"
        survey = self.sources.kind("survey")
        scores: list[tuple[str, str]] = []
        if survey is not None:
            name = written(survey.name)
            scores += [(self.trait(score, f"last({name}.{written(score)})", group), score) for score in survey.scores]
        scores += [(self.trait(score, expression, group), score) for score, expression in self.sources.scores.items()]
        standing: list[tuple[str, str]] = []
        for name, score in scores[:8]:
            items = self.items_of(score)
            self.segment(
                f"high_{score}", f"percentile({name}) >= 0.8", f"The fifth that scores highest on {', '.join(items)}.", "Attitudes"
            )
            if len(scores) > 1:
                label = f"{items[0]} to {items[-1]}" if items else score
                wanted = f"{score.removesuffix('_score')}_standing"
                standing.append((self.trait(wanted, f"percentile({name})", group), label))
        if len(standing) > 1:
            labels: list[tuple[str, str | None]] = []
            for n, (name, label) in enumerate(standing):
                others = ", ".join(other for m, (other, _) in enumerate(standing) if m != n)
                rule = f"{name} >= greatest({others})" if len(standing) > 2 else f"{name} >= {others}"
                labels.append((label, rule if n + 1 < len(standing) else None))
            self.segmentation(
                "attitude",
                "The answers that stand out most against everybody else's. Who did not answer cannot be told.",
                labels=tuple(labels),
                note="Give the labels words of your own once you have read the questions.",
            )

    def items_of(self, score: str) -> tuple[str, ...]:
        """The questions of a score."""
        return next((s.items for f in self.detection.found for s in f.scales if s.name == score), ())

    def helped(self) -> None:
        support = self.sources.kind("support")
        if support is None:
            return
        s, group = written(support.name), "What they asked for help with"
        self.trait("support_cases", f"count({s})", group)
        column = support.columns.get("satisfaction")
        if column is not None:
            last = self.trait("last_satisfaction", f"last({s}.{written(column)})", group)
            seen = support.found.file.columns.get(support.found.meaning["satisfaction"])
            if seen is not None and seen.numeric:
                top = seen.range()[1]
                limit = int(np.floor(float(top) * 0.4))
                self.segment(
                    "unhappy", f"{last} <= {limit}", f"Gave {limit} of {top} or less the last time they were asked.", "Needs"
                )
        resolved = next(
            (c for c, t in self.known.events.get(support.name, {}).items() if t == BOOLEAN and "resolv" in c.lower()), None
        )
        if resolved is not None:
            self.segment(
                "waiting_for_help",
                f"exists({s} where not {written(resolved)} within 30 days)",
                "Asked in the last 30 days, and it is not resolved.",
                "Needs",
            )

    # --- who and where -----------------------------------------------------------------------------------------------

    def seen_attribute(self, name: str) -> SeenColumn | None:
        """The values of a customers' column."""
        for found in (*self.detection.of("customers"), *self.detection.of("lookup")):
            if name in found.file.columns:
                return found.file.columns[name]
            for meaning, column in found.meaning.items():
                if self.sources.attributes.get(meaning) == name and column in found.file.columns:
                    return found.file.columns[column]
        return None

    def attribute(self, meaning: str) -> tuple[str, SeenColumn] | None:
        name = self.sources.attributes.get(meaning)
        if name is None or name not in self.known.attributes:
            return None
        seen = self.seen_attribute(name)
        return (written(name), seen) if seen is not None else None

    def customers(self) -> None:
        group = "Who they are"
        self.ages(group)
        for meaning, about in (("income", "The fifth with the highest income."),):
            found = self.attribute(meaning)
            if found is not None and found[1].numeric:
                self.segment("high_income", f"percentile({found[0]}) >= 0.8", about, "Demography")
        found = self.attribute("children")
        if found is not None:
            self.families(found)
        for meaning, word in (
            ("household", "household"),
            ("marital", "marital status"),
            ("education", "education"),
            ("occupation", "occupation"),
        ):
            found = self.attribute(meaning)
            if found is not None:
                self.top_values(found[0], found[1], group="Demography", about=f"{{who}} whose {word} is {{value}}.", most=1)
        since = self.attribute("since")
        if since is not None:
            days = self.trait("days_known", f"days_since({since[0]})", group)
            if self.buys is None:
                self.segment("newcomers", f"{days} <= 90", "Joined in the last 90 days.", "Loyalty")
                self.segment("long_known", f"percentile({days}) >= 0.75", "The quarter who have been there longest.", "Loyalty")
        self.contract()
        found = self.attribute("loyalty")
        if found is not None and found[1].type == TEXT:
            rarest = min(found[1].top(10), key=lambda v: v[1])
            self.segment("loyalty_members", f"{found[0]} is known", "Are in the loyalty programme.", "Loyalty")
            self.segment(
                f"loyalty_{rarest[0]}",
                f"{found[0]} = {_text(str(rarest[0]))}",
                f"Hold the level {rarest[0]}, the rarest.",
                "Loyalty",
            )
        found = self.attribute("tags")
        if found is not None and found[1].type.of is not None:
            self.tags(found)
        for meaning in ("country", "region", "setting"):
            found = self.attribute(meaning)
            if found is not None:
                self.place(found[0], found[1], meaning)
        for meaning in ("device", "os", "platform"):
            found = self.attribute(meaning)
            if found is not None:
                self.top_values(found[0], found[1], group="Technology", suffix="users", about="{who} who use {value}.", most=1)
        found = self.attribute("app_version")
        if found is not None and found[1].type == TEXT:
            newest = _newest_version(found[1])
            if newest is not None:
                self.segment(
                    "old_app",
                    f"not version_at_least({found[0]}, {_text(newest)})",
                    f"Use a version of the app from before {newest}.",
                    "Technology",
                )
        found = self.attribute("acquisition")
        if found is not None:
            self.top_values(found[0], found[1], group="How they came", prefix="came_by", about="{who} who came by {value}.", most=2)

    def ages(self, group: str) -> None:
        born, year, age = self.attribute("birth_date"), self.attribute("birth_year"), self.attribute("age")
        if born is not None:
            years = self.trait("age_years", f"age({born[0]})", group)
        elif year is not None:
            years = self.trait("age_years", f"year(as_of) - {year[0]}", group, "by the year of birth: the birthday is not known")
        elif age is not None and age[1].numeric:
            years = age[0]
        else:
            return
        self.segment("under_30", f"{years} < 30", "Are younger than 30.", "Demography")
        self.segment("sixty_and_over", f"{years} >= 60", "Are 60 or older.", "Demography")
        labels: tuple[tuple[str, str | None], ...] = tuple((label, f"{years} < {limit}") for limit, label in _AGES)
        self.segmentation("age_band", "By age. Whose age is not known cannot be told.", labels=(*labels, ("60 and over", None)))
        if born is not None:
            self.segment(
                "birthday_soon",
                f"anniversary({born[0]}) within next 14 days",
                "Have their birthday in the next two weeks.",
                "Demography",
            )

    def families(self, found: tuple[str, SeenColumn]) -> None:
        name, seen = found
        if seen.type == BOOLEAN:
            self.segment("with_dependents", name, "Have children or others who depend on them.", "Demography")
        else:
            twin = [written(c) for c, t in self.known.attributes.items() if t == INTEGER and meanings(c).get("children", 0) >= 0.6]
            total = " + ".join(dict.fromkeys([name, *twin]))
            self.segment("with_children", f"{total} > 0", "Have children at home.", "Demography")

    def contract(self) -> None:
        group = "Contract"
        tenure, charge, churn = self.attribute("tenure"), self.attribute("charge"), self.attribute("churn")
        plan, pays = self.attribute("plan"), self.attribute("payment")
        charged = self.attribute("charged")
        if plan is not None and plan[1].type == TEXT and plan[1].distinct <= 12:
            self.top_values(plan[0], plan[1], group=group, about="{who} whose plan is {value}.", most=3)
        if tenure is not None:
            values = tenure[1].numbers[~np.isnan(tenure[1].numbers)]
            low, high = (int(q) for q in np.quantile(values, (0.25, 0.75)))
            self.segment(
                "new_contracts", f"{tenure[0]} <= {low}", f"Among the quarter with the shortest {tenure[0]} ({low} or less).", group
            )
            self.segment(
                "long_contracts",
                f"{tenure[0]} >= {high}",
                f"Among the quarter with the longest {tenure[0]} ({high} or more).",
                group,
            )
            self.segmentation(
                "tenure_band",
                f"By {tenure[0]}; the limits are its quarters when this was drafted.",
                labels=(
                    (f"up to {low}", f"{tenure[0]} <= {low}"),
                    (f"{low + 1} to {high - 1}", f"{tenure[0]} < {high}"),
                    (f"{high} and more", None),
                ),
            )
        if charge is not None and charge[1].numeric:
            self.segment("high_charges", f"percentile({charge[0]}) >= 0.8", f"The fifth with the highest {charge[0]}.", "Value")
        if charged is not None and charged[1].numeric:
            self.segment("most_valuable", f"percentile({charged[0]}) >= 0.9", f"The tenth with the highest {charged[0]}.", "Value")
        if pays is not None and pays[1].type == TEXT:
            self.top_values(pays[0], pays[1], group=group, prefix="pays_by", about="{who} who pay by {value}.", most=1)
        if churn is not None:
            gone = self.yes(churn[0].strip('"'))
            if gone is not None:
                self.segment("gone", gone, f"Have left ({churn[0]} says so).", "Activity")
                stay = self.segment(
                    "still_here", f"not {gone}" if " " not in gone else f"not ({gone})", "Have not left.", "Activity"
                )
                if tenure is not None and plan is not None and plan[1].type == TEXT:
                    self.leaving(stay, churn[1], plan, tenure)

    def leaving(self, stay: str, churn: SeenColumn, plan: tuple[str, SeenColumn], tenure: tuple[str, SeenColumn]) -> None:
        """Those who are still here and are like many who have left."""
        values = tenure[1].numbers
        half = int(np.nanmedian(values))
        gone = churn.numbers == 1 if churn.numeric or churn.type == BOOLEAN else np.zeros(len(values), np.bool_)
        best: tuple[float, str] | None = None
        for code in range(plan[1].distinct):
            like = (plan[1].codes == code) & (values <= half)
            if like.sum() >= 50 and (best is None or gone[like].mean() > best[0]):
                best = (float(gone[like].mean()), str(plan[1].encoded[1][code].as_py()))
        if best is None or best[0] <= 1.2 * gone.mean():
            return
        self.segment(
            "may_leave",
            f"{stay} and {plan[0]} = {_text(best[1])} and {tenure[0]} <= {half}",
            f"Still here, but {100 * best[0]:.0f} % of those like them ({best[1]}, {tenure[0]} up to {half}) have left; of all "
            f"{100 * float(gone.mean()):.0f} %.",
            "Activity",
        )

    def tags(self, found: tuple[str, SeenColumn]) -> None:
        import pyarrow.compute as pc

        flat = pc.value_counts(pc.list_flatten(found[1].values.combine_chunks()))
        top = sorted(flat.to_pylist(), key=lambda v: (-v["counts"], v["values"]))[:2]
        for value in top:
            self.segment(
                f"tagged_{value['values']}",
                f"{found[0]} has any ({_text(value['values'])})",
                f"Carry the tag {value['values']}.",
                "What they say",
            )

    def place(self, name: str, seen: SeenColumn, meaning: str) -> None:
        """Home and abroad where most live in one place; else the largest places."""
        if not seen.countable or seen.distinct < 2 or not seen.known:
            return
        top = seen.top(3)
        share = top[0][1] / seen.known
        if meaning == "country" and share >= 0.5:
            home = _value(top[0][0])
            self.segment("home_country", f"{name} = {home}", f"Are in {top[0][0]} ({100 * share:.0f} % of all rows).", "Geography")
            self.segment("abroad", f"{name} != {home}", f"Are elsewhere than in {top[0][0]}.", "Geography")
            return
        for value, _ in top[:2] if meaning != "setting" else top[-1:]:
            self.segment(
                f"{meaning}_{value}" if meaning == "setting" else f"in_{value}",
                f"{name} = {_value(value)}",
                f"Live in {value}." if meaning != "setting" else f"Their {meaning} is {value}.",
                "Geography",
            )

    def top_values(
        self,
        name: str,
        seen: SeenColumn,
        *,
        group: str,
        about: str,
        prefix: str = "",
        suffix: str = "",
        most: int = 2,
        only: str = "",
    ) -> None:
        """Segments for the most frequent values of a column of texts; `only` is a condition that comes first."""
        if seen.type != TEXT or not 2 <= seen.distinct <= 200 or not seen.known:
            return
        for value, _ in seen.top(most):
            text = str(value)
            if not text.strip() or len(text) > 60 or text.casefold() in ("unknown", "other", "n/a", "none", "no", "yes"):
                continue
            base = text if prefix or suffix or group == "Contract" else f"{slug(name)}_{text}"
            wanted = "_".join(p for p in (prefix, slug(base), suffix) if p)
            self.segment(
                wanted,
                f"{only} and {name} = {_text(text)}" if only else f"{name} = {_text(text)}",
                about.format(who=self.who, value=text),
                group,
            )

    def carried(self) -> None:
        """Columns that belong to the customer though events carry them, and places on events."""
        kind = self.buys or self.sources.kind("activity", "view", "deal") or next(iter(self.sources.kinds), None)
        if kind is None:
            return
        if kind.found.kind is not None:
            kind = self.sources.kind("activity") or kind
        k, group = written(kind.name), "Who and where they are"
        types = self.known.events.get(kind.name, {})
        for own in kind.found.profile:
            meaning = kind.found.means(own)
            name = kind.columns.get(meaning or "", own)
            if name not in types or meaning in ("first_name", "last_name", "full_name", "email", "phone"):
                continue
            seen = kind.found.file.columns[own]
            if meaning is None and (seen.distinct > 60 or name.casefold() in self.names):
                continue
            self.carry(kind, k, name, meaning, seen, group)
        for meaning in ("country", "city", "region", "device", "platform", "sales_channel", "store"):
            usual, column = kind.columns.get(meaning), kind.found.meaning.get(meaning)
            if usual is None or column is None or column in kind.found.profile or usual not in types:
                continue
            seen = kind.found.file.columns[column]
            if seen.distinct < 2 or not seen.countable:
                continue
            trait = self.trait(f"usual_{slug(usual)}", f"most_common({k}.{written(usual)})", group)
            if meaning in ("device", "platform"):
                self.top_values(trait, seen, group="Technology", prefix="mostly", about="{who} who mostly use {value}.", most=2)
            elif meaning == "country":
                self.place(trait, seen, meaning)
            elif meaning in ("sales_channel", "store") and seen.distinct <= 12:
                self.top_values(trait, seen, group="Behaviour", prefix="mostly", about="{who} who mostly come by {value}.", most=1)

    def carry(self, kind: Kind, k: str, name: str, meaning: str | None, seen: SeenColumn, group: str) -> None:
        decided = kind.found.file.decides(kind.found.customer or "", seen.name)
        several = f"{100 * (1 - decided):.1f} % of customers have more than one: the last counts" if decided < 1 else ""
        trait = self.trait(slug(name), f"last({k}.{written(name)})", group, several)
        if meaning in ("country", "region"):
            self.place(trait, seen, meaning)
        elif meaning == "acquisition":
            self.top_values(trait, seen, group="How they came", prefix="came_by", about="{who} who came by {value}.", most=2)
        elif meaning in ("device", "platform", "os"):
            self.top_values(trait, seen, group="Technology", suffix="users", about="{who} who use {value}.", most=1)

    def accounts(self) -> None:
        columns = self.sources.account if self.known.account else {}
        prefix = "account."
        if self.detection.business:
            columns, prefix = self.sources.attributes, ""
        elif not columns:
            return
        found = next(iter(self.detection.of("accounts")), self.detection.hub)
        size = columns.get("employees")
        if size is not None and found is not None and "employees" in found.meaning:
            values = found.file.columns[found.meaning["employees"]].numbers
            limit = int(np.nanquantile(values, 0.75))
            limit = int(round(limit, -len(str(limit)) + 1)) or 1
            self.segment(
                "large_companies",
                f"{prefix}{written(size)} >= {limit}",
                f"Companies with {limit:,} people or more (about a quarter of them).",
                "Companies",
            )
        industry = columns.get("industry")
        if industry is not None and found is not None and "industry" in found.meaning:
            seen = found.file.columns[found.meaning["industry"]]
            top = seen.top(1)
            if seen.type == TEXT and top:
                value = str(top[0][0])
                self.segment(
                    f"sector_{value}",
                    f"{prefix}{written(industry)} = {_text(value)}",
                    f"Companies in {value}, the most frequent.",
                    "Companies",
                )
        if not self.detection.business and self.known.account:
            column = written(size or industry or next(iter(self.known.account)))
            self.segmentation(
                "customer_type",
                "Whether they buy for a company or for themselves.",
                labels=(("business", f"{prefix}{column} is known"), ("private", None)),
            )
            if "orders" in self.named:
                self.segment(
                    "colleagues_buy",
                    f"{self.named['orders']} = 0 and any(members where {self.named['orders']} > 0)",
                    "Have not ordered themselves, but a colleague has.",
                    "Companies",
                )

    # --- customers files of which little is known --------------------------------------------------------------------

    def generic(self) -> None:
        """For a customers file alone: numbers that belong together are added up; then the highest tenth of each number, those
        for whom a flag is set, and the most frequent value of each column of few texts."""
        hub = self.detection.hub
        if hub is None or self.sources.kinds:
            return
        own = self.own_names()
        questions = {i for s in hub.scales for i in s.items}
        left = [
            (own[c], s)
            for c, s in hub.file.columns.items()
            if own[c] in self.known.attributes and c not in questions and hub.means(c) not in _HANDLED
        ]
        numbers = [(n, s) for n, s in left if self.known.attributes[n] in NUMBERS and s.distinct > 10 and not _code_like(s)]
        flags = [(n, s) for n, s in left if is_flag(s)]
        money: str | None = None
        for found in (self.attribute("charged"), self.attribute("charge"), self.attribute("amount")):
            money = money or (found[0] if found is not None and found[1].numeric else None)
        grouped: set[str] = set()
        for word, members in _families(numbers).items():
            total = self.trait(f"{word}_total", " + ".join(written(n) for n, _ in members), "What the columns add up to")
            about = f"The tenth with the highest sum of {_listed(n for n, _ in members)}."
            self.segment(f"high_{word}", f"percentile({total}) >= 0.9", about, "Value")
            grouped |= {n for n, _ in members}
            money = money or total
        for word, members in _families([(n, s) for n, s in flags if self.known.attributes[n] == INTEGER]).items():
            total = self.trait(f"{word}_count", " + ".join(written(n) for n, _ in members), "What the columns add up to")
            self.segment(f"{word}_any", f"{total} > 0", f"At least one of {_listed(n for n, _ in members)} is set.", "Behaviour")
            grouped |= {n for n, _ in members}
        for name, _ in numbers:
            if name not in grouped:
                about = f"The tenth with the highest {name}."
                self.segment(f"high_{slug(name)}", f"percentile({written(name)}) >= 0.9", about, "Value")
        for name, seen in flags:
            condition = self.yes(name) if name not in grouped and seen.distinct == 2 else None
            if condition is not None:
                self.segment(f"has_{slug(name)}", condition, f"{name} is set.", "Behaviour")
        for name, seen in left:
            if seen.type == TEXT and 2 <= seen.distinct <= 12:
                yes = self.yes(name)
                if yes is not None:
                    self.segment(f"has_{slug(name)}", yes, f"{name} is set.", "Behaviour")
                else:
                    self.top_values(written(name), seen, group="Behaviour", about=f"{{who}} whose {name} is {{value}}.", most=1)
        recency = self.attribute("recency")
        if recency is not None and recency[1].numeric and np.nanquantile(recency[1].numbers, 0.2) > recency[1].range()[0]:
            about = f"The fifth with the lowest {recency[0]}."
            self.segment("bought_lately", f"percentile({recency[0]}) <= 0.2", about, "Activity")
        if money is not None:
            rank = self.trait("value_standing", f"percentile({money})", "Relative to everybody")
            self.segmentation(
                "value",
                f"By {money} relative to everybody: the highest fifth, the fifth below, the middle, the lowest two fifths.",
                labels=(
                    ("highest fifth", f"{rank} >= 0.8"),
                    ("fourth fifth", f"{rank} >= 0.6"),
                    ("middle", f"{rank} >= 0.4"),
                    ("lowest two fifths", None),
                ),
            )

    def own_names(self) -> dict[str, str]:
        """The file's columns of customers with the names they have in the project."""
        hub = self.detection.hub
        assert hub is not None
        out = {c: c for c in hub.file.columns}
        text = next((t for t in self.sources.texts if t.name == "customers"), None)
        given = text.keys.get("columns") if text is not None else None
        if isinstance(given, dict):
            plain = {written(c): c for c in hub.file.columns}
            out |= {plain[old]: new for new, old in given.items() if old in plain}
        return out

    # --- labels for everybody ----------------------------------------------------------------------------------------

    def labels(self) -> None:
        kind, rhythm = self.buys, self.rhythm
        if kind is not None and rhythm is not None:
            money = kind.amount or kind.items
            if money is not None:
                of = "for how much" if kind.amount else "how many things (no column holds money)"
                self.out.segmentations.insert(
                    0,
                    Segmentation(
                        self.name("value"),
                        "",
                        call=f"rfm({written(kind.name)}.time, {written(kind.name)}.{written(money)})",
                        note=f"How lately, how often and {of} they buy, each in fifths, and a name for each combination. "
                        "value.r, value.f and value.m are the scores; 5 is best.",
                    ),
                )
            orders = self.named["orders"]
            first, last = self.named["first_order"], self.named["last_order"]
            labels: tuple[tuple[str, str | None], ...] = (
                ("prospect", f"{orders} = 0"),
                ("new", f"{first} within {rhythm.new} days"),
                ("active", f"{last} within {rhythm.active} days"),
                ("cooling", f"{last} within {rhythm.cooling} days"),
                ("lapsed", None),
            )
            self.out.segmentations.insert(
                1 if money is not None else 0,
                Segmentation(
                    self.name("lifecycle"),
                    "Where they stand on the way from the first order to leaving.",
                    labels=labels,
                    note=rhythm.why,
                ),
            )
            return
        seen = self.sources.kind("activity", "view") or next((k for k in self.sources.kinds if k.role in ("other", "deal")), None)
        if seen is not None and seen.rows > 1:
            rhythm = buying(seen.found, seen.value)
            k = written(seen.name)
            first = self.named.get("first_seen") or self.trait("first_seen", f"first({k}.time)", "When they were there")
            last = self.named.get("last_visit") or self.trait("last_seen", f"last({k}.time)", "When they were there")
            labels = (
                ("never seen", f"{first} is missing"),
                ("new", f"{first} within {rhythm.new} days"),
                ("active", f"{last} within {rhythm.active} days"),
                ("cooling", f"{last} within {rhythm.cooling} days"),
                ("lapsed", None),
            )
            self.out.segmentations.insert(
                0, Segmentation(self.name("lifecycle"), "How lately they were there.", labels=labels, note=rhythm.why)
            )


Grouped = TypeVar("Grouped", Trait, Segment)


def _listed(names: Iterable[str]) -> str:
    """A few names in words."""
    every = list(names)
    return ", ".join(every[:4]) + (f" and {len(every) - 4} more" if len(every) > 4 else "")


def _few(segments: list[Segment], plenty: bool) -> list[Segment]:
    """The first ones of each group."""
    out: list[Segment] = []
    for one in segments:
        most = MOST.get(one.group, 2) * (2 if plenty else 1)
        if sum(s.group == one.group for s in out) < most:
            out.append(one)
    return out[:ALL]


def _by_group(definitions: list[Grouped]) -> list[Grouped]:
    """Definitions of a group together, groups in the order in which they first come."""
    groups = list(dict.fromkeys(d.group for d in definitions))
    return sorted(definitions, key=lambda d: groups.index(d.group))


def _families(columns: list[tuple[str, SeenColumn]]) -> dict[str, list[tuple[str, SeenColumn]]]:
    """Columns whose names begin with one word (MntWines, MntFruits …), three or more."""
    out: dict[str, list[tuple[str, SeenColumn]]] = {}
    for name, seen in columns:
        words = words_of(name)
        if len(words) > 1 or (words and words[0][-1:].isdigit()):
            stem = words[0].rstrip("0123456789")
            if stem and not any(seen.type == d for d in TIMES):
                out.setdefault(stem, []).append((name, seen))
    families = {}
    for stem, members in out.items():
        last = [words_of(n)[-1] for n, _ in members]
        common = max(set(last), key=lambda w: (last.count(w), w))
        if 3 <= last.count(common) < len(members):  # NumWebPurchases, NumStorePurchases … and NumWebVisits
            members = [m for m, w in zip(members, last, strict=True) if w == common]
            stem = f"{stem}_{common}"
        if len(members) >= 3:
            families[stem] = members
    return families


def _code_like(seen: SeenColumn) -> bool:
    """Whole numbers that number rows, or years."""
    low, high = seen.range()
    if seen.type != INTEGER or not seen.known:
        return False
    if identifies(seen.name) or meanings(seen.name).get("birth_date", 0) >= 0.6:
        return True
    numbered = seen.unique and seen.distinct > 50 and low >= 0 and high < 4 * seen.distinct
    return bool(numbered or (seen.distinct > 200 and low in (0, 1) and high <= 1.1 * seen.distinct))


def _newest_version(seen: SeenColumn) -> str | None:
    """The version that about two thirds of the rows have or exceed, with its first two numbers."""
    parsed = []
    for value, count in seen.top(200):
        parts = str(value).split(".")
        if not all(p.isdigit() for p in parts) or len(parts) < 2:
            continue
        parsed.append(((int(parts[0]), int(parts[1])), count))
    if len({p for p, _ in parsed}) < 2:
        return None
    total = sum(c for _, c in parsed)
    above = 0
    for version, count in sorted(parsed, reverse=True):
        above += count
        if above >= 0.5 * total:
            return ".".join(map(str, version))
    return None


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _value(value: object) -> str:
    return str(value) if isinstance(value, int) else _text(str(value))
