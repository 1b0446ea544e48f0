"""What makes the meta cluster's server prove who confirms a rollout: for `sym manifests --confirmations`.

RBAC can only say who may write `appsets/status`, and that is all of it. The policy (ValidatingAdmissionPolicy,
Kubernetes 1.30) says what: all but the controller may add entries to status.rollout.confirmations and requests, and
nothing else, under their own names, and a confirmation only of the gate that is waited at. sym-api, which has
authenticated its user, may write that user's name. The controller adds no entry, it takes away. Members of
system:masters, who could take away the policy too, may mend a status by hand, but not sign with another's name.
"""

from collections.abc import Iterator

from sym.model import names, rbac
from sym.model.codec import JSON, JSONMap
from sym.model.kinds import APPSET

_API_VERSION = "admissionregistration.k8s.io/v1"
_PEOPLE = "['confirmations', 'requests']"


def manifests(namespace: str) -> Iterator[JSONMap]:
    """The policy, its binding, and a ClusterRole for people who confirm. `namespace`: of Sym's accounts."""
    yield {
        "apiVersion": _API_VERSION,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": names.CONFIRMATIONS},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [_subject()]},
            "variables": _variables(namespace),
            "validations": _validations(),
        },
    }
    yield {
        "apiVersion": _API_VERSION,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": names.CONFIRMATIONS},
        "spec": {"policyName": names.CONFIRMATIONS, "validationActions": ["Deny"]},
    }
    yield from rbac.CONFIRMER.roles()


def _subject() -> JSONMap:
    return {
        "apiGroups": [APPSET.group],
        "apiVersions": ["*"],
        "operations": ["UPDATE"],
        "resources": [f"{APPSET.plural}/status"],
    }


def _variables(namespace: str) -> list[JSON]:
    account = f"'system:serviceaccount:{namespace}:{{}}'"
    found: dict[str, str] = {
        "me": "request.userInfo.username",
        "master": f"variables.me == {account.format('sym-controller')}",
        "api": f"variables.me == {account.format('sym-api')}",
        "admin": "has(request.userInfo.groups) && 'system:masters' in request.userInfo.groups",
        "before": "has(oldObject.status) ? oldObject.status : {}",
        "after": "has(object.status) ? object.status : {}",
        "was": "has(variables.before.rollout) ? variables.before.rollout : {}",
        "is": "has(variables.after.rollout) ? variables.after.rollout : {}",
        "oldConfirmations": "has(variables.was.confirmations) ? variables.was.confirmations : []",
        "oldRequests": "has(variables.was.requests) ? variables.was.requests : []",
        "confirmations": "has(variables.is.confirmations) ? variables.is.confirmations : []",
        "requests": "has(variables.is.requests) ? variables.is.requests : []",
        "newConfirmations": "variables.confirmations.filter(each, !(each in variables.oldConfirmations))",
        "newRequests": "variables.requests.filter(each, !(each in variables.oldRequests))",
        **{
            name: f"variables.{list_}.map(each, {_key(first, second)})"
            for name, list_, first, second in (
                ("knownConfirmations", "oldConfirmations", "gate", "gate"),
                ("knownRequests", "oldRequests", "verb", "cluster"),
            )
        },
        "gate": "has(variables.was.gate) ? variables.was.gate : ''",
        "hash": "has(variables.was.hash) ? variables.was.hash : ''",
    }
    return [{"name": name, "expression": expression} for name, expression in found.items()]


def _key(first: str, second: str) -> str:
    """By what an entry is known again in whatever way it is written: no times, no absent fields that stand empty."""
    return f"[each.{first}, each.{second}, each.hash, has(each.user) ? each.user : '']"


def _validations() -> list[JSON]:
    new = "variables.newConfirmations", "variables.newRequests"
    same = "variables.{0}.all(key, {1}(key in variables.{2} && variables.{0}[key] == variables.{2}[key]))"
    nested = "key == 'rollout' || "
    entry = f"key in {_PEOPLE} || "
    untouched = (
        same.format("after", nested, "before"),
        same.format("before", nested, "after"),
        same.format("is", entry, "was"),
        same.format("was", entry, "is"),
    )
    kept = (
        f"variables.{old}.all(each, each in variables.{now})"
        for old, now in (("oldConfirmations", "confirmations"), ("oldRequests", "requests"))
    )
    return [
        _validation(
            "!variables.master || ("
            f"variables.confirmations.all(each, {_key('gate', 'gate')} in variables.knownConfirmations) && "
            f"variables.requests.all(each, {_key('verb', 'cluster')} in variables.knownRequests))",
            "the controller takes confirmations and requests away, it never adds any",
        ),
        _validation(
            "variables.master || variables.api || ("
            + " && ".join(f"{each}.all(each, has(each.user) && each.user == variables.me)" for each in new)
            + ")",
            "a confirmation or request counts only under the name of its writer",
            "'a confirmation or request counts only under the name of its writer: the server knows this one as ' + "
            "variables.me",
        ),
        _validation(
            "variables.master || "
            "variables.newConfirmations.all(each, each.gate == variables.gate && each.hash == variables.hash)",
            "only the gate that the rollout waits at can be confirmed",
            "variables.gate == '' ? 'the rollout waits at no gate: nothing can be confirmed before it does' : "
            "'only the gate that the rollout waits at can be confirmed: ' + variables.gate",
        ),
        _validation(
            f"variables.master || variables.admin || ({' && '.join(untouched)})",
            "people write confirmations and requests into the status of an AppSet, and nothing else",
        ),
        _validation(
            f"variables.master || variables.admin || ({' && '.join(kept)})",
            "only the controller takes confirmations and requests away",
        ),
    ]


def _validation(expression: str, message: str, said: str = "") -> JSONMap:
    sentence: JSONMap = {"messageExpression": said} if said else {}
    return {"expression": expression, "message": message, "reason": "Forbidden", **sentence}
