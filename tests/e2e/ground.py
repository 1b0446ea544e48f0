"""A real fleet with Sym installed in it as the README says, and the controllers as their own process.

The controllers act as a ServiceAccount in every cluster, with the rights of `sym manifests` and no other. Whatever a
test looks at it reads from the API servers.
"""

import contextlib
import re
import signal
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sym.cli import demo_child
from sym.cli.manifests import Wish, manifests
from sym.model import names
from sym.model.codec import JSON, JSONMap, as_map, dig, dig_list, dig_map, dig_str, encode, parse_map
from sym.model.crd import crds
from sym.sandbox.kubeconfig import write
from tests.oracle.fleet import Fleet as Seen
from tests.oracle.fleet import read_servers, servers
from tests.oracle.judge import complaints
from tests.wait import until
from tools.realfleet.fleet import Fleet
from tools.realfleet.plane import Plane, free_ports

PATIENCE = 120.0  # seconds: bounds a failing test
APPSETS = "/apis/workload.dmall.com/v1beta1/namespaces/default/appsets"
ACCOUNT = f"{names.MEMBER_NAMESPACE}/sym-master"
"""The controllers' account in a member, which hosts the worker too."""
MEMBER = Wish(cluster="member", namespace=names.MEMBER_NAMESPACE, image="sym")
RENEWALS = 8
EVERYWHERE = "/apis/workload.dmall.com/v1beta1/appsets"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
APPLY = "?fieldManager=person&force=true"


class Ground:
    """A fleet with Sym in it. Starting and ending the controllers is the test's affair."""

    def __init__(self, fleet: Fleet, folder: Path) -> None:
        self.fleet = fleet
        self.folder = folder
        self.controller = Controllers(folder)
        self._servers = servers(fleet.kubeconfig)

    def start(self, *flags: str) -> None:
        """Start the controllers."""
        own = account_token(self.fleet.meta, f"{names.META_NAMESPACE}/sym-controller")
        self.controller.start(self.fleet.meta.kubeconfig_for(own), *flags)

    def grant(self, plane: Plane, wish: Wish) -> None:
        """`sym manifests`, applied; but for the Deployment: no real pod runs here, its process does."""
        for thing in manifests(wish):
            if dig_str(thing, "kind") != "Deployment":
                self.apply(plane, path_of(thing), thing)

    # --- what a person does

    def apply(self, plane: Plane, path: str, body: JSONMap) -> JSONMap:
        """`kubectl apply --server-side --force-conflicts` of one object."""
        status, answer = plane.ask("PATCH", path + APPLY, body)
        assert status in (200, 201), (path, status, answer)
        return answer

    def apply_app(self, app: JSONMap) -> None:
        """Apply an AppSet of the namespace default."""
        name = dig_str(app, "metadata", "name")
        self.apply(
            self.fleet.meta, f"{APPSETS}/{name}", {**app, "apiVersion": "workload.dmall.com/v1beta1", "kind": "AppSet"}
        )

    def delete_app(self, name: str) -> None:
        """Delete an AppSet and wait until it is gone."""
        status, answer = self.fleet.meta.ask("DELETE", f"{APPSETS}/{name}")
        assert status == 200, (status, answer)
        self.until(lambda: self.fleet.meta.ask("GET", f"{APPSETS}/{name}")[0] == 404, f"AppSet {name} goes")

    def tidy(self) -> None:
        """Take away AppSets that are left, with all that is theirs: abandoned where their clusters do not answer."""
        left = dig_list(self.fleet.meta.ask("GET", EVERYWHERE)[1], "items")
        for app in left:
            path = path_of(as_map(app))
            self.fleet.meta.ask("DELETE", path)
            with contextlib.suppress(AssertionError):
                until(partial(self._gone, path), PATIENCE / 4, "it goes")
            if not self._gone(path):
                clusters = ",".join(self.fleet.members)
                body: JSONMap = {**_bare(app), "metadata": {**_name(app), "annotations": {names.ABANDON: clusters}}}
                self.fleet.meta.ask("PATCH", path + APPLY, body)
                self.until(partial(self._gone, path), "it goes")

    def _gone(self, path: str) -> bool:
        return self.fleet.meta.ask("GET", path)[0] == 404

    # --- what can be seen

    def app(self, name: str) -> JSONMap:
        """An AppSet as it is."""
        return self.fleet.meta.ask("GET", f"{APPSETS}/{name}")[1]

    def runs(self, name: str, version: str) -> bool:
        """Whether the AppSet says, of its present generation, that it runs this version everywhere."""
        app = self.app(name)
        told = dig_map(app, "status", "aggrStatus")
        current = dig(app, "status", "observedGeneration") == dig(app, "metadata", "generation")
        return (
            current
            and dig(condition(app, "Ready"), "status") == "True"
            and (told.get("status"), told.get("version"))
            == (
                "Running",
                version,
            )
        )

    def seen(self) -> Seen:
        """Everything that matters, read from outside."""
        return read_servers(self._servers)

    def writes(self) -> list[str]:
        """What the controllers, and Helm for them, were answered to a write in any cluster, Leases apart, one line
        each."""
        return [line for plane in self.fleet.planes.values() for line in _writes(plane.audit_log)]

    def idle(self) -> None:
        """Let the controllers probe and renew for a while, seen in their locks."""
        lease = f"/apis/coordination.k8s.io/v1/namespaces/{names.MEMBER_NAMESPACE}/leases/sym-worker"
        plane = next(iter(self.fleet.members.values()))
        seen: set[str] = set()

        def renewed() -> bool:
            seen.add(dig_str(plane.ask("GET", lease)[1], "spec", "renewTime"))
            return len(seen) > RENEWALS

        self.until(renewed, "the locks are renewed")

    def until(self, true: Callable[[], object], what: str) -> None:
        """Wait for something; a failure tells what the AppSets say, and the controllers' last words."""

        def story() -> str:
            told = [encode(dig(app, "status")).decode() for app in self.seen().meta.appsets]
            return "\n".join((what, *told, self.controller.last_words()))

        until(true, PATIENCE, story)

    def rests(self) -> Seen:
        """Wait until the judge has nothing to complain of. Returns what it saw."""
        found: list[Seen] = []

        def calm() -> bool:
            found[:] = [self.seen()]
            return not complaints(found[0])

        self.until(calm, "nothing is to be complained of")
        return found[0]


class Controllers:
    """`sym-controller controller` as its own process."""

    def __init__(self, folder: Path) -> None:
        self._port = free_ports(1)[0]
        self._kubeconfig = folder / "controller.kubeconfig"
        self._log = folder / "controller.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, kubeconfig: str, *flags: str) -> None:
        """Start it with this kubeconfig for the meta cluster."""
        write(self._kubeconfig, kubeconfig)
        argv = demo_child.command(self._kubeconfig, *(flags or ("--helm-engine=off",)))
        argv[argv.index("--http-addr") + 1] = f"127.0.0.1:{self._port}"
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def end(self) -> int:
        """End it; its exit code."""
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            return self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def ready(self) -> bool:
        """Whether /ready says so."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's rows that have these labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        rows = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", text, re.MULTILINE)
        wanted = {f'{key}="{value}"' for key, value in labels.items()}
        return sum(float(value) for row, value in rows if wanted <= set(row.split(",")))

    def last_words(self) -> str:
        """The end of its log."""
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-30:])


def _bare(thing: JSON) -> JSONMap:
    return {key: dig_str(thing, key) for key in ("apiVersion", "kind")}


def _name(thing: JSON) -> JSONMap:
    return {key: dig_str(thing, "metadata", key) for key in ("namespace", "name")}


def condition(thing: JSON, type_: str) -> JSONMap:
    """A condition, empty where there is none."""
    found = [as_map(each) for each in dig_list(thing, "status", "conditions") if dig_str(each, "type") == type_]
    return found[0] if found else {}


def _writes(audit_log: Path) -> Iterator[str]:
    for line in audit_log.read_text().splitlines():
        event = parse_map(line)
        target = dig_map(event, "objectRef")
        if dig_str(event, "userAgent").startswith(("sym-controller/", "Helm/")) and target.get("resource") != "leases":
            yield " ".join(
                (dig_str(event, "verb"), *(dig_str(target, key) for key in ("resource", "namespace", "name")))
            )


@contextmanager
def installed(fleet: Fleet, folder: Path) -> Iterator[Ground]:
    """Sym in a fleet, by the README: CRDs, accounts, registrations; then the controllers, until the block ends."""
    ground = Ground(fleet, folder)
    _install(ground, fleet.meta, Wish(cluster="meta", namespace=names.META_NAMESPACE, image="sym"))
    for plane in fleet.members.values():
        _install(ground, plane, MEMBER)
    for name, plane in fleet.members.items():
        register(fleet, name, plane.kubeconfig_for(account_token(plane, ACCOUNT)))
    ground.start()
    try:
        ground.until(ground.controller.ready, "the controllers are ready")
        yield ground
    finally:
        ground.controller.end()


def register(fleet: Fleet, name: str, kubeconfig: str) -> None:
    """Register a member, or give its registration another kubeconfig."""
    body: JSONMap = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": {names.CLUSTER_OWNER: names.CLUSTER_OWNER_VALUE}},
        "stringData": {names.KUBECONFIG_KEY: kubeconfig},
    }
    path = f"/api/v1/namespaces/{names.META_NAMESPACE}/secrets/{name}"
    status, answer = fleet.meta.ask("PATCH", path + APPLY, body)
    assert status in (200, 201), (status, answer)


def account_token(plane: Plane, account: str, until: str = "") -> str:
    """A token of a ServiceAccount `namespace/name`, good for an hour; or until the Secret named `until`, made here, is
    deleted."""
    namespace, _, name = account.partition("/")
    spec: JSONMap = {"expirationSeconds": 3600}
    if until:
        secret: JSONMap = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": until}}
        made = plane.ask("POST", f"/api/v1/namespaces/{namespace}/secrets", secret)[1]
        spec["boundObjectRef"] = {
            "apiVersion": "v1",
            "kind": "Secret",
            "name": until,
            "uid": dig_str(made, "metadata", "uid"),
        }
    body: JSONMap = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    status, answer = plane.ask("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token", body)
    assert status == 201, (status, answer)
    return dig_str(answer, "status", "token")


def _install(ground: Ground, plane: Plane, wish: Wish) -> None:
    """`sym crds` and `sym manifests`, applied; but for the Deployment: no real pod runs here, its process does."""
    for crd in crds():
        ground.apply(plane, f"{CRDS}/{dig_str(crd, 'metadata', 'name')}", crd)
    ground.grant(plane, wish)


def path_of(thing: JSONMap) -> str:
    """Where an object of `sym manifests` is in the API."""
    version, kind = dig_str(thing, "apiVersion"), dig_str(thing, "kind")
    namespace, name = dig_str(thing, "metadata", "namespace"), dig_str(thing, "metadata", "name")
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    plural = f"{kind.lower()}s" if not kind.endswith("y") else f"{kind.lower()[:-1]}ies"
    return f"{root}{f'/namespaces/{namespace}' if namespace else ''}/{plural}/{name}"
