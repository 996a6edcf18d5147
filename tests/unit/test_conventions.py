"""What no linter knows."""

import ast
from pathlib import Path

import pytest

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


WORKLOAD, TIERS, ADDONS = "components/workload.py", "components/tiers.py", "components/foundation/addons"
CONTROLLERS = "components/controllers.py"
ROOMS: dict[str, set[str]] = {
    # Where it may be spoken of at all: by whatever spelling, a pod or a way is made nowhere else.
    # Elsewhere as groups of the API, of which rights are given.
    "apps": {CONTROLLERS, "components/data/rollout.py"},
    "batch": {CONTROLLERS, "components/data/backups/metrics.py"},
    "networking": {TIERS},
    "NetworkPolicy": {TIERS},
    "NetworkPolicyPatch": set(),
    "Pod": set(),
    "PodPatch": set(),
    "ReplicationController": set(),
    "CustomResource": {ADDONS},
    "enter": {TIERS, "components/connections.py"},
    "leave": {TIERS, "components/connections.py"},
    "VolumeArgs": {"components/mounts.py"},
    "depends_on": {WORKLOAD, ADDONS},
}


@pytest.mark.parametrize(("word", "rooms"), ROOMS.items(), ids=ROOMS)
def test_each_word_is_used_in_its_own_rooms(word: str, rooms: set[str]) -> None:
    found = [(place(path), line) for path, tree in sources() for line in uses(tree, word)]
    assert bool(found) == bool(rooms), "the search finds nothing, or a room is kept for nobody"
    assert [
        entry for entry in found if not any(entry[0] == room or entry[0].startswith(f"{room}/") for room in rooms)
    ] == []


def test_the_sdk_is_imported_by_module_and_under_its_own_name() -> None:
    # So that a module that is spoken of is seen: no `import pulumi_kubernetes`, no `apps as a`.
    assert [(place(path), line) for path, tree in sources() for line in hidden_imports(tree)] == []


def test_nothing_waits_by_position() -> None:
    # ResourceOptions(parent, depends_on): only names show what is meant.
    assert [(place(path), line) for path, tree in sources() for line in positional_options(tree)] == []


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("from pulumi_kubernetes import apps", "apps"),
        ("from pulumi_kubernetes.apps import v1", "apps"),
        ("from pulumi_kubernetes.apps.v1 import Deployment as D", "apps"),
        ("x = k8s.apps.v1.Deployment", "apps"),
        ("core.v1.Pod('x')", "Pod"),
        ("pulumi.CustomResource('kubernetes:apps/v1:Deployment', 'x')", "CustomResource"),
        ("from components.tiers import leave as way", "leave"),
        ("tiers.leave('x')", "leave"),
        ("opts.depends_on = [x]", "depends_on"),
        ("ResourceOptions(**{'depends_on': [x]})", "depends_on"),
        ("ResourceOptions(depends_on=[x])", "depends_on"),
    ],
)
def test_a_word_is_found_in_each_of_its_spellings(source: str, word: str) -> None:
    assert uses(ast.parse(source), word)


def test_hidden_imports_and_positions_are_found() -> None:
    for source in (
        "import pulumi_kubernetes as k8s",
        "from pulumi_kubernetes import apps as a",
        "import pulumi_kubernetes.apps",
    ):
        assert hidden_imports(ast.parse(source)), source
    assert positional_options(ast.parse("pulumi.ResourceOptions(self, [x])"))


def uses(tree: ast.Module, word: str) -> list[int]:
    """Lines that speak of a name: as a variable, an attribute, an import, an argument, or a text."""
    found: list[int] = []
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                said = [name]
            case ast.keyword(arg=name):
                said = [name or ""]
            case ast.Constant(value=str(text)):
                said = [text]
            case ast.ImportFrom(module=module, names=names):
                said = [*(module or "").split("."), *(alias.name for alias in names)]
            case _:
                continue
        if word in said:
            found.append(getattr(node, "lineno", 0))
    return found


def hidden_imports(tree: ast.Module) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(tree)
        if (isinstance(node, ast.Import) and any(a.name.startswith("pulumi_kubernetes") for a in node.names))
        or (
            isinstance(node, ast.ImportFrom)
            and (node.module or "").startswith("pulumi_kubernetes")
            and any(alias.asname for alias in node.names)
        )
    ]


def positional_options(tree: ast.Module) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("ResourceOptions") and node.args
    ]


def test_addresses_are_written_in_one_place() -> None:
    found = [
        (place(path), node.value)
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and ".svc." in node.value
        # The cluster's name service, whose own name cannot be asked of it.
        if node.value != "kube-dns.kube-system.svc.cluster.local"
    ]
    assert {file for file, _ in found} == {
        "components/address.py",
        "components/connections.py",
        "components/endpoint.py",
    }


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
        assert lines < (120 if path.stem in ("dev", "prod", "standby", "bootstrap") else 250), path.name


def sources() -> list[tuple[Path, ast.Module]]:
    paths = sorted([*(ROOT / "components").rglob("*.py"), *(ROOT / "stacks").rglob("*.py")])
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in paths]


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
