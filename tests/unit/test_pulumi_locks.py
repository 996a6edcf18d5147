"""A dead CLI's lock is released, a living one's is not."""

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

from sandbox import pulumi_locks


def lock(backend: Path, pid: int, hostname: str) -> Path:
    folder = backend / ".pulumi" / "locks" / "organization" / "code" / "dev"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{pid}-{hostname}.json"
    path.write_text(json.dumps({"pid": pid, "username": "root", "hostname": hostname, "timestamp": "t"}))
    path.with_name(f"{path.name}.attrs").write_text("{}")
    return path


def test_only_the_locks_of_the_dead_are_released(tmp_path: Path) -> None:
    here = socket.gethostname()
    pulumi = shutil.copy(shutil.which("sleep") or "sleep", tmp_path / "pulumi")
    with subprocess.Popen([pulumi, "60"]) as living:
        try:
            held, elsewhere = lock(tmp_path, living.pid, here), lock(tmp_path, living.pid, "another-machine")
            # This process lives, but is no Pulumi CLI: the number was given out anew.
            stale = lock(tmp_path, os.getpid(), here)
            pulumi_locks.release_dead(tmp_path)
        finally:
            living.kill()
    assert held.exists()
    assert elsewhere.exists()
    assert not stale.exists()
    assert not stale.with_name(f"{stale.name}.attrs").exists()
    pulumi_locks.release_dead(tmp_path)
    assert not held.exists()


def test_no_backend_is_no_error(tmp_path: Path) -> None:
    pulumi_locks.release_dead(tmp_path / "none")
