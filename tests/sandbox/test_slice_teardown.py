"""Check 7, its first part: `destroy` leaves nothing of the stack."""

from tests.sandbox.platform import Platform


def test_check_7_destroy_leaves_nothing(platform: Platform) -> None:
    platform.ok("destroy", "--yes", "--skip-preview")
    assert platform.objects("namespaces", "deployments", "services", "networkpolicies") == {}
    pods = platform.cluster.kubectl("get", "pods", "--all-namespaces", "--output=name")
    assert "edge" not in pods
    assert "mcp-" not in pods
