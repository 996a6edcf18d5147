"""A cluster on the generated configuration: Patroni from its lock, PostgreSQL of the machine's Debian, which is 12."""

import http.client
import json
import socket
import ssl
import subprocess
import sys
import threading
import uuid
from base64 import b64encode
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from components.base import labels
from components.data.postgres import access, patroni, pgbackrest
from components.data.postgres.patroni import Members
from data_tools.clients import Client
from data_tools.credentials import Credentials
from data_tools.deadline import Deadline
from data_tools.postgres.clients import Helper, Helpers, apply
from data_tools.postgres.server import Server
from sandbox.cluster import pki
from sandbox.cluster.pki import Pair
from tests.conformance.postgres.pods import Network, Pod
from tests.conformance.postgres.store import TOKEN, Api, Store
from tests.waiting import until

ROOT = Path(__file__).parents[3]
DATA = ROOT / "components" / "data"
HOST = "postgres-members.mcp-data.svc.cluster.local"
FRONT = "postgres-primary.mcp-data.svc.cluster.local"
API_HOST = "127.0.0.1"
PASSWORDS = {name: f"{name}-password" for name in patroni.PASSWORDS}
POOLER_PASSWORD = "pooler-password"
READY_S = 180
"""Seconds for a first member with a database of its own."""


def scripts() -> dict[str, str]:
    """What pods start with."""
    paths = [*(DATA / "scripts").glob("*.sh"), *(DATA / "postgres" / "scripts").glob("*.sh")]
    return {path.name: path.read_text() for path in paths}


def environment(folder: Path) -> Path:
    """Patroni, as the image has it, but for Debian's Python; returns its folder of programs."""
    # Not the one that runs this: it may lie where only root may read.
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", folder], check=True)
    lock = ROOT / "images" / "postgres" / "requirements.txt"
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--require-hashes", "--only-binary", ":all:", "--requirement", lock], check=True)
    return folder / "bin"


@dataclass
class Machine:
    """What the clusters of one test file share."""

    network: Network
    programs: Path
    authority: Pair
    folder: Path
    _number: int = field(default=0, init=False)

    def address(self) -> str:
        """One that nobody has yet."""
        self._number += 1
        return f"127.0.2.{self._number}"

    def connect(self, host: str, address: str, port: int, **settings: str | int) -> psycopg.Connection[Any]:
        """A session over TLS, each statement a transaction of its own and not prepared.

        Args:
            host: what the server's certificate must name.
            address: where it is.
            port: of it.
            settings: further ones of libpq, or other ones.
        """
        verified = {"sslmode": "verify-full", "sslrootcert": str(self.authority.cert), "connect_timeout": 10}
        target = make_conninfo("", **{"host": host, "hostaddr": address, "port": port, **verified, **settings})
        return self.network.do(psycopg.connect, target, autocommit=True, prepare_threshold=None)

    def certificate(self, pod: Pod, hosts: Sequence[str]) -> None:
        """Mount a new certificate, as cert-manager renews it: for a server, or, without hosts, for a client."""
        name = f"{pod.name}-{uuid.uuid4().hex[:8]}"
        pair = pki.issue(self.authority, self.folder / "keys", name, pod.name, hosts=hosts)
        # The key first: whoever looks at the certificate finds both new.
        pod.secret(f"{pgbackrest.TLS_DIR}/tls.key", pair.key.read_text())
        pod.secret(f"{pgbackrest.TLS_DIR}/ca.crt", self.authority.cert.read_text())
        pod.secret(f"{pgbackrest.TLS_DIR}/tls.crt", pair.cert.read_text())


class Cluster:
    """Members, and the store in which they find each other."""

    def __init__(self, machine: Machine, members: Members, count: int) -> None:
        # Names of pods are unique on a machine: each has a folder of its own.
        self.machine, self.members = machine, members
        self.store = Store()
        self._api = self._serve()
        self.pods = {f"{members.workload}-{number}": machine.address() for number in range(count)}
        self.pod_of = {name: self._member(name, address) for name, address in self.pods.items()}

    def start(self, name: str, command: Sequence[str] = ()) -> None:
        """Start a member.

        Args:
            name: which.
            command: before the rest of its command; pgBackRest's keys, say.
        """
        host, port = self._api.server_address[:2]
        started = ["sh", f"{patroni.DIR}/start.sh", patroni.SECRETS, HOST, *command]
        renewed = ["sh", f"{patroni.DIR}/reload-on-change.sh", f"{pgbackrest.TLS_DIR}/tls.crt", "HUP"]
        self.pod_of[name].start(
            [*started, *renewed, "patroni", patroni.FILE],
            ["/usr/lib/postgresql/15/bin", self.machine.programs],
            {
                "KUBERNETES_SERVICE_HOST": str(host),
                "KUBERNETES_SERVICE_PORT": str(port),
                "RELOAD_INTERVAL": "1",
                "PGBACKREST_CONFIG": f"{patroni.DIR}/pgbackrest.conf",
                # They share a machine.
                "PATRONI_POSTGRESQL_LISTEN": f"{self.pods[name]}:{pgbackrest.PG_PORT}",
                "PATRONI_RESTAPI_LISTEN": f"{self.pods[name]}:{patroni.API_PORT}",
            },
        )

    def primary(self) -> str:
        """Who says that it is the primary and has the lock, empty where nobody does."""
        return next((name for name in self.pods if self.asked(name, "/primary")[0] == 200), "")

    def ready(self, seconds: float = READY_S) -> str:
        """Wait until there is a primary that takes writes; returns it."""
        return until("a primary", self.primary, seconds=seconds)

    def asked(
        self, name: str, path: str, method: str = "GET", body: object = None, password: str = PASSWORDS["restapi"]
    ) -> tuple[int, Any]:
        """Status and answer of a member's API; status 0 where nobody answers."""
        try:
            return self.machine.network.do(self._ask, name, path, method, body, password)
        except (OSError, http.client.HTTPException):
            return 0, ""

    def _ask(self, name: str, path: str, method: str, body: object, password: str) -> tuple[int, Any]:
        host = f"{name}.{HOST}"
        connection = http.client.HTTPSConnection(host, patroni.API_PORT)
        plain = socket.create_connection((self.pods[name], patroni.API_PORT), timeout=3)
        trusted = ssl.create_default_context(cafile=str(self.machine.authority.cert))
        with closing(connection), plain:
            connection.sock = trusted.wrap_socket(plain, server_hostname=host)
            login = b64encode(f"{patroni.API_USER}:{password}".encode()).decode()
            headers = {"Authorization": f"Basic {login}"} if method != "GET" else {}
            connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            return answer.status, json.loads(text) if text.startswith(("{", "[")) else text

    def connect(self, name: str, **settings: str | int) -> psycopg.Connection[Any]:
        """A session at a member."""
        return self.machine.connect(f"{name}.{HOST}", self.pods[name], pgbackrest.PG_PORT, **settings)

    def superuser(self, name: str, dbname: str = "postgres") -> psycopg.Connection[Any]:
        """A session of the one who makes databases and roles."""
        return self.connect(name, user=access.SUPERUSER, password=PASSWORDS["superuser"], dbname=dbname)

    def close(self) -> None:
        """End all of it."""
        for pod in self.pod_of.values():
            pod.kill()
        self._api.shutdown()
        self._api.server_close()

    def _serve(self) -> Api:
        folder = self.machine.folder / "keys"
        pair = pki.issue(self.machine.authority, folder, "kubernetes", "kubernetes", hosts=[API_HOST])
        server = self.machine.network.do(Api, (API_HOST, 0), self.store, pair)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def _member(self, name: str, address: str) -> Pod:
        pod = Pod(self.machine.network, name, patroni.DIR)
        pod.config({"patroni.yml": patroni.patroni_yml(self.members), **scripts()})
        for file, password in PASSWORDS.items():
            pod.secret(f"{patroni.SECRETS}/{file}", password)
        account = "/run/secrets/kubernetes.io/serviceaccount"
        pod.secret(f"{account}/token", TOKEN)
        pod.secret(f"{account}/ca.crt", self.machine.authority.cert.read_text())
        self.machine.network.name(f"{name}.{HOST}", address)
        self.machine.certificate(pod, [f"{name}.{HOST}", FRONT])
        self.store.add("pods", name, labels(self.members.workload, "postgresql"))
        return pod


@contextmanager
def running(machine: Machine, members: Members, count: int) -> Generator[Cluster]:
    """A cluster with a primary, and replicas that follow it."""
    cluster = Cluster(machine, members, count)
    try:
        for name in cluster.pods:
            cluster.start(name)
        primary = cluster.ready()
        until("all members follow", lambda: _followers(cluster, primary) == count - 1, seconds=READY_S)
        yield cluster
    except AssertionError:
        for pod in cluster.pod_of.values():
            sys.stderr.write(f"--- {pod.name}\n{pod.log[-6000:]}\n")
        raise
    finally:
        cluster.close()


def _followers(cluster: Cluster, primary: str) -> int:
    status, answer = cluster.asked(primary, "/patroni")
    return len(answer.get("replication") or ()) if status == 200 else -1


@dataclass(frozen=True, kw_only=True)
class _Primary(Server):
    """A member, as data-tools connect to it."""

    cluster: Cluster

    def session(self, database: str = "postgres") -> psycopg.Connection[Any]:
        return self.cluster.superuser(self.host, database)


def accounts(cluster: Cluster, name: str, clients: Mapping[str, int]) -> None:
    """Make the databases and roles of clients, name -> generation, as the stack's Job does.

    Args:
        cluster: where.
        name: of the primary.
        clients: each has the password of its own login's name.
    """
    admin = Credentials(username=access.SUPERUSER, password="", ca=cluster.machine.authority.cert)
    primary = _Primary(host=name, port=pgbackrest.PG_PORT, admin=admin, cluster=cluster)
    helpers = Helpers(
        pooler=Helper(name=access.POOLER, password=POOLER_PASSWORD),
        monitor=Helper(name=access.EXPORTER, password="never-used"),
    )
    wanted = [
        Client(client=client, username=f"{client}-g{number}", password=f"{client}-g{number}", grant={})
        for client, number in clients.items()
    ]
    apply(primary, wanted, helpers, Deadline(60))


def login(client: str, generation: int = 1) -> dict[str, str]:
    """How a client connects."""
    name = f"{client}-g{generation}"
    return {"user": name, "password": name, "dbname": client}
