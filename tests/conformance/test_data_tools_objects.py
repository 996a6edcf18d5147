"""Accounts of the object store, made in a real MinIO by the program that a Job runs."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from minio import Minio, S3Error
from minio.commonconfig import COMPLIANCE
from minio.objectlockconfig import DAYS

from data_tools import objects
from data_tools.clients import Client
from data_tools.credentials import Credentials
from tests.conformance import data_tools
from tests.conformance.data_tools import password, write_clients
from tests.conformance.object_store import HOST, PASSWORD, ObjectStore, object_store

REGION = "us-east-1"
Account = tuple[str, int, dict[str, Any]]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with object_store(tmp_path_factory.mktemp("objects")) as running:
        yield running


@pytest.fixture(scope="module")
def admin(store: ObjectStore) -> Minio:
    return s3(store, (store.credentials / "username").read_text(), PASSWORD)


def s3(store: ObjectStore, user: str, secret: str) -> Minio:
    return objects.connect(HOST, store.port, Credentials(username=user, password=secret, ca=store.ca), REGION).s3


def run(store: ObjectStore, folder: Path, verb: str, *accounts: Account) -> tuple[int, str, str]:
    listed = write_clients(folder / "clients.json", *accounts)
    where = ("--host", HOST, "--port", str(store.port), "--credentials", store.credentials, "--deadline", "30")
    done = data_tools.run("objects", *where, verb, "--clients", listed)
    return done.returncode, done.stdout, done.stderr


def reads(store: ObjectStore, client: str, generation: int) -> bytes | str:
    """What a client finds in its bucket, or why not."""
    try:
        with s3(store, f"{client}-g{generation}", password(client, generation)).get_object(client, "kept") as found:
            return found.read()
    except S3Error as error:
        return str(error.code)


def test_accounts_turn_over_and_go_while_buckets_stay(store: ObjectStore, admin: Minio, tmp_path: Path) -> None:
    for _ in range(2):
        assert run(store, tmp_path, "apply", ("turning", 1, {}), ("leaving", 1, {}))[0] == 0
    for client in ("turning", "leaving"):
        s3(store, f"{client}-g1", password(client, 1)).put_object(client, "kept", io.BytesIO(b"it"), 2)
    assert run(store, tmp_path, "apply", ("turning", 2, {}), ("leaving", 1, {}))[0] == 0
    assert [reads(store, "turning", generation) for generation in (1, 2)] == [b"it", b"it"]
    for _ in range(2):
        assert run(store, tmp_path, "retire", ("turning", 2, {}))[0] == 0
        assert [reads(store, "turning", generation) for generation in (1, 2)] == ["InvalidAccessKeyId", b"it"]
        assert reads(store, "leaving", 1) == "InvalidAccessKeyId"
    assert admin.stat_object("leaving", "kept").size == 2
    assert run(store, tmp_path, "apply", ("turning", 2, {}), ("leaving", 2, {}))[0] == 0  # and comes back
    assert reads(store, "leaving", 2) == b"it"


def test_a_bucket_is_what_the_grant_says(store: ObjectStore, admin: Minio, tmp_path: Path) -> None:
    assert run(store, tmp_path, "apply", ("held", 1, {"lock_days": 2}), ("plain", 1, {"expire_days": 9}))[0] == 0
    lock = admin.get_object_lock_config("held")
    assert (lock.mode, lock.duration, lock.duration_unit) == (COMPLIANCE, 2, DAYS)
    rules = admin.get_bucket_lifecycle("plain")
    assert rules
    expires = rules.rules[0].noncurrent_version_expiration
    assert expires
    assert expires.noncurrent_days == 9
    assert {admin.get_bucket_versioning(bucket).status for bucket in ("held", "plain")} == {"Enabled"}
    code, _, failed = run(store, tmp_path, "apply", ("plain", 1, {"lock_days": 2}))
    assert (code, failed) == (
        1,
        "data_tools: bucket 'plain' has no object lock, and only a new one can get it\n",
    )


def test_a_client_changes_no_bucket_and_makes_none(store: ObjectStore, tmp_path: Path) -> None:
    assert run(store, tmp_path, "apply", ("narrow", 1, {}))[0] == 0
    own = s3(store, "narrow-g1", password("narrow", 1))
    entry = Client(client="narrow", username="narrow-g1", password=password("narrow", 1), grant={})
    with pytest.raises(S3Error, match="AccessDenied"):
        own.set_bucket_lifecycle("narrow", objects.lifecycle(entry))
    with pytest.raises(S3Error, match="AccessDenied"):
        own.make_bucket("wider")
