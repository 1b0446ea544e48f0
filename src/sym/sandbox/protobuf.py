"""Protobuf request bodies, as kubectl's `create`, Helm and Go's controllers send them, made into the object's JSON.

Relies on the table that tools/facts/protobuf.py wrote (numbers, JSON names, types, what Go leaves out where it is zero)
and on wire.py. The JSON is what Go writes of the same object. Answers are never protobuf: clients take JSON too.
"""

import base64
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final, NamedTuple

from sym.model.codec import JSON, DecodeError, JSONMap, as_list, as_map, dig, dig_list, dig_map, dig_str, parse
from sym.sandbox import facts, wire
from sym.sandbox.wire import Reader, Value, WireError

MEDIA_TYPE: Final = "application/vnd.kubernetes.protobuf"
MAGIC: Final = b"k8s\x00"
_SHOWN: Final = 30
"""Bytes of an unreadable body that the refusal shows."""
_DEEPEST: Final = 128
"""Messages within messages: deeper than any real CRD, shallower than Python's stack."""
_ENVELOPE: Final = {1: "TypeMeta", 2: "Raw", 3: "ContentEncoding", 4: "ContentType"}
_TYPE_META: Final = {1: "APIVersion", 2: "Kind"}
_BITS: Final = {"int32": 32, "int64": 64}
_WIRE: Final = {"bool": wire.VARINT, "int32": wire.VARINT, "int64": wire.VARINT, "double": wire.FIXED64}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_META: Final = "k8s.io.apimachinery.pkg.apis.meta.v1"
_CRD: Final = "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1"


class Malformed(DecodeError):
    """A body that cannot be read. `subject` is the kind and version that its envelope names, if it got so far."""

    def __init__(self, message: str, subject: str = "") -> None:
        super().__init__(message)
        self.subject = subject

    def refusal(self, kind: str, body: bytes) -> str:
        """What a server says of the body that was to be of this kind."""
        if self.subject:
            return f"{self.subject} cannot be handled as a {kind}: {self.message}"
        shown = body[:_SHOWN].decode(errors="replace") if body.startswith(b"{") else body[:_SHOWN].hex()
        begin = (shown or "<empty>") + (" ..." if len(body) > _SHOWN else "")
        return f"the object provided is unrecognized (must be of type {kind}): {self.message} ({begin})"


class Field(NamedTuple):
    """What the table says of one field. `wires` are its wire types: numbers that repeat may be packed."""

    name: str
    go_name: str
    type: str
    flags: str
    wires: tuple[int, ...]


class _Envelope(NamedTuple):
    """`runtime.Unknown`: what it is, and its bytes."""

    api_version: str
    kind: str
    raw: bytes

    @property
    def subject(self) -> str:
        return f'{self.kind} in version "{self.api_version.rpartition("/")[2]}"'


def decode(body: bytes, api_version: str = "", kind: str = "") -> JSONMap:
    """The object in a body. What its envelope does not name is `api_version` and `kind`. Raises Malformed."""
    found = _opened(body, api_version, kind)
    message = _message_of(found.api_version, found.kind)
    if not message:
        where = 'scheme "pkg/runtime/scheme.go:110"'
        text = f'no kind "{found.kind}" is registered for version "{found.api_version}" in {where}'
        raise Malformed(text, found.subject)
    try:
        obj = _message(message, found.raw, 0)
    except (WireError, DecodeError) as error:
        text = error.message if isinstance(error, DecodeError) else str(error)
        raise Malformed(text, found.subject) from None
    return {"kind": found.kind, "apiVersion": found.api_version, **as_map(obj)}


def _opened(body: bytes, api_version: str, kind: str) -> _Envelope:
    if not body:
        raise Malformed("empty data")
    if not body.startswith(MAGIC):
        raise Malformed("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    if body == MAGIC:
        raise Malformed("empty body")
    try:
        outer = _parts(body[len(MAGIC) :], _ENVELOPE)
        inner = _parts(outer.get(1, b""), _TYPE_META)
    except WireError as error:
        raise Malformed(str(error)) from None
    version, name = _text(inner.get(1, b"")), _text(inner.get(2, b""))
    return _Envelope(version or api_version, name or kind, outer.get(2, b""))


def _parts(data: bytes, names: Mapping[int, str]) -> dict[int, bytes]:
    """The fields of a message that has but bytes."""
    found: dict[int, bytes] = {}
    reader = Reader(data)
    while reader.more:
        number, type_ = reader.tag()
        if number in names and type_ != wire.BYTES:
            raise _wrong(type_, names[number])
        found[number] = _bytes(reader.value(type_))
    return found


def _message_of(api_version: str, kind: str) -> str:
    """The message of a kind; every version has the DeleteOptions of meta.k8s.io."""
    kinds = dig_map(facts.protobuf(), "kinds")
    return dig_str(kinds, "meta.k8s.io/v1" if kind == "DeleteOptions" else api_version, kind)


@cache
def _fields(message: str) -> Mapping[int, Field]:
    found: dict[int, Field] = {}
    for row in dig_list(facts.protobuf(), "messages", message):
        number, name, type_, flags, go_name = (dig(row, index) for index in range(5))
        if isinstance(number, int):
            found[number] = _field(str(name), str(go_name), str(type_), str(flags))
    return found


def _field(name: str, go_name: str, type_: str, flags: str) -> Field:
    plain = wire.BYTES if "m" in flags else _WIRE.get(type_, wire.BYTES)
    packed = (wire.BYTES,) if "r" in flags and plain == wire.VARINT else ()
    return Field(name, go_name, type_, flags, (plain, *packed))


def _message(name: str, data: bytes, depth: int) -> JSON:
    if depth > _DEEPEST:
        raise WireError("nested too deeply")
    known = _fields(name)
    found: JSONMap = {}
    reader = Reader(data)
    while reader.more:
        number, type_ = reader.tag()
        if not number or type_ == wire.END:
            why = "wiretype end group for non-group" if number else f"illegal tag 0 (wire type {type_})"
            raise WireError(f"proto: {name.rpartition('.')[2]}: {why}")
        field = known.get(number)
        if field is not None and type_ not in field.wires:
            raise _wrong(type_, field.go_name)
        value = reader.value(type_)
        if field is not None:
            _put(found, field, value, depth)
    own = _OWN.get(name)
    return own(found) if own else found


def _wrong(type_: int, go_name: str) -> WireError:
    return WireError(f"proto: wrong wireType = {type_} for field {go_name}")


def _put(found: JSONMap, field: Field, value: Value, depth: int) -> None:
    if "m" in field.flags:
        as_map(found.setdefault(field.name, {})).update(_entry(field, _bytes(value), depth))
    elif "r" in field.flags:
        as_list(found.setdefault(field.name, [])).extend(_items(field, value, depth))
    else:
        item = _json(field, value, depth)
        if "i" in field.flags:
            found.update(as_map(item))
        elif item or "z" not in field.flags:
            found[field.name] = item


def _entry(field: Field, data: bytes, depth: int) -> JSONMap:
    parts: dict[int, Value] = {}
    reader = Reader(data)
    while reader.more:
        number, type_ = reader.tag()
        parts[number] = reader.value(type_)
    return {_text(parts.get(1, b"")): _json(field, parts.get(2, b""), depth)}


def _items(field: Field, value: Value, depth: int) -> list[JSON]:
    if isinstance(value, int) or _WIRE.get(field.type) != wire.VARINT:
        return [_json(field, value, depth)]
    found: list[JSON] = []
    reader = Reader(value)
    while reader.more:
        found.append(_scalar(field, reader.varint()))
    return found


def _json(field: Field, value: Value, depth: int) -> JSON:
    match field.type:
        case "string":
            return _text(value)
        case "bytes":
            return base64.b64encode(_bytes(value)).decode()
        case "json":
            return parse(_bytes(value)) if value else None
        case "bool" | "int32" | "int64" | "double":
            return _scalar(field, value)
        case _:
            return _message(field.type, _bytes(value), depth + 1)


def _scalar(field: Field, value: Value) -> JSON:
    if isinstance(value, int):
        return value != 0 if field.type == "bool" else wire.signed(value, _BITS[field.type])
    number = wire.double(value)
    if not math.isfinite(number):
        raise WireError(f"json: unsupported value: {number}")
    return int(number) if number.is_integer() else number


def _bytes(value: Value) -> bytes:
    """The bytes of a field; of a number, which only the entries of maps may hold in their place, none."""
    return value if isinstance(value, bytes) else b""


def _text(value: Value) -> str:
    return _bytes(value).decode(errors="replace")


# the messages whose Go types write their JSON themselves


def _time(found: JSONMap) -> JSON:
    return _moment(found, 0, "seconds") if found else None


def _micro_time(found: JSONMap) -> JSON:
    nanos = found.get("nanos")
    return _moment(found, nanos // 1000 if isinstance(nanos, int) else 0, "microseconds") if found else None


def _moment(found: JSONMap, micros: int, precision: str) -> str:
    seconds = found.get("seconds")
    try:
        since = timedelta(seconds=seconds if isinstance(seconds, int) else 0, microseconds=micros)
        return (_EPOCH + since).isoformat(timespec=precision).replace("+00:00", "Z")
    except OverflowError:
        raise WireError("a time outside the years 1 to 9999") from None


def _int_or_string(found: JSONMap) -> JSON:
    return found.get("strVal", "") if found.get("type") else found.get("intVal", 0)


def _schema_or_array(found: JSONMap) -> JSON:
    return found.get("jSONSchemas") or found.get("schema")


def _schema_or_bool(found: JSONMap) -> JSON:
    return found["schema"] if "schema" in found else found.get("allows", False)


def _schema_or_names(found: JSONMap) -> JSON:
    return found.get("property") or found.get("schema")


_OWN: Final[Mapping[str, Callable[[JSONMap], JSON]]] = {
    f"{_META}.Time": _time,
    f"{_META}.MicroTime": _micro_time,
    f"{_META}.FieldsV1": lambda found: found.get("Raw"),
    f"{_CRD}.JSON": lambda found: found.get("raw"),
    f"{_CRD}.JSONSchemaPropsOrArray": _schema_or_array,
    f"{_CRD}.JSONSchemaPropsOrBool": _schema_or_bool,
    f"{_CRD}.JSONSchemaPropsOrStringArray": _schema_or_names,
    "k8s.io.api.authentication.v1.ExtraValue": lambda found: found.get("items", []),
    "k8s.io.apimachinery.pkg.api.resource.Quantity": lambda found: found.get("string", ""),
    "k8s.io.apimachinery.pkg.runtime.RawExtension": lambda found: found.get("raw"),
    "k8s.io.apimachinery.pkg.util.intstr.IntOrString": _int_or_string,
}
