"""Which waves there are, and where the gates stand: every expectation from semantics.md 6."""

import pytest

from sym.model.appset import (
    OrderPriority,
    PriorityStrategy,
    UpdateStrategy,
    UpgradeType,
    WeightPriority,
)
from sym.model.rollout import Analysis, Wave, WaveSelector
from sym.model.selectors import LabelSelector, SelectorRequirement
from sym.model.waves import Candidate, selects
from sym.plan.rollout.cut import cut, gated, options_of, ranked, skipped
from sym.plan.rollout.strategies import STRATEGIES
from sym.plan.rollout.types import Planned
from tests.plan.rollout.grounds import MEMBERS, A, B

CANARY, BLUE, GREEN = UpgradeType.CANARY, UpgradeType.BLUE, UpgradeType.GREEN


def shown(strategy: UpdateStrategy, members: tuple[Candidate, ...] = MEMBERS) -> str:
    """The waves in a line; `|` is a gate, a comma a boundary without one."""
    waves = cut(strategy, members, {A: {}, B: {}})
    return "".join(each.name + (" | " if each.gate else ", ") for each in waves).removesuffix(", ")


def test_a_strategy_for_each_upgrade_type() -> None:
    assert set(STRATEGIES) == {None, *UpgradeType}


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (
            UpdateStrategy(upgrade_type=CANARY, canary_clusters=(A,), need_waiting_for_confirm=True),
            "canary@bj4 | canary@bj5 | blue@bj4, blue@bj5 | green@bj4, green@bj5",
        ),
        (
            UpdateStrategy(upgrade_type=CANARY, canary_clusters=(A,)),
            "canary@bj4, canary@bj5, blue@bj4, blue@bj5, green@bj4, green@bj5",
        ),
        (
            UpdateStrategy(upgrade_type=CANARY, canary_clusters=(B, A), need_waiting_for_confirm=True),
            "canary@bj4+bj5 | blue@bj4+bj5 | green@bj4+bj5",
        ),
        (
            UpdateStrategy(upgrade_type=CANARY, canary_clusters=(B,), need_waiting_for_confirm=True),
            "canary@bj5 | canary@bj4 | blue@bj5, blue@bj4 | green@bj5, green@bj4",
        ),
        (
            UpdateStrategy(upgrade_type=CANARY, need_waiting_for_confirm=True),
            "canary@bj4, canary@bj5 | blue@bj4, blue@bj5 | green@bj4, green@bj5",
        ),
        (
            UpdateStrategy(upgrade_type=BLUE, canary_clusters=(A,), need_waiting_for_confirm=True),
            "blue@bj4 | blue@bj5 | green@bj4, green@bj5 | others@bj4, others@bj5",
        ),
        (
            UpdateStrategy(upgrade_type=GREEN),
            "green@bj4, green@bj5, blue@bj4, blue@bj5, others@bj4, others@bj5",
        ),
        (UpdateStrategy(need_waiting_for_confirm=True), "all@bj4, all@bj5"),
        (UpdateStrategy(canary_clusters=(B,), need_waiting_for_confirm=True), "all@bj5 | all@bj4"),
    ],
)
def test_groups_clusters_and_gates(strategy: UpdateStrategy, expected: str) -> None:
    assert shown(strategy) == expected


def test_what_does_not_change_has_no_wave_and_no_gate() -> None:
    strategy = UpdateStrategy(upgrade_type=CANARY, canary_clusters=(A,), need_waiting_for_confirm=True)
    blue = tuple(each for each in MEMBERS if each.group == "blue")
    assert shown(strategy, blue) == "blue@bj4 | blue@bj5"
    later = tuple(each for each in MEMBERS if each.group == "green" or each.name == "blue-bj5")
    assert shown(strategy, later) == "blue@bj5 | green@bj4, green@bj5"
    assert shown(strategy, blue[:1]) == "blue@bj4"
    assert shown(strategy, ()) == ""


def test_units_change_one_after_another_where_that_is_asked_for() -> None:
    units = tuple(
        Candidate(name=f"blue-{unit or 'none'}-{cluster}", cluster=cluster, group="blue", unit=unit)
        for cluster in (A, B)
        for unit in ("u2", "u1", "")
    )
    strategy = UpdateStrategy(upgrade_type=BLUE, canary_clusters=(A,), need_waiting_for_confirm=True)
    assert shown(strategy, units) == "blue@bj4 | blue@bj5"
    by_unit = UpdateStrategy(upgrade_type=BLUE, canary_clusters=(A,), need_waiting_for_confirm=True, unit_by_unit=True)
    expected = "blue/u2@bj4, blue/u1@bj4, blue@bj4 | blue/u2@bj5, blue/u1@bj5, blue@bj5"
    assert shown(by_unit, units) == expected


@pytest.mark.parametrize(
    ("priority", "expected"),
    [
        (PriorityStrategy(), ("a", "b", "c")),
        (PriorityStrategy(order_priority=(OrderPriority(ordered_key="rank"),)), ("b", "a", "c")),
        (
            PriorityStrategy(
                weight_priority=(
                    WeightPriority(weight=10, match_selector=LabelSelector(match_labels={"zone": "x"})),
                    WeightPriority(weight=5, match_selector=LabelSelector(match_labels={"zone": "y"})),
                )
            ),
            ("a", "c", "b"),
        ),
        (
            PriorityStrategy(
                weight_priority=(WeightPriority(weight=1, match_selector=LabelSelector(match_labels={"zone": "x"})),),
                order_priority=(OrderPriority(ordered_key="rank"),),
            ),
            ("a", "c", "b"),
        ),
    ],
)
def test_the_order_of_clusters(priority: PriorityStrategy, expected: tuple[str, ...]) -> None:
    metas = {"a": {"zone": "x", "rank": "n2"}, "b": {"zone": "y", "rank": "n10"}, "c": {"zone": "x", "rank": "none"}}
    assert ranked(("a", "b", "c"), priority, metas) == expected


def test_explicit_waves_take_their_podsets_in_their_order() -> None:
    waves = (
        Wave(name="first", select=WaveSelector(groups=("canary",)), require_confirm=True),
        Wave(name="nothing", select=WaveSelector(groups=("svc",)), require_confirm=True),
        Wave(name="one cluster", select=WaveSelector(clusters=(B,), groups=("blue", "green"))),
        Wave(name="rest", require_confirm=True),
    )
    strategy = UpdateStrategy(waves=waves)
    assert shown(strategy) == "first | one cluster, rest"
    found = {each.name: each.members for each in cut(strategy, MEMBERS, {})}
    assert found == {
        "first": ("canary-bj4", "canary-bj5"),
        "one cluster": ("blue-bj5", "green-bj5"),
        "rest": ("blue-bj4", "green-bj4"),
    }
    assert gated(strategy, cut(strategy, MEMBERS, {})) == cut(strategy, MEMBERS, {})


@pytest.mark.parametrize(
    ("selector", "fits"),
    [
        (WaveSelector(), True),
        (WaveSelector(clusters=(A,)), True),
        (WaveSelector(clusters=(B,)), False),
        (WaveSelector(pod_sets=("canary-bj4",), groups=("canary",)), True),
        (WaveSelector(pod_sets=("canary-bj4",), groups=("blue",)), False),
        (WaveSelector(units=("unit-bj4",)), True),
        (WaveSelector(units=("unit-bj5",)), False),
        (WaveSelector(labels=LabelSelector(match_labels={"sym-group": "canary"})), True),
        (WaveSelector(labels=LabelSelector(match_labels={"sym-group": "blue"})), False),
    ],
)
def test_selection_asks_for_all_that_is_given(selector: WaveSelector, fits: bool) -> None:
    assert selects(selector, MEMBERS[0]) is fits


@pytest.mark.parametrize(
    ("operator", "values", "fits"),
    [
        ("In", ("canary", "x"), True),
        ("In", ("x",), False),
        ("NotIn", ("x",), True),
        ("NotIn", ("canary",), False),
        ("Exists", (), True),
        ("DoesNotExist", (), False),
        ("Roughly", (), False),
    ],
)
def test_conditions_on_labels(operator: str, values: tuple[str, ...], fits: bool) -> None:
    one = SelectorRequirement(key="sym-group", operator=operator, values=values)
    selector = WaveSelector(labels=LabelSelector(match_expressions=(one,)))
    assert selects(selector, MEMBERS[0]) is fits


def test_a_wave_of_what_was_gone_past() -> None:
    assert skipped(B, MEMBERS[3:4]) == Planned(name="skipped@bj5", group="skipped", members=("canary-bj5",))


def test_a_waves_own_analysis_takes_the_place_of_the_strategys() -> None:
    outer, inner = (Analysis(name="outer"),), (Analysis(name="inner"),)
    strategy = UpdateStrategy(analysis=outer, waves=(Wave(name="a", analysis=inner, bake_seconds=3), Wave(name="b")))
    assert options_of(strategy, "a") == strategy.waves[0]
    assert options_of(strategy, "b").analysis == outer
    assert options_of(UpdateStrategy(analysis=outer), "blue@bj4") == Wave(analysis=outer)
