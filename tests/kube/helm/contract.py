"""What each Helm engine must do, as a class of tests: on the sandbox here, on real clusters in tests/e2e.

A subclass gives `where`, the cluster. Each test has a release of its own in the namespace default.
"""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest
from msgspec import structs

from sym.aio.env import SystemEnv
from sym.kube.api import Api
from sym.kube.connection import Connection
from sym.kube.errors import NotFound
from sym.kube.helm.types import (
    Capabilities,
    HelmEngine,
    HelmError,
    HelmFailed,
    HelmTimedOut,
    ReleaseName,
    Values,
    Wanted,
)
from sym.kube.http import HttpClient
from sym.model.codec import JSONMap, dig_map, dig_str
from sym.model.kinds import CRD, SECRET
from sym.model.meta import Kind
from sym.settings import HelmSettings, KubeSettings
from tests import helm_charts
from tests.conftest import E2E
from tests.helm_charts import chart
from tests.kube.helm import engines
from tests.wait import until_async

TIME = 50.0
"""Seconds for an operation; bounds a failing test."""
CONFIG_MAPS = Kind("", "v1", "ConfigMap", "configmaps")
KUBE = Capabilities(kube_version="v1.31.2", api_versions=("things.example.com/v1",))
TRAPS = "value: [on, 0777, 1_000]\n"


class Ground:
    """An engine, a cluster, and a release of one test's own."""

    def __init__(self, engine: HelmEngine, where: Connection, api: Api, folder: Path) -> None:
        self.engine = engine
        self.where = where
        self.release = ReleaseName(namespace="default", name=f"t-{secrets.token_hex(6)}")
        self._api = api
        self._folder = folder

    def wanted(self, files: Mapping[str, str] | None = None, *values: Values, version: str = "1.2.3") -> Wanted:
        """The release with the usual chart, changed by `files`."""
        return Wanted(release=self.release, chart=chart(self._folder, files, version), values=values)

    async def install(self, wanted: Wanted) -> object:
        """Install it."""
        return await self.engine.install(self.where, wanted, TIME)

    async def upgrade(self, wanted: Wanted) -> object:
        """Upgrade it."""
        return await self.engine.upgrade(self.where, wanted, TIME)

    async def states(self) -> list[tuple[int, str]]:
        """Revisions and their states, as the history tells."""
        found = await self.engine.history(self.where, self.release, TIME)
        return [(one.revision, one.status) for one in found]

    async def map(self, suffix: str = "") -> JSONMap | None:
        """The chart's ConfigMap."""
        try:
            return await self._api.get_raw(CONFIG_MAPS, "default", self.release.name + suffix)
        except NotFound:
            return None

    async def value(self) -> str:
        """What the chart's ConfigMap holds."""
        return dig_str(await self.map(), "data", "value")

    async def labels(self, revision: int) -> JSONMap:
        """The labels of a revision's record."""
        name = f"sh.helm.release.v1.{self.release.name}.v{revision}"
        return dig_map(await self._api.get_raw(SECRET, "default", name), "metadata", "labels")

    async def has_crd(self) -> bool:
        """Whether the CRD in the chart's crds/ is in the cluster."""
        try:
            await self._api.get_raw(CRD, "", "things.example.com")
        except NotFound:
            return False
        return True

    async def apply(self, data: JSONMap, manager: str) -> None:
        """Apply the ConfigMap's data as somebody else, by force."""
        body: JSONMap = {"apiVersion": "v1", "kind": "ConfigMap", "data": data}
        body["metadata"] = {"name": self.release.name, "namespace": "default"}
        await self._api.apply(CONFIG_MAPS, body, manager, force=True)


class Silent:
    """A server that takes connections and never says a word."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._taken: list[socket.socket] = []

    @property
    def connection(self) -> Connection:
        """How it is reached."""
        return Connection(server=f"https://127.0.0.1:{self._listener.getsockname()[1]}", insecure=True, token="s3cret")

    async def was_asked(self) -> bool:
        """Whether somebody connected."""
        with contextlib.suppress(BlockingIOError):
            self._taken.append(self._listener.accept()[0])
        return bool(self._taken)

    def close(self) -> None:
        """Hang up."""
        for one in (self._listener, *self._taken):
            one.close()


class HelmContract:
    """The tests. `engine_name` is one of engines.NAMES."""

    lacking = "no matches for kind"
    """What Helm says of a kind that the cluster lacks."""

    @pytest.fixture(params=engines.NAMES)
    def engine_name(self, request: pytest.FixtureRequest) -> str:
        name = str(request.param)
        if name not in engines.PRESENT:
            (pytest.fail if E2E else pytest.skip)(engines.WHY.format(name))
        lacks = engines.LACKS.get(name, {})
        for test in (request.node.name, request.node.name.partition("[")[0]):
            if test in lacks:
                request.applymarker(pytest.mark.xfail(reason=lacks[test], strict=True))
        return name

    @pytest.fixture
    async def engine(self, engine_name: str) -> AsyncIterator[HelmEngine]:
        made = await engines.engine(engine_name)
        yield made
        await made.close()

    @pytest.fixture
    async def ground(self, engine: HelmEngine, where: Connection, tmp_path: Path) -> AsyncIterator[Ground]:
        client = HttpClient(where, KubeSettings(), SystemEnv())
        ground = Ground(engine, where, Api(client, "member"), tmp_path)
        yield ground
        await engine.uninstall(where, ground.release, TIME)
        await client.aclose()

    @pytest.fixture
    def silent(self) -> Iterator[Silent]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            server = Silent(listener)
            yield server
            server.close()

    # --- rendering

    async def test_it_renders_hooks_but_no_tests_and_no_crds(self, ground: Ground) -> None:
        text = await ground.engine.render(ground.wanted(), KUBE, TIME)
        assert f"{ground.release.name}-hook" in text
        assert f"{ground.release.name}-test" not in text
        assert "CustomResourceDefinition" not in text

    async def test_what_a_cluster_can_do_is_told_to_the_chart(self, ground: Ground) -> None:
        text = await ground.engine.render(ground.wanted(), KUBE, TIME)
        assert 'kube: "v1.31.2"' in text
        assert 'has: "true"' in text

    async def test_of_values_the_later_layer_wins_and_text_is_read_as_helm_reads_it(self, ground: Ground) -> None:
        layers: tuple[Values, ...] = ({"value": {"a": 1, "b": "\x85\u2028\U0001f600~"}}, "value: {a: 0o10, c: off}\n")
        text = await ground.engine.render(ground.wanted(None, *layers), KUBE, TIME)
        assert '\\"a\\":8' in text
        assert '\\"c\\":false' in text
        assert "\U0001f600~" in text
        text = await ground.engine.render(ground.wanted(None, TRAPS), KUBE, TIME)
        assert "[true,511,1000]" in text
        text = await ground.engine.render(
            ground.wanted(None, {"value": ["on", "0777", "1_000", 2**53, 1e300]}), KUBE, TIME
        )
        assert '[\\"on\\",\\"0777\\",\\"1_000\\",9007199254740992,1e+300]' in text

    @pytest.mark.parametrize(
        ("files", "values", "phrase"),
        [
            ({}, "value: [1\n b: 2", "(?i)yaml"),
            ({}, "just text", "(?i)unmarshal|values"),
            ({"templates/junk.yaml": helm_charts.JUNK}, "", "(?i)parse|yaml"),
            ({"templates/broken.yaml": "{{ .Values.value | nosuch }}"}, "", "nosuch"),
            ({"templates/fail.yaml": '{{ fail "no, thanks" }}'}, "", "no, thanks"),
            ({"templates/again.yaml": '{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}'}, "", "nested"),
            ({"values.schema.json": helm_charts.SCHEMA}, "", "value.*want integer"),
            ({"Chart.yaml": "name: web\n"}, "", "apiVersion|version"),
        ],
        ids=["bad-yaml", "no-map", "junk", "no-function", "fail", "recursion", "schema", "no-chart"],
    )
    async def test_what_is_wrong_with_a_chart_or_values_is_told_in_helms_words(
        self, ground: Ground, files: Mapping[str, str], values: str, phrase: str, tmp_path: Path
    ) -> None:
        with pytest.raises(HelmFailed, match=phrase) as caught:
            await ground.engine.render(ground.wanted(files, values), KUBE, TIME)
        assert len(caught.value.message) <= 2000
        assert str(tmp_path) not in caught.value.message
        assert "sym-helm-" not in caught.value.message
        assert "\x1b" not in caught.value.message

    @pytest.mark.parametrize("template", [helm_charts.LOOP, helm_charts.GROWTH], ids=["loop", "growth"])
    async def test_a_template_without_end_hits_a_limit_and_the_engine_goes_on(
        self, engine_name: str, ground: Ground, template: str
    ) -> None:
        limits = HelmSettings(cpu_seconds=2, address_bytes=1 << 30)
        deadline = 4.0 if engine_name == "sdk" and template == helm_charts.LOOP else TIME
        engine = await engines.engine(engine_name, limits)
        try:
            with pytest.raises(HelmTimedOut):
                await engine.render(ground.wanted({"templates/endless.yaml": template}), KUBE, deadline)
            assert "ConfigMap" in await engine.render(ground.wanted(), KUBE, TIME)
        finally:
            await engine.close()

    # --- the life of a release

    async def test_install_makes_a_labelled_record_and_the_objects_but_no_crd(self, ground: Ground) -> None:
        labels = {"sym.dmall.com/app": "a", "who": "sym"}
        wanted = ground.wanted(None, TRAPS)
        made = await ground.engine.install(
            ground.where, structs.replace(wanted, labels=labels, description='by "us", at once'), TIME
        )
        assert (made.release, made.chart, made.chart_version, made.app_version) == (
            ground.release.name, "web", "1.2.3", "4.5",
        )  # fmt: skip
        assert (made.revision, made.status, made.description) == (1, "deployed", 'by "us", at once')
        assert made.first_deployed is not None
        assert made.first_deployed == made.last_deployed
        assert labels.items() <= (await ground.labels(1)).items()
        assert await ground.value() == "[true,511,1000]"
        assert await ground.map("-hook") is not None
        assert not await ground.has_crd()
        found = await ground.engine.status(ground.where, ground.release, TIME)
        assert found == made

    async def test_hooks_can_be_left_out(self, ground: Ground) -> None:
        await ground.install(structs.replace(ground.wanted(), hooks=False))
        assert await ground.map() is not None
        assert await ground.map("-hook") is None

    async def test_upgrade_reuses_no_values_and_history_tells_all(self, ground: Ground) -> None:
        await ground.install(ground.wanted(None, {"value": "mine"}))
        made = await ground.engine.upgrade(
            ground.where, structs.replace(ground.wanted(version="1.3.0-rc.1"), labels={"a": "b"}), TIME
        )
        assert (made.revision, made.chart_version, made.status) == (2, "1.3.0-rc.1", "deployed")
        assert await ground.value() == '"usual"'
        assert (await ground.labels(2))["a"] == "b"
        history = await ground.engine.history(ground.where, ground.release, TIME)
        told = [(one.revision, one.status, one.chart, one.chart_version, one.app_version) for one in history]
        assert told == [(1, "superseded", "web", "1.2.3", "4.5"), (2, "deployed", "web", "1.3.0-rc.1", "4.5")]
        assert await ground.engine.status(ground.where, ground.release, TIME) == made

    async def test_no_more_history_is_kept_than_wanted(self, ground: Ground) -> None:
        await ground.install(ground.wanted())
        for number in range(3):
            await ground.upgrade(structs.replace(ground.wanted(None, {"value": number}), history=2))
        assert await ground.states() == [(3, "superseded"), (4, "deployed")]

    async def test_rollback_makes_a_new_revision_of_an_old_one(self, ground: Ground) -> None:
        await ground.install(ground.wanted(None, {"value": "old"}))
        await ground.upgrade(ground.wanted(None, {"value": "new"}))
        await ground.engine.rollback(ground.where, ground.release, 1, TIME)
        assert await ground.value() == '"old"'
        assert await ground.states() == [(1, "superseded"), (2, "superseded"), (3, "deployed")]
        with pytest.raises(HelmFailed, match=r"(?i)no .*revision|not found|has no 9 version"):
            await ground.engine.rollback(ground.where, ground.release, 9, TIME)

    async def test_uninstall_takes_all_away_and_may_be_said_twice(self, ground: Ground) -> None:
        await ground.install(ground.wanted())
        for _ in range(2):
            await ground.engine.uninstall(ground.where, ground.release, TIME)
            assert await ground.map() is None
            assert await ground.engine.status(ground.where, ground.release, TIME) is None
            assert await ground.states() == []

    async def test_a_failed_upgrade_keeps_the_history_and_the_next_one_works(self, ground: Ground) -> None:
        await ground.install(ground.wanted())
        with pytest.raises(HelmFailed, match=r"ports\[0\]"):
            await ground.upgrade(ground.wanted({"templates/service.yaml": helm_charts.INVALID}))
        assert await ground.states() == [(1, "deployed"), (2, "failed")]
        await ground.upgrade(ground.wanted(None, {"value": "better"}))
        assert await ground.states() == [(1, "superseded"), (2, "failed"), (3, "deployed")]
        assert await ground.value() == '"better"'

    async def test_after_a_failed_first_install_an_upgrade_works(self, ground: Ground) -> None:
        with pytest.raises(HelmFailed, match=r"ports\[0\]"):
            await ground.install(ground.wanted({"templates/service.yaml": helm_charts.INVALID}))
        assert await ground.states() == [(1, "failed")]
        await ground.upgrade(ground.wanted())
        assert await ground.states() == [(1, "superseded"), (2, "deployed")]

    async def test_a_name_is_taken_once_and_only_what_is_there_is_upgraded(self, ground: Ground) -> None:
        with pytest.raises(HelmFailed, match=r"has no deployed releases|not found"):
            await ground.upgrade(ground.wanted())
        await ground.install(ground.wanted())
        with pytest.raises(HelmFailed, match="still in use"):
            await ground.install(ground.wanted())

    async def test_a_kind_that_the_cluster_lacks_is_told(self, ground: Ground) -> None:
        with pytest.raises(HelmFailed, match=self.lacking):
            await ground.install(ground.wanted({"templates/thing.yaml": helm_charts.THING}))
        assert await ground.map() is None

    @pytest.mark.parametrize("manager", ["helm", "person"])
    async def test_fields_that_others_applied_do_not_stop_an_upgrade(self, ground: Ground, manager: str) -> None:
        await ground.install(ground.wanted())
        await ground.apply({"value": "another", "more": "x"}, manager)
        await ground.upgrade(ground.wanted(None, {"value": "wanted"}))
        assert await ground.value() == '"wanted"'

    async def test_an_end_of_one_release_is_no_end_of_another(self, ground: Ground) -> None:
        """Many at once; of two of one name one is first."""
        wanted = ground.wanted()
        told: list[str] = []

        async def one() -> None:
            try:
                await ground.install(wanted)
                told.append("installed")
            except HelmFailed as error:
                told.append("in use" if "in use" in error.message else error.message)

        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(one())
            for _ in range(6):
                group.create_task(ground.engine.render(wanted, KUBE, TIME))
        assert sorted(told) == ["in use", "in use", "installed"]

    # --- trouble

    async def test_a_hook_that_never_ends_fails_the_release_and_the_next_upgrade_works(self, ground: Ground) -> None:
        with pytest.raises(HelmTimedOut):
            await ground.engine.install(
                ground.where, ground.wanted({"templates/endless.yaml": helm_charts.ENDLESS_HOOK}), 6
            )
        assert await ground.states() == [(1, "failed")]
        await ground.upgrade(ground.wanted())

    async def test_cancelling_ends_the_work_and_fails_the_release(self, ground: Ground) -> None:
        wanted = ground.wanted({"templates/endless.yaml": helm_charts.ENDLESS_HOOK})
        async with asyncio.TaskGroup() as group:
            task = group.create_task(ground.install(wanted))
            await until_async(ground.states, TIME, "the release is pending")
            task.cancel()
        assert task.cancelled()
        assert await ground.states() == [(1, "failed")]
        await ground.upgrade(ground.wanted())

    async def test_a_silent_cluster_is_given_up_at_the_deadline(self, ground: Ground, silent: Silent) -> None:
        with pytest.raises(HelmTimedOut, match="2 s"):
            await ground.engine.install(silent.connection, ground.wanted(), 2)

    async def test_a_call_to_a_silent_cluster_can_be_cancelled(self, ground: Ground, silent: Silent) -> None:
        wanted = ground.wanted()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(ground.engine.upgrade(silent.connection, wanted, TIME))
            await until_async(silent.was_asked, TIME, "the cluster is asked")
            task.cancel()
        assert task.cancelled()

    async def test_no_credential_is_in_a_message(self, ground: Ground) -> None:
        where = structs.replace(ground.where, token="s3cret-token", certificate=b"", key=b"")
        for call in (ground.engine.install, ground.engine.upgrade):
            with pytest.raises(HelmFailed, match=r"(?i)unauthorized|credentials") as caught:
                await call(where, ground.wanted(), TIME)
            assert "s3cret" not in caught.value.message
        with pytest.raises(HelmFailed):
            await ground.engine.status(where, ground.release, TIME)

    async def test_a_cluster_that_refuses_connections_is_told(self, ground: Ground, silent: Silent) -> None:
        where = silent.connection
        silent.close()
        with pytest.raises(HelmError, match="refused"):
            await ground.engine.history(where, ground.release, TIME)
