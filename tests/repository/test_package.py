"""What people install: the wheel has every file and works where nothing else is, the lock names PyPI only."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import coterie
from scripts.pins import pins

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_has_every_file_of_the_package(wheel: Path) -> None:
    source = ROOT / "src"
    files = {path.relative_to(source).as_posix() for path in (source / "coterie").rglob("*") if path.is_file()}
    files = {name for name in files if "__pycache__" not in name}
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert inside == files
    assert "coterie/py.typed" in inside


def test_the_wheel_carries_the_version_of_the_package(wheel: Path) -> None:
    assert wheel.name == f"coterie-{coterie.__version__}-py3-none-any.whl"


def called(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a program as a stranger would: nothing points it to this checkout."""
    ours = ("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def install(wheel: Path, folder: Path) -> Path:
    """A new environment with the wheel and what it asks for, in the versions of the lock; the folder of its programs.

    From uv's cache, else from the index by uv or pip. Where there is neither a cache nor an index, the wheel alone is
    installed, beside the packages of this environment.
    """
    fresh, constraints = folder / "fresh", folder / "pins.txt"
    constraints.write_text("\n".join(pins((ROOT / "uv.lock").read_text(encoding="utf-8"))))
    venv.create(fresh, with_pip=False)
    programs = fresh / ("Scripts" if os.name == "nt" else "bin")
    python = programs / "python"
    tries: list[tuple[str | Path, ...]]
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if uv is not None:
        asked = (uv, "pip", "install", "--quiet", "--python", python, "--constraint", constraints, wheel)
        tries = [(*asked, "--offline"), asked]
    else:
        pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-compile")
        tries = [(*pip, "--constraint", constraints, wheel)]
    said = []
    for command in tries:
        done = called(*command, cwd=folder)
        if done.returncode == 0:
            return programs
        said.append(done.stderr)
    # Only a network that is not there may be the reason: a package that the index does not have is a mistake of ours.
    assert any(word in said[-1].lower() for word in ("dns", "connect", "timed out", "network", "resolve host")), said[-1]
    inside = Path(sysconfig.get_path("purelib", vars={"base": str(fresh), "platbase": str(fresh)}))
    zipfile.ZipFile(wheel).extractall(inside)
    (inside / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (programs / "coterie").write_text(f"#!{python}\nfrom coterie.cli import main\nmain()\n")
    (programs / "coterie").chmod(0o755)
    return programs


def test_the_wheel_installed_elsewhere_runs_the_demo(wheel: Path, tmp_path: Path) -> None:
    programs, away = install(wheel, tmp_path), tmp_path / "away"
    away.mkdir()
    where = called(programs / "python", "-c", "import coterie; print(coterie.__file__)", cwd=away).stdout
    assert where.startswith(str(tmp_path / "fresh")), where

    def command(*arguments: str) -> str:
        done = called(programs / "coterie", *arguments, cwd=away)
        assert done.returncode == 0, done.stderr
        return done.stdout

    command("demo", "shop", "--customers", "200")
    command("run", "--dir", "shop")
    segments = {s["name"]: s for s in json.loads(command("segments", "--dir", "shop", "--json"))["segments"]}
    assert segments["vip"]["in"] > 0
    assert segments["vip"]["in"] + segments["vip"]["out"] + segments["vip"]["cannot_tell"] == 200


def test_the_lock_names_pypi_only() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    sources = {tuple(package["source"].items()) for package in lock["package"]}
    assert sources == {(("registry", "https://pypi.org/simple"),), (("editable", "."),)}
    files = [file for package in lock["package"] for file in [*package.get("wheels", []), package.get("sdist")] if file]
    assert files
    assert all(file["url"].startswith("https://files.pythonhosted.org/") for file in files)


def test_pip_gets_the_versions_of_the_lock() -> None:
    lock = """
        [[package]]
        name = "coterie"
        source = { editable = "." }
        [[package]]
        name = "lark"
        version = "1.3.1"
        source = { registry = "https://pypi.org/simple" }
        [[package]]
        name = "numpy"
        version = "2.4.6"
        source = { registry = "https://pypi.org/simple" }
        resolution-markers = ["python_version < '3.12'", "sys_platform == 'win32'"]
    """
    assert pins(lock) == ["lark==1.3.1", "numpy==2.4.6 ; (python_version < '3.12') or (sys_platform == 'win32')"]
