"""What is expected of a segment or a segmentation, in a few words: `size between 100 and 5000`, `change below 20%`.

One line says what is looked at, of which label where there are several, and what it should be:

    size | share | change | cannot tell | revenue share   [of LABEL]
    between A and B | below A | above A | at least A | at most A | = A   (also < <= > >=)

A number with a % is a part of everybody (of revenue: of all revenue; of change: of who was in before).
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, get_args

from coterie.core.errors import nearest

Subject = Literal["size", "share", "change", "cannot tell", "revenue share"]
SUBJECTS: tuple[Subject, ...] = get_args(Subject)
PARTS: frozenset[Subject] = frozenset({"share", "change", "revenue share"})
"""What is a part of something, and so needs a %."""
WORDS = {"below": "<", "under": "<", "above": ">", "over": ">", "at least": ">=", "at most": "<=", "is": "="}
_LINE = re.compile(
    r"(?P<subject>.*?)(?:\s+of\s+(?P<label>'[^']*'|\"[^\"]*\"|.+?))?\s*"
    r"(?P<test>\bbetween\b|\bbelow\b|\bunder\b|\babove\b|\bover\b|\bat least\b|\bat most\b|\bis\b|<=|>=|<|>|=)\s*(?P<values>.*)",
    re.DOTALL,
)
_NUMBER = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*(%?)")


@dataclass(frozen=True, slots=True)
class Expectation:
    """One line of `expect:`.

    Attributes:
        text: as written.
        subject, label: what is looked at; of which label, of a segmentation.
        test: `between` or a comparison; low, high: its numbers (high only of `between`), parts as parts: 5% is 0.05.
        part: the numbers are parts.
    """

    text: str
    subject: Subject
    label: str | None
    test: str
    low: Decimal
    high: Decimal | None
    part: bool

    def __str__(self) -> str:
        return self.text

    def met(self, found: float | Decimal) -> bool:
        """Whether what was found is as expected."""
        value = Decimal(str(found))
        if self.test == "between":
            assert self.high is not None
            return self.low <= value <= self.high
        low = self.low
        return {"<": value < low, "<=": value <= low, ">": value > low, ">=": value >= low, "=": value == low}[self.test]


def expectation(text: str) -> Expectation:
    """Read one line.

    Raises:
        ValueError: with what is wrong, and as a second argument what to write.
    """
    line = " ".join(text.split())
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError(f"'{line}' says nothing that can be checked", f"write {FORMS}")
    subject = match["subject"].strip().lower()
    if subject not in SUBJECTS:
        near = nearest(subject, SUBJECTS)
        hint = f"did you mean '{near}'? " if near else ""
        raise ValueError(f"'{subject or line}' is nothing that can be expected", f"{hint}it is one of {', '.join(SUBJECTS)}")
    known: Subject = next(s for s in SUBJECTS if s == subject)
    test = WORDS.get(match["test"], match["test"])
    values = re.split(r"\s+and\s+", match["values"].strip()) if test == "between" else [match["values"].strip()]
    if test == "between" and len(values) != 2:
        raise ValueError(
            "between needs two numbers", f"such as {subject} between {'5% and 20%' if known in PARTS else '100 and 5000'}"
        )
    read = [_number(v, known) for v in values]
    if len({percent for _, percent in read}) > 1:
        raise ValueError(f"'{match['values']}' mixes a number and a part", "write both with % or both without")
    numbers, part = [n for n, _ in read], read[0][1]
    if test == "between" and numbers[0] > numbers[1]:
        raise ValueError(f"nothing lies between {values[0]} and {values[1]}", "the smaller number stands first")
    label = match["label"]
    if label is not None and label[:1] in "'\"":
        label = label[1:-1]
    return Expectation(line, known, label, test, numbers[0], numbers[1] if test == "between" else None, part)


FORMS = "size between 100 and 5000, share at least 5%, change below 20%, cannot tell below 5%, or revenue share above 10%"


def _number(text: str, subject: Subject) -> tuple[Decimal, bool]:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is no number", f"such as {'5%' if subject in PARTS else '100'}, without thousands separators")
    percent = bool(match[2])
    if subject in PARTS and not percent:
        raise ValueError(f"{subject} is a part, and '{text}' has no %", f"write {text}%")
    if subject == "size" and percent:
        raise ValueError("size is a number of customers, not a part", f"write share … {text}")
    return (Decimal(match[1]) / 100 if percent else Decimal(match[1])), percent
