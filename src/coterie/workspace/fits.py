"""The models of a project for people: which there are, how good they are, whether customers have moved away from them."""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from coterie.core.errors import NotFitted, UnknownName, did_you_mean
from coterie.core.windows import local_day
from coterie.language.format import format as format_expr
from coterie.language.tree import Fitted
from coterie.models.kinds import MODELS
from coterie.models.model import Asking, Want
from coterie.models.store import FitStore, FittedParameters
from coterie.traits.batch import quoted, relation
from coterie.workspace.fitting import Fitting, refits, refitted, sample
from coterie.workspace.models import called
from coterie.workspace.run import Progress, silent

if TYPE_CHECKING:
    from coterie.models.prediction.drift import Drift
    from coterie.models.prediction.quality import Cutoff
    from coterie.workspace.ground import Ground
    from coterie.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ModelState:
    """A model of the project.

    Attributes:
        name: the column of its value; `call`: as it is written.
        fit: the one in use; None before the first run.
        held: a newer one that waits to be accepted.
        versions: all fits, oldest first.
    """

    name: str
    call: Fitted
    fit: FittedParameters | None
    held: FittedParameters | None
    versions: tuple[FittedParameters, ...]

    @property
    def written(self) -> str:
        return format_expr(self.call)

    def to_json(self) -> dict[str, Any]:
        """Plain values; parameters are left to `fit.to_json`."""
        found: dict[str, Any] = {"model": self.name, "call": self.written, "versions": len(self.versions)}
        if self.fit is not None:
            found |= {"version": self.fit.number, "as_of": self.fit.as_of.isoformat(), **self.fit.told}
        if self.held is not None:
            found["held"] = {"version": self.held.number, "why": self.held.told.get("held", "")}
        return found


Grounded = Callable[[Progress], AbstractContextManager[tuple["Ground", datetime, datetime]]]
"""What answers stand on now, the instant that a run would be of, and what time it is."""


class Models:
    """The models of a project, by name."""

    def __init__(self, workspace: "Workspace", grounded: "Grounded"):
        self.workspace, self.grounded = workspace, grounded

    def __iter__(self) -> Any:
        return iter(self.states())

    def __getitem__(self, name: str) -> ModelState:
        states = {s.name: s for s in self.states()}
        if name not in states:
            hint = did_you_mean(name, states, "Models are") if states else "write one as a trait, such as predict(…)"
            raise UnknownName(f"there is no model {name!r}", code="E108", hint=hint)
        return states[name]

    def states(self) -> list[ModelState]:
        """Every model of the newest results."""
        results = self.workspace.results
        with FitStore(self.workspace.store.record) as store:
            out = []
            for column, one in called(results.catalog).items():
                versions = tuple(store.all(column))
                out.append(ModelState(column, one.call, store.of(column, results.made.as_of), store.held(column), versions))
        return out

    def fit(self, names: Collection[str] | None = None, *, accept: bool = False, progress: Progress = silent) -> list[Fitting]:
        """Learn models anew now; a fit that is worse, or moves too many customers, is held unless it is accepted.

        Args:
            names: of models; None is all of them.
            accept: take what is held, or would be, into use.

        Raises:
            UnknownName: there is no such model.
        """
        if accept and names is not None:
            with FitStore(self.workspace.store.record) as store:
                taken = [Fitting(name, found) for name in names if (found := store.accept(name)) is not None]
            if len(taken) == len(names):
                return taken
        with self.grounded(progress) as (ground, instant, now):
            known = ground.models.calls
            for name in names or ():
                if name not in known:
                    hint = did_you_mean(name, known, "Models are") if known else "write one as a trait, such as predict(…)"
                    raise UnknownName(f"there is no model {name!r}", code="E108", hint=hint)
            with FitStore(self.workspace.store.record) as store:
                wanted = list(known) if names is None else names
                _, fitted = refitted(ground, store, instant, now, refits(ground.project), progress, names=wanted, accept=accept)
        return fitted

    def drives(self, customer: str, name: str) -> tuple[str, ...]:
        """What raises and what lowers a prediction for one customer, beside somebody typical; empty for other models."""
        from coterie.models.prediction.fitted import Fit

        state, results = self[name], self.workspace.results
        if state.fit is None or state.call.function not in ("predict", "lookalike"):
            return ()
        zone, instant = results.project.timezone, results.made.as_of
        asking = Asking(state.call, name, results.catalog, local_day(instant, zone), {}, zone)
        inputs = MODELS[state.call.function].inputs(asking, state.fit.told["inputs"])
        table = results.prepared(inputs.values())
        compiler = results.compiler()
        columns = [compiler.sql(tree).as_(text, quoted=True) for text, tree in inputs.items()]
        who = exp.EQ(this=quoted("customer"), expression=exp.Literal.string(customer))
        row = results.engine.fetch(exp.select(*columns).from_(relation(table)).where(who))
        return tuple(reason.words for reason in Fit.from_json(state.fit.parameters).reasons(row, instant))

    def money(self, name: str, value: float = 1.0, cost: float = 0.0) -> "tuple[Cutoff, ...]":
        """What contacting the first 5 %, 10 %, … of customers is worth, by the score of a prediction, on customers it has not seen.

        Args:
            value: money for each customer to whom it happens; 1 where an amount of money is predicted.
            cost: money for each contact.

        Raises:
            NotFitted: there is no fit yet, or it is no prediction.
        """
        from coterie.models.prediction.fitted import Fit
        from coterie.models.prediction.quality import money

        state = self[name]
        if state.fit is None or state.call.function not in ("predict", "lookalike"):
            raise NotFitted(f"{name} has no scores to choose customers by", hint="money at cut-offs is known of predictions")
        return money(Fit.from_json(state.fit.parameters).quality, value, cost)

    def drift(self, name: str, progress: Progress = silent) -> "list[Drift]":
        """How far customers of today are from those a prediction was fitted on, by feature; the score itself first.

        Raises:
            NotFitted: there is no fit yet, or it is no prediction.
        """
        from coterie.models.prediction.fitted import Fit, drift

        state = self[name]
        if state.fit is None or state.call.function not in ("predict", "lookalike"):
            raise NotFitted(f"{name} has no fit whose features could have moved", hint="drift is known of predictions")
        with self.grounded(progress) as (ground, instant, _):
            asking = ground.models.asking(name, instant)
            inputs = MODELS[state.call.function].inputs(asking, state.fit.told["inputs"])
            now = sample(ground, asking, Want(asking.today, inputs), instant)
        return list(drift(Fit.from_json(state.fit.parameters), now.inputs, instant))
