"""Connections to Redis members and Sentinels, always by TLS."""

from dataclasses import dataclass
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from data_tools.credentials import Credentials
from data_tools.errors import ToolError

TIMEOUT_S = 5.0
"""For a connection, and for an answer."""

NOT_NOW = (redis.ConnectionError, redis.TimeoutError, OSError)
"""What is raised while a member starts, loads its data or is away: to be tried again."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a member listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def parsed(text: str) -> Address:
    """The address that `host:port` says.

    Errors:
        ToolError: it says none.
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise ToolError(f"{text!r} is not host:port")
    return Address(host=host, port=int(port))


def ask(address: Address, credentials: Credentials, *command: str) -> Any:  # noqa: ANN401 (depends on the command)
    """What a server answers to one command, over a connection of its own.

    Errors:
        redis.RedisError: it does not, or refuses; `NOT_NOW` are worth another try.
    """
    client = redis.Redis(
        host=address.host,
        port=address.port,
        username=credentials.username,
        password=credentials.password,
        ssl=True,
        ssl_ca_certs=str(credentials.ca),
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        # Whoever calls tries again, within its own bound.
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )
    with client:
        return cast(Any, client).execute_command(*command)
