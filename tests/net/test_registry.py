"""Charts of OCI registries, honest and others."""

from pathlib import Path

import pytest
from aiohttp import web

from sym.model.codec import encode
from sym.net.errors import ChartNotFound, ChartRefused
from tests.net.charts import chart
from tests.net.sites import Registry, failing, site, source, store, trusting

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop]

OLD = chart("demo", "0.9.0")


@pytest.mark.parametrize("token", ["", "anybody"])
async def test_a_chart_of_a_registry(tmp_path: Path, token: str) -> None:
    async with site() as there:
        registry = Registry(there, token)
        registry.push("team/demo", "0.9.0", OLD)
        registry.push("team/demo", "0.10.0_build.1", chart("demo", "0.10.0+build.1"))
        first = web.Response(
            body=encode({"tags": ["0.9.0", "latest", 5]}), headers={"Link": '</v2/team/demo/tags/more>; rel="next"'}
        )
        registry.put("/v2/team/demo/tags/list", first)
        registry.put("/v2/team/demo/tags/more", encode({"tags": ["0.10.0_build.1", "1.0.0-rc.1"]}))
        async with store(trusting(tmp_path, repos={"oci": f"oci://{there.host}/team"})) as charts:
            found = await charts.get(source(f"oci://{there.host}/team/demo", "0.9.0"))
            assert (found.name, found.version) == ("demo", "0.9.0")
            assert (await charts.get(source("oci/demo"))).version == "0.10.0+build.1"
            told = await failing(charts, source("oci/demo", "5.0.0"), ChartNotFound)
            assert "there are: 1.0.0-rc.1, 0.10.0+build.1, 0.9.0" in told
            assert "no such thing" in await failing(charts, source("oci/none"), ChartNotFound)
            for url in ("oci/Demo", f"oci://{there.host}/", f"oci://{there.host}/a/../b?x=secret"):
                assert "in lower case" in await failing(charts, source(url, "1.0.0"), ChartRefused)


async def test_registries_that_lie(tmp_path: Path) -> None:
    async with site() as there:
        registry = Registry(there)
        registry.push("demo", "1.0.0", OLD, digest="sha256:" + "0" * 64)
        registry.push("demo", "2.0.0", OLD, digest="../../secret")
        registry.push("demo", "3.0.0", OLD, media="application/vnd.oci.image.layer.v1.tar+gzip")
        registry.push("demo", "4.0.0", OLD)
        registry.put("/v2/demo/manifests/5.0.0", b"<html>")
        registry.put("/v2/demo/manifests/6.0.0", b"x" * (2 << 20))
        media = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
        layer = {"mediaType": media, "digest": "sha256:" + "0" * 64, "size": 1 << 40}
        registry.put("/v2/demo/manifests/7.0.0", encode({"layers": [layer]}))
        registry.put("/v2/list/tags/list", b"[")
        async with store(trusting(tmp_path)) as charts:
            for version, told in (
                ("1.0.0", "does not have the digest that its manifest"),
                ("2.0.0", "no Helm chart"),
                ("3.0.0", "no Helm chart"),
                ("4.0.0", "says that it is demo 0.9.0"),
                ("5.0.0", "no manifest"),
                ("6.0.0", "sends more than"),
                ("7.0.0", "1099511627776 bytes"),
            ):
                assert told in await failing(charts, source(f"oci://{there.host}/demo", version), ChartRefused)
            assert "no list of tags" in await failing(charts, source(f"oci://{there.host}/list"), ChartRefused)


async def test_tokens_come_from_the_registry_s_own_domain(tmp_path: Path) -> None:
    async with site() as there, site() as other:
        registry = Registry(there, "anybody")
        registry.push("demo", "0.9.0", OLD)
        asked = source(f"oci://{there.host}/demo", "0.9.0")
        for realm, told in (
            ("https://example.com/token?x=secret", "of another domain"),
            ("http://127.0.0.1/secret", "must begin with https"),
            ("", "must begin with https"),
        ):
            registry.realm = realm
            async with store(trusting(tmp_path)) as charts:
                assert told in await failing(charts, asked, ChartRefused)
        registry.realm = f"{other.url}/token"
        for body in (b"{}", b"<", encode({"token": "a\nb"}), encode({"access_token": "x" * 20_000})):
            other.pages["/token"] = body
            async with store(trusting(tmp_path)) as charts:
                assert "gave no token" in await failing(charts, asked, ChartRefused)
        other.pages["/token"] = encode({"access_token": "wrong"})
        async with store(trusting(tmp_path)) as charts:
            assert "wants credentials" in await failing(charts, asked, ChartRefused)
        there.pages["/v2/demo/manifests/0.9.0"] = web.Response(status=401, headers={"WWW-Authenticate": "Basic x"})
        async with store(trusting(tmp_path)) as charts:
            assert "wants credentials" in await failing(charts, asked, ChartRefused)


async def test_a_blob_may_come_from_elsewhere_without_the_token(tmp_path: Path) -> None:
    async with site() as there, site() as other:
        registry = Registry(there, "anybody")
        blob = registry.push("demo", "0.9.0", OLD)
        registry.put(blob, web.Response(status=307, headers={"Location": f"{other.url}/blob?signature=secret"}))
        other.pages["/blob"] = OLD
        async with store(trusting(tmp_path)) as charts:
            assert (await charts.get(source(f"oci://{there.host}/demo", "0.9.0"))).version == "0.9.0"
        assert "Authorization" not in other.headers
        registry.put(blob, web.Response(status=307, headers={"Location": "https://169.254.169.254/secret"}))
        async with store(trusting(tmp_path)) as charts:
            assert "link-local" in await failing(charts, source(f"oci://{there.host}/demo", "0.9.0"), ChartRefused)
