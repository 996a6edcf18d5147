"""Runs policy packs and plugins that are written in Python."""

from collections.abc import Iterator
from concurrent import futures
from pathlib import Path

import grpc
from pulumi.runtime.proto import language_pb2

from sandbox.plugins import wire
from sandbox.plugins.python_host import policy, runtime
from sandbox.plugins.python_host.children import Child, Children
from sandbox.plugins.python_host.errors import HostError

Responses = Iterator[language_pb2.RunPluginResponse]


def run(request: language_pb2.RunPluginRequest, context: grpc.ServicerContext, children: Children) -> Responses:
    """Run the plugin of `request` until it ends or the engine drops the call; what it writes, then its exit code.

    Errors:
        HostError: its virtual environment is missing, or it is nothing that can be run.
    """
    policy_pack = request.kind == "analyzer"
    python = runtime.read(request.info, plugin=not policy_pack)
    # The engine hands over its own environment, not the host's.
    environment = python.environment(dict(entry.split("=", 1) for entry in request.env))
    if policy_pack:
        command = [python.python, "-u", "-m", "pulumi.policy", *request.args, request.info.program_directory]
        return _run_pack(command, environment, context, children, Path(request.info.program_directory))
    if not Path(request.info.program_directory, "__main__.py").is_file():
        # The official host also runs plugins that are packages; nothing here needs one.
        raise HostError(f"the plugin in {request.info.program_directory} has no __main__.py")
    command = [python.python, "-u", request.info.program_directory, *request.args]
    return _told(_start(command, environment, context, children, Path(request.pwd)))


def _run_pack(
    command: list[str],
    environment: dict[str, str],
    context: grpc.ServicerContext,
    children: Children,
    folder: Path,
) -> Responses:
    proxy = policy.PolicyProxy()
    wire.at_end(context, proxy.close)
    try:
        # To the engine the proxy is the pack.
        yield language_pb2.RunPluginResponse(stdout=f"{proxy.port}\n".encode())
        configuration = proxy.configuration()
        child = _start(command, environment | policy.environment(configuration), context, children, folder)
        said = b""
        attached = False
        for stream, data in child.output():
            shown = data
            if stream == "stdout" and not attached:
                said += data
                line, newline, shown = said.partition(b"\n")
                attached = bool(newline)
                if attached:
                    proxy.attach(_port(line), configuration)
            if shown:
                yield _chunk(stream, shown)
        yield language_pb2.RunPluginResponse(exitcode=child.wait())
    except futures.CancelledError:
        return  # the engine dropped the call before it named a stack
    except HostError as error:
        proxy.close(str(error))  # the calls that wait for the pack are where the engine shows it
        raise
    finally:
        proxy.close()


def _port(line: bytes) -> int:
    try:
        return int(line)
    except ValueError:
        text = line.decode(errors="replace")
        raise HostError(
            f"the policy pack wrote {text!r} where its port was due: nothing may be printed before"
        ) from None


def _start(
    command: list[str], environment: dict[str, str], context: grpc.ServicerContext, children: Children, folder: Path
) -> Child:
    child = children.start(command, environment, folder=folder, piped=True)
    wire.at_end(context, child.stop)
    return child


def _told(child: Child) -> Responses:
    for stream, data in child.output():
        yield _chunk(stream, data)
    yield language_pb2.RunPluginResponse(exitcode=child.wait())


def _chunk(stream: str, data: bytes) -> language_pb2.RunPluginResponse:
    if stream == "stdout":
        return language_pb2.RunPluginResponse(stdout=data)
    return language_pb2.RunPluginResponse(stderr=data)
