"""pgBackRest: the log goes to the object store as it is written, and a backup is read over TLS from the members.

Keys are in no file of these: `scripts/with-repository.sh` hands them to the commands it starts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.base import DeclarationError

STANZA = "main"
"""pgBackRest's name for the one cluster that a repository keeps."""

PORT = 8432
"""Where the members' pgBackRest listens."""

TLS_DIR = "/run/tls"
"""tls.crt, tls.key, ca.crt."""

VOLUME = "/var/lib/postgresql/data"
PGDATA = f"{VOLUME}/pgdata"
"""A folder of the volume: Patroni takes it away when it makes a member anew."""
SPOOL = f"{VOLUME}/spool"
"""Where the log waits for the archive."""
SOCKETS = "/tmp"  # noqa: S108 (the pod's own)
PG_PORT = 5432

PROCESSES = 2
"""That compress and send at once: of a backup, of the log."""


@dataclass(frozen=True, kw_only=True)
class Repository:
    """Where the backups of one cluster are, in an object store.

    Errors:
        DeclarationError: nothing is kept.
    """

    host: str
    port: int
    bucket: str
    region: str
    path: str
    """Of the cluster, in the bucket: begins with /."""
    keep_days: int
    """Days that can be gone back to."""

    def __post_init__(self) -> None:
        """Errors: DeclarationError: see the class."""
        if self.keep_days < 1:
            raise DeclarationError(f"backups kept for {self.keep_days} days: keep them for 1 at least")

    @property
    def options(self) -> dict[str, str | int]:
        """As pgBackRest takes it."""
        return {
            "repo1-type": "s3",
            "repo1-s3-endpoint": self.host,
            "repo1-storage-port": self.port,
            "repo1-s3-bucket": self.bucket,
            "repo1-s3-region": self.region,
            # The bucket is no part of the host's name, for which there would be no certificate.
            "repo1-s3-uri-style": "path",
            "repo1-storage-ca-file": f"{TLS_DIR}/ca.crt",
            "repo1-path": self.path,
            "repo1-cipher-type": "aes-256-cbc",
            # Small files share objects: a request for each of thousands is what takes time.
            "repo1-bundle": "y",
            "repo1-retention-full-type": "time",
            "repo1-retention-full": self.keep_days,
        }


def member_conf(repository: Repository, *, queue_mib: int, client: str) -> str:
    """pgbackrest.conf of a member: it archives its log, restores, and lets the backup read.

    Args:
        repository: where to.
        queue_mib: log that may wait while the store does not answer. Beyond it the log is dropped, and no time can be
            gone back to until the next backup: a full volume would stop every member instead.
        client: common name of the certificate of who may read a backup.
    """
    return _ini(
        {
            "global": {
                **repository.options,
                **_COMMON,
                **_TLS_SERVER,
                "tls-server-auth": f"{client}={STANZA}",
                "archive-async": "y",
                "archive-push-queue-max": f"{queue_mib}MiB",
            },
            # A replica asks for one segment after the other: no need to fetch more than it asks for while it streams.
            "global:archive-get": {"archive-async": "n"},
            STANZA: _postgresql(1),
        }
    )


def backup_conf(repository: Repository, *, members: Sequence[str]) -> str:
    """pgbackrest.conf of a pod that makes backups: the primary is whichever of the members says that it is.

    Args:
        repository: where to.
        members: their host names.
    """
    stanza: dict[str, str | int] = {}
    for number, host in enumerate(members, start=1):
        stanza |= _postgresql(number) | _host(number, host)
    return _ini({"global": {**repository.options, **_COMMON, "start-fast": "y"}, STANZA: stanza})


def restore_conf(repository: Repository) -> str:
    """pgbackrest.conf of a pod that only reads a repository, that of another cluster, say.

    Args:
        repository: where from.
    """
    return _ini({"global": {**repository.options, **_COMMON}, STANZA: _postgresql(1)})


_COMMON: dict[str, str | int] = {
    "process-max": PROCESSES,
    "compress-type": "zst",
    "log-level-console": "info",
    "log-level-file": "off",
    "lock-path": f"{SOCKETS}/pgbackrest",
    # A restore looks there too, for what is left of an earlier one.
    "spool-path": SPOOL,
}

_TLS_SERVER: dict[str, str | int] = {
    "tls-server-address": "*",
    "tls-server-port": PORT,
    "tls-server-cert-file": f"{TLS_DIR}/tls.crt",
    "tls-server-key-file": f"{TLS_DIR}/tls.key",
    "tls-server-ca-file": f"{TLS_DIR}/ca.crt",
}


def _postgresql(number: int) -> dict[str, str | int]:
    return {
        f"pg{number}-path": PGDATA,
        f"pg{number}-port": PG_PORT,
        f"pg{number}-socket-path": SOCKETS,
        f"pg{number}-user": "postgres",
    }


def _host(number: int, host: str) -> dict[str, str | int]:
    return {
        f"pg{number}-host": host,
        f"pg{number}-host-type": "tls",
        f"pg{number}-host-port": PORT,
        f"pg{number}-host-cert-file": f"{TLS_DIR}/tls.crt",
        f"pg{number}-host-key-file": f"{TLS_DIR}/tls.key",
        f"pg{number}-host-ca-file": f"{TLS_DIR}/ca.crt",
    }


def _ini(sections: Mapping[str, Mapping[str, str | int]]) -> str:
    return "\n".join(
        f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in options.items())
        for name, options in sections.items()
    )
