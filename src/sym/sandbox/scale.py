"""The scale subresource: an autoscaling/v1 Scale read from, and written into, the object's own fields.

Pure. The paths are the resource's: those of the CRD, or spec.replicas, status.replicas and spec.selector.
"""

from sym.kube.errors import Cause
from sym.model.codec import JSON, JSONMap, as_map, dig, dig_map, dig_str
from sym.model.meta import Kind
from sym.sandbox import failures
from sym.sandbox.resources import Resource

SCALE = Kind("autoscaling", "v1", "Scale", "scales")


def scale_of(resource: Resource, obj: JSONMap, *, strict: bool = False) -> JSONMap:
    """The Scale of an object. `strict`: raises Refusal 500 where a custom resource states no replica count."""
    spec_path, status_path, selector_path = resource.scale or ("", "", "")
    replicas = dig(obj, *_steps(spec_path))
    if replicas is None and resource.custom and strict:
        message = f'the spec replicas field "{spec_path}" does not exist'
        raise failures.internal(message)
    meta = dig_map(obj, "metadata")
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    observed = dig(obj, *_steps(status_path))
    status: JSONMap = {"replicas": observed if isinstance(observed, int) else 0}
    selector = _selector(dig(obj, *_steps(selector_path))) if selector_path else ""
    status |= {"selector": selector} if selector else {}
    return {
        "kind": "Scale",
        "apiVersion": SCALE.api_version,
        "metadata": {name: meta[name] for name in kept if name in meta},
        "spec": {"replicas": replicas} if isinstance(replicas, int) and replicas else {},
        "status": status,
    }


def with_scale(resource: Resource, obj: JSONMap, scale: JSONMap) -> JSONMap:
    """`obj` with the replica count of `scale`, and its preconditions. Raises Refusal 400, 422."""
    if scale.get("kind", "Scale") != "Scale" or scale.get("apiVersion", SCALE.api_version) != SCALE.api_version:
        raise failures.bad_request(f"{dig_str(scale, 'kind')} cannot be handled as a Scale of {SCALE.api_version}")
    replicas = dig(scale, "spec", "replicas")
    replicas = 0 if replicas is None else replicas
    if isinstance(replicas, bool) or not isinstance(replicas, int):
        raise failures.bad_request("Scale: spec.replicas is not an integer")
    if replicas < 0:
        message = f"Invalid value: {replicas}: must be greater than or equal to 0"
        name = dig_str(obj, "metadata", "name")
        raise failures.invalid(SCALE, name, [Cause("spec.replicas", message, "FieldValueInvalid")])
    *parents, last = _steps((resource.scale or ("", "", ""))[0])
    place = obj
    for step in parents:
        place = as_map(place.setdefault(step, {}))
    place[last] = replicas
    meta = as_map(obj["metadata"])
    for name in ("uid", "resourceVersion"):
        if stated := dig_str(scale, "metadata", name):
            meta[name] = stated
    return obj


def _steps(path: str) -> list[str]:
    return [step for step in path.split(".") if step]


def _selector(value: JSON) -> str:
    if isinstance(value, str):
        return value
    return ",".join(f"{key}={text}" for key, text in sorted(dig_map(value, "matchLabels").items()))
