"""From a message to a webhook; keys, the list of who changed what, figures, and the commands beside a service that runs."""

import json
import logging
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from coterie.live.desk import Desk
from coterie.live.egress import Egress
from coterie.live.keys import Keys
from coterie.workspace.run import utc_now
from tests.cli.calling import Shell
from tests.live.test_webhooks import Receiver, until
from tests.server.api.shop import Shop, serving


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def test_a_message_becomes_a_signed_webhook(folder: Path) -> None:
    with Receiver() as receiver, serving(folder, egress=Egress(receiver.inside)) as shop:
        made = shop.post("webhooks", {"url": receiver.url, "segments": ["regulars"]}, key="write")
        assert made.status_code == 201, made.text
        secret = made.json()["secret"]
        assert shop.post(f"webhooks/{made.json()['id']}/test", {}, key="write").json()["delivered"] is True
        shop.order("c02", 5)
        until(lambda: len(receiver.taken) == 2)
        headers, body = receiver.got[1]
        said = Webhook(secret).verify(body, headers)
        assert (said["event"], said["userId"], said["properties"]["regulars"]) == ("Audience Entered", "c02", True)
        found = shop.get("webhooks", key="write").json()["items"]
        assert [(w["sent"], w["waiting"], w["segments"]) for w in found] == [(1, 0, ["regulars"])]
        assert "secret" not in json.dumps(found)
        assert shop.client.delete(f"/api/v1/webhooks/{found[0]['id']}", headers=shop.bearer("write")).status_code == 200
        assert shop.get("webhooks", key="write").json()["items"] == []


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://0x7f.1/",
        "https://[64:ff9b::7f00:1]/",
        "https://[::ffff:10.0.0.1]/",
        "",
        5,
    ],
)
def test_what_leads_inside_is_refused_where_it_is_named(shop: Shop, url: Any) -> None:
    answer = shop.post("webhooks", {"url": url}, key="write")
    assert answer.status_code == 422
    assert shop.get("webhooks", key="write").json()["items"] == []


def test_who_changed_what_is_written_down(folder: Path) -> None:
    with serving(folder) as shop:
        shop.post("webhooks", {"url": "https://example.com/"}, key="write")
        shop.get("keys", key="admin")
        shop.get("customers/c01", key="admin")
        shop.get("keys", key="read")

        def listed() -> Any:
            return shop.get("audit", key="admin").json()

        until(lambda: len(listed()["items"]) >= 2)
        items = listed()["items"]
        ids = {scope: key.split("_")[2] for scope, key in shop.keys.items()}
        assert [(i["who"], i["what"], i["about"]) for i in items[:2]] == [
            (ids["write"], "POST /api/v1/webhooks", "201"),
            (ids["admin"], "GET /api/v1/keys", "200"),
        ]
        assert all("customers" not in i["what"] for i in items)
        assert listed()["whole"] is True
        until(lambda: shop.service.parts.log.audited() == shop.service.parts.desk.end())  # type: ignore[union-attr]
        (folder / ".coterie" / "record" / "live" / "audit.end").unlink()
        with shop.service.parts.desk.transaction() as db:  # type: ignore[union-attr]
            cut = db.execute("SELECT * FROM audit WHERE number >= 2").fetchall()
            db.execute("DELETE FROM audit WHERE number >= 2")
        assert listed()["whole"] is False, "the log knows how far it had come"
        with shop.service.parts.desk.transaction() as db:  # type: ignore[union-attr]
            db.execute("DELETE FROM audit WHERE number >= 2")
            db.executemany("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)", cut)
        with shop.service.parts.desk.transaction() as db:  # type: ignore[union-attr]
            db.execute("UPDATE audit SET who = 'nobody' WHERE number = 1")
        assert listed()["whole"] is False


@pytest.mark.parametrize("harm", ["DELETE FROM audit WHERE number = 2", "UPDATE audit SET about = 'x' WHERE number = 2"])
def test_the_list_tells_what_was_taken_out(tmp_path: Path, harm: str) -> None:
    with Desk(tmp_path, utc_now) as desk:
        for n in range(4):
            desk.note("k", f"did {n}")
        assert desk.broken() is None
        with desk.transaction() as db:
            db.execute(harm)
        assert desk.broken() == 2


def test_figures(shop: Shop) -> None:
    position = shop.order("c01", 1)
    shop.get("changes", wait=position)
    text = shop.client.get("/metrics").text
    figures = dict(re.findall(r"^(coterie_\S+) (\S+)$", text, re.MULTILINE))
    assert float(figures["coterie_log_applied"]) == position
    assert float(figures['coterie_ingest_items_total{outcome="stored"}']) == 1
    assert "c01" not in text
    for headers in ({"x-forwarded-for": "1.2.3.4"}, {"forwarded": "for=1.2.3.4"}):
        assert shop.client.get("/metrics", headers=headers).status_code == 401
        assert shop.client.get("/metrics", headers={**headers, **shop.bearer("read")}).status_code == 200


def test_a_key_is_made_and_taken_back_beside_a_service_that_runs(folder: Path, shell: Shell) -> None:
    with serving(folder) as shop:
        made = shell("keys", "add", "read", "dashboard", dir=folder)
        key = made.out.strip()
        assert key.startswith("ct_read_")
        headers = {"authorization": f"Bearer {key}"}
        until(lambda: shop.client.get("/api/v1/changes", headers=headers).status_code == 200, 5)
        stored = (folder / ".coterie" / "record" / "live" / "keys.json").read_text()
        assert key.split("_")[3] not in stored
        id_ = key.split("_")[2]
        assert "dashboard" in shell("keys", "list", dir=folder).out
        shell("keys", "remove", id_, dir=folder)
        until(lambda: shop.client.get("/api/v1/changes", headers=headers).status_code == 401, 5)
        what = [i["what"] for i in shop.get("audit", key="admin").json()["items"]]
        assert what[:2] == ["keys add", "keys remove"]


def test_webhooks_by_command(folder: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver() as receiver:
        refused = shell("webhooks", "add", receiver.url, dir=folder)
        assert (refused.code, "sent by https" in refused.err) == (1, True)
        monkeypatch.setenv("COTERIE_WEBHOOKS_INSIDE", f"127.0.0.1:{receiver.port}")
        said = shell("webhooks", "add", receiver.url, "--segment", "buyers", dir=folder).out
        secret = re.findall(r"whsec_\S+", said)[0]
        id_ = said.split()[0]
        assert "204" in shell("webhooks", "test", id_, dir=folder).out
        Webhook(secret).verify(receiver.got[0][1], receiver.got[0][0])
        listed = json.loads(shell("webhooks", "list", "--json", dir=folder).out)
        assert [(w["id"], w["names"]) for w in listed] == [(id_, ["buyers"])]
        assert "secret" not in listed[0]
        assert shell("webhooks", "remove", id_, dir=folder).code == 0
        assert shell("webhooks", "test", id_, dir=folder).code == 1


def test_changes_as_a_table(folder: Path, shell: Shell) -> None:
    with serving(folder) as shop:
        position = shop.order("=cmd()", 1)
        shop.get("changes", wait=position)
        shown = shell("changes", dir=folder).out
        assert "entered" in shown
        lines = shell("changes", "--format", "json", "--segment", "buyers", dir=folder).out.splitlines()
        assert "'=cmd()" in shell("changes", "--format", "csv", dir=folder).out
        assert [(json.loads(line)["customer"], json.loads(line)["entered"]) for line in lines] == [("=cmd()", True)]


def test_nothing_of_anybody_stands_in_what_the_service_says_of_itself(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    canary = "canary-4711"
    with serving(folder) as shop:
        position = shop.send(type="identify", userId=canary, traits={"email": f"{canary}@example.com", "country": canary})
        shop.get(f"customers/{canary}", wait=position)
        shop.get(f"customers/{canary}/why/{canary}")
        shop.post("decide", {"customer": canary, "variants": [{"name": canary, "rule": f"country = '{canary}' and"}]})
        shop.client.get(f"/api/v1/customers/{canary}", headers={"authorization": f"Bearer {canary}"})
        shop.post("webhooks", {"url": f"https://{canary}"}, key="write")
        metrics = shop.client.get("/metrics").text
        time.sleep(0.1)
        audit = shop.get("audit", key="admin").text
    ours = [r.getMessage() for r in caplog.records if r.name.startswith(("coterie", "uvicorn", "fastapi"))]
    assert canary not in "\n".join(ours) + metrics + audit


def test_a_database_of_keys_lets_nobody_in(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    text = keys.make("admin", "a", utc_now(), os.urandom)
    kept = json.loads((tmp_path / "keys.json").read_text())["keys"][0]
    for guess in (kept["hash"], kept["id"], f"ct_admin_{kept['id']}_{kept['hash']}", text[:-1], text + "x", text.swapcase(), "é"):
        assert keys.find(guess) is None
    assert keys.find(text) is not None
    assert (tmp_path / "keys.json").stat().st_mode & 0o077 == 0
