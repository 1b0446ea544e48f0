"""AppSets in the middle of a rollout, as the controller would tell of them: literals for the tests of `sym rollout`."""

from datetime import UTC, datetime

from sym.cli.rollout_asks import Person
from sym.cli.rollout_change import Seen
from sym.model.appset import AppSet
from sym.model.codec import JSON, JSONMap, as_map, convert, dig_list, dig_map, dig_str
from sym.plan.content import content_hash, revision
from tests.make import BJ4, BJ5, appset, pod_set

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
JANE = Person(user="jane", time=NOW, reason="looks good")
GATE = f"canary@{BJ4}"


def canary(version: str = "v4", *, strategy: JSONMap | None = None) -> JSONMap:
    """The AppSet bbcc with a canary and a blue podSet in two clusters, which goes to `version`; no status yet."""
    clusters = {
        BJ4: [pod_set("bbcc-gz01b-canary", 1, version), pod_set("bbcc-gz01b-blue", 2, version)],
        BJ5: [pod_set("bbcc-gz01a-canary", 1, version), pod_set("bbcc-gz01a-blue", 2, version)],
    }
    chosen: JSONMap = {"upgradeType": "canary", "canaryClusters": [BJ4], "needWaitingForConfirm": True}
    app = appset(clusters, strategy=strategy or chosen)
    meta: JSONMap = {"uid": "u-1", "resourceVersion": "7", "generation": 2}
    return {**app, "metadata": {**as_map(app["metadata"]), **meta}}


def waiting(**rollout: JSON) -> JSONMap:
    """The same at its first gate: the canary of the first cluster runs v4, all else v3. `rollout`: fields of
    status.rollout that are otherwise."""
    app, names = canary(), _names(canary())
    first = ["bbcc-gz01b-canary"]
    waves: list[JSON] = [
        {"name": GATE, "phase": "Waiting", "group": "canary", "podSets": [*first], "gate": True},
        {
            "name": f"canary@{BJ5}",
            "phase": "Pending",
            "group": "canary",
            "podSets": ["bbcc-gz01a-canary"],
            "gate": True,
        },
        {"name": f"blue@{BJ4}", "phase": "Pending", "group": "blue", "podSets": ["bbcc-gz01b-blue"]},
        {"name": f"blue@{BJ5}", "phase": "Pending", "group": "blue", "podSets": ["bbcc-gz01a-blue"]},
    ]
    status: JSONMap = {
        "phase": "Waiting",
        "hash": hash_of(app),
        "revision": 7,
        "finished": "f" * 16,
        "gate": GATE,
        "message": f"waits for a person at gate {GATE}",
        "started": "2026-11-27T11:48:00Z",
        "waves": waves,
        **rollout,
    }
    return told(app, {name: "v4" if name in first else "v3" for name in names}, rollout=status)


def told(app: JSONMap, versions: dict[str, str], *, rollout: JSONMap, state: str = "Updating") -> JSONMap:
    """The AppSet with a status: which podSet runs which version, all its pods available."""
    spec, name = convert(app, AppSet).spec, dig_str(app, "metadata", "name")
    rows: list[JSON] = []
    pods = 0
    for place in spec.cluster_topology.clusters:
        seen: list[JSON] = []
        for each in place.pod_sets:
            count = each.replicas if isinstance(each.replicas, int) else 0
            pods += count
            wanted = revision(spec, name, place, each)
            seen.append(
                {
                    "name": each.name,
                    "desired": count,
                    "available": count,
                    "unAvailable": 0,
                    "update": count,
                    "current": count,
                    "version": versions[each.name],
                    "revision": wanted if versions[each.name] == each.version else "former",
                    "haveDeploy": True,
                }
            )
        row: JSONMap = {"name": place.name, "status": "Running", "podSets": seen}
        rows.append(row)
    counts: JSONMap = {
        "status": state,
        "version": "/".join(sorted({*versions.values()})),
        "desired": pods,
        "available": pods,
        "unAvailable": 0,
        "clusters": rows,
    }
    generation = dig_map(app, "metadata").get("generation", 1)
    return {**app, "status": {"observedGeneration": generation, "aggrStatus": counts, "rollout": rollout}}


def completed(app: JSONMap | None = None) -> JSONMap:
    """It runs v4 everywhere."""
    app = app or canary()
    done: JSONMap = {"phase": "Completed", "hash": hash_of(app), "finished": hash_of(app), "revision": 8}
    made = told(app, dict.fromkeys(_names(app), "v4"), rollout=done, state="Running")
    return with_status(made, conditions=[condition("Ready", "True", "Running", "all runs")])


def with_row(app: JSONMap, cluster: str, **fields: JSON) -> JSONMap:
    """What is told of a cluster is otherwise."""
    rows: list[JSON] = [
        {**as_map(each), **fields} if dig_str(each, "name") == cluster else each
        for each in dig_list(app, "status", "aggrStatus", "clusters")
    ]
    return with_status(app, aggrStatus={**dig_map(app, "status", "aggrStatus"), "clusters": rows})


def with_status(app: JSONMap, **fields: JSON) -> JSONMap:
    """Other fields in the status."""
    return {**app, "status": {**dig_map(app, "status"), **fields}}


def with_rollout(app: JSONMap, **fields: JSON) -> JSONMap:
    """Other fields in status.rollout."""
    return with_status(app, rollout={**dig_map(app, "status", "rollout"), **fields})


def condition(type_: str, status: str, reason: str, message: str) -> JSONMap:
    """A condition of generation 2."""
    at = "2026-11-27T11:00:00Z"
    return {"type": type_, "status": status, "reason": reason, "message": message, "lastTransitionTime": at}


def hash_of(app: JSONMap) -> str:
    """The content hash of an AppSet."""
    return content_hash(convert(app, AppSet).spec, dig_str(app, "metadata", "name"))


def read(app: JSONMap) -> Seen:
    """The AppSet as a command reads it."""
    return Seen(app, convert(app, AppSet))


def merged(before: JSONMap, patch: JSONMap) -> JSONMap:
    """`before` after a merge patch, by RFC 7386."""
    whole = {key: value for key, value in before.items() if key not in patch}
    for key, value in patch.items():
        if isinstance(value, dict):
            whole[key] = merged(dig_map(before, key), value)
        elif value is not None:
            whole[key] = value
    return whole


def _names(app: JSONMap) -> list[str]:
    return [each.name for place in convert(app, AppSet).spec.cluster_topology.clusters for each in place.pod_sets]
