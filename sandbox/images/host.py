"""What the machine needs to reach its package registries, handed to the sandbox's base images.

Only the bases carry it: no Dockerfile, build argument or lock of ours knows of it. Credentials of the machine's
npm configuration are not copied; a password in pip's index address would be.
"""

import ast
import os
import re
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import SandboxError, last_line
from sandbox.images import layers
from sandbox.images.layers import Layer

CA_BUNDLE = "/etc/ssl/certs/code-sandbox.crt"
"""Where the images have the machine's CA bundle; a name of its own, which no package overwrites."""

ENVIRONMENT = {"SSL_CERT_FILE": CA_BUNDLE, "NODE_EXTRA_CA_CERTS": CA_BUNDLE}
"""Variables of the images; what is built on them inherits these, and trusts what the machine trusts."""

_POLICY = "/usr/sbin/policy-rc.d"
_NO_SERVICES = b"#!/bin/sh\nexit 101\n"
"""policy-rc.d as upstream's images have it: no service starts when its package is installed in a container."""

_PIP_KEYS = ("index-url", "extra-index-url", "trusted-host", "proxy")
_NPM_KEYS = ("registry", "proxy", "https-proxy", "noproxy")


@dataclass(frozen=True, kw_only=True)
class Host:
    """The machine's settings: its CA bundle, and the configuration files of apt, pip and npm."""

    ca_bundle: bytes
    apt: str
    pip: str
    npm: str

    def layer(self) -> Layer:
        """The layer that gives these settings to an image; the Debian archive's address is in the layer below.

        It carries policy-rc.d too: mmdebstrap has one of its own while it works, and removes it at the end.
        """
        pins = [self.ca_bundle.hex(), self.apt, self.pip, self.npm]
        return layers.cached("host", [Path(__file__)], pins, self._write)

    def _write(self, scratch: Path) -> Path:
        root = scratch / "host"
        for name, content in (
            (CA_BUNDLE, self.ca_bundle),
            ("/etc/apt/apt.conf.d/95host", self.apt.encode()),
            ("/etc/pip.conf", self.pip.encode()),
            ("/usr/local/etc/npmrc", self.npm.encode()),
            (_POLICY, _NO_SERVICES),
        ):
            path = root / name[1:]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        (root / _POLICY[1:]).chmod(0o755)
        return layers.pack(root)


def read() -> Host:
    """Read the machine's settings.

    Errors:
        SandboxError: it has no CA bundle, or a package manager cannot tell its settings.
    """
    bundle = Path(os.environ.get("SSL_CERT_FILE") or "/etc/ssl/certs/ca-certificates.crt")
    if not bundle.is_file():
        raise SandboxError(f"no CA bundle at {bundle}: install ca-certificates, or set SSL_CERT_FILE")
    proxies = urllib.request.getproxies()
    return Host(ca_bundle=bundle.read_bytes(), apt=_apt(proxies), pip=_pip(proxies), npm=_npm(proxies))


def _apt(proxies: dict[str, str]) -> str:
    lines = [f'Acquire::https::CaInfo "{CA_BUNDLE}";']
    lines += [f'Acquire::{scheme}::Proxy "{proxies[scheme]}";' for scheme in ("http", "https") if scheme in proxies]
    own = _output(["apt-config", "dump", "--format", '%F "%v";%n', "Acquire::http::Proxy", "Acquire::https::Proxy"])
    return "\n".join([*lines, *(line for line in own.splitlines() if not line.endswith('"";'))]) + "\n"


def _pip(proxies: dict[str, str]) -> str:
    settings = {"proxy": proxies["https"]} if "https" in proxies else {}
    # pip lists what it would use: configuration files first, then the environment, which overrides them.
    for line in _output([sys.executable, "-m", "pip", "config", "list"]).splitlines():
        name, _, value = line.partition("=")
        key = name.rpartition(".")[2]
        if key in _PIP_KEYS:
            settings[key] = str(ast.literal_eval(value)).strip().replace("\n", "\n    ")
    settings["cert"] = CA_BUNDLE
    return "[global]\n" + "".join(f"{key} = {value}\n" for key, value in sorted(settings.items()))


def _npm(proxies: dict[str, str]) -> str:
    settings = {
        key: proxies[scheme] for key, scheme in (("proxy", "http"), ("https-proxy", "https")) if scheme in proxies
    }
    user = Path(os.environ.get("NPM_CONFIG_USERCONFIG") or Path.home() / ".npmrc")
    if user.is_file():
        settings |= dict(re.findall(r"(?m)^\s*([a-z-]+)\s*=\s*(\S+)\s*$", user.read_text()))
    prefix = "npm_config_"
    for name, value in os.environ.items():
        if name.lower().startswith(prefix):
            settings[name.lower().removeprefix(prefix).replace("_", "-")] = value
    settings = {key: settings[key] for key in _NPM_KEYS if key in settings}
    settings["cafile"] = CA_BUNDLE
    return "".join(f"{key}={value}\n" for key, value in sorted(settings.items()))


def _output(argv: list[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        last = last_line(done.stderr)
        raise SandboxError(f"{' '.join(argv[:4])} failed: {last}")
    return done.stdout
