"""Who am I, may I: the two reviews that kubectl asks. The sandbox has no RBAC: whoever is authenticated may do all.

Pure.
"""

from sym.model.codec import JSONMap, dig_map
from sym.sandbox.call import Call


def answer(call: Call, obj: JSONMap) -> JSONMap:
    """The review with its status."""
    meta: JSONMap = {name: value for name, value in dig_map(obj, "metadata").items() if value is not None}
    head: JSONMap = {"kind": call.kind.name, "apiVersion": call.kind.api_version, "metadata": meta}
    if call.kind.name == "SelfSubjectReview":
        return {**head, "status": {"userInfo": {"username": call.user.name, "groups": [*call.user.groups]}}}
    reason = "every authenticated user of the sandbox may do everything"
    return {**head, "spec": dig_map(obj, "spec"), "status": {"allowed": True, "reason": reason}}
