"""Files and folders that engines write: either takes the other's place."""

from pathlib import Path

import pytest

from coterie.engine.written import clear_away, listed, put, remove


def made(path: Path, kind: str, text: str) -> Path:
    if kind == "folder":
        path.mkdir()
        (path / "part-0.parquet").write_text(text)
    else:
        path.write_text(text)
    return path


@pytest.mark.parametrize("new", ["file", "folder"])
@pytest.mark.parametrize("old", ["file", "folder", "nothing"])
def test_what_is_new_takes_the_place_of_what_is_there(tmp_path, old, new):
    path = tmp_path / "x.parquet"
    if old != "nothing":
        made(path, old, "old")
    put(made(tmp_path / "aside", new, "new"), path)
    (found,) = [path] if new == "file" else list(path.iterdir())
    assert found.read_text() == "new"
    assert listed(path) == str(path if new == "file" else path / "*.parquet")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_cannot_be_deleted_is_said_or_left(tmp_path, kind, monkeypatch):
    path = made(tmp_path / "x", kind, "")

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr("shutil.rmtree", refused)
        patched.setattr(Path, "unlink", refused)
        with pytest.raises(PermissionError):
            remove(path)
        clear_away(path)
    assert path.exists()
    remove(path)
    remove(path)
    assert not path.exists()
