"""The Authorization header of one connection, kept fresh.

A token file (in-cluster, or `tokenFile` of the operator's own kubeconfig) is read again every few seconds, because the
kubelet renews it in place. A credential plug-in is asked when its last answer ends. After a 401 either is asked at
once, and only a changed answer is worth another try.
"""

import base64
import pathlib

from sym.aio.env import Env
from sym.kube.connection import Connection
from sym.kube.errors import BadKubeconfig
from sym.kube.plugin import Plugin
from sym.settings import KubeSettings

_TOKEN_LIMIT = 64 << 10  # bytes; real tokens have about one KiB


class Credentials:
    """Gives the headers that say who we are."""

    def __init__(self, connection: Connection, settings: KubeSettings, env: Env) -> None:
        self._connection = connection
        self._settings = settings
        self._env = env
        self._plugin = Plugin(connection, settings, env) if connection.exec_plugin else None
        self._token = connection.token
        self._read_at: float | None = None

    async def headers(self) -> list[tuple[str, str]]:
        """Authorization and impersonation headers. Raises BadKubeconfig where a file or plug-in gives none."""
        headers: list[tuple[str, str]] = []
        if authorization := await self._authorization():
            headers.append(("Authorization", authorization))
        if self._connection.impersonate:
            headers.append(("Impersonate-User", self._connection.impersonate))
        headers += [("Impersonate-Group", group) for group in self._connection.impersonate_groups]
        return headers

    async def renew(self) -> bool:
        """After a 401: look for a newer credential. True where there is one, so that trying again makes sense."""
        before = await self._authorization()
        self._read_at = None
        if self._plugin is not None:
            self._plugin.forget()
        return await self._authorization() != before

    async def _authorization(self) -> str:
        if self._plugin is not None:
            return _bearer(await self._plugin.token())
        if self._connection.token_file:
            self._reread()
        if self._token:
            return _bearer(self._token)
        if self._connection.username:
            pair = f"{self._connection.username}:{self._connection.password}".encode()
            return "Basic " + base64.b64encode(pair).decode()
        return ""

    def _reread(self) -> None:
        now = self._env.monotonic()
        if self._read_at is not None and now - self._read_at < self._settings.token_reread:
            return
        try:
            with pathlib.Path(self._connection.token_file).open("rb") as file:
                text = file.read(_TOKEN_LIMIT).decode("ascii").strip()
        except (OSError, UnicodeDecodeError):
            text = ""
        if text:
            self._token = text
        elif not self._token:  # while it is being replaced the old one still serves
            raise BadKubeconfig(f"tokenFile {self._connection.token_file}: no token can be read from it")
        self._read_at = now


def _bearer(token: str) -> str:
    if not token.isascii() or not token.isprintable() or " " in token:
        raise BadKubeconfig("the token holds a character that no HTTP header may hold; put the bare token there")
    return f"Bearer {token}"
