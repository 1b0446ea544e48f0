"""What names may look like in Kubernetes, with the sentences the server refuses others with.

Pure. Each check gives the list of what is wrong, empty where nothing is.
"""

import re
from typing import Final

_LABEL: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035: Final = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED: Final = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE: Final = rf"({_QUALIFIED})?"
_ALNUM: Final = "must start and end with an alphanumeric character"
_NAME_EXAMPLES: Final = "e.g. 'MyName',  or 'my.name',  or '123-abc'"
_CHARS: Final = "must consist of alphanumeric characters, '-', '_' or '.', and " + _ALNUM


def subdomain(value: str) -> list[str]:
    """A DNS subdomain (RFC 1123): the names of most objects."""
    text = (
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and " + _ALNUM
    )
    return _checked(value, 253, _SUBDOMAIN, f"{text} (e.g. 'example.com', {_regex(_SUBDOMAIN)})")


def label_1123(value: str) -> list[str]:
    """A DNS label (RFC 1123): the names of namespaces and containers."""
    text = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and " + _ALNUM
    return _checked(value, 63, _LABEL, f"{text} (e.g. 'my-name',  or '123-abc', {_regex(_LABEL)})")


def label_1035(value: str) -> list[str]:
    """A DNS label (RFC 1035): the names of services."""
    text = (
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic"
        " character, and end with an alphanumeric character"
    )
    return _checked(value, 63, _LABEL_1035, f"{text} (e.g. 'my-name',  or 'abc-123', {_regex(_LABEL_1035)})")


def label_value(value: str) -> list[str]:
    """The value of a label."""
    text = f"a valid label must be an empty string or consist of {_CHARS.removeprefix('must consist of ')}"
    return _checked(value, 63, _VALUE, f"{text} (e.g. 'MyValue',  or 'my_value',  or '12345', {_regex(_VALUE)})")


def qualified(value: str) -> list[str]:
    """A name with an optional domain before it: keys of labels, annotations, finalizers."""
    prefix, slash, name = value.rpartition("/")
    if "/" in prefix:
        text = f"a qualified name {_CHARS} ({_NAME_EXAMPLES}, {_regex(_QUALIFIED)})"
        return [text + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    errors: list[str] = []
    if slash:
        errors += [f"prefix part {error}" for error in (["must be non-empty"] if not prefix else subdomain(prefix))]
    errors += ["name part must be non-empty"] if not name else []
    errors += [f"name part must be no more than {63} characters"] if len(name) > 63 else []
    if not re.fullmatch(_QUALIFIED, name):
        errors.append(f"name part {_CHARS} ({_NAME_EXAMPLES}, {_regex(_QUALIFIED)})")
    return errors


def config_key(value: str) -> list[str]:
    """A key of a ConfigMap's or Secret's data."""
    errors = [f"must be no more than {253} characters"] if len(value) > 253 else []
    if not re.fullmatch(r"[-._a-zA-Z0-9]+", value):
        text = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        errors.append(f"{text} (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', {_regex('[-._a-zA-Z0-9]+')})")
    errors += [f"must not be '{value}'"] if value in {".", ".."} else []
    errors += ["must not start with '..'"] if value.startswith("..") and value != ".." else []
    return errors


def env_name(value: str) -> list[str]:
    """The name of an environment variable: any printable ASCII but `=`, since 1.34."""
    if value and re.fullmatch(r"[ -<>-~]+", value):
        return []
    return ["a valid environment variable name must consist only of printable ASCII characters other than '='"]


def port_name(value: str) -> list[str]:
    """The name of a port (IANA service name)."""
    errors = ["must be no more than 15 characters"] if len(value) > 15 else []
    if not re.fullmatch(r"[-a-z0-9]*", value):
        errors.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", value):
        errors.append("must contain at least one letter (a-z)")
    errors += ["must not contain consecutive hyphens"] if "--" in value else []
    errors += ["must not begin or end with a hyphen"] if value and "-" in {value[0], value[-1]} else []
    return errors


def _checked(value: str, limit: int, expression: str, text: str) -> list[str]:
    errors = [f"must be no more than {limit} characters"] if len(value) > limit else []
    return errors if re.fullmatch(expression, value) else [*errors, text]


def _regex(expression: str) -> str:
    return f"regex used for validation is '{expression}'"
