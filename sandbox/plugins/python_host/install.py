"""Installs what a program needs: its virtual environment, and its requirements.txt by pip."""

import os
from collections.abc import Iterator

import grpc
from pulumi.runtime.proto import language_pb2

from sandbox.plugins import wire
from sandbox.plugins.python_host import runtime
from sandbox.plugins.python_host.children import Children
from sandbox.plugins.python_host.errors import HostError

Responses = Iterator[language_pb2.InstallDependenciesResponse]


def install(
    request: language_pb2.InstallDependenciesRequest, context: grpc.ServicerContext, children: Children
) -> Responses:
    """Make the virtual environment if it is missing, then install requirements.txt; what is written, as it comes.

    The official host also upgrades pip, setuptools and wheel to whatever is newest, and asks pyenv for the
    version in .python-version. This one installs what the requirements pin, into the Python at hand.

    Errors:
        HostError: one of them fails, or the `virtualenv` option names a folder that is something else.
    """
    python = runtime.read(request.info, plugin=request.is_plugin)
    folder = python.virtualenv
    if folder is not None and not python.has_virtualenv:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise HostError(f"{folder}, which the 'virtualenv' option names, exists and is not a virtual environment")
        ambient = runtime.Runtime(python.program, None, python.toolchain)
        yield _out(f"Making the virtual environment {folder}\n")
        command = [ambient.python, "-m", "venv", str(folder)]
        yield from _run(command, ambient, context, children)
    if not (python.program / "requirements.txt").is_file():
        yield _out("No requirements.txt: nothing to install\n")
        return
    yield _out("Installing requirements.txt\n")
    command = [python.python, "-m", "pip", "--disable-pip-version-check", "install", "-r", "requirements.txt"]
    yield from _run(command, python, context, children)
    yield _out("Finished installing dependencies\n")


def _run(command: list[str], python: runtime.Runtime, context: grpc.ServicerContext, children: Children) -> Responses:
    child = children.start(command, python.environment(os.environ), folder=python.program, piped=True)
    wire.at_end(context, child.stop)
    for stream, data in child.output():
        if stream == "stdout":
            yield language_pb2.InstallDependenciesResponse(stdout=data)
        else:
            yield language_pb2.InstallDependenciesResponse(stderr=data)
    code = child.wait()
    if code:
        raise HostError(f"`{' '.join(command)}` ended with {code}")


def _out(text: str) -> language_pb2.InstallDependenciesResponse:
    return language_pb2.InstallDependenciesResponse(stdout=text.encode())
