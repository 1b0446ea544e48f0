"""Unions of versions: contract.md 6.3's vectors (ancestor bug 10: v1 was lost after v10, free tags became v0)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sym.model.versions import natural_key, union_versions

TOKENS = st.text("v019.-a", min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("texts", "union"),
    [
        (("  ", "  "), ""),
        (("v1", "v2/v3"), "v1/v2/v3"),
        (("", "v3/v2"), "v2/v3"),
        (("v2/v3", "v4/v1"), "v1/v2/v3/v4"),
        (("v1", "v1"), "v1"),
        (("", "/v4/v3"), "v3/v4"),
        (("/v12/v11", " "), "v11/v12"),
        (("v10", "v7"), "v7/v10"),
        (("/v22/v21", "/v21/v22"), "v21/v22"),
        (("v10", "v1"), "v1/v10"),
        (("release-a", "v2", "2024.10.1", "2024.9.30"), "2024.9.30/2024.10.1/release-a/v2"),
        (("v1", "v01"), "v01/v1"),
        ((), ""),
    ],
)
def test_the_union_is_naturally_sorted(texts: tuple[str, ...], union: str) -> None:
    assert union_versions(texts) == union


@given(st.lists(TOKENS))
def test_the_union_holds_every_version_once_whatever_the_order(tokens: list[str]) -> None:
    union = union_versions(tokens)
    assert set(filter(None, union.split("/"))) == {token.strip() for token in tokens}
    assert union_versions(reversed(tokens)) == union
    assert union_versions([union, union]) == union


@given(st.sets(TOKENS))
def test_no_two_versions_are_equal_in_order(tokens: set[str]) -> None:
    assert len({natural_key(token) for token in tokens}) == len(tokens)
