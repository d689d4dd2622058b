"""Customer lifetime value as discounted cash flow: what is expected in each month, worth less the later it comes.

CLV = Σ over months i of E(M) · (E[Y(i)] − E[Y(i − 1)]) / (1 + rate)^i, as the package lifetimes has it: whole months, each
discounted at its end (Fader, Hardie, Lee: RFM and CLV, Journal of Marketing Research 42 (2005), with sums for integrals).
"""

import numpy as np

from coterie.models.value.history import WEEK, Floats, distinct
from coterie.models.value.process import Process, Theta, expected_given

MONTH = 30.0
"""Days in a month here."""


def discounted_orders(
    process: Process,
    theta: Theta,
    x: Floats,
    T: Floats,
    horizon: float,
    rate: float,
    month: float = MONTH / WEEK,
) -> Floats:
    """Expected orders within a horizon (weeks) of customers who are there now, those of the i-th month divided by
    (1 + rate)^i; a month begun at the end of the horizon counts as far as it goes. Without a rate, expected orders."""
    if rate == 0:
        return expected_given(process, theta, horizon, x, T)
    (rows_x, rows_T), _, places = distinct(x, T)
    given = process.given_alive(theta, rows_x, rows_T)
    total, before = np.zeros(len(rows_x)), np.zeros(len(rows_x))
    for i in range(1, int(np.ceil(horizon / month - 1e-9)) + 1):
        until = process.expected_alive(given, min(i * month, horizon))
        total += (until - before) / (1 + rate) ** i
        before = until
    return total[places]
