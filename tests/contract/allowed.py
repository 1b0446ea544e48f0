"""The reviewed list of differences between the sandbox and a real server that the raw differential run accepts.

Each entry names its requests and its places in the answer by regular expressions that must match from end to end
(`SCRIPT: METHOD PATH`, and the path of a JSON value such as `.body.items[0].metadata.labels`), and says why. The run
reports entries that nothing needed any longer. A status is never allowed to differ.
"""

from msgspec import Struct


class Allowed(Struct, frozen=True):
    """A difference that is accepted."""

    request: str
    path: str
    reason: str
    sometimes: bool = False
    """whether a run may do without it, because the real server's timing decides"""


_FIELDS = r"\.body(\.items\[\d+\]|\.rows\[\d+\]\.object|\[\d+\]\.object)?\.metadata\.managedFields"
_POD = r"\.body(\.items\[\d+\]|\.rows\[\d+\]\.object)?\.spec"

ALLOWED: tuple[Allowed, ...] = (
    Allowed(
        r".*: GET /openapi/v3.*",
        r"\.body\.(paths|components)\..*",
        "the sandbox leaves out descriptions, the kinds that it does not serve, and a real server's digests",
    ),
    Allowed(r".*: GET /apis?(\?.*)?", r"\.body\.(items|groups)", "the sandbox serves fewer groups than a real server"),
    Allowed(
        r".*: GET /(api|apis/apps)/v1|.*: GET /api\?.*",
        r"\.body(\.items\[0\]\.versions\[0\])?\.resources",
        "the sandbox serves fewer kinds of these groups",
    ),
    Allowed(
        r"story openapi: GET /api",
        r"\.body\.serverAddressByClientCIDRs\[0\]\.serverAddress",
        "the address at which a server believes to be reached",
    ),
    Allowed(
        r".*: (POST|PATCH|GET|DELETE) /api/v1/namespaces/\{ns\}/pods.*",
        _POD + r"\.(volumes|containers\[\d+\]\.volumeMounts)",
        "a real server mounts a token of the ServiceAccount; nothing that runs in the sandbox could use one",
    ),
    Allowed(
        r"story (subresources|custom): .*",
        _FIELDS + r"(\[1\]\.fieldsV1\.f:metadata)?",
        "a write to /scale or to a custom resource's /status: a real server forgets the owner of the replicas, and "
        "notes one for labels that it does not write",
    ),
    Allowed(
        r".*: POST /apis/authorization\.k8s\.io/v1/selfsubjectaccessreviews",
        r"\.body\.(metadata\.managedFields|status\.reason)",
        "a review is never stored, so nobody owns its fields; the sandbox says why it allows",
    ),
    Allowed(
        r".*: POST /apis/authentication\.k8s\.io/v1/selfsubjectreviews",
        r"\.body\.(metadata\.creationTimestamp|status\.userInfo\.uid)",
        "a review is never stored; users of the sandbox have a name and groups",
    ),
    Allowed(
        r".*: PATCH .*[?&]fieldValidation=Strict.*",
        r"\.body\.(message|details\.causes\[0\]\.message)",
        "a real server prints the whole object or patch, as Go prints it, into the message about unknown fields",
    ),
    Allowed(
        r"refused .*: POST .*",
        r"\.body\.message",
        "Go's own words, with the body in hexadecimal, for a body that is no object",
    ),
    Allowed(
        r"story (claims|jobs|networks|roles): (POST|PATCH) .*",
        r"\.body\.(message|details\.causes\[0\]\.message)",
        "a real server prints a struct as Go writes it, or the difference between two, into some refusals",
    ),
    Allowed(
        r"story (create: POST|patches: PATCH) .*",
        r"\.body\.message",
        "Go's JSON parser has other words for what is no JSON",
    ),
    Allowed(
        r"story (lists|paging): GET .*[?&]continue=(nonsense|bm90IGEgdG9rZW4)",
        r"\.body\.message",
        "Go's JSON parser has other words for a token that is none",
    ),
    Allowed(
        r"story create: GET .*",
        r"\.body\.message",
        "the sandbox answers in JSON only, and says so when it is asked for something else",
    ),
    Allowed(
        r"read (events|events\.events\.k8s\.io): GET .*resourceVersion=99999999",
        r"\.body\.details\.retryAfterSeconds",
        "Events have no watch cache in a real server, which therefore does not say when to ask again",
    ),
    Allowed(
        r"read (customresourcedefinitions\.apiextensions|(cluster)?roles\.rbac\.authorization)\.k8s\.io: GET .*=none",
        r"\.body\.rows",
        "an empty Table of these kinds has null for its rows",
    ),
    Allowed(
        r"session (kubectl|sym)-.*: GET /api/v1(/namespaces/\{ns\})?/events.*",
        r"\.body\.(items|rows)",
        "a real server writes Events of its own about addresses that Services leave behind",
        sometimes=True,
    ),
)
