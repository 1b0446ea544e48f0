"""What is kept of Helm's words, and what is understood of them."""

import pytest

from sym.kube.helm import words

LOGGED = """\
WARNING: Kubernetes configuration file is group-readable. This is insecure. Location: kubeconfig
level=ERROR msg="release name check failed" error="cannot reuse a name"
I1127 14:00:00.000000   12345 warnings.go:110] "Warning: this is old"
"""


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Error: INSTALLATION FAILED: no\n", "INSTALLATION FAILED: no"),
        (
            LOGGED + "Error: UPGRADE FAILED: 1 error occurred:\n\t* one\n\n\n",
            "UPGRADE FAILED: 1 error occurred:\n * one",
        ),
        ("Error: first\nError: second\nmore\n", "second\nmore"),
        (LOGGED + "it said only this\n", "it said only this"),
        ('level=WARN msg="only this"\n', 'level=WARN msg="only this"'),
        ("", ""),
        ("Error: \x1b[1;31mred\x1b[0m \x1b]8;;x\x07link\x00\x9b\u202etrick\n", "red link   trick"),
        ("Error: open /runs/x/values-0.yaml: the s3cret and /charts/web\n", "open values-0.yaml: the *** and chart"),
    ],
    ids=["plain", "logged", "last", "no-error", "log-only", "nothing", "control", "hidden"],
)
def test_what_helm_complains_of(text: str, kept: str) -> None:
    assert words.complaint(text, ("s3cret",), {"/runs/x/": "", "/charts/web": "chart"}) == kept


def test_of_a_long_text_beginning_and_end_are_kept() -> None:
    said = words.complaint("Error: begin " + "again " * 5000 + "the cause")
    assert len(said) == words.LONGEST
    assert said.startswith("begin again")
    assert said.endswith("again the cause")


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ("release: not found", True),
        ("uninstall: Release not loaded: web: release: not found", True),
        ('configmaps "release: not found" is forbidden', False),
        ("failed to get: the server could not find the requested resource", False),
    ],
)
def test_a_missing_release_is_told_apart(said: str, missing: bool) -> None:
    assert words.says_missing(said) is missing


def test_memory_and_time_are_told_apart() -> None:
    assert words.says_out_of_memory("runtime: out of memory: cannot allocate\nfatal error: out of memory\n")
    assert words.says_out_of_memory("fatal error: failed to reserve page summary memory")
    assert not words.says_out_of_memory("Error: the pod is out of memory")
    assert words.says_timed_out("failed pre-install: 1 error occurred:\n * timed out waiting for the condition")
    assert words.says_timed_out("resource Pod/default/x not ready. status: InProgress\ncontext deadline exceeded")
    assert not words.says_timed_out("no matches for kind")
