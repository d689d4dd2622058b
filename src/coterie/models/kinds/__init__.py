"""One file a kind of model; `FITTERS` and `MODELS` are all of them by the name of their function."""

from coterie.models.kinds.affinity import Affinity
from coterie.models.kinds.clusters import Clusters
from coterie.models.kinds.cross import Cross
from coterie.models.kinds.lifetime_value import LifetimeValue
from coterie.models.kinds.lookalike import Lookalike
from coterie.models.kinds.predict import Predict
from coterie.models.kinds.rfm import Rfm
from coterie.models.kinds.standing import Percentile, Quantile, Rank
from coterie.models.model import Model
from coterie.traits.batch import Fitter

FITTERS: dict[str, Fitter] = {"percentile": Percentile(), "quantile": Quantile(), "rank": Rank(), "rfm": Rfm()}
"""Those whose parameters are counted by the engine, anew at each run."""

_ALL: tuple[Model, ...] = (Affinity(), Clusters(), Cross(), LifetimeValue(), Lookalike(), Predict())
MODELS: dict[str, Model] = {model.function: model for model in _ALL}
"""Those whose parameters are learned by a fit, and kept."""
