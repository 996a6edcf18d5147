"""What must not happen: a version that goes too early, a client in another's bucket or at its own bucket's settings."""

import json
from datetime import UTC, datetime, timedelta

from tests.contract.s3_store import Check, Keys, Store, body, denied, new_key, refused


def a_held_version_is_deleted_by_nobody(store: Store) -> None:
    """Neither by its client nor by the administrator, who may bypass the other mode."""
    keeper, bucket, key = store.s3(store.keeper.keys), store.keeper.bucket, new_key()
    version = keeper.put_object(Bucket=bucket, Key=key, Body=b"held")["VersionId"]
    head = keeper.head_object(Bucket=bucket, Key=key, VersionId=version)
    assert head.get("ObjectLockMode") == "COMPLIANCE"
    until = head.get("ObjectLockRetainUntilDate")
    assert until
    assert until > datetime.now(UTC) + timedelta(hours=23)
    admin = store.s3(store.admin)
    with refused():
        keeper.delete_object(Bucket=bucket, Key=key, VersionId=version)
    with refused():
        admin.delete_object(Bucket=bucket, Key=key, VersionId=version)
    with refused():
        admin.delete_object(Bucket=bucket, Key=key, VersionId=version, BypassGovernanceRetention=True)
    many = admin.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key, "VersionId": version}]})
    assert [entry.get("VersionId") for entry in many.get("Errors", [])] == [version]
    with refused():
        admin.delete_bucket(Bucket=bucket)
    assert body(keeper, bucket, key, version) == b"held"


def a_held_version_outlives_its_object(store: Store) -> None:
    """Whoever overwrites or deletes the object makes further versions."""
    s3, bucket, key = store.s3(store.keeper.keys), store.keeper.bucket, new_key()
    version = s3.put_object(Bucket=bucket, Key=key, Body=b"held")["VersionId"]
    s3.put_object(Bucket=bucket, Key=key, Body=b"newer")
    s3.delete_object(Bucket=bucket, Key=key)
    assert body(s3, bucket, key, version) == b"held"


def retention_is_never_shortened(store: Store) -> None:
    """By nobody, by no way: not by date, not by mode; it can be made longer."""
    s3, admin = store.s3(store.keeper.keys), store.s3(store.admin)
    bucket, key = store.keeper.bucket, new_key()
    version = s3.put_object(Bucket=bucket, Key=key, Body=b"held")["VersionId"]
    until = s3.head_object(Bucket=bucket, Key=key, VersionId=version).get("ObjectLockRetainUntilDate")
    assert until
    for sooner in (datetime.now(UTC) + timedelta(minutes=1), until - timedelta(hours=1)):
        with refused():
            admin.put_object_retention(
                Bucket=bucket,
                Key=key,
                VersionId=version,
                Retention={"Mode": "COMPLIANCE", "RetainUntilDate": sooner},
                BypassGovernanceRetention=True,
            )
    with refused():
        admin.put_object_retention(
            Bucket=bucket,
            Key=key,
            VersionId=version,
            Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until},
            BypassGovernanceRetention=True,
        )
    assert s3.head_object(Bucket=bucket, Key=key, VersionId=version).get("ObjectLockRetainUntilDate") == until
    later = until + timedelta(minutes=1)
    admin.put_object_retention(
        Bucket=bucket, Key=key, VersionId=version, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": later}
    )
    assert s3.head_object(Bucket=bucket, Key=key, VersionId=version).get("ObjectLockRetainUntilDate") == later


def versions_of_a_locked_bucket_cannot_be_given_up(store: Store) -> None:
    """Without them an object that is overwritten would be gone."""
    admin, bucket = store.s3(store.admin), store.keeper.bucket
    with refused():
        admin.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    assert admin.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled"


def a_client_cannot_reach_into_anothers_bucket(store: Store) -> None:
    """Not to list, read, write or delete, nor by a copy either way."""
    s3, theirs, own = store.s3(store.one.keys), store.other.bucket, store.one.bucket
    other, key, mine = store.s3(store.other.keys), new_key(), new_key()
    version = other.put_object(Bucket=theirs, Key=key, Body=b"theirs")["VersionId"]
    s3.put_object(Bucket=own, Key=mine, Body=b"mine")
    assert denied(lambda: s3.list_objects_v2(Bucket=theirs))
    assert denied(lambda: s3.list_object_versions(Bucket=theirs))
    assert denied(lambda: s3.list_multipart_uploads(Bucket=theirs))
    assert denied(lambda: s3.get_object(Bucket=theirs, Key=key))
    assert denied(lambda: s3.get_object(Bucket=theirs, Key=key, VersionId=version))
    assert denied(lambda: s3.head_object(Bucket=theirs, Key=key))
    assert denied(lambda: s3.put_object(Bucket=theirs, Key=key, Body=b"mine"))
    assert denied(lambda: s3.create_multipart_upload(Bucket=theirs, Key=key))
    assert denied(lambda: s3.delete_object(Bucket=theirs, Key=key))
    assert denied(lambda: s3.delete_object(Bucket=theirs, Key=key, VersionId=version))
    assert denied(lambda: s3.copy_object(Bucket=own, Key=new_key(), CopySource={"Bucket": theirs, "Key": key}))
    assert denied(lambda: s3.copy_object(Bucket=theirs, Key=key, CopySource={"Bucket": own, "Key": mine}))
    assert body(other, theirs, key) == b"theirs"


def a_client_does_not_hear_of_other_buckets(store: Store) -> None:
    """It may list none at all, or its own."""
    s3, seen = store.s3(store.one.keys), list[str | None]()
    if not denied(lambda: seen.extend(entry.get("Name") for entry in s3.list_buckets().get("Buckets", []))):
        assert seen in ([], [store.one.bucket])


def a_client_cannot_create_or_delete_buckets(store: Store) -> None:
    """They are the platform's: its own stays, and there is no further one."""
    s3, own = store.s3(store.one.keys), store.one.bucket
    assert denied(lambda: s3.create_bucket(Bucket=f"{own}-more"))
    assert denied(lambda: s3.delete_bucket(Bucket=own))


def a_client_cannot_change_its_buckets_settings(store: Store) -> None:
    """Policy, versioning, lifecycle, lock; nor what is held in it."""
    s3, own = store.s3(store.one.keys), store.one.bucket
    everybody = {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject"], "Resource": [f"arn:aws:s3:::{own}/*"]}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everybody]})
    assert denied(lambda: s3.put_bucket_policy(Bucket=own, Policy=policy))
    assert denied(lambda: s3.delete_bucket_policy(Bucket=own))
    assert denied(lambda: s3.put_bucket_versioning(Bucket=own, VersioningConfiguration={"Status": "Suspended"}))
    assert denied(lambda: s3.delete_bucket_lifecycle(Bucket=own))
    keeper, bucket = store.s3(store.keeper.keys), store.keeper.bucket
    assert denied(
        lambda: keeper.put_object_lock_configuration(
            Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}
        )
    )
    key = new_key()
    version = keeper.put_object(Bucket=bucket, Key=key, Body=b"held")["VersionId"]
    later = datetime.now(UTC) + timedelta(days=3650)
    assert denied(
        lambda: keeper.put_object_retention(
            Bucket=bucket, Key=key, VersionId=version, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": later}
        )
    )


def nobody_gets_nothing(store: Store) -> None:
    """Without an account, with one that is unknown, and without its secret."""
    bucket, key = store.one.bucket, new_key()
    store.s3(store.one.keys).put_object(Bucket=bucket, Key=key, Body=b"mine")
    nobody = store.s3(None)
    assert denied(lambda: nobody.list_objects_v2(Bucket=bucket))
    assert denied(lambda: nobody.get_object(Bucket=bucket, Key=key))
    assert denied(lambda: nobody.put_object(Bucket=bucket, Key=key, Body=b"nobody's"))
    assert denied(lambda: nobody.delete_object(Bucket=bucket, Key=key))
    unknown = Keys(access="unknown-g1", secret=store.one.keys.secret)
    with refused("InvalidAccessKeyId"):
        store.s3(unknown).get_object(Bucket=bucket, Key=key)
    forged = Keys(access=store.one.keys.access, secret=store.other.keys.secret)
    with refused("SignatureDoesNotMatch"):
        store.s3(forged).get_object(Bucket=bucket, Key=key)
    with refused("SignatureDoesNotMatch"):
        store.s3(forged).put_object(Bucket=bucket, Key=key, Body=b"forged")
    assert body(store.s3(store.one.keys), bucket, key) == b"mine"


CHECKS: tuple[Check, ...] = (
    a_held_version_is_deleted_by_nobody,
    a_held_version_outlives_its_object,
    retention_is_never_shortened,
    versions_of_a_locked_bucket_cannot_be_given_up,
    a_client_cannot_reach_into_anothers_bucket,
    a_client_does_not_hear_of_other_buckets,
    a_client_cannot_create_or_delete_buckets,
    a_client_cannot_change_its_buckets_settings,
    nobody_gets_nothing,
)
