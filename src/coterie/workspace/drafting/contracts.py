"""Plans, tenure and charges of subscribers, and who may leave."""

import numpy as np

from coterie.language.types import BOOLEAN, TEXT
from coterie.sources.seen import SeenColumn
from coterie.workspace.drafting.proposer import Proposer, text_literal


def contract(p: Proposer) -> None:
    group = "Contract"
    tenure, charge, churn = p.attribute("tenure"), p.attribute("charge"), p.attribute("churn")
    plan, pays = p.attribute("plan"), p.attribute("payment")
    charged = p.attribute("charged")
    if plan is not None and plan[1].type == TEXT and plan[1].distinct <= 12:
        p.top_values(plan[0], plan[1], group=group, about="{who} whose plan is {value}.", most=3)
    if tenure is not None:
        values = tenure[1].numbers[~np.isnan(tenure[1].numbers)]
        low, high = (int(q) for q in np.quantile(values, (0.25, 0.75)))
        p.segment(
            "new_contracts", f"{tenure[0]} <= {low}", f"Among the quarter with the shortest {tenure[0]} ({low} or less).", group
        )
        p.segment(
            "long_contracts",
            f"{tenure[0]} >= {high}",
            f"Among the quarter with the longest {tenure[0]} ({high} or more).",
            group,
        )
        p.segmentation(
            "tenure_band",
            f"By {tenure[0]}; the limits are its quarters when this was drafted.",
            labels=(
                (f"up to {low}", f"{tenure[0]} <= {low}"),
                (f"{low + 1} to {high - 1}", f"{tenure[0]} < {high}"),
                (f"{high} and more", None),
            ),
        )
    if charge is not None and charge[1].numeric:
        p.segment("high_charges", f"percentile({charge[0]}) >= 0.8", f"The fifth with the highest {charge[0]}.", "Value")
    if charged is not None and charged[1].numeric:
        p.segment("most_valuable", f"percentile({charged[0]}) >= 0.9", f"The tenth with the highest {charged[0]}.", "Value")
    if pays is not None and pays[1].type == TEXT:
        p.top_values(pays[0], pays[1], group=group, prefix="pays_by", about="{who} who pay by {value}.", most=1)
    if churn is not None:
        gone = p.yes(churn[0].strip('"'))
        if gone is not None:
            p.segment("gone", gone, f"Have left ({churn[0]} says so).", "Activity")
            stay = p.segment("still_here", f"not {gone}" if " " not in gone else f"not ({gone})", "Have not left.", "Activity")
            if tenure is not None and plan is not None and plan[1].type == TEXT:
                leaving(p, stay, churn[1], plan, tenure)


def leaving(p: Proposer, stay: str, churn: SeenColumn, plan: tuple[str, SeenColumn], tenure: tuple[str, SeenColumn]) -> None:
    """Those who are still here and are like many who have left."""
    values = tenure[1].numbers
    half = int(np.nanmedian(values))
    gone = churn.numbers == 1 if churn.numeric or churn.type == BOOLEAN else np.zeros(len(values), np.bool_)
    best: tuple[float, str] | None = None
    for code in range(plan[1].distinct):
        like = (plan[1].codes == code) & (values <= half)
        if like.sum() >= 50 and (best is None or gone[like].mean() > best[0]):
            best = (float(gone[like].mean()), str(plan[1].encoded[1][code].as_py()))
    if best is None or best[0] <= 1.2 * gone.mean():
        return
    p.segment(
        "may_leave",
        f"{stay} and {plan[0]} = {text_literal(best[1])} and {tenure[0]} <= {half}",
        f"Still here, but {100 * best[0]:.0f} % of those like them ({best[1]}, {tenure[0]} up to {half}) have left; of all "
        f"{100 * float(gone.mean()):.0f} %.",
        "Activity",
    )
