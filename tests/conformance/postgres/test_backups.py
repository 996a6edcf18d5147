"""pgBackRest on the generated configuration: log and backups go out, over TLS, encrypted, and come back."""

import re
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from components.data.postgres import patroni, pgbackrest
from components.data.postgres.patroni import PointInTime
from components.data.postgres.pgbackrest import PORT, STANZA, Repository, backup_conf, member_conf, restore_conf
from tests.conformance.postgres.conftest import MEMBERS
from tests.conformance.postgres.members import HOST, READY_S, Cluster, Machine, scripts
from tests.conformance.postgres.pods import Pod
from tests.waiting import until

NAME, SECOND = "postgres-members-0", "postgres-members-1"
CLIENT = "postgres-backup"
KEYS, CIPHER = "/run/secrets/objects", "/run/cipher/pass"
OPENED = ["sh", f"{patroni.DIR}/with-repository.sh", KEYS, CIPHER]
REPOSITORY = Repository(host="127.0.0.1", port=9, bucket="backups", region="local", path="/mnt/repository", keep_days=7)
CONFIG = {"PGBACKREST_CONFIG": f"{patroni.DIR}/pgbackrest.conf"}


def in_a_folder(text: str) -> str:
    """The same, but that the repository is in a folder which all pods see, and not in an object store."""
    assert "repo1-type=s3\n" in text
    here = text.replace("repo1-type=s3\n", "repo1-type=posix\n")
    return re.sub(r"repo1-(s3|storage)-.*\n", "", here)


def keys(pod: Pod) -> Pod:
    for path, text in ((f"{KEYS}/access-key", "a"), (f"{KEYS}/secret-key", "b"), (CIPHER, "passphrase")):
        pod.secret(path, text)
    return pod


def client(machine: Machine, name: str, files: Mapping[str, str]) -> Pod:
    """A pod that makes backups, or would like to."""
    pod = keys(Pod(machine.network, name, patroni.DIR))
    pod.config({**files, **scripts()})
    machine.certificate(pod, [])
    pod.start(["sleep", "infinity"], [], CONFIG)
    return pod


@pytest.fixture(scope="module")
def cluster(machine: Machine) -> Iterator[Cluster]:
    """One member that archives; the second is not started."""
    made = Cluster(machine, replace(MEMBERS, archive_s=60), 2)
    try:
        for pod in made.pod_of.values():
            keys(pod).config({"pgbackrest.conf": in_a_folder(member_conf(REPOSITORY, queue_mib=256, client=CLIENT))})
        made.start(NAME, OPENED)
        made.ready()
        watched = ["sh", f"{patroni.DIR}/reload-on-change.sh", f"{pgbackrest.TLS_DIR}/tls.crt", "HUP"]
        made.pod_of[NAME].start_beside([*OPENED, *watched, "pgbackrest", "server"])
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def backup(machine: Machine, cluster: Cluster) -> Iterator[Pod]:
    """The pod that made a first backup."""
    hosts = [f"{name}.{HOST}" for name in cluster.pods]
    pod = client(machine, CLIENT, {"pgbackrest.conf": in_a_folder(backup_conf(REPOSITORY, members=hosts))})
    try:
        until("the members' pgBackRest answers", lambda: ping(pod), seconds=20)
        for command in (["stanza-create"], ["--type=full", "backup"]):
            made = run(pod, *command)
            assert made.returncode == 0, made.stdout + made.stderr + cluster.pod_of[NAME].log[-2000:]
        yield pod
    finally:
        pod.kill()


def run(pod: Pod, *command: str) -> subprocess.CompletedProcess[str]:
    return pod.run([*OPENED, "pgbackrest", f"--stanza={STANZA}", *command])


def ping(pod: Pod) -> bool:
    return pod.run(["pgbackrest", f"--tls-server-port={PORT}", "server-ping", f"{NAME}.{HOST}"]).returncode == 0


def test_pgbackrest_knows_every_option(machine: Machine) -> None:
    for name, text in (
        ("member", member_conf(REPOSITORY, queue_mib=256, client=CLIENT)),
        ("backup", backup_conf(REPOSITORY, members=["a.invalid"])),
        ("restore", restore_conf(REPOSITORY)),
    ):
        pod = client(machine, f"options-{name}", {"pgbackrest.conf": text})
        try:
            # There is no object store: it gets as far as asking for it.
            asked = run(pod, "--io-timeout=0.1", "info")
            assert "WARN" not in asked.stdout + asked.stderr
            assert "unable to connect to '127.0.0.1:9'" in asked.stdout + asked.stderr
        finally:
            pod.kill()


def archived(cluster: Cluster) -> None:
    """Wait until all that was written so far is in the repository."""
    with cluster.superuser(NAME) as session:
        (segment,) = session.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone() or ("",)
    folder = cluster.machine.network.folder / "shared/repository/archive/main"
    until(f"{segment} is archived", lambda: list(folder.rglob(f"{segment}-*.zst")), seconds=30)


def test_what_is_written_is_archived(cluster: Cluster, backup: Pod) -> None:
    archived(cluster)
    shown = run(backup, "info")
    assert "status: ok\n" in shown.stdout
    assert "cipher: aes-256-cbc" in shown.stdout


def test_nobody_reads_it_without_the_passphrase(backup: Pod) -> None:
    wanted = ("repo-get", f"backup/{STANZA}/backup.info")
    assert "[backup:current]" in run(backup, *wanted).stdout
    backup.secret(CIPHER, "another")
    try:
        assert "[backup:current]" not in run(backup, *wanted).stdout
    finally:
        backup.secret(CIPHER, "passphrase")


def test_a_member_lets_nobody_else_read(machine: Machine, cluster: Cluster, backup: Pod) -> None:
    stranger = client(
        machine, "stranger", {"pgbackrest.conf": in_a_folder(backup_conf(REPOSITORY, members=[f"{NAME}.{HOST}"]))}
    )
    try:
        refused = run(stranger, "--type=full", "backup")
        assert refused.returncode != 0
        assert "access denied" in refused.stdout + refused.stderr
    finally:
        stranger.kill()


def test_a_renewed_certificate_is_served(machine: Machine, cluster: Cluster, backup: Pod) -> None:
    def served() -> str:
        return machine.network.do(ssl.get_server_certificate, ("127.0.0.1", PORT))

    before = served()
    machine.certificate(cluster.pod_of[NAME], [f"{NAME}.{HOST}"])
    until("the new certificate is served", lambda: served() != before, seconds=30)


def test_a_new_cluster_begins_with_a_moment_of_another(machine: Machine, cluster: Cluster, backup: Pod) -> None:
    with cluster.superuser(NAME) as session:
        session.execute("CREATE TABLE history AS SELECT 'before' AS row")
        (target,) = session.execute("SELECT clock_timestamp()::text").fetchone() or ("",)
        session.execute("INSERT INTO history VALUES ('after')")
    archived(cluster)
    point = PointInTime(target=target, config=f"{patroni.DIR}/source.conf", keys=KEYS, cipher=CIPHER)
    restored = Cluster(machine, replace(MEMBERS, workload="restored", begins_as=point), 1)
    try:
        keys(restored.pod_of["restored-0"]).config({"source.conf": in_a_folder(restore_conf(REPOSITORY))})
        restored.start("restored-0")
        restored.ready()
        with restored.superuser("restored-0") as session:
            assert session.execute("SELECT row FROM history").fetchall() == [("before",)]
            trusted = session.execute("SELECT count(*) FROM pg_hba_file_rules WHERE auth_method = 'trust'")
            assert trusted.fetchone() == (0,)
    finally:
        restored.close()


def test_a_member_is_made_from_the_repository(cluster: Cluster, backup: Pod) -> None:
    cluster.start(SECOND, OPENED)
    log = cluster.pod_of[SECOND]
    until("it is made", lambda: "replica has been created using" in log.log, seconds=READY_S)
    assert "replica has been created using pgbackrest" in log.log
    until("it follows", lambda: cluster.asked(SECOND, "/replica")[0] == 200, seconds=READY_S)
