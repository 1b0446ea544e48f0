"""What can go wrong on the way to a chart, as one tree that says what the caller should do.

    ChartError
    ├─ ChartRefused       the source, the archive or the policy is at fault: trying again is of no use until one changes
    ├─ ChartNotFound      there is no such chart or version; `versions` are those that exist
    └─ ChartUnreachable   no answer, or the server's own trouble: try again later

A sentence names the alias, the host and the version; never a query, a user, a password, a token or a resolved address.
"""


class ChartError(Exception):
    """The root. `message` is fit for a condition."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ChartRefused(ChartError):
    """Sym will not use it: the sentence names what is wrong and the limit."""


class ChartNotFound(ChartError):
    """No such chart or version. `versions`: those that exist, the newest first, where the source told."""

    def __init__(self, message: str, versions: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.versions = versions


class ChartUnreachable(ChartError):
    """No answer in time, or none that is of use: trying again later may help."""
