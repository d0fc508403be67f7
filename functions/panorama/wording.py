"""A journey in words, Chinese and English."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from panorama.record import Record
from singlewindow.clock import BUSINESS_ZONE


class Text(NamedTuple):
    zh: str
    en: str


class Names:
    """What people call the agencies; one that is not in the catalogue goes by its id."""

    def __init__(self, agencies: Iterable[Mapping[str, Any]]) -> None:
        self._known = {one["id"]: Text(one["name_zh"], one["name_en"]) for one in agencies}

    def of(self, agency: str) -> Text:
        return self._known.get(agency, Text(agency, agency))

    def all(self, agencies: Iterable[str]) -> Text:
        found = [self.of(agency) for agency in agencies]
        return Text("、".join(name.zh for name in found), ", ".join(name.en for name in found))


OUTCOMES: Final = {
    "accept": Text("{zh}同意", "{en} accepted"),
    "reject": Text("{zh}不予通过", "{en} rejected it"),
    "return": Text("{zh}退回修改", "{en} returned it for correction"),
    "hold": Text("{zh}要求暂不放行", "{en} put a hold on it"),
    "clear": Text("{zh}不再要求暂不放行", "{en} cleared it"),
    "review": Text("{zh}转人工审核", "{en} examines it by hand"),
    "tax": Text("{zh}开出税单", "{en} issued a tax bill"),
    "release": Text("{zh}放行", "{en} released it"),
    "revoke": Text("{zh}撤回放行", "{en} took its release back"),
}
RESULTS: Final = {
    "pass": Text("正常", "in order"),
    "defect": Text("异常", "a defect"),
    "sample": Text("取样送检", "a sample was taken"),
    "detain": Text("扣留", "detained"),
}
FOLLOW_UPS: Final = {
    "supplement": Text("补充单证", "papers to be supplied"),
    "amend": Text("修改申报", "an amendment"),
    "penalty": Text("处罚", "a penalty"),
    "guarantee": Text("提供担保", "a guarantee"),
    "convert": Text("转为其他监管方式", "another regime"),
    "return": Text("退运", "return of the goods"),
    "detain": Text("扣留", "detention"),
}
_UNBOOKED: Final = {
    "cancelled": Text("企业取消", "by the trader"),
    "no-show": Text("逾时未到", "nobody came"),
    "unfit": Text("不再符合查验要求", "it no longer does for what is asked"),
}
_INSPECTION_CANCELLED: Final = {
    "holds-cleared": Text("各部门均已解除要求", "no hold is left"),
    "declaration-rejected": Text("申报不予通过", "the declaration was rejected"),
    "declaration-returned": Text("申报退回修改", "the declaration was returned"),
    "declaration-withdrawn": Text("申报已撤销", "the declaration was withdrawn"),
}
_EFFECTS: Final = {
    "recorded-late": Text("（针对旧版本，仅作记录）", " (about an older version: recorded only)"),
    "recorded-after-decision": Text("（决定之后收到，仅作记录）", " (after the decision: recorded only)"),
    "recorded-revoked": Text("（该放行已被撤回，仅作记录）", " (it was taken back since: recorded only)"),
    "recorded-after-gate-out": Text("（货物已出卡口，仅作记录）", " (the goods had left: recorded only)"),
    "recorded-second-final": Text("（此前已有最终答复，仅作记录）", " (after a final answer: recorded only)"),
}
_FIELDS: Final = {
    "/head/bill_no": Text("提运单号", "bill"),
    "/head/pack_no": Text("件数", "pieces"),
    "/head/gross_weight": Text("毛重", "gross weight"),
}


def event_text(record: Record, names: Names) -> Text:
    """What happened, in one sentence."""
    phrase = _PHRASES.get(record.type)
    return phrase(record, names) if phrase else Text(record.type, record.type)


def instant(at: str) -> str:
    """An instant as people in China read it."""
    return datetime.fromisoformat(at).astimezone(BUSINESS_ZONE).strftime("%Y-%m-%d %H:%M")


def reason(findings: Iterable[Mapping[str, str]]) -> Text | None:
    """The first thing that an agency said about it."""
    for finding in findings:
        zh = finding.get("message_zh") or finding.get("message") or finding.get("message_en")
        en = finding.get("message_en") or finding.get("message") or finding.get("message_zh")
        if zh and en:
            return Text(zh, en)
    return None


def waiting(names: Names, agency: str, since: str, part: str, because: Iterable[Mapping[str, str]]) -> Text:
    name, when = names.of(agency), instant(since)
    why = list(because)
    zh = f"等待{name.zh}答复，自 {when}（北京时间）起"
    en = f"waiting on {name.en} since {when} (Beijing time)"
    if not why:
        return Text(zh, en)
    does = Text("核对", "verifies") if part == "verifies" else Text("审定", "decides on")
    return Text(
        f"{zh}：{'、'.join(one['zh'] for one in why)}由其{does.zh}",
        f"{en}, because it {does.en} {' and '.join(one['en'] for one in why)}",
    )


def held(names: Names, agency: str, since: str, findings: Iterable[Mapping[str, str]]) -> Text:
    name, when = names.of(agency), instant(since)
    said = reason(findings) or Text("未说明原因", "no reason was given")
    return Text(
        f"{name.zh}要求暂不放行，自 {when}（北京时间）起：{said.zh}",
        f"held by {name.en} since {when} (Beijing time): {said.en}",
    )


def silent(names: Names, agency: str, since: str) -> Text:
    name, when = names.of(agency), instant(since)
    return Text(
        f"{name.zh}至 {when}（北京时间）逾期未答复；未答复不放行",
        f"{name.en} has not answered; its time ran out at {when} (Beijing time), and silence never releases",
    )


def to_bill_anew(names: Names, agency: str) -> Text:
    who = names.of(agency)
    return Text(
        f"税单号已被占用，待{who.zh}重新开具",
        f"the number of the bill is another's: {who.en} is to bill anew",
    )


def about_to_ask(names: Names, agencies: Iterable[str]) -> Text:
    asked = names.all(agencies)
    if not asked.zh:
        return Text("窗口正在处理", "the window is at work on it")
    return Text(f"窗口正在送交{asked.zh}", f"the window is about to ask {asked.en}")


DECIDING: Final = Text(
    "各部门均已答复，窗口正在汇总", "all have answered; the window is drawing the conclusion"
)
DRAFT: Final = Text("草稿尚未提交", "the draft has not been submitted")
TAX_DUE: Final = Text("待企业缴纳税款", "taxes are due: the trader pays the bill")
TO_BOOK: Final = Text("待企业预约查验", "the trader books a slot for the inspection")
WITH_BANK: Final = Text("扣款指令已发银行", "the bank is to deduct the taxes")
RELEASED: Final = Text("已放行，无待办方", "released: nobody holds it")
ENDED: Final = Text("已办结，无待办方", "ended: nobody holds it")


def handed_back(names: Names, state: str, by: Iterable[str], said: Text | None) -> Text:
    """Why a returned or rejected declaration waits on its trader."""
    who = names.all(by)
    zh, en = (who.zh or "主管部门"), (who.en or "an agency")
    if state == "RETURNED":
        text = Text(f"{zh}退回，待企业修改后重新提交", f"{en} returned it: correct it and submit again")
    else:
        text = Text(f"{zh}不予通过", f"{en} rejected it")
    return Text(f"{text.zh}（{said.zh}）", f"{text.en} ({said.en})") if said else text


def _drafted(record: Record, _: Names) -> Text:
    return Text(
        f"保存草稿（第 {record.declaration_version} 版）",
        f"Draft saved (version {record.declaration_version})",
    )


def _submitted(record: Record, names: Names) -> Text:
    data, version = record.data, record.declaration_version
    concerned = names.all(one["agency"] for one in data["agencies"])
    return Text(
        f"提交申报（第 {version} 版，{data['lines']} 项商品），涉及{concerned.zh}",
        f"Submitted (version {version}, {data['lines']} line(s)); it concerns {concerned.en}",
    )


def _asked(record: Record, names: Names) -> Text:
    name = names.of(record.data["agency"])
    return Text(f"已发送{name.zh}", f"Sent to {name.en}")


def _replied(record: Record, names: Names) -> Text:
    data, name = record.data, names.of(record.data["agency"])
    if "report" in data:
        said = Text(f"{name.zh}报告到货与理货", f"{name.en} reported arrival and tally")
    else:
        pattern = OUTCOMES.get(data["outcome"], Text("{zh}已答复", "{en} replied"))
        said = Text(pattern.zh.format(zh=name.zh), pattern.en.format(en=name.en))
    effect = _EFFECTS.get(data["effect"], Text("", ""))
    return Text(said.zh + effect.zh, said.en + effect.en)


def _cargo(record: Record, _: Names) -> Text:
    differing = record.data["discrepancies"]
    if not differing:
        return Text("到货与理货数据与申报一致", "Arrival and tally agree with the declaration")
    zh, en = [], []
    for one in differing:
        field = _FIELDS.get(one["field"], Text(one["field"], one["field"]))
        zh.append(f"{field.zh}申报 {one['declared']}、实到 {one['reported']}")
        en.append(f"{field.en} declared {one['declared']}, reported {one['reported']}")
    return Text(
        f"到货与理货数据与申报不符：{'；'.join(zh)}",
        f"Arrival and tally differ from the declaration: {'; '.join(en)}",
    )


def _accepted(record: Record, names: Names) -> Text:
    name, entry_id = names.of(record.data["agency"]), record.data.get("entry_id")
    if not entry_id:
        return Text(f"{name.zh}已接受申报", f"Accepted by {name.en}")
    return Text(f"{name.zh}已接受申报，报关单号 {entry_id}", f"Accepted by {name.en} as {entry_id}")


def _ordered(record: Record, names: Names) -> Text:
    data = record.data
    asking = names.all(dict.fromkeys(one["agency"] for one in data["holds"]))
    if data["revision"] > 1:
        return Text(
            f"查验要求变更（第 {data['revision']} 次）：{asking.zh}",
            f"What is to be inspected changed (revision {data['revision']}): {asking.en}",
        )
    return Text(f"一次查验：{asking.zh}", f"One inspection, for {asking.en}")


def _booked(record: Record, _: Names) -> Text:
    slot = record.data["slot"]
    when, where = instant(slot["starts_at"]), f"{slot['place']} {slot['bay']}"
    moved = "replaces" in record.data
    return Text(
        f"{'改约' if moved else '预约'}查验：{when}，{where}",
        f"Inspection {'moved to' if moved else 'booked for'} {when} (Beijing time) at {where}",
    )


def _inspected(record: Record, names: Names) -> Text:
    name, result = names.of(record.data["agency"]), RESULTS[record.data["result"]]
    demanded = FOLLOW_UPS.get(record.data.get("follow_up", ""))
    zh = f"{name.zh}查验结果：{result.zh}" + (f"，须{demanded.zh}" if demanded else "")
    en = f"{name.en} inspected: {result.en}" + (f"; it wants {demanded.en}" if demanded else "")
    return Text(zh, en)


def _followed_up(record: Record, names: Names) -> Text:
    name, done = names.of(record.data["agency"]), FOLLOW_UPS[record.data["follow_up"]]
    return Text(f"{name.zh}查验处置：{done.zh}", f"{name.en} followed up: {done.en}")


def _why(reasons: Mapping[str, Text], text: Text) -> Callable[[Record, Names], Text]:
    def phrase(record: Record, _: Names) -> Text:
        why = reasons[record.data["reason"]]
        return Text(text.zh.format(why.zh), text.en.format(why.en))

    return phrase


def _released(record: Record, _: Names) -> Text:
    if record.data.get("removal"):
        return Text("海关放行提离，待完整申报", "Released for removal; the full declaration is to follow")
    if record.data.get("conditional"):
        return Text(
            "海关附条件放行：可提离口岸，不得销售使用", "Released under conditions: goods may leave the port"
        )
    if record.data.get("guaranteed"):
        return Text("海关凭担保放行", "Released against security")
    return Text("海关已放行，其他部门均无异议", "Released: customs has, and no other agency holds it")


def _revoked(record: Record, names: Names) -> Text:
    name, said = names.of(record.data["agency"]), reason(record.data["findings"])
    zh, en = f"{name.zh}撤回放行", f"{name.en} took its release back"
    return Text(f"{zh}：{said.zh}", f"{en}: {said.en}") if said else Text(zh, en)


def _gate_out(record: Record, _: Names) -> Text:
    when = instant(record.data["gate_out_at"])
    if record.data["covered"]:
        return Text(f"货物于 {when} 出卡口", f"The goods left the gate at {when}")
    return Text(
        f"货物于 {when} 出卡口，当时无有效放行",
        f"The goods left the gate at {when} without a release in force",
    )


def _amendment_wanted(record: Record, names: Names) -> Text:
    data, asked = record.data, names.all(record.data["asks"])
    return Text(
        f"申请修改 {data['changed']} 处，须经{asked.zh}同意",
        f"A change in {data['changed']} place(s) is asked for; {asked.en} must agree",
    )


def _withdrawal_wanted(record: Record, names: Names) -> Text:
    asked = names.all(record.data["asks"])
    return Text(f"申请撤销，须经{asked.zh}同意", f"A withdrawal is asked for; {asked.en} must agree")


def _decided(zh: str, en: str) -> Callable[[Record, Names], Text]:
    def phrase(record: Record, names: Names) -> Text:
        data = record.data
        if data["outcome"] == "cancel":
            return Text(f"企业撤回{zh}申请", f"The trader took the {en} back")
        who = names.of(data["agency"])
        said = Text("同意", "agreed to") if data["outcome"] == "accept" else Text("不同意", "refused")
        effect = _EFFECTS.get(data["effect"], Text("", ""))
        return Text(f"{who.zh}{said.zh}{zh}{effect.zh}", f"{who.en} {said.en} the {en}{effect.en}")

    return phrase


def _amended(record: Record, names: Names) -> Text:
    added = names.all(record.data["added"])
    if not added.zh:
        return Text("报关单已修改", "The declaration is amended")
    return Text(
        f"报关单已修改，新增{added.zh}", f"The declaration is amended; it concerns {added.en} as well"
    )


def _replaced(record: Record, _: Names) -> Text:
    by = record.data["by"]
    return Text(f"已重新申报，新统一编号 {by}", f"Filed again as {by}")


def _by(member: str, zh: str, en: str) -> Callable[[Record, Names], Text]:
    def phrase(record: Record, names: Names) -> Text:
        who = names.all(record.data.get(member, ()))
        return Text(zh.format(who.zh), en.format(who.en))

    return phrase


def _always(zh: str, en: str) -> Callable[[Record, Names], Text]:
    return lambda _record, _names: Text(zh, en)


def _of(zh: str, en: str) -> Callable[[Record, Names], Text]:
    """With members of the event in their places."""
    return lambda record, _: Text(zh.format_map(record.data), en.format_map(record.data))


def _billed(record: Record, _: Names) -> Text:
    data = record.data
    zh, en = f"税单 {data['bill_id']} 已开具", f"Tax bill {data['bill_id']} issued"
    if "supersedes" in data:
        zh, en = f"{zh}，取代 {data['supersedes']}", f"{en} in place of {data['supersedes']}"
    if not Decimal(data["payable"]):
        return Text(f"{zh}：免征", f"{en}: nothing to pay")
    return Text(
        f"{zh}：应缴 {data['payable']} 元，期限 {data['due_on']}",
        f"{en}: {data['payable']} yuan, due {data['due_on']}",
    )


_WHY_REFUSED: Final = {
    "number-taken": ("税单号已被占用", "the number is another bill's"),
    "content-differs": ("税单号已有内容不同的税单", "another bill stands under the number"),
}


def _bill_refused(record: Record, _: Names) -> Text:
    bill_id, (zh, en) = record.data["bill_id"], _WHY_REFUSED[record.data["reason"]]
    return Text(f"税单 {bill_id} 未能开具：{zh}", f"Tax bill {bill_id} was not opened: {en}")


_PHRASES: Final[dict[str, Callable[[Record, Names], Text]]] = {
    "DeclarationDrafted": _drafted,
    "DeclarationSubmitted": _submitted,
    "AgencyAsked": _asked,
    "AgencyReplied": _replied,
    "CargoReported": _cargo,
    "DeclarationAccepted": _accepted,
    "DeclarationHeld": _by("held", "暂不放行：{}", "Held by {}"),
    "HoldLifted": _always("暂不放行已解除", "The hold is lifted"),
    "ClearanceConcluded": _always("答复期已满，状态不变", "The time for answers is over; the state stays"),
    "DeclarationSuspended": _by("silent", "中止：{}逾期未答复", "Suspended: no answer in time from {}"),
    "DeclarationReturned": _by("returned", "{}退回修改", "Returned for correction by {}"),
    "DeclarationRejected": _by("rejected", "{}不予通过", "Rejected by {}"),
    "DeclarationInReview": _by("reviewing", "{}转人工审核", "Examined by hand by {}"),
    "TaxBilled": _billed,
    "TaxBillRefused": _bill_refused,
    "TaxSent": _of("税单 {bill_id} 已向银行 {bank} 发送扣款指令", "Payment of {bill_id} ordered at {bank}"),
    "TaxDeducted": _of("税单 {bill_id} 扣款成功，{amount} 元", "{amount} yuan deducted for {bill_id}"),
    "TaxDeductionFailed": _of(
        "税单 {bill_id} 扣款失败：{reason}", "The deduction for {bill_id} failed: {reason}"
    ),
    "TaxGuaranteed": _of(
        "税单 {bill_id} 已占用担保 {guarantee_id}，{amount} 元",
        "{bill_id} secured by guarantee {guarantee_id}, {amount} yuan",
    ),
    "TreasuryConfirmed": _of("税单 {bill_id} 税款已入库", "The treasury has the tax of {bill_id}"),
    "TaxReversed": _of(
        "税单 {bill_id} 扣款已冲正：{reason}", "The deduction for {bill_id} was reversed: {reason}"
    ),
    "TaxFallsDue": _of("税单 {bill_id} 将于 {due_on} 到期，尚未缴纳", "{bill_id} is unpaid and due on {due_on}"),
    "TaxOverdue": _of("税单 {bill_id} 自 {since} 起逾期", "{bill_id} is overdue since {since}"),
    "TaxDue": _always("税款未缴清，缴清后放行", "Taxes are due; release follows their settlement"),
    "ClearanceResumed": _always(
        "恢复办理，等待后续答复", "Nothing stands in the way; others have still to answer"
    ),
    "InspectionOrdered": _ordered,
    "InspectionRevised": _ordered,
    "InspectionBooked": _booked,
    "InspectionUnbooked": _why(_UNBOOKED, Text("查验预约取消：{}", "The slot was given back: {}")),
    "InspectionStarted": _always("查验开始，已开箱", "The inspection has begun"),
    "InspectionResult": _inspected,
    "InspectionFollowedUp": _followed_up,
    "InspectionDone": _always("查验结束，已施封", "The inspection is over, the boxes are sealed"),
    "InspectionCancelled": _why(_INSPECTION_CANCELLED, Text("查验取消：{}", "No inspection: {}")),
    "DeclarationReleased": _released,
    "ReleaseRevoked": _revoked,
    "FullDeclarationDue": _of(
        "完整申报须于 {due_on} 前（含当日）完成", "The full declaration is due by {due_on}"
    ),
    "FullDeclarationOverdue": _of(
        "完整申报已逾期，截止日为 {due_on}", "The full declaration is overdue: it was due by {due_on}"
    ),
    "GateOut": _gate_out,
    "DeclarationCleared": _always("已结关", "Closed (结关)"),
    "AmendmentRequested": _amendment_wanted,
    "AmendmentDecided": _decided("修改", "change"),
    "DeclarationAmended": _amended,
    "WithdrawalRequested": _withdrawal_wanted,
    "WithdrawalDecided": _decided("撤销", "withdrawal"),
    "DeclarationWithdrawn": _always("报关单已撤销", "The declaration is withdrawn"),
    "DeclarationReplaced": _replaced,
}
