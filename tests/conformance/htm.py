"""A real HTM store on loopback: PostgreSQL 15 with pgvector behind PgBouncer, TLS on both, and a client's account."""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql

from sandbox import packages
from sandbox.cluster import pki
from sandbox.errors import SandboxError
from tests.conformance import pgvector
from tests.waiting import until

ROOT = Path(__file__).parents[2]
CLIENT = "htm-crawler"
PASSWORD = "a-password-that-must-not-be-printed"
STARTS_S = 30.0
RUN_S = 120.0


@dataclass(frozen=True, kw_only=True)
class HtmStore:
    """A running store."""

    folder: Path
    port: int
    """PgBouncer's, on 127.0.0.1."""

    def credentials(self, generation: int = 1, other: Mapping[str, str] | None = None) -> Path:
        """A folder as a client's pod has it; `other` replaces files."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        known = {
            "username": f"{CLIENT}-g{generation}",
            "password": PASSWORD,
            "database": CLIENT,
            "ca.crt": (self.folder / "ca.pem").read_text(),
        }
        for name, text in {**known, **(other or {})}.items():
            (folder / name).write_text(text)
        return folder

    def run(self, *arguments: str, **env: object) -> subprocess.CompletedProcess[str]:
        """Run the crawler as its pod does, to its end."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environment(env),
            capture_output=True,
            text=True,
            check=False,
            timeout=RUN_S,
        )

    def command(self, *arguments: str) -> Sequence[str]:
        """What a pod runs."""
        return [sys.executable, "-m", "htm", *arguments]

    def environment(self, env: Mapping[str, object]) -> dict[str, str]:
        """A pod's environment; `env` adds to it, and takes the place of what is there."""
        known = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(ROOT / "images/htm-crawler"), os.environ.get("PYTHONPATH", "")]),
            "HTM_HOST": "127.0.0.1",
            "HTM_PORT": self.port,
            "HTM_CREDENTIALS_DIR": env.get("HTM_CREDENTIALS_DIR") or self.credentials(),
        }
        return {name: str(value) for name, value in {**known, **env}.items()}

    def ask(self, statement: LiteralString, database: str = CLIENT) -> list[tuple[Any, ...]]:
        """What the administrator sees."""
        with self.admin(database) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def admin(self, database: str = CLIENT) -> psycopg.Connection:
        """A connection of the administrator, by the server's socket."""
        at = str(self.folder)
        return psycopg.connect(host=at, port=self.port + 1, user="admin", dbname=database, autocommit=True)

    def empty(self) -> None:
        """As a new database, but for its extension."""
        self.ask("DROP TABLE IF EXISTS chunks")


@contextmanager
def running() -> Generator[HtmStore]:
    """A store, ended at the end.

    Errors:
        SandboxError: PostgreSQL with pgvector cannot be had here.
    """
    packages.install(["pgbouncer"])
    # Neither program runs as root, nor reaches into folders of root's.
    user = pwd.getpwnam("postgres") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="htm-"))
        stack.callback(shutil.rmtree, folder)
        programs = pgvector.install(folder / "postgresql")
        store = HtmStore(folder=folder, port=_free_ports())
        ca = pki.authority(folder, "ca", "authority")
        pki.issue(ca, folder, "server", "htm", hosts=["127.0.0.1"])
        (folder / "users.txt").write_text("".join(f'"{CLIENT}-g{n}" "{PASSWORD}"\n' for n in (1, 2)))
        (folder / "pgbouncer.ini").write_text(_pgbouncer(store))
        for path in (folder, *folder.iterdir()):
            os.chown(path, user.pw_uid, user.pw_gid)

        def start(*command: object) -> subprocess.Popen[bytes]:
            log = stack.enter_context((folder / "log.txt").open("ab"))
            words = [str(word) for word in command]
            process = subprocess.Popen(
                words, stdout=log, stderr=log, cwd=folder, user=user.pw_uid, group=user.pw_gid, extra_groups=[]
            )
            stack.callback(_end, process)
            return process

        data = folder / "data"
        made = start(programs / "initdb", "-D", data, "-U", "admin", "--auth-host=scram-sha-256", "--auth-local=trust")
        assert made.wait() == 0, (folder / "log.txt").read_text()
        start(programs / "postgres", "-D", data, *_settings(store))
        until("PostgreSQL answers", lambda: _answers(store), seconds=STARTS_S)
        _make_client(store)
        start("/usr/sbin/pgbouncer", folder / "pgbouncer.ini")
        until("PgBouncer listens", lambda: _listens(store.port), seconds=STARTS_S)
        yield store


def _settings(store: HtmStore) -> Sequence[str]:
    settings = {
        "port": store.port + 1,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": store.folder,
        "ssl": "on",
        "ssl_cert_file": store.folder / "server.pem",
        "ssl_key_file": store.folder / "server-key.pem",
        "fsync": "off",
    }
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


def _pgbouncer(store: HtmStore) -> str:
    return f"""\
[databases]
* = host=127.0.0.1 port={store.port + 1}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {store.port}
unix_socket_dir =
pool_mode = session
auth_type = scram-sha-256
auth_file = {store.folder}/users.txt
client_tls_sslmode = require
client_tls_cert_file = {store.folder}/server.pem
client_tls_key_file = {store.folder}/server-key.pem
server_tls_sslmode = verify-full
server_tls_ca_file = {store.folder}/ca.pem
"""


def _make_client(store: HtmStore) -> None:
    """As the Job that makes accounts does, with two generations of the account."""
    role = sql.Identifier(CLIENT)
    with store.admin("postgres") as connection:
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
        connection.execute(sql.SQL("CREATE DATABASE {0} OWNER {0}").format(role))
        for generation in (1, 2):
            login = sql.Identifier(f"{CLIENT}-g{generation}")
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} IN ROLE {}").format(login, sql.Literal(PASSWORD), role)
            )
            connection.execute(sql.SQL("ALTER ROLE {} SET role = {}").format(login, sql.Literal(CLIENT)))
    store.ask("CREATE EXTENSION vector")


def _answers(store: HtmStore) -> bool:
    try:
        store.ask("SELECT 1", "postgres")
    except psycopg.OperationalError:
        return False
    return True


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_ports() -> int:
    """The first of two free ports side by side."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            try:
                second.bind(("127.0.0.1", first.getsockname()[1] + 1))
            except (OSError, OverflowError):
                continue
            return first.getsockname()[1]


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGINT: PostgreSQL then waits for no client."""
    if process.poll() is None:
        process.send_signal(2)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def server() -> Iterator[HtmStore]:
    """A store for a module's tests; they are skipped where it cannot be had."""
    try:
        with running() as server:
            yield server
    except SandboxError as error:
        pytest.skip(f"no PostgreSQL 15 with pgvector: {error}")


@pytest.fixture
def store(server: HtmStore) -> HtmStore:
    """It, with nothing in it."""
    server.empty()
    return server
