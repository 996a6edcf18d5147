"""Logins of the stand-in for docker, against a registry that asks for one."""

import secrets
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import pytest

from sandbox.cluster import node
from sandbox.cluster.docker import SOCKET
from tests.conformance.cli import Cli
from tests.conformance.docker.conftest import Engine, state_files

REGISTRY_PROGRAM = Path("/usr/bin/docker-registry")
START_S = 20

PUSH = """
import pulumi
import pulumi_docker as docker

image = docker.Image(
    "image",
    image_name="{address}/app:v1",
    build={{"context": "app", "platform": "linux/amd64"}},
    registry={{"server": "{address}", "username": "me", "password": "{password}"}},
)
pulumi.export("digest", image.repo_digest)
"""

PULL = """
import pulumi
import pulumi_docker as docker

login = docker.ProviderRegistryAuthArgs(address="{address}", username="me", password="{password}")
provider = docker.Provider("p", registry_auth=[login])
remote = docker.RemoteImage("remote", name="{address}/app:v1", opts=pulumi.ResourceOptions(provider=provider))
pulumi.export("digest", remote.repo_digest)
"""


@dataclass(frozen=True)
class Guarded:
    """A registry that asks `me` for a password."""

    address: str
    password: str


@pytest.fixture
def guarded(docker: Engine, tmp_path: Path) -> Iterator[Guarded]:
    """A registry of this test alone, where the engine sees it at its own loopback address."""
    if not REGISTRY_PROGRAM.exists():
        pytest.skip(f"no {REGISTRY_PROGRAM}: install docker-registry")
    password = secrets.token_hex(16)
    address = f"127.0.0.1:{20000 + secrets.randbelow(10000)}"
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
    (tmp_path / "htpasswd").write_text(f"me:{hashed}\n")
    (tmp_path / "registry.yml").write_text(
        f"""
version: 0.1
storage: {{filesystem: {{rootdirectory: {tmp_path / "blobs"}}}}}
http: {{addr: "{address}"}}
auth: {{htpasswd: {{realm: conformance, path: {tmp_path / "htpasswd"}}}}}
"""
    )
    where = node.enter() if docker.host == f"unix://{SOCKET}" else []
    command = [*where, str(REGISTRY_PROGRAM), "serve", str(tmp_path / "registry.yml")]
    with (tmp_path / "registry.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_until_it_asks(docker, address, process)
        yield Guarded(address, password)
    finally:
        process.terminate()
        process.wait()


def wait_until_it_asks(docker: Engine, address: str, process: "subprocess.Popen[bytes]") -> None:
    """Wait until the registry refuses those without a login."""
    pause = threading.Event()
    for _ in range(START_S * 5):
        if "no basic auth credentials" in docker.run("pull", f"{address}/none").stderr:
            return
        assert process.poll() is None, "the registry ended"
        pause.wait(0.2)
    pytest.fail(f"the registry was not there within {START_S} s")


def test_logins(project: Cli, docker: Engine, guarded: Guarded) -> None:
    project.write("app/Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")
    image = f"{guarded.address}/app:v1"

    project.program(PUSH.format(address=guarded.address, password="wrong"))
    refused = project.run("up", "--yes", "--skip-preview")
    assert refused.code != 0
    assert f"pushing {image} failed: unauthorized: authentication required" in refused.text

    project.program(PUSH.format(address=guarded.address, password=guarded.password))
    project.up()
    digest = project.outputs()["digest"]
    docker.ok("image", "rm", "--force", image)

    project.program(PULL.format(address=guarded.address, password="wrong"))
    refused = project.run("up", "--yes", "--skip-preview")
    assert refused.code != 0
    assert f"pulling {image} failed: " in refused.text
    assert "unauthorized" in refused.text

    project.program(PULL.format(address=guarded.address, password=guarded.password))
    project.up()
    assert project.outputs()["digest"] == digest
    assert not [path for path in state_files(project) if guarded.password in path.read_text()]
    project.ok("destroy", "--yes", "--skip-preview")
    assert not docker.has_image(image)
