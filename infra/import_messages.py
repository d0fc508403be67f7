"""`python -m infra.import_messages [--check] [<table>]`: the e-commerce messages that no document stands behind.

Tags, lengths and digits come from a table of data elements, which only developers have. What the table does not say
stands below: which entities a message is made of, what the schema fixes, and names where the table has a sentence.
Tags that a mapped message has too are called as there. `--check` writes nothing and exits 1 where a file differs.
"""

import csv
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra import ROOT

TABLE = ROOT.parent / "shared" / "data" / "data-elements" / "cn-data-elements.csv"
MESSAGES = ROOT / "catalogue" / "messages"
ELEMENTS = ROOT / "catalogue" / "elements"

# Whose tags lend their names to the same tags elsewhere.
MAPPED = tuple(f"CEB{number}Message" for number in (311, 312, 411, 412, 511, 512, 621, 622))

Row = Mapping[str, str]
Node = dict[str, Any]
Entities = Mapping[tuple[str, str], Sequence[Row]]


class Unaccounted(ValueError):
    """The table does not look as it did, or a tag would be without a name."""


@dataclass(frozen=True, kw_only=True)
class Structure:
    """One message: the tag below its root, its entities, and what follows them.

    `most`: how often the tag stands. `parts`: entities below it, least and most; without any it has the fields itself.
    `signed`: whether the signature must be there; None where nothing follows, as in what customs sends.
    """

    id: str
    flow: str
    zh: str
    en: str
    tag: str
    most: int | None = 100
    parts: tuple[tuple[str, int, int | None], ...] = ()
    signed: bool | None = None


def imported(
    structure: Structure, entities: Entities, names: Mapping[str, tuple[str, str]]
) -> dict[str, Any]:
    """The message as it is written. Raises `Unaccounted`."""
    writing = _Writing(structure.flow, entities, names)
    if structure.parts:
        below = [writing.entity(tag, least, most) for tag, least, most in structure.parts]
    else:
        below = writing.fields(structure.tag)
    body = {
        "tag": structure.tag,
        "zh": writing.entity_zh(structure.tag) or structure.zh.removesuffix("报文"),
        "en": words(structure.tag),
        "occurs": [1, structure.most],
        "content": below,
    }
    return {
        "id": structure.id,
        "version": "202205",
        "name_zh": structure.zh,
        "name_en": structure.en,
        "syntax": "xml",
        "namespace": "http://www.chinaport.gov.cn/ceb",
        "root": structure.id,
        "attributes": {
            "guid": {"form": "C36", "required": True, "zh": "报文编号", "en": "Message number"},
            "version": {
                "form": "C1..10",
                "required": True,
                "fixed": "1.0",
                "zh": "报文版本号",
                "en": "Version of the message",
            },
        },
        "document": None,
        "source": "CEB message schema, 202205",
        "source_date": "2022-05",
        "verified": True,
        "content": [body, *(() if structure.signed is None else writing.tail(structure.signed))],
    }


def text(message: Mapping[str, Any]) -> str:
    """A member a line, a tag a line: differences that read."""
    head = [
        f" {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"
        for name, value in message.items()
        if name != "content"
    ]
    content = ",\n".join(_line(node, 2) for node in message["content"])
    return "{\n" + ",\n".join(head) + ',\n "content": [\n' + content + "\n ]\n}\n"


def table(path: Path) -> Entities:
    """The table's e-commerce rows by flow and entity, in their order."""
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        if missing := set(COLUMNS) - set(reader.fieldnames or ()):
            raise Unaccounted(f"{path.name}: no column {sorted(missing)}")
        for row in reader:
            if row["message"].startswith("CEB-"):
                found[row["message"], row["parent"]].append(row)
    return found


def account(entities: Entities) -> None:
    """Raises `Unaccounted` where the table has a message or an entity that no message file is made of."""
    mapped = [json.loads((MESSAGES / f"{id}.json").read_bytes()) for id in MAPPED]
    used = {("CEB-import", tag) for one in mapped for tag in _groups(one["content"])}
    for one in STRUCTURES:
        used |= {(one.flow, tag) for tag in (one.id, one.tag, *(part for part, _, _ in one.parts))}
    used |= {(flow, tag) for flow in ("CEB-import", "CEB-export") for tag in _EVERYWHERE}
    used |= {("CEB-import", id) for id in MAPPED}
    there = {
        (flow, row["element"]) for (flow, parent), rows in entities.items() if not parent for row in rows
    }
    there |= {(flow, parent) for flow, parent in entities if parent}
    if lost := there - used:
        raise Unaccounted(f"no message is made of {sorted(lost)}")


def mapped_names() -> dict[str, tuple[str, str]]:
    """Tag → names of the element that it carries in all mapped messages; tags that carry several are left out."""
    known = {
        one["id"]: (one["name_zh"], one["name_en"])
        for path in sorted(ELEMENTS.glob("*.json"))
        for one in json.loads(path.read_bytes())["elements"]
    }
    ids: dict[str, set[str]] = defaultdict(set)
    for id in MAPPED:
        _note_elements(json.loads((MESSAGES / f"{id}.json").read_bytes())["content"], ids)
    return {tag: known[next(iter(carried))] for tag, carried in ids.items() if len(carried) == 1}


def words(tag: str) -> str:
    """`InvtRefundHead` → `List refund head`."""
    parts = [part.lower() for part in re.findall(r"[A-Z]?[a-z]+[0-9]*|[A-Z]+(?![a-z])", tag)]
    spoken = " ".join(filter(None, (_SPOKEN.get(part, part) for part in parts)))
    return spoken[:1].upper() + spoken[1:]


def _note_elements(nodes: Sequence[Node], ids: dict[str, set[str]]) -> None:
    for node in nodes:
        if "element" in node:
            ids[node["tag"]].add(node["element"])
        _note_elements(node.get("content", ()), ids)


def _groups(nodes: Sequence[Node]) -> Iterator[str]:
    for node in nodes:
        if "content" in node:
            yield node["tag"]
            yield from _groups(node["content"])


class _Writing:
    """One message being written."""

    def __init__(self, flow: str, entities: Entities, names: Mapping[str, tuple[str, str]]) -> None:
        self._flow, self._entities, self._names = flow, entities, names

    def entity(self, tag: str, least: int, most: int | None) -> Node:
        zh, en = _NAMES.get(tag) or (self.entity_zh(tag), words(tag))
        return {
            "tag": tag,
            "zh": zh,
            "en": en,
            "occurs": [least, most],
            "content": self.fields(tag),
        }

    def entity_zh(self, tag: str) -> str:
        """What the table calls an entity; the wrappers of the import messages have no name there."""
        label = next((row["label_zh"] for row in self._rows("") if row["element"] == tag), "")
        return re.sub(r"(数据)?(实体|项?类)?$", "", _UP_TO_REMARK.split(label)[0])

    def fields(self, entity: str) -> list[Node]:
        rows = self._rows(entity)
        if not rows:
            raise Unaccounted(f"{self._flow}: no entity {entity}")
        return [self._field(row) for row in rows]

    def tail(self, signed: bool) -> list[Node]:
        """What follows the entities of whatever an enterprise sends; the extension stands where the flow has it."""
        carried = [self.entity("BaseTransfer", 1, 1), self.entity("BaseSubscribe", 0, 5)]
        extension = {
            "tag": "ExtendMessage",
            "zh": "扩展自定义数据",
            "en": "Extension",
            "occurs": [0, 1],
            "any": True,
        }
        signature = {
            "tag": "Signature",
            "zh": "签名",
            "en": "Signature",
            "occurs": [int(signed), 1],
            "any": True,
        }
        last = [signature, extension] if self._flow == "CEB-export" else [extension, signature]
        return [*carried, *last]

    def _rows(self, entity: str) -> Sequence[Row]:
        return self._entities.get((self._flow, entity), ())

    def _field(self, row: Row) -> Node:
        tag, entity = row["element"], row["parent"]
        zh, en = self._named(entity, tag, row["label_zh"])
        node = {
            "tag": tag,
            "zh": zh,
            "en": en,
            "occurs": [int(row["min"]), int(row["max"])],
            "form": _form(row),
        }
        return node | ({"values": [_FIXED[entity, tag]]} if (entity, tag) in _FIXED else {})

    def _named(self, entity: str, tag: str, label: str) -> tuple[str, str]:
        if known := _NAMES.get(f"{entity}/{tag}") or _NAMES.get(tag):
            return known
        if tag in self._names:
            return self._names[tag]
        name = _UP_TO_REMARK.split(label)[0]
        if not 0 < len(name) <= 20:
            raise Unaccounted(f"{entity}/{tag}: {label!r} is no name")
        return name, words(tag)


def _form(row: Row) -> str:
    tag, kind = row["element"], row["type"]
    if kind == "xs:decimal":
        return f"N{row['totalDigits']},{row['fractionDigits']}"
    if kind == "xs:int":
        return f"n..{row['totalDigits'] or _DIGITS_OF_INT}"
    if kind != "xs:string":
        raise Unaccounted(f"{row['parent']}/{tag}: {kind}")
    length = row["length"]
    if length in _MOMENTS and tag.endswith(("Time", "Date")):
        return _MOMENTS[length]
    if length:
        return f"C{length}"
    if not row["maxLength"]:
        return "T"
    return f"C{row['minLength'].removeprefix('0')}..{row['maxLength']}"


def _line(node: Node, indent: int) -> str:
    pad = " " * indent
    if "content" not in node:
        return pad + json.dumps(node, ensure_ascii=False)
    own = json.dumps({name: value for name, value in node.items() if name != "content"}, ensure_ascii=False)
    below = ",\n".join(_line(one, indent + 1) for one in node["content"])
    return f'{pad}{own[:-1]}, "content": [\n{below}\n{pad}]}}'


COLUMNS = (
    "message", "parent", "element", "label_zh", "type", "min", "max", "length", "minLength", "maxLength",
    "totalDigits", "fractionDigits",
)  # fmt: skip
# `到账时间 格式:…`, `报送类型-企业报送类型。…`, `物流企业名称,10位…`: a name, then what is said of it.
_UP_TO_REMARK = re.compile(r"[-，,。；;:：（( /]")
_EVERYWHERE = ("BaseTransfer", "BaseSubscribe", "ExtendMessage")
_MOMENTS = {"8": "D8", "14": "D14", "17": "D17"}
# Of 2,147,483,647, which is the most that the type xs:int holds.
_DIGITS_OF_INT = 10
# Fixed by the schema; the table has no column for it.
_FIXED = {("InventoryHead", "fFlag"): "3", ("InventoryHead", "iFlag"): "3"}

# How the parts of tags are said.
_SPOKEN = {
    "invt": "list", "inventory": "list", "list": "lines", "no": "number", "traf": "transport", "rd": "",
    "decl": "declaration", "dec": "declaration", "seq": "sequence", "tmp": "temporary", "pre": "pre-entry",
}  # fmt: skip

# What the table describes in a sentence or calls wrongly, what stands for several things, and what the words of the
# tag would not explain.
_NAMES = {
    "InventoryHead/country": ("运抵国（地区）", "Country of arrival"),
    "InventoryList/country": ("最终目的国（地区）", "Country of final destination"),
    "InvtRefundHead/country": ("起运国（地区）", "Country of departure"),
    "BaseSubscribe/status": ("订阅状态", "What is subscribed to"),
    "TaxHeadRd/status": ("税单状态", "Status of the tax bill"),
    "TaxHeadStatus/status": ("税单状态", "Status of the tax bill"),
    "InvtRefundDetail/location": ("仓储位置", "Place in the warehouse"),
    "InvtRefundHead/reason": ("退货原因", "Reason of the return"),
    "InvtCancel/reason": ("撤单原因", "Reason of the cancellation"),
    "WayBillHead": ("清单总分单表头", "Way bill head"),
    "ebcTelephone": ("收发货人电话", "E-commerce merchant: telephone"),
    "BaseTransfer": ("基础报文传输", "Transmission"),
    "BaseSubscribe": ("基础回执订阅", "Subscription to replies"),
    "copCode": ("传输企业代码", "Transmitting enterprise: code"),
    "copName": ("传输企业名称", "Transmitting enterprise: name"),
    "dxpMode": ("报文传输模式", "Way of transmission"),
    "dxpId": ("报文传输编号", "User of the exchange platform"),
    "dxpAddress": ("订阅方传输编号", "User of the exchange platform"),
    "logisticsStatus": ("物流签收状态", "Status of delivery"),
    "logisticsTime": ("物流状态时间", "Time of the status"),
    "rkdNo": ("入库单编号", "Entry note number"),
    "operatorCode": ("监管场所经营人代码", "Operator of the site: code"),
    "operatorName": ("监管场所经营人名称", "Operator of the site: name"),
    "unloadLocation": ("卸货库位", "Place of unloading"),
    "customsTax": ("应征关税", "Customs duty due"),
    "valueAddedTax": ("应征增值税", "Value added tax due"),
    "consumptionTax": ("应征消费税", "Consumption tax due"),
    "taxPrice": ("完税总价格", "Dutiable value"),
    "taxNo": ("电子税单编号", "Tax bill number"),
    "entDutyNo": ("缴款书编号", "Payment slip number"),
    "oriCopMsgId": ("原始报文传输编号", "Original transmission number"),
    "oriMessageType": ("原始报文类型", "Original message type"),
    "oriBizMessage": ("原始报文内容", "Original message"),
    "payNo": ("支付交易编号", "Payment number"),
    "charge": ("收款金额", "Amount received"),
    "accountingDate": ("到账时间", "Time of receipt"),
    "POD": ("指运港代码", "Port of destination"),
    "fCurrency": ("运费币制", "Currency of freight"),
    "fFlag": ("运费标志", "Freight mark"),
    "iCurrency": ("保费币制", "Currency of insurance"),
    "iFlag": ("保费标志", "Insurance mark"),
    "iacCode": ("区内企业代码", "Warehouse in the zone: code"),
    "iacName": ("区内企业名称", "Warehouse in the zone: name"),
    "itemRecordNo": ("账册备案料号", "Article number in the ledger"),
    "statisticsFlag": ("申报业务类型", "Simplified or summary declaration"),
    "ownerCode": ("生产销售单位代码", "Producer or seller: code"),
    "ownerName": ("生产销售单位名称", "Producer or seller: name"),
    "coElNo": ("企业内部编号", "Number inside the enterprise"),
    "domesticTrafNo": ("境内运输工具编号", "Domestic conveyance"),
    "trafName": ("运输工具名称", "Conveyance"),
    "totalPackageNo": ("总包号", "Number of the bulk package"),
    "msgCount": ("报文总数", "Number of messages"),
    "msgSeqNo": ("报文序号", "Number of this message"),
    "leaveTime": ("离境时间", "Time of departure"),
    "startTime": ("汇总开始时间", "Summary from"),
    "endTime": ("汇总结束时间", "Summary until"),
    "summaryFlag": ("汇总标志", "Kind of summary"),
    "itemNameFlag": ("按商品名汇总标志", "Summary by name of article"),
    "sumNo": ("汇总申请编号", "Summary number"),
    "opDate": ("汇总处理时间", "Time of the summary"),
    "gseqno": ("汇总结果单序号", "Number in the summary"),
}

STRUCTURES = (
    Structure(
        id="CEB513Message", flow="CEB-import", zh="物流运单状态报文", en="Status of parcel waybills",
        tag="LogisticsStatus", signed=False,
    ),
    Structure(
        id="CEB514Message", flow="CEB-import", zh="物流运单状态回执报文", en="Reply to statuses of waybills",
        tag="LogisticsStatusReturn",
    ),
    Structure(
        id="CEB623Message", flow="CEB-import", zh="撤销申请单报文", en="Cancellation of import lists",
        tag="InvtCancel", signed=True,
    ),
    Structure(
        id="CEB624Message", flow="CEB-import", zh="撤销申请单回执报文", en="Reply to cancellations of import lists",
        tag="InvtCancelReturn",
    ),
    Structure(
        id="CEB625Message", flow="CEB-import", zh="退货申请单报文", en="Return of imported goods",
        tag="InvtRefund", parts=(("InvtRefundHead", 1, 1), ("InvtRefundList", 1, 99)), signed=True,
    ),
    Structure(
        id="CEB626Message", flow="CEB-import", zh="退货申请单回执报文", en="Reply to returns of imported goods",
        tag="InvtRefundReturn",
    ),
    Structure(
        id="CEB711Message", flow="CEB-import", zh="入库明细单报文", en="Entry into the supervised site",
        tag="Delivery", most=1, parts=(("DeliveryHead", 1, 1), ("DeliveryList", 1, None)), signed=True,
    ),
    Structure(
        id="CEB712Message", flow="CEB-import", zh="入库明细单回执报文", en="Reply to entries into the site",
        tag="DeliveryReturn",
    ),
    Structure(
        id="CEB816Message", flow="CEB-import", zh="电子税单报文", en="Electronic tax bill",
        tag="Tax", most=None, parts=(("TaxHeadRd", 1, 1), ("TaxListRd", 1, 99)),
    ),
    Structure(
        id="CEB818Message", flow="CEB-import", zh="电子税单状态报文", en="Status of tax bills",
        tag="Tax", most=None, parts=(("TaxHeadStatus", 1, 1),),
    ),
    Structure(
        id="CEB900Message", flow="CEB-import", zh="报文格式校验回执报文", en="Reply of the format check",
        tag="MessageReturn", most=1,
    ),
    Structure(
        id="CEB213Message", flow="CEB-export", zh="出口退货申请单报文", en="Return of exported goods",
        tag="InvtRefund", parts=(("InvtRefundHead", 1, 1), ("InvtRefundList", 1, 100)), signed=False,
    ),
    Structure(
        id="CEB214Message", flow="CEB-export", zh="出口退货申请单回执报文", en="Reply to returns of exported goods",
        tag="RefundReturn",
    ),
    Structure(
        id="CEB215Message", flow="CEB-export", zh="理货明细单报文", en="Tally of returned goods",
        tag="InvtRefundDetail", signed=False,
    ),
    Structure(
        id="CEB216Message", flow="CEB-export", zh="理货明细单回执报文", en="Reply to tallies of returned goods",
        tag="InvtRefundDetailReturn",
    ),
    Structure(
        id="CEB303Message", flow="CEB-export", zh="出口电子订单报文", en="E-commerce export order message",
        tag="Order", parts=(("OrderHead", 1, 1), ("OrderList", 1, 100)), signed=False,
    ),
    Structure(
        id="CEB304Message", flow="CEB-export", zh="出口电子订单回执报文", en="Reply to export orders",
        tag="OrderReturn",
    ),
    Structure(
        id="CEB403Message", flow="CEB-export", zh="收款单报文", en="Receipt of money", tag="Receipts", signed=False,
    ),
    Structure(
        id="CEB404Message", flow="CEB-export", zh="收款单回执报文", en="Reply to receipts of money",
        tag="ReceiptsReturn",
    ),
    Structure(
        id="CEB505Message", flow="CEB-export", zh="出口物流运单报文", en="E-commerce export waybill message",
        tag="Logistics", signed=False,
    ),
    Structure(
        id="CEB506Message", flow="CEB-export", zh="出口物流运单回执报文", en="Reply to export waybills",
        tag="LogisticsReturn",
    ),
    Structure(
        id="CEB507Message", flow="CEB-export", zh="物流运抵单报文", en="Arrival at the supervised site",
        tag="Arrival", parts=(("ArrivalHead", 1, 1), ("ArrivalList", 0, None)), signed=False,
    ),
    Structure(
        id="CEB508Message", flow="CEB-export", zh="物流运抵单回执报文", en="Reply to arrivals", tag="ArrivalReturn",
    ),
    Structure(
        id="CEB509Message", flow="CEB-export", zh="物流离境单报文", en="Departure from the country",
        tag="Departure", parts=(("DepartureHead", 1, 1), ("DepartureList", 1, None)), signed=False,
    ),
    Structure(
        id="CEB510Message", flow="CEB-export", zh="物流离境单回执报文", en="Reply to departures",
        tag="DepartureReturn",
    ),
    Structure(
        id="CEB603Message", flow="CEB-export", zh="出口清单报文", en="E-commerce export list message",
        tag="Inventory", parts=(("InventoryHead", 1, 1), ("InventoryList", 1, 100)), signed=False,
    ),
    Structure(
        id="CEB604Message", flow="CEB-export", zh="出口清单回执报文", en="Reply to export lists",
        tag="InventoryReturn",
    ),
    Structure(
        id="CEB605Message", flow="CEB-export", zh="出口撤销申请单报文", en="Cancellation of export lists",
        tag="InvtCancel", signed=False,
    ),
    Structure(
        id="CEB606Message", flow="CEB-export", zh="出口撤销申请单回执报文",
        en="Reply to cancellations of export lists", tag="InvtCancelReturn",
    ),
    Structure(
        id="CEB607Message", flow="CEB-export", zh="清单总分单报文", en="Lists of one bill",
        tag="WayBill", parts=(("WayBillHead", 1, 1), ("WayBillList", 1, None)), signed=False,
    ),
    Structure(
        id="CEB608Message", flow="CEB-export", zh="清单总分单回执报文", en="Reply to lists of one bill",
        tag="WayBillReturn",
    ),
    Structure(
        id="CEB701Message", flow="CEB-export", zh="汇总申请单报文", en="Request of a summary declaration",
        tag="SummaryApply", parts=(("SummaryApplyHead", 1, 1), ("SummaryApplyList", 0, None)), signed=False,
    ),
    Structure(
        id="CEB702Message", flow="CEB-export", zh="汇总申请单回执报文", en="Reply to requests of a summary",
        tag="SummaryReturn",
    ),
    Structure(
        id="CEB792Message", flow="CEB-export", zh="汇总结果单报文", en="Result of a summary",
        tag="SummaryResult", parts=(("SummaryResultHead", 1, 1), ("SummaryResultList", 0, None)),
    ),
)  # fmt: skip


def main(arguments: list[str]) -> int:
    checking = "--check" in arguments
    given = [Path(one) for one in arguments if one != "--check"]
    entities, names = table(given[0] if given else TABLE), mapped_names()
    account(entities)
    differ = []
    for structure in STRUCTURES:
        path = MESSAGES / f"{structure.id}.json"
        new = text(imported(structure, entities, names))
        if not path.exists() or path.read_text("utf-8") != new:
            differ.append(structure.id)
            if not checking:
                path.write_text(new, "utf-8")
    print(f"{len(STRUCTURES)} messages; {'differ' if checking else 'changed'}: {', '.join(differ) or 'none'}")
    return 1 if checking and differ else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
