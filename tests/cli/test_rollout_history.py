"""`sym rollout history` and `undo` on a server: what is shown, what is written, in which order."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import click
import pytest

from sym import yaml
from sym.aio.env import LoopEnv
from sym.cli.rollout_call import Desk
from sym.cli.rollout_history import CAUSE, shown
from sym.cli.rollout_undo import undo
from sym.kube.api import Api
from sym.kube.errors import ServerError
from sym.kube.requests import Request, Response
from sym.model import names
from sym.model.codec import JSON, JSONMap, as_map, dig_list, dig_map, parse_map
from sym.model.crd import crds
from sym.model.kinds import APPSET, CONTROLLER_REVISION, CRD
from sym.sandbox.cluster import SandboxCluster
from sym.sandbox.faults import FaultyClient, Refuse, Script
from sym.settings import KubeSettings, SandboxSettings
from tests.cli.rollouts import canary, completed, hash_of

pytestmark = pytest.mark.anyio

AGO = "2026-10-01T00:00:00Z"


class Archive:
    """A meta cluster with bbcc, which runs v4, and the revisions of its contents."""

    def __init__(self) -> None:
        self.cluster = SandboxCluster("meta", LoopEnv(0), SandboxSettings())
        self.api = Api(self.cluster.client(), "")
        self.script = Script()
        self.desk = Desk(
            api=Api(FaultyClient(self.cluster.client(), self.script, KubeSettings()), ""),
            namespace="default",
            name="bbcc",
        )

    async def fill(self) -> None:
        """v1 and v3 ran everywhere, v2 did not, v4 is there now; another AppSet has a revision too."""
        for crd in crds():
            await self.api.apply(CRD, crd, "test")
        app = completed()
        head: JSONMap = {"apiVersion": APPSET.api_version, "kind": APPSET.name}
        note: JSONMap = {CAUSE: "ticket 7"}
        meta: JSONMap = {"name": "bbcc", "namespace": "default", "annotations": note}
        await self.api.create(APPSET, {**head, "metadata": meta, "spec": app["spec"]}, "person")
        status = {**dig_map(app, "status"), "observedGeneration": 1}
        await self.api.patch_status(APPSET, "default", "bbcc", {"status": status}, "sym-master")
        for number, version, finished in ((1, "v1", AGO), (2, "v2", ""), (3, "v3", AGO), (4, "v4", "")):
            await self.keep(number, version, finished)
        await self.keep(9, "v9", AGO, app="other")

    async def keep(self, number: int, version: str, finished: str, app: str = "bbcc") -> None:
        """The controller keeps a content."""
        content = canary(version)
        marks: JSONMap = {names.REVISION: hash_of(content), **({names.FINISHED: finished} if finished else {})}
        meta: JSONMap = {
            "name": f"{app}-{number}",
            "namespace": "default",
            "labels": {names.APPSET: app},
            "annotations": marks,
        }
        body: JSONMap = {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": meta, "revision": number}
        await self.api.create(CONTROLLER_REVISION, {**body, "data": {"spec": content["spec"]}}, "sym-master")

    async def live(self) -> JSONMap:
        """The AppSet as it is."""
        return await self.api.get_raw(APPSET, "default", "bbcc")

    async def asked(self) -> list[JSON]:
        """What was asked of the rollout: verb and content."""
        requests = [as_map(each) for each in dig_list(await self.live(), "status", "rollout", "requests")]
        return [[each["verb"], each["hash"]] for each in requests]

    async def undo(self, number: int | None = None, *, at_once: bool = False) -> str:
        """`sym rollout undo`; the content hash after it."""
        await undo(self.desk, number, LoopEnv(0), at_once=at_once)
        return hash_of(await self.live())


@pytest.fixture
async def archive() -> AsyncIterator[Archive]:
    """It, filled."""
    made = Archive()
    await made.fill()
    yield made
    await made.desk.api.aclose()


async def test_the_table(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    await shown(archive.desk, None, None)
    hashes = [hash_of(canary(f"v{number}")) for number in range(1, 5)]
    assert capsys.readouterr().out.splitlines() == [
        "REVISION  HASH              CONTENT  FINISHED              CHANGE-CAUSE",
        f"1         {hashes[0]}  v1       2026-10-01T00:00:00Z  -",
        f"2         {hashes[1]}  v2       -                     -",
        f"3         {hashes[2]}  v3       2026-10-01T00:00:00Z  -",
        f"4*        {hashes[3]}  v4       -                     ticket 7",
    ]


async def test_one_revision_and_all_for_programs(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    await shown(archive.desk, 3, None)
    assert yaml.load(capsys.readouterr().out) == canary("v3")["spec"]
    await shown(archive.desk, None, "json")
    items = [as_map(each) for each in dig_list(parse_map(capsys.readouterr().out), "items")]
    assert [(each["revision"], each["content"], each["current"]) for each in items] == [
        (1, "v1", False),
        (2, "v2", False),
        (3, "v3", False),
        (4, "v4", True),
    ]
    with pytest.raises(click.ClickException, match="there is no revision 9: there are 4, 3, 2, 1") as refused:
        await shown(archive.desk, 9, None)
    assert refused.value.exit_code == 3


async def test_an_appset_without_history(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(1, 5):
        archive.cluster.store.remove(CONTROLLER_REVISION, "default", f"bbcc-{number}")
    await shown(archive.desk, None, None)
    assert "AppSet default/bbcc has no revisions yet" in capsys.readouterr().out
    with pytest.raises(click.ClickException, match="no other revision has run everywhere before"):
        await archive.undo()


async def test_undo_goes_to_the_newest_that_ran_everywhere(archive: Archive) -> None:
    assert await archive.undo() == hash_of(canary("v3"))
    assert await archive.asked() == []


async def test_undo_to_a_number_twice(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    assert await archive.undo(2) == hash_of(canary("v2"))
    before = await archive.live()
    assert await archive.undo(2) == hash_of(canary("v2"))
    assert await archive.live() == before
    assert "has the content of revision 2 already" in capsys.readouterr().out


async def test_at_once_is_an_edit_and_then_a_request_for_just_that(archive: Archive) -> None:
    wanted = hash_of(canary("v3"))
    assert await archive.undo(at_once=True) == wanted
    assert await archive.asked() == [["now", wanted]]
    assert await archive.undo(3, at_once=True) == wanted
    assert await archive.asked() == [["now", wanted]]


async def test_a_request_that_failed_is_made_up_for(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    archive.script.add(is_status_patch, Refuse(503))
    with pytest.raises(ServerError):
        await archive.undo(at_once=True)
    assert "ask again with --now and --to-revision N, N being the number" in capsys.readouterr().err
    assert await archive.asked() == []
    assert await archive.undo(3, at_once=True) == hash_of(canary("v3"))
    assert await archive.asked() == [["now", hash_of(canary("v3"))]]


async def test_at_once_is_only_for_what_ran_everywhere(archive: Archive) -> None:
    before = await archive.live()
    with pytest.raises(click.ClickException, match=r"revision 2 never ran everywhere.*leave out --now"):
        await archive.undo(2, at_once=True)
    assert await archive.live() == before


async def test_at_once_is_only_for_what_ran_as_it_would_now(archive: Archive) -> None:
    live = await archive.live()
    spec = dig_map(live, "spec")
    more = as_map(dig_list(spec, "clusterTopology", "clusters")[0])
    dig_list(more, "podSets").append({"name": "bbcc-new-green", "replicas": 1})
    await archive.api.update(APPSET, live, "person")
    with pytest.raises(click.ClickException, match=r"revision 3 ran with other podSets than there are now"):
        await archive.undo(3, at_once=True)
    assert dig_map(await archive.live(), "spec") == spec
    assert hash_of(await archive.live()) != await archive.undo(3)


async def test_what_is_of_a_former_appset_of_the_name_is_not_its_history(
    archive: Archive, capsys: pytest.CaptureFixture[str]
) -> None:
    named: JSONMap = {"name": "bbcc", "namespace": "default", "annotations": {names.APP_ID: "a-1"}}
    await archive.api.patch(APPSET, {"metadata": named}, "sym-master")
    await shown(archive.desk, None, None)
    assert "has no revisions yet" in capsys.readouterr().out


class Meddling:
    """A client behind which somebody sets another image right after the first edit of the spec."""

    def __init__(self, archive: Archive) -> None:
        self._inner = archive.cluster.client()
        self._api = archive.api
        self._done = False

    async def send(self, request: Request) -> Response:
        answer = await self._inner.send(request)
        if request.method == "PATCH" and not self._done:
            self._done = True
            named: JSONMap = {"name": "bbcc", "namespace": "default"}
            spec: JSONMap = {"podSpec": {"selector": {"matchLabels": {"a": "b"}}}}
            await self._api.patch(APPSET, {"metadata": named, "spec": spec}, "x")
        return answer

    def stream(self, request: Request) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._inner.stream(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


async def test_a_content_that_changes_meanwhile_is_not_hurried(archive: Archive) -> None:
    desk = Desk(api=Api(Meddling(archive), ""), namespace="default", name="bbcc")
    with pytest.raises(click.ClickException, match="somebody has changed its content meanwhile"):
        await undo(desk, 3, LoopEnv(0), at_once=True)
    assert await archive.asked() == []


def is_status_patch(request: Request) -> bool:
    """A write of the status."""
    return request.method == "PATCH" and request.path.endswith("/status")
