"""Charts in an OCI registry: the part of the distribution API that fetching one needs.

Not `helm pull`: that would go to addresses and follow redirects that our policy refuses. Anonymous, or with the token
that a registry's own token service gives to anybody. A blob is known by its digest, so that it alone may come from
another host than the registry (as large registries do), without the token.
"""

import asyncio
import hashlib
import re
from collections.abc import Iterator

from msgspec import Struct, field
from yarl import URL

from sym.model.codec import DecodeError, decode, dig_list, dig_str, parse
from sym.net.errors import ChartNotFound, ChartRefused
from sym.net.fetch import Answer, Ask, Fetcher
from sym.net.policy import parse_url, same_origin, siblings, where
from sym.net.semver import newest_first
from sym.settings import ChartSettings

_CHART = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_SMALL = 1 << 20  # of a manifest, a token, a page of tags
_PAGES = 20
_PATH = re.compile(r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TOKEN = re.compile(r"[!-~]{1,16384}")
_CHALLENGE = re.compile(r'([a-z]+)="([^"]{0,2048})"')


class Layer(Struct, frozen=True):
    """A part of a manifest."""

    media_type: str = field(default="", name="mediaType")
    digest: str = ""
    size: int = 0

    @property
    def sha256(self) -> str:
        """The digest in hex."""
        return self.digest.removeprefix("sha256:")


class _Manifest(Struct, frozen=True):
    layers: tuple[Layer, ...] = ()


class Registry:
    """One chart of one registry, for one fetch: the token lives as long as this. `url` is `oci://HOST/PATH`. Raises
    ChartRefused where it cannot be such."""

    def __init__(self, url: URL, fetcher: Fetcher, settings: ChartSettings) -> None:
        path = url.raw_path.strip("/")
        if len(path) > 255 or not _PATH.fullmatch(path) or ".." in path or url.raw_query_string:
            raise ChartRefused(f"{where(url)}: an oci:// URL is a host and a path in lower case, without version")
        self._base = URL.build(scheme="https", host=str(url.host), port=url.port).with_path(f"/v2/{path}/")
        self._path = path
        self._fetcher = fetcher
        self._settings = settings
        self._token = ""

    async def versions(self) -> list[str]:
        """The newest first. Raises ChartError."""
        tags: list[str] = []
        url = self._base.join(URL("tags/list")).with_query(n="1000")
        for _ in range(_PAGES):
            answer = (await self._get(url)).good()
            try:
                tags += [tag for tag in dig_list(parse(answer.body), "tags") if isinstance(tag, str)]
            except DecodeError:
                raise ChartRefused(f"{where(self._base)} answered with something that is no list of tags") from None
            if (following := self._following(answer)) is None:
                break
            url = following
        return newest_first([tag.replace("_", "+") for tag in tags])  # a tag may not have a `+`, as a version may

    async def find(self, version: str) -> Layer:
        """The archive of exactly this version. Raises ChartError."""
        tag = version.replace("+", "_")
        if not _TAG.fullmatch(tag):
            raise ChartRefused(f"the version {version[:128]!r} cannot be a tag of a registry")
        answer = await self._get(self._base.join(URL(f"manifests/{tag}")), Accept=_MANIFEST)
        if answer.status == 404:
            raise ChartNotFound(f"{where(self._base)} has no version {version}", tuple(await self.versions()))
        return self._layer(answer.good())

    async def archive(self, layer: Layer) -> bytes:
        """The .tgz, which has the layer's digest. Raises ChartError."""
        blob = Ask(
            url=self._base.join(URL(f"blobs/{layer.digest}")),
            limit=self._settings.archive_bytes,
            headers=self._authorization(),
            elsewhere=True,
        )
        data = (await self._fetcher.get(blob)).good().body
        if await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest()) != layer.sha256:
            raise ChartRefused(f"the archive does not have the digest that its manifest at {where(self._base)} tells")
        return data

    def _layer(self, answer: Answer) -> Layer:
        host = where(self._base)
        try:
            layers = [one for one in decode(answer.body, _Manifest).layers if one.media_type == _CHART]
        except DecodeError:
            raise ChartRefused(f"{host} answered with something that is no manifest") from None
        if len(layers) != 1 or not _DIGEST.fullmatch(layers[0].digest):
            raise ChartRefused(f"what {host} has there is no Helm chart: its manifest must have one layer of a chart")
        if layers[0].size > (limit := self._settings.archive_bytes):
            raise ChartRefused(f"the archive has {layers[0].size} bytes, more than {limit}")
        return layers[0]

    def _following(self, answer: Answer) -> URL | None:
        """The next page of a list (RFC 8288)."""
        target, _, parameters = answer.headers.get("link", "").partition(">")
        if not target.startswith("<") or "next" not in parameters:
            return None
        following = self._base.join(URL(target[1:]))
        return following if same_origin(self._base, following) else None

    async def _get(self, url: URL, **headers: str) -> Answer:
        answer = await self._fetcher.get(Ask(url=url, limit=_SMALL, headers={**headers, **self._authorization()}))
        if answer.status != 401 or self._token:
            return answer
        self._token = await self._anybodys(answer)
        return await self._fetcher.get(Ask(url=url, limit=_SMALL, headers={**headers, **self._authorization()}))

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    async def _anybodys(self, answer: Answer) -> str:
        """The token that the registry's service gives to those who say nothing of themselves."""
        host, challenge = where(self._base), answer.headers.get("www-authenticate", "")
        if not challenge.lower().startswith("bearer "):
            answer.good()
        told = dict(_CHALLENGE.findall(challenge))
        realm = parse_url(told.get("realm", ""), ("https",))
        if not siblings(realm, self._base):
            raise ChartRefused(f"{host} sends to {where(realm)} for a token, which is of another domain")
        url = realm.update_query(scope=f"repository:{self._path}:pull", service=told.get("service", host))
        body = (await self._fetcher.get(Ask(url=url, limit=_SMALL))).good().body
        for token in _tokens(body):
            if _TOKEN.fullmatch(token):
                return token
        raise ChartRefused(f"{where(realm)} gave no token for {host}")


def _tokens(body: bytes) -> Iterator[str]:
    try:
        answer = parse(body)
    except DecodeError:
        return
    yield from (dig_str(answer, "token"), dig_str(answer, "access_token"))
