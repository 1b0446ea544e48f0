"""What every object of every cluster has: its kind, its key, its metadata.

`Kind` says where the API server keeps objects, `Ref` names one object over all clusters, `Model` is the base of the
structs. The meta cluster's name in a Ref is the empty string: no registration can have that name.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

META = ""
"""The name of the meta cluster in every Ref."""


class Kind(NamedTuple):
    """A kind of object as API servers know it. `group` is empty for the core group. `aspect` names a part of its
    objects that is watched apart from others of the kind; requests know nothing of it."""

    group: str
    version: str
    name: str
    plural: str
    namespaced: bool = True
    aspect: str = ""

    @property
    def api_version(self) -> str:
        """`apiVersion` of the kind's objects: `apps/v1`, or `v1` in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """`appsets.workload.dmall.com`: the name that no other kind can take over."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def watched(self) -> str:
        """What is watched of it, in a word: `secrets`, or `secrets of Helm`."""
        return f"{self.plural} {self.aspect}" if self.aspect else self.plural


class Ref(NamedTuple):
    """The key of one object over all clusters: of every queue, cache and view. The kind is known from the place."""

    cluster: str
    namespace: str
    name: str

    def __str__(self) -> str:
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{where}@{self.cluster}" if self.cluster else where


class Model(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The base of API structs: frozen, camelCase on the wire, unknown fields ignored, defaults left out."""


class OwnerReference(Model, frozen=True):
    """An object of the same cluster whose end is this object's end."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool = False


class ObjectMeta(Model, frozen=True):
    """The metadata that Sym reads. An object without it is not one of Kubernetes' objects."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    finalizers: tuple[str, ...] = ()
    owner_references: tuple[OwnerReference, ...] = ()


def wish_of(meta: ObjectMeta) -> str:
    """What changes whenever somebody changes what an object shall be: its generation, or where it has none its
    version."""
    return str(meta.generation or meta.resource_version)


class Object(Model, frozen=True):
    """The least that is known of any object: the base of every kind's struct."""

    metadata: ObjectMeta = ObjectMeta()

    @property
    def deleting(self) -> bool:
        """Whether somebody asked for its deletion."""
        return self.metadata.deletion_timestamp is not None

    def ref(self, cluster: str) -> Ref:
        """This object's key as an object of `cluster`."""
        return Ref(cluster, self.metadata.namespace, self.metadata.name)
