"""What is wrong with an object, as data: where, what, and what to do."""

from msgspec import Struct

INVALID = "InvalidSpec"


class Problem(Struct, frozen=True, kw_only=True):
    """One thing wrong with an object. `path` as in `spec.replicas`; `reason` is CamelCase and stable."""

    path: str
    message: str
    reason: str = INVALID

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"
