"""haproxy.cfg says how a front finds the primary; haproxy itself reads it in tests/conformance."""

import pytest

from components.data.front.config import (
    CA_FILE,
    CHECK_MS,
    FALL,
    FAST_MS,
    FILE,
    PASSWORD_FILE,
    Check,
    Member,
    PostgresCheck,
    RedisCheck,
    command,
    haproxy_cfg,
)

MEMBERS = [Member(name=f"member-{n}", host=f"m-{n}.members.a", port=5432) for n in range(2)]
REDIS = RedisCheck(user="health", replicated=True)


@pytest.mark.parametrize("check", [PostgresCheck(), REDIS], ids=["postgres", "redis"])
def test_a_member_must_have_a_certificate_of_its_name(check: Check) -> None:
    cfg = haproxy_cfg(5432, MEMBERS, check)
    assert f"default-server check-ssl verify required ca-file {CA_FILE}\n" in cfg
    for member in MEMBERS:
        assert f" check-sni {member.host}\n" in cfg


@pytest.mark.parametrize("check", [PostgresCheck(), REDIS], ids=["postgres", "redis"])
def test_one_that_is_no_primary_any_more_loses_its_sessions(check: Check) -> None:
    assert "default-server on-marked-down shutdown-sessions\n" in haproxy_cfg(5432, MEMBERS, check)


def test_one_that_hangs_is_left_within_five_seconds() -> None:
    # It fell silent just after a check.
    assert CHECK_MS + FALL * CHECK_MS + (FALL - 1) * FAST_MS <= 5000


def test_patroni_is_asked_on_its_own_port() -> None:
    cfg = haproxy_cfg(5432, MEMBERS, PostgresCheck())
    assert "http-check send meth OPTIONS uri /primary\n    http-check expect status 200\n" in cfg
    assert "server member-0 m-0.members.a:5432 port 8008 check-sni m-0.members.a\n" in cfg


def test_redis_is_asked_by_its_account_and_the_password_is_not_written_down() -> None:
    cfg = haproxy_cfg(6379, MEMBERS, REDIS)
    asked = r'tcp-check send "AUTH health ${HEALTH_PASSWORD}\r\nPING\r\nINFO replication\r\nQUIT\r\n"'
    assert asked in cfg
    assert "server member-0 m-0.members.a:5432 check-sni m-0.members.a\n" in cfg


def test_a_redis_with_replicas_must_have_one_to_be_written_to() -> None:
    assert "role:master.*min_slaves_good_slaves:[1-9]'" in haproxy_cfg(6379, MEMBERS, REDIS)
    alone = haproxy_cfg(6379, MEMBERS[:1], RedisCheck(user="health", replicated=False))
    assert "role:master'" in alone


def test_addresses_are_resolved_anew_and_need_not_be_known_at_the_start() -> None:
    cfg = haproxy_cfg(5432, MEMBERS, PostgresCheck())
    assert "default-server resolvers cluster resolve-prefer ipv4 init-addr none\n" in cfg


def test_the_password_comes_from_a_file_and_only_where_one_is_needed() -> None:
    run = ["haproxy", "-W", "-db", "-f", FILE]
    assert command(PostgresCheck()) == run
    shell, flag, script, *rest = command(REDIS)
    assert (shell, flag, rest) == ("/bin/sh", "-c", ["sh", *run])
    assert script == f'HEALTH_PASSWORD=$(cat {PASSWORD_FILE}) && export HEALTH_PASSWORD && exec "$@"'
