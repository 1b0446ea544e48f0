"""The store: one counter, immutable bytes, a bounded log, the past by undoing it, owners, subscribers."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sym.aio.env import SystemEnv
from sym.model.codec import JSON, JSONMap, as_map, dig, parse_map
from sym.model.kinds import CONFIGMAP, DEPLOYMENT, POD, SECRET
from sym.sandbox.store import Change, ChangeType, Compacted, Missing, Stale, Store, Taken, timestamp


def _store(log: int = 100) -> Store:
    return Store(SystemEnv(), log=log)


def _obj(name: str, namespace: str = "default", **meta: JSON) -> JSONMap:
    return {"metadata": {"name": name, "namespace": namespace, **meta}}


def test_all_kinds_share_one_counter() -> None:
    store = _store()
    first, second = store.create(CONFIGMAP, _obj("a")), store.create(SECRET, _obj("a"))
    assert second.version == first.version + 1 == store.version
    assert dig(second.object(), "metadata", "resourceVersion") == str(second.version)


def test_a_new_object_gets_uid_and_time_and_its_body_says_first_what_it_is() -> None:
    entry = _store().create(CONFIGMAP, {"data": {}, **_obj("a"), "apiVersion": "v1", "kind": "ConfigMap"})
    assert entry.body.startswith(b'{"kind":"ConfigMap","apiVersion":"v1",')
    meta = as_map(entry.object()["metadata"])
    assert meta["uid"] == entry.uid != ""
    assert meta["creationTimestamp"]


def test_a_name_is_taken_once_per_namespace_and_kind() -> None:
    store = _store()
    store.create(CONFIGMAP, _obj("a"))
    store.create(CONFIGMAP, _obj("a", "other"))
    store.create(SECRET, _obj("a"))
    with pytest.raises(Taken):
        store.create(CONFIGMAP, _obj("a"))


def test_entries_do_not_change_with_what_they_were_made_from() -> None:
    store = _store()
    obj = _obj("a")
    entry = store.create(CONFIGMAP, obj)
    obj["data"] = {"later": "1"}
    entry.object()["data"] = {"later": "2"}
    assert "data" not in entry.object()


def test_an_update_that_changes_nothing_makes_no_version_and_tells_nobody() -> None:
    store = _store()
    entry = store.create(CONFIGMAP, _obj("a"))
    told: list[Change] = []
    store.subscribe(told.append)
    assert store.update(CONFIGMAP, entry.object()) is entry
    reordered = dict(reversed(entry.object().items()))
    assert store.update(CONFIGMAP, reordered) is entry
    assert not told


def test_updates_and_removals_of_what_is_not_there_or_not_the_same() -> None:
    store = _store()
    with pytest.raises(Missing):
        store.update(CONFIGMAP, _obj("a"))
    with pytest.raises(Missing):
        store.remove(CONFIGMAP, "default", "a")
    entry = store.create(CONFIGMAP, _obj("a"))
    with pytest.raises(Stale):
        store.update(CONFIGMAP, entry.object() | {"data": {}}, expected=entry.version - 1)
    with pytest.raises(Stale):
        store.update(CONFIGMAP, _obj("a", uid="another"))
    assert store.mutate(CONFIGMAP, "default", "none", lambda _: None) is None


def test_mutate_counts_a_generation_for_content_only() -> None:
    store = _store()
    store.create(DEPLOYMENT, {**_obj("a", generation=1), "spec": {"replicas": 1}})
    store.mutate(DEPLOYMENT, "default", "a", lambda obj: obj.update(status={"replicas": 1}))
    entry = store.get(DEPLOYMENT, "default", "a")
    assert entry is not None
    assert dig(entry.object(), "metadata", "generation") == 1
    entry = store.mutate(DEPLOYMENT, "default", "a", lambda obj: obj.update(spec={"replicas": 2}))
    assert entry is not None
    assert dig(entry.object(), "metadata", "generation") == 2


def test_subscribers_hear_each_change_within_the_write_until_they_leave() -> None:
    store = _store()
    all_: list[tuple[ChangeType, str]] = []
    secrets: list[str] = []
    leave = store.subscribe(lambda change: all_.append((change.type, change.entry.name)))
    store.subscribe(lambda change: secrets.append(change.entry.name), SECRET)
    entry = store.create(CONFIGMAP, _obj("a"))
    store.update(CONFIGMAP, {**entry.object(), "data": {"x": "1"}})
    store.create(SECRET, _obj("s"))
    store.remove(CONFIGMAP, "default", "a")
    assert all_ == [
        (ChangeType.ADDED, "a"),
        (ChangeType.MODIFIED, "a"),
        (ChangeType.ADDED, "s"),
        (ChangeType.DELETED, "a"),
    ]
    assert secrets == ["s"]
    leave()
    leave()
    store.create(SECRET, _obj("t"))
    assert len(all_) == 4


def test_a_frame_is_made_once_and_a_deletion_carries_its_own_version() -> None:
    store = _store()
    changes: list[Change] = []
    store.subscribe(changes.append)
    entry = store.create(CONFIGMAP, _obj("a"))
    gone = store.remove(CONFIGMAP, "default", "a")
    assert gone.version == entry.version + 1
    frame = changes[1].frame
    assert changes[1].frame is frame
    assert parse_map(frame)["type"] == "DELETED"
    assert dig(parse_map(frame), "object", "metadata", "resourceVersion") == str(gone.version)


def test_the_log_is_bounded_and_what_it_forgot_is_refused() -> None:
    store = _store(log=3)
    versions = [store.create(CONFIGMAP, _obj(f"n{number}")).version for number in range(6)]
    assert store.floor == versions[2]
    assert [change.entry.name for change in store.since(CONFIGMAP, versions[2])] == ["n3", "n4", "n5"]
    assert [entry.name for entry in store.at(CONFIGMAP, versions[3])] == ["n0", "n1", "n2", "n3"]
    for look in (store.since, store.at):
        with pytest.raises(Compacted, match="too old resource version"):
            look(CONFIGMAP, versions[1])
    store.compact()
    with pytest.raises(Compacted):
        store.since(CONFIGMAP, versions[4])
    assert store.since(CONFIGMAP, store.version) == []


def test_owners_find_their_dependents_of_any_kind_until_these_go() -> None:
    store = _store()
    owners: list[JSON] = [{"uid": "u1"}, {"uid": "u2"}]
    store.create(POD, _obj("p", ownerReferences=owners))
    store.create(SECRET, _obj("s", ownerReferences=owners[:1]))
    assert [(plural, entry.name) for _, plural, entry in store.dependents("u1")] == [("pods", "p"), ("secrets", "s")]
    assert [entry.name for entry in store.owned(POD, "u2")] == ["p"]
    store.mutate(POD, "default", "p", lambda obj: as_map(obj["metadata"]).update(ownerReferences=[{"uid": "u2"}]))
    store.remove(SECRET, "default", "s")
    assert store.dependents("u1") == ()
    assert [entry.name for entry in store.owned(POD, "u2")] == ["p"]


def test_what_can_be_selected_by_stands_beside_the_bytes() -> None:
    entry = _store().create(
        POD, {**_obj("p", labels={"app": "x"}), "spec": {"nodeName": "n"}, "status": {"phase": "Running"}}
    )
    assert entry.labels == {"app": "x"}
    assert (entry.fields["spec.nodeName"], entry.fields["status.phase"], entry.fields["status.podIP"]) == (
        "n",
        "Running",
        "",
    )


def test_namespaces_know_what_is_in_them() -> None:
    store = _store()
    store.create(POD, _obj("p", "one"))
    store.create(DEPLOYMENT, _obj("d", "one"))
    store.create(DEPLOYMENT, _obj("e", "two"))
    assert set(store.kinds_in("one")) == {("", "pods", 1), ("apps", "deployments", 1)}
    assert store.kinds_in("three") == ()


def test_times_are_whole_seconds_in_utc() -> None:
    assert timestamp(datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)) == "2026-01-02T03:04:05Z"


@given(st.lists(st.tuples(st.sampled_from("cud"), st.sampled_from("abc"), st.integers(0, 3)), max_size=40), st.data())
def test_the_past_is_what_it_was(steps: list[tuple[str, str, int]], data: st.DataObject) -> None:
    """Any state can be read again, and replaying the log from it gives the present."""
    store = _store()
    states: dict[int, dict[str, bytes]] = {store.version: {}}
    for action, name, value in steps:
        there = store.get(CONFIGMAP, "default", name)
        if action == "d" and there:
            store.remove(CONFIGMAP, "default", name)
        elif action == "u" and there:
            store.update(CONFIGMAP, {**there.object(), "data": {"v": str(value)}})
        elif action == "c" and not there:
            store.create(CONFIGMAP, _obj(name))
        states[store.version] = {entry.name: entry.body for entry in store.list(CONFIGMAP)}
    version = data.draw(st.sampled_from(sorted(states)))
    state = {entry.name: entry.body for entry in store.at(CONFIGMAP, version)}
    assert state == states[version]
    for change in store.since(CONFIGMAP, version):
        if change.type is ChangeType.DELETED:
            del state[change.entry.name]
        else:
            state[change.entry.name] = change.entry.body
    assert state == states[store.version]
