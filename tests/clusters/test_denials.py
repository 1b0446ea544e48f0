"""What a refused write says: an honest reason, a sentence on what to do, and nothing about the cluster's health."""

import pytest

from sym.clusters.denials import denial_of
from sym.clusters.refusals import failure_of
from sym.kube.errors import (
    Cause,
    CredentialProblem,
    FieldConflict,
    Forbidden,
    Invalid,
    KubeError,
    NotFound,
    Status,
    StatusDetails,
    Unauthorized,
)
from sym.model.codec import JSONMap
from sym.model.kinds import DEPLOYMENT
from sym.plan.types import Create

QUOTA = 'deployments.apps "a" is forbidden: exceeded quota: q, requested: count/deployments.apps=1, used: 1, limited: 1'
TERMINATING = (
    'deployments.apps "a" is forbidden: unable to create new content in namespace x because it is being terminated'
)
RBAC = 'deployments.apps is forbidden: User "sym" cannot create resource "deployments" in API group "apps"'
WEBHOOK = 'admission webhook "policy.example.com" denied the request: images must come from our registry'
POLICY = (
    "deployments.apps \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no latest tags"
)
LIMITS = 'pods "a" is forbidden: minimum cpu usage per Container is 100m, but request is 1m'
MISSING = 'namespaces "x" not found'
BODY: JSONMap = {"metadata": {"name": "a"}}
ACTION = Create(cluster="one", kind=DEPLOYMENT, body=BODY, manager="sym-worker")


def no(kind: type[KubeError], said: str, details: StatusDetails | None = None) -> KubeError:
    """An error as `kube.answers` makes it."""
    return kind(f"PATCH /x: {said}", Status(message=said, details=details or StatusDetails()))


@pytest.mark.parametrize(
    ("error", "reason", "retry", "advice"),
    [
        (no(Forbidden, QUOTA), "QuotaExceeded", True, "raise the quota"),
        (no(Forbidden, TERMINATING), "NamespaceTerminating", True, "wait until it is gone"),
        (no(Forbidden, RBAC), "MissingPermission", False, "grant this"),
        (no(Forbidden, WEBHOOK), "AdmissionDenied", False, "change the AppSet"),
        (no(Forbidden, LIMITS), "AdmissionDenied", False, "change the AppSet"),
        (no(Invalid, WEBHOOK), "AdmissionDenied", False, "change the AppSet"),
        (no(Invalid, POLICY), "AdmissionDenied", False, "change the AppSet"),
        (no(NotFound, MISSING, StatusDetails(name="x", kind="namespaces")), "NamespaceMissing", True, "create the"),
    ],
)
def test_a_refused_write_has_its_own_reason(error: KubeError, reason: str, retry: bool, advice: str) -> None:
    failure = failure_of(ACTION, error)
    assert (failure.reason, failure.retry) == (reason, retry)
    assert failure.message.startswith("cluster 'one', Deployment a: ")
    assert error.status.message in failure.message
    assert advice in failure.message


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (no(Unauthorized, "Unauthorized"), "CredentialProblem"),
        (no(CredentialProblem, "x"), "CredentialProblem"),
        (no(Invalid, "spec.replicas: Invalid value"), "Invalid"),
        (no(NotFound, "deployments.apps x not found", StatusDetails(name="x", kind="deployments")), "NotFound"),
    ],
)
def test_other_errors_keep_theirs(error: KubeError, reason: str) -> None:
    assert denial_of(error) is None
    assert failure_of(ACTION, error).reason == reason


def conflict(*causes: tuple[str, str]) -> KubeError:
    """An apply that met fields of others, as kube-apiserver 1.34 words it."""
    details = StatusDetails(causes=tuple(Cause(field, said, "FieldManagerConflict") for said, field in causes))
    return no(FieldConflict, "Apply failed", details)


SCALE = 'conflict with "kube-controller-manager" with subresource "scale" using apps/v1'
EDIT = 'conflict with "kubectl-edit" using apps/v1 at 2026-01-01T00:00:00Z'
IMAGE = '.spec.template.spec.containers[name="a"].image'


def test_a_conflict_names_every_manager_with_its_fields() -> None:
    failure = failure_of(ACTION, conflict((SCALE, ".spec.replicas"), (EDIT, IMAGE), (EDIT, ".spec.paused")))
    assert (failure.reason, failure.retry) == ("FieldConflict", False)
    assert failure.message.startswith(
        "cluster 'one', Deployment a: .spec.replicas belongs to manager kube-controller-manager (scale); "
        f"{IMAGE}, .spec.paused belongs to manager kubectl-edit. "
    )
    assert "sym.dmall.com/ignore-fields" in failure.message


def test_many_fields_are_counted() -> None:
    causes = [(EDIT, f".spec.{number}") for number in range(7)]
    assert (
        ".spec.3, .spec.4 and 2 more belongs to manager kubectl-edit" in failure_of(ACTION, conflict(*causes)).message
    )


def test_a_conflict_in_other_words_is_told_as_it_is() -> None:
    assert ": Apply failed. Sym overwrites no field" in failure_of(ACTION, conflict(("somebody", ".spec"))).message
