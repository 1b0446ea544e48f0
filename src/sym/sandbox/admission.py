"""What happens to an object between a request's bytes and the store: reading, strictness, pruning, defaults, checks.

The meaning of schemas is schema.py's and validation.py's, that of built-in kinds builtin.py's; this module puts them in
the server's order and turns what they refuse into Status answers.
"""

from sym import yaml
from sym.model.codec import JSON, DecodeError, JSONMap, as_map, dig_list, dig_str, parse
from sym.model.meta import Kind
from sym.sandbox import cel, decoding, failures, protobuf, schema, validation
from sym.sandbox.builtin import kinds
from sym.sandbox.call import Call
from sym.sandbox.events import kept_kind
from sym.sandbox.metacheck import plain_finalizer, validate_metadata, validate_metadata_update
from sym.sandbox.patch import go_map
from sym.sandbox.resources import Resource
from sym.sandbox.schema import Node

_YAML = frozenset({"application/yaml", "application/apply-patch+yaml"})
_CUSTOM_TYPES = "application/json, application/yaml"
STRATEGIC_TYPE = "application/strategic-merge-patch+json"
_SCALARS = frozenset({"bool", "float64", "int32", "int64", "string"})
UNKNOWN_FORMAT = "the body of the request was in an unknown format - accepted media types include: "


class Admission:
    """The schema nodes of one cluster's resources, and the road of an object through them."""

    def __init__(self) -> None:
        self._custom: dict[Kind, tuple[JSONMap, Node]] = {}

    def node(self, resource: Resource) -> Node:
        """The schema of a resource, made once. Raises Refusal 501 where the sandbox has none."""
        kind = resource.kind
        if not resource.custom:
            found = schema.builtin(kind.group, kind.version, kind.name)
            if found is None:
                raise failures.not_implemented(f"the schema of {kind.qualified}")
            return found
        raw = resource.schema
        held = self._custom.get(kind)
        if held is not None and held[0] is raw:
            return held[1]
        node = schema.custom(raw)
        self._custom[kind] = (raw, node)
        return node

    def known(self, call: Call, obj: JSONMap) -> JSONMap:
        """`obj` without the fields that its schema does not know; a warning or a refusal names them."""
        node = self.node(call.resource)
        misfit = decoding.metadata_misfit(node, obj) if call.resource.custom else decoding.misfit(node, obj)
        if misfit:
            raise _misfitting(call, misfit)
        unknown = [] if call.validation == "Ignore" else schema.unknown_fields(node, obj)
        if unknown and call.validation == "Strict":
            raise _strict(call, obj, unknown)
        call.warnings.extend(f'unknown field "{path}"' for path in unknown)
        call.warnings.extend(_finalizer_warnings(call, obj))
        pruned = schema.prune(node, obj)
        return as_map(schema.without_nulls(node, pruned) if call.resource.custom else pruned)

    def completed(self, resource: Resource, obj: JSONMap) -> JSONMap:
        """`obj` with every default, in the spelling that the server keeps."""
        node, kind = self.node(resource), resource.kind
        if resource.custom:
            return as_map(schema.default(node, obj))
        return kinds.complete(kind.group, kind.name, node, obj)

    def admitted(self, resource: Resource, obj: JSONMap, old: JSONMap | None) -> None:
        """Write into a completed object what admission and strategy write; these fields belong to no manager."""
        if not resource.custom:
            kinds.admit(resource.kind.group, resource.kind.name, obj, old)
        elif resource.storage_schema:  # the version that it is kept in has defaults of its own
            obj.update(as_map(schema.default(schema.custom(resource.storage_schema), obj)))

    def check(self, resource: Resource, obj: JSONMap, old: JSONMap | None) -> None:
        """Raises Refusal 422 with a cause for each field that is wrong."""
        kind = resource.kind
        if resource.custom:
            causes = validate_metadata(obj) + (validate_metadata_update(obj, old) if old is not None else [])
            causes += validation.validate(self.node(resource), obj, old)
            causes += validation.validate_scale(obj, resource.scale) if resource.scale else []
            causes += cel.validate_rules(self.node(resource), obj, old, causes)
        else:
            causes = kinds.check(kind.group, kind.name, obj, old)
        if causes:
            raise failures.invalid(kept_kind(kind), dig_str(obj, "metadata", "name"), causes)


def _misfitting(call: Call, misfit: str) -> failures.Refusal:
    """A strategic patch is merged into the typed object itself, and so is refused as a patch for a wrong scalar."""
    type_ = misfit.rpartition(" of type ")[2]
    if _media(call.header.get("content-type", "")) == STRATEGIC_TYPE and type_ in _SCALARS:
        shown = go_map(parsed(call.request.body, "application/json"))
        message = f'Invalid value: "{shown}": unrecognized type: {type_}'
        causes: JSONMap = {"causes": [{"reason": "FieldValueInvalid", "message": message, "field": "patch"}]}
        return failures.Refusal(422, "Invalid", f' "" is invalid: patch: {message}', causes)
    name = call.kind.name
    return failures.bad_request(f'{name} in version "{call.kind.version}" cannot be handled as a {name}: {misfit}')


def read(call: Call) -> JSONMap:
    """The object in a request's body. Raises Refusal 400 or 415."""
    content_type = call.header.get("content-type", "")
    if call.resource.custom and _media(content_type) == protobuf.MEDIA_TYPE:
        raise failures.unsupported_media(UNKNOWN_FORMAT + _CUSTOM_TYPES)
    if not call.request.body:
        what = "couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)"
        raise failures.bad_request(f"the object provided is unrecognized (must be of type {call.kind.name}): {what}")
    try:
        value = parsed(call.request.body, content_type, call.kind)
        return JSONMap() if value is None and not call.resource.custom else as_map(value)
    except protobuf.Malformed as error:
        raise failures.bad_request(error.refusal(call.kind.name, call.request.body)) from None
    except DecodeError as error:
        raise failures.bad_request(
            f"the object provided is unrecognized (must be of type {call.kind.name}): {error.message}"
        ) from None


def parsed(body: bytes, content_type: str, kind: Kind | None = None) -> JSON:
    """The value in a body of this media type; `kind` is for protobuf without one. Raises Refusal 415, DecodeError."""
    media = _media(content_type)
    if media == protobuf.MEDIA_TYPE:
        return protobuf.decode(body, kind.api_version if kind else "", kind.name if kind else "")
    if media in _YAML:
        return yaml.load(body)
    if media and "json" not in media:
        raise failures.unsupported_media(f"{UNKNOWN_FORMAT}{_CUSTOM_TYPES}, {protobuf.MEDIA_TYPE}")
    return parse(body)


def _media(content_type: str) -> str:
    return content_type.split(";", 1)[0].strip().lower()


def _finalizer_warnings(call: Call, obj: JSONMap) -> list[str]:
    names = dig_list(obj, "metadata", "finalizers") if call.resource.custom else []
    advice = "prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers"
    return [f'metadata.finalizers: "{name}": {advice}' for name in names if plain_finalizer(name)]


def _strict(call: Call, obj: JSONMap, unknown: list[str]) -> failures.Refusal:
    listed = ", ".join(f'unknown field "{path}"' for path in unknown)
    kind = dig_str(obj, "kind") or call.kind.name
    if call.request.method == "PATCH":
        message = f"Invalid value: the patched object: strict decoding error: {listed}"
        causes: JSONMap = {"causes": [{"reason": "FieldValueInvalid", "message": message, "field": "patch"}]}
        return failures.Refusal(422, "Invalid", f' "" is invalid: patch: {message}', causes)
    what = f"strict decoding error: {listed}"
    return failures.bad_request(f'{kind} in version "{call.kind.version}" cannot be handled as a {kind}: {what}')
