"""What a backend cannot tell: the only place where a contract test may be left out, and why.

Test id -> reason. tests/contract/conftest.py skips what stands here, fails for an entry that names no test, and prints
the table at the end of each run.
"""

from collections.abc import Mapping

UNSUPPORTED: Mapping[str, str] = {}
