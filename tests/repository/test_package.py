"""What people install: the wheel has every file, the lock names PyPI only."""

import subprocess
import sys
import tomllib
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
