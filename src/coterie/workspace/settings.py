"""What the machine allows: limits that belong to where coterie runs, not to a project. Read from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from coterie.core.errors import CoterieError
from coterie.sources.options import UNPACK
from coterie.workspace.shapes import ENGINES, is_engine


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits.

    Attributes:
        threads: how many threads the engine may use (COTERIE_THREADS); None leaves it to the engine.
        memory: how much memory it may use before it spills to disk (COTERIE_MEMORY, as in 4GB or 60%); None is 70 %.
        engine: the engine to use whatever the project says (COTERIE_ENGINE, as in spark or spark://host:7077).
        inside: places within one's own network to which webhooks may go, also by http (COTERIE_WEBHOOKS_INSIDE, as in
            127.0.0.1:9000,hooks.intern:8080); nowhere else but to public addresses by https.
        unpack: how many times its size a packed file may unpack to (COTERIE_UNPACK); 200 where nothing is said.
    """

    threads: int | None = None
    memory: str | None = None
    unpack: int = UNPACK
    engine: str | None = None
    inside: frozenset[str] = frozenset()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        found = os.environ if environment is None else environment
        threads = _count(found, "COTERIE_THREADS", "it is a number of threads, as in COTERIE_THREADS=2")
        hint = "it is how many times its size a packed file may unpack to, as in COTERIE_UNPACK=1000"
        unpack = _count(found, "COTERIE_UNPACK", hint) or UNPACK
        inside = frozenset(t.strip().casefold() for t in found.get("COTERIE_WEBHOOKS_INSIDE", "").split(",") if t.strip())
        return cls(threads, found.get("COTERIE_MEMORY"), unpack, _engine(found.get("COTERIE_ENGINE")), inside)


def _engine(said: str | None) -> str | None:
    if not said:
        return None
    if not is_engine(said):
        raise CoterieError(f"COTERIE_ENGINE is {said!r}", code="E171", hint=f"it is {ENGINES}")
    return said


def _count(environment: Mapping[str, str], name: str, hint: str) -> int | None:
    """A number above zero, or None where it is not set."""
    text = environment.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise CoterieError(f"{name} is {text!r}", code="E171", hint=hint)
    return int(text)
