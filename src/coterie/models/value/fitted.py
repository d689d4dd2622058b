"""A fit of lifetime value: plain JSON that says what was learned, how good it is, and what each customer is worth."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from coterie.core.errors import ModelError
from coterie.models.value.beta_geometric import BG_NBD, MBG_NBD
from coterie.models.value.discounting import discounted_orders
from coterie.models.value.gamma_gamma import GammaGamma
from coterie.models.value.history import WEEK, Floats, History, Integers
from coterie.models.value.interval import Outlook
from coterie.models.value.nbd import NBD
from coterie.models.value.pareto_nbd import PARETO_NBD
from coterie.models.value.process import Process, expected_given
from coterie.models.value.quality import FrequencyRow, Quality
from coterie.models.value.shrunk_mean import ShrunkMean

VERSION = 1
KIND = "lifetime_value"
LEVEL = 0.9
"""The probability with which a customer's value lies between low and high."""
TOTALS = 400
"""Futures drawn for the totals of groups."""
PROCESSES: Mapping[str, Process] = {process.name: process for process in (BG_NBD, MBG_NBD, PARETO_NBD, NBD())}


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that the reader of a fit should know: a stable word for it and the sentence."""

    code: str
    words: str


@dataclass(frozen=True, slots=True)
class Tried:
    """One model that was fitted to the customers before the holdout (to all of them without one).

    Attributes:
        refused: why it is not used whatever its figures, "" otherwise.
        quality: on the holdout; None without one.
    """

    model: str
    parameters: Mapping[str, float]
    log_likelihood: float
    refused: str
    quality: Quality | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The chosen model on the holdout beside the rules without a model.

    Attributes:
        days, customers: the size of the holdout.
        model: its quality; `rules`: that of "mean" and "own rate".
        by_frequency: foreseen and actual orders by repeat purchases before.
        better: whether it beats the better of the rules by more than chance would.
        words: the same as a sentence or two.
    """

    days: float
    customers: int
    model: Quality
    rules: Mapping[str, Quality]
    by_frequency: tuple[FrequencyRow, ...]
    better: bool
    words: str


@dataclass(frozen=True, slots=True)
class Scores:
    """One place for each customer.

    Attributes:
        probability_alive: that they have not left for good.
        expected_orders: days with an order within the horizon.
        value_per_order: the mean value of an order of theirs.
        value: expected value within the horizon, discounted where a rate was given.
        low, high: between them the value (not discounted) lies with probability `LEVEL`.
    """

    probability_alive: Floats
    expected_orders: Floats
    value_per_order: Floats
    value: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class NextPurchase:
    """Days from the end of the history to the next purchase of those who are still there: median and the 90 % around it."""

    median: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class Fit:
    """What was learned.

    Attributes:
        model: the process, a key of `PROCESSES`; `parameters` and `se` by symbol, times in weeks.
        log_likelihood: of all customers, times in weeks.
        customers, repeaters: how many it learned from.
        spend: Gamma-Gamma, or the shrunk mean where that does not hold.
        correlation: of frequency with the mean value of an order, over repeaters.
        chosen: why this model, in words.
        warnings: what the reader should know.
        tried: every model that was fitted.
        verdict: its quality on the holdout; None without one.
        seed: of the futures drawn for intervals.
    """

    model: str
    parameters: Mapping[str, float]
    se: Mapping[str, float]
    log_likelihood: float
    customers: int
    repeaters: int
    spend: GammaGamma | ShrunkMean
    correlation: float
    chosen: str
    warnings: tuple[Warned, ...]
    tried: tuple[Tried, ...]
    verdict: Verdict | None
    seed: int = 0

    @property
    def process(self) -> Process:
        return PROCESSES[self.model]

    @property
    def theta(self) -> Floats:
        return np.array([self.parameters[symbol] for symbol in self.process.symbols])

    def score(self, x: Floats, t_x: Floats, T: Floats, spend: Floats, horizon_days: float, *, monthly_rate: float = 0.0) -> Scores:
        """What customers are worth within a horizon.

        Args:
            x, t_x, T, spend: as in `History`, times in days; one customer or many, with equal results.
            horizon_days: how far to look, in days, 0 or more.
            monthly_rate: the discount for each month of 30 days; 0 for none.

        Raises:
            ModelError: an impossible history, horizon or rate.
        """
        if not (np.isfinite(horizon_days) and horizon_days >= 0 and np.isfinite(monthly_rate) and monthly_rate >= 0):
            raise ModelError(
                f"a horizon of {horizon_days:g} days at a discount of {monthly_rate:g} a month cannot be",
                hint="both are numbers from 0 on, such as 365 and 0.01",
            )
        history = History(x, t_x, T, spend)
        process, theta, horizon = self.process, self.theta, horizon_days / WEEK
        (rows_x, rows_t, rows_T), places = history.distinct()
        alive = process.alive(theta, rows_x, rows_t, rows_T)
        orders = alive * expected_given(process, theta, horizon, rows_x, rows_T)
        worth = alive * discounted_orders(process, theta, rows_x, rows_T, horizon, monthly_rate) if monthly_rate else orders
        low, high = Outlook(process, theta, self.spend, horizon, self.seed).bounds(rows_x, rows_T, alive, LEVEL)
        each = self.spend.mean(history.x, history.spend)
        return Scores(alive[places], orders[places], each, worth[places] * each, low[places] * each, high[places] * each)

    def totals(
        self,
        x: Floats,
        T: Floats,
        scores: Scores,
        horizon_days: float,
        places: Sequence[Integers],
        many: Sequence[int],
        *,
        draws: int = TOTALS,
    ) -> list[Floats]:
        """What groups of customers will be worth together: drawn totals, one row a group and one column a draw.

        Customers are drawn independently of each other. That the whole fit may be off is in no draw: `off` says by how much it was.

        Args:
            x, T: as in `History`, T in days; `scores`: what `score` told of these customers.
            places: for each grouping the place of each customer's group, −1 for none; `many`: how many groups it has.
        """
        outlook = Outlook(self.process, self.theta, self.spend, horizon_days / WEEK, self.seed)
        return outlook.totals(x, T / WEEK, scores.probability_alive, scores.value_per_order, places, many, draws)

    @property
    def off(self) -> float | None:
        """By what share of them all orders of the holdout were foreseen too many (0.05) or too few; None without one."""
        return None if self.verdict is None or not self.verdict.model.actual else self.verdict.model.bias

    def next_purchase(self, x: Floats, T: Floats) -> NextPurchase:
        """When customers with x repeat purchases in T days who have not left buy next. Chances to leave before that
        purchase are not counted: rates are gamma(r + x, α + T), so waits are Lomax distributed."""
        r, alpha = self.theta[:2]
        shape, scale = r + np.asarray(x, dtype=np.float64), alpha * WEEK + np.asarray(T, dtype=np.float64)

        def by(probability: float) -> Floats:
            found: Floats = scale * np.expm1(np.minimum(-np.log1p(-probability) / shape, 100.0))
            return found

        return NextPurchase(by(0.5), by((1 - LEVEL) / 2), by((1 + LEVEL) / 2))

    def to_json(self) -> dict[str, Any]:
        """The fit as plain values: numbers (an infinite standard error is null), text, lists, maps."""
        spend = {"kind": "gamma_gamma" if isinstance(self.spend, GammaGamma) else "shrunk_mean", **asdict(self.spend)}
        body = {field.name: getattr(self, field.name) for field in fields(self)}
        plain = {name: value for name, value in body.items() if name not in ("spend", "warnings", "tried", "verdict")}
        found: dict[str, Any] = _plain(
            {
                "version": VERSION,
                "kind": KIND,
                "time_unit": "week",
                **plain,
                "spend": spend,
                "warnings": [asdict(one) for one in self.warnings],
                "tried": [asdict(one) for one in self.tried],
                "verdict": None if self.verdict is None else asdict(self.verdict),
            }
        )
        return found

    @classmethod
    def from_json(cls, read: Mapping[str, Any]) -> "Fit":
        """The fit that `to_json` wrote.

        Raises:
            ModelError: it is not one, or a newer coterie wrote it.
        """
        if read.get("kind") != KIND or read.get("version") != VERSION or read.get("model") not in PROCESSES:
            raise ModelError(
                f"this is not a fit of {KIND} that this version reads: kind {read.get('kind')!r}, version {read.get('version')!r}",
                hint="fit it again",
            )
        spend = dict(read["spend"])
        kind = spend.pop("kind")
        if kind == "gamma_gamma":
            spend["se"], spend["flat"] = tuple(map(_number, spend["se"])), tuple(spend["flat"])
        verdict = read["verdict"]
        return cls(
            read["model"],
            dict(read["parameters"]),
            {symbol: _number(error) for symbol, error in read["se"].items()},
            read["log_likelihood"],
            read["customers"],
            read["repeaters"],
            GammaGamma(**spend) if kind == "gamma_gamma" else ShrunkMean(**spend),
            read["correlation"],
            read["chosen"],
            tuple(Warned(**one) for one in read["warnings"]),
            tuple(Tried(**{**one, "quality": _quality(one["quality"])}) for one in read["tried"]),
            None if verdict is None else _verdict(verdict),
            read["seed"],
        )


def _quality(read: Mapping[str, Any] | None) -> Quality | None:
    return None if read is None else Quality(**read)


def _verdict(read: Mapping[str, Any]) -> Verdict:
    return Verdict(
        **{
            **read,
            "model": Quality(**read["model"]),
            "rules": {name: Quality(**one) for name, one in read["rules"].items()},
            "by_frequency": tuple(FrequencyRow(**row) for row in read["by_frequency"]),
        }
    )


def _plain(value: Any) -> Any:
    """Values that any JSON reader takes: infinities as null."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value


def _number(value: float | None) -> float:
    return float("inf") if value is None else value
