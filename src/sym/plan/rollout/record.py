"""What is kept of a rollout: its record in the status, and the revisions of its content in the meta cluster.

The revision of a content stands before the first child gets it, so that whoever has to go back to it later finds it.
"""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from sym.model.rollout import Phase, RolloutStatus
from sym.plan.revisions import ensure, number, own, prune
from sym.plan.types import Action, Owner
from sym.plan.views import AppSetView
from sym.plan.wanted import Wanted, runs_everywhere


class Noted(Struct, frozen=True, kw_only=True):
    """The record as it shall be, what else is to be written or asked, and after how many seconds to look again."""

    status: RolloutStatus
    actions: tuple[Action, ...] = ()
    wait: float | None = None


def note(view: AppSetView, owner: Owner, want: Wanted, now: datetime) -> Noted:
    """What is kept of where `want` stands."""
    course, old, revisions = want.rollout, view.app.status.rollout, own(view, owner)
    if want.settled:
        done = replace(
            course.status if course is not None else old,
            phase=Phase.COMPLETED,
            hash=want.hash,
            finished=want.hash,
            revision=number(revisions, want.hash),
            gate="",
            message="",
            requests=(),
        )
        # told before it is kept: a revision without the word that it ran everywhere looks like a status that was lost
        told = runs_everywhere(view.app, want.hash)
        return Noted(status=done, actions=_kept(view, owner, want.hash, now) if told else ())
    if course is None:
        return Noted(status=old)
    status = replace(course.status, revision=number(revisions, want.hash))
    known = view.revisions is not None
    made = ensure(view.app, owner, revisions, want.hash) if known else ()
    return Noted(
        status=status, actions=(*made, *course.queries), wait=course.stop.wait if course.stop is not None else None
    )


def _kept(view: AppSetView, owner: Owner, hash_: str, now: datetime) -> tuple[Action, ...]:
    """The revision of what runs everywhere now, marked so; after that, not more former ones than are to be kept."""
    if view.revisions is None:
        return ()
    revisions = own(view, owner)
    made = ensure(view.app, owner, revisions, hash_, ran=now)
    return made or prune(view.app, owner, revisions, frozenset({hash_}))
