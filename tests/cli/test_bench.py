"""`sym bench`: the floor is what the controllers write, the counts are those of the servers, and nothing is left."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from sym.aio.env import LoopEnv
from sym.cli.bench_count import AuditLogs, Write, usage
from sym.cli.bench_floor import Bare, recipe, twins
from sym.cli.bench_report import Floor, Run, percentile, report, table
from sym.cli.bench_watch import Times
from sym.cli.demo_tour import World
from sym.cli.main import main
from sym.kube.api import Api
from sym.kube.requests import ListOptions
from sym.model import names
from sym.model.codec import JSONMap
from sym.model.kinds import CRD, DEPLOYMENT, NAMESPACE, SECRET
from sym.model.meta import META, Object
from sym.sandbox.audit import Record
from sym.sandbox.cluster import SandboxCluster
from sym.settings import SandboxSettings
from tests.chaos.playground import playground
from tests.make import BJ4, BJ5

SYM = Path(sys.executable).with_name("sym")
NEEDED = {
    "create appsets 201": 1,
    "patch appsets 200": 1,
    "patch advdeployments 201": 2,
    "patch deployments 201": 2,
    "patch advdeployments/status 200": 2,
    "patch appsets/status 200": 1,
}


@pytest.mark.anyio
async def test_the_floor_is_every_write_that_an_appset_needs_and_servers_take_it(env: LoopEnv) -> None:
    clusters = {name: SandboxCluster(name, env, SandboxSettings()) for name in (META, BJ4, BJ5)}
    apis = {name: Api(cluster.client(), name) for name, cluster in clusters.items()}
    heard: list[Record] = []
    namespace: JSONMap = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bench"}}
    for name, api in apis.items():
        for twin in twins():
            await api.create(CRD, twin, "test")
        await api.create(NAMESPACE, namespace, "test")
        clusters[name].api.listeners.append(heard.append)
    bare = Bare(apis, recipe("bench", (BJ4, BJ5)), 2)
    await bare.send(["sym-a-00000", "sym-a-00001", "sym-a-00002"])
    assert bare.writes == 8
    counted = Counter(
        f"{one.verb} {one.place.resource}{'/' * bool(one.place.subresource)}{one.place.subresource} {one.code}"
        for one in heard
    )
    assert counted == {what: 3 * count for what, count in NEEDED.items()}
    found, _ = await apis[BJ5].list_all(DEPLOYMENT, Object, ListOptions(namespace="bench"))
    assert [each.metadata.name for each in found] == ["sym-a-00000-01", "sym-a-00001-01", "sym-a-00002-01"]


def test_audit_logs_are_counted_from_where_they_ended(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"

    def say(verb: str, resource: str, stage: str = "ResponseComplete", agent: str = "sym-controller/0.1 (x)") -> None:
        about = {"resource": resource, "subresource": "status"}
        said = {"stage": stage, "verb": verb, "userAgent": agent, "objectRef": about, "responseStatus": {"code": 200}}
        with log.open("a") as file:
            file.write(json.dumps(said) + "\n")

    say("patch", "appsets")
    logs = AuditLogs({"meta": log})
    say("patch", "appsets")
    say("patch", "appsets", "RequestReceived")
    say("get", "appsets")
    with log.open("a") as file:
        file.write("no json\n")
    assert logs.writes() == {Write("sym-controller/0.1", "patch", "appsets/status", 200): 1}


def test_a_report_counts_what_is_ours_per_appset() -> None:
    counted = {
        Write("sym-controller/0.1", "patch", "appsets/status", 200): 20,
        Write("sym-controller/0.1", "create", "events", 201): 10,
        Write("sym-controller/0.1", "update", "leases", 200): 7,
        Write("sym-bench/0.1", "create", "appsets", 201): 10,
    }
    times = {f"a{n}": Times(began=0.1 * n, children=1.0, deployments=2.0, running=3.0 + n) for n in range(10)}
    run = Run(times=times, counted=counted, before=usage([1]), after=usage([1]))
    found = report(run, 2, 20, 8, (Floor(create_seconds=1.0, write_seconds=4.0), Floor(1.0, 2.0)))
    assert (found.writes_per_app_set, found.events_per_app_set) == (2.0, 1.0)
    assert (found.status_seconds, found.ratio) == (12.0, 3.0)
    assert found.p99_seconds == pytest.approx(11.1)
    assert "writes of ours per AppSet          2.00 and 1.00 Events" in table(found)


def test_percentiles_are_values_that_occurred() -> None:
    values = [float(n) for n in range(1, 201)]
    assert (percentile(values, 50), percentile(values, 99), percentile(values[:1], 99)) == (100.0, 198.0, 1.0)


def test_bad_flags_are_one_sentence() -> None:
    answer = CliRunner().invoke(main, ["bench", "propagation", "--audit", "meta"])
    assert answer.exit_code == 2
    assert "expected CONTEXT=FILE with a file that is there" in answer.output


@pytest.mark.timeout(180)
def test_a_run_measures_and_leaves_nothing(tmp_path: Path) -> None:
    with playground(tmp_path) as ground:
        argv = [str(SYM), "bench", "propagation", "--kubeconfig", str(ground.kubeconfig), "--start", "--appsets", "3"]
        done = subprocess.run([*argv, "--output", "json"], capture_output=True, text=True, timeout=150, check=False)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert (found["appSets"], found["members"], found["writesNeeded"], found["writes"]) == (3, 2, 8, [])
        assert 0 < found["childrenSeconds"] <= found["deploymentsSeconds"] <= found["statusSeconds"]
        assert found["cpuSeconds"] > 0
        assert ground.do(_left) == []
        assert ground.do(_registered) == [BJ4, BJ5]


async def _left(world: World) -> list[str]:
    left: list[str] = []
    for api in (world.meta, *world.members.values()):
        for kind in (NAMESPACE, CRD):
            found, _ = await api.list_all(kind, Object, ListOptions())
            left += [each.metadata.name for each in found if "bench" in each.metadata.name]
    return left


async def _registered(world: World) -> list[str]:
    found, _ = await world.meta.list_all(SECRET, Object, ListOptions(namespace=names.META_NAMESPACE))
    return sorted(each.metadata.name for each in found)
