"""What PostgreSQL's members, poolers and backups are told; the programs themselves read it in tests/conformance."""

from dataclasses import replace
from typing import Any, Literal

import pytest
import yaml

from components.base import DeclarationError, selector
from components.data.postgres import access, patroni, pgbackrest, pgbouncer
from components.data.postgres.patroni import Members, PointInTime, patroni_yml
from components.data.postgres.pgbackrest import Repository, backup_conf, member_conf, restore_conf
from components.data.postgres.pgbouncer import Pooler, pgbouncer_ini
from components.data.postgres.sizing import Sizing

MEMBERS = Members(
    workload="postgres-members",
    namespace="mcp-data",
    sizing=Sizing(memory_mib=1024, max_connections=100),
    synchronous=True,
    archive_s=60,
)
REPOSITORY = Repository(
    host="objects.mcp-data.svc", port=9000, bucket="backups", region="local", path="/postgres", keep_days=14
)


def read(members: Members) -> dict[str, Any]:
    return yaml.safe_load(patroni_yml(members))


def test_the_timers_are_those_that_make_a_failover_take_less_than_half_a_minute() -> None:
    dcs = read(MEMBERS)["bootstrap"]["dcs"]
    assert (dcs["ttl"], dcs["loop_wait"], dcs["retry_timeout"], dcs["failsafe_mode"]) == (20, 5, 5, True)
    # What Patroni demands of them.
    assert dcs["loop_wait"] + 2 * dcs["retry_timeout"] <= dcs["ttl"]


@pytest.mark.parametrize("synchronous", [True, False])
def test_a_write_waits_for_a_second_member_where_it_shall_and_always_then(synchronous: bool) -> None:
    dcs = patroni.dynamic(replace(MEMBERS, synchronous=synchronous))
    assert (dcs["synchronous_mode"], dcs["synchronous_mode_strict"]) == (synchronous, synchronous)
    # Without a second copy, a PostgreSQL that died is waited for.
    assert (dcs["primary_start_timeout"] == 0) == synchronous


def test_its_store_are_config_maps_with_the_labels_that_select_its_pods() -> None:
    found = read(MEMBERS)
    kubernetes = found["kubernetes"]
    assert kubernetes["use_endpoints"] is False
    assert kubernetes["labels"] | {kubernetes["scope_label"]: found["scope"]} == selector("postgres-members")
    assert kubernetes["role_label"] == patroni.ROLE_LABEL
    assert (kubernetes["leader_label_value"], kubernetes["follower_label_value"]) == ("primary", "replica")


def test_no_password_is_in_it() -> None:
    assert "password:" not in patroni_yml(MEMBERS)


def test_the_log_is_archived_where_there_are_backups_and_within_the_time_that_may_be_lost() -> None:
    found = read(MEMBERS)["postgresql"]
    assert found["parameters"]["archive_mode"] == "on"
    assert found["parameters"]["archive_timeout"] == 60 <= patroni.RPO_S
    assert found["create_replica_methods"] == ["pgbackrest", "basebackup"]
    without = read(replace(MEMBERS, archive_s=None))["postgresql"]
    assert not [key for key in without["parameters"] if key.startswith("archive")]
    assert "create_replica_methods" not in without
    assert "recovery_conf" not in without


def test_it_begins_empty_or_with_a_moment_of_another_cluster() -> None:
    assert "method" not in read(MEMBERS)["bootstrap"]
    point = PointInTime(target="2026-11-25 02:17:00+00", config="/c/source.conf", keys="/k", cipher="/p")
    found = read(replace(MEMBERS, begins_as=point))["bootstrap"]
    method = found[found["method"]]
    assert (method["no_params"], method["keep_existing_recovery_conf"]) == (True, True)
    assert "--target='2026-11-25 02:17:00+00' --target-action=promote" in method["command"]
    # The log comes from the other's repository too: it is what opens that one that is named, twice.
    assert method["command"].count("with-repository.sh /k /p pgbackrest --config=/c/source.conf --stanza=main") == 2


def test_nobody_is_trusted_and_the_network_is_for_encrypted_passwords_only() -> None:
    methods = [line.split(" map=")[0].split() for line in access.PG_HBA]
    assert {words[-1] for words in methods} == {"peer", "scram-sha-256", "reject"}
    assert {words[0] for words in methods if words[-1] == "peer"} == {"local"}
    assert {words[0] for words in methods if words[-1] == "scram-sha-256"} == {"local", "hostssl"}
    assert methods[-1] == ["host", "all", "all", "all", "reject"]


def test_who_is_no_client_is_refused_before_clients_are_let_in() -> None:
    clients = next(number for number, line in enumerate(access.PG_HBA) if "samerole" in line)
    for role in (access.REPLICATION, access.EXPORTER):
        refused = [n for n, line in enumerate(access.PG_HBA) if role in line and line.endswith("reject")]
        assert refused, role
        assert refused[0] < clients


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_a_pooler_pools_as_it_shall_and_verifies_whom_it_connects_to(mode: Literal["session", "transaction"]) -> None:
    text = pgbouncer_ini(Pooler(mode=mode, host="postgres-primary.mcp-data", port=5432, pool=5))
    for line in (
        f"pool_mode = {mode}",
        "* = host=postgres-primary.mcp-data port=5432",
        "auth_type = scram-sha-256",
        "client_tls_sslmode = require",
        "server_tls_sslmode = verify-full",
        "default_pool_size = 5",
        "max_db_connections = 6",
        "unix_socket_dir =",
    ):
        assert f"\n{line}\n" in text, line
    assert pgbouncer.userlist("guess") == '"pgbouncer" "guess"\n'


def test_backups_are_kept_for_a_day_at_least() -> None:
    assert "repo1-retention-full=14\n" in member_conf(REPOSITORY, queue_mib=64, client="b")
    with pytest.raises(DeclarationError, match="backups kept for 0 days: keep them for 1 at least"):
        replace(REPOSITORY, keep_days=0)


def test_a_repository_is_encrypted_and_its_keys_are_in_no_file() -> None:
    for text in (
        member_conf(REPOSITORY, queue_mib=64, client="b"),
        backup_conf(REPOSITORY, members=["a"]),
        restore_conf(REPOSITORY),
    ):
        assert "repo1-cipher-type=aes-256-cbc\n" in text
        assert "repo1-s3-uri-style=path\n" in text
        assert not [word for word in ("cipher-pass", "s3-key=", "s3-key-secret") if word in text]


def test_a_backup_finds_the_members_by_their_names_over_tls() -> None:
    text = backup_conf(REPOSITORY, members=["m-0.m", "m-1.m"])
    for number, host in ((1, "m-0.m"), (2, "m-1.m")):
        assert f"pg{number}-host={host}\npg{number}-host-type=tls\npg{number}-host-port={pgbackrest.PORT}\n" in text
    served = member_conf(REPOSITORY, queue_mib=64, client="postgres-backup")
    assert "tls-server-auth=postgres-backup=main\n" in served
    assert "archive-push-queue-max=64MiB\n" in served
