"""The images for real: bases pulled by their upstream names, ours built and spoken to as unprivileged containers.

Run as a program (`python -m tests.sandbox.test_images list_tools|get URL`) this is the client that the tests start in
the node's network; it prints the answer as JSON.
"""

import asyncio
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator

import anyio
import httpx
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from catalog import images as catalogue
from catalog import mcp
from sandbox import images, paths
from sandbox.cluster import node
from sandbox.images import upstream
from tests.sandbox.harness import Cluster

READY_S = 30
"""Time in which a server has to answer on a busy machine; alone it needs less than two."""

CONFINED = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"]

NGINX = """\
pid /tmp/nginx.pid;
events {}
http {
  client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
  access_log /dev/stdout;
  server { listen 8080; location / { return 200; } }
}
"""


@pytest.fixture
def name(cluster: Cluster) -> Iterator[str]:
    """A name for an image and a container; both are removed, the layers stay in the engine's build cache."""
    name = f"images-{uuid.uuid4().hex[:8]}"
    yield name
    cluster.run("docker", "rm", "--force", name)
    cluster.run("docker", "rmi", "--force", name)


def build(cluster: Cluster, name: str, folder: str, base: str, *arguments: str) -> None:
    given = [f"BASE={catalogue.load().reference(base, images.LOCK)}", *arguments]
    options = [option for argument in given for option in ("--build-arg", argument)]
    # BuildKit, whose cache outlives the images (the stack's images are built with it too).
    docker = ["env", "DOCKER_BUILDKIT=1", "docker"]
    cluster.run(*docker, "build", "--quiet", "--tag", name, *options, str(paths.CHECKOUT / "images" / folder))


def address(cluster: Cluster, name: str) -> str:
    return cluster.run("docker", "inspect", "--format", "{{.NetworkSettings.IPAddress}}", name).strip()


@pytest.mark.parametrize("key", ["debian", "node", "python"])
def test_a_pod_pulls_a_base_by_its_upstream_name_and_the_locked_digest(cluster: Cluster, key: str) -> None:
    image = catalogue.load().images[key]
    digest = catalogue.read_lock(images.LOCK)[f"{image.name}:{image.tag}"]
    pod = f"images-{uuid.uuid4().hex[:8]}"
    cluster.kubectl(
        *("run", pod, f"--image={image.name}@{digest}", "--image-pull-policy=Always", "--restart=Never"),
        *("--command", "--", "true"),
    )
    try:
        cluster.kubectl("wait", f"pod/{pod}", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")
        ran = cluster.kubectl("get", "pod", pod, "--output=jsonpath={.status.containerStatuses[0].imageID}")
    finally:
        cluster.kubectl("delete", "pod", pod, "--wait=false")
    assert ran == f"{image.name}@{digest}"


@pytest.mark.parametrize("key", sorted(upstream.UPSTREAMS))
def test_a_pod_runs_a_rebuilt_image_by_its_entrypoint_which_refuses_what_it_does_not_know(
    cluster: Cluster, key: str
) -> None:
    pod = f"images-{uuid.uuid4().hex[:8]}"
    reference = catalogue.load().reference(key, images.LOCK)
    cluster.kubectl("run", pod, f"--image={reference}", "--restart=Never", "--", "--no-such-flag")
    try:
        cluster.kubectl("wait", f"pod/{pod}", "--for=jsonpath={.status.phase}=Failed", "--timeout=60s")
        said = cluster.kubectl("logs", pod)
    finally:
        cluster.kubectl("delete", "pod", pod, "--wait=false")
    assert "unknown flag: --no-such-flag" in said


@pytest.mark.usefixtures("cluster")
def test_a_second_run_makes_the_same_images_and_pushes_none() -> None:
    served = catalogue.read_lock(images.LOCK)
    made = images.make()
    assert {f"{image.name}:{image.tag}": image.digest for image in made} == served
    references = [f"{image.repository}:{image.tag}@{image.digest}" for image in made]
    argv = [*node.enter(), sys.executable, "-m", "sandbox.images.push", "127.0.0.1:5000", *references]
    assert subprocess.run(argv, cwd=paths.CHECKOUT, capture_output=True, text=True, check=True).stdout == ""


@pytest.mark.parametrize("server", mcp.load().servers, ids=lambda server: server.id)
def test_a_server_answers_from_a_read_only_container_without_privileges(
    cluster: Cluster, name: str, server: mcp.Server
) -> None:
    build(cluster, name, f"mcp-{server.runtime}", server.runtime, f"SERVER={server.id}")
    environment = [f"--env={key}={value}" for key, value in server.env.items()]
    cluster.run("docker", "run", "--detach", "--name", name, *CONFINED, *environment, name, *server.serve)
    assert in_node(list_tools, f"http://{address(cluster, name)}:{server.port}{server.path}", cluster, name)
    assert cluster.run("docker", "inspect", "--format", "{{.Config.User}}", name).strip() == "65532:65532"


@pytest.mark.parametrize("server", mcp.load().servers, ids=lambda server: server.id)
def test_an_image_has_no_compiler_package_manager_or_cache(cluster: Cluster, name: str, server: mcp.Server) -> None:
    build(cluster, name, f"mcp-{server.runtime}", server.runtime, f"SERVER={server.id}")
    look = "for p in cc gcc make npm npx corepack pip pip3; do command -v $p; done; ls -A /tmp /var/lib/apt/lists"
    found = cluster.run("docker", "run", "--rm", "--user=0", name, "sh", "-c", look + "; true").split()
    # What an empty list of apt's consists of.
    assert set(found) <= {"/tmp:", "/var/lib/apt/lists:", "lock", "partial", "auxfiles"}  # noqa: S108


def test_nginx_runs_without_privileges_with_a_mounted_configuration(cluster: Cluster, name: str) -> None:
    build(cluster, name, "edge", "debian")
    # Below the state folder: the engine lives in the node, which sees the machine's /tmp but not what pytest has there.
    configuration = paths.STATE / f"{name}.conf"
    configuration.write_text(NGINX)
    configuration.chmod(0o644)
    try:
        mount = f"--volume={configuration}:/etc/nginx/nginx.conf:ro"
        cluster.run("docker", "run", "--detach", "--name", name, *CONFINED, "--tmpfs=/tmp", mount, name)
        assert in_node(get, f"http://{address(cluster, name)}:8080/", cluster, name) == 200
    finally:
        configuration.unlink()
    assert "GET / HTTP/1.1" in cluster.run("docker", "logs", name)


async def list_tools(url: str) -> list[str]:
    """The tools of an MCP server."""
    async with streamable_http_client(url) as (read, write, _), ClientSession(read, write) as session:
        await session.initialize()
        return [tool.name for tool in (await session.list_tools()).tools]


async def get(url: str) -> int:
    """The status of a GET."""
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(url)).status_code


def in_node(asked: Callable[[str], Awaitable[object]], url: str, cluster: Cluster, name: str) -> object:
    """Ask `url` from within the node's network, as soon as something listens there."""
    argv = [*node.enter(), sys.executable, "-m", "tests.sandbox.test_images", asked.__name__, url]
    said = subprocess.run(argv, cwd=paths.CHECKOUT, capture_output=True, text=True, check=False)
    assert said.returncode == 0, f"{said.stderr}\n{cluster.run('docker', 'logs', name)}"
    return json.loads(said.stdout)


async def _ask(what: str, url: str) -> object:
    parsed = httpx.URL(url)
    deadline = time.monotonic() + READY_S
    while True:
        try:
            async with await anyio.connect_tcp(parsed.host, parsed.port or 80):
                break
        except OSError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)
    return await {"list_tools": list_tools, "get": get}[what](url)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_ask(*sys.argv[1:]))))
