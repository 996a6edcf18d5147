"""docker.Network of the stand-in, through the real engine, against a real Docker Engine."""

import ipaddress
import json
import secrets
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.cli import Cli
from tests.conformance.docker.conftest import Engine
from tests.conformance.docker.steps import steps

PROGRAM = """
import pulumi
import pulumi_docker as docker

network = docker.Network("network", **{inputs}, opts=pulumi.ResourceOptions(import_={imported!r}))
for output in ("id", "name", "driver", "internal", "labels", "options", "scope", "ipam_configs"):
    pulumi.export(output, getattr(network, output))
"""


def write(project: Cli, inputs: dict[str, Any], imported: str | None = None) -> None:
    """A program with one network."""
    project.program(PROGRAM.format(inputs=inputs, imported=imported))


@pytest.fixture
def inputs(docker: Engine) -> Iterator[dict[str, Any]]:
    """A network with a name and a subnet of this test alone; it is gone from the engine afterwards."""
    number = secrets.randbelow(1 << 16)
    name = f"conformance-{number}"
    subnet = ipaddress.ip_network((0x0A630000 | number & 0xFFF8, 29))  # in 10.99.0.0/16
    yield {
        "name": name,
        "driver": "bridge",
        "internal": True,
        "labels": [{"label": "tier", "value": "data"}, {"label": "app", "value": "code"}],
        "options": {"com.docker.network.bridge.enable_icc": "false"},
        "ipam_configs": [{"subnet": str(subnet), "gateway": str(subnet[1])}],
    }
    docker.run("network", "rm", name)


def inspect(docker: Engine, name: str) -> dict[str, Any]:
    """The network as the engine has it."""
    return json.loads(docker.ok("network", "inspect", name))[0]


def test_life_of_a_network(project: Cli, docker: Engine, inputs: dict[str, Any]) -> None:
    write(project, inputs)
    assert steps(project) == {"network": "create"}
    assert docker.run("network", "inspect", inputs["name"]).returncode, "a preview creates nothing"

    project.up()
    outputs, found = project.outputs(), inspect(docker, inputs["name"])
    assert outputs["id"] == found["Id"]
    assert outputs["scope"] == "local"
    assert outputs["labels"] == [{"label": "app", "value": "code"}, {"label": "tier", "value": "data"}]
    assert found["Labels"] == {"app": "code", "tier": "data"}
    assert found["Internal"] is True
    assert found["Options"] == inputs["options"]
    assert found["IPAM"]["Config"] == [{"Subnet": c["subnet"], "Gateway": c["gateway"]} for c in inputs["ipam_configs"]]

    # The order of labels means nothing, and what the engine fills in need not be said.
    write(project, {**inputs, "labels": inputs["labels"][::-1], "internal": None})
    project.ok("preview", "--refresh", "--expect-no-changes")

    # A change means a new network; under a fixed name and subnet it needs the old one gone first.
    write(project, {**inputs, "labels": []})
    project.up()
    assert inspect(docker, inputs["name"])["Labels"] == {}
    assert project.outputs()["id"] != outputs["id"]

    # Deleted behind our back: refresh sees it, an update makes it again.
    docker.ok("network", "rm", inputs["name"])
    assert "- docker:index:Network network delete" in " ".join(project.ok("refresh", "--yes").stdout.split())
    project.up()
    assert inspect(docker, inputs["name"])["Id"] == project.outputs()["id"]

    project.ok("destroy", "--yes", "--skip-preview")
    assert docker.run("network", "inspect", inputs["name"]).returncode


def test_import(project: Cli, docker: Engine, inputs: dict[str, Any]) -> None:
    subnet = inputs["ipam_configs"][0]["subnet"]
    id = docker.ok("network", "create", "--subnet", subnet, inputs["name"])
    write(project, {"name": inputs["name"], "ipam_configs": [{"subnet": subnet}]}, imported=id)
    project.up()
    assert project.outputs()["id"] == id
    assert project.outputs()["ipam_configs"] == [{"subnet": subnet}]
    project.ok("preview", "--expect-no-changes")


def test_name_made_up(project: Cli, docker: Engine, inputs: dict[str, Any]) -> None:
    del inputs["name"]
    write(project, inputs)
    project.up()
    first = project.outputs()["name"]
    assert first.startswith("network-")
    project.ok("preview", "--expect-no-changes")
    project.ok("destroy", "--yes", "--skip-preview")
    assert docker.run("network", "inspect", first).returncode


def test_delete_waits_for_containers(project: Cli, docker: Engine, base: str, inputs: dict[str, Any]) -> None:
    write(project, inputs)
    project.up()
    container = docker.ok("run", "--detach", "--rm", "--network", inputs["name"], base, "sleep", "600")
    try:
        running = project.start("destroy", "--yes", "--skip-preview")
        # It leaves while the destroy is under way (or else the destroy has nothing to wait for: no failure).
        leave = threading.Timer(3, lambda: docker.run("rm", "--force", container))
        leave.start()
        output, _ = running.communicate(timeout=60)
        leave.join()
    finally:
        docker.run("rm", "--force", container)
    assert running.returncode == 0, output
    assert docker.run("network", "inspect", inputs["name"]).returncode
