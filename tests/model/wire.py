"""Documents as an API server could send them, made by hypothesis from the structs' own types.

`documents(struct)` yields JSON objects in which every known field may be there or not, and fields that no struct knows
stand in between, as a newer server would send them.
"""

from datetime import UTC
from functools import cache
from typing import TypeAlias, cast

from hypothesis import strategies as st
from msgspec import Struct
from msgspec import inspect as facts

from sym.model.codec import JSON, JSONMap

Strategy: TypeAlias = st.SearchStrategy[JSON]

TEXTS = st.text("abz019-./:% ü", max_size=8)
INTS = st.integers(-(2**31), 2**31 - 1)
TIMES = st.datetimes(timezones=st.just(UTC)).map(lambda at: at.isoformat().replace("+00:00", "Z"))
UNKNOWN = "unknown"
DEFAULTS: list[JSON] = ["", 0, 1, -1, False, None, [], {}]
LEAVES = st.none() | st.booleans() | INTS | TEXTS
ANYTHING = cast("Strategy", LEAVES | st.lists(LEAVES, max_size=2) | st.dictionaries(TEXTS, LEAVES, max_size=2))
"""Small JSON values of any shape. Hypothesis' own type for them is narrower than JSON."""


@cache
def documents(struct: type[Struct]) -> st.SearchStrategy[JSONMap]:
    """JSON objects that decode as `struct`."""
    info = facts.type_info(struct)
    assert isinstance(info, facts.StructType)
    return _object(info)


def lost(before: JSON, after: JSON, path: str = "$") -> list[str]:
    """The paths at which `after` no longer says what `before` said. Unknown fields and defaults may be left out."""
    match before, after:
        case dict(), dict():
            known = ((key, each) for key, each in before.items() if key != UNKNOWN)
            return [where for key, each in known for where in lost(each, after.get(key), f"{path}.{key}")]
        case dict(), None:
            return lost(before, {}, path)
        case list(), list() if len(before) == len(after):
            pairs = enumerate(zip(before, after, strict=True))
            return [where for number, (old, new) in pairs for where in lost(old, new, f"{path}[{number}]")]
        case _:
            return [] if before == after or before in DEFAULTS else [path]


def _object(info: facts.StructType) -> st.SearchStrategy[JSONMap]:
    must: dict[str, Strategy] = {each.encode_name: _values(each.type) for each in info.fields if each.required}
    may: dict[str, Strategy] = {each.encode_name: _values(each.type) for each in info.fields if not each.required}
    may[UNKNOWN] = ANYTHING
    return st.fixed_dictionaries(must, optional=may)


def _values(info: facts.Type) -> Strategy:
    match info:
        case facts.Metadata(type=inner):
            return _values(inner)
        case facts.UnionType(types=types):
            return st.one_of([_values(each) for each in types])
        case facts.StructType():
            return _object(info)
        case facts.VarTupleType(item_type=item):
            return st.lists(_values(item), max_size=2)
        case facts.DictType(value_type=value):
            return st.dictionaries(TEXTS, _values(value), max_size=2)
        case facts.EnumType(cls=cls):
            return st.sampled_from([str(each.value) for each in cls]) | TEXTS
        case _:
            return _scalars(info)


SCALARS: dict[type[facts.Type], Strategy] = {
    facts.StrType: TEXTS,
    facts.IntType: INTS,
    facts.FloatType: st.floats(allow_nan=False, allow_infinity=False),
    facts.BoolType: st.booleans(),
    facts.NoneType: st.none(),
    facts.DateTimeType: TIMES,
    facts.BytesType: st.sampled_from(["", "AA==", "c3lt"]),
    facts.CustomType: ANYTHING,
}


def _scalars(info: facts.Type) -> Strategy:
    if type(info) not in SCALARS:
        raise TypeError(f"no documents for {info}")
    return SCALARS[type(info)]
