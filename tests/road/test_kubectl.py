"""The whole road with real kubectl: simulated clusters over HTTPS, the controller as its own process, people at work.

Each kubectl found here walks it from the first apply to the last delete, in a namespace of its own, all at the same
time. `tests/sandbox` tries the verbs by themselves; here they act on AppSets that controllers are at work on.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path

import pytest

from sym import yaml
from sym.model.codec import JSONMap, as_map, dig, dig_list
from tests.chaos.playground import Controller, Playground, playground
from tests.model.bad import BAD_APPSETS, edited, good_appset
from tests.sandbox.kubectls import Kubectl, Said, found

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop, pytest.mark.timeout(600)]

EXAMPLES = Path(__file__).parents[2] / "examples"
MEMBERS = ("tcc-bj4-dks-test-01", "tcc-bj5-dks-test-01")
COLUMNS = ["NAME", "DESIRED", "AVAILABLE", "UNAVAILABLE", "VERSION", "STATUS", "AGE"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    """Meta cluster, two members and a controller process, for the module."""
    folder = tmp_path_factory.mktemp("road")
    with playground(folder, MEMBERS) as ground:
        controller = Controller(ground.kubeconfig, folder / "controller.log")
        controller.start()
        try:
            yield ground
        finally:
            controller.end()


class Person:
    """Somebody at a terminal, with one kubectl and a namespace."""

    def __init__(self, version: str, kubectl: Path, kubeconfig: Path, home: Path) -> None:
        self.namespace = f"k{version.replace('.', '-')}"
        self._kubectl = Kubectl(kubectl, kubeconfig, self.namespace, home)

    async def __call__(self, context: str, *arguments: str, stdin: str = "") -> Said:
        """Run one command against one cluster."""
        return await self._kubectl("--context", context, *arguments, stdin=stdin)

    async def meta(self, *arguments: str, stdin: str = "") -> str:
        """Run one command against the meta cluster that must succeed. Returns what it printed."""
        return (await self("meta", *arguments, stdin=stdin)).ok

    def example(self, name: str) -> JSONMap:
        """An example, in this person's namespace."""
        app = as_map(yaml.load((EXAMPLES / name).read_bytes()))
        return {**app, "metadata": {**as_map(app["metadata"]), "namespace": self.namespace}}

    async def row(self, name: str) -> list[str]:
        """The columns of `kubectl get as NAME`, without the age."""
        lines = (await self.meta("get", "as", name)).splitlines()
        assert lines[0].split() == COLUMNS
        return lines[1].split()[:-1]


@pytest.fixture
async def people(place: Playground, tmp_path: Path) -> list[Person]:
    """One for each kubectl; the namespace exists in every cluster."""
    return [await arrived(version, binary, place.kubeconfig, tmp_path) for version, binary in found().items()]


async def arrived(version: str, kubectl: Path, kubeconfig: Path, place: Path) -> Person:
    """A person with one kubectl, whose namespace exists in every cluster."""
    home = place / version
    home.mkdir()
    person = Person(version, kubectl, kubeconfig, home)
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": person.namespace}}
    for context in ("meta", *MEMBERS):
        assert (await person(context, "apply", "-f", "-", stdin=json.dumps(body))).code == 0
    return person


async def each(people: list[Person], journey: Callable[[Person], Coroutine[None, None, None]]) -> None:
    """Everybody goes the same way at the same time."""
    async with asyncio.TaskGroup() as group:
        for person in people:
            group.create_task(journey(person), name=person.namespace)


async def test_from_the_first_apply_to_the_last_delete(people: list[Person]) -> None:
    await each(people, install_and_delete)


async def test_shares_follow_a_scale_and_a_patch(people: list[Person]) -> None:
    await each(people, scale_and_patch)


async def test_what_is_bad_is_refused_with_its_place_and_what_runs_goes_on(people: list[Person]) -> None:
    await each(people, go_wrong)


async def install_and_delete(person: Person) -> None:
    """The document's example from its first apply to its last delete."""
    await person.meta("apply", "-f", "-", stdin=json.dumps(person.example("01-bbcc.yaml")))
    await person.meta("wait", "--for=condition=Ready", "as/bbcc", "--timeout=180s")
    assert await person.row("bbcc") == ["bbcc", "10", "10", "0", "v3/v4", "Running"]
    children = (await person(MEMBERS[0], "get", "ad")).ok.splitlines()
    assert children[0].split() == COLUMNS
    assert children[1].split()[:-1] == ["bbcc", "5", "5", "0", "v3/v4", "Running"]

    await person.meta("scale", "as", "bbcc", "--replicas=12")
    await person.meta("wait", "--for=condition=Stalled", "as/bbcc", "--timeout=180s")
    told = await person.meta("describe", "as", "bbcc")
    assert "spec.replicas is 12, but the podSets ask for 10 in all" in told
    assert "ReplicasMismatch" in told.partition("Events:")[2]
    assert (await person.row("bbcc"))[1:4] == ["10", "10", "0"]

    await person.meta("delete", "as", "bbcc", "--timeout=180s")
    for member in MEMBERS:
        assert (await person(member, "get", "ad,deploy", "-o", "name")).ok == ""


async def scale_and_patch(person: Person) -> None:
    """Percent shares follow a scale; a patch brings another version."""
    await person.meta("apply", "--server-side", "-f", "-", stdin=json.dumps(person.example("03-shares.yaml")))
    await person.meta("wait", "--for=condition=Ready", "as/web", "--timeout=180s")
    await person.meta("scale", "as", "web", "--replicas=20")
    await person.meta("wait", "--for=jsonpath={.status.aggrStatus.available}=20", "as/web", "--timeout=180s")
    await person.meta("wait", "--for=condition=Ready", "as/web", "--timeout=180s")
    app = as_map(json.loads(await person.meta("get", "as", "web", "-o", "json")))
    counts = {dig(row, "name"): dig(row, "desired") for row in dig_list(app, "status", "aggrStatus", "podSets")}
    assert counts == {"web-gz01b-blue": 10, "web-gz01b-green": 5, "web-gz01a-blue": 4, "web-gz01a-green": 1}

    clusters = [as_map(each) for each in dig_list(app, "spec", "clusterTopology", "clusters")]
    newer = [
        {**each, "podSets": [{**as_map(pod_set), "version": "v2"} for pod_set in dig_list(each, "podSets")]}
        for each in clusters
    ]
    change = json.dumps({"spec": {"clusterTopology": {"clusters": newer}}})
    await person.meta("patch", "as", "web", "--type=merge", "-p", change)
    await person.meta("wait", "--for=jsonpath={.status.aggrStatus.version}=v2", "as/web", "--timeout=180s")
    await person.meta("wait", "--for=condition=Ready", "as/web", "--timeout=180s")
    assert await person.row("web") == ["web", "20", "20", "0", "v2", "Running"]
    await person.meta("delete", "as", "web", "--timeout=180s")


async def go_wrong(person: Person) -> None:
    """Bad AppSets are refused with their place; what runs goes on."""
    await person.meta("apply", "-f", "-", stdin=json.dumps(person.example("03-shares.yaml")))
    await person.meta("wait", "--for=condition=Ready", "as/web", "--timeout=180s")
    before = (await person(MEMBERS[0], "get", "pods", "-o", "name")).ok
    for bad in BAD_APPSETS[:8]:
        body = edited(good_appset("bad", person.namespace), bad)
        said = await person("meta", "apply", "-f", "-", stdin=json.dumps(body))
        assert said.code == 1, bad.name
        assert all(text in said.err for text in bad.says[:1]), (bad.name, said.err)
    assert (await person(MEMBERS[0], "get", "pods", "-o", "name")).ok == before
    await person.meta("delete", "as", "web", "--timeout=180s")
