"""Backups that restore: to a second, byte by byte, and not deleted before their time."""

import base64
import json
from typing import Any

from tests.drills.report import Row
from tests.drills.site import DATA, RESTORE, Site
from tests.sandbox import cronjobs
from tests.waiting import until

JOB_S = 600


def first_backup(site: Site) -> Row:
    """The one that the deployment made, and the log that follows it."""
    done = cronjobs.run(site.cluster, DATA, "postgres-backup-incr", seconds=JOB_S)
    return Row("an incremental backup", done.succeeded, f"in {done.seconds:.0f} s")


def nightly(site: Site) -> Row:
    """What the CronJob does every night."""
    done = cronjobs.run(site.cluster, RESTORE, "postgres-restore", seconds=JOB_S)
    return Row("the nightly restore", done.succeeded, done.last)


def to_a_second(site: Site) -> Row:
    """What was written before a second is there, what was written after it is not."""
    primary = site.primary("postgres")
    site.sql(primary, "alpha", "CREATE TABLE IF NOT EXISTS history (what text)")
    site.sql(primary, "alpha", "INSERT INTO history VALUES ('before')")
    second = site.sql(primary, "alpha", "SELECT date_trunc('second', now()) + interval '2 seconds'")
    until("the second is over", lambda: site.sql(primary, "alpha", f"SELECT now() > '{second}'") == "t", seconds=10)
    site.sql(primary, "alpha", "INSERT INTO history VALUES ('after')")
    site.sql(primary, "alpha", "SELECT pg_switch_wal()")
    archived = "SELECT last_archived_time > now() - interval '5 seconds' FROM pg_stat_archiver"
    until("the log is archived", lambda: site.sql(primary, "alpha", archived) == "t", seconds=60)
    query = "SELECT count(*) FILTER (WHERE what = 'before') = 1 AND count(*) = 1 FROM history"

    def at(container: dict[str, Any]) -> None:
        container["env"] += [{"name": "TARGET", "value": second}, {"name": "QUERY", "value": query}]
        asked = 'mkdir -p /tmp/queries && echo "$QUERY" >/tmp/queries/alpha.sql && exec "$@" /tmp/queries'
        container["command"] = [*container["command"][:-3], "sh", "-c", asked, "sh", *container["command"][-3:-1]]

    done = cronjobs.run(site.cluster, RESTORE, "postgres-restore", seconds=JOB_S, change=at)
    return Row(f"restore to {second}", done.succeeded, done.last)


def volume(site: Site) -> Row:
    """A snapshot of a volume, restored and compared with it."""
    pod = next(f"redis-members-{n}" for n in range(site.members) if f"redis-members-{n}" != site.primary("redis"))
    # What is compared stands still: the member is told to write nothing for a while.
    site.redis(pod, "CONFIG", "SET", "appendonly", "no")
    site.redis(pod, "REPLICAOF", "NO", "ONE")
    site.redis(pod, "BGSAVE")
    until(
        "the file is written", lambda: "rdb_bgsave_in_progress:0" in site.redis(pod, "INFO", "persistence"), seconds=60
    )

    def compared(container: dict[str, Any]) -> None:
        script = (
            '"$@" && . /tmp/keys && restic --cacert "$CA" --cache-dir /tmp/restic restore latest --host "$VOLUME" '
            "--target /tmp/restored && diff -r /volume /tmp/restored/volume && find /volume -type f | wc -l && "
            "du -sb /volume | cut -f 1"
        )
        keys = container["command"][2]
        prepare = (
            f'printf "AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s CA={keys}/ca.crt\\nexport AWS_ACCESS_KEY_ID '
            f'AWS_SECRET_ACCESS_KEY CA\\n" "$(cat {keys}/access-key)" "$(cat {keys}/secret-key)" >/tmp/keys && '
        )
        container["command"] = ["sh", "-c", prepare + script, "sh", *container["command"]]

    try:
        done = cronjobs.run(site.cluster, DATA, f"{pod}-backup", seconds=JOB_S, change=compared)
    finally:
        site.kubectl("delete", "pod", f"--namespace={DATA}", pod)
    until("the member is back", lambda: site.whole("redis"), seconds=180)
    return Row("a volume's snapshot, byte by byte", done.succeeded, f"files, bytes: {done.log.split()[-2:]}")


_LOCKED = """
import json, os, pathlib
from minio import Minio
import urllib3
keys = json.loads(os.environ["ROOT"])
ca = pathlib.Path(os.environ["OBJECTS_CREDENTIALS_DIR"], "ca.crt")
pool = urllib3.PoolManager(cert_reqs="CERT_REQUIRED", ca_certs=str(ca))
host = f"{os.environ['OBJECTS_HOST']}:{os.environ['OBJECTS_PORT']}"
s3 = Minio(host, access_key=keys["username"], secret_key=keys["password"], http_client=pool)
said = []
for bucket in ("postgres-backup", "redis-members-backup"):
    held = [o for o in s3.list_objects(bucket, recursive=True, include_version=True) if not o.is_delete_marker]
    try:
        s3.remove_object(bucket, held[0].object_name, version_id=held[0].version_id)
        said.append(f"{bucket}: deleted")
    except Exception as error:
        said.append(f"{bucket}: {error.message}")
print("; ".join(said))
"""


def locked(site: Site) -> Row:
    """A version of a backup, deleted by the administrator before its time."""
    secret = json.loads(site.kubectl("get", "secret", f"--namespace={DATA}", "objects-root", "--output=json"))
    root = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    source = f"import os\nos.environ['ROOT'] = {json.dumps(json.dumps(root))}\n{_LOCKED}"
    said = site.client("alpha", source)
    found = said.stdout.strip() or said.stderr.strip()[-300:]
    return Row(
        "an early delete by the administrator", "deleted" not in found and ":" in found and said.returncode == 0, found
    )
