"""The demo's steps once everything runs: install an application, watch it come up, change a version, say what to try.

Everything shown was read by a GET from an API server. Relies on `demo_view` for what it means and on a `Screen`.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from sym.aio.env import Env, SystemEnv
from sym.cli import demo_install
from sym.cli.demo_screen import Screen
from sym.cli.demo_view import Board, board, lines
from sym.cli.rollout_asks import Person, confirmation
from sym.cli.rollout_change import Seen
from sym.kube.api import Api
from sym.kube.errors import Conflict, KubeError
from sym.kube.requests import ListOptions
from sym.model.appset import AppSet
from sym.model.codec import JSONMap, convert
from sym.model.kinds import APPSET, DEPLOYMENT
from sym.model.names import APP
from sym.model.rollout import Phase
from sym.model.workload import Deployment

LOOK_SECONDS = 0.25
"""Between two looks: fast enough to see each pod, slow enough to cost nothing."""
PATIENCE_SECONDS = 120.0
"""For an AppSet to become Running; at the default speed it takes a few seconds."""
USER = "sym-demo"
"""Who confirms in the demo."""
CONTEXT = "meta"
"""The meta cluster's context in the kubeconfig file."""
FIRST, SECOND, WITH_HELM = "01-bbcc.yaml", "03-shares.yaml", "04-bbcc-helm.yaml"


class Unfinished(Exception):
    """The demo could not get where it wanted. The message says why."""


class Process(Protocol):
    """The controllers, as far as the tour cares."""

    @property
    def ended(self) -> bool:
        """Whether they are gone."""
        ...

    def obituary(self) -> str:
        """How they ended."""
        ...


class World(NamedTuple):
    """The clusters, reached as anybody would reach them, and the files that say how."""

    meta: Api
    members: Mapping[str, Api]
    kubeconfig: Path
    env: Env = SystemEnv()


class Tour:
    """Walks through the demo on one screen."""

    def __init__(self, world: World, process: Process, screen: Screen) -> None:
        self._world = world
        self._process = process
        self._screen = screen

    async def install(self, example: str = FIRST) -> None:
        """Apply the document's example and watch it until it runs. Raises Unfinished."""
        self._screen.say(f"applying examples/{example}")
        await self._apply_and_watch(demo_install.example(example))

    async def change(self) -> None:
        """Apply an AppSet without gates, then change its version. Raises Unfinished."""
        app = demo_install.spread_to(demo_install.example(SECOND), [*self._world.members])
        self._screen.say(f"applying examples/{SECOND}")
        await self._apply_and_watch(app)
        self._screen.say("changing the version of web from v1 to v2 in every podSet (no gates: it rolls at once)")
        await self._apply_and_watch(demo_install.at_version(app, "v2"))

    async def roll(self) -> None:
        """The document's example from v3 to v4, group by group and cluster by cluster, its gates confirmed. Raises
        Unfinished."""
        app = demo_install.at_version(demo_install.example(FIRST), "v3")
        self._screen.say(f"applying examples/{FIRST} with v3 in every podSet")
        await self._apply_and_watch(app)
        self._screen.say("changing it to v4: canary, blue, green, cluster by cluster; it waits at gates for a person")
        await self._apply_and_watch(demo_install.at_version(app, "v4"))

    def suggest(self) -> None:
        """Say what to try now."""
        self._screen.say(suggestions(self._world))

    async def stay(self) -> None:
        """Show what happens to any AppSet until somebody ends the demo. Raises Unfinished."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._check()
            apps, _ = await self._world.meta.list_all(APPSET, AppSet, ListOptions())
            for app in apps:
                self._screen.show(board(app, await self._deployments(app)))

    async def _apply_and_watch(self, app: JSONMap) -> None:
        written = convert(await demo_install.apply(self._world.meta, app), AppSet)
        meta = written.metadata
        last: Board | None = None
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while last is None or not last.running:
                    self._check()
                    last = await self._look(meta.namespace, meta.name, meta.generation) or last
                    await self._consent(meta.namespace, meta.name)
                    await asyncio.sleep(0 if last is not None and last.running else LOOK_SECONDS)
        except TimeoutError:
            seen = "\n".join(lines(last)) if last else "it was never seen"
            raise Unfinished(f"{meta.name} is not Running after {PATIENCE_SECONDS:g} s:\n{seen}") from None

    async def _look(self, namespace: str, name: str, generation: int) -> Board | None:
        """Show the AppSet as it is now; None before `generation` is there."""
        app = await self._world.meta.get(APPSET, AppSet, namespace, name)
        if app.metadata.generation < generation:
            return None
        seen = board(app, await self._deployments(app))
        self._screen.show(seen)
        return seen

    async def _consent(self, namespace: str, name: str) -> None:
        """Go past the gate that is waited at, as `sym rollout confirm` does."""
        live = await self._world.meta.get_raw(APPSET, namespace, name)
        seen = Seen(live, convert(live, AppSet))
        gate = seen.app.status.rollout.gate
        if seen.app.status.rollout.phase is not Phase.WAITING or not gate:
            return
        change = confirmation(seen, gate, Person(user=USER, time=self._world.env.now()))
        if change.patch is None:
            return
        with contextlib.suppress(Conflict):  # somebody wrote meanwhile: the next look decides anew
            await self._world.meta.patch(APPSET, change.patch, demo_install.MANAGER, subresource="status")
            self._screen.say(f"at gate {gate}: sym rollout confirm {name} --gate {gate}")

    async def _deployments(self, app: AppSet) -> Mapping[str, tuple[Deployment, ...]]:
        """The app's Deployments in each member that answers."""
        found: dict[str, tuple[Deployment, ...]] = {}
        asked = ListOptions(namespace=app.metadata.namespace, label_selector=f"{APP}={app.metadata.name}")

        async def ask(name: str, api: Api) -> None:
            with contextlib.suppress(KubeError):
                found[name], _ = await api.list_all(DEPLOYMENT, Deployment, asked)

        async with asyncio.TaskGroup() as group:
            for name, api in self._world.members.items():
                group.create_task(ask(name, api), name=f"look-{name}")
        return found

    def _check(self) -> None:
        if self._process.ended:
            raise Unfinished(self._process.obituary())


def suggestions(world: World) -> str:
    """The next commands to try."""
    member = next(iter(world.members))
    return f"""Try, in another terminal:
  export KUBECONFIG={world.kubeconfig}
  kubectl --context {CONTEXT} get as -A
  kubectl --context {CONTEXT} scale as web --replicas 20
  kubectl --context {CONTEXT} describe as bbcc
  sym rollout set-image web web=:v3; sym rollout get web -w
  kubectl --context {member} get ad,deploy,pods
  kubectl --context {member} logs deploy/bbcc-gz01b-blue
  kubectl --context {member} exec deploy/bbcc-gz01b-blue -- env
  kubectl --context {CONTEXT} delete as web
Ctrl-C ends everything."""
