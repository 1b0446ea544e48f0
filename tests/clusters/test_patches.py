"""From one status to the next: only what differs, and nothing for a time alone."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sym.clusters.patches import merge_diff, status_patch
from sym.model.appset import AggrStatus, AppSetStatus, ClusterStatus
from sym.model.codec import JSON, JSONMap
from sym.model.rollout import Confirmation, RolloutRequest, RolloutStatus, Verb

EARLY, LATE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from("abc"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=8,
)
MAPS = st.dictionaries(st.sampled_from("uvxyz"), VALUES, max_size=4)


def merged(target: JSON, patch: JSON) -> JSON:
    """RFC 7386, as its pseudo-code says."""
    if not isinstance(patch, dict):
        return patch
    result: JSONMap = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def without_nulls(value: JSON) -> JSON:
    """What a server keeps: no null in objects."""
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    return value


@given(MAPS, MAPS)
def test_the_patch_makes_the_new_of_the_old(before: JSONMap, after: JSONMap) -> None:
    old, new = without_nulls(before), without_nulls(after)
    assert isinstance(old, dict)
    assert isinstance(new, dict)
    assert merged(old, merge_diff(old, new)) == new


def test_a_time_alone_is_no_reason_to_write() -> None:
    old = AppSetStatus(observed_generation=3, last_update_time=EARLY)
    assert status_patch("u", old, replace(old, last_update_time=LATE)) is None
    row = ClusterStatus(name="bj4", observed_at=EARLY)
    before = replace(old, aggr_status=AggrStatus(clusters=(row,)))
    after = replace(old, aggr_status=AggrStatus(clusters=(replace(row, observed_at=LATE),)))
    assert status_patch("u", before, after) is None


def test_the_patch_says_which_object_it_is_for_and_only_what_differs() -> None:
    old = AppSetStatus(observed_generation=3, replicas=2, selector="app=bbcc")
    patch = status_patch("u1", old, replace(old, replicas=0))
    assert patch == {"metadata": {"uid": "u1"}, "status": {"replicas": 0}}


def test_lists_that_people_write_too_are_met_as_they_were_read() -> None:
    consent = Confirmation(gate="canary@one", hash="h1", user="ann")
    old = AppSetStatus(rollout=RolloutStatus(hash="h1", confirmations=(consent,)))
    moved = replace(old, rollout=replace(old.rollout, gate="canary@one"))
    assert status_patch("u1", old, moved, "7") == {
        "metadata": {"uid": "u1"},
        "status": {"rollout": {"gate": "canary@one"}},
    }
    for field in ("confirmations", "requests"):
        before = replace(
            old, rollout=replace(old.rollout, requests=(RolloutRequest(verb=Verb.RETRY, cluster="", hash="h1"),))
        )
        after = replace(before, rollout=replace(before.rollout, **{field: ()}))
        patch = status_patch("u1", before, after, "7")
        assert patch is not None
        assert patch["metadata"] == {"uid": "u1", "resourceVersion": "7"}
