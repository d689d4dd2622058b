"""Commands about models: which there are, how good one is, learn them anew."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coterie.cli.shared import HERE, Dir, Json, Quiet, opened, print_json, progress, then

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coterie.cli.page import Page
    from coterie.models.prediction.quality import Cutoff
    from coterie.models.store import FittedParameters


def models(directory: Dir = HERE, json: Json = False) -> None:
    """List the models, and how good each is."""
    from coterie.cli.page import Page

    with opened(directory) as space:
        found = space.models.states()
        zone = space.project.timezone
    if json:
        print_json([state.to_json() for state in found])
        return
    page = Page()
    if not found:
        page.line("There are no models. A trait such as predict(exists(order within next 60 days)) is one.")
        return
    rows = []
    for state in found:
        fit = state.fit
        if fit is None:
            rows.append([state.name, "", "", "not fitted: the notes of `coterie run` say why"])
            continue
        waits = " A newer fit is held." if state.held is not None else ""
        rows.append([state.name, f"{fit.number}", _day(fit, zone), _first(str(fit.told["verdict"])) + waits])
    page.table(
        [("model", False), ("version", True), ("learned as of", False), ("how good", False)], rows, wide="how good", cut=False
    )
    page.line()
    page.quiet(f"`{then(directory, 'model ' + found[0].name)}` tells more of one")


def model(
    name: Annotated[str, typer.Argument(help="A model.")],
    directory: Dir = HERE,
    drift: Annotated[bool, typer.Option("--drift", help="Also whether customers have moved since the fit.")] = False,
    value: Annotated[float | None, typer.Option("--value", help="What it is worth where it happens: money at cut-offs.")] = None,
    cost: Annotated[float, typer.Option("--cost", help="What contacting a customer costs, beside --value.")] = 0.0,
    json: Json = False,
) -> None:
    """How good a model is, and what drives it."""
    from coterie.cli.page import Page

    with opened(directory) as space:
        state = space.models[name]
        moved = space.models.drift(name) if drift else []
        worth = [] if value is None and not cost else space.models.money(name, 1.0 if value is None else value, cost)
    if json:
        told = state.to_json()
        if drift:
            told["drift"] = [{"feature": d.name, "psi": d.psi, "noise": d.noise, "size": d.size} for d in moved]
        if worth:
            told["money"] = [asdict(cut) for cut in worth]
        print_json(told)
        return
    page = Page()
    page.title(f"{name}: {state.written}")
    fit = state.fit
    if fit is None:
        page.line(f"It is not fitted. `{then(directory, 'fit ' + name)}` says why.")
        return
    _told(page, fit)
    if worth:
        _worth(page, worth)
    if drift:
        _drift(page, [(d.name or "the score itself", d.psi, d.noise, d.size) for d in moved])
    if state.held is not None:
        page.line()
        page.warn(
            f"version {state.held.number} is held: {state.held.told['held']}. `{then(directory, f'fit {name} --accept')}` takes it."
        )


def fit(
    names: Annotated[list[str] | None, typer.Argument(help="Models; all of them where none is named.")] = None,
    directory: Dir = HERE,
    accept: Annotated[bool, typer.Option("--accept", help="Take a fit into use that is or would be held.")] = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Learn models anew; the next run scores everybody with them."""
    from coterie.cli.page import Page

    with opened(directory) as space, progress(quiet) as said:
        found = space.models.fit(names or None, accept=accept, progress=said)
    failed = [one for one in found if one.error is not None]
    if json:
        print_json(
            [
                {
                    "model": one.name,
                    "version": None if one.fit is None else one.fit.number,
                    "state": "failed" if one.fit is None else one.fit.state,
                    "verdict": None if one.fit is None else one.fit.told["verdict"],
                    "error": None if one.error is None else one.error.message,
                }
                for one in found
            ]
        )
    else:
        page = Page()
        for one in found:
            if one.fit is not None:
                page.line(f"{one.name}, version {one.fit.number}: {_first(str(one.fit.told['verdict']))}")
                if one.fit.state == "held":
                    page.warn(f"held, {one.fit.told['held']}: `{then(directory, f'fit {one.name} --accept')}` takes it into use")
            elif one.error is not None:
                page.warn(f"{one.name}: {one.error.message}" + (f" ({one.error.hint})" if one.error.hint else ""))
        if not found:
            page.line("There are no models.")
        elif len(failed) < len(found):
            page.quiet(f"`{then(directory, 'run')}` scores everybody with them")
    if failed:
        raise typer.Exit(1)


def rule(
    name: Annotated[str, typer.Argument(help="lifestyle.2, lifestyle.Savers, a prediction (its highest tenth) or a condition.")],
    directory: Dir = HERE,
    json: Json = False,
) -> None:
    """Turn a group or a score band into a short rule to edit."""
    from coterie.cli.page import Page

    with opened(directory) as space:
        found = space.rule(name)
    if json:
        print_json(found.to_json())
        return
    page = Page()
    page.line(f"For {found.about}, {found.customers:,} customers:")
    page.line()
    page.line(f"  {found.rule.text}")
    page.line()
    page.listed(list(found.rule.notes))


def discover(
    directory: Dir = HERE,
    outcome: Annotated[
        str | None, typer.Option("--for", help="A condition, a segment or a number that they are to have more of.")
    ] = None,
    most: Annotated[int, typer.Option(help="How many to show at most.")] = 10,
    json: Json = False,
) -> None:
    """Propose segments that nobody has defined yet, as rules."""
    from coterie.cli.page import Page

    with opened(directory) as space:
        found = space.discover(outcome, most)
    if json:
        print_json(found.to_json())
        return
    page = Page()
    traits = f"{len(found.columns)} traits"
    page.quiet(f"{found.looked_at:,} customers by {traits}; the numbers are of the half they were not found in")
    if not found.subgroups:
        page.line("Nothing stands out that is not chance or already in a segment.")
        return
    value, against = ("mean", "everybody else") if outcome else ("together", "if unrelated")
    rows = [
        [s.text, f"{s.size:,}", f"{s.share:.1%}", _number(s.value), _number(s.against), f"{s.lift:.1f} ×"] for s in found.subgroups
    ]
    headings = [("rule", False), ("customers", True), ("share", True), (value, True), (against, True), ("lift", True)]
    page.table(headings, rows, wide="rule", cut=False)


def survey(
    names: Annotated[list[str] | None, typer.Argument(help="Scales; all of them where none is named.")] = None,
    directory: Dir = HERE,
    questions: Annotated[
        str | None, typer.Option("--questions", help="Of this segmentation, the fewest questions that tell the group.")
    ] = None,
    most: Annotated[int, typer.Option(help="How many questions at most.")] = 8,
    json: Json = False,
) -> None:
    """How reliable survey scales are; the fewest questions."""
    from coterie.cli.page import Page

    page = Page()
    with opened(directory) as space:
        if questions is not None:
            tool = space.questions(questions, most)
            steps = [{"question": s.question, "accuracy": s.accuracy} for s in tool.steps]
            if json:
                print_json({"segmentation": questions, "questions": steps, "notes": list(tool.notes), "base": tool.base})
                return
            rows = [[f"{n}", str(s["question"]), f"{s['accuracy']:.0%}"] for n, s in enumerate(steps, 1)]
            page.table([("", True), ("question", False), ("right so far", True)], rows, wide="question", cut=False)
            page.line()
            page.listed(list(tool.notes))
            return
        found = space.scales(*(names or ()))
    if json:
        print_json([scale.to_json() for scale in found])
        return
    if not found:
        page.line("There are no scales. A trait such as mean_of(q1, 7 - q2, q3) is one; 7 - q2 turns an item round.")
    for scale in found:
        page.title(f"{scale.name}: alpha {scale.found.alpha:.2f}, {scale.found.respondents:,} respondents")
        rows = [[i, f"{scale.found.towards[i]:.2f}", _number(scale.found.without.get(i))] for i in scale.items]
        page.table([("item", False), ("with the others", True), ("alpha without", True)], rows, wide="item", cut=False)
        page.listed(list(scale.found.notes))
        page.line()


def _told(page: "Page", fit: "FittedParameters") -> None:
    told = fit.told
    page.line(str(told["verdict"]))
    page.line()
    learned = ", ".join(f"{one['as_of']} ({one['customers']:,} customers)" for one in told["learned_from"])
    page.facts([("version", f"{fit.number}"), ("learned as of", learned)])
    if told["quality"]:
        page.line()
        rows = [[q["name"], _number(q["value"]), _between(q), _number(q["baseline"]), str(q["against"])] for q in told["quality"]]
        headings = [("out of sample", False), ("", True), ("95 % interval", False), ("instead", True), ("of what", False)]
        page.table(headings, rows, wide="out of sample", cut=False)
    tables: dict[str, Any] = told["tables"]
    if tables.get("tenths"):
        page.line()
        page.line("Tenths of customers, the highest score first:")
        rows = [[f"{r['tenth']}", f"{r['customers']:,}", _number(r["told"]), _number(r["happened"])] for r in tables["tenths"]]
        page.table([("tenth", True), ("customers", True), ("told", True), ("happened", True)], rows, wide="", cut=False)
    if tables.get("cut_offs"):
        page.line()
        page.line("Choosing the first so many, by their score:")
        rows = [[_cell(r[c]) for c in ("first", "customers", "lowest", "happened", "lift", "of_all")] for r in tables["cut_offs"]]
        headings = [(c, True) for c in ("first", "customers", "lowest", "happened", "times the average", "of all")]
        page.table(headings, rows, wide="", cut=False)
    if tables.get("importance"):
        page.line()
        page.line("What drives it (what is lost when it is dealt out at random):")
        rows = [[", ".join(r["features"]), _number(r["lost"])] for r in tables["importance"][:12]]
        page.table([("feature", False), ("lost", True)], rows, wide="feature", cut=False)
    for name in [n for n in tables if tables[n] and n not in ("tenths", "cut_offs", "importance", "calibration")]:
        page.line()
        page.line(name.replace("_", " ") + ":")
        columns = list(dict.fromkeys(key for row in tables[name] for key in row))
        rows = [[_cell(row.get(c)) for c in columns] for row in tables[name][:30]]
        headings = [(c.replace("_", " "), False) for c in columns]
        page.table(headings, rows, wide=headings[0][0] if headings else "", cut=False)
    if told["notes"]:
        page.line()
        page.listed([str(n) for n in told["notes"]])


def _worth(page: "Page", cuts: "Sequence[Cutoff]") -> None:
    """What contacting the first so many is worth, and where it is worth most."""
    best = max(cuts, key=lambda cut: cut.told)
    page.line()
    page.line(
        f"Money, less what contacts cost; most is expected of the first {best.share:.0%}, scores from {_number(best.lowest)} on:"
    )
    rows = [[f"{c.share:.0%}", f"{c.contacts:,}", _number(c.lowest), f"{c.told:,.0f}", f"{c.happened:,.0f}"] for c in cuts]
    page.table([(c, True) for c in ("first", "customers", "lowest", "expected", "came")], rows, wide="", cut=False)


def _drift(page: "Page", found: list[tuple[str, float, float, str]]) -> None:
    page.line()
    moved = [row for row in found if row[3] != "none"]
    some = f"Since the fit {len(moved)} of {len(found)} have moved by more than chance:"
    page.line(some if moved else "Nothing has moved since the fit.")
    if moved:
        page.table(
            [("feature", False), ("stability index", True), ("by chance", True), ("", False)],
            [[name, f"{psi:.2f}", f"{noise:.2f}", size] for name, psi, noise, size in moved[:15]],
            wide="feature",
            cut=False,
        )


def _first(text: str) -> str:
    """The first sentence."""
    head, stop, _ = text.partition(". ")
    return head + (stop.strip() if stop else "")


def _day(fit: "FittedParameters", zone: str) -> str:
    from coterie.cli.history import day

    return day(fit.as_of, zone)


def _number(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) >= 100 else f"{value:.3f}"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return _number(value)
    return "" if value is None else f"{value:,}" if type(value) is int else str(value)


def _between(quality: dict[str, Any]) -> str:
    return "" if quality["low"] is None else f"{_number(quality['low'])} to {_number(quality['high'])}"


def add(app: typer.Typer) -> None:
    for command in (models, model, fit, rule, discover, survey):
        app.command()(command)
