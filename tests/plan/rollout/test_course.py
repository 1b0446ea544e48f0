"""The walk along the waves, on literals: what opens, what holds, what goes back, and why.

The stories in tests/golden/rollout tell whole rollouts; here every branch of the decision stands by itself.
"""

from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from sym.model.appset import UpdateStrategy, UpgradeType
from sym.model.rollout import (
    AutoRollback,
    Confirmation,
    Phase,
    RolloutRequest,
    RolloutStatus,
    Verb,
    Wave,
    WavePhase,
    WaveSelector,
    WaveStatus,
)
from sym.plan.rollout.course import ITSELF, UNKNOWN, course
from sym.plan.rollout.types import Ground
from sym.plan.rollout.walk import BLOCKED, CONFIRM, DEADLINE, PROGRESSING
from tests.plan.rollout.grounds import (
    BEFORE,
    NAMES,
    NEW,
    NOW,
    OLD,
    A,
    B,
    at_new,
    begun,
    entries,
    entry,
    ground,
    later,
    phases,
    reason,
    told,
)

GATES = UpdateStrategy(upgrade_type=UpgradeType.CANARY, canary_clusters=(A,), need_waiting_for_confirm=True)
PLAIN = UpdateStrategy()
AT_A = ("canary-bj4", "blue-bj4", "green-bj4")
AT_B = ("canary-bj5", "blue-bj5", "green-bj5")


def consent(gate: str, hash_: str = NEW) -> Confirmation:
    """A person's consent."""
    return Confirmation(gate=gate, hash=hash_, user="ann")


def ask(verb: Verb, cluster: str = "", hash_: str = NEW) -> RolloutRequest:
    """A person's request."""
    return RolloutRequest(verb=verb, cluster=cluster, hash=hash_, user="ann")


def test_a_rollout_is_recorded_before_it_writes() -> None:
    found = course(ground(GATES, BEFORE))
    assert at_new(found) == set()
    assert (found.status.phase, found.status.hash, found.status.finished) == (Phase.PROGRESSING, NEW, OLD)
    assert phases(found) == ["Progressing", *["Pending"] * 5]
    assert at_new(course(ground(GATES, found.status))) == {"canary-bj4"}


def test_nothing_is_written_while_the_revisions_are_not_known() -> None:
    assert at_new(course(replace(ground(GATES, begun(GATES)), known=False))) == set()


def test_a_wave_waits_for_the_evidence_of_the_one_before() -> None:
    new = entries("v4", *AT_A)
    found = course(ground(PLAIN, begun(PLAIN), new, bad=frozenset({"blue-bj4"})))
    assert (at_new(found), reason(found)) == (set(AT_A), PROGRESSING)
    assert found.stop is not None
    assert found.stop.message == "wave all@bj4: waiting for blue-bj4"
    assert at_new(course(ground(PLAIN, begun(PLAIN), new))) == set(NAMES)


def test_a_gate_holds_until_it_is_confirmed_for_this_content() -> None:
    new = entries("v4", "canary-bj4")
    found = course(ground(GATES, begun(GATES), new))
    assert (at_new(found), reason(found), found.status.gate) == ({"canary-bj4"}, CONFIRM, "canary@bj4")
    assert found.status.phase is Phase.WAITING
    waiting = found.status
    for wrong in (consent("canary@bj4", OLD), consent("canary@bj5")):
        still = course(ground(GATES, replace(waiting, confirmations=(wrong,)), new))
        assert (at_new(still), reason(still)) == ({"canary-bj4"}, CONFIRM)
    agreed = course(ground(GATES, replace(waiting, confirmations=(consent("canary@bj4"),)), new))
    assert at_new(agreed) == {"canary-bj4", "canary-bj5"}
    assert (agreed.status.gate, agreed.status.waves[0].confirmed) == ("", True)
    assert agreed.status.confirmations == (consent("canary@bj4"),)


def test_a_consent_given_before_its_gate_was_reached_is_none() -> None:
    early = replace(begun(GATES), confirmations=(consent("canary@bj4"), consent("canary@bj4", OLD)))
    found = course(ground(GATES, early, entries("v4", "canary-bj4")))
    assert (reason(found), found.status.confirmations) == (CONFIRM, ())


def test_a_gate_that_was_told_stays_while_evidence_is_missing() -> None:
    new = entries("v4", "canary-bj4")
    waiting = course(ground(GATES, begun(GATES), new)).status
    agreed = replace(waiting, confirmations=(consent("canary@bj4"),))
    shaken = course(ground(GATES, agreed, new, bad=frozenset({"canary-bj4"})))
    assert (reason(shaken), shaken.status.gate, at_new(shaken)) == (PROGRESSING, "canary@bj4", {"canary-bj4"})
    assert shaken.status.confirmations == agreed.confirmations
    assert at_new(course(ground(GATES, shaken.status, new))) == {"canary-bj4", "canary-bj5"}


def test_no_wave_opens_while_an_earlier_one_has_lost_its_evidence() -> None:
    new = entries("v4", *AT_A, "canary-bj5")
    waves = UpdateStrategy(upgrade_type=UpgradeType.CANARY)
    found = course(ground(waves, begun(waves), new, bad=frozenset({"canary-bj4"})))
    assert (reason(found), at_new(found)) == (PROGRESSING, set(new))


def test_an_open_gate_is_not_asked_again() -> None:
    new = entries("v4", "canary-bj4", "canary-bj5")
    waiting = course(ground(GATES, begun(GATES), entries("v4", "canary-bj4"))).status
    passed = course(
        ground(GATES, replace(waiting, confirmations=(consent("canary@bj4"),)), entries("v4", "canary-bj4"))
    ).status
    shaken = course(ground(GATES, passed, new, bad=frozenset({"canary-bj4"}))).status
    healed = course(ground(GATES, shaken, new))
    assert (healed.status.gate, healed.status.waves[0].confirmed) == ("canary@bj5", True)


def test_a_gate_with_nothing_left_behind_it_is_none() -> None:
    assert reason(course(ground(GATES, begun(GATES), entries("v4")))) == ""


def test_a_wave_without_progress_fails_after_the_deadline_and_goes_on_when_it_heals() -> None:
    strategy = UpdateStrategy(progress_deadline_seconds=60)
    new, bad = entries("v4", *AT_A), frozenset({"blue-bj4"})
    record = course(ground(strategy, begun(strategy), new, bad=bad)).status
    assert reason(course(later(ground(strategy, record, new, bad=bad), 59))) == PROGRESSING
    failed = course(later(ground(strategy, record, new, bad=bad), 60))
    assert (failed.status.phase, reason(failed)) == (Phase.FAILED, DEADLINE)
    assert [(each.wave, each.reason) for each in failed.status.failures] == [("all@bj4", DEADLINE)]
    again = course(later(ground(strategy, failed.status, new, bad=bad), 61))
    assert again.status.failures == failed.status.failures
    assert at_new(course(later(ground(strategy, again.status, new), 62))) == set(NAMES)


def test_the_deadline_begins_anew_with_every_pod_that_gets_further_than_ever() -> None:
    strategy = UpdateStrategy(progress_deadline_seconds=60)
    new, bad = entries("v4", *AT_A), frozenset({"blue-bj4"})

    def at(record: RolloutStatus, seconds: int, ready: int) -> RolloutStatus:
        made = ground(strategy, record, new, bad=bad)
        seen = {**made.told, "blue-bj4": told(new["blue-bj4"], ready)}
        return course(later(replace(made, told=seen), seconds)).status

    record = at(begun(strategy), 0, 0)
    record = at(record, 50, 1)
    assert record.waves[0].progressed == NOW + timedelta(seconds=50)
    record = at(at(record, 60, 0), 70, 1)  # up again, but no further than before
    assert record.waves[0].progressed == NOW + timedelta(seconds=50)
    assert at(record, 109, 1).phase is Phase.PROGRESSING
    assert at(record, 110, 1).phase is Phase.FAILED


def test_no_deadline_passes_while_nothing_is_to_change() -> None:
    strategy = UpdateStrategy(progress_deadline_seconds=60)
    new, bad = entries("v4", *AT_A), frozenset({"blue-bj4"})
    record = course(ground(strategy, begun(strategy), new, bad=bad)).status
    paused = course(later(replace(ground(strategy, record, new, bad=bad), held=True), 600))
    assert paused.status.phase is Phase.PROGRESSING
    resumed = course(later(replace(ground(strategy, record, new, bad=bad), resumed=True), 600))
    assert resumed.status.waves[0].progressed == NOW + timedelta(seconds=600)


def test_max_failures_lets_a_wave_pass_with_a_cluster_that_failed() -> None:
    def strategy(bearable: int) -> UpdateStrategy:
        first = Wave(name="first", select=WaveSelector(groups=("canary", "blue")), max_failures=bearable)
        return UpdateStrategy(progress_deadline_seconds=60, waves=(first, Wave(name="rest")))

    new, bad = entries("v4", "canary-bj4", "canary-bj5", "blue-bj4", "blue-bj5"), frozenset({"blue-bj4"})
    record = course(ground(strategy(1), begun(strategy(1)), new, bad=bad)).status
    early = course(later(ground(strategy(1), record, new, bad=bad), 59))
    assert (reason(early), at_new(early)) == (PROGRESSING, set(new))
    borne = course(later(ground(strategy(1), record, new, bad=bad), 60))
    assert at_new(borne) == set(NAMES)
    assert at_new(course(later(ground(strategy(1), borne.status, new, bad=bad), 70))) == set(NAMES)
    two = course(later(ground(strategy(1), record, new, bad=bad | {"blue-bj5"}), 60))
    assert (reason(two), at_new(two)) == (DEADLINE, set(new))
    none = course(later(ground(strategy(0), record, new, bad=bad), 60))
    assert (reason(none), at_new(none)) == (DEADLINE, set(new))


AWAY = {B: "cluster bj5 is Unreachable"}


def test_a_lost_cluster_blocks_its_wave_until_it_is_gone_past_and_gets_its_own_when_it_is_back() -> None:
    new = entries("v4", *AT_A)
    record = begun(PLAIN)
    blocked = course(ground(PLAIN, record, new, away=AWAY))
    assert (reason(blocked), blocked.status.phase) == (BLOCKED, Phase.BLOCKED)
    assert blocked.stop is not None
    assert "sym rollout skip bbcc -n default --cluster bj5" in blocked.stop.message
    asked = replace(blocked.status, requests=(ask(Verb.SKIP, B),))
    skipped = course(ground(PLAIN, asked, new, away=AWAY))
    assert [wave.name for wave in skipped.status.waves] == ["all@bj4", "all@bj5", "skipped@bj5"]
    assert (reason(skipped), skipped.status.requests) == (BLOCKED, asked.requests)
    much_later = course(later(ground(PLAIN, skipped.status, new, away=AWAY), 7200))
    assert (reason(much_later), at_new(much_later)) == (BLOCKED, set(NAMES))
    back = course(ground(PLAIN, much_later.status, new))
    assert (at_new(back), phases(back)) == (set(NAMES), ["Completed", "Completed", "Progressing"])
    assert reason(course(ground(PLAIN, back.status, entries("v4")))) == ""


def test_a_cluster_that_was_gone_past_gets_nothing_before_its_own_wave() -> None:
    strategy = UpdateStrategy(upgrade_type=UpgradeType.CANARY)
    record = replace(begun(strategy), requests=(ask(Verb.SKIP, B),))
    record = course(ground(strategy, record, entries("v4", "canary-bj4"), away=AWAY)).status
    back = course(ground(strategy, record, entries("v4", "canary-bj4")))
    assert at_new(back) == {"canary-bj4", "blue-bj4"}


def test_a_cluster_without_podsets_is_gone_past_without_a_wave() -> None:
    record = replace(begun(PLAIN), requests=(ask(Verb.SKIP, "elsewhere"),))
    found = course(ground(PLAIN, record, entries("v4", *AT_A)))
    assert [wave.name for wave in found.status.waves] == ["all@bj4", "all@bj5"]


def test_a_lost_cluster_fails_the_wave_by_the_deadline_only() -> None:
    strategy = UpdateStrategy(progress_deadline_seconds=60)
    new = entries("v4", *AT_A)
    record = course(ground(strategy, begun(strategy), new, away=AWAY)).status
    assert reason(course(later(ground(strategy, record, new, away=AWAY), 60))) == DEADLINE


def failing(extent: AutoRollback) -> tuple[UpdateStrategy, Callable[[RolloutStatus], Ground]]:
    """A rollout that has reached the second group in the first cluster, where it fails."""
    strategy = UpdateStrategy(upgrade_type=UpgradeType.CANARY, progress_deadline_seconds=60, auto_rollback=extent)
    new = entries("v4", "canary-bj4", "canary-bj5", "blue-bj4")
    return strategy, lambda record: ground(strategy, record, new, bad=frozenset({"blue-bj4"}))


@pytest.mark.parametrize(
    ("extent", "first", "left"),
    [
        (AutoRollback.WAVE, {"blue-bj4"}, {"canary-bj4", "canary-bj5"}),
        (AutoRollback.ALL, {"blue-bj4"}, {"canary-bj4", "canary-bj5"}),
    ],
)
def test_what_failed_goes_back_only_after_that_was_recorded(
    extent: AutoRollback, first: set[str], left: set[str]
) -> None:
    strategy, at = failing(extent)
    record = course(at(begun(strategy))).status
    failed = course(later(at(record), 60))
    assert (failed.status.phase, at_new(failed)) == (Phase.ROLLED_BACK, first | left)
    going = course(later(at(failed.status), 61))
    assert (reason(going), at_new(going), going.status.phase) == (Phase.ROLLED_BACK, left, Phase.ROLLED_BACK)
    targets = {wave.name for wave in going.status.waves if wave.target == OLD}
    expected = {"blue@bj4"} if extent is AutoRollback.WAVE else {"canary@bj4", "canary@bj5", "blue@bj4"}
    assert targets == expected


def test_all_that_changed_goes_back_in_reverse_order_wave_by_wave() -> None:
    strategy, at = failing(AutoRollback.ALL)
    record = course(later(at(course(at(begun(strategy))).status), 60)).status
    there = entries("v4", "canary-bj4", "canary-bj5")
    assert at_new(course(ground(strategy, record, there))) == {"canary-bj4"}
    shaken = ground(strategy, record, there, bad=frozenset({"blue-bj4"}))
    assert at_new(course(shaken)) == {"canary-bj4", "canary-bj5"}
    done = course(ground(strategy, record, {}))
    assert (at_new(done), reason(done), done.free) == (set(), Phase.ROLLED_BACK, False)


def test_on_the_way_back_a_lost_cluster_holds_up_no_other() -> None:
    strategy, at = failing(AutoRollback.ALL)
    record = course(later(at(course(at(begun(strategy))).status), 60)).status
    there = entries("v4", "canary-bj4", "canary-bj5")
    found = course(ground(strategy, record, there, away=AWAY))
    assert at_new(found) == set()  # that of the lost cluster is written when it is back


@pytest.mark.parametrize(("finished", "said"), [(None, UNKNOWN), (NEW, ITSELF)])
def test_without_a_way_back_a_rollout_fails_and_says_so(finished: str | None, said: str) -> None:
    strategy, at = failing(AutoRollback.ALL)
    record = course(at(begun(strategy))).status
    failed = course(later(replace(at(record), finished=finished), 60))
    assert failed.status.phase is Phase.FAILED
    assert failed.status.message.endswith(said)
    aborted = course(replace(at(replace(record, requests=(ask(Verb.ABORT),))), finished=finished))
    assert aborted.status.phase is Phase.ABORTED
    assert aborted.status.message.endswith(said)
    assert {wave.target for wave in aborted.status.waves} == {NEW}


def test_an_abort_is_recorded_then_takes_back_what_has_changed() -> None:
    new = entries("v4", "canary-bj4")
    waiting = course(ground(GATES, begun(GATES), new)).status
    asked = replace(
        waiting, requests=(replace(ask(Verb.ABORT), reason="slow"),), confirmations=(consent("canary@bj4"),)
    )
    aborted = course(ground(GATES, asked, new))
    assert (aborted.status.phase, at_new(aborted)) == (Phase.ABORTED, {"canary-bj4"})
    assert (aborted.status.requests, aborted.status.confirmations, aborted.status.gate) == ((), (), "")
    assert aborted.status.message == "aborted by ann: slow"
    assert at_new(course(ground(GATES, aborted.status, new))) == set()
    stays = course(ground(GATES, aborted.status, {}))
    assert (stays.status.phase, at_new(stays)) == (Phase.ABORTED, set())


def test_a_request_for_another_content_is_none() -> None:
    new = entries("v4", "canary-bj4")
    waiting = course(ground(GATES, begun(GATES), new)).status
    found = course(ground(GATES, replace(waiting, requests=(ask(Verb.ABORT, hash_=OLD),)), new))
    assert (found.status.phase, found.status.requests) == (Phase.WAITING, ())


def test_retry_begins_anew_and_asks_every_gate_again() -> None:
    new = entries("v4", "canary-bj4")
    waiting = course(ground(GATES, begun(GATES), new)).status
    aborted = course(ground(GATES, replace(waiting, requests=(ask(Verb.ABORT),)), new)).status
    retried = course(ground(GATES, replace(aborted, requests=(ask(Verb.RETRY),)), {}))
    assert (retried.status.phase, retried.status.requests, at_new(retried)) == (Phase.PROGRESSING, (), set())
    assert {wave.target for wave in retried.status.waves} == {NEW}
    again = course(ground(GATES, retried.status, {}))
    assert at_new(again) == {"canary-bj4"}
    waits = course(ground(GATES, again.status, new))
    assert (reason(waits), waits.status.waves[0].confirmed) == (CONFIRM, False)


def test_retry_of_what_goes_on_changes_nothing() -> None:
    new = entries("v4", "canary-bj4")
    waiting = course(ground(GATES, begun(GATES), new)).status
    found = course(ground(GATES, replace(waiting, requests=(ask(Verb.RETRY),)), new))
    assert found.status == waiting


def test_now_goes_without_waves_to_what_ran_everywhere_before_and_to_nothing_else() -> None:
    record = replace(begun(GATES), requests=(ask(Verb.NOW),))
    assert at_new(course(ground(GATES, record))) == {"canary-bj4"}
    found = course(replace(ground(GATES, record), former=True))
    assert (at_new(found), found.urgent, found.status.waves) == (set(NAMES), True, ())
    assert found.status.requests == record.requests


def test_a_new_content_in_the_middle_begins_anew_and_its_gates_are_asked() -> None:
    """canary runs v4 already when the spec changes elsewhere: v3 ran everywhere last, so it still takes part."""
    record = replace(
        begun(GATES),
        hash="other",
        confirmations=(consent("canary@bj4", "other"),),
        requests=(ask(Verb.SKIP, B, "other"),),
    )
    found = course(ground(GATES, record, entries("v4", "canary-bj4")))
    assert [wave.name for wave in found.status.waves][:2] == ["canary@bj4", "canary@bj5"]
    assert (found.status.confirmations, found.status.requests) == ((), ())
    waits = course(ground(GATES, found.status, entries("v4", "canary-bj4")))
    assert (reason(waits), at_new(waits)) == (CONFIRM, {"canary-bj4"})


def test_a_lost_status_closes_every_gate() -> None:
    there = entries("v4", "canary-bj4", "canary-bj5")
    lost = course(ground(GATES, RolloutStatus(), there))
    assert [wave.gate for wave in lost.status.waves] == [True, True, False, True, False, False]
    waits = course(ground(GATES, lost.status, there))
    assert (reason(waits), waits.status.gate, at_new(waits)) == (CONFIRM, "canary@bj4", set(there))
    assert waits.status.finished == OLD


def test_a_lost_status_counts_everybody_in_though_nothing_of_it_changes() -> None:
    """The spec went back to v3 in the middle: what is back already would have no wave, and its gate would be gone."""
    back = ground(GATES, RolloutStatus(), {"canary-bj4": entry("canary-bj4", "v4")})
    back = replace(back, hash=OLD, finished=OLD, asked=entries("v3"))
    names = [wave.name for wave in course(back).status.waves]
    assert names == ["canary@bj4", "canary@bj5", "blue@bj4", "blue@bj5", "green@bj4", "green@bj5"]


def test_where_it_is_not_known_what_ran_everywhere_everybody_takes_part() -> None:
    record = replace(BEFORE, finished="lost")
    found = course(replace(ground(PLAIN, record, entries("v4", *AT_A)), finished=None, back={}))
    assert [wave.name for wave in found.status.waves] == ["all@bj4", "all@bj5"]


def test_what_runs_already_and_did_so_before_takes_no_part() -> None:
    made = ground(PLAIN, BEFORE, entries("v4", *AT_A))
    made = replace(made, back={**made.back, **entries("v4", *AT_A)})
    assert [wave.name for wave in course(made).status.waves] == ["all@bj5"]


def test_a_changed_strategy_cuts_only_what_has_not_begun() -> None:
    new = entries("v4", "canary-bj4")
    waiting = course(ground(GATES, begun(GATES), new)).status
    other = UpdateStrategy(upgrade_type=UpgradeType.GREEN)
    found = course(ground(other, waiting, new))
    names = [wave.name for wave in found.status.waves]
    assert names == ["canary@bj4", "green@bj4", "green@bj5", "blue@bj4", "blue@bj5", "others@bj5"]
    assert (found.status.waves[0].gate, reason(found), at_new(found)) == (True, CONFIRM, {"canary-bj4"})
    plain = course(ground(PLAIN, course(ground(PLAIN, waiting, new)).status, new))
    assert [wave.name for wave in plain.status.waves] == ["canary@bj4", "all@bj4", "all@bj5"]


def test_a_name_means_one_wave() -> None:
    halves = UpdateStrategy(waves=(Wave(name="all@bj4", select=WaveSelector(pod_sets=("blue-bj4",))), Wave(name="z")))
    new = entries("v4", "blue-bj4")
    begun_ = course(ground(halves, begun(halves), new)).status
    found = course(ground(PLAIN, replace(begun_, waves=begun_.waves[:1]), new))
    assert [wave.name for wave in found.status.waves] == ["all@bj4", "all@bj4~1", "all@bj5"]


def test_what_is_added_with_content_of_its_group_that_ran_everywhere_waits_for_nobody() -> None:
    made = ground(PLAIN, BEFORE)
    running = {name: each for name, each in made.running.items() if name != "blue-bj5"}
    back = {name: each for name, each in made.back.items() if name != "blue-bj5"}
    same = {**made.asked, "blue-bj5": replace(entry("blue-bj5", "v3"), meta={"sym-group": "blue"})}
    found = course(replace(made, asked=same, running=running, back=back))
    assert "blue-bj5" not in {name for wave in found.status.waves for name in wave.pod_sets}
    assert found.entries["blue-bj5"] == same["blue-bj5"]
    other = course(replace(made, running=running, back=back))
    assert "blue-bj5" in {name for wave in other.status.waves for name in wave.pod_sets}
    assert other.entries["blue-bj5"] is None


def test_what_is_added_to_a_group_whose_wave_is_past_starts_at_once() -> None:
    waves = (
        Wave(name="one", select=WaveSelector(pod_sets=("blue-bj4",))),
        Wave(name="two", select=WaveSelector(groups=("canary",))),
        Wave(name="rest"),
    )
    strategy = UpdateStrategy(waves=waves)
    made = ground(strategy, begun(strategy), entries("v4", "blue-bj4"))
    running = {name: each for name, each in made.running.items() if name not in {"blue-bj5", "green-bj5"}}
    found = course(replace(made, running=running))
    assert at_new(found) == {"blue-bj4", "blue-bj5", "canary-bj4", "canary-bj5"}
    assert found.entries["green-bj5"] is None
    shaken = ground(strategy, begun(strategy), entries("v4", "blue-bj4"), bad=frozenset({"blue-bj4"}))
    bad = course(replace(shaken, running=running))
    assert bad.entries["blue-bj5"] is None


def test_counts_apply_at_once_to_what_each_podset_runs() -> None:
    made = ground(PLAIN, begun(PLAIN), entries("v4", "canary-bj4"))
    more = {name: replace(each, replicas=9) for name, each in made.asked.items()}
    found = course(replace(made, asked=more))
    assert {each.replicas for each in found.entries.values() if each is not None} == {9}
    assert at_new(found) == set(AT_A)


def test_a_later_wave_that_was_begun_keeps_its_place_and_shows_no_evidence() -> None:
    strategy = UpdateStrategy(upgrade_type=UpgradeType.CANARY)
    new = entries("v4", "canary-bj4", "canary-bj5")
    record = course(ground(strategy, begun(strategy), new)).status
    shaken = course(ground(strategy, record, new, bad=frozenset({"canary-bj4"})))
    second = shaken.status.waves[1]
    assert (second.phase, second.evidence) == (WavePhase.COMPLETED, None)
    lost = course(ground(strategy, RolloutStatus(), new, bad=frozenset({"canary-bj4"})))
    assert lost.status.waves[1].phase is WavePhase.PROGRESSING


def test_waves_of_a_record_that_name_what_is_gone_are_borne() -> None:
    gone = WaveStatus(name="all@gone", phase=WavePhase.COMPLETED, pod_sets=("gone",), target=NEW)
    record = begun(PLAIN)
    found = course(ground(PLAIN, replace(record, waves=(gone, *record.waves))))
    assert [wave.name for wave in found.status.waves] == ["all@gone", "all@bj4", "all@bj5"]


def test_a_message_names_three_podsets_at_most() -> None:
    strategy = UpdateStrategy(canary_clusters=(A, B))
    found = course(ground(strategy, begun(strategy)))
    assert found.stop is not None
    assert found.stop.message == "wave all@bj4+bj5: waiting for canary-bj4, blue-bj4, green-bj4 and 3 more"
