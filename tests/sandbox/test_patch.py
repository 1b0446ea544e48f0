"""JSON patch, merge patch, strategic merge: what literals and laws can say. test_recorded.py has the server's word."""

from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sym.model.codec import JSON, JSONMap, as_map
from sym.sandbox import schema
from sym.sandbox.patch import PatchError, json_patch, merge_patch, object_patch, strategic_merge

POD = schema.builtin("", "v1", "Pod")
SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=2)
VALUES: st.SearchStrategy[JSON] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
MAPS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


def _without_nulls(value: JSON) -> JSON:
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return value


@given(MAPS, MAPS)
def test_merging_twice_is_merging_once(document: JSONMap, patch: JSONMap) -> None:
    """RFC 7386 is idempotent."""
    once = merge_patch(document, patch)
    assert merge_patch(once, patch) == once


@given(MAPS)
def test_an_empty_merge_changes_nothing(document: JSONMap) -> None:
    """And a document merged into nothing is itself, without its nulls."""
    assert merge_patch(document, {}) == document
    assert merge_patch({}, document) == _without_nulls(document)


@given(MAPS, MAPS)
def test_patches_leave_their_arguments_alone(document: JSONMap, patch: JSONMap) -> None:
    """Stored objects are shared with watchers."""
    kept, said = deepcopy(document), deepcopy(patch)
    merge_patch(document, patch)
    operations: list[JSON] = [{"op": "add", "path": f"/{name}", "value": value} for name, value in patch.items()]
    json_patch(document, operations)
    assert (document, patch) == (kept, said)


@given(MAPS, st.sampled_from("abc"), VALUES)
def test_what_json_patch_adds_it_finds_and_removes(document: JSONMap, name: str, value: JSON) -> None:
    """add, test, remove: the document without the field."""
    operations: list[JSON] = [
        {"op": "add", "path": f"/{name}", "value": value},
        {"op": "test", "path": f"/{name}", "value": value},
        {"op": "remove", "path": f"/{name}"},
    ]
    assert json_patch(document, operations) == {key: item for key, item in document.items() if key != name}


def test_a_failed_operation_is_422_and_no_list_is_400() -> None:
    """The two refusals of the server, in its words."""
    with pytest.raises(PatchError) as failed:
        json_patch({"a": 1}, [{"op": "test", "path": "/a", "value": True}])
    assert (failed.value.code, failed.value.message) == (
        422,
        "the server rejected our request due to an error in our request",
    )
    with pytest.raises(PatchError) as unreadable:
        json_patch({}, {"op": "test"})
    assert (unreadable.value.code, unreadable.value.message) == (
        400,
        "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
    )


def test_a_merge_patch_must_be_an_object() -> None:
    """400 for anything else."""
    with pytest.raises(PatchError) as refused:
        object_patch([])
    assert refused.value.code == 400


def _pod(*containers: JSONMap) -> JSONMap:
    return {"spec": {"containers": list(containers)}}


def _merged(document: JSONMap, patch: JSONMap) -> JSON:
    assert POD is not None
    return as_map(strategic_merge(document, patch, POD)["spec"])["containers"]


def test_containers_merge_by_name() -> None:
    """What a client-side apply relies on."""
    document = _pod({"name": "a", "image": "1"}, {"name": "b", "image": "1"})
    assert _merged(document, _pod({"name": "b", "image": "2"})) == [
        {"name": "a", "image": "1"},
        {"name": "b", "image": "2"},
    ]


def test_directives_delete_and_replace() -> None:
    """`$patch: delete` takes one item, `$patch: replace` all."""
    document = _pod({"name": "a"}, {"name": "b"})
    assert _merged(document, _pod({"name": "a", "$patch": "delete"})) == [{"name": "b"}]
    assert _merged(document, _pod({"$patch": "replace"}, {"name": "c"})) == [{"name": "c"}]


def test_values_that_look_like_directives_stay() -> None:
    """A ConfigMap may hold a key that starts with a dollar sign."""
    node = schema.builtin("", "v1", "ConfigMap")
    assert node is not None
    assert strategic_merge({}, {"data": {"$home": "x"}}, node) == {"data": {"$home": "x"}}


def test_an_item_without_its_key_is_refused() -> None:
    """As the server words it."""
    with pytest.raises(PatchError, match="does not contain declared merge key: name"):
        _merged(_pod(), _pod({"image": "x"}))
