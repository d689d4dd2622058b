"""Who and where people are: age, family, place, device, from the customers file or from columns that events carry."""

from coterie.language.names import written
from coterie.language.types import BOOLEAN, INTEGER, TEXT
from coterie.sources.seen import SeenColumn
from coterie.sources.vocabulary import meanings, slug
from coterie.workspace.drafting.contracts import contract
from coterie.workspace.drafting.kinds import Kind
from coterie.workspace.drafting.proposer import Proposer, text_literal, value_literal

_AGES = ((30, "under 30"), (45, "30 to 44"), (60, "45 to 59"))


def customers(p: Proposer) -> None:
    group = "Who they are"
    ages(p, group)
    for meaning, about in (("income", "The fifth with the highest income."),):
        found = p.attribute(meaning)
        if found is not None and found[1].numeric:
            p.segment("high_income", f"percentile({found[0]}) >= 0.8", about, "Demography")
    found = p.attribute("children")
    if found is not None:
        families(p, found)
    for meaning, word in (
        ("household", "household"),
        ("marital", "marital status"),
        ("education", "education"),
        ("occupation", "occupation"),
    ):
        found = p.attribute(meaning)
        if found is not None:
            p.top_values(found[0], found[1], group="Demography", about=f"{{who}} whose {word} is {{value}}.", most=1)
    since = p.attribute("since")
    if since is not None:
        days = p.trait("days_known", f"days_since({since[0]})", group)
        if p.buys is None:
            p.segment("newcomers", f"{days} <= 90", "Joined in the last 90 days.", "Loyalty")
            p.segment("long_known", f"percentile({days}) >= 0.75", "The quarter who have been there longest.", "Loyalty")
    contract(p)
    found = p.attribute("loyalty")
    if found is not None and found[1].type == TEXT:
        rarest = min(found[1].top(10), key=lambda v: v[1])
        p.segment("loyalty_members", f"{found[0]} is known", "Are in the loyalty programme.", "Loyalty")
        p.segment(
            f"loyalty_{rarest[0]}",
            f"{found[0]} = {text_literal(str(rarest[0]))}",
            f"Hold the level {rarest[0]}, the rarest.",
            "Loyalty",
        )
    found = p.attribute("tags")
    if found is not None and found[1].type.of is not None:
        tags(p, found)
    for meaning in ("country", "region", "setting"):
        found = p.attribute(meaning)
        if found is not None:
            place(p, found[0], found[1], meaning)
    for meaning in ("device", "os", "platform"):
        found = p.attribute(meaning)
        if found is not None:
            p.top_values(found[0], found[1], group="Technology", suffix="users", about="{who} who use {value}.", most=1)
    found = p.attribute("app_version")
    if found is not None and found[1].type == TEXT:
        newest = _newest_version(found[1])
        if newest is not None:
            p.segment(
                "old_app",
                f"not version_at_least({found[0]}, {text_literal(newest)})",
                f"Use a version of the app from before {newest}.",
                "Technology",
            )
    found = p.attribute("acquisition")
    if found is not None:
        p.top_values(found[0], found[1], group="How they came", prefix="came_by", about="{who} who came by {value}.", most=2)


def ages(p: Proposer, group: str) -> None:
    born, year, age = p.attribute("birth_date"), p.attribute("birth_year"), p.attribute("age")
    if born is not None:
        years = p.trait("age_years", f"age({born[0]})", group)
    elif year is not None:
        years = p.trait("age_years", f"year(as_of) - {year[0]}", group, "by the year of birth: the birthday is not known")
    elif age is not None and age[1].numeric:
        years = age[0]
    else:
        return
    p.segment("under_30", f"{years} < 30", "Are younger than 30.", "Demography")
    p.segment("sixty_and_over", f"{years} >= 60", "Are 60 or older.", "Demography")
    labels: tuple[tuple[str, str | None], ...] = tuple((label, f"{years} < {limit}") for limit, label in _AGES)
    p.segmentation("age_band", "By age. Whose age is not known cannot be told.", labels=(*labels, ("60 and over", None)))
    if born is not None:
        p.segment(
            "birthday_soon",
            f"anniversary({born[0]}) within next 14 days",
            "Have their birthday in the next two weeks.",
            "Demography",
        )


def families(p: Proposer, found: tuple[str, SeenColumn]) -> None:
    name, seen = found
    if seen.type == BOOLEAN:
        p.segment("with_dependents", name, "Have children or others who depend on them.", "Demography")
    else:
        twin = [written(c) for c, t in p.known.attributes.items() if t == INTEGER and meanings(c).get("children", 0) >= 0.6]
        total = " + ".join(dict.fromkeys([name, *twin]))
        p.segment("with_children", f"{total} > 0", "Have children at home.", "Demography")


def tags(p: Proposer, found: tuple[str, SeenColumn]) -> None:
    import pyarrow.compute as pc

    flat = pc.value_counts(pc.list_flatten(found[1].values.combine_chunks()))
    top = sorted(flat.to_pylist(), key=lambda v: (-v["counts"], v["values"]))[:2]
    for value in top:
        p.segment(
            f"tagged_{value['values']}",
            f"{found[0]} has any ({text_literal(value['values'])})",
            f"Carry the tag {value['values']}.",
            "What they say",
        )


def place(p: Proposer, name: str, seen: SeenColumn, meaning: str) -> None:
    """Home and abroad where most live in one place; else the largest places."""
    if not seen.countable or seen.distinct < 2 or not seen.known:
        return
    top = seen.top(3)
    share = top[0][1] / seen.known
    if meaning == "country" and share >= 0.5:
        home = value_literal(top[0][0])
        p.segment("home_country", f"{name} = {home}", f"Are in {top[0][0]} ({100 * share:.0f} % of all rows).", "Geography")
        p.segment("abroad", f"{name} != {home}", f"Are elsewhere than in {top[0][0]}.", "Geography")
        return
    for value, _ in top[:2] if meaning != "setting" else top[-1:]:
        p.segment(
            f"{meaning}_{value}" if meaning == "setting" else f"in_{value}",
            f"{name} = {value_literal(value)}",
            f"Live in {value}." if meaning != "setting" else f"Their {meaning} is {value}.",
            "Geography",
        )


def carried(p: Proposer) -> None:
    """Columns that belong to the customer though events carry them, and places on events."""
    kind = p.buys or p.sources.kind("activity", "view", "deal") or next(iter(p.sources.kinds), None)
    if kind is None:
        return
    if kind.found.kind is not None:
        kind = p.sources.kind("activity") or kind
    k, group = written(kind.name), "Who and where they are"
    types = p.known.events.get(kind.name, {})
    for own in kind.found.profile:
        meaning = kind.found.means(own)
        name = kind.columns.get(meaning or "", own)
        if meaning is not None and meaning in p.sources.attributes:
            continue
        if name not in types or meaning in ("first_name", "last_name", "full_name", "email", "phone"):
            continue
        seen = kind.found.file.columns[own]
        if meaning is None and (seen.distinct > 60 or name.casefold() in p.names):
            continue
        carry(p, kind, k, name, meaning, seen, group)
    for meaning in ("country", "city", "region", "device", "platform", "sales_channel", "store"):
        usual, column = kind.columns.get(meaning), kind.found.meaning.get(meaning)
        if usual is None or column is None or column in kind.found.profile or usual not in types or meaning in p.sources.attributes:
            continue
        seen = kind.found.file.columns[column]
        if seen.distinct < 2 or not seen.countable:
            continue
        trait = p.trait(f"usual_{slug(usual)}", f"most_common({k}.{written(usual)})", group)
        if meaning in ("device", "platform"):
            p.top_values(trait, seen, group="Technology", prefix="mostly", about="{who} who mostly use {value}.", most=2)
        elif meaning == "country":
            place(p, trait, seen, meaning)
        elif meaning in ("sales_channel", "store") and seen.distinct <= 12:
            p.top_values(trait, seen, group="Behaviour", prefix="mostly", about="{who} who mostly come by {value}.", most=1)


def carry(p: Proposer, kind: Kind, k: str, name: str, meaning: str | None, seen: SeenColumn, group: str) -> None:
    decided = kind.found.file.decides(kind.found.customer or "", seen.name)
    several = f"{100 * (1 - decided):.1f} % of customers have more than one: the last counts" if decided < 1 else ""
    trait = p.trait(slug(name), f"last({k}.{written(name)})", group, several)
    if meaning in ("country", "region"):
        place(p, trait, seen, meaning)
    elif meaning == "acquisition":
        p.top_values(trait, seen, group="How they came", prefix="came_by", about="{who} who came by {value}.", most=2)
    elif meaning in ("device", "platform", "os"):
        p.top_values(trait, seen, group="Technology", suffix="users", about="{who} who use {value}.", most=1)


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
