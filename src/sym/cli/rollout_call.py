"""What every `sym rollout` command has in common: which AppSet in which cluster, and how a call ends.

Exit codes: 0 done or healthy, 1 refused or degraded, 2 usage, 3 not found, 4 not allowed, 124 not in time. Relies on
click; the network is imported only when a command runs.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable

import click
from click.core import ParameterSource
from msgspec import Struct

from sym.kube.api import Api
from sym.kube.client import Client
from sym.kube.connection import Connection
from sym.kube.errors import Forbidden, KubeError, NotFound, NotServed, Unauthorized

DEGRADED, NOT_FOUND, NOT_ALLOWED, TIMED_OUT = 1, 3, 4, 124
_KINDS = ("as", "appset", "appsets", "appset.workload.dmall.com", "appsets.workload.dmall.com")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


class Refused(click.ClickException):
    """What was asked for is not done. The sentence says why and what to do."""

    exit_code = DEGRADED


class NoSuchThing(Refused):
    """The AppSet, or a part of it that was named, does not exist."""

    exit_code = NOT_FOUND


class NotAllowed(Refused):
    """The server does not let this user do it."""

    exit_code = NOT_ALLOWED


class TooLate(Refused):
    """It did not come about in the time given."""

    exit_code = TIMED_OUT


class Named(Struct, frozen=True):
    """An AppSet as a command names it. `namespace` empty: the context's."""

    namespace: str
    name: str

    @classmethod
    def parse(cls, text: str, namespace: str) -> "Named":
        """From `NAME`, `as/NAME` or `NAMESPACE/NAME` and the option --namespace. Raises UsageError."""
        before, slash, name = text.rpartition("/")
        stated = "" if before in _KINDS else before
        if slash and not before:
            raise click.UsageError(f"{text!r}: name the AppSet as NAME, as/NAME or NAMESPACE/NAME")
        if stated and namespace and stated != namespace:
            raise click.UsageError(f"{text!r}: it names another namespace than --namespace {namespace}: leave one out")
        found = cls(stated or namespace, name)
        for part, value in (("AppSet", found.name), ("namespace", found.namespace)):
            if not _NAME.fullmatch(value) and (value or part == "AppSet"):
                raise click.UsageError(f"{value!r}: no {part} can have this name; name it as NAME or NAMESPACE/NAME")
        return found


class Desk(Struct, frozen=True, kw_only=True):
    """Where a command works: the meta cluster and one AppSet of it. `user`: what the kubeconfig calls the caller."""

    api: Api
    namespace: str
    name: str
    user: str = ""

    @property
    def where(self) -> str:
        """`AppSet default/bbcc`, for sentences."""
        return f"AppSet {self.namespace}/{self.name}"


class Call(Struct, frozen=True, kw_only=True):
    """The arguments that all rollout commands take."""

    named: Named
    kubeconfig: str
    context: str
    explicit: bool = False
    """Whether the kubeconfig was named on the command line, not by the environment."""

    def run(self, work: Callable[[Desk], Awaitable[None]], *, watches: bool = False) -> None:
        """Do `work` at the desk that the arguments name; `watches`: it also watches, which takes the larger client.
        Raises ClickException with the exit code that fits."""

        async def go() -> None:
            desk = self._desk(watches=watches)
            try:
                await work(desk)
            finally:
                await desk.api.aclose()

        try:
            asyncio.run(go())
        except KubeError as error:
            raise told(error) from error

    def _desk(self, *, watches: bool) -> Desk:
        from sym.kube.kubeconfig import load_operator

        connection = load_operator(self.kubeconfig, self.context)
        return Desk(
            api=Api(_watcher(connection) if watches else _asker(connection), ""),
            namespace=self.named.namespace or connection.namespace or "default",
            name=self.named.name,
            user=connection.user,
        )


class AppSetCommand(click.Command):
    """A command about one AppSet: it has the common parameters, and gets a `Call` as its context's object."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The common parameters, and its own."""
        return [*_common(), *super().get_params(ctx)]

    def invoke(self, ctx: click.Context) -> object:
        """Call it, with the common parameters taken together."""
        given = {key: str(ctx.params.pop(key) or "") for key in ("appset", "namespace", "kubeconfig", "context")}
        ctx.obj = Call(
            named=Named.parse(given["appset"], given["namespace"]),
            kubeconfig=given["kubeconfig"],
            context=given["context"],
            explicit=ctx.get_parameter_source("kubeconfig") is ParameterSource.COMMANDLINE,
        )
        return super().invoke(ctx)


def told(error: KubeError) -> click.ClickException:
    """The end of a call that the server did not answer as hoped."""
    match error:
        case NotFound():
            return NoSuchThing(error.message)
        case Unauthorized() | Forbidden():
            return NotAllowed(error.message)
        case NotServed():
            return Refused(f"{error.message}: is this the meta cluster? `sym crds` prints the kinds that it needs")
        case _:
            return Refused(error.message)


def _common() -> tuple[click.Parameter, ...]:
    return (
        click.Argument(["appset"], metavar="NAME"),
        click.Option(["-n", "--namespace"], metavar="NAME", help="Namespace; default: the context's, else default."),
        click.Option(["--kubeconfig"], envvar="KUBECONFIG", help="The meta cluster's kubeconfig; default as kubectl."),
        click.Option(["--context"], help="A context of it."),
    )


def _asker(connection: Connection) -> Client:
    from sym.aio.env import SystemEnv
    from sym.kube.oneshot import OneShot
    from sym.settings import KubeSettings

    return OneShot(connection, KubeSettings(), SystemEnv())


def _watcher(connection: Connection) -> Client:
    from sym.aio.env import SystemEnv
    from sym.cli.logs import configure
    from sym.kube.http import HttpClient
    from sym.settings import KubeSettings

    configure(1)
    return HttpClient(connection, KubeSettings(), SystemEnv())
