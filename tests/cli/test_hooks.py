"""Webhooks that are taken: the secret goes in by the standard input or a variable, and comes out nowhere."""

import io
import sys
from pathlib import Path

import pytest

from tests.cli.calling import Shell

SECRET = "whsec_never_shown"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "coterie.yaml").write_text("timezone: UTC\nsources: {}\n")
    return tmp_path


def test_a_webhook_is_added_listed_and_removed(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = Shell(capsys)
    assert "No webhooks are taken" in shell("hooks", "list", dir=project).out
    monkeypatch.setattr(sys, "stdin", io.StringIO(SECRET + "\n"))
    assert "at /v1/hooks/stripe" in shell("hooks", "add", "stripe", "--name", "payments", dir=project).out
    monkeypatch.setenv("SHOP_SECRET", SECRET)
    assert shell("hooks", "add", "shopify", "--secret-env", "SHOP_SECRET", "--by", "email", dir=project).code == 0
    said = shell("hooks", "list", "--json", dir=project)
    assert [(h["vendor"], h["source"], h["by"]) for h in said.json] == [
        ("stripe", "payments", "id"),
        ("shopify", "shopify", "email"),
    ]
    assert SECRET not in said.out + shell("hooks", "list", dir=project).out
    assert not any(SECRET.encode() in path.read_bytes() for path in project.glob("*") if path.is_file())
    assert shell("hooks", "remove", said.json[0]["id"], dir=project).code == 0
    assert len(shell("hooks", "list", "--json", dir=project).json) == 1
    assert shell("hooks", "remove", "hook_x", dir=project).code == 1


@pytest.mark.parametrize("more", [["--secret-env", "NOT_SET_AT_ALL"], []])
def test_without_a_secret_nothing_is_taken(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    said = Shell(capsys)("hooks", "add", "stripe", *more, dir=project)
    assert said.code == 1
    assert said.err.startswith("E666")


@pytest.mark.parametrize("arguments", [["paypal"], ["stripe", "--by", "name"]])
def test_what_is_not_known_is_said(project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert Shell(capsys)("hooks", "add", *arguments, dir=project).code == 2
