"""The store that the S3 contract is checked on, and how it is spoken to: by boto3, as anybody would."""

import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

TIMEOUT_S = 20


@dataclass(frozen=True, kw_only=True)
class Keys:
    """An account."""

    access: str
    secret: str


@dataclass(frozen=True, kw_only=True)
class Client:
    """Somebody who has one bucket, and the platform's rights in it."""

    keys: Keys
    bucket: str


@dataclass(frozen=True, kw_only=True)
class Store:
    """What the checks need of a store that has nothing but these accounts and buckets. All buckets are versioned."""

    url: str
    ca: Path
    region: str
    admin: Keys
    one: Client
    other: Client
    keeper: Client
    """Whose bucket holds each version in COMPLIANCE mode for at least a day."""

    def s3(self, keys: Keys | None) -> "S3Client":
        """A client of an account; None: of nobody. It does not try again: each refusal is seen once."""
        # Addressed by path: the certificate has the store's name, not one for each bucket.
        config = Config(
            s3={"addressing_style": "path"},
            signature_version="s3v4" if keys else UNSIGNED,
            retries={"total_max_attempts": 1},
            connect_timeout=TIMEOUT_S,
            read_timeout=TIMEOUT_S,
        )
        client: S3Client = cast(Any, boto3).client(
            "s3",
            endpoint_url=self.url,
            verify=str(self.ca),
            region_name=self.region,
            aws_access_key_id=keys.access if keys else None,
            aws_secret_access_key=keys.secret if keys else None,
            config=config,
        )
        return client


Check = Callable[[Store], None]


def new_key(name: str = "object") -> str:
    """A key that no other check, and no earlier run, has used."""
    return f"contract/{uuid.uuid4().hex}/{name}"


def code(error: ClientError) -> str:
    """S3's word for an error; of a HEAD, which has no body, the status."""
    return error.response.get("Error", {}).get("Code", "")


@contextmanager
def refused(*codes: str) -> Generator[None]:
    """What is done in this block ends in an error of the caller's; of one of these codes, if there are any."""
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    assert status // 100 == 4, error
    assert not codes or code(error) in codes, error


def denied(call: Callable[[], object]) -> bool:
    """Whether a call is refused for lack of rights; any other error is raised."""
    try:
        call()
    except ClientError as error:
        if code(error) in {"AccessDenied", "403"}:
            return True
        raise
    return False


def body(s3: "S3Client", bucket: str, key: str, version: str | None = None) -> bytes:
    """What an object, or one version of it, holds."""
    found = (
        s3.get_object(Bucket=bucket, Key=key, VersionId=version) if version else s3.get_object(Bucket=bucket, Key=key)
    )
    return found["Body"].read()
