"""What `make up` ends with: what runs, where, and how to call it."""

import json
import subprocess
import sys
from typing import Any

from sandbox import report

PLATFORM = "app.kubernetes.io/part-of=code"


def main(stack: str) -> None:
    """Print the stack's outputs and the deployments behind them."""
    outputs = _json("pulumi", "stack", "output", "--stack", stack, "--json")
    deployments = _json("kubectl", "get", "deployments", "--all-namespaces", "--selector", PLATFORM, "--output", "json")
    addresses = {f"mcp-{id}": url for id, url in outputs["servers"].items()} | {"edge": outputs["edge_url"]}
    rows: list[tuple[str, ...]] = []
    for deployment in deployments["items"]:
        name = deployment["metadata"]["labels"]["app.kubernetes.io/name"]
        ready = f"{deployment['status'].get('readyReplicas', 0)}/{deployment['spec']['replicas']}"
        rows.append((name, deployment["metadata"]["namespace"], ready, addresses.get(name, "")))
    sys.stdout.write(report.table(("WHAT", "WHERE", "READY", "HOW TO CALL IT"), rows))
    url = next(iter(outputs["servers"].values()))
    sys.stdout.write(
        f"\nMCP over streamable HTTP; certificates are signed by the stack's own authority:\n"
        f'  eval "$(.venv/bin/python -m sandbox env)" && pulumi stack output edge_ca --stack {stack} > edge-ca.pem\n'
        f"  curl --cacert edge-ca.pem {url} -H 'Content-Type: application/json' \\\n"
        "    -H 'Accept: application/json, text/event-stream' -d '"
        '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},'
        '"clientInfo":{"name":"curl","version":"1"}}}'
        "'\n"
    )


def _json(*command: str) -> Any:  # noqa: ANN401 (JSON)
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    main(sys.argv[1])
