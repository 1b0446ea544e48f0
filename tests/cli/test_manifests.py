"""`sym manifests`: its RBAC allows what the controllers ask for in whole lives of AppSets, and hardly anything else."""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from sym import yaml
from sym.cli.manifests import Wish, command, manifests
from sym.kube.client import Client
from sym.kube.connection import Connection
from sym.model import names, rbac
from sym.model.appset import AppSet
from sym.model.codec import JSONMap, as_map, dig_list, dig_str
from sym.model.kinds import ADVDEPLOYMENT, APPSET, CLUSTER, DEPLOYMENT, NAMESPACE
from sym.model.rbac import Grant, Rule
from sym.sandbox.audit import Record
from sym.sandbox.call import User
from sym.sandbox.faults import FaultyClient
from tests.make import BJ4, BJ5, appset, pod_set, stateful, two_clusters
from tests.safety.house import House
from tests.world import META_NAME, until

pytestmark = pytest.mark.anyio

CONTROLLER, MASTER, WORKER = (User(name=name) for name in ("sym-controller", names.MASTER, names.WORKER))

UNSEEN: Mapping[tuple[str, str, str], str] = {
    ("sym-master", "create", "advdeployments"): "an apply that creates is a PATCH, and a real server asks for both",
    ("sym-controller", "create", "controllerrevisions"): "the same",
    ("sym-worker", "create", "deployments"): "an apply that creates is a PATCH, and a real server asks for both",
    ("sym-worker", "create", "statefulsets"): "the same",
    ("sym-worker", "create", "services"): "the same",
    ("sym-worker", "get", "events"): "an Event that comes again is read and counted up; these lives have none",
    ("sym-worker", "patch", "events"): "the same",
}
"""Account, verb and resource of what no request shows, and why it is granted all the same."""


ACCOUNTS: Mapping[str, tuple[Grant, ...]] = {
    CONTROLLER.name: (rbac.META,),
    MASTER.name: (rbac.MASTER,),
    WORKER.name: (rbac.WORKER,),
}


class Village(House):
    """A house whose clusters know who asks: the controller at home, the master in members, a worker in its own."""

    def link(self, name: str) -> FaultyClient:
        return self.link_of(CONTROLLER if name == META_NAME else WORKER, name)

    def connect(self, connection: Connection) -> Client:
        return self.link_of(MASTER, connection.host.partition(":")[0])

    async def prepare(self) -> None:
        """What `sym manifests`, `sym crds` and somebody who registers clusters leave."""
        for cluster in (BJ4, BJ5):
            await self.make_namespace(cluster, names.MEMBER_NAMESPACE)
        await self.make_namespace(META_NAME, "shop")
        await self.register(BJ4)
        await self.register_in_configmap(BJ5)
        body: JSONMap = {"metadata": {"namespace": names.META_NAMESPACE, "name": BJ4}, "spec": {}}
        await self.meta.create(CLUSTER, {"apiVersion": CLUSTER.api_version, "kind": CLUSTER.name, **body}, "person")

    async def until_settled(self, name: str, state: str) -> None:
        """Wait until an AppSet of namespace shop is in that state at its own generation."""

        async def there() -> bool:
            app = await self.meta.get(APPSET, AppSet, "shop", name)
            fresh = app.status.observed_generation == app.metadata.generation
            return fresh and app.status.aggr_status.status == state

        await until(there, f"{name} is {state}", 120.0)

    async def make_namespace(self, cluster: str, name: str) -> None:
        body: JSONMap = {"apiVersion": "v1", "kind": NAMESPACE.name, "metadata": {"name": name}}
        await self.apis[cluster].create(NAMESPACE, body, "person")


async def live(world: Village) -> None:
    """A whole life: what is installed, changed, dropped, refused, deleted; strangers in the way; records lost."""
    await world.apply(in_shop(two_clusters()))
    await world.until_settled("bbcc", "Running")
    for version, replicas in (("v2", 2), ("v2", 3)):
        await world.apply(in_shop(two_clusters(version, replicas)))
        await asyncio.sleep(30)
        await world.until_settled("bbcc", "Running")
    stranger: JSONMap = {"name": "alone-blue", "namespace": "shop"}
    pod: JSONMap = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "a:v1"}]}}
    spec: JSONMap = {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": pod}
    body: JSONMap = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": stranger, "spec": spec}
    await world.apis[BJ4].apply(DEPLOYMENT, body, "person")
    await world.apply(in_shop(appset({BJ4: [pod_set("alone-blue")]}, name="alone")))
    await world.apply(in_shop(appset({BJ4: [pod_set("odd-blue")]}, name="odd", replicas=7)))
    await asyncio.sleep(60)
    await world.remove(world.apis[BJ4], ADVDEPLOYMENT, "shop", "bbcc")
    await asyncio.sleep(60)
    await world.apply(in_shop(appset({BJ4: [pod_set("bbcc-gz01b-blue", 3, "v2")]})))
    await world.until_settled("bbcc", "Running")
    named: JSONMap = {"metadata": {"namespace": "shop", "name": "state"}}
    for version, replicas in (("v1", 1), ("v1", 2), ("v2", 2)):
        app = in_shop(stateful(version, replicas))
        await world.apply({**app, **named, "spec": {**as_map(app["spec"]), "revisionHistoryLimit": 0}})
        await asyncio.sleep(30)
        await world.until_settled("state", "Running")
    for name in ("bbcc", "alone", "odd", "state"):
        await world.remove(world.meta, APPSET, "shop", name)
    await asyncio.sleep(120)
    assert not world.clusters[META_NAME].store.list(APPSET, "shop")


def in_shop(app: JSONMap) -> JSONMap:
    """The AppSet in a namespace that the members do not have."""
    return {**app, "metadata": {**as_map(app["metadata"]), "namespace": "shop"}}


@pytest.fixture(scope="module")
async def split() -> list[Record]:
    """Every request of the controllers, with a worker in each member."""
    return await story(Village(BJ4, BJ5), hosted=False)


async def story(world: Village, *, hosted: bool) -> list[Record]:
    """Everything that the controllers ask for in two lives of a process each."""
    async with world.running():
        await world.prepare()
        for _ in range(2):
            async with contextlib.AsyncExitStack() as stack:
                await stack.enter_async_context(world.controller(worker=hosted))
                for cluster in () if hosted else (BJ4, BJ5):
                    options: dict[str, str | bool] = {"master": False, "worker_clusters": "self", "at": cluster}
                    await stack.enter_async_context(world.controller(**options))
                await live(world)
    users = {user.name for user in (CONTROLLER, MASTER, WORKER)}
    return [record for record in world.records if record.user in users and record.place.resource]


async def test_every_request_is_allowed_to_the_account_that_sends_it(split: list[Record]) -> None:
    assert {record.user for record in split} == set(ACCOUNTS)
    assert denied(split, ACCOUNTS) == []


async def test_a_master_that_works_too_has_both_grants(split: list[Record]) -> None:
    hosted = await story(Village(BJ4, BJ5), hosted=True)
    assert {record.user for record in hosted} == {CONTROLLER.name, MASTER.name}
    assert denied(hosted, {**ACCOUNTS, MASTER.name: (rbac.MASTER, rbac.WORKER)}) == []


async def test_no_right_is_granted_that_no_request_needs(split: list[Record]) -> None:
    unused = {
        (name, verb, resource)
        for name, grants in ACCOUNTS.items()
        for grant in grants
        for rule in (*grant.everywhere, *grant.at_home)
        for verb in rule.verbs
        for resource in rule.resources
        if not any(uses(record, name, rule, verb, resource) for record in split)
    }
    assert unused == set(UNSEEN)


def denied(records: Iterable[Record], accounts: Mapping[str, tuple[Grant, ...]]) -> list[str]:
    """The requests that would be refused, each once."""
    return sorted(
        {str(record) for record in records if not any(allows(grant, record) for grant in accounts[record.user])}
    )


def allows(grant: Grant, record: Record) -> bool:
    place = record.place
    return grant.allows(record.verb, place.group, resource_of(record), namespace=place.namespace, name=place.name)


def uses(record: Record, name: str, rule: Rule, verb: str, resource: str) -> bool:
    place = record.place
    served = {verb, "watch"} if verb == "list" else {verb}  # a list comes as the beginning of a watch where it can
    asked = record.user == name and record.verb in served and resource_of(record) == resource
    return asked and rule.allows(verb, place.group, resource, place.name)


def resource_of(record: Record) -> str:
    """`pods/log`."""
    return "/".join(filter(None, (record.place.resource, record.place.subresource)))


# what is printed

WISHES = [
    Wish(cluster=cluster, namespace=namespace, image="sym:1", worker=worker, exec=inside)
    for cluster, namespace in (("meta", names.META_NAMESPACE), ("member", names.MEMBER_NAMESPACE), ("member", "ops"))
    for worker in ("hosted", "member")
    for inside in (False, True)
]


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_nobody_may_do_everything_read_secrets_of_others_or_write_nodes(wish: Wish) -> None:
    for item in manifests(wish):
        for rule in map(as_map, dig_list(item, "rules")):
            assert "*" not in [*dig_list(rule, "apiGroups"), *dig_list(rule, "resources"), *dig_list(rule, "verbs")]
            assert "nodes" not in dig_list(rule, "resources")
            if "secrets" in dig_list(rule, "resources"):
                assert (dig_str(item, "kind"), dig_str(item, "metadata", "namespace")) == ("Role", names.META_NAMESPACE)
                assert set(dig_list(rule, "verbs")) == {"list", "watch", "patch"}


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_every_binding_binds_an_account_to_a_role_that_are_both_there(wish: Wish) -> None:
    there = {
        (dig_str(item, "kind"), dig_str(item, "metadata", "namespace"), dig_str(item, "metadata", "name"))
        for item in manifests(wish)
    }
    assert len(there) == len(list(manifests(wish)))
    for item in manifests(wish):
        where = dig_str(item, "metadata", "namespace")
        assert not where or ("Namespace", "", where) in there
        if dig_str(item, "kind").endswith("Binding"):
            role = (dig_str(item, "roleRef", "kind"), where, dig_str(item, "roleRef", "name"))
            (subject,) = map(as_map, dig_list(item, "subjects"))
            assert role in there
            assert ("ServiceAccount", dig_str(subject, "namespace"), dig_str(subject, "name")) in there
        if dig_str(item, "kind") == "Deployment":
            used = dig_str(item, "spec", "template", "spec", "serviceAccountName")
            assert ("ServiceAccount", where, used) in there


def test_the_api_reads_pods_and_enters_them_only_where_that_is_switched_on() -> None:
    for grant in (rbac.API_META, rbac.API_MEMBER):
        assert {verb for rule in grant.everywhere for verb in rule.verbs} == {"get", "list", "watch"}
        assert not any("secrets" in rule.resources for rule in grant.everywhere)
    off, on = ({dig_str(item, "metadata", "name") for item in manifests(wish)} for wish in (WISHES[4], WISHES[5]))
    assert on - off == {"sym-api-exec", "sym-api-as-sym-api-exec"}


async def test_a_server_takes_the_deployment_as_it_is() -> None:
    world = House()
    async with world.running():
        (made,) = [item for item in manifests(WISHES[0]) if item["kind"] == "Deployment"]
        answer = await world.meta.create(DEPLOYMENT, made, "person")
    (container,) = map(as_map, dig_list(answer, "spec", "template", "spec", "containers"))
    assert dig_list(container, "command")[:3] == ["sym-controller", "controller", "--enable-master"]
    assert dig_str(container, "livenessProbe", "httpGet", "path") == "/live"
    assert dig_str(container, "readinessProbe", "httpGet", "path") == "/ready"


def test_it_prints_yaml_for_kubectl() -> None:
    printed = CliRunner().invoke(command, ["--for", "member", "--worker", "member", "--image", "registry/sym:2"])
    assert printed.exit_code == 0
    assert list(yaml.load_all(printed.output)) == list(
        manifests(Wish(cluster="member", namespace=names.MEMBER_NAMESPACE, image="registry/sym:2", worker="member"))
    )


def test_confirmations_are_proved_where_that_is_asked_for() -> None:
    plain = Wish(cluster="meta", namespace="ops", image="sym:1")
    added = [item for item in manifests(replace(plain, confirmations=True)) if item not in list(manifests(plain))]
    assert [(dig_str(item, "kind"), dig_str(item, "metadata", "name")) for item in added] == [
        ("ValidatingAdmissionPolicy", "sym-confirmations"),
        ("ValidatingAdmissionPolicyBinding", "sym-confirmations"),
        ("ClusterRole", "sym-rollout-confirmer"),
    ]
    policy = added[0]
    assert dig_str(policy, "spec", "failurePolicy") == "Fail"
    said = {dig_str(each, "name"): dig_str(each, "expression") for each in dig_list(policy, "spec", "variables")}
    assert "system:serviceaccount:ops:sym-controller" in said["master"]
    assert "system:serviceaccount:ops:sym-api" in said["api"]
    assert {verb for rule in rbac.CONFIRMER.everywhere for verb in rule.verbs} == {"get", "list", "watch", "patch"}
    assert not rbac.CONFIRMER.allows("patch", APPSET.group, APPSET.plural)


def test_confirmations_in_a_member_are_refused_with_what_to_do() -> None:
    refused = CliRunner().invoke(command, ["--for", "member", "--confirmations"])
    assert refused.exit_code == 2
    assert "leave out --for member" in refused.output


def test_exec_in_a_meta_cluster_is_refused_with_what_to_do() -> None:
    refused = CliRunner().invoke(command, ["--enable-exec"])
    assert refused.exit_code == 2
    assert "add --for member" in refused.output
