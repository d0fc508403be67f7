"""The data elements of all subjects: what each says of itself; documents and messages refer to what there is."""

import re
from collections import Counter
from datetime import date
from typing import Any

import pytest

from singlewindow import catalogue
from singlewindow.document import Element, is_no_day
from singlewindow.messages.definition import Field, Group, message
from singlewindow.wording import CHECKS

TODAY = date(2026, 11, 25)
ALL: dict[str, dict[str, Any]] = {
    one["id"]: one for subject in catalogue.names("elements") for one in catalogue.elements(subject)
}
CHINESE = re.compile(r"[\u4e00-\u9fff]")
DOCUMENTS = [stem.rpartition(".v") for stem in catalogue.names("documents")]


def document(name: str, version: str) -> Any:
    return catalogue.document(name, int(version))


def places(name: str, version: str) -> dict[str, Element]:
    return dict(document(name, version).elements)


def test_there_are_at_least_four_hundred_and_each_has_one_home() -> None:
    ids = [one["id"] for subject in catalogue.names("elements") for one in catalogue.elements(subject)]
    assert len(ids) == len(set(ids)) >= 400


def test_every_element_is_used_and_every_document_refers_to_elements_that_exist() -> None:
    used = {element.id for name, _, version in DOCUMENTS for element in places(name, version).values()}
    assert used == set(ALL)


def test_the_declaration_shares_elements_with_the_other_documents() -> None:
    """One fact once: an element that several documents ask for is defined in one place."""
    count = Counter(
        id
        for name, _, version in DOCUMENTS
        for id in {element.id for element in places(name, version).values()}
    )
    assert sum(1 for id in count if count[id] > 1) >= 60


@pytest.mark.parametrize("id", sorted(ALL))
def test_an_element_says_what_it_is_in_both_languages(id: str) -> None:
    one = ALL[id]
    assert CHINESE.search(one["name_zh"]) or one["name_zh"].isupper()
    assert not CHINESE.search(one["name_en"]) and one["name_en"][0].isupper()
    assert one["definition"].endswith(".")
    assert one["definition_zh"].endswith("。") and CHINESE.search(one["definition_zh"])
    assert one["sensitivity"] in ("public", "internal", "sensitive", "personal")
    assert one["owner"] in catalogue.codelist("authority").rows
    assert one["source"] and one["status"] in ("draft", "approved", "deprecated")
    assert set(one["evidence"]) == {"captured", "defined", "analysed", "reconciled"}
    if "code_list" in one:
        assert catalogue.codelist(one["code_list"]).rows
        assert "pattern" not in one, "a coded field is judged by its list alone"
    if "pattern" in one:
        assert re.compile(one["pattern"]) and one["form_zh"] and one["form_en"]


JUDGED = {element.id: element for name, _, version in DOCUMENTS for element in places(name, version).values()}


@pytest.mark.parametrize("id", sorted(id for id in ALL if "examples" in ALL[id]))
def test_the_examples_of_an_element_are_sound(id: str) -> None:
    element = JUDGED[id]
    schema = element.schema()
    for text in ALL[id]["examples"]:
        assert re.search(schema.get("pattern", ""), text), text
        assert schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text)), text
        if element.code_list:
            # Of what is deprecated, or of a rule of its day, the code may be retired.
            assert text in catalogue.codelist(element.code_list).rows, text
        elif element.check:
            assert text in element.check_except or CHECKS[element.check].passes(text), text
        assert not ((element.is_date or element.is_instant) and is_no_day(text))


def test_nearly_every_element_has_an_example() -> None:
    assert [id for id, one in ALL.items() if "examples" not in one] == []


@pytest.mark.parametrize(("name", "version"), [(name, version) for name, _, version in DOCUMENTS])
def test_the_conditions_and_takers_of_a_document_are_of_this_document(name: str, version: str) -> None:
    raw = catalogue.load(f"documents/{name}.v{version}.json")
    named = {condition for _, _, condition in conditional(raw["sections"])}
    assert named == set(raw.get("conditions", {}))
    known = {re.sub(r"/\*", "", place) for place in places(name, version)}
    sections = {place.rpartition("/")[0] for place in known}
    parents = {parent for place in sections for parent in ancestors(place)}
    assert raw.get("takers", {}).keys() <= catalogue.codelist("authority").rows.keys()
    for taken in raw.get("takers", {}).values():
        for place in taken:
            assert place.replace("/*", "") in known | sections | parents, place


def conditional(sections: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    found = []
    for section in sections:
        found += [tuple(field) for field in section["fields"] if field[1] == "C"]
        found += conditional(section.get("sections", []))
    return found


def ancestors(place: str) -> list[str]:
    parts = place.split("/")
    return ["/".join(parts[: at + 1]) for at in range(1, len(parts))]


@pytest.mark.parametrize("id", catalogue.names("messages"))
def test_a_message_can_be_read_and_names_its_tags_in_both_languages(id: str) -> None:
    def visit(group: Group) -> None:
        tags = [node.tag for node in group.content]
        assert len(tags) == len(set(tags)), (id, group.tag)
        for node in group.content:
            assert node.name_zh and node.name_en
            if isinstance(node, Field):
                assert node.least <= (node.most or node.least)
            else:
                visit(node)

    visit(message(id).root)
