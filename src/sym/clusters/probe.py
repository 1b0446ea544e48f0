"""Is this cluster's API server well, and which cluster is it? Two or three small reads.

`/readyz` says whether it is ready; where that is not open to us, `/version` proves that it is there and takes our
credentials. The uid of its kube-system namespace is the cluster's identity, whatever name or address it has.
"""

from sym.kube.api import Api
from sym.kube.errors import CredentialProblem, Forbidden, Junk, NotFound, NotServed
from sym.kube.requests import Request
from sym.model.kinds import NAMESPACE
from sym.model.meta import Object

_READY = Request(method="GET", path="/readyz")


class ForeignCluster(CredentialProblem):
    """The API at this address is not the cluster that was registered under this name."""


async def probe(api: Api, known: str) -> str:
    """The cluster's uid (`known`, if it is known already; empty, if we may not read it). Raises KubeError."""
    try:
        answer = await api.client.send(_READY)
        if answer.body.strip().lower() != b"ok":
            raise Junk("GET /readyz: the answer is not 'ok', so this is no Kubernetes API server")
    except (Forbidden, NotFound, NotServed):
        await api.version()
    return known or await identity(api)


async def identity(api: Api) -> str:
    """The uid of kube-system; empty where we may not read it. Raises KubeError."""
    try:
        return (await api.get(NAMESPACE, Object, "", "kube-system")).metadata.uid
    except (Forbidden, NotFound):
        return ""
