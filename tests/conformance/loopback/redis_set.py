"""Members, their sentinels and a front, by the generated configuration and the real start scripts."""

import hashlib
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from components.data.contract import REDIS_COMMANDS
from components.data.front import config as front
from components.data.redis import config
from components.data.redis.config import Account
from components.data.redis.sizing import sizing
from sandbox import packages
from sandbox.cluster import pki
from tests.conformance.loopback.names import NameServer
from tests.conformance.loopback.processes import Pod
from tests.conformance.loopback.resp import Client, RefusedError
from tests.waiting import until

SUFFIX = "mcp-data.svc.cluster.local"
MEMBERS = [f"redis-members-{n}.redis-members.{SUFFIX}" for n in range(3)]
SENTINELS = [f"redis-sentinels-{n}.redis-sentinels.{SUFFIX}" for n in range(3)]
FRONT = f"redis.{SUFFIX}"

PASSWORDS = {account: f"{account}Password" for account in Account}
CLIENTS = ("orders", "billing")

READY_S = 60
FAILOVER_S = 30
"""Seconds within which writes must be accepted again."""


def client_line(client: str) -> str:
    """An account of a client, as the platform makes it."""
    hashed = hashlib.sha256(client.encode()).hexdigest()
    return f"user {client}-g1 reset on #{hashed} ~{client}:* &{client}:* {' '.join(REDIS_COMMANDS)}"


class RedisSet:
    """A whole Redis: three members and three sentinels, or one member alone, behind a front.

    Everything lies in `folder`, and listens on addresses that nobody else has.
    """

    def __init__(self, folder: Path, *, cache: bool = False, alone: bool = False) -> None:
        self.folder = folder
        self._net = net = f"127.{secrets.choice(range(64, 128))}.{secrets.randbelow(256)}"
        self.addresses = {
            **{host: f"{net}.{10 + n}" for n, host in enumerate(MEMBERS)},
            **{host: f"{net}.{20 + n}" for n, host in enumerate(SENTINELS)},
            FRONT: f"{net}.30",
        }
        members, sentinels = (MEMBERS[:1], SENTINELS[:0]) if alone else (MEMBERS, SENTINELS)
        self.known: dict[str, str] = dict(self.addresses)
        """What the name server says now."""
        self._names = NameServer(f"{net}.53", self.known)
        self.name_server = f"{net}.53"
        self.tls = folder / "tls"
        self._authority = pki.authority(folder / "pki", "ca", "test authority")
        self.issue("first")
        self.acl = _files(
            folder / "acl",
            {"users.acl": config.member_acl(PASSWORDS, [client_line(client) for client in CLIENTS])},
        )
        self._sentinel_acl = _files(folder / "sentinel-acl", {"users.acl": config.sentinel_acl(PASSWORDS)})
        self.passwords = _files(folder / "passwords", config.password_files(PASSWORDS))
        self._env = {
            **config.environment(members, sentinels),
            **config.stand_back(cache=cache),
            "REDIS_CHECK_S": "1",
        }
        self._conf = config.redis_conf(cache=cache, sizing=sizing("1Gi"), members=len(members))
        self.members = {host: self._member(host) for host in members}
        watched = config.sentinel_conf(first=MEMBERS[0], sentinels=3)
        self.sentinels = {
            host: self._redis_pod(host, "sentinel.conf", watched, "start-sentinel.sh") for host in sentinels
        }
        self.front = self._front_pod()

    def issue(self, name: str) -> None:
        """Put a new certificate where all look for it."""
        hosts = [f"*.redis-members.{SUFFIX}", f"*.redis-sentinels.{SUFFIX}", FRONT, "localhost"]
        pair = pki.issue(self._authority, self.folder / "pki", name, "redis", hosts=hosts)
        self.tls.mkdir(exist_ok=True)
        for source, file in ((pair.cert, "tls.crt"), (pair.key, "tls.key"), (self._authority.cert, "ca.crt")):
            shutil.copyfile(source, self.tls / file)

    def start(self) -> None:
        """Start all that does not run, and wait until it takes writes and everybody knows everybody."""
        for pod in self.pods:
            if pod.ended():
                pod.start()
        self.until_written("a write after the start")
        if not self.sentinels:
            return
        self.until_watched()
        until("both replicas follow", self.settled, seconds=READY_S)

    @property
    def front_address(self) -> str:
        """Where the front's own metrics are."""
        return f"{self.addresses[FRONT]}:{front.METRICS_PORT}"

    @property
    def pods(self) -> list[Pod]:
        """All of it."""
        return [*self.members.values(), *self.sentinels.values(), self.front]

    def close(self) -> None:
        """Kill whatever runs."""
        for pod in self.pods:
            pod.kill()
        self._names.close()

    def client(self, host: str = FRONT, client: str = CLIENTS[0]) -> Client:
        """A client's connection to the front, or past it to a member."""
        return self._connection(host, config.PORT, f"{client}-g1", client)

    def as_account(self, account: Account, host: str) -> Client:
        """The platform's own connection to a member or a sentinel."""
        port = config.SENTINEL_PORT if host in SENTINELS else config.PORT
        return self._connection(host, port, account, PASSWORDS[account])

    def role(self, host: str) -> str:
        """What a member says that it is, empty where it does not answer."""
        return self._info(host).get("role", "")

    def follows(self, host: str) -> str:
        """Whom a member replicates, with an established link; empty otherwise."""
        said = self._info(host)
        return said.get("master_host", "") if said.get("master_link_status") == "up" else ""

    def primary(self) -> str:
        """Whom the sentinels call the primary, by most of them; empty where they do not agree."""
        said = [self.watched(host).get("ip", "") for host in SENTINELS]
        return next((host for host in said if host and said.count(host) >= config.quorum(len(SENTINELS))), "")

    def watched(self, sentinel: str) -> dict[str, str]:
        """What a sentinel says of the set, empty where it does not answer."""
        try:
            with self.as_account(Account.HEALTH, sentinel) as asked:
                flat: list[str] = asked.call("SENTINEL", "MASTER", config.SET)
        except (OSError, RefusedError):
            return {}
        return dict(zip(flat[::2], flat[1::2], strict=True))

    def settled(self) -> bool:
        """Whether there is one primary, and both others replicate it."""
        primary = self.primary()
        return self.role(primary) == "master" and [self.follows(h) for h in MEMBERS].count(primary) == 2

    def other(self, *hosts: str) -> str:
        """A member that is none of these."""
        return next(host for host in MEMBERS if host not in hosts)

    def move(self, host: str) -> None:
        """Give a member that is not running another address, as a pod has that is started elsewhere."""
        self.known[host] = self.addresses[host] = f"{self._net}.{100 + secrets.randbelow(100)}"
        self.members[host] = self._member(host)

    def until_watched(self) -> None:
        """Wait until every sentinel knows both others and both replicas."""

        def complete() -> bool:
            said = [self.watched(host) for host in SENTINELS]
            return all(s.get("num-slaves") == "2" and s.get("num-other-sentinels") == "2" for s in said)

        until("all sentinels know all", complete, seconds=READY_S)

    def until_written(self, what: str, value: str = "x", *, seconds: float = READY_S) -> float:
        """Write through the front until it is acknowledged; the seconds that it took."""
        began = time.monotonic()

        def written() -> bool:
            try:
                with self.client() as client:
                    return client.call("SET", "orders:last", value) == "OK"
            except (OSError, RefusedError):
                return False

        until(what, written, seconds=seconds)
        return time.monotonic() - began

    def _connection(self, host: str, port: int, user: str, password: str) -> Client:
        return Client((self.addresses[host], port), host, self.tls / "ca.crt", user, password)

    def _info(self, host: str) -> dict[str, str]:
        try:
            with self.as_account(Account.HEALTH, host) as client:
                text: str = client.call("INFO", "replication")
        except (OSError, RefusedError):
            return {}
        return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)

    def _member(self, host: str) -> Pod:
        return self._redis_pod(host, "redis.conf", self._conf, "start-member.sh")

    def _redis_pod(self, host: str, file: str, text: str, script: str) -> Pod:
        name = host.partition(".")[0]
        folder = self.folder / name
        places = {
            "/etc/redis": str(folder / "config"),
            "/data": str(folder / "data"),
            "/state": str(folder / "data"),
            "/run/tls": str(self.tls),
            "/run/acl": str(self.acl if host in MEMBERS else self._sentinel_acl),
            "/run/passwords": str(self.passwords),
            "127.0.0.1": self.addresses[host],
            "bind * -::*": f"bind {self.addresses[host]}",
        }
        (folder / "data").mkdir(parents=True, exist_ok=True)
        _files(folder / "config", {file: text, **config.scripts()}, _placed(places))
        command = [word.replace("/etc/redis", places["/etc/redis"]) for word in config.start(script)]
        return Pod(folder, self.name_server, command, {**self._env, "HOSTNAME": name})

    def _front_pod(self) -> Pod:
        members = [front.Member(name=host.partition(".")[0], host=host, port=config.PORT) for host in self.members]
        check = front.RedisCheck(user=Account.HEALTH, replicated=bool(self.sentinels))
        address = self.addresses[FRONT]
        places = {
            front.CA_FILE: str(self.tls / "ca.crt"),
            front.PASSWORD_FILE: str(self.passwords / "health"),
            front.DIR: str(self.folder / "front"),
            "bind :": f"bind {address}:",
        }
        text = front.haproxy_cfg(config.PORT, members, check)
        folder = _files(self.folder / "front", {"haproxy.cfg": text}, _placed(places))
        command = [_placed(places)(word) for word in front.command(check)]
        return Pod(folder, self.name_server, command, {})


def _placed(places: Mapping[str, str]) -> Callable[[str], str]:
    def replaced(text: str) -> str:
        for place, here in places.items():
            text = text.replace(place, here)
        return text

    return replaced


def _files(folder: Path, files: Mapping[str, str], placed: Callable[[str], str] = str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(placed(text))
    return folder


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisSet]:
    """All of it, for a module's tests."""
    packages.install(["redis-server", "redis-sentinel", "redis-tools", "haproxy", "iptables"])
    redis = RedisSet(tmp_path_factory.mktemp("redis"))
    try:
        yield redis
    finally:
        redis.close()


@pytest.fixture
def redis(started: RedisSet) -> RedisSet:
    """All of it, whole again after what a test did."""
    started.start()
    return started
