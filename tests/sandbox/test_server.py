"""The HTTPS server: who is let in, by what, and that Sym's own client works against it."""

import asyncio
import ssl
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from msgspec.structs import replace

from sym.aio.env import SystemEnv
from sym.kube.errors import KubeError, TooLarge, Unauthorized, Unreachable, Untrusted
from sym.kube.http import HttpClient
from sym.kube.kubeconfig import load_operator, load_registered
from sym.kube.requests import Request, create
from sym.model.codec import JSONMap, dig, encode, parse_map
from sym.model.kinds import CONFIGMAP
from sym.sandbox.access import ADMIN, Access, Credential
from sym.sandbox.ca import Authority
from sym.sandbox.call import User
from sym.sandbox.cluster import SandboxCluster
from sym.sandbox.kubeconfig import Context, kubeconfig, write
from sym.sandbox.server import HttpsServer
from sym.settings import KubeSettings, SandboxSettings

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop]

ALICE = User(name="alice", groups=("dev", "system:authenticated"))
_WHOAMI = Request(
    method="POST",
    path="/apis/authentication.k8s.io/v1/selfsubjectreviews",
    headers={"Content-Type": "application/json"},
    body=encode({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}),
)
_LIST = Request(method="GET", path="/api/v1/namespaces")


class Site:
    """A cluster behind HTTPS and its authority."""

    def __init__(self, authority: Authority, access: Access, server: HttpsServer) -> None:
        self.authority = authority
        self.access = access
        self.server = server

    def config(self, credential: Credential) -> str:
        """A kubeconfig of one user."""
        context = Context(name="one", server=self.server.address.url, credential=credential)
        return kubeconfig([context], self.authority.certificate)

    def client(self, credential: Credential) -> HttpClient:
        """Sym's own client, its connection read as an untrusted registration is."""
        connection = load_registered(self.config(credential).encode())
        return HttpClient(connection, KubeSettings(), SystemEnv())


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """A fresh cluster, nothing works in it."""
    authority = Authority()
    access = Access(authority)
    cluster = SandboxCluster("one", SystemEnv(), SandboxSettings())
    async with HttpsServer(cluster, authority, access) as server:
        yield Site(authority, access, server)


async def _who(client: HttpClient) -> tuple[object, object]:
    body = parse_map((await client.send(_WHOAMI)).body)
    return dig(body, "status", "userInfo", "username"), dig(body, "status", "userInfo", "groups")


@pytest.mark.parametrize("kind", ["token", "certificate"])
async def test_a_user_is_known_by_token_or_certificate(site: Site, kind: str) -> None:
    make = site.access.with_token if kind == "token" else site.access.with_certificate
    client = site.client(make(ALICE))
    assert await _who(client) == ("alice", ["dev", "system:authenticated"])
    await client.aclose()


@pytest.mark.parametrize("kind", ["token", "certificate"])
async def test_a_revoked_credential_lets_nobody_in(site: Site, kind: str) -> None:
    credential = (site.access.with_token if kind == "token" else site.access.with_certificate)(ALICE)
    client = site.client(credential)
    await client.send(_LIST)
    site.access.revoke(credential)
    with pytest.raises(Unauthorized):
        await client.send(_LIST)
    await client.aclose()


async def test_nobody_is_let_in_without_a_credential_but_probes_answer(site: Site) -> None:
    client = site.client(Credential(user=ALICE, token="not-a-token"))
    with pytest.raises(Unauthorized) as caught:
        await client.send(_LIST)
    assert caught.value.status.code == 401
    await client.aclose()
    trust = ssl.create_default_context(cadata=site.authority.certificate.decode())
    async with aiohttp.ClientSession() as session:
        async with session.get(site.server.address.url + "/readyz", ssl=trust) as answer:
            assert (answer.status, await answer.text()) == (200, "ok")
        async with session.get(site.server.address.url + "/api/v1/pods", ssl=trust) as answer:
            assert answer.status == 401
        wrong = {"Authorization": "Bearer not-a-token"}
        async with session.get(site.server.address.url + "/readyz", ssl=trust, headers=wrong) as answer:
            assert answer.status == 401, "a probe finds out that its token is not good any more"


async def test_a_certificate_of_another_authority_is_refused(site: Site) -> None:
    credential = Access(Authority()).with_certificate(ALICE)
    client = site.client(credential)
    with pytest.raises(KubeError) as caught:
        await client.send(_LIST)
    assert isinstance(caught.value, Unreachable | Untrusted)
    await client.aclose()


async def test_a_client_that_does_not_know_the_authority_speaks_to_nobody(site: Site) -> None:
    connection = load_registered(site.config(site.access.with_token(ADMIN)).encode())
    client = HttpClient(replace(connection, ca=Authority().certificate), KubeSettings(), SystemEnv())
    with pytest.raises(Untrusted):
        await client.send(_LIST)
    await client.aclose()


async def test_there_is_no_plain_http(site: Site) -> None:
    address = site.server.address
    assert address.host == "127.0.0.1"
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"http://{address.host}:{address.port}/api")


async def test_the_kubeconfig_is_a_secret_file_of_contexts(site: Site, tmp_path: Path) -> None:
    names = ("meta", "tcc-bj4")
    url = site.server.address.url
    contexts = [Context(name=name, server=url, credential=site.access.with_token(ALICE)) for name in names]
    path = tmp_path / "config"
    write(path, "an older one")
    write(path, kubeconfig(contexts, site.authority.certificate, current="tcc-bj4"))
    assert _modes(tmp_path) == {"config": 0o600}
    assert load_operator(str(path)).name == "tcc-bj4"
    meta = load_operator(str(path), "meta")
    assert (meta.server, meta.token, meta.ca) == (url, contexts[0].credential.token, site.authority.certificate)


def _modes(place: Path) -> dict[str, int]:
    return {item.name: stat.S_IMODE(item.stat().st_mode) for item in place.iterdir()}


async def test_a_body_above_the_limit_is_refused(site: Site) -> None:
    client = site.client(site.access.with_token(ADMIN))
    body: JSONMap = {"metadata": {"name": "big"}, "data": {"x": "y" * (3 << 20)}}
    with pytest.raises((TooLarge, Unreachable)):
        await client.send(create(CONFIGMAP, body, namespace="default", manager="test"))
    await client.aclose()


async def test_a_watch_over_the_socket_tells_changes_and_ends_with_the_server(site: Site) -> None:
    client = site.client(site.access.with_token(ADMIN))
    query = (("watch", "true"), ("resourceVersion", "0"))
    asked = Request(method="GET", path="/api/v1/namespaces/default/configmaps", query=query)
    async with asyncio.timeout(20), client.stream(asked) as lines:
        body: JSONMap = {"metadata": {"name": "a"}}
        await client.send(create(CONFIGMAP, body, namespace="default", manager="test"))
        assert dig(parse_map(await anext(lines)), "object", "metadata", "name") == "a"
        async with asyncio.TaskGroup() as group:
            group.create_task(site.server.stop())
            with pytest.raises((Unreachable, StopAsyncIteration)):
                await anext(lines)
    await client.aclose()


async def test_paths_are_unescaped_once(site: Site) -> None:
    client = site.client(site.access.with_token(ADMIN))
    with pytest.raises(KubeError, match='namespaces "a%20b" not found'):
        await client.send(Request(method="GET", path="/api/v1/namespaces/a%20b"))
    await client.aclose()
