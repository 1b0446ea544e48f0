"""Named health checks: what /live and /ready answer. Checks come and go with clusters, each exactly by its name."""

from collections.abc import Callable, Mapping

Check = Callable[[], str]
"""Why it is not well, a sentence; empty when it is."""


class Checks:
    """A set of checks. Readiness includes liveness."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    def add(self, name: str, check: Check) -> None:
        """Ask `check` too, under `name`. Raises ValueError if that name is taken."""
        if name in self._checks:
            raise ValueError(f"there is a check named {name!r} already")
        self._checks[name] = check

    def remove(self, name: str) -> None:
        """Ask it no longer. Only this very name; unknown names are no error."""
        self._checks.pop(name, None)

    @property
    def names(self) -> frozenset[str]:
        """The names of all checks."""
        return frozenset(self._checks)

    def results(self) -> Mapping[str, str]:
        """Every check's answer, `OK` or what is wrong, by name."""
        return {name: _ask(check) or "OK" for name, check in sorted(self._checks.items())}


def _ask(check: Check) -> str:
    try:
        return check()
    except Exception as error:  # a check that breaks is a check that fails
        return f"the check itself failed: {type(error).__name__}"
