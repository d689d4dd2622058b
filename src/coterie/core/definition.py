"""What every definition has: a name, where it stands, what it says of itself, and a fingerprint."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from coterie.core.place import Origin, Place


@dataclass(frozen=True, slots=True)
class Written:
    """A text of the project file, with where it came from."""

    text: str
    origin: Origin

    @property
    def place(self) -> Place:
        return self.origin.place(0, len(self.text))


@dataclass(frozen=True, slots=True)
class Definition:
    """A named thing of the project file.

    `notes` holds what is kept and shown but does not change an answer: about, owner, goal, purpose, was, tags …
    """

    name: str
    place: Place
    notes: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def was(self) -> tuple[str, ...]:
        """The names that it had before."""
        told = self.notes.get("was", ())
        return told if isinstance(told, tuple) else ()
