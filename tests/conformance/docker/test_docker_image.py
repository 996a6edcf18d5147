"""docker.Image of the stand-in, through the real engine, against a real Docker Engine and registry."""

import re
import secrets
import signal
import threading
from subprocess import Popen

import psutil
import pytest

from tests.conformance.cli import Cli
from tests.conformance.docker.conftest import REGISTRY, Engine, state_files
from tests.conformance.docker.steps import steps

OUTPUTS = ("base_image_name", "context", "dockerfile", "image_name", "platform", "registry_server", "repo_digest")

PROGRAM = """
import pulumi
import pulumi_docker as docker

TOKEN = pulumi.Config().get_secret("token")
image = docker.Image("image", image_name={name!r}, build={build}, **{more})
for output in {outputs}:
    pulumi.export(output, getattr(image, output))
"""

END_S = 30
"""How long the CLI may take to end when it is told to."""


def write(project: Cli, name: str, dockerfile: str, build: str = "{'context': 'app'}", more: str = "{}") -> None:
    """A program with one image, and its Dockerfile."""
    project.program(PROGRAM.format(name=name, build=build, more=more, outputs=OUTPUTS))
    project.write("app/Dockerfile", dockerfile)


def test_life_of_an_image(project: Cli, docker: Engine, name: str) -> None:
    write(project, name, "FROM scratch\nCOPY file /file\n")
    project.write("app/file", "one")
    project.write("app/.dockerignore", "ignored\n")

    assert steps(project) == {"image": "create"}
    assert not docker.has_image(name)

    project.up()
    first = project.outputs()
    repository = name.removesuffix(":v1")
    assert re.fullmatch(rf"{re.escape(repository)}@sha256:[0-9a-f]{{64}}", first["repo_digest"])
    assert first == {
        "base_image_name": name,
        "context": "app",
        "dockerfile": "Dockerfile",
        "image_name": name,
        "platform": "linux/amd64",
        "registry_server": "",
        "repo_digest": first["repo_digest"],
    }
    docker.ok("image", "rm", "--force", name)
    docker.ok("pull", first["repo_digest"])  # the digest is that of the manifest in the registry

    # Neither a new time stamp nor an ignored file is a change; nothing is looked up on the engine.
    (project.folder / "app" / "file").touch()
    project.write("app/ignored", "x")
    project.ok("preview", "--refresh", "--expect-no-changes")

    project.write("app/file", "two")
    assert steps(project) == {"image": "update"}
    project.up()
    second = project.outputs()["repo_digest"]
    assert second != first["repo_digest"]

    project.ok("destroy", "--yes", "--skip-preview")
    docker.ok("image", "rm", "--force", second)
    docker.ok("pull", second)  # as with the official provider, the registry keeps it


@pytest.mark.parametrize("builder", ["BuilderV1", "BuilderBuildKit"])
def test_build_options(project: Cli, docker: Engine, base: str, name: str, builder: str) -> None:
    """Context, Dockerfile and build are three places; nothing is pushed."""
    build = f"""{{
        "context": "app", "dockerfile": "other/My.Dockerfile", "args": {{"BASE": {base!r}, "WORD": "hello"}},
        "target": "wanted", "platform": "linux/amd64", "network": "none", "add_hosts": ["there:192.0.2.7"],
        "builder_version": docker.BuilderVersion("{builder}"),
    }}"""
    write(project, name, "FROM scratch\n", build, "{'skip_push': True}")
    project.write("app/file", "content")
    project.write(
        "other/My.Dockerfile",
        """
        ARG BASE
        FROM ${BASE} AS wanted
        ARG WORD
        COPY file /copied
        RUN echo "$WORD" > /word && cp /etc/hosts /hosts && ls /sys/class/net > /links
        FROM scratch
        """,
    )
    project.up()
    outputs = project.outputs()
    assert outputs["repo_digest"] == docker.ok("image", "inspect", "--format", "{{.Id}}", name)
    assert outputs["dockerfile"] == "../other/My.Dockerfile"
    seen = docker.ok("run", "--rm", name, "cat", "/word", "/copied", "/hosts", "/links")
    assert re.match(r"hello\ncontent", seen)
    assert re.search(r"^192\.0\.2\.7\s+there$", seen, re.MULTILINE)
    assert seen.endswith("\nlo")  # the build had no network
    docker.ok("image", "rm", "--force", name)
    assert docker.run("pull", name).returncode, "nothing is pushed"


def test_build_on_preview(project: Cli, docker: Engine, name: str) -> None:
    write(project, name, "FROM scratch\nCOPY file /file\n", more="{'build_on_preview': True}")
    project.write("app/file", "content")
    project.ok("preview")
    assert docker.has_image(name)
    assert docker.run("pull", name).returncode, "a preview pushes nothing"


def test_failed_build_shows_last_lines_and_no_secret(project: Cli, base: str, name: str) -> None:
    token = secrets.token_hex(16)
    project.ok("config", "set", "--secret", "token", token)
    build = "{'context': 'app', 'args': {'TOKEN': TOKEN}}"
    dockerfile = f'FROM {base}\nARG TOKEN\nRUN echo "the word is $TOKEN" && exit {{code}}\n'
    write(project, name, dockerfile.format(code=7), build)

    failed = project.run("up", "--yes", "--skip-preview")
    assert failed.code != 0
    assert f"the build of {name} failed" in failed.text
    assert "the word is [secret]" in failed.text
    assert "returned a non-zero code: 7" in failed.text or "exit code: 7" in failed.text
    assert token not in failed.text

    write(project, name, dockerfile.format(code=0), build)
    project.up()
    exported = project.ok("stack", "export").stdout
    assert "contextDigest" in exported
    assert token not in exported
    assert not [path for path in state_files(project) if token in path.read_text()]


def test_registry_login(project: Cli, name: str) -> None:
    """A login is no reason to build, and its password is secret even where the program does not say so."""
    password = secrets.token_hex(16)
    login = {"server": REGISTRY, "username": "me", "password": password}
    write(project, name, "FROM scratch\nCOPY Dockerfile /\n", more=repr({"registry": login}))
    project.up()
    assert project.outputs()["registry_server"] == REGISTRY
    assert not [path for path in state_files(project) if password in path.read_text()]
    write(project, name, "FROM scratch\nCOPY Dockerfile /\n", more=repr({"registry": login | {"password": "x"}}))
    assert steps(project) == {}


def test_push_that_is_refused(project: Cli, docker: Engine) -> None:
    name = f"127.0.0.1:1/conformance/{secrets.token_hex(8)}:v1"
    write(project, name, "FROM scratch\nCOPY Dockerfile /\n")
    failed = project.run("up", "--yes", "--skip-preview")
    docker.ok("image", "rm", name)
    assert failed.code != 0
    assert re.search(rf"pushing {name} failed: .*connection refused", failed.text)
    assert [r for r in project.resources() if r["type"] == "docker:index/image:Image"] == []


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("builder", ["BuilderV1", "BuilderBuildKit"])
def test_no_build_outlives_the_engine(
    project: Cli, docker: Engine, base: str, name: str, builder: str, ending: signal.Signals
) -> None:
    marker = str(600 + secrets.randbelow(1_000_000) / 1_000_000)
    build = f"{{'context': 'app', 'builder_version': docker.BuilderVersion('{builder}')}}"
    write(project, name, f"FROM {base}\nRUN sleep {marker}\n", build, "{'skip_push': True}")
    running = project.start("up", "--yes", "--skip-preview")
    wait_for_build(running, marker)
    running.send_signal(ending)
    output, _ = running.communicate(timeout=END_S)
    assert running.returncode != 0
    if ending is signal.SIGINT:
        assert f"the build of {name} was cancelled" in output
    _, alive = psutil.wait_procs(sleeping(marker), timeout=END_S)
    for process in alive:
        process.kill()
    assert alive == []
    assert not docker.has_image(name)


def wait_for_build(running: "Popen[str]", marker: str) -> None:
    """Wait until the RUN line of the Dockerfile is a process."""
    pause = threading.Event()
    for _ in range(600):
        if sleeping(marker):
            return
        assert running.poll() is None, f"the CLI ended before the build began: {running.communicate()[0]}"
        pause.wait(0.1)
    pytest.fail("the build did not begin within 60 s")


def sleeping(marker: str) -> list[psutil.Process]:
    """The processes of the RUN line, wherever on this machine (the node's are visible from outside)."""
    return [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", marker]]
