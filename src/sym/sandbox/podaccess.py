"""Logs and exec as requests to the API: between the API core and the simulated kubelet."""

from collections.abc import AsyncIterator

from sym.aio.env import Env
from sym.kube.requests import Response
from sym.sandbox.apiserver import Answer, Stream
from sym.sandbox.call import Call
from sym.sandbox.store import Store
from sym.sandbox.workloads import exec as execs
from sym.sandbox.workloads import logs, target
from sym.sandbox.workloads.kubelet import Kubelet

_TEXT = {"Content-Type": "text/plain"}


class PodAccess:
    """What runs in the pods of one cluster, as requests reach it."""

    def __init__(self, store: Store, kubelet: Kubelet, env: Env) -> None:
        self._store = store
        self._kubelet = kubelet
        self._env = env

    def logs(self, call: Call) -> Answer:
        """The log of a container: whole, or as a stream where the query says `follow`. Raises Refusal."""
        asked = logs.options(call.target.name, call.query, self._env.now())
        meant = target.named(self._store, call.target.namespace, call.target.name, asked.container)
        if not meant.scheduled:
            return Response(status=204, headers={}, body=b"")
        log = logs.open_log(self._store, self._kubelet, self._env, (call.target.namespace, call.target.name), asked)
        if not asked.follow:
            return Response(status=200, headers=_TEXT, body=log.text())
        return Stream(lines=_lines(log), close=_nothing, headers=_TEXT)

    def enter(self, call: Call) -> execs.Session:
        """The session that an exec call asks for. Raises Refusal."""
        asked = execs.options(call.request.query)
        return execs.open_exec(self._store, self._kubelet, (call.target.namespace, call.target.name), asked)


async def _lines(log: logs.Log) -> AsyncIterator[bytes]:
    async for piece in log.follow():
        yield piece


def _nothing() -> None:
    """A log that was never read holds nothing."""
