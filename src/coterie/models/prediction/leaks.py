"""Features that know the outcome already: refused where they tell it nearly perfectly, warned of where they stand out.

Nothing that happens before T tells what happens after it nearly without error. A feature that does was written down
afterwards (a status set when the order came, the length of the call in which it was agreed).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from coterie.models.prediction.rules import Strength
from coterie.models.prediction.training import Kind

PERFECT = 0.99
STRONG = 0.75
AHEAD = 0.08
"""A feature this far ahead of the next best one is worth a question."""


@dataclass(frozen=True, slots=True)
class Leaks:
    """`refused`: features that are left out; `suspected`: kept with a warning; `warnings` says so of each."""

    refused: tuple[str, ...]
    suspected: tuple[str, ...]
    warnings: tuple[str, ...]


def found(strengths: Sequence[Strength], kind: Kind, keep: Collection[str] = (), dated: Collection[str] = ()) -> Leaks:
    """Leaks among features, by how well each alone tells the outcome.

    Args:
        strengths: the strongest first.
        keep: features that the user says are known before.
        dated: features computed from what happened before T, which can tell much but cannot leak.
    """
    trusted = {*keep, *dated}
    refused = [s for s in strengths if s.value > PERFECT and s.name not in trusted]
    left = [s for s in strengths if s not in refused]
    warnings = [
        f"{s.name} is left out: it alone tells the outcome nearly perfectly ({told(s, kind)}), so it was most likely written"
        f" down afterwards. If it is known before: `keep: [{s.name}]`."
        for s in refused
    ]
    suspected = []
    if left and left[0].name not in trusted and left[0].value >= STRONG:
        first, next_ = left[0], left[1].value if len(left) > 1 else 0.5
        if first.value - next_ >= AHEAD:
            suspected.append(first.name)
            warnings.append(
                f"{first.name} may leak the outcome: alone it tells far more ({told(first, kind)}) than any other feature"
                f" ({next_:.2f}). If it is known only afterwards, leave it out: the quality told here would not be met."
            )
    return Leaks(tuple(s.name for s in refused), tuple(suspected), tuple(warnings))


def told(strength: Strength, kind: Kind) -> str:
    """A strength in the measure of the kind."""
    if kind == "regression":
        return f"rank correlation {2 * strength.value - 1:.3f}"
    return f"AUC {strength.value:.3f}"
