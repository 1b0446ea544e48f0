"""StatefulSets and Services under Kubernetes' own controllers: what runs, what rests, what never changes."""

from sym.cli.demo_install import example
from sym.model.codec import JSON, JSONMap, as_map, dig, dig_list, dig_map, dig_str
from tests.e2e.ground import Ground, condition

STATEFULSETS = "/apis/apps/v1/namespaces/default/statefulsets"


def store(name: str, version: str, replicas: int, *, partition: int = 0, claims: str = "") -> JSONMap:
    """The example under another name; with `claims`, volumes of that size, which nobody here can give."""
    app = as_map(example("04-statefulset.yaml"))
    spec = as_map(app["spec"])
    pod_spec = as_map(spec["podSpec"])
    (container,) = map(as_map, dig_list(pod_spec, "template", "spec", "containers"))
    if claims:
        as_map(dig_map(as_map(dig_list(pod_spec, "volumeClaimTemplates")[0]), "spec", "resources")["requests"])[
            "storage"
        ] = claims
    else:
        del pod_spec["volumeClaimTemplates"], container["volumeMounts"]
    strategy: JSONMap = {"statefulSetStrategy": {"partition": partition}}
    places: list[JSON] = [
        {
            "name": dig_str(place, "name"),
            "podSets": [{"name": f"{name}-gz01{unit}-blue", "replicas": replicas, "version": version}],
        }
        for place, unit in zip(dig_list(spec, "clusterTopology", "clusters"), "ba", strict=True)
    ]
    spec |= {"updateStrategy": strategy, "clusterTopology": {"clusters": places}}
    return {**app, "metadata": {"name": name, "namespace": "default"}}


def test_a_statefulset_runs_changes_from_its_partition_on_and_rests(ground: Ground) -> None:
    """The judge compares the endpoints that are told with what the EndpointSlices say."""
    ground.apply_app(store("store", "v1", 3))
    ground.until(lambda: ground.runs("store", "v1"), "store runs")
    ground.rests()
    ground.until(lambda: endpoints(ground, "store") == 6, "all pods are endpoints")
    ground.apply_app(store("store", "v2", 3, partition=2))
    ground.until(lambda: ground.runs("store", "v1/v2"), "the last pods change")
    seen = ground.rests()
    for member in seen.members.values():
        pods = [pod for pod in member.pods if dig_str(pod, "metadata", "labels", "app") == "store"]
        images = {dig_str(pod, "metadata", "name")[-1]: dig_str(pod, "spec", "containers", 0, "image") for pod in pods}
        assert images == {"0": "dmall/store:v1", "1": "dmall/store:v1", "2": "dmall/store:v2"}
        assert dig_list(pods[0], "spec", "topologySpreadConstraints")
    ground.until(lambda: endpoints(ground, "store") == 6, "all pods are endpoints")
    before = ground.writes()
    ground.idle()
    assert ground.writes() == before
    ground.apply_app(store("store", "v2", 1))
    ground.until(lambda: ground.runs("store", "v2"), "the rest changes, and goes")
    ground.rests()
    ground.delete_app("store")
    left = ground.rests()
    assert not [
        one for member in left.members.values() for one in member.statefulsets if name_of(one).startswith("store")
    ]
    assert not [thing for member in left.members.values() for thing in member.services if name_of(thing) == "store-svc"]


def test_a_claim_never_changes(ground: Ground) -> None:
    """Without pods, since nobody provides volumes here. What the server writes into a claim's template is no
    difference."""
    ground.apply_app(store("vault", "v1", 0, claims="1Gi"))
    ground.until(lambda: state(ground, "vault") == "Running", "vault stands")
    ground.rests()
    before = ground.writes()
    ground.idle()
    assert ground.writes() == before
    ground.apply_app(store("vault", "v2", 0, claims="1024Mi"))
    ground.until(lambda: state(ground, "vault") == "Running", "the same size in other words is no change")
    ground.apply_app(store("vault", "v2", 0, claims="2Gi"))
    ground.until(lambda: reason(ground, "vault") == "ImmutableField", "it is refused")
    message = dig_str(condition(ground.app("vault"), "Stalled"), "message")
    assert "spec.volumeClaimTemplates of a StatefulSet never changes" in message
    for member in ground.seen().members.values():
        (found,) = [one for one in member.statefulsets if name_of(one).startswith("vault")]
        claim = as_map(dig_list(found, "spec", "volumeClaimTemplates")[0])
        assert dig(claim, "spec", "resources", "requests", "storage") != "2Gi"
    ground.apply_app(store("vault", "v2", 0, claims="1Gi"))
    ground.until(lambda: state(ground, "vault") == "Running", "it is as it was")
    ground.delete_app("vault")


def endpoints(ground: Ground, name: str) -> JSON:
    """The endpoints that the AppSet tells of."""
    return dig(ground.app(name), "status", "aggrStatus", "service", "endpoints")


def state(ground: Ground, name: str) -> str:
    """The AppSet's state in one word, of its present generation."""
    app = ground.app(name)
    current = dig(app, "status", "observedGeneration") == dig(app, "metadata", "generation")
    return dig_str(app, "status", "aggrStatus", "status") if current else ""


def reason(ground: Ground, name: str) -> str:
    """Why the AppSet is stalled."""
    return dig_str(condition(ground.app(name), "Stalled"), "reason")


def name_of(item: JSONMap) -> str:
    """The object's name."""
    return dig_str(item, "metadata", "name")
