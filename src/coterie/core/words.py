"""English that goes with numbers and names: one and many, `a` and `an`.

A name of somebody's data is rarely a dictionary's word. Where it does not look like an English noun (`email_opened`, `logged_in`,
`国`), a noun is put behind it: "email opened events".
"""

import re

INVARIANT = frozenset(("data", "feedback", "news", "series", "sms", "mms", "spam", "traffic", "media", "equipment", "information"))
"""Nouns that have no plural, or are one."""
PARTICIPLES = frozenset(
    ("begun", "bought", "done", "left", "lost", "made", "paid", "read", "seen", "sent", "sold", "spent", "taken", "won", "written")
)
"""What was done, where it does not end in -ed."""
PARTICLES = frozenset(("in", "up", "out", "off", "on", "over", "back", "down", "away", "through"))
"""Ends of names such as logged_in and sign_up."""
NOUNS_IN_ED = frozenset(("bed", "breed", "deed", "feed", "need", "seed", "shed", "speed", "weed", "newsfeed", "embed"))
NOUNS_IN_AS = frozenset(("alias", "atlas", "bias", "canvas", "christmas", "gas"))
IRREGULAR = {"person": "people", "child": "children", "man": "men", "woman": "women", "quiz": "quizzes", "bus": "buses"}
SINGULAR = {many: one for one, many in IRREGULAR.items()}


def counted(n: int, one: str, many: str = "") -> str:
    """A number and what is counted: `counted(1, "row")` is "1 row", `counted(2, "row is", "rows are")` "2 rows are"."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def is_noun(words: str) -> bool:
    """Whether a name looks like an English noun that has a plural."""
    last = words.lower().split()[-1] if words.split() else ""
    if not re.fullmatch("[a-z]{2,}", last) or last in INVARIANT or last in PARTICIPLES or last in PARTICLES:
        return False
    return not last.endswith("ed") or last in NOUNS_IN_ED


def plural(words: str, noun: str = "event") -> str:
    """A name for many: "orders", "page views", "cart added events", "visits" of visits."""
    if not is_noun(words):
        return f"{words} {noun}s"
    head, last = _last(words)
    lower = last.lower()
    if lower in IRREGULAR:
        return head + IRREGULAR[lower]
    if _is_plural(lower):
        return words
    if re.search("[^aeiou]y$", lower):
        return f"{words[:-1]}ies"
    return words + ("es" if lower.endswith(("s", "ch", "sh", "x", "z")) else "s")


def singular(words: str, noun: str = "event") -> str:
    """A name for one: "order", "cart added event", "visit" of visits."""
    if not is_noun(words):
        return f"{words} {noun}"
    head, last = _last(words)
    lower = last.lower()
    if lower in SINGULAR:
        return head + SINGULAR[lower]
    if not _is_plural(lower):
        return words
    if lower.endswith("ies") and len(lower) > 4:
        return f"{words[:-3]}y"
    if re.search("[^ao]uses$", lower) and lower not in ("excuses", "fuses"):
        return words[:-2]  # statuses, bonuses
    return words[:-2] if lower.endswith(("sses", "ches", "shes", "xes")) else words[:-1]


def with_article(words: str) -> str:
    """A name with `a` or `an`, by how it sounds: an order, an hour, a user, an SMS."""
    bare = words.lstrip('"(')
    first = re.split(r"[^A-Za-z]", bare, maxsplit=1)[0]
    if re.fullmatch("[A-Z]{2,}|[B-DF-HJ-NP-TV-XZb-df-hj-np-tv-xz]{2,5}", first):
        vowel = first[0].lower() in "aefhilmnorsx"  # spelled out letter by letter
    elif re.match("(?i)(hour|honest|honou?r|heir)", bare):
        vowel = True
    elif re.match("(?i)(uni(?!n|m)|us[aeu]|usual|util|eu|one(?![a-z])|once)", bare):
        vowel = False
    else:
        vowel = bare[:1].lower() in "aeiou"
    return f"{'an' if vowel else 'a'} {words}"


def _last(words: str) -> tuple[str, str]:
    """A name as what stands before its last word, and that."""
    head, blank, last = words.rpartition(" ")
    return head + blank, last


def _is_plural(word: str) -> bool:
    """Whether a word ends as a plural does: orders, but not address, status, analysis."""
    return word in SINGULAR or (word.endswith("s") and not word.endswith(("ss", "us", "is")) and word not in NOUNS_IN_AS)
