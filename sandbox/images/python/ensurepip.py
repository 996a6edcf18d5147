"""Installs the pip wheel that lies beside this file: what `python -m venv` calls.

CPython's own module is not in the build that the image is made of; this one does the same for that one caller.
"""

import sys
from pathlib import Path


def main() -> int:
    """Install pip into the running interpreter's environment, as its options (`--upgrade --default-pip`) ask."""
    (wheel,) = Path(__file__).parent.glob("_bundled/pip-*.whl")
    sys.path.insert(0, str(wheel))
    from pip._internal.cli.main import main as pip

    return pip(["install", "--no-cache-dir", "--no-index", "--disable-pip-version-check", str(wheel)])


if __name__ == "__main__":
    sys.exit(main())
