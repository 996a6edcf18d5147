"""Checks 1, 2, 3 and 6: the slice answers, stays as it is, is mended when it drifts, and is closed."""

import json
import socket
import ssl
import subprocess
import uuid
from typing import Any

import httpx
import pytest

from catalog import images
from sandbox.images import LOCK
from tests.sandbox.platform import Platform
from tests.waiting import until


def text(answer: Any) -> str:  # noqa: ANN401 (one of MCP's contents)
    (content,) = answer.content
    return content.text


def test_check_1_a_client_speaks_with_both_servers_over_https(platform: Platform) -> None:
    word = uuid.uuid4().hex
    name, tools, answer = platform.call("everything", "echo", {"message": word})
    assert "everything" in name
    assert "echo" in tools
    assert word in text(answer)

    name, tools, answer = platform.call("time", "get_current_time", {"timezone": "Asia/Tokyo"})
    assert tools == ["get_current_time", "convert_time"]
    assert json.loads(text(answer))["timezone"] == "Asia/Tokyo"


def test_check_1_the_certificate_is_needed_to_trust_the_edge(platform: Platform) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(platform.outputs()["edge_url"], verify=ssl.create_default_context(), trust_env=False)


def test_check_1_http_redirects_and_other_paths_are_not_found(platform: Platform) -> None:
    redirect = httpx.get("http://localhost/mcp/time", trust_env=False)
    assert (redirect.status_code, redirect.headers["location"]) == (301, "https://localhost/mcp/time")
    trust = ssl.create_default_context(cadata=platform.outputs()["edge_ca"])
    assert httpx.get("https://localhost/mcp/none", verify=trust, trust_env=False).status_code == 404


def test_check_2_a_second_up_changes_nothing(platform: Platform) -> None:
    before = {key: item["metadata"]["resourceVersion"] for key, item in platform.objects("secrets", "services").items()}
    said = platform.up()
    assert "unchanged" in said
    for change in ("created", "updated", "replaced", "deleted"):
        assert f" {change}" not in said
    platform.unchanged()
    after = {key: item["metadata"]["resourceVersion"] for key, item in platform.objects("secrets", "services").items()}
    assert after == before


def test_check_3_drift_is_seen_by_refresh_and_mended_by_up(platform: Platform) -> None:
    kubectl = platform.cluster.kubectl
    (pod,) = pods(platform, "mcp-time")
    kubectl("delete", "pod", pod, "--namespace=mcp-backend")
    kubectl("label", "service", "mcp-time", "--namespace=mcp-backend", "--overwrite", "app.kubernetes.io/component=x")
    kubectl("delete", "networkpolicy", "mcp-time.from.gateway", "--namespace=mcp-backend")

    seen = platform.ok("refresh", "--yes")

    assert "1 updated" in seen, seen
    assert "1 deleted" in seen, seen
    platform.up()
    service = json.loads(kubectl("get", "service", "mcp-time", "--namespace=mcp-backend", "--output=json"))
    assert service["metadata"]["labels"]["app.kubernetes.io/component"] == "mcp-server"
    assert kubectl("get", "networkpolicy", "mcp-time.from.gateway", "--namespace=mcp-backend")
    assert pods(platform, "mcp-time") != [pod]
    platform.unchanged()
    _, tools, _ = platform.call("time", "get_current_time", {"timezone": "UTC"})
    assert "get_current_time" in tools


def test_check_6_each_tier_reaches_the_next_and_none_is_skipped(platform: Platform) -> None:
    server, gateway = "mcp-time.mcp-backend.svc.cluster.local", "gateway.mcp-frontend.svc.cluster.local"
    edge = pods(platform, "edge", "mcp-dmz")[0]
    assert reaches(platform, edge, "mcp-dmz", gateway)
    assert not reaches(platform, edge, "mcp-dmz", server), "the edge was handed the gateway, not the servers"
    assert reaches(platform, pods(platform, "gateway", "mcp-frontend")[0], "mcp-frontend", server)
    backend = pods(platform, "mcp-everything")[0]
    assert not reaches(platform, backend, "mcp-backend", server), "a neighbour in the same tier was not handed it"
    with_name_only(platform, "mcp-frontend", server)


def test_what_pods_use_is_measured(platform: Platform) -> None:
    def measured() -> str:
        command = ["kubectl", "top", "pods", "--namespace=mcp-backend", "--no-headers"]
        done = subprocess.run(
            command, env=dict(platform.cluster.environment), capture_output=True, text=True, check=False
        )
        return done.stdout

    assert "mcp-time" in until("kubectl top pods", measured, seconds=90)


def test_the_edges_certificate_is_what_the_authority_issued(platform: Platform) -> None:
    outputs = platform.outputs()
    trust = ssl.create_default_context(cadata=outputs["edge_ca"])
    with (
        socket.create_connection(("localhost", 443), timeout=5) as raw,
        trust.wrap_socket(raw, server_hostname="localhost") as tls,
    ):
        seen = tls.getpeercert()
    assert seen is not None
    assert seen["subjectAltName"] == (("DNS", "localhost"),)
    assert "PRIVATE KEY" not in json.dumps(outputs)


def with_name_only(platform: Platform, namespace: str, address: str) -> None:
    """A pod in the gateway's own tier, hardened as the tier asks, but not the gateway."""
    name = f"stranger-{uuid.uuid4().hex[:8]}"
    debian = images.load().reference("debian", LOCK)
    hardened = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {
        "name": "stranger",
        "image": debian,
        "command": ["sleep", "300"],
        "securityContext": hardened,
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container]}}
    kubectl = platform.cluster.kubectl
    kubectl("apply", f"--namespace={namespace}", "--filename=-", stdin=json.dumps(pod))
    try:
        kubectl("wait", f"--namespace={namespace}", f"pod/{name}", "--for=condition=Ready", "--timeout=60s")
        assert not reaches(platform, name, namespace, address), "a pod beside the gateway was not handed it"
    finally:
        kubectl("delete", "pod", name, f"--namespace={namespace}", "--grace-period=0", "--force")


def reaches(platform: Platform, pod: str, namespace: str, address: str) -> bool:
    """Whether a pod can open a connection to port 8080 of an address (which it can resolve) within 3 s."""
    script = f"""
    if command -v bash >/dev/null; then timeout 3 bash -c '</dev/tcp/{address}/8080' && echo open || echo shut
    else echo no bash; fi
    """
    said = platform.cluster.kubectl("exec", f"--namespace={namespace}", pod, "--", "sh", "-c", script).strip()
    assert said in {"open", "shut"}, said
    return said == "open"


def pods(platform: Platform, name: str, namespace: str = "mcp-backend") -> list[str]:
    """Names of the running pods of a workload, once there are some and none is going away."""

    def steady() -> list[str]:
        found = json.loads(
            platform.cluster.kubectl(
                "get", "pods", f"--namespace={namespace}", f"--selector=app.kubernetes.io/name={name}", "--output=json"
            )
        )["items"]
        going = [pod for pod in found if "deletionTimestamp" in pod["metadata"]]
        return [pod["metadata"]["name"] for pod in found] if not going else []

    return until(f"pods of {name}", steady, seconds=90)
