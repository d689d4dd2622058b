"""What was refused is read once more by a service that runs."""

import json
import shutil
from pathlib import Path

import pytest

from coterie.cli.app import execute
from coterie.live.message import Refused
from tests.server.api.shop import serving

ITEM = {"type": "track", "event": "x", "userId": "u1"}


def test_what_was_refused_is_taken_by_the_service(ran: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(shutil.copytree(ran, tmp_path / "shop"))
    with serving(folder) as shop:
        refused = [Refused(n, "too_large", "it was too large then", json.dumps(ITEM).encode()) for n in range(205)]
        shop.service.writer.accept("web", [], [*refused, Refused(205, "no_id", "nobody", b"{}")])
        headers = {"authorization": f"Bearer {shop.keys['admin']}"}
        assert execute(["refused", "--again", "--dir", str(folder)]) == 75
        assert "POST /api/v1/quarantine/again" in capsys.readouterr().err
        taken = [shop.client.post("/api/v1/quarantine/again", headers=headers).json()["taken"] for _ in range(2)]
        assert taken == [205, 0]
        assert shop.service.writer.standing().position == 205
        left = shop.client.get("/api/v1/quarantine", headers=headers).json()["items"]
        assert [item["reason"] for item in left] == ["no_id"]
        write = {"authorization": f"Bearer {shop.keys['write']}"}
        assert shop.client.post("/api/v1/quarantine/again", headers=write).status_code == 403
