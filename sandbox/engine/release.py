"""The one place that says which release of Pulumi this project uses: the engine's go.mod."""

import re
from pathlib import Path

MODULE = Path(__file__).resolve().parent
"""The Go module that pins the engine."""

SDK = "github.com/pulumi/pulumi/sdk/v3"
"""The Go module that carries the runner of Python programs and the engine's version variable."""


def pinned() -> str:
    """The pinned release, such as `3.259.0`.

    Errors:
        LookupError: go.mod does not require the SDK.
    """
    found = re.search(rf"^\s*{re.escape(SDK)} v(\S+)", (MODULE / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise LookupError(f"{MODULE / 'go.mod'} does not require {SDK}")
    return found[1]
