"""A cluster for the suite, a namespace for each test, and a project whose provider talks to it."""

import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest

from sandbox import paths
from tests.conformance.cli import Cli
from tests.conformance.kubernetes.cluster import OWNER, Cluster, Project, kubeconfig_path


@pytest.fixture(scope="session")
def shared() -> Cluster:
    """The cluster of KUBECONFIG, or the sandbox's; the test is skipped where neither answers."""
    kubectl = shutil.which("kubectl", path=os.pathsep.join((str(paths.STATE / "bin"), os.environ["PATH"])))
    if kubectl is None:
        pytest.skip("no kubectl: `python -m sandbox up` makes one")
    found = Cluster(kubectl, kubeconfig_path())
    answer = found.run("get", "--raw", "/readyz")
    if answer.code:
        pytest.skip(f"no API server at {found.kubeconfig}: {answer.stderr.strip()}")
    return found


@pytest.fixture(scope="session")
def node(shared: Cluster) -> str:
    """The name of a node that runs pods; the test is skipped where there is none."""
    nodes = shared.names("nodes")
    if not nodes:
        pytest.skip("the cluster has no node to run pods")
    return nodes[0]


@pytest.fixture
def cluster(shared: Cluster) -> Iterator[Cluster]:
    """The cluster, in a namespace of the test's own, which ends with it."""
    name = f"conformance-{uuid.uuid4().hex[:8]}"
    shared.ok("create", "namespace", name)
    yield replace(shared, namespace=name)
    for kind in ("namespaces", "clusterroles", "clusterrolebindings", "customresourcedefinitions"):
        shared.ok("delete", kind, "--selector", f"{OWNER}={name}", "--wait=false")
    shared.ok("delete", "namespace", name, "--wait=false")


@pytest.fixture
def project(cli: Cli, cluster: Cluster) -> Project:
    """An empty project on the cluster."""
    cli.environment |= {"KUBECONFIG": str(cluster.kubeconfig), "NAMESPACE": cluster.namespace}
    return Project(cli, cluster)


@pytest.fixture(scope="session")
def image(node: str) -> str:
    """An image with a shell that the sandbox's nodes can pull."""
    return "debian:bookworm-slim"
