"""What starts PostgreSQL's pods: secrets from files, names, and a signal when a certificate is renewed."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import until

DATA = Path(__file__).parents[2] / "components" / "data"
RELOAD = DATA / "scripts" / "reload-on-change.sh"
START = DATA / "postgres" / "scripts" / "start.sh"
REPOSITORY = DATA / "postgres" / "scripts" / "with-repository.sh"

COUNTS = """
echo $$ >"$0.pid"
trap 'echo reloaded >>"$0"' HUP
trap 'exit 0' TERM
while :; do sleep 0.05; done
"""


@pytest.fixture
def reloaded(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path, Path]]:
    """A program under the script, the watched file, and the file with a line for each signal."""
    watched, lines = tmp_path / "tls.crt", tmp_path / "lines"
    watched.write_text("one")
    lines.write_text("")
    process = subprocess.Popen(
        ["sh", RELOAD, watched, "HUP", "sh", "-c", COUNTS, lines],
        env={"PATH": "/usr/bin:/bin", "RELOAD_INTERVAL": "0.1"},
    )
    try:
        until("the program runs", (tmp_path / "lines.pid").exists, seconds=10)
        yield process, watched, lines
    finally:
        process.kill()
        process.wait(timeout=10)


def test_a_changed_file_is_a_signal_once(reloaded: tuple[subprocess.Popen[bytes], Path, Path]) -> None:
    process, watched, lines = reloaded
    watched.write_text("two")
    until("a signal", lambda: lines.read_text() == "reloaded\n", seconds=10)
    # As a Secret is renewed: another file in its place, for a moment none.
    watched.unlink()
    watched.write_text("three")
    until("another signal", lambda: lines.read_text() == "reloaded\n" * 2, seconds=10)
    assert process.poll() is None


def test_the_program_is_the_process_that_was_started(reloaded: tuple[subprocess.Popen[bytes], Path, Path]) -> None:
    process, _, lines = reloaded
    assert (lines.parent / "lines.pid").read_text().strip() == str(process.pid)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    done = subprocess.run(["sh", RELOAD, tmp_path / "none", "HUP", "true"], capture_output=True, check=False)
    assert done.returncode != 0


def test_a_member_starts_with_its_name_and_passwords(tmp_path: Path) -> None:
    for name in ("superuser", "replication", "restapi"):
        (tmp_path / name).write_text(f"{name} $'\" password")
    shown = subprocess.run(
        ["sh", START, tmp_path, "members.data.svc", "env"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    name = subprocess.run(["uname", "-n"], capture_output=True, text=True, check=True).stdout.strip()
    assert f"PATRONI_NAME={name}" in shown
    assert f"PATRONI_POSTGRESQL_CONNECT_ADDRESS={name}.members.data.svc:5432" in shown
    assert f"PATRONI_RESTAPI_CONNECT_ADDRESS={name}.members.data.svc:8008" in shown
    assert "PATRONI_SUPERUSER_PASSWORD=superuser $'\" password" in shown
    (tmp_path / "restapi").unlink()
    assert subprocess.run(["sh", START, tmp_path, "m", "true"], capture_output=True, check=False).returncode != 0


def test_a_command_finds_what_opens_the_repository(tmp_path: Path) -> None:
    for name, text in (("access-key", "a"), ("secret-key", "b"), ("pass", "c")):
        (tmp_path / name).write_text(text)
    shown = subprocess.run(
        ["sh", REPOSITORY, tmp_path, tmp_path / "pass", "env"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    for line in ("PGBACKREST_REPO1_S3_KEY=a", "PGBACKREST_REPO1_S3_KEY_SECRET=b", "PGBACKREST_REPO1_CIPHER_PASS=c"):
        assert line in shown
