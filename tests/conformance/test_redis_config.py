"""redis.conf, read by Debian's redis-server: one member alone, as a cache and as a store."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.data.redis.config import Account
from sandbox import packages
from tests.conformance.loopback.redis_set import MEMBERS, RedisSet
from tests.conformance.loopback.resp import RefusedError

VALUE = "x" * 10_000
ROOM_MIB = 2
"""What a member is given beyond what it uses anyway."""


@pytest.fixture(scope="module", autouse=True)
def _redis() -> None:
    packages.install(["redis-server", "redis-sentinel", "redis-tools", "haproxy"])


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisSet]:
    yield from alone(tmp_path_factory.mktemp("cache"), cache=True)


@pytest.fixture(scope="module")
def durable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisSet]:
    yield from alone(tmp_path_factory.mktemp("durable"), cache=False)


def alone(folder: Path, *, cache: bool) -> Iterator[RedisSet]:
    redis = RedisSet(folder, cache=cache, alone=True)
    try:
        redis.start()
        yield redis
    finally:
        redis.close()


def settings(redis: RedisSet, *names: str) -> dict[str, str]:
    with redis.as_account(Account.ADMIN, MEMBERS[0]) as admin:
        flat: list[str] = admin.call("CONFIG", "GET", *names)
    return dict(zip(flat[::2], flat[1::2], strict=True))


def fill(redis: RedisSet) -> int:
    """Write more than there is room for; the writes that were acknowledged."""
    with redis.as_account(Account.ADMIN, MEMBERS[0]) as admin, redis.client() as client:
        used = next(line for line in admin.call("INFO", "memory").splitlines() if line.startswith("used_memory:"))
        admin.call("CONFIG", "SET", "maxmemory", str(int(used.partition(":")[2]) + ROOM_MIB * 2**20))
        count = 2 * ROOM_MIB * 2**20 // len(VALUE)
        for number in range(count):
            client.call("SET", f"orders:{number}", VALUE)
    return count


def test_a_cache_evicts(cache: RedisSet) -> None:
    count = fill(cache)
    with cache.client() as client:
        assert client.call("GET", f"orders:{count - 1}") == VALUE
        assert client.call("EXISTS", *(f"orders:{number}" for number in range(count))) < count


def test_a_store_refuses_what_it_has_no_room_for_and_keeps_the_rest(durable: RedisSet) -> None:
    with pytest.raises(RefusedError, match="OOM"):
        fill(durable)
    durable.members[MEMBERS[0]].kill()
    durable.members[MEMBERS[0]].start()
    durable.until_written("a write after the start")
    with durable.client() as client:
        assert client.call("GET", "orders:0") == VALUE


def test_what_differs_by_use(cache: RedisSet, durable: RedisSet) -> None:
    names = ("maxmemory-policy", "appendonly", "appendfsync", "save")
    assert settings(cache, *names) == {
        "maxmemory-policy": "allkeys-lru",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
    }
    assert settings(durable, *names) == {
        "maxmemory-policy": "noeviction",
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "3600 1",
    }


def test_what_is_the_same(durable: RedisSet) -> None:
    said = settings(durable, "port", "tls-port", "tls-replication", "protected-mode", "enable-debug-command", "timeout")
    assert said == {
        "port": "0",
        "tls-port": "6379",
        "tls-replication": "yes",
        "protected-mode": "yes",
        "enable-debug-command": "no",
        "timeout": "0",
    }


def test_redis_would_refuse_a_wrong_one(durable: RedisSet, tmp_path: Path) -> None:
    text = (durable.members[MEMBERS[0]].folder / "config" / "redis.conf").read_text()
    wrong = tmp_path / "redis.conf"
    wrong.write_text(text.replace("maxmemory-policy noeviction", "maxmemory-policy never"))
    done = subprocess.run(["redis-server", wrong], capture_output=True, text=True, check=False, timeout=10)
    assert done.returncode != 0
    assert "maxmemory-policy" in done.stderr
