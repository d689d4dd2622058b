"""A persona's figures and ways in the lines that terminal and report share."""

from collections.abc import Callable, Mapping
from datetime import datetime

from coterie.language.shown import plain
from coterie.profiles import words
from coterie.profiles.page.words import listed
from coterie.profiles.personas.figures import OTHERS, called, said
from coterie.profiles.personas.persona import Persona
from coterie.profiles.personas.playbook import Strategy
from coterie.profiles.personas.told import value

SHOWN = (
    "average_order",
    "orders_per_customer",
    "one_order",
    "median_days_quiet",
    "median_days_between",
    "overdue",
    "growth",
    "discounted",
    "categories",
    "lifetime_value",
)


def facts(persona: Persona) -> list[tuple[str, str]]:
    """What they are worth and how they buy, against everybody else."""
    out = []
    for name in SHOWN:
        own, others = persona.figures.get(name), persona.figures.get(OTHERS + name)
        if own is not None:
            against = f" (everybody else {said(name, others, persona.currency)})" if others is not None else ""
            out.append((called(name), said(name, own, persona.currency) + against))
    return out


def journey(persona: Persona, day_of: Callable[[datetime], str]) -> list[tuple[str, str]]:
    """Where they came from and went to since some day."""
    way = persona.journey
    if way.since is None or not (way.came or way.went):
        return []
    out = []
    for what, moves in (("came from", way.came), ("went to", way.went)):
        if moves:
            out.append((f"{what}, since {day_of(way.since)}", listed([f"{label} {n:,}" for label, n in moves], 6)))
    return out


def steps(persona: Persona) -> list[str]:
    """First event → second, how many went so, and how long it took."""
    way, out = persona.journey, []
    for step in way.steps:
        part = words.share(step.customers / way.known) if way.known else "–"
        if step.second is None:
            out.append(f"{plain(step.first)}, and nothing since: {step.customers:,} ({part})")
            continue
        after = "" if step.days is None else f", half of them within {_days(step.days)}"
        out.append(f"{plain(step.first)} → {plain(step.second)}: {step.customers:,} ({part}){after}")
    return out


def likings(persona: Persona) -> list[tuple[str, str]]:
    """What is a larger part of what they buy."""
    return [
        (f"{plain(one.column)} {one.value}", f"{words.share(one.inside)} of what they buy (others {words.share(one.outside)})")
        for one in persona.likings
    ]


def typical(persona: Persona) -> list[tuple[str, str]]:
    """Typical and extreme members: the medians of ten."""

    def told(values: Mapping[str, float]) -> str:
        return "; ".join(f"{plain(name)} {value(v)}" for name, v in values.items())

    return [(f"{kind.what} ten, medians", told(kind.values)) for kind in persona.members]


def _days(days: float) -> str:
    return "a day" if days <= 1 else f"{days:,.0f} days"


def because(strategy: Strategy, currency: str | None) -> str:
    """The figures that made a play fit."""
    told = []
    for name, found in strategy.evidence:
        own = name.removeprefix(OTHERS)
        whose = "everybody else: " if name.startswith(OTHERS) else ""
        told.append(f"{whose}{called(own)} {said(name, found, currency)}")
    return "; ".join(told)
