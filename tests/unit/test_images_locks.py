"""What the images are made of: everything locked by hash, no registry named, nothing runs as root."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from catalog import images, mcp
from sandbox.images import golang, node, python

ROOT = Path(__file__).parents[2]
DOCKERFILES = sorted((ROOT / "images").glob("*/Dockerfile"))
NPM_LOCKS = sorted([*ROOT.glob("images/**/package-lock.json"), *ROOT.glob("sandbox/images/*/package-lock.json")])
PIP_LOCKS = sorted([*ROOT.glob("images/**/requirements.txt"), *ROOT.glob("sandbox/images/*/requirements.txt")])


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_there_is_something_to_check() -> None:
    assert DOCKERFILES
    assert NPM_LOCKS
    assert PIP_LOCKS


@pytest.mark.parametrize("path", NPM_LOCKS, ids=name)
def test_npm_packages_are_locked_by_hash_and_without_a_registry(path: Path) -> None:
    packages: dict[str, dict[str, Any]] = json.loads(path.read_text())["packages"]
    fetched = {key: package for key, package in packages.items() if key and not package.get("inBundle")}
    assert fetched
    assert [key for key, package in fetched.items() if not package.get("integrity", "").startswith("sha512-")] == []
    assert [key for key, package in packages.items() if "resolved" in package] == []


@pytest.mark.parametrize("path", PIP_LOCKS, ids=name)
def test_python_packages_are_locked_by_hash_and_without_an_index(path: Path) -> None:
    requirements = re.split(r"\n(?=\S)", path.read_text().strip())
    assert [line for line in requirements if not re.match(r"[a-z0-9_.-]+==\S+ \\\n\s+--hash=sha256:", line)] == []
    assert "://" not in path.read_text()


@pytest.mark.parametrize("server", mcp.load().servers, ids=lambda server: server.id)
def test_the_lock_holds_the_version_that_the_catalogue_names(server: mcp.Server) -> None:
    folder = ROOT / "images" / f"mcp-{server.runtime}" / "servers" / server.id
    if server.runtime == "node":
        packages = json.loads((folder / "package-lock.json").read_text())["packages"]
        assert packages[f"node_modules/{server.package}"]["version"] == server.version
    else:
        assert re.search(rf"(?m)^{server.package}=={server.version} ", (folder / "requirements.txt").read_text())


@pytest.mark.parametrize("path", DOCKERFILES, ids=name)
def test_a_dockerfile_takes_its_base_by_argument_and_ends_without_privileges(path: Path) -> None:
    lines = path.read_text().splitlines()
    # What needs no base at all has none.
    bases = [line.split()[1] for line in lines if line.startswith("FROM ")]
    assert bases[:1] == ["${BASE}"]
    assert set(bases) <= {"${BASE}", "scratch"}
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users[-1:] == ["65532:65532"]


def test_the_sandbox_serves_the_versions_that_the_tags_name() -> None:
    table = images.load().images
    assert table["golang"].tag == f"{golang.VERSION}-bookworm"
    assert table["node"].tag == f"{node.version()}-bookworm-slim"
    assert table["python"].tag == f"{python.VERSION}-slim-bookworm"
