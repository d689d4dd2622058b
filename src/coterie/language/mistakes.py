"""What is said to a text that is not an expression."""


class Fault(Exception):
    """What is wrong with text[start:end], in the words of the error to come."""

    def __init__(self, start: int, end: int, code: str, message: str, hint: str):
        super().__init__(message)
        self.start, self.end, self.code, self.message, self.hint = start, end, code, message, hint


class Elsewhere(Exception):
    """Something at `offset` that only the text around it explains."""

    def __init__(self, offset: int):
        super().__init__(offset)
        self.offset = offset


def not_a_date(span, text):
    return Fault(span.start, span.end, "E132", f"'{text}' is not a day", "write a day as year-month-day: '2026-01-31'")


def diagnose(source: str, offset: int, expected: frozenset[str]) -> Fault:
    return Fault(offset, offset + 1, "E101", "this cannot be read here", "expected " + ", ".join(sorted(expected)))
