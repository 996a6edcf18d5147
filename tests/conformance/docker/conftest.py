"""A Docker Engine for the suite, and a project whose provider talks to it."""

import os
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.cluster.docker import CLIENT, SOCKET
from tests.conformance.cli import Cli

REGISTRY = "127.0.0.1:5000"
"""The sandbox's registry, as its engine sees it."""


@dataclass(frozen=True)
class Engine:
    """A Docker Engine, asked past the provider under test."""

    host: str

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of Docker's client, whatever its end."""
        command = [CLIENT, "--host", self.host, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    def ok(self, *arguments: str) -> str:
        """What a command that must succeed prints."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
        return done.stdout.strip()

    def has_image(self, name: str) -> bool:
        """Whether the engine holds an image."""
        return self.run("image", "inspect", name).returncode == 0


@pytest.fixture(scope="session")
def docker() -> Engine:
    """The sandbox's Docker Engine, or the one of DOCKER_HOST."""
    engine = Engine(os.environ.get("DOCKER_HOST") or f"unix://{SOCKET}")
    try:
        answer = engine.run("version")
    except OSError as error:
        pytest.skip(f"no Docker client: {error}")
    if answer.returncode:
        pytest.skip(f"no Docker Engine at {engine.host}: {answer.stderr.strip()}")
    return engine


@pytest.fixture(scope="session")
def base(docker: Engine) -> str:
    """An image with a shell, from the sandbox's registry."""
    name = "debian:bookworm-slim"
    if not docker.has_image(name):
        pulled = docker.run("pull", "--quiet", name)
        if pulled.returncode:
            pytest.skip(f"the registry has no {name} to build on: {pulled.stderr.strip()}")
    return name


@pytest.fixture
def project(cli: Cli, docker: Engine) -> Cli:
    """A project whose docker provider talks to the engine."""
    cli.environment["DOCKER_HOST"] = docker.host
    return cli


@pytest.fixture
def name(docker: Engine) -> Iterator[str]:
    """The name of an image of this test alone; it is gone from the engine afterwards."""
    unique = f"{REGISTRY}/conformance/{secrets.token_hex(8)}"
    yield f"{unique}:v1"
    for reference in ("{{.Repository}}:{{.Tag}}", "{{.Repository}}@{{.Digest}}"):
        # By name, never by id: other names of the same image are not ours.
        for found in docker.ok("images", "--digests", "--format", reference, unique).split():
            docker.run("image", "rm", found)


def state_files(project: Cli) -> list[Path]:
    """All that the engine keeps of a project: state, backups, history."""
    found = [path for path in (project.folder.parent / "state").rglob("*") if path.is_file()]
    assert any(path.suffix == ".json" for path in found)
    return found
