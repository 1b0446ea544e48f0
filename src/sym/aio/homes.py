"""Folders of one process: made where temporary files go, and taken away when it ends; where it was killed, by the next
one of its kind.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

_LOCK = "lock"
_MAKING = 60  # seconds


class Home:
    """A folder that only we may enter. A lock in it, which ends with our process, says that somebody lives there; those
    of the same `prefix` where nobody does are taken away. Raises OSError."""

    def __init__(self, prefix: str, parent: Path | None = None) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        self._lock = os.open(self.path / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        made = self.path.stat().st_mtime
        for other in self.path.parent.glob(f"{prefix}*"):
            with contextlib.suppress(OSError):
                if other != self.path and _is_left(other, made):
                    shutil.rmtree(other)

    def leave(self) -> None:
        """Take it away. Once is enough."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _is_left(folder: Path, now: float) -> bool:
    """Whether a folder of ours belongs to no living process; one without lock, or of this minute, may be in the making.
    Raises OSError."""
    about = folder.lstat()
    if about.st_uid != os.geteuid() or folder.is_symlink() or now - about.st_mtime < _MAKING:
        return False
    with (folder / _LOCK).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return True
