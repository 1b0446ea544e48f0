"""The AppSet's former contents: one object each, numbered, marked, pruned; what `undo` makes of one."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from sym.model import names
from sym.model.appset import AppSet, AppSetSpec, Chart, ChartUrl, Inject
from sym.model.codec import JSONMap, convert, dig, dig_map, dig_str, to_map
from sym.model.meta import ObjectMeta
from sym.model.workload import ControllerRevision
from sym.plan.appset import plan_appset
from sym.plan.content import content_hash
from sym.plan.ownership import record
from sym.plan.revisions import (
    AT_ONCE,
    ensure,
    find,
    finished,
    hash_of,
    last_finished,
    number,
    own,
    prune,
    restored,
    spec_of,
)
from sym.plan.types import Apply, Create, Owner
from sym.plan.views import AppSetView
from tests.golden.world import World
from tests.make import BJ4, BJ5, appset, pod_set, two_clusters

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
OWNER = Owner(fleet_id="f", app_id="a", namespace="default", name="bbcc")
APP = replace(
    convert(two_clusters(), AppSet),
    metadata=ObjectMeta(name="bbcc", namespace="default", uid="uid-app"),
)


def revision(
    hash_: str, number_: int, ran: str = "", *, app: str = "bbcc", owner: Owner = OWNER, data: JSONMap | None = None
) -> ControllerRevision:
    """A revision as the server holds it."""
    mark = {names.FINISHED: ran} if ran else {}
    meta = ObjectMeta(
        name=f"{app}-{hash_}",
        namespace="default",
        uid=f"uid-{hash_}",
        resource_version=f"v-{hash_}",
        labels={names.APPSET: app},
        annotations={**record(owner), names.REVISION: hash_, **mark},
    )
    return ControllerRevision(metadata=meta, revision=number_, data={"spec": {}} if data is None else data)


def view(*revisions: ControllerRevision) -> AppSetView:
    """A view that holds these."""
    return AppSetView(app=APP, members={}, children={}, revisions=revisions, fleet_id="f", new_app_id="x")


def test_only_the_appsets_own_count_newest_first() -> None:
    mine = (revision("h1", 1), revision("h3", 3), revision("h2", 2))
    others = (
        revision("h4", 4, app="bbcc-two"),
        revision("h5", 5, owner=replace(OWNER, app_id="another")),
        revision("h6", 6, owner=replace(OWNER, fleet_id="another")),
    )
    assert [hash_of(each) for each in own(view(*mine, *others), OWNER)] == ["h3", "h2", "h1"]
    assert own(replace(view(), revisions=None), OWNER) == ()


def test_what_is_found() -> None:
    mine = (revision("h2", 2, "2026-01-02T00:00:00+00:00"), revision("h1", 1, "2026-01-03T00:00:00+00:00"))
    assert find(mine, "h1") == mine[1]
    assert find(mine, "h9") is None
    assert last_finished(mine) == mine[1]
    assert last_finished((revision("h1", 1),)) is None
    same = (revision("h1", 1, "2026-01-02T00:00:00+00:00"), mine[0])
    assert last_finished(same) == mine[0]


@pytest.mark.parametrize("data", [{}, {"spec": {}}, {"spec": "text"}, {"spec": {"clusterTopology": 7}}])
def test_what_cannot_be_read_is_no_spec(data: JSONMap) -> None:
    assert spec_of(revision("h1", 1, data=data)) is None


def test_a_content_is_kept_once_and_comes_back_as_it_was() -> None:
    (made,) = ensure(APP, OWNER, (), "h1", ran=NOW + timedelta(microseconds=7))
    assert isinstance(made, Create)
    assert dig(made.body, "revision") == 1
    assert dig_map(made.body, "metadata") == {
        "name": "bbcc-h1",
        "namespace": "default",
        "labels": {names.APPSET: "bbcc"},
        "annotations": {**record(OWNER), names.REVISION: "h1", names.FINISHED: "2026-01-01T12:00:00+00:00"},
        "ownerReferences": [
            {
                "apiVersion": "workload.dmall.com/v1beta1",
                "kind": "AppSet",
                "name": "bbcc",
                "uid": "uid-app",
                "controller": True,
            }
        ],
    }
    assert spec_of(convert(made.body, ControllerRevision)) == APP.spec


def test_a_long_name_leaves_room_for_the_hash() -> None:
    (made,) = ensure(APP, replace(OWNER, name="n" * 253), (), "h1")
    assert dig_str(made.body, "metadata", "name") == "n" * 250 + "-h1"


def test_the_content_that_is_rolled_out_is_the_newest_and_nothing_is_written_twice() -> None:
    both = (revision("h2", 2), revision("h1", 1, "2026-01-01T00:00:00+00:00"))
    assert (number(both, "h2"), number(both, "h1"), number(both, "h3"), number((), "h1")) == (2, 3, 3, 1)
    assert ensure(APP, OWNER, both, "h2") == ()
    (raised,) = ensure(APP, OWNER, both, "h1")
    assert isinstance(raised, Apply)
    assert dig(raised.body, "revision") == 3
    assert dig_str(raised.body, "metadata", "annotations", names.FINISHED) == "2026-01-01T00:00:00+00:00"
    assert (dig(raised.body, "metadata", "uid"), dig(raised.body, "data")) == ("uid-h1", {"spec": {}})
    (unmarked,) = ensure(APP, OWNER, (revision("h3", 3), revision("h2", 2)), "h2")
    assert dig(unmarked.body, "metadata", "annotations", names.FINISHED) is None


def test_a_mark_is_set_once_and_again_only_after_another_content_ran() -> None:
    marked = revision("h1", 1, "2026-01-01T00:00:00+00:00")
    assert ensure(APP, OWNER, (marked,), "h1", ran=NOW) == ()
    (first,) = ensure(APP, OWNER, (revision("h1", 1),), "h1", ran=NOW)
    assert dig_str(first.body, "metadata", "annotations", names.FINISHED) == "2026-01-01T12:00:00+00:00"
    between = (replace(marked, revision=3), revision("h2", 2, "2026-01-01T06:00:00+00:00"))
    (again,) = ensure(APP, OWNER, between, "h1", ran=NOW)
    assert dig_str(again.body, "metadata", "annotations", names.FINISHED) == "2026-01-01T12:00:00+00:00"


def test_former_contents_beyond_the_limit_go_the_oldest_first_and_what_is_kept_does_not_count() -> None:
    many = tuple(revision(f"h{each}", each) for each in range(15, 0, -1))
    kept = frozenset({"h15", "h1"})
    assert [each.name for each in prune(APP, OWNER, many, kept)] == ["bbcc-h2", "bbcc-h3", "bbcc-h4"]
    assert prune(APP, OWNER, many[:11], kept) == ()
    none = replace(APP, spec=replace(APP.spec, revision_history_limit=0))
    assert len(prune(none, OWNER, many, kept)) == AT_ONCE
    (one,) = prune(none, OWNER, many[:2], kept)
    assert (one.uid, one.resource_version, one.owner) == ("uid-h14", "v-h14", OWNER)
    assert finished(many[0]) == ""


def spec(version: str, **fields: object) -> AppSetSpec:
    """A spec with everything that is content, and with much that is not."""
    more = pod_set("bbcc-gz01b-blue", 2, version, meta={"m": version}, rawValues=f"v: {version}", image=f"i{version}")
    body = appset({BJ4: [more], BJ5: [pod_set("bbcc-gz01a-blue", 1, version)]}, serviceName=f"{version}.x", replicas=3)
    made = convert(body, AppSet).spec
    return replace(made, **fields)


def test_undo_restores_content_and_nothing_else() -> None:
    old = spec("v1")
    now = replace(spec("v2"), replicas=9, labels={"a": "b"})
    now = replace(now, update_strategy=replace(now.update_strategy, paused=True))
    back = restored(now, old)
    assert content_hash(back, "bbcc") == content_hash(old, "bbcc") != content_hash(now, "bbcc")
    assert (back.replicas, back.labels, back.update_strategy) == (9, {"a": "b"}, now.update_strategy)
    assert restored(back, old) == back


def test_undo_leaves_alone_what_the_old_content_does_not_know() -> None:
    old, now = spec("v1"), spec("v2")
    places = old.cluster_topology.clusters
    fewer = replace(old, cluster_topology=replace(old.cluster_topology, clusters=places[:1]))
    assert restored(now, fewer).cluster_topology.clusters[1] == now.cluster_topology.clusters[1]
    empty = replace(places[0], pod_sets=())
    bare = replace(old, cluster_topology=replace(old.cluster_topology, clusters=(empty, places[1])))
    assert restored(now, bare).cluster_topology.clusters[0].pod_sets == now.cluster_topology.clusters[0].pod_sets


def test_undo_restores_chart_and_injection() -> None:
    now = spec("v2")
    place = now.cluster_topology.clusters[0]
    chart = Chart(chart_url=ChartUrl(url="dmall/springBoot"))
    with_chart = replace(place.pod_sets[0], chart=chart, inject=Inject(spread=True))
    topology = replace(
        now.cluster_topology, clusters=(replace(place, pod_sets=(with_chart,)), now.cluster_topology.clusters[1])
    )
    back = restored(now, replace(now, cluster_topology=topology)).cluster_topology.clusters[0].pod_sets[0]
    assert (back.chart, back.inject) == (chart, Inject(spread=True))
    assert to_map(back) == to_map(with_chart)


def test_nothing_is_kept_while_nobody_has_seen_what_is_kept() -> None:
    world = World(BJ4, BJ5)
    world.apply(two_clusters())
    world.settle()
    plan = plan_appset(replace(world.appset_view(), revisions=None), world.now)
    assert plan.actions == ()
