"""Pushes images of the store to a registry by the distribution protocol.

Run as `python -m sandbox.images.push REGISTRY REPOSITORY:TAG@DIGEST ...`, in the network namespace that the registry
listens in. Prints a line per image that the registry did not have.
"""

import http.client
import json
import sys
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from sandbox.images.layers import BLOBS
from sandbox.images.oci import MANIFEST

TIMEOUT_S = 60


class RefusedError(Exception):
    """The registry's answer was not the expected one."""


def main(registry: str, references: list[str]) -> int:
    """Push each image that is missing; 1 with a line on stderr if the registry fails."""
    connection = http.client.HTTPConnection(registry, timeout=TIMEOUT_S)
    try:
        for reference in references:
            name, _, digest = reference.partition("@")
            repository, _, tag = name.rpartition(":")
            if _digest_of(connection, repository, tag) != digest:
                _push(connection, repository, tag, digest)
                print(f"{repository}:{tag}")
    except (OSError, http.client.HTTPException, RefusedError) as error:
        print(f"registry {registry}: {error}", file=sys.stderr)
        return 1
    finally:
        connection.close()
    return 0


def _push(connection: http.client.HTTPConnection, repository: str, tag: str, digest: str) -> None:
    manifest = _blob(digest).read_bytes()
    parts = json.loads(manifest)
    for part in cast("list[dict[str, str]]", [*parts["layers"], parts["config"]]):
        _push_blob(connection, repository, part["digest"])
    _request(connection, "PUT", f"/v2/{repository}/manifests/{tag}", 201, manifest, {"Content-Type": MANIFEST})


def _push_blob(connection: http.client.HTTPConnection, repository: str, digest: str) -> None:
    status, _ = _exchange(connection, "HEAD", f"/v2/{repository}/blobs/{digest}")
    if status == http.client.OK:
        return
    headers = _request(connection, "POST", f"/v2/{repository}/blobs/uploads/", 202)
    place = urlsplit(headers["Location"])
    query = f"{place.query}&digest={digest}" if place.query else f"digest={digest}"
    path = _blob(digest)
    length = {"Content-Length": str(path.stat().st_size), "Content-Type": "application/octet-stream"}
    with path.open("rb") as content:
        connection.request("PUT", f"{place.path}?{query}", body=content, headers=length)
        answer = connection.getresponse()
        said = answer.read()
    if answer.status != http.client.CREATED:
        raise RefusedError(f"blob {digest} of {repository}: {answer.status} {said[:200].decode(errors='replace')}")


def _digest_of(connection: http.client.HTTPConnection, repository: str, tag: str) -> str | None:
    """The digest that the registry serves under a tag, None if it has no such tag."""
    status, headers = _exchange(connection, "HEAD", f"/v2/{repository}/manifests/{tag}", headers={"Accept": MANIFEST})
    if status not in {http.client.OK, http.client.NOT_FOUND}:
        raise RefusedError(f"{repository}:{tag}: {status}")
    return headers["Docker-Content-Digest"]


def _request(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    expected: int,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> http.client.HTTPMessage:
    status, answer = _exchange(connection, method, path, body, headers)
    if status != expected:
        raise RefusedError(f"{method} {path}: {status}")
    return answer


def _exchange(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, http.client.HTTPMessage]:
    connection.request(method, path, body=body, headers=headers or {})
    answer = connection.getresponse()
    answer.read()
    return answer.status, answer.headers


def _blob(digest: str) -> Path:
    return BLOBS / digest.removeprefix("sha256:")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
