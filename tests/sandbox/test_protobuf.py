"""Protobuf bodies: the same object as Go reads, whatever it is, and a refusal for everything else.

The recorded bodies are random objects of every kind with Go's own JSON of them (tools/facts/bodies).
"""

import base64
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sym.aio.env import LoopEnv
from sym.kube.requests import Request, Response, create
from sym.model.codec import JSON, JSONMap, as_map, dig, dig_str, parse_map
from sym.model.crd import crds
from sym.model.kinds import CONFIGMAP, CRD, SECRET
from sym.sandbox import facts
from sym.sandbox.access import ADMIN
from sym.sandbox.cluster import SandboxCluster
from sym.sandbox.protobuf import MAGIC, MEDIA_TYPE, Malformed, decode
from sym.sandbox.resources import BUILTIN
from sym.settings import SandboxSettings

_LINES = (Path(__file__).parent / "recorded" / "protobuf.jsonl").read_bytes().splitlines()
RECORDED = [(base64.b64decode(dig_str(line, "proto")), as_map(line["json"])) for line in map(parse_map, _LINES)]
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


def field(number: int, value: bytes | int) -> bytes:
    """A field of the wire: bytes with their length, or a varint below 128."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    assert len(value) < 128, "a longer one needs a longer varint"
    return bytes([number << 3 | 2, len(value)]) + value


def nested(number: int, value: bytes) -> bytes:
    """A field of up to 2 MB."""
    tag, size = number << 3 | 2, len(value)
    spelled = bytes([tag]) if tag < 128 else bytes([tag & 0x7F | 0x80, tag >> 7])
    return spelled + bytes([size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14]) + value


def enveloped(raw: bytes, api_version: str = "v1", kind: str = "ConfigMap") -> bytes:
    """A body as clients send it."""
    type_meta = field(1, api_version.encode()) + field(2, kind.encode())
    return MAGIC + field(1, type_meta) + field(2, raw) + field(3, b"") + field(4, b"")


NAMED = field(1, field(1, b"one"))
CONFIG = enveloped(NAMED + field(2, field(1, b"a") + field(2, b"x")) + field(2, field(1, b"b")))


NAN = b"\x49" + b"\xff" * 8  # a schema's maximum
CRD_KIND = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")


def _bare(value: JSON) -> JSON:
    """Without nulls and empty lists: protobuf does not know them."""
    if isinstance(value, dict):
        return {name: _bare(item) for name, item in value.items() if item is not None and item != []}
    return [_bare(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("body", "wanted"), RECORDED, ids=[dig_str(wanted, "kind") for _, wanted in RECORDED])
def test_an_object_of_every_kind_is_read_as_go_reads_it(body: bytes, wanted: JSONMap) -> None:
    assert _bare(decode(body)) == _bare(wanted)


def test_every_built_in_kind_that_is_served_can_be_read() -> None:
    kinds = as_map(facts.protobuf()["kinds"])
    served = [(resource.kind.api_version, resource.kind.name) for resource in BUILTIN]
    assert [kind for kind in served if not dig_str(kinds, *kind)] == []


def test_what_the_envelope_does_not_say_is_as_expected() -> None:
    found = decode(enveloped(NAMED, "", ""), "v1", "ConfigMap")
    assert found == {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "one"}}


def test_a_map_keeps_a_value_that_is_left_out_and_the_last_of_two() -> None:
    twice = (
        field(2, field(1, b"a") + field(2, b"x")) + field(2, field(1, b"a") + field(2, b"y")) + field(2, field(1, b"b"))
    )
    assert decode(enveloped(twice))["data"] == {"a": "y", "b": ""}


@pytest.mark.parametrize("body", [field(1, 3) + field(1, 4), field(1, b"\x03\x04")], ids=["one by one", "packed"])
def test_repeated_numbers_come_in_both_forms(body: bytes) -> None:
    """supplementalGroups of a pod's security context, the only numbers that repeat."""
    groups = body.replace(field(1, 3), field(4, 3)).replace(field(1, 4), field(4, 4)).replace(b"\x0a\x02", b"\x22\x02")
    pod = enveloped(field(2, field(14, groups)), "v1", "Pod")
    assert dig(decode(pod), "spec", "securityContext", "supplementalGroups") == [3, 4]


def test_negative_numbers_and_fields_that_are_not_known() -> None:
    minus_one = b"\x08" + b"\xff" * 9 + b"\x01"
    options = (
        MAGIC + field(1, field(1, b"apps/v1") + field(2, b"DeleteOptions")) + field(2, minus_one + field(15, b"?"))
    )
    assert decode(options) == {"kind": "DeleteOptions", "apiVersion": "apps/v1", "gracePeriodSeconds": -1}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "empty data"),
        (b"{}", "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"),
        (MAGIC, "empty body"),
        (MAGIC + b"\x0a\x7f", "unexpected EOF"),
        (enveloped(b"\x0a"), "unexpected EOF"),
        (enveloped(b"\x08\x01"), "proto: wrong wireType = 0 for field ObjectMeta"),
        (enveloped(b"\x08" + b"\xff" * 11), "proto: wrong wireType = 0 for field ObjectMeta"),
        (enveloped(b"\x0f\x00"), "proto: wrong wireType = 7 for field ObjectMeta"),
        (enveloped(b"\x02\x00"), "proto: ConfigMap: illegal tag 0 (wire type 2)"),
        (enveloped(b"\x0c"), "proto: ConfigMap: wiretype end group for non-group"),
        (enveloped(b"\x4f\x00"), "proto: illegal wireType 7"),
        (enveloped(b"\x48" + b"\xff" * 11), "proto: integer overflow"),
        (enveloped(b"", "v1", "Nonesuch"), 'no kind "Nonesuch" is registered for version "v1"'),
        (enveloped(field(2, b"\x0b"), "apps/v1", "ControllerRevision"), "proto: wrong wireType = 3 for field Raw"),
        (enveloped(field(2, field(1, b"{")), "apps/v1", "ControllerRevision"), "not JSON"),
        (enveloped(field(1, field(9, b"\x08" + b"\xff" * 8 + b"\x7f"))), "a time outside the years 1 to 9999"),
        (enveloped(field(2, field(7, field(4, field(1, NAN)))), *CRD_KIND), "json: unsupported value: nan"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(body: bytes, said: str) -> None:
    with pytest.raises(Malformed, match=re.escape(said)):
        decode(body)


def test_a_schema_nested_without_end_is_refused() -> None:
    """CRD schemas contain schemas, but not to any depth."""
    schema = b""
    for _ in range(400):
        schema = nested(28, schema)  # `not`
    definition = nested(2, nested(7, nested(4, nested(1, schema))))
    head = field(1, field(1, b"apiextensions.k8s.io/v1") + field(2, b"CustomResourceDefinition"))
    with pytest.raises(Malformed, match="nested too deeply"):
        decode(MAGIC + head + nested(2, definition))


@given(st.sampled_from([body for body, _ in RECORDED]), st.data())
def test_no_damage_makes_it_fail_otherwise(body: bytes, data: st.DataObject) -> None:
    """Cut, and with a byte exchanged or put in: read or refused."""
    at = data.draw(st.integers(0, len(body)))
    damaged = body[:at] + data.draw(st.binary(max_size=3)) + body[at + data.draw(st.integers(0, 2)) :]
    try:
        decode(damaged[: data.draw(st.integers(0, len(damaged)))] if data.draw(st.booleans()) else damaged)
    except Malformed:
        return


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail_otherwise(raw: bytes) -> None:
    try:
        decode(MAGIC + field(1, field(1, b"v1") + field(2, b"Pod")) + nested(2, raw))
    except Malformed:
        return


# through the API


@pytest.fixture
async def cluster(env: LoopEnv) -> SandboxCluster:
    """A cluster in which nothing works."""
    return SandboxCluster("one", env, SandboxSettings())


def _send(cluster: SandboxCluster, method: str, path: str, body: bytes) -> tuple[int, JSONMap]:
    request = Request(method=method, path=path, headers={"Content-Type": MEDIA_TYPE}, body=body)
    answer = cluster.api.handle(request, ADMIN)
    assert isinstance(answer, Response)
    return answer.status, parse_map(answer.body)


@pytest.mark.anyio
async def test_an_object_is_created_and_updated_and_answered_in_json(cluster: SandboxCluster) -> None:
    code, made = _send(cluster, "POST", CONFIGMAPS, CONFIG)
    assert (code, made["data"]) == (201, {"a": "x", "b": ""})
    body = enveloped(NAMED + field(2, field(1, b"c") + field(2, b"z")))
    assert _send(cluster, "PUT", f"{CONFIGMAPS}/one", body)[1]["data"] == {"c": "z"}


@pytest.mark.anyio
async def test_secrets_keep_their_bytes(cluster: SandboxCluster) -> None:
    """Helm's release records are gzip in base64 in a Secret's bytes."""
    raw = NAMED + field(2, field(1, b"release") + field(2, b"\x00\xff\x10")) + field(3, b"helm.sh/release.v1")
    code, made = _send(cluster, "POST", "/api/v1/namespaces/default/secrets", enveloped(raw, "v1", "Secret"))
    assert (code, made["data"], made["type"]) == (201, {"release": "AP8Q"}, "helm.sh/release.v1")
    assert cluster.store.get(SECRET, "default", "one") is not None


@pytest.mark.anyio
async def test_an_unreadable_body_is_refused_with_400(cluster: SandboxCluster) -> None:
    code, status = _send(cluster, "POST", CONFIGMAPS, enveloped(b"\x0a"))
    assert (code, status["reason"]) == (400, "BadRequest")
    assert status["message"] == 'ConfigMap in version "v1" cannot be handled as a ConfigMap: unexpected EOF'
    code, status = _send(cluster, "POST", CONFIGMAPS, b"{}")
    assert code == 400
    assert dig_str(status, "message").endswith("expected prefix [107 56 115 0] ({})")


@pytest.mark.anyio
async def test_delete_options_count(cluster: SandboxCluster) -> None:
    _send(cluster, "POST", CONFIGMAPS, CONFIG)
    precondition = field(2, field(1, b"another-uid"))
    options = enveloped(precondition, "v1", "DeleteOptions")
    assert _send(cluster, "DELETE", f"{CONFIGMAPS}/one", options)[0] == 409
    assert cluster.store.get(CONFIGMAP, "default", "one") is not None
    assert _send(cluster, "DELETE", f"{CONFIGMAPS}/one", enveloped(b"", "v1", "DeleteOptions"))[0] == 200


@pytest.mark.anyio
async def test_custom_resources_are_never_protobuf(cluster: SandboxCluster) -> None:
    for definition in crds():
        await cluster.client().send(create(CRD, definition, namespace="", manager="test"))
    path = "/apis/workload.dmall.com/v1beta1/namespaces/default/appsets"
    code, status = _send(cluster, "POST", path, enveloped(NAMED, "workload.dmall.com/v1beta1", "AppSet"))
    assert (code, status["reason"]) == (415, "UnsupportedMediaType")
