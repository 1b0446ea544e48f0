"""Following one AppSet as it changes, by a watch of it alone. Relies on `kube.watch`."""

import asyncio
from collections.abc import Callable

from sym.aio.env import Env
from sym.cli.rollout_call import Desk, NoSuchThing, TooLate
from sym.kube.errors import CredentialProblem, KubeError
from sym.kube.requests import ListOptions
from sym.kube.store import Applied, Bookmark, Deleted, Event, Replaced
from sym.kube.watch import Reflector
from sym.model.appset import AppSet
from sym.model.kinds import APPSET


class _Enough(Exception):
    """The one who follows has seen what was waited for."""


async def follow(desk: Desk, enough: Callable[[AppSet], bool], env: Env, seconds: float = 0.0) -> None:
    """Give the AppSet to `enough` now and after each change until it says so. Broken connections are mended; raises
    NoSuchThing once it is deleted, TooLate after `seconds` (0: never), CredentialProblem."""

    def take(event: Event[AppSet]) -> None:
        match event:
            case Replaced(items=(app,)) | Applied(item=app):
                if enough(app):
                    raise _Enough
            case Replaced() | Deleted():
                raise NoSuchThing(f"{desk.where} is gone")
            case Bookmark():
                pass

    options = ListOptions(namespace=desk.namespace, field_selector=f"metadata.name={desk.name}")
    reflector = Reflector(desk.api, APPSET, AppSet, options, desk.api.settings, env)
    reflector.interrupted = _give_up
    try:
        async with asyncio.timeout(seconds or None):
            await reflector.run(take)
    except _Enough:
        return
    except TimeoutError:
        raise TooLate(f"{desk.where} was not there in {seconds:g} s") from None


def _give_up(error: KubeError) -> None:
    """A server that is away may come back; one that does not let us in will not."""
    if isinstance(error, CredentialProblem):
        raise error
