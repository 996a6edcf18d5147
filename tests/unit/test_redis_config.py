"""What Redis' members and sentinels are told; redis-server itself reads it in tests/conformance."""

import hashlib
import json

import pytest

from components.base import DeclarationError
from components.data.redis import config
from components.data.redis.config import Account
from components.data.redis.sizing import sizing

PASSWORDS = {account: f"{account}Password" for account in Account}
MEMBERS = ["redis-members-0.redis-members.a", "redis-members-1.redis-members.a"]


def redis_conf(*, cache: bool = False, members: int = 3) -> list[str]:
    return config.redis_conf(cache=cache, sizing=sizing("2Gi"), members=members).splitlines()


def test_only_tls_is_spoken() -> None:
    for text in (redis_conf(), config.sentinel_conf(first="a", sentinels=3).splitlines()):
        assert {"port 0", "tls-replication yes", "protected-mode yes"} <= set(text)
        assert not [line for line in text if line.startswith("rename-command")]


def test_a_cache_evicts_and_a_store_refuses() -> None:
    assert {"maxmemory-policy allkeys-lru", "appendfsync everysec", 'save ""'} <= set(redis_conf(cache=True))
    assert {"maxmemory-policy noeviction", "appendfsync always", "save 3600 1"} <= set(redis_conf(cache=False))


def test_a_primary_wants_a_replica_where_there_is_one() -> None:
    assert "min-replicas-to-write 1" in redis_conf(members=3)
    assert "min-replicas-to-write 1" in redis_conf(members=2)
    assert "min-replicas-to-write 0" in redis_conf(members=1)


def test_its_memory_is_that_of_the_sizing() -> None:
    assert {"maxmemory 1228mb", "repl-backlog-size 64mb"} <= set(redis_conf())
    assert "client-output-buffer-limit replica 256mb 128mb 60" in redis_conf()


@pytest.mark.parametrize(("sentinels", "needed"), [(3, 2), (4, 3), (5, 3)])
def test_more_than_half_of_the_sentinels_must_agree(sentinels: int, needed: int) -> None:
    assert f"sentinel monitor redis a 6379 {needed}" in config.sentinel_conf(first="a", sentinels=sentinels)


def test_two_votes_that_elect_nobody_still_leave_time() -> None:
    # Of 30 s; a second of it is that between two pings.
    assert config.DOWN_AFTER_MS + 1_000 + 2 * 2 * config.FAILOVER_TIMEOUT_MS <= 26_000


def test_no_password_is_written_down() -> None:
    texts = [
        "\n".join(redis_conf()),
        config.sentinel_conf(first="a", sentinels=3),
        config.member_acl(PASSWORDS, []),
        config.sentinel_acl(PASSWORDS),
        *config.scripts().values(),
        json.dumps([config.exporter(), config.start("start-member.sh"), config.probe(1, ready=True)]),
    ]
    assert not [password for password in PASSWORDS.values() for text in texts if password in text]


def test_nobody_gets_in_without_a_name() -> None:
    for text in (config.member_acl(PASSWORDS, []), config.sentinel_acl(PASSWORDS)):
        assert text.startswith("user default off\n")
        assert "nopass" not in text


def test_the_users_of_the_members() -> None:
    line = "user orders-g1 on #00 ~orders:* +get"
    users = config.member_acl(PASSWORDS, [line]).splitlines()
    assert users[-1] == line
    assert [row.split()[1] for row in users] == ["default", *Account, "orders-g1"]
    hashed = hashlib.sha256(PASSWORDS[Account.HEALTH].encode()).hexdigest()
    assert f"user health on #{hashed} resetkeys resetchannels -@all +ping +role +info" in users


def test_sentinels_know_no_clients_and_no_replicas() -> None:
    users = config.sentinel_acl(PASSWORDS).splitlines()
    assert [row.split()[1] for row in users] == ["default", Account.ADMIN, Account.SENTINEL, Account.HEALTH]


@pytest.mark.parametrize("password", ["", "a b", "a\nuser x on", "é"])
def test_a_password_that_says_more_than_itself_is_refused(password: str) -> None:
    passwords = PASSWORDS | {Account.ADMIN: password}
    with pytest.raises(DeclarationError, match="letters and digits"):
        config.member_acl(passwords, [])
    with pytest.raises(DeclarationError, match="letters and digits"):
        config.sentinel_acl(passwords)


def test_passwords_are_files() -> None:
    files = config.password_files(PASSWORDS)
    assert files.pop("exporter.json") == '{"rediss://localhost:6379": "exporterPassword"}'
    assert files == {str(account): password for account, password in PASSWORDS.items()}


def test_what_the_scripts_must_know() -> None:
    assert config.environment(MEMBERS, ["a", "b", "c"]) == {
        "REDIS_MEMBERS": " ".join(MEMBERS),
        "REDIS_SENTINELS": "a b c",
        "REDIS_QUORUM": "2",
    }
    assert config.environment(MEMBERS[:1], [])["REDIS_SENTINELS"] == ""
    assert config.stand_back(cache=True) != config.stand_back(cache=False)


def test_the_scripts_are_all_there_and_know_the_same_places() -> None:
    scripts = config.scripts()
    assert set(scripts) == {"common.sh", "start-member.sh", "start-sentinel.sh", "ping.sh"}
    common = scripts["common.sh"]
    places = {
        "CONFIG": config.CONFIG_DIR,
        "DATA": config.DATA_DIR,
        "STATE": config.STATE_DIR,
        "TLS": config.TLS_DIR,
        "ACL": config.ACL_DIR,
        "PASSWORDS": config.PASSWORDS_DIR,
        "SET": config.SET,
        "PORT": str(config.PORT),
        "SENTINEL_PORT": str(config.SENTINEL_PORT),
    }
    words = common.split()
    assert [f"{name}={place}" for name, place in places.items() if f"{name}={place}" not in words] == []
