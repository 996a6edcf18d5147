"""The front's configuration, read by the HAProxy that its image carries, and what it does with PostgreSQL's members.

What it does with Redis is in `test_redis_failover.py`.
"""

import secrets
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.data.front import config
from components.data.front.config import Check, Member, PostgresCheck, RedisCheck, haproxy_cfg
from sandbox import packages
from sandbox.cluster import pki
from tests.conformance.loopback.names import NameServer
from tests.conformance.loopback.patroni import STORE_PORT, Patroni
from tests.conformance.loopback.processes import Pod
from tests.waiting import until

HOSTS = [f"postgres-members-{n}.postgres-members.mcp-data.svc.cluster.local" for n in range(3)]
MEMBERS = [Member(name=f"member-{n}", host=host, port=STORE_PORT) for n, host in enumerate(HOSTS)]

LEFT_S = 10
"""Seconds within which a member that is no primary any more is left, even on a busy machine."""

CHECKS: dict[str, Check] = {
    "postgres": PostgresCheck(),
    "redis": RedisCheck(user="health", replicated=True),
    "one redis": RedisCheck(user="health", replicated=False),
}


@pytest.fixture(scope="module", autouse=True)
def _haproxy() -> None:
    packages.install(["haproxy"])


@dataclass
class Front:
    """A front with three members that pretend."""

    pod: Pod
    address: str
    members: list[Patroni]
    pairs: list[pki.Pair]
    known: dict[str, str]

    def reached(self) -> str:
        """The name of the member that a session was led to, empty where it was refused."""
        try:
            with socket.create_connection((self.address, STORE_PORT), timeout=10) as session:
                return session.recv(100).decode()
        except OSError:
            return ""

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://{self.address}:{config.METRICS_PORT}/metrics", timeout=5) as answered:
            return answered.read().decode()

    def status(self) -> int:
        try:
            with urllib.request.urlopen(f"http://{self.address}:{config.HEALTH_PORT}/healthz", timeout=5) as answered:
                return answered.status
        except urllib.error.URLError:
            return 0


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    net = f"127.{secrets.choice(range(64, 128))}.{secrets.randbelow(256)}"
    known = {host: f"{net}.{10 + n}" for n, host in enumerate(HOSTS)}
    ca = pki.authority(tmp_path, "ca", "test authority")
    pairs = [pki.issue(ca, tmp_path, f"member-{n}", "member", hosts=[host]) for n, host in enumerate(HOSTS)]
    text = (
        haproxy_cfg(STORE_PORT, MEMBERS, PostgresCheck())
        .replace(config.CA_FILE, str(ca.cert))
        .replace("bind :", f"bind {net}.30:")
    )
    (tmp_path / "haproxy.cfg").write_text(text)
    command = [word.replace(config.FILE, str(tmp_path / "haproxy.cfg")) for word in config.command(PostgresCheck())]
    names = NameServer(f"{net}.53", known)
    members = [Patroni(f"member-{n}", known[host], pairs[n]) for n, host in enumerate(HOSTS)]
    pod = Pod(tmp_path / "front", f"{net}.53", command, {})
    try:
        yield Front(pod, f"{net}.30", members, pairs, known)
    finally:
        pod.kill()
        for member in members:
            member.close()
        names.close()


def test_sessions_go_to_the_primary_from_the_first_moment_on(front: Front) -> None:
    front.members[1].primary = True
    front.pod.start()
    until("it listens", front.status, seconds=10)
    reached: set[str] = set()
    until("a session is led on", lambda: reached.add(front.reached()) or len(reached - {""}), seconds=10)
    end = time.monotonic() + 3
    while time.monotonic() < end:
        reached.add(front.reached())
    assert reached - {""} == {"member-1"}


def test_sessions_follow_the_primary_and_those_of_the_old_one_end(front: Front) -> None:
    front.members[0].primary = True
    front.pod.start()
    until("the primary is reached", lambda: front.reached() == "member-0", seconds=10)
    with socket.create_connection((front.address, STORE_PORT), timeout=LEFT_S) as old:
        assert old.recv(100) == b"member-0"
        front.members[0].primary, front.members[2].primary = False, True
        assert old.recv(100) == b""
    until("the new primary is reached", lambda: front.reached() == "member-2", seconds=LEFT_S)


def test_a_primary_that_hangs_is_left(front: Front) -> None:
    front.members[0].primary = True
    front.pod.start()
    until("the primary is reached", lambda: front.reached() == "member-0", seconds=10)
    with socket.create_connection((front.address, STORE_PORT), timeout=LEFT_S) as session:
        assert session.recv(100) == b"member-0"
        front.members[0].hangs = True
        assert session.recv(100) == b""
    assert front.reached() == ""


def test_a_member_whose_name_is_gone_is_found_again_at_another_address(front: Front) -> None:
    front.members[0].primary = True
    front.pod.start()
    until("the primary is reached", lambda: front.reached() == "member-0", seconds=10)
    address = front.known.pop(HOSTS[0])
    # It is there as long as it answers, whatever the name service says.
    end = time.monotonic() + 5
    while time.monotonic() < end:
        assert front.reached() == "member-0"
    front.members[0].primary, front.members[1].primary = False, True
    until("the new primary is reached", lambda: front.reached() == "member-1", seconds=LEFT_S)
    moved = address.rpartition(".")[0] + ".20"
    front.members.append(Patroni("moved", moved, front.pairs[0]))
    front.known[HOSTS[0]] = moved
    front.members[1].primary, front.members[-1].primary = False, True
    until("it is reached at its new address", lambda: front.reached() == "moved", seconds=10)


def test_whose_certificate_names_another_is_no_primary(front: Front) -> None:
    front.members[0].primary = front.members[1].primary = True
    front.known[HOSTS[0]], front.known[HOSTS[2]] = front.known[HOSTS[2]], front.known[HOSTS[0]]
    front.pod.start()
    until("the primary is reached", lambda: front.reached() == "member-1", seconds=10)
    end = time.monotonic() + 3
    while time.monotonic() < end:
        assert front.reached() in ("", "member-1")


def test_it_is_ready_without_a_primary_and_tells_that_there_is_none(front: Front) -> None:
    front.pod.start()
    until("it is ready", lambda: front.status() == 200, seconds=10)
    down = [f'haproxy_server_status{{proxy="primary",server="{m.name}",state="UP"}} 0' for m in MEMBERS]
    until("all members count as down", lambda: all(line in front.metrics() for line in down), seconds=10)
    assert front.reached() == ""
    assert front.status() == 200


def haproxy_c(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    pki.authority(folder, "ca", "test authority")
    (folder / "haproxy.cfg").write_text(text.replace(config.CA_FILE, str(folder / "ca.pem")))
    command = ["/usr/sbin/haproxy", "-c", "-f", folder / "haproxy.cfg"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_haproxy_accepts_it_without_a_warning(tmp_path: Path, check: Check) -> None:
    done = haproxy_c(tmp_path, haproxy_cfg(STORE_PORT, MEMBERS, check))
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr, done.stderr


def test_haproxy_would_refuse_a_wrong_one(tmp_path: Path) -> None:
    text = haproxy_cfg(STORE_PORT, MEMBERS, PostgresCheck())
    done = haproxy_c(tmp_path, text.replace("default_backend primary", "default_backend secondary"))
    assert done.returncode != 0
    assert "unable to find required default_backend: 'secondary'" in done.stderr
