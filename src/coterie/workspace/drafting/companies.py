"""The companies of business customers."""

import numpy as np

from coterie.language.names import written
from coterie.language.types import TEXT
from coterie.workspace.drafting.proposer import Proposer, text_literal


def accounts(p: Proposer) -> None:
    columns = p.sources.account if p.known.account else {}
    prefix = "account."
    if p.detection.business:
        columns, prefix = p.sources.attributes, ""
    elif not columns:
        return
    found = next(iter(p.detection.of("accounts")), p.detection.hub)
    size = columns.get("employees")
    if size is not None and found is not None and "employees" in found.meaning:
        values = found.file.columns[found.meaning["employees"]].numbers
        limit = int(np.nanquantile(values, 0.75))
        limit = int(round(limit, -len(str(limit)) + 1)) or 1
        p.segment(
            "large_companies",
            f"{prefix}{written(size)} >= {limit}",
            f"Companies with {limit:,} people or more (about a quarter of them).",
            "Companies",
        )
    industry = columns.get("industry")
    if industry is not None and found is not None and "industry" in found.meaning:
        seen = found.file.columns[found.meaning["industry"]]
        top = seen.top(1)
        if seen.type == TEXT and top:
            value = str(top[0][0])
            p.segment(
                f"sector_{value}",
                f"{prefix}{written(industry)} = {text_literal(value)}",
                f"Companies in {value}, the most frequent.",
                "Companies",
            )
    if not p.detection.business and p.known.account:
        column = written(size or industry or next(iter(p.known.account)))
        p.segmentation(
            "customer_type",
            "Whether they buy for a company or for themselves.",
            labels=(("business", f"{prefix}{column} is known"), ("private", None)),
        )
        if "orders" in p.named:
            p.segment(
                "colleagues_buy",
                f"{p.named['orders']} = 0 and any(members where {p.named['orders']} > 0)",
                "Have not ordered themselves, but a colleague has.",
                "Companies",
            )
