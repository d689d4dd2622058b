"""What fits say of themselves, in the one form that the record keeps and that pages and reports draw."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from coterie.models.model import Learned, Quality

if TYPE_CHECKING:
    from coterie.models.prediction.fitted import Fit

MEASURES = {"auc": "AUC", "r2": "differences accounted for", "log_loss_saved": "log loss saved"}
"""How the measure that decides is called."""


def prediction(fit: "Fit", inputs: Sequence[str]) -> Learned:
    """A prediction: how good it is beside simple rules, whether its probabilities are right, what drives it."""
    q = fit.quality
    decides = MEASURES.get(q.decides, q.decides)
    better = q.verdict == "better"
    tables: dict[str, list[dict[str, Any]]] = {
        "tenths": [
            {"tenth": n, "customers": g.customers, "lowest": g.lowest, "told": g.told, "happened": g.happened}
            for n, g in enumerate(q.tenths, 1)
        ],
        "importance": [{"features": list(i.features), "lost": i.lost, "varies": i.varies} for i in fit.importance],
    }
    figures = [Quality(decides, q.interval.value, q.interval.low, q.interval.high)]
    figures += [Quality(f"{decides} of {c.name} alone", c.value) for c in q.against[1:]]
    if fit.error is not None:
        tables["calibration"] = [{"customers": n, "told": told, "happened": happened} for n, told, happened in fit.error.bins]
        perfect = "exact probabilities at this size"
        figures.append(Quality("expected calibration error", fit.error.error, baseline=fit.error.perfect, against=perfect))
    figures += [Quality(name, value) for name, value in q.measures.items() if name != q.decides]
    # What was tried by itself and is not there needs no word each.
    notes = [n for n in fit.notes if not ("(" in n.partition(" is left out")[0] and "missing for everybody" in n)]
    if len(notes) < len(fit.notes):
        notes.append(f"{len(fit.notes) - len(notes)} things that events could tell were not known as of any of these days")
    chance = 0.5 if q.decides == "auc" else 0.0
    rest = [c.value for c in q.against] + [chance]
    skill = (q.interval.value - max(rest)) / (1 - max(rest)) if max(rest) < 1 else 0.0
    return Learned(
        parameters=fit.to_json(),
        inputs=list(inputs),
        verdict=" ".join(fit.sentences),
        quality=figures,
        skill=skill if better else 0.0,
        notes=[*fit.warnings, *notes],
        tables=tables,
    )
