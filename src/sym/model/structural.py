"""Structural schemas (Kubernetes' dialect of JSON Schema) from structs.

A structural schema has no `$ref`, no `anyOf [T, null]` and no title, so msgspec's own JSON Schema does not do: this
walks msgspec's type facts. A field's description is the docstring under it in the source, read once per module.
"""

import ast
import inspect
import sys
from functools import cache
from itertools import pairwise

import msgspec
from msgspec import inspect as facts

from sym.model.codec import JSON, JSONMap, as_map, to_json
from sym.model.meta import Model
from sym.model.shapes import REQUIRED

INT_OR_STRING = "x-kubernetes-int-or-string"


def structural_schema(struct: type[msgspec.Struct], leave_out: frozenset[str] = frozenset()) -> JSONMap:
    """The schema of a struct, with a description on every property, without the fields in `leave_out`.

    Raises TypeError for a type that has no schema, KeyError for a field without a docstring.
    """
    docs = _field_docs(struct)
    needed: list[JSON] = []
    properties: JSONMap = {}
    for field in msgspec.structs.fields(struct):
        if field.name in leave_out:
            continue
        schema = _schema(facts.type_info(field.type))
        if schema.pop(REQUIRED, False):
            needed.append(field.encode_name)
        schema["description"] = docs[field.name]
        properties[field.encode_name] = schema
    described: JSONMap = {"type": "object", "description": _one_line(struct.__doc__ or ""), "properties": properties}
    return {**described, "required": needed} if needed else described


def _schema(info: facts.Type) -> JSONMap:
    match info:
        case facts.Metadata():
            return {**_schema(info.type), **_extra(info)}
        case facts.UnionType():
            return _union(info)
        case facts.StructType(cls=struct):
            return structural_schema(struct)
        case facts.VarTupleType(item_type=item):
            return {"type": "array", "items": _schema(item)}
        case facts.DictType(value_type=facts.CustomType()):
            return {"type": "object"}
        case facts.DictType(value_type=value):
            return {"type": "object", "additionalProperties": _schema(value)}
        case facts.EnumType(cls=cls):
            return {"type": "string", "enum": [to_json(member) for member in cls]}
        case _:
            return _scalar(info)


def _extra(info: facts.Metadata) -> JSONMap:
    return as_map(msgspec.structs.asdict(info)["extra_json_schema"] or {})


def _scalar(info: facts.Type) -> JSONMap:
    match info:
        case facts.StrType():
            return {"type": "string"}
        case facts.IntType():
            return {"type": "integer", "format": "int64"}
        case facts.FloatType():
            return {"type": "number"}
        case facts.BoolType():
            return {"type": "boolean"}
        case facts.DateTimeType():
            return {"type": "string", "format": "date-time"}
        case _:
            raise TypeError(f"no structural schema for {info}")


def _union(info: facts.UnionType) -> JSONMap:
    given = [each for each in info.types if not isinstance(each, facts.NoneType)]
    if len(given) == 1:
        return _schema(given[0])
    return {"anyOf": [{"type": "integer"}, {"type": "string"}], INT_OR_STRING: True}


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _field_docs(cls: type) -> dict[str, str]:
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if issubclass(base, Model):
            docs |= _module_docs(base.__module__).get(base.__name__, {})
    return docs


@cache
def _module_docs(module: str) -> dict[str, dict[str, str]]:
    """Docstrings under fields, by class and field: what a reader of the source sees under the field."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: _class_docs(node) for node in tree.body if isinstance(node, ast.ClassDef)}


def _class_docs(node: ast.ClassDef) -> dict[str, str]:
    docs: dict[str, str] = {}
    for field, text in pairwise(node.body):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            docs[ast.unparse(field.target)] = _one_line(str(text.value.value))
    return docs
