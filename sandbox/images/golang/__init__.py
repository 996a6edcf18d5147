"""Go as `golang:1.26-bookworm` has it: the machine's own toolchain, at /usr/local/go.

Left out of upstream's image: the C compiler and git. Programs are built without cgo, of modules that a proxy serves.
"""

import json
import shutil
import subprocess
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from sandbox import gobuild
from sandbox.errors import SandboxError
from sandbox.images import layers
from sandbox.images.layers import Layer

VERSION = "1.26"

_PARTS = ("LICENSE", "VERSION", "bin", "lib", "pkg", "src")
"""What of a distribution builds programs; the rest is about Go itself."""

_SETTINGS = ("GOPROXY", "GOPRIVATE", "GONOPROXY", "GOSUMDB", "GONOSUMDB", "GOINSECURE")
"""How the machine gets modules, and whom it believes."""


def layer() -> Layer:
    """/usr/local/go, with the machine's settings as its defaults.

    Errors:
        SandboxError: the machine has no Go, or another version.
    """
    version = gobuild.version()
    if f" go{VERSION}." not in version:
        raise SandboxError(f"the image golang is Go {VERSION}, and here is {version!r}: put Go {VERSION} on PATH")
    asked = subprocess.run(["go", "env", "-json", "GOROOT", *_SETTINGS], capture_output=True, text=True, check=True)
    settings: dict[str, str] = json.loads(asked.stdout)
    root = Path(settings.pop("GOROOT"))
    pins = [version, str(root), json.dumps(settings)]
    return layers.cached("golang", [Path(__file__)], pins, lambda scratch: _make(scratch, root, settings))


def environment() -> dict[str, str]:
    """Variables of upstream's image, and the machine's web proxies, which no file tells Go."""
    proxies = urllib.request.getproxies()
    return {
        "PATH": "/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "GOPATH": "/go",
        "GOTOOLCHAIN": "local",
        **{f"{scheme.upper()}_PROXY": proxies[scheme] for scheme in ("http", "https", "no") if scheme in proxies},
    }


def _make(scratch: Path, root: Path, settings: Mapping[str, str]) -> Path:
    tree = scratch / "root"
    target = tree / "usr" / "local" / "go"
    target.mkdir(parents=True)
    for part in _PARTS:
        if (root / part).is_dir():
            shutil.copytree(root / part, target / part, symlinks=True, ignore=shutil.ignore_patterns("testdata"))
        else:
            shutil.copy(root / part, target)
    (target / "go.env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    return layers.pack(tree)
