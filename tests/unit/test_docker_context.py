"""Which files make up a build for the stand-in for docker, and what FROM lines ask for."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.plugins.docker import context, dockerfile, names


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A context with a Dockerfile and a few files."""
    (tmp_path / "src").mkdir()
    for name, content in {"Dockerfile": "FROM scratch", "src/a": "a", "src/b.log": "b", "src/keep.log": "k"}.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "link").symlink_to("src/a")
    (tmp_path / ".dockerignore").write_text("# logs\n**/*.log\n!src/keep.log\n\n")
    return tmp_path


def digest(app: Path, *, own_ignore_file: bool = True) -> str:
    """The digest of the context with its own Dockerfile."""
    return context.digest(app, app / "Dockerfile", own_ignore_file=own_ignore_file)


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda app: (app / "src" / "a").write_text("A"),
    "new file": lambda app: (app / "src" / "c").write_text(""),
    "name": lambda app: (app / "src" / "a").rename(app / "src" / "aa"),
    "mode": lambda app: (app / "src" / "a").chmod(0o755),
    "gone": lambda app: (app / "src" / "a").unlink(),
    "Dockerfile": lambda app: (app / "Dockerfile").write_text("FROM other"),
    "link": lambda app: ((app / "link").unlink(), (app / "link").symlink_to("nowhere")),
    "file taken back in": lambda app: (app / "src" / "keep.log").write_text("K"),
    "ignore file": lambda app: (app / ".dockerignore").write_text(""),
}
NO_CHANGES: dict[str, Callable[[Path], object]] = {
    "ignored file": lambda app: (app / "src" / "b.log").write_text("B"),
    "new ignored file": lambda app: (app / "c.log").write_text(""),
    "time": lambda app: os.utime(app / "src" / "a", (0, 0)),
    "empty folder": lambda app: (app / "empty").mkdir(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_digest_changes_with(app: Path, change: str) -> None:
    before = digest(app)
    CHANGES[change](app)
    assert digest(app) != before


@pytest.mark.parametrize("change", NO_CHANGES)
def test_digest_does_not_change_with(app: Path, change: str) -> None:
    before = digest(app)
    NO_CHANGES[change](app)
    assert digest(app) == before


def test_digest_is_the_same_in_another_place(app: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    copy = tmp_path_factory.mktemp("elsewhere") / "copy"
    assert digest(shutil.copytree(app, copy, symlinks=True)) == digest(app)


def test_ignore_file_of_the_dockerfile_counts_for_buildkit_only(app: Path) -> None:
    (app / "Dockerfile.dockerignore").write_text("src/a")
    buildkit, first = digest(app), digest(app, own_ignore_file=False)
    (app / "src" / "a").write_text("A")
    assert digest(app) == buildkit
    assert digest(app, own_ignore_file=False) != first


@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [
        ("FROM debian", (), []),
        ("ARG BASE\nFROM ${BASE}", ("BASE",), []),
        ("ARG BASE=debian\nFROM $BASE", (), []),
        ("ARG BASE\nFROM ${BASE:-debian}", (), []),
        ("ARG BASE\nFROM ${BASE} AS build", (), [(2, "BASE")]),
        ("FROM ${BASE}", ("BASE",), [(1, "BASE")]),
        ("FROM debian\nARG BASE=x\nFROM ${BASE}", (), [(3, "BASE")]),
        ("FROM --platform=$BUILDPLATFORM debian", (), []),
        ("ARG A=1 B\nFROM r/$A/$B", (), [(2, "B")]),
        ("# ${COMMENT}\narg Tag\nfrom debian: \\\n  ${Tag}", (), [(3, "Tag")]),
        ("FROM debian\nRUN <<EOF\nFROM ${SHELL}\nEOF\nRUN echo ${FROM}", (), []),
        ("FROM debian\nRUN echo <<EOF", (), []),
    ],
)
def test_gaps_of_from_lines(text: str, given: tuple[str, ...], expected: list[tuple[int, str]]) -> None:
    assert [(gap.line, gap.name) for gap in dockerfile.gaps(text, given)] == expected


@pytest.mark.parametrize(
    ("text", "registry", "path", "tag", "full"),
    [
        ("127.0.0.1:5000/a/b:v1", "127.0.0.1:5000", "a/b", "v1", True),
        ("docker.io/me/app", "docker.io", "me/app", None, True),
        ("docker.io/app:v1", "docker.io", "app", "v1", False),
        ("localhost/app", "localhost", "app", None, True),
        ("registry:5000/app", "registry:5000", "app", None, True),
        ("me/app:v1", None, "me/app", "v1", False),
        ("app", None, "app", None, False),
        ("[::1]:5000/app:v1", "[::1]:5000", "app", "v1", True),
    ],
)
def test_names(text: str, registry: str | None, path: str, tag: str | None, full: bool) -> None:
    name = names.parse(text)
    assert (name.registry, name.path, name.tag, name.full) == (registry, path, tag, full)


def test_name_with_digest() -> None:
    name = names.parse(f"quay.io/a/b:v1@sha256:{'0' * 64}")
    assert (name.repository, name.tag, name.digest) == ("quay.io/a/b", "v1", f"sha256:{'0' * 64}")


@pytest.mark.parametrize("text", ["", "App", "a b", "a:", "a/", "/a", "quay.io/", "a@sha256:1", "http://quay.io/a"])
def test_no_names(text: str) -> None:
    with pytest.raises(ValueError, match="is no image name"):
        names.parse(text)
