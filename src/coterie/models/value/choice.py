"""Which model, and whether it may be used: fitted before a holdout, judged on it, then fitted to all.

Where the data do not show what a model claims to know (that customers leave; that spend has nothing to do with frequency),
a plainer one is used and the fit says so.
"""

from dataclasses import dataclass

import numpy as np

from coterie.core.errors import DidNotConverge, ModelError, TooFewRows
from coterie.models.value import gamma_gamma, shrunk_mean
from coterie.models.value.fitted import PROCESSES, Fit, Tried, Verdict, Warned
from coterie.models.value.gamma_gamma import GammaGamma
from coterie.models.value.history import Counts, Floats, History
from coterie.models.value.likelihood import Maximum, maximise
from coterie.models.value.nbd import NBD
from coterie.models.value.quality import Holdout, better, by_frequency, foresee, log_score, measured, rules
from coterie.models.value.shrunk_mean import ShrunkMean

FEWEST = 10
"""Repeaters without whom nothing can be said."""
FEW = 50
"""Repeaters below whom only buying is modelled, not leaving."""
TRIED = 40_000
"""Customers on whom models are compared, where there are more."""
LEAVING = 5.99
"""Twice the log-likelihood that two parameters of leaving must add (χ² with 2 degrees of freedom, 5 %)."""
CORRELATED = 0.3
CHANCE = 1.96
_STAYING = NBD()


@dataclass(frozen=True, slots=True)
class Before:
    """A history cut off early, and what its customers did next."""

    history: History
    holdout: Holdout

    def __post_init__(self) -> None:
        if len(self.history) != len(self.holdout.orders):
            raise ModelError("a history and its holdout are about different customers", hint="give one number of orders for each")


def fit(history: History, before: Before | None = None, *, model: str | None = None, seed: int = 0) -> Fit:
    """Learn what customers are worth.

    Args:
        history: all that is known of the customers.
        before: the same cut off early, with what came then; without it nothing is known about quality, and the likeliest is used.
        model: "BG/NBD", "MBG/NBD", "Pareto/NBD" or "NBD" (or bg_nbd and so on) where the choice is the user's.
        seed: of the futures drawn for intervals.

    Raises:
        TooFewRows: fewer than `FEWEST` customers bought on a second day.
        DidNotConverge: no model has a maximum.
        ModelError: a model that does not exist.
    """
    asked = None if model is None else named(model)
    if history.repeaters < FEWEST:
        raise TooFewRows(
            f"{history.repeaters:,} of {len(history):,} customers bought on a second day: too few to say how orders go on",
            hint=f"{FEWEST} such customers are needed, {FEW} to say who has left; take more time or another kind of event",
        )
    warnings: list[Warned] = []
    judged = before
    if judged is not None and (judged.history.repeaters < FEWEST or judged.holdout.orders.sum() == 0):
        warnings.append(Warned("no_holdout", "Too little happened before or after the cut: how good the fit is, is not known."))
        judged = None
    # Comparing takes a sample; what is chosen is fitted to all.
    tried_on = _spread(judged.history if judged else history)
    compared = (judged.history if judged else history).some(tried_on)
    holdout = Holdout(judged.holdout.orders[tried_on], judged.holdout.days) if judged else None
    candidates = [asked] if asked else list(PROCESSES)
    if compared.repeaters < FEW:
        candidates = [_STAYING.name]
        warnings.append(
            Warned(
                "few_repeaters",
                f"{compared.repeaters:,} customers bought on a second day{' before the cut' if judged else ''}. That is too few to "
                "tell who has left for good, so everybody counts as still there (NBD).",
            )
        )
    fits = _try(candidates, compared.counts())
    tried = tuple(_tried(name, maximum, refused, compared, holdout) for name, (maximum, refused) in fits.items())
    usable = [one for one in tried if not one.refused]
    # What was asked for is used even where another is better; buying without leaving stands in for it where it may not be.
    best = next((one for one in usable if one.model == asked), None) or max(usable, key=_merit)
    warnings += _said(tried)

    counts = history.counts()
    final = maximise(PROCESSES[best.model], counts, fits[best.model][0].theta)
    name = best.model
    if name != _STAYING.name:
        staying = maximise(_STAYING, counts)
        if 2 * (final.log_likelihood - staying.log_likelihood) < LEAVING:
            name, final = _STAYING.name, staying
            warnings.append(_no_leaving([best.model]))
    if final.flat:
        warnings.append(
            Warned(
                "not_identified",
                f"The data do not settle {' and '.join(final.flat)} of {name}: many values explain them as well. What is expected "
                "of customers hardly depends on it; the parameters themselves mean nothing.",
            )
        )
    spend, correlation, more = _spend(history)
    symbols = PROCESSES[name].symbols
    return Fit(
        name,
        dict(zip(symbols, map(float, final.theta), strict=True)),
        dict(zip(symbols, map(float, final.se), strict=True)),
        final.log_likelihood,
        len(history),
        history.repeaters,
        spend,
        correlation,
        _why(name, asked, usable),
        (*warnings, *more),
        tried,
        _verdict(name, fits[name][0] if name in fits else final, compared, holdout) if holdout else None,
        seed,
    )


def named(model: str) -> str:
    """The name of a process, from it or from the way it is written in code."""
    plain = {name.casefold().replace("/", "_"): name for name in PROCESSES}
    found = plain.get(model.casefold().replace("/", "_").replace("-", "_").replace(" ", "_"))
    if found is None:
        raise ModelError(f"there is no model {model!r} of lifetime value", hint=f"there are {', '.join(PROCESSES)}")
    return found


def _spread(history: History) -> slice:
    return slice(None, None, -(-len(history) // TRIED))


def _try(candidates: list[str], counts: Counts) -> dict[str, tuple[Maximum, str]]:
    """Each candidate's maximum and why it must not be used, "" where it may; buying without leaving is always among them."""
    staying = maximise(_STAYING, counts)
    found: dict[str, tuple[Maximum, str]] = {}
    for name in candidates:
        if name == _STAYING.name:
            continue
        try:
            maximum = maximise(PROCESSES[name], counts)
        except DidNotConverge:
            continue
        gain = 2 * (maximum.log_likelihood - staying.log_likelihood)
        found[name] = maximum, "no_leaving" if gain < LEAVING else ""
    return found | {_STAYING.name: (staying, "")}


def _tried(name: str, maximum: Maximum, refused: str, history: History, holdout: Holdout | None) -> Tried:
    process = PROCESSES[name]
    quality = None
    if holdout is not None:
        score = log_score(process, maximum, history, holdout)
        quality = measured(foresee(process, maximum, history, holdout), holdout, score)
    parameters = dict(zip(process.symbols, map(float, maximum.theta), strict=True))
    return Tried(name, parameters, maximum.log_likelihood, refused, quality)


def _merit(one: Tried) -> float:
    """How probable the model made what happened: in the holdout where there is one."""
    return one.log_likelihood if one.quality is None or one.quality.log_score is None else one.quality.log_score


def _said(tried: tuple[Tried, ...]) -> list[Warned]:
    refused = [one.model for one in tried if one.refused]
    leaving = [one for one in tried if PROCESSES[one.model].leaves]
    return [_no_leaving(refused)] if refused and len(refused) == len(leaving) else []


def _no_leaving(refused: list[str]) -> Warned:
    return Warned(
        "no_leaving",
        f"No sign that customers leave for good: {_listed(refused)} explain{'s' if len(refused) == 1 else ''} the orders no better "
        "than a model in which nobody ever leaves. That model (NBD) is used. The probability of being alive is 1 for everybody "
        "and says nothing here; look at expected orders instead.",
    )


def _why(name: str, asked: str | None, usable: list[Tried]) -> str:
    others = [one for one in usable if one.model != name]
    if asked == name:
        return f"{name} was asked for."
    if asked:
        return f"{asked} was asked for, but cannot be had from these data: {name} is used."
    if not others:
        return f"{name} is the only one that these data allow."
    if usable[0].quality is None:
        return f"{name} explains the orders best, by its likelihood; nothing was held out to judge by."
    return (
        f"{name} gave what customers did in the holdout the highest probability, before {_listed([one.model for one in others])}."
    )


def _verdict(name: str, maximum: Maximum, history: History, holdout: Holdout) -> Verdict:
    process = PROCESSES[name]
    foreseen = foresee(process, maximum, history, holdout)
    plain = rules(history, holdout)
    qualities = {rule: measured(guess, holdout) for rule, guess in plain.items()}
    nearest = min(plain, key=lambda rule: qualities[rule].rmse)
    ahead = better(foreseen, plain[nearest], holdout) > CHANCE
    quality = measured(foreseen, holdout, log_score(process, maximum, history, holdout))
    bias = f"{abs(quality.bias):.0%} too {'many' if quality.bias > 0 else 'few'}"
    plainly = {"mean": "everybody bought alike", "own rate": "everybody went on at their own past rate"}
    words = (
        f"{len(history):,} customers placed {quality.actual:,.0f} orders in the {holdout.days:,.0f} days held out; "
        f"{quality.foreseen:,.0f} were foreseen ({bias}). For one customer it is {quality.mae:.2f} orders off on average; "
        f"to say that {plainly['mean']} is {qualities['mean'].mae:.2f} off, "
        f"that {plainly['own rate']} {qualities['own rate'].mae:.2f}. "
    )
    if ahead:
        words += "It is better than both, by more than chance (squared errors)."
    else:
        words += f"It is no better than saying that {plainly[nearest]} (squared errors): trust it no more than that."
    return Verdict(holdout.days, len(history), quality, qualities, by_frequency(foreseen, history, holdout), ahead, words)


def correlation_of(x: Floats, spend: Floats) -> float:
    """Pearson's correlation of two columns; 0 where one of them is constant."""
    if len(x) < 3:
        return 0.0
    a, b = x - x.mean(), spend - spend.mean()
    widest = np.abs(a).max(), np.abs(b).max()
    if min(widest) == 0:
        return 0.0
    a, b = a / widest[0], b / widest[1]  # however small or large, their squares are numbers
    return float(np.clip((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()), -1, 1))


def _spend(history: History) -> tuple[GammaGamma | ShrunkMean, float, list[Warned]]:
    """What an order is worth: Gamma-Gamma, or the shrunk mean and the reason."""
    bought = history.x > 0
    x, spend = history.x[bought], history.spend[bought]
    correlation = correlation_of(x, spend)
    shrunk = shrunk_mean.fit(x, np.maximum(spend, 0))
    instead = "What an order is worth is the customer's own mean, drawn to that of all customers the fewer orders there are."
    paid = spend > 0
    if paid.sum() < FEWEST:
        words = f"{int(paid.sum()):,} customers have repeat purchases worth more than 0, too few for a model of spend. {instead}"
        return shrunk, correlation, [Warned("few_amounts", words)]
    limit = CHANCE / np.sqrt(max(len(x) - 3, 1))
    if abs(correlation) >= CORRELATED and abs(np.arctanh(np.clip(correlation, -0.999999, 0.999999))) > limit:
        more = "more" if correlation > 0 else "less"
        words = (
            f"Customers who buy more often spend {more} on an order (correlation {correlation:.2f}), which Gamma-Gamma rules out. "
            f"{instead}"
        )
        return shrunk, correlation, [Warned("spend_correlated", words)]
    model = gamma_gamma.fit(x[paid], spend[paid])
    observed = float(spend[paid].mean())
    if model is None or model.flat or model.q <= 1 or not 0.5 < model.population_mean / observed < 2:
        words = f"The Gamma-Gamma model of spend does not settle on these amounts (they differ too little, or too much). {instead}"
        return shrunk, correlation, [Warned("spend_unsettled", words)]
    return model, correlation, []


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
