"""One number from outside, for the analysis of a rollout: a Prometheus query, or a GET that answers with JSON.

The AppSet's author wrote the address, so the policy for strangers' URLs holds (`fetch`, `policy`): hosts at private
addresses only where the operator listed them, no redirect to another server, bounded in bytes and time, no credentials.
What goes wrong is a sentence that names the host and never a query.
"""

import math

from msgspec import Struct
from yarl import URL

from sym.model.codec import JSON, DecodeError, dig, dig_list, dig_str, parse
from sym.model.jsonpath import JsonPathError, look_up, parse_json_path
from sym.model.rollout import Analysis, HttpQuery, PrometheusQuery
from sym.net.errors import ChartError
from sym.net.fetch import Ask, Fetcher
from sym.net.policy import parse_url, where
from sym.settings import AnalysisSettings

_API = "api/v1/query"


class Figure(Struct, frozen=True, kw_only=True):
    """What a source answered. `value` None: no number, and `message` says why."""

    value: float | None = None
    message: str = ""


class Gauge:
    """Asks sources. Raises ChartRefused where `ca_file` cannot be used."""

    def __init__(self, settings: AnalysisSettings) -> None:
        self._settings = settings
        self._fetcher = Fetcher(settings)

    async def measure(self, analysis: Analysis) -> Figure:
        """The number that an analysis asks for, or why there is none. Never raises for what a source does."""
        try:
            if analysis.prometheus is not None:
                return await self._prometheus(analysis.prometheus)
            if analysis.http is not None:
                return await self._http(analysis.http)
        except (ChartError, JsonPathError) as error:
            return Figure(message=str(error))
        return Figure(message=f"analysis {analysis.name} names no source: give it prometheus or http")

    async def _prometheus(self, query: PrometheusQuery) -> Figure:
        address = parse_url(query.address, ("https", "http"))
        url = (address / _API).with_query({"query": query.query})
        host, document = where(url), await self._document(url)
        if dig_str(document, "status") != "success":
            why = dig_str(document, "errorType") or "no type"
            return Figure(message=f"{host}: Prometheus refused the query ({why})")
        return _sample(host, document)

    async def _http(self, query: HttpQuery) -> Figure:
        url, steps = parse_url(query.url, ("https", "http")), parse_json_path(query.json_path)
        document = await self._document(url)
        value = number(look_up(document, steps))
        if value is None:
            return Figure(message=f"{where(url)}: there is no number at {query.json_path} of its answer")
        return Figure(value=value)

    async def _document(self, url: URL) -> JSON:
        """The JSON at `url`. Raises ChartError."""
        answer = await self._fetcher.get(Ask(url=url, limit=self._settings.answer_bytes))
        try:
            return parse(answer.good().body)
        except DecodeError:
            raise ChartError(f"{where(url)}: its answer is no JSON") from None


def number(value: JSON) -> float | None:
    """A finite number; a text that is one, and true and false, count as such."""
    match value:
        case bool() | int() | float():
            found = float(value)
        case str():
            try:
                found = float(value)
            except ValueError:
                return None
        case _:
            return None
    return found if math.isfinite(found) else None


def _sample(host: str, document: JSON) -> Figure:
    """The one sample of a query's result."""
    kind, result = dig_str(document, "data", "resultType"), dig_list(document, "data", "result")
    if kind == "vector":
        if len(result) != 1:
            count = "no sample" if not result else f"{len(result)} samples"
            return Figure(message=f"{host}: the query gives {count}, and one is needed")
        result = dig_list(result[0], "value")
    elif kind != "scalar":
        return Figure(message=f"{host}: the query gives a {kind or 'nothing'}, and one number is needed")
    value = number(dig(result, 1))
    return Figure(value=value) if value is not None else Figure(message=f"{host}: the sample is no finite number")
