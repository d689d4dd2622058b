"""A report as one HTML file that needs nothing else: styles, script, charts and numbers are in it, and it asks no network."""

import base64
import hashlib
import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from coterie.profiles.charts.colours import DARK, DARK_ON_GROUPS, LIGHT, ON_GROUPS
from coterie.profiles.charts.theme import specification
from coterie.profiles.page.parts import Report

_HERE = files("coterie.profiles.page")


@cache
def _asset(folder: str, name: str) -> str:
    return (_HERE / folder / name).read_text(encoding="utf-8")


def html(report: Report) -> str:
    """The page. Texts are escaped; the two scripts in it are allowed by their hashes, nothing may be loaded or sent."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["said"] = said
    template = environment.from_string(_asset("templates", "report.html"))
    scripts = [_asset("static", "vega.js"), _asset("static", "report.js")]
    charts = {f.key: specification(f.chart) for section in report.sections for f in section.charts}
    numbers = {**report.data, "sections": {s.key: s.data for s in report.sections}}
    return template.render(
        report=report,
        policy=policy(scripts),
        styles=Markup(styles()),  # noqa: S704 - our own style sheet
        scripts=[Markup(s) for s in scripts],  # noqa: S704 - our own scripts, which hold no "</script"
        licences=Markup(_asset("static", "vega.LICENCES.txt").replace("--", "- -")),  # noqa: S704 - inside a comment
        charts=as_json(charts),
        numbers=as_json(numbers),
    )


def policy(scripts: list[str]) -> str:
    """The content security policy: these scripts, inline styles, and no request of any kind."""
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
    return f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def styles() -> str:
    """The style sheet with the colours of light and dark pages; prints are light."""
    light, dark = (_variables(colours) for colours in ({**LIGHT, **ON_GROUPS}, {**DARK, **DARK_ON_GROUPS}))
    return (
        f":root {{ color-scheme: light dark; {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
        f"@media print {{ :root {{ color-scheme: light; {light} }} }}\n" + _asset("static", "report.css")
    )


def _variables(colours: Any) -> str:
    return " ".join(f"--{name}: {colour};" for name, colour in colours.items())


def as_json(value: Any) -> Markup:
    """A value as JSON that may stand inside a script element."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704 - escaped here


def said(text: str) -> Markup:
    """A text of ours as HTML: what stands in backticks is code, and a number stays with its percent sign."""
    kept = str(escape(re.sub(r"(\d) %", "\\1\u00a0%", text)))
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", kept))  # noqa: S704 - escaped above


def anchor(text: str) -> str:
    """A text as part of an id."""
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-") or "x"
