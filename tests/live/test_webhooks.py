"""What is sent of changes: each once or more, as it is, in order for each customer, verified by the reference library; receivers
that are down, slow, ask for a pause, want nothing more, or answer without end; and a sender that is killed."""

import http.server
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import apsw
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from benchmarks.figures import at_most
from coterie.core.errors import UnknownName
from coterie.live import webhooks
from coterie.live.changes import Changed
from coterie.live.desk import Desk
from coterie.live.egress import Egress, Refused
from coterie.live.people import TABLES
from coterie.live.webhooks import SCHEDULE, Sender, net

NOW = datetime(2026, 11, 22, 12)


def clock() -> datetime:
    from datetime import UTC

    return datetime.now(UTC).replace(tzinfo=None)


class Receiver:
    """A receiver that answers by a script: called with how often it was asked before and the body; a status, or what it does."""

    def __init__(self, script: Callable[[int, Any], Any] = lambda n, body: 204):
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.taken: list[Any] = []
        self.script = script
        receiver = self
        turn = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                with turn:
                    number = len(receiver.got)
                    receiver.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
                    said = receiver.script(number, json.loads(body))
                if callable(said):
                    said(self)
                    return
                status, headers = said if isinstance(said, tuple) else (said, {})
                if 200 <= status < 300:
                    receiver.taken.append(json.loads(body))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def inside(self) -> frozenset[str]:
        return frozenset({f"127.0.0.1:{self.port}"})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def __enter__(self) -> "Receiver":
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


class Log:
    """Changes in a file, as the writer leaves them."""

    def __init__(self, folder: Path):
        self.path = folder / "log.sqlite"
        self.db = apsw.Connection(str(self.path))
        self.db.execute("PRAGMA journal_mode=WAL").fetchall()
        for sql in TABLES:
            self.db.execute(sql)

    def change(self, customer: str, name: str, entered: bool, label: str | None = None) -> None:
        sql = "INSERT INTO live_change (customer, name, label, entered, at, position) VALUES (?, ?, ?, ?, ?, 1)"
        self.db.execute(sql, (customer, name, label, int(entered), 1_790_000_000_000_000))

    def reader(self) -> apsw.Connection:
        return apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READONLY)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk(tmp_path, clock) as found:
        yield found


@contextmanager
def sending(desk: Desk, log: Log, inside: frozenset[str], **more: Any) -> Iterator[Sender]:
    options: dict[str, Any] = {"schedule": [0.05] * 9, "flush": 0.05} | more
    patience = options.pop("patience", 2.0)
    sender = Sender(desk, log.reader, "abcd", Egress(inside, patience=patience), lambda: 0.5, **options)
    sender.start()
    try:
        yield sender
    finally:
        sender.stop()


def until(true: Callable[[], Any], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.01)


def added(desk: Desk, receiver: Receiver, *names: str) -> tuple[str, str]:
    found, secret = webhooks.add(desk, receiver.url, names, 0, os.urandom, receiver.inside)
    return found.id, secret


def test_a_change_is_told_and_can_be_verified(desk: Desk, log: Log) -> None:
    with Receiver() as receiver:
        _, secret = added(desk, receiver)
        log.change("ann", "vip", True)
        log.change("ann", "stage", True, "new")
        with sending(desk, log, receiver.inside):
            until(lambda: len(receiver.taken) == 2)
    for headers, body in receiver.got:
        said = Webhook(secret).verify(body, headers)
        assert said["messageId"] == headers["webhook-id"]
        for place in range(0, len(body), 7):
            with pytest.raises((WebhookVerificationError, ValueError)):
                Webhook(secret).verify(body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :], headers)
        with pytest.raises(WebhookVerificationError):
            Webhook("whsec_" + b64encode(os.urandom(32)).decode()).verify(body, headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) - 600)})
    first, second = receiver.taken
    assert (first["event"], first["userId"]) == ("Audience Entered", "ann")
    assert first["properties"] == {"audience_key": "vip", "vip": True, "version": 1}
    assert second["properties"] == {"audience_key": "stage", "stage": True, "label": "new", "version": 2}


def test_the_signature_is_that_of_the_scheme() -> None:
    """The example of the specification's own test."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    at = datetime(1970, 1, 1) + timedelta(seconds=1614265330)
    headers = webhooks.signed([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_that_was_changed_is_good_for_a_day(desk: Desk, log: Log) -> None:
    now = [clock()]
    desk.clock = lambda: now[0]
    with Receiver() as receiver:
        id_, old = added(desk, receiver)
        new = webhooks.rotate(desk, id_, os.urandom)
        newer = webhooks.rotate(desk, id_, os.urandom)
        assert len({old, new, newer}) == 3
        with sending(desk, log, receiver.inside):
            log.change("ann", "vip", True)
            until(lambda: len(receiver.taken) == 1)
            now[0] += timedelta(days=1, seconds=1)
            log.change("ann", "vip", False)
            until(lambda: len(receiver.taken) == 2)
        (first, body), (second, other) = receiver.got
        for secret in (old, new, newer):
            Webhook(secret).verify(body, first)
        at = datetime(1970, 1, 1) + timedelta(seconds=int(second["webhook-timestamp"]))
        assert second["webhook-signature"] == webhooks.signed([newer], second["webhook-id"], at, other)["webhook-signature"]
        webhooks.remove(desk, id_)
        assert webhooks.secrets_of(desk, id_) == []
    with pytest.raises(UnknownName):
        webhooks.rotate(desk, "ep_none", os.urandom)


def change(number: int, entered: bool, name: str = "vip", customer: str = "ann") -> Changed:
    return Changed(number, customer, name, None, entered, NOW, number)


def test_only_what_is_left_of_changes_counts() -> None:
    assert [c.number for c in net([change(1, True), change(2, False), change(3, True)])] == [3]
    assert net([change(1, True), change(2, False)]) == []
    assert [c.number for c in net([change(1, False), change(2, True), change(3, True, "b"), change(4, True, customer="x")])] == [
        3,
        4,
    ]


def test_ten_thousand_changes_to_and_fro(desk: Desk, log: Log) -> None:
    with Receiver() as receiver:
        added(desk, receiver)
        with log.db:
            for n in range(10_001):
                log.change("ann", "vip", n % 2 == 0)
        with sending(desk, log, receiver.inside):
            until(lambda: webhooks.endpoints(desk)[0].after == 10_001 and not webhooks.endpoints(desk)[0].waiting)
        assert receiver.taken[-1]["properties"]["vip"] is True
        assert receiver.taken[-1]["properties"]["version"] == 10_001
        assert len(receiver.taken) <= 3, "one a flush at most"


def test_only_the_segments_that_were_asked_for(desk: Desk, log: Log) -> None:
    with Receiver() as receiver:
        added(desk, receiver, "vip")
        for name in ("vip", "other", "vip"):
            log.change(f"c{name}", name, True)
        with sending(desk, log, receiver.inside):
            until(lambda: webhooks.endpoints(desk)[0].after == 3 and not webhooks.endpoints(desk)[0].waiting)
    assert {m["properties"]["audience_key"] for m in receiver.taken} == {"vip"}


@pytest.mark.parametrize("status", [300, 301, 302, 307, 308, 400, 401, 403, 404, 408, 409, 422, 429, 500, 502, 503, 504])
def test_it_is_sent_again_as_it_was(desk: Desk, log: Log, status: int) -> None:
    def script(n: int, _: Any) -> Any:
        return (status, {"location": "http://127.0.0.1:1/"}) if n < 2 else 200

    with Receiver(script) as receiver:
        _, secret = added(desk, receiver)
        log.change("ann", "vip", True)
        with sending(desk, log, receiver.inside):
            until(lambda: receiver.taken)
        assert len(receiver.got) == 3
        assert len({(h["webhook-id"], body) for h, body in receiver.got}) == 1
        for headers, body in receiver.got:
            Webhook(secret).verify(body, headers)


def test_one_that_wants_nothing_more_is_told_nothing_more(desk: Desk, log: Log) -> None:
    with Receiver(lambda n, _: 410) as receiver:
        id_, _ = added(desk, receiver)
        log.change("ann", "vip", True)
        log.change("bob", "vip", True)
        with sending(desk, log, receiver.inside):
            until(lambda: webhooks.endpoint(desk, id_).disabled)
            time.sleep(0.3)
            assert len(receiver.got) == 1
            receiver.script = lambda n, _: 200
            webhooks.enable(desk, id_)
            until(lambda: len(receiver.taken) == 2)


def test_a_pause_that_is_asked_for_is_kept(desk: Desk, log: Log) -> None:
    times: list[float] = []

    def script(n: int, _: Any) -> Any:
        times.append(time.monotonic())
        return (429, {"retry-after": "1"}) if n == 0 else 200

    with Receiver(script) as receiver:
        added(desk, receiver)
        log.change("ann", "vip", True)
        log.change("bob", "vip", True)
        with sending(desk, log, receiver.inside):
            until(lambda: len(receiver.taken) == 2)
    assert times[1] - times[0] >= 0.95, "nothing else is sent in between either"


def test_it_is_given_up_at_the_end_of_the_schedule(desk: Desk, log: Log) -> None:
    def script(n: int, body: Any) -> int:
        return 500 if body["userId"] == "ann" else 200

    with Receiver(script) as receiver:
        id_, _ = added(desk, receiver)
        log.change("ann", "vip", True)
        log.change("bob", "vip", True)
        with sending(desk, log, receiver.inside, schedule=[0.01, 0.02]):
            until(lambda: webhooks.endpoint(desk, id_).lost == 1 and webhooks.endpoint(desk, id_).sent == 1)
        assert sum(json.loads(b)["userId"] == "ann" for _, b in receiver.got) == 3


def test_the_schedule_is_the_standard_s() -> None:
    assert [*SCHEDULE] == [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]


def test_a_receiver_that_is_slow_or_never_ends_holds_up_nobody_else(desk: Desk, log: Log) -> None:
    def endless(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        try:
            while True:
                handler.wfile.write(b"x-a: b\r\n")
                handler.wfile.flush()
                time.sleep(0.02)
        except OSError:
            pass

    def huge(handler: Any) -> None:
        try:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            for _ in range(10_000):
                handler.wfile.write(b"x" * 10_000)
        except OSError:
            pass

    with Receiver(lambda n, _: endless) as bad, Receiver(lambda n, _: huge) as large, Receiver() as good:
        slow = added(desk, bad)[0]
        big = added(desk, large)[0]
        added(desk, good)
        for n in range(20):
            log.change(f"c{n}", "vip", True)
        began = time.monotonic()
        with sending(desk, log, bad.inside | good.inside | large.inside, patience=0.5):
            until(lambda: len(good.taken) == 20)
            assert time.monotonic() - began < 5
            until(lambda: webhooks.endpoint(desk, big).sent == 20)
            until(lambda: webhooks.endpoint(desk, slow).said)
    assert webhooks.endpoint(desk, slow).sent == 0


def test_what_failed_of_one_customer_waits_in_order_and_others_go_on(desk: Desk, log: Log) -> None:
    def script(n: int, body: Any) -> int:
        return 500 if body["userId"] == "ann" and n < 6 else 200

    with Receiver(script) as receiver:
        added(desk, receiver)
        for name in ("a", "b", "c"):
            log.change("ann", name, True)
            log.change("bob", name, True)
        with sending(desk, log, receiver.inside):
            until(lambda: len(receiver.taken) == 6)
    order = [(m["userId"], m["properties"]["version"]) for m in receiver.taken]
    for customer in ("ann", "bob"):
        versions = [v for c, v in order if c == customer]
        assert versions == sorted(versions)


def test_a_receiver_that_is_down_is_not_asked_for_everything(desk: Desk, log: Log) -> None:
    with Receiver(lambda n, _: 500) as receiver:
        id_, _ = added(desk, receiver)
        for n in range(300):
            log.change(f"c{n}", "vip", True)
        with sending(desk, log, receiver.inside, schedule=[0.3] * 9):
            time.sleep(2)
            assert len(receiver.got) < 40
            receiver.script = lambda n, _: 200
            until(lambda: webhooks.endpoint(desk, id_).sent == 300)
    assert len({m["messageId"] for m in receiver.taken}) == 300


def test_killed_at_any_moment_nothing_is_left_out(tmp_path: Path) -> None:
    assert killed(tmp_path, 6) == []


@pytest.mark.long
def test_killed_a_hundred_times(tmp_path: Path, figure: Callable[..., Any]) -> None:
    wrong = killed(tmp_path, 100)
    figure("live.webhook_kills", len(wrong), "left out, changed, or out of order", goal=at_most(0), n=100)
    assert wrong == []


def killed(tmp_path: Path, rounds: int) -> list[str]:
    """A sender in a process of its own is killed again and again: each id is to arrive once or more, always with the same body,
    and those of each customer in order. Returns what did not."""
    log = Log(tmp_path)
    with Receiver() as receiver, Desk(tmp_path, clock) as desk:
        added(desk, receiver)
        program = textwrap.dedent(f"""
            import time, apsw
            from pathlib import Path
            from tests.live.test_webhooks import clock, Log
            from coterie.live.desk import Desk
            from coterie.live.egress import Egress
            from coterie.live.webhooks import Sender
            folder = Path({str(tmp_path)!r})
            log = lambda: apsw.Connection(str(folder / "log.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
            sender = Sender(Desk(folder, clock), log, "abcd", Egress(frozenset({{"127.0.0.1:{receiver.port}"}})), lambda: 0.5,
                schedule=[0.01] * 9, flush=0.01)
            sender.start()
            print("sends", flush=True)
            time.sleep(60)
        """)
        count = 0
        for seed in range(rounds):
            process = subprocess.Popen(
                [sys.executable, "-c", program],
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            )
            assert process.stdout is not None
            assert process.stdout.readline() == b"sends\n"
            for n in range(40):
                count += 1
                log.change(f"c{n % 7}", f"s{count}", True)
                time.sleep(0.002)
            time.sleep(0.01 + 0.03 * (seed % 5))
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()
        with sending(desk, log, receiver.inside):
            until(lambda: webhooks.endpoints(desk)[0].after == count and not webhooks.endpoints(desk)[0].waiting, 60)
        bodies: dict[str, set[bytes]] = {}
        for headers, body in receiver.got:
            bodies.setdefault(headers["webhook-id"], set()).add(body)
        wrong = [f"{count - len(bodies)} were left out"] if len(bodies) != count else []
        wrong += [f"{id_} came with other words" for id_, several in bodies.items() if len(several) > 1]
        newest: dict[str, int] = {}
        for message in receiver.taken:
            version = message["properties"]["version"]
            if version < newest.get(message["userId"], 0):
                wrong.append(f"{message['messageId']} came late")
            newest[message["userId"]] = version
        return wrong


def test_nothing_is_kept_of_where_nothing_is_sent(desk: Desk) -> None:
    for url in ("http://example.com/", "https://127.0.0.1/", "https://0x7f.1/", "https://[64:ff9b::7f00:1]/"):
        with pytest.raises(Refused):
            webhooks.add(desk, url, (), 0, os.urandom, frozenset())
    assert webhooks.endpoints(desk) == []


def test_one_that_was_kept_by_other_means_is_looked_at_too(desk: Desk, log: Log) -> None:
    """The address is looked at whenever something is sent, not only when it is named."""
    with Receiver() as receiver:
        id_, _ = added(desk, receiver)
        log.change("ann", "vip", True)
        with sending(desk, log, frozenset()):
            until(lambda: webhooks.endpoint(desk, id_).said)
        with pytest.raises(Refused):
            webhooks.try_out(desk, id_, Egress(), os.urandom)
        assert receiver.got == []


def test_a_webhook_that_is_not_there(desk: Desk) -> None:
    for do in (webhooks.remove, webhooks.enable, webhooks.endpoint):
        with pytest.raises(UnknownName):
            do(desk, "ep_none")


def test_a_test_can_be_verified(desk: Desk) -> None:
    with Receiver() as receiver:
        id_, secret = added(desk, receiver)
        assert webhooks.try_out(desk, id_, Egress(receiver.inside), os.urandom).status == 204
        headers, body = receiver.got[0]
        assert Webhook(secret).verify(body, headers)["type"] == "coterie.test"
