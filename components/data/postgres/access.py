"""Who may come into a PostgreSQL, from where, and how they prove it: pg_hba.conf and pg_ident.conf."""

SUPERUSER = "postgres"
"""In the pod its own processes. From outside, by password: the Jobs that make databases and roles, and a member that
rewinds itself to another."""
REPLICATION = "replicator"
POOLER = "pgbouncer"
"""Who asks, in each database, how a client proves itself: it may call `pgbouncer.lookup` and nothing else."""
EXPORTER = "exporter"
"""Reads statistics. The exporter is in the member's pod, and needs no password."""

PG_IDENT = (f"pod {SUPERUSER} {SUPERUSER}", f"pod {SUPERUSER} {EXPORTER}")
"""Map, user of the operating system, role: every process of the pod is 65532, which the image calls postgres."""

PG_HBA = (
    # Within the pod.
    f"local all {SUPERUSER} peer map=pod",
    f"local postgres {EXPORTER} peer map=pod",
    f"local replication {REPLICATION} scram-sha-256",
    "local all all reject",
    # From outside: encrypted, and each role only where its work is. The first line that fits decides.
    "hostnossl all all all reject",
    f"hostssl replication {REPLICATION} all scram-sha-256",
    f"hostssl all {SUPERUSER},{POOLER} all scram-sha-256",
    f"hostssl all {REPLICATION},{EXPORTER} all reject",
    # A client's login is in the role that has the name of its database.
    "hostssl samerole all all scram-sha-256",
    "host all all all reject",
)
