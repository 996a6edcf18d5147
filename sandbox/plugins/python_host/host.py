"""The service that the engine calls: `LanguageRuntime` for Python."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn, TypeVar

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from sandbox.engine import release
from sandbox.plugins import wire
from sandbox.plugins.python_host import install, packages, plugin_run, runtime
from sandbox.plugins.python_host.children import Children
from sandbox.plugins.python_host.errors import HostError

_T = TypeVar("_T")

TOLD = 32
"""Exit code of the runner when it has shown the user what is wrong."""


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Answers the engine; see the protocol's language.proto for what each call means."""

    def __init__(self, runner: Path, engine: str, tracing: str = "") -> None:
        """Take the runner's script and the addresses of the engine and of its tracing endpoint."""
        self._runner = runner
        self._engine = engine
        self._tracing = tracing
        self._programs = Children()
        self._plugins = Children()

    def close(self) -> None:
        """End every process this host started, all at the same time."""
        self._programs.cancel()
        self._plugins.cancel()
        self._programs.close()
        self._plugins.close()

    def Handshake(
        self, request: language_pb2.LanguageHandshakeRequest, context: grpc.ServicerContext
    ) -> language_pb2.LanguageHandshakeResponse:
        """Take the engine's address, which an engine that attaches to a running host sends first."""
        self._engine = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """The release this host belongs to."""
        return plugin_pb2.PluginInfo(version=release.pinned())

    def About(self, request: language_pb2.AboutRequest, context: grpc.ServicerContext) -> language_pb2.AboutResponse:
        """The interpreter of a program and its pip, for `pulumi about`."""

        def about() -> language_pb2.AboutResponse:
            python = runtime.read(request.info)
            found = packages.installed(python, python.environment(os.environ))
            details = {"toolchain": python.toolchain, "toolchainVersion": found.pip, "typechecker": "None"}
            return language_pb2.AboutResponse(executable=found.executable, version=found.version, metadata=details)

        return _answer(context, about)

    def GetProgramDependencies(
        self, request: language_pb2.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetProgramDependenciesResponse:
        """The distributions installed for a program, for `pulumi about`."""

        def dependencies() -> language_pb2.GetProgramDependenciesResponse:
            python = runtime.read(request.info)
            listed = packages.dependencies(
                python, python.environment(os.environ), transitive=request.transitiveDependencies
            )
            return language_pb2.GetProgramDependenciesResponse(dependencies=listed)

        return _answer(context, dependencies)

    def GetRequiredPackages(
        self, request: language_pb2.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPackagesResponse:
        """The Pulumi packages installed for a program, so that the engine can get their plugins."""
        return _answer(
            context, lambda: language_pb2.GetRequiredPackagesResponse(packages=_required_packages(request.info))
        )

    def GetRequiredPlugins(
        self, request: language_pb2.GetRequiredPluginsRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPluginsResponse:
        """The same for older engines, as plugins."""

        def plugins() -> language_pb2.GetRequiredPluginsResponse:
            needed = _required_packages(request.info)
            return language_pb2.GetRequiredPluginsResponse(
                plugins=[
                    plugin_pb2.PluginDependency(name=p.name, kind=p.kind, version=p.version, server=p.server)
                    for p in needed
                ]
            )

        return _answer(context, plugins)

    def Run(self, request: language_pb2.RunRequest, context: grpc.ServicerContext) -> language_pb2.RunResponse:
        """Run a program until it ends, the engine drops the call, or `Cancel`."""
        return _answer(context, lambda: self._run(request, context))

    def RunPlugin(
        self, request: language_pb2.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.RunPluginResponse]:
        """Run a policy pack or plugin until it ends or the engine drops the call."""

        def run() -> Iterator[language_pb2.RunPluginResponse]:
            _refuse_debugger(attach=request.attach_debugger)
            return plugin_run.run(request, context, self._plugins)

        yield from _answers(context, run)

    def InstallDependencies(
        self, request: language_pb2.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.InstallDependenciesResponse]:
        """Make a program's virtual environment and install its requirements."""
        yield from _answers(context, lambda: install.install(request, context, self._programs))

    def RuntimeOptionsPrompts(
        self, request: language_pb2.RuntimeOptionsRequest, context: grpc.ServicerContext
    ) -> language_pb2.RuntimeOptionsResponse:
        """What `pulumi new` still has to ask."""
        return language_pb2.RuntimeOptionsResponse(prompts=_prompts(request.info))

    def Template(
        self, request: language_pb2.TemplateRequest, context: grpc.ServicerContext
    ) -> language_pb2.TemplateResponse:
        """Nothing: a template comes with a requirements.txt, which is what pip wants."""
        return language_pb2.TemplateResponse()

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Stop the programs and installations; policy packs get a Cancel of their own."""
        self._programs.cancel()
        return empty_pb2.Empty()

    def GenerateProgram(
        self, request: language_pb2.GenerateProgramRequest, context: grpc.ServicerContext
    ) -> language_pb2.GenerateProgramResponse:
        """Not supported."""
        _refuse(context, "convert programs")

    def GenerateProject(
        self, request: language_pb2.GenerateProjectRequest, context: grpc.ServicerContext
    ) -> language_pb2.GenerateProjectResponse:
        """Not supported."""
        _refuse(context, "convert projects")

    def GeneratePackage(
        self, request: language_pb2.GeneratePackageRequest, context: grpc.ServicerContext
    ) -> language_pb2.GeneratePackageResponse:
        """Not supported."""
        _refuse(context, "generate SDKs")

    def Pack(self, request: language_pb2.PackRequest, context: grpc.ServicerContext) -> language_pb2.PackResponse:
        """Not supported."""
        _refuse(context, "pack SDKs")

    def Link(self, request: language_pb2.LinkRequest, context: grpc.ServicerContext) -> language_pb2.LinkResponse:
        """Not supported."""
        _refuse(context, "link SDKs")

    def _run(self, request: language_pb2.RunRequest, context: grpc.ServicerContext) -> language_pb2.RunResponse:
        _refuse_debugger(attach=request.attach_debugger)
        python = runtime.read(request.info)
        environment = python.environment(os.environ) | {
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        # Unbuffered, so that what a program prints is shown when it prints it.
        command = [python.python, "-u", str(self._runner), *self._arguments(request)]
        child = self._programs.start(command, environment)
        wire.at_end(context, child.stop)
        code = child.wait()
        if code == TOLD:
            return language_pb2.RunResponse(bail=True)
        if code < 0:
            return language_pb2.RunResponse(error=f"program was ended by signal {signal.Signals(-code).name}")
        return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {code}" if code else "")

    def _arguments(self, request: language_pb2.RunRequest) -> list[str]:
        """What the runner takes; it has defaults for what the engine leaves out."""
        named = {
            "monitor": request.monitor_address,
            "engine": self._engine,
            "project": request.project,
            "root_directory": request.info.root_directory,
            "stack": request.stack,
            "pwd": request.pwd,
            "dry_run": "true" if request.dryRun else "false",
            "parallel": str(request.parallel),
            "tracing": self._tracing,
            "organization": request.organization,
        }
        flags = [part for name, value in named.items() if value for part in (f"--{name}", value)]
        return [*flags, request.info.entry_point, *request.args]


def _required_packages(info: language_pb2.ProgramInfo) -> list[plugin_pb2.PackageDependency]:
    python = runtime.read(info)
    return packages.required_packages(packages.installed(python, python.environment(os.environ)).distributions)


def _prompts(info: language_pb2.ProgramInfo) -> list[language_pb2.RuntimeOptionPrompt]:
    """What `pulumi new` asks: first the toolchain, then, that being pip, the virtual environment."""
    for key, description, value in (
        ("toolchain", "The toolchain to use for installing dependencies and running the program", "pip"),
        ("virtualenv", "The virtualenv to use", "venv"),
    ):
        if key not in info.options:
            choice = language_pb2.RuntimeOptionPrompt.RuntimeOptionValue(stringValue=value, displayName=value)
            return [
                language_pb2.RuntimeOptionPrompt(key=key, description=description, choices=[choice], default=choice)
            ]
    return []


def _refuse(context: grpc.ServicerContext, what: str) -> NoReturn:
    refusal = f"the sandbox's Python language host does not {what}: use an official Pulumi distribution"
    context.abort(grpc.StatusCode.UNIMPLEMENTED, refusal)


def _refuse_debugger(*, attach: bool) -> None:
    if attach:
        raise HostError("--attach-debugger is not supported by the sandbox's Python language host")


def _answer(context: grpc.ServicerContext, make: Callable[[], _T]) -> _T:
    """What `make` returns; what it refuses goes to the engine as the one line that it is."""
    try:
        return make()
    except HostError as error:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))


def _answers(context: grpc.ServicerContext, make: Callable[[], Iterator[_T]]) -> Iterator[_T]:
    try:
        yield from make()
    except HostError as error:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
