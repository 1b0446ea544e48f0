"""What a member's answers and silences say about it: pure bookkeeping over the monotonic clock.

A member that was well is called ill only after several failures in a row that spread over a while; one success makes
it well again. What kind of illness it is follows the last failure: a refused credential or certificate is never taken
for a dead cluster (reliability.md I-10). Relies on `kube.errors` and `plan.types`.
"""

from sym.kube.errors import CredentialProblem, Junk, KubeError, ServerError, TooManyRequests
from sym.plan.types import Health
from sym.settings import FleetSettings


class HealthTracker:
    """The verdict on one member. Times are monotonic seconds."""

    def __init__(self, settings: FleetSettings) -> None:
        self._settings = settings
        self._health = Health.CONNECTING
        self._reason = "no answer yet"
        self._failures = 0
        self._first_failure = 0.0

    @property
    def health(self) -> Health:
        """The present verdict."""
        return self._health

    @property
    def reason(self) -> str:
        """Why it is not Ready, a sentence; empty when it is."""
        return self._reason

    def success(self) -> bool:
        """The member answered as it should. True if that changed the verdict."""
        changed = self._health is not Health.READY
        self._health, self._reason, self._failures = Health.READY, "", 0
        return changed

    def failure(self, error: Exception, now: float) -> bool:
        """A probe failed at `now`. True if that changed the verdict."""
        if self._failures == 0:
            self._first_failure = now
        self._failures += 1
        enough = (
            self._failures >= self._settings.failures and now - self._first_failure >= self._settings.failure_seconds
        )
        if self._health is Health.READY and not enough:
            return False
        before = (self._health, self._reason)
        self._health, self._reason = verdict(error), describe(error)
        return before != (self._health, self._reason)


def verdict(error: Exception) -> Health:
    """What this failure, if it lasts, says about a member."""
    match error:
        case CredentialProblem():
            return Health.CREDENTIAL_PROBLEM
        case TooManyRequests() | ServerError() | Junk():
            return Health.DEGRADED
        case _:
            return Health.UNREACHABLE


def describe(error: Exception) -> str:
    """The failure as one short sentence that is fit for a status."""
    if isinstance(error, KubeError):
        return error.message[:500]
    if isinstance(error, TimeoutError):
        return "the health probe was not answered in time"
    return type(error).__name__
