"""The provider: its own arguments, and which class serves which resource type."""

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pulumi_docker
from typing_extensions import override

from sandbox.plugins.choice import official_version
from sandbox.plugins.docker import names
from sandbox.plugins.docker.builder import Builder
from sandbox.plugins.docker.connection import Connection, Credentials, host_of_environment
from sandbox.plugins.docker.image import Image
from sandbox.plugins.docker.network import Network
from sandbox.plugins.docker.remote_image import RemoteImage
from sandbox.plugins.enginelog import EngineLog
from sandbox.plugins.provider import CheckFailedError, Diff, Failure, Provider, Resource, State
from sandbox.plugins.sdk_types import check_inputs, input_names
from sandbox.plugins.values import Properties, Secret, has_unknown, plain, reveal

_SUPPORTED = frozenset({"host", "certPath", "registryAuth", "disableDockerDaemonCheck"})
_LOGIN = ("address", "username", "password")
_SCHEMES = ("unix://", "tcp://", "http://", "https://")
_NO = "the stand-in for docker does not support it; use PLUGINS=official"


class DockerProvider(Provider):
    """Works on one Docker Engine; each resource type has a class of its own."""

    package = "docker"
    version = official_version("docker")

    def __init__(self, log: EngineLog) -> None:
        self._log = log
        self._cancelled = threading.Event()
        self._builders: list[Builder] = []
        self._kinds: Mapping[str, Provider] = {}

    @override
    def check_config(self, config: Properties) -> Properties:
        # The engine adds the version, and keys of its own that begin with two underscores.
        given = {name: value for name, value in config.items() if name != "version" and not name.startswith("__")}
        failures = check_inputs(pulumi_docker.ProviderArgs, given)
        refused = given.keys() & input_names(pulumi_docker.ProviderArgs).keys() - _SUPPORTED
        failures += [Failure(name, _NO) for name in sorted(refused)]
        host = config.get("host", host_of_environment())
        if isinstance(host, str) and not host.startswith(_SCHEMES):
            failures.append(Failure("host", f"{host!r} is none of {', '.join(_SCHEMES)}: {_NO}"))
        if not has_unknown(given):
            odd = {name for item in _logins(given) for name in item.keys() ^ set(_LOGIN)}
            # Not of `registryAuth` itself: the engine shows the value of a property that is refused.
            failures += [Failure(f"registryAuth.{name}", f"each item is {', '.join(_LOGIN)}") for name in sorted(odd)]
        if failures:
            raise CheckFailedError(failures)
        logins: Properties = (
            {"registryAuth": Secret(reveal(config["registryAuth"]))} if "registryAuth" in config else {}
        )
        return {**config, **logins, "host": host}

    @override
    def configure(self, config: Properties) -> None:
        if has_unknown(config):
            connection = Connection("an address that is not known yet")
        else:
            connection = _connection(config)
            if str(config.get("disableDockerDaemonCheck", False)).lower() != "true":
                connection.check()
        builder = Builder(connection, self._cancelled)
        self._builders.append(builder)
        self._kinds = {
            "docker:index/image:Image": Image(connection, self._cancelled, builder, self._log),
            "docker:index/network:Network": Network(connection, self._cancelled, self._log),
            "docker:index/remoteImage:RemoteImage": RemoteImage(connection, self._cancelled, self._log),
        }

    @override
    def cancel(self) -> None:
        self._cancelled.set()
        for builder in self._builders:
            builder.kill()

    @override
    def check(self, resource: Resource, olds: Properties | None, news: Properties, seed: bytes) -> Properties:
        return self._kind(resource).check(resource, olds, news, seed)

    @override
    def diff(self, resource: Resource, id: str, old: State, news: Properties) -> Diff:
        return self._kind(resource).diff(resource, id, old, news)

    @override
    def create(
        self, resource: Resource, inputs: Properties, *, preview: bool, timeout: float
    ) -> tuple[str, Properties]:
        return self._kind(resource).create(resource, inputs, preview=preview, timeout=timeout)

    @override
    def read(self, resource: Resource, id: str, inputs: Properties, outputs: Properties) -> State | None:
        return self._kind(resource).read(resource, id, inputs, outputs)

    @override
    def update(self, resource: Resource, old: State, news: Properties, *, preview: bool, timeout: float) -> Properties:
        return self._kind(resource).update(resource, old, news, preview=preview, timeout=timeout)

    @override
    def delete(self, resource: Resource, old: State, *, timeout: float) -> None:
        self._kind(resource).delete(resource, old, timeout=timeout)

    def _kind(self, resource: Resource) -> Provider:
        return self._kinds.get(resource.type) or self._unsupported(resource)


def _connection(config: Properties) -> Connection:
    certificates = config.get("certPath", os.environ.get("DOCKER_CERT_PATH"))
    logins = [Credentials(item["address"], item["username"], item["password"]) for item in _logins(config)]
    return Connection(
        host=str(plain(config["host"])),
        cert_path=Path(str(plain(certificates))) if certificates else None,
        registries={_host(login.server): login for login in logins},
    )


def _logins(config: Properties) -> list[dict[str, str]]:
    """The `registryAuth` items; like all structured arguments of a provider, they come as JSON in a text."""
    given = plain(config.get("registryAuth", "[]"))
    return json.loads(given) if isinstance(given, str) else cast(Any, given)


def _host(address: str) -> str:
    """The registry's host as it stands in image names."""
    host = address.split("://", 1)[-1].split("/", 1)[0]
    return names.HUB if host in {"index.docker.io", "registry-1.docker.io"} else host
