"""Server-side apply and managedFields: laws and the cases that cost most. test_recorded.py has the server's word."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sym.model.codec import JSON, JSONMap, dig, dig_list, dig_map
from sym.sandbox import managed, schema
from sym.sandbox.apply import ApplyConflict, server_side_apply
from sym.sandbox.fieldset import FieldSet, compare, difference, intersection, leaves, of_value, union
from sym.sandbox.managed import Writer
from sym.sandbox.patch import PatchError

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SCHEMA: JSONMap = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "text": {"type": "string"},
                "map": {"type": "object", "additionalProperties": {"type": "string"}},
                "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                "list": {"type": "array", "items": {"type": "string"}},
                "keyed": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {"name": {"type": "string"}, "value": {"type": "string"}},
                    },
                },
            },
        }
    },
}
NODE = schema.custom(SCHEMA)
TEXT = st.sampled_from("xyz")


def _items(values: dict[str, str]) -> list[JSON]:
    return [{"name": name, "value": value} if value else {"name": name} for name, value in values.items()]


ITEMS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "x", "y"]), max_size=3).map(_items)
SPECS = st.fixed_dictionaries(
    {},
    optional={
        "text": TEXT,
        "map": st.dictionaries(st.sampled_from("abc"), TEXT, max_size=3),
        "set": st.lists(TEXT, unique=True, max_size=3),
        "list": st.lists(TEXT, max_size=2),
        "keyed": ITEMS,
    },
)


def _writer(manager: str, *, later: int = 0) -> Writer:
    return Writer(manager=manager, api_version="e.example.com/v1", node=NODE, now=NOW + timedelta(seconds=later))


def _config(spec: JSONMap, **metadata: JSON) -> JSONMap:
    return {"apiVersion": "e.example.com/v1", "kind": "E", "metadata": {"name": "e", **metadata}, "spec": spec}


def _owned(document: JSONMap, manager: str) -> JSONMap:
    entries = [entry for entry in dig_list(document, "metadata", "managedFields") if dig(entry, "manager") == manager]
    return dig_map(entries[0], "fieldsV1") if entries else {}


@given(SPECS)
def test_applying_twice_changes_nothing(spec: JSONMap) -> None:
    """Not even the time in managedFields: the second apply is no write.

    Except, as on the server, after an apply that owns nothing: the next one first writes down what was there.
    """
    once = server_side_apply(None, _config(spec), _writer("m"))
    if not managed.owners_of(once):
        once = server_side_apply(once, _config(spec), _writer("m"))
    assert server_side_apply(once, _config(spec), _writer("m", later=60)) == once


@given(SPECS, SPECS)
def test_after_a_forced_apply_the_object_says_what_was_stated(one: JSONMap, two: JSONMap) -> None:
    """Every value of the config is in the object, and every field of it is its manager's."""
    live = server_side_apply(None, _config(one), _writer("one"))
    after = server_side_apply(live, _config(two), _writer("two"), force=True)
    assert _says(dig_map(after, "spec"), two)
    assert not difference(difference(of_value(_config(two), NODE), managed.OWN), _fields(after, "two"))


def _says(found: JSON, stated: JSON) -> bool:
    """Whether a value holds all that is stated: maps by field, lists by item."""
    if isinstance(stated, dict):
        held = found if isinstance(found, dict) else {}
        return all(_says(held.get(name), value) for name, value in stated.items())
    if isinstance(stated, list):
        items = found if isinstance(found, list) else []
        return all(any(_says(item, value) for item in items) for value in stated)
    return found == stated


@given(SPECS, SPECS)
def test_a_sole_manager_gets_exactly_what_it_states(one: JSONMap, two: JSONMap) -> None:
    """What it no longer states is gone: two applies are as good as the second alone, but for empty remains."""
    live = server_side_apply(None, _config(one), _writer("m"))
    after = server_side_apply(live, _config(two), _writer("m"))
    alone = server_side_apply(None, _config(two), _writer("m"))
    assert set(leaves(of_value(_full(after), NODE))) == set(leaves(of_value(_full(alone), NODE)))


def _full(document: JSONMap) -> JSONMap:
    """The spec without empty maps and lists, which an apply may leave behind or drop."""
    return {"spec": {name: value for name, value in dig_map(document, "spec").items() if value not in ([], {}, None)}}


@given(SPECS, SPECS)
def test_an_update_takes_what_it_changes(one: JSONMap, two: JSONMap) -> None:
    """Fields that did not change stay with their manager, changed ones move, no field has no owner."""
    live = managed.track(None, _config(one), _writer("one"))
    after = managed.track(live, _config(two), _writer("two"))
    changed = compare(_config(one), _config(two), NODE)
    assert not intersection(_fields(after, "one"), union(changed.set, changed.removed))
    assert not difference(changed.set, _fields(after, "two"))


def _fields(document: JSONMap, manager: str) -> FieldSet:
    found = [owned.fields for key, owned in managed.owners_of(document).items() if key.manager == manager]
    return found[0] if found else {}


def test_who_no_longer_states_labels_takes_the_labels_and_not_the_name() -> None:
    first = server_side_apply(None, _config({"text": "x"}, labels={"a": "b"}), _writer("one"))
    then = server_side_apply(first, _config({"text": "x"}), _writer("one"))
    assert dig_map(then, "metadata").keys() == {"name", "managedFields"}


def test_a_conflict_names_manager_and_field() -> None:
    """In the server's words; force takes the field."""
    live = server_side_apply(None, _config({"text": "x", "keyed": [{"name": "a", "value": "x"}]}), _writer("one"))
    with pytest.raises(ApplyConflict) as single:
        server_side_apply(live, _config({"text": "y"}), _writer("two"))
    assert str(single.value) == 'Apply failed with 1 conflict: conflict with "one": .spec.text'
    assert single.value.causes == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".spec.text"}
    ]
    with pytest.raises(ApplyConflict) as several:
        server_side_apply(live, _config({"text": "y", "keyed": [{"name": "a", "value": "y"}]}), _writer("two"))
    assert str(several.value) == (
        'Apply failed with 2 conflicts: conflicts with "one":\n- .spec.keyed[name="a"].value\n- .spec.text'
    )
    forced = server_side_apply(live, _config({"text": "y"}), _writer("two"), force=True)
    assert dig(forced, "spec", "text") == "y"
    assert "f:text" not in dig_map(_owned(forced, "one"), "f:spec")


def test_equal_values_are_shared() -> None:
    """Two managers that state the same own it together; the field goes when both let go."""
    live = server_side_apply(None, _config({"text": "x"}), _writer("one"))
    live = server_side_apply(live, _config({"text": "x"}), _writer("two"))
    live = server_side_apply(live, _config({}), _writer("one"))
    assert dig(live, "spec", "text") == "x"
    live = server_side_apply(live, _config({}), _writer("two"))
    assert dig(live, "spec", "text") is None


def test_a_config_may_not_state_managed_fields() -> None:
    """400."""
    with pytest.raises(PatchError) as refused:
        server_side_apply(None, _config({}, managedFields=[{}]), _writer("m"))
    assert (refused.value.code, refused.value.message) == (400, "metadata.managedFields must be nil")


def test_more_than_ten_updaters_melt_into_one() -> None:
    """The record stays bounded however many clients write."""
    live = managed.track(None, _config({"map": {"a": "0"}}), _writer("first"))
    for number in range(15):
        spec: JSONMap = {"map": {"a": "0", **{f"k{index}": "v" for index in range(number + 1)}}}
        live = managed.track(live, _config(spec), _writer(f"m{number}", later=number + 1))
    managers = [dig(entry, "manager") for entry in dig_list(live, "metadata", "managedFields")]
    assert len(managers) == managed.UPDATE_LIMIT
    assert "ancient-changes" in managers


def test_a_write_that_only_moves_times_is_none() -> None:
    """keep_times gives the old object itself back."""
    old = server_side_apply(None, _config({"text": "x"}), _writer("m"))
    new = server_side_apply(None, _config({"text": "x"}), _writer("m", later=9))
    assert managed.keep_times(old, new) is old
    changed = server_side_apply(old, _config({"text": "y"}), _writer("m", later=9))
    assert managed.keep_times(old, changed) is changed


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"data": {"a": "%"}}, "error decoding from json: illegal base64 data at input byte 0"),
        (
            {"immutable": "x"},
            "failed to create typed patch object (/e; /v1, Kind=Secret): .immutable: expected boolean",
        ),
    ],
)
def test_a_built_in_kind_must_fit_its_structs(spec: JSONMap, why: str) -> None:
    """500 before anything is merged."""
    node = schema.builtin("", "v1", "Secret")
    assert node is not None
    writer = Writer(manager="m", api_version="v1", node=node, now=NOW)
    with pytest.raises(PatchError) as refused:
        server_side_apply(None, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "e"}, **spec}, writer)
    assert refused.value.code == 500
    assert why in refused.value.message
