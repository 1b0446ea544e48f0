"""The Service of an app: when there is one, what it says, when it goes, what is told of it."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sym.model import names
from sym.model.appset import DeployType, EndpointPort, ServiceStatus
from sym.model.codec import JSON, JSONMap, convert, dig, dig_map, to_map
from sym.model.kinds import SERVICE
from sym.model.selectors import LabelSelector
from sym.model.workload import EndpointSlice, Service
from sym.plan.advdeployment import plan_advdeployment
from sym.plan.pods import served
from sym.plan.service import service_actions, service_status
from sym.plan.types import Apply, Create, Delete, Emit, Measure
from sym.plan.views import AdvDeploymentView
from sym.plan.workloads import status_of
from tests.golden.world import World
from tests.make import BJ4, BJ5, appset, pod_set, stateful
from tests.plan.test_advdeployment import NOW, OWNER, STONE, dig_into
from tests.plan.test_statefulset import VIEW, planned, stalled, told

(SVC,) = VIEW.services
(POD_SET,) = VIEW.adv.spec.topology.pod_sets


def asking(deploy_type: DeployType, domain: str) -> AdvDeploymentView:
    """A view in which nothing was made yet."""
    entry = replace(POD_SET, pod_spec=replace(POD_SET.pod_spec, deploy_type=deploy_type))
    spec = replace(VIEW.adv.spec, service_name=domain, topology=replace(VIEW.adv.spec.topology, pod_sets=(entry,)))
    return replace(VIEW, adv=replace(VIEW.adv, spec=spec), services=(), stateful_sets=())


def seen_as(change: Callable[[JSONMap], object]) -> AdvDeploymentView:
    """The view in which the Service says something else."""
    body = to_map(SVC)
    change(body)
    return replace(VIEW, services=(convert(body, Service),))


@pytest.mark.parametrize(
    ("deploy_type", "domain", "made"),
    [
        (DeployType.DEPLOYMENT, "inner.bbcc.dmall.com", True),
        (DeployType.DEPLOYMENT, "", False),
        (DeployType.STATEFUL_SET, "", True),
        (DeployType.HELM, "inner.bbcc.dmall.com", False),
    ],
)
def test_there_is_one_where_it_is_asked_for_or_a_statefulset_needs_it(
    deploy_type: DeployType, domain: str, made: bool
) -> None:
    actions = planned(asking(deploy_type, domain))
    assert any(isinstance(each, Create) and each.kind == SERVICE for each in actions) is made


def test_it_is_created_headless_before_the_workloads() -> None:
    create = planned(asking(DeployType.STATEFUL_SET, "Inner_bbcc.dmall.com/x"))[0]
    assert isinstance(create, Create)
    assert (create.kind, dig(create.body, "metadata", "name")) == (SERVICE, "bbcc-svc")
    assert dig(create.body, "metadata", "labels") == {"app": "bbcc-svc", "lightningDomain0": "Inner_bbcc.dmall.com-x"}
    assert dig(create.body, "metadata", "annotations", names.APP_ID) == OWNER.app_id
    assert dig_map(create.body, "spec") == {
        "type": "ClusterIP",
        "clusterIP": "None",
        "selector": {"app": "bbcc"},
        "publishNotReadyAddresses": False,
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP", "targetPort": 8080}],
    }


def test_without_a_domain_there_is_no_label_of_it() -> None:
    create = planned(asking(DeployType.STATEFUL_SET, ""))[0]
    assert isinstance(create, Create)
    assert dig(create.body, "metadata", "labels") == {"app": "bbcc-svc"}


def with_ports(*by_pod_set: list[JSONMap]) -> AdvDeploymentView:
    """A view without a Service whose podSets have these container ports."""
    pod_sets = tuple(
        replace(
            POD_SET,
            name=f"bbcc-gz0{number}b-blue",
            pod_spec=replace(
                POD_SET.pod_spec, template={"spec": {"containers": [{"name": "a", "ports": [*ports]}, {"name": "b"}]}}
            ),
        )
        for number, ports in enumerate(by_pod_set)
    )
    spec = replace(VIEW.adv.spec, topology=replace(VIEW.adv.spec.topology, pod_sets=pod_sets))
    return replace(VIEW, adv=replace(VIEW.adv, spec=spec), services=())


PORTS: list[tuple[tuple[list[JSONMap], ...], list[tuple[str, int, str]]]] = [
    (([],), []),
    (([{"containerPort": 80}],), [("tcp-80", 80, "TCP")]),
    (
        ([{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53}],),
        [("tcp-53", 53, "TCP"), ("udp-53", 53, "UDP")],
    ),
    (
        ([{"name": "http", "containerPort": 9090}], [{"name": "http", "containerPort": 8080}]),
        [("http", 8080, "TCP"), ("http-tcp-9090", 9090, "TCP")],
    ),
    (([{"name": "one", "containerPort": 80}], [{"name": "two", "containerPort": 80}]), [("one", 80, "TCP")]),
    (([{"name": "odd", "containerPort": "80"}],), []),
]


@pytest.mark.parametrize(("ports", "found"), PORTS)
def test_its_ports_are_those_of_all_containers(
    ports: tuple[list[JSONMap], ...], found: list[tuple[str, int, str]]
) -> None:
    assert ports_of(with_ports(*ports)) == found
    assert ports_of(with_ports(*ports)) == ports_of(with_ports(*ports))


def ports_of(view: AdvDeploymentView) -> list[tuple[str, int, str]]:
    """Name, number and protocol of the ports that are written."""
    (create,) = service_actions(view, OWNER)
    assert isinstance(create, Create)
    body = convert(create.body, Service)
    assert all(port.target_port == port.port for port in body.spec.ports)
    return [(port.name, port.port, port.protocol) for port in body.spec.ports]


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "containerPort": st.integers(1, 4),
                "name": st.sampled_from(["", "a", "tcp-1", "a-tcp-2"]),
                "protocol": st.sampled_from(["", "TCP", "UDP"]),
            }
        ),
        max_size=6,
    )
)
def test_names_of_ports_are_unique(ports: list[dict[str, JSON]]) -> None:
    found = ports_of(with_ports([*ports]))
    assert len({name for name, _, _ in found}) == len(found)
    assert len({(number, protocol) for _, number, protocol in found}) == len(found)


CHANGED: dict[str, Callable[[JSONMap], object]] = {
    "selector": lambda body: dig_into(body, "spec").update({"selector": {"app": "other"}}),
    "narrower": lambda body: dig_into(body, "spec", "selector").update({"version": "v1"}),
    "ports": lambda body: dig_into(body, "spec").update({"ports": []}),
    "unready": lambda body: dig_into(body, "spec").update({"publishNotReadyAddresses": True}),
    "type": lambda body: dig_into(body, "spec").update({"type": "NodePort"}),
    "label": lambda body: dig_into(body, "metadata").update({"labels": {}}),
    "a port that was dropped": lambda body: dig_into(body, "metadata", "annotations").update({names.REVISION: "old"}),
}


@pytest.mark.parametrize("what", CHANGED)
def test_what_others_changed_is_put_right(what: str) -> None:
    (action,) = planned(seen_as(CHANGED[what]))
    assert isinstance(action, Apply)
    assert (action.kind, action.force) == (SERVICE, False)
    assert dig(action.body, "metadata", "uid") == SVC.metadata.uid


def test_one_that_has_an_address_keeps_it() -> None:
    def addressed(body: JSONMap) -> None:
        dig_into(body, "spec").update({"clusterIP": "10.0.0.7"})

    assert planned(seen_as(addressed)) == ()

    def both(body: JSONMap) -> None:
        addressed(body)
        CHANGED["selector"](body)

    (action,) = planned(seen_as(both))
    assert isinstance(action, Apply)
    assert dig(action.body, "spec", "clusterIP") == "10.0.0.7"


# --- whose it is, and its end

FOREIGN = replace(SVC, metadata=replace(SVC.metadata, annotations={}))


def test_that_of_another_is_left_alone_and_told() -> None:
    view = replace(VIEW, services=(FOREIGN,))
    assert [type(each) for each in planned(view)] == [Emit]
    reason, message = stalled(view)
    assert reason == "ForeignOwner"
    assert message.startswith("Service bbcc-svc exists and belongs to somebody else: take it over with `sym adopt`")


def test_where_none_is_needed_that_of_another_is_no_trouble() -> None:
    view = replace(asking(DeployType.HELM, "a.b"), services=(FOREIGN,))
    assert stalled(view) == ("", "")
    assert not [each for each in planned(view) if isinstance(each, Create | Apply | Delete)]


def test_a_service_does_not_stop_the_podsets() -> None:
    view = replace(VIEW, services=(FOREIGN,), stateful_sets=())
    assert [type(each) for each in planned(view)] == [Create, Emit]


def test_it_goes_when_no_podset_needs_it_and_the_rest_runs() -> None:
    world = World(BJ4)
    world.apply(appset({BJ4: [pod_set("bbcc-gz01b-blue")]}))
    world.settle()
    view = replace(world.worker_view(BJ4), services=(SVC,))
    (action,) = planned(view)
    assert isinstance(action, Delete)
    assert (action.kind, action.uid, action.owner.name) == (SERVICE, SVC.metadata.uid, "bbcc")
    busy = replace(view.workloads[0], status=replace(view.workloads[0].status, available_replicas=0))
    assert not [each for each in planned(replace(view, workloads=(busy,))) if isinstance(each, Delete)]
    going = replace(SVC, metadata=replace(SVC.metadata, deletion_timestamp=NOW))
    for other in (FOREIGN, going):
        assert planned(replace(view, services=(other,))) == ()


def test_one_that_is_being_deleted_is_not_applied() -> None:
    going = replace(SVC, metadata=replace(SVC.metadata, deletion_timestamp=NOW, labels={}))
    assert planned(replace(VIEW, services=(going,))) == ()


def test_with_the_tombstone_it_goes_too() -> None:
    stone = replace(STONE, uid=VIEW.adv.metadata.uid).text
    annotations = {**VIEW.adv.metadata.annotations, names.TOMBSTONE: stone}
    meta = replace(VIEW.adv.metadata, deletion_timestamp=NOW, annotations=annotations)
    dying = replace(VIEW, adv=replace(VIEW.adv, metadata=meta))
    assert [each.kind.name for each in planned(dying) if isinstance(each, Delete)] == ["StatefulSet", "Service"]
    foreign = replace(dying, services=(FOREIGN,), stateful_sets=())
    assert planned(foreign) == (Measure(cluster=BJ4, owner=OWNER),)


# --- what is told


def slices(*ready: bool | None, kind: str = "Pod") -> EndpointSlice:
    """Endpoints of the podSet's pods in order, ready or not; None: nobody knows."""
    endpoints: list[JSON] = [
        {
            "conditions": {} if each is None else {"ready": each},
            "targetRef": {"kind": kind, "name": pod.metadata.name},
        }
        for pod, each in zip(VIEW.pods, ready, strict=False)
    ]
    return convert({"endpoints": [*endpoints, {"conditions": {"ready": True}}]}, EndpointSlice)


@pytest.mark.parametrize(
    ("found", "count", "all_there"),
    [
        ((slices(True, True, True),), 3, True),
        ((slices(True, None, True), slices(True, True)), 3, True),
        ((slices(True, False, True),), 2, False),
        ((slices(True, True, True, kind="Node"),), 0, False),
        ((EndpointSlice(endpoints=None),), 0, False),
        ((), 0, False),
    ],
)
def test_pods_behind_the_service_are_counted_once(
    found: tuple[EndpointSlice, ...], count: int, all_there: bool
) -> None:
    status, pod_set = told(replace(VIEW, slices=found))
    assert (pod_set.endpoints, pod_set.endpoint_ready) == (count, all_there)
    assert status.aggr_status.service is not None
    assert status.aggr_status.service.endpoints == count


def test_pods_of_another_podset_do_not_count() -> None:
    assert (served(VIEW, VIEW.pods[:1]), served(VIEW, ())) == (1, 0)


def test_pods_of_a_chart_count_by_the_selector_of_its_workload() -> None:
    """They need not bear our labels."""
    theirs = tuple(replace(pod, metadata=replace(pod.metadata, labels={"app": "bbcc"})) for pod in VIEW.pods)
    (workload,) = VIEW.stateful_sets
    chosen = replace(workload, spec=replace(workload.spec, selector=LabelSelector(match_labels={"app": "bbcc"})))
    view = replace(VIEW, pods=theirs)
    assert status_of(view, POD_SET, [chosen]).endpoints == 3
    assert status_of(view, POD_SET, [workload]).endpoints == 0


def test_the_service_is_told() -> None:
    status = told(VIEW)[0].aggr_status.service
    assert status is not None
    assert status == ServiceStatus(
        internal_endpoint=status.internal_endpoint,
        labels=SVC.metadata.labels,
        selector={"app": "bbcc"},
        type="ClusterIP",
        cluster_ip="None",
        domain="inner.bbcc.dmall.com",
        endpoints=3,
    )
    assert status.internal_endpoint is not None
    assert status.internal_endpoint.host == "bbcc-svc.default.svc"
    assert status.internal_endpoint.ports == (EndpointPort(name="http", port=8080, protocol="TCP", target_port=8080),)


def test_a_chart_may_name_it_as_it_likes() -> None:
    """Its label says whose it is. The one of our own name comes first."""
    theirs = replace(SVC, metadata=replace(SVC.metadata, name="bbcc-dmall-com"))
    other = replace(FOREIGN, metadata=replace(FOREIGN.metadata, labels={}))
    for found, host in (
        ((theirs,), "bbcc-dmall-com"),
        ((theirs, SVC), "bbcc-svc"),
        ((theirs, other), "bbcc-dmall-com"),
    ):
        status = service_status(replace(VIEW, services=tuple(found)), ())
        assert status is not None
        assert status.internal_endpoint is not None
        assert status.internal_endpoint.host == f"{host}.default.svc"
    assert service_status(replace(VIEW, services=(other,)), ()) is None
    assert not told(replace(VIEW, services=()))[1].endpoint_ready


def test_an_address_that_moves_changes_no_status() -> None:
    moved = replace(VIEW, slices=(*VIEW.slices, EndpointSlice()))
    assert plan_advdeployment(moved, NOW).status is VIEW.adv.status


def test_the_appset_tells_of_the_first_cluster_and_adds_up_the_endpoints() -> None:
    world = World(BJ4, BJ5)
    world.apply(stateful())
    world.settle()
    service = world.appset_view().app.status.aggr_status.service
    assert service is not None
    assert (service.endpoints, service.cluster_ip, service.domain) == (6, "None", "inner.bbcc.dmall.com")
