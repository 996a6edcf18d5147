"""Check 8: what is secret lies nowhere in plain text."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

from sandbox import paths
from tests.sandbox.platform import Platform

EDGE_KEY = paths.STATE / "edge" / "edge-key.pem"
"""The one file that holds it: where the sandbox made it."""


def test_check_8_the_edge_key_lies_nowhere_in_plain_text(platform: Platform) -> None:
    # A line from the middle of the key is a random value that went through config, a Pulumi secret and a Secret.
    key = EDGE_KEY.read_text()
    needles = list(forms(key.splitlines()[2]))
    in_cluster = json.dumps(platform.objects("secrets"))
    assert any(needle.decode() in in_cluster for needle in needles), "the search would not find what is there"
    shown = platform.ok("preview", "--diff") + platform.ok("stack", "export") + platform.ok("stack", "output", "--json")
    (paths.STATE / "shown.txt").write_text(shown)
    try:
        searched = [path for path in files(paths.STATE) if path != EDGE_KEY]
        found = [str(path) for path in searched if holds(path, needles)]
    finally:
        (paths.STATE / "shown.txt").unlink()
    assert found == []
    # What must be among them, by the folder or file that it lies in.
    for place in ("pulumi", "node/etcd", "logs/audit.log", "logs/kube-apiserver.log", "logs/pods", "Pulumi.dev.yaml"):
        assert any(path.is_relative_to(paths.STATE / place) for path in searched), place
    assert holds(EDGE_KEY, needles)


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
