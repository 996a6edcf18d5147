"""Where the sandbox keeps things. Standard library only: `python -m sandbox env` imports this.

One machine holds one sandbox, so its state has one place whatever checkout started it:
a second clone finds what a killed one left behind, and takes it over or refuses.
"""

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
"""The root of the checkout this code runs from."""

STATE = Path(os.environ.get("CODE_SANDBOX_STATE", "/var/lib/code-sandbox")).absolute()
"""Everything a running sandbox writes; `down` removes it."""

CACHE = Path(
    os.environ.get(
        "CODE_SANDBOX_CACHE",
        Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "code-sandbox",
    )
).absolute()
"""What is costly to make, in folders named by the hash of what pins them; `down` keeps it."""

LOGS = STATE / "logs"
"""One log file per process and per long step of the running sandbox."""

BUILD_LOGS = CACHE / "logs"
"""Logs of the builds that fill the cache."""
