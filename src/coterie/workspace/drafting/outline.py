"""How a drafted project file is laid out: comments that fit the width, and texts that YAML leaves alone."""

import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

WIDTH = 118
LINE = 138
"""The longest source on one line."""
_PLAIN = re.compile(r"^[^\s\-?:,\[\]{}#&*!|>'\"%@`][^#\n]*$|^-?\d[\d.]*$")


def comment(text: str, indent: int = 0) -> list[str]:
    """A comment as lines, each paragraph wrapped."""
    out = []
    for paragraph in text.split("\n"):
        start = " " * indent + "# "
        hang = " " * (len(paragraph) - len(paragraph.lstrip()) + (2 if paragraph.startswith(" ") else 0))
        hang = "   " if re.match(r"\d+\. ", paragraph) else hang
        lines = textwrap.wrap(paragraph, WIDTH - len(start), break_long_words=False, break_on_hyphens=False, subsequent_indent=hang)
        out += [start + line for line in lines] or [" " * indent + "#"]
    return out


def scalar(text: str, *, flow: bool = False) -> str:
    """A text as YAML reads it back unchanged: plain where nothing bites, else in quotes."""
    plain = _PLAIN.match(text) and ": " not in text and " #" not in text and not text.endswith((":", " "))
    if plain and flow and re.search(r"[,\[\]{}]", text):
        plain = None
    if plain:
        return text
    if "\n" in text or "\\" in text or any(ord(c) < 32 for c in text):
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") + '"'
    if "'" in text and '"' not in text:
        return f'"{text}"'
    return "'" + text.replace("'", "''") + "'"


def listed(items: Iterable[str]) -> str:
    """Texts as a list on one line."""
    return "[" + ", ".join(scalar(i, flow=True) for i in items) + "]"


Setting = str | Sequence[str] | dict[str, str]


@dataclass
class SourceText:
    """A source as it is written: its name, its keys in order, and comments above it and above keys."""

    name: str
    keys: dict[str, Setting] = field(default_factory=dict)
    above: list[str] = field(default_factory=list)
    why: dict[str, str] = field(default_factory=dict)
    compact: bool = False
    """On one line, between braces."""

    def lines(self) -> list[str]:
        out = [line for text in self.above for line in comment(text, 2)]
        if self.compact:
            inside = ", ".join(f"{k}: {self._flat(v)}" for k, v in self.keys.items())
            return [*out, f"  {scalar(self.name)}: {{{inside}}}"]
        out.append(f"  {scalar(self.name)}:")
        for key, value in self.keys.items():
            if key in self.why:
                out += comment(self.why[key], 4)
            if isinstance(value, dict):
                out.append(f"    {key}:")
                for name, text in value.items():
                    if f"{key}.{name}" in self.why:
                        out += comment(self.why[f"{key}.{name}"], 6)
                    out.append(f"      {scalar(name)}: {text if key == 'options' else scalar(text)}")
            elif isinstance(value, str):
                out.append(f"    {key}: {scalar(value)}")
            else:
                out.append(f"    {key}: {listed(value)}")
        return out

    def _flat(self, value: Setting) -> str:
        if isinstance(value, dict):
            raw = value.get("types", "").startswith("{")
            return "{" + ", ".join(f"{scalar(k, flow=True)}: {v if raw else scalar(v, flow=True)}" for k, v in value.items()) + "}"
        return scalar(value, flow=True) if isinstance(value, str) else listed(value)


def even(texts: Sequence[SourceText]) -> None:
    """Sources on one line stay so where all of those beside each other fit (and are not alone)."""
    run: list[SourceText] = []
    for text in (*texts, SourceText("")):
        if text.compact:
            run.append(text)
            continue
        name = max((len(t.name) for t in run), default=0)
        if len(run) < 2 or any(len(t.lines()[-1]) + name - len(t.name) > LINE for t in run):
            for one in run:
                one.compact = False
        run = []


@dataclass(frozen=True)
class Trait:
    name: str
    expression: str
    group: str
    note: str = ""


@dataclass(frozen=True)
class Segment:
    name: str
    where: str
    about: str
    group: str


@dataclass(frozen=True)
class Segmentation:
    """Labels with their rules (None: otherwise), or a call."""

    name: str
    about: str
    call: str | None = None
    labels: tuple[tuple[str, str | None], ...] = ()
    note: str = ""


def traits_text(traits: Sequence[Trait]) -> list[str]:
    """The section of traits, by groups, expressions in one column."""
    out = ["traits:"]
    group = ""
    width = max((len(scalar(t.name)) for t in traits), default=0) + 2
    for trait in traits:
        if trait.group != group:
            out += ([""] if group else []) + comment(trait.group, 2)
            group = trait.group
        if trait.note:
            out += comment(trait.note, 2)
        out.append(f"  {scalar(trait.name) + ':':<{width}}{scalar(trait.expression)}")
    return out


def segments_text(segments: Sequence[Segment]) -> list[str]:
    out = ["segments:"]
    group = ""
    for segment in segments:
        if segment.group != group:
            out += ([""] if group else []) + comment(segment.group, 2)
            group = segment.group
        out += [f"  {scalar(segment.name)}:", f"    where: {scalar(segment.where)}", f"    about: {scalar(segment.about)}"]
    return out


def segmentations_text(segmentations: Sequence[Segmentation]) -> list[str]:
    out = ["segmentations:"]
    for n, one in enumerate(segmentations):
        out += [""] if n else []
        out += comment(one.note, 2) if one.note else []
        if one.call is not None:
            out.append(f"  {scalar(one.name)}: {scalar(one.call)}")
            continue
        out += [f"  {scalar(one.name)}:", "    labels:"]
        out += [f"      {scalar(label)}: {scalar(rule or 'otherwise')}" for label, rule in one.labels]
        out.append(f"    about: {scalar(one.about)}")
    return out
