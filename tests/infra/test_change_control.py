"""Change control: what may change in a published version, what may not, and what is one fact twice."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra import ROOT
from infra.change_control import likeness
from infra.change_control.__main__ import main
from infra.change_control.contract import Contract
from infra.change_control.control import Control
from infra.change_control.difference import Difference, differences

ELEMENTS: dict[str, dict[str, Any]] = {
    "SCSW-9001": {
        "name": "order_no",
        "name_zh": "订单编号",
        "name_en": "Order number",
        "representation": "C..30",
    },
    "SCSW-9002": {"name": "buyer_name", "name_zh": "订购人", "name_en": "Buyer", "representation": "C..60"},
    "SCSW-9003": {
        "name": "goods_value",
        "name_zh": "商品价格",
        "name_en": "Value of the goods",
        "representation": "N19,5",
    },
    "SCSW-9004": {
        "name": "origin",
        "name_zh": "原产国",
        "name_en": "Origin",
        "representation": "C3",
        "code_list": "land",
    },
    "SCSW-9005": {
        "name": "kind",
        "name_zh": "类型",
        "name_en": "Kind",
        "representation": "C1",
        "pattern": "^[AB]$",
    },
    "SCSW-9006": {"name": "pieces", "name_zh": "件数", "name_en": "Pieces", "representation": "n..9"},
}
DEFINITIONS = (
    "What it says.",
    "Who buys.",
    "All together.",
    "Where they grew.",
    "One of two.",
    "How many there are.",
)
DOCUMENT: dict[str, Any] = {
    "name": "order",
    "version": 1,
    "name_zh": "订单",
    "name_en": "Order",
    "elements_from": ["shop"],
    "sections": [
        {"name": "head", "name_zh": "表头", "name_en": "head", "required": True,
         "fields": [["SCSW-9001", "M"], ["SCSW-9002", "O"], ["SCSW-9005", "C", "import"]]},
        {"name": "lines", "name_zh": "商品", "name_en": "lines", "occurs": [1, 50], "occurs_verified": True,
         "fields": [["SCSW-9003", "M"], ["SCSW-9004", "O"]]},
    ],
}  # fmt: skip
MESSAGE: dict[str, Any] = {
    "id": "OrderMessage",
    "version": "1",
    "name_zh": "订单报文",
    "name_en": "Order message",
    "syntax": "xml",
    "namespace": "urn:test",
    "root": "Order",
    "attributes": {"guid": {"form": "C36", "required": True}},
    "not_carried": {"Extra": ["其他", "other"]},
    "document": "order",
    "document_version": 1,
    "source": "test",
    "verified": True,
    "content": [
        {"tag": "Head", "section": "head", "occurs": [1, 1], "content": [
            {"tag": "No", "element": "SCSW-9001", "occurs": [1, 1], "also": ["Number"]},
            {"tag": "Buyer", "element": "SCSW-9002", "occurs": [0, 1], "form": "C..40"},
            {"tag": "Flag", "occurs": [0, 1], "form": "C1", "values": ["1", "2"]},
        ]},
        {"tag": "Line", "section": "lines", "occurs": [1, 50], "content": [
            {"tag": "Value", "element": "SCSW-9003", "occurs": [1, 1]},
        ]},
        {"tag": "Signature", "occurs": [0, 1], "any": True},
    ],
}  # fmt: skip
EDIFACT: dict[str, Any] = {
    "id": "ORDERS",
    "kind": "message",
    "versions": {
        "D:96A": {"directory": "D96A", "structure": ["UNH M1", "DTM C9", ["SG1 C99", "RFF M1", "DTM C5"]]}
    },
}
RULES: dict[str, Any] = {
    "document": "order",
    "tables": {"limits": {"one": "5000"}},
    "rules": [
        {"id": "LIMIT", "version": 1, "severity": "error", "effective_from": "2019-01-01", "effective_to": None,
         "scope": {}, "agency": "customs", "source": "test", "legal_basis": None, "verified": True,
         "params": [{"effective_from": None, "effective_to": None, "values": {"limits": {"table": "limits"}}}],
         "needs": [], "message_zh": "超限", "message_en": "above the limit"},
    ],
}  # fmt: skip
CODES: dict[str, Any] = {
    "id": "land", "name_zh": "国别", "name_en": "countries", "columns": ["code", "zh", "effective_to"],
    "rows": [["CHN", "中国"], ["YUG", "南斯拉夫"]],
}  # fmt: skip
FILES = {
    "documents/order.v1": DOCUMENT,
    "messages/OrderMessage": MESSAGE,
    "edifact/ORDERS": EDIFACT,
    "rules/order": RULES,
    "codelists/land": CODES,
    "elements/shop": {
        "defaults": {"owner": "customs"},
        "elements": [
            {"id": id, "definition": definition} | one
            for (id, one), definition in zip(ELEMENTS.items(), DEFINITIONS, strict=True)
        ],
    },
}


class Shop:
    """A small catalogue in a folder, published once."""

    def __init__(self, folder: Path) -> None:
        self.root, self.migrations = folder / "catalogue", folder / "migrations"
        self.migrations.mkdir(parents=True)
        for name, content in FILES.items():
            self.write(name, copy.deepcopy(content))
        assert self.publish() == ([], [
            "document order 1", "edifact ORDERS D:96A", "message OrderMessage 1", "rule LIMIT 1", "codes of land",
        ])  # fmt: skip

    def write(self, name: str, content: Any) -> None:
        path = self.root / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")

    def read(self, name: str) -> Any:
        return json.loads((self.root / f"{name}.json").read_text("utf-8"))

    def change(self, name: str, edit: Callable[[Any], Any]) -> None:
        content = self.read(name)
        edit(content)
        self.write(name, content)

    def check(self) -> list[str]:
        return Control(self.root, self.migrations).check()

    def publish(self, zh: str = "", en: str = "") -> tuple[list[str], list[str]]:
        return Control(self.root, self.migrations).publish(zh, en)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def element(content: Any, id: str) -> Any:
    return next(one for one in content["elements"] if one["id"] == id)


def head(content: Any) -> list[Any]:
    fields: list[Any] = content["sections"][0]["fields"]
    return fields


def test_the_catalogue_of_the_tree_is_as_published() -> None:
    assert Control(ROOT / "catalogue", ROOT / "docs" / "migrations").check() == []


def test_what_is_published_is_clean_and_publishing_again_does_nothing(shop: Shop) -> None:
    before = {path: path.read_bytes() for path in shop.root.rglob("*.*")}
    assert shop.check() == []
    assert shop.publish() == ([], [])
    assert {path: path.read_bytes() for path in shop.root.rglob("*.*")} == before


# ------------------------------------------------------------------------------------------- documents

DOCUMENT_CHANGES: dict[str, tuple[str, Callable[[Any], Any], str, bool]] = {
    "a field goes": ("document", lambda c: head(c).pop(1), "/head/buyer_name: removed", True),
    "a section goes": ("document", lambda c: c["sections"].pop(1), "/lines: removed", True),
    "an optional field": (
        "document", lambda c: head(c).append(["SCSW-9006", "O"]), "/head/pieces: new and optional", False,
    ),
    "a conditional field": (
        "document", lambda c: head(c).append(["SCSW-9006", "C", "x"]), "/head/pieces: new and optional", False,
    ),
    "a mandatory field": (
        "document", lambda c: head(c).append(["SCSW-9006", "M"]), "/head/pieces: new and mandatory", True,
    ),
    "an optional section with a mandatory field": (
        "document",
        lambda c: c["sections"].append({"name": "more", "fields": [["SCSW-9006", "M"]]}),
        "/more: new and optional",
        False,
    ),
    "a mandatory section": (
        "document",
        lambda c: c["sections"].append({"name": "more", "occurs": [1, 2], "fields": [["SCSW-9006", "O"]]}),
        "/more: new and mandatory",
        True,
    ),
    "optional becomes mandatory": ("document", lambda c: head(c)[1].__setitem__(1, "M"), "is O → M", True),
    "mandatory becomes optional": ("document", lambda c: head(c)[0].__setitem__(1, "O"), "is M → O", False),
    "another condition": ("document", lambda c: head(c)[2].__setitem__(2, "export"), "when import → export", True),
    "fewer entries": ("document", lambda c: c["sections"][1].update(occurs=[1, 49]), "occurs 1..50 → 1..49", True),
    "more entries": ("document", lambda c: c["sections"][1].update(occurs=[0, 99]), "occurs 1..50 → 0..99", False),
    "an object becomes a list": (
        "document", lambda c: c["sections"][0].update(occurs=[1, 1]), "section object → list", True,
    ),
    "a section may be absent": ("document", lambda c: c["sections"][0].pop("required"), "occurs 1..1 → 0..1", False),
    "another element": ("document", lambda c: head(c)[1].__setitem__(0, "SCSW-9006"), "buyer_name: removed", True),
    "a shorter text": (
        "element", lambda c: element(c, "SCSW-9002").update(representation="C..59"), "form C..60 → C..59", True,
    ),
    "a longer text": (
        "element", lambda c: element(c, "SCSW-9002").update(representation="C..61"), "form C..60 → C..61", False,
    ),
    "an exact text": (
        "element", lambda c: element(c, "SCSW-9002").update(representation="C60"), "form C..60 → C60", True,
    ),
    "fewer decimals": (
        "element", lambda c: element(c, "SCSW-9003").update(representation="N19,4"), "form N19,5 → N19,4", True,
    ),
    "more decimals at the cost of digits": (
        "element", lambda c: element(c, "SCSW-9003").update(representation="N19,6"), "form N19,5 → N19,6", True,
    ),
    "more digits": (
        "element", lambda c: element(c, "SCSW-9003").update(representation="N20,5"), "form N19,5 → N20,5", False,
    ),
    "another type": (
        "element", lambda c: element(c, "SCSW-9003").update(representation="C..20"), "form N19,5 → C..20", True,
    ),
    "another code list": (
        "element", lambda c: element(c, "SCSW-9004").update(code_list="states"), "codes land → states", True,
    ),
    "no code list": ("element", lambda c: element(c, "SCSW-9004").pop("code_list"), "codes land → none", False),
    "a pattern": ("element", lambda c: element(c, "SCSW-9001").update(pattern="^x$"), "pattern none → ^x$", True),
    "no pattern": ("element", lambda c: element(c, "SCSW-9005").pop("pattern"), "pattern ^[AB]$ → none", False),
    "another name": (
        "element", lambda c: element(c, "SCSW-9002").update(name="buyer"), "/head/buyer: new and optional", False,
    ),
    "a check digit": ("element", lambda c: element(c, "SCSW-9002").update(check="uscc"), "check none → uscc", True),
    "may be negative": ("element", lambda c: element(c, "SCSW-9003").update(signed=True), "signed none → True", False),
}  # fmt: skip


@pytest.mark.parametrize(
    ("of", "edit", "what", "is_breaking"), DOCUMENT_CHANGES.values(), ids=DOCUMENT_CHANGES
)
def test_a_change_of_a_published_document(
    shop: Shop, of: str, edit: Callable[[Any], Any], what: str, is_breaking: bool
) -> None:
    shop.change({"document": "documents/order.v1", "element": "elements/shop"}[of], edit)
    said = next(one for one in shop.check() if one.startswith("document order 1 "))
    word = "breaking  " if is_breaking else "compatible"
    assert any(line.strip().startswith(word) and what in line for line in said.splitlines()), said
    refused, published = shop.publish("原因", "because")
    if is_breaking:
        assert "documents/order.v2.json" in said and "docs/migrations/order.v2.md" in said
        assert refused and not published


WORDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "labels of an element": (
        "elements/shop",
        lambda c: element(c, "SCSW-9002").update(name_zh="买方", name_en="Buying"),
    ),
    "definition": (
        "elements/shop",
        lambda c: element(c, "SCSW-9002").update(definition="Who orders and pays."),
    ),
    "owner": ("elements/shop", lambda c: element(c, "SCSW-9002").update(owner="tax", sensitivity="personal")),
    "labels of a document": (
        "documents/order.v1",
        lambda c: c.update(name_zh="电子订单", source="elsewhere"),
    ),
    "order of fields": ("documents/order.v1", lambda c: head(c).reverse()),
    "labels of a message": ("messages/OrderMessage", lambda c: c.update(name_en="Message", verified=False)),
    "message of a rule": (
        "rules/order",
        lambda c: c["rules"][0].update(message_en="too much", legal_basis="law"),
    ),
    "names of codes": ("codelists/land", lambda c: c["rows"][0].__setitem__(1, "中华人民共和国")),
}


@pytest.mark.parametrize(("name", "edit"), WORDS.values(), ids=WORDS)
def test_words_may_be_mended_freely(shop: Shop, name: str, edit: Callable[[Any], Any]) -> None:
    shop.change(name, edit)
    assert shop.check() == []


def test_a_compatible_change_is_published_again_with_a_note(shop: Shop) -> None:
    shop.change("documents/order.v1", lambda c: head(c).append(["SCSW-9006", "O"]))
    refused, _ = shop.publish()
    assert len(refused) == 1 and "say why" in refused[0]
    assert shop.publish("增加件数", "pieces were asked for") == ([], ["document order 1"])
    assert shop.check() == []
    (note,) = json.loads((shop.root / "changes.json").read_text("utf-8"))
    assert note["of"] == "document order 1" and note["revision"] == 2 and note["zh"] == "增加件数"
    assert note["differences"] == ["compatible /head/pieces: new and optional"]


def test_a_note_can_not_be_dropped_and_a_frozen_file_not_be_edited(shop: Shop) -> None:
    shop.change("documents/order.v1", lambda c: head(c).append(["SCSW-9006", "O"]))
    shop.publish("增加件数", "pieces were asked for")
    (shop.root / "changes.json").write_text("[]", encoding="utf-8")
    assert ["revision 2 has no note" in one for one in shop.check()] == [True]
    shop.change("published/documents/order.v1", lambda c: c["contract"].pop("/head/pieces"))
    assert any("edited by hand" in one for one in shop.check())


def test_a_draft_is_not_frozen(shop: Shop) -> None:
    shop.write("documents/sketch.v1", DOCUMENT | {"name": "sketch", "status": "draft"})
    assert shop.check() == [] and shop.publish() == ([], [])


def test_a_published_version_stays(shop: Shop) -> None:
    (shop.root / "documents/order.v1.json").unlink()
    assert ["is gone" in one for one in shop.check()] == [True]


def test_what_is_new_has_to_be_published(shop: Shop) -> None:
    shop.write("documents/parcel.v1", DOCUMENT | {"name": "parcel"})
    shop.write("codelists/states", CODES | {"id": "states"})
    assert [one.partition(":")[0] for one in shop.check()] == [
        "document parcel 1 is not published", "the code list states is not published",
    ]  # fmt: skip
    assert all("--publish" in one for one in shop.check())


# ------------------------------------------------------------------------------------------ new versions


def second(shop: Shop) -> None:
    fields = [["SCSW-9001", "M"], ["SCSW-9006", "M"], ["SCSW-9005", "C", "import"]]
    sections = [DOCUMENT["sections"][0] | {"fields": fields}, DOCUMENT["sections"][1]]
    shop.write("documents/order.v2", DOCUMENT | {"version": 2, "sections": sections})


def test_a_new_version_needs_a_migration_note_that_names_what_breaks(shop: Shop) -> None:
    second(shop)
    assert ["has no migration note" in one for one in shop.check()] == [True]
    assert shop.publish()[1] == []
    note = shop.migrations / "order.v2.md"
    note.write_text(
        "# order v2\n\n## 中文\n\n## English\n\nNobody asks for /head/buyer_name.\n", encoding="utf-8"
    )
    said = shop.check()
    assert len(said) == 2 and "`## 中文`" in said[0] and "/head/pieces" in said[1]
    note.write_text(
        "# order v2\n\n## 中文\n\n删除 /head/buyer_name，新增必填 /head/pieces。\n\n## English\n\nPieces, no buyer.\n",
        encoding="utf-8",
    )
    assert ["is not published" in one for one in shop.check()] == [True]
    assert shop.publish() == ([], ["document order 2"])
    assert shop.check() == []


# --------------------------------------------------------------------------------------------- messages


def tags(content: Any) -> list[Any]:
    nodes: list[Any] = content["content"][0]["content"]
    return nodes


MESSAGE_CHANGES: dict[str, tuple[Callable[[Any], Any], str, bool]] = {
    "a tag goes": (lambda c: tags(c).pop(1), "/Head/Buyer: removed", True),
    "a group goes": (lambda c: c["content"].pop(1), "/Line: removed", True),
    "a mandatory tag": (lambda c: tags(c).append({"tag": "X", "occurs": [1, 1]}), "/Head/X: new and mandatory", True),
    "an optional tag": (lambda c: tags(c).append({"tag": "X", "occurs": [0, 1]}), "/Head/X: new and optional", False),
    "another order": (lambda c: tags(c).reverse(), "/Head/No: stands elsewhere in the order", True),
    "less often": (lambda c: c["content"][1].update(occurs=[1, 49]), "/Line: occurs 1..50 → 1..49", True),
    "as often as you like": (lambda c: c["content"][1].update(occurs=[1, None]), "/Line: occurs 1..50 → 1..*", False),
    "shorter": (lambda c: tags(c)[1].update(form="C..39"), "/Head/Buyer: form C..40 → C..39", True),
    "as the element has it": (lambda c: tags(c)[1].pop("form"), "/Head/Buyer: form C..40 → C..60", False),
    "any text": (lambda c: tags(c)[1].update(form="T"), "/Head/Buyer: form C..40 → T", False),
    "a value less": (lambda c: tags(c)[2].update(values=["1"]), "values ['1', '2'] → ['1']", True),
    "a value more": (lambda c: tags(c)[2].update(values=["1", "2", "3"]), "values ['1', '2'] → ['1', '2', '3']", False),
    "a closed set": (lambda c: tags(c)[1].update(values=["1"]), "values none → ['1']", True),
    "any value": (lambda c: tags(c)[2].pop("values"), "values ['1', '2'] → none", False),
    "another name less": (lambda c: tags(c)[0].pop("also"), "also ['Number'] → none", True),
    "another name more": (lambda c: tags(c)[1].update(also=["Customer"]), "also none → ['Customer']", False),
    "other codes": (lambda c: tags(c)[1].update(codes="numeric"), "wire_codes none → numeric", True),
    "another element": (lambda c: tags(c)[1].update(element="SCSW-9001"), "element SCSW-9002 → SCSW-9001", True),
    "another namespace": (lambda c: c.update(namespace="urn:other"), "namespace urn:test → urn:other", True),
    "one more namespace": (lambda c: c.update(namespaces_also=["urn:b"]), "namespaces_also none → ['urn:b']", False),
    "a mandatory attribute": (
        lambda c: c["attributes"].update(v={"form": "T", "required": True}), "/@v: new and mandatory", True,
    ),
    "an optional attribute": (lambda c: c["attributes"].update(v={"form": "T"}), "/@v: new and optional", False),
    "an attribute goes": (lambda c: c.pop("attributes"), "/@guid: removed", True),
    "an attribute may be absent": (
        lambda c: c["attributes"]["guid"].pop("required"), "/@guid: use required → optional", False,
    ),
    "a part is carried now": (
        lambda c: (c.pop("not_carried"), c["content"].append({"tag": "Extra", "occurs": [0, 1], "any": True})),
        "/: not_carried [] → none",
        False,
    ),
    "a part is not taken any more": (lambda c: c.pop("not_carried"), "not_carried ['Extra'] → none", True),
    "what was open is judged": (lambda c: c["content"][2].update(any=False, content=[]), "open True → none", True),
    "blanks may stand": (lambda c: c.update(blanks=True), "blanks none → True", False),
}  # fmt: skip


@pytest.mark.parametrize(("edit", "what", "is_breaking"), MESSAGE_CHANGES.values(), ids=MESSAGE_CHANGES)
def test_a_change_of_a_published_message(
    shop: Shop, edit: Callable[[Any], Any], what: str, is_breaking: bool
) -> None:
    shop.change("messages/OrderMessage", edit)
    (said,) = shop.check()
    lines = [line.strip() for line in said.splitlines()]
    word = "breaking  " if is_breaking else "compatible"
    assert any(line.startswith(word) and what in line for line in lines), said
    assert bool(shop.publish("原因", "because")[0]) == is_breaking
    assert bool(shop.check()) == is_breaking


def test_a_new_version_of_a_message_takes_the_place_of_the_old_one(shop: Shop) -> None:
    shop.change("messages/OrderMessage", lambda c: (c.update(version="2"), tags(c).pop(1)))
    assert ["OrderMessage.v2.md" in one for one in shop.check()] == [True]
    (shop.migrations / "OrderMessage.v2.md").write_text(
        "## 中文\n\n不再有 /Head/Buyer。\n\n## English\n\nNo more /Head/Buyer.\n", encoding="utf-8"
    )
    assert shop.publish() == ([], ["message OrderMessage 2"])
    assert shop.check() == []


@pytest.mark.parametrize(
    ("structure", "what", "is_breaking"),
    [
        (["UNH M1", "DTM C8", ["SG1 C99", "RFF M1", "DTM C5"]], "/DTM: occurs 0..9 → 0..8", True),
        (["UNH M1", "DTM C9", ["SG1 C99", "RFF M1", "DTM C6"]], "/SG1/DTM: occurs 0..5 → 0..6", False),
        (["UNH M1", "DTM C9", ["SG1 C99", "RFF M1", "DTM C5"], "CNT M1"], "/CNT: new and mandatory", True),
        (["UNH M1", ["SG1 C99", "RFF M1", "DTM C5"], "DTM C9"], "/DTM: stands elsewhere", True),
    ],
)
def test_a_change_of_a_published_edifact_message(
    shop: Shop, structure: list[Any], what: str, is_breaking: bool
) -> None:
    shop.change("edifact/ORDERS", lambda c: c["versions"]["D:96A"].update(structure=structure))
    (said,) = shop.check()
    assert f"{'breaking  ' if is_breaking else 'compatible'} {what}" in said


# ------------------------------------------------------------------------------------- rules and code lists


RULE_CHANGES: dict[str, tuple[Callable[[Any], Any], bool]] = {
    "a parameter, in its table": (lambda c: c["tables"]["limits"].update(one="6000"), True),
    "a date": (lambda c: c["rules"][0].update(effective_from="2018-01-01"), True),
    "severity": (lambda c: c["rules"][0].update(severity="warn"), True),
    "it ends": (lambda c: c["rules"][0].update(effective_to="2026-12-31"), False),
}


@pytest.mark.parametrize(("edit", "is_breaking"), RULE_CHANGES.values(), ids=RULE_CHANGES)
def test_a_change_of_an_edition(shop: Shop, edit: Callable[[Any], Any], is_breaking: bool) -> None:
    shop.change("rules/order", edit)
    (said,) = shop.check()
    assert (
        said.startswith("rule LIMIT 1 ") and ("add an edition with the next version" in said) == is_breaking
    )


def test_the_end_of_an_edition_is_not_moved(shop: Shop) -> None:
    shop.change("rules/order", lambda c: c["rules"][0].update(effective_to="2026-12-31"))
    assert shop.publish("到期", "it ends") == ([], ["rule LIMIT 1"])
    shop.change("rules/order", lambda c: c["rules"][0].update(effective_to="2027-12-31"))
    assert "breaking" in shop.check()[0]


def test_an_edition_is_added_and_none_is_taken_away(shop: Shop) -> None:
    def add(content: Any) -> None:
        content["rules"].append(content["rules"][0] | {"version": 2})

    shop.change("rules/order", add)
    assert shop.publish() == ([], ["rule LIMIT 2"]) and shop.check() == []
    shop.change("rules/order", lambda c: c["rules"].pop(0))
    assert ["rule LIMIT 1" in one and "is gone" in one for one in shop.check()] == [True]


def test_a_rule_of_a_file_of_its_own_has_its_versions_frozen(shop: Shop) -> None:
    own = {
        "id": "TABLE",
        "name_en": "x",
        "versions": [{"version": 1, "effective_from": None, "rows": [{"any": "held"}]}],
    }
    shop.write("rules/table", own)
    assert shop.publish() == ([], ["rule TABLE 1"])
    shop.change("rules/table", lambda c: c["versions"][0]["rows"].append({"any": "silent"}))
    assert "rule TABLE 1" in shop.check()[0] and "breaking" in shop.check()[0]


def test_a_code_is_retired_and_never_deleted(shop: Shop) -> None:
    shop.change("codelists/land", lambda c: c["rows"][1].append("2003-02-04"))
    assert shop.check() == []
    shop.change("codelists/land", lambda c: c["rows"].pop(1))
    (said,) = shop.check()
    assert "has lost YUG" in said and "effective_to" in said
    assert shop.publish()[1] == []
    (shop.root / "codelists/land.json").unlink()
    assert "is gone" in shop.check()[0]


def test_a_new_code_is_published_without_a_note(shop: Shop) -> None:
    shop.change("codelists/land", lambda c: c["rows"].append(["SSD", "南苏丹"]))
    assert "new codes (SSD)" in shop.check()[0]
    assert shop.publish() == ([], ["codes of land"])
    assert (shop.root / "published/codelists/land.txt").read_text("utf-8") == "CHN\nSSD\nYUG\n"


# -------------------------------------------------------------------------------------------- one fact twice


def elements(**other: str) -> dict[str, dict[str, Any]]:
    first = {"id": "SCSW-9101", "name": "vessel_name", "name_zh": "船舶名称", "name_en": "Name of the vessel",
             "definition": "The name under which the vessel is registered.", "representation": "C..35"}  # fmt: skip
    second = {"id": "SCSW-9102", "name": "flag", "name_zh": "旗帜", "name_en": "Flag",
              "definition": "Where it is at home.", "representation": "C2"}  # fmt: skip
    return {"SCSW-9101": first, "SCSW-9102": second | other}


@pytest.mark.parametrize(
    ("other", "how"),
    [
        ({"name": "vessel_name", "representation": "C..35"}, "the same name vessel_name"),
        ({"name": "vessel_name"}, "with another representation: C..35, C2"),
        ({"name_zh": "船舶 名称"}, None),
        ({"name_zh": "（船舶名称）"}, "the same name_zh"),
        ({"name_en": "The NAME of a vessel"}, "the same name_en"),
        ({"name_zh": "船舶的名称", "name_en": "Names of the vessel"}, None),
        ({"name_zh": "船舶的中文名称", "name_en": "Name of the vessels"}, None),
        (
            {"definition": "The name under which a vessel is registered.", "representation": "C..35"},
            "nearly the same definition",
        ),
        ({"definition": "The name under which a vessel is registered."}, None),
        ({"definition": "The number under which the vessel is known at home."}, None),
        ({}, None),
    ],
)
def test_what_looks_like_the_same_fact(other: dict[str, str], how: str | None) -> None:
    found = list(likeness.alike(elements(**other)))
    assert [how is not None and how in one.how for one in found] == ([True] if how else [])


@pytest.mark.parametrize(
    ("zh", "en", "is_near"),
    [
        ("境外生产企业注册登记编号", "Registration numbers of the foreign maker", True),
        ("境外生产企业登记号", "Registration no. of the foreign maker", False),
        ("境外生产企业注册登记编号", "Name of the foreign maker", False),
    ],
)
def test_names_have_to_be_near_in_both_languages(zh: str, en: str, is_near: bool) -> None:
    both = elements(name_zh=zh, name_en=en)
    both["SCSW-9101"] |= {
        "name_zh": "境外生产企业的注册登记编号",
        "name_en": "Registration number of the foreign maker",
    }
    assert ["nearly the same names" in one.how for one in likeness.alike(both)] == [True] * is_near


def test_an_element_may_look_like_its_successor() -> None:
    assert list(likeness.alike(elements(name="vessel_name", successor="SCSW-9101"))) == []


def test_a_likeness_is_explained_by_a_reason_that_does_not_outlive_it(shop: Shop) -> None:
    shop.change(
        "elements/shop", lambda c: element(c, "SCSW-9002").update(name_en="Order numbers", name_zh="订单编号")
    )
    (said,) = shop.check()
    assert "SCSW-9001 订单编号 (shop) and SCSW-9002 订单编号 (shop)" in said and "distinct.json" in said
    shop.write("published/distinct", [{"elements": ["SCSW-9001", "SCSW-9002"], "why": "a test"}])
    assert shop.check() == []
    shop.change("elements/shop", lambda c: element(c, "SCSW-9002").update(name_en="Buyer", name_zh="订购人"))
    assert ["no longer alike" in one for one in shop.check()] == [True]


# ------------------------------------------------------------------------------------------- the command


@pytest.mark.parametrize(
    ("name", "edit", "said"),
    [
        ("documents/order.v1", lambda c: head(c).append(["SCSW-9999", "O"]), "order 1: no element SCSW-9999"),
        ("messages/OrderMessage", lambda c: tags(c)[1].update(element="SCSW-9999"), "no element SCSW-9999"),
        ("elements/shop", lambda c: c["elements"].append(c["elements"][0]), "SCSW-9001 is defined twice"),
        ("rules/order", lambda c: c["rules"].append(c["rules"][0]), "rule LIMIT 1 is there twice"),
    ],
)
def test_what_does_not_hang_together_is_named(
    shop: Shop, name: str, edit: Callable[[Any], Any], said: str
) -> None:
    shop.change(name, edit)
    with pytest.raises(ValueError, match=said):
        shop.check()


def test_the_command_says_nothing_of_a_clean_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0
    assert capsys.readouterr().out == ""


def test_a_difference_reads_as_a_line() -> None:
    old, new = (Contract("document", "x", "1", {"/head": {"occurs": one}}) for one in ("0..1", "1..1"))
    (found,) = differences(old, new)
    assert found == Difference("/head", "occurs 0..1 → 1..1", True)
    assert str(found) == "breaking   /head: occurs 0..1 → 1..1"
