"""Image references (ancestor bug 10: a registry's port or a digest broke the version)."""

import re

import pytest

from sym.model.images import Image
from sym.model.shapes import IMAGE_PATTERN

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "image", "version"),
    [
        ("dmall/bbcc", Image("dmall/bbcc"), "latest"),
        ("dmall/bbcc:v1", Image("dmall/bbcc", "v1"), "v1"),
        ("registry:5000/dmall/bbcc", Image("registry:5000/dmall/bbcc"), "latest"),
        ("registry:5000/dmall/bbcc:v1", Image("registry:5000/dmall/bbcc", "v1"), "v1"),
        (f"dmall/bbcc@{DIGEST}", Image("dmall/bbcc", "", DIGEST), "0123456789ab"),
        (f"registry:5000/bbcc:v1@{DIGEST}", Image("registry:5000/bbcc", "v1", DIGEST), "v1"),
        ("bbcc:v1", Image("bbcc", "v1"), "v1"),
    ],
)
def test_a_reference_is_taken_apart_and_put_together(text: str, image: Image, version: str) -> None:
    assert Image.parse(text) == image
    assert str(image) == text
    assert image.version == version
    assert re.fullmatch(IMAGE_PATTERN, text)


@pytest.mark.parametrize(
    ("image", "repository", "version", "result"),
    [
        ("a/b:v1", "", "", "a/b:v1"),
        ("a/b:v1", "", "v2", "a/b:v2"),
        ("a/b:v1", "c:5000/d", "", "c:5000/d:v1"),
        ("a/b:v1", "c/d", "v2", "c/d:v2"),
        ("a/b:v1", "c/d:v3", "", "c/d:v3"),
        ("a/b:v1", "c/d:v3", "v2", "c/d:v2"),
        (f"a/b@{DIGEST}", "", "v2", "a/b:v2"),
        (f"a/b@{DIGEST}", "c/d", "", "c/d"),
        ("a/b:v1", f"c/d@{DIGEST}", "", f"c/d@{DIGEST}"),
        ("a/b", "", "", "a/b"),
    ],
)
def test_overrides_lay_repository_and_tag_over_an_image(image: str, repository: str, version: str, result: str) -> None:
    assert str(Image.parse(image).overridden(repository, version)) == result


@pytest.mark.parametrize("text", ["...", "", "a b", "A/B", "a//b", "a:", "a@sha256:12", "http://a/b", "a\n"])
def test_what_is_no_reference_does_not_match(text: str) -> None:
    assert not re.fullmatch(IMAGE_PATTERN, text)
