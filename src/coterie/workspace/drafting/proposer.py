"""What every proposal is made with: the names that are taken, the columns that there are, and where definitions go."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from coterie.language.names import RESERVED, written
from coterie.language.types import BOOLEAN, INTEGER, TEXT, Type
from coterie.sources.findings import Detection
from coterie.sources.seen import SeenColumn
from coterie.sources.vocabulary import slug, slug_of_value
from coterie.workspace.drafting.buying import Buying, buying
from coterie.workspace.drafting.kinds import Sources
from coterie.workspace.drafting.outline import Segment, Segmentation, Trait


@dataclass
class Proposals:
    """What is proposed, in the order of the file."""

    traits: list[Trait] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    segmentations: list[Segmentation] = field(default_factory=list)


@dataclass(frozen=True)
class Known:
    """What can be named: the customers' columns and the events' columns with their types."""

    attributes: Mapping[str, Type]
    account: Mapping[str, Type]
    events: Mapping[str, Mapping[str, Type]]


class Proposer:
    """Collects proposals; every name is given once."""

    def __init__(self, detection: Detection, sources: Sources, known: Known):
        self.detection, self.sources, self.known = detection, sources, known
        self.out = Proposals()
        self.names = {n.casefold() for n in known.attributes} | set(RESERVED) | {"as_of"}
        self.named: dict[str, str] = {}
        self.who = "Companies" if detection.business else "Customers"
        self.buys = sources.kind("order")
        self.rhythm: Buying | None = buying(self.buys.found, self.buys.value) if self.buys is not None else None

    def name(self, wanted: str) -> str:
        """A name that nothing has yet."""
        base, n, name = wanted, 2, wanted
        while name.casefold() in self.names:
            name, n = f"{base}_{n}", n + 1
        self.names.add(name.casefold())
        return name

    def trait(self, wanted: str, expression: str, group: str, note: str = "", instead: str | None = None) -> str:
        """Add a trait; `instead` is its name where the wanted one is taken."""
        name = self.name(instead if instead is not None and wanted.casefold() in self.names else wanted)
        self.out.traits.append(Trait(name, expression, group, note))
        self.named[wanted] = written(name)
        return written(name)

    def segment(self, wanted: str, where: str, about: str, group: str) -> str:
        name = self.name(slug_of_value(wanted))
        self.out.segments.append(Segment(name, where, about, group))
        return written(name)

    def segmentation(
        self, wanted: str, about: str, call: str | None = None, labels: tuple[tuple[str, str | None], ...] = (), note: str = ""
    ) -> None:
        self.out.segmentations.append(Segmentation(self.name(wanted), about, call, labels, note))

    def top_values(
        self,
        name: str,
        seen: SeenColumn,
        *,
        group: str,
        about: str,
        prefix: str = "",
        suffix: str = "",
        most: int = 2,
        only: str = "",
    ) -> None:
        """Segments for the most frequent values of a column of texts; `only` is a condition that comes first."""
        if seen.type != TEXT or not 2 <= seen.distinct <= 200 or not seen.known:
            return
        for value, _ in seen.top(most):
            text = str(value)
            if not text.strip() or len(text) > 60 or text.casefold() in ("unknown", "other", "n/a", "none", "no", "yes"):
                continue
            base = text if prefix or suffix or group == "Contract" else f"{slug(name)}_{text}"
            wanted = "_".join(p for p in (prefix, slug_of_value(base), suffix) if p)
            self.segment(
                wanted,
                f"{only} and {name} = {text_literal(text)}" if only else f"{name} = {text_literal(text)}",
                about.format(who=self.who, value=text),
                group,
            )

    def attribute(self, meaning: str) -> tuple[str, SeenColumn] | None:
        name = self.sources.attributes.get(meaning)
        if name is None or name not in self.known.attributes:
            return None
        seen = self.seen_attribute(name)
        return (written(name), seen) if seen is not None else None

    def seen_attribute(self, name: str) -> SeenColumn | None:
        """The values of a customers' column."""
        for found in (*self.detection.of("customers"), *self.detection.of("lookup")):
            if name in found.file.columns:
                return found.file.columns[name]
            for meaning, column in found.meaning.items():
                if self.sources.attributes.get(meaning) == name and column in found.file.columns:
                    return found.file.columns[column]
        return None

    def yes(self, column: str) -> str | None:
        """The condition that a column says yes."""
        type_, seen = self.known.attributes.get(column), self.seen_attribute(column)
        if type_ == BOOLEAN:
            return written(column)
        if type_ == INTEGER:
            return f"{written(column)} = 1"
        if type_ == TEXT and seen is not None:
            for value, _ in seen.top(5):
                if str(value).casefold() in (
                    "yes",
                    "y",
                    "ja",
                    "oui",
                    "si",
                    "sí",
                    "opt-in",
                    "opted in",
                    "subscribed",
                    "granted",
                    "true",
                ):
                    return f"{written(column)} = {text_literal(str(value))}"
        return None

    def own_names(self) -> dict[str, str]:
        """The file's columns of customers with the names they have in the project."""
        hub = self.detection.hub
        assert hub is not None
        out = {c: c for c in hub.file.columns}
        text = next((t for t in self.sources.texts if t.name == "customers"), None)
        given = text.keys.get("columns") if text is not None else None
        if isinstance(given, dict):
            plain = {written(c): c for c in hub.file.columns}
            out |= {plain[old]: new for new, old in given.items() if old in plain}
        return out


def text_literal(value: str) -> str:
    """A text as the language writes it."""
    return "'" + value.replace("'", "''") + "'"


def value_literal(value: object) -> str:
    """A whole number or a text as the language writes it."""
    return str(value) if isinstance(value, int) else text_literal(str(value))
