"""Every name that Sym writes into clusters: labels, annotations, finalizers, conditions, managers, namespaces.

Source: semantics.md section 1, contract.md sections 2 and 3.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

PREFIX = "sym.dmall.com/"
META_NAMESPACE = "sym-admin"
MEMBER_NAMESPACE = "sym-system"

FINALIZER = PREFIX + "cleanup"
ANCESTOR_FINALIZER = "sym-admin-finalizers"

# field managers, one for each writer
HELM = "helm"
"""Helm's own name, under which what it rendered is repaired too."""
MASTER = "sym-master"
WORKER = "sym-worker"
FLEET = "sym-fleet"

# annotations of an AppSet
APP_ID = PREFIX + "app-id"
INSTALL_HASH = PREFIX + "install-hash"
CLUSTERS = PREFIX + "clusters"
ABANDON = PREFIX + "abandon"
ADOPTED = PREFIX + "adopted"

# annotations of children and workloads
FLEET_ID = PREFIX + "fleet-id"
TOMBSTONE = PREFIX + "tombstone"
REVISION = PREFIX + "revision"
VERSION_TAG = PREFIX + "version"
MAX_UNAVAILABLE = PREFIX + "max-unavailable"
IGNORE_FIELDS = PREFIX + "ignore-fields"
INJECTED = PREFIX + "injected"

# of an AppSet's ControllerRevisions
APPSET = PREFIX + "appset"
"""Label: the AppSet's name. Their annotation REVISION is the content hash."""
FINISHED = PREFIX + "finished"
"""Annotation: when the content last ran everywhere, RFC 3339."""

CONFIRMATIONS = "sym-confirmations"
"""The ValidatingAdmissionPolicy, and its binding, by which the meta cluster proves who confirmed."""

# labels
PODSET = PREFIX + "podset"
APP = "app"
GROUP = "sym-group"
LDC = "sym-ldc"
ZONE = "sym-available-zone"
CLUSTER_INFO = "sym-cluster-info"
VERSION = "version"
CLUSTER_OWNER = "ClusterOwner"
CLUSTER_OWNER_VALUE = "sym-admin"
SERVICE_DOMAIN = "lightningDomain0"
POD_REVISION = "controller-revision-hash"
SERVICE_OF_SLICE = "kubernetes.io/service-name"

# registrations
KUBECONFIG_KEY = "kubeconfig.yaml"
STATUS_KEY = "status"
META_KEY = "meta"
CLUSTER_UID = PREFIX + "cluster-uid"

# Helm's records and objects
RELEASE = "name"
RELEASE_OWNER = "owner"
RELEASE_STATUS = "status"
RELEASE_NUMBER = "version"
RELEASE_CHANGED = ("modifiedAt", "createdAt")
RELEASE_DIGEST = PREFIX + "digest"
RELEASE_RUN = PREFIX + "run"
MANAGED_BY = "app.kubernetes.io/managed-by"
HELM_RELEASE = "meta.helm.sh/release-name"
HELM_NAMESPACE = "meta.helm.sh/release-namespace"

# leases and records
LEADER_LEASE = "sym-controller-election-helper"
WORKER_LEASE = "sym-worker"
FLEET_RECORD = "sym-fleet"

# conditions
READY = "Ready"
RECONCILING = "Reconciling"
STALLED = "Stalled"
PAUSED = "Paused"
FIELD_CONFLICT = "FieldConflict"

# groups of podSets
CANARY = "canary"
BLUE = "blue"
GREEN = "green"
SVC = "svc"
OTHER = "other"
GROUPS = (CANARY, BLUE, GREEN, SVC)
_GRAY = "gray"

_SERVICE = "-svc"
_POD_SET = re.compile(r"(.*?)-((?:gz|rz).*?)-(blue|green|canary|svc)", re.DOTALL)
_NOT_LABEL = re.compile(r"[^A-Za-z0-9_.-]")
_LABEL_ENDS = "-_."
MAX_LABEL = 63


class NameParts(NamedTuple):
    """A podSet's name by the convention `APP-UNIT-GROUP`: `bbcc-gz01b-canary`. The unit begins with gz or rz."""

    app: str
    unit: str
    group: str


def parse_pod_set_name(name: str) -> NameParts | None:
    """The parts of a podSet's name, or None where it does not follow the convention."""
    match = _POD_SET.fullmatch(name)
    return NameParts(*match.groups()) if match else None


def group_of(name: str, meta: Mapping[str, str]) -> str:
    """The group of a podSet: its meta says so, else the last part of its name, else `other`. `gray` means canary."""
    said = meta.get(GROUP, "")
    group = said or name.rpartition("-")[2]
    if group == _GRAY:
        return CANARY
    return group if said or group in GROUPS else OTHER


def service_of(app: str) -> str:
    """The name of an app's Service in each cluster, and the label `app` of whatever Services it has there."""
    return f"{app}{_SERVICE}"


def app_of_service(name: str) -> str:
    """The app whose Service has that name; empty where it is no name of one."""
    return name.removesuffix(_SERVICE) if name.endswith(_SERVICE) else ""


def unit_of(meta: Mapping[str, str]) -> str:
    """The unit (LDC) of a podSet, or an empty text."""
    return meta.get(LDC, "")


def clean_label_value(text: str) -> str:
    """`text` as near as a label's value can come: other characters become `-`, 63 characters, ends alphanumeric."""
    return _NOT_LABEL.sub("-", text).lstrip(_LABEL_ENDS)[:MAX_LABEL].rstrip(_LABEL_ENDS)
