"""Nothing the host started outlives the CLI, however that ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.conformance.cli import Cli
from tests.waiting import until

# It says that it runs, starts a process of its own, and would stay for an hour.
LINGERING = """
import subprocess, sys, time

subprocess.Popen(["sleep", "3600"])
print("running", flush=True)
time.sleep(3600)
"""
DEADLINE_S = 20.0


def _running(process: subprocess.Popen[str], text: str = "running") -> list[psutil.Process]:
    """Wait until the program says that it runs; all processes below the CLI then."""
    assert process.stdout is not None
    for line in process.stdout:
        if text in line:
            break
    else:
        pytest.fail("the program never ran")
    below = psutil.Process(process.pid).children(recursive=True)
    assert any("pulumi-language-python-exec" in " ".join(p.cmdline()) for p in below)
    return below


def _gone(processes: list[psutil.Process]) -> bool:
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes)


def test_ctrl_c_cancels_the_update_and_leaves_nothing(cli: Cli) -> None:
    cli.program(LINGERING)
    process = cli.start("up", "--yes", "--skip-preview")
    below = _running(process)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=DEADLINE_S)

    assert process.returncode != 0
    assert "update canceled" in said
    assert "Traceback" not in said
    until("everything below the CLI is gone", lambda: _gone(below), seconds=DEADLINE_S)
    cli.ok("stack", "export")  # the stack is not left locked


def test_a_program_has_time_to_leave_when_it_is_cancelled(cli: Cli, tmp_path: Path) -> None:
    cli.program(
        f"""
        import pathlib, signal, subprocess, sys, time

        def leave(*_):
            time.sleep(0.3)
            pathlib.Path({str(tmp_path / "left")!r}).touch()
            sys.exit(1)

        signal.signal(signal.SIGTERM, leave)
        subprocess.Popen(["sleep", "3600"])
        print("running", flush=True)
        time.sleep(3600)
        """
    )
    process = cli.start("up", "--yes", "--skip-preview")
    below = _running(process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=DEADLINE_S)

    assert (tmp_path / "left").exists()
    until("everything below the CLI is gone", lambda: _gone(below), seconds=DEADLINE_S)


def test_a_program_that_ignores_being_cancelled_is_killed(cli: Cli) -> None:
    cli.program("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + LINGERING)
    process = cli.start("up", "--yes", "--skip-preview")
    below = _running(process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=DEADLINE_S)

    until("everything below the CLI is gone", lambda: _gone(below), seconds=DEADLINE_S)


def test_a_killed_cli_leaves_nothing(cli: Cli) -> None:
    cli.program(LINGERING)
    process = cli.start("up", "--yes", "--skip-preview")
    below = _running(process)
    process.kill()

    until("everything below the CLI is gone", lambda: _gone(below), seconds=DEADLINE_S)


def test_a_killed_host_leaves_no_program(cli: Cli) -> None:
    cli.program("import time; print('running', flush=True); time.sleep(3600)")
    process = cli.start("up", "--yes", "--skip-preview")
    below = _running(process)
    host = next(p for p in below if p.ppid() == process.pid)
    os.kill(host.pid, signal.SIGKILL)
    process.communicate(timeout=DEADLINE_S)

    assert process.returncode != 0
    until("everything below the CLI is gone", lambda: _gone(below), seconds=DEADLINE_S)


def test_a_cli_killed_with_a_policy_pack_leaves_nothing(cli: Cli) -> None:
    cli.program(LINGERING)
    cli.write("pack/PulumiPolicy.yaml", f"runtime: {{name: python, options: {{virtualenv: {sys.prefix}}}}}")
    cli.write(
        "pack/__main__.py",
        """
        from pulumi_policy import EnforcementLevel, PolicyPack, StackValidationPolicy

        fine = StackValidationPolicy("fine", "all is", lambda args, report: None, EnforcementLevel.ADVISORY)
        PolicyPack("pack", policies=[fine])
        """,
    )
    process = cli.start("up", "--yes", "--skip-preview", "--policy-pack", "pack")
    below = _running(process)
    assert any("pulumi.policy" in " ".join(p.cmdline()) for p in below)
    process.kill()

    until("everything below the CLI is gone", lambda: _gone(below), seconds=DEADLINE_S)
