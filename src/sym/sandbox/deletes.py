"""Delete and deletecollection: preconditions, propagation, finalizers, grace, and what holds an object that is going.

The garbage collector (workloads/garbage.py) follows ownerReferences; this module only sets the finalizers that tell it
what was asked for.
"""

from datetime import timedelta

from msgspec import Struct

from sym.aio.env import Env
from sym.model.codec import JSON, DecodeError, JSONMap, as_map, dig, dig_list, dig_map, dig_str, parse
from sym.model.kinds import CRD, JOB, NAMESPACE, POD
from sym.sandbox import admission, failures, protobuf
from sym.sandbox.call import Call
from sym.sandbox.selectors import compiled
from sym.sandbox.store import Entry, Store, timestamp
from sym.sandbox.writes import Written

CRD_FINALIZER = "customresourcecleanup.apiextensions.k8s.io"
"""Holds a deleted CRD until its objects are gone; added by the deletion itself."""
_FOREGROUND = "foregroundDeletion"
_ORPHAN = "orphan"
_GIVEN_BACK = frozenset({"serviceaccounts", "services"})
"""Kinds whose last DELETE is answered with the object and not with a Status; so it is for pods, marked as going."""
_FINISHED = ("Succeeded", "Failed")


class DeleteOptions(Struct, frozen=True, kw_only=True):
    """What a DELETE asks for, from body and query. `grace` in seconds, None where not stated."""

    propagation: str = ""
    grace: int | None = None
    uid: str = ""
    version: str = ""
    dry_run: bool = False


class Deletes:
    """All deletions of one cluster that come from outside."""

    def __init__(self, store: Store, env: Env) -> None:
        self._store = store
        self._env = env

    def delete(self, call: Call) -> Written:
        """DELETE of one object. 200 with a Status where it is gone, with the object where something still holds it."""
        options = options_of(call)
        _warn(call, options)
        entry = self._store.get(call.kind, call.target.namespace, call.target.name)
        if entry is None:
            raise failures.not_found(call.kind, call.target.name)
        return self._delete(call, entry, options)

    def delete_all(self, call: Call) -> None:
        """DELETE of a collection: every object that the selectors fit."""
        options = options_of(call)
        _warn(call, options)
        test = compiled(call.resource, call.query.get("labelSelector", ""), call.query.get("fieldSelector", ""))
        for entry in self._store.list(call.kind, call.target.namespace):
            if test(entry):
                self._delete(call, entry, options)

    def _delete(self, call: Call, entry: Entry, options: DeleteOptions) -> Written:
        _check(call, entry, options)
        obj = entry.object()
        meta = as_map(obj["metadata"])
        finalizers = _finalizers(call, dig_list(meta, "finalizers"), options.propagation)
        grace, graceful = _grace(call, obj, options), call.kind not in (NAMESPACE, CRD)
        if entry.deleting:
            grace = min(grace, _stated_grace(meta))
            meta |= {"deletionGracePeriodSeconds": grace} if graceful else {}
        if not finalizers and not grace and call.kind != NAMESPACE:
            return self._remove(call, entry, options)
        if not entry.deleting:
            self._mark(meta, grace, graceful=graceful)
        if finalizers:
            meta["finalizers"] = finalizers
        self._tell(call, obj)
        if not options.dry_run:
            self._store.update(call.kind, obj)
        return Written(200, obj)

    def _tell(self, call: Call, obj: JSONMap) -> None:
        """What the status of some kinds says while they go."""
        if call.kind == NAMESPACE:
            as_map(obj.setdefault("status", {}))["phase"] = "Terminating"
        if call.kind == CRD:
            _terminating(obj, self._store.now())

    def _mark(self, meta: JSONMap, grace: int, *, graceful: bool) -> None:
        meta["deletionTimestamp"] = timestamp(self._env.now() + timedelta(seconds=grace))
        if graceful:
            meta["deletionGracePeriodSeconds"] = grace
        if isinstance(generation := meta.get("generation"), int) and graceful:
            meta["generation"] = generation + 1

    def _remove(self, call: Call, entry: Entry, options: DeleteOptions) -> Written:
        if not options.dry_run:
            self._store.remove(call.kind, entry.namespace, entry.name)
        if call.kind == POD:
            obj = entry.object()
            if not entry.deleting:
                self._mark(as_map(obj["metadata"]), 0, graceful=True)
            return Written(200, obj)
        if call.kind.qualified in _GIVEN_BACK:
            return Written(200, entry.object())
        details: JSONMap = {"name": entry.name}
        details |= {"group": call.kind.group} if call.kind.group else {}
        details |= {"kind": call.kind.plural, "uid": entry.uid}
        return Written(
            200, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
        )


def options_of(call: Call) -> DeleteOptions:
    """The options of a DELETE; a body stands above the query. Raises Refusal."""
    body: JSON = {}
    if call.request.body.strip():
        try:
            body = admission.parsed(call.request.body, call.header.get("content-type", "")) or {}
        except protobuf.Malformed as error:  # a real server has no reason for this either
            raise failures.Refusal(500, "", error.message) from None
        except DecodeError as error:
            raise failures.bad_request(f"the delete options cannot be read: {error.message}") from None
    if (kind := dig_str(body, "kind") or "DeleteOptions") != "DeleteOptions":
        where = 'scheme "pkg/runtime/scheme.go:110"'
        raise failures.Refusal(500, "", f'no kind "{kind}" is registered for version "v1" in {where}')
    grace = dig(body, "gracePeriodSeconds")
    stated = call.query.get("gracePeriodSeconds", "")
    if grace is None and stated.lstrip("-").isdigit():
        grace = parse(stated)
    propagation = dig_str(body, "propagationPolicy") or call.query.get("propagationPolicy", "")
    if dig(body, "orphanDependents") is True:
        propagation = "Orphan"
    if propagation not in ("", "Foreground", "Background", "Orphan"):
        message = f'Unsupported value: "{propagation}": supported values: "Foreground", "Background", "Orphan", "nil"'
        raise failures.bad_option("DeleteOptions", "propagationPolicy", message, "FieldValueNotSupported")
    return DeleteOptions(
        propagation=propagation,
        grace=grace if isinstance(grace, int) else None,
        uid=dig_str(body, "preconditions", "uid"),
        version=dig_str(body, "preconditions", "resourceVersion"),
        dry_run=call.dry_run or bool(dig_list(body, "dryRun")),
    )


def _check(call: Call, entry: Entry, options: DeleteOptions) -> None:
    if options.uid and options.uid != entry.uid:
        why = f"the UID in the precondition ({options.uid}) does not match the UID in record ({entry.uid})"
        raise _outdated(call, entry, f"{why}. The object might have been deleted and then recreated")
    if options.version and options.version != str(entry.version):
        record = f"does not match the ResourceVersion in record ({entry.version}). The object might have been modified"
        raise _outdated(call, entry, f"the ResourceVersion in the precondition ({options.version}) {record}")


def _outdated(call: Call, entry: Entry, why: str) -> failures.Refusal:
    spelled = f"{call.kind.name}.{call.kind.group}" if call.kind.group else call.kind.name
    message = f'Operation cannot be fulfilled on {spelled} "{entry.name}": {why}'
    details: JSONMap = {"name": entry.name, "kind": call.kind.name}
    details |= {"group": call.kind.group} if call.kind.group else {}
    return failures.Refusal(409, "Conflict", message, details)


def _warn(call: Call, options: DeleteOptions) -> None:
    """A Job is the one kind whose pods stay unless a client says otherwise."""
    if call.kind == JOB and not options.propagation:
        call.warnings.append(
            "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them"
            " or set propagationPolicy=Orphan to suppress this warning"
        )


def _finalizers(call: Call, before: list[JSON], propagation: str) -> list[JSON]:
    if not propagation and call.kind == JOB and _FOREGROUND not in before:
        propagation = "Orphan"
    kept = [name for name in before if name not in (_FOREGROUND, _ORPHAN)] if propagation else list(before)
    added: dict[str, list[JSON]] = {"Foreground": [_FOREGROUND], "Orphan": [_ORPHAN]}
    kept += added.get(propagation, [])
    return kept + ([CRD_FINALIZER] if call.kind == CRD and CRD_FINALIZER not in kept else [])


def _grace(call: Call, obj: JSONMap, options: DeleteOptions) -> int:
    if call.kind != POD or not dig_str(obj, "spec", "nodeName") or dig_str(obj, "status", "phase") in _FINISHED:
        return 0
    if options.grace is not None:
        return max(0, options.grace)
    stated = dig(obj, "spec", "terminationGracePeriodSeconds")
    return stated if isinstance(stated, int) else 30


def _stated_grace(meta: JSONMap) -> int:
    found = meta.get("deletionGracePeriodSeconds")
    return found if isinstance(found, int) else 0


def _terminating(obj: JSONMap, now: str) -> None:
    status = as_map(obj.setdefault("status", {}))
    kept = [item for item in dig_list(status, "conditions") if dig_str(item, "type") != "Terminating"]
    condition: JSONMap = {
        "type": "Terminating",
        "status": "True",
        "lastTransitionTime": now,
        "reason": "InstanceDeletionPending",
        "message": "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
    }
    status["conditions"] = [*kept, condition]


def terminating(definition: JSONMap) -> bool:
    """Whether a CRD is going."""
    return "deletionTimestamp" in dig_map(definition, "metadata")
