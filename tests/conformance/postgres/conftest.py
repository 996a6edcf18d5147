"""The machine that clusters run on, and the commonest of them: one member, for tests that leave it as it was."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.data.postgres.patroni import Members
from components.data.postgres.sizing import Sizing
from sandbox import packages
from sandbox.cluster import pki
from tests.conformance.postgres.members import Cluster, Machine, environment, running
from tests.conformance.postgres.pods import Network

MEMBERS = Members(
    workload="postgres-members",
    namespace="mcp-data",
    sizing=Sizing(memory_mib=1024, max_connections=100),
    synchronous=False,
    archive_s=None,
)


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    """A network, and Patroni's programs."""
    packages.install(["iproute2", "pgbackrest", "pgbouncer", "postgresql-15", "prometheus-postgres-exporter"])
    # Not below /tmp, of which each pod has its own, nor where only root may look.
    folder = Path(tempfile.mkdtemp(prefix="postgres-", dir="/var/tmp"))
    folder.chmod(0o755)
    network = Network(folder)
    try:
        yield Machine(network, environment(folder / "venv"), pki.authority(folder / "keys", "ca", "test"), folder)
    finally:
        network.close()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def single(machine: Machine) -> Iterator[Cluster]:
    """A cluster of one member without backups."""
    with running(machine, MEMBERS, 1) as cluster:
        yield cluster
