"""Numbers, money, shares and days as a page writes them."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from coterie.core.windows import last_instant, local, local_day
from coterie.core.words import counted
from coterie.language.shown import day_shown

Number = int | float | Decimal


def count(n: int) -> str:
    return f"{n:,}"


def customers(n: int) -> str:
    return counted(n, "customer")


def share(part: Number, whole: Number) -> str:
    """A share of a whole, with one decimal below 10 %."""
    return percent(float(part) / float(whole)) if whole else "–"


def percent(fraction: float, sign: bool = False) -> str:
    """A fraction as a percentage, with one decimal below 10 %."""
    value = 100 * fraction
    text = f"{abs(value):.1f} %" if abs(value) < 9.95 else f"{abs(value):,.0f} %"
    zero = float(text.removesuffix(" %").replace(",", "")) == 0
    if value < 0 and not zero:
        return f"−{text}"
    return f"+{text}" if sign and not zero else text


def money(amount: Number, currency: str | None) -> str:
    """An amount with its currency, to the hundredth."""
    return _money(f"{abs(amount):,.2f}", amount, currency)


def about(amount: Number, currency: str | None) -> str:
    """An amount in whole units from 100 on, where hundredths only distract."""
    whole = float(amount)
    return _money(f"{abs(whole):,.0f}", amount, currency) if abs(whole) >= 100 else money(amount, currency)


def short(amount: Number, currency: str | None = None) -> str:
    """An amount in three figures: 1.42m, 318k."""
    value = abs(float(amount))
    for size, letter in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if value >= size * 0.9995:
            scaled = value / size
            text = f"{scaled:.0f}" if scaled >= 99.95 else f"{scaled:.1f}" if scaled >= 9.995 else f"{scaled:.2f}"
            return _money(text + letter, amount, currency)
    return _money(f"{value:,.0f}", amount, currency)


def _money(text: str, amount: Number, currency: str | None) -> str:
    negative = float(amount) < 0 and any(digit in text for digit in "123456789")
    return f"{'−' if negative else ''}{text}{f' {currency}' if currency else ''}"


def number(value: Number) -> str:
    """A plain number: whole where it is, else with as many digits as tell it."""
    if isinstance(value, int) or value == round(value):
        return f"{int(value):,}".replace("-", "−")
    text = f"{value:,.2f}" if abs(float(value)) >= 10 else f"{float(value):,.3g}"
    return text.replace("-", "−")


def day(instant: datetime | date, zone: str) -> str:
    """A day for people: 3 Mar 2026; an instant that is not the end of a day has its time."""
    if not isinstance(instant, datetime):
        return day_shown(instant)
    whole = local_day(instant, zone)
    if instant == last_instant(whole, zone):
        return day_shown(whole)
    at = local(instant, zone)
    return f"{day_shown(at.date())}, {at:%H:%M}"


def plain(name: str) -> str:
    """A name as it stands in a sentence: `top_tenth` → top tenth."""
    return name.replace("_", " ")


def listed(names: Sequence[str], most: int = 4) -> str:
    """Names with commas and an "and" before the last."""
    shown = list(names[:most])
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
