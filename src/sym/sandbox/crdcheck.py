"""What a server refuses of a CustomResourceDefinition: its names, versions, columns, and above all its schema.

A schema must be structural: a type everywhere, value checks only beside it, lists and maps that say how they merge.
Relies on cel.py for the rules and on validation.py for the defaults.
"""

import json
import re
from collections.abc import Iterator
from typing import Final

from sym.kube.errors import Cause
from sym.model.codec import JSON, JSONMap, dig, dig_list, dig_map, dig_str
from sym.sandbox import cel, naming, schema, validation
from sym.sandbox.builtin.pods import maps
from sym.sandbox.validation import forbidden, invalid, required, unsupported

_TYPES: Final = ["array", "boolean", "integer", "number", "object", "string"]
_COLUMN_TYPES: Final = ["boolean", "date", "integer", "number", "string"]
_REASONS: Final = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"]
_STRUCTURE: Final = ("type", "default", "nullable", "additionalProperties", "x-kubernetes-list-type")
_JSON_PATH: Final = re.compile(r"\.[A-Za-z_\\].*|\[.*|\..*")
_PROTECTED: Final = re.compile(r"(^|.*\.)(k8s|kubernetes)\.io")


def check_crd(document: JSONMap, old: JSONMap | None) -> list[Cause]:
    """What is wrong with a CRD."""
    spec = dig_map(document, "spec")
    causes = _own_name(document, spec)
    causes += _scope_and_group(document, spec)
    causes += _versions(spec)
    causes += _names(dig_map(spec, "names"))
    strategy = dig_str(spec, "conversion", "strategy")
    if strategy not in {"", "None", "Webhook"}:
        causes.append(unsupported("spec.conversion.strategy", strategy, ["None", "Webhook"]))
    if spec.get("preserveUnknownFields") is True:
        text = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        causes.append(invalid("spec.preserveUnknownFields", True, text))
    causes += _bodies(spec)
    return causes + (_kept(spec, dig_map(old, "spec")) if old is not None else [])


def schema_causes(raw: JSONMap, path: str, *, status: bool = False) -> list[Cause]:
    """What is wrong with an `openAPIV3Schema`. `status`: the version has the status subresource."""
    causes: list[Cause] = []
    kind = raw.get("type")
    where = f"{path}.type"
    if kind not in {None, "object"} and status:
        text = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'
        causes.append(invalid(where, kind, text))
    if kind is None:
        causes.append(required(where, "must not be empty at the root"))
    elif kind != "object":
        causes.append(invalid(where, kind, "must be object at the root"))
    causes += _metadata(raw, path)
    causes += _place(raw, path)
    return causes or _meanings(raw, path, root=True)


def _own_name(document: JSONMap, spec: JSONMap) -> list[Cause]:
    name = dig_str(document, "metadata", "name")
    if not name or name == f"{dig_str(spec, 'names', 'plural')}.{dig_str(spec, 'group')}":
        return []
    return [invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group')]


def _scope_and_group(document: JSONMap, spec: JSONMap) -> list[Cause]:
    group, scope = dig_str(spec, "group"), dig_str(spec, "scope")
    causes: list[Cause] = []
    if not group:
        causes.append(required("spec.group"))
    else:
        causes += [invalid("spec.group", group, error) for error in naming.subdomain(group)]
        if len(group.split(".")) < 2 and not causes:
            causes.append(invalid("spec.group", group, "should be a domain with at least one dot"))
    if not scope:
        causes.append(required("spec.scope"))
    elif scope not in {"Cluster", "Namespaced"}:
        causes.append(unsupported("spec.scope", scope, ["Cluster", "Namespaced"]))
    approval = "api-approved.kubernetes.io"
    if _PROTECTED.fullmatch(group) and approval not in dig_map(document, "metadata", "annotations"):
        text = f'protected groups must have approval annotation "{approval}", see https://github.com/kubernetes/enhancements/pull/1111'
        causes.append(required(f"metadata.annotations[{approval}]", text))
    return causes


def _versions(spec: JSONMap) -> list[Cause]:
    versions = maps(spec, "versions")
    causes: list[Cause] = []
    names = [dig_str(version, "name") for version in versions]
    for index, name in enumerate(names):
        causes += [invalid(f"spec.versions[{index}].name", name, error) for error in naming.label_1035(name)]
        if dig(versions[index], "schema", "openAPIV3Schema") is None:
            causes.append(required(f"spec.versions[{index}].schema.openAPIV3Schema"))
    listed = "[" + ",".join(_go_version(version) for version in versions) + "]" if "versions" in spec else "null"
    if len(set(names)) < len(names):
        causes.append(_spelled("spec.versions", listed, "must contain unique version names"))
    storing = [name for name, version in zip(names, versions, strict=True) if version.get("storage") is True]
    if len(storing) != 1:
        causes.append(_spelled("spec.versions", listed, "must have exactly one version marked as storage version"))
    if not storing:
        causes.append(invalid("status.storedVersions", None, "must have at least one stored version"))
    return causes


def _names(names: JSONMap) -> list[Cause]:
    causes: list[Cause] = []
    for field in ("plural", "singular"):
        name = dig_str(names, field)
        causes += [invalid(f"spec.names.{field}", name, error) for error in naming.label_1035(name)] if name else []
        causes += [] if name else [required(f"spec.names.{field}")]
    for field in ("kind", "listKind"):
        name = dig_str(names, field)
        problems = naming.label_1035(name.lower()) if name else []
        text = "may have mixed case, but should otherwise match: "
        causes += [invalid(f"spec.names.{field}", name, text + error) for error in problems]
        causes += [] if name else [required(f"spec.names.{field}")]
    if names.get("kind") and names.get("kind") == names.get("listKind"):
        causes.append(invalid("spec.names.listKind", names["listKind"], "kind and listKind may not be the same"))
    for field in ("shortNames", "categories"):
        for index, extra in enumerate(dig_list(names, field)):
            problems = naming.label_1035(str(extra))
            causes += [invalid(f"spec.names.{field}[{index}]", extra, error) for error in problems]
    return causes


def _bodies(spec: JSONMap) -> list[Cause]:
    """The parts of versions that the server moves up to the CRD itself where all versions agree."""
    versions = maps(spec, "versions")
    alone = len(versions) == 1
    causes: list[Cause] = []
    for index, version in enumerate(versions):
        place = "spec" if alone else f"spec.versions[{index}]"
        raw = dig(version, "schema", "openAPIV3Schema")
        if isinstance(raw, dict):
            path = f"{place}.{'validation' if alone else 'schema'}.openAPIV3Schema"
            causes += schema_causes(raw, path, status="status" in dig_map(version, "subresources"))
        for at, column in enumerate(maps(version, "additionalPrinterColumns")):
            causes += _column(column, f"{place}.additionalPrinterColumns[{at}]")
        for at, field in enumerate(maps(version, "selectableFields")):
            causes += _selectable(dig_str(field, "jsonPath"), raw, f"{place}.selectableFields[{at}].jsonPath")
        scale = dig(version, "subresources", "scale")
        if isinstance(scale, dict):
            causes += _scale(scale, f"{place}.subresources.scale")
    return causes


def _selectable(where: str, raw: JSON, path: str) -> list[Cause]:
    if isinstance(raw, dict) and _leads(raw, where):
        return []
    return [invalid(path, where, "is an invalid path: does not refer to a valid field")]


def _column(column: JSONMap, path: str) -> list[Cause]:
    causes = [] if column.get("name") else [required(f"{path}.name")]
    kind, where = dig_str(column, "type"), dig_str(column, "jsonPath")
    if not kind:
        causes.append(required(f"{path}.type", f"must be one of {','.join(_COLUMN_TYPES)}"))
    elif kind not in _COLUMN_TYPES:
        causes.append(invalid(f"{path}.type", kind, f"must be one of {','.join(_COLUMN_TYPES)}"))
    if not where:
        return [*causes, required(f"{path}.JSONPath")]
    return causes + _json_path(where, f"{path}.JSONPath")


def _scale(scale: JSONMap, path: str) -> list[Cause]:
    causes: list[Cause] = []
    for field, root in (("specReplicasPath", ".spec"), ("statusReplicasPath", ".status"), ("labelSelectorPath", "")):
        where, place = dig_str(scale, field), f"{path}.{field}"
        if not where:
            causes += [required(place)] if root else []
            continue
        bad = _json_path(where, place)
        causes += bad
        if root and not bad and not where.startswith(f"{root}."):
            causes.append(invalid(place, where, f"should be a json path under {root}"))
        if not root and not where.startswith((".spec.", ".status.")):
            causes.append(invalid(place, where, "should be a json path under either .spec or .status"))
    return causes


def _json_path(where: str, path: str) -> list[Cause]:
    if _JSON_PATH.fullmatch(where) and "[]" not in where:
        return []
    return [invalid(path, where, "must be a simple json path starting with .")]


def _metadata(raw: JSONMap, path: str) -> list[Cause]:
    stated = dig(raw, "properties", "metadata")
    if not isinstance(stated, dict):
        return []
    where = f"{path}.properties[metadata]"
    if not dig_map(stated, "properties").keys() <= {"name", "generateName"}:
        return [
            forbidden(
                where,
                "must not specify anything other than name and generateName, but metadata is implicitly specified",
            )
        ]
    return []


def _place(raw: JSONMap, path: str) -> list[Cause]:
    """The shape of one place of a schema, and of all below."""
    causes = list(_keywords(raw, path))
    kind = raw.get("type")
    if kind is not None and kind not in _TYPES:
        causes.append(unsupported(f"{path}.type", kind, _TYPES))
    causes += list(_lists(raw, path))
    if kind == "array" and "items" not in raw:
        causes.append(required(f"{path}.items", "must be specified"))
    for name, child in dig_map(raw, "properties").items():
        causes += _child(child, f"{path}.properties[{name}]")
    for field in ("items", "additionalProperties"):
        if isinstance(raw.get(field), dict):
            causes += _child(raw[field], f"{path}.{field}")
    for word in ("allOf", "anyOf", "oneOf"):
        for index, branch in enumerate(maps(raw, word)):
            causes += _branch(branch, f"{path}.{word}[{index}]", loose=raw.get("x-kubernetes-int-or-string") is True)
    return causes + (_branch(dig_map(raw, "not"), f"{path}.not", loose=False) if "not" in raw else [])


def _child(raw: JSON, path: str) -> list[Cause]:
    child = dig_map(raw)
    free = child.get("x-kubernetes-int-or-string") is True or child.get("x-kubernetes-preserve-unknown-fields") is True
    untyped = not child.get("type") and not free and "$ref" not in child
    if untyped:
        return [required(f"{path}.type", "must not be empty for specified object fields")]
    return _place(child, path)


def _branch(raw: JSONMap, path: str, *, loose: bool) -> list[Cause]:
    """A branch may check values, not state types."""
    stated = [field for field in _STRUCTURE if field in raw and not (loose and field == "type")]
    causes = [forbidden(f"{path}.{field}", "must be empty to be structural") for field in stated]
    for name, child in dig_map(raw, "properties").items():
        causes += _branch(dig_map(child), f"{path}.properties[{name}]", loose=False)
    if isinstance(raw.get("items"), dict):
        causes += _branch(dig_map(raw, "items"), f"{path}.items", loose=False)
    for word in ("allOf", "anyOf", "oneOf"):
        for index, branch in enumerate(maps(raw, word)):
            causes += _branch(branch, f"{path}.{word}[{index}]", loose=loose)
    return causes


def _keywords(raw: JSONMap, path: str) -> Iterator[Cause]:
    if "$ref" in raw:
        yield forbidden(f"{path}.$ref", "$ref is not supported")
    if raw.get("uniqueItems") is True:
        text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield forbidden(f"{path}.uniqueItems", text)
    if raw.get("properties") and isinstance(raw.get("additionalProperties"), dict):
        yield forbidden(f"{path}.additionalProperties", "additionalProperties and properties are mutual exclusive")
    if isinstance(raw.get("items"), list):
        yield forbidden(f"{path}.items", "items must be a schema object and not an array")
    if raw.get("x-kubernetes-preserve-unknown-fields") is False:
        yield invalid(f"{path}.x-kubernetes-preserve-unknown-fields", False, "must be true or undefined")
    embedded = raw.get("x-kubernetes-embedded-resource") is True
    if embedded and not raw.get("properties") and "x-kubernetes-preserve-unknown-fields" not in raw:
        text = (
            "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields"
        )
        yield required(f"{path}.properties", text)
    expression = raw.get("pattern")
    if isinstance(expression, str):
        yield from _pattern(expression, f"{path}.pattern")


def _pattern(expression: str, path: str) -> Iterator[Cause]:
    try:
        validation.pattern(expression)
    except re.error as error:
        why = str(error)
        if why.startswith("missing ), unterminated subpattern"):
            why = f"missing closing ): `{expression}`"
        yield invalid(path, expression, f"must be a valid regular expression, but isn't: error parsing regexp: {why}")


def _lists(raw: JSONMap, path: str) -> Iterator[Cause]:
    kind = raw.get("x-kubernetes-list-type")
    if kind is None:
        return
    if raw.get("type") != "array":
        where = f"{path}.type"
        yield invalid(where, raw.get("type", ""), "must be array if x-kubernetes-list-type is specified")
    if kind not in {"atomic", "set", "map"}:
        yield unsupported(f"{path}.x-kubernetes-list-type", kind, ["atomic", "map", "set"])
    items = raw.get("items")
    if kind == "set" and isinstance(items, dict):
        mergeable = items.get("type") == "object" and items.get("x-kubernetes-map-type") != "atomic"
        if mergeable:
            text = "must be atomic as item of a list with x-kubernetes-list-type=set"
            yield invalid(f"{path}.items.x-kubernetes-map-type", items.get("x-kubernetes-map-type"), text)
    if kind == "map":
        yield from _keyed(raw, items, path)


def _keyed(raw: JSONMap, items: JSON, path: str) -> Iterator[Cause]:
    keys = [key for key in dig_list(raw, "x-kubernetes-list-map-keys") if isinstance(key, str)]
    if not keys:
        yield required(f"{path}.x-kubernetes-list-map-keys", "must not be empty if x-kubernetes-list-type is map")
    if not isinstance(items, dict):
        yield required(f"{path}.items", "must have a schema if x-kubernetes-list-type is map")
        return
    if items.get("type") != "object":
        text = "must be object if parent array's x-kubernetes-list-type is map"
        yield invalid(f"{path}.items.type", items.get("type", ""), text)
        return
    for key in keys:
        field = dig(items, "properties", key)
        if not isinstance(field, dict):
            yield invalid(
                f"{path}.x-kubernetes-list-map-keys[{keys.index(key)}]",
                key,
                "entries must all be names of item properties",
            )
        elif key not in dig_list(items, "required") and "default" not in field:
            text = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"
            yield required(f"{path}.items.properties[{key}].default", text)


def _meanings(raw: JSONMap, path: str, *, root: bool = False) -> list[Cause]:
    """Defaults that keep the schema themselves, and rules that compile. Only asked where the shape is right."""
    causes: list[Cause] = []
    if raw.get("default") is not None:
        causes += _default(raw, f"{path}.default")
    for index, rule in enumerate(maps(raw, "x-kubernetes-validations")):
        causes += _rule(rule, raw, f"{path}.x-kubernetes-validations[{index}]", root=root)
    for name, child in dig_map(raw, "properties").items():
        causes += _meanings(dig_map(child), f"{path}.properties[{name}]")
    for field in ("items", "additionalProperties"):
        if isinstance(raw.get(field), dict):
            causes += _meanings(dig_map(raw, field), f"{path}.{field}")
    return causes


def _default(raw: JSONMap, path: str) -> list[Cause]:
    node = schema.fragment(raw)
    value = raw["default"]
    if schema.unknown_fields(node, value):
        return [invalid(path, value, "must not have unknown fields")]
    found = validation.validate_value(node, schema.default(node, value))
    return [_moved(cause, path) for cause in found]


def _moved(cause: Cause, path: str) -> Cause:
    """A cause of a default as the server words it: the path is the schema's, the sentence keeps the value's own."""
    inner = "" if cause.field == "<nil>" else cause.field
    return Cause(
        f"{path}.{inner}" if inner else path,
        cause.message.replace(": <nil> in body", ":  in body"),
        "FieldValueInvalid",
    )


def _rule(rule: JSONMap, raw: JSONMap, path: str, *, root: bool) -> list[Cause]:
    text, message = dig_str(rule, "rule"), dig_str(rule, "message")
    if not text.strip():
        return [required(f"{path}.rule", "rule is not specified")]
    causes: list[Cause] = []
    if "\n" in message:
        causes.append(invalid(f"{path}.message", message, "must not contain line breaks"))
    reason, field = dig_str(rule, "reason"), dig_str(rule, "fieldPath")
    if reason and reason not in _REASONS:
        causes.append(unsupported(f"{path}.reason", reason, _REASONS))
    if field and not _leads(raw, field):
        causes.append(invalid(f"{path}.fieldPath", field, "must be a valid path"))
    return causes + _expressions(rule, raw, path, root=root)


def _expressions(rule: JSONMap, raw: JSONMap, path: str, *, root: bool) -> list[Cause]:
    """What does not compile, or plainly has the wrong type."""
    known = _known(raw, root=root)
    causes: list[Cause] = []
    for field, type_, wrong in (
        ("rule", "boolean", "cel expression must evaluate to a bool"),
        ("messageExpression", "string", "messageExpression must evaluate to a string"),
    ):
        text = dig_str(rule, field)
        problem = cel.compile_problem(text, known) if text else ""
        if not problem and _simple_type(text, raw) not in {"", type_}:
            problem = wrong
        elif problem and field == "messageExpression":
            problem = f"messageExpression {problem}"
        if problem:
            causes.append(_spelled(f"{path}.{field}", _go_rule(rule), problem))
    return causes


def _simple_type(expression: str, raw: JSONMap) -> str:
    """The type of an expression that is nothing but a path from `self`; empty where it is more, or unknown."""
    if not re.fullmatch(r"\s*self(\.[A-Za-z_]\w*)*\s*", expression):
        return ""
    at: JSON = raw
    for step in expression.strip().split(".")[1:]:
        at = dig(at, "properties", step)
    return dig_str(at, "type")


class _Fields:
    """The names under which a rule may ask for fields of `self`."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def __call__(self, name: str) -> bool:
        return name in self._names


def _known(raw: JSONMap, *, root: bool) -> _Fields | None:
    """None where `self` is no struct, or one with fields that the schema does not name."""
    fields = dig_map(raw, "properties")
    if raw.get("type") != "object" or not fields:
        return None
    own = (
        {"apiVersion", "kind", "metadata"} if root or raw.get("x-kubernetes-embedded-resource") is True else set[str]()
    )
    return _Fields(frozenset({cel.escaped(name) for name in fields} | own))


def _leads(raw: JSONMap, path: str) -> bool:
    """Whether a rule's fieldPath names a field of the schema."""
    at: JSON = raw
    for step in re.findall(r"\.([A-Za-z_][\w-]*)|\['([^']*)'\]", path):
        name = step[0] or step[1]
        found = dig(at, "properties", name)
        at = found if isinstance(found, dict) else dig(at, "additionalProperties")
        if not isinstance(at, dict):
            return False
    return path.startswith((".", "["))


def _spelled(path: str, value: str, why: str) -> Cause:
    """An invalid value that the server prints as its own struct."""
    return Cause(path, f"Invalid value: {value}: {why}", "FieldValueInvalid")


def _go_rule(rule: JSONMap) -> str:
    fields: JSONMap = {"Rule": dig_str(rule, "rule"), "Message": dig_str(rule, "message")}
    fields |= {"MessageExpression": dig_str(rule, "messageExpression"), "Reason": rule.get("reason")}
    fields |= {"FieldPath": dig_str(rule, "fieldPath"), "OptionalOldSelf": rule.get("optionalOldSelf")}
    text = json.dumps(fields, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _go_version(version: JSONMap) -> str:
    served, storage = (json.dumps(version.get(field) is True) for field in ("served", "storage"))
    name = json.dumps(dig_str(version, "name"))
    rest = '"Deprecated":false,"DeprecationWarning":null,"Schema":null,"Subresources":null'
    rest += ',"AdditionalPrinterColumns":null,"SelectableFields":null'
    return f'{{"Name":{name},"Served":{served},"Storage":{storage},{rest}}}'


def _kept(spec: JSONMap, old: JSONMap) -> list[Cause]:
    """What an established CRD may not change."""
    causes: list[Cause] = []
    for field, path in ((("group",), "spec.group"), (("scope",), "spec.scope"), (("names", "kind"), "spec.names.kind")):
        if dig(spec, *field) != dig(old, *field):
            causes.append(invalid(path, dig(spec, *field), "field is immutable"))
    if dig(spec, "names", "plural") != dig(old, "names", "plural"):
        causes.append(invalid("spec.names.plural", dig(spec, "names", "plural"), "field is immutable"))
    return causes
