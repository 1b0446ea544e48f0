"""Acting only while a lock is held, checked as late as can be: with the connection in hand, before the first byte.

Between a decision and its request lie waiting for a slot, live reads, the rate limit, perhaps a pause of the whole
process. A lock that was lost meanwhile keeps the request from leaving. Relies on `Request.permit` of `kube.requests`.
"""

from collections.abc import Callable

from sym.clusters.member import Member
from sym.clusters.refusals import Refused
from sym.kube.api import Api
from sym.kube.connection import Connection

Permit = Callable[[], bool]


def always() -> bool:
    """The permit of those who need no lock."""
    return True


def check(permit: Permit) -> None:
    """Raises Refused where `permit()` says no."""
    if not permit():
        raise Refused("NotPermitted", "the lock under which this was decided is not held any more")


def under(api: Api, permit: Permit) -> Api:
    """`api` for one who acts under a lock: no request of it leaves without the permit. Its verbs raise Refused too."""
    return api.under(lambda: check(permit))


class Permitted:
    """A member as one who acts under a lock may touch it. Implements `job.Target`."""

    def __init__(self, member: Member, permit: Permit) -> None:
        self.name = member.name
        self.api = under(member.api, permit)
        self.permit = permit
        self._member = member

    @property
    def connection(self) -> Connection | None:
        """See `Member.connection`."""
        return self._member.connection

    def doubt(self) -> str:
        """See `Member.doubt`."""
        return self._member.doubt()
