"""One file a kind of model; `FITTERS` is all of them by the name of their function."""

from coterie.models.kinds.rfm import Rfm
from coterie.models.kinds.standing import Percentile, Quantile, Rank
from coterie.traits.batch import Fitter

FITTERS: dict[str, Fitter] = {"percentile": Percentile(), "quantile": Quantile(), "rank": Rank(), "rfm": Rfm()}
