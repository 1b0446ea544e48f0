"""What several workloads of one podSet say together."""

from msgspec.structs import replace

from sym.model import names
from sym.model.codec import convert
from sym.model.meta import Object
from sym.model.workload import Deployment, StatefulSet, WorkloadMeta
from sym.plan.workloads import kind_of, leftovers, status_of
from tests.plan.test_advdeployment import BLUE, OWNER, VIEW

(POD_SET,) = VIEW.adv.spec.topology.pod_sets
SET = convert(
    {
        "metadata": {"name": "one", "generation": 4, "annotations": {names.REVISION: POD_SET.revision}},
        "spec": {"replicas": 3},
        "status": {
            "observedGeneration": 4,
            "replicas": 3,
            "readyReplicas": 2,
            "availableReplicas": 1,
            "updatedReplicas": 3,
        },
    },
    StatefulSet,
)


def test_several_workloads_speak_as_one() -> None:
    alone, both = status_of(VIEW, POD_SET, [BLUE]), status_of(VIEW, POD_SET, [BLUE, SET])
    assert (both.desired, both.available, both.ready, both.update, both.current) == (5, 3, 4, 5, 5)
    assert (both.un_available, both.generation, both.revision) == (2, alone.generation + 4, alone.revision)
    assert both.observed_generation == both.generation


def test_several_workloads_are_observed_when_each_is() -> None:
    """One that is far ahead does not make up for one that lags."""
    lagging = replace(SET, status=replace(SET.status, observed_generation=3))
    ahead = replace(BLUE, status=replace(BLUE.status, observed_generation=9))
    seen = status_of(VIEW, POD_SET, [ahead, lagging])
    assert seen.observed_generation < seen.generation


def test_several_revisions_are_none() -> None:
    other = replace(SET, metadata=WorkloadMeta(annotations={names.REVISION: "other"}))
    assert status_of(VIEW, POD_SET, [BLUE, other]).revision == ""


def test_without_a_workload_all_pods_are_missing() -> None:
    seen = status_of(VIEW, POD_SET, [])
    assert (seen.have_deploy, seen.desired, seen.un_available) == (False, 2, 2)


def test_a_workload_has_a_kind() -> None:
    assert [kind_of(each).name for each in (BLUE, SET)] == ["Deployment", "StatefulSet"]


def test_only_what_is_the_owners_is_left_over() -> None:
    found: list[Object] = [Deployment(), SET, BLUE]
    (action,) = leftovers(VIEW, OWNER, kind_of(BLUE), found, "why")
    assert (action.name, action.uid, action.owner) == (BLUE.metadata.name, BLUE.metadata.uid, OWNER)
