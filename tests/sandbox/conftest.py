"""Fixtures of the checks in the sandbox."""

import shutil

import pytest

from tests.sandbox import harness
from tests.sandbox.harness import Cluster
from tests.sandbox.platform import Platform


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The machine's sandbox, up; it is left up for whoever comes next."""
    return harness.start(harness.here())


@pytest.fixture(scope="session")
def deployed(cluster: Cluster) -> Platform:
    """The dev stack, deployed once for all checks."""
    if not shutil.which("pulumi", path=cluster.environment["PATH"]):
        pytest.skip("no Pulumi engine: none on PATH, and `python -m sandbox up` could not build it")
    platform = Platform(cluster)
    platform.up()
    return platform


@pytest.fixture
def platform(deployed: Platform) -> Platform:
    """The dev stack, deployed."""
    return deployed
