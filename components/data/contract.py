"""What the data layer offers, whoever provides it: our own servers on any Kubernetes, or AWS's.

A service is handed one of these endpoints and finds, whatever is behind it, the address in its environment and an
account of its own as files in `<NAME>_CREDENTIALS_DIR`. Every connection is TLS; `ca.crt` is what to trust.

| store | files |
|---|---|
| SQL | `username`, `password`, `database`, `ca.crt`, `url` (libpq's, `sslmode=verify-full`) |
| Redis | `username`, `password`, `prefix` (which all its keys and channels begin with), `ca.crt`, `url` (`rediss://`) |
| objects | `access-key`, `secret-key`, `bucket`, `region`, `ca.crt`; the endpoint's URL is in the environment |

A password is of one generation: a new one lies in a new Secret, and its users roll over to it while the old one still
works. The host is that of whoever is the primary now: after a failover a client connects anew, and to the same name.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from components.endpoint import Endpoint

REDIS_COMMANDS = ("+@all", "-@admin", "-@dangerous", "-scan", "-randomkey", "-pubsub", "-function", "+info")
"""What a Redis client may, if nothing else is said: all but what runs the server, or sees the names of others' keys.
Scripts are held to the client's own keys by the server."""


@dataclass(frozen=True, kw_only=True)
class Sql:
    """PostgreSQL 15: a database of its own for each service that is handed one of these."""

    sessions: Endpoint
    """A server connection for as long as the client's: for everything, prepared statements and locks included."""
    transactions: Endpoint | None
    """A server connection for each transaction: for many short ones, and clients that keep nothing in a session."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """The data layer."""

    postgres: Sql
    redis: Endpoint
    redis_with: Callable[[Sequence[str]], Endpoint]
    """Redis with other commands than the usual, say `["+@read"]`."""
    objects: Endpoint
    """S3: a versioned bucket of its own for each service."""
    htm: Sql
    """PostgreSQL 15 with pgvector: embeddings of 768 dimensions."""
