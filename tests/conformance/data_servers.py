"""Real PostgreSQL 15 and Redis 7 on loopback, by TLS, for as long as a `with` block.

    with postgres_server() as server:
        server.session("shop-g1", "password", "shop")

Each set has an authority of its own; `credentials` is a folder as the platform mounts it, of their administrator.
"""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import psycopg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from sandbox import packages
from sandbox.cluster import pki
from tests.waiting import until

HOST = "localhost"
UNNAMED = "127.0.0.2"
"""Where PostgreSQL answers too, but its certificate does not say so."""
POSTGRES, REDIS = "/usr/lib/postgresql/15/bin", "/usr/bin/redis-server"
ADMIN_PASSWORD = "of-the-administrator"

_STARTS_S = 30.0


@dataclass(frozen=True, kw_only=True)
class PostgresServer:
    """A running PostgreSQL."""

    port: int
    credentials: Path
    log: Path
    """With each statement."""

    @property
    def ca(self) -> Path:
        """The authority's certificate."""
        return self.credentials / "ca.crt"

    def session(
        self, user: str = "postgres", password: str = ADMIN_PASSWORD, database: str = "postgres"
    ) -> psycopg.Connection[tuple[Any, ...]]:
        """A session, each statement a transaction of its own."""
        return psycopg.connect(
            host=HOST,
            port=self.port,
            user=user,
            password=password,
            dbname=database,
            sslmode="verify-full",
            sslrootcert=str(self.ca),
            connect_timeout=5,
            autocommit=True,
        )


@dataclass(frozen=True, kw_only=True)
class RedisServer:
    """A running Redis, or a Sentinel."""

    port: int
    credentials: Path

    def client(self, user: str = "admin", password: str = ADMIN_PASSWORD) -> "redis.Redis":
        """A client that tries nothing twice; it connects with its first command."""
        return redis.Redis(
            host=HOST,
            port=self.port,
            username=user,
            password=password,
            ssl=True,
            ssl_ca_certs=str(self.credentials / "ca.crt"),
            socket_timeout=5,
            socket_connect_timeout=5,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )

    def ask(self, *command: str | int, user: str = "admin", password: str = ADMIN_PASSWORD) -> Any:  # noqa: ANN401
        """What it answers to one command.

        Errors:
            redis.RedisError: it does not, or refuses.
        """
        with self.client(user, password) as client:
            return cast(Any, client).execute_command(*command)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def postgres_server(*settings: str) -> Generator[PostgresServer]:
    """A PostgreSQL of its own, empty; `settings` are further ones, as `name=value`."""
    packages.install(["postgresql-15"])
    with _folder("postgres") as folder:
        _certificates(folder)
        password, data, log = folder / "password", folder / "data", folder / "log"
        password.write_text(ADMIN_PASSWORD)
        shutil.chown(password, "postgres")
        as_postgres = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--")
        initdb = (f"{POSTGRES}/initdb", "--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--no-locale")
        subprocess.run(
            [*as_postgres, *initdb, f"--pwfile={password}", "--no-sync", f"--pgdata={data}"],
            check=True,
            capture_output=True,
            timeout=120,
        )
        port = free_port()
        wanted = {
            "port": port,
            "listen_addresses": f"{HOST},{UNNAMED}",
            "unix_socket_directories": folder,
            "ssl": "on",
            "ssl_cert_file": folder / "tls.pem",
            "ssl_key_file": folder / "tls-key.pem",
            "fsync": "off",
            "log_statement": "all",
        }
        options = [f"-c{name}={value}" for name, value in wanted.items()] + [f"-c{setting}" for setting in settings]
        (data / "pg_hba.conf").write_text("hostssl all all all scram-sha-256\n")
        server = PostgresServer(port=port, credentials=_credentials(folder, "postgres"), log=log)
        with _running([*as_postgres, f"{POSTGRES}/postgres", f"-D{data}", *options], log, signal.SIGINT):
            until(f"PostgreSQL answers ({log})", lambda: _answers_sql(server), seconds=_STARTS_S)
            yield server


@contextmanager
def redis_server(*settings: str, replica_of: RedisServer | None = None) -> Generator[RedisServer]:
    """A Redis of its own, empty or a replica; `settings` are further lines of its configuration."""
    following = [f"replicaof 127.0.0.1 {replica_of.port}"] if replica_of else []
    lines = [
        'save ""',
        "repl-diskless-sync-delay 0",
        "masteruser admin",
        f"masterauth {ADMIN_PASSWORD}",
        *following,
        *settings,
    ]
    with _redis("redis", lines, replica_of) as server:
        yield server


@contextmanager
def sentinel(master: RedisServer) -> Generator[RedisServer]:
    """A Sentinel that decides alone, and calls its master `main`."""
    lines = [
        f"sentinel monitor main 127.0.0.1 {master.port} 1",
        "sentinel auth-user main admin",
        f"sentinel auth-pass main {ADMIN_PASSWORD}",
        "sentinel down-after-milliseconds main 5000",
        "sentinel failover-timeout main 10000",
    ]
    with _redis("sentinel", lines, master, "--sentinel") as server:
        yield server


@contextmanager
def _redis(name: str, settings: Sequence[str], trusted: RedisServer | None, *arguments: str) -> Generator[RedisServer]:
    packages.install(["redis-server"])
    with _folder(name) as folder:
        if trusted:  # they are of one authority
            for path in trusted.credentials.parent.glob("ca*.pem"):
                shutil.copy(path, folder)
        _certificates(folder)
        port = free_port()
        lines = [
            "bind 127.0.0.1",
            "port 0",
            f"tls-port {port}",
            "tls-replication yes",
            "tls-auth-clients no",
            f"tls-cert-file {folder}/tls.pem",
            f"tls-key-file {folder}/tls-key.pem",
            f"tls-ca-cert-file {folder}/ca.pem",
            f"dir {folder}",
            "user default off",
            f"user admin on #{hashlib.sha256(ADMIN_PASSWORD.encode()).hexdigest()} ~* &* +@all",
            *settings,
        ]
        (folder / "redis.conf").write_text("\n".join(lines) + "\n")
        server = RedisServer(port=port, credentials=_credentials(folder, "admin"))
        with _running([REDIS, str(folder / "redis.conf"), *arguments], folder / "log", signal.SIGTERM):
            until(f"{name} answers ({folder}/log)", lambda: _answers_redis(server), seconds=_STARTS_S)
            yield server


@contextmanager
def _folder(name: str) -> Generator[Path]:
    """A folder that the servers' users can enter, unlike pytest's."""
    with tempfile.TemporaryDirectory(prefix=f"{name}-") as made:
        folder = Path(made)
        if name == "postgres":
            shutil.chown(folder, "postgres", "postgres")
        yield folder


def _certificates(folder: Path) -> None:
    authority = pki.authority(folder, "ca", "data-servers")
    pair = pki.issue(authority, folder, "tls", HOST, hosts=[HOST, "127.0.0.1"])
    if folder.owner() == "postgres":
        for path in (pair.cert, pair.key):
            shutil.chown(path, "postgres", "postgres")


def _credentials(folder: Path, username: str) -> Path:
    made = folder / "credentials"
    made.mkdir()
    (made / "username").write_text(username)
    (made / "password").write_text(ADMIN_PASSWORD)
    shutil.copy(folder / "ca.pem", made / "ca.crt")
    return made


@contextmanager
def _running(command: Sequence[str], log: Path, end: signal.Signals) -> Generator[None]:
    """A process of its own session, ended by `end`, or killed."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
    try:
        yield
    finally:
        process.send_signal(end)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        if process.poll() is None:
            process.kill()
            process.wait(20)


def _answers_sql(server: PostgresServer) -> bool:
    try:
        server.session().close()
    except psycopg.OperationalError:
        return False
    return True


def _answers_redis(server: RedisServer) -> bool:
    try:
        return server.ask("PING") is True
    except redis.RedisError:
        return False
