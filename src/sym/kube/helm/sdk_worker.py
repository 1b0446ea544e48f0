"""The process that the Helm library lives in: calls in as JSON lines on stdin, answers out as JSON lines on stdout.

`python -I -S sdk_worker.py FOLDER`: the folder that holds the package helm_python, the only thing imported beside the
standard library, and only here. A call is `{"id", "do", …}`; `{"cancel": ID}` cancels one. An answer is
`{"id", "value"}` or `{"id", "error", "code"}`, in any order: each call has a thread. The first line, with id 0, tells
that the library is loaded. The process ends when stdin does. A crash of the library ends it too, and nothing else.
"""

import importlib
import json
import os
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from helm_python import JSON, Chart, Config, HelmContext, JSONMap

REFUSED = -1000
"""The code of what this process itself refuses or stumbles over; the library's own are above -100."""
_TESTS = frozenset(("test", "test-success", "test-failure"))
_DOCUMENTS = re.compile(r"(?:^|\s*\n)---[ \t]*(?:\n|$)")


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call. Which fields count depends on `do`."""

    id: int = 0
    cancel: int = 0
    do: str = ""
    kubeconfig: str = ""
    namespace: str = ""
    name: str = ""
    chart: str = ""
    values: "Sequence[str | JSONMap]" = ()
    labels: dict[str, str] = field(default_factory=dict[str, str])
    description: str = ""
    history: int = 0
    revision: int = 0
    timeout: int = 0
    version: str = ""
    folder: str = ""


class Refusal(Exception):
    """What this engine cannot do."""


class Answers:
    """Where answers go, whole lines, one at a time."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._turn = threading.Lock()

    def give(self, **answer: "JSON") -> None:
        """Write one answer."""
        line = json.dumps(answer)
        with self._turn:
            self._out.write(line + "\n")
            self._out.flush()


class Calls:
    """The calls under way, by id, with what cancels them."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._contexts: dict[int, HelmContext] = {}
        self._turn = threading.Lock()

    def begin(self, call: Call) -> None:
        """Begin a call in a thread of its own, or cancel one."""
        import helm_python

        if call.cancel:
            with self._turn:
                context = self._contexts.get(call.cancel)
                if context is not None:
                    context.cancel()
            return
        context = helm_python.HelmContext()
        with self._turn:
            self._contexts[call.id] = context
        threading.Thread(target=self._work, args=(call, context), daemon=True).start()

    def _work(self, call: Call, context: "HelmContext") -> None:
        import helm_python

        try:
            self._answers.give(id=call.id, value=DO[call.do](call, context))
        except helm_python.HelmError as error:
            self._answers.give(id=call.id, error=str(error), code=error.code or REFUSED)
        except Exception as error:
            self._answers.give(id=call.id, error=f"{type(error).__name__}: {error}", code=REFUSED)
        finally:
            with self._turn:
                self._contexts.pop(call.id).close()


def render(call: Call, _: "HelmContext") -> "JSON":
    """All that would be written, as one YAML text."""
    with _chart(call) as chart:
        values = merged(call.values)
        chart.validate_schema(values)
        files = chart.render(values, name=call.name, namespace=call.namespace, is_install=True)
    return "".join(
        f"---\n# Source: {source}\n{document}\n"
        for source, text in sorted(files.items())
        if not source.endswith("NOTES.txt")
        for document in _DOCUMENTS.split(text)
        if _is_written(source, document)
    )


def install(call: Call, context: "HelmContext") -> "JSON":
    """Facts of the new release."""
    with _chart(call) as chart, _config(call) as config:
        options = {"labels": call.labels} if call.labels else {}
        config.install(
            chart,
            call.name,
            merged(call.values),
            context=context,
            timeout=call.timeout,
            description=call.description or None,
            **options,
        )
        return _facts(config, call.name)


def upgrade(call: Call, context: "HelmContext") -> "JSON":
    """Facts of the new revision."""
    with _chart(call) as chart, _config(call) as config:
        options = {"labels": call.labels} if call.labels else {}
        config.upgrade(
            chart,
            call.name,
            merged(call.values),
            context=context,
            timeout=call.timeout,
            description=call.description or None,
            max_history=call.history,
            reset_values=True,
            **options,
        )
        return _facts(config, call.name)


def rollback(call: Call, _: "HelmContext") -> "JSON":
    """Nothing."""
    with _config(call) as config:
        config.rollback(call.name, version=call.revision, timeout=call.timeout)
    return None


def uninstall(call: Call, _: "HelmContext") -> "JSON":
    """Nothing."""
    with _config(call) as config:
        config.uninstall(call.name, timeout=call.timeout, ignore_not_found=True)
    return None


def history(call: Call, _: "HelmContext") -> "JSON":
    """Facts of each revision."""
    with _config(call) as config:
        found = config.history(call.name)
        return [_facts(config, call.name, _number(one["revision"])) for one in found]


def status(call: Call, _: "HelmContext") -> "JSON":
    """Facts of the newest revision."""
    with _config(call) as config:
        return _facts(config, call.name)


def pull(call: Call, _: "HelmContext") -> "JSON":
    """Nothing; the archive is in the folder."""
    import helm_python

    helm_python.pull(call.chart, destination=call.folder, version=call.version)
    return None


DO: Mapping[str, "Callable[[Call, HelmContext], JSON]"] = {
    each.__name__: each for each in (render, install, upgrade, rollback, uninstall, history, status, pull)
}


def merged(layers: "Sequence[str | JSONMap]") -> "JSONMap":
    """One map of all layers, the later ones laid over the earlier ones, as `helm -f … -f …` does it."""
    import helm_python

    total: JSONMap = {}
    for layer in layers:
        total = laid_over(total, layer if isinstance(layer, dict) else helm_python.values_from_yaml(layer))
    return total


def laid_over(lower: "JSONMap", upper: "JSONMap") -> "JSONMap":
    """`upper` over `lower`, map by map."""
    result = dict(lower)
    for key, value in upper.items():
        below = result.get(key)
        result[key] = laid_over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def _facts(config: "Config", name: str, revision: int | None = None) -> "JSONMap":
    """Of what is told of a revision that which goes into a HelmRelease, in the shape of `helm status -o json`."""
    found = config.get_all(name, revision=revision)
    summary, info = found["summary"], found["info"]
    if not isinstance(summary, dict) or not isinstance(info, dict):
        raise Refusal("the library told no facts of the release")
    metadata: JSONMap = {
        "name": summary.get("chart_name") or "",
        "version": summary.get("chart_version") or "",
        "appVersion": summary.get("app_version") or "",
    }
    kept = {key: info[key] for key in ("first_deployed", "last_deployed", "description", "status") if info.get(key)}
    return {"name": name, "version": summary["revision"], "info": kept, "chart": {"metadata": metadata}}


def _is_written(source: str, document: str) -> bool:
    """Whether a document is more than a comment, and no test. Raises for what is no YAML."""
    import helm_python

    try:
        read = helm_python.values_from_yaml(document)
    except helm_python.HelmError as error:
        raise Refusal(f"YAML parse error on {source}: {error}") from None
    metadata = read.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    hooks = str(annotations.get("helm.sh/hook", "")) if isinstance(annotations, dict) else ""
    return bool(read) and not _TESTS.intersection(hook.strip() for hook in hooks.split(","))


@contextmanager
def _chart(call: Call) -> "Iterator[Chart]":
    """The chart without its CRDs, which the library would install: loaded from a copy that has none."""
    import helm_python

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "chart"
        shutil.copytree(call.chart, copy, ignore=shutil.ignore_patterns("crds"))
        with helm_python.Chart.load(copy) as chart:
            if chart.crds:
                raise Refusal("a packed chart in charts/ has CRDs, which the library cannot leave out; unpack it")
            yield chart


@contextmanager
def _config(call: Call) -> "Iterator[Config]":
    import helm_python

    with helm_python.Config(kubeconfig_content=call.kubeconfig, namespace=call.namespace) as config:
        yield config


def _number(value: "JSON") -> int:
    return value if isinstance(value, int) else 0


def main(folder: str) -> None:
    """Serve until stdin ends."""
    sys.path.insert(0, folder)
    answers = Answers(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)  # what the library prints is no answer
    importlib.import_module("helm_python")
    calls = Calls(answers)
    answers.give(id=0, value=None)
    for line in sys.stdin:
        calls.begin(Call(**json.loads(line)))


if __name__ == "__main__":
    main(sys.argv[1])
