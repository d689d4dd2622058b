"""Decide: which of several variants somebody gets, and why."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from coterie.language.check import Checked
from coterie.language.describe import describe
from coterie.server.api.api import DOCUMENTED, Api, answered, asks, body_of, id_of
from coterie.server.problems import Problem
from coterie.workspace.asking import Checks, Decided

MOST = 50
"""Variants of one question."""
SCHEMA = {
    "type": "object",
    "required": ["variants"],
    "properties": {
        "customer": {"type": "string", "description": "Any id of a customer."},
        "anonymous": {"type": "string", "description": "The anonymousId of a visitor."},
        "variants": {
            "type": "array",
            "minItems": 1,
            "maxItems": MOST,
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "segment": {"type": "string", "description": "For whoever is in this segment."},
                    "rule": {"type": "string", "description": "For whom this rule holds, in the language of the project."},
                },
                "additionalProperties": False,
            },
        },
    },
    "additionalProperties": False,
}
ALWAYS = "everybody else"


def routes(api: Api) -> APIRouter:
    router = APIRouter(tags=["decide"], responses=DOCUMENTED)
    words: dict[tuple[int, str], str] = {}
    rules: dict[tuple[int, str], Checked] = {}

    @router.post("/decide", openapi_extra=asks(SCHEMA, "wait", "timeout"))
    async def decide(request: Request) -> Response:
        """The first variant whose segment or rule holds for a customer or a visitor, with the reason."""
        body = await body_of(request)
        position = await api.applied(request)
        who, variants = asked_of(body)
        number = api.asking.generation
        missing = [
            v
            for v in variants
            if ("segment" in v and (number, v["segment"]) not in words) or ("rule" in v and (number, v["rule"]) not in rules)
        ]
        if missing or number == 0:
            number = await api.of_one(lambda: prepared(variants))
        asked = [v for v in variants[: end_of(variants)] if "segment" in v or "rule" in v]
        reasons = [words[number, v["segment"]] if "segment" in v else describe(rules[number, v["rule"]].written) for v in asked]
        checks: Checks = [(v.get("segment", ""), rules[number, v["rule"]] if "rule" in v else None) for v in asked]
        result = api.asking.holds(who, checks)
        if result is None:
            result = await api.of_one(lambda: whole_or_not(api, who, checks))
        return answered(api.stamped(position) | told(variants, reasons, result) | {"run": number})

    def prepared(variants: list[dict[str, str]]) -> int:
        """Read the rules and the words of segments. Returns the number of the results."""
        standing = api.asking.standing
        number = standing.results.generation.number
        if len(words) + len(rules) > 5000:
            words.clear()
            rules.clear()
        for variant in variants:
            if "segment" in variant:
                name = variant["segment"]
                if name not in standing.living.segments:
                    raise Problem(422, "segment", f"there is no segment {name[:200]!r} that can be told of a single customer")
                words[number, name] = standing.english(name)
            elif "rule" in variant:
                rules[number, variant["rule"]] = standing.rule(variant["rule"])
        return number

    return router


def whole_or_not(api: Api, who: str, checks: Checks) -> Decided:
    """From what is kept of somebody, else from their whole history."""
    asking = api.asking
    return asking.holds(who, checks, patient=True) or asking.holds_of_one(who, checks) or asking.holds_of_all(who, checks)


def told(variants: list[dict[str, str]], reasons: list[str], result: Decided) -> dict[str, Any]:
    """The variant that somebody gets, and what became of those before it."""
    customer, place, answers = result
    end = end_of(variants)
    considered = [
        {"variant": variant["name"], "holds": answer, "reason": reason}
        for variant, answer, reason in zip(variants, answers, reasons, strict=False)
    ]
    if place is None and end < len(variants):
        place = end
        considered.append({"variant": variants[end]["name"], "holds": True, "reason": ALWAYS})
    return {
        "customer": customer,
        "variant": None if place is None else variants[place]["name"],
        "reason": "none of the variants holds" if place is None else considered[-1]["reason"],
        "considered": considered,
    }


def end_of(variants: list[dict[str, str]]) -> int:
    """The place of the first variant that is for everybody; what stands behind it is nobody's."""
    return next((i for i, v in enumerate(variants) if len(v) == 1), len(variants))


def asked_of(body: dict[str, Any]) -> tuple[str, list[dict[str, str]]]:
    """Who is asked about, and the variants.

    Raises:
        Problem: the question is not understood.
    """
    who = body.get("customer", body.get("anonymous"))
    if not isinstance(who, str):
        raise Problem(422, "who", "say who: customer, or anonymous for a visitor, as a text")
    variants = body.get("variants")
    if not isinstance(variants, list) or not 1 <= len(variants) <= MOST:
        raise Problem(422, "variants", f"say variants: a list of 1 to {MOST}")
    for variant in variants:
        fine = isinstance(variant, dict) and all(isinstance(v, str) for v in variant.values())
        if not fine or "name" not in variant or not set(variant) <= {"name", "segment", "rule"} or len(variant) > 2:
            raise Problem(422, "variants", "a variant is {name, segment} or {name, rule}; {name} alone is for everybody else")
    return id_of(who), variants
