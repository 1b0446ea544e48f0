"""Whether an object's metadata is well formed, and whether an update leaves alone what may not change.

Pure. The same for built-in kinds and custom resources. Who may set what (uid, generation, creationTimestamp) is the
API's business: it puts the old values back before it asks here.
"""

from collections.abc import Callable
from typing import Final

from sym.kube.errors import Cause
from sym.model.codec import JSON, JSONMap, dig_list, dig_map, dig_str
from sym.sandbox import naming
from sym.sandbox.validation import forbidden, invalid, required, shown, too_long

ANNOTATIONS_LIMIT: Final = 262_144
"""Bytes of all annotations of one object, names and values."""

_OWNERS: Final = ("apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion")
_STANDARD: Final = ("customresourcecleanup.apiextensions.k8s.io", "foregroundDeletion", "kubernetes", "orphan")
_FIXED: Final = ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")

NameCheck = Callable[[str], list[str]]


def validate_metadata(document: JSONMap, *, name: NameCheck = naming.subdomain) -> list[Cause]:
    """What is wrong with the metadata of a new or changed object. `name` is the kind's rule for names."""
    metadata = dig_map(document, "metadata")
    causes: list[Cause] = []
    prefix = dig_str(metadata, "generateName")
    if prefix:
        masked = prefix[:-1] + "a" if prefix.endswith("-") else prefix
        causes += [invalid("metadata.generateName", prefix, error) for error in name(masked)]
    own = dig_str(metadata, "name")
    if own:
        causes += [invalid("metadata.name", own, error) for error in name(own)]
    else:
        causes.append(required("metadata.name", "name or generateName is required"))
    causes += label_causes(metadata.get("labels"), "metadata.labels")
    causes += _annotations(metadata)
    causes += _owners(dig_list(metadata, "ownerReferences"))
    for finalizer in dig_list(metadata, "finalizers"):
        causes += [invalid("metadata.finalizers", finalizer, error) for error in naming.qualified(str(finalizer))]
    return causes


def finalizer_causes(document: JSONMap) -> list[Cause]:
    """Finalizers without a domain, which built-in kinds do not take (custom resources do, with a warning)."""
    text = "name is neither a standard finalizer name nor is it fully qualified"
    return [
        invalid(f"metadata.finalizers[{index}]", name, text)
        for index, name in enumerate(dig_list(document, "metadata", "finalizers"))
        if plain_finalizer(name)
    ]


def plain_finalizer(name: JSON) -> bool:
    """Whether a finalizer's name has no domain, and is none of the server's own."""
    return "/" not in str(name) and name not in _STANDARD


def validate_metadata_update(document: JSONMap, old: JSONMap) -> list[Cause]:
    """What an update may not change."""
    new, before = dig_map(document, "metadata"), dig_map(old, "metadata")
    causes: list[Cause] = []
    if before.get("deletionTimestamp"):
        known = dig_list(before, "finalizers")
        added = [name for name in dig_list(new, "finalizers") if name not in known]
        if added:
            listed = ", ".join(f'"{name}"' for name in added)
            text = "no new finalizers can be added if the object is being deleted, found new finalizers"
            causes.append(forbidden("metadata.finalizers", f"{text} []string{{{listed}}}"))
    changed = [field for field in _FIXED if new.get(field) != before.get(field)]
    return causes + [invalid(f"metadata.{field}", new.get(field), "field is immutable") for field in changed]


def label_causes(labels: JSON, path: str) -> list[Cause]:
    """What is wrong with a map of labels."""
    causes: list[Cause] = []
    for key, value in (labels if isinstance(labels, dict) else {}).items():
        causes += [invalid(path, key, error) for error in naming.qualified(key)]
        causes += [invalid(path, value, error) for error in naming.label_value(str(value))]
    return causes


def _annotations(metadata: JSONMap) -> list[Cause]:
    annotations = dig_map(metadata, "annotations")
    path = "metadata.annotations"
    causes = [invalid(path, key, error) for key in annotations for error in naming.qualified(key.lower())]
    size = sum(len(key.encode()) + len(str(value).encode()) for key, value in annotations.items())
    return [*causes, too_long(path, ANNOTATIONS_LIMIT)] if size > ANNOTATIONS_LIMIT else causes


def _owners(owners: list[JSON]) -> list[Cause]:
    path = "metadata.ownerReferences"
    causes: list[Cause] = []
    for owner in owners:
        if not dig_str(owner, "apiVersion"):
            causes.append(invalid(f"{path}.apiVersion", "", "version must not be empty"))
        empty = [field for field in ("kind", "name", "uid") if not dig_str(owner, field)]
        causes += [invalid(f"{path}.{field}", "", "must not be empty") for field in empty]
        if (dig_str(owner, "apiVersion"), dig_str(owner, "kind")) == ("v1", "Event"):
            text = f"Invalid value: {_ordered(owner)}: /v1, Kind=Event is disallowed from being an owner"
            causes.append(Cause(path, text, "FieldValueInvalid"))
    masters = [owner for owner in owners if isinstance(owner, dict) and owner.get("controller") is True]
    if len(masters) > 1:
        one, two = (f"{dig_str(owner, 'kind')}/{dig_str(owner, 'name')}" for owner in masters[:2])
        listed = "[" + ",".join(_ordered(owner) for owner in owners) + "]"
        text = f'Only one reference can have Controller set to true. Found "true" in references for {one} and {two}'
        causes.append(Cause(path, f"Invalid value: {listed}: {text}", "FieldValueInvalid"))
    return causes


def _ordered(owner: JSON) -> str:
    """An owner reference with its fields in the server's order."""
    fields = dig_map(owner)
    return "{" + ",".join(f'"{name}":{shown(fields[name])}' for name in _OWNERS if name in fields) + "}"
