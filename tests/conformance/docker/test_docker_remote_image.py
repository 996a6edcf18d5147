"""docker.RemoteImage of the stand-in, through the real engine, against a real Docker Engine and registry."""

import pytest

from tests.conformance.cli import Cli
from tests.conformance.docker.conftest import Engine
from tests.conformance.docker.steps import steps

PROGRAM = """
import pulumi
import pulumi_docker as docker

remote = docker.RemoteImage("remote", name={name!r}, **{more})
for output in ("id", "image_id", "repo_digest"):
    pulumi.export(output, getattr(remote, output))
"""


@pytest.fixture
def pushed(docker: Engine, base: str, name: str) -> str:
    """The name of an image that the registry has and the engine has not."""
    docker.ok("tag", base, name)
    docker.ok("push", "--quiet", name)
    docker.ok("image", "rm", name)
    return name


def write(project: Cli, name: str, **more: object) -> None:
    """A program with one image."""
    project.program(PROGRAM.format(name=name, more=more))


def test_life_of_a_pulled_image(project: Cli, docker: Engine, pushed: str) -> None:
    write(project, pushed, pull_triggers=["a", "b"])
    assert steps(project) == {"remote": "create"}
    assert not docker.has_image(pushed), "a preview pulls nothing"

    project.up()
    outputs = project.outputs()
    assert outputs["image_id"] == docker.ok("image", "inspect", "--format", "{{.Id}}", pushed)
    assert outputs["id"] == outputs["image_id"] + pushed
    assert outputs["repo_digest"].startswith(f"{pushed.removesuffix(':v1')}@sha256:")

    write(project, pushed, pull_triggers=["b", "a"])
    project.ok("preview", "--refresh", "--expect-no-changes")

    write(project, pushed, pull_triggers=["b", "a"], keep_locally=True)
    assert "~ docker:index:RemoteImage remote updated" in " ".join(project.up().stdout.split())
    assert project.outputs() == outputs

    docker.ok("image", "rm", pushed)
    assert "- docker:index:RemoteImage remote delete" in " ".join(project.ok("refresh", "--yes").stdout.split())
    project.up()
    assert docker.has_image(pushed)

    project.ok("destroy", "--yes", "--skip-preview")
    assert docker.has_image(pushed), "it was to be kept"


def test_destroy_removes_it(project: Cli, docker: Engine, pushed: str) -> None:
    write(project, pushed)
    project.up()
    assert docker.has_image(pushed)
    project.ok("destroy", "--yes", "--skip-preview")
    assert not docker.has_image(pushed)


def test_no_such_image(project: Cli, name: str) -> None:
    write(project, name)
    failed = project.run("up", "--yes", "--skip-preview")
    assert failed.code != 0
    assert f"pulling {name} failed: " in failed.text
    assert "manifest unknown" in failed.text or "not found" in failed.text
