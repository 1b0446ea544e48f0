"""Schema nodes, pruning, defaulting, value checks, field names and quantities."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sym.model.codec import JSON, JSONMap
from sym.sandbox import facts, naming, quantity, schema, validation
from sym.sandbox.decoding import misfit
from sym.sandbox.schema import Relation

SCHEMA: JSONMap = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "number": {"type": "integer", "default": 3},
                "name": {"type": "string", "nullable": True},
                "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "inner": {"type": "object", "default": {}, "properties": {"deep": {"type": "string", "default": "d"}}},
                "items": {
                    "type": "array",
                    "items": {"type": "object", "properties": {"x": {"type": "integer", "default": 1}}},
                },
            },
        }
    },
}
NODE = schema.custom(SCHEMA)
SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=2)
FIELDS = st.sampled_from(["number", "name", "open", "inner", "items", "x", "deep", "bogus"])
VALUES: st.SearchStrategy[JSON] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4), max_leaves=10
)
DOCUMENTS = st.fixed_dictionaries({"spec": st.dictionaries(FIELDS, VALUES, max_size=5)})


@given(DOCUMENTS)
def test_pruning_and_defaulting_settle_at_once(document: JSONMap) -> None:
    """A second round changes nothing, and nothing unknown is left."""
    once = schema.default(NODE, schema.prune(NODE, document))
    assert schema.default(NODE, schema.prune(NODE, once)) == once
    assert schema.unknown_fields(NODE, schema.prune(NODE, document)) == []


@given(DOCUMENTS)
def test_unknown_fields_are_what_pruning_takes(document: JSONMap) -> None:
    """A warning for each field that goes, and none where nothing goes."""
    assert (schema.prune(NODE, document) == document) == (schema.unknown_fields(NODE, document) == [])


def test_defaults_reach_into_defaults() -> None:
    """A default of an empty object is filled by the defaults of its fields."""
    filled = schema.default(NODE, {"spec": {"items": [{}]}})
    assert filled == {"spec": {"items": [{"x": 1}], "number": 3, "inner": {"deep": "d"}}}


def test_nulls() -> None:
    """A null stays where it is allowed, gives way to a default, and vanishes elsewhere."""
    document: JSONMap = {"spec": {"name": None, "number": None, "items": None}}
    settled = schema.default(NODE, schema.without_nulls(NODE, document))
    assert settled == {"spec": {"name": None, "number": 3, "inner": {"deep": "d"}}}


def test_preserved_fields_are_nobodys_business() -> None:
    """Below x-kubernetes-preserve-unknown-fields everything stays."""
    document: JSONMap = {"spec": {"open": {"any": [{"thing": None}]}}}
    assert schema.prune(NODE, document) == document


def test_an_unchanged_bad_value_may_stay() -> None:
    """A CRD that grew stricter does not lock old objects; a new bad value is refused all the same."""
    bad: JSONMap = {"spec": {"number": "x"}}
    assert validation.validate(NODE, {**bad, "metadata": {"labels": {"a": "b"}}}, bad) == []
    assert validation.validate(NODE, {"spec": {"number": "y"}}, bad) != []


def test_built_in_lists_know_their_keys() -> None:
    """From the OpenAPI document, defaults of keys included."""
    node = schema.builtin("apps", "v1", "Deployment")
    assert node is not None
    containers = node.child("spec").child("template").child("spec").child("containers")
    assert (containers.relation, containers.keys) == (Relation.KEYED, ("name",))
    ports = containers.items.child("ports")
    assert (ports.keys, ports.items.child("protocol").default) == (("containerPort", "protocol"), "TCP")
    assert node.child("metadata").child("finalizers").relation is Relation.SET
    assert node.child("spec").child("selector").relation is Relation.ATOMIC


def test_every_served_kind_has_a_node() -> None:
    """What discovery lists, the schemas know."""
    for place in facts.PLACES:
        group, _, version = place.removeprefix("apis/").removeprefix("api/").rpartition("/")
        for resource in facts.resources(place):
            if "group" not in resource and "/" not in str(resource["name"]):
                assert schema.builtin(group, version, str(resource["kind"])) is not None, resource["name"]


def test_no_description_is_carried() -> None:
    """Facts are names and types; the only `description` left is a field of that name."""
    for place in facts.PLACES:
        assert not list(_sentences(facts.openapi(place)))


def _sentences(value: JSON) -> list[str]:
    if isinstance(value, dict):
        own = [value["description"]] if isinstance(value.get("description"), str) else []
        return [str(text) for text in own] + [text for item in value.values() for text in _sentences(item)]
    return [text for item in value for text in _sentences(item)] if isinstance(value, list) else []


def test_a_misfit_is_named_with_its_struct() -> None:
    """The server's decoder's own sentence."""
    node = schema.builtin("apps", "v1", "Deployment")
    assert node is not None
    assert misfit(node, {"spec": {"replicas": "x"}}) == (
        "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"
    )
    assert misfit(node, {"spec": {"replicas": 3}}) == ""


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("1", "1"),
        ("1000m", "1"),
        ("0.5", "500m"),
        ("1.5Gi", "1536Mi"),
        ("1024Mi", "1Gi"),
        ("1000", "1k"),
        ("1e3", "1e3"),
        ("0", "0"),
        ("100n", "1m"),
        ("9313225747Gi", "9223372036854775807"),
        ("1.5e3", "1500"),
        ("1500M", "1500M"),
        ("0.1Ki", "102400m"),
        ("-1", "-1"),
        ("512", "512"),
        ("1Ei", "1Ei"),
    ],
)
def test_quantities_are_stored_in_one_spelling(text: str, stored: str) -> None:
    """Asked of a real server, each of them."""
    assert quantity.canonical(text) == stored


@given(st.integers(0, 10**9), st.sampled_from(["", "m", "k", "M", "Ki", "Mi", "Gi"]))
def test_the_spelling_keeps_the_value(number: int, suffix: str) -> None:
    """And is its own spelling."""
    stored = quantity.canonical(f"{number}{suffix}")
    assert quantity.parse(stored) == quantity.parse(f"{number}{suffix}")
    assert quantity.canonical(stored) == stored


@pytest.mark.parametrize("text", ["", "x", "1x", "1.2.3", "1 Gi", "Ki"])
def test_what_is_no_quantity(text: str) -> None:
    """ValueError, with the server's expression."""
    with pytest.raises(ValueError, match="quantities must match"):
        quantity.canonical(text)


def test_patterns_are_gos() -> None:
    """`$` is the end of the text, not of its last line."""
    assert validation.pattern("^a$").search("a")
    assert not validation.pattern("^a$").search("a\n")
    assert validation.pattern(r"^[$]\$$").search("$$")


def test_names() -> None:
    """One good and one bad of each rule."""
    assert naming.subdomain("a.b-c") == []
    assert len(naming.subdomain("A" * 254)) == 2
    assert naming.qualified("example.com/Name_1") == []
    assert naming.qualified("/x") == ["prefix part must be non-empty", *_subdomain_of_nothing()]
    assert naming.label_value("") == []
    assert naming.port_name("http-2") == []
    assert naming.config_key("..data") == ["must not start with '..'"]


def _subdomain_of_nothing() -> list[str]:
    return []


def test_a_crd_may_narrow_names() -> None:
    """The one thing that a CRD's schema may say of metadata; asked once, at creation."""
    node = schema.custom({"type": "object", "properties": {"metadata": {"properties": {"name": {"maxLength": 2}}}}})
    document: JSONMap = {"metadata": {"name": "abc"}}
    assert [(cause.field, cause.message) for cause in validation.validate(node, document)] == [
        ("metadata.name", "Too long: may not be more than 2 bytes")
    ]
    assert validation.validate(node, document, {"metadata": {"name": "abc"}, "spec": {}}) == []


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (3, ""),
        (-1, "Invalid value: -1: should be a non-negative integer"),
        ("3", "Invalid value: 0: .spec.replicas accessor error: 3 is of the type string, expected int64"),
        (2**31, "Invalid value: 2147483648: should be less than or equal to 2147483647"),
    ],
)
def test_scale_counts_replicas(count: JSON, message: str) -> None:
    """Beside the schema's own refusals, as the server adds them."""
    causes = validation.validate_scale({"spec": {"replicas": count}}, (".spec.replicas", ".status.replicas", ""))
    assert [cause.message for cause in causes] == ([message] if message else [])
