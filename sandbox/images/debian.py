"""The root file system of `debian:bookworm-slim`, made from the Debian archive that the machine itself uses."""

import subprocess
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.images import layers
from sandbox.images.layers import EPOCH, Layer

RELEASE = "bookworm"

_TARGETS = "$(ORIGIN) $(CODENAME) $(REPO_URI) $(RELEASE) $(COMPONENT)"

_SLIM = [
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    *(f"path-exclude=/usr/share/{folder}/*" for folder in ("man", "locale", "info", "groff", "lintian", "linda")),
    "force-unsafe-io",
]
"""What makes upstream's image slim: documentation and translations stay out, now and in later installs."""

_APT = [
    "Acquire::Languages none",
    "Acquire::GzipIndexes true",
    "Apt::AutoRemove::SuggestsImportant false",
    'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; }',
]
"""apt's settings in upstream's image: nothing stays in a layer that the next command fetches anyway."""

_MERGED_USR = "/usr/share/mmdebstrap/hooks/merged-usr"
_PIN = '"$1/etc/apt/preferences.d/merged-usr"'


def layer() -> Layer:
    """The root file system with all updates of the day it was made.

    Debian serves only the newest version of a package, so versions cannot be pinned; the layer is made once and kept
    as long as its recipe and the archive's address stay. The same packages give the same bytes.

    Errors:
        SandboxError: apt knows no archive of the release, or mmdebstrap fails.
    """
    sources = archive()
    return layers.cached("debian", [Path(__file__)], sources, lambda scratch: _bootstrap(scratch, sources))


def archive() -> list[str]:
    """The release's lines of the machine's own apt sources.

    Errors:
        SandboxError: there are none.
    """
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", _TARGETS, "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    fields = [line.split() for line in listed.stdout.splitlines()]
    lines = {
        f"deb {uri} {suite} {component}": None
        for origin, codename, uri, suite, component in (entry for entry in fields if len(entry) == 5)
        if origin == "Debian" and codename.split("-")[0] == RELEASE
    }
    if not lines:
        raise SandboxError(f"apt knows no Debian {RELEASE} archive here: run apt-get update on a Debian 12 machine")
    return list(lines)


def _bootstrap(scratch: Path, sources: list[str]) -> Path:
    target = scratch / "debian.tar"
    argv = [
        # A mount namespace of its own, and it dies with us: an interrupted run leaves no mount behind.
        *("unshare", "--mount", "--pid", "--fork", "--kill-child"),
        *("mmdebstrap", "--mode=root", "--variant=minbase", f"--hook-dir={_MERGED_USR}"),
        # apt would install usrmerge, which pulls in all of perl, to merge what is merged already.
        f"--setup-hook=printf 'Package: usrmerge\nPin: release *\nPin-Priority: -1\n' > {_PIN}",
        f"--customize-hook=rm {_PIN}",
        *(f"--dpkgopt={option}" for option in _SLIM),
        *(f"--aptopt={option}" for option in _APT),
        # The machine's own, which mmdebstrap copies for the time of the installation.
        '--customize-hook=rm -f "$1/etc/hostname" "$1/etc/resolv.conf"',
        # Left to mmdebstrap, the owner of apt's empty folders would depend on where the scratch folder is.
        "--skip=output/dev,cleanup/apt",
        '--customize-hook=rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*',
        *(RELEASE, target, *sources),
    ]
    layers.run("debian", argv, env={"SOURCE_DATE_EPOCH": str(EPOCH), "TMPDIR": str(scratch), "LC_ALL": "C.UTF-8"})
    return target
