"""Check 8: what is secret lies nowhere in plain text."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

from sandbox import paths
from tests.sandbox.platform import Platform

CERTIFICATES = (("mcp-dmz", "edge-tls"), ("mcp-management", "code-ca"), ("mcp-management", "code-shown"))
"""Secrets with private keys: the edge's, the authority's, and the one that the program reads."""


def test_check_8_private_keys_lie_nowhere_in_plain_text(platform: Platform) -> None:
    needles = [needle for where in CERTIFICATES for needle in forms(line_of_key(platform, *where))]
    in_cluster = json.dumps(platform.objects("secrets"))
    assert sum(needle.decode() in in_cluster for needle in needles) >= len(CERTIFICATES), "the search finds nothing"
    shown = platform.ok("preview", "--diff") + platform.ok("stack", "export") + platform.ok("stack", "output", "--json")
    (paths.STATE / "shown.txt").write_text(shown)
    try:
        searched = list(files(paths.STATE))
        found = [str(path) for path in searched if holds(path, needles)]
    finally:
        (paths.STATE / "shown.txt").unlink()
    assert found == []
    # What must be among them, by the folder or file that it lies in.
    for place in ("pulumi", "node/etcd", "logs/audit.log", "logs/kube-apiserver.log", "logs/pods", "Pulumi.dev.yaml"):
        assert any(path.is_relative_to(paths.STATE / place) for path in searched), place


def test_the_edges_and_the_authoritys_key_are_not_even_encrypted_in_the_state(platform: Platform) -> None:
    state = platform.ok("stack", "export", "--show-secrets")
    for namespace, name in CERTIFICATES:
        key = [needle.decode() in state for needle in forms(line_of_key(platform, namespace, name))]
        assert any(key) == (name == "code-shown"), name


def line_of_key(platform: Platform, namespace: str, name: str) -> str:
    """A line from the middle of a private key: a random value."""
    key = platform.cluster.kubectl(
        "get",
        "secret",
        name,
        f"--namespace={namespace}",
        '--output=go-template={{index .data "tls.key" | base64decode}}',
    )
    return key.splitlines()[2]


def forms(text: str) -> Iterator[bytes]:
    """A text as it is, and as it looks inside base64 at each of the three places it can begin at."""
    yield text.encode()
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + text.encode())
        # The ends mix with their neighbours: what is between is the text's alone.
        yield coded[4:-4]


def files(folder: Path) -> Iterator[Path]:
    """Every regular file below a folder that is still there when it is looked at."""
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def holds(path: Path, needles: list[bytes]) -> bool:
    """Whether a file holds one of the byte strings."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return False  # gone while we looked: a scratch file
    return any(needle in content for needle in needles)
