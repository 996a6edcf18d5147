"""Prints the declared graph of a stack: `python -m tools.graph STACK`. Nothing is deployed or asked."""

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pulumi
import yaml
from pulumi.runtime import config, mocks, stack

from components.graph import Graph
from sandbox import report
from stacks import dev, loading
from stacks.settings import Settings

ROOT = Path(__file__).parent.parent
PROJECT = "code"
BUILDS: Mapping[str, Callable[[Settings, Graph], Any]] = {"dev": dev.build}

PLACE = {
    "registry": "registry.invalid/code",
    "cluster": '{"nodes": ["192.0.2.1/32"]}',
    "kubernetes_api": '{"cidrs": ["192.0.2.1/32"], "port": 443}',
}
"""Of a place where the stack could be: no committed file says where it is, and the graph is the same everywhere."""


class _Nothing(mocks.Mocks):
    """Answers every resource with its own inputs."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        outputs = cast("dict[str, Any]", args.inputs)  # pyright: ignore[reportUnknownMemberType] (untyped in the SDK)
        return args.name, {"repoDigest": "image@sha256:" + "0" * 64, "data": {"ca.crt": ""}, **outputs}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], None]:
        return {}, None


def main(name: str) -> int:
    """Print the graph; 1 with a line on stderr if the stack's settings or declarations are wrong."""
    if name not in BUILDS:
        sys.stderr.write(f"no graph of a stack {name!r}; there are: {', '.join(BUILDS)}\n")
        return 1
    try:
        graph = _graph(name)
    except (loading.SettingsError, pulumi.RunError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    _print("SERVICE KIND TIER ZONE REPLICAS", graph["services"], ("name", "kind", "tier", "zone", "replicas"))
    rows = [{**edge, "why": edge["reverse"] or edge["late"]} for edge in graph["edges"]]
    _print("FROM TIER TO TIER PORTS WHY", rows, ("from", "from_tier", "to", "to_tier", "ports", "why"))
    tiers = sorted({service["tier"] for service in graph["services"]})
    sys.stdout.write(f"{len(graph['services'])} services in {len(tiers)} tiers, {len(rows)} edges\n")
    return 0


def _graph(name: str) -> Mapping[str, list[dict[str, str]]]:
    committed = yaml.safe_load((ROOT / f"Pulumi.{name}.yaml").read_text(encoding="utf-8"))
    given = {key: value if isinstance(value, str) else json.dumps(value) for key, value in committed["config"].items()}
    encrypted = [key for key, value in committed["config"].items() if isinstance(value, dict) and "secure" in value]
    config.set_all_config({**{f"{PROJECT}:{key}": value for key, value in PLACE.items()}, **given}, encrypted)
    settings, _ = loading.load(PROJECT)

    async def program() -> Graph:
        mocks.set_mocks(_Nothing(), project=PROJECT, stack=name, preview=True, logger=logging.getLogger())
        with Graph() as graph:
            BUILDS[name](settings, graph)
        await stack.wait_for_rpcs()
        return graph

    return asyncio.run(program()).rows()


def _print(header: str, rows: Sequence[Mapping[str, str]], keys: Sequence[str]) -> None:
    cells = [tuple(row[key] or "-" for key in keys) for row in rows]
    sys.stdout.write(report.table(tuple(header.split()), cells) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
