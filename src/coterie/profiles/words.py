"""Numbers in sentences: counts, shares, money, changes, as people read them."""

from decimal import Decimal

from coterie.language.shown import plain


def count(n: int) -> str:
    return f"{n:,}"


def share(value: float) -> str:
    """A share (0 to 1) in percent, with one decimal below 10 %; never 0 % or 100 % of what is only nearly so."""
    percent = 100 * value
    if 0 < percent < 0.05:
        return "less than 0.1 %"
    if 99.5 <= percent < 100:
        return "more than 99 %"
    return f"{percent:.1f} %" if 0 < percent < 9.95 else f"{percent:.0f} %"


def money(value: Decimal, currency: str | None) -> str:
    text = f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:,.2f}"
    return f"{text} {currency}" if currency else text


def change(relative: float) -> str:
    """−0.31 is "31 % less"."""
    if abs(relative) < 0.0005:
        return "as much"
    return f"{share(abs(relative)) if relative < 0 else grown(relative)} {'more' if relative > 0 else 'less'}"


def grown(relative: float) -> str:
    return share(relative) if relative < 0.995 else f"{100 * relative:,.0f} %"


def name(text: str) -> str:
    """A definition's name in a sentence."""
    return plain(text)


def begin(sentence: str) -> str:
    """A sentence with its first letter large."""
    return sentence[:1].upper() + sentence[1:]
