"""The headline findings."""

from collections.abc import Collection, Sequence

from coterie.profiles.findings import Finding
from coterie.profiles.page.parts import Section, Setting


def findings(found: Sequence[Finding], sections: Collection[str], setting: Setting) -> Section:
    """The weightiest sentences, each with where it is shown."""
    key, short, question = "findings", "Findings", "What happened?"
    if not found:
        return Section(
            key, short, question, f"Nothing stands out on {setting.day}.", to_do=["The sections below have all numbers."]
        )
    said = [(f"{f.sentence}.", f.section if f.section in sections else "") for f in found]
    data = [
        {
            "sentence": f.sentence,
            "section": f.section,
            "numbers": [
                {"value": str(n.value), "unit": n.unit, "formula": n.formula, "expression": n.expression} for n in f.numbers
            ],
        }
        for f in found
    ]
    return Section(key, short, question, said[0][0], findings=said[1:], data=data)
