"""The verbs: what they ask, what they give, what they make of an answer that is not what it should be."""

import pytest

from sym.kube.api import Api
from sym.kube.errors import AlreadyExists, Junk, NotFound, TooLarge
from sym.kube.requests import APPLY_TYPE, ListOptions, Response
from sym.model.codec import JSONMap, encode, parse
from sym.model.kinds import CONFIGMAP, LEASE
from sym.model.meta import Object
from sym.settings import KubeSettings
from tests.kube.scripted import Answer, Scripted, config_map, listing, refusal

pytestmark = pytest.mark.anyio


def api(*answers: Answer, settings: KubeSettings | None = None) -> tuple[Api, Scripted]:
    """The verbs on a script."""
    client = Scripted(*answers)
    return Api(client, "c", settings), client


def ok(body: object) -> Response:
    """A 200."""
    return Response(status=200, body=encode(body))


async def test_version() -> None:
    verbs, client = api(ok({"major": "1", "minor": "34", "gitVersion": "v1.34.2", "goVersion": "x"}))
    assert (await verbs.version()).git_version == "v1.34.2"
    assert client.asked[0].request.path == "/version"


async def test_get() -> None:
    verbs, client = api(ok(config_map("a", 5)), refusal(404, "NotFound", name="b"), ok(config_map("c", 5)))
    found = await verbs.get(CONFIGMAP, Object, "d", "a")
    assert (found.metadata.name, found.metadata.resource_version) == ("a", "5")
    assert client.asked[0].request.path == "/api/v1/namespaces/d/configmaps/a"
    with pytest.raises(NotFound):
        await verbs.get_raw(CONFIGMAP, "d", "b")
    with pytest.raises(Junk, match="another object"):
        await verbs.get(CONFIGMAP, Object, "d", "b")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"<html>", b'{"metadata":{"name":5}}'])
async def test_an_answer_that_is_no_object_is_junk(body: bytes) -> None:
    verbs, _ = api(Response(status=200, body=body))
    with pytest.raises(Junk):
        await verbs.get(CONFIGMAP, Object, "d", "a")


async def test_list_all() -> None:
    verbs, client = api(listing(10, config_map("a", 1), more="t"), listing(10, config_map("b", 2)))
    items, version = await verbs.list_all(CONFIGMAP, Object, ListOptions(namespace="d", label_selector="x"))
    assert [item.metadata.name for item in items] == ["a", "b"]
    assert version == "10"
    assert [(one["continue"], one["labelSelector"]) for one in client.asked] == [("", "x"), ("t", "x")]
    assert verbs.budget.used == 0


async def test_a_list_that_cannot_be_read_whole_is_junk() -> None:
    class Strict(Object, frozen=True):
        data: dict[str, str] = {}

    verbs, _ = api(listing(10, config_map("a", 1), {**config_map("b", 2), "data": {"k": 1}}))
    with pytest.raises(Junk, match="d/b cannot be read"):
        await verbs.list_all(CONFIGMAP, Strict, ListOptions())


async def test_limits_hold_for_every_client() -> None:
    page = listing(10, config_map("a", 1), more="t")
    verbs, _ = api(page, settings=KubeSettings(page_bytes=len(page.body) - 1))
    with pytest.raises(TooLarge, match="a page of"):
        await verbs.list_all(CONFIGMAP, Object, ListOptions())
    verbs, _ = api(page, page, settings=KubeSettings(member_bytes=len(page.body) * 2 - 1))
    with pytest.raises(TooLarge, match="one cluster may take"):
        await verbs.list_all(CONFIGMAP, Object, ListOptions())
    assert verbs.budget.used == 0


async def test_writes() -> None:
    body: JSONMap = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "d"}}
    verbs, client = api(*[ok(config_map("a", 5))] * 5)
    answers = [
        await verbs.create(CONFIGMAP, body, "m"),
        await verbs.apply(CONFIGMAP, body, "m", force=True),
        await verbs.patch(CONFIGMAP, body, "m"),
        await verbs.patch_status(CONFIGMAP, "d", "a", {"status": {}}, "m"),
        await verbs.update(LEASE, body, "m"),
    ]
    assert answers == [config_map("a", 5)] * 5
    sent = [one.request for one in client.asked]
    path = "/api/v1/namespaces/d/configmaps"
    assert [(one.method, one.path) for one in sent] == [
        ("POST", path),
        ("PATCH", f"{path}/a"),
        ("PATCH", f"{path}/a"),
        ("PATCH", f"{path}/a/status"),
        ("PUT", "/apis/coordination.k8s.io/v1/namespaces/d/leases/a"),
    ]
    assert {dict(one.query)["fieldManager"] for one in sent} == {"m"}
    assert sent[1].headers["Content-Type"] == APPLY_TYPE
    assert dict(sent[1].query)["force"] == "true"
    assert [parse(one.body) for one in sent] == [body, body, body, {"status": {}}, body]


async def test_a_create_never_overwrites() -> None:
    verbs, client = api(refusal(409, "AlreadyExists", name="a"))
    with pytest.raises(AlreadyExists):
        await verbs.create(CONFIGMAP, config_map("a", 1), "m")
    assert len(client.asked) == 1


async def test_delete_carries_both_preconditions() -> None:
    verbs, client = api(ok({}))
    await verbs.delete(CONFIGMAP, namespace="d", name="a", uid="u", resource_version="7")
    [asked] = client.asked
    assert asked.request.method == "DELETE"
    assert b'"preconditions":{"uid":"u","resourceVersion":"7"}' in asked.request.body


async def test_a_write_answered_with_rubbish_is_junk() -> None:
    verbs, _ = api(Response(status=200, body=b"ok"))
    with pytest.raises(Junk, match="no object"):
        await verbs.create(CONFIGMAP, config_map("a", 1), "m")


async def test_closing() -> None:
    verbs, client = api()
    await verbs.aclose()
    assert client.closed
