"""Where a message in XML departs from its definition: tags, order, counts, forms, codes, check digits, dates.

All at once, each with its place as an XPath. What stands inside a field is judged once: by its form on the wire, then
by the canonical element that it carries.
"""

import re
from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from typing import Any

from singlewindow import catalogue, wording
from singlewindow.document import is_no_day
from singlewindow.findings import Finding
from singlewindow.messages.definition import Attribute, Field, Form, Group, Message
from singlewindow.messages.xml import is_plumbing, local
from singlewindow.messages.xml import space as space_of

MOST_FINDINGS = 1_000
_SHOWN = 200


class _Enough(Exception):
    """There are as many findings as a report may have."""


def judge(root: Any, definition: Message, as_at: date) -> list[Finding]:
    """Every deviation, in the order of the message; at most MOST_FINDINGS, and one that says so."""
    judging = _Judging(definition, as_at)
    try:
        judging.root(root)
    except _Enough:
        return [*judging.found, wording.more(MOST_FINDINGS)]
    return judging.found


class _Judging:
    def __init__(self, definition: Message, as_at: date) -> None:
        self.found: list[Finding] = []
        self._definition, self._as_at = definition, as_at
        self._source = definition.source
        self._verified = definition.verified
        self._spaces: frozenset[str] = frozenset()
        self._foreign: set[str] = set()

    def root(self, root: Any) -> None:
        definition, space = self._definition, space_of(root.tag)
        path = f"/{definition.root.tag}"
        if space != (definition.namespace or "") and space not in definition.namespaces_also:
            zh, en = (
                f"命名空间应为 {definition.namespace or '空'}",
                f"the namespace is {definition.namespace or 'none'}",
            )
            severity = "warn" if definition.takes(space) else "error"
            self._note(path, "MSG-NAMESPACE", space or None, definition.namespace, zh, en, severity=severity)
        self._spaces = definition.spaces(space)
        self._group(root, definition.root, path)

    def _group(self, element: Any, group: Group, path: str) -> None:
        known = group.qualified(self._spaces)
        counts = [0] * len(group.content)
        last = 0
        filled: set[str] = set()
        self._attributes(element, group.attributes, path)
        if element.text and element.text.strip():
            self._stray(element.text, path)
        for child in element:
            if (tail := child.tail) and tail.strip():
                self._stray(tail, path)
            entry = known.get(child.tag) or self._odd(child, group, path)
            if entry is None:
                continue
            at, node = entry
            counts[at] += 1
            tag = local(child.tag)
            place = f"{path}/{tag}" if node.most == 1 else f"{path}/{tag}[{counts[at]}]"
            if at < last:
                self._disorder(place, node, group.content[last])
            else:
                last = at
            if node.most is not None and counts[at] == node.most + 1:
                self._repeated(place, node)
            if isinstance(node, Field):
                if self._field(child, node, place) and node.element:
                    filled.add(node.element.name)
            elif not node.open:
                self._group(child, node, place)
        self._absent(group, counts, filled, path)

    def _odd(self, child: Any, group: Group, path: str) -> tuple[int, Field | Group] | None:
        """What a tag is that does not stand here under its whole name: of a foreign namespace, or unknown."""
        tag = local(child.tag)
        entry = group.by_tag.get(tag)
        is_open = entry is not None and isinstance(entry[1], Group) and entry[1].open
        if space_of(child.tag) not in self._spaces and not is_open:
            self._from_elsewhere(child, f"{path}/{tag[:80]}")
        if entry is None:
            self._unknown(child, tag, group, path)
        return entry

    def _absent(self, group: Group, counts: list[int], filled: set[str], path: str) -> None:
        mandatory = group.section.mandatory if group.section and self._definition.blanks else ()
        for at, node, name in group.demanded(self._definition.blanks):
            if name in mandatory and name not in filled:
                self._missing(f"{path}/{node.tag}", node)
            elif counts[at] < node.least:
                if isinstance(node, Field) and name in filled:
                    continue  # under another of its names
                self._missing(f"{path}/{node.tag}", node)

    def _field(self, child: Any, node: Field, path: str) -> bool:
        """Whether something stands there."""
        if len(child):
            zh, en = "应为文本，不应再有下级标签", "holds a value, not further tags"
            self._note(path, "MSG-TYPE", f"{len(child)} tag(s)", "a value", zh, en, node)
        if child.attrib or node.attributes:
            self._attributes(child, node.attributes, path)
        text = (child.text or "").strip()
        if not text:
            if not self._definition.blanks and (node.form.least or node.least) and not _may_be_blank(node):
                zh, en = "不能为空", "must not be blank"
                self._note(path, "MSG-BLANK", "", _expected(node)[1], zh, en, node)
            return False
        self._value(text, node, path)
        return True

    def _value(self, text: str, node: Field, path: str) -> None:
        form, element = node.form, node.element
        if not _fits(text, form) or (node.matches and not node.matches(text)):
            expected_zh, expected = _expected(node)
            rule = "MSG-LENGTH" if form.kind == "text" else "MSG-FORM"
            has_zh, has = (
                (f"，现有 {len(text)} 个字符", f", not {len(text)} characters")
                if form.kind == "text"
                else ("", "")
            )
            zh, en = f"应为{expected_zh}{has_zh}", f"must be {expected}{has}"
            self._note(path, rule, text, expected, zh, en, node)
            return
        if node.values and text not in node.values and not self._of_another_set(text, node):
            listed = " / ".join(node.values)
            self._note(
                path, "MSG-VALUE", text, listed, f"应为 {listed} 之一", f"must be one of {listed}", node
            )
            return
        if form.kind in ("date", "time"):
            day = text[:10] if form.code == "X" else f"{text[:4]}-{text[4:6]}-{text[6:8]}"
            if is_no_day(day):
                zh, en = "日期不存在", "is no day of the calendar"
                self._note(path, "CHECK-DATE", text, "a day of the calendar", zh, en, node)
                return
        if element is None:
            return
        if element.code_list:
            self._code(text, node, path)
        elif element.check:
            if text not in element.check_except and not wording.CHECKS[element.check].passes(text):
                self._keep(wording.wrong_check(path, element, text))
        elif element.pattern and form.kind in ("text", "any") and not _matches(element.pattern, text):
            expected_zh, expected = wording.form(element)
            self._note(path, "MSG-FORM", text, expected, f"应为{expected_zh}", f"must be {expected}", node)

    def _of_another_set(self, text: str, node: Field) -> bool:
        """Whether the canonical code stands where the wire has another set's: that says more than the closed list."""
        listed = node.element.code_list if node.element and node.codes else None
        return bool(listed) and text in catalogue.codelist(str(listed)).rows

    def _code(self, text: str, node: Field, path: str) -> None:
        element = node.element
        assert element and element.code_list
        codes = catalogue.codelist(element.code_list)
        if node.codes is None:
            if text not in codes.rows or (text in codes.dated and codes.get(text, self._as_at) is None):
                self._keep(wording.wrong_code(path, element, codes, text, self._as_at, None))
            return
        canonical = codes.crosswalk(node.codes, text)
        if any(codes.get(code, self._as_at) for code in canonical):
            return
        right = codes.on_wire(text, node.codes) if text in codes.rows else None
        if right:
            zh = f"此处使用数字代码：{text} 应写作 {right}（{codes.label(text, 'zh')}）"
            en = f"is written with the {node.codes} codes here: {text} is {right} ({codes.label(text, 'en')})"
            fix = ({"op": "replace", "path": path, "value": right},)
            self._note(path, "CODE-OTHER-SET", text, right, zh, en, node, fix=fix)
        else:
            zh, en = (
                f"不在“{codes.name_zh}”数字代码中",
                f"is no {node.codes} code of the list «{codes.name_en}»",
            )
            self._note(path, "CODE-UNKNOWN", text, f"a code of {codes.id}", zh, en, node)

    def _attributes(self, element: Any, known: Mapping[str, Attribute], path: str) -> None:
        for key, value in element.attrib.items():
            name = local(key)[:80]
            if name not in known:
                if not is_plumbing(key):
                    zh, en = "未知属性", "is no attribute of this tag"
                    self._note(f"{path}/@{name}", "MSG-ATTRIBUTE", value, "no such attribute", zh, en)
            elif not _fits(value.strip(), known[name].form):
                zh, en = f"应为 {known[name].form.code}", f"must be {known[name].form.code}"
                self._note(f"{path}/@{name}", "MSG-FORM", value, known[name].form.code, zh, en)
            elif (carried := known[name].element) and carried.code_list and value.strip():
                codes = catalogue.codelist(carried.code_list)
                if codes.get(value.strip(), self._as_at) is None:
                    at = f"{path}/@{name}"
                    self._keep(wording.wrong_code(at, carried, codes, value.strip(), self._as_at, None))
        for name, one in known.items():
            if one.required and name not in element.attrib:
                self._note(f"{path}/@{name}", "MSG-MISSING", None, one.form.code, "缺少属性", "is missing")

    def _unknown(self, child: Any, tag: str, group: Group, path: str) -> None:
        if path.count("/") == 1 and (part := self._definition.not_carried.get(tag)):
            if "".join(child.itertext()).strip():
                zh, en = (
                    f"{part[0]}：本版本尚不承载，未校验其内容",
                    f"({part[1]}) is not carried in this version: not judged",
                )
                self._note(f"{path}/{tag}", "MSG-NOT-CARRIED", None, "nothing", zh, en, severity="info")
            return
        meant = next(iter(get_close_matches(tag[:80], group.by_tag, n=1, cutoff=0.75)), None)
        hint_zh, hint = (f"，是否为 {meant}？", f"; did you mean {meant}?") if meant else ("", "")
        zh, en = f"未知标签 {tag[:80]}{hint_zh}", f"{tag[:80]} is no tag of this place{hint}"
        self._note(f"{path}/{tag[:80]}", "MSG-UNKNOWN", child.text, meant or "a known tag", zh, en)

    def _from_elsewhere(self, child: Any, path: str) -> None:
        """Said once of each namespace: whoever declares a wrong one does so for many tags."""
        space = space_of(child.tag)
        if space in self._foreign:
            return
        self._foreign.add(space)
        expected = self._definition.namespace or "none"
        zh, en = f"命名空间应为 {expected}", f"the namespace is {expected}"
        self._note(path, "MSG-NAMESPACE", space or None, expected, zh, en)

    def _stray(self, text: str, path: str) -> None:
        zh, en = "标签之间有多余文本", "text stands between the tags"
        self._note(f"{path}/text()", "MSG-TEXT", text.strip(), "nothing", zh, en)

    def _disorder(self, path: str, node: "Field | Group", after: "Field | Group") -> None:
        zh, en = f"顺序有误，应在 {after.tag} 之前", f"is out of order: it comes before {after.tag}"
        self._note(path, "MSG-ORDER", None, f"before {after.tag}", zh, en, node)

    def _repeated(self, path: str, node: "Field | Group") -> None:
        zh, en = f"最多出现 {node.most} 次", f"stands at most {node.most} time(s)"
        self._note(path, "MSG-REPEATED", None, f"at most {node.most}", zh, en, node)

    def _missing(self, path: str, node: "Field | Group") -> None:
        expected = _expected(node)[1] if isinstance(node, Field) else "the tag and what belongs to it"
        self._note(path, "MSG-MISSING", None, expected, "缺少必填项", "is missing", node)

    def _note(
        self,
        path: str,
        rule: str,
        given: Any,
        expected: Any,
        zh: str,
        en: str,
        node: "Field | Group | None" = None,
        *,
        severity: Any = "error",
        fix: tuple[dict[str, Any], ...] = (),
    ) -> None:
        element = node.element if isinstance(node, Field) else None
        if node is not None:
            zh, en = f"{node.name_zh}：{zh}", f"{node.name_en}: {en}"
        text = given if given is None or len(given) <= _SHOWN else f"{given[:_SHOWN]}…"
        self._keep(
            Finding(
                code=rule,
                severity=severity,
                pointer=path,
                rule=rule,
                element=element.id if element else None,
                source=self._source,
                verified=self._verified,
                given=text,
                expected=expected,
                fix=fix,
                message_zh=zh,
                message_en=en,
            )
        )

    def _keep(self, finding: Finding) -> None:
        if len(self.found) >= MOST_FINDINGS:
            raise _Enough
        self.found.append(finding)


def _fits(text: str, form: Form) -> bool:
    if form.kind == "any":
        return True
    if form.kind == "text":
        return form.least <= len(text) <= (form.most or 0)
    if form.kind == "number" and not form.decimals:
        return bool(form.matches(text))
    if not form.matches(text):
        return False
    return form.kind != "number" or _digits(text) <= (form.most or 0)


def _digits(text: str) -> int:
    return len(text.lstrip("+-").replace(".", "").lstrip("0"))


def _may_be_blank(node: Field) -> bool:
    """A text without a least length says nothing when it is blank, and may."""
    return node.form.kind in ("text", "any") and not node.form.least and not node.least


def _expected(node: Field) -> tuple[str, str]:
    """The form on the wire in words."""
    form = node.form
    match form.kind:
        case "text" if form.least == form.most:
            return f"{form.most} 个字符", f"{form.most} characters"
        case "text":
            least_zh, least = (
                (f"{form.least} 至", f"{form.least} to ") if form.least else ("不超过", "up to ")
            )
            return f"{least_zh} {form.most} 个字符的文本", f"a text of {least}{form.most} characters"
        case "number":
            return (
                f"数字，最多 {form.most} 位，其中小数最多 {form.decimals} 位",
                f"a number of up to {form.most} digits, {form.decimals} of them decimals",
            )
        case "whole":
            return f"最多 {form.most} 位的整数", f"a whole number of up to {form.most} digits"
        case "date":
            return "日期 yyyyMMdd", "a date yyyyMMdd"
        case "time":
            shape = {"D14": "yyyyMMddHHmmss", "D17": "yyyyMMddHHmmssSSS", "X": "yyyy-MM-ddTHH:mm:ss"}[
                form.code
            ]
            return f"时间 {shape}（北京时间）", f"a time {shape} (China's time)"
    return wording.form(node.element) if node.element and not node.element.code_list else ("有值", "a value")


def _matches(pattern: str, text: str) -> bool:
    return bool(re.search(pattern, text))
