"""Objects for tests, as people would write them."""

from sym.model.codec import JSON, JSONMap, as_map

BJ4, BJ5 = "tcc-bj4", "tcc-bj5"


def pod_set(name: str, replicas: int | str | None = 2, version: str = "v1", **fields: JSON) -> JSONMap:
    """A podSet of an AppSet."""
    count: JSONMap = {} if replicas is None else {"replicas": replicas}
    return {"name": name, "version": version, **count, **fields}


def appset(
    clusters: dict[str, list[JSONMap]], *, name: str = "bbcc", strategy: JSONMap | None = None, **spec: JSON
) -> JSONMap:
    """An AppSet over `clusters`: podSets by cluster."""
    template: JSONMap = {"spec": {"containers": [{"name": name, "image": f"dmall/{name}"}]}}
    places: list[JSON] = [{"name": cluster, "podSets": list(pod_sets)} for cluster, pod_sets in clusters.items()]
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "podSpec": {"deployType": "deployment", "template": template},
            "updateStrategy": strategy or {},
            "clusterTopology": {"clusters": places},
            **spec,
        },
    }


def two_clusters(version: str = "v1", replicas: int = 2, *, strategy: JSONMap | None = None) -> JSONMap:
    """The AppSet bbcc: a blue podSet in each of two clusters."""
    clusters = {
        BJ4: [pod_set("bbcc-gz01b-blue", replicas, version)],
        BJ5: [pod_set("bbcc-gz01a-blue", replicas, version)],
    }
    return appset(clusters, strategy=strategy)


def stateful(version: str = "v1", replicas: int = 3, *, partition: int = 0, **pod_spec: JSON) -> JSONMap:
    """The AppSet bbcc of a StatefulSet in each of two clusters, with a port and a domain."""
    clusters = {
        BJ4: [pod_set("bbcc-gz01b-blue", replicas, version)],
        BJ5: [pod_set("bbcc-gz01a-blue", replicas, version)],
    }
    app = appset(
        clusters, strategy={"statefulSetStrategy": {"partition": partition}}, serviceName="inner.bbcc.dmall.com"
    )
    ports: list[JSON] = [{"name": "http", "containerPort": 8080}]
    template: JSONMap = {"spec": {"containers": [{"name": "bbcc", "image": "dmall/bbcc", "ports": ports}]}}
    spec: JSONMap = {"deployType": "StatefulSet", "template": template, **pod_spec}
    return {**app, "spec": {**as_map(app["spec"]), "podSpec": spec}}
