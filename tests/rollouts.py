"""The rollout of semantics.md 6 as people play it: the document's example from one version to the next, its gates
confirmed as they come. What is expected stands here as literals, free of anything that plans."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sym import yaml
from sym.model.codec import JSON, JSONMap, as_map, dig, dig_list, dig_map, dig_str

EXAMPLE = Path(__file__).parents[1] / "examples" / "01-bbcc.yaml"
BJ4, BJ5 = "tcc-bj4-dks-test-01", "tcc-bj5-dks-test-01"
WAVES: Sequence[Sequence[str]] = (
    ("bbcc-gz01b-canary",),
    ("bbcc-gz01a-canary",),
    ("bbcc-gz01b-blue",),
    ("bbcc-gz01a-blue",),
    ("bbcc-gz01b-green",),
    ("bbcc-gz01a-green",),
)
GATES: Mapping[str, int] = {f"canary@{BJ4}": 1, f"canary@{BJ5}": 2, f"blue@{BJ5}": 4}
"""The gates in their order, each with the number of waves in front of it."""


def waves(name: str) -> list[list[str]]:
    """The waves of an AppSet of that name."""
    return [[each.replace("bbcc", name, 1) for each in wave] for wave in WAVES]


def behind(name: str) -> dict[str, list[str]]:
    """By gate, the podSets behind it."""
    return {gate: [each for wave in waves(name)[number:] for each in wave] for gate, number in GATES.items()}


def example(name: str, version: str, **strategy: JSON) -> JSONMap:
    """The document's example under another name, every podSet at `version`, with a strategy that overrides its own."""
    text = EXAMPLE.read_text(encoding="utf-8").replace("name: bbcc", f"name: {name}")
    app = as_map(yaml.load(text.encode()))
    spec = dig_map(app, "spec")
    places: list[JSON] = []
    for place in dig_list(spec, "clusterTopology", "clusters"):
        pod_sets: list[JSON] = [{**as_map(each), "version": version} for each in dig_list(place, "podSets")]
        places.append({**as_map(place), "podSets": pod_sets})
    update: JSONMap = {**dig_map(spec, "updateStrategy"), **strategy}
    topology: JSONMap = {**dig_map(spec, "clusterTopology"), "clusters": places}
    rolled: JSONMap = {**spec, "updateStrategy": update, "clusterTopology": topology}
    return {**app, "spec": rolled}


def consent(app: JSONMap, user: str = "ann") -> JSONMap | None:
    """The patch of `/status` by which a person goes past the gate that is waited at; None at no gate."""
    rollout = dig_map(app, "status", "rollout")
    gate, given = dig_str(rollout, "gate"), dig_list(rollout, "confirmations")
    hash_ = dig_str(rollout, "hash")
    if not gate or any((dig(each, "gate"), dig(each, "hash")) == (gate, hash_) for each in given):
        return None
    metadata = {key: dig(app, "metadata", key) for key in ("uid", "resourceVersion")}
    entry: JSONMap = {"gate": gate, "hash": hash_, "user": user}
    return {"metadata": metadata, "status": {"rollout": {"confirmations": [*given, entry]}}}


@dataclass
class Confirmer:
    """Somebody who looks at an AppSet and confirms whatever it waits at. `patch` sends a patch of its `/status`, and
    says whether that was taken."""

    read: Callable[[], JSONMap]
    patch: Callable[[JSONMap], bool]
    confirmed: dict[str, float] = field(default_factory=dict[str, float])
    """When each gate was confirmed: before the request was sent."""

    def look(self) -> JSONMap:
        """Confirm if there is something to confirm. Returns the AppSet as it was."""
        app = self.read()
        if (body := consent(app)) is not None:
            gate, at = dig_str(app, "status", "rollout", "gate"), time.monotonic()
            if self.patch(body):
                self.confirmed.setdefault(gate, at)
        return app


def runs(app: JSONMap, version: str) -> bool:
    """Whether the AppSet says, of its present generation, that it runs one version everywhere."""
    counts = dig_map(app, "status", "aggrStatus")
    current = dig(app, "status", "observedGeneration") == dig(app, "metadata", "generation")
    return current and (counts.get("status"), counts.get("version")) == ("Running", version)


def told(app: JSONMap) -> str:
    """The rollout, for a failed test's story."""
    return json.dumps(dig_map(app, "status", "rollout"), indent=1)
