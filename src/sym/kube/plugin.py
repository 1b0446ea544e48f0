"""Credential plug-ins (client.authentication.k8s.io) of the operator's own kubeconfig: cloud log-ins and the like.

Runs a command, so only `kubeconfig.load_operator` ever makes a Connection that gets here; a registration never does.
The command gets an argument vector, no shell, and a time limit; its output never reaches a message.
"""

import asyncio
import os
from datetime import datetime, timedelta

from msgspec import Struct

from sym.aio.env import Env
from sym.kube.connection import Connection, ExecPlugin
from sym.kube.errors import BadKubeconfig
from sym.model.codec import DecodeError, JSONMap, decode, encode
from sym.settings import KubeSettings

_EARLY = timedelta(seconds=30)
_OUTPUT_LIMIT = 1 << 20


class _CredentialStatus(Struct, frozen=True, rename="camel"):
    token: str = ""
    expiration_timestamp: datetime | None = None
    client_certificate_data: str = ""
    client_key_data: str = ""


class _ExecCredential(Struct, frozen=True, rename="camel"):
    kind: str
    api_version: str
    status: _CredentialStatus | None = None


class Plugin:
    """One connection's plug-in and its last answer."""

    def __init__(self, connection: Connection, settings: KubeSettings, env: Env) -> None:
        self._connection = connection
        self._settings = settings
        self._env = env
        self._last: _CredentialStatus | None = None
        self._turn = asyncio.Lock()

    def forget(self) -> None:
        """Ask the command again next time."""
        self._last = None

    async def token(self) -> str:
        """The bearer token. Raises BadKubeconfig where the command fails or gives none."""
        async with self._turn:
            if self._last is None or self._ends(self._last):
                self._last = await self._ask()
            return self._last.token

    def _ends(self, status: _CredentialStatus) -> bool:
        end = status.expiration_timestamp
        return end is not None and self._env.now() >= end - _EARLY

    async def _ask(self) -> _CredentialStatus:
        plugin = self._connection.exec_plugin
        if plugin is None:
            raise BadKubeconfig("no credential plug-in is configured")
        output = await self._run(plugin)
        try:
            answer = decode(output, _ExecCredential)
        except DecodeError:
            raise self._problem(plugin, "did not print an ExecCredential") from None
        if answer.kind != "ExecCredential" or answer.api_version != plugin.api_version:
            raise self._problem(plugin, f"did not answer in {plugin.api_version}")
        if answer.status is None or not answer.status.token:
            raise self._problem(plugin, "gave no token; Sym does not take client certificates from plug-ins")
        return answer.status

    async def _run(self, plugin: ExecPlugin) -> bytes:
        environment = {**os.environ, **plugin.env, "KUBERNETES_EXEC_INFO": encode(self._info(plugin)).decode()}
        try:
            process = await asyncio.create_subprocess_exec(
                plugin.command,
                *plugin.args,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                limit=_OUTPUT_LIMIT,
            )
        except OSError:
            raise self._problem(plugin, "cannot be started") from None
        try:
            async with asyncio.timeout(self._settings.exec_timeout):
                output, _ = await process.communicate()
        except TimeoutError:
            raise self._problem(plugin, f"gave no answer within {self._settings.exec_timeout:.0f} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            raise self._problem(plugin, f"ended with exit code {process.returncode}")
        return output

    def _info(self, plugin: ExecPlugin) -> JSONMap:
        info: JSONMap = {"kind": "ExecCredential", "apiVersion": plugin.api_version}
        spec: JSONMap = {"interactive": False}
        if plugin.provide_cluster_info:
            spec["cluster"] = {"server": self._connection.server, "tls-server-name": self._connection.tls_server_name}
        return {**info, "spec": spec}

    def _problem(self, plugin: ExecPlugin, what: str) -> BadKubeconfig:
        hint = f" ({plugin.install_hint})" if plugin.install_hint else ""
        return BadKubeconfig(f"the credential plug-in {plugin.command!r} {what}{hint}; run it by hand to see why")
