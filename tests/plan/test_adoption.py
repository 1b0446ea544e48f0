"""What is taken over, and what is not: literals. The stories are in tests/cli/test_adopt.py."""

import pytest
from msgspec.structs import replace

from sym.model import names
from sym.model.appset import AppSet
from sym.model.codec import JSON, JSONMap, convert, dig_map
from sym.model.kinds import ADVDEPLOYMENT, DEPLOYMENT, SERVICE, STATEFULSET
from sym.plan.adoption import Takeover, taken, takeovers
from sym.plan.types import Owner
from tests.make import BJ4, appset, pod_set, stateful

APP = convert(appset({BJ4: [pod_set("a-blue"), pod_set("b-blue")]}, name="web"), AppSet)
(PLACE,) = APP.spec.cluster_topology.clusters
OWNER = Owner(fleet_id="fleet", app_id="new", namespace="default", name="web")
IDS: JSONMap = {names.FLEET_ID: "fleet", names.APP_ID: "new"}


def thing(name: str, **metadata: JSON) -> JSONMap:
    """An object as a server gives it."""
    return {"metadata": {"name": name, "namespace": "default", **metadata}}


def found(child: JSONMap | None, *workloads: JSONMap) -> tuple[Takeover, ...]:
    """What is taken over of these."""
    return takeovers(APP, OWNER, PLACE, child, {str(dig_map(each, "metadata")["name"]): each for each in workloads})


def test_what_is_ours_or_named_by_no_podset_is_not_taken() -> None:
    assert found(None) == ()
    assert found(thing("web", annotations=IDS), thing("a-blue", annotations=IDS), thing("c-blue")) == ()


@pytest.mark.parametrize(
    "annotations", [{}, {names.APP_ID: "old", names.FLEET_ID: "fleet"}, {**IDS, names.FLEET_ID: "x"}]
)
def test_a_child_with_another_record_is_taken(annotations: JSONMap) -> None:
    (one,) = found(thing("web", annotations=annotations))
    assert (one.kind, one.name, one.refused, one.stranger) == (ADVDEPLOYMENT, "web", "", False)
    assert [step({}) for step in one.steps] == [{"metadata": {"annotations": IDS}}]


def test_workloads_come_before_their_record() -> None:
    old: JSONMap = {names.APP_ID: "old", names.FLEET_ID: "fleet"}
    both = found(thing("web", annotations=old), thing("b-blue", annotations=old), thing("a-blue"))
    assert [(each.kind, each.name, each.stranger) for each in both] == [
        (DEPLOYMENT, "a-blue", True),
        (DEPLOYMENT, "b-blue", False),
        (ADVDEPLOYMENT, "web", False),
    ]


STATEFUL = convert(stateful(), AppSet)


def of_stateful(workload: JSONMap, service: JSONMap | None = None) -> tuple[Takeover, ...]:
    """What is taken over of a StatefulSet and a Service."""
    place, owner = STATEFUL.spec.cluster_topology.clusters[0], replace(OWNER, name="bbcc")
    return takeovers(STATEFUL, owner, place, None, {"bbcc-gz01b-blue": workload}, service)


def test_a_statefulset_and_a_service_of_a_former_appset_are_taken() -> None:
    old: JSONMap = {names.APP_ID: "old", names.FLEET_ID: "fleet"}
    both = of_stateful(thing("bbcc-gz01b-blue", annotations=old), thing("bbcc-svc", annotations=old))
    assert [(each.kind, each.name, each.refused) for each in both] == [
        (STATEFULSET, "bbcc-gz01b-blue", ""),
        (SERVICE, "bbcc-svc", ""),
    ]
    assert [step({}) for each in both for step in each.steps] == [{"metadata": {"annotations": IDS}}] * 2
    assert not of_stateful(thing("bbcc-gz01b-blue", annotations=IDS), thing("bbcc-svc", annotations=IDS))


def test_a_statefulset_of_nobody_is_refused_and_a_service_of_nobody_left_alone() -> None:
    (one,) = of_stateful(thing("bbcc-gz01b-blue"), thing("bbcc-svc"))
    assert one.refused.startswith("it never was an AppSet's")


def test_the_service_of_a_chart_is_left_alone() -> None:
    assert found_service(thing("web-svc", annotations={names.APP_ID: "old", names.HELM_RELEASE: "web"})) == ()


def test_a_deleting_service_is_refused() -> None:
    (one,) = found_service(thing("web-svc", annotations={names.APP_ID: "old"}, deletionTimestamp=GONE))
    assert "is being deleted" in one.refused


def found_service(service: JSONMap) -> tuple[Takeover, ...]:
    """What is taken over of a Service alone."""
    return takeovers(APP, OWNER, PLACE, None, {}, service)


GONE = "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("live", "says"),
    [
        (thing("a-blue", deletionTimestamp=GONE), "is being deleted"),
        (thing("a-blue", annotations={names.APP_ID: "x"}, labels={"app": "shop"}), "belongs to AppSet shop"),
        (
            thing("a-blue", ownerReferences=[{"kind": "Rollout", "name": "r", "controller": True}]),
            "Rollout r controls it",
        ),
    ],
)
def test_what_cannot_be_taken_is_refused(live: JSONMap, says: str) -> None:
    (one,) = found(None, live)
    assert says in one.refused
    assert one.steps == ()


def test_a_deleting_child_is_refused() -> None:
    (one,) = found(thing("web", deletionTimestamp=GONE))
    assert "is being deleted" in one.refused


def test_an_owner_that_is_no_controller_is_none() -> None:
    (one,) = found(None, thing("a-blue", ownerReferences=[{"kind": "Group", "name": "g"}]))
    assert not one.refused


def entry(manager: str, fields: JSONMap, subresource: str = "") -> JSONMap:
    """An entry of managedFields."""
    return {"manager": manager, "operation": "Update", "subresource": subresource, "fieldsV1": fields}


def test_what_sym_writes_becomes_the_workers_and_the_rest_stays_whose_it_was() -> None:
    template: JSONMap = {"f:template": {"f:spec": {}}, "f:replicas": {}}
    labels: JSONMap = {".": {}, "f:team": {}, "f:app": {}}
    notes: JSONMap = {".": {}, f"f:{names.ADOPTED}": {}}
    apply = entry("kubectl", {"f:metadata": {"f:labels": labels, "f:annotations": notes}, "f:spec": template})
    edit = entry("edit", {"f:spec": {"f:template": {"f:spec": {"f:x": {}}}, "f:replicas": {}, "f:paused": {}}})
    status = entry("kube-controller-manager", {"f:status": {}, "f:metadata": {"f:annotations": {}}}, "status")
    scale = entry("hpa", {"f:spec": {"f:replicas": {}}}, "scale")
    *rest, worker = taken([apply, edit, status, scale])
    assert rest == [
        {**apply, "fieldsV1": {"f:metadata": {"f:labels": {".": {}, "f:team": {}}}}},
        status,
        scale,
    ]
    assert worker == {
        "manager": "sym-worker",
        "operation": "Apply",
        "apiVersion": "apps/v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": {
            "f:metadata": {"f:labels": {"f:app": {}}, "f:annotations": {f"f:{names.ADOPTED}": {}}},
            "f:spec": {
                "f:template": {"f:spec": {".": {}, "f:x": {}}},
                "f:replicas": {},
                "f:paused": {},
            },
        },
    }


def test_an_entry_without_anything_of_ours_stays() -> None:
    other = entry("x", {"f:metadata": {"f:labels": {"f:team": {}}, "f:finalizers": {}}})
    assert taken([other])[0] == other
