"""The metadata of the declaration's rules: whole, dated without gaps or overlaps, honest."""

import string
from collections import defaultdict
from datetime import date, timedelta
from itertools import pairwise

from declarations.check import rulebook
from singlewindow import catalogue
from singlewindow.rules import Edition, Span

RULES = rulebook().editions


def test_every_rule_is_described() -> None:
    agencies = {agency["id"] for agency in catalogue.agencies(date(2026, 11, 23))}
    for edition in RULES:
        assert edition.severity in ("error", "warn", "info"), edition.id
        assert edition.agency in agencies, edition.id
        assert edition.source, edition.id
        assert edition.message_zh, edition.id
        assert edition.message_en, edition.id
        assert set(edition.scope) <= {"ie_flag", "transport_mode"}, edition.id


def test_scopes_name_codes_that_exist() -> None:
    modes = catalogue.codelist("transport-mode").rows
    for edition in RULES:
        assert set(edition.scope.get("transport_mode", ())) <= modes.keys(), edition.id
        assert set(edition.scope.get("ie_flag", ())) <= {"I", "E"}, edition.id


def test_both_messages_name_the_same_things() -> None:
    """What one language says of the case the other says too (a place may be told in one)."""
    for edition in RULES:
        named = [
            {name for _, name, _, _ in string.Formatter().parse(text) if name} for text in messages(edition)
        ]
        assert named[0] - named[1] <= {"name_zh", "fee_zh", "party_zh", "other_zh"}, edition.id
        assert named[1] - named[0] <= {"name_en", "fee", "party", "other", "because", "lines"}, edition.id


def test_versions_and_parameters_follow_each_other_without_overlap() -> None:
    versions: dict[str, list[Edition]] = defaultdict(list)
    for edition in RULES:
        versions[edition.id].append(edition)
    for id, editions in versions.items():
        assert [edition.version for edition in editions] == list(range(1, len(editions) + 1)), id
        follow(id, [edition.span for edition in editions])
    for edition in RULES:
        follow(edition.id, [span for span, _ in edition.params], gaps=False)


def test_members_of_agreements_are_countries_and_codes_of_papers_exist() -> None:
    countries = catalogue.codelist("country").rows
    papers = catalogue.codelist("regulatory-document").rows
    by_id = {edition.id: edition.params[0][1] for edition in RULES if edition.params}
    for agreement in by_id["ORIGIN-COUNTRY"]["agreements"].values():
        assert set(agreement["members"]) <= countries.keys() | {"*"}
    assert set(by_id["LICENCE-BLOCK"]["own_field"]) <= papers.keys()
    assert set(by_id["WOOD-PACKAGING"]["wood"]) <= catalogue.codelist("package").rows.keys()


def messages(edition: Edition) -> tuple[str, str]:
    return edition.message_zh, edition.message_en


def follow(id: str, spans: list[Span], gaps: bool = True) -> None:
    for one, next_one in pairwise(spans):
        assert one.last, id
        assert next_one.first, id
        assert one.last < next_one.first, id
        assert gaps or one.last + timedelta(days=1) == next_one.first, id
