"""Every patch of this folder fits today's sources and names tests that exist; and the reader of patches reads."""

from pathlib import Path

import pytest

from tests.mutants.patch import BrokenMutantError, Mutant, all_mutants, apply, parse, replaced

ROOT = Path(__file__).parent.parent.parent
TEXT = """guard: nothing negative
test: tests/test_x.py::test_negative

--- a/src/x.py
+++ b/src/x.py
@@ -10,3 +10,3 @@
 def f(n):
-    if n < 0:
+    if False:
         raise ValueError(n)
"""
SOURCE = "import os\n\n\ndef f(n):\n    if n < 0:\n        raise ValueError(n)\n    return n\n"


@pytest.mark.parametrize("mutant", list(all_mutants()), ids=lambda mutant: mutant.name)
def test_it_fits_the_sources(mutant: Mutant) -> None:
    for hunk in mutant.hunks:
        assert hunk.path.startswith("src/")
        compile(replaced(mutant.name, hunk, (ROOT / hunk.path).read_text()), hunk.path, "exec")


@pytest.mark.parametrize("mutant", list(all_mutants()), ids=lambda mutant: mutant.name)
def test_its_tests_exist(mutant: Mutant) -> None:
    for test in mutant.tests:
        path, *names = test.partition("[")[0].split("::")
        assert names, f"{test} names no test"
        assert f"def {names[-1]}(" in (ROOT / path).read_text(), test


def test_a_patch_is_read_and_applied_wherever_its_lines_stand(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "x.py").write_text(SOURCE)
    mutant = parse("negative", TEXT)
    assert (mutant.guard, mutant.tests) == ("nothing negative", ("tests/test_x.py::test_negative",))
    apply(mutant, tmp_path)
    assert (tmp_path / "src" / "x.py").read_text() == SOURCE.replace("n < 0", "False")


@pytest.mark.parametrize("source", [SOURCE.replace("n < 0", "n < 1"), SOURCE + SOURCE])
def test_a_patch_that_fits_nowhere_or_twice_is_refused(source: str) -> None:
    mutant = parse("negative", TEXT)
    with pytest.raises(BrokenMutantError, match="not once"):
        replaced(mutant.name, mutant.hunks[0], source)


def test_a_patch_of_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenMutantError, match=r"no src/x\.py"):
        apply(parse("negative", TEXT), tmp_path)


@pytest.mark.parametrize(
    "text",
    ["", TEXT.replace("guard:", "about:"), TEXT.replace("test:", "about:"), TEXT.partition("---")[0], TEXT + "junk\n"],
)
def test_a_patch_that_says_too_little_is_refused(text: str) -> None:
    with pytest.raises(BrokenMutantError):
        parse("negative", text)
