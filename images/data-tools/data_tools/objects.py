"""Accounts of the object store (MinIO): for each client a bucket, a user, and a policy for that bucket only."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import urllib3
from minio import Minio, MinioAdmin, S3Error
from minio.commonconfig import COMPLIANCE, ENABLED, Filter
from minio.credentials.providers import StaticProvider
from minio.error import MinioAdminException, MinioException
from minio.lifecycleconfig import (
    AbortIncompleteMultipartUpload,
    Expiration,
    LifecycleConfig,
    NoncurrentVersionExpiration,
    Rule,
)
from minio.objectlockconfig import DAYS, ObjectLockConfig
from minio.versioningconfig import VersioningConfig

from data_tools.clients import Client, number, of_username
from data_tools.credentials import Credentials
from data_tools.deadline import Deadline
from data_tools.errors import ToolError, one_line
from data_tools.objects_policy import policy
from data_tools.progress import say

EXPIRE_DAYS = 30
"""After which a version that is no object's latest goes, if the grant does not say."""

UPLOAD_DAYS = 7
"""After which the parts of an upload that was never finished go; MinIO has a setting of its own for that."""

SHORTEST_BUCKET = 3
TIMEOUT_S = 30.0

_NOT_NOW = ("InternalError", "ServiceUnavailable", "SlowDown", "XMinioServerNotInitialized", "XMinioIAMNotInitialized")


@dataclass(frozen=True, kw_only=True)
class Store:
    """One object store, seen by its administrator."""

    admin: MinioAdmin
    s3: Minio


def connect(host: str, port: int, credentials: Credentials, region: str) -> Store:
    """Clients of a store; none of them connects yet."""
    endpoint = f"{host}:{port}"
    # Whoever calls tries again, within its own bound.
    http = urllib3.PoolManager(
        cert_reqs="CERT_REQUIRED", ca_certs=str(credentials.ca), timeout=TIMEOUT_S, retries=False
    )
    provider = StaticProvider(credentials.username, credentials.password)
    return Store(
        admin=MinioAdmin(endpoint=endpoint, credentials=provider, region=region, http_client=http),
        s3=Minio(endpoint=endpoint, credentials=provider, region=region, http_client=http),
    )


def apply(store: Store, clients: Sequence[Client], deadline: Deadline) -> None:
    """Make what is missing, and bring in line what is there.

    Errors:
        ToolError: the store was not reached in time, or refused; a bucket cannot be what the grant says.
    """
    for entry in clients:
        if len(entry.client) < SHORTEST_BUCKET:
            raise ToolError(f"{entry.client!r}: a bucket's name has at least {SHORTEST_BUCKET} characters")
        # What is wrong of any is said before the first is made.
        lifecycle(entry)
        _lock_days(entry)

    def work() -> None:
        for entry in clients:
            _bucket(store.s3, entry)
            cast(Any, store.admin).policy_add(entry.client, policy=policy(entry.client))
            store.admin.user_add(entry.username, entry.password)
            # Not attached to what it has: it has this one, and no other.
            store.admin.policy_set(entry.client, user=entry.username)
            say(f"bucket {entry.client}: user {entry.username}")

    _complete(work, deadline)


def retire(store: Store, clients: Sequence[Client], deadline: Deadline) -> None:
    """Remove the users of other generations, and those and the policies of clients that are gone; buckets stay.

    Errors:
        ToolError: the store was not reached in time, or refused.
    """
    stay, present = {entry.username for entry in clients}, {entry.client for entry in clients}

    def work() -> None:
        users = cast(dict[str, Any], json.loads(store.admin.user_list()))
        policies = cast(dict[str, Any], json.loads(store.admin.policy_list()))
        for username in sorted(users):
            client = of_username(username)
            if client is None or username in stay:
                continue
            store.admin.user_remove(username)
            say(f"user {username}: removed")
            if client not in present and client in policies:
                store.admin.policy_remove(client)
                say(f"policy {client}: removed; the bucket stays")

    _complete(work, deadline)


def lifecycle(entry: Client) -> LifecycleConfig:
    """What goes by itself from a client's bucket.

    Errors:
        ToolError: the grant's `expire_days` is no number of days.
    """
    days = number(entry, "expire_days", EXPIRE_DAYS, least=1)
    rule = Rule(
        ENABLED,
        rule_filter=Filter(prefix=""),
        rule_id="expire",
        abort_incomplete_multipart_upload=AbortIncompleteMultipartUpload(days_after_initiation=UPLOAD_DAYS),
        # Else what says that an object was deleted would outlive all its versions.
        expiration=Expiration(expired_object_delete_marker=True),
        noncurrent_version_expiration=NoncurrentVersionExpiration(noncurrent_days=days),
    )
    return LifecycleConfig([rule])


def _lock_days(entry: Client) -> int:
    return number(entry, "lock_days", 0, least=0)


def _bucket(s3: Minio, entry: Client) -> None:
    name, days = entry.client, _lock_days(entry)
    if not s3.bucket_exists(name):
        s3.make_bucket(name, object_lock=days > 0)
        say(f"bucket {name}: created")
    if days or entry.grant.get("versioning", True):
        s3.set_bucket_versioning(name, VersioningConfig(ENABLED))
    held = _lock(s3, name)
    if days and held is None:
        raise ToolError(f"bucket {name!r} has no object lock, and only a new one can get it")
    if held is not None:
        wanted = ObjectLockConfig(COMPLIANCE, days, DAYS) if days else ObjectLockConfig(None, None, None)
        s3.set_object_lock_config(name, wanted)
    s3.set_bucket_lifecycle(name, lifecycle(entry))


def _lock(s3: Minio, bucket: str) -> ObjectLockConfig | None:
    try:
        return s3.get_object_lock_config(bucket)
    except S3Error as error:
        if error.code == "ObjectLockConfigurationNotFoundError":
            return None
        raise


def _complete(work: Callable[[], None], deadline: Deadline) -> None:
    """Do work that changes nothing when it is done twice; anew while the store is not there, or not ready."""
    while True:
        try:
            return work()
        except (MinioException, MinioAdminException, urllib3.exceptions.HTTPError) as error:
            message = _message(error)
            if not _not_now(error):
                raise ToolError(f"object store: {message}") from error
            deadline.pause(message)


def _not_now(error: Exception) -> bool:
    if isinstance(error, S3Error):
        return error.code in _NOT_NOW
    if isinstance(error, MinioAdminException):
        # It has its status in its message only.
        return re.search(r"Status: 5\d\d", str(error)) is not None or any(code in str(error) for code in _NOT_NOW)
    return True


def _message(error: Exception) -> str:
    return f"{error.code}: {error.message}" if isinstance(error, S3Error) else one_line(error)
