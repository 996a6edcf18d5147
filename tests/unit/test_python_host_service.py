"""The calls of the language host, over gRPC, with a stand-in for the script that runs programs."""

import json
import os
import select
import sys
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import TypeVar, cast

import grpc
import pytest
from google.protobuf import empty_pb2, json_format, struct_pb2
from google.protobuf.message import Message
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from sandbox.engine import release
from sandbox.plugins import wire
from sandbox.plugins.python_host.host import LanguageHost

WAIT_S = 20.0

# Says what it was started with, then does what the program (a file) says.
RUNNER = """
import json, os, pathlib, runpy, sys

config = {name: os.environ[name] for name in ("PULUMI_CONFIG", "PULUMI_CONFIG_SECRET_KEYS")}
said = {"arguments": sys.argv[1:], **config}
pathlib.Path("said.json").write_text(json.dumps(said))
runpy.run_path(sys.argv[-1])
"""

_Answer = TypeVar("_Answer", bound=Message)


class _Engine:
    """Calls a host as the engine does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        runner = folder / "runner.py"
        runner.write_text(RUNNER)
        self.host = LanguageHost(runner, "127.0.0.1:1")
        self.server = wire.server()
        language_pb2_grpc.add_LanguageRuntimeServicer_to_server(self.host, self.server)
        self._channel = wire.channel(self.server.add_insecure_port("127.0.0.1:0"))
        self.server.start()
        options = struct_pb2.Struct()
        options.update({"virtualenv": sys.prefix})
        self.info = language_pb2.ProgramInfo(
            root_directory=str(folder), program_directory=str(folder), entry_point="program.py", options=options
        )

    def start(self, method: str, request: Message) -> "futures.Future[bytes]":
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes]
        call = self._channel.unary_unary(f"/pulumirpc.LanguageRuntime/{method}")
        return cast("futures.Future[bytes]", call.future(request.SerializeToString(), timeout=WAIT_S))

    def call(self, method: str, request: Message, answer: type[_Answer]) -> _Answer:
        return answer.FromString(self.start(method, request).result())

    def program(self, source: str) -> language_pb2.RunRequest:
        (self.folder / "program.py").write_text(source)
        return language_pb2.RunRequest(
            pwd=str(self.folder), info=self.info, project="p", stack="s", parallel=3, monitor_address="127.0.0.1:2"
        )

    def run(self, source: str) -> language_pb2.RunResponse:
        return self.call("Run", self.program(source), language_pb2.RunResponse)


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Engine]:
    """An engine with a host of its own; programs run in `tmp_path`."""
    monkeypatch.chdir(tmp_path)
    engine = _Engine(tmp_path)
    yield engine
    engine.host.close()
    engine.server.stop(None)


def _refusal(answer: "futures.Future[bytes]") -> tuple[grpc.StatusCode, str | None]:
    error = answer.exception()
    assert isinstance(error, grpc.RpcError)
    return error.code(), error.details()


def test_a_program_gets_its_arguments_and_its_config(engine: _Engine) -> None:
    engine.call(
        "Handshake",
        language_pb2.LanguageHandshakeRequest(engine_address="127.0.0.1:9"),
        language_pb2.LanguageHandshakeResponse,
    )
    request = engine.program("")
    request.config["p:key"] = "value"
    request.configSecretKeys.append("p:key")
    request.dryRun = True
    engine.call("Run", request, language_pb2.RunResponse)

    said = json.loads((engine.folder / "said.json").read_text())
    arguments = said["arguments"]
    flags = dict(zip(arguments[:-1:2], arguments[1:-1:2], strict=True))
    assert flags == {
        "--monitor": "127.0.0.1:2",
        "--engine": "127.0.0.1:9",
        "--project": "p",
        "--root_directory": str(engine.folder),
        "--stack": "s",
        "--pwd": str(engine.folder),
        "--dry_run": "true",
        "--parallel": "3",
    }
    assert arguments[-1] == "program.py"
    assert (said["PULUMI_CONFIG"], said["PULUMI_CONFIG_SECRET_KEYS"]) == ('{"p:key": "value"}', '["p:key"]')


@pytest.mark.parametrize(
    ("source", "error", "bail"),
    [
        ("", "", False),
        ("raise SystemExit(32)", "", True),
        ("raise SystemExit(1)", "program exited with non-zero exit code: 1", False),
        ("import os; os.kill(os.getpid(), 15)", "program was ended by signal SIGTERM", False),
    ],
)
def test_how_a_program_ended(engine: _Engine, source: str, error: str, bail: bool) -> None:
    answer = engine.run(source)
    assert (answer.error, answer.bail) == (error, bail)


def _running(engine: _Engine) -> "tuple[futures.Future[bytes], int]":
    """A call that runs a program for a minute, once the program runs, and a file descriptor of its process."""
    ready = engine.folder / "ready"
    os.mkfifo(ready)
    wait = "import os, pathlib, time; pathlib.Path('ready').write_text(str(os.getpid())); time.sleep(60)"
    answer = engine.start("Run", engine.program(wait))
    return answer, os.pidfd_open(int(ready.read_text()))


def _ends(process: int) -> bool:
    ended = select.select([process], [], [], WAIT_S)[0]
    os.close(process)
    return bool(ended)


def test_cancel_ends_the_program_and_starts_no_other(engine: _Engine) -> None:
    answer, process = _running(engine)
    engine.call("Cancel", empty_pb2.Empty(), empty_pb2.Empty)

    assert _ends(process)
    assert language_pb2.RunResponse.FromString(answer.result()).error == "program was ended by signal SIGTERM"
    assert _refusal(engine.start("Run", engine.program(""))) == (grpc.StatusCode.FAILED_PRECONDITION, "cancelled")


def test_a_dropped_call_ends_the_program(engine: _Engine) -> None:
    answer, process = _running(engine)
    answer.cancel()

    assert _ends(process)
    assert engine.run("").error == ""


def test_closing_the_host_ends_the_program(engine: _Engine) -> None:
    _, process = _running(engine)
    engine.host.close()

    assert _ends(process)


def test_the_host_says_its_release(engine: _Engine) -> None:
    assert engine.call("GetPluginInfo", empty_pb2.Empty(), plugin_pb2.PluginInfo).version == release.pinned()


def test_packages_are_told_as_plugins_too(engine: _Engine) -> None:
    packages = json_format.MessageToDict(
        engine.call(
            "GetRequiredPackages",
            language_pb2.GetRequiredPackagesRequest(info=engine.info),
            language_pb2.GetRequiredPackagesResponse,
        )
    )["packages"]
    plugins = json_format.MessageToDict(
        engine.call(
            "GetRequiredPlugins",
            language_pb2.GetRequiredPluginsRequest(info=engine.info),
            language_pb2.GetRequiredPluginsResponse,
        )
    )["plugins"]

    assert {"docker", "kubernetes", "random"} <= {package["name"] for package in packages}
    assert plugins == packages


def test_dependencies_with_and_without_what_others_need(engine: _Engine) -> None:
    def listed(*, transitive: bool) -> set[str]:
        request = language_pb2.GetProgramDependenciesRequest(info=engine.info, transitiveDependencies=transitive)
        answer = engine.call("GetProgramDependencies", request, language_pb2.GetProgramDependenciesResponse)
        return {d.name for d in answer.dependencies}

    assert "grpcio" in listed(transitive=True) - listed(transitive=False)


@pytest.mark.parametrize(
    ("options", "asked"),
    [({}, ["toolchain"]), ({"toolchain": "pip"}, ["virtualenv"]), ({"toolchain": "pip", "virtualenv": "venv"}, [])],
)
def test_what_a_new_project_is_asked(engine: _Engine, options: dict[str, str], asked: list[str]) -> None:
    struct = struct_pb2.Struct()
    struct.update(options)
    request = language_pb2.RuntimeOptionsRequest(info=language_pb2.ProgramInfo(options=struct))
    answer = engine.call("RuntimeOptionsPrompts", request, language_pb2.RuntimeOptionsResponse)

    assert [prompt.key for prompt in answer.prompts] == asked


def test_a_template_needs_nothing_more(engine: _Engine) -> None:
    engine.call("Template", language_pb2.TemplateRequest(info=engine.info), language_pb2.TemplateResponse)


@pytest.mark.parametrize("method", ["GenerateProgram", "GenerateProject", "GeneratePackage", "Pack", "Link"])
def test_what_needs_the_official_host_is_refused(engine: _Engine, method: str) -> None:
    code, details = _refusal(engine.start(method, empty_pb2.Empty()))

    assert code is grpc.StatusCode.UNIMPLEMENTED
    assert details is not None
    assert "use an official Pulumi distribution" in details


def test_a_debugger_is_refused(engine: _Engine) -> None:
    request = engine.program("")
    request.attach_debugger = True
    assert "--attach-debugger is not supported" in str(_refusal(engine.start("Run", request))[1])
