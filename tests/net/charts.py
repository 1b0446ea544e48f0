"""Charts for the tests, made on the spot: archives as Helm makes them, and as nobody should."""

import gzip
import io
import tarfile
from collections.abc import Iterable, Mapping

MAP = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}'}\n"


def about(name: str = "demo", version: str = "0.1.0", more: str = "") -> bytes:
    """A Chart.yaml."""
    return f"apiVersion: v2\nname: {name}\nversion: {version}\n{more}".encode()


def files(name: str = "demo", version: str = "0.1.0", more: str = "") -> dict[str, bytes]:
    """The files of a small chart, without the folder that holds them."""
    return {"Chart.yaml": about(name, version, more), "values.yaml": b"a: 1\n", "templates/map.yaml": MAP}


def tgz(content: Mapping[str, bytes] | None = None, top: str = "demo/", form: int = tarfile.GNU_FORMAT) -> bytes:
    """An archive of `content`, each below `top`."""
    found = files() if content is None else content
    return packed(((member(top + path), data) for path, data in found.items()), form)


def chart(name: str = "demo", version: str = "0.1.0", more: str = "") -> bytes:
    """The archive of a small chart."""
    return tgz(files(name, version, more), f"{name}/")


def member(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", pax: Mapping[str, str] | None = None
) -> tarfile.TarInfo:
    """A member's header."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.pax_headers = kind, link, dict(pax or {})
    return info


def tarball(members: Iterable[tuple[tarfile.TarInfo, bytes]], form: int = tarfile.GNU_FORMAT) -> bytes:
    """A tar with these members, in this order."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def packed(members: Iterable[tuple[tarfile.TarInfo, bytes]], form: int = tarfile.GNU_FORMAT) -> bytes:
    """The same, gzipped."""
    return gzip.compress(tarball(members, form), compresslevel=1, mtime=0)


def header(name: str, size: bytes, kind: bytes = b"0") -> bytes:
    """A header as no library writes it, with the right checksum."""
    block = bytearray(512)
    block[: len(name)] = name.encode()
    block[124 : 124 + len(size)] = size
    block[156:157] = kind
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)
