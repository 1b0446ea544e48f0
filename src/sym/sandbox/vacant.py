"""Kinds of which a simulated cluster never has an object, but which Go's controllers list and watch before they work.

Reading them says truthfully that there are none; writing one is refused by name. Discovery does not list them, so no
client takes them for something that can be used.
"""

from collections.abc import Mapping
from typing import Final

from sym.model.meta import Kind
from sym.sandbox.resources import Resource

_KINDS: Final = (
    Kind("", "v1", "PersistentVolume", "persistentvolumes", namespaced=False),
    Kind("", "v1", "ReplicationController", "replicationcontrollers"),
    Kind("resource.k8s.io", "v1", "DeviceClass", "deviceclasses", namespaced=False),
    Kind("resource.k8s.io", "v1", "ResourceClaim", "resourceclaims"),
    Kind("resource.k8s.io", "v1", "ResourceSlice", "resourceslices", namespaced=False),
    Kind("storage.k8s.io", "v1", "CSIDriver", "csidrivers", namespaced=False),
    Kind("storage.k8s.io", "v1", "CSINode", "csinodes", namespaced=False),
    Kind("storage.k8s.io", "v1", "CSIStorageCapacity", "csistoragecapacities"),
    Kind("storage.k8s.io", "v1", "StorageClass", "storageclasses", namespaced=False),
    Kind("storage.k8s.io", "v1", "VolumeAttachment", "volumeattachments", namespaced=False),
)
"""What kube-scheduler 1.34 asks for."""
_FOUND: Final[Mapping[tuple[str, str, str], Resource]] = {
    (kind.group, kind.version, kind.plural): Resource(kind=kind, verbs=("get", "list", "watch")) for kind in _KINDS
}


def vacant(group: str, version: str, plural: str) -> Resource | None:
    """The resource at a path, if it is one of these."""
    return _FOUND.get((group, version, plural))


def is_vacant(resource: Resource) -> bool:
    """Whether nothing of it can be written."""
    return resource is vacant(resource.kind.group, resource.kind.version, resource.kind.plural)
