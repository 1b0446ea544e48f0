"""pods/binding: how a scheduler that works through the API gives a pod its node.

Answers and refusals are those of kube-apiserver 1.34; some of them have no reason there.
"""

from sym.model.codec import JSON, JSONMap, as_map, dig_list, dig_map, dig_str
from sym.model.kinds import POD
from sym.sandbox import failures
from sym.sandbox.admission import read
from sym.sandbox.call import Call
from sym.sandbox.store import Entry, Store

_SUBJECT = "pods/binding"


def bind(call: Call, store: Store) -> JSONMap:
    """The answer to a POST of a Binding: 201 with this Status. Raises Refusal."""
    wanted = _binding(call)
    namespace, name = call.target.namespace, call.target.name
    entry = store.get(POD, namespace, name)
    if entry is None:
        raise failures.not_found(POD, name)
    _check(entry, dig_str(wanted, "metadata", "uid"))
    pod = entry.object()
    as_map(pod.setdefault("spec", {}))["nodeName"] = dig_str(wanted, "target", "name")
    annotations = dig_map(wanted, "metadata", "annotations")
    if annotations:
        meta = as_map(pod["metadata"])
        meta["annotations"] = dig_map(meta, "annotations") | annotations
    _set_scheduled(pod, {"status": "True", "lastProbeTime": None, "lastTransitionTime": store.now()})
    if not call.dry_run:
        store.update(POD, pod)
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def _set_scheduled(pod: JSONMap, said: JSONMap) -> None:
    """Give a pod the condition PodScheduled, in the place of one that it has."""
    status = as_map(pod.setdefault("status", {}))
    others: list[JSON] = [item for item in dig_list(status, "conditions") if dig_str(item, "type") != "PodScheduled"]
    status["conditions"] = [{"type": "PodScheduled", **said}, *others]


def _binding(call: Call) -> JSONMap:
    found = read(call)
    if (kind := dig_str(found, "kind") or "Binding") != "Binding":
        what = f"converting (v1.{kind}) to (core.Binding): unknown conversion"
        raise failures.bad_request(f'{kind} in version "v1" cannot be handled as a Binding: {what}')
    if dig_str(found, "metadata", "name") != call.target.name:
        raise failures.bad_request("name in URL does not match name in Binding object")
    target = dig_map(found, "target")
    if (kind := dig_str(target, "kind")) not in ("", "Node"):
        what = f'target.kind: Unsupported value: "{kind}": supported values: "Node", "<empty>"'
        raise failures.Refusal(500, "", what)
    if not dig_str(target, "name"):
        raise failures.Refusal(500, "", "target.name: Required value")
    return found


def _check(entry: Entry, uid: str) -> None:
    if uid not in ("", entry.uid):
        where = f"StorageError: invalid object, Code: 4, Key: /registry/pods/{entry.namespace}/{entry.name}"
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {entry.uid}"
        raise failures.conflict(POD, entry.name, f"{where}, ResourceVersion: 0, AdditionalErrorMsg: {why}")
    node = entry.fields.get("spec.nodeName", "")
    if entry.deleting:
        raise _conflict(entry, f"pod {entry.name} is being deleted, cannot be assigned to a host")
    if node:
        raise _conflict(entry, f'pod {entry.name} is already assigned to node "{node}"')


def _conflict(entry: Entry, why: str) -> failures.Refusal:
    message = f'Operation cannot be fulfilled on {_SUBJECT} "{entry.name}": {why}'
    return failures.Refusal(409, "Conflict", message, {"name": entry.name, "kind": _SUBJECT})
