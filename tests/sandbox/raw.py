"""Raw requests to a simulated cluster in this process: what was asked, status and JSON of the answer."""

from urllib.parse import parse_qsl

from sym.kube.requests import JSON_TYPE, Request, Response
from sym.model.codec import JSON, JSONMap, encode, parse, parse_map
from sym.sandbox.access import ADMIN
from sym.sandbox.cluster import SandboxCluster


def ask(
    cluster: SandboxCluster,
    method: str,
    target: str,
    body: JSON = None,
    media: str = JSON_TYPE,
    *,
    accept: str = JSON_TYPE,
) -> tuple[int, JSONMap]:
    """Status and body of one answer."""
    sent = b"" if body is None else encode(body)
    answer = cluster.api.handle(_request(method, target, sent, {"Content-Type": media, "Accept": accept}), ADMIN)
    assert isinstance(answer, Response), "a watch is asked with frames()"
    return answer.status, parse_map(answer.body)


async def frames(cluster: SandboxCluster, target: str) -> list[JSON]:
    """What a watch shows until its timeoutSeconds are over."""
    answer = cluster.api.handle(_request("GET", target, b"", {}), ADMIN)
    assert not isinstance(answer, Response), answer.body
    return [parse(line) async for line in answer.lines]


def _request(method: str, target: str, body: bytes, headers: dict[str, str]) -> Request:
    path, _, query = target.partition("?")
    return Request(method=method, path=path, query=tuple(parse_qsl(query)), headers=headers, body=body)
