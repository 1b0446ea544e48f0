"""What a backend cannot tell: the only place where a contract test may be left out, and why.

Test id -> reason. tests/contract/conftest.py skips what stands here, fails for an entry that names no test, and prints
the table at the end of each run.
"""

from collections.abc import Mapping

_COST = "the sandbox does not estimate what rules cost: only a real server refuses a CRD as too dear"
_SOCKET = "a command in a container speaks through a WebSocket, and in process there is none"
_CODE = "kwok, the kubelet there, answers an exit code with InternalError; recorded is what a kubelet's source says"
_INPUT = "kwok never closes a command's input, so cat would wait for ever; recorded is what the sandbox tells"

UNSUPPORTED: Mapping[str, str] = {
    "test_told_as_recorded[in-process-rule-cost-exceeded]": _COST,
    "test_told_as_recorded[https-rule-cost-exceeded]": _COST,
    "test_told_as_recorded[in-process-pod-exec]": _SOCKET,
    "test_told_as_recorded[in-process-pod-exec-codes]": _SOCKET,
    "test_told_as_recorded[in-process-pod-exec-input-ends]": _SOCKET,
    "test_told_as_recorded[real-pod-exec-codes]": _CODE,
    "test_told_as_recorded[real-pod-exec-input-ends]": _INPUT,
}

NOT_TOLD: Mapping[str, str] = {
    "following a log to its end": "kwok reads logs from a file, in which no container ends; the sandbox is tested in "
    "tests/sandbox/workloads",
    "exec without a command": "kwok breaks off; what a real server says is its container runtime's",
}
"""What no story tells on any server, and why."""
