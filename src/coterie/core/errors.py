"""The errors that coterie raises. Each teaches: what was found, where, what was expected, what to do now.

```
CoterieError                     .code  .hint  .place
├─ DefinitionError               a project file or an expression cannot be read
│  ├─ UnknownName · Cycle · TypeMismatch
│  ├─ DefinitionErrors           several of them at once
├─ DataError                     a file or its rows cannot be read
│  ├─ MissingColumn · BadRow
├─ EngineError                   an engine refused a step
│  ├─ NotSupported
├─ ModelError                    a fit cannot be had
│  ├─ NotFitted · DidNotConverge · Degenerate · TooFewRows
├─ StoreError                    the project's own folder cannot be used
│  ├─ Busy
└─ DeliveryError                 something could not be sent
   ├─ Transient · Permanent
```
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Self

from coterie.core.place import Place

PRINTED = 30
"""How many of several errors are printed."""


class CoterieError(Exception):
    """Anything coterie says no to. `code` is stable, `hint` is the way out, `place` is where."""

    default_code = "E000"

    def __init__(self, message: str, *, code: str | None = None, hint: str | None = None, place: Place | None = None):
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.hint = hint
        self.place = place

    def __str__(self) -> str:
        head = f"{self.place}  {self.code} {self.message}" if self.place else f"{self.code} {self.message}"
        caret = self.place.caret() if self.place else ""
        if caret and self.hint:
            return f"{head}\n{caret}  {self.hint}"
        if caret:
            return f"{head}\n{caret}"
        return f"{head}\n   {self.hint}" if self.hint else head


class DefinitionError(CoterieError):
    """A definition cannot be read or cannot mean anything."""

    default_code = "E100"


class UnknownName(DefinitionError):
    """A name that nothing defines."""

    default_code = "E102"


class Cycle(DefinitionError):
    """Definitions that need each other; `names` are they, in a circle."""

    default_code = "E103"
    names: tuple[str, ...] = ()


class TypeMismatch(DefinitionError):
    """Values of kinds that do not go together."""

    default_code = "E104"


class DefinitionErrors(DefinitionError):
    """Several things of one project file that are wrong: `errors` in the order of their places, each printed in full
    (of very many the first)."""

    def __init__(self, errors: Iterable[DefinitionError]):
        flat = [e for error in errors for e in (error.errors if isinstance(error, DefinitionErrors) else (error,))]
        once = {(error.code, error.message, error.place): error for error in flat}
        self.errors: tuple[DefinitionError, ...] = tuple(sorted(once.values(), key=_by_place))
        first = self.errors[0]
        super().__init__(first.message, code=first.code, hint=first.hint, place=first.place)

    def __str__(self) -> str:
        more = len(self.errors) - PRINTED
        said = [str(error) for error in self.errors[:PRINTED]]
        return "\n".join([*said, f"and {more:,} more"] if more > 0 else said)


def _by_place(error: CoterieError) -> tuple[str, int, int]:
    return (error.place.file, error.place.line, error.place.column) if error.place else ("", 0, 0)


class DataError(CoterieError):
    """A file cannot be read as what it is declared to be."""

    default_code = "E200"


class MissingColumn(DataError):
    """A column that the project names is not in the source: `column`, as it is named, and `source`, where they are known."""

    default_code = "E201"
    column = ""
    source = ""

    def of(self, column: str, source: str = "") -> Self:
        """The same error, which says what is missing where."""
        self.column, self.source = column, source
        return self


class BadRow(DataError):
    """A row that was put in quarantine."""

    default_code = "E202"


class EngineError(CoterieError):
    """An engine refused a step; carries the SQL and the engine's words."""

    default_code = "E300"

    def __init__(
        self,
        message: str,
        *,
        step: str = "",
        sql: str = "",
        code: str | None = None,
        hint: str | None = None,
        place: Place | None = None,
    ):
        super().__init__(message, code=code, hint=hint, place=place)
        self.step = step
        self.sql = sql


class NotSupported(EngineError):
    """An operation that this engine does not have."""

    default_code = "E301"


class ModelError(CoterieError):
    """A model could not be fitted, or not honestly."""

    default_code = "E400"


class NotFitted(ModelError):
    default_code = "E401"


class DidNotConverge(ModelError):
    default_code = "E402"


class Degenerate(ModelError):
    default_code = "E403"


class TooFewRows(ModelError):
    default_code = "E404"


class StoreError(CoterieError):
    """The project's own folder cannot be read or written."""

    default_code = "E500"


class Busy(StoreError):
    """Another process is at work on the same project."""

    default_code = "E501"


class DeliveryError(CoterieError):
    """Something could not be sent."""

    default_code = "E600"


class Transient(DeliveryError):
    default_code = "E601"


class Permanent(DeliveryError):
    default_code = "E602"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was most likely meant to be, if any is near: same letters in another case first."""
    names = sorted(set(known))
    folded = {n.casefold(): n for n in reversed(names)}
    if name.casefold() in folded:
        return folded[name.casefold()]
    close = get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def did_you_mean(name: str, known: Iterable[str], noun: str = "Known here") -> str:
    """The hint for an unknown name: the nearest one and a few that exist."""
    names = sorted(set(known))
    close = nearest(name, names)
    listed = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    some = f"{noun}: {listed}" if names else f"{noun}: nothing yet"
    return f"did you mean {close!r}? {some}" if close else some
