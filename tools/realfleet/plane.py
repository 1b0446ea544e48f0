"""One real cluster on this machine: etcd and kube-apiserver, and what else is wanted of a control plane.

Everything listens on 127.0.0.1 with free ports and lives in one folder, which only its owner may read. The API server
has RBAC, tokens for its admin and for each `user` that is asked for, and an audit log of all writes. Relies on `build`
for the programs and on the sandbox's certificate authority.
"""

import json
import secrets
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from msgspec import Struct

from sym.model.codec import JSON, JSONMap, as_map, dig_list, dig_str, encode, parse
from sym.sandbox.access import Credential
from sym.sandbox.ca import Authority
from sym.sandbox.call import User
from sym.sandbox.kubeconfig import Context, kubeconfig, write
from tools.realfleet.build import Binaries
from tools.realfleet.processes import Ended, Process

READY_SECONDS = 90.0
"""For a process to serve; it takes about six seconds."""
ADMIN = "system:masters"
_PAUSE = 0.1
_PORTS = range(10000, 32768)
_STARTS = 3
_TAKEN = "address already in use"
_AUDIT: JSONMap = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "verbs": ["create", "update", "patch", "delete", "deletecollection"]},
        {"level": "None"},
    ],
}
_NODE = "kwok.x-k8s.io/node"


class Parts(Struct, frozen=True, kw_only=True):
    """What of a control plane runs beside etcd and the API server. `nodes` that kwok plays, with the pods that name
    one; where there are controllers, a scheduler names one for every pod."""

    controllers: bool = True
    nodes: int = 0


class NotReady(Exception):
    """Something did not begin to serve in time. The message says what, and where its log is."""


class Plane:
    """One cluster. `start` begins, `ready` waits; `stop` ends everything, in any state."""

    def __init__(self, name: str, folder: Path, binaries: Binaries, parts: Parts) -> None:
        self.name = name
        self.parts = parts
        self.token = secrets.token_hex(16)
        self.authority = Authority()
        self._folder = folder
        self._binaries = binaries
        self._ports: dict[str, int] = {}
        self.processes: dict[str, Process] = {}
        self._trust = ssl.create_default_context(cadata=self.authority.certificate.decode())

    # --- life

    def start(self) -> None:
        """Start etcd and the API server. `ready` tells when they serve."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._write_files()
        self._launch()

    def ready(self) -> None:
        """Wait until the API serves; then start the rest. Raises NotReady, or Ended with a process's last words."""
        for attempt in range(_STARTS):
            try:
                self._until(f"the API server of {self.name}", self._serves)
                break
            except Ended as error:
                self.stop()
                if _TAKEN not in str(error) or attempt + 1 == _STARTS:
                    raise
                self._launch()  # somebody took a port between our choice and our use: choose others
        if self.parts.controllers:
            self._run("kube-controller-manager", *self._controller_manager())
        if self.parts.nodes:
            if self.parts.controllers:
                self._run("kube-scheduler", *self._scheduler())
            self._run("kwok", *self._kwok())
            for number in range(self.parts.nodes):
                self.ask("POST", "/api/v1/nodes", _node(f"node-{number}"))

    def working(self) -> None:
        """Wait until pods could be made to run: the default account exists and every node is ready."""
        if self.parts.controllers:
            account = "/api/v1/namespaces/default/serviceaccounts/default"
            self._until(f"the controllers of {self.name}", lambda: self.ask("GET", account)[0] == 200)
        if self.parts.nodes:
            self._until(f"the nodes of {self.name}", self._nodes_ready)

    def stop(self) -> None:
        """End every process at once: nothing here is to be kept."""
        for process in reversed(self.processes.values()):
            process.kill()

    def restart(self, name: str) -> None:
        """Start a process again that was killed, with the same arguments."""
        self.processes[name].start()

    # --- how it is reached

    @property
    def url(self) -> str:
        """Where its API is."""
        return f"https://127.0.0.1:{self._ports['api']}"

    @property
    def etcd_url(self) -> str:
        """Where its etcd is."""
        return f"http://127.0.0.1:{self._ports['etcd']}"

    @property
    def kubeconfig(self) -> Path:
        """A file with one context, the admin's."""
        return self._folder / "admin.kubeconfig"

    @property
    def audit_log(self) -> Path:
        """Every write that was answered: a JSON object per line, with userAgent, verb and objectRef."""
        return self._folder / "audit.log"

    def context(self) -> Context:
        """The admin's context, for a kubeconfig of several clusters."""
        return Context(name=self.name, server=self.url, credential=_bearer(self.token), namespace="default")

    def kubeconfig_for(self, token: str) -> str:
        """A kubeconfig with one context, for the holder of `token`."""
        return kubeconfig([Context(name=self.name, server=self.url, credential=_bearer(token))], self.ca)

    @property
    def ca(self) -> bytes:
        """The certificate of its authority, PEM."""
        return self.authority.certificate

    def ask(self, method: str, path: str, body: JSONMap | None = None, token: str = "") -> tuple[int, JSONMap]:
        """One request as admin, or as the holder of `token`: status and body; a PATCH is a server-side apply. 0 where
        nobody answers."""
        media = "application/apply-patch+yaml" if method == "PATCH" else "application/json"
        headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": media}
        connection = HTTPSConnection("127.0.0.1", self._ports["api"], timeout=10, context=self._trust)
        return _asked(connection, method, path, headers, body)

    def compact(self) -> None:
        """Have etcd forget every revision but the newest: older watches get 410."""
        status = self._etcd("/v3/kv/range", {"key": "AA=="})
        revision = dig_str(status, "header", "revision")
        self._etcd("/v3/kv/compaction", {"revision": revision, "physical": True})

    # --- its processes

    def _launch(self) -> None:
        self._ports = dict(zip(("etcd", "peer", "api", "kubelet"), free_ports(4), strict=True))
        write(self.kubeconfig, self.kubeconfig_for(self.token))
        self._run("etcd", *self._etcd_flags())
        self._run("kube-apiserver", *self._apiserver())

    def _run(self, name: str, *flags: str) -> None:
        log = self._folder / f"{name}.log"
        self.processes[name] = Process(f"{name} of {self.name}", (self._binaries[name], *flags), log)
        self.processes[name].start()

    def _etcd_flags(self) -> tuple[str, ...]:
        client, peer = (f"http://127.0.0.1:{self._ports[name]}" for name in ("etcd", "peer"))
        return (
            f"--data-dir={self._folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        )

    def _apiserver(self) -> tuple[str, ...]:
        keys = self._folder / "pki"
        return (
            f"--etcd-servers={self.etcd_url}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            f"--secure-port={self._ports['api']}",
            f"--cert-dir={keys}",
            f"--tls-cert-file={keys / 'server.crt'}",
            f"--tls-private-key-file={keys / 'server.key'}",
            f"--client-ca-file={keys / 'ca.crt'}",
            f"--token-auth-file={keys / 'tokens.csv'}",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={keys / 'accounts.key'}",
            f"--service-account-signing-key-file={keys / 'accounts.key'}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/16",
            f"--kubelet-certificate-authority={keys / 'ca.crt'}",
            f"--kubelet-client-certificate={keys / 'kubelet-client.crt'}",
            f"--kubelet-client-key={keys / 'kubelet-client.key'}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--audit-policy-file={self._folder / 'audit-policy.json'}",
            f"--audit-log-path={self.audit_log}",
            "--profiling=false",
        )

    def _controller_manager(self) -> tuple[str, ...]:
        keys = self._folder / "pki"
        return (
            f"--kubeconfig={self.kubeconfig}",
            "--leader-elect=false",
            "--secure-port=0",
            "--controllers=*",
            f"--service-account-private-key-file={keys / 'accounts.key'}",
            f"--root-ca-file={keys / 'ca.crt'}",
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
            # A node whose lease is late costs its pods their readiness, and no kubelet is here to give it back.
            "--node-monitor-grace-period=5m",
        )

    def _scheduler(self) -> tuple[str, ...]:
        return (f"--kubeconfig={self.kubeconfig}", "--leader-elect=false", "--secure-port=0")

    def _kwok(self) -> tuple[str, ...]:
        keys, address = self._folder / "pki", f"127.0.0.1:{self._ports['kubelet']}"
        return (
            f"--kubeconfig={self.kubeconfig}",
            f"--manage-nodes-with-annotation-selector={_NODE}=fake",
            "--node-ip=127.0.0.1",
            "--node-lease-duration-seconds=40",
            f"--node-port={self._ports['kubelet']}",
            f"--server-address={address}",
            f"--tls-cert-file={keys / 'server.crt'}",
            f"--tls-private-key-file={keys / 'server.key'}",
            f"--config={self._folder / 'kwok.yaml'}",
        )

    def _write_files(self) -> None:
        keys = self._folder / "pki"
        keys.mkdir(mode=0o700, exist_ok=True)
        server, kubelet = self.authority.server(), self.authority.client("kube-apiserver", (ADMIN,))
        for name, pair in (("server", server), ("kubelet-client", kubelet)):
            write(keys / f"{name}.crt", pair.certificate.decode())
            write(keys / f"{name}.key", pair.key.decode())
        write(keys / "ca.crt", self.ca.decode())
        write(keys / "accounts.key", _rsa_key())
        write(keys / "tokens.csv", f'{self.token},admin,admin,"{ADMIN}"\n')
        write(self._folder / "audit-policy.json", encode(_AUDIT).decode())
        write(self._folder / "kwok.yaml", _kwok_config(self._folder))
        (self._folder / "pod.log").write_text(_POD_LOG)

    # --- waiting

    def _until(self, what: str, done: Callable[[], bool]) -> None:
        end = time.monotonic() + READY_SECONDS
        while not done():
            for process in self.processes.values():
                process.check()
            if time.monotonic() > end:
                raise NotReady(f"{what} did not begin to work in {READY_SECONDS:.0f} s; the logs are in {self._folder}")
            time.sleep(_PAUSE)

    def _serves(self) -> bool:
        return self.ask("GET", "/readyz")[0] == 200

    def _nodes_ready(self) -> bool:
        found = dig_list(self.ask("GET", "/api/v1/nodes")[1], "items")
        ready = [
            node
            for node in found
            for condition in dig_list(node, "status", "conditions")
            if (dig_str(condition, "type"), dig_str(condition, "status")) == ("Ready", "True")
        ]
        return len(ready) == self.parts.nodes

    def _etcd(self, path: str, body: JSONMap) -> JSONMap:
        connection = HTTPConnection("127.0.0.1", self._ports["etcd"], timeout=10)
        return _asked(connection, "POST", path, {}, body)[1]


def _asked(
    connection: HTTPConnection, method: str, path: str, headers: dict[str, str], body: JSONMap | None
) -> tuple[int, JSONMap]:
    """Status and body of one request; 0 where nobody answers."""
    with closing(connection):
        try:
            connection.request(method, path, None if body is None else encode(body), headers)
            answer = connection.getresponse()
            return answer.status, _json(answer.read())
        except (OSError, HTTPException):
            return 0, {}


def _bearer(token: str) -> Credential:
    return Credential(user=User(name=""), token=token)


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on, below those that the kernel gives to outgoing connections: of these
    one may be taken in the moment between the choice and the use."""
    found: list[int] = []
    while len(found) < count:
        port = _PORTS.start + secrets.randbelow(len(_PORTS))
        with socket.socket() as probe:
            if port not in found and probe.connect_ex(("127.0.0.1", port)) != 0:
                found.append(port)
    return found


def _json(text: bytes) -> JSONMap:
    try:
        return as_map(parse(text))
    except ValueError:
        return {}


def _rsa_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()


def _node(name: str) -> JSONMap:
    resources: JSONMap = {"cpu": "64", "memory": "256Gi", "pods": "1000"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {_NODE: "fake"},
            "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "type": "kwok"},
        },
        "status": {"allocatable": resources, "capacity": resources},
    }


_POD_LOG = (
    "2026-01-01T00:00:00.000000000Z stdout F hello from kwok\n"
    "2026-01-01T00:00:01.000000000Z stdout F goodbye from kwok\n"
)


def _kwok_config(folder: Path) -> str:
    """Logs come from one file, and exec runs on this machine: both are what kwok offers."""
    target: JSONMap = {"kind": "ClusterLogs", "apiVersion": "kwok.x-k8s.io/v1alpha1", "metadata": {"name": "logs"}}
    logs: list[JSON] = [{"logsFile": str(folder / "pod.log")}]
    execs: list[JSON] = [{"local": {}}]
    return "---\n".join(
        json.dumps(document) + "\n"
        for document in (
            {**target, "spec": {"logs": logs}},
            {**target, "kind": "ClusterExec", "metadata": {"name": "exec"}, "spec": {"execs": execs}},
        )
    )
