"""SCRAM-SHA-256 verifiers: what a server keeps of a password (RFC 5802, RFC 7677)."""

import base64
import hashlib
import hmac
import re

from psycopg import pq

_VERIFIER = re.compile(r"SCRAM-SHA-256\$(?P<count>\d+):(?P<salt>[^$]+)\$(?P<stored>[^:]+):(?P<server>.+)")


def verifier(connection: pq.abc.PGconn, username: str, password: str) -> str:
    """A verifier with a new salt, made here: the password itself never reaches the server, nor its log."""
    return connection.encrypt_password(password.encode(), username.encode(), b"scram-sha-256").decode()


def matches(known: str | None, password: str) -> bool:
    """Whether a verifier is that of a password; one that is none is of no password.

    Args:
        known: what the server keeps.
        password: ASCII, as generated ones are: others would have to be normalised first.
    """
    parts = _VERIFIER.fullmatch(known or "")
    if not parts:
        return False
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(parts["salt"]), int(parts["count"]))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return hmac.compare_digest(hashlib.sha256(client_key).digest(), base64.b64decode(parts["stored"]))
