"""What an analysis may not be. Every problem says where and what to do."""

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from sym.model.jsonpath import JsonPathError, parse_json_path
from sym.model.problems import Problem
from sym.model.rollout import Analysis


def analysis_problems(analyses: Iterable[Analysis], path: str) -> Iterator[Problem]:
    """All problems of a list of analyses at `path`."""
    seen: set[str] = set()
    for number, each in enumerate(analyses):
        at = f"{path}[{number}]"
        if each.name in seen:
            yield Problem(path=f"{at}.name", message=f"{each.name} is there already: give each analysis its own name")
        seen.add(each.name)
        yield from _source(each, at)
        yield from _bounds(each, at)
        for field, value in (("intervalSeconds", each.interval_seconds), ("count", each.count)):
            if value is not None and value < 1:
                yield Problem(path=f"{at}.{field}", message=f"{value} is too little: use 1 or more")


def _source(each: Analysis, at: str) -> Iterator[Problem]:
    if (each.prometheus is None) == (each.http is None):
        yield Problem(
            path=at, message=f"analysis {each.name} needs exactly one source: give prometheus or http, and not both"
        )
    if each.prometheus is not None:
        yield from _url(each.prometheus.address, f"{at}.prometheus.address")
        if not each.prometheus.query.strip():
            yield Problem(path=f"{at}.prometheus.query", message="it is empty: give a query whose answer is one number")
    if each.http is not None:
        yield from _url(each.http.url, f"{at}.http.url")
        try:
            parse_json_path(each.http.json_path)
        except JsonPathError as error:
            yield Problem(path=f"{at}.http.jsonPath", message=str(error))


def _url(text: str, path: str) -> Iterator[Problem]:
    """The URL itself is not repeated: it may hold a secret."""
    try:
        parts = urlsplit(text)
        host, user = parts.hostname, parts.username or parts.password
        _ = parts.port
    except ValueError:
        host, user = None, None
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not host:
        yield Problem(path=path, message="this is no address of a server: give https://HOST/PATH or http://HOST/PATH")
    elif user:
        yield Problem(path=path, message="it holds a user or a password: leave them out, Sym asks without")


def _bounds(each: Analysis, at: str) -> Iterator[Problem]:
    if each.min is None and each.max is None:
        yield Problem(path=at, message=f"analysis {each.name} has no bounds: give min, max or both")
    elif each.min is not None and each.max is not None and each.min > each.max:
        yield Problem(
            path=f"{at}.min", message=f"{each.min:g} is over max, {each.max:g}: no number can be within these bounds"
        )
