"""docker.Image of the stand-in without an engine: what it refuses, when it builds, and what it never shows."""

import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest

from sandbox.plugins.docker import builder as building
from sandbox.plugins.docker import image_inputs
from sandbox.plugins.docker.builder import Build, Builder
from sandbox.plugins.docker.connection import Connection
from sandbox.plugins.docker.image import Image
from sandbox.plugins.enginelog import EngineLog
from sandbox.plugins.provider import CheckFailedError, Kind, ProviderError, Resource, State
from sandbox.plugins.values import UNKNOWN, Properties, Secret, Value, reveal

IMAGE = Resource("urn:pulumi:dev::demo::docker:index/image:Image::it", "docker:index/image:Image", "it")
NAME = "registry.example/app:v1"


class Log:
    """Keeps what the user would see."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, urn: str, message: str) -> None:
        """A line."""
        self.lines.append(message)

    status = warning = info


@pytest.fixture
def log() -> Log:
    """The engine's log."""
    return Log()


@pytest.fixture
def image(log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Image:
    """The resource type in a project with a context; no engine behind it."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\n")
    monkeypatch.chdir(tmp_path)
    connection, cancelled = Connection("unix:///nowhere"), threading.Event()
    return Image(connection, cancelled, Builder(connection, cancelled), cast(EngineLog, log))


def build(**more: Value) -> Properties:
    """A build that is right."""
    return {"context": "app", "args": {"BASE": "debian"}, **more}


def checked(image: Image, inputs: Mapping[str, Value]) -> Properties:
    """Inputs as the engine keeps them."""
    return image.check(IMAGE, None, dict(inputs), b"")


def refusals(image: Image, inputs: Mapping[str, Value]) -> dict[str, str]:
    """Why inputs are refused, by property; empty where they are not."""
    try:
        checked(image, inputs)
    except CheckFailedError as error:
        return {failure.property: failure.reason for failure in error.failures}
    return {}


@pytest.mark.parametrize(
    ("inputs", "property", "reason"),
    [
        ({"imageName": NAME, "build": {"contxt": "app"}}, "build.contxt", "did you mean 'context'"),
        ({"imageName": NAME, "build": {"context": "no"}}, "build.context", "'no' is not a folder"),
        ({"imageName": NAME, "build": {"context": "no"}}, "build.dockerfile", "no file 'no/Dockerfile'"),
        ({"imageName": NAME, "build": build(dockerfile="Dockerfile")}, "build.dockerfile", "try 'app/Dockerfile'"),
        ({"imageName": NAME}, "build.dockerfile", "no file 'Dockerfile'"),
        ({"imageName": NAME, "build": {"context": "app"}}, "build.args.BASE", "line 2 of app/Dockerfile needs it"),
        ({"imageName": NAME, "build": build(builderVersion="V3")}, "build.builderVersion", "must be one of BuilderV1"),
        ({"imageName": "app:v1", "build": build()}, "imageName", "must be fully qualified"),
        ({"imageName": "App", "build": build()}, "imageName", "is no image name"),
        ({"build": build()}, "imageName", "missing"),
    ],
)
def test_refused(image: Image, inputs: Properties, property: str, reason: str) -> None:
    assert reason in refusals(image, inputs)[property]


@pytest.mark.parametrize(
    "inputs",
    [
        {"imageName": NAME, "build": build()},
        {"imageName": "app:v1", "skipPush": True, "build": build()},
        {"imageName": UNKNOWN, "build": build(args={"BASE": UNKNOWN})},
        {"imageName": NAME, "build": build(args=UNKNOWN)},
        {"imageName": NAME, "build": {"context": UNKNOWN}},
        {"imageName": NAME, "build": UNKNOWN},
        {"imageName": NAME, "build": Secret(build(args={"BASE": Secret("debian")}))},
    ],
)
def test_accepted(image: Image, inputs: Properties) -> None:
    assert refusals(image, inputs) == {}


def test_check_fills_in_what_the_official_provider_does(image: Image, log: Log) -> None:
    inputs = checked(image, {"imageName": NAME, "build": build(), "registry": {"password": "word"}})
    assert inputs["buildOnPreview"] is False
    filled = cast(Properties, inputs["build"])
    assert filled["dockerfile"] == "app/Dockerfile"
    assert filled["platform"] == image_inputs.own_platform()
    assert len(str(filled["contextDigest"])) == 64
    assert inputs["registry"] == {"password": Secret("word")}
    assert [line for line in log.lines if "build.platform" in line]


def test_a_context_not_known_yet_has_no_digest(image: Image) -> None:
    inputs = checked(image, {"imageName": NAME, "build": build(context=UNKNOWN)})
    assert "contextDigest" not in cast(Properties, inputs["build"])


def test_a_secret_registry_stays_one(image: Image) -> None:
    registry = Secret({"username": "me", "password": "word"})
    assert checked(image, {"imageName": NAME, "build": build(), "registry": registry})["registry"] == registry


def test_a_secret_build_stays_one(image: Image) -> None:
    inputs = checked(image, {"imageName": NAME, "build": Secret(build())})
    assert isinstance(inputs["build"], Secret)
    assert "contextDigest" in cast(Properties, reveal(inputs["build"]))


@pytest.mark.parametrize(
    ("news", "changes"),
    [
        ({}, {}),
        ({"registry": {"server": "s", "username": "other", "password": "changed"}}, {}),
        ({"registry": {"server": "other", "username": "u", "password": "p"}}, {"registry.server": Kind.UPDATE}),
        ({"imageName": "registry.example/app:v2"}, {"imageName": Kind.UPDATE}),
        ({"build": build(args={"BASE": "other"})}, {"build.args.BASE": Kind.UPDATE}),
        ({"build": build(args={"BASE": Secret("debian")})}, {}),
        ({"build": build(args={"BASE": UNKNOWN})}, {"build.args.BASE": Kind.UPDATE}),
    ],
)
def test_diff(image: Image, news: Properties, changes: dict[str, Kind]) -> None:
    login: Properties = {"server": "s", "username": "u", "password": "p"}
    start: Properties = {"imageName": NAME, "build": build(), "registry": login}
    old = State(NAME, checked(image, start), {})
    diff = image.diff(IMAGE, NAME, old, checked(image, {**start, **news}))
    assert diff.changes == changes
    assert diff.replaces == frozenset()


def test_a_changed_file_of_the_context_is_a_change(image: Image, tmp_path: Path) -> None:
    start: Properties = {"imageName": NAME, "build": build()}
    old = State(NAME, checked(image, start), {})
    (tmp_path / "app" / "new").write_text("")
    assert image.diff(IMAGE, NAME, old, checked(image, start)).changes == {"build.contextDigest": Kind.UPDATE}


@pytest.mark.parametrize("on_preview", [False, UNKNOWN, True])
def test_preview_does_not_build_what_is_not_known(image: Image, log: Log, on_preview: Value) -> None:
    args: Properties = {"BASE": UNKNOWN if on_preview is True else "debian"}
    inputs = checked(image, {"imageName": NAME, "buildOnPreview": on_preview, "build": build(args=args)})
    _, outputs = image.create(IMAGE, inputs, preview=True, timeout=0)
    assert outputs["imageName"] == NAME
    assert outputs["repoDigest"] is UNKNOWN
    assert bool([line for line in log.lines if "not built in this preview" in line]) is (on_preview is not False)


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A docker client of ours: a shell script, to be filled."""
    script = tmp_path / "docker"
    monkeypatch.setattr(building, "CLIENT", script)
    return script


def run(
    script: Path, source: str, build: Build, secrets: frozenset[str] = frozenset(), timeout_s: float = 0
) -> list[str]:
    """The lines that a build by a client of ours says."""
    script.write_text(f"#!/bin/sh\n{source}\n")
    script.chmod(0o755)
    lines: list[str] = []
    Builder(Connection("unix:///nowhere"), threading.Event()).run(build, lines.append, secrets, timeout_s)
    return lines


BUILD = Build(NAME, Path("app"), Path("app/Dockerfile"), args={"TOKEN": "canary"})


def test_values_of_arguments_go_by_the_environment(client: Path) -> None:
    lines = run(client, 'echo "$*"; echo "$TOKEN $DOCKER_BUILDKIT"', BUILD)
    assert "--build-arg TOKEN " in lines[0]
    assert "canary" not in lines[0]
    assert lines[1] == "canary 1"


def test_secrets_are_masked_in_lines_and_errors(client: Path) -> None:
    with pytest.raises(ProviderError) as caught:
        run(client, "echo it is canarybird, canary; exit 1", BUILD, frozenset({"canary", "canarybird"}))
    assert str(caught.value).endswith("it is [secret], [secret]")
    assert "canary" not in str(caught.value)


def test_an_error_shows_the_last_lines_only(client: Path) -> None:
    with pytest.raises(ProviderError) as caught:
        run(client, "seq 1 100; exit 1", BUILD)
    shown = str(caught.value).splitlines()
    assert shown[0] == f"the build of {NAME} failed; the builder's last lines:"
    assert shown[1:] == [str(number) for number in range(81, 101)]


def test_a_build_has_its_time(client: Path) -> None:
    with pytest.raises(ProviderError, match=r"took more than 0\.2 s"):
        run(client, "exec sleep 60", BUILD, timeout_s=0.2)


def test_no_client(client: Path) -> None:
    with pytest.raises(ProviderError, match="failed"):  # setpriv says so
        Builder(Connection(), threading.Event()).run(BUILD, lambda _: None, frozenset(), 0)


def test_cancelled_builds_end_and_none_begins(client: Path) -> None:
    client.write_text("#!/bin/sh\necho started\nexec sleep 60\n")
    client.chmod(0o755)
    cancelled = threading.Event()
    builder = Builder(Connection(), cancelled)

    def cancel(_: str) -> None:
        cancelled.set()
        builder.kill()

    for _ in range(2):
        with pytest.raises(ProviderError, match="was cancelled"):
            builder.run(BUILD, cancel, frozenset(), 0)


def test_a_build_whose_lines_cannot_be_said_ends(client: Path) -> None:
    client.write_text("#!/bin/sh\necho started\nexec sleep 60\n")
    client.chmod(0o755)

    def gone(_: str) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        Builder(Connection(), threading.Event()).run(BUILD, gone, frozenset(), 0)


def test_builds_die_with_the_provider() -> None:
    """The promise that SIGKILL of the engine leaves no build rests on this program of util-linux."""
    wrapper = building._DIES_WITH_US  # pyright: ignore[reportPrivateUsage]
    assert subprocess.run([*wrapper, "true"], check=False).returncode == 0
