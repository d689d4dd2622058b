"""What fits say of themselves, in the one form that the record keeps and that pages and reports draw."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from coterie.models.model import Learned, Quality

if TYPE_CHECKING:
    from coterie.models.prediction.fitted import Fit
    from coterie.models.prediction.quality import Quality as Measured

MEASURES = {
    "auc": "AUC",
    "r2": "differences accounted for",
    "log_loss_saved": "log loss saved",
    "brier": "Brier score",
    "log_loss": "log loss",
    "base_rate": "share to whom it happens",
    "mae": "mean absolute error",
    "rmse": "root mean square error",
    "spearman": "rank correlation",
    "mean": "mean of what came",
    "told_of_total": "told of all that came",
    "accuracy": "share told right",
    "most_common": "share of the most common answer",
    "sure": "share who get an answer, not unsure",
    "right_when_sure": "share of these told right",
}
"""How measures are called."""
BESIDE = {"brier": "brier_of_base_rate", "log_loss": "log_loss_of_base_rate", "accuracy": "most_common"}
"""Measures that stand beside another one: the same of the plain baseline."""
CUTS = (0.05, 0.1, 0.2, 0.3, 0.5)
"""The first so large shares of customers, by their score."""


def prediction(fit: "Fit", inputs: Sequence[str]) -> Learned:
    """A prediction: how good it is beside simple rules, whether its probabilities are right, what drives it."""
    q = fit.quality
    decides = MEASURES.get(q.decides, q.decides)
    better = q.verdict == "better"
    tables: dict[str, list[dict[str, Any]]] = {
        "tenths": [
            {"tenth": len(q.tenths) - n, "customers": g.customers, "lowest": g.lowest, "told": g.told, "happened": g.happened}
            for n, g in enumerate(q.tenths)
        ],
        "importance": [{"features": list(i.features), "lost": i.lost, "varies": i.varies} for i in fit.importance],
    }
    figures = [Quality(decides, q.interval.value, q.interval.low, q.interval.high)]
    figures += [Quality(f"{decides} of {c.name} alone", c.value) for c in q.against[1:]]
    if fit.error is not None:
        tables["calibration"] = [{"customers": n, "told": told, "happened": happened} for n, told, happened in fit.error.bins]
        perfect = "exact probabilities at this size"
        figures.append(Quality("expected calibration error", fit.error.error, baseline=fit.error.perfect, against=perfect))
    figures += measures(q)
    tables["cut_offs"] = cut_offs(q)
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


def measures(q: "Measured") -> list[Quality]:
    """All measures but the one that decides, those of the baseline beside them."""
    against = {"classification": "the base rate for everybody", "multiclass": "the most common answer"}.get(q.kind, "")
    beside = {name for name, value in BESIDE.items() if value in q.measures}
    shown = [name for name in q.measures if name != q.decides and name not in {BESIDE[one] for one in beside}]
    return [
        Quality(MEASURES.get(name, name), q.measures[name], baseline=q.measures[BESIDE[name]], against=against)
        if name in beside
        else Quality(MEASURES.get(name, name), q.measures[name])
        for name in shown
    ]


def cut_offs(q: "Measured") -> list[dict[str, Any]]:
    """What choosing the first 5 %, 10 %, … gives: how many, the lowest score among them, what happened to them on average, how
    many times the average of all that is, and which share of all that happened they hold."""
    mean = sum(g.customers * g.happened for g in q.tenths) / q.tested
    rows = []
    for group in q.gains:
        share = group.customers / q.tested
        if any(abs(share - cut) < 0.01 for cut in CUTS):
            lift = group.happened / mean if mean else None
            found = {"first": f"{share:.0%}", "customers": group.customers, "lowest": group.lowest, "happened": group.happened}
            rows.append(found | {"lift": lift, "of_all": None if lift is None else lift * share})
    return rows
