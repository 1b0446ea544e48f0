"""The Event objects that Sym writes: their names follow from what they say, so that a repeated one only counts up.

Pure: the executor sends them. Core v1 Events, which `kubectl describe` and `kubectl get events` read on every server.
"""

from datetime import datetime
from hashlib import sha256

from sym.model.codec import JSONMap
from sym.model.kinds import EVENT
from sym.plan.types import Emit

_NAME_BYTES = 253
_NOTE_BYTES = 1024


def event_namespace(emit: Emit) -> str:
    """Where the Event lives: with its object, or in `default` where the object has no namespace."""
    return emit.namespace or "default"


def event_name(emit: Emit) -> str:
    """The same for the same object, type, reason and note."""
    parts = [emit.kind.api_version, emit.kind.name, emit.uid, emit.type_, emit.reason, emit.note, emit.manager]
    digest = sha256("\0".join(parts).encode()).hexdigest()[:16]
    return f"{emit.name[: _NAME_BYTES - 17]}.{digest}"


def event_body(emit: Emit, now: datetime) -> JSONMap:
    """The Event as it is first created."""
    namespace = event_namespace(emit)
    stamp = timestamp(now)
    return {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.name,
        "metadata": {"name": event_name(emit), "namespace": namespace},
        "involvedObject": {
            "apiVersion": emit.kind.api_version,
            "kind": emit.kind.name,
            "namespace": emit.namespace,
            "name": emit.name,
            "uid": emit.uid,
        },
        "type": emit.type_,
        "reason": emit.reason,
        "message": emit.note[:_NOTE_BYTES],
        "source": {"component": emit.manager},
        "reportingComponent": emit.manager,
        "reportingInstance": "",
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }


def timestamp(now: datetime) -> str:
    """metav1.Time: RFC 3339, UTC, whole seconds."""
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")
