"""A registration as it stands in the meta cluster: a Secret or a ConfigMap, read into one form. Pure.

The object's name is the cluster's name. Where both exist the Secret counts. What a registration says is hostile until
`kube.kubeconfig.load_registered` has taken it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from msgspec import Struct

from sym.kube.requests import ListOptions
from sym.model import names
from sym.model.codec import DecodeError, decode
from sym.model.kinds import CONFIGMAP, SECRET
from sym.model.meta import Kind, Object
from sym.model.workload import ConfigMap, Secret

OPTIONS = ListOptions(
    namespace=names.META_NAMESPACE, label_selector=f"{names.CLUSTER_OWNER}={names.CLUSTER_OWNER_VALUE}"
)
"""Where registrations are."""

LATEST = datetime.max.replace(tzinfo=UTC)


class Registration(Struct, frozen=True, kw_only=True):
    """What a registration says. Its text form shows no credentials."""

    name: str
    kind: Kind
    uid: str
    kubeconfig: bytes = b""
    status: str = ""
    labels: Mapping[str, str] = {}
    meta: Mapping[str, str] = {}
    cluster_uid: str = ""
    """Which cluster this is: the uid of its kube-system, noted at the first contact or acknowledged by a person."""
    created: datetime = LATEST
    """When somebody made it."""
    problem: str = ""
    """What is wrong with it as a whole, a sentence; empty when nothing is."""

    def __repr__(self) -> str:
        return f"Registration({self.kind.name} {self.name})"

    @property
    def maintaining(self) -> bool:
        """Whether it says to stay away: `Maintaining`, or anything but true in the other vocabulary."""
        return self.status.strip().lower() not in ("", "true", "ready")

    @property
    def all_meta(self) -> dict[str, str]:
        """Its labels (without the one that makes it a registration), overridden by its `meta`."""
        labels = {key: value for key, value in self.labels.items() if key != names.CLUSTER_OWNER}
        return {**labels, **self.meta}


def from_secret(secret: Secret) -> Registration:
    """The registration in a Secret, whose data msgspec has decoded from base64 already."""
    data = {key: bytes(value) for key, value in secret.data.items()}
    return _registration(secret, SECRET, data)


def from_configmap(configmap: ConfigMap) -> Registration:
    """The registration in a ConfigMap."""
    data = {key: value.encode() for key, value in configmap.data.items()}
    return _registration(configmap, CONFIGMAP, data)


def _registration(holder: Object, kind: Kind, data: Mapping[str, bytes]) -> Registration:
    meta, problem = _meta(data.get(names.META_KEY, b""))
    return Registration(
        name=holder.metadata.name,
        kind=kind,
        uid=holder.metadata.uid,
        kubeconfig=data.get(names.KUBECONFIG_KEY, b""),
        status=data.get(names.STATUS_KEY, b"").decode(errors="replace"),
        labels=holder.metadata.labels,
        meta=meta,
        cluster_uid=holder.metadata.annotations.get(names.CLUSTER_UID, ""),
        created=holder.metadata.creation_timestamp or LATEST,
        problem=problem,
    )


def _meta(text: bytes) -> tuple[Mapping[str, str], str]:
    """`meta`: a JSON object of texts, or lines `key: value`. Anything else is said, and changes nothing else."""
    if not text.strip():
        return {}, ""
    if text.lstrip().startswith(b"{"):
        try:
            return decode(text, dict[str, str]), ""
        except DecodeError as error:
            return {}, f"the key {names.META_KEY!r} is not an object of texts: {error.message}"
    found: dict[str, str] = {}
    for line in text.decode(errors="replace").splitlines():
        key, colon, value = line.partition(":")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not colon or not key.strip():
            return {}, f"the key {names.META_KEY!r} must hold lines `key: value`"
        found[key.strip()] = value.strip().strip("\"'")
    return found, ""
