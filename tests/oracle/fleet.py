"""Reads a fleet from outside: plain GETs over HTTPS with a kubeconfig, nothing of Sym's client.

Relies on the standard library and PyYAML. A fleet is the meta cluster's AppSets and, for every member, the children,
workloads, Services, their endpoints and Pods as the API server returns them.
"""

import base64
import contextlib
import json
import ssl
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from sym.model.codec import JSON, JSONMap, as_map, as_str, dig, dig_list, dig_map, dig_str
from tests.wait import until

PATIENCE = 20.0  # seconds
WATCHED = 15  # seconds that one watch lasts
LISTS: Mapping[str, str] = {
    "appsets": "/apis/workload.dmall.com/v1beta1/appsets",
    "children": "/apis/workload.dmall.com/v1beta1/advdeployments",
    "deployments": "/apis/apps/v1/deployments",
    "statefulsets": "/apis/apps/v1/statefulsets",
    "replicasets": "/apis/apps/v1/replicasets",
    "services": "/api/v1/services",
    "slices": "/apis/discovery.k8s.io/v1/endpointslices",
    "pods": "/api/v1/pods",
}


@dataclass(frozen=True)
class Cluster:
    """All objects of one cluster that matter, as lists of plain JSON."""

    name: str
    appsets: tuple[JSONMap, ...]
    children: tuple[JSONMap, ...]
    deployments: tuple[JSONMap, ...]
    statefulsets: tuple[JSONMap, ...]
    replicasets: tuple[JSONMap, ...]
    services: tuple[JSONMap, ...]
    slices: tuple[JSONMap, ...]
    pods: tuple[JSONMap, ...]


@dataclass(frozen=True)
class Fleet:
    """The meta cluster and the members by context name."""

    meta: Cluster
    members: Mapping[str, Cluster]


class Server:
    """One API server as one context of a kubeconfig reaches it."""

    def __init__(self, config: JSONMap, context: str) -> None:
        chosen = dig_map(_named(config, "contexts", context), "context")
        cluster = dig_map(_named(config, "clusters", dig_str(chosen, "cluster")), "cluster")
        user = dig_map(_named(config, "users", dig_str(chosen, "user")), "user")
        self._url = urlsplit(as_str(cluster["server"]))
        self._ssl = ssl.create_default_context(cadata=_decoded(cluster, "certificate-authority-data"))
        self._headers = {"Accept": "application/json", "User-Agent": "sym-oracle"}
        if token := dig_str(user, "token"):
            self._headers["Authorization"] = f"Bearer {token}"
        if "client-certificate-data" in user:
            self._load_certificate(user)

    def get(self, *paths: str) -> tuple[JSONMap | None, ...]:
        """The objects at `paths`, over one connection; None where the server does not have it. Raises AssertionError
        on any other answer."""
        connection = HTTPSConnection(self._url.hostname or "", self._url.port, context=self._ssl, timeout=20)
        with contextlib.closing(connection):
            return tuple(self._answer(connection, path) for path in paths)

    def lists(self, *paths: str) -> tuple[tuple[JSONMap, ...], ...]:
        """The items of the list at each path; none where the server does not serve it."""
        return tuple(tuple(as_map(item) for item in dig_list(found, "items")) for found in self.get(*paths))

    def lines(self, path: str, over: threading.Event) -> Iterator[JSONMap]:
        """The events of a watch until the server ends it or `over` is set. Raises OSError, HTTPException."""
        connection = HTTPSConnection(self._url.hostname or "", self._url.port, context=self._ssl, timeout=WATCHED)
        with contextlib.closing(connection):
            connection.request("GET", f"{path}&timeoutSeconds={WATCHED - 5}", headers=self._headers)
            answer = connection.getresponse()
            while not over.is_set() and (line := answer.readline()):
                yield as_map(json.loads(line))

    def _answer(self, connection: HTTPSConnection, path: str) -> JSONMap | None:
        answers: list[tuple[int, bytes]] = []

        def answered() -> bool:
            """A real server says 429 for as long as it reads a kind for the first time."""
            connection.request("GET", path, headers=self._headers)
            answer = connection.getresponse()
            answers.append((answer.status, answer.read()))
            return answer.status != 429

        until(answered, PATIENCE, lambda: f"GET {path}: {answers[-1]}")
        status, body = answers[-1]
        if status == 404:
            return None
        assert status == 200, f"GET {path}: {status} {body[:300]!r}"
        return as_map(json.loads(body))

    def _load_certificate(self, user: JSONMap) -> None:
        with tempfile.TemporaryDirectory() as folder:
            pair = Path(folder, "pair.pem")
            pair.touch(mode=0o600)
            pair.write_text(_decoded(user, "client-certificate-data") + "\n" + _decoded(user, "client-key-data"))
            self._ssl.load_cert_chain(pair)


def servers(kubeconfig: Path) -> dict[str, Server]:
    """A Server for each context of the file."""
    config = as_map(yaml.safe_load(kubeconfig.read_text()))
    return {name: Server(config, name) for name in (dig_str(entry, "name") for entry in dig_list(config, "contexts"))}


def read_fleet(kubeconfig: Path, meta: str = "meta") -> Fleet:
    """Everything that matters in all clusters of the file; `meta` names the context of the meta cluster."""
    return read_servers(servers(kubeconfig), meta)


def read_servers(reached: Mapping[str, Server], meta: str = "meta") -> Fleet:
    """The same through servers that are known already, for those who look often."""
    found = {name: read_cluster(name, server) for name, server in reached.items()}
    return Fleet(found[meta], {name: cluster for name, cluster in found.items() if name != meta})


def read_cluster(name: str, server: Server) -> Cluster:
    """Everything that matters in one cluster."""
    return Cluster(name, **dict(zip(LISTS, server.lists(*LISTS.values()), strict=True)))


def _named(config: JSONMap, section: str, name: str) -> JSON:
    for entry in dig_list(config, section):
        if dig(entry, "name") == name:
            return entry
    raise AssertionError(f"no {name!r} in {section} of the kubeconfig")


def _decoded(holder: JSONMap, field: str) -> str:
    return base64.b64decode(as_str(holder[field])).decode()
