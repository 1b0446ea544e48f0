"""Plays the recorded stories on a real kube-apiserver and says where its answers differ from the recorded ones.

    python -m tests.sandbox.ask_real --server URL --token-file FILE [--update] [FILE ...]

Not part of the test run. `--update` writes the server's answers into the files instead. It works in a namespace and
with custom kinds of its own (`stories.sym.example.com`), which it removes.
"""

import argparse
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path

from msgspec import json

from sym.model.codec import JSONMap, dig_map, dig_str, parse, parse_map
from tests.sandbox.stories import (
    NAMESPACE,
    RECORDED,
    Step,
    Story,
    difference,
    expected,
    name_of,
    path_of,
    pieces,
    steady,
    stories,
)
from tests.wait import until

PLURALS = {"Endpoints": "endpoints"}
MEDIA = {
    "apply": "application/apply-patch+yaml",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
}
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


class Server:
    """A real API server."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token
        self._context = ssl.create_default_context()
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE

    def ask(self, method: str, path: str, body: object = None, media: str = "application/json") -> tuple[int, JSONMap]:
        """The code and the object of an answer."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": media}
        data = None if body is None else json.encode(body)
        request = urllib.request.Request(self._url + path, data, headers, method=method)  # noqa: S310  # the operator's
        try:
            with urllib.request.urlopen(request, context=self._context, timeout=30) as answer:  # noqa: S310  # likewise
                return answer.status, parse_map(answer.read())
        except urllib.error.HTTPError as error:
            text = error.read()
            return error.code, parse_map(text) if text.startswith(b"{") else {"message": text.decode()}


def main() -> None:
    """Plays the files named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", required=True)
    parser.add_argument("--token-file", type=Path, required=True)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("files", nargs="*", default=sorted(path.stem for path in RECORDED.glob("*.json")))
    options = parser.parse_args()
    server = Server(options.server, options.token_file.read_text().strip())
    space: JSONMap = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    server.ask("POST", "/api/v1/namespaces", space)
    differing = 0
    for file in options.files:
        told = stories(file)
        for story in told:
            differing += _play(server, story, update=options.update)
        if options.update:
            (RECORDED / f"{file}.json").write_bytes(_text(told))
    server.ask("DELETE", f"/api/v1/namespaces/{NAMESPACE}")
    sys.stdout.write(f"{differing} answers differ\n")


def _text(told: list[Story]) -> bytes:
    """One line a step, so that a change of one answer is a change of one line."""
    parts: list[bytes] = []
    for story in told:
        head = json.encode(Story(story.name, story.api_version, story.kind, [], story.schema))
        steps = b",\n".join(json.encode(step) for step in story.steps)
        parts.append(head.replace(b'"steps":[]', b'"steps":[\n' + steps + b"\n]", 1))
    return b"[" + b",\n".join(parts) + b"]\n"


def _play(server: Server, story: Story, *, update: bool) -> int:
    plural = PLURALS.get(story.kind, story.kind.lower() + "s")
    if story.schema is not None:
        _define(server, story, plural)
    _remove(server, path_of(story, plural, name_of(story)))
    before: JSONMap = {}
    differing = 0
    for number, step in enumerate(story.steps):
        code, body = _ask(server, story, step, plural)
        same, after = _compare(step, code, body, before, update=update)
        if not same:
            differing += 1
            sys.stdout.write(f"{story.name} {number}: {code} {dig_str(body, 'message')[:300]}\n")
        if code < 300 and not step.dry:
            before = after
    _remove(server, path_of(story, plural, name_of(story)))
    if story.schema is not None:
        _remove(server, f"{DEFINITIONS}/{plural}.{story.api_version.partition('/')[0]}")
    return differing


def _compare(step: Step, code: int, body: JSONMap, before: JSONMap, *, update: bool) -> tuple[bool, JSONMap]:
    message = dig_str(body, "message") if code >= 300 else ""
    after = steady(body) if code < 300 else before
    if update:
        put, gone = difference(before, after)
        step.code, step.message, step.put, step.gone = code, message, dict(put), gone
        return True, after
    same = (code, pieces(message)) == (step.code, pieces(step.message))
    return same and (code >= 300 or expected(before, step) == after), after


def _ask(server: Server, story: Story, step: Step, plural: str) -> tuple[int, JSONMap]:
    query = (
        f"?fieldManager={step.manager}" + ("&dryRun=All" if step.dry else "") + ("&force=true" if step.force else "")
    )
    name = name_of(story)
    if step.verb == "create":
        return server.ask("POST", path_of(story, plural) + query, step.body)
    path = path_of(story, plural, name) + (f"/{step.subresource}" if step.subresource else "") + query
    if step.verb == "update":
        live = server.ask("GET", path_of(story, plural, name))[1]
        body = parse_map(json.encode(step.body))
        whole: JSONMap = {**body, "metadata": {**dig_map(live, "metadata"), **dig_map(body, "metadata")}}
        return server.ask("PUT", path, whole)
    return server.ask("PATCH", path, parse(json.encode(step.body)), MEDIA[step.verb])


def _define(server: Server, story: Story, plural: str) -> None:
    group, _, version = story.api_version.partition("/")
    body: JSONMap = parse_map(
        json.encode(
            {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {"name": f"{plural}.{group}"},
                "spec": {
                    "group": group,
                    "scope": "Namespaced",
                    "names": {"plural": plural, "kind": story.kind},
                    "versions": [
                        {
                            "name": version,
                            "served": True,
                            "storage": True,
                            "subresources": {"status": {}},
                            "schema": {"openAPIV3Schema": story.schema},
                        }
                    ],
                },
            }
        )
    )
    _remove(server, f"{DEFINITIONS}/{plural}.{group}")
    code, answer = server.ask("POST", DEFINITIONS, body)
    if code >= 300:
        raise SystemExit(f"{story.name}: {dig_str(answer, 'message')}")
    until(lambda: server.ask("GET", path_of(story, plural))[0] == 200, 20, f"{plural} served")


def _remove(server: Server, path: str) -> None:
    finalizers: JSONMap = {"metadata": {"finalizers": None}}
    server.ask("PATCH", path, finalizers, MEDIA["merge"])
    server.ask("DELETE", path + "?gracePeriodSeconds=0&propagationPolicy=Background")
    until(lambda: server.ask("GET", path)[0] != 200, 20, f"{path} gone")


if __name__ == "__main__":
    main()
