"""Both validators on every document of the catalogue: jsonschema-rs judges, the `jsonschema` package is the reference.

The declaration has a test of its own."""

from collections import Counter
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from singlewindow import catalogue
from singlewindow.catalogue import Document
from tests.support.canonical_documents import JSON_VALUES, documents
from tests.support.reference import Reference

NAMES = [stem for stem in catalogue.names("documents") if stem != "declaration.v1"]


def kind(stem: str) -> Document:
    name, _, version = stem.rpartition(".v")
    return catalogue.document(name, int(version))


REFERENCES = {stem: Reference(kind(stem).schema()) for stem in NAMES}
generated = settings(deadline=None, max_examples=10, suppress_health_check=list(HealthCheck))


def nodes(value: Any) -> list[tuple[Any, Any]]:
    found = []
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            found += [(value, key), *nodes(value[key])]
    return found


@pytest.mark.parametrize("stem", NAMES)
@generated
@given(data=st.data())
def test_a_sound_document_is_sound_to_both(stem: str, data: st.DataObject) -> None:
    document = data.draw(documents(kind(stem)))
    assert kind(stem).shape_findings(document) == []
    assert list(REFERENCES[stem].iter_errors(document)) == []


@pytest.mark.parametrize("stem", NAMES)
@generated
@given(data=st.data())
def test_both_find_the_same_faults_in_a_spoilt_one(stem: str, data: st.DataObject) -> None:
    document = deepcopy(data.draw(documents(kind(stem))))
    for _ in range(data.draw(st.integers(1, 3))):
        if not (places := nodes(document)):
            break
        holder, key = data.draw(st.sampled_from(places))
        if data.draw(st.booleans()) or isinstance(holder, list):
            holder[key] = data.draw(JSON_VALUES)
        else:
            del holder[key]
    ours: Counter[Any] = Counter(
        (tuple(error.instance_path), error.kind.name) for error in kind(stem)._validator.iter_errors(document)
    )
    reference: Counter[Any] = Counter(
        (tuple(error.absolute_path), error.validator) for error in REFERENCES[stem].iter_errors(document)
    )
    assert ours == reference
