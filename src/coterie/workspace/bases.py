"""The bases of segmentation: what each is, whether a project's data supports it, and what it would need."""

from dataclasses import dataclass

from coterie.language.names import written
from coterie.sources.findings import Detection
from coterie.workspace.drafting.kinds import Sources
from coterie.workspace.drafting.proposer import Known


@dataclass(frozen=True, slots=True)
class Base:
    """One base of segmentation: its name, whether the data supports it, from what (or what is missing)."""

    name: str
    supported: bool
    why: str


_ATTRIBUTES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        "geographic",
        ("country", "region", "city", "postcode", "setting", "latitude"),
        "a country, region, city or postcode of each customer; with a table of places by postcode also region and distance",
    ),
    (
        "demographic",
        ("age", "birth_date", "birth_year", "gender", "income", "education", "marital", "household", "children", "occupation"),
        "birth date, household, income or education of each customer, as far as you may hold them",
    ),
    (
        "technographic",
        ("device", "os", "browser", "app_version", "platform", "internet"),
        "device, system, browser or version of the app",
    ),
    (
        "firmographic",
        ("industry", "employees", "annual_revenue", "company"),
        "a file of companies (industry, employees, revenue) and a column of customers that names theirs",
    ),
    (
        "identity",
        ("email", "phone", "first_name", "last_name", "full_name"),
        "an e-mail address or another id by which the same person is known elsewhere",
    ),
)


def bases(detection: Detection, sources: Sources, known: Known) -> tuple[Base, ...]:
    """Which bases the data supports.

    Args:
        detection, sources, known: the files, the kinds of events and the names that come from them.
    """
    out: list[Base] = []
    carried: dict[str, str] = {}
    for kind in sources.kinds:
        for meaning, column in kind.columns.items():
            carried.setdefault(meaning, f"{written(kind.name)}.{written(column)}")
    for name, wanted, needed in _ATTRIBUTES:
        found = [sources.attributes[m] for m in wanted if m in sources.attributes]
        if name == "firmographic" and known.account:
            found += [f"account.{c}" for c in known.account]
        if not found and name != "firmographic":
            found += [carried[m] for m in wanted if m in carried]
        if name == "identity":
            found += _known_by_email(detection)
        out.append(_base(name, found, needed))
    scores = [*sources.scores, *(s for k in sources.kinds for s in k.scores)]
    out.append(
        _base("psychographic", scores, "a survey: a file with the customer, the time and the answers to statements on a scale")
    )
    order = sources.kind("order")
    doing = [k.name for k in sources.kinds if k.role not in ("free", "held_out")]
    out.append(_base("behavioural", doing, "events with a customer and a time: orders, visits, e-mails"))
    needs = [k.name for k in sources.kinds if k.role == "support"] + (
        [sources.attributes["tags"]] if "tags" in sources.attributes else []
    )
    bought = [
        f"{k.name}.{k.columns[m]}" for k in sources.kinds for m in ("category", "product") if m in k.columns and k.role == "order"
    ]
    out.append(
        _base(
            "needs",
            [*needs, *bought[:2]],
            "what people buy for: questions to support, reasons for returns, a survey, or products and categories of orders",
        )
    )
    when = [f"{k.name}.time" for k in sources.kinds if k.role in ("activity", "view", "order", "opened", "other", "deal")][:3]
    recency = [sources.attributes[m] for m in ("recency", "since", "tenure", "churn") if m in sources.attributes]
    out.append(_base("activity", when or recency, "events with a time, so that it is known who is still there"))
    loyal = [sources.attributes[m] for m in ("loyalty", "points", "since", "tenure", "plan") if m in sources.attributes]
    if order is not None:
        loyal.append(f"{order.name}s over time")
    out.append(_base("loyalty", loyal, "repeated orders, a membership level or the day on which they joined"))
    money = [f"{k.name}.{k.amount}" for k in sources.kinds if k.amount is not None and k.role in ("order", "refund", "other")]
    money += [sources.attributes[m] for m in ("charged", "charge", "amount") if m in sources.attributes]
    needed = "an amount on each order (or a price and a quantity)"
    if not money and order is not None and order.items is not None:
        needed = f"{needed}; until then things bought are counted"
    out.append(_base("value", money, needed))
    if detection.business and not any(b.name == "firmographic" and b.supported for b in out):
        out.append(_base("firmographic", [], "industry or number of employees of each company"))
    order_of: tuple[str, ...] = ("geographic", "demographic", "psychographic", "behavioural", "firmographic", "technographic")
    order_of += ("needs", "identity", "activity", "loyalty", "value")
    return tuple(sorted(out, key=lambda b: order_of.index(b.name)))


def _known_by_email(detection: Detection) -> list[str]:
    """Columns that name the customer by an e-mail address."""
    keys = [(f.file, f.id if f.role == "customers" else f.customer) for f in detection.found if f.role in ("customers", "events")]
    return [key for file, key in keys if key is not None and file.columns[key].email_share > 0.9]


def _base(name: str, found: list[str], needed: str) -> Base:
    if found:
        listed = ", ".join(dict.fromkeys(found[:6])) + (", …" if len(found) > 6 else "")
        return Base(name, True, f"from {listed}")
    return Base(name, False, f"needs {needed}")
