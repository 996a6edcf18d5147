"""The examples of docs/vocabulary.md, deployed: every pair of pods is tried on every port."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox import images, paths
from sandbox.cluster import node
from sandbox.engine.engine import Engine
from tests.conformance.cli import Cli, make_project
from tests.conformance.conftest import engine as engine
from tests.sandbox.harness import Cluster
from tests.vocabulary import examples
from tests.vocabulary.squid import OUTSIDE_PORT
from tests.waiting import until

PROGRAM = """
import os
from functools import partial
from pathlib import Path

import pulumi

from components.cluster import Cluster
from components.images import ImageSource, build
from tests.vocabulary import examples
from tests.vocabulary.examples import Setting
from tests.vocabulary.squid import minimal_squid

source = ImageSource(registry=os.environ["REGISTRY"], lock=Path(os.environ["IMAGE_LOCK"]))
node = os.environ["NODE_ADDRESS"]
cluster = Cluster(api_cidrs=[node + "/32"], api_port=6443, node_cidrs=[node + "/32"])
squid = build("vocabulary-squid", source, context="squid", base="debian", tag="5")
if os.environ["WITHOUT"]:
    # It shall fail, and not take ten minutes for it.
    pulumi.runtime.register_stack_transformation(
        lambda args: pulumi.ResourceTransformationResult(
            args.props,
            pulumi.ResourceOptions.merge(
                args.opts, pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="30s", update="30s"))
            ),
        )
    )
examples.run(
    Setting(
        cluster=cluster,
        image=source.upstream("python"),
        minimal_squid=partial(minimal_squid, image=squid, outside=node),
    ),
    without=os.environ["WITHOUT"],
    skip=examples.OUTSIDE,
)
pulumi.export("graph", cluster.graph.rows())
"""

PROBE_S = 2.0
"""A connection that is not there by then never comes: a packet that is let through takes a millisecond here."""

PROBE = f"""
import asyncio, json, sys

async def one(address, port):
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), {PROBE_S})
        writer.close()
        return "open"
    except ConnectionRefusedError:
        return "refused"  # it got there, and nobody listened
    except (TimeoutError, asyncio.TimeoutError, OSError):
        return "shut"

async def main():
    targets = json.loads(sys.argv[1])
    said = await asyncio.gather(*(one(address, port) for address, port in targets))
    print(json.dumps(said))

asyncio.run(main())
"""

SHELL_PROBE = f"""
for target; do
    (timeout {PROBE_S} bash -c "</dev/tcp/$target" 2>/dev/null; case $? in
        0) echo "$target open";; 124) echo "$target shut";; *) echo "$target refused";; esac) &
    n=$((n + 1)); [ $((n % 16)) -ne 0 ] || wait  # its memory is limited
done
wait
"""

UNDECLARED = 7777
NAMESPACES = (examples.PREFIX, "mcp-host-agents")


@dataclass(frozen=True)
class Pod:
    """A running pod of an example."""

    workload: str
    name: str
    namespace: str
    address: str


@dataclass(frozen=True)
class Deployed:
    """All examples but the last, in the sandbox."""

    cluster: Cluster
    cli: Cli
    pods: list[Pod]
    edges: list[dict[str, str]]

    def of(self, workload: str) -> Pod:
        """One pod of a workload."""
        return next(pod for pod in self.pods if pod.workload == workload)

    def python(self, pod: Pod, source: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python in a pod; the exit code is the caller's to judge."""
        return self.run(pod, "python3", "-c", source, *arguments)

    def run(self, pod: Pod, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run a program in a pod; the exit code is the caller's to judge."""
        command = ["kubectl", "exec", f"--namespace={pod.namespace}", pod.name, "--", *argv]
        return subprocess.run(command, env=dict(self.cluster.environment), capture_output=True, text=True, check=False)

    def knock(self, pod: Pod, targets: list[tuple[str, int]]) -> list[str]:
        """What a pod finds at each (address, port): open, refused or shut."""
        if pod.workload == "egress":  # Squid's image has a shell, and no Python
            done = self.run(pod, "bash", "-c", SHELL_PROBE, "bash", *(f"{address}/{port}" for address, port in targets))
            said = dict(line.split() for line in done.stdout.splitlines())
            return [said[f"{address}/{port}"] for address, port in targets]
        done = self.python(pod, PROBE, json.dumps(targets))
        assert done.returncode == 0, f"{pod.name}: {done.stderr}"
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def deployed(
    cluster: Cluster,
    engine: Engine,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Deployed]:
    cli = _project(cluster, engine, tmp_path_factory.mktemp("vocabulary"))
    pack = _pack(cli.folder.parent)
    cli.ok("up", "--yes", "--policy-pack", str(pack), timeout_s=400)
    try:
        cluster.kubectl("create", "job", "tidy-now", "--namespace=example-backend", "--from=cronjob/tidy")
        pods = until("pods of all examples", lambda: _running(cluster), seconds=120)
        yield Deployed(cluster, cli, pods, cli.outputs()["graph"]["edges"])
    finally:
        cli.ok("destroy", "--yes", "--skip-preview", timeout_s=400)
        cli.close()


def _project(cluster: Cluster, engine: Engine, folder: Path) -> Cli:
    make_project(engine, folder)
    cli = Cli(engine, folder)
    cli.environment |= {
        **{name: cluster.environment[name] for name in ("KUBECONFIG", "DOCKER_HOST")},
        "PYTHONPATH": str(paths.CHECKOUT),
        "REGISTRY": "127.0.0.1:5000",
        "IMAGE_LOCK": str(images.LOCK),
        "NODE_ADDRESS": str(cluster.wanted.network.node),
        "WITHOUT": "",
    }
    shutil.copytree(paths.CHECKOUT / "tests" / "vocabulary" / "images", cli.folder / "images")
    cli.program(PROGRAM)
    return cli


def _pack(folder: Path) -> Path:
    """The security pack with the exceptions that the page lists."""
    shutil.copytree(paths.CHECKOUT / "policies", folder / "policies")
    (folder / ".venv").symlink_to(paths.CHECKOUT / ".venv")
    pack = folder / "policies" / "security"
    (pack / "exceptions.yaml").write_text(examples.exceptions())
    return pack


def _running(cluster: Cluster) -> list[Pod]:
    """All pods, once every workload's are running and none is going away; else none."""
    found = json.loads(cluster.kubectl("get", "pods", "-A", "-l", "app.kubernetes.io/part-of=code", "-o", "json"))
    items = [item for item in found["items"] if item["metadata"]["namespace"].startswith(NAMESPACES)]
    if any("deletionTimestamp" in i["metadata"] or i["status"].get("phase") != "Running" for i in items):
        return []
    pods = [
        Pod(
            workload=item["metadata"]["labels"]["app.kubernetes.io/name"],
            name=item["metadata"]["name"],
            namespace=item["metadata"]["namespace"],
            address=item["status"]["podIP"],
        )
        for item in items
    ]
    return pods if "tidy" in {pod.workload for pod in pods} else []


def _declared(deployed: Deployed) -> set[tuple[str, str, int]]:
    return {
        (edge["from"], edge["owner"], int(port.split("/")[0]))
        for edge in deployed.edges
        for port in edge["ports"].split()
        if edge["owner"] and edge["from_tier"]
    }


def _targets(deployed: Deployed) -> list[int]:
    return sorted({port for _, _, port in _declared(deployed)} | {8080, 8443, UNDECLARED})


def test_every_pair_of_pods_on_every_port(deployed: Deployed) -> None:
    ports = _targets(deployed)
    declared = _declared(deployed)

    def probe(source: Pod) -> list[tuple[Pod, Pod, int, str]]:
        targets = [(pod, port) for pod in deployed.pods for port in ports if pod != source]
        asked = [(pod.address, port) for pod, port in targets]
        answers = deployed.knock(source, asked)
        return [(source, pod, port, said) for (pod, port), said in zip(targets, answers, strict=True)]

    with ThreadPoolExecutor(max_workers=4) as pool:
        matrix = [entry for row in pool.map(probe, deployed.pods) for entry in row]

    reached = {(s.name, t.name, port) for s, t, port, said in matrix if said != "shut"}
    wanted = {(s.name, t.name, port) for s, t, port, _ in matrix if (s.workload, t.workload, port) in declared}
    assert reached == wanted
    # Nothing was closed for want of a listener: what is declared is open, not refused.
    assert {said for s, t, port, said in matrix if (s.name, t.name, port) in wanted} == {"open"}
    print(f"matrix: {len(matrix)} (pod, pod, port), {len(wanted)} open, of {len(deployed.pods)} pods on {ports}")
    assert len(matrix) > 2000


def test_3_the_host_port_answers_at_the_node_to_who_was_handed_it(deployed: Deployed) -> None:
    address = str(deployed.cluster.wanted.network.node)
    knock = (
        f"import os, socket; socket.create_connection((os.environ.get('AGENT_HOST', {address!r}), 14317), timeout=2)"
    )
    assert deployed.python(deployed.of("emitter"), knock).returncode == 0
    assert "timed out" in deployed.python(deployed.of("worker"), knock).stderr


def test_3_without_its_exceptions_the_pack_refuses_it(deployed: Deployed) -> None:
    result = deployed.cli.run("preview", "--policy-pack", str(paths.CHECKOUT / "policies" / "security"))
    assert result.code != 0
    for refused in ("k8s-pod-isolation", "k8s-namespace-default-deny"):
        assert refused in result.text, result.text


def test_4_a_name_is_reached_through_the_proxy_and_another_is_not(deployed: Deployed) -> None:
    with outside_server(deployed):
        ask = f"""
import sys, urllib.request
print(urllib.request.urlopen(f"http://{{sys.argv[1]}}:{OUTSIDE_PORT}/", timeout=10).status)
"""
        done = deployed.python(deployed.of("caller"), ask, "partner.example")
        assert done.stdout.strip() == "200", done.stderr
        assert "403" in deployed.python(deployed.of("caller"), ask, "other.example").stderr
        address = str(deployed.cluster.wanted.network.node)
        direct = f"import socket; socket.create_connection(({address!r}, {OUTSIDE_PORT}), timeout=2)"
        assert "timed out" in deployed.python(deployed.of("caller"), direct).stderr, "the way around the proxy is open"


def outside_server(deployed: Deployed) -> subprocess.Popen[bytes]:
    """A server at the node's own address: outside of the cluster, as far as a NetworkPolicy is concerned."""
    address = str(deployed.cluster.wanted.network.node)
    server = _Server([*node.enter(), sys.executable, "-c", examples.LISTEN, str(OUTSIDE_PORT)])
    until(
        "the server outside",
        lambda: (
            not subprocess.run(
                [*node.enter(), "bash", "-c", f"</dev/tcp/{address}/{OUTSIDE_PORT}"], capture_output=True, check=False
            ).returncode
        ),
        seconds=10,
    )
    return server


class _Server(subprocess.Popen[bytes]):
    """Ends with its `with`."""

    def __exit__(self, *error: Any) -> None:  # noqa: ANN401
        self.terminate()
        super().__exit__(*error)


def test_8_the_api_server_reaches_the_webhook(deployed: Deployed) -> None:
    said = deployed.cluster.kubectl(
        "get", "--raw", "/api/v1/namespaces/example-management/services/http:hook:443/proxy/"
    )
    assert said.strip() == "hi"


def test_9_the_controller_may_do_what_it_declared_and_no_more(deployed: Deployed) -> None:
    controller = deployed.of("controller")
    assert deployed.python(controller, examples.LIST_PODS).returncode == 0
    secrets = examples.LIST_PODS.replace("/pods", "/secrets")
    assert "403" in deployed.python(controller, secrets).stderr


def test_9_without_kube_api_the_controller_does_not_become_ready(deployed: Deployed) -> None:
    deployed.cli.environment["WITHOUT"] = examples.KUBE_API
    try:
        result = deployed.cli.run("up", "--yes", "--skip-preview", timeout_s=300)
        assert result.code != 0
        assert "controller-deployment" in result.text
    finally:
        deployed.cli.environment["WITHOUT"] = ""
    deployed.cli.ok("up", "--yes", "--skip-preview", timeout_s=300)
