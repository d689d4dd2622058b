"""PostHog's vocabulary said in Segment's: `$identify`, `$set`, `$create_alias`, `$groupidentify`, `$pageview`, `$screen`.

PostHog knows one id, `distinct_id`; whether it is a person's or a device's is said by what comes with it.
"""

from collections.abc import Mapping

from coterie.live.strict import Json

Item = dict[str, Json]
_SET = ("$set_once", "$set")


def as_segment(item: Item) -> Item:
    """A PostHog item as the Segment item that says the same. Ids and times stay as they are written."""
    properties = _map(item.get("properties"))
    event = item.get("event")
    said = item.get("distinct_id", properties.get("distinct_id", properties.get("$distinct_id")))
    who = _anonymous(said, properties)
    out: Item = {
        "messageId": item.get("uuid") or properties.get("$insert_id"),
        "timestamp": item.get("timestamp"),
        "$offset": item.get("offset"),
        **who,
    }
    context = _context(properties)
    traits = {k: v for name in _SET for k, v in {**_map(properties.get(name)), **_map(item.get(name))}.items()}
    rest = {k: v for k, v in properties.items() if k not in ("token", "distinct_id", *_SET)}
    match event:
        case "$identify":
            named = {"type": "identify", "userId": said, "anonymousId": properties.get("$anon_distinct_id"), "traits": traits}
        case "$set":
            named = {"type": "identify", "traits": traits}
        case "$create_alias" | "$merge_dangerously":
            owner = properties.get("distinct_id", said)
            named = {"type": "alias", "userId": owner, "previousId": properties.get("alias"), "anonymousId": None}
        case "$groupidentify":
            kind = properties.get("$group_type")
            named = {
                "type": "group",
                "groupId": properties.get("$group_key"),
                "traits": {**({"group_type": kind} if kind else {}), **_map(properties.get("$group_set"))},
            }
        case "$pageview":
            named = {"type": "page", "name": properties.get("title"), "properties": rest}
        case "$screen":
            named = {"type": "screen", "name": properties.get("$screen_name"), "properties": rest}
        case _:
            named = {"type": "track", "event": event, "properties": rest}
            if traits:
                context = {**context, "traits": traits}
    return {**out, **named, "context": context}


def _anonymous(said: Json, properties: Mapping[str, Json]) -> Item:
    """Whose id it is: a device's where the client says so, else a person's."""
    if properties.get("$is_identified") is False or (said is not None and properties.get("$device_id") == said):
        return {"anonymousId": said}
    if properties.get("$process_person_profile") is False:
        return {"anonymousId": said}
    return {"userId": said}


def _context(properties: Mapping[str, Json]) -> Item:
    out: Item = {}
    if "$lib" in properties:
        out["library"] = {"name": properties["$lib"], "version": properties.get("$lib_version")}
    if "$ip" in properties:
        out["ip"] = properties["$ip"]
    page: Item = {
        name: properties[key]
        for name, key in (("url", "$current_url"), ("path", "$pathname"), ("referrer", "$referrer"), ("title", "title"))
        if key in properties
    }
    if page:
        out["page"] = page
    campaign: Item = {
        name.removeprefix("utm_"): properties[name]
        for name in ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
        if properties.get(name) is not None
    }
    if campaign:
        out["campaign"] = {("name" if k == "campaign" else k): v for k, v in campaign.items()}
    return out


def _map(value: Json) -> Item:
    return value if isinstance(value, dict) else {}
