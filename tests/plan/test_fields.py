"""Fields that are left to others: not compared, and applied so that neither Sym nor their owner loses any."""

import pytest

from sym.model.codec import JSON, JSONMap, convert, dig
from sym.model.paths import parse_paths
from sym.model.workload import Deployment
from sym.plan.fields import scaled_by, without, yielding

HOT: JSONMap = {"name": "main", "image": "x:1", "resources": {"limits": {"cpu": 1, "memory": "1Gi"}}}
SIDE: JSONMap = {"name": "side", "image": "y:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}


def body(*containers: JSON, replicas: int = 2) -> JSONMap:
    """What is wanted, or what is said."""
    return {
        "metadata": {"annotations": {"note": "ours"}},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [*containers]}}},
    }


def owned(*entries: JSONMap) -> Deployment:
    """A Deployment of which managers own fields."""
    return convert({"metadata": {"managedFields": [*entries]}}, Deployment)


def entry(manager: str, fields: JSONMap, subresource: str = "") -> JSONMap:
    """An entry of managedFields."""
    return {"manager": manager, "operation": "Update", "subresource": subresource, "fieldsV1": fields}


def of_main(fields: JSONMap) -> JSONMap:
    """`fields` of the container `main`, as the server notes their ownership."""
    containers: JSONMap = {'k:{"name":"main"}': fields}
    return {"f:spec": {"f:template": {"f:spec": {"f:containers": containers}}}}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("spec.paused", body(HOT, SIDE)),
        ("spec.template.spec.containers[name=other].env", body(HOT, SIDE)),
        ("spec.replicas", {**body(HOT, SIDE), "spec": {"template": {"spec": {"containers": [HOT, SIDE]}}}}),
        ("spec.template.spec.containers[name=main].resources", body({"name": "main", "image": "x:1"}, SIDE)),
        (
            "spec.template.spec.containers[name=side].env[name=A]",
            body(HOT, {**SIDE, "env": [{"name": "B", "value": "2"}]}),
        ),
        ("metadata.annotations.note", {**body(HOT, SIDE), "metadata": {"annotations": {}}}),
        ("spec.replicas.more", body(HOT, SIDE)),
        ("spec.template.spec[name=x].more", body(HOT, SIDE)),
    ],
)
def test_what_is_left_to_others_is_not_compared(path: str, expected: JSONMap) -> None:
    wanted = body(HOT, SIDE)
    assert without(wanted, parse_paths(path)) == expected
    assert wanted == body(HOT, SIDE)


CPU = "spec.template.spec.containers[name=main].resources"
LIVE = body({**HOT, "resources": {"limits": {"cpu": 4, "memory": "1Gi"}, "requests": {"cpu": 1}}}, SIDE, replicas=7)


CONTAINER = ("spec", "template", "spec", "containers", 0)


def applied(path: str, *entries: JSONMap) -> JSON:
    """The container `main` as it is applied."""
    given = yielding(body(HOT, SIDE), LIVE, owned(*entries), parse_paths(path))
    spec = given["spec"]
    assert isinstance(spec, dict)
    template = spec["template"]
    assert isinstance(template, dict)
    inner = template["spec"]
    assert isinstance(inner, dict)
    containers = inner["containers"]
    assert isinstance(containers, list)
    return containers[0]


def test_what_nobody_else_owns_is_applied_as_it_is() -> None:
    """Without it the server would take it away, since nobody would own it any more."""
    live: JSONMap = {"limits": {"cpu": 4, "memory": "1Gi"}, "requests": {"cpu": 1}}
    assert applied(CPU) == {**HOT, "resources": live}
    mine = entry("sym-worker", of_main({"f:resources": {}}))
    status = entry("kube-controller-manager", of_main({"f:resources": {}}), "status")
    assert applied(CPU, mine, status) == {**HOT, "resources": live}


@pytest.mark.parametrize(
    ("fields", "rest"),
    [
        ({"f:resources": {"f:limits": {"f:cpu": {}}}}, {"limits": {"memory": "1Gi"}, "requests": {"cpu": 1}}),
        ({"f:resources": {"f:limits": {}}}, {"requests": {"cpu": 1}}),
        ({"f:image": {}}, {"limits": {"cpu": 4, "memory": "1Gi"}, "requests": {"cpu": 1}}),
        ({"f:resources": {}}, None),
        ({}, None),
        ({"f:resources": {"f:limits": {"f:cpu": {}, "f:memory": {}}, "f:requests": {"f:cpu": {}}}}, None),
    ],
)
def test_what_another_manager_owns_is_left_out(fields: JSONMap, rest: JSON) -> None:
    expected = {**HOT, "resources": rest} if rest else {"name": "main", "image": "x:1"}
    assert applied(CPU, entry("vpa", of_main(fields))) == expected


def test_what_two_managers_own_is_left_out_for_both() -> None:
    one = entry("a", of_main({"f:resources": {"f:limits": {".": {}, "f:cpu": {}}}}))
    two = entry("b", of_main({"f:resources": {"f:requests": {}}}))
    assert applied(CPU, one, two) == {**HOT, "resources": {"limits": {"memory": "1Gi"}}}


def test_entries_of_lists_go_by_their_keys() -> None:
    env: JSONMap = {'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}}, 'k:{"name":"B"}': {"f:value": {}}}
    fields: JSONMap = {'k:{"name":"side"}': {"f:env": env}}
    tree: JSONMap = {"f:spec": {"f:template": {"f:spec": {"f:containers": fields}}}}
    path = parse_paths("spec.template.spec.containers[name=side].env")
    odd: JSONMap = {"name": "C", "value": "3"}
    live = body(HOT, {**SIDE, "env": [{"name": "A", "value": "9"}, {"name": "B", "value": "9"}, odd]})
    given = yielding(body(HOT, SIDE), live, owned(entry("x", tree)), path)
    assert given == body(HOT, {**SIDE, "env": [odd]})


def test_an_entry_owned_in_part_keeps_its_name() -> None:
    env: JSONMap = {'k:{"name":"A"}': {".": {}, "f:name": {}, "f:valueFrom": {}}}
    fields: JSONMap = {'k:{"name":"side"}': {"f:env": env}}
    tree: JSONMap = {"f:spec": {"f:template": {"f:spec": {"f:containers": fields}}}}
    given = yielding(
        body(SIDE), body(SIDE), owned(entry("x", tree)), parse_paths("spec.template.spec.containers[name=side].env")
    )
    assert given == body(SIDE)


def test_what_is_gone_from_the_object_is_not_brought_back() -> None:
    live = body({"name": "main", "image": "x:1"}, SIDE)
    assert yielding(body(HOT, SIDE), live, owned(), parse_paths(CPU)) == live


SCALE: JSONMap = {"f:spec": {"f:replicas": {}}}


@pytest.mark.parametrize(
    ("entries", "manager"),
    [
        ([], ""),
        ([entry("kubectl", SCALE, "scale")], "kubectl"),
        ([entry("kubectl", SCALE)], ""),
        ([entry("kubectl", {"f:spec": {}}, "scale")], "kubectl"),
        ([entry("kubectl", {"f:metadata": {}}, "scale")], ""),
        ([entry("sym-worker", SCALE, "scale")], ""),
    ],
)
def test_who_scales(entries: list[JSONMap], manager: str) -> None:
    assert scaled_by(owned(*entries)) == manager


def test_a_path_through_what_is_no_list_or_object_finds_nothing() -> None:
    for path in ("spec.replicas.more", "spec.template.spec[name=x].more"):
        assert yielding(body(HOT), body(HOT), owned(), parse_paths(path)) == body(HOT)


def test_a_list_or_value_that_a_manager_owns_in_a_way_of_its_own_is_kept() -> None:
    """A set of values, and fields of what is no object any more: nothing says that they are the manager's."""
    odd: JSONMap = {"f:spec": {"f:replicas": {"f:more": {}}, "f:list": {'v:"x"': {}}}}
    live: JSONMap = {"spec": {"replicas": 7, "list": ["x", "y"]}}
    given = yielding(live, live, owned(entry("x", odd)), parse_paths("spec.replicas, spec.list"))
    assert given == live


def test_entries_of_other_managers_are_passed_over() -> None:
    fields: JSONMap = {".": {}, 'k:{"name":"side"}': {}}
    tree: JSONMap = {"f:spec": {"f:template": {"f:spec": {"f:containers": fields}}}}
    assert applied(CPU, entry("x", tree)) == {**HOT, "resources": dig(LIVE, *CONTAINER, "resources")}
