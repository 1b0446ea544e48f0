"""Raw requests to a simulated cluster in this process: what was asked, status and JSON of the answer."""

from urllib.parse import parse_qsl

from sym.kube.requests import JSON_TYPE, Request, Response
from sym.model.codec import JSON, JSONMap, encode, parse, parse_map
from sym.sandbox.access import ADMIN
from sym.sandbox.cluster import SandboxCluster


def ask(
    cluster: SandboxCluster, method: str, target: str, body: JSON = None, media: str = JSON_TYPE
) -> tuple[int, JSONMap]:
    """Status and body of one answer."""
    answer = cluster.api.handle(_request(method, target, b"" if body is None else encode(body), media), ADMIN)
    assert isinstance(answer, Response), "a watch is asked with frames()"
    return answer.status, parse_map(answer.body)


async def frames(cluster: SandboxCluster, target: str) -> list[JSON]:
    """What a watch shows until its timeoutSeconds are over."""
    answer = cluster.api.handle(_request("GET", target, b"", ""), ADMIN)
    assert not isinstance(answer, Response), answer.body
    return [parse(line) async for line in answer.lines]


def _request(method: str, target: str, body: bytes, media: str) -> Request:
    path, _, query = target.partition("?")
    return Request(method=method, path=path, query=tuple(parse_qsl(query)), headers={"Content-Type": media}, body=body)
