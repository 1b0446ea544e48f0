"""Requests and objects of the stories, as people would write them."""

from sym.model.codec import JSON, JSONMap
from tests.contract.steps import JSON_MEDIA, MERGE, Step

CM = "/api/v1/namespaces/{ns}/configmaps"
DEPLOY = "/apis/apps/v1/namespaces/{ns}/deployments"
ESTABLISHED = '"type":"Established","status":"True"'
"""What a CRD says of itself once its kind is served."""
MISSING_UID = "11111111-2222-3333-4444-555555555555"


def cm(name: str, data: JSONMap | None = None, **meta: JSON) -> JSONMap:
    """A ConfigMap."""
    found: JSONMap = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **meta}}
    return found if data is None else {**found, "data": data}


def deployment(name: str = "web", replicas: int = 1, image: str = "nginx:1") -> JSONMap:
    """A Deployment."""
    container: JSONMap = {"name": "web", "image": image, "ports": [{"containerPort": 80}]}
    template: JSONMap = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    spec: JSONMap = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": name}},
        "template": template,
        "paused": True,
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def get(
    path: str, *, accept: str = JSON_MEDIA, save: str = "", only: tuple[str, ...] = (), loose: bool = False
) -> Step:
    """A GET."""
    return Step(method="GET", path=path, accept=accept, save=save, only=only, loose=loose)


def post(path: str, body: JSON, save: str = "", only: tuple[str, ...] = ()) -> Step:
    """A POST of JSON."""
    return Step(method="POST", path=path, body=body, save=save, only=only)


def put(path: str, body: JSON, save: str = "", only: tuple[str, ...] = ()) -> Step:
    """A PUT of JSON."""
    return Step(method="PUT", path=path, body=body, save=save, only=only)


def patch(path: str, body: JSON, media: str = MERGE, save: str = "", only: tuple[str, ...] = ()) -> Step:
    """A PATCH."""
    return Step(method="PATCH", path=path, body=body, media=media, save=save, only=only)


def delete(path: str, body: JSON = None) -> Step:
    """A DELETE."""
    return Step(method="DELETE", path=path, body=body)


ACCOUNT = post(
    "/api/v1/namespaces/{ns}/serviceaccounts",
    {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}},
    only=("kind",),
)
"""Without it a real server takes no pod, and nobody makes it where no controller works."""
