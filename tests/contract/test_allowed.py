"""The reviewed list is a list of places, not a blanket."""

import re

import pytest

from tests.contract.allowed import ALLOWED, Allowed

ANYTHING = (".status", ".warning", ".body", ".body.kind", ".body.metadata.name", ".body.spec", ".body.code")


@pytest.mark.parametrize("one", ALLOWED, ids=lambda one: f"{one.request} {one.path}")
def test_an_entry_names_its_place_and_its_reason(one: Allowed) -> None:
    assert [path for path in ANYTHING if re.fullmatch(one.path, path)] == []
    assert re.fullmatch(one.request, "another story: GET /nothing") is None or "description" in one.path
    assert len(one.reason) > 20
