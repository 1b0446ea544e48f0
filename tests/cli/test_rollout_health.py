"""Whether a rollout is over, and well: one word for every state."""

import pytest

from sym.cli.rollout_health import Standing, stand
from sym.model.codec import JSON, JSONMap, dig_map
from tests.cli.rollouts import canary, completed, condition, read, waiting, with_status


def meta(app: JSONMap, **fields: JSON) -> JSONMap:
    """Other metadata."""
    return {**app, "metadata": {**dig_map(app, "metadata"), **fields}}


def strategy(app: JSONMap, **fields: JSON) -> JSONMap:
    """Another update strategy."""
    return {**app, "spec": {**dig_map(app, "spec"), "updateStrategy": {**fields}}}


STALLED: list[JSON] = [condition("Stalled", "True", "InvalidSpec", "no replicas")]
UNREADY: list[JSON] = [condition("Ready", "False", "Updating", "3 of 6 pods are available")]


@pytest.mark.parametrize(
    ("app", "standing"),
    [
        (completed(), Standing(word="Running", ended=True, well=True)),
        (
            meta(completed(), deletionTimestamp="2026-11-27T11:00:00Z"),
            Standing(word="Deleting", message="it is being deleted", ended=True),
        ),
        (
            meta(completed(), generation=3),
            Standing(word="Progressing", message="the controller has not taken up generation 3 yet"),
        ),
        (
            with_status(waiting(), conditions=STALLED),
            Standing(word="Stalled", message="InvalidSpec: no replicas", ended=True),
        ),
        (
            with_status(waiting(phase="Failed", message="no progress"), conditions=STALLED),
            Standing(word="Failed", message="no progress", ended=True),
        ),
        (strategy(completed(), paused=True), Standing(word="Paused")),
        (waiting(phase="Blocked", message="x is away"), Standing(word="Blocked", message="x is away")),
        (waiting(phase="ANewOne", message="?"), Standing(word="ANewOne", message="?")),
        (
            with_status(canary(), observedGeneration=2, aggrStatus={"status": "Installing"}, conditions=UNREADY),
            Standing(word="Installing", message="3 of 6 pods are available"),
        ),
        (
            with_status(completed(), aggrStatus={"status": "Degraded"}, conditions=UNREADY),
            Standing(word="Degraded", message="3 of 6 pods are available", ended=True),
        ),
        (
            with_status(waiting(), aggrStatus={"status": "Degraded"}, conditions=UNREADY),
            Standing(word="Waiting", message="waits for a person at gate canary@tcc-bj4"),
        ),
        (with_status(canary(), observedGeneration=2), Standing(word="Pending")),
    ],
)
def test_standings(app: JSONMap, standing: Standing) -> None:
    assert stand(read(app).app) == standing
