"""Helm releases on literals, for tests of planners."""

from datetime import timedelta

from msgspec.structs import replace

from sym.model import names
from sym.model.appset import HelmRelease, PodSetStatus
from sym.model.codec import JSONMap, convert
from sym.model.workload import (
    Deployment,
    ReleaseRecord,
)
from sym.plan.deployers.helm import HelmDeployer
from sym.plan.ownership import record
from sym.plan.types import (
    Action,
    HelmState,
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


ONE: JSONMap = {"a": "1"}
NONE: JSONMap = {}
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
