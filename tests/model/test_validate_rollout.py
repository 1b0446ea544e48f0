"""What a rollout's settings may not be, each with its place and what to do."""

import pytest

from sym.model.appset import AppSet
from sym.model.codec import JSON, JSONMap, convert
from sym.model.validate import validate_appset
from sym.model.validate_rollout import rollout_problems
from tests.make import BJ4, BJ5, appset, pod_set

REST: JSONMap = {"name": "rest"}
EXISTS: JSONMap = {"key": "a", "operator": "Exists"}


def told(strategy: JSONMap, **blue: JSON) -> list[str]:
    """The problems of an AppSet with a canary and a blue podSet in each of two clusters."""
    clusters = {
        BJ4: [pod_set("a-u1-canary"), {**pod_set("a-u1-blue", meta={"sym-ldc": "u1", "tier": "gold"}), **blue}],
        BJ5: [pod_set("a-u2-canary"), pod_set("a-u2-blue", meta={"sym-ldc": "u2"})],
    }
    app = convert(appset(clusters, name="a", strategy=strategy), AppSet)
    assert set(rollout_problems(app.spec)) <= set(validate_appset(app))
    return [str(each) for each in rollout_problems(app.spec)]


@pytest.mark.parametrize(
    "strategy",
    [
        {},
        {"upgradeType": "canary", "canaryClusters": [BJ4], "needWaitingForConfirm": True, "unitByUnit": True},
        {"waves": [{"name": "all"}]},
        {"waves": [{"name": "first", "select": {"clusters": [BJ4]}}, REST]},
        {"waves": [{"name": "one", "select": {"groups": ["canary"]}}, {"name": "two", "select": {"groups": ["blue"]}}]},
        {
            "waves": [
                {"name": "gold", "select": {"labels": {"matchLabels": {"tier": "gold"}}}},
                {
                    "name": "rest",
                    "select": {"labels": {"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}},
                },
            ]
        },
        {"maxSurge": 0, "maxUnavailable": 1},
        {"autoRollback": "all", "progressDeadlineSeconds": 60},
    ],
)
def test_what_is_good_is_no_problem(strategy: JSONMap) -> None:
    assert told(strategy) == []


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ({"autoRollback": "some"}, "spec.updateStrategy.autoRollback: some is none of wave, all"),
        (
            {"priorityStrategy": {"orderPriority": [{"orderedKey": ""}]}},
            "spec.updateStrategy.priorityStrategy.orderPriority[0].orderedKey: it is empty",
        ),
        (
            {"priorityStrategy": {"weightPriority": [{"weight": 101}]}},
            "spec.updateStrategy.priorityStrategy.weightPriority[0].weight: 101 is no weight",
        ),
        (
            {
                "priorityStrategy": {
                    "weightPriority": [
                        {"weight": 1, "matchSelector": {"matchExpressions": [{"key": "a", "operator": "Like"}]}}
                    ]
                }
            },
            "spec.updateStrategy.priorityStrategy.weightPriority[0].matchSelector.matchExpressions[0].operator: 'Like'",
        ),
        ({"waves": [REST, REST]}, "spec.updateStrategy.waves[1].name: rest is there already"),
        (
            {"waves": [{"name": "blue", "select": {"groups": ["blue"]}}]},
            "spec.updateStrategy.waves: podSet a-u1-canary is in no wave",
        ),
        (
            {
                "waves": [
                    {"name": "first", "select": {"clusters": [BJ4]}},
                    {"name": "second", "select": {"groups": ["canary"]}},
                    REST,
                ]
            },
            "spec.updateStrategy.waves[1].select: podSet a-u1-canary is in the waves first and second",
        ),
        (
            {"waves": [{"name": "none", "select": {"podSets": ["b"]}}, REST]},
            "spec.updateStrategy.waves[0].select: wave none holds no podSet",
        ),
        (
            {
                "waves": [
                    {"name": "x", "select": {"labels": {"matchExpressions": [{"key": "a", "operator": "In"}]}}},
                    REST,
                ]
            },
            "spec.updateStrategy.waves[0].select.labels.matchExpressions[0].values: In needs values",
        ),
        (
            {
                "waves": [
                    {
                        "name": "x",
                        "select": {
                            "labels": {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}
                        },
                    },
                    REST,
                ]
            },
            "spec.updateStrategy.waves[0].select.labels.matchExpressions[0].values: Exists compares with no values",
        ),
        (
            {"maxSurge": 0, "maxUnavailable": "0%"},
            "spec.updateStrategy.maxUnavailable: maxUnavailable and maxSurge are both 0",
        ),
        (
            {"maxSurge": 0, "waves": [{"name": "all", "maxUnavailable": 0}]},
            "spec.updateStrategy.waves[0].maxUnavailable: maxUnavailable and maxSurge are both 0",
        ),
    ],
)
def test_what_is_bad_is_told_with_its_place(strategy: JSONMap, expected: str) -> None:
    assert [each for each in told(strategy) if each.startswith(expected)], told(strategy)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("upgradeType", "blue"),
        ("canaryClusters", [BJ4]),
        ("unitByUnit", True),
        ("priorityStrategy", {"orderPriority": [{"orderedKey": "rank"}]}),
        ("needWaitingForConfirm", True),
    ],
)
def test_what_waves_take_the_place_of_cannot_be_given_beside_them(field: str, value: JSON) -> None:
    (problem,) = told({"waves": [{"name": "all"}], field: value})
    assert problem.startswith(f"spec.updateStrategy.{field}: it cannot be given beside waves")


def test_bounds_of_a_podset_that_leave_no_room() -> None:
    (problem,) = told({"maxSurge": 0}, maxUnavailable=0)
    assert problem.startswith("spec.clusterTopology.clusters[0].podSets[1].maxUnavailable: ")
    assert told({"maxSurge": 0}, maxUnavailable=1) == []
