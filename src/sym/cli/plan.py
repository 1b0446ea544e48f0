"""`sym plan|diff|apply -f FILE`: what an AppSet would do before it does it, and the apply that does exactly that."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import Struct

from sym.cli.rollout_call import DEGRADED, Refused, told
from sym.kube.api import Api
from sym.kube.errors import Conflict, FieldConflict, KubeError
from sym.model.codec import JSON, JSONMap, dig_str, encode
from sym.model.kinds import APPSET

if TYPE_CHECKING:
    from sym.cli.outlook import Outlook, Wish
    from sym.clusters.registration import Registration

TRIES = 10
"""How often an apply is tried while controllers write to the AppSet."""
DIFFERS, BROKEN = 1, 2
"""Exit codes of `sym diff`, as kubectl's: it differs; it could not be told."""


class Given(Struct, frozen=True, kw_only=True):
    """The options that the three have in common."""

    file: str
    namespace: str
    kubeconfig: str
    context: str
    force: bool


class FileCommand(click.Command):
    """A command about a file of AppSets: it has the common parameters, and gets `Given` as its context's object."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The common parameters, and its own."""
        return [*_common(), *super().get_params(ctx)]

    def invoke(self, ctx: click.Context) -> object:
        """Call it, with the common parameters taken together."""
        texts = {key: str(ctx.params.pop(key) or "") for key in ("file", "namespace", "kubeconfig", "context")}
        ctx.obj = Given(**texts, force=bool(ctx.params.pop("force")))
        return super().invoke(ctx)


def _common() -> tuple[click.Parameter, ...]:
    file = click.Option(["-f", "--filename", "file"], required=True, metavar="FILE", help="AppSets; - is stdin.")
    return (
        file,
        click.Option(["-n", "--namespace"], metavar="NAME", help="For AppSets that name none."),
        click.Option(["--kubeconfig"], envvar="KUBECONFIG", help="The meta cluster's kubeconfig; default as kubectl."),
        click.Option(["--context"], help="A context of it."),
        click.Option(["--force-conflicts", "force"], is_flag=True, help="Take fields from other managers."),
    )


class CannotTell(Refused):
    """A difference that could not be told."""

    exit_code = BROKEN


@click.command("plan", cls=FileCommand)
@click.option("-o", "--output", type=click.Choice(("json",)), help="As data.")
@click.pass_obj
def plan(given: Given, output: str | None) -> None:
    """Show waves, what each changes in each cluster, pods that restart, what is deleted. Nothing is written."""

    async def show(table: "Table") -> None:
        from sym.cli.outlook_view import as_json, lines

        found = [await table.look(wish) for wish in table.wishes]
        if output == "json":
            click.echo(encode([as_json(each) for each in found]).decode())
        else:
            for each in found:
                click.echo("\n".join(lines(each)))
        if any(each.problems for each in found):
            raise SystemExit(DEGRADED)

    _run(given, show)


@click.command("diff", cls=FileCommand)
@click.pass_obj
def diff(given: Given) -> None:
    """Show how the objects in every cluster would differ. Exit code 0: not at all, 1: they would, 2: unknown."""

    async def show(table: "Table") -> None:
        from sym.cli.outlook_diff import differences

        differs, unknown = False, list[str]()
        for wish in table.wishes:
            found = await table.look(wish)
            if found.problems:
                raise CannotTell("\n".join(f"{wish.where}: {each}" for each in found.problems))
            unknown += (
                f"{wish.where}: cluster {name} was not looked into: {why}" for name, why in found.unread.items()
            )
            for each in await differences(table.meta, found, table.reach, table.now()):
                lines = each.lines()
                differs = differs or bool(lines)
                unknown += [f"{each.where}: {each.trouble}"] if each.trouble else []
                click.echo("\n".join(map(_coloured, lines)) + "\n" if lines else "", nl=False)
        if unknown:
            raise CannotTell("\n".join(unknown))
        if differs:
            raise SystemExit(DIFFERS)

    try:
        _run(given, show)
    except click.ClickException as error:
        raise CannotTell(error.message) from error


@click.command("apply", cls=FileCommand)
@click.option("--plan", "hash_", default="", metavar="HASH", help="Only if `sym plan` would still say this.")
@click.pass_obj
def apply(given: Given, hash_: str) -> None:
    """Apply AppSets (server-side). With --plan: only if the world is as it was planned."""

    async def do(table: "Table") -> None:
        if hash_ and len(table.wishes) != 1:
            raise Refused(f"--plan means one AppSet, and {given.file} has {len(table.wishes)}: apply them one by one")
        for wish in table.wishes:
            await table.apply(wish.body, hash_)
            click.echo(f"{APPSET.name.lower()}.{APPSET.group}/{wish.name} serverside-applied")
            click.echo(f"next: sym rollout get {wish.name} -n {wish.namespace} -w", err=True)

    _run(given, do)


class Table:
    """Where the three work: the meta cluster, the file's AppSets, and the way to the members."""

    def __init__(self, meta: Api, given: Given, text: bytes, namespace: str) -> None:
        from sym.aio.env import SystemEnv
        from sym.cli.outlook import wishes

        self.meta = meta
        self.env = SystemEnv()
        self.now = self.env.now
        self.wishes = wishes(text, given.file, given.namespace or namespace or "default")
        self._force = given.force

    def reach(self, registration: "Registration") -> Api:
        """A member's API. Raises KubeError."""
        from sym.kube.kubeconfig import load_registered
        from sym.kube.oneshot import OneShot
        from sym.settings import KubeSettings

        connection = load_registered(registration.kubeconfig)
        return Api(OneShot(connection, KubeSettings(), self.env), registration.name)

    async def look(self, wish: "Wish") -> "Outlook":
        """What would come of an AppSet. Raises KubeError, Refused."""
        from sym.cli.outlook import outlook

        return await outlook(self.meta, wish, self.reach, self.now(), force=self._force)

    async def apply(self, body: JSONMap, hash_: str) -> None:
        """Apply it, if nothing that the plan rests on has moved. Raises KubeError, Refused."""
        from sym.cli.outlook import MANAGER, Wish

        for _ in range(TRIES):
            exact: JSONMap = {}
            if hash_:
                found = await self.look(Wish(body=body, source=""))
                if found.hash != hash_:
                    raise Refused(
                        f"{found.wish.where}: the world has moved since plan {hash_}, it would be plan {found.hash}"
                        " now. Nothing was applied; look at it again: sym plan"
                    )
                exact = {key: dig_str(found.live or {}, "metadata", key) for key in ("uid", "resourceVersion")}
            metadata: dict[str, JSON] = {**_metadata(body), **{key: each for key, each in exact.items() if each}}
            try:
                await self.meta.apply(APPSET, {**body, "metadata": metadata}, MANAGER, force=self._force)
            except Conflict:
                if not hash_:
                    raise
                continue
            return
        raise Refused("others write to the AppSet all the time: nothing was applied, try again")


def _metadata(body: JSONMap) -> JSONMap:
    found = body["metadata"]
    return found if isinstance(found, dict) else {}


def _run(given: Given, work: Callable[[Table], Awaitable[None]]) -> None:
    """Do `work`. Raises ClickException with the exit code that fits."""

    async def go() -> None:
        from sym.aio.env import SystemEnv
        from sym.kube.kubeconfig import load_operator
        from sym.kube.oneshot import OneShot
        from sym.settings import KubeSettings

        text = _read(given.file)
        connection = load_operator(given.kubeconfig, given.context)
        meta = Api(OneShot(connection, KubeSettings(), SystemEnv()), "")
        try:
            await work(Table(meta, given, text, connection.namespace))
        finally:
            await meta.aclose()

    try:
        asyncio.run(go())
    except FieldConflict as error:
        raise Refused(f"{error.message} (--force-conflicts takes the fields over; nothing was applied)") from error
    except KubeError as error:
        raise told(error) from error


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise Refused(f"{file}: {error.strerror or 'it cannot be read'}") from None


def _coloured(line: str) -> str:
    """As people know diffs; click takes the colour away where nobody sees it."""
    colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
    return click.style(line, fg=colour) if colour else line
