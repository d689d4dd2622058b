"""Webhooks of Typeform: a form that was answered as one message, its answers by the names of their questions.

Whose it is, a hidden field says (`user_id`, `userId`, `customer_id` or `customer`), else an address that was asked for.
(typeform.com/developers/webhooks/example-payload.)
"""

from coterie.live.hooks.said import Item, at, first, known, rows, text
from coterie.live.strict import Json

HIDDEN = ("user_id", "userId", "customer_id", "customer")


def items(payload: Item, by: str, id_: str) -> list[Item]:
    """What a webhook says, as items of Segment's protocol.

    Args:
        by: whether customers go by an `id` in a hidden field or by their `email`.
        id_: of the webhook.
    """
    said = at(payload, "form_response")
    type_ = text(at(payload, "event_type")) or "typeform"
    given = rows(said, "answers")
    hidden = at(said, "hidden")
    asked = [at(answer, "email") for answer in given if at(answer, "type") == "email"]
    email = first(at(hidden, "email"), *asked)
    named = first(*(at(hidden, key) for key in HIDDEN))
    who = (email.casefold() if email else None) if by == "email" or named is None else named
    who = who or named
    token = text(at(said, "token"))
    base: Item = {
        "type": "track",
        "messageId": id_,
        "userId": who,
        "anonymousId": f"typeform-{token or id_}" if who is None else None,
        "timestamp": at(said, "submitted_at"),
    }
    if type_ != "form_response" or not isinstance(said, dict):
        return [{**base, "event": type_, "properties": payload}]
    form = at(said, "definition")
    titles = {text(at(f, "id")): text(at(f, "title")) for f in rows(form, "fields")}
    answers: Item = {}
    questions: Item = {}
    for answer in given:
        id_of, ref = text(at(answer, "field", "id")), text(at(answer, "field", "ref"))
        name = ref or id_of
        if name is None:
            continue
        answers[name] = answered(answer)
        questions[name] = titles.get(id_of)
    properties: Item = {
        "survey": first(at(said, "form_id"), at(form, "id")),
        "survey_name": text(at(form, "title")),
        "response": token,
        "score": at(said, "calculated", "score"),
        "answers": known(answers),
        "questions": known(questions),
        "variables": known(
            {key: at(v, str(at(v, "type"))) for v in rows(said, "variables") if (key := text(at(v, "key"))) is not None}
        ),
        "hidden": hidden if isinstance(hidden, dict) else None,
    }
    return [{**base, "event": "Survey Answered", "properties": known(properties)}]


def answered(answer: Json) -> Json:
    """What an answer says: its value, of a choice its label, of several choices a list of them."""
    type_ = text(at(answer, "type")) or ""
    if type_ == "choice":
        return first(at(answer, "choice", "label"), at(answer, "choice", "other"))
    if type_ == "choices":
        labels: list[Json] = [found for label in rows(answer, "choices", "labels") if (found := text(label))]
        other = text(at(answer, "choices", "other"))
        return [*labels, *([other] if other else [])]
    if type_ == "payment":
        return at(answer, "payment", "amount")
    return at(answer, type_)
