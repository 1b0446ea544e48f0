"""Create, update, patch and apply: one object from its request into the store, in one step.

Nothing here waits, so two requests never interleave: what a write read is still true when it writes, and optimistic
locking only ever refuses what the client itself believed. Relies on admission.py for schemas, metadata.py for the rules
of metadata, patch.py, apply.py and managed.py for merging and ownership.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import TypeAlias

from msgspec import Struct

from sym.aio.env import Env
from sym.kube.errors import Cause
from sym.kube.requests import APPLY_TYPE, JSON_PATCH_TYPE, MERGE_TYPE
from sym.model.codec import DecodeError, JSONMap, as_map, dig, dig_map, dig_str
from sym.model.kinds import NAMESPACE
from sym.model.meta import Kind
from sym.sandbox import admission, failures, managed, metadata, strategies
from sym.sandbox.admission import STRATEGIC_TYPE, Admission
from sym.sandbox.apply import ApplyConflict, server_side_apply
from sym.sandbox.call import Call
from sym.sandbox.events import disowned, kept
from sym.sandbox.forms import whole
from sym.sandbox.managed import Writer
from sym.sandbox.patch import json_patch, merge_patch, object_patch, strategic_merge
from sym.sandbox.store import Entry, Store, Taken

Patcher: TypeAlias = Callable[[JSONMap], JSONMap]


CREATED_BY_PUT = frozenset(
    {"endpoints", "events", "events.events.k8s.io", "leases.coordination.k8s.io", "services"}
    | {f"{name}.rbac.authorization.k8s.io" for name in ("clusterroles", "clusterrolebindings", "roles", "rolebindings")}
)
"""Kinds whose PUT makes the object where there is none."""


class Written(Struct, frozen=True):
    """What a write gives back. `code` is the HTTP status."""

    code: int
    obj: JSONMap


class Writes:
    """All writes of one cluster except deletions."""

    def __init__(self, store: Store, admission_: Admission, env: Env) -> None:
        self._store = store
        self._admission = admission_
        self._env = env

    def create(self, call: Call) -> Written:
        """POST to a collection."""
        return self._create(call, admission.read(call), applied=False)

    def update(self, call: Call) -> Written:
        """PUT of an object or its status. Creates what is not there only for the kinds of CREATED_BY_PUT."""
        obj = admission.read(call)
        meta = metadata.identify(call, obj)
        if call.kind.qualified in CREATED_BY_PUT and self._store.get(*_place(call)) is None:
            meta.pop("resourceVersion", None)
            return self._create(call, obj, applied=False)
        entry = self.require(call)
        return self._replace(call, entry, obj)

    def patch(self, call: Call) -> Written:
        """PATCH of any type."""
        media = call.header.get("content-type", "").split(";", 1)[0].strip()
        if media == APPLY_TYPE:
            return self._apply(call)
        patcher = self.patcher(call, media)
        entry = self.require(call)
        return self._replace(call, entry, patcher(self.current(call, entry)))

    def patcher(self, call: Call, media: str) -> Patcher:
        """The patch of a request, ready for an object. Raises Refusal 400, 415."""
        kinds = [JSON_PATCH_TYPE, MERGE_TYPE, *([] if call.resource.custom else [STRATEGIC_TYPE])]
        if media not in kinds:
            if media != STRATEGIC_TYPE:
                raise failures.Refusal(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
            accepted = ", ".join([*kinds, APPLY_TYPE])
            raise failures.unsupported_media(f"{admission.UNKNOWN_FORMAT}{accepted}")
        try:
            body = admission.parsed(call.request.body, "application/json")
        except DecodeError as error:
            raise failures.bad_request(f"error decoding patch: {error.message}") from None
        if media == JSON_PATCH_TYPE:
            return lambda obj: as_map(json_patch(obj, body))
        change = object_patch(body, strategic=media == STRATEGIC_TYPE)
        if media == MERGE_TYPE:
            return lambda obj: as_map(merge_patch(obj, change))
        node = self._admission.node(call.resource)
        return lambda obj: strategic_merge(obj, change, node)

    def require(self, call: Call) -> Entry:
        """The stored object of a call. Raises Refusal 404."""
        entry = self._store.get(*_place(call))
        if entry is None:
            raise failures.not_found(call.kind, call.target.name)
        return entry

    def current(self, call: Call, entry: Entry) -> JSONMap:
        """The stored object in the version of the call."""
        return disowned(call.kind, whole(call.resource, entry))

    def put_back(self, call: Call, entry: Entry, new: JSONMap) -> Written:
        """Store a change that another subresource (scale) made to the whole object."""
        return self._replace(call, entry, new)

    # inside

    def _apply(self, call: Call) -> Written:
        if not call.query.get("fieldManager"):
            message = "Required value: is required for apply patch"
            raise failures.bad_option("PatchOptions", "fieldManager", message, "FieldValueRequired")
        try:
            config = as_map(admission.parsed(call.request.body, APPLY_TYPE))
        except DecodeError as error:
            raise failures.bad_request(f"error decoding YAML: {error.message}") from None
        metadata.check_applied(call, config)
        entry = self._store.get(call.kind, call.target.namespace, call.target.name)
        if entry is None:
            return self._apply_new(call, config)
        before = self.current(call, entry)
        return self._replace(call, entry, self._merged(call, before, config), applied=True)

    def _apply_new(self, call: Call, config: JSONMap) -> Written:
        if call.target.subresource:
            raise failures.not_found(call.kind, call.target.name)
        metadata.check_named(call, config)
        uid = dig_str(config, "metadata", "uid")
        if uid:
            why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            raise failures.conflict(call.kind, call.target.name, why)
        made = self._merged(call, None, config)
        as_map(made["metadata"]).pop("resourceVersion", None)  # a real server ignores it here (tried on 1.34)
        return self._create(call, made, applied=True)

    def _merged(self, call: Call, live: JSONMap | None, config: JSONMap) -> JSONMap:
        stated = _own_part(call, config)
        try:
            return server_side_apply(live, stated, self._writer(call), force=call.flag("force"))
        except ApplyConflict as conflict:
            causes = [Cause(dig_str(c, "field"), dig_str(c, "message"), dig_str(c, "reason")) for c in conflict.causes]
            raise failures.apply_conflict(causes, str(conflict)) from None

    def _create(self, call: Call, obj: JSONMap, *, applied: bool) -> Written:
        meta = metadata.identify(call, obj)
        if meta.get("resourceVersion"):
            raise failures.Refusal(500, "", "resourceVersion should not be set on objects to be created")
        draw = [self._env.random().randrange(27) for _ in range(5)]
        name = metadata.name_new(meta, draw)
        self._check_namespace(call, name)
        metadata.begin(call.resource, meta)
        obj = self._admission.known(call, obj)
        if call.resource.status:
            obj.pop("status", None)
        obj = self._admission.completed(call.resource, obj)
        if not applied:
            obj = self._tracked_new(call, obj)
        strategies.prepare(call.resource, obj, None, self._store)
        self._admission.admitted(call.resource, obj, None)
        self._admission.check(call.resource, obj, None)
        strategies.finish(call.resource, obj)
        held = self._store.get(call.kind, call.target.namespace, name)
        if held is not None:
            raise failures.already_exists(call.kind, name, going=held.deleting)
        return Written(201, self._stored(call, obj))

    def _tracked_new(self, call: Call, obj: JSONMap) -> JSONMap:
        """`obj` with its managers; nobody owns the status that defaults gave it."""
        status = {"status": obj["status"]} if call.resource.status and "status" in obj else {}
        bare = {name: value for name, value in obj.items() if name not in status}
        return managed.track(None, bare, self._writer(call)) | status

    def _stored(self, call: Call, obj: JSONMap) -> JSONMap:
        if call.dry_run:
            meta = as_map(obj["metadata"])
            meta.setdefault("uid", self._store.new_uid())
            meta["creationTimestamp"] = self._store.now()
            return obj
        try:
            self._store.create(call.kind, kept(call.kind, obj))
        except Taken:
            raise failures.already_exists(call.kind, dig_str(obj, "metadata", "name")) from None
        return obj

    def _check_namespace(self, call: Call, new: str) -> None:
        if not call.kind.namespaced:
            return
        entry = self._store.get(NAMESPACE, "", call.target.namespace)
        if entry is None:
            raise failures.not_found(NAMESPACE, call.target.namespace)
        if entry.deleting:
            name = call.target.namespace
            why = f"unable to create new content in namespace {name} because it is being terminated"
            cause = Cause("metadata.namespace", f"namespace {name} is being terminated", "NamespaceTerminating")
            raise failures.forbidden(call.kind, new, why, cause)

    def _replace(self, call: Call, entry: Entry, new: JSONMap, *, applied: bool = False) -> Written:
        new = deepcopy(new)
        meta = metadata.identify(call, new)
        metadata.check_preconditions(call, entry, meta)
        old = self.current(call, entry)
        new = new if applied else self._admission.known(call, new)
        new = _isolated(call, old, new)
        new = self._admission.completed(call.resource, new)
        metadata.keep(old, as_map(new["metadata"]))
        as_map(new["metadata"])["resourceVersion"] = str(entry.version)
        if not applied:
            new = managed.track(old, new, self._writer(call))
        strategies.prepare(call.resource, new, old, self._store)
        self._admission.admitted(call.resource, new, old)
        if call.target.subresource != "status":
            metadata.raise_generation(call.resource, old, new)
        self._admission.check(call.resource, new, old)
        new = managed.keep_times(old, new)
        if call.dry_run:
            return Written(200, new)
        return Written(200, self._settle(call, entry, new))

    def _settle(self, call: Call, entry: Entry, new: JSONMap) -> JSONMap:
        if metadata.ends(call.kind, new):
            self._store.remove(call.kind, entry.namespace, entry.name)
            return new
        self._store.update(call.kind, kept(call.kind, new))
        return new

    def _writer(self, call: Call) -> Writer:
        return Writer(
            manager=call.manager,
            api_version=call.kind.api_version,
            node=self._admission.node(call.resource),
            now=self._env.now(),
            subresource=call.target.subresource,
        )


def _place(call: Call) -> tuple[Kind, str, str]:
    return call.kind, call.target.namespace, call.target.name


def _own_part(call: Call, config: JSONMap) -> JSONMap:
    """The part of an apply's config that its path may set."""
    if call.target.subresource == "status":
        return {name: value for name, value in config.items() if name in ("apiVersion", "kind", "metadata", "status")}
    if call.resource.status:
        return {name: value for name, value in config.items() if name != "status"}
    return config


def _isolated(call: Call, old: JSONMap, new: JSONMap) -> JSONMap:
    """`new` with everything from `old` that this path may not touch."""
    if call.target.subresource == "status":
        kept = dict(old)
        kept.pop("status", None)
        kept |= {"status": new["status"]} if "status" in new else {}
        kept["metadata"] = _status_metadata(call, dig_map(old, "metadata"), dig_map(new, "metadata"))
        return kept
    if call.target.subresource == "finalize":
        spec: JSONMap = {**dig_map(old, "spec"), "finalizers": dig(new, "spec", "finalizers")}
        return {**old, "metadata": new["metadata"], "spec": spec}
    if call.resource.status:
        new.pop("status", None)
        new |= {"status": deepcopy(old["status"])} if "status" in old else {}
    return new


def _status_metadata(call: Call, old: JSONMap, new: JSONMap) -> JSONMap:
    """What /status may change of metadata: nothing of a custom resource, all but the labels of a built-in kind."""
    if not call.resource.custom:
        return {name: value for name, value in (new | {"labels": old.get("labels")}).items() if value is not None}
    return old | ({"managedFields": new["managedFields"]} if "managedFields" in new else {})
