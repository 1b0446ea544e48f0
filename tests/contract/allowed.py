"""The reviewed list of differences between the sandbox and a real server that the raw differential run accepts.

Each entry names its requests and its places in the answer by regular expressions that must match from end to end
(`SCRIPT: METHOD PATH`, and the path of a JSON value such as `.body.items[0].metadata.labels`), and says why. The run
reports entries that nothing needed any longer. A status is never allowed to differ.
"""

from msgspec import Struct


class Allowed(Struct, frozen=True):
    """A difference that is accepted."""

    request: str
    path: str
    reason: str


ALLOWED: tuple[Allowed, ...] = ()
