"""How MinIO runs: one server of one drive, in one pod. The real program reads it in tests/conformance.

What is a flag or a variable here cannot be changed by its administration API. Its user has neither a name nor a home,
and writes to the volume and to /tmp.
"""

import base64
import hashlib
import hmac
import json
from typing import Any

from catalog.model import Zone

PORT = 9000
"""S3, administration, health and metrics, all by TLS."""

ZONE = Zone.DATA

REGION = "us-east-1"
"""What S3's clients call a store that is in no region."""

DATA_DIR = "/data"
"""The drive. A single one has no parity: its copies are the volume's, and the second site's."""

ROOT = "admin"
"""The administrator's access key; a client's ends in `-g<number>`."""
ROOT_DIR = "/run/root"
"""username, password. Read at the start: MinIO falls back to a known pair where both files are missing, so it is the
Secret that must be mounted, not an optional one."""

CERTS_DIR = "/run/certs"
CERTIFICATE_FILES = {"tls.crt": "public.crt", "tls.key": "private.key", "ca.crt": "CAs/ca.crt"}
"""Key of cert-manager's Secret -> file. MinIO follows the links that the kubelet makes, and reads certificate and key
again every 10 seconds: a renewed one needs no restart. It wants to create `CAs` where there is none, and cannot."""

UPLOAD_H = 7 * 24
"""Hours after which the parts of an upload that was never finished go; `data_tools` tells S3 the same as a rule of each
bucket, which MinIO does not heed."""

COMMAND = (
    "/minio",
    "server",
    f"--address=:{PORT}",
    f"--certs-dir={CERTS_DIR}",
    # A line of JSON for each event, on stderr.
    "--json",
    DATA_DIR,
)

ENVIRONMENT = {
    # It wants folders in it, and keeps nothing there.
    "HOME": "/tmp",  # noqa: S108 (the pod's own, not the host's)
    # Files, not variables: what is in the environment is in every dump of it.
    "MINIO_ROOT_USER_FILE": f"{ROOT_DIR}/username",
    "MINIO_ROOT_PASSWORD_FILE": f"{ROOT_DIR}/password",
    "MINIO_SITE_REGION": REGION,
    # Administered by Jobs: no console.
    "MINIO_BROWSER": "off",
    # Nothing goes out: neither a question for updates, nor a report to its makers. Nor is it replaced in place.
    "MINIO_UPDATE": "off",
    "MINIO_CALLHOME_ENABLE": "off",
    "MINIO_PROMETHEUS_AUTH_TYPE": "jwt",
    "MINIO_API_STALE_UPLOADS_EXPIRY": f"{UPLOAD_H}h",
}

LIVE = "/minio/health/live"
READY = "/minio/health/cluster"
"""200 when drive, buckets and accounts are loaded; `/minio/health/ready` answers 200 before that."""

METRICS = "/minio/v2/metrics/cluster"
"""Prometheus' format, for who shows `metrics_token`."""


def metrics_token(username: str, password: str) -> str:
    """The bearer token by which Prometheus reads the metrics: what `mc admin prometheus generate` makes, but endless.

    It is signed with the password, and gone with it. It opens nothing but metrics.

    Args:
        username: access key of an account that may read metrics: the administrator's.
        password: its secret key.
    """
    head = {"alg": "HS512", "typ": "JWT"}
    claims = {"accessKey": username, "iss": "prometheus", "sub": username}
    signed = f"{_part(head)}.{_part(claims)}"
    return f"{signed}.{_base64(hmac.digest(password.encode(), signed.encode(), hashlib.sha512))}"


def grant(lock_days: int) -> dict[str, Any]:
    """What a client may have, in the words of `data_tools.objects`.

    Args:
        lock_days: days that a version is held against everybody; 0: not at all.
    """
    return {"versioning": True, "lock_days": lock_days}


def _part(value: dict[str, str]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
