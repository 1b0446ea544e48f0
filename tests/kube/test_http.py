"""The HTTPS client over real sockets: what it sends, what it makes of answers, its limits."""

import asyncio
import contextlib
import gzip
import socket
from pathlib import Path

import pytest
from aiohttp import web
from msgspec.structs import replace

from sym.kube.connection import Connection
from sym.kube.errors import (
    BadKubeconfig,
    Gone,
    Invalid,
    Junk,
    KubeError,
    NotFound,
    NotServed,
    ServerError,
    TooLarge,
    TooManyRequests,
    Unauthorized,
)
from sym.kube.requests import ListOptions, Request, list_page
from sym.model.codec import encode
from sym.model.kinds import CONFIGMAP
from sym.settings import KubeSettings
from tests.kube.calling import GET, WATCH, answering, client, failing
from tests.kube.scripted import failure
from tests.kube.wire import AUTHORITY, serving

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop]

# what it sends


async def test_it_sends_method_path_query_body_and_who_we_are() -> None:
    seen: list[tuple[str, str, str, bytes, dict[str, str]]] = []

    async def handler(request: web.BaseRequest) -> web.Response:
        seen.append(
            (request.method, request.raw_path, request.version.__str__(), await request.read(), {**request.headers})
        )
        return web.Response(body=b'{"ok":true}', headers={"X-Y": "z"})

    sent = Request(
        method="PATCH",
        path="/api/v1/namespaces/d/configmaps/system:a b",
        query=(("fieldManager", "m"), ("labelSelector", "a in (b,c)")),
        headers={"Content-Type": "application/merge-patch+json"},
        body=b'{"x":1}',
    )
    async with (
        serving(handler) as connection,
        client(replace(connection, server=connection.server + "/k8s/c-1/")) as under_test,
    ):
        answer = await under_test.send(sent)
    assert (answer.status, answer.body, answer.headers["x-y"]) == (200, b'{"ok":true}', "z")
    [(method, path, _, body, headers)] = seen
    assert (method, body) == ("PATCH", b'{"x":1}')
    assert path == "/k8s/c-1/api/v1/namespaces/d/configmaps/system:a%20b?fieldManager=m&labelSelector=a+in+%28b%2Cc%29"
    assert headers["Authorization"] == "Bearer s3cret"
    assert headers["Content-Type"] == "application/merge-patch+json"
    assert headers["User-Agent"] == KubeSettings().user_agent
    assert headers["Accept"] == "application/json"


async def test_a_path_with_dots_is_not_sent() -> None:
    async with serving(answering(200)) as connection, client(connection) as under_test:
        with pytest.raises(ValueError, match="is not the path"):
            await under_test.send(Request(method="GET", path="/api/v1/namespaces/../nodes"))


async def test_a_client_certificate_is_shown() -> None:
    certificate, key = AUTHORITY.issue("admin")

    async def handler(request: web.BaseRequest) -> web.Response:
        assert request.transport is not None
        assert request.transport.get_extra_info("peercert")
        return web.Response(body=b"{}")

    async with (
        serving(handler, AUTHORITY.serve(clients=True)) as connection,
        client(replace(connection, token="", certificate=certificate, key=key)) as under_test,
    ):
        assert (await under_test.send(GET)).status == 200


async def test_a_refused_client_certificate_is_a_credential_problem() -> None:
    context = AUTHORITY.serve(clients=True)
    listener = socket.create_server(("127.0.0.1", 0))

    listener.settimeout(5)

    def refuse() -> None:
        """OpenSSL itself sends the alert, which asyncio's servers do not. aiohttp tries a GET twice."""
        for _ in range(2):
            peer, _ = listener.accept()
            with peer.dup() as open_end:  # closing at once would be a reset, which overtakes the alert
                with contextlib.suppress(OSError):
                    context.wrap_socket(peer, server_side=True)
                while open_end.recv(4096):
                    pass

    connection = Connection(server=f"https://127.0.0.1:{listener.getsockname()[1]}", ca=AUTHORITY.pem)
    with listener:
        async with client(connection) as under_test, asyncio.TaskGroup() as group:
            group.create_task(asyncio.to_thread(refuse))
            with pytest.raises(Unauthorized, match="client certificate"):
                await under_test.send(GET)


async def test_impersonation_and_basic_headers() -> None:
    seen: list[tuple[str, str, list[str]]] = []

    async def handler(request: web.BaseRequest) -> web.Response:
        headers = request.headers
        seen.append((headers["Authorization"], headers["Impersonate-User"], headers.getall("Impersonate-Group")))
        return web.Response(body=b"{}")

    async with serving(handler) as connection:
        who = replace(
            connection, token="", username="u", password="p", impersonate="jane", impersonate_groups=("g1", "g2")
        )
        async with client(who) as under_test:
            await under_test.send(GET)
    assert seen == [("Basic dTpw", "jane", ["g1", "g2"])]


# tokens that change


async def test_a_token_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    seen: list[str] = []

    async def handler(request: web.BaseRequest) -> web.Response:
        seen.append(request.headers["Authorization"])
        return web.Response(body=b"{}")

    async with serving(handler) as connection:
        settings = KubeSettings(token_reread=0.0)
        async with client(replace(connection, token="", token_file=str(file)), settings) as under_test:
            await under_test.send(GET)
            file.write_text("two")
            await under_test.send(GET)
            file.unlink()
            await under_test.send(GET)
    assert seen == ["Bearer one", "Bearer two", "Bearer two"]


async def test_a_401_makes_it_look_for_a_newer_token_at_once(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old")
    seen: list[str] = []

    async def handler(request: web.BaseRequest) -> web.Response:
        seen.append(request.headers["Authorization"])
        if request.headers["Authorization"] == "Bearer new":
            return web.Response(body=b"{}\n")
        file.write_text("new")
        return web.Response(status=401, body=encode(failure(401, "Unauthorized")))

    async with serving(handler) as connection:
        settings = KubeSettings(token_reread=3600.0)
        async with client(replace(connection, token="", token_file=str(file)), settings) as under_test:
            await under_test.send(GET)
    async with serving(handler) as connection:
        file.write_text("old")
        async with (
            client(replace(connection, token="", token_file=str(file)), settings) as under_test,
            under_test.stream(WATCH) as lines,
        ):
            assert [line async for line in lines] == [b"{}"]
    assert seen == ["Bearer old", "Bearer new", "Bearer old", "Bearer new"]


async def test_a_401_with_the_same_token_is_told_at_once() -> None:
    asked: list[int] = []

    async def handler(_: web.BaseRequest) -> web.Response:
        asked.append(1)
        return web.Response(status=401, body=encode(failure(401, "Unauthorized", "who are you")))

    assert isinstance(await failing(handler), Unauthorized)
    assert len(asked) == 1


async def test_a_token_file_without_a_token_is_a_credential_problem(tmp_path: Path) -> None:
    async with (
        serving(answering(200)) as connection,
        client(replace(connection, token="", token_file=str(tmp_path / "no"))) as under_test,
    ):
        with pytest.raises(BadKubeconfig, match="tokenFile"):
            await under_test.send(GET)


# answers


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (400, "BadRequest", Invalid),
        (404, "NotFound", NotFound),
        (405, "MethodNotAllowed", NotServed),
        (410, "Expired", Gone),
        (500, "InternalError", ServerError),
        (503, "ServiceUnavailable", ServerError),
    ],
)
async def test_a_status_becomes_its_error(code: int, reason: str, kind: type[KubeError]) -> None:
    error = await failing(answering(code, encode(failure(code, reason, "said the server", name="a"))))
    assert type(error) is kind
    assert "said the server" in str(error)
    assert "GET /api/v1/namespaces/d/configmaps/a" in str(error)


@pytest.mark.parametrize(("code", "kind"), [(404, NotServed), (502, ServerError), (503, ServerError), (418, Junk)])
async def test_an_error_without_a_status_goes_by_its_code(code: int, kind: type[KubeError]) -> None:
    assert type(await failing(answering(code, b"<html>s3cret</html>"))) is kind


async def test_a_redirect_is_refused() -> None:
    followed: list[str] = []

    async def elsewhere(request: web.BaseRequest) -> web.Response:
        followed.append(request.path)
        return web.Response(body=b"{}")

    async with serving(elsewhere) as other:
        error = await failing(answering(302, b"", Location=f"{other.server}/steal"))
    assert isinstance(error, Junk)
    assert "redirect" in str(error)
    assert followed == []


async def test_429_with_retry_after_is_waited_for_a_few_times() -> None:
    asked: list[int] = []

    async def handler(_: web.BaseRequest) -> web.Response:
        asked.append(1)
        if len(asked) < 3:
            return web.Response(
                status=429, body=encode(failure(429, "TooManyRequests")), headers={"Retry-After": "900"}
            )
        return web.Response(body=b"{}")

    async with serving(handler) as connection, client(connection) as under_test:
        assert (await under_test.send(GET)).status == 200  # a Retry-After of 900 s is capped, or this would time out
    assert len(asked) == 3


async def test_429_is_told_in_the_end() -> None:
    error = await failing(answering(429, encode(failure(429, "TooManyRequests")), **{"Retry-After": "9"}))
    assert isinstance(error, TooManyRequests)
    assert error.retry_after == 0.05


async def test_429_without_retry_after_is_told_at_once() -> None:
    asked: list[int] = []

    async def handler(_: web.BaseRequest) -> web.Response:
        asked.append(1)
        return web.Response(status=429)

    assert isinstance(await failing(handler), TooManyRequests)
    assert len(asked) == 1


# limits


async def test_an_answer_above_the_limit_is_refused() -> None:
    error = await failing(answering(200, b"x" * 100_001), settings=KubeSettings(page_bytes=100_000))
    assert isinstance(error, TooLarge)


async def test_an_answer_at_the_limit_is_taken() -> None:
    async with (
        serving(answering(200, b"x" * 100_000)) as connection,
        client(connection, KubeSettings(page_bytes=100_000)) as under_test,
    ):
        assert len((await under_test.send(GET)).body) == 100_000


async def test_gzip_is_unpacked() -> None:
    packed = answering(200, gzip.compress(b"hello " * 1000), **{"Content-Encoding": "gzip"})
    async with serving(packed) as connection, client(connection) as under_test:
        assert (await under_test.send(GET)).body == b"hello " * 1000


async def test_a_gzip_bomb_is_stopped_while_it_unpacks() -> None:
    bomb = gzip.compress(bytes(50 << 20))
    packed = answering(200, bomb, **{"Content-Encoding": "gzip"})
    assert isinstance(await failing(packed, settings=KubeSettings(page_bytes=1 << 20)), TooLarge)


@pytest.mark.parametrize("body", [b"not gzip", gzip.compress(b"x" * 1000)[:-9]], ids=["not gzip", "cut short"])
async def test_broken_gzip_is_junk(body: bytes) -> None:
    assert isinstance(await failing(answering(200, body, **{"Content-Encoding": "gzip"})), Junk)


async def test_another_packing_is_junk() -> None:
    assert isinstance(await failing(answering(200, b"x", **{"Content-Encoding": "br"})), Junk)


async def test_a_huge_error_page_is_not_collected() -> None:
    assert isinstance(await failing(answering(500, b"x" * (2 << 20))), TooLarge)


async def test_one_cluster_has_so_many_requests_under_way() -> None:
    now: list[int] = [0, 0]
    full, go = asyncio.Event(), asyncio.Event()

    async def handler(_: web.BaseRequest) -> web.Response:
        now[0] += 1
        now[1] = max(now)
        if now[0] == 3:
            full.set()
        await go.wait()
        now[0] -= 1
        return web.Response(body=b"{}")

    async with (
        serving(handler) as connection,
        client(connection, KubeSettings(concurrency=3)) as under_test,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(9):
            group.create_task(under_test.send(GET))
        await full.wait()
        go.set()
    assert now == [0, 3]


async def test_a_page_of_a_list_over_the_wire() -> None:
    async def handler(request: web.BaseRequest) -> web.Response:
        return web.json_response({"query": {**request.query}})

    page = list_page(CONFIGMAP, ListOptions(label_selector="a=b"), limit=5, resource_version="7")
    async with serving(handler) as connection, client(connection) as under_test:
        body = (await under_test.send(page)).body
    assert b'"labelSelector": "a=b"' in body
    assert b'"resourceVersionMatch": "NotOlderThan"' in body
