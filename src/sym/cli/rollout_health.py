"""Whether an AppSet's rollout is over, and well: what `sym rollout status` waits for. Pure."""

from msgspec import Struct

from sym.model import names
from sym.model.appset import AppSet, AppStatus
from sym.model.conditions import find_condition
from sym.model.rollout import Phase

OVER = (Phase.FAILED, Phase.ROLLED_BACK, Phase.ABORTED)
"""Phases in which nothing goes on by itself, and not all runs as the spec says."""


class Standing(Struct, frozen=True, kw_only=True):
    """How it stands, in one word and a sentence. `ended`: waiting longer is of no use by itself."""

    word: str
    message: str = ""
    ended: bool = False
    well: bool = False


def stand(app: AppSet) -> Standing:
    """How the AppSet stands, as far as its status speaks of its present generation."""
    if app.deleting:
        return Standing(word=AppStatus.DELETING.value, message="it is being deleted", ended=True)
    if app.status.observed_generation < app.metadata.generation:
        message = f"the controller has not taken up generation {app.metadata.generation} yet"
        return Standing(word=Phase.PROGRESSING.value, message=message)
    return _failed(app) or _going(app)


def _failed(app: AppSet) -> Standing | None:
    """How it stands if it cannot go on by itself."""
    phase, message = app.status.rollout.phase, _said(app)
    if phase is not None and phase in OVER:
        return Standing(word=phase.value, message=message, ended=True)
    stalled = find_condition(app.status.conditions, names.STALLED)
    if stalled is not None and stalled.true:
        return Standing(word=names.STALLED, message=f"{stalled.reason}: {stalled.message}", ended=True)
    return None


def _going(app: AppSet) -> Standing:
    """How it stands if nothing failed; only a rollout that is over can be degraded, before that pods may well be
    missing."""
    phase, state, message = app.status.rollout.phase, app.status.aggr_status.status, _said(app)
    if app.spec.update_strategy.paused:
        return Standing(word=AppStatus.PAUSED.value, message=message)
    if phase is not None and phase is not Phase.COMPLETED:
        return Standing(word=phase.value, message=message)
    if state == AppStatus.DEGRADED:
        return Standing(word=state.value, message=message, ended=True)
    ready = find_condition(app.status.conditions, names.READY)
    if ready is not None and ready.true:
        return Standing(word=state.value or AppStatus.RUNNING.value, ended=True, well=True)
    return Standing(word=state.value or "Pending", message=message)


def _said(app: AppSet) -> str:
    """The rollout's own sentence, else that of the condition Ready."""
    ready = find_condition(app.status.conditions, names.READY)
    return app.status.rollout.message or (ready.message if ready is not None and not ready.true else "")
