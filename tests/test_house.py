"""The rules of the house hold in every module, and each rule catches what it is for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import RULES, Module, ignores, parse

ROOT = Path(__file__).parent.parent
FOLDERS = ("src", "tests", "tools", "bench")
IGNORES = 12
"""How many ignore comments there are. The number may only fall: whoever removes one lowers it here."""

# Written in parts, so that this file does not name what no file may name.
HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("proxy", "golang", "org"),
        ("crates", "io"),
        ("deb", "debian", "org"),
        ("maven", "org"),
    )
)
TEXTS = (".py", ".sh", ".md", ".toml", ".lock", ".json", ".yaml", ".in", ".mod", ".sum", ".npmrc", ".ts", ".tsx")


def modules() -> Iterator[Module]:
    """Every Python file of the repository that people write."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "node_modules" not in path.parts:
                yield parse(str(path.relative_to(ROOT)), path.read_text())


@pytest.fixture(scope="module")
def house() -> list[Module]:
    """All modules, parsed once."""
    return list(modules())


@pytest.mark.parametrize("rule", RULES)
def test_every_module_keeps(rule: str, house: list[Module]) -> None:
    offences = [offence for module in house for offence in RULES[rule](module)]
    assert not offences, "\n".join((f"{rule}:", *offences))


def test_ignores_only_become_fewer(house: list[Module]) -> None:
    found = [f"{module.path}:{line}: {comment}" for module in house for line, comment in ignores(module)]
    assert len(found) <= IGNORES, "\n".join((f"{len(found)} ignores, {IGNORES} are allowed:", *found))
    assert len(found) == IGNORES, f"only {len(found)} ignores are left: lower IGNORES in {__file__}"


def test_no_file_names_the_host_of_a_registry() -> None:
    naming = [
        f"{path.relative_to(ROOT)}: {host}"
        for path in texts()
        for host in HOSTS
        if host in path.read_text(errors="replace")
    ]
    assert not naming, "\n".join(naming)


def texts() -> Iterator[Path]:
    """Every text file outside hidden, installed and built folders."""
    for path in ROOT.rglob("*"):
        inside = path.relative_to(ROOT).parts
        hidden = any(part.startswith(".") and part not in (".ci", ".npmrc") for part in inside)
        if path.suffix in TEXTS and path.is_file() and not hidden and "node_modules" not in inside:
            yield path


LONG = "\n".join(f"    x{n} = {n}" for n in range(46))
ARMS = "\n".join(f"        case {n}:\n            return {n}" for n in range(40))
CAUGHT = {
    "has_a_docstring": ("src/sym/x.py", "import os\n"),
    "file_is_short": ("src/sym/x.py", "\n".join(f"x{n} = {n}" for n in range(401))),
    "functions_are_short": ("src/sym/x.py", f"def f() -> None:\n{LONG}\n"),
    "functions_take_few_arguments": ("src/sym/x.py", "def f(self, a, b, c, d, *, e, f, g): ...\n"),
    "ignores_are_explained": ("src/sym/x.py", "import os  # " + "noqa: F401\n"),
    "tasks_have_an_owner": ("src/sym/x.py", "asyncio.get_running_loop().create_task(f())\n"),
    "exceptions_are_named": ("src/sym/x.py", "try:\n    f()\nexcept BaseException:\n    pass\n"),
    "nothing_is_any": ("src/sym/x.py", "def f(x: Any) -> None: ...\n"),
    "state_is_owned": ("src/sym/x.py", "seen: dict[str, int] = {}\n"),
    "names_say_something": ("src/sym/kube/utils.py", ""),
    "variants_stand_alone": ("src/sym/plan/deployers/helm.py", "from sym.plan.deployers.inplace import f\n"),
    "tests_do_not_sleep": ("tests/x.py", "pytestmark = pytest.mark.real_loop\nasyncio.sleep(1)\n"),
    "tests_do_not_mock": ("tests/x.py", "from unittest import mock\n"),
}
PASSES = {
    "file_is_short": ("src/sym/x.py", "# why\n\n" * 400 + '"""Doc\n' + "\n" * 400 + '"""\n'),
    "functions_are_short": ("src/sym/x.py", f"def f(x):\n    match x:\n{ARMS}\n"),
    "functions_take_few_arguments": ("src/sym/x.py", "@click.command('x')\ndef f(a, b, c, d, e, f, g): ...\n"),
    "ignores_are_explained": ("src/sym/x.py", "x = 1  # " + "type: ignore[assignment]  # the stub is wrong\n"),
    "tasks_have_an_owner": ("src/sym/x.py", "group.create_task(f())\nself._group.create_task(f())\n"),
    "exceptions_are_named": ("src/sym/x.py", "try:\n    f()\nexcept BaseException:\n    g()\n    raise\n"),
    "nothing_is_any": ("src/sym/x.py", "def f(**kwargs: Any) -> None: ...\n"),
    "state_is_owned": ("src/sym/x.py", "TABLE = {1: 2}\n"),
    "variants_stand_alone": ("src/sym/plan/deployers/__init__.py", "from sym.plan.deployers.inplace import f\n"),
    "tests_do_not_sleep": ("tests/x.py", "asyncio.sleep(1000)\n"),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_catches_what_it_is_for(rule: str) -> None:
    path, text = CAUGHT[rule]
    assert len(list(RULES[rule](parse(path, text)))) == 1


@pytest.mark.parametrize("rule", PASSES)
def test_a_rule_lets_pass_what_is_allowed(rule: str) -> None:
    path, text = PASSES[rule]
    assert list(RULES[rule](parse(path, text))) == []
