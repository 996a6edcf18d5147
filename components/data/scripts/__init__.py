"""Shell scripts that pods of several stores start with."""

from pathlib import Path


def script(name: str) -> dict[str, str]:
    """One of them, as a file of a ConfigMap."""
    return {name: Path(__file__).with_name(name).read_text(encoding="utf-8")}
