"""Ids on a project's lists that are no customers: a list that meets nobody is said, and not a silent zero."""

from collections.abc import Mapping

import pyarrow as pa
from sqlglot import exp

from coterie.engine.engine import Engine
from coterie.traits.batch import quoted, relation
from coterie.workspace.hands import some
from coterie.workspace.run import TRAITS

LISTED = "ids of a list"


def strangers(engine: Engine, lists: Mapping[str, frozenset[str]], names: frozenset[str]) -> list[str]:
    """What is worth knowing of the ids on lists, of the customers that were answered for.

    Args:
        engine: with the table `traits` of the answer.
        lists: the ids by list; `names`: the lists that the project names.
    """
    out = []
    for name in sorted(names & lists.keys()):
        ids = lists[name]
        if not ids:
            out.append(f"the list {name} is empty: nobody is on it")
            continue
        engine.register(LISTED, pa.table({"id": pa.array(sorted(ids), pa.string())}), temporary=True)
        here = exp.select(quoted("customer")).from_(relation(TRAITS)).subquery()
        query = exp.select(quoted("id")).from_(relation(LISTED)).where(exp.Not(this=exp.In(this=quoted("id"), query=here)))
        unmet = [str(i) for (i,) in engine.rows(query.order_by(quoted("id")))]
        if len(unmet) == len(ids):
            out.append(f"the list {name}: none of its {len(ids):,} ids is a customer, such as {some(unmet)}")
        elif unmet:
            out.append(f"the list {name}: {len(unmet):,} of its {len(ids):,} ids are not customers, such as {some(unmet)}")
    return out
