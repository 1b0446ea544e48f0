"""Rules in CEL: when they apply, and that none passes unevaluated. test_recorded.py has the server's word."""

import pytest

from sym.model.codec import JSON, JSONMap
from sym.sandbox import cel, schema


def _refusals(rule: JSONMap, value: JSON, old: JSON = None, **kind: JSON) -> list[tuple[str, str]]:
    field: JSONMap = {"x-kubernetes-validations": [rule], **kind}
    node = schema.custom({"type": "object", "properties": {"f": field}})
    before: JSONMap | None = None if old is None else {"f": old}
    causes = cel.validate_rules(node, {"f": value}, before, [])
    return [(cause.field, cause.message) for cause in causes]


def test_a_rule_that_holds_says_nothing() -> None:
    """And one that does not says its message."""
    rule: JSONMap = {"rule": "self > 0", "message": "must be positive"}
    assert _refusals(rule, 1, type="integer") == []
    assert _refusals(rule, 0, type="integer") == [("f", 'Invalid value: "integer": must be positive')]


@pytest.mark.parametrize(
    "text",
    [
        "self.nope",
        "1 / 0 > 1",
        "self.a['x'] == 1",
        "size(self.a.b.c) > 1",
        "self.a.charAt(9) == 'x'",
        "'text'",
        "self.a + 1",
    ],
)
def test_what_cannot_be_evaluated_is_refused(text: str) -> None:
    """Never a pass: not for missing fields, wrong types, errors of functions, or results that are no boolean."""
    found = _refusals(
        {"rule": text}, {"a": "text"}, type="object", properties={"a": {"type": "string"}, "nope": {"type": "boolean"}}
    )
    assert len(found) == 1


def test_a_rule_about_change_waits_for_one() -> None:
    """oldSelf is there on updates only; an unchanged value is not judged again."""
    rule: JSONMap = {"rule": "self == oldSelf", "message": "is immutable"}
    assert _refusals(rule, "a", type="string") == []
    assert _refusals(rule, "a", "a", type="string") == []
    assert _refusals(rule, "b", "a", type="string") == [("f", 'Invalid value: "string": is immutable')]


def test_reason_and_field_path() -> None:
    """The cause stands where and as the rule says."""
    rule: JSONMap = {"rule": "false", "message": "no", "reason": "FieldValueForbidden", "fieldPath": ".x"}
    assert _refusals(rule, {}, type="object") == [("f.x", "Forbidden: no")]
    assert _refusals({**rule, "reason": "FieldValueRequired"}, {}, type="object") == [("f.x", "Required value: no")]


def test_a_message_expression_that_fails_falls_back() -> None:
    """To the message, or to the rule itself."""
    broken: JSONMap = {"rule": "false", "messageExpression": "self.nope"}
    assert _refusals(broken, {}, type="object") == [("f", 'Invalid value: "object": failed rule: false')]
    spoken: JSONMap = {"rule": "self != 'x'", "messageExpression": "self + ' is bad'"}
    assert _refusals(spoken, "x", type="string") == [("f", 'Invalid value: "string": x is bad')]


def test_numbers_and_times_are_typed_by_the_schema() -> None:
    """A JSON 1 in a number field is a double; a date-time is a timestamp."""
    assert _refusals({"rule": "type(self) == double"}, 1, type="number") == []
    text = "self > timestamp('2020-01-01T00:00:00Z')"
    assert _refusals({"rule": text}, "2026-01-01T00:00:00Z", type="string", format="date-time") == []


def test_names_are_escaped() -> None:
    """As Kubernetes escapes keywords and symbols."""
    assert [cel.escaped(name) for name in ("namespace", "x-y", "a.b/c", "d__e", "plain")] == [
        "__namespace__",
        "x__dash__y",
        "a__dot__b__slash__c",
        "d__underscores__e",
        "plain",
    ]


def test_functions_of_kubernetes_lists_and_strings() -> None:
    """The ones that the library lacks and we add."""
    strings: JSON = {"type": "string"}
    assert _refusals({"rule": "self.isSorted()"}, ["a", "b"], type="array", items=strings) == []
    assert _refusals({"rule": "self.isSorted()"}, ["b", "a"], type="array", items=strings) != []
    assert _refusals({"rule": "self.find('[0-9]+') == '12'"}, "ab12", type="string") == []
    assert _refusals({"rule": "self.lowerAscii() == 'ab'"}, "AB", type="string") == []


@pytest.mark.parametrize("name", ["quantity", "ip", "url", "format"])
def test_a_missing_function_is_named_when_the_crd_comes(name: str) -> None:
    """Not only when the first object does."""
    problem = cel.compile_problem(f"{name}(self) == 'x'")
    assert f"undeclared reference to '{name}'" in problem
    assert "the sandbox does not evaluate this function" in problem


def test_compile_problems() -> None:
    """Syntax, unknown names, unknown fields; macros bind names of their own."""
    assert cel.compile_problem("self.a >").startswith("compilation failed: ERROR: <input>:1:9: Syntax error")
    assert "undeclared reference to 'other'" in cel.compile_problem("other > 1")
    assert "undefined field 'b'" in cel.compile_problem("self.b > 1", lambda name: name == "a")
    assert cel.compile_problem("self.a.all(x, x.exists(y, y > 1))", lambda name: name == "a") == ""
