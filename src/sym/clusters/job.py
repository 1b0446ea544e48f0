"""One action, where it is done and for whose sake: what the executor gets, and what it asks of a cluster."""

from typing import Protocol

from msgspec import Struct

from sym.kube.api import Api
from sym.kube.connection import Connection
from sym.model.meta import Ref
from sym.plan.types import Action


class Target(Protocol):
    """The cluster that an action is for."""

    @property
    def name(self) -> str:
        """Its name; empty for the meta cluster."""
        ...

    @property
    def api(self) -> Api:
        """Its API."""
        ...

    @property
    def connection(self) -> Connection | None:
        """How programs of others reach it; None where only `api` does."""
        ...

    def permit(self) -> bool:
        """Whether the right to act there is still held."""
        ...

    def doubt(self) -> str:
        """Why nothing destructive may rest on what is known of it now; empty when nothing speaks against it."""
        ...


class Job(Struct, frozen=True, kw_only=True):
    """One action, where it is done and for whose sake."""

    action: Action
    target: Target
    behalf: Ref
    home: Api | None = None
    """The API of the process's own cluster; for a master, where the AppSets are."""
