"""Detection: what files and their columns are, from names (in several languages) and from values.

Values have the last word: an id has to identify, an order has one customer and one time, a foreign key is one because its
values are found in the other file. Every guess carries its reason in numbers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from coterie.core.errors import DataError, MissingColumn, did_you_mean
from coterie.language.names import written
from coterie.language.types import BOOLEAN, DATE, INTEGER, TEXT
from coterie.sources.countries import country_share
from coterie.sources.findings import Amount, Detection, Found, Guess, Role, Split, Value
from coterie.sources.measures import (
    alike,
    can_identify,
    counts,
    finest,
    happened,
    linked,
    negative_prefix,
    numbers_rows,
    per_unit,
    plausible,
    spread,
    values_of,
)
from coterie.sources.scales import scales
from coterie.sources.seen import NO_DAY, SeenFile, day_numbers, overlap
from coterie.sources.states import BUYING, CANCELLED, CART, STATES, folded
from coterie.sources.vocabulary import identifies, meanings

Asked = str | Mapping[str, str] | None
"""What a person said: a column for every file that has it, or file → column."""


def detect(
    files: Sequence[SeenFile], *, customer: Asked = None, time: Asked = None, amount: Asked = None, id: Asked = None
) -> Detection:
    """Find out what files are.

    Args:
        files: the files, read.
        customer, time, amount, id: columns that a person named, for all files that have them or by file.

    Raises:
        MissingColumn: a named column is in none of the files.
        DataError: E220, no column names the customer; E221, several could and nothing decides.
    """
    return _Detective(files, {"customer": customer, "time": time, "amount": amount, "id": id}).solve()


_GROUPS: tuple[tuple[str, ...], ...] = (
    ("email", "phone", "first_name", "last_name", "full_name", "birth_date", "birth_year", "age", "gender", "income"),
    ("education", "marital", "household", "children", "occupation", "language", "loyalty", "consent", "tenure", "churn"),
    ("plan", "payment", "charge", "charged", "device", "since"),
)
_PERSONAL = {m for group in _GROUPS for m in group}
_PLACES = ("country", "region", "city", "postcode", "latitude", "longitude", "setting")
_FIRM = ("company", "industry", "employees", "annual_revenue")
_WHOLE_NAMES = ("customer", "order", "product", "session", "month_name", "day_of", "occupation", "acquisition", "response")
"""Meanings that only a whole name says, not a part of it (`MntMeatProducts` is no product)."""
_OF_EVENTS = ("time", "customer", "order", "product", "event", "session", "store", "amount", "price", "quantity", "status")
"""Meanings that columns of events have and those of a customer hardly."""
_MEASURES = ("amount", "price", "quantity", "discount", "charge", "charged", "annual_revenue", "points", "recency", "frequency")


class _Detective:
    def __init__(self, files: Sequence[SeenFile], asked: Mapping[str, Asked]):
        self.files = list(files)
        self.asked = asked
        self.guesses: list[Guess] = []
        self.questions: list[str] = []
        self.hub: SeenFile | None = None
        self.key: str | None = None
        self.business = False
        for role, said in asked.items():
            self._known(role, said)

    def _known(self, role: str, said: Asked) -> None:
        names = [said] if isinstance(said, str) else list((said or {}).values())
        for name in names:
            if not any(name in f.columns for f in self.files):
                every = sorted({c for f in self.files for c in f.columns})
                raise MissingColumn(
                    f"no file has a column {name!r}, which was named as {role}", hint=did_you_mean(name, every, "There are")
                )

    def said(self, role: str, file: SeenFile) -> str | None:
        asked = self.asked.get(role)
        if isinstance(asked, str):
            return asked if asked in file.columns else None
        if asked:
            return next((c for f, c in asked.items() if f in (file.name, file.path) and c in file.columns), None)
        return None

    # --- all files ---------------------------------------------------------------------------------------------------

    def solve(self) -> Detection:
        for file in self.files:
            if not file.rows:
                self.questions.append(f"{file.label} has no rows, so nothing can be found out about it")
        self.files = [f for f in self.files if f.rows]
        if not self.files:
            raise DataError("the files have no rows", code="E223", hint="name files that hold some data")
        self.find_hub()
        found = [self.hub_found()] if self.hub is not None else []
        rest = [f for f in self.files if f is not self.hub]
        events = [e for f in rest if (e := self.events(f)) is not None]
        if not found and not events:
            self.business = True
            self.find_hub()
            found = [self.hub_found()] if self.hub is not None else []
            rest = [f for f in self.files if f is not self.hub]
            events = [e for f in rest if (e := self.events(f)) is not None]
        if not found and not events:
            raise self.nobody()
        seen = {id(e.file) for e in events}
        for file in rest:
            if id(file) not in seen:
                found.append(self.beside(file, found[0] if found and found[0].role == "customers" else None))
        found += events
        order = {id(f): n for n, f in enumerate(self.files)}
        roles = {"customers": 0, "lookup": 1, "accounts": 2, "events": 3, "unused": 4}
        found.sort(key=lambda f: (roles[f.role], order[id(f.file)]))
        accounts = next((f for f in found if f.role == "accounts"), None)
        if accounts is not None:
            found = [replace(f, account=accounts.looked_up) if f.role == "customers" else f for f in found]
        return Detection(tuple(found), tuple(self.guesses), tuple(self.questions), self.business)

    def guess(self, file: SeenFile, role: str, column: str, why: str, confidence: float, others: Iterable[str] = ()) -> None:
        self.guesses.append(Guess(file.name, role, column, why, round(confidence, 2), tuple(others)))

    def nobody(self) -> DataError:
        names = ", ".join(f.label for f in self.files)
        columns = [c for f in self.files for c in f.columns]
        listed = ", ".join(columns[:15]) + (", …" if len(columns) > 15 else "")
        return DataError(
            f"no column of {names} says who the customer is: looked for a name such as customer_id, user, client, kunde or "
            f"email, for a column with a value of its own on every row, and for one that every order has just one of. "
            f"Columns: {listed}",
            code="E220",
            hint="name it: coterie init --customer COLUMN; if each row is one customer and no column says which, write in "
            "coterie.yaml: sources: {customers: {path: FILE, id: _line}}, where each row is the customer of its line",
        )

    # --- the customers file ------------------------------------------------------------------------------------------

    def keys(self, file: SeenFile) -> list[tuple[str, float]]:
        """Columns with a value of its own on every row that can name it, best first."""
        out = []
        for column in file.columns.values():
            if not column.countable or not column.unique or (file.rows > 1 and column.distinct < 2):
                continue
            said = meanings(column.name)
            if any(said.get(m, 0) >= 0.75 for m in (*_MEASURES, "age", "product_text", "text", "birth_date")):
                continue
            who = max(said.get("customer", 0), 0.28 * said.get("email", 0), 0.9 * said.get("account", 0) if self.business else 0)
            score = who if who >= 0.6 else max(who, 0.3 if identifies(column.name) else 0.0)
            rivals = ("order", "event_id", "session", "product", "postcode", *(() if self.business else ("account",)))
            other = max((said.get(m, 0) for m in rivals), default=0)
            if other >= 0.6 and who < other:
                score = -1.0
            if score == 0:
                if column.type == INTEGER and not numbers_rows(column):
                    continue
                if column.text_share > 0.3:
                    score = -0.2
            out.append((column.name, score))
        return sorted(out, key=lambda c: -c[1])

    def find_hub(self) -> None:
        best: tuple[float, SeenFile, str] | None = None
        for file in self.files:
            named = self.said("id", file) or (self.said("customer", file) if self.no_time(file) else None)
            if named is not None and file.columns[named].unique and (self.said("id", file) is None or self.no_time(file)):
                candidates = [(named, 3.0)]
            else:
                candidates = self.keys(file)[:3]
            for key, named_score in candidates:
                score = named_score + self.personal(file, key)
                if best is None or score > best[0]:
                    best = (score, file, key)
        self.hub, self.key = None, None
        if best is not None and best[0] >= 0.6:
            self.hub, self.key = best[1], best[2]

    def no_time(self, file: SeenFile) -> bool:
        return not any(c.dated and happened(c.name) >= 0.8 for c in file.columns.values())

    def personal(self, file: SeenFile, key: str) -> float:
        """How much a file looks like one row per customer, beside the name of its key."""
        word = meanings(file.name)
        score = 0.6 if word.get("customer", 0) >= 0.6 else 0.0
        if max(word.get(m, 0) for m in ("order", "product", "event", "session")) if word else 0:
            score -= 0.6
        if word.get("account", 0) >= 0.6 and not self.business:
            score -= 0.6
        said = {m for c in file.columns.values() if c.name != key for m, w in meanings(c.name).items() if w >= 0.75}
        score += min(0.6, 0.1 * len(said & (_PERSONAL | set(_FIRM if self.business else ()))))
        times = [c for c in file.columns.values() if c.dated and happened(c.name) >= 0.8]
        if times:
            score -= 0.6
            if "amount" in said or "product" in said or "quantity" in said:
                score -= 0.5
        else:
            score += 0.3
        if not self.business and said & set(_PLACES) and not said & _PERSONAL and meanings(key).get("customer", 0) < 0.6:
            score -= 0.3
        mine = file.columns[key]
        for other in self.files:
            if other is file:
                continue
            for column in other.columns.values():
                foreign = column.countable and column.distinct >= 5 and not column.unique and alike(column, mine)
                if foreign and overlap(column, mine) >= 0.5:
                    return score + 0.4
        return score

    def hub_found(self) -> Found:
        assert self.hub is not None
        assert self.key is not None
        file, key = self.hub, self.hub.columns[self.key]
        meaning = self.roles(file, taken=(self.key,))
        since = meaning.get("since") or meaning.get("time")
        rows, distinct = len(key.values), key.distinct
        why = f"{distinct:,} different values on {rows:,} rows, so it names the {'company' if self.business else 'customer'}"
        if distinct < key.known:
            why += f"; {key.known - distinct:,} rows repeat an id"
            self.questions.append(
                f"{file.label}: {key.known - distinct:,} rows repeat a value of {self.key}; of rows with the same id one is kept"
            )
        if key.missing:
            why += f"; {key.missing:,} rows have none and are kept aside"
        others = [n for n, s in self.keys(file) if n != self.key and s > 0]
        self.guess(file, "id", self.key, why, 0.95 if meanings(self.key).get("customer") else 0.7, others)
        if since is not None:
            column = file.columns[since]
            self.guess(file, "since", since, f"days from {column.first_day()} to {column.last_day()}", 0.8)
        return Found(
            file,
            "customers",
            why=why,
            id=self.key,
            since=since,
            meaning={m: c for m, c in meaning.items() if m not in _OF_EVENTS},
            scales=scales(file),
            nameless=key.missing,
            customers=distinct,
        )

    # --- meanings of columns -----------------------------------------------------------------------------------------

    def roles(self, file: SeenFile, taken: Iterable[str] = ()) -> dict[str, str]:
        """Meaning → column: each column has one, each meaning the column that fits best."""
        claims = []
        for position, column in enumerate(file.columns.values()):
            if column.name in taken or not column.known:
                continue
            for meaning, weight in meanings(column.name).items():
                score = weight * plausible(meaning, column)
                if score >= (0.9 if meaning in _WHOLE_NAMES else 0.6):
                    claims.append((-score, position, meaning, column.name))
            if column.email_share > 0.9 and not meanings(column.name).get("email"):
                claims.append((-0.9, position, "email", column.name))
            few = column.type == TEXT and 2 <= column.distinct <= 250 and not meanings(column.name)
            if few and country_share(v for v, _ in column.top(250)) >= 0.6:
                claims.append((-0.7, position, "country", column.name))
        out: dict[str, str] = {}
        used: set[str] = set()
        for _, _, meaning, name in sorted(claims):
            if meaning not in out and name not in used:
                out[meaning] = name
                used.add(name)
        return out

    # --- events ------------------------------------------------------------------------------------------------------

    def events(self, file: SeenFile) -> Found | None:
        """What an event file's columns are, or None where it is none."""
        time, later = self.find_time(file)
        if time is None:
            return None
        chosen = self.find_customer(file, time)
        if chosen is None:
            return None
        customer, match, order, why, sure, others = chosen
        column = file.columns[customer]
        meaning = self.roles(file, taken=(customer, time))
        order = order or self.find_order(file, customer, time, meaning)
        row_id = None if order is not None else self.find_id(file, customer, meaning)
        named = f"{column.distinct:,} different values over {len(column.values):,} rows, so it names the customer"
        if why:
            named += f" ({why})"
        if column.missing:
            share = 100 * column.missing / len(column.values)
            named += f"; {column.missing:,} rows, {share:.1f} %, have none: they are kept aside and counted"
        self.guess(file, "customer", customer, named, sure, others)
        stamp = file.columns[time]
        self.guess(file, "time", time, f"from {stamp.first_day()} to {stamp.last_day()}", 0.9 if not later else 0.7, later)
        for taken in (order, row_id):
            meaning = {m: c for m, c in meaning.items() if c != taken}
        kind, values = self.find_kind(file, customer, meaning)
        amount = self.find_amount(file, customer, meaning, order)
        for known, found in (("price", amount and amount.price), ("quantity", amount and amount.quantity)):
            if found and known not in meaning:
                meaning[known] = found
        if amount is not None and kind is None and not {"product", "product_text"} & meaning.keys():
            product = self.find_product(file, customer, order, meaning)
            if product is not None:
                meaning["product"] = product
        status, states = self.find_status(file, customer, meaning)
        cancelled, free = self.find_cancelled(file, customer, order, amount, status, meaning)
        if order is not None:
            lines = file.columns[order]
            self.guess(
                file,
                "lines",
                order,
                f"{lines.distinct:,} orders over {lines.known:,} rows, each with one customer and one time",
                0.9,
            )
        if amount is not None:
            self.guess(file, "amount", amount.expression, self.amount_why, self.amount_sure)
        basket = order is None and row_id is None and kind is None and self.is_basket(file, customer, time, meaning)
        marks = scales(file) if kind is None and amount is None else ()
        used = {customer, time, order, row_id, kind, *(c for s in marks for c in s.items)}
        profile = [] if column.unique else self.profile(file, customer, used, meaning)
        return Found(
            file,
            "events",
            why=named,
            id=row_id,
            customer=customer,
            time=time,
            lines=order,
            basket=basket,
            meaning=meaning,
            amount=amount,
            cancelled=cancelled,
            free=free,
            kind=kind,
            values=values,
            status=status,
            states=states,
            profile=tuple(profile),
            scales=marks,
            nameless=column.missing,
            customers=column.distinct,
            match=match,
        )

    def find_time(self, file: SeenFile) -> tuple[str | None, list[str]]:
        """The column that says when, and others that could."""
        named = self.said("time", file)
        if named is not None:
            if not file.columns[named].dated:
                raise DataError(
                    f"{named} of {file.label} was named as the time, and it is {file.columns[named].type}",
                    code="E222",
                    hint="name a column of dates or times",
                )
            return named, []
        scored = []
        for position, column in enumerate(file.columns.values()):
            if not column.dated or not column.known:
                continue
            said = meanings(column.name)
            if said.get("birth_date", 0) >= 0.6:
                continue
            known = column.known / len(column.values)
            name = happened(column.name) or (0.3 if said else 0.5)
            scored.append((-(name + known + (0.1 if column.type != DATE else 0)), position, column.name))
        scored.sort()
        return (scored[0][2], [n for _, _, n in scored[1:]]) if scored else (None, [])

    def find_customer(self, file: SeenFile, time: str) -> tuple[str, float | None, str | None, str, float, list[str]] | None:
        """(column, share found in the customers file, order column found on the way, why, how sure, others)."""
        key = self.hub.columns[self.key] if self.hub is not None and self.key is not None else None
        named = self.said("customer", file)
        if named is not None:
            match = overlap(file.columns[named], key) if key is not None else None
            return named, match, None, "named by you", 1.0, []
        scored = []
        for column in file.columns.values():
            if not column.countable or column.distinct < 1 or column.name == time:
                continue
            said = meanings(column.name)
            who = max(said.get("customer", 0), 0.7 * said.get("email", 0))
            if self.business or not who:
                who = max(who, 0.9 * said.get("account", 0) if self.business else 0)
            if any(said.get(m, 0) > who for m in ("country", "city", "region", "language", "status", "sales_channel")):
                who = 0.0
            match = overlap(column, key) if key is not None and alike(column, key) else None
            if who < 0.6 and not (match and match >= 0.5 and linked(column, key, self.key)):
                continue
            if key is not None and (match or 0) < 0.05 and column.distinct >= 5:
                who -= 0.5
            scored.append((who + (match or 0), column.name, match, who))
        scored.sort(key=lambda s: -s[0])
        if scored and scored[0][0] >= 0.45:
            _, name, match, who = scored[0]
            why = f"{100 * match:.1f} % of them are in {self.hub.label}" if match is not None and self.hub else ""
            return name, match, None, why, min(0.98, 0.5 + 0.5 * max(who, match or 0)), [s[1] for s in scored[1:]]
        if key is not None or self.business or any(meanings(c).get("account", 0) >= 0.6 for c in file.columns):
            return None
        return self.by_structure(file, time)

    def by_structure(self, file: SeenFile, time: str) -> tuple[str, float | None, str | None, str, float, list[str]] | None:
        """The customer by values alone: the finest column that every order has just one of."""
        ids = [c for c in file.columns.values() if can_identify(c) and c.name != time]
        mails = [c for c in ids if c.email_share > 0.9]
        if mails:
            return mails[0].name, None, None, "its values are e-mail addresses", 0.8, []
        repeated = [c for c in ids if not c.unique]
        orders = [c for c in repeated if file.decides(c.name, time) >= 0.95 and c.known >= 1.2 * c.distinct]
        orders.sort(key=lambda c: -c.distinct)
        if orders:
            order = orders[0]
            owners = [
                c
                for c in repeated
                if c.name != order.name and c.distinct < order.distinct and file.decides(order.name, c.name) >= 0.98
            ]
            owners.sort(key=lambda c: -c.distinct)
            owner = finest(owners, file)
            if owner is not None:
                why = f"every {order.name} has just one, and each comes back on several times"
                return owner.name, None, order.name, why, 0.75, [c.name for c in owners if c is not owner]
        owner = finest(repeated, file)
        if owner is not None:
            why = "the finest column whose values come back"
            return owner.name, None, None, why, 0.5, [c.name for c in repeated if c is not owner]
        if repeated and len(self.files) == 1:
            listed = ", ".join(f"{c.name} ({c.distinct:,} different)" for c in repeated)
            raise DataError(
                f"several columns of {file.label} could name the customer, and neither names nor values decide: {listed}",
                code="E221",
                hint=f"say which: coterie init {file.path} --customer {repeated[0].name}",
            )
        return None

    def find_order(self, file: SeenFile, customer: str, time: str, meaning: Mapping[str, str]) -> str | None:
        """The column by which rows are lines of one order, if rows are."""
        for name in sorted(file.columns, key=lambda n: -meanings(n).get("order", 0)):
            column, said = file.columns[name], meanings(name)
            if name in (customer, time) or not column.countable or said.get("order", 0) < 0.6 or column.unique:
                continue
            if said.get("session", 0) >= 0.6 or column.distinct < 2 or not can_identify(column):
                continue
            if file.decides(name, customer) >= 0.9 and file.decides(name, time) >= 0.8:
                return name
        if not ({"product", "quantity", "price", "amount"} & set(meaning)) and any(meanings(c) for c in file.columns):
            return None
        if any(meanings(c).get("event", 0) >= 0.6 for c in file.columns):
            return None
        for column in sorted(file.columns.values(), key=lambda c: -c.distinct):
            said = meanings(column.name)
            if column.name in (customer, time) or column.unique or not can_identify(column) or column.text_share > 0.3:
                continue
            if (said and not identifies(column.name)) or any(said.get(m, 0) >= 0.6 for m in ("session", "product", "customer")):
                continue
            fine = column.distinct > file.columns[customer].distinct and column.known >= 1.2 * column.distinct
            if fine and file.decides(column.name, customer) >= 0.98 and file.decides(column.name, time) >= 0.95:
                return column.name
        return None

    def find_id(self, file: SeenFile, customer: str, meaning: Mapping[str, str]) -> str | None:
        """The column that identifies an event."""
        named = self.said("id", file)
        if named is not None:
            return named
        best = (0.0, "")
        for column in file.columns.values():
            said = meanings(column.name)
            if column.name == customer or not column.countable or not column.unique:
                continue
            if column.distinct < column.known and said.get("event_id", 0) < 0.6:
                continue
            score = max(said.get("event_id", 0), 0.9 * said.get("order", 0), 0.7 if identifies(column.name) else 0)
            if meaning.get("amount") == column.name or meaning.get("product_text") == column.name:
                continue
            best = max(best, (score, column.name))
        if best[0] >= 0.5:
            column = file.columns[best[1]]
            repeats = column.known - column.distinct
            why = f"a value of its own on every row but {repeats:,}" if repeats else "a value of its own on every row"
            self.guess(file, "id", best[1], why, best[0])
            return best[1]
        return None

    def find_product(self, file: SeenFile, customer: str, order: str | None, meaning: Mapping[str, str]) -> str | None:
        """What was bought, by values: texts that come back and that neither the customer nor the order decides."""
        out = []
        for column in file.columns.values():
            if column.type != TEXT or meanings(column.name) or column.name in (customer, order) or column.name in meaning.values():
                continue
            if not 10 <= column.distinct <= len(column.values) / 3 or column.email_share > 0.5:
                continue
            if file.decides(customer, column.name) < 0.5 and (order is None or file.decides(order, column.name) < 0.9):
                out.append((column.text_share, column.name))
        if not out:
            return None
        name = min(out)[1]
        self.guess(file, "product", name, f"{file.columns[name].distinct:,} different texts that come back at many customers", 0.6)
        return name

    def find_kind(self, file: SeenFile, customer: str, meaning: Mapping[str, str]) -> tuple[str | None, tuple[Value, ...]]:
        """The column that tells kinds of events apart."""
        named = meaning.get("event")
        options = [named] if named else []
        for column in file.columns.values():
            if column.type == TEXT and 2 <= column.distinct <= 60 and column.name != named and not meanings(column.name):
                known = {folded(str(v)) for v, _ in column.top(60)}
                if known & BUYING and known & (CART | frozenset(("pageview", "productview", "view", "search", "login", "visit"))):
                    options.append(column.name)
        for name in options:
            column = file.columns[name]
            if column.type == TEXT and 2 <= column.distinct <= 60 and column.missing <= 0.2 * len(column.values):
                values = values_of(column, file.columns[customer])
                listed = ", ".join(v.value for v in values[:6]) + (", …" if len(values) > 6 else "")
                self.guess(file, "event", name, f"{len(values)} kinds of events: {listed}", 0.9)
                return name, values
        return None, ()

    def find_status(self, file: SeenFile, customer: str, meaning: Mapping[str, str]) -> tuple[str | None, tuple[Value, ...]]:
        name = meaning.get("status")
        if name is None:
            return None, ()
        column = file.columns[name]
        values = values_of(column, file.columns[customer])
        known = [v for v in values if folded(v.value) in STATES]
        if column.type != TEXT or not known:
            return None, ()
        self.guess(file, "status", name, f"states: {', '.join(v.value for v in values[:8])}", 0.8)
        return name, values

    # --- what an event is worth --------------------------------------------------------------------------------------

    amount_why = ""
    amount_sure = 0.0

    def find_amount(self, file: SeenFile, customer: str, meaning: Mapping[str, str], order: str | None) -> Amount | None:
        named = self.said("amount", file)
        if named is not None:
            self.amount_why, self.amount_sure = "named by you", 1.0
            return Amount(total=named)
        total, price, quantity = meaning.get("amount"), meaning.get("price"), meaning.get("quantity")
        discount, rate = meaning.get("discount"), False
        if total is not None:
            self.amount_why, self.amount_sure = f"a sum on every row, {spread(file.columns[total])}", 0.9
            return Amount(total=total, quantity=quantity)
        known = {customer, order, *(c for m, c in meaning.items() if m not in ("amount", "price", "quantity", "discount"))}
        numbers = [c for c in file.columns.values() if c.numeric and c.name not in known and c.distinct > 2]
        nameless = [c for c in numbers if not meanings(c.name) or c.name in (price, quantity)]
        if price is None:
            money = [c for c in nameless if c.type != INTEGER and c.name != quantity]
            price = money[0].name if len(money) == 1 or (money and not any(meanings(c.name) for c in numbers)) else None
            if len(money) > 1 and price is not None:
                self.questions.append(
                    f"{file.label}: {price} is taken as the price or amount; {', '.join(c.name for c in money[1:])} could be, too"
                )
        if price is None:
            return None
        if quantity is None:
            pieces = [c for c in nameless if c.type == INTEGER and c.name != price and counts(c)]
            quantity = pieces[0].name if len(pieces) == 1 else None
        if quantity is None:
            self.amount_why, self.amount_sure = f"the only price, {spread(file.columns[price])}", 0.8
            return Amount(total=price)
        of_one = per_unit(file.columns[price], file.columns[quantity])
        says_unit = meanings(price).get("price", 0) >= 0.6
        if not of_one and not says_unit:
            self.amount_why = f"it grows with {quantity}, so it is a total and no unit price"
            self.amount_sure = 0.7
            return Amount(total=price, quantity=quantity)
        if discount is not None:
            column = file.columns[discount]
            top = column.range()[1]
            rate = top is not None and top <= 1 and column.type != INTEGER
            if top is not None and 1 < top <= 100 and column.type == INTEGER and column.distinct <= 30:
                self.questions.append(f"{file.label}: is {discount} a percentage or an amount? It is not taken off the amount yet")
                discount = None
        because = "by its name" if says_unit else f"it does not grow with {quantity}"
        self.amount_why = f"{price} is the price of one ({because}), {quantity} how many"
        self.amount_sure = 0.9 if says_unit else 0.7
        return Amount(price=price, quantity=quantity, discount=discount, rate=rate)

    def find_cancelled(
        self,
        file: SeenFile,
        customer: str,
        order: str | None,
        amount: Amount | None,
        status: str | None,
        meaning: Mapping[str, str],
    ) -> tuple[Split | None, Split | None]:
        """Rows that take something back, and rows that cost nothing."""
        who = file.columns[customer].codes >= 0
        signed = None if amount is None else amount.total or amount.quantity
        numbers = file.columns[signed].numbers if signed else None
        negative = numbers < 0 if numbers is not None else np.zeros(len(who), np.bool_)
        cancelled: Split | None = None
        mask = np.zeros(len(who), np.bool_)
        ids = order or meaning.get("order") or self.find_quiet_id(file, customer)
        if ids is not None and file.columns[ids].type == TEXT and negative.any():
            letter, rows = negative_prefix(file.columns[ids], negative)
            if letter is not None:
                mask = rows
                share = 100 * float(np.mean(negative[rows]))
                why = f"{ids} starts with '{letter}' on {int(rows.sum()):,} rows, {share:.0f} % of them negative: cancellations"
                cancelled = Split(f"{written(ids)} starts with '{letter}'", int(rows.sum()), int((rows & who).sum()), why, True)
        if cancelled is None and status is not None:
            column = file.columns[status]
            back = [str(v) for v, _ in column.top(60) if folded(str(v)) in CANCELLED]
            if back:
                chosen = [i for i in range(column.distinct) if str(column.encoded[1][i].as_py()) in back]
                mask = np.isin(column.codes, chosen)
                listed = ", ".join("'" + v.replace("'", "''") + "'" for v in sorted(back))
                condition = f"{written(status)} in ({listed})"
                why = f"{status} is {listed.replace(chr(39), '')} on {int(mask.sum()):,} rows"
                cancelled = Split(condition, int(mask.sum()), int((mask & who).sum()), why, bool(negative[mask].mean() > 0.5))
        if cancelled is None and 0 < negative.mean() <= 0.4:
            mask = negative
            if signed is not None:
                why = f"{signed} is negative on {int(mask.sum()):,} rows: refunds or cancellations"
                cancelled = Split(f"{written(signed)} < 0", int(mask.sum()), int((mask & who).sum()), why, True)
        if cancelled is not None:
            self.guess(file, "cancelled", cancelled.where, cancelled.why, 0.85)
        free: Split | None = None
        if amount is not None and amount.price is not None and amount.quantity is not None:
            price, quantity = file.columns[amount.price].numbers, file.columns[amount.quantity].numbers
            rows = ~mask & ((price <= 0) | (quantity <= 0))
            if rows.any():
                condition = f"{written(amount.quantity)} > 0 and {written(amount.price)} > 0"
                why = (
                    f"{int(rows.sum()):,} rows without a positive price and quantity are no purchase "
                    f"({int((rows & who).sum()):,} of them have a customer)"
                )
                free = Split(condition, int(rows.sum()), int((rows & who).sum()), why)
                self.guess(file, "free", condition, why, 0.8)
        return cancelled, free

    def find_quiet_id(self, file: SeenFile, customer: str) -> str | None:
        return next(
            (c.name for c in file.columns.values() if c.type == TEXT and c.unique and c.name != customer and c.text_share < 0.1),
            None,
        )

    def is_basket(self, file: SeenFile, customer: str, time: str, meaning: Mapping[str, str]) -> bool:
        """Whether rows are things bought and several of them fall on one customer and one moment."""
        if "product" not in meaning and "product_text" not in meaning:
            return False
        if file.columns[time].type != DATE:
            return False
        codes, days = file.columns[customer].codes, day_numbers(file.columns[time])
        both = (codes >= 0) & (days != NO_DAY)
        pairs = np.unique(codes[both] * np.int64(1_000_000) + days[both]).size
        return bool(both.sum() >= 1.2 * pairs)

    def profile(self, file: SeenFile, customer: str, used: set[str | None], meaning: Mapping[str, str]) -> list[str]:
        """Columns that belong to the customer, though the events carry them."""
        kept = ("amount", "price", "quantity", "discount", "order", "product", "event", "status", "product_text", "category")
        skip = {meaning[m] for m in kept if m in meaning}
        out = []
        for column in file.columns.values():
            if column.name in used or column.name in skip or column.distinct < 2 or column.dated:
                continue
            if column.type not in (TEXT, INTEGER, BOOLEAN) or column.distinct > file.columns[customer].distinct:
                continue
            if file.decides(customer, column.name) >= 0.98:
                out.append(column.name)
        return out

    # --- files beside ------------------------------------------------------------------------------------------------

    def beside(self, file: SeenFile, hub: Found | None) -> Found:
        """A file without customers or without times: accounts, a lookup, or of no use."""
        meaning = self.roles(file)
        firm = bool({"company", "industry", "employees", "annual_revenue"} & set(meaning))
        if hub is not None:
            best: tuple[float, str, str] | None = None
            for key in file.columns.values():
                if not key.countable or key.distinct < key.known or key.missing or not key.known:
                    continue
                for column in hub.file.columns.values():
                    if column.name == hub.id or not column.countable or column.distinct < 2 or not alike(column, key):
                        continue
                    same = meanings(column.name).keys() & meanings(key.name).keys() or column.name == key.name
                    share = overlap(column, key)
                    if share >= 0.5 and (same or column.distinct >= 20):
                        best = max(best or (0.0, "", ""), (share + (1 if same else 0), key.name, column.name))
            if best is not None:
                share = overlap(hub.file.columns[best[2]], file.columns[best[1]])
                why = f"{100 * share:.1f} % of the values of {best[2]} in {hub.file.label} are in its {best[1]}"
                role: Role = "accounts" if firm or meanings(best[1]).get("account", 0) >= 0.6 else "lookup"
                self.guess(file, role, best[1], why, min(0.95, 0.4 + share / 2))
                meaning = self.roles(file, taken=(best[1],))
                return Found(file, role, why=why, id=best[1], looked_up=best[2], meaning=meaning)
        return Found(file, "unused", why=self.of_no_use(file, hub), meaning=meaning)

    def of_no_use(self, file: SeenFile, hub: Found | None) -> str:
        mine = hub.file.columns[hub.id] if hub is not None and hub.id is not None else None
        if mine is not None:
            for column in file.columns.values():
                if column.countable and alike(column, mine) and column.distinct >= 5 and overlap(column, mine) >= 0.5:
                    what = "a second file with one row per customer" if column.unique else "rows of customers without a time"
                    self.questions.append(
                        f"{file.label} is {what} (by {column.name}): join it to {hub.file.label if hub else 'the customers file'}, "
                        "or add the time at which each row happened"
                    )
                    return f"{what}, by {column.name}"
        for other in self.files:
            if other is file:
                continue
            for key in file.columns.values():
                if not key.countable or not key.unique:
                    continue
                for column in other.columns.values():
                    if column.countable and not column.unique and alike(column, key) and overlap(column, key) >= 0.5:
                        same = meanings(column.name).keys() & meanings(key.name).keys() or column.name == key.name
                        if same or column.distinct >= 20:
                            self.questions.append(
                                f"{file.label} describes {column.name} of {other.label}, not customers: a lookup adds columns to "
                                f"customers only, so join it to {other.label} first if you need it"
                            )
                            return f"it describes {column.name} of {other.label}, not customers"
        self.questions.append(f"{file.label}: nothing in it names a customer, so it is left out")
        return "nothing in it names a customer"
