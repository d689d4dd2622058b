"""A service that renews what it stands on: a run when a local day has begun, and when the project's definitions have changed.

The run is a process of its own, beside the service: it checks the definitions, answers them for everybody, and publishes. The
service then goes over to its results between two events. A file that cannot be used changes nothing.
"""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Literal

from coterie.core.errors import EngineError, StoreError
from coterie.core.windows import clamped_first_instant, local_day
from coterie.workspace.results import Results
from coterie.workspace.workspace import Workspace

LOOK = 1.0
"""Seconds between two looks at the project file; one that has changed must be the same in two of them."""

Run = Callable[[Path], str | None]
"""Runs the project in a folder; gives why it failed, or None."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """How the project file stands to what is served.

    Attributes:
        state: `served`, as the results are; `preparing`, a run with it is going on; `refused`, what is served is an older one.
        said: why it was refused. `since`: when that was seen, naive UTC.
    """

    state: Literal["served", "preparing", "refused"] = "served"
    said: str | None = None
    since: datetime | None = None


def run_beside(folder: Path) -> str | None:
    """Run a project in a process of its own, quietly."""
    command = [sys.executable, "-m", "coterie", "run", "--quiet", "--dir", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return (done.stderr.strip()[-2000:] or f"exit code {done.returncode}") if done.returncode else None


class Renewing:
    """Runs a project as long as it is served.

    Args:
        space: the project.
        zone: of the project.
        clock: naive UTC.
        say: told, once, what became of a run that failed.
        nightly: run when a local day has begun; `watching`: when the file has changed.
    """

    def __init__(
        self,
        space: Workspace,
        zone: str,
        clock: Callable[[], datetime],
        say: Callable[[str], None],
        *,
        nightly: bool = True,
        watching: bool = True,
        run: Run = run_beside,
    ):
        self.space, self.zone, self.clock, self.say, self.run = space, zone, clock, say, run
        self.nightly, self.watching = nightly, watching
        self.renewal = Renewal()
        self.seen: str | None = None
        self.tried: str | None = None
        self.known: tuple[int, str] = (0, "")
        self.next = self.night()
        self.over = Event()
        self.thread = Thread(target=self._work, name="coterie-renewing", daemon=True)

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        self.over.set()

    def night(self) -> datetime:
        """When the next nightly run is due: a minute after the next local day has begun."""
        tomorrow = local_day(self.clock(), self.zone) + timedelta(days=1)
        return clamped_first_instant(tomorrow, self.zone) + timedelta(minutes=1)

    def look(self) -> None:
        """Run where a day has begun, or where the project file is another, and has been so for two looks."""
        if self.nightly and self.clock() >= self.next:
            self.next = self.night()
            self._run("the nightly run failed")
        if self.watching:
            self._watch()

    def _work(self) -> None:
        while not self.over.wait(LOOK):
            try:
                self.look()
            except OSError as error:
                self.say(f"{self.space.file.name} cannot be looked at: {error.strerror or error}")

    def _watch(self) -> None:
        served, now = self.served(), self.text()
        if served is None:
            return  # nothing has been run yet: the first run is somebody's own
        before, self.seen = self.seen, now
        if now == served:
            self.renewal, self.tried = Renewal(), None
        elif now == before and now != self.tried:
            self.tried = now
            self._run(f"{self.space.file.name} has changed and cannot be used, so that what was served is served on")

    def _run(self, failed: str) -> None:
        self.renewal = Renewal("preparing", None, self.clock())
        why = self.run(self.space.file.parent)
        self.renewal = Renewal() if why is None else Renewal("refused", why, self.clock())
        if why is not None:
            self.say(f"{failed}: {why}")

    def served(self) -> str | None:
        """The text of the project file that the newest results were made with; None where there are none."""
        try:
            newest = self.space.store.current()
            if newest.number != self.known[0]:
                results = Results(newest, self.space.store.cache, settings=self.space.settings)
                try:
                    self.known = newest.number, results.made.project_text
                finally:
                    results.close()
        except (StoreError, EngineError):
            return None
        return self.known[1]

    def text(self) -> str:
        """The text of the project file; what cannot be read is no text of a project."""
        try:
            return self.space.file.read_text(encoding="utf-8-sig", errors="replace")
        except OSError as error:
            return f"{self.space.file.name}: {error.strerror or error}"
