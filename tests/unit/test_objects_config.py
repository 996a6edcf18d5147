"""How MinIO runs and what its image is: each says the same of the other. MinIO itself reads it in tests/conformance."""

import base64
import hashlib
import hmac
import json
import re
from datetime import UTC, datetime
from pathlib import Path

from components.data.objects import config
from data_tools import objects

MODULE = Path(__file__).parents[2] / "images" / "minio"
DOCKERFILE = (MODULE / "Dockerfile").read_text(encoding="utf-8")


def stamped(variable: str) -> str:
    found = re.search(rf"-X github\.com/minio/minio/cmd\.{variable}=(\S+?)[\s\"]", DOCKERFILE)
    assert found
    return found[1]


def test_the_program_says_of_itself_what_go_mod_pins() -> None:
    pinned = re.search(
        r"(?m)^\tgithub\.com/minio/minio v0\.0\.0-(\d{14})-([0-9a-f]{12})$", (MODULE / "go.mod").read_text()
    )
    assert pinned
    made = datetime.strptime(pinned[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    assert stamped("Version") == f"{made:%Y-%m-%dT%H:%M:%SZ}"
    assert stamped("ReleaseTag") == f"DEVELOPMENT.{made:%Y-%m-%dT%H-%M-%SZ}"
    assert stamped("CopyrightYear") == f"{made:%Y}"
    assert stamped("ShortCommitID") == pinned[2]
    assert re.fullmatch(rf"{pinned[2]}[0-9a-f]{{28}}", stamped("CommitID"))


def test_what_runs_is_where_the_image_has_it() -> None:
    assert f"COPY --from=build /minio {config.COMMAND[0]}\n" in DOCKERFILE
    assert config.COMMAND[1] == "server"
    assert config.COMMAND[-1] == config.DATA_DIR
    assert f"--address=:{config.PORT}" in config.COMMAND


def test_secrets_are_files_of_what_is_mounted() -> None:
    named = {value for key, value in config.ENVIRONMENT.items() if "ROOT" in key}
    assert named == {f"{config.ROOT_DIR}/username", f"{config.ROOT_DIR}/password"}
    assert f"--certs-dir={config.CERTS_DIR}" in config.COMMAND
    assert set(config.CERTIFICATE_FILES) == {"tls.crt", "tls.key", "ca.crt"}


def test_no_clients_account_has_the_administrators_name() -> None:
    assert not re.search(r"-g\d+$", config.ROOT)


def test_unfinished_uploads_go_when_the_buckets_rule_says_so() -> None:
    assert config.ENVIRONMENT["MINIO_API_STALE_UPLOADS_EXPIRY"] == f"{objects.UPLOAD_DAYS * 24}h"


def test_the_token_of_the_metrics_is_signed_with_the_password() -> None:
    head, claims, signature = config.metrics_token("admin", "secret").split(".")

    def decoded(part: str) -> bytes:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

    assert json.loads(decoded(head)) == {"alg": "HS512", "typ": "JWT"}
    assert json.loads(decoded(claims)) == {"accessKey": "admin", "iss": "prometheus", "sub": "admin"}
    assert decoded(signature) == hmac.digest(b"secret", f"{head}.{claims}".encode(), hashlib.sha512)


def test_a_grant_is_in_the_words_of_the_tools() -> None:
    assert config.grant(0) == {"versioning": True, "lock_days": 0}
    assert config.grant(7)["lock_days"] == 7
