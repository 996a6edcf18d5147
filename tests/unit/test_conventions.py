"""What no linter knows."""

import ast
from collections.abc import Callable
from pathlib import Path

TESTS = Path(__file__).parent.parent
ROOT = TESTS.parent


def test_no_test_is_in_a_file_that_pytest_does_not_collect() -> None:
    lost = [
        f"{path.relative_to(TESTS)}: {node.name}"
        for path in TESTS.rglob("*.py")
        if not path.name.startswith("test_")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]
    assert lost == []


def test_pods_come_from_the_workload_alone() -> None:
    allowed = {"components/workload.py", "components/foundation/addons"}
    raw = {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "CronJob", "Job", "Pod"}
    found = calls(lambda name: name.split(".")[-1] in raw and name.split(".")[0] in ("apps", "batch", "core"))
    assert outside(allowed, found) == []


def test_network_policies_come_from_tiers_and_workload_alone() -> None:
    found = calls(lambda name: name.split(".")[-1] == "NetworkPolicy")
    assert found, "the search finds nothing"
    assert outside({"components/workload.py", "components/tiers.py"}, found) == []


def test_nothing_waits_by_hand() -> None:
    # Start order follows from the endpoints that were handed over; inside the add-ons a kind comes before its objects.
    found = [
        (place(path), f"{node.value.lineno}: depends_on")
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "depends_on"
    ]
    assert found, "the search finds nothing"
    assert outside({"components/workload.py", "components/foundation/addons"}, found) == []


def test_addresses_are_written_in_one_place() -> None:
    found = [
        (place(path), node.value)
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and ".svc." in node.value
        # The cluster's name service, whose own name cannot be asked of it.
        if node.value != "kube-dns.kube-system.svc.cluster.local"
    ]
    assert outside({"components/endpoint.py", "components/connections.py"}, found) == []


def test_no_resource_is_made_inside_an_apply() -> None:
    made = [
        (place(path), f"{inner.lineno}")
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "apply"
        for inner in ast.walk(node)
        if isinstance(inner, ast.keyword) and inner.arg in ("opts", "metadata")
    ]
    assert made == []


def test_a_stack_is_a_composition_that_fits_a_screen() -> None:
    for path in (ROOT / "stacks").glob("*.py"):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines < (80 if path.stem in ("dev", "prod", "standby", "bootstrap") else 250), path.name


def sources() -> list[tuple[Path, ast.Module]]:
    paths = sorted([*(ROOT / "components").rglob("*.py"), *(ROOT / "stacks").rglob("*.py")])
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in paths]


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def calls(wanted: Callable[[str], bool]) -> list[tuple[str, str]]:
    """(file, line and name) of every call whose dotted name is wanted, by whatever name its module was imported."""
    found: list[tuple[str, str]] = []
    for path, tree in sources():
        names = {
            alias.asname or alias.name: f"{node.module.split('.')[1]}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("pulumi_kubernetes.")
            for alias in node.names
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                spelled = ast.unparse(node.func)
                name = names.get(spelled, spelled)
                if wanted(name):
                    found.append((place(path), f"{node.lineno}: {name}"))
    return found


def outside(allowed: set[str], found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [
        entry for entry in found if not any(entry[0] == name or entry[0].startswith(f"{name}/") for name in allowed)
    ]
