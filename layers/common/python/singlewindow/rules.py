"""A rule book: cross-field rules whose facts are data and whose judgement is a pure function.

The data (catalogue/rules/*.json) says what a rule is: versions with effective dates, severity, jurisdiction, scope,
source, legal basis, whether it was verified, dated parameters, the data sets that it needs, and its messages. The
function, marked with `@rule(id)`, only says where a document breaks it. So any document can be judged *as at*
any date. An edition of kind `parameters` has only parameters: it is looked up, never judged.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from typing import Any, Literal, cast

from singlewindow.catalogue import Element
from singlewindow.findings import Finding, Severity

Params = Mapping[str, Any]
Patch = dict[str, Any]
Kind = Literal["rule", "parameters"]


@dataclass(frozen=True, slots=True)
class Violation:
    """Where a document breaks a rule.

    `says`: what the messages name beside `given`, `expected` and the element's `name_zh` and `name_en`.
    """

    pointer: str
    given: Any = None
    expected: Any = None
    fix: tuple[Patch, ...] = ()
    says: Mapping[str, Any] = field(default_factory=dict)


Check = Callable[[Any, Params], Iterator[Violation]]


@dataclass(frozen=True, slots=True)
class Asleep:
    """A rule in force that nobody could judge, because a data set that it needs is not there."""

    rule: str
    needs: tuple[str, ...]
    reason_zh: str
    reason_en: str

    def as_json(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "needs": list(self.needs),
            "reason_zh": self.reason_zh,
            "reason_en": self.reason_en,
        }


@dataclass(frozen=True, slots=True)
class Span:
    """Dates from `first` to `last`, both included; None is open."""

    first: date | None
    last: date | None

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "Span":
        return cls(_date(raw["effective_from"]), _date(raw["effective_to"]))

    def holds(self, day: date) -> bool:
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)

    def changes(self) -> Iterator[date]:
        """The days on which something begins or is no more."""
        if self.first:
            yield self.first
        if self.last:
            yield self.last + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Edition:
    """One version of one rule or set of parameters, as the metadata has it.

    `scope`: which values a fact (`ie_flag`) may have. `name_zh`, `name_en`: what it is about, where that is not what
    its messages say anyway.
    """

    id: str
    kind: Kind
    version: int
    severity: Severity | None
    span: Span
    jurisdiction: str
    scope: Mapping[str, tuple[str, ...]]
    agency: str
    source: str
    legal_basis: str | None
    verified: bool
    params: tuple[tuple[Span, Params], ...]
    needs: tuple[str, ...]
    message_zh: str
    message_en: str
    name_zh: str
    name_en: str

    @classmethod
    def read(cls, raw: Mapping[str, Any], tables: Mapping[str, Any], jurisdiction: str) -> "Edition":
        """From one metadata entry; KeyError names a missing member, ValueError one that nobody knows.

        A parameter `{"table": name}` is the table of that name, which several rules share. `jurisdiction` is the
        file's, for entries that don't say otherwise.
        """
        kind = raw.get("kind", "rule")
        if kind not in _MEMBERS:
            raise ValueError(f"{raw.get('id')}: unknown kind {kind}")
        if unknown := raw.keys() - _MEMBERS[kind]:
            raise ValueError(f"{kind} {raw.get('id')}: unknown members {sorted(unknown)}")
        judged = raw if kind == "rule" else _NOT_JUDGED
        named = raw if kind == "parameters" else {**_NAMELESS, **raw}
        return cls(
            id=raw["id"],
            kind=cast(Kind, kind),
            version=raw["version"],
            severity=cast("Severity | None", judged["severity"]),
            span=Span.read(raw),
            jurisdiction=raw.get("jurisdiction", jurisdiction),
            scope={fact: tuple(values) for fact, values in raw["scope"].items()},
            agency=raw["agency"],
            source=raw["source"],
            legal_basis=raw["legal_basis"],
            verified=raw["verified"],
            params=tuple(
                (Span.read(dated), _with_tables(dated["values"], tables)) for dated in raw["params"]
            ),
            needs=tuple(judged["needs"]),
            message_zh=judged["message_zh"],
            message_en=judged["message_en"],
            name_zh=named["name_zh"],
            name_en=named["name_en"],
        )

    def params_at(self, day: date) -> Params:
        return next((values for span, values in self.params if span.holds(day)), {})

    def applies(self, facts: Mapping[str, str | None]) -> bool:
        return all(facts.get(fact) in values for fact, values in self.scope.items())


_NAMELESS = {"name_zh": "", "name_en": ""}
_NOT_JUDGED: Mapping[str, Any] = {"severity": None, "needs": (), "message_zh": "", "message_en": ""}
_RULE = {member.name for member in fields(Edition)} - {"span"} | {"effective_from", "effective_to"}
_MEMBERS = {"rule": _RULE, "parameters": _RULE - _NOT_JUDGED.keys()}
_NO_DATA: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class _Plan:
    """What there is to do on one day for documents with the same facts; `fed` are rules that data sets feed."""

    awake: tuple[tuple[Check, Edition, Params], ...]
    fed: tuple[tuple[Check, Edition, Params], ...]
    asleep: tuple[Asleep, ...]


def rule(rule_id: str) -> Callable[[Check], Check]:
    """Marks a function as the judgement of the rule with this id."""

    def mark(check: Check) -> Check:
        check.rule_id = rule_id  # type: ignore[attr-defined]
        return check

    return mark


class RuleBook:
    """The rules of one kind of document: metadata bound to functions, planned per date and facts."""

    def __init__(
        self,
        metadata: Mapping[str, Any],
        functions: Iterable[object],
        *,
        elements: Mapping[str, Element] | None = None,
        data_sets: Iterable[str] = (),
    ) -> None:
        """Binds by id. `functions`: modules with `@rule` functions; `elements`: the data element at a place
        such as `/lines/*/hs_code`; `data_sets`: those at hand, which `evaluate` is then given.

        ValueError: a function without metadata, or a rule without a function though its data are at hand. A rule
        whose data are missing needs none: it may be known before anybody can judge it, and the module that judges it
        need not be imported where there is nothing to judge by.
        """
        tables, jurisdiction = metadata.get("tables", {}), metadata["jurisdiction"]
        self.editions = tuple(Edition.read(raw, tables, jurisdiction) for raw in metadata["rules"])
        self._reasons: Mapping[str, Mapping[str, str]] = metadata["data_sets"]
        self._elements = elements or {}
        self._at_hand = frozenset(data_sets)
        self._checks = _collect(functions)
        self._bind()
        changes = {
            day
            for e in self.editions
            for span in (e.span, *(s for s, _ in e.params))
            for day in span.changes()
        }
        self._changes = sorted(changes)
        self._facts = {
            fact: frozenset(value for e in self.editions for value in e.scope.get(fact, ()))
            for fact in {fact for e in self.editions for fact in e.scope}
        }
        self._plans: dict[tuple[Any, ...], _Plan] = {}

    def evaluate(
        self,
        subject: Any,
        as_at: date,
        facts: Mapping[str, str | None],
        data: Mapping[str, Any] = _NO_DATA,
    ) -> tuple[list[Finding], tuple[Asleep, ...]]:
        """All findings by the rules in force, one per (pointer, rule), and the rules asleep.

        `facts` are what scopes ask about; a rule whose scope asks for a fact that is unknown doesn't run. `data`: the
        data sets at hand, as they are on the date; a rule finds those that it needs among its parameters.
        """
        plan = self._plan(as_at, facts)
        awake = plan.awake
        if plan.fed:
            awake += tuple(
                (check, edition, {**params, **{name: data[name] for name in edition.needs}})
                for check, edition, params in plan.fed
            )
        found: dict[tuple[str, str], Finding] = {}
        for check, edition, params in awake:
            for violation in check(subject, params):
                found.setdefault((violation.pointer, edition.id), self._finding(edition, violation))
        return list(found.values()), plan.asleep

    def parameters(self, id: str, as_at: date) -> Params:
        """What is in force of a set of parameters at the date. Raises `LookupError` where nothing is."""
        for edition in self.editions:
            if edition.id == id and edition.span.holds(as_at):
                return edition.params_at(as_at)
        raise LookupError(f"{id}: nothing in force at {as_at}")

    def _finding(self, edition: Edition, violation: Violation) -> Finding:
        element = self._elements.get(place(violation.pointer))
        says = {"given": violation.given, "expected": violation.expected, **violation.says}
        says = {name: "—" if value is None else value for name, value in says.items()}
        says |= {"name_zh": element.name_zh, "name_en": element.name_en} if element else _NAMELESS
        return Finding(
            code=edition.id,
            severity=cast(Severity, edition.severity),
            pointer=violation.pointer,
            rule=edition.id,
            message_zh=edition.message_zh.format_map(says),
            message_en=edition.message_en.format_map(says),
            rule_version=edition.version,
            element=element.id if element else None,
            agency=edition.agency,
            legal_basis=edition.legal_basis,
            source=edition.source,
            verified=edition.verified,
            given=violation.given,
            expected=violation.expected,
            fix=violation.fix,
        )

    def _plan(self, as_at: date, facts: Mapping[str, str | None]) -> _Plan:
        # Facts that no scope names count as unknown: callers cannot make this cache grow.
        known = {
            fact: value if (value := facts.get(fact)) in values else None
            for fact, values in self._facts.items()
        }
        key = (bisect_right(self._changes, as_at), *known.values())
        if (plan := self._plans.get(key)) is None:
            plan = self._plans[key] = self._planned(as_at, known)
        return plan

    def _planned(self, as_at: date, facts: Mapping[str, str | None]) -> _Plan:
        awake: list[tuple[Check, Edition, Params]] = []
        fed: list[tuple[Check, Edition, Params]] = []
        asleep: list[Asleep] = []
        for edition in self.editions:
            if edition.kind != "rule" or not (edition.span.holds(as_at) and edition.applies(facts)):
                continue
            if missing := tuple(name for name in edition.needs if name not in self._at_hand):
                asleep.append(self._asleep(edition, missing))
            else:
                ready = fed if edition.needs else awake
                ready.append((self._checks[edition.id], edition, edition.params_at(as_at)))
        return _Plan(tuple(awake), tuple(fed), tuple(asleep))

    def _asleep(self, edition: Edition, missing: tuple[str, ...]) -> Asleep:
        reasons = [self._reasons[name] for name in missing]
        return Asleep(
            edition.id,
            missing,
            "；".join([edition.name_zh or edition.message_zh, *(reason["zh"] for reason in reasons)]),
            "; ".join([edition.name_en or edition.message_en, *(reason["en"] for reason in reasons)]),
        )

    def _bind(self) -> None:
        rules = [edition for edition in self.editions if edition.kind == "rule"]
        if strays := self._checks.keys() - {edition.id for edition in rules}:
            raise ValueError(f"functions of rules that have no metadata: {sorted(strays)}")
        ready = {edition.id for edition in rules if self._at_hand.issuperset(edition.needs)}
        if unbound := ready - self._checks.keys():
            raise ValueError(f"rules without a function: {sorted(unbound)}")


def place(pointer: str) -> str:
    """The place that a pointer is at, whichever entry it is: `/lines/3/hs_code` → `/lines/*/hs_code`."""
    return "/".join("*" if part.isdigit() else part for part in pointer.split("/"))


def replace(pointer: str, value: Any) -> Patch:
    return {"op": "replace", "path": pointer, "value": value}


def add(pointer: str, value: Any) -> Patch:
    return {"op": "add", "path": pointer, "value": value}


def remove(pointer: str) -> Patch:
    return {"op": "remove", "path": pointer}


def move(source: str, target: str) -> Patch:
    return {"op": "move", "from": source, "path": target}


def _collect(functions: Iterable[object]) -> dict[str, Check]:
    found: dict[str, Check] = {}
    for namespace in functions:
        for value in vars(namespace).values():
            rule_id = getattr(value, "rule_id", None)
            if rule_id is None:
                continue
            if found.setdefault(rule_id, value) is not value:
                raise ValueError(f"two functions for the rule {rule_id}")
    return found


def _with_tables(values: Params, tables: Mapping[str, Any]) -> Params:
    return {
        name: tables[value["table"]] if isinstance(value, dict) and value.keys() == {"table"} else value
        for name, value in values.items()
    }


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
