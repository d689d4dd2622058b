"""Print the versions in uv.lock as pip constraints, so that pip installs what uv would.

Usage: python scripts/pins.py uv.lock > pins.txt. Standard library only: it runs before anything is installed.
"""

import sys
import tomllib
from pathlib import Path


def pins(lock: str) -> list[str]:
    """The text of a uv.lock → one `name==version` a line, with its marker where a package has several versions."""
    lines = []
    for package in tomllib.loads(lock)["package"]:
        if "registry" not in package["source"]:
            continue
        pin = f"{package['name']}=={package['version']}"
        markers = package.get("resolution-markers", [])
        if markers:
            pin += " ; " + " or ".join(f"({marker})" for marker in markers)
        lines.append(pin)
    return lines


if __name__ == "__main__":
    print("\n".join(pins(Path(sys.argv[1]).read_text(encoding="utf-8"))))
