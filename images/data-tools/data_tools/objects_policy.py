"""What a client of the object store may do: everything with the objects of its bucket, nothing with the bucket."""

from typing import Any

_BUCKET = (
    "s3:GetBucketLocation",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketVersioning",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:ListBucketVersions",
)

_OBJECTS = (
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:DeleteObjectTagging",
    "s3:DeleteObjectVersion",
    "s3:GetObject",
    "s3:GetObjectLegalHold",
    "s3:GetObjectRetention",
    "s3:GetObjectTagging",
    "s3:GetObjectVersion",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
    "s3:PutObjectTagging",
)


def policy(bucket: str) -> dict[str, Any]:
    """The policy document of the client that has this bucket.

    Deleting a version is among it: what must not go before its time is held by object lock, against everybody.
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": list(_BUCKET), "Resource": [f"arn:aws:s3:::{bucket}"]},
            {"Effect": "Allow", "Action": list(_OBJECTS), "Resource": [f"arn:aws:s3:::{bucket}/*"]},
            # No further keys: they would outlive the account's generation.
            {"Effect": "Deny", "Action": ["admin:*"], "Resource": ["arn:aws:s3:::*"]},
        ],
    }
