"""Stories of what Go's controllers and schedulers say: protobuf bodies, bindings, Events of events.k8s.io."""

from collections.abc import Mapping

from sym.model.codec import JSON, JSONMap
from tests.contract.builders import ACCOUNT, CM, delete, get, patch, post, put
from tests.contract.steps import NAMESPACE, PARTIAL_LIST, PROTOBUF, STRATEGIC, Step, Story

_MAGIC = b"k8s\x00"
_PODS = "/api/v1/namespaces/{ns}/pods"
_BINDING = _PODS + "/one/binding"
_OLDER = "/api/v1/namespaces/{ns}/events"
_NEWER = "/apis/events.k8s.io/v1/namespaces/{ns}/events"
_TIME = "2026-01-01T00:00:00.000000Z"


# protobuf


def _field(number: int, value: bytes) -> bytes:
    """A field of bytes, fewer than 128."""
    return bytes([number << 3 | 2, len(value)]) + value


def _body(raw: bytes, kind: str = "ConfigMap", api_version: str = "v1") -> bytes:
    return _MAGIC + _field(1, _field(1, api_version.encode()) + _field(2, kind.encode())) + _field(2, raw)


def _send(method: str, path: str, raw: bytes, *, loose: bool = False) -> Step:
    return Step(method=method, path=path, raw=raw, media=PROTOBUF, loose=loose)


_NAMED = _field(1, _field(1, b"one") + _field(3, NAMESPACE.encode()) + _field(8, b""))
_DATA = _field(2, _field(1, b"a") + _field(2, b"x")) + _field(2, _field(1, b"b"))
_PROTOBUF: Story = (
    _send("POST", CM, _body(_NAMED + _DATA)),
    _send("POST", CM, _body(_NAMED + _DATA)),
    _send("PUT", CM + "/one", _body(_NAMED)),
    _send("PUT", CM + "/one", _body(_NAMED + _field(9, b"nobody knows this"))),
    _send("POST", CM + "?dryRun=All", _body(_field(1, _field(1, b"two")), "", "")),
    _send("POST", CM, b"{}"),
    _send("POST", CM, _MAGIC),
    _send("POST", CM, _MAGIC + b"\x0a\x7f"),
    _send("POST", CM, _MAGIC + b"\x08\x01"),
    _send("POST", CM, _MAGIC + b"\x10\x01"),
    _send("POST", CM, _MAGIC + _field(1, b"\x10\x01")),
    _send("POST", CM, _body(b"\x0a")),
    _send("POST", CM, _body(b"\x08\x01")),
    _send("POST", CM, _body(b"\x08" + b"\xff" * 11)),
    _send("POST", CM, _body(b"\x0f\x00")),
    _send("POST", CM, _body(b"\x02\x00")),
    _send("POST", CM, _body(b"\x0c")),
    _send("POST", CM, _body(b"\x4f\x00")),
    _send("POST", CM, _body(b"\x48" + b"\xff" * 11)),
    _send("POST", CM, _body(b"\x4a\x7f")),
    _send("POST", CM, _body(_field(2, b"\x12"))),
    _send("POST", CM, _body(_field(1, b"\x42\x01\x08"))),
    _send("POST", CM, _body(_NAMED, "Nonesuch")),
    _send("POST", CM, _body(_NAMED, "Secret"), loose=True),
    _send("POST", CM, _body(_DATA)),
    ACCOUNT,
    _send("POST", _PODS, _body(_field(1, _field(1, b"one")), "Pod")),
    _send("PATCH", CM + "/one", _body(_NAMED), loose=True),
    _send("DELETE", CM + "/one", b"{}"),
    _send("DELETE", CM + "/one", _body(_NAMED)),
    _send("DELETE", CM + "/one", _body(_field(2, _field(1, b"another")), "DeleteOptions")),
    _send("DELETE", CM + "/one", _body(b"", "DeleteOptions", "apps/v1")),
)

# bindings


def _bound(target: JSON = None, **meta: JSON) -> JSONMap:
    node: JSONMap = {"kind": "Node", "name": "some-node"}
    head: JSONMap = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "one", **meta}}
    return {**head, "target": node if target is None else target}


_POD: JSONMap = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "one"},
    "spec": {"schedulerName": "nobody", "containers": [{"name": "a", "image": "i"}]},
}
_ACCOUNT: JSONMap = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
_SHOWN = ("metadata.annotations", "metadata.labels", "metadata.generation", "spec.nodeName", "status.conditions")
_BINDINGS: Story = (
    post("/api/v1/namespaces/{ns}/serviceaccounts", _ACCOUNT, only=("kind",)),
    post(_PODS, _POD, only=("kind",)),
    post(_BINDING, _bound({"kind": "Pod", "name": "some-node"})),
    post(_BINDING, _bound({"kind": "Node"})),
    post(_BINDING, _bound({})),
    post(_BINDING, _bound(name="two")),
    post(_BINDING, _bound(uid="another")),
    post(_BINDING, {**_bound(), "kind": "Pod"}),
    post(_PODS + "/two/binding", _bound(name="two")),
    get(_BINDING),
    put(_BINDING, _bound()),
    delete(_BINDING),
    post(_BINDING + "?dryRun=All", _bound()),
    get(_PODS + "/one", only=_SHOWN),
    post(_BINDING, _bound(annotations={"a": "b"}, labels={"c": "d"})),
    get(_PODS + "/one", only=_SHOWN),
    post(_BINDING, _bound()),
    get(_PODS + "?fieldSelector=spec.nodeName%3Dsome-node", accept=PARTIAL_LIST),
)

# Events


def _event(name: str = "one", **fields: JSON) -> JSONMap:
    about: JSONMap = {"kind": "Pod", "namespace": "{ns}", "name": "p", "fieldPath": "spec.containers{main}"}
    said: JSONMap = {"action": "Binding", "reason": "Scheduled", "note": "to a node", "type": "Normal"}
    by: JSONMap = {"eventTime": _TIME, "reportingController": "default-scheduler", "reportingInstance": "s-1"}
    head: JSONMap = {"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": name}}
    return {**head, **by, **said, "regarding": about, **fields}


def _old_event(name: str) -> JSONMap:
    about: JSONMap = {"kind": "Node", "namespace": "{ns}", "name": "n"}
    said: JSONMap = {"reason": "Ready", "message": "it is", "type": "Normal", "count": 3, "source": {"component": "k"}}
    times: JSONMap = {"firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:09Z"}
    head: JSONMap = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": name}}
    return {**head, **times, **said, "involvedObject": about}


_EVENTS: Story = (
    post(_NEWER, _event()),
    post(_NEWER, _event()),
    post(_OLDER, _old_event("two")),
    get(_NEWER + "/one"),
    get(_OLDER + "/one"),
    get(_NEWER + "/two"),
    get(_NEWER),
    get(_NEWER + "?fieldSelector=regarding.kind%3DPod", only=("items.0.metadata.name", "items.1")),
    get(_NEWER + "?fieldSelector=reason%3DReady", only=("items.0.metadata.name", "items.1")),
    get(_OLDER + "?fieldSelector=involvedObject.kind%3DPod", only=("items.0.metadata.name", "items.1")),
    get(_NEWER, accept=PARTIAL_LIST),
    get(_NEWER + "?watch=1&resourceVersion=0&timeoutSeconds=1"),
    post(_NEWER, _event("three", eventTime=None)),
    post(_NEWER, _event("three", regarding={"kind": "Pod", "namespace": "elsewhere", "name": "p"})),
    post(_NEWER, _event("three", type="Odd", action="", reason="", reportingController="", reportingInstance="")),
    post(_NEWER, _event("three", action="a" * 129, note="n" * 1025)),
    post(_OLDER, {**_old_event("three"), "eventTime": _TIME}),
    post(_OLDER, {**_old_event("three"), "involvedObject": {"kind": "Node", "name": "n"}}),
    post(_NEWER, _event("three", deprecatedCount=1, deprecatedSource={"component": "k"})),
    patch(_NEWER + "/one", {"series": {"count": 2, "lastObservedTime": _TIME}}, STRATEGIC),
    patch(_NEWER + "/one", {"note": "something else"}),
    patch(_NEWER + "/one", {"metadata": {"labels": {"a": "b"}}}),
    patch(_OLDER + "/one", {"message": "something else"}),
    get(_NEWER + "/one"),
    delete(_NEWER + "/one"),
    delete(_NEWER + "?fieldSelector=type%3DNormal"),
    get(_OLDER, only=("items",)),
    get("/apis/events.k8s.io"),
    get("/apis/events.k8s.io/v1"),
)

STORIES: Mapping[str, Story] = {"protobuf": _PROTOBUF, "bindings": _BINDINGS, "newer-events": _EVENTS}
