"""What a server means that refuses a single write: which reason is told, what somebody can do, whether to try again.

None of it says anything about the cluster's health or our credentials: only probes do (see `clusters.health`). Pure,
except for knowing `kube.errors`.
"""

import re

from msgspec import Struct

from sym.kube.errors import FieldConflict, Forbidden, Invalid, KubeError, NotFound
from sym.model import names

QUOTA = "QuotaExceeded"
TERMINATING = "NamespaceTerminating"
PERMISSION = "MissingPermission"
ADMISSION = "AdmissionDenied"
NAMESPACE_MISSING = "NamespaceMissing"

_QUOTA = "exceeded quota:"
_BEING_TERMINATED = "because it is being terminated"
_RBAC = re.compile(r'User "[^"]*" cannot \w+ resource')
_ADMISSION = re.compile(r'admission webhook "[^"]*" denied the request|ValidatingAdmissionPolicy .* denied request')
_MANAGER = re.compile(r'conflict with "([^"]*)"(?: with subresource "([^"]*)")?')
_FIELDS = 5  # named in a sentence


class Denial(Struct, frozen=True, kw_only=True):
    """Reason and sentence of a refusal. `retry`: it may pass by itself."""

    reason: str
    message: str
    retry: bool = False


def denial_of(error: KubeError) -> Denial | None:
    """What `error` of a write says, if it is a refusal of this write alone."""
    said = error.status.message or error.message
    match error:
        case FieldConflict():
            return Denial(reason=names.FIELD_CONFLICT, message=_conflict(error))
        case Forbidden():
            return _forbidden(said)
        case Invalid() if _ADMISSION.search(said):
            return _admission(said)
        case NotFound() if error.status.details.kind == "namespaces":
            return Denial(reason=NAMESPACE_MISSING, message=f"{said}: create the namespace there", retry=True)
        case _:
            return None


def _forbidden(said: str) -> Denial:
    if _QUOTA in said:
        return Denial(reason=QUOTA, message=f"{said}; raise the quota there, or ask for less", retry=True)
    if _BEING_TERMINATED in said:
        return Denial(reason=TERMINATING, message=f"{said}; wait until it is gone", retry=True)
    if _RBAC.search(said):
        return Denial(reason=PERMISSION, message=f"{said}; grant this to the identity with which Sym acts there")
    return _admission(said)


def _admission(said: str) -> Denial:
    return Denial(
        reason=ADMISSION, message=f"{said}; change the AppSet so that the cluster's policy admits it, or the policy"
    )


def _conflict(error: KubeError) -> str:
    """Which manager owns which field, and what can be done. Nothing of others is ever overwritten."""
    owners: dict[str, list[str]] = {}
    for cause in error.status.details.causes:
        if found := _MANAGER.search(cause.message):
            owners.setdefault(f"{found[1]} ({found[2]})" if found[2] else found[1], []).append(cause.field)
    who = "; ".join(f"{_list(fields)} belongs to manager {manager}" for manager, fields in sorted(owners.items()))
    return (
        f"{who or error.status.message}. Sym overwrites no field of others: set it there to what the AppSet asks for,"
        f" or leave it to that manager with the annotation {names.IGNORE_FIELDS} on the AppSet"
    )


def _list(fields: list[str]) -> str:
    more = f" and {len(fields) - _FIELDS} more" if len(fields) > _FIELDS else ""
    return ", ".join(fields[:_FIELDS]) + more
