"""The members of a tar archive that is held in memory, read strictly.

Not `tarfile`: that follows links, sizes and chains of headers which a hostile archive sets, and an archive of a chart
needs none of them. Known are the formats that Go, GNU tar and bsdtar write: v7, ustar, pax and GNU's long names.
Regular files and folders only; anything else is refused. Relies on nothing but the errors of `net`.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, NoReturn

from sym.net.errors import ChartRefused

_BLOCK = 512
_HEADER_BYTES = 64 << 10  # of a pax header or a long name; real ones have some hundred
_FILES = (b"0", b"\0")
_FOLDER = b"5"
_OTHERS: Mapping[bytes, str] = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a device",
    b"4": "a device",
    b"6": "a pipe",
    b"S": "a sparse file",
}


class Member(NamedTuple):
    """One file or folder. `name` is as the archive says it: the reader checks it."""

    name: str
    folder: bool
    data: memoryview


def members(data: bytes) -> Iterator[Member]:
    """Each file and folder in turn. Raises ChartRefused for links, devices and whatever is no tar."""
    whole, at = memoryview(data), 0
    long_name, pax = "", dict[str, str]()
    while at < len(whole):
        header = bytes(whole[at : at + _BLOCK])
        if not header.strip(b"\0"):
            return
        _check(header)
        kind = header[156:157]
        size = _size(header, pax)
        content = whole[at + _BLOCK : at + _BLOCK + size]
        if len(content) < size:
            _refuse(f"a member says that it has {size} bytes and the archive ends before them")
        at += _BLOCK + -(-size // _BLOCK) * _BLOCK
        match kind:
            case b"x":
                pax = _pax(content)
            case b"g":
                _global(content)
            case b"L":
                long_name = _text(bytes(_short(content)).rstrip(b"\0"))
            case _:
                name = pax.get("path") or long_name or _name(header)
                yield Member(name, _is_folder(kind, name, size), content)
                long_name, pax = "", {}


def _check(header: bytes) -> None:
    """The checksum counts itself as eight blanks."""
    if len(header) < _BLOCK:
        _refuse("it ends in the middle of a header")
    if _octal(header[148:156]) != sum(header) - sum(header[148:156]) + 8 * ord(" "):
        _refuse("a header's checksum is wrong")


def _is_folder(kind: bytes, name: str, size: int) -> bool:
    if kind != _FOLDER and kind not in _FILES:
        _refuse(f"{name[:200]!r} is {_OTHERS.get(kind, 'neither a file nor a folder')}; allowed are files and folders")
    folder = kind == _FOLDER or (kind == b"\0" and name.endswith("/"))
    if folder and size:
        _refuse(f"the folder {name[:200]!r} has content")
    return folder


def _size(header: bytes, pax: Mapping[str, str]) -> int:
    """A size in `pax` is of the member that follows the pax header, which is a file or a folder."""
    if (text := pax.get("size")) is None or header[156:157] in (b"x", b"g", b"L"):
        return _octal(header[124:136])
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        _refuse("a pax header has a size that is no number")
    return int(text)


def _name(header: bytes) -> str:
    name = header[:100].partition(b"\0")[0]
    if header[257:263] == b"ustar\0" and (prefix := header[345:500].partition(b"\0")[0]):
        name = prefix + b"/" + name
    return _text(name)


def _pax(content: memoryview) -> dict[str, str]:
    """Records of `LENGTH KEY=VALUE` and a line feed, where LENGTH counts the whole record."""
    rest, records = bytes(_short(content)), dict[str, str]()
    while rest:
        digits, _, _ = rest.partition(b" ")
        length = int(digits) if digits.isdigit() and len(digits) <= 6 else 0
        key, equals, value = rest[len(digits) + 1 : length - 1].partition(b"=")
        if not equals or rest[length - 1 : length] != b"\n":
            _refuse("a pax header is broken")
        if key.startswith(b"GNU.sparse"):
            _refuse("it holds a sparse file; allowed are files and folders")
        if key in (b"path", b"size"):
            records[key.decode()] = _text(value)
        rest = rest[length:]
    return records


def _global(content: memoryview) -> None:
    """Comments, as `git archive` writes them, are fine; names and sizes for all that follows are not."""
    if _pax(content):
        _refuse("a global pax header sets names or sizes")


def _short(content: memoryview) -> memoryview:
    if len(content) > _HEADER_BYTES:
        _refuse(f"a pax header or long name has {len(content)} bytes, more than {_HEADER_BYTES}")
    return content


def _octal(field: bytes) -> int:
    digits = field.strip(b" \0")
    if not all(digit in b"01234567" for digit in digits):
        _refuse("a header has a size or a checksum that is no octal number")
    return int(digits or b"0", 8)


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        _refuse("a name is not UTF-8")


def _refuse(what: str) -> NoReturn:
    raise ChartRefused(f"the archive is no tar that Sym takes: {what}")
