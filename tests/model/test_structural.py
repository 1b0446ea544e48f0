"""Structural schemas from structs."""

from datetime import datetime
from typing import Annotated

import pytest

from sym.model.meta import Model
from sym.model.shapes import required, shape
from sym.model.structural import structural_schema


class Inner(Model, frozen=True):
    """An inner
    object."""

    on: bool = False
    """Whether."""


class Outer(Inner, frozen=True):
    """An outer object."""

    since: Annotated[datetime | None, shape()] = None
    """Since
    when."""
    parts: Annotated[tuple[Inner, ...], required(maxItems=2)] = ()
    """Its parts."""
    either: int | str = 0
    """A number or a text."""


class Bare(Model, frozen=True):
    """A struct with a field that nobody described."""

    field: str = ""


class Strange(Model, frozen=True):
    """A struct with a field that JSON does not have."""

    field: complex = 0j
    """A complex number."""


def test_fields_of_bases_come_first_and_docstrings_become_descriptions() -> None:
    assert structural_schema(Outer) == {
        "type": "object",
        "description": "An outer object.",
        "properties": {
            "on": {"type": "boolean", "description": "Whether."},
            "since": {"type": "string", "format": "date-time", "description": "Since when."},
            "parts": {
                "type": "array",
                "items": {
                    "type": "object",
                    "description": "An inner object.",
                    "properties": {"on": {"type": "boolean", "description": "Whether."}},
                },
                "maxItems": 2,
                "description": "Its parts.",
            },
            "either": {
                "anyOf": [{"type": "integer"}, {"type": "string"}],
                "x-kubernetes-int-or-string": True,
                "description": "A number or a text.",
            },
        },
        "required": ["parts"],
    }


def test_fields_can_be_left_out() -> None:
    assert structural_schema(Inner, leave_out=frozenset({"on"}))["properties"] == {}


def test_a_field_without_a_docstring_is_an_error() -> None:
    with pytest.raises(KeyError, match="field"):
        structural_schema(Bare)


def test_a_type_without_a_schema_is_an_error() -> None:
    with pytest.raises(TypeError, match="no structural schema"):
        structural_schema(Strange)
