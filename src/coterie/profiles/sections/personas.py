"""Who the customers of each group are, and what to do about them, as cards."""

from collections.abc import Sequence

from coterie.profiles.hidden import is_small
from coterie.profiles.page import words
from coterie.profiles.page.parts import Card, Section, Setting
from coterie.profiles.page.render import anchor
from coterie.profiles.personas.figures import LITTLE
from coterie.profiles.personas.lines import because, facts, journey, likings, steps, typical
from coterie.profiles.personas.persona import Persona


def personas(found: Sequence[Persona], more: Sequence[str], setting: Setting) -> Section | None:
    """A card for each group.

    Args:
        found: the personas; those of fewer than k customers are left out.
        more: segmentations whose labels have no card here.
    """
    told = [p for p in found if not is_small(p.customers, setting.k) and not is_small(p.others, setting.k)]
    if not told:
        return None
    honest = (
        "Each is held against everybody else of whom it can be told. Nothing is said of a group but what still differs when all "
        f"{told[0].compared:,} comparisons are counted; of fewer than {LITTLE} customers little is said."
    )
    lines = [honest]
    if more:
        named = words.listed([f"`coterie persona {name}`" for name in more], 6)
        lines.append(f"{named} {'tells' if len(more) == 1 else 'tell'} of the others.")
    return Section(
        "personas",
        "Personas",
        "Who are they, and what could be done?",
        _answer(told),
        lines=lines,
        cards=[card(p, setting) for p in told],
        data=[_data(p) for p in told],
    )


def _answer(told: Sequence[Persona]) -> str:
    first = max(told, key=lambda p: p.figures.get("share_of_revenue") or p.customers / max(p.population, 1))
    return first.sentences[0].text


def card(p: Persona, setting: Setting) -> Card:
    """One persona: its sentences, and folded away its figures and what could be done."""
    rows = [*likings(p), *facts(p), *journey(p, day_of=lambda at: words.day(at, setting.zone))]
    rows += [("how they came", text) for text in steps(p)] + typical(p)
    plays = []
    for s in p.strategies:
        play = s.play
        told = [("because", because(s, p.currency)), ("say", play.message), ("offer", play.offer)]
        told += [("where", play.channel), ("watch", play.metric)]
        plays.append((play.name, [(name, text) for name, text in told if text]))
    note = p.note
    if p.unknown and not is_small(p.unknown, setting.k):
        note = f"Held against {p.others:,} others; of {p.unknown:,} it cannot be told. {note}".strip()
    title = f"{words.plain(p.group.of)}: {p.name}" if p.group.of else p.name
    return Card(f"persona-{anchor(p.group.name)}", title, p.short, [s.text for s in p.sentences], rows, plays, note)


def _data(p: Persona) -> dict[str, object]:
    """The numbers of a card: no figure of everybody, no member."""
    whole = p.to_json()
    return {key: whole[key] for key in ("persona", "short", "customers", "sentences", "likings", "strategies")}
