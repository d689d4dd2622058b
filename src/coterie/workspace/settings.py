"""What the machine allows: limits that belong to where coterie runs, not to a project. Read from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from coterie.core.errors import CoterieError


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits.

    Attributes:
        threads: how many threads the engine may use (COTERIE_THREADS); None leaves it to the engine.
        memory: how much memory it may use before it spills to disk (COTERIE_MEMORY, as in 4GB or 60%); None is 70 %.
    """

    threads: int | None = None
    memory: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        found = os.environ if environment is None else environment
        threads = found.get("COTERIE_THREADS")
        if threads is not None and not (threads.isdigit() and int(threads) > 0):
            raise CoterieError(
                f"COTERIE_THREADS is {threads!r}",
                code="E171",
                hint="it is a number of threads, as in COTERIE_THREADS=2",
            )
        return cls(None if threads is None else int(threads), found.get("COTERIE_MEMORY"))
