"""The programs of `images/data-tools`, run as Jobs run them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What a Job's program did, run as its image runs it."""
    return subprocess.run(
        [sys.executable, "-m", "data_tools", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "images" / "data-tools")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def write_clients(path: Path, *accounts: tuple[str, int, dict[str, Any]]) -> Path:
    """`clients.json` with these clients, generations and grants."""
    entries = [
        {"client": name, "username": f"{name}-g{number}", "password": password(name, number), "grant": grant}
        for name, number, grant in accounts
    ]
    path.write_text(json.dumps({"clients": entries}))
    return path


def password(client: str, generation: int) -> str:
    """What `write_clients` gives an account."""
    return f"password-of-{client}-{generation}"
