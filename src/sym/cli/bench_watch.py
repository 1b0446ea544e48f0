"""When what came to be, as an outside watcher sees it: children, Deployments and statuses of the AppSets measured.

Three kinds are watched with the product's own reflectors in the namespace of the bench; nothing here writes.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct

from sym.aio.env import Env
from sym.kube.api import Api
from sym.kube.requests import ListOptions
from sym.kube.store import Applied, Event, Replaced
from sym.kube.watch import Reflector
from sym.model.appset import AppSet, AppStatus
from sym.model.kinds import ADVDEPLOYMENT, APPSET, DEPLOYMENT
from sym.model.meta import META, Kind, Object
from sym.settings import KubeSettings

T = TypeVar("T", bound=Object)


class Times(Struct):
    """Moments of one AppSet, by the monotonic clock: its create was sent; the last child was there, the last
    Deployment; its status said Running of its own generation. None: not yet."""

    began: float
    children: float | None = None
    deployments: float | None = None
    running: float | None = None


class Timeline:
    """Watches until cancelled. `expect` before an AppSet is created."""

    def __init__(self, apis: Mapping[str, Api], namespace: str, env: Env) -> None:
        self._apis = apis
        self._options = ListOptions(namespace=namespace)
        self._env = env
        self._missing: dict[tuple[Kind, str], set[tuple[str, str]]] = {}
        self._left: set[str] = set()
        self._owner: dict[tuple[Kind, str, str], str] = {}
        self.times: dict[str, Times] = {}
        self.all_done = asyncio.Event()
        """Set once every AppSet that was expected is Running."""

    def expect(self, name: str, pod_sets: Sequence[tuple[str, str]]) -> None:
        """AppSet `name` is about to be created, with podSets by (cluster, name)."""
        self.times[name] = Times(began=time.monotonic())
        self._left.add(name)
        self.all_done.clear()
        for cluster, pod_set in pod_sets:
            for kind, part in ((ADVDEPLOYMENT, name), (DEPLOYMENT, pod_set)):
                self._owner[kind, cluster, part] = name
                self._missing.setdefault((kind, name), set()).add((cluster, part))

    @property
    def left(self) -> int:
        """AppSets that are not Running yet."""
        return len(self._left)

    async def run(self) -> None:
        """Watch."""
        async with asyncio.TaskGroup() as group:
            for cluster, api in self._apis.items():
                if cluster == META:
                    group.create_task(self._reflector(api, APPSET, AppSet).run(self._app))
                    continue
                for kind in (ADVDEPLOYMENT, DEPLOYMENT):
                    group.create_task(self._reflector(api, kind, Object).run(self._part(cluster, kind)))

    def _reflector(self, api: Api, kind: Kind, type_: type[T]) -> Reflector[T]:
        return Reflector(api, kind, type_, self._options, KubeSettings(), self._env)

    def _app(self, event: Event[AppSet]) -> None:
        for app in _items(event):
            name, told = app.metadata.name, app.status
            current = told.observed_generation == app.metadata.generation
            if name in self._left and current and told.aggr_status.status is AppStatus.RUNNING:
                self.times[name].running = time.monotonic()
                self._left.discard(name)
                if not self._left:
                    self.all_done.set()

    def _part(self, cluster: str, kind: Kind) -> Callable[[Event[Object]], None]:
        def take(event: Event[Object]) -> None:
            for item in _items(event):
                self._came(kind, cluster, item.metadata.name)

        return take

    def _came(self, kind: Kind, cluster: str, part: str) -> None:
        name = self._owner.pop((kind, cluster, part), None)
        if name is None:
            return
        missing = self._missing[kind, name]
        missing.discard((cluster, part))
        if not missing and kind is ADVDEPLOYMENT:
            self.times[name].children = time.monotonic()
        elif not missing:
            self.times[name].deployments = time.monotonic()


def _items(event: Event[T]) -> tuple[T, ...]:
    match event:
        case Applied():
            return (event.item,)
        case Replaced():
            return event.items
        case _:
            return ()
