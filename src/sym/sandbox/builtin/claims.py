"""PersistentVolumeClaim: defaults and checks. Nothing binds one in a sandbox: it stays Pending.

Functions change the map they are given, which is always a fresh one.
"""

from typing import Final

from sym.kube.errors import Cause
from sym.model.codec import JSONMap, dig, dig_list, dig_map
from sym.sandbox.builtin.bounds import one_of
from sym.sandbox.validation import forbidden, required, unsupported

PROTECTION: Final = "kubernetes.io/pvc-protection"
_MODES: Final = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"]


def default_claim(document: JSONMap) -> None:
    """A file system."""
    spec = dig_map(document, "spec")
    document["spec"] = spec
    spec.setdefault("resources", {})
    spec.setdefault("volumeMode", "Filesystem")


def admit_claim(document: JSONMap, old: JSONMap | None) -> None:
    """A new one waits for a volume, and does not go while a pod uses it."""
    if old is None:
        document["status"] = {"phase": "Pending"}
        meta = dig_map(document, "metadata")
        if PROTECTION not in dig_list(meta, "finalizers"):
            meta["finalizers"] = [*dig_list(meta, "finalizers"), PROTECTION]


def check_claim(document: JSONMap, old: JSONMap | None) -> list[Cause]:
    """What is wrong with a claim."""
    spec = dig_map(document, "spec")
    causes: list[Cause] = []
    modes = dig_list(spec, "accessModes")
    if not modes:
        causes.append(required("spec.accessModes", "at least 1 access mode is required"))
    causes += [unsupported("spec.accessModes", mode, _MODES) for mode in modes if mode not in _MODES]
    if dig(spec, "resources", "requests", "storage") is None:
        causes.append(required("spec.resources[storage]"))
    causes += one_of(spec, "volumeMode", ["Block", "Filesystem"], "spec")
    if old is not None and _fixed(spec) != _fixed(dig_map(old, "spec")):
        why = (
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
        )
        causes.append(forbidden("spec", why))
    return causes


def _fixed(spec: JSONMap) -> JSONMap:
    return {name: value for name, value in spec.items() if name not in {"resources", "volumeName"}}
