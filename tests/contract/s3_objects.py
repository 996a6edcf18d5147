"""What a client does with the objects of its own bucket."""

import base64
import hashlib
import os

from tests.contract.s3_store import Check, Store, body, new_key, refused

MIB = 1 << 20
PART = 5 * MIB
"""The least size of a part that is not the last."""


def objects_are_written_read_and_deleted(store: Store) -> None:
    """The bytes, the type and the metadata, whole or in part; a key may have anything in it."""
    s3, bucket, key = store.s3(store.one.keys), store.one.bucket, new_key("a name with spaces, +, % and ü")
    s3.put_object(Bucket=bucket, Key=key, Body=b"0123456789", ContentType="text/x-test", Metadata={"origin": "here"})
    found = s3.get_object(Bucket=bucket, Key=key)
    assert found["Body"].read() == b"0123456789"
    assert (found["ContentType"], found["Metadata"]) == ("text/x-test", {"origin": "here"})
    assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] == 10
    assert s3.get_object(Bucket=bucket, Key=key, Range="bytes=3-5")["Body"].read() == b"345"
    s3.delete_object(Bucket=bucket, Key=key)
    with refused("NoSuchKey"):
        s3.get_object(Bucket=bucket, Key=key)
    with refused("404"):
        s3.head_object(Bucket=bucket, Key=key)


def an_object_may_be_empty_or_replaced(store: Store) -> None:
    """The last one written is the one that is read."""
    s3, bucket, key = store.s3(store.one.keys), store.one.bucket, new_key()
    s3.put_object(Bucket=bucket, Key=key, Body=b"")
    assert body(s3, bucket, key) == b""
    s3.put_object(Bucket=bucket, Key=key, Body=b"second")
    assert body(s3, bucket, key) == b"second"


def objects_are_listed_by_prefix_in_pages(store: Store) -> None:
    """In the order of their keys, folders as common prefixes."""
    s3, bucket, prefix = store.s3(store.one.keys), store.one.bucket, new_key("")
    keys = [f"{prefix}{name}" for name in ("a", "b", "c/1", "c/2", "d")]
    for key in reversed(keys):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, PaginationConfig={"PageSize": 2})
    listed = [[entry.get("Key") for entry in page.get("Contents", [])] for page in pages]
    assert listed == [keys[:2], keys[2:4], keys[4:]]
    top = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/")
    assert [entry.get("Prefix") for entry in top.get("CommonPrefixes", [])] == [f"{prefix}c/"]
    gone = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})
    assert sorted(entry.get("Key", "") for entry in gone.get("Deleted", [])) == keys
    assert s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["KeyCount"] == 0


def a_copy_is_made_by_the_store(store: Store) -> None:
    """Without the bytes going through the client."""
    s3, bucket, key = store.s3(store.one.keys), store.one.bucket, new_key()
    s3.put_object(Bucket=bucket, Key=key, Body=b"copied")
    s3.copy_object(Bucket=bucket, Key=f"{key}.copy", CopySource={"Bucket": bucket, "Key": key})
    assert body(s3, bucket, f"{key}.copy") == b"copied"


def older_versions_stay_readable(store: Store) -> None:
    """After an object was overwritten, and after it was deleted; a version goes when it is named."""
    s3, bucket, key = store.s3(store.one.keys), store.one.bucket, new_key()
    first, second = (s3.put_object(Bucket=bucket, Key=key, Body=text)["VersionId"] for text in (b"first", b"second"))
    marker = s3.delete_object(Bucket=bucket, Key=key)
    assert marker["DeleteMarker"]
    with refused("NoSuchKey"):
        s3.get_object(Bucket=bucket, Key=key)
    assert [body(s3, bucket, key, version) for version in (first, second)] == [b"first", b"second"]
    listed = s3.list_object_versions(Bucket=bucket, Prefix=key)
    assert [entry.get("VersionId") for entry in listed.get("Versions", [])] == [second, first]
    assert [entry.get("VersionId") for entry in listed.get("DeleteMarkers", [])] == [marker["VersionId"]]
    s3.delete_object(Bucket=bucket, Key=key, VersionId=marker["VersionId"])
    assert body(s3, bucket, key) == b"second"
    s3.delete_object(Bucket=bucket, Key=key, VersionId=second)
    assert body(s3, bucket, key) == b"first"


def a_large_object_is_put_together_of_parts(store: Store) -> None:
    """In the order of their numbers, whatever order they came in; nothing is there before."""
    s3, bucket, key = store.s3(store.one.keys), store.one.bucket, new_key()
    content = os.urandom(2 * PART + 1)
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    tags: dict[int, str] = {}
    for number in (3, 1, 2):
        part = content[(number - 1) * PART : number * PART]
        made = s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=part)
        tags[number] = made["ETag"]
    with refused("NoSuchKey"):
        s3.get_object(Bucket=bucket, Key=key)
    parts = s3.list_parts(Bucket=bucket, Key=key, UploadId=upload).get("Parts", [])
    assert [(part.get("PartNumber"), part.get("Size")) for part in parts] == [(1, PART), (2, PART), (3, 1)]
    s3.complete_multipart_upload(
        Bucket=bucket,
        Key=key,
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": number, "ETag": tags[number]} for number in sorted(tags)]},
    )
    assert hashlib.sha256(body(s3, bucket, key)).digest() == hashlib.sha256(content).digest()
    across = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes={PART - 2}-{PART + 1}")["Body"].read()
    assert across == content[PART - 2 : PART + 2]


def an_aborted_upload_leaves_nothing(store: Store) -> None:
    """No parts, no upload, no object."""
    s3, bucket, key = store.s3(store.one.keys), store.one.bucket, new_key()
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=bytes(PART))
    running = s3.list_multipart_uploads(Bucket=bucket, Prefix=key).get("Uploads", [])
    assert [entry.get("UploadId") for entry in running] == [upload]
    s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
    assert not s3.list_multipart_uploads(Bucket=bucket, Prefix=key).get("Uploads")
    with refused("NoSuchUpload"):
        s3.list_parts(Bucket=bucket, Key=key, UploadId=upload)
    with refused("NoSuchKey"):
        s3.get_object(Bucket=bucket, Key=key)


def a_part_that_is_too_small_is_refused(store: Store) -> None:
    """Only the last one may be."""
    s3, bucket, key = store.s3(store.one.keys), store.one.bucket, new_key()
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    tags = [
        s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=b"small")["ETag"]
        for number in (1, 2)
    ]
    with refused("EntityTooSmall"):
        s3.complete_multipart_upload(
            Bucket=bucket,
            Key=key,
            UploadId=upload,
            MultipartUpload={
                "Parts": [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, start=1)]
            },
        )
    s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)


def what_does_not_have_its_checksum_is_refused(store: Store) -> None:
    """And nothing is written; a right one is kept."""
    s3, bucket, key = store.s3(store.one.keys), store.one.bucket, new_key()
    wrong_md5 = base64.b64encode(hashlib.md5(b"other", usedforsecurity=False).digest()).decode()
    right, wrong = (base64.b64encode(hashlib.sha256(text).digest()).decode() for text in (b"content", b"other"))
    with refused("BadDigest"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"content", ContentMD5=wrong_md5)
    # S3 says BadDigest, others have a word of their own for this header.
    with refused("BadDigest", "XAmzContentChecksumMismatch"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"content", ChecksumSHA256=wrong)
    with refused("NoSuchKey"):
        s3.get_object(Bucket=bucket, Key=key)
    s3.put_object(Bucket=bucket, Key=key, Body=b"content", ChecksumSHA256=right)
    assert s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED").get("ChecksumSHA256") == right


CHECKS: tuple[Check, ...] = (
    objects_are_written_read_and_deleted,
    an_object_may_be_empty_or_replaced,
    objects_are_listed_by_prefix_in_pages,
    a_copy_is_made_by_the_store,
    older_versions_stay_readable,
    a_large_object_is_put_together_of_parts,
    an_aborted_upload_leaves_nothing,
    a_part_that_is_too_small_is_refused,
    what_does_not_have_its_checksum_is_refused,
)
