"""Documents and messages as their readers want them: sections with what their fields are, tags with what they carry."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from singlewindow import catalogue
from standards import contents, usage
from standards.contents import Json, Place


def brief(name: str, version: int) -> Json:
    """A document type in a list."""
    raw, places = contents.documents()[name, version], contents.places(name, version)
    return {
        "name": name,
        "version": version,
        "name_zh": raw["name_zh"],
        "name_en": raw["name_en"],
        "owner": raw.get("owner"),
        "status": raw.get("status"),
        "effective_from": raw.get("effective_from"),
        "effective_to": raw.get("effective_to"),
        "source": raw.get("source"),
        "verified": raw.get("verified", False),
        "fields": len(places),
        "mandatory": sum(place.obligation == "M" for place in places),
        "sections": sum(1 for _ in _sections(raw["sections"])),
        "messages": [
            id
            for id, one in contents.messages().items()
            if (one["document"], one.get("document_version", 1)) == (name, version)
        ],
    }


def whole(name: str, version: int, as_at: date) -> Json:
    """A document type with its sections, their fields, when each is asked, and who takes it."""
    raw = contents.documents()[name, version]
    places = {place.pointer: place for place in contents.places(name, version)}
    taken = contents.takers(name, version, as_at)
    return brief(name, version) | {
        "conditions": raw.get("conditions", {}),
        "takers": [
            contents.agency_name(agency) | {"fields": len(fields)} for agency, fields in taken.items()
        ],
        "sections": [_section(one, "", places, as_at) for one in raw["sections"]],
    }


def schema(name: str, version: int) -> Json:
    """JSON Schema of the canonical form, with a name of its own."""
    described = catalogue.document(name, version).schema()
    return {"$schema": described["$schema"], "$id": f"urn:singlewindow:document:{name}:{version}"} | described


def message_brief(id: str) -> Json:
    """A message in a list, in XML or EDIFACT."""
    if id in contents.messages():
        raw = contents.messages()[id]
        return {
            "id": id,
            "syntax": "xml",
            "version": raw["version"],
            "name_zh": raw["name_zh"],
            "name_en": raw["name_en"],
            "namespace": raw["namespace"],
            "root": raw["root"],
            "document": raw["document"],
            "document_version": raw.get("document_version"),
            "source": raw["source"],
            "verified": raw["verified"],
            "note": raw.get("note"),
        }
    raw = contents.interchanges()[id]
    blank = dict.fromkeys(("namespace", "root", "document", "document_version"))
    return blank | {
        "id": id,
        "syntax": "edifact",
        "version": ", ".join(raw.get("versions", {})),
        "name_zh": raw["name_zh"],
        "name_en": raw["name_en"],
        "source": raw["source"],
        "verified": raw["verified"],
        "note": raw.get("note"),
    }


def message_whole(id: str) -> Json:
    """A message with the tree of its tags, or the segments of its versions."""
    if id not in contents.messages():
        return message_brief(id) | {"versions": contents.interchanges()[id].get("versions", {})}
    raw = contents.messages()[id]
    return message_brief(id) | {
        "each": raw.get("each"),
        "attributes": _attributes(raw),
        "not_carried": {tag: {"zh": zh, "en": en} for tag, (zh, en) in raw.get("not_carried", {}).items()},
        "content": [_node(one) for one in raw["content"]],
    }


def _sections(sections: list[Json]) -> Iterator[Json]:
    for one in sections:
        yield one
        yield from _sections(one.get("sections", []))


def _section(raw: Json, above: str, places: dict[str, Place], as_at: date) -> Json:
    here = pointer(raw, above)
    fields = (places[f"{here}/{contents.elements()[id]['name']}"] for id, *_ in raw["fields"])
    return {
        "name": raw["name"],
        "place": here,
        "name_zh": raw["name_zh"],
        "name_en": raw["name_en"],
        "required": bool(raw.get("required") or (raw.get("occurs") or [0])[0]),
        "occurs": raw.get("occurs"),
        "occurs_verified": raw.get("occurs_verified"),
        "fields": [_field(place, as_at) for place in fields],
        "sections": [_section(one, here, places, as_at) for one in raw.get("sections", [])],
    }


def pointer(section: Json, above: str) -> str:
    return f"{above}/{section['name']}" + ("/*" if "occurs" in section else "")


def _field(place: Place, as_at: date) -> Json:
    element = contents.elements()[place.element]
    return {
        "name": element["name"],
        "place": place.pointer,
        "element": place.element,
        "name_zh": element["name_zh"],
        "name_en": element["name_en"],
        "representation": element["representation"],
        "code_list": element.get("code_list"),
        "sensitivity": element.get("sensitivity"),
        "obligation": place.obligation,
        "condition": contents.condition(place),
        "agencies": usage.asked_by(place, as_at),
    }


def _attributes(raw: Json) -> list[Json]:
    return [
        {
            "name": name,
            "form": one.get("form", "T"),
            "required": one.get("required", False),
            "element": one.get("element"),
            "fixed": one.get("fixed"),
            "name_zh": _named(one, "zh"),
            "name_en": _named(one, "en"),
        }
        for name, one in raw.get("attributes", {}).items()
    ]


def _node(raw: Json) -> Json:
    shown: Json = {
        "tag": raw["tag"],
        "name_zh": _named(raw, "zh"),
        "name_en": _named(raw, "en"),
        "occurs": raw["occurs"],
        "attributes": _attributes(raw),
    }
    if "content" in raw or raw.get("any"):
        return shown | {
            "section": raw.get("section"),
            "any": raw.get("any", False),
            "content": [_node(one) for one in raw.get("content", ())],
        }
    own = contents.elements()[raw["element"]]["representation"] if "element" in raw else "T"
    return shown | {
        "element": raw.get("element"),
        "form": raw.get("form", own),
        "codes": raw.get("codes"),
        "values": raw.get("values", []),
        "also": raw.get("also", []),
        "pattern": raw.get("pattern"),
        "fixed": raw.get("fixed"),
        "blank": raw.get("blank", False),
    }


def _named(raw: Json, language: str) -> Any:
    """What a tag is called: by its element, or by itself; None where its tag is all that it has."""
    if "element" in raw:
        return contents.elements()[raw["element"]][f"name_{language}"]
    return raw.get(language)
