"""Kubeconfigs of a sandbox: a context for each cluster, everything inline, a file that only its owner reads."""

import base64
import os
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from sym import yaml
from sym.model.codec import JSON, JSONMap
from sym.sandbox.access import Credential


class Context(Struct, frozen=True, kw_only=True):
    """One cluster as a user reaches it."""

    name: str
    server: str
    credential: Credential
    namespace: str = ""


def kubeconfig(contexts: Sequence[Context], ca: bytes, current: str = "") -> str:
    """The document. The first context is the current one unless `current` names another."""
    clusters: list[JSON] = []
    users: list[JSON] = []
    listed: list[JSON] = []
    for context in contexts:
        where: JSONMap = {"server": context.server, "certificate-authority-data": _inline(ca)}
        clusters.append({"name": context.name, "cluster": where})
        users.append({"name": context.name, "user": _user(context.credential)})
        inner: JSONMap = {"cluster": context.name, "user": context.name}
        inner |= {"namespace": context.namespace} if context.namespace else {}
        listed.append({"name": context.name, "context": inner})
    document: JSONMap = {"apiVersion": "v1", "kind": "Config", "preferences": {}}
    current = current or (contexts[0].name if contexts else "")
    document |= {"clusters": clusters, "users": users, "contexts": listed, "current-context": current}
    return yaml.dump(document)


def write(path: Path, text: str) -> None:
    """Write a secret file: mode 0600 from its first moment, whole or not at all."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    fresh.replace(path)


def _user(credential: Credential) -> JSONMap:
    if credential.pair is None:
        return {"token": credential.token}
    pair = credential.pair
    return {"client-certificate-data": _inline(pair.certificate), "client-key-data": _inline(pair.key)}


def _inline(data: bytes) -> str:
    return base64.b64encode(data).decode()
