"""A stored prediction as a model applies it: read once, then told of any rows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa

from coterie.models.model import Scoring
from coterie.models.prediction.fitted import Fit


def applied(parameters: Mapping[str, Any]) -> Scoring:
    """The prediction (or likeness) that `Fit.to_json` wrote, as columns by part."""
    fit = Fit.from_json(parameters)

    def score(rows: pa.Table, as_of: datetime) -> Mapping[str, pa.Array]:
        values = fit.score(rows, as_of)
        return {part: values.column(part) for part in values.column_names}

    return score
