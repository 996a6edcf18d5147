"""Takes the CRDs of add-ons out of their Go modules into `vendor/crds`, checked against `catalog/crds.lock`.

Run as `python -m tools.vendor`; `--update` writes the lock anew. The version is the one that the sandbox's image is
built from (its go.mod, checked by its go.sum). Does nothing if every file is there and is the locked one.
"""

import argparse
import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from catalog import crds
from catalog.crds import CrdError, Locked
from sandbox import gobuild
from sandbox.errors import SandboxError, last_line
from sandbox.images import upstream


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the CRDs of an add-on are."""

    gomod: Path
    """Folder of a Go module of ours that requires it."""
    module: str
    version: str
    """As the go.mod there names it."""
    folder: str
    """In the module."""
    files: Sequence[str]


def sources() -> dict[str, Source]:
    """The add-ons by the names that `catalog/crds.lock` calls them by."""
    key = "cert-manager-controller"
    return {
        "cert-manager": Source(
            gomod=upstream.folder(key),
            module=upstream.UPSTREAMS[key].module,
            version=upstream.version(key),
            # Plain YAML. The chart's templates hold the same, plus labels of a Helm release.
            folder="deploy/crds",
            # Those of the controllers that the estate runs: no ACME, hence no orders and challenges.
            files=[
                f"cert-manager.io_{kind}.yaml"
                for kind in ("certificaterequests", "certificates", "clusterissuers", "issuers")
            ],
        )
    }


def vendor(wanted: Mapping[str, Source], lock: Path = crds.LOCK, vendored: Path = crds.VENDORED) -> None:
    """Bring the locked files in.

    Errors:
        CrdError: the lock is of another version, or upstream's file is missing or not the locked one.
        SandboxError: no Go, or the module is refused.
    """
    locked = crds.read_lock(lock)
    for addon, source in wanted.items():
        entry = locked.get(addon)
        if entry is None or entry.version != source.version or entry.files.keys() != set(source.files):
            raise CrdError(f"{lock.name} is not of {addon} {source.version}: run `python -m tools.vendor --update`")
        if not crds.differing(addon, entry, vendored):
            continue
        contents = _fetch(addon, source)
        for name, content in contents.items():
            if hashlib.sha256(content).hexdigest() != entry.files[name]:
                raise CrdError(f"{name} of {source.module} {source.version} is not the one that {lock.name} names")
        _write(vendored / addon, contents)


def update(wanted: Mapping[str, Source], lock: Path = crds.LOCK, vendored: Path = crds.VENDORED) -> None:
    """Bring the files in as they are, and lock them.

    Errors:
        CrdError: upstream has no such file.
        SandboxError: no Go, or the module is refused.
    """
    locked: dict[str, Locked] = {}
    for addon, source in wanted.items():
        contents = _fetch(addon, source)
        _write(vendored / addon, contents)
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(contents.items())}
        locked[addon] = Locked(version=source.version, files=digests)
    whole = {addon: entry.model_dump() for addon, entry in sorted(locked.items())}
    lock.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")


def _fetch(addon: str, source: Source) -> dict[str, bytes]:
    """The contents of the files, from a module that go.sum has approved."""
    gobuild.version()
    print(f"  ... the CRDs of {addon} {source.version}", file=sys.stderr)
    done = subprocess.run(
        ["go", "mod", "download", "-json", source.module],
        cwd=source.gomod,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        # The reason is in the answer's `Error`, or, where there was no answer, on stderr.
        said = json.loads(done.stdout).get("Error", "") if done.stdout.strip() else done.stderr
        raise SandboxError(f"the Go module {source.module} {source.version} cannot be had: {last_line(said)}")
    folder = Path(json.loads(done.stdout)["Dir"]) / source.folder
    for name in source.files:
        if not (folder / name).is_file():
            raise CrdError(f"{source.module} {source.version} has no {source.folder}/{name}")
    return {name: (folder / name).read_bytes() for name in source.files}


def _write(folder: Path, contents: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 1 with one line on stderr if something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tools.vendor", description=__doc__)
    parser.add_argument("--update", action="store_true", help="write catalog/crds.lock anew")
    try:
        (update if parser.parse_args(arguments).update else vendor)(sources())
    except (CrdError, SandboxError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
