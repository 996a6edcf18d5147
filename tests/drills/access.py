"""Who has no account, or another's, gets nothing."""

from tests.drills.report import Row
from tests.drills.site import Site

_KNOCK = """
import socket, sys
open_ = []
for host in ("postgres", "postgres-transactions", "postgres-primary", "redis", "redis-members", "objects"):
    for port in (5432, 6379, 443, 9000, 6432):
        try:
            socket.create_connection((f"{host}.drill-data.svc.cluster.local", port), timeout=1).close()
            open_.append(f"{host}:{port}")
        except OSError:
            pass
print(",".join(open_) or "nothing")
"""

_OTHERS_DATABASE = """
import os, pathlib, psycopg
url = pathlib.Path(os.environ["POSTGRES_CREDENTIALS_DIR"], "url").read_text()
assert psycopg.connect(url, connect_timeout=5).execute("SELECT current_database()").fetchone() == ("alpha",)
try:
    psycopg.connect(url.replace("/alpha?", "/beta?"), connect_timeout=5).execute("SELECT 1")
    print("opened")
except psycopg.OperationalError as error:
    print("refused:", str(error).strip().splitlines()[-1])
"""

_OTHERS_KEYS = """
import os, pathlib, redis
folder = pathlib.Path(os.environ["REDIS_CREDENTIALS_DIR"])
r = redis.Redis.from_url((folder / "url").read_text(), ssl_ca_certs=str(folder / "ca.crt"))
r.set("alpha:probe", "1")
assert r.get("alpha:probe") == b"1"
said = []
for words in (("GET", "beta:probe"), ("SET", "beta:probe", "1"), ("KEYS", "*"), ("SCAN", "0"), ("CONFIG", "GET", "*"),
              ("ACL", "LIST"), ("FLUSHALL",), ("PUBLISH", "beta:x", "1")):
    try:
        r.execute_command(*words)
        said.append(words[0])
    except redis.exceptions.NoPermissionError:
        pass
print(",".join(said) or "refused")
"""


def stranger(site: Site) -> Row:
    """A workload that was handed nothing."""
    said, known = (site.client(name, _KNOCK).stdout.strip() for name in ("stranger", "alpha"))
    # Who was handed the stores finds them by the same names.
    good = said == "nothing" and known == "postgres:5432,redis:6379,objects:443"
    return Row("a client that declared nothing", good, f"reaches {said}, a client {known}")


def others_database(site: Site) -> Row:
    """A client of PostgreSQL, at another's database."""
    said = site.client("alpha", _OTHERS_DATABASE)
    found = said.stdout.strip() or said.stderr.strip()[-200:]
    return Row("another client's database", found.startswith("refused"), found)


def others_keys(site: Site) -> Row:
    """A client of Redis, at another's keys and at what only an administrator may."""
    said = site.client("alpha", _OTHERS_KEYS)
    found = said.stdout.strip() or said.stderr.strip()[-200:]
    return Row("another client's keys", found == "refused", found)
