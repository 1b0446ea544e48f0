"""The helm deployer on literals: when Helm is called, when it is not, and what is told."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from sym.model import names
from sym.model.appset import AppStatus, Chart, ChartUrl, HelmRelease, PodSetStatus
from sym.model.codec import JSONMap, convert, dig, dig_map, to_json, to_map
from sym.model.conditions import find_condition
from sym.model.kinds import CONFIGMAP, DEPLOYMENT, SERVICE, STATEFULSET
from sym.model.workload import (
    Autoscaler,
    AutoscalerSpec,
    ConfigMap,
    Deployment,
    Pod,
    ReleaseRecord,
    ScaleTarget,
    Service,
    StatefulSet,
)
from sym.plan.advdeployment import plan_advdeployment
from sym.plan.deployers import DEPLOYERS
from sym.plan.deployers.helm import FAILED, FOREIGN_HELM, NOT_FOLLOWED, UNREADABLE, HelmDeployer
from sym.plan.ownership import record
from sym.plan.report import FOREIGN
from sym.plan.types import (
    Action,
    Apply,
    Create,
    HelmLook,
    HelmRecover,
    HelmState,
    HelmUninstall,
    HelmUpgrade,
    Owner,
)
from sym.plan.views import AdvDeploymentView
from tests.golden.world import FLEET, START, World
from tests.make import BJ4, appset, pod_set

NOW = START + timedelta(minutes=5)
OWNER = Owner(fleet_id=FLEET, app_id="app-1", namespace="default", name="bbcc")
NAME = "bbcc-gz01b-blue"
RAW = "H4sIAAAAAAAA/w=="
DEPLOYER = HelmDeployer()


def helm_app(*, replicas: int = 2, version: str = "v1", chart: JSONMap | None = None, **fields: str) -> JSONMap:
    """The AppSet bbcc as one release."""
    pod_spec: JSONMap = {"deployType": "helm", "chart": chart or {"chartUrl": {"url": "dmall/springBoot"}}}
    return appset({BJ4: [pod_set(NAME, replicas, version, **fields)]}, podSpec=pod_spec, serviceName="inner.bbcc")


def child(app: JSONMap) -> AdvDeploymentView:
    """What the worker sees before there is any release."""
    world = World(BJ4)
    world.apply(app)
    for _ in range(2):
        world.round_of_the_master()
    view = world.worker_view(BJ4)
    finalizers = (names.FINALIZER,)
    return replace(view, adv=replace(view.adv, metadata=replace(view.adv.metadata, finalizers=finalizers)))


VIEW = child(helm_app())


def wanted(view: AdvDeploymentView = VIEW) -> HelmUpgrade:
    """The upgrade that is planned."""
    (action,) = of_helm(view)
    assert isinstance(action, HelmUpgrade)
    return action


def of_helm(view: AdvDeploymentView) -> list[Action]:
    """What the deployer does."""
    (only,) = view.adv.spec.topology.pod_sets
    return list(DEPLOYER.actions(view, OWNER, only))


def seen(view: AdvDeploymentView) -> PodSetStatus:
    """What the deployer tells."""
    (only,) = view.adv.spec.topology.pod_sets
    return DEPLOYER.observe(view, OWNER, only)


def release(number: int = 1, status: str = "deployed", *, name: str = NAME, **labels: str) -> ReleaseRecord:
    """A record as Helm would have made it of what is wanted."""
    said = {**wanted().labels, names.RELEASE_RUN: f"run-{number}", "owner": "helm", "name": name}
    said |= {"version": str(number), "status": status} | labels
    metadata: JSONMap = {
        "name": f"sh.helm.release.v1.{name}.v{number}",
        "namespace": "default",
        "uid": f"uid-{name}-{number}",
        "resourceVersion": "7",
        "labels": {key: value for key, value in said.items() if value},
    }
    return convert({"metadata": metadata}, ReleaseRecord)


def deployment(**changes: int) -> Deployment:
    """The Deployment that the chart made, in full run."""
    counts = {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2, "observedGeneration": 3}
    body: JSONMap = {
        "metadata": {
            "name": NAME,
            "namespace": "default",
            "uid": "uid-d",
            "resourceVersion": "9",
            "generation": 3,
            "labels": {"app": "bbcc", names.MANAGED_BY: "Helm"},
            "annotations": {names.HELM_RELEASE: NAME, names.HELM_NAMESPACE: "default", **record(OWNER)},
        },
        "spec": {
            "replicas": changes.pop("wanted", 2),
            "selector": {"matchLabels": {"app": "bbcc", "release": NAME}},
            "template": TEMPLATE,
        },
        "status": {**counts, **changes},
    }
    return convert(body, Deployment)


TEMPLATE: JSONMap = {
    "metadata": {"labels": {"app": "bbcc", "release": NAME}},
    "spec": {"containers": [{"name": "bbcc", "image": "dmall/bbcc:v1", "ports": [{"containerPort": 8080}]}]},
}


def rendered(kind: str = "Deployment", name: str = NAME, version: str = "apps/v1", **fields: JSONMap) -> JSONMap:
    """An object as the chart rendered it."""
    spec: JSONMap = {"replicas": 2, "template": TEMPLATE, "minReadySeconds": 0}
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "labels": {"app": "bbcc"}},
        **(fields or {"spec": spec}),
    }


def known(*objects: JSONMap, number: int = 1) -> HelmState:
    """What is known after the record was read."""
    facts = HelmRelease(release=NAME, chart="springBoot", revision=number, status="deployed", description="done")
    return HelmState(number=number, after=number, facts=facts, objects=objects or (rendered(),))


def installed(
    *records: ReleaseRecord, state: HelmState | None = None, made: tuple[Deployment, ...] | None = None
) -> AdvDeploymentView:
    """The view of a release that stands."""
    return replace(
        VIEW,
        releases=records or (release(),),
        helm={NAME: state or known()},
        workloads=(deployment(),) if made is None else made,
    )


# --- when Helm is called


def test_there_is_a_deployer() -> None:
    assert isinstance(DEPLOYERS[VIEW.adv.spec.topology.pod_sets[0].pod_spec.deploy_type], HelmDeployer)


def test_a_release_that_is_not_there_is_made_from_chart_and_values() -> None:
    action = wanted()
    assert (action.cluster, action.owner, action.name, action.after) == (BJ4, OWNER, NAME, 0)
    assert action.chart == Chart(chart_url=ChartUrl(url="dmall/springBoot"))
    assert action.labels[names.REVISION] == VIEW.adv.spec.topology.pod_sets[0].revision
    assert action.labels[names.RELEASE_DIGEST] == action.digest
    assert (action.labels[names.APP_ID], action.labels[names.FLEET_ID]) == ("app-1", FLEET)
    defaults, facts = map(dig_map, action.values)
    assert dig(defaults, "service", "enabled") is True
    assert dig(facts, "replicaCount") == 2
    assert dig(facts, "container", "image") == {"tag": "v1"}


def test_an_unchanged_release_asks_nothing_of_helm() -> None:
    assert of_helm(installed()) == []
    plan = plan_advdeployment(installed(), NOW)
    assert plan.actions == ()
    assert plan.status is not None
    assert plan.status.aggr_status.status is AppStatus.RUNNING


@pytest.mark.parametrize(
    "app",
    [
        helm_app(replicas=3),
        helm_app(version="v2"),
        helm_app(rawValues="a: 1"),
        helm_app(chart={"chartUrl": {"url": "dmall/other"}}),
        helm_app(chart={"chartUrl": {"url": "dmall/springBoot", "chartVersion": "0.0.2"}}),
        helm_app(chart={"rawChart": RAW}),
    ],
    ids=["count", "version", "values", "chart", "chart-version", "archive"],
)
def test_whatever_helm_would_be_given_otherwise_is_an_upgrade(app: JSONMap) -> None:
    changed = replace(child(app), releases=(release(),), helm={NAME: known()}, workloads=(deployment(),))
    (action,) = of_helm(changed)
    assert isinstance(action, HelmUpgrade)
    assert action.after == 1
    assert action.digest != wanted().digest


def test_the_archive_of_a_chart_comes_from_the_record_once() -> None:
    view = child(helm_app(chart={"rawChart": RAW}))
    chart = view.adv.spec.topology.pod_sets[0].pod_spec.chart
    assert dict(view.adv.spec.charts) == {chart.digest: RAW}
    assert (chart.raw_chart, wanted(view).chart) == ("", Chart(raw_chart=RAW))


def test_values_lie_over_each_other() -> None:
    view = child(helm_app(rawValues="container: {}\n", image="dmall/other"))
    _, written, facts = wanted(view).values
    assert written == "container: {}\n"
    assert dig(facts, "container", "image") == {"repository": "dmall/other", "tag": "v1"}
    assert dig(facts, "fullnameOverride") == NAME


def test_nothing_is_begun_while_helm_is_at_it_or_the_cache_is_behind() -> None:
    for state in (
        HelmState(busy=True),
        HelmState(after=2),  # our own second revision is not in the cache yet
        HelmState(gone=True),  # our own uninstall is not
    ):
        assert of_helm(replace(installed(state=state), helm={NAME: state})) == []
    assert of_helm(replace(VIEW, helm={NAME: HelmState(after=1)})) == []


def test_a_failed_revision_is_tried_again_once_it_has_rested() -> None:
    failed = release(2, "failed")
    digest = wanted().digest
    rests = HelmState(after=2, digest=digest, reason="HelmFailed", message="no", rests=True)
    assert of_helm(installed(release(1, "superseded"), failed, state=rests)) == []
    again = of_helm(installed(release(1, "superseded"), failed, state=replace(rests, rests=False)))
    assert [type(each) for each in again] == [HelmUpgrade]
    other = replace(rests, digest="of other values")
    assert [type(each) for each in of_helm(installed(failed, state=other))] == [HelmUpgrade]


@pytest.mark.parametrize("status", ["pending-install", "pending-upgrade", "pending-rollback"])
def test_what_was_killed_in_the_middle_is_noted_as_failed(status: str) -> None:
    (action,) = of_helm(installed(release(1, "deployed"), release(2, status), state=HelmState()))
    assert isinstance(action, HelmRecover)
    assert (action.secret, action.uid) == (f"sh.helm.release.v1.{NAME}.v2", f"uid-{NAME}-2")


def test_what_somebody_elses_helm_is_at_is_left_alone_until_it_is_given_up() -> None:
    """A person's `helm upgrade` copies the labels of the revision before it, the run among them."""
    theirs = release(2, "pending-upgrade", **{names.RELEASE_RUN: "run-1"})
    view = installed(release(1, "deployed"), theirs, state=HelmState())
    assert of_helm(view) == []
    assert seen(view).reason == FOREIGN_HELM
    assert "pending-upgrade" in seen(view).message
    given_up = replace(view, helm={NAME: HelmState(abandoned=True)})
    assert [type(each) for each in of_helm(given_up)] == [HelmRecover]


def test_an_uninstall_that_was_killed_goes_on() -> None:
    (action,) = of_helm(installed(release(1, "uninstalling"), state=HelmState()))
    assert isinstance(action, HelmUninstall)


def test_the_record_is_read_once_for_each_revision() -> None:
    (action,) = of_helm(installed(state=HelmState()))
    assert action == HelmLook(cluster=BJ4, owner=OWNER, name=NAME, secret=f"sh.helm.release.v1.{NAME}.v1", number=1)


@pytest.mark.parametrize(
    "labels",
    [{names.APP_ID: "app-2"}, {names.FLEET_ID: ""}, {names.APP: "other"}, {names.APP_ID: ""}],
    ids=["other-app", "no-fleet", "other-name", "nobodys"],
)
def test_a_release_of_somebody_else_is_left_alone(labels: dict[str, str]) -> None:
    view = installed(release(1, **labels))
    assert of_helm(view) == []
    assert DEPLOYER.taken(view, OWNER, view.adv.spec.topology.pod_sets[0])
    assert list(DEPLOYER.leftovers(view, OWNER, (), "test")) == []
    assert (seen(view).release, seen(view).available, seen(view).reason) == (None, 0, "")
    status = plan_advdeployment(view, NOW).status
    assert status is not None
    stalled = find_condition(status.conditions, names.STALLED)
    assert stalled is not None
    assert (stalled.status, stalled.reason) == ("True", FOREIGN)


def test_where_records_cannot_be_read_nothing_is_done() -> None:
    view = replace(installed(), releases=None)
    assert of_helm(view) == []
    assert list(DEPLOYER.leftovers(view, OWNER, (), "test")) == []
    assert seen(view).reason == UNREADABLE


# --- what is taken away


def test_a_release_that_no_podset_names_goes() -> None:
    old = release(3, name="bbcc-old")
    view = replace(installed(release(), old), helm={NAME: known()})
    (action,) = DEPLOYER.leftovers(view, OWNER, view.adv.spec.topology.pod_sets, "left over")
    assert isinstance(action, HelmUninstall)
    assert (action.name, action.secret, action.reason) == ("bbcc-old", "sh.helm.release.v1.bbcc-old.v3", "left over")
    for state in (HelmState(busy=True), HelmState(gone=True), HelmState(after=4)):
        behind = replace(view, helm={NAME: known(), "bbcc-old": state})
        assert list(DEPLOYER.leftovers(behind, OWNER, view.adv.spec.topology.pod_sets, "")) == []


def test_a_pending_leftover_is_noted_as_failed_before_it_goes() -> None:
    killed = installed(release(), release(1, "pending-install", name="bbcc-old"))
    kept = killed.adv.spec.topology.pod_sets
    assert [type(each) for each in DEPLOYER.leftovers(killed, OWNER, kept, "")] == [HelmRecover]
    first = release(1, name="bbcc-old")
    theirs = release(2, "pending-upgrade", name="bbcc-old", **{names.RELEASE_RUN: "run-1"})
    assert list(DEPLOYER.leftovers(installed(release(), first, theirs), OWNER, kept, "")) == []


def test_a_leftover_whose_newest_revision_is_somebody_elses_stays() -> None:
    ours, theirs = release(1, name="bbcc-old"), release(2, name="bbcc-old", **{names.APP_ID: "app-2"})
    view = installed(release(), ours, theirs)
    assert list(DEPLOYER.leftovers(view, OWNER, view.adv.spec.topology.pod_sets, "")) == []


# --- what became of the objects


def drifted(change: Callable[[JSONMap], object]) -> AdvDeploymentView:
    """The view in which somebody changed the Deployment."""
    body = to_map(deployment())
    change(body)
    return installed(made=(convert(body, Deployment),))


def test_a_deleted_object_is_made_again_as_it_was_rendered() -> None:
    (action,) = of_helm(installed(made=()))
    assert isinstance(action, Create)
    assert (action.kind, action.manager) == (DEPLOYMENT, names.HELM)
    metadata = dig_map(action.body, "metadata")
    assert metadata["name"] == NAME
    assert dig_map(metadata, "labels")[names.MANAGED_BY] == "Helm"
    assert dig_map(metadata, "annotations") == {names.HELM_RELEASE: NAME, names.HELM_NAMESPACE: "default"}
    assert dig(action.body, "spec", "replicas") == 2


def test_what_others_changed_is_applied_again() -> None:
    def scaled(body: JSONMap) -> None:
        dig_map(body, "spec")["replicas"] = 7

    (action,) = of_helm(drifted(scaled))
    assert isinstance(action, Apply)
    assert (action.kind, action.manager, action.force) == (DEPLOYMENT, names.HELM, True)
    assert (dig(action.body, "metadata", "uid"), dig(action.body, "metadata", "resourceVersion")) == ("uid-d", "9")
    assert dig(action.body, "spec", "replicas") == 2
    assert names.APP_ID not in dig_map(action.body, "metadata", "annotations")


def test_a_repair_that_changed_nothing_is_not_repeated() -> None:
    def scaled(body: JSONMap) -> None:
        dig_map(body, "spec")["replicas"] = 7

    view = drifted(scaled)
    tried = replace(known(), repaired={"uid-d": "3"})
    assert of_helm(replace(view, helm={NAME: tried})) == []
    changed_since = replace(known(), repaired={"uid-d": "2"})
    assert [type(each) for each in of_helm(replace(view, helm={NAME: changed_since}))] == [Apply]


def test_fields_that_are_left_to_others_are_left() -> None:
    def scaled(body: JSONMap) -> None:
        dig_map(body, "spec")["replicas"] = 7

    target = ScaleTarget(kind="Deployment", name=NAME)
    autoscaler = Autoscaler(spec=AutoscalerSpec(scale_target_ref=target))
    view = replace(drifted(scaled), autoscalers=(autoscaler,))
    assert of_helm(view) == []
    assert seen(view).desired == 7
    annotations = {**view.adv.metadata.annotations, names.IGNORE_FIELDS: "spec.replicas"}
    ignoring = replace(view.adv, metadata=replace(view.adv.metadata, annotations=annotations))
    assert of_helm(replace(drifted(scaled), adv=ignoring)) == []
    upgraded = replace(child(helm_app(version="v2")), releases=(release(),), helm={NAME: known()})
    upgraded = replace(upgraded, workloads=view.workloads, autoscalers=(autoscaler,))
    assert dig(dig_map(wanted(upgraded).values[-1]), "replicaCount") == 7


def test_our_record_comes_onto_the_workloads() -> None:
    def unmarked(body: JSONMap) -> None:
        for key in record(OWNER):
            del dig_map(body, "metadata", "annotations")[key]

    (action,) = of_helm(drifted(unmarked))
    assert isinstance(action, Apply)
    assert (action.manager, action.force) == (names.WORKER, False)
    assert dig_map(action.body, "metadata", "annotations") == record(OWNER)
    assert "spec" not in action.body


def test_what_is_being_deleted_or_another_releases_is_left() -> None:
    def deleting(body: JSONMap) -> None:
        dig_map(body, "metadata")["deletionTimestamp"] = NOW.isoformat()
        dig_map(body, "spec")["replicas"] = 7

    def others(body: JSONMap) -> None:
        dig_map(body, "metadata", "annotations")[names.HELM_RELEASE] = "other"
        dig_map(body, "spec")["replicas"] = 7

    assert of_helm(drifted(deleting)) == []
    assert of_helm(drifted(others)) == []


def test_other_kinds_are_looked_at_too() -> None:
    marks: JSONMap = {"labels": {"app": "bbcc", names.MANAGED_BY: "Helm"}}
    marks["annotations"] = {names.HELM_RELEASE: NAME, names.HELM_NAMESPACE: "default"}

    def meta(name: str) -> JSONMap:
        return {"name": name, "namespace": "default", "uid": f"uid-{name}", "resourceVersion": "4", **marks}

    ports: JSONMap = {"ports": [{"name": "http", "port": 80, "targetPort": "http", "appProtocol": "h2c"}]}
    service: JSONMap = {"type": "ClusterIP", "clusterIP": "None", "selector": {"app": "bbcc"}, **ports}
    far: JSONMap = {
        **rendered("ConfigMap", "far", "v1", data={}),
        "metadata": {"name": "far", "namespace": "elsewhere"},
    }
    objects = (
        rendered(),
        rendered("ConfigMap", "conf", "v1", data={"a": "1"}),
        rendered("ConfigMap", "bare", "v1", binaryData={}),
        rendered("Service", "bbcc-svc", "v1", spec=service),
        rendered("StatefulSet", "db", spec={"replicas": 1, "template": TEMPLATE}),
        rendered("Ingress", "way", "networking.k8s.io/v1", spec={"rules": []}),
        far,
    )
    live_service: JSONMap = {
        **service,
        "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
    }
    annotated: JSONMap = {**marks, "annotations": to_json({**dig_map(marks, "annotations"), **record(OWNER)})}
    stateful = convert(
        {"metadata": {**meta("db"), **annotated}, "spec": {"replicas": 1, "template": TEMPLATE}}, StatefulSet
    )
    view = replace(
        installed(state=known(*objects)),
        config_maps=tuple(
            convert({"metadata": meta(name), "data": data}, ConfigMap)
            for name, data in (("conf", {"a": "1"}), ("bare", {}))
        ),
        services=(convert({"metadata": meta("bbcc-svc"), "spec": live_service}, Service),),
        stateful_sets=(stateful,),
    )
    assert of_helm(view) == []
    edited = convert({"metadata": meta("conf"), "data": {"a": "2"}}, ConfigMap)
    found = of_helm(replace(view, config_maps=(edited, *(view.config_maps or ())[1:])))
    assert [(type(each), each.kind) for each in found if isinstance(each, Apply)] == [(Apply, CONFIGMAP)]
    gone = of_helm(replace(view, services=(), stateful_sets=(), config_maps=None))
    assert [each.kind for each in gone if isinstance(each, Create)] == [SERVICE, STATEFULSET]


# --- what is told


def test_the_facts_of_the_release_are_told() -> None:
    assert seen(installed()).release == known().facts
    bare = seen(installed(state=HelmState()))
    assert bare.release == HelmRelease(release=NAME, revision=1, status="deployed")
    told = PodSetStatus(name=NAME, release=HelmRelease(release=NAME, chart="c", revision=1, status="deployed"))
    adv = installed().adv
    aggr = replace(adv.status.aggr_status, pod_sets=(told,))
    remembered = replace(installed(state=HelmState()), adv=replace(adv, status=replace(adv.status, aggr_status=aggr)))
    assert seen(remembered).release == told.release


def test_counts_and_versions_are_those_of_the_pods() -> None:
    def pod(name: str, image: str, phase: str = "Running", **labels: str) -> Pod:
        return convert(
            {
                "metadata": {"name": name, "labels": {"app": "bbcc", "release": NAME, **labels}},
                "spec": {"containers": [{"name": "bbcc", "image": image}]},
                "status": {"phase": phase},
            },
            Pod,
        )

    pods = (pod("a", "x:v1"), pod("b", "x:v2"), pod("c", "x:v3", "Pending"), pod("d", "x:v4", release="other"))
    view = replace(installed(), pods=pods)
    assert (seen(view).version, seen(view).running) == ("v1/v2", 2)
    assert (seen(installed()).version, seen(installed()).running) == ("v1", 0)
    assert seen(installed(made=(deployment(readyReplicas=0),))).version == ""


def test_a_revision_that_is_not_there_yet_is_no_proof() -> None:
    view = replace(child(helm_app(version="v2")), releases=(release(),), helm={NAME: HelmState(busy=True)})
    told = seen(replace(view, workloads=(deployment(),)))
    assert (told.observed_generation < told.generation, told.reason) == (True, "")
    status = plan_advdeployment(replace(view, workloads=(deployment(),)), NOW).status
    assert status is not None
    assert status.aggr_status.status is not AppStatus.RUNNING
    nothing = seen(VIEW)
    assert (nothing.desired, nothing.un_available, nothing.revision, nothing.have_deploy) == (2, 2, "", False)


def test_helms_own_words_are_told() -> None:
    digest = wanted().digest
    failed = release(2, "failed")
    state = HelmState(after=2, digest=digest, reason="HelmFailed", message="Helm's text", rests=True)
    assert (seen(installed(failed, state=state)).reason, seen(installed(failed, state=state)).message) == (
        "HelmFailed",
        "Helm's text",
    )
    facts = HelmRelease(release=NAME, revision=2, status="failed", description="Upgrade failed: no")
    after_restart = HelmState(number=2, facts=facts)
    assert seen(installed(failed, state=after_restart)).message == "Upgrade failed: no"
    unread = seen(installed(failed, state=HelmState()))
    assert (unread.reason, "helm history" in unread.message) == (FAILED, True)
    other = release(2, "failed", **{names.RELEASE_DIGEST: "older"})
    assert seen(installed(other, state=HelmState())).reason == ""
    first = seen(replace(VIEW, helm={NAME: replace(state, after=0)}))
    assert (first.reason, first.message) == ("HelmFailed", "Helm's text")


def test_the_newest_deployed_revision_is_what_runs() -> None:
    old, new = release(1, **{names.REVISION: "older"}), release(2, "failed")
    assert seen(installed(old, new)).revision == "older"
    assert seen(installed(release(1, "superseded"), release(2, "failed"))).revision == ""


def test_a_chart_that_makes_other_counts_is_told() -> None:
    state = known(rendered(), rendered("StatefulSet", "db", spec={}), rendered("Service", "svc", "v1", spec={}))
    view = installed(state=state)
    assert seen(view).reason == NOT_FOLLOWED
    assert "3 pods in 2" in seen(view).message
    target = ScaleTarget(kind="Deployment", name=NAME)
    scaled = replace(view, autoscalers=(Autoscaler(spec=AutoscalerSpec(scale_target_ref=target)),))
    assert seen(scaled).reason == ""
    assert seen(installed(state=replace(state, objects=None))).reason == ""
