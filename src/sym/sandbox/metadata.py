"""The rules of `metadata` and of what follows from it: identity, names, generation, finalizers, preconditions.

Pure functions on objects; which kinds have a generation is the one fact kept here.
"""

from sym.kube.errors import Cause
from sym.model.codec import JSONMap, as_map, dig, dig_list, dig_map, dig_str
from sym.model.kinds import NAMESPACE
from sym.model.meta import Kind
from sym.sandbox import facts, failures
from sym.sandbox.call import Call
from sym.sandbox.decoding import json_name
from sym.sandbox.resources import Resource
from sym.sandbox.store import Entry, content

_WITHOUT_GENERATION = frozenset(
    {
        "configmaps",
        "endpoints",
        "events",
        "events.events.k8s.io",
        "leases.coordination.k8s.io",
        "namespaces",
        "nodes",
        "secrets",
        "serviceaccounts",
        "services",
        "controllerrevisions.apps",
        "horizontalpodautoscalers.autoscaling",
        "persistentvolumeclaims",
        "clusterroles.rbac.authorization.k8s.io",
        "clusterrolebindings.rbac.authorization.k8s.io",
        "roles.rbac.authorization.k8s.io",
        "rolebindings.rbac.authorization.k8s.io",
    }
)
_CONDITIONAL = frozenset({"leases.coordination.k8s.io"})
_SERVERS = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink")
_UNNAMED = "the name of the object ({name} based on URL) was undeterminable: name must be provided"
_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"


def identify(call: Call, obj: JSONMap) -> JSONMap:
    """Hold an object against the path of its request: kind, namespace, name. Fills what it leaves out, returns its
    metadata. Raises Refusal 400."""
    kind = call.kind
    for field, wanted in (("kind", kind.name), ("apiVersion", kind.api_version)):
        if call.resource.custom and not obj.get(field):
            body = call.request.body.decode(errors="replace")
            missing = f"Object '{field.capitalize() if field == 'kind' else field}' is missing in '{body}' ({body})"
            raise failures.bad_request(f"the object provided is unrecognized (must be of type {kind.name}): {missing}")
        stated = obj.setdefault(field, wanted)
        if stated != wanted:
            raise failures.bad_request(_mismatch(call, obj))
    _check_shape(kind, obj)
    meta = as_map(obj.setdefault("metadata", {}))
    if kind.namespaced:
        stated = dig_str(meta, "namespace") or call.target.namespace
        if stated != call.target.namespace:
            raise failures.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        meta["namespace"] = stated
    else:
        meta.pop("namespace", None)
    name, wanted = dig_str(meta, "name"), call.target.name
    if wanted and not name:
        raise failures.bad_request(_UNNAMED.format(name=wanted))
    if wanted and name != wanted:
        raise failures.bad_request(f"the name of the object ({name}) does not match the name on the URL ({wanted})")
    return meta


def _check_shape(kind: Kind, obj: JSONMap) -> None:
    meta = obj.get("metadata")
    if meta is not None and not isinstance(meta, dict):
        what = (
            f"json: cannot unmarshal {json_name(meta)} into Go struct field {kind.name}.metadata of type v1.ObjectMeta"
        )
        raise failures.bad_request(
            f'{kind.name} in version "{kind.version}" cannot be handled as a {kind.name}: {what}'
        )


def check_applied(call: Call, config: JSONMap) -> None:
    """Hold the config of an apply against the path. Raises Refusal 400."""
    kind = call.kind
    stated = dig_str(config, "apiVersion")
    if (stated, config.get("kind")) != (kind.api_version, kind.name):
        spelled = stated if "/" in stated else f"/{stated}"
        raise failures.bad_request(f"invalid object type: {spelled}, Kind={dig_str(config, 'kind')}")


def check_named(call: Call, config: JSONMap) -> None:
    """An apply that creates must name what it creates. Raises Refusal 400."""
    if not dig_str(config, "metadata", "name"):
        raise failures.bad_request(_UNNAMED.format(name=call.target.name))


def name_new(meta: JSONMap, draw: list[int]) -> str:
    """The name of a new object, from generateName where it has none. `draw` holds random numbers for the suffix."""
    if not dig_str(meta, "name") and (prefix := dig_str(meta, "generateName")):
        meta["name"] = prefix[:58] + "".join(_SUFFIX[number % len(_SUFFIX)] for number in draw)
    return dig_str(meta, "name")


def begin(resource: Resource, meta: JSONMap) -> None:
    """Take from a new object's metadata what only the server sets."""
    for field in (*_SERVERS, "resourceVersion"):
        meta.pop(field, None)
    if resource.custom or resource.kind.qualified not in _WITHOUT_GENERATION:
        meta["generation"] = 1


def keep(old: JSONMap, meta: JSONMap) -> None:
    """Put back what an update cannot change."""
    before = dig_map(old, "metadata")
    for field in _SERVERS:
        meta.pop(field, None)
        if field in before:
            meta[field] = before[field]


def check_preconditions(call: Call, entry: Entry, meta: JSONMap) -> None:
    """Hold uid and resourceVersion of an update against the stored object. Raises Refusal 409 or 422."""
    uid, version = dig_str(meta, "uid"), dig_str(meta, "resourceVersion")
    if uid and uid != entry.uid:
        raise _wrong_uid(call, entry, uid)
    if not version and call.request.method == "PUT" and (call.resource.custom or call.kind.qualified in _CONDITIONAL):
        raise failures.unconditional(call.kind, entry.name)
    if version and version != str(entry.version):
        raise failures.conflict(call.kind, entry.name, failures.MODIFIED)


def _wrong_uid(call: Call, entry: Entry, uid: str) -> failures.Refusal:
    if call.request.method == "PATCH":
        message = f'Invalid value: "{uid}": field is immutable'
        return failures.invalid(call.kind, entry.name, [Cause("metadata.uid", message, "FieldValueInvalid")])
    why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {entry.uid}"
    parts = [call.kind.group if call.resource.custom else "", call.kind.plural, entry.namespace, entry.name]
    key = "/".join(part for part in parts if part)
    storage = (
        f"StorageError: invalid object, Code: 4, Key: /registry/{key}, ResourceVersion: 0, AdditionalErrorMsg: {why}"
    )
    return failures.conflict(call.kind, entry.name, storage)


def raise_generation(resource: Resource, old: JSONMap, new: JSONMap) -> None:
    """One more generation where what counts for it changed."""
    generation = dig(old, "metadata", "generation")
    if isinstance(generation, int) and _counted(resource, old) != _counted(resource, new):
        as_map(new["metadata"])["generation"] = generation + 1


def _counted(resource: Resource, obj: JSONMap) -> JSONMap:
    counted = content(obj)
    if not resource.status and "status" in obj:
        counted["status"] = obj["status"]
    if resource.kind.qualified == "deployments.apps":
        counted["annotations"] = dig_map(obj, "metadata", "annotations")
    return {name: value for name, value in counted.items() if name not in ("apiVersion", "kind")}


def ends(kind: Kind, obj: JSONMap) -> bool:
    """Whether an object that was marked for deletion has nothing left that holds it."""
    meta = dig_map(obj, "metadata")
    held = dig_list(meta, "finalizers") or meta.get("deletionGracePeriodSeconds")
    emptied = kind != NAMESPACE or not dig_list(obj, "spec", "finalizers")
    return "deletionTimestamp" in meta and not held and emptied


def _mismatch(call: Call, obj: JSONMap) -> str:
    """Why an object of another kind or version cannot be taken."""
    version, stated = dig_str(obj, "apiVersion"), dig_str(obj, "kind")
    if call.resource.custom and stated == call.kind.name:
        expected = call.kind.api_version
        return f"the API version in the data ({version}) does not match the expected API version ({expected})"
    group, _, number = version.rpartition("/")
    if stated in facts.kinds_of(group, number):
        ours = f"{call.kind.group.partition('.')[0] or 'core'}.{call.kind.name}"
        why = f"converting ({number}.{stated}) to ({ours}): unknown conversion"
    else:
        why = f'no kind "{stated}" is registered for version "{version}" in scheme "pkg/runtime/scheme.go:110"'
    return f'{stated} in version "{version}" cannot be handled as a {call.kind.name}: {why}'
