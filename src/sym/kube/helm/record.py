"""What a Helm release's record holds: facts, and the objects that were rendered.

A record is a Secret of type helm.sh/release.v1 whose one value is JSON, packed and in base64 (once by Helm, once by the
API server). It comes from a member, so every size is bounded. Values and chart in it may hold secrets: nothing of them
is kept, and no message shows any of it.
"""

import base64
import binascii
import re
import zlib
from datetime import datetime

from msgspec import Struct

from sym import yaml
from sym.kube.helm.types import HelmError
from sym.model.appset import HelmRelease
from sym.model.codec import JSON, DecodeError, JSONMap, as_map, convert, dig_map, dig_str, encode, parse_map

UNPACKED = 24 << 20
"""Bytes of a record, unpacked: a chart of the largest size that Sym takes, in base64, with its manifest."""
MANIFEST = 1 << 20
"""Bytes of a manifest that is parsed to look for what became of its objects: a megabyte takes a second."""
_GZIP = b"\x1f\x8b\x08"
_FRACTION = re.compile(r"(\.\d{1,6})\d*")


class BadRecord(HelmError):
    """A record that cannot be read."""


class Info(Struct, frozen=True, kw_only=True):
    """How a revision stands."""

    status: str = ""
    description: str = ""
    first_deployed: str = ""
    last_deployed: str = ""


class Metadata(Struct, frozen=True, kw_only=True, rename="camel"):
    """Which chart it is."""

    name: str = ""
    version: str = ""
    app_version: str = ""


class ChartPart(Struct, frozen=True, kw_only=True):
    """The chart, of which only the metadata is read."""

    metadata: Metadata = Metadata()


class Record(Struct, frozen=True, kw_only=True):
    """What is read of a record."""

    name: str = ""
    version: int = 0
    manifest: str = ""
    info: Info = Info()
    chart: ChartPart = ChartPart()

    def facts(self) -> HelmRelease:
        """The facts that go into a status."""
        return HelmRelease(
            release=self.name,
            chart=self.chart.metadata.name,
            chart_version=self.chart.metadata.version,
            app_version=self.chart.metadata.app_version,
            revision=self.version,
            status=self.info.status,
            description=self.info.description[:1000],
            first_deployed=_time(self.info.first_deployed),
            last_deployed=_time(self.info.last_deployed),
        )

    def objects(self) -> tuple[JSONMap, ...] | None:
        """The objects that were rendered; None where there is too much of it, or it is no YAML."""
        text = self.manifest.encode()
        if len(text) > MANIFEST:
            return None
        try:
            return tuple(as_map(each) for each in yaml.load_all(text) if isinstance(each, dict))
        except DecodeError:
            return None


def read(secret: JSONMap) -> Record:
    """The record that a Secret holds. Raises BadRecord."""
    try:
        return convert(_document(secret), Record)
    except DecodeError:
        raise BadRecord(f"{_where(secret)} is no record of Helm's that Sym can read") from None


def failed(secret: JSONMap, description: str) -> JSONMap:
    """A merge patch that makes the record of an operation which was killed say that it failed, as Helm's own word for
    it: nothing else of it changes. Raises BadRecord."""
    document = _document(secret)
    info = {**dig_map(document, "info"), "status": "failed", "description": description}
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(encode({**document, "info": info})) + packer.flush()
    once = base64.b64encode(packed)
    meta = dig_map(secret, "metadata")
    keys: JSONMap = {key: meta[key] for key in ("name", "namespace", "uid", "resourceVersion")}
    return {
        "metadata": {**keys, "labels": {"status": "failed"}},
        "data": {"release": base64.b64encode(once).decode()},
    }


def _document(secret: JSONMap) -> JSONMap:
    text = dig_str(secret, "data", "release")
    try:
        packed = base64.b64decode(base64.b64decode(text, validate=True), validate=True)
        unpacker = zlib.decompressobj(wbits=31)
        plain = unpacker.decompress(packed, UNPACKED) if packed.startswith(_GZIP) else packed
        if unpacker.unconsumed_tail:
            raise BadRecord(f"{_where(secret)} holds more than {UNPACKED >> 20} MiB, which is more than Sym takes")
        return parse_map(plain)
    except (binascii.Error, ValueError, zlib.error, DecodeError):
        raise BadRecord(f"{_where(secret)} is no record of Helm's that Sym can read") from None


def _where(secret: JSONMap) -> str:
    return f"Secret {dig_str(secret, 'metadata', 'namespace')}/{dig_str(secret, 'metadata', 'name')}"


def _time(text: JSON) -> datetime | None:
    """A time as Go writes it, with up to nine digits of fractions; None for none."""
    try:
        found = datetime.fromisoformat(_FRACTION.sub(r"\1", str(text)))
    except ValueError:
        return None
    return found if found.tzinfo is not None and found.year > 1 else None
