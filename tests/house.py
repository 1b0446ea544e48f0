"""The rules of the house that no linter knows, each a function from a parsed module to its offences.

`tests/test_house.py` applies them to every module and shows each of them a module that must be caught. Code lines are
what a reader has to read: blank lines, comments and docstrings are free.
"""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

FILE_LINES = 400
STRUCT_FILE_LINES = 600
FUNCTION_LINES = 45
ARGUMENTS = 6
ARM_LINES = 3
VARIANTS = ("placement", "rollout/strategies", "deployers")
VAGUE = re.compile(r"^(utils?|helpers?|misc|stuff|common)\d*$")
IGNORE = re.compile(
    r"#\s*(type: ignore|pyright: (?:ignore|basic|strict)|mypy:|noqa|ruff: noqa|pragma:|fmt: off|isort:)"
)
EXPLAINED = re.compile(
    r"#\s*(type: ignore|pyright: ignore)\[[\w, -]+\]\s+# \w|#\s*noqa: [A-Z]+\d+(, [A-Z]+\d+)*\s+# \w"
)

Function = ast.FunctionDef | ast.AsyncFunctionDef
FREE_TOKENS = frozenset(
    {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
)


class Module(NamedTuple):
    """One Python file: where it is, seen from the repository, and what it says."""

    path: str
    text: str
    tree: ast.Module
    code: frozenset[int]
    """The numbers of its code lines."""

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return Path(self.path).stem


def parse(path: str, text: str) -> Module:
    """The module at `path`. Raises SyntaxError."""
    tree = ast.parse(text)
    docs = {line for node in ast.walk(tree) if _is_docstring(node) for line in _lines(node)}
    code = {
        line
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type not in FREE_TOKENS
        for line in range(token.start[0], token.end[0] + 1)
    }
    return Module(path, text, tree, frozenset(code - docs))


def has_a_docstring(module: Module) -> Iterator[str]:
    """A module says what it is for; an empty one need not."""
    if module.code and not ast.get_docstring(module.tree):
        yield f"{module.path}:1: no module docstring"


def file_is_short(module: Module) -> Iterator[str]:
    """400 code lines; 600 where there are only structs and their texts."""
    allowed = STRUCT_FILE_LINES if _holds_structs(module) else FILE_LINES
    if len(module.code) > allowed:
        yield f"{module.path}: {len(module.code)} code lines, allowed are {allowed}: find the missing noun"


def functions_are_short(module: Module) -> Iterator[str]:
    """45 lines in a function's body; the short arms of a `match` do not count."""
    for function in _functions(module):
        body = _code_of(module, function.body)
        arms = {line for match in _matches(function) for line in _free_arms(module, match)}
        if len(body - arms) > FUNCTION_LINES:
            where = f"{module.path}:{function.lineno}: {function.name}"
            yield f"{where} has {len(body - arms)} lines, allowed are {FUNCTION_LINES}"


def functions_take_few_arguments(module: Module) -> Iterator[str]:
    """6 arguments beside self; a click command has as many as its options."""
    for function in _functions(module):
        arguments = function.args
        names = [one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        count = len([name for name in names if name not in ("self", "cls")])
        if count > ARGUMENTS and not _is_command(function):
            yield f"{module.path}:{function.lineno}: {function.name} takes {count} arguments, allowed {ARGUMENTS}"


def ignores_are_explained(module: Module) -> Iterator[str]:
    """An ignore names its code and its reason: `# noqa: S311  # why`, `# type: ignore[code]  # why`."""
    for line, comment in ignores(module):
        if not EXPLAINED.search(comment) and not comment.startswith("# fmt:"):
            yield f"{module.path}:{line}: `{comment}` must name a code and, in a second comment, the reason"


def tasks_have_an_owner(module: Module) -> Iterator[str]:
    """No task outside a TaskGroup, no gather."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and (name := _unowned(node.func)):
            yield f"{module.path}:{node.lineno}: {name}: every task lives in a TaskGroup that somebody awaits"


def exceptions_are_named(module: Module) -> Iterator[str]:
    """No bare `except`; BaseException is caught only to be raised again."""
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        everything = node.type is None or (isinstance(node.type, ast.Name) and node.type.id == "BaseException")
        if everything and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node)):
            yield f"{module.path}:{node.lineno}: catches everything, cancellation too, and does not raise it again"


def nothing_is_any(module: Module) -> Iterator[str]:
    """`Any` only for the **kwargs that an override must take."""
    free = {
        id(node)
        for function in _functions(module)
        if function.args.kwarg and function.args.kwarg.annotation
        for node in ast.walk(function.args.kwarg.annotation)
    }
    for node in ast.walk(module.tree):
        match node:
            case ast.Name(id="Any") | ast.Attribute(value=ast.Name(id="typing"), attr="Any"):
                named = id(node) not in free
            case _:
                named = False
        if named:
            yield f"{module.path}:{getattr(node, 'lineno', 0)}: Any; JSON is `JSON` of sym.model.codec"


def state_is_owned(module: Module) -> Iterator[str]:
    """No `global`, no mutable value at module level but a table in capitals that nobody changes."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Global):
            yield f"{module.path}:{node.lineno}: global {', '.join(node.names)}: give the state an owner"
    for node in module.tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and _is_mutable(node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for name in (target.id for target in targets if isinstance(target, ast.Name)):
                if name not in (name.upper(), "pytestmark", "__all__"):
                    yield f"{module.path}:{node.lineno}: {name} is mutable and at module level: give it an owner"


def names_say_something(module: Module) -> Iterator[str]:
    """No util, no helpers: such a module has no subject."""
    if VAGUE.match(module.name):
        yield f"{module.path}: a module is named after its subject"


def variants_stand_alone(module: Module) -> Iterator[str]:
    """Policies, strategies and deployers do not import each other; what they share stands in plan."""
    folder = Path(module.path).parent.as_posix()
    found = next((each for each in VARIANTS if folder.endswith(f"plan/{each}")), None)
    if found is None or module.name == "__init__":
        return
    family = f"sym.plan.{found.replace('/', '.')}"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(family):
            yield f"{module.path}:{node.lineno}: imports {node.module}: what variants share stands in sym.plan itself"


def tests_do_not_sleep(module: Module) -> Iterator[str]:
    """Real time passes only in tests/wait.py; virtual time is free."""
    if not module.path.startswith("tests/") or module.path == "tests/wait.py":
        return
    for node in ast.walk(module.tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=library), attr="sleep"), lineno=line):
                in_vain = library in ("asyncio", "anyio") and (not _is_real(module) or _is_zero(node))
                if library in ("time", "asyncio", "anyio") and not in_vain:
                    yield f"{module.path}:{line}: {library}.sleep: wait for what you need, with tests/wait.py"
            case _:
                pass


def tests_do_not_mock(module: Module) -> Iterator[str]:
    """No mock library and no attribute exchanged behind the code's back."""
    for node in ast.walk(module.tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if _exchanges(node) or any(name.startswith(("unittest", "mock")) for name in names):
            yield f"{module.path}:{getattr(node, 'lineno', 0)}: a mock: literals for plan, the sandbox for the rest"


RULES: Mapping[str, Callable[[Module], Iterator[str]]] = {
    rule.__name__: rule
    for rule in (
        has_a_docstring,
        file_is_short,
        functions_are_short,
        functions_take_few_arguments,
        ignores_are_explained,
        tasks_have_an_owner,
        exceptions_are_named,
        nothing_is_any,
        state_is_owned,
        names_say_something,
        variants_stand_alone,
        tests_do_not_sleep,
        tests_do_not_mock,
    )
}


def ignores(module: Module) -> Iterator[tuple[int, str]]:
    """Every comment that silences a tool: its line, its text."""
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if token.type == tokenize.COMMENT and IGNORE.match(token.string):
            yield token.start[0], token.string


def _lines(node: ast.AST) -> range:
    return range(getattr(node, "lineno", 0), (getattr(node, "end_lineno", None) or 0) + 1)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _functions(module: Module) -> Iterator[Function]:
    return (node for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _code_of(module: Module, body: list[ast.stmt]) -> frozenset[int]:
    return module.code & {line for statement in body for line in _lines(statement)}


def _matches(function: Function) -> Iterator[ast.Match]:
    return (node for node in ast.walk(function) if isinstance(node, ast.Match))


def _free_arms(module: Module, match: ast.Match) -> frozenset[int]:
    bodies = [_code_of(module, case.body) for case in match.cases]
    if any(len(body) > ARM_LINES for body in bodies):
        return frozenset()
    return _code_of(module, [match]) - {match.lineno}


def _holds_structs(module: Module) -> bool:
    in_classes = {
        line
        for node in module.tree.body
        if isinstance(node, ast.ClassDef) and not any(isinstance(one, ast.FunctionDef) for one in node.body)
        for line in _lines(node)
    }
    return module.name == "settings" or len(module.code & in_classes) > len(module.code) / 2


def _is_command(function: Function) -> bool:
    texts = [ast.unparse(decorator) for decorator in function.decorator_list]
    return any(re.match(r"(click|\w+)\.(command|group|option|argument)\(", text) for text in texts)


def _unowned(called: ast.expr) -> str:
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    if name not in ("gather", "ensure_future", "run_coroutine_threadsafe", "create_task"):
        return ""
    text = ast.unparse(called)
    owner, _, name = text.rpartition(".")
    return text if name != "create_task" or re.search(r"^$|asyncio|loop", owner) else ""


def _exchanges(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="monkeypatch"), attr="setattr")):
            return True
        case _:
            return False


def _is_mutable(value: ast.expr | None) -> bool:
    mutable = ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp
    called = ast.unparse(value.func) if isinstance(value, ast.Call) else ""
    return isinstance(value, mutable) or called in ("list", "dict", "set", "defaultdict", "collections.defaultdict")


def _is_real(module: Module) -> bool:
    return "real_loop" in module.text


def _is_zero(call: ast.AST) -> bool:
    first = call.args[0] if isinstance(call, ast.Call) and call.args else None
    return isinstance(first, ast.Constant) and first.value == 0
