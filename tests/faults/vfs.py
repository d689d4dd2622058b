"""A file system for SQLite that fails at the n-th call of a kind."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import apsw


class Plan:
    """What fails: the `at`-th call of a kind, and (`on`) all after it.

    Attributes:
        kinds: of calls that count: write, sync, read, truncate.
        calls: that were made so far.
    """

    def __init__(self) -> None:
        self.kinds: frozenset[str] = frozenset()
        self.at = 0
        self.error: type[apsw.Error] = apsw.IOError
        self.code = 0
        self.on = False
        self.calls = 0
        self.failed = 0

    def fail(self, kinds: str, at: int, error: type[apsw.Error], code: int, *, on: bool = False) -> None:
        self.kinds, self.at, self.error, self.code, self.on = frozenset(kinds.split()), at, error, code, on
        self.calls = self.failed = 0

    def pass_(self, kind: str) -> None:
        if kind not in self.kinds:
            return
        self.calls += 1
        if self.calls == self.at or (self.on and self.calls > self.at):
            self.failed += 1
            error = self.error(f"as planned: {kind} {self.calls}")
            error.extendedresult = self.code  # type: ignore[attr-defined]
            raise error


class File(apsw.VFSFile):
    def __init__(self, parent: str, name: Any, flags: list[int], plan: Plan):
        self.plan = plan
        super().__init__(parent, name, flags)

    def xWrite(self, data: Any, offset: int) -> None:
        self.plan.pass_("write")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        self.plan.pass_("sync")
        super().xSync(flags)

    def xRead(self, amount: int, offset: int) -> Any:
        self.plan.pass_("read")
        return super().xRead(amount, offset)

    def xTruncate(self, size: int) -> None:
        self.plan.pass_("truncate")
        super().xTruncate(size)


class Failing(apsw.VFS):
    def __init__(self, name: str, plan: Plan):
        self.plan = plan
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> File:
        return File("", name, flags, self.plan)


@contextmanager
def failing() -> Iterator[tuple[str, Plan]]:
    """A file system of that name, and the plan by which it fails."""
    plan = Plan()
    vfs = Failing("failing", plan)
    try:
        yield "failing", plan
    finally:
        vfs.unregister()
