"""Says what is installed in the Python that runs it, as JSON on stdout.

Run by path with the interpreter of a program, which has nothing of ours: standard library only.
"""

import importlib.metadata
import importlib.util
import json
import platform
import sys
from pathlib import Path
from typing import Any


def describe() -> dict[str, Any]:
    """This interpreter and the distributions it sees.

    A distribution is listed with the content of the `pulumi-plugin.json` in its package, if there is one;
    as for pip, the first of two with one name wins.
    """
    found: dict[str, dict[str, Any]] = {}
    for distribution in importlib.metadata.distributions():
        name = distribution.metadata["Name"]
        if name and name not in found:
            found[name] = {"name": name, "version": distribution.version, "plugin": _plugin(name)}
    return {
        "executable": sys.executable,
        "version": platform.python_version(),
        "pip": found["pip"]["version"] if "pip" in found else "",
        "distributions": list(found.values()),
    }


def _plugin(name: str) -> Any:  # noqa: ANN401 (any JSON; the host checks it)
    spec = importlib.util.find_spec(name.replace("-", "_")) if name.replace("-", "_").isidentifier() else None
    for folder in (spec.submodule_search_locations or []) if spec else []:
        file = Path(folder, "pulumi-plugin.json")
        if file.is_file():
            return json.loads(file.read_text(encoding="utf-8"))
    return None


if __name__ == "__main__":
    del sys.path[0]  # the folder of this script, which would pass for installed modules
    json.dump(describe(), sys.stdout)
