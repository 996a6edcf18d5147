"""What the stand-in for docker refuses, as a user sees it in a preview."""

import textwrap
from pathlib import Path

import pytest

from tests.conformance.cli import Cli

REFUSED = {
    "unknown input": (
        """
        class Network(pulumi.CustomResource):
            def __init__(self): super().__init__("docker:index/network:Network", "n", {"name": "n", "internl": True})
        Network()
        """,
        "property internl value {true} has a problem: unknown property; did you mean 'internal'?",
    ),
    "container": ("docker.Container('c', image='x')", "does not support docker:index/container:Container (c)"),
    "nobody at the host": (
        """
        provider = docker.Provider('p', host='unix:///nowhere/docker.sock')
        docker.Network('n', opts=pulumi.ResourceOptions(provider=provider))
        """,
        "cannot reach Docker at unix:///nowhere/docker.sock: [Errno 2] No such file or directory",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_preview(project: Cli, case: str) -> None:
    source, reason = REFUSED[case]
    project.program("import pulumi\nimport pulumi_docker as docker\n" + textwrap.dedent(source))
    refused = project.run("preview")
    assert refused.code != 0
    assert reason in " ".join(refused.text.split())


def test_provider_of_its_own(project: Cli, tmp_path: Path) -> None:
    """The host of the program wins over the environment's."""
    host = project.environment["DOCKER_HOST"]
    project.environment["DOCKER_HOST"] = f"unix://{tmp_path}/nobody.sock"
    project.program(
        f"""
        import pulumi
        import pulumi_docker as docker

        login = docker.ProviderRegistryAuthArgs(address="registry.example", username="me", password="not a secret")
        provider = docker.Provider("p", host={host!r}, registry_auth=[login])
        network = docker.Network("n", opts=pulumi.ResourceOptions(provider=provider))
        pulumi.export("driver", network.driver)
        """
    )
    project.up()
    assert project.outputs() == {"driver": "bridge"}
    project.ok("destroy", "--yes", "--skip-preview")
