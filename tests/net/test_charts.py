"""From a source to a checked chart on disk: repositories, registries, folders, archives."""

import asyncio
import base64
import fcntl
import gzip
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import hypothesis
import pytest
from aiohttp import web
from hypothesis import strategies as st

from sym.aio.env import SystemEnv
from sym.model.appset import Chart, ChartUrl
from sym.net.charts import ChartStore
from sym.net.errors import ChartError, ChartNotFound, ChartRefused, ChartUnreachable
from sym.settings import ChartSettings
from tests.net.charts import chart, files, tgz
from tests.net.sites import Site, failing, given, index, site, source, store, trusting
from tests.wait import until_async

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop]

OLD, NEW, NEXT = chart("demo", "0.9.0"), chart("demo", "0.10.0"), chart("demo", "1.0.0-rc.1")
DEMO = {"0.9.0": ("demo-0.9.0.tgz", OLD), "0.10.0": ("demo-0.10.0.tgz", NEW), "1.0.0-rc.1": ("demo-rc.tgz", NEXT)}


def filled(there: Site, path: str = "") -> Site:
    there.pages[f"{path}/index.yaml"] = index(demo=DEMO)
    there.pages |= {f"{path}/{url}": data for url, data in DEMO.values()}
    return there


# chart repositories


async def test_a_chart_of_a_repository(tmp_path: Path) -> None:
    async with site() as there:
        filled(there, "/stable")
        async with store(trusting(tmp_path, repos={"dmall": f"{there.url}/stable"})) as charts:
            found = await charts.get(source("dmall/demo", "0.9.0"))
            assert (found.name, found.version) == ("demo", "0.9.0")
            assert found.digest == hashlib.sha256(OLD).hexdigest()
            assert (found.folder / "Chart.yaml").read_bytes() == files("demo", "0.9.0")["Chart.yaml"]
            assert (await charts.get(source("dmall/demo"))).version == "0.10.0"
            assert there.asked == ["/stable/index.yaml", "/stable/demo-0.9.0.tgz", "/stable/demo-0.10.0.tgz"]
        assert not found.folder.exists()


async def test_concurrent_asks_are_one_fetch_and_one_folder(tmp_path: Path) -> None:
    async with site() as there:
        filled(there)
        async with store(trusting(tmp_path, repos={"dmall": there.url})) as charts, asyncio.TaskGroup() as group:
            tasks = [group.create_task(charts.get(source("dmall/demo", "0.9.0"))) for _ in range(10)]
        assert len({task.result().folder for task in tasks}) == 1
        assert there.asked == ["/index.yaml", "/demo-0.9.0.tgz"]


async def test_versions_that_are_not_there(tmp_path: Path) -> None:
    async with site() as there:
        filled(there)
        there.pages["/index.yaml"] = index(demo=DEMO, rc={"1.0.0-rc.1": DEMO["1.0.0-rc.1"]})
        async with store(trusting(tmp_path, repos={"dmall": there.url})) as charts:
            message = await failing(charts, source("dmall/demo", "7.0.0"), ChartNotFound)
            assert message == (
                f"chart dmall/demo 7.0.0: {there.host} has no version 7.0.0; there are: 1.0.0-rc.1, 0.10.0, 0.9.0"
            )
            again = await failing(charts, source("dmall/demo", "7.0.0"), ChartNotFound)
            assert again == message
            assert "no such chart" in await failing(charts, source("dmall/other"), ChartNotFound)
            message = await failing(charts, source("dmall/rc"), ChartNotFound)
            assert "only pre-releases; name one of them as chartVersion; there are: 1.0.0-rc.1" in message
        assert there.asked == ["/index.yaml"]


async def test_an_index_is_asked_again_only_whether_it_changed(tmp_path: Path) -> None:
    async with site() as there:
        body = index(demo=DEMO)

        async def tagged(request: web.BaseRequest) -> web.StreamResponse:
            known = request.headers.get("If-None-Match") == '"1"' and request.headers.get("If-Modified-Since") == "then"
            headers = {"ETag": '"1"', "Last-Modified": "then"}
            return web.Response(status=304 if known else 200, body=b"" if known else body, headers=headers)

        filled(there).pages["/index.yaml"] = tagged
        async with store(trusting(tmp_path, repos={"dmall": there.url}, fresh_seconds=0.0)) as charts:
            await charts.get(source("dmall/demo", "0.9.0"))
            await charts.get(source("dmall/demo", "0.9.0"))
            assert there.headers["If-None-Match"] == '"1"'
            there.pages["/index.yaml"] = index(demo={"2.0.0": ("two.tgz", chart("demo", "2.0.0"))})
            there.pages["/two.tgz"] = chart("demo", "2.0.0")
            assert (await charts.get(source("dmall/demo"))).version == "2.0.0"
        assert there.asked == ["/index.yaml", "/demo-0.9.0.tgz", "/index.yaml", "/index.yaml", "/two.tgz"]


async def test_what_was_fetched_serves_while_the_repository_is_away(tmp_path: Path) -> None:
    async with site() as there:
        filled(there)
        async with store(trusting(tmp_path, repos={"dmall": there.url}, fresh_seconds=0.0)) as charts:
            before = await charts.get(source("dmall/demo"))
            there.pages["/index.yaml"] = web.Response(status=503)
            assert await charts.get(source("dmall/demo")) == before
            asked = len(there.asked)
            assert await charts.get(source("dmall/demo")) == before  # and does not ask at once again
            assert len(there.asked) == asked
            assert "HTTP 503" in await failing(charts, source("dmall/demo", "0.9.0"), ChartUnreachable)
            assert "HTTP 503" in await failing(charts, source("dmall/demo", "0.9.0"), ChartUnreachable)
            assert len(there.asked) == asked
        async with store(trusting(tmp_path, repos={"dmall": there.url}, fresh_seconds=0.0)) as charts:
            filled(there)
            await charts.get(source("dmall/demo"))
            there.pages["/index.yaml"] = index()
            await failing(charts, source("dmall/demo"), ChartNotFound)


async def test_an_index_that_fails_is_not_asked_for_each_chart(tmp_path: Path) -> None:
    async with site() as there:
        filled(there).pages["/index.yaml"] = web.Response(status=500)
        async with store(trusting(tmp_path, repos={"dmall": there.url})) as charts:
            for name in ("demo", "other", "third"):
                assert "HTTP 500" in await failing(charts, source(f"dmall/{name}"), ChartUnreachable)
        assert there.asked == ["/index.yaml"]
        filled(there)
        async with store(trusting(tmp_path, repos={"dmall": there.url}, fresh_seconds=0.0)) as charts:
            await charts.get(source("dmall/demo"))
            shutil.rmtree((await charts.get(source("dmall/demo"))).folder.parents[1])
            assert "cannot be kept here" in await failing(charts, source("dmall/demo", "0.9.0"), ChartUnreachable)


async def test_archives_that_are_not_what_the_index_says(tmp_path: Path) -> None:
    async with site() as there:
        filled(there)
        there.pages["/demo-0.9.0.tgz"] = NEW
        there.pages["/index.yaml"] = index(
            demo={**DEMO, "5.0.0": ("demo-rc.tgz", NEXT), "6.0.0": ("missing.tgz", OLD)}, other=DEMO
        )
        async with store(trusting(tmp_path, repos={"dmall": there.url})) as charts:
            assert "does not have the digest" in await failing(charts, source("dmall/demo", "0.9.0"), ChartRefused)
            told = await failing(charts, source("dmall/demo", "5.0.0"), ChartRefused)
            assert "says that it is demo 1.0.0-rc.1, wanted is demo 5.0.0" in told
            assert "wanted is other 0.10.0" in await failing(charts, source("dmall/other"), ChartRefused)
            assert "no such thing" in await failing(charts, source("dmall/demo", "6.0.0"), ChartNotFound)


async def test_urls_of_an_index_obey_policy(tmp_path: Path) -> None:
    async with site() as there, site() as other:
        other.pages["/ok.tgz"] = OLD
        there.pages["/index.yaml"] = index(demo={
            "0.9.0": (f"{other.url}/ok.tgz", OLD),
            "2.0.0": ("https://169.254.169.254/secret.tgz", NEW),
            "3.0.0": ("http://example.com/secret.tgz", NEW),
            "4.0.0": ("file:///secret.tgz", NEW),
            "5.0.0": ("https://me:secret@example.com/x.tgz", NEW),
            "6.0.0": ("https://[::1/secret.tgz", NEW),
        }) + b"\n  none:\n  - {name: none, version: 1.0.0}"  # fmt: skip
        async with store(trusting(tmp_path, repos={"dmall": there.url})) as charts:
            assert (await charts.get(source("dmall/demo", "0.9.0"))).version == "0.9.0"
            for version, told in (
                ("2.0.0", "link-local"),
                ("3.0.0", "without https"),
                ("4.0.0", "must begin with"),
                ("5.0.0", "user or a password"),
                ("6.0.0", "cannot be read"),
            ):
                assert told in await failing(charts, source("dmall/demo", version), ChartRefused)
            assert "names no URL" in await failing(charts, source("dmall/none", "1.0.0"), ChartRefused)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"a: &a [1,1]\nentries: {demo: [*a]}", "anchors and aliases"),
        (b"a: [" * 50, "nested too deeply"),
        (b"<html>", "expected an object"),
        (b"a: " + b"x" * 9000, "more than 8000 bytes"),
        (gzip.compress(b"x" * 100_000), "8000 bytes, the limit of an index"),
        (gzip.compress(index(demo=DEMO)), ""),
    ],
)
async def test_hostile_indexes(tmp_path: Path, body: bytes, told: str) -> None:
    async with site() as there:
        packed = {"Content-Encoding": "gzip"} if body[:2] == b"\x1f\x8b" else {}
        filled(there).pages["/index.yaml"] = web.Response(body=body, headers=packed)
        async with store(trusting(tmp_path, repos={"dmall": there.url}, index_bytes=8000)) as charts:
            if told:
                assert told in await failing(charts, source("dmall/demo"), ChartRefused)
            else:
                assert (await charts.get(source("dmall/demo"))).version == "0.10.0"


async def test_an_index_of_five_megabytes(tmp_path: Path) -> None:
    many = {f"1.{number}.0": (f"x-{number}.tgz", OLD) for number in range(1000)}
    body = index(**{f"chart-{number}": many for number in range(45)}, demo=DEMO)
    assert len(body) > 5 << 20
    async with site() as there:
        filled(there).pages["/index.yaml"] = body
        async with store(trusting(tmp_path, repos={"dmall": there.url})) as charts:
            assert (await charts.get(source("dmall/demo"))).version == "0.10.0"


async def test_an_index_that_takes_too_long_is_refused(tmp_path: Path) -> None:
    async with site() as there:
        filled(there).pages["/index.yaml"] = b"a: [" + b"a," * 9_000_000 + b"a]"
        async with store(trusting(tmp_path, repos={"dmall": there.url}, index_timeout=0.6)) as charts:
            with pytest.raises(ChartError, match="he index of"):
                await charts.get(source("dmall/demo"))


async def test_reading_an_index_ends_with_the_task_that_waits_for_it(tmp_path: Path) -> None:
    async with site() as there:
        filled(there).pages["/index.yaml"] = b"a: [" + b"a," * 9_000_000 + b"a]"
        async with store(trusting(tmp_path, repos={"dmall": there.url})) as charts, asyncio.TaskGroup() as group:
            task = group.create_task(charts.get(source("dmall/demo")))
            await until_async(reading, 20, "no process reads the index")
            task.cancel()
        assert not await reading()


async def reading() -> bool:
    """Whether a child of ours reads an index."""
    return b"sym.net.index" in b"".join(commands())


def commands() -> Iterator[bytes]:
    """The command lines of our children."""
    for path in Path("/proc/self/task").glob("*/children"):
        for child in path.read_text().split():
            with suppress(OSError):
                yield Path(f"/proc/{child}/cmdline").read_bytes()


# plain https, http, folders


async def test_an_archive_by_its_url(tmp_path: Path) -> None:
    async with site() as there:
        there.pages |= {"/a/demo.tgz": OLD, "/bomb.tgz": gzip.compress(bytes(100 << 20)), "/big.tgz": bytes(11 << 20)}
        async with store(trusting(tmp_path)) as charts:
            url = f"{there.url}/a/demo.tgz?token=secret"
            assert (await charts.get(source(url))).version == "0.9.0"
            assert (await charts.get(source(url, "0.9.0"))).version == "0.9.0"
            told = await failing(charts, source(url, "1.0.0"), ChartRefused)
            assert told.startswith(f"chart https://{there.host} 1.0.0: the archive says that it is demo 0.9.0")
            assert "unpacks to more" in await failing(charts, source(there.url + "/bomb.tgz"), ChartRefused)
            assert "sends more than" in await failing(charts, source(there.url + "/big.tgz"), ChartRefused)
            assert "ends in .tgz" in await failing(charts, source(there.url + "/secret"), ChartRefused)
            assert "no such thing" in await failing(charts, source(there.url + "/secret.tgz"), ChartNotFound)


async def test_the_operator_may_mean_http(tmp_path: Path) -> None:
    there = filled(Site())
    runner = web.ServerRunner(web.Server(there.answer), handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with store(trusting(tmp_path, repos={"dmall": url})) as charts:
            assert (await charts.get(source("dmall/demo"))).version == "0.10.0"
            assert "ALIAS/CHART" in await failing(charts, source(f"{url}/demo-0.9.0.tgz"), ChartRefused)
    finally:
        await runner.cleanup()


async def test_a_folder_of_charts(tmp_path: Path) -> None:
    folder = tmp_path / "charts"
    (folder / "spring" / "templates").mkdir(parents=True)
    for path, data in files("spring", "0.0.1").items():
        (folder / "spring" / path).write_bytes(data)
    (folder / "spring" / ".git").mkdir()
    (folder / "spring" / ".git" / "secret").write_bytes(b"x")
    (folder / "spring" / ".hidden").write_bytes(b"x")
    for version, (_, data) in DEMO.items():
        (folder / f"demo-{version}.tgz").write_bytes(data)
    (folder / "demo-extra-5.0.0.tgz").write_bytes(chart("demo-extra", "5.0.0"))
    for text in (str(folder), f"file://{folder}"):
        async with store(trusting(tmp_path, repos={"here": text})) as charts:
            found = await charts.get(source("here/spring"))
            assert (found.name, found.version) == ("spring", "0.0.1")
            assert not (found.folder / ".git").exists()
            assert await charts.get(source("here/spring", "0.0.1")) == found
            assert (await charts.get(source("here/demo"))).version == "0.10.0"
            assert (await charts.get(source("here/demo", "1.0.0-rc.1"))).version == "1.0.0-rc.1"
            told = await failing(charts, source("here/spring", "2.0.0"), ChartNotFound)
            assert "there are: 0.0.1" in told
            assert "0.10.0, 0.9.0" in await failing(charts, source("here/demo", "2.0.0"), ChartNotFound)
            assert "no such chart" in await failing(charts, source("here/none"), ChartNotFound)
    (folder / "spring" / "link").symlink_to("/etc/passwd")
    async with store(trusting(tmp_path, repos={"here": str(folder), "gone": "/no/such/folder"})) as charts:
        assert "link is no plain file" in await failing(charts, source("here/spring"), ChartRefused)
        assert "cannot be read: No such file" in await failing(charts, source("gone/x"), ChartUnreachable)


@pytest.mark.parametrize(
    "url",
    [
        "/etc/charts/demo", "./demo", "../demo", "file:///etc/demo", "http://example.com/demo.tgz", "here/../demo",
        "here/a/b", "here/", "/demo", "", "demo", "git+https://example.com/demo", "here/.hidden",
        "here/a\nb", "here/a b",
    ],
)  # fmt: skip
async def test_what_a_tenant_may_not_name(tmp_path: Path, url: str) -> None:
    async with store(trusting(tmp_path, repos={"here": str(tmp_path)})) as charts:
        told = await failing(charts, source(url), ChartRefused)
        assert "chartUrl.url must be ALIAS/CHART" in told
        assert "\n" not in told


@hypothesis.given(st.text(max_size=40), st.text(max_size=10))
def test_any_source_gives_a_chart_or_a_sentence(url: str, version: str) -> None:
    async def ask() -> None:
        async with store(ChartSettings()) as charts:
            await charts.get(source(url, version))

    with pytest.raises(ChartError):
        asyncio.run(ask())


async def test_a_name_that_nobody_gave(tmp_path: Path) -> None:
    async with store(trusting(tmp_path, repos={"b": str(tmp_path), "a": str(tmp_path)})) as charts:
        told = await failing(charts, source("dmall/demo"), ChartRefused)
        assert told.startswith(
            "chart dmall/demo: there is no repository dmall (there are: a, b); the operator can add it"
        )
        assert "constraints are not supported" in await failing(charts, source("a/demo", "^1.0"), ChartRefused)
    async with store(trusting(tmp_path)) as charts:
        assert "(there are: none)" in await failing(charts, source("dmall/demo"), ChartRefused)


@pytest.mark.parametrize(
    ("alias", "meaning", "told"),
    [
        ("a/b", "https://example.com", "cannot be an alias"),
        ("a", "ftp://example.com", "a: its URL must begin with https:// or http:// or oci://, or is the absolute path"),
        ("a", "charts", "absolute path of a folder"),
        ("a", "https://user:secret@example.com", "user or a password"),
    ],
)
def test_aliases_that_mean_nothing(tmp_path: Path, alias: str, meaning: str, told: str) -> None:
    with pytest.raises(ChartRefused) as caught:
        ChartStore(trusting(tmp_path, repos={alias: meaning}), SystemEnv())
    assert told in caught.value.message
    assert "secret" not in caught.value.message


def test_a_file_of_authorities_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "junk.pem").write_bytes(b"junk")
    for name in ("missing.pem", "junk.pem"):
        with pytest.raises(ChartRefused, match=f"--charts-ca-file .*{name}: it is missing or no PEM"):
            ChartStore(ChartSettings(ca_file=str(tmp_path / name)), SystemEnv())


# archives in the AppSet


async def test_an_archive_in_base64(tmp_path: Path) -> None:
    text = base64.b64encode(OLD).decode()
    folded = "\n".join(text[at : at + 76] for at in range(0, len(text), 76))
    async with store(trusting(tmp_path)) as charts:
        found = await charts.get(Chart(raw_chart=folded))
        assert (found.version, found.digest) == ("0.9.0", hashlib.sha256(OLD).hexdigest())
        assert await charts.get(given(OLD)) == found
        both = Chart(raw_chart=text, chart_url=ChartUrl(url="here/other"))
        assert await charts.get(both) == found
        for raw, told in (("%%%", "not base64"), ("äöü", "not base64"), ("aGVsbG8=", "rawChart: it is not packed")):
            assert told in await failing(charts, Chart(raw_chart=raw), ChartRefused)
        assert "more than" in await failing(charts, Chart(raw_chart="A" * (14 << 20)), ChartRefused)


async def test_a_digest_alone_is_no_source(tmp_path: Path) -> None:
    async with store(trusting(tmp_path)) as charts:
        assert "must be ALIAS/CHART" in await failing(charts, Chart(digest="abc"), ChartRefused)


# the cache


async def test_what_is_not_used_goes(tmp_path: Path) -> None:
    """Each takes 36 KiB: four files, one of two blocks, and a block for each file itself."""
    blobs = [tgz({**files("demo", f"1.0.{number}"), "x": bytes(5000)}) for number in range(9)]
    sources = [given(blob) for blob in blobs]
    async with store(trusting(tmp_path, cache_bytes=80_000, keep_seconds=0.0)) as charts:
        first, second = await charts.get(sources[0]), await charts.get(sources[1])
        assert await charts.get(sources[0]) == first
        third = await charts.get(sources[2])
        assert [one.folder.exists() for one in (first, second, third)] == [True, False, True]
        assert await charts.get(sources[1]) == second
        assert second.folder.exists()
    async with store(trusting(tmp_path, cache_bytes=83_000, keep_seconds=900.0)) as charts:
        kept = [await charts.get(one) for one in sources]
        assert [one.folder.exists() for one in kept] == [True] * 9
    async with store(trusting(tmp_path, cache_bytes=70_000, keep_seconds=900.0)) as charts:
        kept = [await charts.get(one) for one in sources]
        assert [one.folder.exists() for one in kept] == [False] * 2 + [True] * 7


async def test_what_is_remembered_of_a_failure_holds_no_archive(tmp_path: Path) -> None:
    async with site() as there:
        filled(there).pages["/demo-0.9.0.tgz"] = NEW
        async with store(trusting(tmp_path, repos={"dmall": there.url})) as charts:
            await failing(charts, source("dmall/demo", "0.9.0"), ChartRefused)
            [answer] = charts._answers.values()
            assert answer.error is not None
            assert answer.error.__traceback__ is None


async def test_what_somebody_tidied_up_is_unpacked_again(tmp_path: Path) -> None:
    async with store(trusting(tmp_path)) as charts:
        asked = given(OLD)
        found = await charts.get(asked)
        (found.folder / "Chart.yaml").unlink()
        assert await charts.get(asked) == found
        assert (found.folder / "Chart.yaml").exists()


async def test_a_place_that_cannot_be_written_is_trouble_of_ours(tmp_path: Path) -> None:
    async with site() as there:
        filled(there)
        for asked in (given(OLD), source("dmall/demo")):
            charts = ChartStore(trusting(tmp_path, repos={"dmall": there.url}), SystemEnv(), tmp_path / "missing")
            told = await failing(charts, asked, ChartUnreachable)
            assert "the chart cannot be unpacked on this machine: No such file or directory" in told
    charts = ChartStore(trusting(tmp_path), SystemEnv(), tmp_path)
    await charts.get(given(OLD))
    emptied(tmp_path)
    told = await failing(charts, given(NEW), ChartUnreachable)
    assert told == "rawChart: the chart cannot be unpacked on this machine: No such file or directory"
    await charts.close()
    assert (await charts.get(given(NEW))).version == "0.10.0"
    await charts.close()


def emptied(folder: Path) -> None:
    [root] = homes(folder)
    shutil.rmtree(root)


def homes(folder: Path) -> list[Path]:
    return sorted(folder.glob("sym-charts-*"))


async def test_after_its_end_a_store_begins_anew(tmp_path: Path) -> None:
    async with site() as there:
        filled(there)
        async with store(trusting(tmp_path, repos={"dmall": there.url})) as charts:
            before = await charts.get(source("dmall/demo"))
            await charts.close()
            after = await charts.get(source("dmall/demo"))
            assert (after.digest, after.folder.exists()) == (before.digest, True)
            assert after.folder != before.folder


async def test_what_a_killed_process_left_is_taken_away(tmp_path: Path) -> None:
    old = home(tmp_path, "old")
    held = home(tmp_path, "held")
    fresh = home(tmp_path, "fresh", age=0)
    empty = home(tmp_path, "empty", locked=False)
    with (held / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        charts = ChartStore(trusting(tmp_path), SystemEnv(), tmp_path)
        await charts.get(given(OLD))
        assert [one.exists() for one in (old, held, fresh, empty)] == [False, True, True, True]
        other = ChartStore(trusting(tmp_path), SystemEnv(), tmp_path)
        await other.get(given(OLD))
        await other.close()
        await charts.get(given(OLD))
        await charts.close()
    assert homes(tmp_path) == sorted((empty, fresh, held))


def home(parent: Path, name: str, *, age: int = 3600, locked: bool = True) -> Path:
    """The folder of another process, so many seconds old."""
    made = parent / f"sym-charts-{name}"
    made.mkdir()
    if locked:
        (made / "lock").touch()
    os.utime(made, times=(made.stat().st_atime, made.stat().st_mtime - age))
    return made
