"""Going back to a former content: to which one, what the patch holds, what is refused."""

import pytest

from sym.cli.rollout_change import No
from sym.cli.rollout_former import goal, undone
from sym.model import names
from sym.model.codec import JSON, as_map, dig, dig_list, dig_map
from sym.model.meta import ObjectMeta
from sym.model.workload import ControllerRevision
from tests.cli.rollouts import canary, hash_of, merged, read


def revision(number: int, version: str, *, finished: str = "", **spec: JSON) -> ControllerRevision:
    """A revision of bbcc that ran `version`."""
    app = canary(version)
    marks = {names.REVISION: hash_of(app), **({names.FINISHED: finished} if finished else {})}
    meta = ObjectMeta(name=f"bbcc-{number}", namespace="default", annotations=marks)
    return ControllerRevision(metadata=meta, revision=number, data={"spec": {**as_map(app["spec"]), **spec}})


HISTORY = (
    revision(3, "v3", finished="2026-11-01T00:00:00Z"),
    revision(1, "v1", finished="2026-10-01T00:00:00Z"),
    revision(5, "v5"),
    revision(4, "v4", finished="2026-11-20T00:00:00Z"),
)


@pytest.mark.parametrize(("number", "found"), [(None, 3), (1, 1), (5, 5), (4, 4)])
def test_which_revision_is_gone_back_to(number: int | None, found: int) -> None:
    assert goal(read(canary("v4")), HISTORY, number).revision == found


def test_there_must_be_one() -> None:
    with pytest.raises(No, match="there is no revision 9: there are 5, 4, 3, 1; `sym rollout history` shows them"):
        goal(read(canary()), HISTORY, 9)
    with pytest.raises(No, match="there is no revision 9: there are none"):
        goal(read(canary()), (), 9)
    with pytest.raises(No, match="no other revision has run everywhere before"):
        goal(read(canary("v5")), HISTORY[2:3], None)


def test_undo_brings_the_content_back_and_leaves_what_this_sym_does_not_know() -> None:
    app = canary("v4")
    spec = as_map(app["spec"])
    app["spec"] = {**spec, "ofANewerSym": {"a": 1}, "updateStrategy": {"paused": False, "maxSurge": 1}}
    places = dig_list(app, "spec", "clusterTopology", "clusters")
    as_map(places[0])["alsoNewer"] = "x"
    change = undone(read(app), HISTORY[0])
    after = merged(dig_map(app, "spec"), dig_map(change.patch, "spec"))
    assert hash_of({**app, "spec": after}) == hash_of(canary("v3"))
    assert after["ofANewerSym"] == {"a": 1}
    assert after["updateStrategy"] == {"paused": False, "maxSurge": 1}
    assert dig(after, "clusterTopology", "clusters", 0, "alsoNewer") == "x"
    assert change.said == "goes back to the content of revision 3"


def test_undo_to_what_is_there_changes_nothing() -> None:
    change = undone(read(canary("v4")), HISTORY[3])
    assert (change.patch, change.said) == (None, "has the content of revision 4 already")


def test_a_revision_that_nobody_can_read_is_refused() -> None:
    broken = revision(3, "v3", podSpec=7)
    with pytest.raises(No, match="revision 3 cannot be read: choose another with --to-revision"):
        undone(read(canary()), broken)
