"""Numbers from sources that nobody vouches for."""

import asyncio

import pytest
from aiohttp import web
from msgspec.structs import replace

from sym.model.codec import JSON, encode
from sym.model.rollout import Analysis, HttpQuery, PrometheusQuery
from sym.net.analysis import Figure, Gauge, number
from sym.settings import AnalysisSettings
from tests.net.sites import LOOPBACK, Site, site, trusting

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop]

QUERY = "/api/v1/query"


@pytest.fixture
def settings(tmp_path_factory: pytest.TempPathFactory) -> AnalysisSettings:
    """The operator lists loopback and believes the sites' authority."""
    trusted = trusting(tmp_path_factory.mktemp("ca")).ca_file
    return AnalysisSettings(private_hosts=LOOPBACK, ca_file=trusted, fetch_timeout=0.5)


def prometheus(there: Site, path: str = "") -> Analysis:
    """An analysis that asks a site's Prometheus."""
    query = PrometheusQuery(address=there.url + path, query="sum(rate(secret[5m]))")
    return Analysis(name="errors", prometheus=query, max=1)


def http(there: Site, json_path: str, path: str = "/x?token=secret") -> Analysis:
    """An analysis that asks any server."""
    return Analysis(name="errors", http=HttpQuery(url=there.url + path, json_path=json_path), max=1)


def answer(kind: str, result: JSON) -> bytes:
    """What Prometheus answers to an instant query."""
    return encode({"status": "success", "data": {"resultType": kind, "result": result}})


def sample(value: str) -> JSON:
    """A sample of a vector."""
    return {"metric": {"job": "shop"}, "value": [1700000000.1, value]}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (answer("vector", [sample("0.25")]), Figure(value=0.25)),
        (answer("scalar", [1700000000, "7"]), Figure(value=7)),
        (answer("vector", []), Figure(message="{}: the query gives no sample, and one is needed")),
        (
            answer("vector", [sample("1"), sample("2")]),
            Figure(message="{}: the query gives 2 samples, and one is needed"),
        ),
        (answer("vector", [sample("NaN")]), Figure(message="{}: the sample is no finite number")),
        (answer("vector", [sample("+Inf")]), Figure(message="{}: the sample is no finite number")),
        (answer("matrix", []), Figure(message="{}: the query gives a matrix, and one number is needed")),
        (
            encode({"status": "error", "errorType": "bad_data", "error": "parse error"}),
            Figure(message="{}: Prometheus refused the query (bad_data)"),
        ),
        (b"<html>", Figure(message="{}: its answer is no JSON")),
        (b"[]", Figure(message="{}: Prometheus refused the query (no type)")),
    ],
)
async def test_prometheus_gives_one_number_or_none(settings: AnalysisSettings, body: bytes, expected: Figure) -> None:
    async with site() as there:
        there.pages[QUERY] = body
        found = await Gauge(settings).measure(prometheus(there))
        assert found == replace(expected, message=expected.message.format(there.host))
        there.pages["/behind" + QUERY] = body
        assert await Gauge(settings).measure(prometheus(there, "/behind")) == found


@pytest.mark.parametrize(
    ("document", "path", "value"),
    [
        ({"rate": 0.5}, "$.rate", 0.5),
        ({"items": [{"n": "3"}]}, "$.items[0].n", 3),
        ({"up": True}, "$.up", 1),
        ({"up": False}, "$.up", 0),
        (7, "$", 7),
    ],
)
async def test_any_server_gives_a_number(settings: AnalysisSettings, document: JSON, path: str, value: float) -> None:
    async with site() as there:
        there.pages["/x"] = encode(document)
        assert await Gauge(settings).measure(http(there, path)) == Figure(value=value)


async def test_what_goes_wrong_is_a_sentence_without_secrets(settings: AnalysisSettings) -> None:
    async def silence(_: web.BaseRequest) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with site() as there:
        there.pages["/x"] = encode({"rate": [1]})
        there.pages["/moved"] = web.Response(status=302, headers={"Location": "https://elsewhere.example.com/"})
        there.pages["/large"] = b" " * (settings.answer_bytes + 1)
        there.pages["/silent"] = silence
        told = {
            path: (await Gauge(settings).measure(http(there, "$.rate", path + "?token=secret"))).message
            for path in ("/x", "/none", "/moved", "/large", "/silent")
        }
        bare = Gauge(AnalysisSettings(ca_file=settings.ca_file))
        told["listed"] = (await bare.measure(http(there, "$.rate"))).message
        assert (await Gauge(settings).measure(Analysis(name="bare"))).message.startswith(
            "analysis bare names no source"
        )
    assert told["/x"].endswith("there is no number at $.rate of its answer")
    assert told["/none"].endswith("has no such thing (HTTP 404)")
    assert "redirects" in told["/moved"]
    assert f"more than {settings.answer_bytes} bytes" in told["/large"]
    assert "fell silent" in told["/silent"]
    assert told["listed"].endswith("(--analysis-private-host 127.0.0.1)")
    assert "measurements may not come from" in told["listed"]
    assert not [message for message in told.values() if "secret" in message]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1.0),
        (0.5, 0.5),
        ("2e3", 2000.0),
        (True, 1.0),
        ("", None),
        ("x", None),
        (None, None),
        ([1], None),
        ("nan", None),
    ],
)
def test_what_counts_as_a_number(value: JSON, expected: float | None) -> None:
    assert number(value) == expected
