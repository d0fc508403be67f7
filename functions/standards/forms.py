"""A form as a web application draws it: each field with its label, help, kind of input, codes, and who needs it why."""

import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any

from singlewindow import catalogue, wording
from singlewindow.document import Element
from standards import codes, contents, registry, structure, usage
from standards.contents import Json, Place

_NUMBER = re.compile(r"N(\d+),(\d+)").fullmatch
_DAY_LENGTH, _INSTANT_LENGTH = len("2026-01-31"), len("2026-01-31T00:00:00.000Z")


def form(name: str, version: int, as_at: date) -> Json:
    """The form of a document type; a code list comes with its size, by which a page chooses how to offer it."""
    raw = contents.documents()[name, version]
    places = {place.pointer: place for place in contents.places(name, version)}
    drawn = _Drawing(places, catalogue.document(name, version).elements, as_at)
    return {
        "document": name,
        "version": version,
        "name_zh": raw["name_zh"],
        "name_en": raw["name_en"],
        "as_at": as_at.isoformat(),
        "agencies": _agencies(name, version, as_at),
        "sections": [drawn.section(one, "") for one in raw["sections"]],
    }


class _Drawing:
    """One form being drawn."""

    def __init__(self, places: Mapping[str, Place], elements: Mapping[str, Element], as_at: date) -> None:
        self._places, self._elements, self._as_at = places, elements, as_at
        self._rules = {
            one.id: {"id": one.id, "zh": one.name_zh, "en": one.name_en}
            for one in registry.editions()
            if catalogue.in_force(one.raw, as_at)
        }

    def section(self, raw: Json, above: str) -> Json:
        here = structure.pointer(raw, above)
        occurs = raw.get("occurs")
        return {
            "name": raw["name"],
            "place": here,
            "label_zh": raw["name_zh"],
            "label_en": raw["name_en"],
            "required": bool(raw.get("required") or (occurs or [0])[0]),
            "repeats": {"least": occurs[0], "most": occurs[1]} if occurs else None,
            "fields": [self._field(f"{here}/{contents.elements()[id]['name']}") for id, *_ in raw["fields"]],
            "sections": [self.section(one, here) for one in raw.get("sections", [])],
        }

    def _field(self, pointer: str) -> Json:
        place, judged = self._places[pointer], self._elements[pointer]
        element = contents.elements()[place.element]
        form_zh, form_en = _form(judged)
        listed = element.get("code_list")
        return {
            "name": element["name"],
            "place": pointer,
            "element": place.element,
            "label_zh": element["name_zh"],
            "label_en": element["name_en"],
            "help_zh": element.get("help_zh") or element.get("definition_zh"),
            "help_en": element.get("help_en") or element["definition"],
            "form_zh": form_zh,
            "form_en": form_en,
            **_input(element),
            "unit": element.get("unit"),
            "pattern": element.get("pattern"),
            "check": element.get("check"),
            "code_list": _listed(listed, self._as_at) if listed else None,
            "obligation": place.obligation,
            "condition": contents.condition(place),
            "needed_by": [
                contents.agency_name(agency) | {"obligation": obligation}
                for agency, obligation in usage.asked_by(place, self._as_at).items()
                if obligation != "–"
            ],
            "rules": [self._rules[id] for id in _rules(place) if id in self._rules],
            "examples": element.get("examples", []),
            "sensitivity": element.get("sensitivity"),
        }


def _input(element: Json) -> Json:
    """Kind of input, and how many characters of canonical text it takes at most."""
    representation = element["representation"]
    blank: Json = {"minlength": None, "decimals": None}
    if number := _NUMBER(representation):
        digits, decimals = int(number[1]), int(number[2])
        longest = digits + (decimals > 0) + bool(element.get("signed"))
        return blank | {"input": "decimal", "maxlength": longest, "decimals": decimals}
    if representation == "date":
        return blank | {"input": "date", "maxlength": _DAY_LENGTH}
    if representation == "datetime":
        return blank | {"input": "datetime", "maxlength": _INSTANT_LENGTH}
    most = int(re.sub(r"\D", "", representation))
    if representation.startswith("n"):
        return blank | {"input": "integer", "maxlength": most}
    kind = "code" if element.get("code_list") else "text"
    exact = ".." not in representation and kind == "text"
    return blank | {"input": kind, "maxlength": most, "minlength": most if exact else None}


def _form(element: Element) -> tuple[str, str]:
    if element.is_instant:
        return "UTC 时间 YYYY-MM-DDThh:mm:ssZ", "an instant in UTC, YYYY-MM-DDThh:mm:ssZ"
    if element.code_list:
        listed = contents.codelists()[element.code_list]
        return f"《{listed['name_zh']}》代码", f"a code of the {listed['name_en']}"
    return wording.form(element)


def _listed(id: str, as_at: date) -> Json:
    raw = contents.codelists()[id]
    return {
        "id": id,
        "name_zh": raw["name_zh"],
        "name_en": raw["name_en"],
        "size": codes.in_force(catalogue.codelist(id), as_at),
    }


def _agencies(name: str, version: int, as_at: date) -> list[Json]:
    """Who takes anything of it, in which part, and on what ground it is asked at all."""
    acting = {one["id"]: one for one in catalogue.agencies(as_at)}
    found = []
    for agency in contents.takers(name, version, as_at):
        capacity: Mapping[str, Any] = acting.get(agency, {}) if name == "declaration" else {}
        found.append(
            contents.agency_name(agency)
            | {
                "part": capacity.get("part"),
                "because": [
                    {"zh": one["because_zh"], "en": one["because_en"]} for one in capacity.get("triggers", ())
                ],
            }
        )
    return found


def _rules(place: Place) -> list[str]:
    """Rules that read the field, by the document's own conditions and by what `python -m infra.touched` found."""
    rule = (contents.condition(place) or {}).get("rule")
    touching = _touching().get(place.document, {}).get(contents.elements()[place.element]["name"], ())
    return list(dict.fromkeys([*([rule] if rule else []), *touching]))


@cache
def _touching() -> Mapping[str, Mapping[str, list[str]]]:
    """Document to field to the rules that name it."""
    found: Mapping[str, Mapping[str, list[str]]] = catalogue.load("touched.json")["documents"]
    return found
