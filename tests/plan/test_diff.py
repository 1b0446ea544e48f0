"""Desired against seen: what differs, and what only looks different."""

from decimal import Decimal

import pytest

from sym.model.codec import JSON
from sym.plan.diff import differences, quantity


@pytest.mark.parametrize(
    ("desired", "seen"),
    [
        ({"replicas": 2}, {"replicas": 2, "paused": False}),
        ({"env": []}, {}),
        ({"hostNetwork": False}, {}),
        ({"securityContext": {}}, {}),
        ({"a": None}, {}),
        ({"limits": {"cpu": "1000m"}}, {"limits": {"cpu": "1"}}),
        ({"limits": {"cpu": 1}}, {"limits": {"cpu": "1"}}),
        ({"requests": {"memory": "1Gi"}}, {"requests": {"memory": "1024Mi"}}),
        ({"sizeLimit": "1k"}, {"sizeLimit": "1000"}),
        ({"args": ["a", "b"]}, {"args": ["a", "b"]}),
        (
            {"containers": [{"name": "app", "image": "x"}]},
            {"containers": [{"name": "sidecar"}, {"name": "app", "image": "x", "imagePullPolicy": "Always"}]},
        ),
        (
            {"ports": [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53}]},
            {"ports": [{"containerPort": 53, "protocol": "TCP"}, {"containerPort": 53, "protocol": "UDP"}]},
        ),
        ({"tolerations": [{"key": "a"}, {"key": "b"}]}, {"tolerations": [{"key": "a", "effect": "x"}, {"key": "b"}]}),
    ],
)
def test_the_same(desired: JSON, seen: JSON) -> None:
    assert differences(desired, seen) == []


@pytest.mark.parametrize(
    ("desired", "seen", "paths"),
    [
        ({"replicas": 0}, {"replicas": 1}, [".replicas"]),
        ({"replicas": 1}, {}, [".replicas"]),
        ({"env": [{"name": "A", "value": "1000m"}]}, {"env": [{"name": "A", "value": "1"}]}, [".env[0].value"]),
        ({"args": ["a"]}, {"args": ["a", "b"]}, [".args"]),
        ({"args": ["a"]}, {}, [".args"]),
        ({"hostNetwork": True}, {"hostNetwork": False}, [".hostNetwork"]),
        ({"hostNetwork": True}, {"hostNetwork": 1}, [".hostNetwork"]),
        ({"limits": {"cpu": "1"}}, {"limits": {"cpu": "2"}}, [".limits.cpu"]),
        ({"limits": {"cpu": "much"}}, {"limits": {"cpu": "1"}}, [".limits.cpu"]),
        ({"limits": {"cpu": "1"}}, {"limits": {"cpu": ["1"]}}, [".limits.cpu"]),
        ({"containers": [{"name": "app"}, {"name": "new"}]}, {"containers": [{"name": "app"}]}, [".containers[1]"]),
        ({"tolerations": [{"key": "a"}]}, {"tolerations": [{"key": "b"}]}, [".tolerations[0].key"]),
        ({"template": {"spec": {"x": 1}}}, {"template": "?"}, [".template"]),
    ],
)
def test_different(desired: JSON, seen: JSON, paths: list[str]) -> None:
    assert differences(desired, seen) == paths


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1),
        ("1000m", 1),
        ("1.5", "1.5"),
        (".5", "0.5"),
        ("2k", 2000),
        ("1Ki", 1024),
        ("1Mi", 1048576),
        ("1e3", 1000),
        ("1E", 10**18),
        ("1E3", 1000),
        ("5n", "0.000000005"),
        (3, 3),
    ],
)
def test_a_quantity_is_a_number(text: JSON, number: int | str) -> None:
    assert quantity(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", "1 Gi", "Gi", "1mm", "v1", None, [], {}])
def test_what_is_no_quantity(text: JSON) -> None:
    assert quantity(text) is None
