"""Check 4: an update that dies, or whose cluster dies, is completed by the next one."""

import os
import signal

from sandbox.cluster import netns, supervisor
from tests.sandbox.platform import Platform
from tests.waiting import until

KINDS = ("namespaces", "deployments", "services", "serviceaccounts", "networkpolicies", "configmaps", "secrets")


def test_check_4_a_killed_cli_and_a_killed_api_server_leave_no_duplicate_and_no_orphan(platform: Platform) -> None:
    complete = platform.objects(*KINDS).keys()
    platform.ok("destroy", "--yes", "--skip-preview")

    with platform.start("up", "--yes", "--skip-preview") as update:
        until("the first deployments", lambda: platform.objects("deployments"), seconds=240)
        os.killpg(update.pid, signal.SIGKILL)
        update.communicate()
    assert platform.objects(*KINDS).keys() < complete, "killed too late to prove anything"
    mend(platform)
    assert platform.objects(*KINDS).keys() == complete

    platform.ok("destroy", "--yes", "--skip-preview")
    with platform.start("up", "--yes", "--skip-preview") as update:
        until("the first deployments", lambda: platform.objects("deployments"), seconds=240)
        os.kill(netns.machine_pids()[supervisor.process("kube-apiserver").pid], signal.SIGKILL)
        update.communicate()
    mend(platform)
    assert platform.objects(*KINDS).keys() == complete
    platform.unchanged()
    _, tools, _ = platform.call("time", "get_current_time", {"timezone": "UTC"})
    assert "get_current_time" in tools


def mend(platform: Platform) -> None:
    """What an operator does next: the same command again."""
    platform.cluster.run("make", "up")
