"""What no linter knows."""

import ast
from pathlib import Path

TESTS = Path(__file__).parent.parent


def test_no_test_is_in_a_file_that_pytest_does_not_collect() -> None:
    lost = [
        f"{path.relative_to(TESTS)}: {node.name}"
        for path in TESTS.rglob("*.py")
        if not path.name.startswith("test_")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]
    assert lost == []
