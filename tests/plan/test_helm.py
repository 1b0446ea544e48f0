"""The helm deployer on literals: when Helm is called, when it is not, and what is told."""

import pytest
from msgspec.structs import replace

from sym.model import names
from sym.model.appset import AppStatus, Chart, ChartUrl, HelmRelease, PodSetStatus
from sym.model.codec import JSONMap, convert, dig, dig_map
from sym.model.conditions import find_condition
from sym.model.workload import (
    Autoscaler,
    AutoscalerSpec,
    Pod,
    ScaleTarget,
)
from sym.plan.advdeployment import HELM_RECHECK, plan_advdeployment
from sym.plan.deployers import DEPLOYERS
from sym.plan.deployers.helm import FAILED, FOREIGN_HELM, NOT_FOLLOWED, UNREADABLE, HelmDeployer
from sym.plan.ownership import Tombstone
from sym.plan.releases import ready_as
from sym.plan.report import FOREIGN
from sym.plan.types import (
    HelmLook,
    HelmRecover,
    HelmState,
    HelmUninstall,
    HelmUpgrade,
    Measure,
)
from sym.plan.views import AdvDeploymentView
from tests.golden.world import FLEET
from tests.make import BJ4
from tests.plan.releases import (
    DEPLOYER,
    NAME,
    NOW,
    OWNER,
    RAW,
    VIEW,
    child,
    deployment,
    helm_app,
    installed,
    known,
    of_helm,
    release,
    rendered,
    seen,
    wanted,
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
    behind = replace(VIEW, helm={NAME: HelmState(after=1)})
    assert of_helm(behind) == []
    assert plan_advdeployment(behind, NOW).requeue_after == HELM_RECHECK.total_seconds()


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
    assert plan_advdeployment(view, NOW).requeue_after == HELM_RECHECK.total_seconds()
    busy = replace(view, helm={NAME: HelmState(busy=True)})
    assert plan_advdeployment(busy, NOW).requeue_after is None
    given_up = replace(view, helm={NAME: HelmState(abandoned=True)})
    assert [type(each) for each in of_helm(given_up)] == [HelmRecover]


def test_an_uninstall_that_was_killed_goes_on() -> None:
    (action,) = of_helm(installed(release(1, "uninstalling"), state=HelmState()))
    assert isinstance(action, HelmUninstall)


def test_the_record_is_read_once_for_each_revision() -> None:
    (action,) = of_helm(installed(state=HelmState()))
    plan = plan_advdeployment(installed(state=HelmState()), NOW)
    assert (plan.status, plan.actions) == (VIEW.adv.status, (action,))
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
    view = replace(installed(), releases=None, helm={})
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


def test_an_uninstall_that_failed_rests_and_what_it_takes_is_not_called_gone() -> None:
    failed = HelmState(reason="HelmFailed", message="no", rests=True)
    old = release(3, name="bbcc-old")
    kept = VIEW.adv.spec.topology.pod_sets
    view = replace(installed(release(), old), helm={NAME: known(), "bbcc-old": failed})
    assert list(DEPLOYER.leftovers(view, OWNER, kept, "")) == []
    again = replace(view, helm={NAME: known(), "bbcc-old": replace(failed, rests=False)})
    assert [type(each) for each in DEPLOYER.leftovers(again, OWNER, kept, "")] == [HelmUninstall]
    status = plan_advdeployment(view, NOW).status
    assert status is not None
    assert status.aggr_status.status is AppStatus.MIGRATING
    stone = Tombstone(app_id="app-1", epoch=0, uid=VIEW.adv.metadata.uid)
    annotations = {**VIEW.adv.metadata.annotations, names.TOMBSTONE: stone.text}
    meta = replace(VIEW.adv.metadata, deletion_timestamp=NOW, annotations=annotations)
    dying = replace(view, adv=replace(VIEW.adv, metadata=meta), releases=(old,), workloads=())
    assert plan_advdeployment(dying, NOW).actions == ()
    at_it = replace(dying, releases=(), helm={NAME: HelmState(busy=True)})
    assert plan_advdeployment(at_it, NOW).actions == ()
    nothing = replace(dying, releases=(), helm={})
    assert [type(each) for each in plan_advdeployment(nothing, NOW).actions] == [Measure]


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


def test_pods_of_a_chart_that_sets_no_minreadyseconds_ripen_here() -> None:
    def view(seconds: int, ready_for: float | None) -> AdvDeploymentView:
        base = installed(state=replace(known(), ready_for=ready_for))
        strategy = replace(base.adv.spec.update_strategy, min_ready_seconds=seconds)
        asked = replace(base.adv, spec=replace(base.adv.spec, update_strategy=strategy))
        wanted_now = wanted(replace(VIEW, adv=asked))
        return replace(base, adv=asked, releases=(release(1, **wanted_now.labels),))

    assert (seen(view(0, None)).available, seen(view(10, 4.0)).available, seen(view(10, 10.0)).available) == (2, 0, 2)
    assert (seen(view(10, None)).available, seen(view(10, None)).un_available) == (0, 2)
    assert plan_advdeployment(view(10, 4.0), NOW).requeue_after == 6.0
    assert plan_advdeployment(view(10, 10.0), NOW).requeue_after is None
    counted = replace(deployment(), spec=replace(deployment().spec, min_ready_seconds=10))
    assert seen(replace(view(10, None), workloads=(counted,))).available == 2
    told = PodSetStatus(name=NAME, desired=2, available=2, generation=3)
    before = view(10, 0.0)
    aggr = replace(before.adv.status.aggr_status, pod_sets=(told,))
    restarted = replace(before, adv=replace(before.adv, status=replace(before.adv.status, aggr_status=aggr)))
    assert seen(restarted).available == 2


def test_what_stands_for_ready_pods() -> None:
    assert ready_as((deployment(),)) == "uid-d/3"
    assert ready_as(()) == ""
    assert [ready_as((deployment(**{field: 1}),)) for field in ("readyReplicas", "updatedReplicas", "replicas")] == [
        ""
    ] * 3
    assert ready_as((deployment(observedGeneration=2),)) == ""
