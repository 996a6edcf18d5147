"""The dev stack in the sandbox, as an operator and a client see it."""

import json
import ssl
import subprocess
from dataclasses import dataclass
from typing import Any

import anyio
import httpx
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult

from sandbox import paths
from tests.sandbox.harness import Cluster

STACK = "dev"
PLATFORM = "app.kubernetes.io/part-of=code"


@dataclass(frozen=True)
class Platform:
    """The stack of this checkout."""

    cluster: Cluster

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `pulumi ARGUMENTS` on the stack to its end; the exit code is the caller's to judge."""
        with self.start(*arguments) as process:
            out, err = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `pulumi ARGUMENTS` on the stack, in a process group of its own as a shell does."""
        return subprocess.Popen(
            ["pulumi", *arguments, "--stack", STACK, "--non-interactive", "--color", "never"],
            cwd=paths.CHECKOUT,
            env=dict(self.cluster.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    def ok(self, *arguments: str) -> str:
        """Run a command that must succeed; returns all it wrote."""
        done = self.pulumi(*arguments)
        assert done.returncode == 0, f"pulumi {' '.join(arguments)}:\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def up(self) -> str:
        """Deploy."""
        return self.ok("up", "--yes", "--skip-preview")

    def unchanged(self) -> None:
        """The stack is as the program says, and the engine agrees."""
        self.ok("preview", "--expect-no-changes")

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        return json.loads(self.ok("stack", "output", "--json"))

    def objects(self, *kinds: str) -> dict[str, dict[str, Any]]:
        """The platform's objects in the cluster, by kind/namespace/name."""
        found = json.loads(
            self.cluster.kubectl("get", ",".join(kinds), "--all-namespaces", "-l", PLATFORM, "--output=json")
        )
        return {
            f"{item['kind']}/{item['metadata'].get('namespace', '')}/{item['metadata']['name']}": item
            for item in found["items"]
        }

    def call(self, server: str, tool: str, arguments: dict[str, Any]) -> tuple[str, list[str], CallToolResult]:
        """A real client over HTTPS, certificate verified: initialize, tools/list, one tools/call.

        Returns the name the server gives itself, the names of its tools, and the answer of the call.
        """
        outputs = self.outputs()
        trust = ssl.create_default_context(cadata=outputs["edge_ca"])

        async def converse() -> tuple[str, list[str], CallToolResult]:
            async with (
                httpx.AsyncClient(verify=trust, timeout=30, trust_env=False) as http,
                streamable_http_client(outputs["servers"][server], http_client=http) as (read, write, _),
                ClientSession(read, write) as session,
            ):
                hello = await session.initialize()
                tools = await session.list_tools()
                answer = await session.call_tool(tool, arguments)
                return hello.serverInfo.name, [tool.name for tool in tools.tools], answer

        return anyio.run(converse)
