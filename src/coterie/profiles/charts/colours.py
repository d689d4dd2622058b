"""The colours of pages and charts, light and dark, by what they are for."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

LIGHT: Mapping[str, str] = {
    "paper": "#fbfaf8",
    "ink": "#1d1c22",
    "quiet": "#6b6875",
    "hairline": "#e4e1dc",
    "accent": "#3b4cca",
    "group-1": "#3b4cca",
    "group-2": "#d76c25",
    "group-3": "#2a9d8f",
    "group-4": "#b5486b",
    "group-5": "#7a6fd0",
    "group-6": "#b08a10",
    "group-7": "#4f86a6",
    "group-8": "#8c564b",
    "group-9": "#6a994e",
    "group-10": "#9c6b98",
    "rest": "#8b8893",
    "unknown": "#918e9a",
    "step-1": "#e9ebfa",
    "step-2": "#cdd2f4",
    "step-3": "#a9b2ea",
    "step-4": "#8c97e3",
    "step-5": "#5362cf",
    "step-6": "#3344b4",
}
"""Tokens and their colours on a light page. `step-1` to `step-6` are one hue, light to dark, for ordered values."""

DARK: Mapping[str, str] = {
    **LIGHT,
    "paper": "#16161a",
    "ink": "#ecebf0",
    "quiet": "#9c99a6",
    "hairline": "#2c2b33",
    "accent": "#8f9bff",
    "group-1": "#8f9bff",
    "group-2": "#e07a2f",
    "group-4": "#d06a8b",
    "group-6": "#c9a227",
    "group-8": "#b07a6e",
    "rest": "#85828e",
    "unknown": "#77747f",
    "step-1": "#1f2138",
    "step-2": "#2b2f57",
    "step-3": "#3a4180",
    "step-4": "#4c57a6",
    "step-5": "#7f8bea",
    "step-6": "#aab4ff",
}
"""The same on a dark page; the steps run from near the paper to far from it."""

GROUPS = tuple(LIGHT[f"group-{n}"] for n in range(1, 11))
STEPS = tuple(LIGHT[f"step-{n}"] for n in range(1, 7))
PAPER, INK, QUIET, HAIRLINE, ACCENT = (LIGHT[name] for name in ("paper", "ink", "quiet", "hairline", "accent"))
REST, UNKNOWN = LIGHT["rest"], LIGHT["unknown"]
ABOVE, BELOW = LIGHT["group-2"], LIGHT["group-1"]
ON_STEPS = (INK, INK, INK, INK, PAPER, PAPER)
"""The colour of text on each step."""


def by_key(keys: Iterable[str], most: Sequence[str] | None = None) -> dict[str, str]:
    """A colour for each group, the same one wherever the same keys are given in the same order.

    Args:
        keys: all groups, in the order of the project file.
        most: which of them matter most, where there are more than ten; the others are grey.
    """
    listed = list(keys)
    coloured = listed if len(listed) <= len(GROUPS) else [k for k in listed if k in set((most or listed)[: len(GROUPS)])]
    return dict.fromkeys(listed, REST) | dict(zip(coloured, GROUPS, strict=False))


def step_of(value: float, least: float, most: float) -> int:
    """The step, 0 to 5, of a value between the least and the most."""
    if most <= least:
        return len(STEPS) // 2
    return min(len(STEPS) - 1, int(len(STEPS) * (value - least) / (most - least)))


def for_page(spec: Any) -> Any:
    """A chart's specification with each colour replaced by the page's variable of it, and "cannot tell" by its hatching."""
    match spec:
        case str():
            return _VARIABLES.get(spec, spec)
        case Mapping():
            return {key: for_page(value) for key, value in spec.items()}
        case list() | tuple():
            return [for_page(value) for value in spec]
        case _:
            return spec


def contrast(one: str, other: str) -> float:
    """The contrast of two colours (`#rrggbb`), 1 to 21, as WCAG 2 has it."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def on(fill: str) -> str:
    """The colour of text on a group's colour."""
    return next((ON_GROUPS[f"on-{name}"] for name in _FILLS if LIGHT[name] == fill), INK)


_WHITE, _BLACK = "#fffff", "#00000"
_FILLS = (*(f"group-{n}" for n in range(1, 11)), "rest")


def _on(colours: Mapping[str, str]) -> dict[str, str]:
    """The colour of text on each group: white or black, whichever can be read.

    The last digit tells the groups apart, so that the page can choose anew for dark pages.
    """
    out = {}
    for place, fill in enumerate(_FILLS):
        choices = (f"{_WHITE}{place:x}", f"{_BLACK}{place:x}")
        out[f"on-{fill}"] = max(choices, key=lambda c: contrast(c, colours[fill]))
    return out


ON_GROUPS: Mapping[str, str] = _on(LIGHT)
DARK_ON_GROUPS: Mapping[str, str] = _on(DARK)
# The accent and the first group are one colour in both, so one variable serves.
_VARIABLES = {colour: f"var(--{name})" for name, colour in {**LIGHT, **ON_GROUPS}.items() if name != "accent"} | {
    UNKNOWN: "url(#cannot-tell)"
}
