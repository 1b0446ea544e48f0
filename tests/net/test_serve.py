"""The probe server over a real socket."""

import aiohttp
import pytest

from sym.net.serve import Answer, Page, health_page, serving

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop]


async def test_it_answers_its_routes_and_nothing_else() -> None:
    sick: dict[str, str] = {"a": "OK", "b": "the cache is not filled yet"}
    routes: dict[str, Answer] = {
        "/live": lambda query: health_page({}, query),
        "/ready": lambda query: health_page(sick, query),
        "/metrics": lambda _: Page(body=b"x 1\n", content_type="text/plain; version=0.0.4"),
    }
    async with serving("127.0.0.1", 0, routes) as port, aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        async with session.get("/live") as answer:
            assert (answer.status, await answer.json()) == (200, "OK")
        async with session.get("/ready") as answer:
            assert (answer.status, await answer.json()) == (503, "OK")  # the body says OK even then, as it always did
        async with session.get("/ready?full=true") as answer:
            assert (answer.status, await answer.json()) == (503, sick)
        async with session.get("/metrics") as answer:
            assert answer.headers["Content-Type"] == "text/plain; version=0.0.4"
            assert await answer.text() == "x 1\n"
        async with session.get("/other") as answer:
            assert answer.status == 404
        async with session.post("/live") as answer:
            assert answer.status == 405


async def test_an_address_in_use_is_an_error_of_the_system() -> None:
    async with serving("127.0.0.1", 0, {}) as port:
        with pytest.raises(OSError, match=str(port)):
            async with serving("127.0.0.1", port, {}):
                pass
