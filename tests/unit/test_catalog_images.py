"""The table of images: what it refuses, and how a lock changes what a key stands for."""

import json
from pathlib import Path

import pytest

from catalog import images
from catalog.images import ImageError

DIGEST = "sha256:" + "1" * 64
SERVED = "sha256:" + "2" * 64
ENTRY = f"""\
images:
  debian:
    name: docker.io/library/debian
    tag: bookworm-slim
    digest: {DIGEST}
    read_in: somewhere
"""


@pytest.fixture
def table(tmp_path: Path) -> images.Table:
    path = tmp_path / "images.yaml"
    path.write_text(ENTRY)
    return images.load(path)


def test_the_committed_table_has_what_our_dockerfiles_build_on() -> None:
    assert {"debian", "node", "python"} <= images.load().images.keys()


def test_without_a_lock_the_upstream_digest_counts(table: images.Table) -> None:
    assert table.reference("debian") == f"docker.io/library/debian:bookworm-slim@{DIGEST}"


def test_a_lock_wins(table: images.Table, tmp_path: Path) -> None:
    lock = tmp_path / "lock.json"
    lock.write_text(json.dumps({"docker.io/library/debian:bookworm-slim": SERVED}))
    assert table.reference("debian", lock) == f"docker.io/library/debian:bookworm-slim@{SERVED}"


def test_an_image_that_the_lock_lacks_is_named(table: images.Table, tmp_path: Path) -> None:
    lock = tmp_path / "lock.json"
    lock.write_text("{}")
    with pytest.raises(ImageError, match=r"no entry for docker\.io/library/debian:bookworm-slim"):
        table.reference("debian", lock)


def test_an_unknown_key_is_answered_with_the_known_ones(table: images.Table) -> None:
    with pytest.raises(ImageError, match="no image `debain`; it has debian"):
        table.reference("debain")


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "not a readable image lock"), ("[1]", "valid dictionary"), ('{"a:b": "latest"}', "a:b: String should match")],
)
def test_a_broken_lock_is_refused_in_one_line(table: images.Table, tmp_path: Path, content: str, said: str) -> None:
    lock = tmp_path / "lock.json"
    lock.write_text(content)
    with pytest.raises(ImageError, match=said) as refused:
        table.reference("debian", lock)
    assert "\n" not in str(refused.value)


def test_a_missing_lock_is_refused_in_one_line(table: images.Table, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="not a readable image lock"):
        table.reference("debian", tmp_path / "none.json")


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        (DIGEST, "latest", "images.debian.digest: String should match"),
        ("docker.io/library/debian", "library/debian", "images.debian.name: String should match"),
        ("tag: bookworm-slim", "tag: 12", "images.debian.tag: Input should be a valid string"),
        ("read_in: somewhere", "read_in: ''", "images.debian.read_in: String should have at least 1"),
        ("tag:", "tga:", "images.debian.tag: Field required"),
        ("read_in:", "more: 1\n    read_in:", "images.debian.more: Extra inputs are not permitted"),
    ],
)
def test_a_wrong_entry_is_refused_in_one_line(tmp_path: Path, right: str, wrong: str, said: str) -> None:
    path = tmp_path / "images.yaml"
    path.write_text(ENTRY.replace(right, wrong))
    with pytest.raises(ImageError, match=said) as refused:
        images.load(path)
    assert "\n" not in str(refused.value)
