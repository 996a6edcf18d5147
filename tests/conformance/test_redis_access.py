"""Who may do what with Redis, and what it takes over while it runs: accounts, certificates."""

import socket
import ssl
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components.data.redis import config
from components.data.redis.config import Account
from sandbox import packages
from tests.conformance.loopback.processes import Pod
from tests.conformance.loopback.redis_set import MEMBERS, PASSWORDS, SENTINELS, RedisSet, client_line
from tests.conformance.loopback.resp import RefusedError
from tests.waiting import until

TAKEN_S = 20
"""Seconds for a change of a mounted file to be seen by all: they look every second here, every minute in a cluster."""


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisSet]:
    packages.install(["redis-server", "redis-sentinel", "redis-tools", "haproxy", "prometheus-redis-exporter"])
    made = RedisSet(tmp_path_factory.mktemp("redis"))
    try:
        made.start()
        yield made
    finally:
        made.close()


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(RefusedError) as found:
        call()
    return str(found.value)


def test_a_client_has_its_own_keys_and_channels_only(redis: RedisSet) -> None:
    with redis.client() as orders, redis.client(client="billing") as billing:
        assert orders.call("SET", "orders:1", "mine") == "OK"
        assert orders.call("EVAL", "return redis.call('GET', KEYS[1])", "1", "orders:1") == "mine"
        assert "NOPERM" in refused(lambda: billing.call("GET", "orders:1"))
        assert "NOPERM" in refused(lambda: billing.call("SET", "other", "x"))
        assert "can't access at least one of the keys" in refused(
            lambda: billing.call("EVAL", "return redis.call('GET', 'orders:1')", "1", "billing:1")
        )
        assert "NOPERM" in refused(lambda: billing.call("SUBSCRIBE", "orders:news"))
        assert billing.call("SUBSCRIBE", "billing:news") == ["subscribe", "billing:news", 1]


@pytest.mark.parametrize(
    "words",
    [
        ["CONFIG", "GET", "*"],
        ["CONFIG", "SET", "maxmemory", "0"],
        ["ACL", "LIST"],
        ["FLUSHALL"],
        ["REPLICAOF", "NO", "ONE"],
        ["SHUTDOWN"],
        ["CLIENT", "LIST"],
        ["KEYS", "*"],
        ["SCAN", "0"],
    ],
    ids=lambda words: words[0],
)
def test_a_client_does_not_run_the_server(redis: RedisSet, words: list[str]) -> None:
    with redis.client() as client:
        assert "NOPERM" in refused(lambda: client.call(*words))


@pytest.mark.parametrize(
    ("account", "words"),
    [
        (Account.HEALTH, ["GET", "orders:1"]),
        (Account.HEALTH, ["CONFIG", "GET", "masterauth"]),
        (Account.REPLICATION, ["GET", "orders:1"]),
        (Account.SENTINEL, ["GET", "orders:1"]),
        (Account.SENTINEL, ["CONFIG", "GET", "masterauth"]),
        (Account.SENTINEL, ["PUBLISH", "orders:news", "x"]),
        (Account.EXPORTER, ["GET", "orders:1"]),
        (Account.EXPORTER, ["CONFIG", "GET", "masterauth"]),
    ],
)
def test_the_platforms_own_accounts_see_no_data_and_no_passwords(
    redis: RedisSet, account: Account, words: list[str]
) -> None:
    with redis.as_account(account, redis.primary()) as client:
        assert "NOPERM" in refused(lambda: client.call(*words))


@pytest.mark.parametrize("account", [Account.HEALTH, Account.SENTINEL])
def test_a_sentinel_takes_orders_from_the_admin_only(redis: RedisSet, account: Account) -> None:
    with redis.as_account(account, SENTINELS[0]) as client:
        for words in (["SENTINEL", "FAILOVER", config.SET], ["SENTINEL", "REMOVE", config.SET], ["SHUTDOWN"]):
            assert "NOPERM" in refused(lambda words=words: client.call(*words))


@pytest.mark.parametrize("host", [MEMBERS[0], SENTINELS[0]])
def test_nobody_without_a_name(redis: RedisSet, host: str) -> None:
    with redis.as_account(Account.HEALTH, host) as client:
        assert "WRONGPASS" in refused(lambda: client.call("AUTH", "default", ""))
        assert "WRONGPASS" in refused(lambda: client.call("AUTH", PASSWORDS[Account.ADMIN]))
    port = config.SENTINEL_PORT if host in SENTINELS else config.PORT
    with tls(redis, host, port) as raw:
        raw.sendall(b"PING\r\n")
        assert raw.recv(100).startswith(b"-NOAUTH")


@pytest.mark.parametrize(("host", "port"), [(MEMBERS[0], config.PORT), (SENTINELS[0], config.SENTINEL_PORT)])
def test_nothing_without_tls(redis: RedisSet, host: str, port: int) -> None:
    with socket.create_connection((redis.addresses[host], port), timeout=5) as plain:
        plain.sendall(b"PING\r\n")
        assert answer(plain) == b""


def test_a_new_client_gets_in_and_nobody_is_thrown_out(redis: RedisSet) -> None:
    with redis.client() as before:
        users = redis.acl / "users.acl"
        users.write_text(users.read_text() + client_line("catalogue") + "\n")

        def gets_in() -> bool:
            try:
                for host in MEMBERS:
                    redis.client(host, "catalogue").close()
            except RefusedError:
                return False
            return True

        until("the new client is known to all members", gets_in, seconds=TAKEN_S)
        with redis.client(client="catalogue") as new:
            assert new.call("SET", "catalogue:1", "x") == "OK"
            assert "NOPERM" in refused(lambda: new.call("GET", "orders:1"))
        assert before.call("PING") == "PONG"


def test_a_renewed_certificate_is_served_and_nobody_is_thrown_out(redis: RedisSet) -> None:
    known = {host: redis.watched(host) for host in SENTINELS}
    with redis.client() as before:
        old = {host: certificate(redis, host) for host in [*MEMBERS, *SENTINELS]}
        redis.issue("second")

        def renewed() -> bool:
            return all(certificate(redis, host) not in (b"", seen) for host, seen in old.items())

        until("all serve the new certificate", renewed, seconds=TAKEN_S)
        assert before.call("PING") == "PONG"
    for host, said in known.items():
        now = redis.watched(host)
        assert {key: now[key] for key in ("ip", "config-epoch", "num-slaves", "num-other-sentinels")} == {
            key: said[key] for key in ("ip", "config-epoch", "num-slaves", "num-other-sentinels")
        }
        assert not redis.sentinels[host].ended()


def test_the_exporter_reads_its_member_and_no_password(redis: RedisSet, tmp_path: Path) -> None:
    address = redis.addresses[MEMBERS[0]]
    passwords = tmp_path / "exporter.json"
    passwords.write_text((redis.passwords / "exporter.json").read_text().replace("localhost", MEMBERS[0]))
    port = config.EXPORTER_PORT
    command = [
        word.replace("localhost", MEMBERS[0])
        .replace(f"{config.PASSWORDS_DIR}/exporter.json", str(passwords))
        .replace(config.TLS_DIR, str(redis.tls))
        .replace(f"=:{port}", f"={address}:{port}")
        for word in config.exporter()
    ]
    pod = Pod(tmp_path / "exporter", redis.name_server, command, {})
    pod.start()
    try:

        def scraped() -> str:
            try:
                with urllib.request.urlopen(f"http://{address}:{port}/metrics", timeout=5) as answered:
                    return answered.read().decode()
            except OSError:
                return ""

        text = until("the exporter answers", scraped, seconds=15)
    finally:
        pod.kill()
    assert "\nredis_up 1\n" in text
    assert "redis_connected_slaves" in text
    assert PASSWORDS[Account.REPLICATION] not in text
    with urllib.request.urlopen(f"http://{redis.front_address}/metrics", timeout=5) as answered:
        assert 'haproxy_server_status{proxy="primary"' in answered.read().decode()


@pytest.mark.parametrize("kind", ["live", "ready"])
def test_probes_tell_who_answers(redis: RedisSet, kind: str) -> None:
    for pod, port in ((redis.members[MEMBERS[0]], config.PORT), (redis.sentinels[SENTINELS[0]], config.SENTINEL_PORT)):
        ping = ["/bin/sh", str(pod.folder / "config" / "ping.sh")]
        assert subprocess.run([*ping, str(port), kind], timeout=10, check=False).returncode == 0
        assert subprocess.run([*ping, "1", kind], timeout=10, check=False, capture_output=True).returncode == 1


def tls(redis: RedisSet, host: str, port: int) -> ssl.SSLSocket:
    raw = socket.create_connection((redis.addresses[host], port), timeout=5)
    return ssl.create_default_context(cafile=redis.tls / "ca.crt").wrap_socket(raw, server_hostname=host)


def certificate(redis: RedisSet, host: str) -> bytes:
    """What it serves now, empty where it is not there."""
    port = config.SENTINEL_PORT if host in SENTINELS else config.PORT
    try:
        with tls(redis, host, port) as raw:
            return raw.getpeercert(binary_form=True) or b""
    except OSError:
        return b""


def answer(plain: socket.socket) -> bytes:
    try:
        return plain.recv(100)
    except ConnectionResetError:
        return b""
