"""The façade: everything that the command line does, in Python, under one name per noun.

```python
import coterie

shop = coterie.open("shop")
shop.run()
shop.segments.size("vip")          # in / out / cannot tell
shop.count("revenue > 1000")
shop.why("C000012", "vip")
```
"""

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlglot import exp

from coterie.core.errors import (
    Busy,
    CoterieError,
    DefinitionErrors,
    MissingColumn,
    StoreError,
    TypeMismatch,
    UnknownName,
    did_you_mean,
)
from coterie.core.windows import local_day
from coterie.engine.engine import Cluster, Engine
from coterie.engine.written import clear_away
from coterie.language.catalog import Catalog
from coterie.language.leaves import Context
from coterie.language.scope import Scope
from coterie.models.store import FitStore, FittedParameters
from coterie.segments.by_hand import Side
from coterie.segments.history import Drawn, Picture, Record, RunRecord
from coterie.segments.membership import Size
from coterie.segments.numbering import Numbering
from coterie.sources.assembly import Stores, gather
from coterie.sources.gathered import Gathered
from coterie.sources.loads import Loads
from coterie.traits.batch import KEY, SORTED, TIME, quoted, relation
from coterie.workspace import days, overview
from coterie.workspace.definitions import catalog as catalog_of
from coterie.workspace.doctor import Finding, examine
from coterie.workspace.edits import earlier_names
from coterie.workspace.engines import ending, engine_of, opened, shown
from coterie.workspace.export import Exported, export
from coterie.workspace.fitting import first_days, refits, refitted, said_of
from coterie.workspace.fmt import format_project
from coterie.workspace.freshness import Stale, stale
from coterie.workspace.goals import Standing, goals, of_run, standings
from coterie.workspace.gone import gone
from coterie.workspace.grid import rfm_grid
from coterie.workspace.ground import Ground, lists_table
from coterie.workspace.hands import Hands, hand_lists, recorded, with_hands
from coterie.workspace.history import History
from coterie.workspace.lint import Smell, lint
from coterie.workspace.lost import lost, with_users
from coterie.workspace.manual import Put, put, take_back
from coterie.workspace.messages import Taken, taken
from coterie.workspace.models import Models, called, stored
from coterie.workspace.past import past_days
from coterie.workspace.plan import Plan, answers_of, pass_gates, planned
from coterie.workspace.project import FILE, Project, load
from coterie.workspace.recording import Keys, catch_up, meanings, numbers_by_key, run_record
from coterie.workspace.results import Count, Made, Results, Why, account_columns, event_sources, event_view, scope_of
from coterie.workspace.run import TRAITS, Answered, Progress, as_of_instant, builder, carry_out, silent, utc_now
from coterie.workspace.settings import Settings
from coterie.workspace.store import Generation, Store, write_whole
from coterie.workspace.trial import Trial, explained, hold, not_exercised, tested, warnings

if TYPE_CHECKING:
    from coterie.models.surveys.typing_tool import Projection
    from coterie.profiles.drift import Drift
    from coterie.profiles.personas.persona import Persona
    from coterie.profiles.scorecard import Scorecard
    from coterie.profiles.trends import Trend
    from coterie.workspace.charts import Charts
    from coterie.workspace.discovering import Discovered
    from coterie.workspace.draft import Draft
    from coterie.workspace.fits import Models as ModelsOf
    from coterie.workspace.report import Written
    from coterie.workspace.ruling import Found
    from coterie.workspace.separating import Bases
    from coterie.workspace.surveying import Measured


@dataclass(frozen=True, slots=True)
class Run:
    """What a run did: the published results, and the sizes of segments."""

    generation: Generation
    as_of: datetime
    answered: Answered
    gathered: Gathered
    past: tuple[datetime, ...] = ()
    """The past days that were recorded with it."""


def open(folder: Path | str = ".", settings: Settings | None = None) -> "Workspace":
    """Open the project in a folder (or a project file). Nothing is read until it is asked for."""
    return Workspace(Path(folder), settings or Settings.from_environment())


def init(
    folder: Path | str,
    files: Sequence[Path | str],
    *,
    force: bool = False,
    overrides: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> "Draft":
    """Look at files, guess what they are, and write a project file that runs at once.

    Args:
        folder: where to write it; made where it is not there.
        files: files, folders or globs.
        force: replace a project file that is there.
        overrides: columns that a person named: `customer`, `time`, `amount`, `id`.
        progress: called with what is being done.

    Raises:
        CoterieError: E482, a project file is there. DataError: a file cannot be read, or no column names the customer.
    """
    from coterie.workspace.draft import draft

    folder = Path(folder)
    file = folder / FILE
    if file.exists() and not force:
        raise CoterieError(
            f"{file.as_posix()} is there already",
            code="E482",
            hint="write into another folder with --dir, or replace it with --force",
        )
    unpack = Settings.from_environment().unpack
    drafted = draft(folder, files, now=utc_now(), progress=progress, unpack=unpack, **(overrides or {}))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(file, drafted.text)
    except OSError as error:
        raise StoreError(
            f"{file.as_posix()} cannot be written: {(error.strerror or str(error)).lower()}",
            hint="make room, or see who may write to the folder",
        ) from None
    return drafted


class Workspace:
    """A project: its definitions, its runs and what they found."""

    def __init__(self, path: Path, settings: Settings):
        self.file = path if path.is_file() else path / FILE
        self.folder = self.file.parent
        self.settings = settings
        self.store = Store(self.folder / ".coterie")
        self._results: Results | None = None

    # --- definitions ----------------------------------------------------------------------------------------------------------

    @property
    def project(self) -> Project:
        """The project file as it is now.

        Raises:
            DefinitionErrors: all that is wrong with it.
        """
        return load(self.file)

    def check(self, progress: Progress = silent) -> Catalog:
        """Check every definition against the columns that the sources have.

        Raises:
            DefinitionErrors, DataError: what is wrong, with places.
        """
        project = self.project
        with self.store.lock(), self._engine(project) as engine:
            gathered = self._gather(project, engine, utc_now(), progress)
            return self._catalog(with_hands(project, self._hands()), gathered)

    def format(self, write: bool = True) -> bool:
        """Bring the project file into its canonical form; comments stay.

        Args:
            write: False changes nothing.

        Returns:
            Whether it was (or would be) changed.

        Raises:
            DefinitionError: the file cannot be read.
        """
        text = self.project.file.read_bytes().decode("utf-8-sig")
        canonical = format_project(text, self.file.as_posix())
        if canonical != text and write:
            write_whole(self.file, canonical)
        return canonical != text

    # --- runs -------------------------------------------------------------------------------------------------------------------

    def run(
        self,
        as_of: str | None = None,
        progress: Progress = silent,
        *,
        since: str | None = None,
        every: str | None = None,
        accept: Sequence[str] = (),
    ) -> Run:
        """Gather the sources, answer every definition, publish the results and record them.

        Args:
            as_of: a date (its end), an instant, `now` or `latest event`; None is what the project says.
            progress: called with what is being done.
            since: a date from which on past days are recorded too, as the definitions of today find them.
            every: how far apart these days are: day, week or month; None chooses by the span.
            accept: definitions that may move more than their `max_change`; "*" is all of them.

        Raises:
            Busy: another run is at work. TooMuchChange: a gate stops it. DefinitionErrors, DataError, EngineError, StoreError:
                something is wrong. The last results stay.
        """
        if as_of is not None and as_of not in ("now", "latest event"):
            as_of_instant(as_of, self.project, None, utc_now())  # a date that cannot be read is said before any work
        try:
            return self._run(as_of, progress, since, every, accept)
        except Busy:
            raise
        except CoterieError as error:
            if self.store.cache.is_dir():
                self.store.note_failure(utc_now(), str(error))
            raise

    def _run(self, as_of: str | None, progress: Progress, since: str | None, every: str | None, accept: Sequence[str]) -> Run:
        project = self.project
        with self.store.lock(), Record(self.store.record) as record:
            self._settle(record)
            said = engine_of(project, self.settings)
            partial = self.store.aside(ending(said))
            engine: Engine | None = None
            try:
                engine = self._engine(project, partial)
                now = utc_now()
                ground = self._ground(project, engine, now, progress)
                instant = self._instant(ground, as_of, now)
                past = () if since is None else past_days(since, every, instant, project.timezone)
                ground, of_models = self._fitted(ground, instant, now, progress)
                answered = ground.answer(instant, progress)
                accepted = pass_gates(self._published, ground, answered, accept)
                by_key = numbers_by_key(engine, record)
                last, found = record.newest(), ground.picture(instant, answered, by_key)
                if isinstance(found, Picture) and last is not None and not past:
                    numbers = found.touched(last)  # while the engine is open
                    found = replace(found, touched=lambda _: numbers)
                unmet = [*of_models, *warnings(answers_of(ground, answered, self._published))]
                made = ground.describe(instant, answered, self.store, unmet)
                if goals(ground.project):
                    progress("measuring goals")
                    made = ground.describe(instant, answered, self.store, unmet, self._goals(ground))
                number = self._next_number(record)
                told = run_record(number, made, accepted=accepted, back_fill=bool(past))
                pictures = self._past(ground, past, found, by_key, progress) if past else [found]
                snapshots, day = None, None
                if isinstance(engine, Cluster):  # while its tables are there
                    snapshots = record.written(told, pictures)
                    day = self._day(engine, ground.catalog, instant)
                progress("publishing")
                engine.finish()
                generation = self.store.publish(partial, _about(made, said), number)
                if day is not None:
                    days.show(day)
                with FitStore(self.store.record) as fits:
                    for fit in answered.fits:
                        if not fit.kept:
                            learned = fit.column, fit.call, instant, made.finished, answered.population, fit.parameters
                            fits.keep(FittedParameters(*learned))
                progress("recording")
                snapshots = record.written(told, pictures) if snapshots is None else snapshots
                record.keep(told, made.project_text, meanings(ground.catalog, earlier_names(project)), snapshots)
            except BaseException:
                if engine is not None:
                    engine.close()
                self.store.discard(partial)
                raise
        self.close()
        return Run(generation, instant, answered, ground.gathered, tuple(past))

    def _past(
        self, ground: Ground, past: Sequence[datetime], today: Picture | Drawn, by_key: Keys, progress: Progress
    ) -> Iterator[Picture | Drawn]:
        """Everybody's memberships on past days, over the same gathered tables, one after the other, and then today's."""
        with self._engine(ground.project) as engine:
            there = ground.in_engine(engine)
            for n, found in enumerate(there.pictures(past, by_key), 1):
                progress(f"recording {found.as_of:%Y-%m-%d}, day {n:,} of {len(past):,}")
                yield found
            if isinstance(today, Picture) and not isinstance(by_key, Numbering):
                today = replace(today, touched=there.touched(today.as_of, by_key))
            yield today

    def _day(self, engine: Cluster, catalog: Catalog, instant: datetime) -> Path:
        """What a cluster has answered, written for other tools and not yet shown."""
        segments, segmentations = ([d.name for d in catalog.of(noun)] for noun in ("segment", "segmentation"))
        return days.write(engine, segments, segmentations, self.store.root, local_day(instant, self.project.timezone))

    def _goals(self, ground: Ground) -> list[dict[str, Any]]:
        """What a run measures of its goals; the beginning of a period is answered for once."""

        @contextmanager
        def as_of(instant: datetime) -> Iterator[Results]:
            with self._engine(ground.project) as other:
                there = ground.in_engine(other)
                there.describe(instant, there.answer(instant, past=True), self.store)
                yield self._unpublished(other)

        published = self._published()
        before = () if published is None else published.made.data.get("goals", ())
        return of_run(self._unpublished(ground.engine), before, as_of)

    def goals(self) -> tuple[Standing, ...]:
        """How the goals of the project and its segments stand in the newest results."""
        return standings(self.results)

    def _settle(self, record: Record) -> None:
        """Finish what a process that was killed had begun: results that are not in the record yet, an undo not yet shown."""
        generations = self.store.generations()
        if not generations:
            return
        taken_back = {r.number for r in record.runs() if r.undone}
        if generations[0].number in taken_back:
            self.store.point([g for g in generations if g.number not in taken_back])
            return
        if all(r.number != generations[0].number for r in record.runs()):
            with closing(Results(generations[0], self.store.cache, settings=self.settings)) as results:
                catch_up(record, results)

    def _next_number(self, record: Record) -> int:
        known = [r.number for r in record.runs()] + [g.number for g in self.store.generations()]
        return 1 + max(known, default=0)

    def undo(self) -> RunRecord:
        """Take the last run back: the results before it are shown again, and it counts for nothing in the history.

        Returns:
            The run that was taken back.

        Raises:
            StoreError: E507, there are no earlier results to go back to. Busy: a run is at work.
        """
        with self.store.lock(), Record(self.store.record) as record:
            self._settle(record)
            generations = self.store.generations()
            last = record.last()
            if last is None or not generations:
                raise StoreError("there is no run to take back", code="E507", hint="make results with `coterie run`")
            if len(generations) < 2:
                raise StoreError(
                    f"the results before run {last.number} are not there any more",
                    code="E507",
                    hint="the last two runs are kept; run again with an earlier project file or --as-of instead",
                )
            record.undo(last.number, utc_now())
            self.store.point(generations[1:])
            self.close()
            shown = days.folder_of(self.store.root, local_day(last.as_of, self.project.timezone))
            if shown.is_dir():
                clear_away(shown)
                if isinstance(self.results.engine, Cluster):
                    days.show(self._day(self.results.engine, self.results.catalog, self.results.made.as_of))
        return last

    @property
    def history(self) -> History:
        """How memberships moved over the runs."""

        def instant(text: str) -> datetime:
            return as_of_instant(text, self.project, None, utc_now())

        return History(lambda: Record(self.store.record), instant, lambda: earlier_names(self.project))

    def plan(self, as_of: str | None = None, progress: Progress = silent) -> Plan:
        """What a run would do, without doing it: its answers compared with the published results; nothing is published.

        Args:
            as_of: as of `run`.
            progress: called with what is being done.

        Raises: as `run`.
        """
        began = time.perf_counter()
        with self._aside(progress) as (ground, now):
            instant = self._instant(ground, as_of, now)
            answered = ground.answer(instant, progress)
            progress("comparing")
            return planned(self._published(), ground, instant, answered, began)

    def test(self, names: Sequence[str] = (), progress: Progress = silent) -> Trial:
        """Hold examples and expectations against fresh answers; nothing is published.

        Args:
            names: of segments and segmentations; all of them where there is none.
            progress: called with what is being done.

        Raises: as `run`; UnknownName: a name has no examples and no expectations.
        """
        with self._aside(progress) as (ground, now):
            known = {d.name: d for d in tested(ground.project)}
            for name in names:
                if name not in known:
                    hint = did_you_mean(name, known, "Tested are")
                    raise UnknownName(f"{name!r} has no examples and no expectations", hint=hint)
            instant = self._instant(ground, None, now)
            answered = ground.answer(instant, progress)
            progress("holding examples and expectations against it")
            held = hold(answers_of(ground, answered, self._published), names)
            ground.describe(instant, answered, self.store)
            results = self._unpublished(ground.engine)
            held = [explained(h, results) for h in held]
            some = [d for d in known.values() if not names or d.name in names]
            idle = [(d.name, text) for d in some for text in not_exercised(results, d, held)]
            every = (*ground.project.segments, *ground.project.segmentations)
            return Trial(tuple(held), tuple(idle), tuple(n for n in every if n not in known))

    def lint(self) -> tuple[Smell, ...]:
        """What is double, empty, unused or odd among the definitions of the newest results."""
        return lint(self.results, self.history)

    def _unpublished(self, engine: Engine) -> Results:
        """What an engine has just answered and described, to be read as results are."""
        return Results(Generation(0, self.folder, {}), self.store.cache, engine=engine)

    def _published(self) -> Results | None:
        """The newest published results; None before the first run."""
        return self.results if self.store.generations() else None

    def _at(self, instants: tuple[str, ...], progress: Progress) -> pa.Table:
        """The traits as of several instants over the same gathered tables, one below the other with their `as_of`."""
        parts = []
        with self._aside(progress) as (ground, now):
            for instant, asked in ground.foreseen([self._instant(ground, text, now) for text in instants]):
                carry_out(ground.engine, asked.batch, progress)
                found = ground.engine.fetch(exp.select("*").from_(relation(TRAITS)).order_by(quoted("customer")))
                found = found.drop_columns([KEY])
                parts.append(found.add_column(1, "as_of", pa.array([instant] * len(found), pa.timestamp("us"))))
        return pa.concat_tables(parts, promote_options="permissive")

    @contextmanager
    def _aside(self, progress: Progress) -> Iterator[tuple[Ground, datetime]]:
        """What answers stand on now, in an engine that keeps nothing, and what time it is; no run is at work meanwhile."""
        project = self.project
        with self.store.lock(), self._engine(project) as engine:
            now = utc_now()
            yield self._ground(project, engine, now, progress), now

    def _ground(self, project: Project, engine: Engine, now: datetime, progress: Progress) -> Ground:
        """Gather the sources and check the definitions, in an engine."""
        text = self.file.read_text(encoding="utf-8-sig")
        hands = self._hands()
        project = with_hands(project, hands)
        came = taken(project, self.store.cache, self.store.record)
        gathered = self._gather(project, engine, now, progress, came)
        events = event_sources(project, gathered, self.store.cache)
        catalog = self._catalog(project, gathered)
        lists = self._lists(project, engine)
        for kind in events:
            engine.parquet(event_view(kind), gathered.events[kind].paths, sorted_by=SORTED)
        none = Models(catalog, project.timezone)
        ground = Ground(project, text, gathered, now, catalog, engine, events, lists, hands, models=none, position=came.position)
        if called(catalog):
            with FitStore(self.store.record) as store:
                models = stored(catalog, project.timezone, first_days(ground), gathered.undated, store)
            ground = replace(ground, models=models)
        return ground

    def _fitted(self, ground: Ground, instant: datetime, now: datetime, progress: Progress) -> tuple[Ground, list[str]]:
        """The ground with models fitted that are due, and what is to be said of them."""
        if not ground.models.calls:
            return ground, []
        with FitStore(self.store.record) as store:
            ground, fitted = refitted(ground, store, instant, now, refits(ground.project), progress)
        return ground, said_of(fitted)

    def _instant(self, ground: Ground, asked: str | None, now: datetime) -> datetime:
        return as_of_instant(asked, ground.project, _latest(ground.engine, ground.gathered, now), now)

    def _engine(self, project: Project, path: Path | None = None) -> Engine:
        """An engine that keeps its tables at a path, or nothing; what does not fit into memory goes to the project's scratch."""
        self.store.prepare()
        said = engine_of(project, self.settings)
        return opened(said, self.settings, path, temp=self.store.scratch, spark=project.spark)

    def _gather(self, project: Project, engine: Engine, now: datetime, progress: Progress, came: Taken | None = None) -> Gathered:
        messages = came or taken(project, self.store.cache, self.store.record)
        try:
            return gather(
                project.folder,
                tuple(project.sources.values()),
                engine=engine,
                stores=Stores(self.store.cache, self.store.record, self.store.shown()),
                zone=project.timezone,
                population=project.population,
                now=now,
                progress=lambda what, rows: progress(f"{what}: {rows:,} rows" if rows else what),
                environ=os.environ,
                unpack=self.settings.unpack,
                messages=messages.of,
            )
        except MissingColumn as error:
            raise with_users(error, project) from None

    def _catalog(self, project: Project, gathered: Gathered) -> Catalog:
        account = gathered.customers.account
        events = event_sources(project, gathered, self.store.cache)
        scope = scope_of(project, gathered.attributes, account_columns(gathered), account, events, gathered.looked_up)
        try:
            return catalog_of(project, scope)
        except DefinitionErrors as errors:
            with Loads(self.store.record) as record:
                had = {name: record.had(name) for name in project.sources}
            raise lost(project, scope, had) or self._gone(errors, project, scope) from None

    def _gone(self, errors: DefinitionErrors, project: Project, scope: Scope) -> DefinitionErrors:
        """The errors, in which definitions of the last run that are gone are told with all who name them."""
        before = self._published()
        return errors if before is None else gone(errors, project, scope, before.catalog, before.made.as_of)

    def _hands(self) -> Hands:
        """Who the record says is in a segment or out of it by hand."""
        return recorded(self.store.record)

    def _lists(self, project: Project, engine: Engine) -> Mapping[str, frozenset[str]]:
        found = {name: _ids(self.folder / written.text) for name, written in project.lists.items()} | hand_lists(project)
        engine.register("lists", lists_table(found))
        return found

    # --- results -----------------------------------------------------------------------------------------------------------------

    @property
    def results(self) -> Results:
        """The newest published results, open for reading.

        Raises:
            StoreError: nothing has been run yet. DefinitionError: there is no project here.
        """
        if not self.store.pointer.is_file() and not self.file.is_file():
            load(self.file)  # says what is missing
        current = self.store.current()
        if self._results is None or self._results.generation.number != current.number:
            self.close()
            self._results = Results(current, self.store.cache, settings=self.settings)
        return self._results

    def close(self) -> None:
        if self._results is not None:
            self._results.close()
            self._results = None

    @property
    def segments(self) -> "Segments":
        return Segments(self)

    def grid(self, name: str) -> "Table":
        """The cells of an RFM segmentation: scores, customers, revenue and mean recency."""
        return Table(rfm_grid(self.results, name))

    def traits_at(self, instants: Sequence[str], progress: Progress = silent) -> "Table":
        """Every trait of every customer as of several dates: rows (customer, as_of, traits)."""
        return Table(self._at(tuple(instants), progress))

    def count(self, expression: str) -> Count:
        """The three-way size of any expression."""
        return self.results.count(expression)

    def summary(self) -> dict[str, Any]:
        """All segments and segmentations with their sizes, what came in, and whether it is still so, as plain values."""
        return overview.summary(self.results, self.stale())

    def describe(self, name: str) -> dict[str, Any]:
        """One segment, segmentation or trait as plain values: rule, English, sizes, overlap, freshness."""
        return overview.describe(self.results, name, self.stale())

    def traits(self) -> list[dict[str, Any]]:
        """Every trait: name, type, of how many customers it is known, when it can change, rule and English."""
        return overview.traits(self.results)

    def quarantine(self, source: str | None = None, limit: int | None = None) -> list[dict[str, Any]]:
        """Rows that were set aside: source, file, line, column, value, reason, row; the first `limit` of them."""
        return self.results.quarantine(source, limit)

    def export(
        self,
        name: str,
        form: str | None = None,
        columns: Sequence[str] | None = None,
        out: Path | str | None = None,
        *,
        raw: bool = False,
        force: bool = False,
    ) -> Exported:
        """Write the customers of a segment, or who meet a condition, to a file (see `coterie.workspace.export.export`)."""
        return export(self.results, name, form, columns, out, raw=raw, force=force)

    def report(self, path: Path | str | None = None, *, members: bool = False, progress: Progress = silent) -> "Written":
        """Write the report of the newest results as one HTML file (see `coterie.workspace.report.write`)."""
        from coterie.workspace.report import write

        return write(self, path, members=members, progress=progress)

    def scorecards(self) -> "tuple[Scorecard, ...]":
        """How good each segment is to work with: six marks with the numbers behind them (see `coterie.profiles.scorecard`)."""
        from coterie.workspace.scorecard import scorecards

        return scorecards(self)

    def scorecard(self, name: str) -> "Scorecard":
        """The same of one segment.

        Raises:
            UnknownName: there is no such segment.
        """
        self.results.segment(name)
        return next(card for card in self.scorecards() if card.segment == name)

    def trends(self, name: str) -> "tuple[Trend, ...]":
        """How a segment's size and what its members spend went over the recorded days (see `coterie.workspace.trends`)."""
        from coterie.workspace.trends import trends

        return trends(self.results, self.history, name)

    def drift(self, name: str, progress: Progress = silent) -> "tuple[datetime, datetime, tuple[Drift, ...]]":
        """Whether the members of a segment are others than those of the first recorded day, trait by trait; and the two days."""
        from coterie.workspace.trends import drift

        return drift(self.results, self.history, name, lambda instants: self._at(tuple(instants), progress))

    def bases(self, target: str | None = None) -> "Bases":
        """Which variables separate customers and can be acted on (see `coterie.workspace.separating.bases`).

        Args:
            target: a trait, a segment or a condition by which they are to differ; None is the money trait.
        """
        from coterie.workspace.separating import bases

        return bases(self.results, target)

    def personas(self, name: str, *, ids: bool = False, progress: Progress = silent) -> "list[Persona]":
        """Who the customers of a segment, of each label of a segmentation, or of one label (`lifestyle.2`) are.

        Args:
            name: of them, or a condition.
            ids: name the typical and the extreme members by their ids.

        Raises:
            UnknownName: nothing is called so. DefinitionErrors: the project's playbook.yaml says what cannot be read.
        """
        from coterie.workspace.personas import Personas, groups_of
        from coterie.workspace.report import Gathering

        gathering = Gathering(self, True, 1, progress)
        return Personas(gathering, groups_of(gathering, name), ids=ids).all()

    def persona(self, name: str, *, ids: bool = False) -> "Persona":
        """Who the customers of one group are (see `personas`).

        Raises:
            TypeMismatch: the name means several groups.
        """
        found = self.personas(name, ids=ids)
        if len(found) != 1:
            named = ", ".join(p.group.name for p in found[:6])
            raise TypeMismatch(f"{name} has {len(found)} groups", hint=f"name one of them: {named}; or ask for `personas`")
        return found[0]

    # --- by hand

    def include(
        self, segment: str, ids: Iterable[object], *, reason: str, until: date | None = None, author: str | None = None
    ) -> Put:
        """Put customers into a segment by hand, whatever its rule says; it counts from the next run on (see `put`)."""
        return put(self, segment, "include", ids, reason=reason, until=until, author=author, now=utc_now())

    def exclude(
        self, segment: str, ids: Iterable[object], *, reason: str, until: date | None = None, author: str | None = None
    ) -> Put:
        """Keep customers out of a segment by hand, whatever its rule says; it counts from the next run on (see `put`)."""
        return put(self, segment, "exclude", ids, reason=reason, until=until, author=author, now=utc_now())

    def take_back(self, segment: str, side: Side, ids: Iterable[object], *, author: str | None = None) -> Put:
        """Take back what was said of customers by hand, so that the rule decides again."""
        return take_back(self, segment, side, ids, author=author, now=utc_now())

    @property
    def models(self) -> "ModelsOf":
        """The models of the project: how good they are, and how to learn them anew."""
        from coterie.workspace.fits import Models as ModelsOf

        return ModelsOf(self, self._grounded)

    @contextmanager
    def _grounded(self, progress: Progress) -> Iterator[tuple[Ground, datetime, datetime]]:
        """What answers stand on now, the instant that a run would be of, and what time it is."""
        with self._aside(progress) as (ground, now):
            yield ground, self._instant(ground, None, now), now

    @property
    def charts(self) -> "Charts":
        """The report's charts one by one, as Altair charts."""
        from coterie.workspace.charts import Charts

        return Charts(self)

    # --- health

    def stale(self) -> Stale:
        """What has happened to the project file and the sources since the results were made."""
        return stale(self.results, self.store, self.file)

    def due(self, as_of: str | None = None) -> list[str]:
        """Why a run would find something new, in plain words; empty where it would not.

        Args:
            as_of: as `run` takes it.
        """
        if not self.store.generations():
            return ["nothing has been run yet"]
        made, project = self.results.made, self.project
        reasons = self.stale().said()
        reasons += [f"{name} is a database, which may have changed" for name, s in project.sources.items() if s.url or s.table]
        asked = project.as_of if as_of is None else as_of
        # The newest event moves with the files, which were looked at.
        instant = made.as_of if asked == "latest event" else as_of_instant(as_of, project, None, utc_now())
        if local_day(instant, project.timezone) != local_day(made.as_of, project.timezone):
            reasons.append(f"the results are of {local_day(made.as_of, project.timezone)}")
        return reasons

    def edited(self) -> bool:
        """Whether the project file says something else than when the results were made."""
        return self.stale().edited

    def doctor(self) -> list[Finding]:
        """Look at versions, stores, disk and what is stale."""
        return examine(self.store, self.file, lambda: self.results)

    def why(self, customer: str, name: str) -> Why:
        """Why a customer is in a segment or not, and what would change it; of a prediction, what drives it."""
        found = self.results.why(str(customer), name)
        return replace(found, drives=self.models.drives(str(customer), name)) if name in called(self.results.catalog) else found

    def rule(self, name: str) -> "Found":
        """A short rule that stands for a group, a label, a score band or a condition (see `coterie.workspace.ruling`)."""
        from coterie.workspace.ruling import rule_of

        return rule_of(self.results, name)

    def discover(self, outcome: str | None = None, most: int = 10) -> "Discovered":
        """Subgroups that stand out and that no segment covers, as rules (see `coterie.workspace.discovering`)."""
        from coterie.workspace.discovering import discovered

        return discovered(self.results, outcome, most)

    def scales(self, *names: str) -> "list[Measured]":
        """The survey scales with their reliability (see `coterie.workspace.surveying`)."""
        from coterie.workspace.surveying import measured

        return measured(self.results, names)

    def questions(self, segmentation: str, most: int = 8) -> "Projection":
        """The fewest survey questions that tell the label of a segmentation, with how often they are right."""
        from coterie.workspace.surveying import questions

        return questions(self.results, segmentation, most)

    def sql(self, name: str, dialect: str | None = None) -> str:
        """The SQL of a segment, trait or expression over the results; `dialect` as of `Results.sql`."""
        return self.results.sql(name, dialect)


class Segments:
    """The segments of a project's newest results."""

    def __init__(self, workspace: Workspace):
        self.workspace = workspace

    def __iter__(self) -> Iterator[str]:
        return iter(self.workspace.results.sizes)

    def size(self, name: str) -> Size:
        """In, out and cannot tell of a segment."""
        return self.workspace.results.segment(name)

    def members(self, name: str, columns: Sequence[str] = ()) -> "Table":
        """The customers of a segment, in the order of their ids."""
        results = self.workspace.results
        return Table(pa.Table.from_batches(list(results.engine.batches(results.members(name, columns)))))

    def overlap(self, name: str) -> Mapping[str, int]:
        """How many customers of a segment are in each other one."""
        return self.workspace.results.overlap(name)

    def english(self, name: str) -> str:
        """The rule of a segment in plain English."""
        return self.workspace.results.english(name)

    def table(self) -> "Table":
        """All segments with their sizes and, where there is a money trait, their revenue."""
        results = self.workspace.results
        rows: list[dict[str, Any]] = []
        for name, size in results.sizes.items():
            row: dict[str, Any] = {
                "segment": name,
                "in": size.inside,
                "out": size.outside,
                "cannot_tell": size.cannot_tell,
            }
            if results.revenue:
                row["revenue"] = results.revenue[name]
            rows.append(row)
        return Table(pa.Table.from_pylist(rows))


class Table:
    """Rows, shown in notebooks and handed on as Arrow, pandas or Polars."""

    def __init__(self, data: pa.Table):
        self.data = data

    def __len__(self) -> int:
        return int(self.data.num_rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.data.to_pylist())

    def arrow(self) -> pa.Table:
        return self.data

    def pandas(self) -> Any:
        """A pandas DataFrame (needs pandas)."""
        return self.data.to_pandas()

    def polars(self) -> Any:
        """A Polars DataFrame (needs polars)."""
        import polars as pl

        return pl.from_arrow(self.data)

    def _repr_html_(self) -> str:
        from coterie.workspace.notebook import html

        return html(self.data)

    def __repr__(self) -> str:
        return f"Table({self.data.num_rows:,} rows: {', '.join(self.data.column_names)})"


def _about(made: Made, engine: str) -> dict[str, Any]:
    """What the pointer says of results: their instant and population, who made them, and the files of the cache they read."""
    read = [*(f for e in made.events.values() for f in e.files), *made.data["bad_rows"].values()]
    return {"as_of": made.as_of, "finished": made.finished, "population": made.population, "engine": shown(engine), "files": read}


def _latest(engine: Engine, gathered: Gathered, now: datetime) -> datetime | None:
    """The time of the newest event that is not after now."""
    last = gathered.last_event_by(now)
    if last is not None or gathered.last_event is None:
        return last
    q = builder(engine, Context(now, "UTC"))
    found: list[datetime] = []
    for kind, facts in gathered.events.items():
        engine.parquet(event_view(kind), facts.paths, sorted_by=SORTED)
        time = quoted(TIME)
        query = exp.select(q.call("max", time)).from_(relation(event_view(kind))).where(q.binary("<=", time, q.literal(now)))
        newest = engine.rows(query)[0][0]
        if isinstance(newest, datetime):
            found.append(newest)
    return max(found, default=None)


def _ids(path: Path) -> frozenset[str]:
    """A list of ids: one a line, the first column where there are several; a heading is not an id only when it says so."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise StoreError(
            f"the list {path} cannot be read: {(error.strerror or str(error)).lower()}",
            code="E504",
            hint="one id a line, in UTF-8",
        ) from None
    ids = [line.split(",")[0].strip().strip('"') for line in lines]
    headings = ("id", "customer", "customer_id")
    return frozenset(i for n, i in enumerate(ids) if i and not (n == 0 and i.casefold() in headings))
