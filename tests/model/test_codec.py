"""JSON in and out: every broken document ends in one error that names the place."""

from types import MappingProxyType

import pytest
from hypothesis import given

from sym.model import codec
from sym.model.appset import ClusterTopology, PodSet, TopologyCluster
from sym.model.codec import JSON, DecodeError
from sym.model.meta import Object
from tests.model.wire import ANYTHING


@given(ANYTHING)
def test_any_json_comes_back(value: JSON) -> None:
    assert codec.parse(codec.encode(value)) == value
    assert codec.parse(codec.encode_sorted(value)) == value


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"{", "not JSON"),
        (b'{"metadata":{"name":3}}', r"\$\.metadata\.name: Expected `str`, got `int`"),
        (b"[]", r"\$: Expected `object`, got `array`"),
        (b'"\xff"', "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"metadata":{"creationTimestamp":"yesterday"}}', r"\$\.metadata\.creationTimestamp"),
    ],
)
def test_a_broken_document_names_its_place(text: bytes, says: str) -> None:
    with pytest.raises(DecodeError, match=says):
        codec.decode(text, Object if text.startswith((b"{", b"[]")) else object)


def test_parsed_json_becomes_a_struct() -> None:
    assert codec.convert({"metadata": {"name": "a"}}, Object).metadata.name == "a"
    with pytest.raises(DecodeError, match=r"\$\.metadata: Expected `object`"):
        codec.convert({"metadata": 1}, Object)


def test_a_struct_becomes_plain_json_with_lists() -> None:
    """A tuple is no JSON: readers that look for lists would miss it."""
    topology = ClusterTopology(clusters=(TopologyCluster(name="one", pod_sets=(PodSet(name="a"),)),))
    expected: JSON = {"clusters": [{"name": "one", "podSets": [{"name": "a"}]}]}
    assert codec.to_json(topology) == expected
    assert codec.to_map(topology) == expected
    assert isinstance(codec.dig(codec.to_json(topology), "clusters"), list)


def test_digests_do_not_depend_on_the_order_of_keys() -> None:
    assert codec.encode_sorted({"b": 1, "a": 2}) == b'{"a":2,"b":1}'


@pytest.mark.parametrize(
    ("value", "name"),
    [(None, "null"), (True, "a boolean"), (1, "a number"), (1.5, "a number"), ("", "a string"), ([], "a list")],
)
def test_what_is_no_object_says_what_it_is(value: JSON, name: str) -> None:
    with pytest.raises(DecodeError, match=f"at: expected an object, got {name}"):
        codec.as_map(value, "at")


def test_shapes_are_checked() -> None:
    assert codec.as_map({}) == {}
    assert codec.as_list([1]) == [1]
    assert codec.as_str("a") == "a"
    assert codec.parse_map(b'{"a":1}') == {"a": 1}
    with pytest.raises(DecodeError, match="expected a list, got an object"):
        codec.as_list({})
    with pytest.raises(DecodeError, match="expected a string, got a list"):
        codec.as_str([])


def test_digging_never_fails() -> None:
    document: JSON = {"a": [{"b": "c"}, {"d": {"e": [1]}}], "t": "text"}
    assert codec.dig(document, "a", 0, "b") == "c"
    assert codec.dig(document, "a", -1, "d", "e", 0) == 1
    assert codec.dig(document, "a", 5) is None
    assert codec.dig(document, "a", "b") is None
    assert codec.dig(document, "t", 0) is None
    assert codec.dig(document) == document
    assert codec.dig(MappingProxyType(codec.as_map(document)), "t") == "text"
    assert codec.dig(MappingProxyType(codec.as_map(document))) == document
    assert codec.dig_map(document, "a", 1, "d") == {"e": [1]}
    assert codec.dig_map(document, "t") == {}
    assert codec.dig_list(document, "a", 1, "d", "e") == [1]
    assert codec.dig_list(document, "t") == []
    assert codec.dig_str(document, "t") == "text"
    assert codec.dig_str(document, "a") == ""
