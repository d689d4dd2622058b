"""How often somebody may ask: a bucket of tokens that fills again as time goes by."""

from collections import OrderedDict
from dataclasses import dataclass
from math import ceil

MOST = 20_000
"""How many buckets are kept; those of whom nothing was heard for the longest time go first, and would be full by then."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a second, and so many at once."""

    a_second: float
    at_once: float


@dataclass(frozen=True, slots=True)
class Rates:
    """What is allowed.

    Attributes:
        asked: requests of one key from one address; `heavy`: those of them that count or list everybody.
        refused: requests of one address without a key that counts.
    """

    asked: Rate = Rate(5000, 10_000)
    heavy: Rate = Rate(20, 60)
    refused: Rate = Rate(5, 100)


class Buckets:
    """Buckets by whoever asks."""

    def __init__(self, rate: Rate, most: int = MOST):
        self.rate, self.most = rate, most
        self.levels: OrderedDict[object, tuple[float, float]] = OrderedDict()

    def take(self, who: object, now: float) -> int:
        """Take a token.

        Args:
            now: monotonic seconds.

        Returns:
            0 where there was one; else after how many whole seconds there is one again.
        """
        level, before = self.levels.get(who, (self.rate.at_once, now))
        level = min(self.rate.at_once, level + max(0.0, now - before) * self.rate.a_second)
        wait = 0 if level >= 1 else max(1, ceil((1 - level) / self.rate.a_second))
        self.levels[who] = (level if wait else level - 1, now)
        self.levels.move_to_end(who)
        if len(self.levels) > self.most:
            self.levels.popitem(last=False)
        return wait

    def empty(self, who: object, now: float) -> int:
        """After how many seconds there is a token; 0 where there is one now. Takes none."""
        level, before = self.levels.get(who, (self.rate.at_once, now))
        level = min(self.rate.at_once, level + max(0.0, now - before) * self.rate.a_second)
        return 0 if level >= 1 else max(1, ceil((1 - level) / self.rate.a_second))
