"""Where changes of membership go: endpoints, what is still to be sent to them, and sending it.

Each endpoint reads the changes at its own pace. What it has not seen yet is taken as one flush: of several changes of one customer
and one segment only what is left of them counts, and becomes a message with an id that stays the same however often it is sent.
Messages are signed by the scheme of Standard Webhooks, sent again by its schedule, and kept in order for each customer. A thread
of its own does all this; whoever applies messages never waits for it.
"""

import base64
import hmac
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from time import monotonic
from typing import Any

import orjson

from coterie.core.errors import DeliveryError, UnknownName, did_you_mean
from coterie.live.changes import Changed, newest, read
from coterie.live.desk import Desk
from coterie.live.egress import Egress, Refused, Said, target
from coterie.live.log import micros, of_micros

logger = logging.getLogger(__name__)
SCHEDULE = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds after which a message is sent again, as Standard Webhooks proposes; after the last one it is given up."""
JITTER = 0.2
"""A wait is longer or shorter by at most this share."""
FLUSH = 1.0
"""Seconds of changes that are taken together."""
AT_ONCE = 5000
"""Changes of one flush at most."""
FULL = 2000
"""Messages that wait for an endpoint before more changes are looked at."""
BREAK = 5
"""Failures in a row after which an endpoint is left alone for a while."""
CALM = 2
"""Up to which place of the schedule such a while grows."""
PREFIX = "whsec_"
BOTH = timedelta(days=1)
"""How long messages are signed with the secret before, too, after there is another."""
Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where changes go.

    Attributes:
        names: the segments it hears of; none for all.
        disabled: why nothing is sent any more; None where it is.
        after: the number of the last change that it has been told, or that waits for it.
        waiting, sent, lost: messages; lost are those that were given up.
        said: what became of the last attempt.
    """

    id: str
    url: str
    names: tuple[str, ...]
    made: datetime
    disabled: str | None
    after: int
    waiting: int
    sent: int
    lost: int
    said: str


@dataclass(frozen=True, slots=True)
class Message:
    """Something to be sent, always as it is."""

    endpoint: str
    number: int
    customer: str
    id: str
    body: bytes
    attempts: int


# --- endpoints


def add(desk: Desk, url: str, names: Sequence[str], after: int, random: Random, inside: frozenset[str]) -> tuple[Endpoint, str]:
    """Send changes to a URL from now on.

    Args:
        names: of segments or segmentations; none for all.
        after: the number of the newest change: those up to it are not sent.
        inside: as of `egress.target`.

    Returns: the endpoint, and its secret, which is shown this once.

    Raises:
        Refused: nothing is sent there.
    """
    target(url, inside)
    id_ = "ep_" + random(6).hex()
    secret = PREFIX + base64.b64encode(random(32)).decode()
    with desk.transaction() as db:
        db.execute(
            "INSERT INTO endpoint (id, url, secret, names, made, after) VALUES (?, ?, ?, ?, ?, ?)",
            (id_, url, secret, orjson.dumps(list(names)).decode(), micros(desk.clock()), after),
        )
    return endpoint(desk, id_), secret


def remove(desk: Desk, id_: str) -> None:
    """Send nothing there any more, and forget what waits.

    Raises:
        UnknownName: there is no such endpoint.
    """
    endpoint(desk, id_)
    with desk.transaction() as db:
        db.execute("DELETE FROM endpoint WHERE id = ?", (id_,))
        db.execute("DELETE FROM outbox WHERE endpoint = ?", (id_,))
        db.execute("DELETE FROM retired WHERE endpoint = ?", (id_,))


def rotate(desk: Desk, id_: str, random: Random) -> str:
    """Give an endpoint another secret. For a day messages are signed with both, so that its receiver can go over in between.

    Returns: the secret, which is shown this once.

    Raises:
        UnknownName: there is no such endpoint.
    """
    endpoint(desk, id_)
    secret = PREFIX + base64.b64encode(random(32)).decode()
    with desk.transaction() as db:
        db.execute("INSERT INTO retired SELECT id, secret, ? FROM endpoint WHERE id = ?", (micros(desk.clock() + BOTH), id_))
        db.execute("UPDATE endpoint SET secret = ? WHERE id = ?", (secret, id_))
        db.execute("DELETE FROM retired WHERE until <= ?", (micros(desk.clock()),))
    return secret


def enable(desk: Desk, id_: str) -> None:
    """Send again to an endpoint that was disabled, from where it stopped.

    Raises:
        UnknownName: there is no such endpoint.
    """
    endpoint(desk, id_)
    with desk.transaction() as db:
        db.execute("UPDATE endpoint SET disabled = NULL, failures = 0, paused = 0 WHERE id = ?", (id_,))


def endpoints(desk: Desk) -> list[Endpoint]:
    """All endpoints, the oldest first."""
    sql = (
        "SELECT id, url, names, made, disabled, after, "
        "(SELECT count(*) FROM outbox WHERE outbox.endpoint = endpoint.id), sent, lost, said "
        "FROM endpoint ORDER BY made, id"
    )
    rows = desk.rows(sql)
    return [
        Endpoint(id_, url, tuple(orjson.loads(names)), of_micros(made), disabled, after, waiting, sent, lost, said)
        for id_, url, names, made, disabled, after, waiting, sent, lost, said in rows
    ]


def endpoint(desk: Desk, id_: str) -> Endpoint:
    """One of them.

    Raises:
        UnknownName: there is no such endpoint.
    """
    found = {e.id: e for e in endpoints(desk)}
    if id_ not in found:
        raise UnknownName(f"there is no webhook {id_!r}", hint=did_you_mean(id_, found, "Webhooks are"))
    return found[id_]


def try_out(desk: Desk, id_: str, egress: Egress, random: Random) -> Said:
    """Send a message that says that it is a test.

    Raises:
        UnknownName: there is no such endpoint. DeliveryError: it could not be sent.
    """
    found = endpoint(desk, id_)
    number = random(8).hex()
    body = orjson.dumps({"type": "coterie.test", "timestamp": written(desk.clock()), "data": {"webhook": found.id}})
    return send(egress, found.url, secrets_of(desk, id_), f"msg_test_{number}", body, desk.clock())


def secrets_of(desk: Desk, id_: str) -> list[str]:
    """With which messages are signed: the newest first."""
    sql = (
        "SELECT secret, 1 AS new FROM endpoint WHERE id = ?1 UNION ALL "
        "SELECT secret, 0 FROM retired WHERE endpoint = ?1 AND until > ?2 ORDER BY new DESC"
    )
    return [str(secret) for secret, _ in desk.rows(sql, (id_, micros(desk.clock())))]


# --- messages


def signed(secrets: Sequence[str], id_: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers of a message by the scheme of Standard Webhooks.

    Args:
        secrets: each `whsec_` and Base64; a receiver needs one of them.
        at: when it is sent, naive UTC.
    """
    seconds = str(micros(at) // 1_000_000)
    said = f"{id_}.{seconds}.".encode() + body
    keys = (base64.b64decode(secret.removeprefix(PREFIX)) for secret in secrets)
    signatures = ("v1," + base64.b64encode(hmac.new(key, said, sha256).digest()).decode() for key in keys)
    return {"webhook-id": id_, "webhook-timestamp": seconds, "webhook-signature": " ".join(signatures)}


def send(egress: Egress, url: str, secrets: Sequence[str], id_: str, body: bytes, at: datetime) -> Said:
    """Send a message, signed as of now."""
    headers = {"content-type": "application/json", "user-agent": "coterie", **signed(secrets, id_, at, body)}
    return egress.post(url, body, headers)


def net(changes: Sequence[Changed]) -> list[Changed]:
    """What is left of changes: of each customer and segment (or label) the last, where it is not as it was before the first."""
    first: dict[tuple[str, str, str | None], Changed] = {}
    last: dict[tuple[str, str, str | None], Changed] = {}
    for change in changes:
        key = (change.customer, change.name, change.label)
        first.setdefault(key, change)
        last[key] = change
    return sorted((c for key, c in last.items() if first[key].entered == c.entered), key=lambda c: c.number)


def body_of(change: Changed, id_: str) -> bytes:
    """A change as the track call that receivers of Segment's audiences know. `version` rises: a lower one is out of date."""
    said: dict[str, Any] = {
        "audience_key": change.name,
        change.name: change.entered,
        **({} if change.label is None else {"label": change.label}),
        "version": change.number,
    }
    return orjson.dumps(
        {
            "type": "track",
            "event": "Audience Entered" if change.entered else "Audience Exited",
            "messageId": id_,
            "userId": change.customer,
            "timestamp": written(change.at),
            "properties": said,
            "context": {"personas": {"computation_class": "audience", "computation_key": change.name}},
        }
    )


def written(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds") + "Z"


# --- sending


class Sender:
    """Sends what changes, on a thread for each endpoint and one that looks after them.

    Args:
        desk: endpoints and what waits for them.
        changes: where changes are read; called on one thread only.
        log: which log they are of: part of the ids of messages.
        egress: the way out.
        random: a number from 0 to 1, for the jitter.
        schedule: seconds between attempts; `flush`: seconds of changes that are taken together.
    """

    def __init__(
        self,
        desk: Desk,
        changes: Callable[[], Any],
        log: str,
        egress: Egress,
        random: Callable[[], float],
        *,
        schedule: Sequence[float] = SCHEDULE,
        flush: float = FLUSH,
    ):
        self.desk, self.changes, self.log, self.egress, self.random = desk, changes, log, egress, random
        self.schedule, self.flush = schedule, flush
        self.over = threading.Event()
        self.workers: dict[str, threading.Thread] = {}
        self.wakes: dict[str, threading.Event] = {}
        self.thread = threading.Thread(target=self._look_after, name="coterie-webhooks", daemon=True)

    def start(self) -> None:
        self.thread.start()

    def stop(self, timeout: float = 5) -> None:
        """Begin nothing more. What was being sent is sent again by the next start where no answer came in time."""
        self.over.set()
        until = monotonic() + timeout
        for wake in list(self.wakes.values()):
            wake.set()
        for thread in (self.thread, *self.workers.values()):
            if thread.ident is not None:
                thread.join(max(0.0, until - monotonic()))

    def _look_after(self) -> None:
        db = self.changes()
        while not self.over.wait(self.flush):
            try:
                for found in endpoints(self.desk):
                    if found.disabled is not None:
                        continue
                    if found.waiting < FULL:
                        self._take(db, found)
                    worker = self.workers.get(found.id)
                    if worker is None or not worker.is_alive():
                        self.wakes[found.id] = threading.Event()
                        worker = threading.Thread(target=self._work, args=(found.id,), name=f"coterie-{found.id}", daemon=True)
                        self.workers[found.id] = worker
                        worker.start()
                    elif found.waiting:
                        self.wakes[found.id].set()
            except Exception:
                logger.exception("webhooks could not be looked after")

    def _take(self, db: Any, found: Endpoint) -> None:
        """Take the changes that an endpoint has not seen into its outbox, in one transaction with how far it has come."""
        changes = read(db, found.after, AT_ONCE)
        if not changes:
            if newest(db) < found.after:  # an older log was brought back
                with self.desk.transaction() as to:
                    to.execute("UPDATE endpoint SET after = ? WHERE id = ?", (newest(db), found.id))
            return
        heard = [c for c in changes if not found.names or c.name in found.names]
        now = micros(self.desk.clock())
        rows = []
        for change in net(heard):
            id_ = f"msg_{self.log}_{found.id[3:]}_{change.number}"
            rows.append((found.id, change.number, change.customer, id_, body_of(change, id_), now))
        with self.desk.transaction() as to:
            to.executemany(
                "INSERT OR IGNORE INTO outbox (endpoint, number, customer, id, body, next) VALUES (?, ?, ?, ?, ?, ?)", rows
            )
            to.execute("UPDATE endpoint SET after = ? WHERE id = ?", (changes[-1].number, found.id))
        wake = self.wakes.get(found.id)
        if rows and wake is not None:
            wake.set()

    def _work(self, id_: str) -> None:
        """Send what is due to one endpoint, until it is gone, disabled, or everything ends."""
        wake = self.wakes[id_]
        while not self.over.is_set():
            try:
                row = self._endpoint(id_)
                if row is None or row[1] is not None:
                    return
                url, _, paused = row
                secrets = secrets_of(self.desk, id_)
                now = micros(self.desk.clock())
                due = [] if paused > now else self._due(id_, now)
                if not due:
                    wake.wait(min(self.flush, 1.0))
                    wake.clear()
                    continue
                for message in due:
                    if self.over.is_set() or not self._one(message, url, secrets):
                        break
            except Exception:
                logger.exception("a webhook could not be served")
                self.over.wait(1.0)

    def _endpoint(self, id_: str) -> tuple[str, str | None, int] | None:
        rows = self.desk.rows("SELECT url, disabled, paused FROM endpoint WHERE id = ?", (id_,))
        return rows[0] if rows else None

    def _due(self, id_: str, now: int) -> list[Message]:
        """The first messages that may be sent: of each customer the oldest only, so that theirs stay in order."""
        sql = (
            "SELECT endpoint, number, customer, id, body, attempts FROM outbox o WHERE endpoint = ? AND next <= ? AND NOT EXISTS "
            "(SELECT 1 FROM outbox e WHERE e.endpoint = o.endpoint AND e.customer = o.customer AND e.number < o.number) "
            "ORDER BY number LIMIT 100"
        )
        return [Message(*row) for row in self.desk.rows(sql, (id_, now))]

    def _one(self, message: Message, url: str, secrets: Sequence[str]) -> bool:
        """Send a message and write down what became of it. Whether the endpoint is to be sent more now."""
        said: Said | None = None
        try:
            said = send(self.egress, url, secrets, message.id, message.body, self.desk.clock())
            words = f"answered {said.status}"
        except Refused as error:
            words = error.message
        except DeliveryError as error:
            words = error.message
        if said is not None and 200 <= said.status < 300:
            self._sent(message, words)
            return True
        self._failed(message, words, said)
        return False

    def _sent(self, message: Message, words: str) -> None:
        with self.desk.transaction(forced=False) as db:
            db.execute("DELETE FROM outbox WHERE endpoint = ? AND number = ?", (message.endpoint, message.number))
            db.execute(
                "UPDATE endpoint SET sent = sent + 1, failures = 0, paused = 0, said = ? WHERE id = ?", (words, message.endpoint)
            )

    def _failed(self, message: Message, words: str, said: Said | None) -> None:
        now = self.desk.clock()
        with self.desk.transaction(forced=False) as db:
            if said is not None and said.status == 410:
                db.execute(
                    "UPDATE endpoint SET disabled = ?, said = ? WHERE id = ?",
                    ("it answered 410: it wants nothing more", words, message.endpoint),
                )
                return
            if message.attempts >= len(self.schedule):
                db.execute("DELETE FROM outbox WHERE endpoint = ? AND number = ?", (message.endpoint, message.number))
                db.execute("UPDATE endpoint SET lost = lost + 1, said = ? WHERE id = ?", (words, message.endpoint))
                logger.warning("%s was given up after %d attempts", message.id, message.attempts + 1)
                return
            wait = self.schedule[message.attempts] * (1 + JITTER * (2 * self.random() - 1))
            asked = said is not None and said.status in (429, 502, 503, 504)
            if said is not None and asked and said.retry_after is not None:
                wait = max(wait, min(said.retry_after, 86_400))
            then = micros(now + timedelta(seconds=wait))
            db.execute(
                "UPDATE outbox SET attempts = attempts + 1, next = ? WHERE endpoint = ? AND number = ?",
                (then, message.endpoint, message.number),
            )
            db.execute("UPDATE endpoint SET failures = failures + 1, said = ? WHERE id = ?", (words, message.endpoint))
            # A receiver that is down, or asks for a pause, is not asked with every other message too.
            (failures,) = next(iter(db.execute("SELECT failures FROM endpoint WHERE id = ?", (message.endpoint,))), (0,))
            past = int(str(failures)) - BREAK
            if asked or past >= 0:
                pause = wait if asked else self.schedule[min(past, CALM, len(self.schedule) - 1)]
                until = micros(now + timedelta(seconds=pause))
                db.execute("UPDATE endpoint SET paused = ? WHERE id = ?", (until, message.endpoint))
