"""Edits of an AppSet's spec that people ask for as part of a rollout: pause, resume, restart. Pure.

They are made on the spec as the server gave it, so that what this Sym does not know of it stays.
"""

from datetime import datetime

from sym.cli.rollout_change import Change, No, Seen, edited
from sym.model.appset import DeployType
from sym.model.codec import JSON, JSONMap, dig_map
from sym.model.conditions import whole_second

RESTARTED = "kubectl.kubernetes.io/restartedAt"
"""The annotation by which `kubectl rollout restart` makes new pods of the same content."""


def paused(seen: Seen, *, pause: bool) -> Change:
    """The rollout, and every other change, stops or goes on."""
    if seen.app.spec.update_strategy.paused is pause:
        return Change(said=f"is {'already' if pause else 'not'} paused")
    spec = with_value(dig_map(seen.live, "spec"), pause, "updateStrategy", "paused")
    return edited(seen, spec, "paused" if pause else "goes on")


def restarted(seen: Seen, now: datetime) -> Change:
    """New pods of the same content, in the waves of a rollout. Raises No."""
    if seen.app.spec.pod_spec.deploy_type is DeployType.HELM:
        raise No(
            "deployType is helm, so there is no pod template that Sym could touch: change a value that the chart puts "
            "into its pods, as podAnnotations, in rawValues of spec.clusterTopology.clusters[].podSets[]"
        )
    stamp = whole_second(now).isoformat().replace("+00:00", "Z")
    path = ("podSpec", "template", "metadata", "annotations", RESTARTED)
    return edited(seen, with_value(dig_map(seen.live, "spec"), stamp, *path), "restarts, wave by wave")


def with_value(spec: JSONMap, value: JSON, *path: str) -> JSONMap:
    """`spec` with `value` at `path`; objects on the way that are missing are made."""
    key, *rest = path
    return {**spec, key: with_value(dig_map(spec, key), value, *rest) if rest else value}
