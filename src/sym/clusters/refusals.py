"""Why an action is not done although the server would do it, and how any error of an action becomes a `Failure`.

`LookAgain` is no trouble: the world moved on, the next view decides. `Refused` is ours: a guard said no. Pure, except
for knowing `kube.errors`.
"""

from msgspec import Struct

from sym.clusters.denials import Denial, denial_of
from sym.kube.errors import (
    Conflict,
    CredentialProblem,
    Invalid,
    KubeError,
    NotFound,
    NotServed,
    ServerError,
    TooLarge,
    TooManyRequests,
    Unreachable,
)
from sym.model import names
from sym.model.codec import DecodeError, decode, dig_str
from sym.model.kinds import ADVDEPLOYMENT, DEPLOYMENT, REPLICASET, SERVICE, STATEFULSET
from sym.model.meta import Object
from sym.model.workload import ReleaseRecord
from sym.plan.types import (
    Action,
    Apply,
    Create,
    Delete,
    Emit,
    Failure,
    Finalize,
    HelmLook,
    HelmRecover,
    HelmUninstall,
    HelmUpgrade,
    Measure,
    Query,
)

LOOK_AGAIN = "LookAgain"
"""The reason of failures that mean no more than "decide anew on a newer view"."""

INTERNAL = "InternalError"
"""The reason of failures that nobody foresaw: bugs."""


class LookAgain(Exception):  # it is news, not an error
    """What the decision rested on has changed."""


class Refused(Exception):  # a verdict of our own guard
    """A guard of the executor said no. `reason` is CamelCase and stable, for the metric and the condition."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class Tombstone(Struct, frozen=True, kw_only=True, rename={"app_id": "appID"}):
    """What the master writes on a child before it deletes it: annotation `sym.dmall.com/tombstone`."""

    app_id: str = ""
    epoch: int = 0
    uid: str = ""


def refusal(live: Object, action: Delete) -> Refused | None:
    """Why `live`, just read, may not be deleted; None when it is exactly what `action` means."""
    annotations, owner = live.metadata.annotations, action.owner
    what = f"{action.kind.name} {action.namespace}/{action.name} in cluster {action.cluster!r}"
    if not owner.app_id or annotations.get(names.APP_ID) != owner.app_id:
        return Refused("ForeignOwner", f"{what} does not carry this application's id and is left alone")
    if not owner.fleet_id or annotations.get(names.FLEET_ID) != owner.fleet_id:
        return Refused("ForeignFleet", f"{what} belongs to another fleet and is left alone")
    if live.metadata.namespace != owner.namespace or not _named(live, action):
        return Refused(
            "ForeignOwner", f"{what} does not belong to AppSet {owner.namespace}/{owner.name} and is left alone"
        )
    if action.tombstone and not _buried(live, owner.app_id):
        return Refused("NoTombstone", f"{what} bears no tombstone for its own uid, so its end was not asked for")
    return None


def release_refusal(live: ReleaseRecord, action: HelmUninstall) -> Refused | None:
    """Why the release of the record `live`, just read, may not be taken away; None when it is what `action` means."""
    labels, owner = live.metadata.labels, action.owner
    what = f"release {owner.namespace}/{action.name} in cluster {action.cluster!r}"
    if not owner.app_id or labels.get(names.APP_ID) != owner.app_id or labels.get(names.APP) != owner.name:
        return Refused("ForeignOwner", f"{what} does not carry this application's id and is left alone")
    if not owner.fleet_id or labels.get(names.FLEET_ID) != owner.fleet_id:
        return Refused("ForeignFleet", f"{what} belongs to another fleet and is left alone")
    if live.release != action.name or labels.get(names.RELEASE_OWNER) != "helm":
        return Refused("ForeignOwner", f"Secret {live.metadata.name} is no record of {what}, which is left alone")
    return None


def _named(live: Object, action: Delete) -> bool:
    if action.kind == ADVDEPLOYMENT:
        return live.metadata.name == action.owner.name
    if action.kind in (DEPLOYMENT, STATEFULSET, REPLICASET):
        return live.metadata.labels.get(names.APP, action.owner.name) == action.owner.name
    if action.kind == SERVICE:
        return live.metadata.name == names.service_of(action.owner.name)
    return True


def _buried(live: Object, app_id: str) -> bool:
    try:
        stone = decode(live.metadata.annotations.get(names.TOMBSTONE, ""), Tombstone)
    except DecodeError:
        return False
    return stone.uid == live.metadata.uid and stone.app_id == app_id


def failure_of(action: Action, error: Exception) -> Failure:
    """`error` of `action` as data: what happened, where, whether trying again helps."""
    match error:
        case LookAgain():
            return Failure(action=action, reason=LOOK_AGAIN, message=f"{_what(action)}: {error}")
        case Refused():
            return Failure(
                action=action,
                reason=error.reason,
                message=error.message,
                retry=error.reason.startswith(("Fuse", "Not")),
            )
        case KubeError():
            said = denial_of(error) or _trouble(error)
            message = f"{_what(action)}: {said.message}"[:1000]
            return Failure(action=action, reason=said.reason, message=message, retry=said.retry)
        case TimeoutError():
            return Failure(action=action, reason="ClusterUnreachable", message=f"{_what(action)}: no answer in time")
        case _:
            return Failure(action=action, reason=INTERNAL, message=f"{_what(action)}: {type(error).__name__}")


def _trouble(error: KubeError) -> Denial:
    table: tuple[tuple[type[KubeError], str, bool], ...] = (
        (Conflict, LOOK_AGAIN, True),
        (NotFound, "NotFound", True),
        (Invalid, "Invalid", False),
        (TooLarge, "TooLarge", False),
        (NotServed, "NotServed", True),
        (CredentialProblem, "CredentialProblem", True),
        (TooManyRequests, "TooManyRequests", True),
        (ServerError, "ServerError", True),
        (Unreachable, "ClusterUnreachable", True),
    )
    found = ((reason, retry) for type_, reason, retry in table if isinstance(error, type_))
    reason, retry = next(found, ("Error", True))
    return Denial(reason=reason, message=error.message, retry=retry)


def _what(action: Action) -> str:
    """Where and what: of a worker in its own cluster only what, since whoever reads it knows where."""
    cluster = f"cluster {action.cluster!r}, " if action.cluster else ""
    match action:
        case Create() | Apply():
            return f"{cluster}{action.kind.name} {dig_str(action.body, 'metadata', 'name')}"
        case Delete() | Finalize() | Emit():
            return f"{cluster}{action.kind.name} {action.name}"
        case HelmUpgrade() | HelmUninstall() | HelmRecover() | HelmLook():
            return f"{cluster}release {action.name}"
        case Query():
            return f"analysis {action.analysis.name}"
        case Measure():
            return f"{cluster}live look for {action.owner.namespace}/{action.owner.name}"
