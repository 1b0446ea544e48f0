"""What Sym uses of helm-python-sdk 0.2, which only the worker process imports; checks run without it."""

import os
from types import TracebackType
from typing import Self, TypeAlias

JSON: TypeAlias = None | bool | int | float | str | list[JSON] | dict[str, JSON]
JSONMap: TypeAlias = dict[str, JSON]

class HelmError(Exception):
    code: int | None
    detail: str

class HelmContext:
    def cancel(self) -> None: ...
    def close(self) -> None: ...

class Chart:
    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Chart: ...
    @property
    def crds(self) -> list[dict[str, str]]: ...
    def validate_schema(self, values: JSONMap | None = None) -> None: ...
    def render(
        self,
        values: JSONMap | None = None,
        *,
        name: str | None = None,
        namespace: str | None = None,
        is_install: bool | None = None,
    ) -> dict[str, str]: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

class Config:
    def __init__(self, *, kubeconfig_content: str | None = None, namespace: str | None = None) -> None: ...
    def install(
        self,
        chart: Chart,
        name: str,
        values: JSONMap | None = None,
        *,
        context: HelmContext | None = None,
        timeout: int | None = None,
        description: str | None = None,
        labels: dict[str, str] | None = None,
    ) -> JSONMap: ...
    def upgrade(
        self,
        chart: Chart,
        name: str,
        values: JSONMap | None = None,
        *,
        context: HelmContext | None = None,
        timeout: int | None = None,
        max_history: int | None = None,
        reset_values: bool = False,
        description: str | None = None,
        labels: dict[str, str] | None = None,
    ) -> JSONMap: ...
    def uninstall(self, name: str, *, timeout: int | None = None, ignore_not_found: bool = False) -> JSONMap: ...
    def rollback(self, name: str, *, version: int | None = None, timeout: int | None = None) -> None: ...
    def history(self, name: str) -> list[JSONMap]: ...
    def get_all(self, name: str, *, revision: int | None = None) -> JSONMap: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

def values_from_yaml(yaml: str) -> JSONMap: ...
def pull(chart_ref: str, *, destination: str | None = None, version: str | None = None) -> JSONMap: ...
