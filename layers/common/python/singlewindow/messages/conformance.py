"""A posted message against the standard: what it is, every deviation with its place and fix, what was not judged."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from singlewindow import canonical, catalogue
from singlewindow.errors import WindowError
from singlewindow.findings import Finding
from singlewindow.messages import (
    duplicates,
    edifact,
    edifact_service,
    edifact_tables,
    judge,
    recognise,
    transform,
    xml,
)
from singlewindow.messages.definition import Field, Group, Message, message
from singlewindow.messages.xml import local

# An e-commerce message has up to 100 orders or lists: larger than what a declaration may be, and still bounded.
_MOST_ELEMENTS, _MOST_ATTRIBUTES = 150_000, 50_000

# An answer ends at 6 MB: a thousand findings of a hostile message fit.
_LONGEST_PATH = 500

# Cross-field rules of a sound document as at a date; they belong to capabilities, which hand in those that they have.
Rules = Callable[[Mapping[str, Any], date], list[Finding]]
RulesOf = Callable[[str], Rules | None]

CONFORMS, DEVIATES, UNREADABLE, PARTLY = "conforms", "deviates", "unreadable", "partly-judged"


@dataclass(frozen=True, slots=True)
class Recognised:
    """What the message is. `certain` is False where its root is misspelt. `verified`: its definition was read in the
    published schema."""

    type: str
    version: str
    syntax: str
    name_zh: str
    name_en: str
    verified: bool
    certain: bool = True
    documents: int = 1


@dataclass(frozen=True, slots=True)
class Content:
    """The canonical documents that a message carries, all of one kind, normalised; sound only where its report is."""

    document: str
    version: int
    documents: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Report:
    """`left`: what nobody judged, and why, in Chinese and English. `content`: where it was asked for and there is;
    `parsed`: beside it, the message as it was read: the root of an XML tree, a JSON document, or what
    an EDIFACT interchange says of itself."""

    recognised: tuple[Recognised, ...]
    findings: tuple[Finding, ...]
    as_at: date
    size: int
    sha256: str
    readable: bool = True
    left: tuple[tuple[str, str], ...] = field(default=())
    content: Content | None = None
    parsed: Any = field(default=None, repr=False, compare=False)

    @property
    def verdict(self) -> str:
        if not self.readable:
            return UNREADABLE
        if any(finding.severity == "error" for finding in self.findings):
            return DEVIATES
        return PARTLY if self.left else CONFORMS

    def as_json(self) -> dict[str, Any]:
        counts = Counter(finding.severity for finding in self.findings)
        return {
            "verdict": self.verdict,
            "recognised": [
                {name: getattr(one, name) for name in Recognised.__dataclass_fields__}
                for one in self.recognised
            ],
            "as_at": self.as_at.isoformat(),
            "bytes": self.size,
            "sha256": self.sha256,
            "counts": {severity: counts[severity] for severity in ("error", "warn", "info")},
            "findings": [_shown(finding) for finding in self.findings],
            "not_judged": [{"zh": zh, "en": en} for zh, en in self.left],
        }


def report(raw: bytes, as_at: date, *, rules_of: RulesOf | None = None, with_content: bool = False) -> Report:
    """Raises 422 where the type is not known: with what was seen and the nearest known. Never raises otherwise."""
    match recognise.syntax(raw):
        case "xml":
            return _xml(raw, as_at, rules_of, with_content)
        case "edifact":
            return _edifact(raw, as_at, with_content)
        case "json":
            return _json(raw, as_at, rules_of, with_content)
    raise recognise.unknown(raw)


def refusal(raw: bytes, as_at: date, error: WindowError) -> Report:
    """The report on what nobody can read, and why."""
    return Report((), (_refused(error),), as_at, len(raw), canonical.sha256(raw), readable=False)


def _xml(raw: bytes, as_at: date, rules_of: RulesOf | None, with_content: bool) -> Report:
    try:
        root = xml.parse(raw, most_elements=_MOST_ELEMENTS, most_attributes=_MOST_ATTRIBUTES)
    except WindowError as error:
        return _unreadable_xml(raw, as_at, error)
    seen = recognise.of_root(root)
    type, right = recognise.message_of(seen)
    if type is None:
        raise recognise.unknown(raw, root=seen)
    definition = message(type)
    findings = judge.judge(root, definition, as_at)
    if len(findings) < judge.MOST_FINDINGS:
        findings += duplicates.findings(root, definition.id, as_at)
    if right:
        findings.insert(0, _misspelt(seen.tag, right))
    kind = definition.document
    rules = rules_of(kind.name) if rules_of and kind else None
    content = None
    if kind and (rules or with_content):
        read = tuple(kind.normalise(document) for document in transform.documents(root, definition))
        content = Content(kind.name, kind.version, read)
        findings += _by_rules(content, definition, as_at, rules, findings) if rules else []
    documents = sum(local(child.tag) == definition.each for child in root) if definition.each else 1
    recognised = Recognised(
        definition.id, definition.version, "xml", definition.name_zh, definition.name_en, definition.verified,
        certain=right is None, documents=documents,
    )  # fmt: skip
    left = _left_of(definition, rules_of is not None)
    made = _report(raw, as_at, recognised, findings, left)
    return replace(made, content=content, parsed=root) if with_content else made


def _unreadable_xml(raw: bytes, as_at: date, error: WindowError) -> Report:
    """What its first bytes say that it is, and why it cannot be read."""
    recognised: tuple[Recognised, ...] = ()
    seen = recognise.of_broken(raw)
    if seen and (type := recognise.message_of(seen)[0]):
        one = message(type)
        recognised = (
            Recognised(one.id, one.version, "xml", one.name_zh, one.name_en, one.verified, certain=False),
        )
    finding = _refused(error)
    return Report(recognised, (finding,), as_at, len(raw), canonical.sha256(raw), readable=False)


def _edifact(raw: bytes, as_at: date, with_content: bool) -> Report:
    judged = edifact.judge(raw)
    known = edifact_tables.known()
    recognised = tuple(
        Recognised(
            one.type,
            one.version,
            "edifact",
            str(known.get(one.type, {}).get("name_zh", one.type)),
            str(known.get(one.type, {}).get("name_en", one.type)),
            verified=one.known and bool(known[one.type]["versions"][one.version]["verified"]),
        )
        for one in judged.messages
    )
    left = [
        (
            f"报文类型 {one.type} 不在目录内：仅校验信封",
            f"the type {one.type} is not in the catalogue: its envelope alone",
        )
        for one in judged.messages
        if one.judged_by is None
    ] + [
        (
            f"{one.type} {one.version}：按最接近的版本 {one.judged_by} 校验",
            f"{one.type} {one.version}: by {one.judged_by}",
        )
        for one in judged.messages
        if one.judged_by and not one.known
    ]
    findings = judged.findings or (() if recognised else (_EMPTY_INTERCHANGE,))
    made = Report(
        recognised, findings, as_at, len(raw), canonical.sha256(raw), left=tuple(dict.fromkeys(left))
    )
    return replace(made, parsed=edifact_service.interchange(raw)) if with_content else made


_EMPTY_INTERCHANGE = Finding(
    code="EDI-EMPTY",
    severity="error",
    pointer="UNB",
    rule="EDI-EMPTY",
    expected="UNH … UNT",
    message_zh="交换中没有任何报文",
    message_en="the interchange holds no message",
    source="ISO 9735",
)


def _json(raw: bytes, as_at: date, rules_of: RulesOf | None, with_content: bool) -> Report:
    try:
        value = recognise.parsed_json(raw)
    except WindowError as error:
        return refusal(raw, as_at, error)
    found = recognise.document_of(value)
    if found is None:
        raise recognise.unknown(raw, value)
    name, version = found
    kind = catalogue.document(name, version)
    document = kind.normalise(value)
    findings = kind.shape_findings(document)
    misshapen = {finding.pointer for finding in findings}
    findings += [one for one in kind.code_findings(document, as_at) if one.pointer not in misshapen]
    if not findings and rules_of and (rules := rules_of(name)):
        findings += rules(document, as_at)
    status = catalogue.load(f"documents/{name}.v{version}.json")
    recognised = Recognised(
        name, str(version), "json", kind.name_zh, kind.name_en, status.get("verified", False)
    )
    made = _report(raw, as_at, recognised, findings, _rules_left(name, rules_of is not None))
    if not with_content:
        return made
    content = Content(name, version, (document,)) if isinstance(document, dict) else None
    return replace(made, content=content, parsed=value)


_CROSS_FIELD = (
    "跨字段规则：请用 POST /declarations/check",
    "cross-field rules: POST /declarations/check judges them",
)


_RULES_ELSEWHERE = (
    "跨字段规则：请用 POST /standards/conformance",
    "cross-field rules: POST /standards/conformance judges those that there are",
)


def _by_rules(
    content: Content, definition: Message, as_at: date, rules: Rules, told: Iterable[Finding]
) -> list[Finding]:
    """What the cross-field rules say of its documents, each where it stands in the message.

    What has no sound canonical form is not judged by rules; where nothing of the message told why, the form does.
    """
    kind = definition.document
    assert kind
    places = {finding.pointer for finding in told}
    found: list[Finding] = []
    for number, document in enumerate(content.documents, 1):
        odd = kind.shape_findings(document)
        said = (odd if not places else []) if odd else rules(document, as_at)
        for finding in said:
            pointer = _in_message(definition, number, finding.pointer)
            if pointer not in places:  # else it is the same fault once more
                found.append(replace(finding, pointer=pointer))
        if len(found) > judge.MOST_FINDINGS:
            break
    return found[: judge.MOST_FINDINGS]


def _in_message(definition: Message, number: int, pointer: str) -> str:
    """The XPath of a place in a canonical document, as far as the message has one."""
    path, group = f"/{definition.root.tag}", definition.root
    if definition.each:
        path = f"{path}/{definition.each}[{number}]"
        node = definition.root.by_tag[definition.each][1]
        assert isinstance(node, Group)
        group = node
    for part in pointer.split("/")[1:]:
        if part.isdigit():
            path = f"{path}[{int(part) + 1}]"
        elif way := _way(group, part):
            path += "".join(f"/{node.tag}" for node in way)
            group = way[-1] if isinstance(way[-1], Group) else group
        elif part != (group.section.name if group.section else None):
            break
    return path


def _way(group: Group, name: str) -> tuple[Field | Group, ...]:
    """The tags that lead from a group to what carries a canonical name."""
    for node in group.content:
        if isinstance(node, Field):
            if node.element and node.element.name == name:
                return (node,)
        elif node.section:
            if node.section.name == name:
                return (node,)
        elif inner := _way(node, name):
            return (node, *inner)
    return ()


def _left_of(definition: Message, by_rules: bool) -> list[tuple[str, str]]:
    """Parts that the definition leaves open, and rules that have another home."""
    open_tags = sorted({node.tag for node in _groups(definition.root) if node.open and not _is_carrier(node)})
    left = [
        (f"{tag} 以下的内容：目录未定义", f"what stands below {tag}: the catalogue does not define it")
        for tag in open_tags
    ]
    return left + (_rules_left(definition.document.name, by_rules) if definition.document else [])


def _rules_left(document: str, by_rules: bool) -> list[tuple[str, str]]:
    """What of a document nobody judged here: its rules, or when its conditional fields are due."""
    if document == "declaration":
        return [_CROSS_FIELD]
    left = [] if by_rules else [_RULES_ELSEWHERE]
    conditional = len(_raw(document).get("conditions", ()))
    if conditional:
        left.append(
            (
                f"按条件填报的字段：{conditional} 个条件未校验",
                f"fields that are asked under a condition: {conditional} condition(s) were not judged",
            )
        )
    return left


def _raw(document: str) -> Mapping[str, Any]:
    newest = max(stem for stem in catalogue.names("documents") if stem.rpartition(".v")[0] == document)
    raw: Mapping[str, Any] = catalogue.load(f"documents/{newest}.json")
    return raw


def _is_carrier(node: Group) -> bool:
    """Signatures and private extensions: nobody expects a standard to judge what stands there."""
    return node.tag in ("Signature", "ExtendMessage")


def _groups(group: Group) -> Iterable[Group]:
    for node in group.content:
        if isinstance(node, Group):
            yield node
            yield from _groups(node)


def _report(
    raw: bytes,
    as_at: date,
    recognised: Recognised,
    findings: Iterable[Finding],
    left: Iterable[tuple[str, str]],
) -> Report:
    return Report(
        (recognised,),
        tuple(findings),
        as_at,
        len(raw),
        canonical.sha256(raw),
        left=tuple(left),
    )


def _refused(error: WindowError) -> Finding:
    return Finding(
        code=error.code.upper(),
        severity="error",
        pointer="",
        rule=error.code.upper(),
        message_zh=error.detail_zh,
        message_en=error.detail,
        source="catalogue/messages",
    )


def _misspelt(given: str, right: str) -> Finding:
    return Finding(
        code="MSG-ROOT",
        severity="error",
        pointer=f"/{given}",
        rule="MSG-ROOT",
        given=given,
        expected=right,
        message_zh=f"根标签应为 {right}，现为 {given}",
        message_en=f"the root is {right}, not {given}",
        source="catalogue/messages",
    )


def _shown(finding: Finding) -> dict[str, Any]:
    """A finding with its place as a path: an XPath, a JSON Pointer, or segments of an interchange."""
    body = finding.as_json()
    return {"path": body.pop("pointer")[:_LONGEST_PATH], **body}
