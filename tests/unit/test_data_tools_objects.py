"""What clients of the object store may do, and what is asked of it; a fake stands for the store itself."""

import json
from typing import Any, cast

import pytest
import urllib3
from minio import Minio, MinioAdmin, S3Error
from minio.error import MinioAdminException
from minio.lifecycleconfig import AbortIncompleteMultipartUpload, Expiration, NoncurrentVersionExpiration
from minio.objectlockconfig import ObjectLockConfig

from data_tools import objects
from data_tools.clients import Client
from data_tools.deadline import Deadline
from data_tools.errors import ToolError
from data_tools.objects_policy import policy

SECRET = "very-secret"


def entry(client: str = "shop", generation: int = 1, **grant: object) -> Client:
    return Client(client=client, username=f"{client}-g{generation}", password=SECRET, grant=grant)


def test_a_policy_is_for_one_bucket_and_its_objects() -> None:
    allowed = [statement for statement in policy("shop")["Statement"] if statement["Effect"] == "Allow"]
    assert [statement["Resource"] for statement in allowed] == [["arn:aws:s3:::shop"], ["arn:aws:s3:::shop/*"]]
    actions = {action for statement in allowed for action in statement["Action"]}
    assert {"s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"} <= actions
    assert not any("*" in action for action in actions)


@pytest.mark.parametrize(
    "action",
    [
        "s3:BypassGovernanceRetention",
        "s3:CreateBucket",
        "s3:DeleteBucket",
        "s3:DeleteBucketPolicy",
        "s3:ForceDeleteBucket",
        "s3:PutBucketObjectLockConfiguration",
        "s3:PutBucketPolicy",
        "s3:PutBucketVersioning",
        "s3:PutLifecycleConfiguration",
        "s3:PutObjectLegalHold",
        "s3:PutObjectRetention",
    ],
)
def test_a_policy_changes_no_bucket_and_no_lock(action: str) -> None:
    assert not any(action in statement["Action"] for statement in policy("shop")["Statement"])


def test_what_goes_by_itself() -> None:
    (rule,) = objects.lifecycle(entry(expire_days=9)).rules
    assert rule.noncurrent_version_expiration == NoncurrentVersionExpiration(noncurrent_days=9)
    assert rule.abort_incomplete_multipart_upload == AbortIncompleteMultipartUpload(objects.UPLOAD_DAYS)
    # What is an object's latest version stays.
    assert rule.expiration == Expiration(expired_object_delete_marker=True)


class FakeStore:
    """MinIO, as far as the program asks it: it keeps what it is told."""

    def __init__(self) -> None:
        self.buckets: dict[str, dict[str, Any]] = {}
        self.users: dict[str, str] = {"somebody": "x"}
        self.policies: dict[str, Any] = {"readonly": {}}
        self.attached: dict[str, str] = {}
        self.away = 0
        """How often it is not ready yet."""

    def bucket_exists(self, bucket: str) -> bool:
        if self.away:
            self.away -= 1
            raise refusal("XMinioServerNotInitialized")
        return bucket in self.buckets

    def make_bucket(self, bucket: str, *, object_lock: bool) -> None:
        self.buckets[bucket] = {"lock": ObjectLockConfig(None, None, None) if object_lock else None}

    def set_bucket_versioning(self, bucket: str, config: Any) -> None:  # noqa: ANN401
        self.buckets[bucket]["versioning"] = config.status

    def get_object_lock_config(self, bucket: str) -> ObjectLockConfig:
        if (found := self.buckets[bucket]["lock"]) is None:
            raise refusal("ObjectLockConfigurationNotFoundError")
        return found

    def set_object_lock_config(self, bucket: str, config: ObjectLockConfig) -> None:
        self.buckets[bucket]["lock"] = config

    def set_bucket_lifecycle(self, bucket: str, config: object) -> None:
        self.buckets[bucket]["lifecycle"] = config

    def user_add(self, username: str, secret: str) -> None:
        self.users[username] = secret

    def user_remove(self, username: str) -> None:
        del self.users[username]

    def user_list(self) -> str:
        return json.dumps({name: {"status": "enabled"} for name in self.users})

    def policy_add(self, name: str, *, policy: object) -> None:
        self.policies[name] = policy

    def policy_set(self, name: str, *, user: str) -> None:
        assert name in self.policies
        assert user in self.users
        self.attached[user] = name

    def policy_remove(self, name: str) -> None:
        del self.policies[name]

    def policy_list(self) -> str:
        return json.dumps(self.policies)


def refusal(code: str) -> S3Error:
    return S3Error(urllib3.HTTPResponse(), code, f"{code}, said the fake", None, None, None)


@pytest.fixture
def fake() -> FakeStore:
    return FakeStore()


def store(fake: FakeStore) -> objects.Store:
    return objects.Store(admin=cast(MinioAdmin, fake), s3=cast(Minio, fake))


def at_once() -> Deadline:
    return Deadline(30, sleep=lambda _: None)


def test_each_client_gets_a_bucket_a_user_and_a_policy(fake: FakeStore) -> None:
    fake.away = 2
    for _ in range(2):
        objects.apply(store(fake), [entry(), entry("news", 3, lock_days=5)], at_once())
        assert fake.attached == {"shop-g1": "shop", "news-g3": "news"}
        assert fake.users == {"somebody": "x", "shop-g1": SECRET, "news-g3": SECRET}
        assert fake.policies["shop"] == policy("shop")
        assert fake.buckets["shop"]["lock"] is None
        assert fake.buckets["news"]["lock"] == ObjectLockConfig("COMPLIANCE", 5, "Days")
        assert {bucket["versioning"] for bucket in fake.buckets.values()} == {"Enabled"}
        assert fake.buckets["shop"]["lifecycle"] == objects.lifecycle(entry())


def test_the_lock_of_a_bucket_follows_the_grant(fake: FakeStore) -> None:
    objects.apply(store(fake), [entry(lock_days=5)], at_once())
    objects.apply(store(fake), [entry(lock_days=9)], at_once())
    assert fake.buckets["shop"]["lock"] == ObjectLockConfig("COMPLIANCE", 9, "Days")
    objects.apply(store(fake), [entry(lock_days=0)], at_once())
    assert fake.buckets["shop"]["lock"] == ObjectLockConfig(None, None, None)


def test_a_bucket_gets_its_lock_when_it_is_made_or_never(fake: FakeStore) -> None:
    objects.apply(store(fake), [entry()], at_once())
    with pytest.raises(ToolError, match="bucket 'shop' has no object lock, and only a new one can get it"):
        objects.apply(store(fake), [entry(lock_days=5)], at_once())


def test_retiring_takes_other_generations_and_clients_that_are_gone(fake: FakeStore) -> None:
    objects.apply(store(fake), [entry(), entry("news")], at_once())
    objects.apply(store(fake), [entry(generation=2)], at_once())
    for _ in range(2):
        objects.retire(store(fake), [entry(generation=2)], at_once())
        assert set(fake.users) == {"somebody", "shop-g2"}
        assert set(fake.policies) == {"readonly", "shop"}
        assert set(fake.buckets) == {"shop", "news"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (entry("ab"), "'ab': a bucket's name has at least 3 characters"),
        (entry(lock_days=-1), "shop: lock_days"),
        (entry(expire_days=0), "shop: expire_days"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_made(fake: FakeStore, wrong: Client, said: str) -> None:
    with pytest.raises(ToolError, match=said):
        objects.apply(store(fake), [entry("news"), wrong], at_once())
    assert fake.buckets == {}


@pytest.mark.parametrize(
    "error",
    [
        refusal("SlowDown"),
        MinioAdminException("503", "{}"),
        MinioAdminException("400", '{"Code":"XMinioServerNotInitialized"}'),
        urllib3.exceptions.ProtocolError("closed"),
    ],
)
def test_a_store_that_cannot_now_is_asked_again(
    fake: FakeStore, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    left = [error, error]

    def user_list() -> str:
        if left:
            raise left.pop()
        return "{}"

    monkeypatch.setattr(fake, "user_list", user_list)
    objects.retire(store(fake), [], at_once())
    assert left == []


@pytest.mark.parametrize("error", [refusal("AccessDenied"), MinioAdminException("403", '{"Code":"AccessDenied"}')])
def test_a_store_that_refuses_ends_the_run(fake: FakeStore, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def user_list() -> str:
        raise error

    monkeypatch.setattr(fake, "user_list", user_list)
    with pytest.raises(ToolError, match=r"object store: .*AccessDenied"):
        objects.retire(store(fake), [], at_once())
