"""Real kubectl against the sandbox's HTTPS server: every verb that the README shows, with each kubectl found here."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sym.aio.env import SystemEnv
from sym.kube.requests import create
from sym.model.codec import JSONMap, encode
from sym.model.crd import crds
from sym.model.kinds import CRD, EVENT, NAMESPACE
from sym.sandbox.access import ADMIN, Access
from sym.sandbox.ca import Authority
from sym.sandbox.cluster import SandboxCluster
from sym.sandbox.kubeconfig import Context, kubeconfig, write
from sym.sandbox.server import HttpsServer
from sym.settings import SandboxSettings, WorkloadSettings
from tests.sandbox.kubectls import Kubectl, found

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop]

EXAMPLES = Path(__file__).parents[2] / "examples"
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {terminationGracePeriodSeconds: 1, containers: [{name: web, image: "nginx:1"}]}
"""


class World:
    """A running cluster with our CRDs behind HTTPS, and the kubeconfig of its users."""

    def __init__(self, cluster: SandboxCluster, config: Path) -> None:
        self.cluster = cluster
        self.config = config


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One cluster for the module; each test has a namespace of its own."""
    authority = Authority()
    access = Access(authority)
    cluster = SandboxCluster("one", SystemEnv(), SandboxSettings(workloads=WorkloadSettings(speed=50.0)))
    config = tmp_path_factory.mktemp("kube") / "config"
    async with HttpsServer(cluster, authority, access) as server, asyncio.TaskGroup() as group:
        url = server.address.url
        contexts = [
            Context(name="token", server=url, credential=access.with_token(ADMIN)),
            Context(name="certificate", server=url, credential=access.with_certificate(ADMIN)),
        ]
        write(config, kubeconfig(contexts, authority.certificate))
        for definition in crds():
            await cluster.client().send(create(CRD, definition, namespace="", manager="test"))
        working = group.create_task(cluster.run())
        yield World(cluster, config)
        working.cancel()


@pytest.fixture(params=found())
async def kubectl(request: pytest.FixtureRequest, world: World, tmp_path: Path) -> Kubectl:
    """One of the kubectl binaries, in a fresh namespace."""
    namespace = f"ns-{secrets.token_hex(4)}"
    body: JSONMap = {"metadata": {"name": namespace}}
    await world.cluster.client().send(create(NAMESPACE, body, namespace="", manager="test"))
    return Kubectl(found()[request.param], world.config, namespace, tmp_path)


async def _apply(kubectl: Kubectl, text: str, *options: str) -> str:
    return (await kubectl("apply", *options, "-f", "-", stdin=text)).ok


def _example(kubectl: Kubectl, name: str) -> str:
    text = (EXAMPLES / name).read_text()
    return text.replace("namespace: default", f"namespace: {kubectl.namespace}")


def _rows(out: str) -> list[list[str]]:
    return [line.split() for line in out.splitlines()]


async def _running(kubectl: Kubectl, name: str, count: int) -> None:
    """What the master writes when all of an AppSet runs."""
    condition: JSONMap = {
        "type": "Ready",
        "status": "True",
        "reason": "Running",
        "message": "all clusters run",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    aggregate: JSONMap = {"status": "Running", "version": "v3", "desired": count, "available": count, "unAvailable": 0}
    status: JSONMap = {
        "status": {"observedGeneration": 1, "replicas": count, "conditions": [condition], "aggrStatus": aggregate}
    }
    command = ("patch", "as", name, "--subresource=status", "--type=merge", "-p", encode(status).decode())
    assert (await kubectl(*command)).ok


async def test_get_shows_the_columns_of_the_document(kubectl: Kubectl) -> None:
    assert "created" in await _apply(kubectl, _example(kubectl, "01-bbcc.yaml"))
    await _running(kubectl, "bbcc", 6)
    header, *rows = _rows((await kubectl("get", "as", "-A")).ok)
    assert header == ["NAMESPACE", "NAME", "DESIRED", "AVAILABLE", "UNAVAILABLE", "VERSION", "STATUS", "AGE"]
    row = next(row for row in rows if row[0] == kubectl.namespace)
    assert row[1:7] == ["bbcc", "6", "6", "0", "v3", "Running"]
    assert "No resources found" in (await kubectl("get", "ad")).err


async def test_apply_again_changes_nothing(kubectl: Kubectl) -> None:
    await _apply(kubectl, _example(kubectl, "01-bbcc.yaml"))
    version = ("get", "as", "bbcc", "-o", "jsonpath={.metadata.resourceVersion}")
    before = (await kubectl(*version)).ok
    assert "unchanged" in await _apply(kubectl, _example(kubectl, "01-bbcc.yaml"))
    assert (await kubectl(*version)).ok == before


async def test_server_side_apply_names_the_manager_that_it_would_overrule(kubectl: Kubectl) -> None:
    text = _example(kubectl, "03-shares.yaml")
    assert "serverside-applied" in await _apply(kubectl, text, "--server-side", "--field-manager=one")
    more = text.replace("replicas: 8", "replicas: 9")
    refused = await kubectl("apply", "--server-side", "--field-manager=two", "-f", "-", stdin=more)
    assert refused.code == 1
    assert 'conflict with "one": .spec.replicas' in refused.err
    assert "serverside-applied" in await _apply(
        kubectl, more, "--server-side", "--field-manager=two", "--force-conflicts"
    )


async def test_a_typing_error_is_refused_with_its_path(kubectl: Kubectl) -> None:
    wrong = _example(kubectl, "03-shares.yaml").replace("serviceName:", "serviceNaem:")
    refused = await kubectl("apply", "-f", "-", stdin=wrong)
    assert refused.code == 1
    assert 'unknown field "spec.serviceNaem"' in refused.err


async def test_diff_shows_what_apply_would_change(kubectl: Kubectl) -> None:
    text = _example(kubectl, "03-shares.yaml")
    await _apply(kubectl, text)
    assert (await kubectl("diff", "-f", "-", stdin=text)).code == 0
    changed = await kubectl("diff", "-f", "-", stdin=text.replace("replicas: 8", "replicas: 9"))
    assert changed.code == 1
    assert "-  replicas: 8" in changed.out.splitlines()
    assert "+  replicas: 9" in changed.out.splitlines()


async def test_patch_of_each_type(kubectl: Kubectl) -> None:
    await _apply(kubectl, DEPLOYMENT)
    strategic = '{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"side:1"}]}}}}'
    assert (await kubectl("patch", "deploy", "web", "-p", strategic)).ok
    operations = '[{"op":"replace","path":"/spec/replicas","value":0}]'
    assert (await kubectl("patch", "deploy", "web", "--type=json", "-p", operations)).ok
    assert (await kubectl("patch", "deploy", "web", "--type=merge", "-p", '{"metadata":{"labels":{"a":"b"}}}')).ok
    shown = "jsonpath={.spec.replicas} {.metadata.labels.a} {.spec.template.spec.containers[*].name}"
    assert (await kubectl("get", "deploy", "web", "-o", shown)).ok == "0 b side web"


async def test_scale_writes_the_replicas_of_an_appset(kubectl: Kubectl) -> None:
    await _apply(kubectl, _example(kubectl, "03-shares.yaml"))
    assert "scaled" in (await kubectl("scale", "as", "web", "--replicas=20")).ok
    assert (await kubectl("get", "as", "web", "-o", "jsonpath={.spec.replicas} {.metadata.generation}")).ok == "20 2"


async def test_explain_tells_what_a_field_is(kubectl: Kubectl) -> None:
    out = (await kubectl("explain", "as.spec.clusterTopology")).ok
    assert "KIND:       AppSet" in out
    assert "clusters" in out
    assert (await kubectl("explain", "deployment.spec.strategy")).ok


async def test_wait_ends_when_the_condition_is_met(kubectl: Kubectl) -> None:
    await _apply(kubectl, _example(kubectl, "01-bbcc.yaml"))
    assert (await kubectl("wait", "as/bbcc", "--for=condition=Ready", "--timeout=1s")).code == 1
    waiting = await kubectl.start("wait", "as/bbcc", "--for=condition=Ready", "--timeout=30s")
    await _running(kubectl, "bbcc", 6)
    out, _ = await waiting.communicate()
    assert (waiting.returncode, b"condition met" in out) == (0, True)


async def test_get_watch_shows_each_change(kubectl: Kubectl) -> None:
    await _apply(kubectl, _example(kubectl, "01-bbcc.yaml"))
    watching = await kubectl.start("get", "as", "-w")
    try:
        assert watching.stdout is not None
        async with asyncio.timeout(30):
            assert (await watching.stdout.readline()).startswith(b"NAME")
            assert (await watching.stdout.readline()).startswith(b"bbcc")
            await _running(kubectl, "bbcc", 6)
            assert b"Running" in await watching.stdout.readline()
    finally:
        with contextlib.suppress(ProcessLookupError):
            watching.kill()
        await watching.communicate()


async def test_describe_shows_events(kubectl: Kubectl, world: World) -> None:
    await _apply(kubectl, _example(kubectl, "01-bbcc.yaml"))
    uid = (await kubectl("get", "as", "bbcc", "-o", "jsonpath={.metadata.uid}")).ok
    about: JSONMap = {"kind": "AppSet", "namespace": kubectl.namespace, "name": "bbcc", "uid": uid}
    event: JSONMap = {
        "metadata": {"generateName": "bbcc-"},
        "involvedObject": about,
        "reason": "WaveStarted",
        "message": "canary@bj4 begins",
        "type": "Normal",
        "count": 1,
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }
    await world.cluster.client().send(create(EVENT, event, namespace=kubectl.namespace, manager="test"))
    out = (await kubectl("describe", "as", "bbcc")).ok
    assert "Cluster Topology:" in out
    assert "WaveStarted" in out
    assert "canary@bj4 begins" in out


async def test_pods_of_a_deployment_log_and_run_commands(kubectl: Kubectl) -> None:
    await _apply(kubectl, DEPLOYMENT)
    assert "successfully rolled out" in (await kubectl("rollout", "status", "deploy/web", "--timeout=60s")).ok
    header, row = _rows((await kubectl("get", "pods")).ok)
    assert header == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert row[1:4] == ["1/1", "Running", "0"]
    assert "started nginx:1" in (await kubectl("logs", "deploy/web")).ok
    assert (await kubectl("exec", row[0], "--", "echo", "hello")).ok == "hello\n"
    assert (await kubectl("exec", "-i", row[0], "--", "cat", stdin="through")).ok == "through"
    failed = await kubectl("exec", row[0], "--", "sh", "-c", "exit 3")
    assert failed.code == 3


async def test_create_sends_protobuf(kubectl: Kubectl) -> None:
    """The commands that make an object of a built-in kind themselves; `auth can-i` does so too."""
    assert "created" in (await kubectl("create", "configmap", "c", "--from-literal=a=ü")).ok
    assert (await kubectl("get", "configmap", "c", "-o", "jsonpath={.data.a}")).ok == "ü"
    assert "created" in (await kubectl("create", "secret", "generic", "s", "--from-literal=a=b")).ok
    assert (await kubectl("get", "secret", "s", "-o", "jsonpath={.data.a}")).ok == "Yg=="
    assert "created" in (await kubectl("create", "deployment", "d", "--image=nginx:1", "--replicas=2")).ok
    assert "successfully rolled out" in (await kubectl("rollout", "status", "deploy/d", "--timeout=60s")).ok
    assert "created" in (await kubectl("create", "service", "clusterip", "d", "--tcp=80:8080")).ok
    assert (await kubectl("get", "service", "d", "-o", "jsonpath={.spec.ports[0].targetPort}")).ok == "8080"
    assert "created" in (await kubectl("create", "serviceaccount", "robot")).ok
    assert (await kubectl("auth", "can-i", "delete", "pods")).ok == "yes\n"


async def test_delete_waits_until_the_object_is_gone(kubectl: Kubectl) -> None:
    await _apply(kubectl, DEPLOYMENT)
    assert "deleted" in (await kubectl("delete", "deploy", "web", "--timeout=30s")).ok
    assert "NotFound" in (await kubectl("get", "deploy", "web")).err
    assert (await kubectl("wait", "--for=delete", "pods", "--all", "--timeout=60s")).code == 0


async def test_a_client_certificate_is_a_user_too(kubectl: Kubectl) -> None:
    out = (await kubectl("--context", "certificate", "get", "ns", kubectl.namespace)).ok
    assert "Active" in out


async def test_a_wrong_token_is_nobody(kubectl: Kubectl) -> None:
    refused = await kubectl("--token", "wrong", "get", "pods")
    assert refused.code == 1
    assert "must be logged in" in refused.err or "Unauthorized" in refused.err


async def test_what_is_not_served_is_refused_by_name(kubectl: Kubectl) -> None:
    refused = await kubectl("get", "--raw", "/apis/scheduling.k8s.io/v1/priorityclasses")
    assert refused.code == 1
    assert "priorityclasses.scheduling.k8s.io" in refused.err
