"""The engine around the Helm library, with a package that a test wrote: its worker, and what is made of its answers."""

import asyncio
import io
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from sym.aio import loops
from sym.kube.connection import Connection, ExecPlugin
from sym.kube.helm import find, sdk, sdk_worker
from sym.kube.helm.sdk import HelmSdk
from sym.kube.helm.types import (
    Capabilities,
    HelmEngineMissing,
    HelmError,
    HelmFailed,
    HelmTimedOut,
    ReleaseName,
    Wanted,
)
from sym.model.codec import JSON, JSONMap
from sym.settings import HelmSettings
from tests.conftest import Backend
from tests.kube.helm import library
from tests.wait import until, until_async

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop]

TIME = 50.0
WHERE = Connection(server="https://127.0.0.1:1", token="s3cret")
KUBE = Capabilities(kube_version="v1.30.0")
TEST_HOOK = '{"metadata": {"annotations": {"helm.sh/hook": "test, post-install"}}}'


@pytest.fixture(params=[asyncio.SelectorEventLoop, loops.factory()], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> Backend:
    """Both loops that Sym may run on: their subprocesses differ."""
    return "asyncio", {"loop_factory": request.param or asyncio.SelectorEventLoop}


def named(name: str) -> ReleaseName:
    return ReleaseName(namespace="shop", name=name)


def wanted(tmp_path: Path, name: str = "web") -> Wanted:
    """A release whose chart has one template, a test, notes and a CRD."""
    chart = tmp_path / "chart"
    for path, text in {
        "templates/a.yaml": '{"kind": "A"}\n---\n\n---\n{"kind": "B"}\n',
        "templates/test.yaml": TEST_HOOK,
        "templates/NOTES.txt": "bad",
        "crds/crd.yaml": "{}",
    }.items():
        (chart / path).parent.mkdir(parents=True, exist_ok=True)
        (chart / path).write_text(text)
    return Wanted(
        release=named(name), chart=chart, values=({"a": {"b": 1, "c": 2}}, '{"a": {"b": 3}}'), labels={"l": "m"}
    )


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[HelmSdk]:
    """The engine of that package."""
    made = HelmSdk(library.write(tmp_path), HelmSettings(grace=0.2))
    yield made
    await made.close()


def children() -> set[int]:
    """Processes that this one started and that run."""
    found: set[int] = set()
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = place.read_text().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(parent) == os.getpid() and state != "Z":
            found.add(int(place.parent.name))
    return found


async def test_it_renders_without_tests_notes_and_crds(engine: HelmSdk, tmp_path: Path) -> None:
    text = await engine.render(wanted(tmp_path), KUBE, TIME)
    assert text == (
        '---\n# Source: v.yaml\n{"a": {"b": 3, "c": 2}}\n---\n# Source: web/a.yaml\n{"kind": "A"}\n'
        '---\n# Source: web/a.yaml\n{"kind": "B"}\n\n'
    )


async def test_a_release_lives(engine: HelmSdk, tmp_path: Path) -> None:
    made = await engine.install(WHERE, wanted(tmp_path), TIME)
    assert (made.release, made.chart, made.chart_version, made.revision, made.status) == (
        "web", "web", "1.2.3", 2, "deployed",
    )  # fmt: skip
    assert await engine.upgrade(WHERE, wanted(tmp_path), TIME) == made
    assert [one.revision for one in await engine.history(WHERE, named("web"), TIME)] == [1, 2]
    assert await engine.status(WHERE, named("web"), TIME) == made
    await engine.rollback(WHERE, named("web"), 1, TIME)
    await engine.uninstall(WHERE, named("web"), TIME)
    assert await engine.status(WHERE, named("none"), TIME) is None
    assert await engine.history(WHERE, named("none"), TIME) == ()


async def test_a_call_that_hears_of_its_end_leaves_the_others_alone(engine: HelmSdk, tmp_path: Path) -> None:
    await engine.render(wanted(tmp_path), KUBE, TIME)
    before = children()
    with pytest.raises(HelmTimedOut, match="not done within 1 s"):
        await engine.install(WHERE, wanted(tmp_path, "slow"), 1)
    assert children() == before
    await engine.render(wanted(tmp_path), KUBE, TIME)


async def test_a_call_that_is_deaf_ends_the_worker_and_the_next_call_has_a_new_one(
    engine: HelmSdk, tmp_path: Path
) -> None:
    await engine.render(wanted(tmp_path), KUBE, TIME)
    before = children()
    async with asyncio.TaskGroup() as group:
        neighbour = group.create_task(_failure(engine, wanted(tmp_path, "slow")))
        task = group.create_task(engine.install(WHERE, wanted(tmp_path, "stuck"), TIME))
        await until_async(lambda: _running(engine, 2), TIME, "both are under way")
        task.cancel()
    assert task.cancelled()
    assert "what it was doing is unknown" in neighbour.result()
    assert not children() & before
    await engine.render(wanted(tmp_path), KUBE, TIME)


async def test_an_impatient_caller_ends_the_worker_at_once(tmp_path: Path) -> None:
    engine = HelmSdk(library.write(tmp_path), HelmSettings(grace=600.0))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(engine.install(WHERE, wanted(tmp_path, "stuck"), TIME))
        await until_async(lambda: _running(engine, 1), TIME, "it is under way")

        async def ended() -> bool:
            task.cancel()
            return task.done()

        await until_async(ended, TIME, "it has its end")
    await engine.close()


@pytest.mark.parametrize(
    ("name", "kind", "phrase"),
    [
        ("crash", HelmFailed, "what it was doing is unknown"),
        ("starved", HelmTimedOut, "3072 MiB of address space"),
        ("odd", HelmFailed, "KeyError"),
        ("none", HelmFailed, "release: not found"),
    ],
)
async def test_what_goes_wrong_is_told_and_the_engine_goes_on(
    engine: HelmSdk, tmp_path: Path, name: str, kind: type[HelmError], phrase: str
) -> None:
    with pytest.raises(kind, match=phrase):
        await engine.install(WHERE, wanted(tmp_path, name), TIME)
    await engine.render(wanted(tmp_path), KUBE, TIME)


async def test_no_credential_and_no_path_is_in_a_message(engine: HelmSdk, tmp_path: Path) -> None:
    with pytest.raises(HelmFailed, match="open x: ") as caught:
        await engine.install(WHERE, wanted(tmp_path, "leak"), TIME)
    assert "***" in caught.value.message
    assert "s3cret" not in caught.value.message


async def test_what_it_cannot_do_is_refused(engine: HelmSdk, tmp_path: Path) -> None:
    with pytest.raises(HelmFailed, match="leave out hooks"):
        await engine.install(WHERE, structs.replace(wanted(tmp_path), hooks=False), TIME)
    plugin = structs.replace(WHERE, exec_plugin=ExecPlugin(command="login"))
    with pytest.raises(HelmFailed, match="credential plug-ins"):
        await engine.uninstall(plugin, named("web"), TIME)
    for text, phrase in (('{"wrong": 1}', "values are wrong"), ("bad", "bad yaml")):
        with pytest.raises(HelmFailed, match=phrase):
            await engine.render(structs.replace(wanted(tmp_path), values=(text,)), KUBE, TIME)
    chart = wanted(tmp_path).chart
    (chart / "templates" / "b.yaml").write_text("bad")
    with pytest.raises(HelmFailed, match=r"YAML parse error on web/b\.yaml: bad yaml"):
        await engine.render(wanted(tmp_path), KUBE, TIME)
    (chart / "charts").mkdir()
    with pytest.raises(HelmFailed, match="packed chart"):
        await engine.render(wanted(tmp_path), KUBE, TIME)


async def test_a_chart_is_pulled(engine: HelmSdk, tmp_path: Path) -> None:
    (tmp_path / "charts").mkdir()
    path = await engine.pull("oci://r/web", "1.2.3", tmp_path / "charts", TIME)
    assert (path, path.read_text()) == (tmp_path / "charts" / "web-1.2.3.tgz", "archive")
    with pytest.raises(HelmFailed, match="0 archives"):
        await engine.pull("oci://nothing", "1.2.3", tmp_path / "charts", TIME)


@pytest.mark.parametrize(
    ("source", "kind", "phrase"),
    [
        ("raise ImportError('no such lib')", HelmEngineMissing, "cannot be loaded"),
        ("import os; os.write(3, b'junk\\n'); import time; time.sleep(600)", HelmEngineMissing, "cannot be loaded"),
        ("import time; time.sleep(600)", HelmTimedOut, "not done within 1 s"),
    ],
    ids=["broken", "junk", "endless"],
)
async def test_a_library_that_does_not_load_is_told_and_no_process_is_left(
    tmp_path: Path, source: str, kind: type[HelmError], phrase: str
) -> None:
    before = children()
    engine = HelmSdk(library.write(tmp_path, source), HelmSettings())
    with pytest.raises(kind, match=phrase):
        await engine.render(wanted(tmp_path), KUBE, 1 if kind is HelmTimedOut else TIME)
    await engine.close()
    until(lambda: children() <= before, TIME, "the worker has ended")


async def test_closing_ends_the_worker_and_removes_its_folder(engine: HelmSdk, tmp_path: Path) -> None:
    before = children()
    await engine.render(wanted(tmp_path), KUBE, TIME)
    assert children() > before
    await engine.close()
    assert children() == before


async def test_the_library_is_found_where_it_is_installed(worker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("SYM_CACHE", str(worker))
    for choice in ("auto", "sdk"):
        made = await find.find_engine(HelmSettings(engine="auto" if choice == "auto" else "sdk"))
        assert isinstance(made, HelmSdk)
        await made.close()
    assert sdk.library() == worker / "library"


# the worker's own parts, in this process


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Path]:
    """The package, importable here."""
    place = str(library.write(tmp_path))
    present = sys.modules.pop("helm_python", None)
    sys.path.insert(0, place)
    yield tmp_path
    sys.path.remove(place)
    sys.modules.pop("helm_python", None)
    if present is not None:
        sys.modules["helm_python"] = present


def ask(calls: sdk_worker.Calls, out: io.StringIO, call: sdk_worker.Call) -> JSONMap:
    """The answer to a call."""
    calls.begin(call)
    until(lambda: out.getvalue().endswith("\n"), TIME, "an answer comes")
    answer: JSONMap = json.loads(out.getvalue())
    out.seek(0)
    out.truncate()
    return answer


def test_calls_are_answered(worker: Path) -> None:
    out = io.StringIO()
    calls = sdk_worker.Calls(sdk_worker.Answers(out))
    asked = wanted(worker)
    common = sdk_worker.Call(
        kubeconfig="x", namespace="shop", name="web", chart=str(asked.chart), values=[], labels={}, description="",
        timeout=1, history=3, revision=1, folder=str(worker), version="1.2.3",
    )  # fmt: skip
    told: dict[str, JSON] = {}
    for number, do in enumerate(sdk_worker.DO):
        answer = ask(calls, out, replace(common, id=number, do=do))
        assert answer["id"] == number
        told[do] = answer["value"]
    assert told["install"] == told["upgrade"] == told["status"]
    assert (told["rollback"], told["uninstall"], told["pull"]) == (None, None, None)
    assert ask(calls, out, replace(common, name="none", id=9, do="status"))["code"] == -7
    assert ask(calls, out, replace(common, name="odd", id=9, do="status"))["code"] == sdk_worker.REFUSED
    calls.begin(sdk_worker.Call(cancel=77))


def test_layers_are_laid_over_each_other(worker: Path) -> None:
    lower: JSONMap = {"a": {"b": 1, "c": [1]}, "d": {"e": 1}}
    upper: JSONMap = {"a": {"c": [2], "f": None}, "d": 2}
    assert sdk_worker.merged([lower, upper, '{"g": 1}']) == {"a": {"b": 1, "c": [2], "f": None}, "d": 2, "g": 1}
    assert lower["d"] == {"e": 1}


async def _failure(engine: HelmSdk, what: Wanted) -> str:
    with pytest.raises(HelmFailed) as caught:
        await engine.install(WHERE, what, TIME)
    return caught.value.message


async def _running(engine: HelmSdk, number: int) -> bool:
    worker = engine._worker
    return worker is not None and len(worker._waiting) == number + 1
