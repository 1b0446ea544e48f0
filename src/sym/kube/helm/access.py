"""The kubeconfig that Helm gets: one context, made from a Connection and nothing else.

Pure. The document holds the credentials, so it only ever goes into a file of mode 0600 or into a pipe.
"""

import base64

from sym import yaml
from sym.kube.connection import Connection, ExecPlugin
from sym.model.codec import JSONMap

_NAME = "cluster"


def kubeconfig(where: Connection) -> str:
    """The YAML text."""
    context: JSONMap = {"cluster": _NAME, "user": _NAME}
    document: JSONMap = {"apiVersion": "v1", "kind": "Config", "preferences": {}}
    document["clusters"] = [{"name": _NAME, "cluster": _cluster(where)}]
    document["users"] = [{"name": _NAME, "user": _user(where)}]
    document["contexts"] = [{"name": _NAME, "context": context}]
    document["current-context"] = _NAME
    return yaml.dump(document)


def secrets(where: Connection) -> tuple[str, ...]:
    """What of a Connection must be in no message."""
    return tuple(text for text in (where.token, where.password, _inline(where.key)) if text)


def _cluster(where: Connection) -> JSONMap:
    ca = "" if where.insecure else _inline(where.ca)  # client-go refuses the two together
    return _given(
        {
            "server": where.server,
            "certificate-authority-data": ca,
            "tls-server-name": where.tls_server_name,
            "insecure-skip-tls-verify": where.insecure,
            "proxy-url": where.proxy_url,
        }
    )


def _user(where: Connection) -> JSONMap:
    user: JSONMap = {
        "token": where.token,
        "tokenFile": where.token_file,
        "client-certificate-data": _inline(where.certificate),
        "client-key-data": _inline(where.key),
        "username": where.username,
        "password": where.password,
        "as": where.impersonate,
        "as-groups": list(where.impersonate_groups),
    }
    if where.exec_plugin is not None:
        user["exec"] = _exec(where.exec_plugin)
    return _given(user)


def _exec(plugin: ExecPlugin) -> JSONMap:
    return {
        "apiVersion": plugin.api_version,
        "command": plugin.command,
        "args": list(plugin.args),
        "env": [{"name": name, "value": value} for name, value in plugin.env.items()],
        "installHint": plugin.install_hint,
        "provideClusterInfo": plugin.provide_cluster_info,
        "interactiveMode": "Never",
    }


def _given(fields: JSONMap) -> JSONMap:
    return {key: value for key, value in fields.items() if value}


def _inline(pem: bytes) -> str:
    return base64.b64encode(pem).decode()
