"""The running node: what its commands say, and what it is."""

import json
import subprocess
from pathlib import Path

import pytest

from sandbox.cluster import binaries, boot, node, supervisor, worker
from sandbox.cluster.settings import NODE_NAME
from tests.sandbox import harness
from tests.sandbox.harness import Cluster


def test_up_again_changes_no_process(cluster: Cluster) -> None:
    before = {process.name: process.pid for process in supervisor.processes()}
    harness.start(harness.here())
    assert {process.name: process.pid for process in supervisor.processes()} == before


@pytest.mark.usefixtures("cluster")
def test_status_lists_every_process_owner_and_versions() -> None:
    processes, facts = (
        {line.split()[0]: line for line in table.splitlines()}
        for table in harness.here().sandbox("status").split("\n\n")
    )
    assert all("RUNNING" in processes[process.name] for process in supervisor.processes())
    assert facts["owner"].endswith(str(harness.here().folder))
    assert binaries.version() in facts["kubernetes"]


@pytest.mark.usefixtures("cluster")
def test_logs_are_shown_by_name() -> None:
    assert "etcd" in harness.here().sandbox("logs", "etcd")
    refused = harness.here().command("logs", "nothing")
    assert refused.returncode == 1
    assert refused.stderr.startswith("sandbox: no log of nothing; there are: ")
    assert len(refused.stderr.splitlines()) == 1


def test_environment_leads_to_cluster_docker_and_engine(cluster: Cluster) -> None:
    assert json.loads(cluster.kubectl("version", "--output=json"))["serverVersion"]["gitVersion"] == binaries.version()
    assert "overlay2" in cluster.run("docker", "info", "--format", "{{.Driver}}")
    assert "dev" in cluster.run("pulumi", "stack", "ls", "--all")


def test_node_belongs_to_every_zone(cluster: Cluster) -> None:
    found = json.loads(cluster.kubectl("get", "node", NODE_NAME, "--output=json"))
    labels = found["metadata"]["labels"]
    assert {labels[f"zone.code/{zone}"] for zone in worker.ZONES} == {"true"}
    assert labels["topology.kubernetes.io/zone"]
    assert labels["topology.kubernetes.io/region"]
    assert found["status"]["capacity"]["pods"] == str(worker.MAX_PODS)


def test_forwarded_ports_are_the_machines_own(cluster: Cluster) -> None:
    """Nothing of the sandbox can be reached from another machine."""
    ports = {f"{forward.host:04X}" for forward in cluster.wanted.forwards}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    addresses = {row[1].split(":")[0] for row in rows if row[3] == "0A" and row[1].split(":")[1] in ports}
    assert addresses == {"0100007F"}  # 127.0.0.1, in the machine's byte order


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("name", boot.KERNEL_SETTINGS)
def test_kernel_settings_are_the_nodes_only(name: str) -> None:
    inside = node.run("stat", "--format=%d", f"/proc/sys/{name}").stdout
    outside = subprocess.run(["stat", "--format=%d", f"/proc/sys/{name}"], capture_output=True, check=True).stdout
    assert node.run("cat", f"/proc/sys/{name}").stdout.decode().strip() == boot.KERNEL_SETTINGS[name]
    assert inside != outside


def test_an_unauthenticated_caller_sees_health_only(cluster: Cluster) -> None:
    url = cluster.wanted.api_url
    codes = {
        path: cluster.run("curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", f"{url}{path}")
        for path in ("/readyz", "/api/v1/secrets")
    }
    assert codes == {"/readyz": "200", "/api/v1/secrets": "403"}
