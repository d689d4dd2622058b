"""From detected files to the sources of a project file: kinds of events with names, customers, lookups, accounts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from coterie.language.names import RESERVED, is_bare, written
from coterie.language.types import BOOLEAN, TEXT
from coterie.sources.findings import Detection, Found, Value
from coterie.sources.seen import SeenColumn
from coterie.sources.states import BUYING, CART, LOST, WON, folded
from coterie.sources.vocabulary import is_personal, meanings, singular, slug, words_of
from coterie.workspace.drafting.outline import SourceText, scalar

RENAMED = ("product", "product_text", "category", "brand", "country", "quantity", "price", "discount", "status")
"""Meanings whose column gets that name, whatever the file calls it."""
NAMES = {"product_text": "description"}
VIEWS = frozenset(
    """pageview pageviewed productview productviewed view viewed screen screenview visit home catalog page
    viewcontent""".split()  # noqa: SIM905
)
CHECKOUT = frozenset(
    """checkout checkoutstarted begincheckout startcheckout checkoutstart initiatecheckout""".split()  # noqa: SIM905
)
OPENED = frozenset(
    """open opened emailopened emailopen read geoeffnet ouvert""".split()  # noqa: SIM905
)
CLICKED = frozenset(
    """click clicked emailclicked emailclick geklickt clique""".split()  # noqa: SIM905
)
UNSUBSCRIBED = frozenset(
    """unsubscribe unsubscribed optout optedout emailunsubscribed abgemeldet""".split()  # noqa: SIM905
)
SENT = frozenset(
    """sent send delivered emailsent emaildelivered versandt gesendet""".split()  # noqa: SIM905
)
SEARCH = frozenset(["search", "searched", "productssearched", "suche"])
CONTROL = frozenset(
    """heldout holdout control controlgroup none noemail nomail kontrolle notsent""".split()  # noqa: SIM905
)
CONSTANT = ("birth_date", "birth_year", "acquisition", "since")


@dataclass(frozen=True)
class Kind:
    """A kind of event in the project.

    Attributes:
        name: as in the project file; `line`: that of its lines, where it has some.
        role: what it is for definitions: order, refund, view, cart, checkout, search, sent, opened, clicked, unsubscribed,
            survey, support, won, lost, deal, activity, other.
        found: its file. columns: meaning → name of the event's column.
        customers, rows: how many there are.
        amount: the column of money; `items` that of how many things were bought, where money is not known.
        value: of the column that tells kinds apart, where this kind is one of several from its file.
        scores: answers of a questionnaire put together, by name.
        taken_out: of refunds and cancellations: these are the orders themselves, which therefore count nowhere else.
    """

    name: str
    role: str
    found: Found
    columns: Mapping[str, str]
    customers: int
    rows: int
    line: str | None = None
    amount: str | None = None
    items: str | None = None
    value: str | None = None
    scores: tuple[str, ...] = ()
    taken_out: bool = False


@dataclass
class Sources:
    """The sources as text, and what definitions may build on."""

    texts: list[SourceText] = field(default_factory=list)
    kinds: list[Kind] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    """Meaning → the customers' column (with those of lookups)."""
    account: dict[str, str] = field(default_factory=dict)
    """Meaning → column of accounts."""
    scores: dict[str, str] = field(default_factory=dict)
    """Answers in the customers file: name → expression."""

    def kind(self, *roles: str) -> Kind | None:
        """The first kind with one of these roles."""
        return next((k for role in roles for k in self.kinds if k.role == role), None)


def sources(detection: Detection, *, finished: date | None) -> Sources:
    """The sources of a project.

    Args:
        detection: what the files are.
        finished: the first day of the data where it has ended (values hold from then on), else None.
    """
    return _Sources(detection, finished).made


class _Sources:
    def __init__(self, detection: Detection, finished: date | None):
        self.detection, self.finished = detection, finished
        self.made = Sources()
        self.taken: set[str] = {"customers", "accounts"}
        for found in detection.of("customers"):
            self.customers(found)
        for found in detection.of("lookup"):
            self.beside(found, slug(found.file.name))
        for found in detection.of("accounts"):
            self.beside(found, "accounts")
        for found in sorted(detection.of("events"), key=lambda f: not _is_order(f)):
            self.events(found)

    # --- customers and what belongs to them --------------------------------------------------------------------------

    def where_is(self, found: Found) -> dict[str, object]:
        file = found.file
        out: dict[str, object] = {"path": file.path}
        if file.sheet:
            out["sheet"] = file.sheet
        if file.types:
            out["options"] = {"types": "{" + ", ".join(f"{scalar(c, flow=True)}: {t}" for c, t in file.types.items()) + "}"}
        return out

    def customers(self, found: Found) -> None:
        file = found.file
        assert found.id is not None
        text = SourceText("customers", {**self.where_is(found), "id": found.id})  # type: ignore[dict-item]
        who = "company" if self.detection.business else "customer"
        text.above.append(f"One row per {who}: {file.label}, {file.rows:,} rows.")
        if self.detection.business:
            text.above.append("No file names persons, so the companies are the customers here.")
        text.why["id"] = f"{found.id}: {found.why}"
        renamed = self.renamed(found, {found.id}, "customers")
        name = {c: renamed.get(c, c) for c in file.columns}
        if found.account is not None:
            text.keys["account"] = found.account
            text.why["account"] = f"{found.account}: its values are ids in the accounts"
        if renamed:
            text.keys["columns"] = {new: written(old) for old, new in renamed.items()}
        if found.since is not None:
            column = file.columns[found.since]
            text.keys["since"] = found.since
            text.why["since"] = f"{found.since} ({column.first_day()} to {column.last_day()}): the day from which a customer exists"
        self.valid(text, found.since)
        constant = [name[c] for m, c in found.meaning.items() if m in CONSTANT and c in name]
        if constant:
            text.keys["constant"] = constant
            text.why["constant"] = "assumed never to have changed"
        fold = [name[c] for m, c in found.meaning.items() if m == "email"]
        if fold:
            text.keys["fold"] = fold
        personal = [name[c] for c in file.columns if c != found.id and any(is_personal(m) for m in self.sure(c, found))]
        if personal:
            text.keys["personal"] = personal
            text.why["personal"] = "by their names these point at a person; add what else does"
        self.made.texts.append(text)
        self.made.attributes.update({m: name[c] for m, c in found.meaning.items()})
        self.made.scores = {s.name: _renamed_expression(s.expression, renamed) for s in found.scales}

    def sure(self, column: str, found: Found) -> list[str]:
        said = [m for m, c in found.meaning.items() if c == column]
        return said or [m for m, w in meanings(column).items() if w >= 0.9 and is_personal(m)]

    def valid(self, text: SourceText, since: str | None) -> None:
        if self.finished is None and since is None:
            return
        if since is not None:
            if self.finished is not None:
                text.keys["valid_from"] = since
                text.why["valid_from"] = (
                    "the file says how customers are today; this assumes that they were so from that day on. Without it "
                    "their values would count from the first run only"
                )
            return
        text.keys["valid_from"] = str(self.finished)
        text.why["valid_from"] = (
            "the file says how customers are today; this assumes that they were so since the day of the first event"
        )

    def beside(self, found: Found, name: str) -> None:
        file = found.file
        assert found.id is not None
        assert found.looked_up is not None
        accounts = name == "accounts"
        name = name if accounts else self.free(name)
        text = SourceText(name, {**self.where_is(found), "id": found.id})  # type: ignore[dict-item]
        what = "The companies of customers" if accounts else f"A lookup: adds columns to customers by their {found.looked_up}"
        text.above.append(f"{what}: {file.label}, {file.rows:,} rows; {found.why}.")
        if accounts:
            text.above.append("Their columns are written with a dot: account.employees.")
        else:
            text.keys["lookup"] = found.looked_up
        mine = {a.casefold() for a in self.made.attributes.values()} | self.hub_names()
        renamed = self.renamed(found, {found.id}, name, () if accounts else mine)
        names = {c: renamed.get(c, c) for c in file.columns if c != found.id}
        if renamed:
            text.keys["columns"] = {new: written(old) for old, new in renamed.items()}
        if names:
            text.keys["constant"] = list(names.values())
            text.why["constant"] = (
                "assumed never to have changed: places do not move"
                if not accounts
                else ("assumed never to have changed; leave out what does")
            )
        self.made.texts.append(text)
        known = {m: names[c] for m, c in found.meaning.items() if c in names}
        if accounts:
            self.made.account = known
        else:
            self.made.attributes.update({m: c for m, c in known.items() if m not in self.made.attributes})

    def hub_names(self) -> set[str]:
        hub = self.detection.hub
        return {c.casefold() for c in hub.file.columns} if hub is not None else set()

    def renamed(self, found: Found, used: set[str | None], name: str, also: Iterable[str] = ()) -> dict[str, str]:
        """File's column → another name, where it cannot keep its own (or would need quotes)."""
        reserved = {"customers": ("customer",), "accounts": ()}.get(name, ("customer",))
        return _renames(found.file.columns, used, reserved, also, {})

    # --- events ------------------------------------------------------------------------------------------------------

    def free(self, name: str) -> str:
        """A name of a source that is not taken."""
        base, n = name if name.lower() not in RESERVED else f"{name}_event", 2
        name = base
        while name.casefold() in self.taken or f"{name}_line".casefold() in self.taken:
            name, n = f"{base}_{n}", n + 1
        self.taken.add(name.casefold())
        return name

    def events(self, found: Found) -> None:
        if found.kind is not None:
            self.split(found)
            return
        base = self.base_name(found)
        role = self.role(found, base)
        variant = self.variant(found)
        if role == "deal":
            self.deals(found, base)
            return
        if variant is not None:
            column, control, treated = variant
            self.one(found, f"{base}", role, where=f"{written(column)} not in ({_texts(control)})", rows=treated)
            self.one(found, f"{base}_held_out", "held_out", where=f"{written(column)} in ({_texts(control)})", note=False)
            return
        self.one(found, base, role)

    def base_name(self, found: Found) -> str:
        stem = found.file.name
        words = [singular(w) for w in words_of(stem) if not w.isdigit()]
        while len(words) > 1 and words[-1] in ("line", "item", "row", "data", "log", "export", "sample", "file", "table", "list"):
            words.pop()
        if _is_pipeline(found):
            return "opportunity"
        if _is_order(found) and not set(words) & {"refund", "return", "cancellation", "purchase"}:
            return "order"
        known = [w for w in words if w in ("order", "purchase", "refund", "return", "visit", "survey", "support", "ticket")]
        if known and len(words) <= 2 and words[0] not in ("email", "mail"):
            return known[0]
        return "_".join(words[-3:]) or "event"

    def role(self, found: Found, base: str) -> str:
        words = set(words_of(base))
        if _is_pipeline(found):
            return "deal"
        if words & {"refund", "return", "cancellation", "credit"}:
            return "refund"
        if found.scales:
            return "survey"
        if "satisfaction" in found.meaning or words & {"support", "ticket", "complaint", "conversation", "case"}:
            return "support"
        if words & {"email", "mail", "newsletter", "mailing", "message"} or "campaign" in found.meaning:
            return "sent"
        if _is_order(found):
            return "order" if self.made.kind("order") is None else "other"
        if words & {"visit", "view", "page", "session", "click"} or "page" in found.meaning:
            return "view"
        return "other"

    def variant(self, found: Found) -> tuple[str, list[str], int] | None:
        column = found.column("variant")
        if column is None or column.type != TEXT or not 2 <= column.distinct <= 6:
            return None
        control = [str(v) for v, _ in column.top() if folded(str(v)) in CONTROL]
        if not control or len(control) == column.distinct:
            return None
        treated = sum(n for v, n in column.top() if str(v) not in control)
        return column.name, control, treated

    def columns(self, found: Found, used: set[str | None], *, plain: bool = False) -> tuple[dict[str, str], dict[str, str]]:
        """(meaning → name of the event's column, new name → expression)."""
        wanted = {}
        for meaning in RENAMED:
            column = found.meaning.get(meaning)
            if column is not None and column not in used and not plain:
                wanted[column] = NAMES.get(meaning, meaning)
        renamed = _renames(found.file.columns, used, ("time", "id"), (), wanted, plain=plain)
        names = {c: renamed.get(c, c) for c in found.file.columns if c not in used}
        return {m: names[c] for m, c in found.meaning.items() if c in names}, {n: written(o) for o, n in renamed.items()}

    def one(
        self,
        found: Found,
        name: str,
        role: str,
        *,
        where: str | None = None,
        rows: int | None = None,
        note: bool = True,
        customers: int | None = None,
        value: str | None = None,
    ) -> None:
        """One kind of event from a file, with its cancellations as a kind of their own."""
        file, name = found.file, self.free(name)
        used = {found.customer, found.time, found.id}
        # Kinds of which only the number counts keep the file's own names.
        columns, given = self.columns(found, used, plain=not note and role not in ("order", "view", "cart", "lost", "held_out"))
        assert found.customer is not None
        assert found.time is not None
        text = SourceText(name, {**self.where_is(found), "customer": found.customer, "time": found.time})  # type: ignore[dict-item]
        many = f" in {file.files} files" if file.files > 1 else ""
        if note:
            text.above.append(f"{file.label}: {file.rows:,} rows{many}.")
            text.why["customer"] = f"{found.customer}: {found.why}"
            stamp = file.columns[found.time]
            missing = f"; {stamp.missing:,} rows have no time and are kept aside" if stamp.missing else ""
            text.why["time"] = f"{found.time}: when it happened, from {stamp.first_day()} to {stamp.last_day()}{missing}"
        else:
            text.compact = True
        if found.id is not None:
            text.keys["id"] = found.id
            if note:
                text.why["id"] = f"{found.id}: identifies the row; a row with the same id counts once"
        sums: list[str] = []
        amount = items = None
        if found.amount is not None and (note or role in ("order", "refund", "lost", "deal", "activity")):
            amount, sums = self.amount(found, text, given, columns)
        lines = found.lines
        if found.basket:
            lines = self.basket(found, text, given)
            items, sums = "items", ["items"]
        if lines is not None:
            text.keys["lines"] = lines
            if found.lines is not None:
                text.why["lines"] = (
                    f"{found.lines} repeats: {found.file.columns[found.lines].distinct:,} orders over "
                    f"{found.file.columns[found.lines].known:,} rows. So `{name}` is one order, `{name}_line` one row of it"
                )
            if sums:
                text.keys["sum"] = sums
        if found.scales:
            for scale in found.scales:
                given[scale.name] = scale.expression
                text.why[f"columns.{scale.name}"] = _about_scale(scale)
        if given:
            text.keys["columns"] = given
        conditions = [where] if where else []
        if found.cancelled is not None:
            conditions.append(f"not ({found.cancelled.where})")
        if found.free is not None:
            conditions.append(found.free.where)
        if conditions:
            text.keys["where"] = " and ".join(conditions)
            reasons = [s.why for s in (found.cancelled, found.free) if s is not None]
            if reasons:
                text.why["where"] = f"{'; '.join(reasons)}. They are kinds of their own below"
        personal = [n for m, n in columns.items() if is_personal(m)]
        if personal:
            text.keys["personal"] = personal
        self.made.texts.append(_ordered(text))
        scores = tuple(s.name for s in found.scales)
        line = f"{name}_line" if lines is not None else None
        if line:
            self.taken.add(line.casefold())
        count = found.customers if customers is None else customers
        total = file.rows if rows is None else rows
        self.made.kinds.append(
            Kind(name, role, found, columns, count, total, line=line, amount=amount, items=items, value=value, scores=scores)
        )
        if found.cancelled is not None:
            self.taken_back(found, text, where, columns, amount, name, items)

    def amount(self, found: Found, text: SourceText, given: dict[str, str], columns: dict[str, str]) -> tuple[str, list[str]]:
        """The column of money, and what is added up over lines."""
        assert found.amount is not None
        guess = found.amount
        sums = []
        if guess.total is not None:
            name = next((n for n, e in given.items() if e == written(guess.total)), None)
            name = name or (guess.total if is_bare(guess.total) else slug(guess.total))
            taken = any(n.casefold() == "amount" and n != name for n in (*given, *columns.values()))
            if name != "amount" and not taken:
                given.pop(name, None)
                given["amount"] = written(guess.total)
                name = "amount"
        else:
            name = "amount" if not any(n.casefold() == "amount" for n in (*given, *columns.values())) else "order_amount"
            given[name] = guess.expression
        if not text.compact:
            text.why[f"columns.{name}"] = self.why_amount(found)
        columns["amount"] = name
        sums = [name, *(columns[m] for m in ("quantity", "discount") if m in columns and m != name)]
        return name, [s for s in sums if s == name or _numeric(found, columns, s)]

    def why_amount(self, found: Found) -> str:
        return next((g.why for g in self.detection.guesses if g.file == found.file.name and g.role == "amount"), "what it is worth")

    def basket(self, found: Found, text: SourceText, given: dict[str, str]) -> str:
        """An order made of what one customer bought on one day."""
        given["basket"] = f"concat(text({written(found.customer or '')}), ' ', text({written(found.time or '')}))"
        given["items"] = "1"
        if found.file.columns[found.customer or ""].type == TEXT:
            given["basket"] = f"concat({written(found.customer or '')}, ' ', text({written(found.time or '')}))"
        text.why["columns.basket"] = (
            "no column says which rows were bought together, so what one customer bought on one day counts as one order"
        )
        text.why["columns.items"] = "no column holds money, so things are counted"
        return "basket"

    def taken_back(
        self,
        found: Found,
        first: SourceText,
        where: str | None,
        columns: Mapping[str, str],
        amount: str | None,
        name: str,
        items: str | None,
    ) -> None:
        """Cancellations or refunds, and rows that cost nothing, as kinds of their own."""
        split = found.cancelled
        assert split is not None
        status = found.status is not None and split.where.startswith(written(found.status))
        by_id = " starts with " in split.where
        kind = self.free("cancellation" if by_id or status else "refund")
        text = SourceText(kind, {k: v for k, v in first.keys.items() if k != "where"})
        text.above.append(
            f"Taken back: {split.rows:,} rows, {split.with_customer:,} of them with a customer."
            + (" Amounts are turned to positive here." if split.negative else "")
        )
        returned = amount
        if amount is not None and split.negative and found.amount is not None:
            before = first.keys.get("columns")
            given = dict(before) if isinstance(before, dict) else {}
            if found.amount.total is None:
                given[amount] = f"-({found.amount.expression})"
            else:
                returned = self.spare(found, "returned")
                given[returned] = f"-{found.amount.expression}"
            text.keys["columns"] = given
        text.keys["where"] = f"{where} and {split.where}" if where else split.where
        if returned != amount and "sum" in text.keys:
            text.keys["sum"] = [*text.keys["sum"], returned or ""]
        self.made.texts.append(_ordered(text))
        line = f"{kind}_line" if "lines" in text.keys else None
        self.made.kinds.append(
            Kind(
                kind,
                "refund",
                found,
                columns,
                split.with_customer,
                split.rows,
                line=line,
                amount=returned,
                items=items,
                taken_out=status,
            )
        )
        if found.free is not None and found.free.with_customer:
            self.free_rows(found, first, where)

    def spare(self, found: Found, name: str) -> str:
        """A name for a computed column that no column of the file has."""
        taken = {c.casefold() for c in found.file.columns}
        return name if name not in taken else f"{name}_value"

    def free_rows(self, found: Found, first: SourceText, where: str | None) -> None:
        split = found.free
        assert split is not None
        kind = self.free("free_item")
        keys = {k: v for k, v in first.keys.items() if k not in ("where", "lines", "sum")}
        text = SourceText(kind, keys)
        text.above.append(
            f"Rows that cost nothing: {split.rows:,}, {split.with_customer:,} of them with a customer. Kept, so that whoever has "
            "nothing else still counts as a customer; remove this source if they should not."
        )
        parts = [where, f"not ({found.cancelled.where})" if found.cancelled else None, f"not ({split.where})"]
        text.keys["where"] = " and ".join(p for p in parts if p)
        self.made.texts.append(_ordered(text))
        self.made.kinds.append(Kind(kind, "free", found, {}, split.with_customer, split.rows))

    def split(self, found: Found) -> None:
        """Several kinds of events from one file."""
        words = set(words_of(found.file.name))
        mail = bool(words & {"email", "emails", "mail", "mails", "newsletter", "mailing", "campaign", "campaigns"})
        assert found.kind is not None
        column = written(found.kind)
        if not mail:
            name = "activity" if "activity" not in self.taken else f"{slug(found.file.name)}_activity"
            self.one(found, name, "activity")
            listed = len(found.values)
            self.made.texts[-1].above.append(
                f"Everything in it is `{name}`; {found.kind} tells {listed} kinds of it apart, each below under its own name."
            )
        for n, value in enumerate(found.values[:25]):
            role = _role_of(value, mail)
            name = slug(value.value)
            if mail and not name.startswith("email"):
                name = f"email_{name}"
            self.one(
                found,
                name,
                role if self.made.kind(role) is None or role == "other" else "other",
                where=f"{column} = {_text(value.value)}",
                rows=value.rows,
                note=mail and n == 0,
                customers=value.customers,
                value=value.value,
            )

    def deals(self, found: Found, base: str) -> None:
        """Opportunities: all of them, those won and those lost."""
        self.one(found, base, "deal")
        status = found.status
        assert status is not None
        closed = found.meaning.get("closed")
        for role, wanted, name in (("order", WON, "won"), ("lost", LOST, "lost")):
            values = [v for v in found.states if folded(v.value) in wanted]
            if not values:
                continue
            before = len(self.made.texts)
            where = f"{written(status)} = {_text(values[0].value)}"
            self.one(
                found,
                name,
                role,
                where=where,
                rows=values[0].rows,
                note=False,
                customers=values[0].customers,
                value=values[0].value,
            )
            text = self.made.texts[before]
            if closed is not None:
                text.keys["time"] = closed
            text.compact = False
            text.above.append(f"Deals {name}: {values[0].rows:,}" + (f", at the time of {closed}." if closed is not None else "."))


def _role_of(value: Value, mail: bool) -> str:
    word = folded(value.value)
    for role, words in (("order", BUYING), ("cart", CART), ("checkout", CHECKOUT), ("search", SEARCH), ("view", VIEWS)):
        if word in words and not mail:
            return role
    for role, words in (("opened", OPENED), ("clicked", CLICKED), ("unsubscribed", UNSUBSCRIBED), ("sent", SENT)):
        if word in words and (mail or word.startswith(("email", "unsub"))):
            return role
    return "other"


def _is_order(found: Found) -> bool:
    """Whether the rows of a file are purchases."""
    if found.kind is not None or found.scales:
        return False
    words = {singular(w) for w in words_of(found.file.name)}
    if words & {"refund", "return", "cancellation", "email", "mail", "survey", "support", "visit"}:
        return False
    bought = found.amount is not None or found.lines is not None or found.basket
    plain = not found.meaning or set(found.meaning) <= {"quantity", "product"}
    return bought or bool(words & {"order", "purchase", "transaction", "sale", "invoice"}) or plain


def _is_pipeline(found: Found) -> bool:
    return any(folded(v.value) in WON for v in found.states)


def _numeric(found: Found, columns: Mapping[str, str], name: str) -> bool:
    meaning = next((m for m, c in columns.items() if c == name), "")
    column: SeenColumn | None = found.column(meaning)
    return column is not None and column.numeric


def _renames(
    columns: Mapping[str, SeenColumn],
    used: set[str | None],
    reserved: Iterable[str],
    also: Iterable[str],
    wanted: Mapping[str, str],
    plain: bool = False,
) -> dict[str, str]:
    """File's column → the name it gets, for those that get another one than their own."""
    blocked = {r.casefold() for r in reserved} | set(also)
    keep = {c.casefold() for c in columns if c not in used and c not in wanted}
    few = not plain and sum(not is_bare(c) for c in columns) <= 12
    out: dict[str, str] = {}
    seen: set[str] = set()
    for column in columns:
        if column in used:
            continue
        name = wanted.get(column, column)
        if name != column and (name.casefold() in keep or name.casefold() in seen or name.casefold() in blocked):
            name = column
        strange = not is_bare(name) and few
        if strange or name.startswith("_") or name.casefold() in blocked or name.casefold() in seen:
            base = slug(name.lstrip("_"))
            base = {"id": "row_id", "time": "clock_time", "customer": "customer_name"}.get(base, base)
            base = base if base.lower() not in RESERVED and base != "as_of" else f"{base}_value"
            name, n = base, 2
            while name.casefold() in seen or name.casefold() in blocked or (name.casefold() in keep and name != column):
                name, n = f"{base}_{n}", n + 1
        seen.add(name.casefold())
        if name != column:
            out[column] = name
    return out


def _renamed_expression(expression: str, renamed: Mapping[str, str]) -> str:
    for old, new in renamed.items():
        expression = expression.replace(written(old), new)
    return expression


_ORDER = ("path", "sheet", "options", "customer", "time", "id", "where", "columns", "lines", "sum")


def _ordered(text: SourceText) -> SourceText:
    text.keys = {k: text.keys[k] for k in (*_ORDER, *text.keys) if k in text.keys}
    return text


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _texts(values: Iterable[str]) -> str:
    return ", ".join(_text(v) for v in values)


def _about_scale(scale: object) -> str:
    from coterie.sources.scales import Scale

    assert isinstance(scale, Scale)
    how = "named alike" if scale.by_name else "answered alike"
    several = len(scale.reversed) > 1
    verb = "run against the others and are turned" if several else "runs against the others and is turned"
    turned = f"; {', '.join(scale.reversed)} {verb}" if scale.reversed else ""
    return f"the mean of {', '.join(scale.items)}, which are {how}{turned}"


def is_flag(column: SeenColumn) -> bool:
    """Whether a column says yes or no: a truth value, or 0 and 1."""
    return column.type == BOOLEAN or (column.numeric and column.distinct == 2 and column.range() == (0, 1))
