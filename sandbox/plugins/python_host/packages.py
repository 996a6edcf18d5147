"""What is installed in a program's Python, and which Pulumi packages it makes the program need."""

import base64
import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulumi.runtime.proto import language_pb2, plugin_pb2

from sandbox.errors import last_line
from sandbox.plugins.python_host.errors import HostError
from sandbox.plugins.python_host.runtime import Runtime

PROBE = Path(__file__).with_name("probe.py")
WITHOUT_PLUGIN = frozenset({"pulumi-policy", "pulumi-esc-sdk"})
"""Distributions named like Pulumi packages that carry no plugin and do not say so (as in the official host)."""


@dataclass(frozen=True)
class Distribution:
    """An installed distribution."""

    name: str
    """As PEP 503 writes it."""
    version: str
    plugin: Mapping[str, Any] | None
    """The content of its `pulumi-plugin.json`."""


@dataclass(frozen=True)
class Installed:
    """What the interpreter of a program says of itself."""

    executable: str
    version: str
    pip: str
    """Empty where pip is not installed."""
    distributions: list[Distribution]


def installed(runtime: Runtime, environment: Mapping[str, str]) -> Installed:
    """Ask the interpreter of `runtime`.

    Errors:
        HostError: it is missing, or it fails.
    """
    answer = json.loads(_run(runtime, environment, str(PROBE)))
    return Installed(
        answer["executable"],
        answer["version"],
        answer["pip"],
        [Distribution(canonical(d["name"]), d["version"], d["plugin"]) for d in answer["distributions"]],
    )


def dependencies(
    runtime: Runtime, environment: Mapping[str, str], *, transitive: bool
) -> list[language_pb2.DependencyInfo]:
    """The distributions that pip lists: all of them, or only those that no other one requires.

    Errors:
        HostError: the interpreter is missing, or has no pip.
    """
    flags = [] if transitive else ["--not-required"]
    command = ("-m", "pip", "--disable-pip-version-check", "list", "--format", "json", *flags)
    listed = json.loads(_run(runtime, environment, *command))
    return [language_pb2.DependencyInfo(name=canonical(d["name"]), version=d["version"]) for d in listed]


def required_packages(distributions: Iterable[Distribution]) -> list[plugin_pb2.PackageDependency]:
    """The Pulumi packages among the installed distributions.

    Errors:
        HostError: a `pulumi-plugin.json` says something impossible.
    """
    found = (_package(distribution) for distribution in distributions)
    return [package for package in found if package is not None]


def canonical(name: str) -> str:
    """A distribution's name as PEP 503 writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def plugin_version(version: str) -> str | None:
    """The version of the plugin that belongs to a Python package of `version`; nothing where it cannot be told.

    A pre-release 1.2.3a4 belongs to 1.2.3-alpha.4, a post-release 1.2.3.post4 to 1.2.3+post4 (as in the official host).
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)*)(?:(a|b|rc)(\d*))?(?:\.post(\d*))?(?:\.dev(\d*))?", version)
    if found is None:
        return None
    release, stage, number, post, dev = found.groups()
    numbers = [*release.split("."), "0", "0"][: max(3, release.count(".") + 1)]
    text = ".".join(numbers)
    if stage:
        text += f"-{ {'a': 'alpha', 'b': 'beta', 'rc': 'rc'}[stage] }.{number}"
    build = "".join(f"{name}{value}" for name, value in (("post", post), ("dev", dev)) if value is not None)
    return f"{text}+{build}" if build else text


def _package(distribution: Distribution) -> plugin_pb2.PackageDependency | None:
    plugin = distribution.plugin
    if distribution.name in WITHOUT_PLUGIN or (plugin is None and not distribution.name.startswith("pulumi-")):
        return None
    if plugin is not None and not plugin.get("resource"):
        return None
    says: Mapping[str, Any] = plugin or {}
    version = says.get("version") or plugin_version(distribution.version)
    if not version:
        return None
    try:
        return plugin_pb2.PackageDependency(
            name=says.get("name") or distribution.name.removeprefix("pulumi-"),
            kind="resource",
            version=f"v{version.removeprefix('v')}",
            server=says.get("server") or "",
            parameterization=_parameterization(says.get("parameterization")),
            extension=_parameterization(says.get("extensionParameterization")),
        )
    except (TypeError, KeyError, ValueError) as error:
        raise HostError(f"the pulumi-plugin.json of {distribution.name} is not valid: {error}") from error


def _parameterization(says: Mapping[str, Any] | None) -> plugin_pb2.PackageParameterization | None:
    if says is None:
        return None
    value = base64.b64decode(says["value"], validate=True)
    return plugin_pb2.PackageParameterization(name=says["name"], version=says["version"], value=value)


def _run(runtime: Runtime, environment: Mapping[str, str], *arguments: str) -> str:
    """What the program's interpreter prints."""
    try:
        done = subprocess.run(
            [runtime.python, *arguments],
            env=environment,
            cwd=runtime.program,
            capture_output=True,
            text=True,
            check=True,
        )
    except OSError as error:
        raise HostError(f"cannot start {runtime.python}: {error.strerror}") from error
    except subprocess.CalledProcessError as error:
        last = last_line(error.stderr)
        raise HostError(f"`{runtime.python} {' '.join(arguments)}` failed: {last}") from error
    return done.stdout
