"""Reading an AppSet, deciding, and writing exactly to what was read; and who the caller is."""

from collections.abc import Callable

import click

from sym.aio.env import Env, SystemEnv
from sym.cli.rollout_asks import Person
from sym.cli.rollout_call import Desk, Refused
from sym.cli.rollout_change import Change, No, Seen
from sym.kube.errors import Conflict, Forbidden, Junk, NotServed
from sym.model.appset import AppSet
from sym.model.codec import DecodeError, JSONMap, convert, dig_str
from sym.model.kinds import APPSET
from sym.model.meta import Kind

MANAGER = "sym-rollout"
TRIES = 20
"""How often a change is tried while others write to the AppSet."""
MAX_REASON = 4096
_REVIEWS = tuple(
    Kind("authentication.k8s.io", version, "SelfSubjectReview", "selfsubjectreviews", namespaced=False)
    for version in ("v1", "v1beta1")
)


async def look(desk: Desk) -> Seen:
    """The AppSet as it is now. Raises KubeError."""
    live = await desk.api.get_raw(APPSET, desk.namespace, desk.name)
    return seen_in(desk, live)


def seen_in(desk: Desk, live: JSONMap) -> Seen:
    """An AppSet that the server gave. Raises Junk where it cannot be read."""
    try:
        return Seen(live, convert(live, AppSet))
    except DecodeError as error:
        raise Junk(f"{desk.where} cannot be read: {error}") from None


async def settle(desk: Desk, decide: Callable[[Seen], Change]) -> Seen:
    """Look, decide, write, tell; and again where somebody else wrote meanwhile. Returns the AppSet after it. Raises
    Refused where it is decided against, KubeError."""
    for _ in range(TRIES):
        seen = await look(desk)
        try:
            change = decide(seen)
        except No as error:
            raise Refused(f"{desk.where}: {error}") from None
        if change.patch is not None:
            try:
                live = await desk.api.patch(APPSET, change.patch, MANAGER, subresource=change.subresource)
            except Conflict:
                continue
            seen = seen_in(desk, live)
        click.echo(f"{desk.where}: {change.said}")
        return seen
    raise Conflict(f"{desk.where}: others write to it all the time; nothing was changed, try again")


async def caller(desk: Desk, reason: str, env: Env | None = None) -> Callable[[], Person]:
    """Who is speaking, with the time of each word."""
    if len(reason) > MAX_REASON:
        raise click.UsageError(f"--reason has {len(reason)} characters, at most {MAX_REASON} are kept: say it shorter")
    user, clock = await whoami(desk), env or SystemEnv()
    return lambda: Person(user=user, time=clock.now(), reason=reason)


async def whoami(desk: Desk) -> str:
    """The name by which the server knows the caller; on servers that do not tell, the kubeconfig's, marked so."""
    for kind in _REVIEWS:
        try:
            answer = await desk.api.create(kind, {"apiVersion": kind.api_version, "kind": kind.name}, MANAGER)
        except (NotServed, Forbidden):
            continue
        if name := dig_str(answer, "status", "userInfo", "username"):
            return name
    return f"kubeconfig:{desk.user or 'unknown'}"
