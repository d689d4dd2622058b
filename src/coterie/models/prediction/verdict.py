"""The quality of a prediction in sentences for people who decide about campaigns: counts first, no praise."""

from collections.abc import Sequence

from coterie.models.prediction.calibration import CalibrationError
from coterie.models.prediction.quality import Quality

EXACT = 0.01
"""Calibration errors up to this, or up to what exact probabilities show at this size, need no words."""


def sentences(quality: Quality, error: CalibrationError | None, happens: str, classes: Sequence[str] = ()) -> tuple[str, ...]:
    """What was found, the claim first.

    Args:
        happens: what is predicted, as it follows a share of customers: "order within 30 days", "spend"."
    """
    said = [_claim(quality)]
    if quality.verdict != "no better than chance":
        said.append(_first_tenth(quality, happens, classes))
    if error is not None and quality.verdict != "no better than chance":
        said.append(_calibration(error))
    where = "at a later time than it was fitted on" if quality.later else "that it was not fitted on, in turns"
    said.append(f"Measured on {quality.tested:,} customers {where}.")
    return tuple(said)


def _claim(quality: Quality) -> str:
    value, low, high = quality.interval.value, quality.interval.low, quality.interval.high

    def shown(x: float) -> str:
        return f"{x:.3f}" if quality.decides == "auc" else percent(x)

    reached = {
        "auc": f"AUC {shown(value)}",
        "r2": f"it accounts for {shown(value)} of the differences",
        "log_loss_saved": f"it saves {shown(value)} of the log loss",
    }[quality.decides]
    if quality.verdict == "no better than chance":
        more = quality.against[0].more
        by_chance = shown(0.5 * (quality.decides == "auc") + more.value - more.low)
        why = f"; up to {by_chance} comes about by chance with so few customers" if more.value > more.low else ""
        return f"No better than chance ({reached}{why}): everybody gets {quality.against[0].name}."
    reached += f", 95 % interval {shown(low)} to {shown(high)}"
    close = [c for c in quality.against[1:] if not c.better]
    if close:
        best = max(close, key=lambda c: c.value)
        return (
            f"No better than {best.name} ({reached}; {best.name} alone {shown(best.value)}): sorting customers by it does as well."
        )
    others = " and ".join(f"{c.name} ({shown(c.value)})" for c in quality.against[1:])
    return f"Better than chance{f' and than {others} alone' if others else ''}: {reached}."


def _first_tenth(quality: Quality, happens: str, classes: Sequence[str]) -> str:
    top = quality.tenths[0]
    if quality.kind == "multiclass":
        right, common = quality.measures["accuracy"], quality.measures["most_common"]
        return (
            f"Right for {percent(right)} of customers, among {len(classes)} answers; always telling the most common one is right"
            f" for {percent(common)}. For the tenth it is surest of, it is right for {percent(top.happened)}."
        )
    if quality.kind == "regression":
        mean = quality.measures["mean"]
        of_total = quality.measures.get("told_of_total")
        ratio = f", {_times(top.happened / mean)} the average" if mean > 0 else ""
        return (
            f"The tenth with the highest prediction comes to {_amount(top.happened)} on average{ratio} ({_amount(mean)});"
            f" the prediction was {_amount(top.told)}."
            + (f" The total predicted is {percent(of_total)} of what came." if of_total is not None else "")
        )
    base = quality.measures["base_rate"]
    return (
        f"Of the tenth with the highest score {percent(top.happened)} {happens}, {_times(top.happened / base)} the average"
        f" ({percent(base)})."
    )


def _calibration(error: CalibrationError) -> str:
    said = (
        f"Probabilities are {100 * error.error:.1f} points off on average; exact ones would seem {100 * error.perfect:.1f}"
        " points off with so few customers."
    )
    if error.error <= max(EXACT, error.perfect_high):
        return said
    return said + " They are a ranking more than probabilities."


def _times(ratio: float) -> str:
    words = {2: "twice", 3: "three times", 4: "four times", 5: "five times"}
    near = round(ratio)
    return words[near] if near in words and abs(ratio - near) < 0.05 else f"{ratio:.1f} times"


def percent(share: float) -> str:
    """A share in percent, with one decimal below 10 %."""
    found = round(100 * share, 1) + 0.0
    return f"{found:.1f} %" if 0 < abs(found) < 9.95 else f"{found:.0f} %"


def _amount(x: float) -> str:
    return f"{x:,.0f}" if abs(x) >= 1000 else f"{x:,.2f}"
