"""By which columns customers are reached, and which ones say that they agreed: told by how columns are called."""

from collections.abc import Mapping
from dataclasses import dataclass

from coterie.language.types import BOOLEAN, TEXT, Type
from coterie.sources.vocabulary import meanings, words_of

IDENTIFIERS = {"email": "e-mail", "phone": "phone", "address": "post"}
"""Meaning of a column → the channel that it opens."""
WORDS = {
    "e-mail": frozenset({"email", "mail", "emails", "newsletter"}),
    "phone": frozenset({"sms", "phone", "mobile", "telephone", "tel", "call", "whatsapp"}),
    "post": frozenset({"post", "letter", "address", "postal", "catalogue", "catalog", "mailing"}),
}
SURE = 0.7


@dataclass(frozen=True, slots=True)
class Way:
    """A channel: the column that must be known, and the one that must be true (false where it is an objection)."""

    channel: str
    identifier: str
    consent: str | None = None
    objection: bool = False


def ways(attributes: Mapping[str, Type], truths: Mapping[str, Type]) -> tuple[Way, ...]:
    """The channels of a project, one each.

    Args:
        attributes: columns of customers with their types; truths: those, and traits, that may say who agreed.
    """
    found: dict[str, tuple[float, str]] = {}
    for name, type_ in attributes.items():
        meant = meanings(name) if type_ == TEXT else {}
        meaning = max(meant, key=lambda m: meant[m], default="")
        channel = IDENTIFIERS.get(meaning)
        if channel is not None and meant[meaning] >= max(SURE, found.get(channel, (0.0, ""))[0] + 1e-9):
            found[channel] = meant[meaning], name
    return tuple(Way(channel, name, *_consent(channel, truths)) for channel, (_, name) in found.items())


def _consent(channel: str, truths: Mapping[str, Type]) -> tuple[str | None, bool]:
    """The column of agreement for a channel: one that names it, else one that names none."""
    general: tuple[str | None, bool] = None, False
    for name, type_ in truths.items():
        if type_ != BOOLEAN:
            continue
        meant, words = meanings(name), set(words_of(name))
        objection = meant.get("unsubscribed", 0.0) >= SURE or bool(words & {"optout", "optedout"}) or {"opt", "out"} <= words
        if not objection and not (meant.get("consent", 0.0) >= 0.4 or {"opt", "in"} <= words):
            continue
        if words & WORDS[channel]:
            return name, objection
        if general[0] is None and not any(words & own for own in WORDS.values()):
            general = name, objection
    return general
