"""The Docker Engine that a provider talks to."""

import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast

import docker
import docker.tls
import requests
from docker import errors

from sandbox.plugins.provider import ProviderError

DEFAULT_HOST = "unix:///var/run/docker.sock"
"""Where an engine listens if nothing else is said."""

PATIENCE_S = 600
"""How long an engine may be silent in one answer (a push of a large layer), in seconds."""

PING_S = 10
"""The same for the first word with it."""


Found: TypeAlias = Mapping[str, Any]
"""What the engine says of a thing, as its API documents it."""


class Api(Protocol):
    """The calls of `docker.APIClient` that are used here (its own types are half there)."""

    def ping(self) -> bool:
        """Whether it is there."""
        ...

    def inspect_image(self, image: str) -> Found:
        """An image the engine holds."""
        ...

    def remove_image(self, image: str, force: bool) -> object:
        """Remove a name of an image, and the image with its last name."""
        ...

    def push(
        self, repository: str, tag: str, *, auth_config: dict[str, str] | None, stream: bool, decode: bool
    ) -> Iterable[Found]:
        """Push an image; answers with messages."""
        ...

    def pull(
        self,
        repository: str,
        tag: str,
        *,
        auth_config: dict[str, str] | None,
        platform: str | None,
        stream: bool,
        decode: bool,
    ) -> Iterable[Found]:
        """Pull an image; answers with messages."""
        ...

    def create_network(self, **options: Any) -> dict[str, str]:  # noqa: ANN401 (see network.py)
        """Create a network."""
        ...

    def inspect_network(self, net_id: str) -> Found:
        """A network, by id or name."""
        ...

    def remove_network(self, net_id: str) -> None:
        """Remove a network."""
        ...


class MissingError(ProviderError):
    """What a call is about does not exist."""


@dataclass(frozen=True)
class Credentials:
    """How to log in to a registry."""

    server: str
    username: str
    password: str = field(repr=False)

    def config(self) -> dict[str, str]:
        """As the engine's API takes it."""
        return {"username": self.username, "password": self.password, "serveraddress": self.server}


@dataclass(frozen=True)
class Connection:
    """An engine's address, and what it takes to log in to registries through it."""

    host: str = DEFAULT_HOST
    cert_path: Path | None = None
    """Folder of ca.pem, cert.pem and key.pem, for a host behind TLS."""
    registries: Mapping[str, Credentials] = field(default_factory=dict[str, Credentials])
    """By host name of the registry."""

    def check(self) -> None:
        """Say hello.

        Errors:
            ProviderError: no engine answers.
        """
        with self.api(PING_S) as api:
            api.ping()

    @contextmanager
    def api(self, patience_s: int = PATIENCE_S) -> Generator[Api]:
        """A client of the engine's API, for one thread; what goes wrong inside is raised as ProviderError.

        Errors:
            MissingError: the engine knows no such thing.
            ProviderError: the engine cannot be reached, or refuses.
        """
        try:
            client = docker.APIClient(base_url=self.host, version="auto", timeout=patience_s, tls=self._tls() or False)
            with client:
                yield cast(Api, client)
        except errors.NotFound as error:
            raise MissingError(_reason(error)) from error
        except errors.APIError as error:
            raise ProviderError(_reason(error)) from error
        except (errors.DockerException, requests.RequestException, OSError) as error:
            raise ProviderError(f"cannot reach Docker at {self.host}: {_root(error)}") from error

    def arguments(self) -> list[str]:
        """The same engine, as the command-line client takes it."""
        if self.cert_path is None:
            return ["--host", self.host]
        files = {option: self.cert_path / f"{file}.pem" for option, file in _TLS_FILES.items()}
        return ["--host", self.host, "--tlsverify", *(f"--{option}={path}" for option, path in files.items())]

    def _tls(self) -> docker.tls.TLSConfig | None:
        if self.cert_path is None:
            return None
        ca, cert, key = (str(self.cert_path / f"{file}.pem") for file in _TLS_FILES.values())
        return docker.tls.TLSConfig(client_cert=(cert, key), ca_cert=ca, verify=True)


_TLS_FILES = {"tlscacert": "ca", "tlscert": "cert", "tlskey": "key"}


def host_of_environment() -> str:
    """The address that Docker's own client would use."""
    return os.environ.get("DOCKER_HOST") or DEFAULT_HOST


def messages(stream: Iterable[Found]) -> Iterator[Found]:
    """What the engine reports of a push or pull, message by message.

    Errors:
        ProviderError: it reports an error.
    """
    for message in stream:
        if "error" in message:
            raise ProviderError(str(message["error"]).strip())
        yield message


PACE_S = 2.0
"""Seconds between two lines of a push's or pull's progress."""


class Progress:
    """Shows what a push or pull says, at most every `PACE_S`: it says so ten times a second."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._due = 0.0

    def tell(self, message: Found) -> None:
        """Show a message, if it is time."""
        if (now := time.monotonic()) >= self._due:
            self._due = now + PACE_S
            self._show(" ".join(str(message[part]) for part in ("id", "status", "progress") if message.get(part)))


def _reason(error: errors.APIError) -> str:
    return str(error.explanation or error).strip()


def _root(error: BaseException) -> BaseException:
    """What was first: the client wraps a plain "connection refused" three times."""
    while error.__context__ is not None:
        error = error.__context__
    return error
