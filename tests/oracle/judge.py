"""What must be true of a fleet, judged from what its API servers say.

`complaints` lists every break of a rule that holds at any moment of rest; `shape` is what is left of a fleet when all
that may differ between two honest runs (uids, times, versions, generated names) is taken away: two runs that end alike
have equal shapes.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from sym.model.codec import JSON, JSONMap, dig, dig_list, dig_map, dig_str
from tests.oracle.fleet import Cluster, Fleet

APP_ID = "sym.dmall.com/app-id"
FLEET_ID = "sym.dmall.com/fleet-id"
CLUSTERS = "sym.dmall.com/clusters"
TOMBSTONE = "sym.dmall.com/tombstone"
FINALIZER = "sym.dmall.com/cleanup"
PODSET = "sym.dmall.com/podset"
CALM = {"Ready": "True", "Reconciling": "False", "Stalled": "False", "Paused": "False"}
"""The conditions of an AppSet that runs."""


def complaints(fleet: Fleet) -> list[str]:
    """Every rule of rest that the fleet breaks, one sentence each; an empty list is a fleet in order."""
    found: list[str] = []
    for app in fleet.meta.appsets:
        found += _of_app(app, fleet)
        found += _of_records(app, fleet)
    for cluster in fleet.members.values():
        found += _orphans(cluster, fleet)
    return found


def shape(fleet: Fleet) -> dict[str, list[str]]:
    """The fleet without everything that may differ between two honest runs: a sorted list of lines for each cluster."""
    lines: dict[str, list[str]] = {"meta": sorted(_app_line(app) for app in fleet.meta.appsets)}
    for name, cluster in fleet.members.items():
        lines[name] = sorted(_cluster_lines(cluster))
    return lines


def pod_uids(fleet: Fleet) -> dict[str, frozenset[str]]:
    """The uids of all pods by cluster: unchanged uids mean that nothing was restarted."""
    return {name: frozenset(_uid(pod) for pod in cluster.pods) for name, cluster in fleet.members.items()}


def expected_replicas(spec: Mapping[str, JSON]) -> dict[tuple[str, str], int]:
    """(cluster, podSet) -> replicas, by semantics.md section 3, computed anew here."""
    entries = [
        (dig_str(cluster, "name"), dig_str(pod_set, "name"), dig(pod_set, "replicas"))
        for cluster in dig_list(spec, "clusterTopology", "clusters")
        for pod_set in sorted(dig_list(cluster, "podSets"), key=lambda item: dig_str(item, "name"))
    ]
    total = dig(spec, "replicas")
    result = {(c, p): count for c, p, count in entries if isinstance(count, int)}
    percents = [(c, p, int(count[:-1])) for c, p, count in entries if isinstance(count, str)]
    empty = [(c, p) for c, p, count in entries if count is None]
    if isinstance(total, int):
        pool = total * sum(percent for _, _, percent in percents) // 100
        result |= _largest_remainder(percents, total, pool)
        left = max(0, total - sum(result.values()))
        result |= {key: left // len(empty) + (1 if at < left % len(empty) else 0) for at, key in enumerate(empty)}
    return result


def _largest_remainder(percents: list[tuple[str, str, int]], total: int, pool: int) -> dict[tuple[str, str], int]:
    floors = {(c, p): total * percent // 100 for c, p, percent in percents}
    rests = sorted(range(len(percents)), key=lambda at: (-(total * percents[at][2] % 100), at))
    for at in rests[: pool - sum(floors.values())]:
        floors[percents[at][:2]] += 1
    return floors


def _of_app(app: JSONMap, fleet: Fleet) -> Iterator[str]:
    where = f"AppSet {_key(app)}"
    for (cluster_name, pod_set), count in expected_replicas(dig_map(app, "spec")).items():
        cluster = fleet.members.get(cluster_name)
        if cluster is None:
            continue
        kind, workloads = _workloads(app, cluster)
        found = [item for item in workloads if _key(item) == f"{_namespace(app)}/{pod_set}"]
        if len(found) != 1:
            yield f"{where}: {len(found)} {kind}s {pod_set} in {cluster_name}, expected one"
            continue
        yield from _of_workload(found[0], count, f"{where}: {kind} {pod_set} in {cluster_name}")
        pods = [pod for pod in cluster.pods if _belongs(pod, app, pod_set)]
        ready = sum(map(_is_ready, pods))
        if (ready, len(pods)) != (count, count):
            yield f"{where}: {ready} of {len(pods)} pods of {pod_set} in {cluster_name} are ready, expected {count}"
    for name, cluster in fleet.members.items():
        if name in {name for name, _ in expected_replicas(dig_map(app, "spec"))}:
            yield from _of_service(app, cluster)
    yield from _of_status(app, fleet)


def _of_workload(item: JSONMap, count: int, where: str) -> Iterator[str]:
    if dig(item, "spec", "replicas") != count:
        yield f"{where} wants {dig(item, 'spec', 'replicas')} replicas, expected {count}"


def _workloads(app: JSONMap, cluster: Cluster) -> tuple[str, tuple[JSONMap, ...]]:
    """What makes the AppSet's pods: the kind, and all of that kind in the cluster."""
    stateful = dig_str(app, "spec", "podSpec", "deployType") == "StatefulSet"
    return ("StatefulSet", cluster.statefulsets) if stateful else ("Deployment", cluster.deployments)


def _served(app: JSONMap) -> bool:
    """Whether the AppSet has a Service in each of its clusters."""
    kind = dig_str(app, "spec", "podSpec", "deployType")
    return kind == "StatefulSet" or (kind == "deployment" and bool(dig_str(app, "spec", "serviceName")))


def _of_service(app: JSONMap, cluster: Cluster) -> Iterator[str]:
    """One headless Service over all pods, whose endpoints are the ready ones, and a status that says so."""
    name = f"{_name(app)}-svc"
    where = f"AppSet {_key(app)}: Service {name} in {cluster.name}"
    found = [item for item in cluster.services if _key(item) == f"{_namespace(app)}/{name}"]
    if len(found) != _served(app):
        yield f"{where} is there {len(found)} times, expected {int(_served(app))}"
        return
    for service in found:
        spec = dig_map(service, "spec")
        if (spec.get("clusterIP"), spec.get("selector")) != ("None", {"app": _name(app)}):
            yield f"{where} says {spec}"
        if _note(service, APP_ID) != _note(app, APP_ID):
            yield f"{where} bears another owner record"
        behind = _behind(service, cluster)
        ready = {_name(pod) for pod in cluster.pods if _belongs(pod, app) and _is_ready(pod)}
        if behind != ready:
            yield f"{where} leads to {sorted(behind)}, but ready are {sorted(ready)}"
        children = _children(app, cluster)
        told = [dig(child, "status", "aggrStatus", "service", "endpoints") or 0 for child in children]
        if told != [len(behind)]:
            yield f"{where} has {len(behind)} endpoints, but {told} are told"


def _behind(service: JSONMap, cluster: Cluster) -> set[str]:
    """The pods that a Service leads to."""
    return {
        dig_str(endpoint, "targetRef", "name")
        for each in cluster.slices
        if _namespace(each) == _namespace(service) and _label(each, "kubernetes.io/service-name") == _name(service)
        for endpoint in dig_list(each, "endpoints")
        if dig(endpoint, "conditions", "ready") is True
    }


def _of_records(app: JSONMap, fleet: Fleet) -> Iterator[str]:
    """Whose everything is: one id over all that came of the AppSet, one fleet, no tombstone on what lives."""
    where = f"AppSet {_key(app)}"
    wanted = sorted({cluster for cluster, _ in expected_replicas(dig_map(app, "spec"))} & fleet.members.keys())
    if (noted := sorted(filter(None, _note(app, CLUSTERS).split(",")))) != wanted:
        yield f"{where} notes that it was written to {noted}, expected {wanted}"
    holding = {name: _children(app, cluster) for name, cluster in fleet.members.items()}
    if (found := sorted(name for name, children in holding.items() if children)) != wanted:
        yield f"{where} has children in {found}, expected {wanted}"
    if FINALIZER not in dig_list(app, "metadata", "finalizers"):
        yield f"{where} does not hold on to its clusters: no finalizer"
    for name, cluster in fleet.members.items():
        yield from _of_owners(app, cluster, holding[name])


def _of_owners(app: JSONMap, cluster: Cluster, children: list[JSONMap]) -> Iterator[str]:
    workloads = (*cluster.deployments, *cluster.statefulsets)
    same = [item for item in workloads if _namespace(item) == _namespace(app)]
    for item in (*children, *(item for item in same if _label(item, "app") == _name(app))):
        if _note(item, APP_ID) != _note(app, APP_ID) or not _note(item, FLEET_ID):
            yield f"{cluster.name}: {_key(item)} bears another owner record than AppSet {_key(app)}"
    for child in children:
        if _note(child, TOMBSTONE) or FINALIZER not in dig_list(child, "metadata", "finalizers"):
            yield f"{cluster.name}: AdvDeployment {_key(child)} bears a tombstone or no finalizer"


def _children(app: JSONMap, cluster: Cluster) -> list[JSONMap]:
    return [child for child in cluster.children if _key(child) == _key(app)]


def _of_status(app: JSONMap, fleet: Fleet) -> Iterator[str]:
    aggregate = dig_map(app, "status", "aggrStatus")
    if aggregate.get("status") != "Running":
        yield f"AppSet {_key(app)} is {aggregate.get('status')}: {_sentences(app)}"
        return
    ready = sum(
        1 for cluster in fleet.members.values() for pod in cluster.pods if _belongs(pod, app) and _is_ready(pod)
    )
    if aggregate.get("available") != ready:
        yield f"AppSet {_key(app)} says available {aggregate.get('available')}, but {ready} pods are ready"
    if dig(app, "status", "observedGeneration") != dig(app, "metadata", "generation"):
        yield f"AppSet {_key(app)} says Running for another generation"
    told = {dig_str(entry, "type"): dig_str(entry, "status") for entry in dig_list(app, "status", "conditions")}
    if told != CALM:
        yield f"AppSet {_key(app)} is Running, but its conditions say {told}"


def _orphans(cluster: Cluster, fleet: Fleet) -> Iterator[str]:
    wanted = {
        (_namespace(app), pod_set)
        for app in fleet.meta.appsets
        for (name, pod_set) in expected_replicas(dig_map(app, "spec"))
        if name == cluster.name
    }
    apps = {_key(app) for app in fleet.meta.appsets}
    for item in (*cluster.deployments, *cluster.statefulsets):
        if dig_str(item, "metadata", "annotations", APP_ID) and (_namespace(item), _name(item)) not in wanted:
            yield f"{cluster.name}: workload {_key(item)} belongs to no podSet of any AppSet"
    for item in cluster.children:
        if _key(item) not in apps:
            yield f"{cluster.name}: AdvDeployment {_key(item)} belongs to no AppSet"
    yield from _without_owner(cluster)
    served = {f"{_key(app)}-svc" for app in fleet.meta.appsets if _served(app)}
    for item in cluster.services:
        if _note(item, APP_ID) and _key(item) not in served:
            yield f"{cluster.name}: Service {_key(item)} belongs to no AppSet that needs it"


def _without_owner(cluster: Cluster) -> Iterator[str]:
    owners = {_uid(item) for item in (*cluster.deployments, *cluster.statefulsets, *cluster.replicasets)}
    for item in (*cluster.replicasets, *cluster.pods):
        for reference in dig_list(item, "metadata", "ownerReferences"):
            if dig_str(reference, "uid") not in owners:
                yield f"{cluster.name}: {_key(item)} is owned by a {dig_str(reference, 'kind')} that is gone"


def _cluster_lines(cluster: Cluster) -> Iterator[str]:
    for child in cluster.children:
        pod_sets = [
            f"{dig_str(entry, 'name')}={dig(entry, 'replicas')}"
            for entry in dig_list(child, "spec", "topology", "podSets")
        ]
        yield f"AdvDeployment {_key(child)} {','.join(sorted(pod_sets))} {dig_list(child, 'metadata', 'finalizers')}"
    for kind, items in (("Deployment", cluster.deployments), ("StatefulSet", cluster.statefulsets)):
        for item in items:
            yield f"{kind} {_key(item)} {dig(item, 'spec', 'replicas')} {_images(dig_map(item, 'spec', 'template'))}"
    for item in cluster.services:
        if _note(item, APP_ID):
            yield f"Service {_key(item)} {len(_behind(item, cluster))} endpoints"
    pods = Counter(
        f"{_namespace(pod)}/{_label(pod, PODSET)} {_images(pod)} ready={_is_ready(pod)}" for pod in cluster.pods
    )
    for line, count in pods.items():
        yield f"Pods {line} x{count}"


def _app_line(app: JSONMap) -> str:
    aggregate = dig_map(app, "status", "aggrStatus")
    facts = [str(aggregate.get(field)) for field in ("status", "version", "desired", "available", "unAvailable")]
    return f"AppSet {_key(app)} {' '.join(facts)} {dig_list(app, 'metadata', 'finalizers')}"


def _belongs(pod: JSONMap, app: JSONMap, pod_set: str = "") -> bool:
    same = _label(pod, "app") == _name(app) and _namespace(pod) == _namespace(app)
    return same and (not pod_set or _label(pod, PODSET) == pod_set)


def _is_ready(pod: JSONMap) -> bool:
    if dig(pod, "metadata", "deletionTimestamp"):
        return False
    conditions = dig_list(pod, "status", "conditions")
    return any(dig(entry, "type") == "Ready" and dig(entry, "status") == "True" for entry in conditions)


def _images(holder: JSONMap) -> str:
    return ",".join(dig_str(container, "image") for container in dig_list(holder, "spec", "containers"))


def _sentences(app: JSONMap) -> str:
    conditions = dig_list(app, "status", "conditions")
    return "; ".join(f"{dig(entry, 'type')}={dig(entry, 'status')} {dig(entry, 'message')}" for entry in conditions)


def _label(item: JSONMap, key: str) -> str:
    return dig_str(item, "metadata", "labels", key)


def _note(item: JSONMap, key: str) -> str:
    return dig_str(item, "metadata", "annotations", key)


def _namespace(item: JSONMap) -> str:
    return dig_str(item, "metadata", "namespace")


def _name(item: JSONMap) -> str:
    return dig_str(item, "metadata", "name")


def _uid(item: JSONMap) -> str:
    return dig_str(item, "metadata", "uid")


def _key(item: JSONMap) -> str:
    return f"{_namespace(item)}/{_name(item)}"
