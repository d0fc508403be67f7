"""The catalogue over generated declarations: sound ones pass, spoilt ones are judged alike by both validators."""

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator

from singlewindow import canonical, catalogue
from tests.support.canonical_documents import declarations, spoilt
from tests.support.sample_documents import TODAY, patched
from tests.support.thorough import examples

DECLARATION = catalogue.document()
REFERENCE = Draft202012Validator(DECLARATION.schema())
generated = settings(deadline=None, max_examples=examples(20), suppress_health_check=list(HealthCheck))


@generated
@given(declarations())
def test_a_sound_declaration_is_its_own_canonical_form_and_has_no_finding(document: dict[str, Any]) -> None:
    assert DECLARATION.normalise(document) == document
    assert DECLARATION.shape_findings(document) + DECLARATION.code_findings(document, TODAY) == []
    assert REFERENCE.is_valid(document)


@generated
@given(spoilt())
def test_a_spoilt_declaration_is_judged_by_both_validators_alike(document: dict[str, Any]) -> None:
    read = DECLARATION.normalise(document)
    assert DECLARATION.normalise(read) == read
    ours = Counter(
        (tuple(one.instance_path), one.kind.name) for one in DECLARATION._validator.iter_errors(read)
    )
    theirs = Counter((tuple(one.absolute_path), one.validator) for one in REFERENCE.iter_errors(read))
    assert ours == theirs
    assert bool(ours) == bool(DECLARATION.shape_findings(read))


@generated
@given(spoilt())
def test_every_finding_can_be_answered_and_every_patch_mends(document: dict[str, Any]) -> None:
    read = DECLARATION.normalise(document)
    for finding in DECLARATION.shape_findings(read) + DECLARATION.code_findings(read, TODAY):
        assert canonical.dumps(finding.as_json())
        assert finding.message_zh and finding.message_en and finding.source
        if finding.fix:
            mended = DECLARATION.normalise(patched(read, finding.fix))
            left = DECLARATION.shape_findings(mended) + DECLARATION.code_findings(mended, TODAY)
            assert (finding.pointer, finding.rule) not in {(one.pointer, one.rule) for one in left}
