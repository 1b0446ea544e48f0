"""Edits of the spec: what the patch holds, what stays, and what is refused."""

import pytest

from sym.cli.rollout_change import No, carried, merge_patch
from sym.cli.rollout_edits import RESTARTED, paused, restarted
from sym.model.codec import JSON, JSONMap, dig_map
from tests.cli.rollouts import NOW, canary, merged, read


@pytest.mark.parametrize(("pause", "said"), [(True, "paused"), (False, "goes on")])
def test_pause_and_resume_touch_one_field(pause: bool, said: str) -> None:
    app = canary(strategy={"paused": not pause, "upgradeType": "blue"})
    change = paused(read(app), pause=pause)
    assert change.said == said
    assert change.patch == {
        "metadata": {"name": "bbcc", "namespace": "default", "uid": "u-1", "resourceVersion": "7"},
        "spec": {"updateStrategy": {"paused": pause}},
    }
    assert paused(read(canary(strategy={"paused": pause})), pause=pause).patch is None


def test_a_restart_is_an_annotation_of_the_template() -> None:
    change = restarted(read(canary()), NOW)
    annotations: JSONMap = {RESTARTED: "2026-11-27T12:00:00Z"}
    template: JSONMap = {"metadata": {"annotations": annotations}}
    assert dig_map(change.patch, "spec") == {"podSpec": {"template": template}}


def test_a_chart_cannot_be_restarted_so() -> None:
    with pytest.raises(No, match=r"deployType is helm.* change a value that the chart puts into its pods"):
        restarted(read({**canary(), "spec": {"podSpec": {"deployType": "helm"}}}), NOW)


@pytest.mark.parametrize(
    ("before", "after", "patch"),
    [
        ({"a": 1, "b": {"c": 2, "d": 3}}, {"a": 1, "b": {"c": 2, "d": 4}}, {"b": {"d": 4}}),
        ({"a": 1}, {}, {"a": None}),
        ({}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": [1, 2]}, {"a": [2]}, {"a": [2]}),
        ({"a": 1}, {"a": True}, {"a": True}),
        ({"a": {"b": 1}}, {"a": {"b": 1}}, {}),
    ],
)
def test_merge_patches(before: JSONMap, after: JSONMap, patch: JSONMap) -> None:
    assert merge_patch(before, after) == patch
    assert merged(before, patch) == after


@pytest.mark.parametrize(
    ("live", "before", "after", "whole"),
    [
        ({"a": 1, "new": 2}, {"a": 1}, {"a": 3}, {"a": 3, "new": 2}),
        ({"a": 1, "new": 2}, {"a": 1}, {}, {"new": 2}),
        ({"default": 0}, {}, {}, {"default": 0}),
        ({"default": 0}, {}, {"default": 5}, {"default": 5}),
        (
            {"l": [{"name": "x", "new": 1, "v": 1}, {"name": "y"}]},
            {"l": [{"name": "x", "v": 1}, {"name": "y"}]},
            {"l": [{"name": "z"}, {"name": "x", "v": 2}]},
            {"l": [{"name": "z"}, {"name": "x", "new": 1, "v": 2}]},
        ),
        ({"l": [1, 2]}, {"l": [1, 2]}, {"l": [3]}, {"l": [3]}),
        ({"l": [{"name": "x"}, {"name": "x"}]}, {"l": []}, {"l": [{"name": "x"}]}, {"l": [{"name": "x"}]}),
    ],
)
def test_a_difference_is_carried_over(live: JSON, before: JSON, after: JSON, whole: JSON) -> None:
    assert carried(live, before, after) == whole
