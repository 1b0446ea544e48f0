"""Built-in kinds: what every kind must hold. test_recorded.py compares each with the real server."""

from copy import deepcopy

import pytest

from sym.model.codec import JSON, JSONMap, dig
from sym.sandbox import schema
from sym.sandbox.builtin import kinds
from sym.sandbox.builtin.pods import quality
from sym.sandbox.builtin.selectors import selects
from tests.sandbox.stories import Player, stories


def _completed() -> list[Player]:
    players = [Player(story) for story in stories("completed") if story.steps[0].code < 300]
    for player in players:
        step = player.story.steps[0]
        step.dry = False
        player.play(step)
    return players


@pytest.mark.parametrize("player", _completed(), ids=lambda player: player.story.name)
def test_a_completed_object_is_complete(player: Player) -> None:
    """Defaults of defaults are none, and what the server made it accepts."""
    assert player.live is not None
    live = deepcopy(player.live)
    again = kinds.complete(player.group, player.story.kind, player.node, live)
    kinds.admit(player.group, player.story.kind, again, live)
    assert again == player.live
    assert live == player.live
    assert kinds.check(player.group, player.story.kind, again, live) == []


def test_every_kind_of_the_table_is_served() -> None:
    """A kind without a schema would never be asked about."""
    versions = {"autoscaling": "v2"}
    for group, kind in kinds.KINDS:
        assert schema.builtin(group, versions.get(group, "v1"), kind) is not None


@pytest.mark.parametrize(
    ("stated", "kept"),
    [
        ({"podIP": "10.0.0.1"}, {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]}),
        ({"podIPs": [{"ip": "10.0.0.1"}]}, {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]}),
        (
            {"podIP": "10.0.0.2", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]},
            {"podIP": "10.0.0.2", "podIPs": [{"ip": "10.0.0.2"}]},
        ),
        (
            {"podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]},
            {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]},
        ),
        ({}, {}),
    ],
)
def test_a_pods_address_and_addresses_say_the_same(stated: JSONMap, kept: JSONMap) -> None:
    """kwok and old kubelets write podIP alone; EndpointSlices are made from podIPs."""
    node = schema.builtin("", "v1", "Pod")
    assert node is not None
    assert kinds.complete("", "Pod", node, {"spec": {"containers": []}, "status": stated})["status"] == kept


def _deployment(**spec: JSON) -> JSONMap:
    container: JSONMap = {"name": "c", "image": "i"}
    template: JSONMap = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}}
    whole: JSONMap = {"selector": {"matchLabels": {"a": "b"}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": whole}


def test_a_selector_cannot_change() -> None:
    """Two Deployments would fight over the old pods."""
    node = schema.builtin("apps", "v1", "Deployment")
    assert node is not None
    old = kinds.complete("apps", "Deployment", node, _deployment())
    new = deepcopy(old)
    labels: JSONMap = {"a": "b", "c": "d"}
    spec = new["spec"]
    assert isinstance(spec, dict)
    spec["selector"] = {"matchLabels": labels}
    dig_template = dig(spec, "template", "metadata")
    assert isinstance(dig_template, dict)
    dig_template["labels"] = labels
    assert [(cause.field, cause.message) for cause in kinds.check("apps", "Deployment", new, old)] == [
        ("spec.selector", 'Invalid value: {"matchLabels":{"a":"b","c":"d"}}: field is immutable')
    ]


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m", "memory": "1Gi"}}, "Burstable"),
    ],
)
def test_quality_of_service(resources: JSONMap, expected: str) -> None:
    """By requests and limits of all containers."""
    assert quality({"containers": [{"name": "c", "resources": resources}]}) == expected


@pytest.mark.parametrize(
    ("expression", "picked"),
    [
        ({"key": "a", "operator": "In", "values": ["b"]}, True),
        ({"key": "a", "operator": "NotIn", "values": ["b"]}, False),
        ({"key": "z", "operator": "NotIn", "values": ["b"]}, True),
        ({"key": "a", "operator": "Exists"}, True),
        ({"key": "a", "operator": "DoesNotExist"}, False),
    ],
)
def test_selectors(expression: JSONMap, *, picked: bool) -> None:
    """matchExpressions as Kubernetes reads them."""
    assert selects({"matchExpressions": [expression]}, {"a": "b"}) is picked
    assert not selects(None, {"a": "b"})
