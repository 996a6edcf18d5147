"""The real MinIO on loopback, by the generated configuration, confined as in its pod.

    with object_store(tmp_path) as store:
        httpx.get(f"{store.url}{config.READY}", verify=store.trust())

Its root holds what its image does, and cannot be written; certificates and passwords lie as the kubelet puts them.
"""

import os
import re
import shutil
import signal
import ssl
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import httpx

from components.data.objects import config
from components.pod import SCRATCH_MIB, USER
from sandbox import gobuild
from sandbox.cluster import pki
from tests.conformance.data_servers import free_port
from tests.waiting import until

HOST = "localhost"
MODULE = Path(__file__).parents[2] / "images" / "minio"
PASSWORD = "of-the-administrator"

_STARTS_S = 60
_ENDS_S = 20

# In a mount namespace of its own: the image, the pod's volumes, and the kernel's own file systems.
_CONFINED = f"""
set -eu
folder=$1 program=$2
shift 2
mount -t tmpfs -o mode=755 none "$folder/root"
cd "$folder/root"
mkdir -p proc sys dev tmp .{config.DATA_DIR} .{config.ROOT_DIR} .{config.CERTS_DIR}
touch minio
mount --bind "$program" minio
mount --bind -o ro "$folder/passwords" .{config.ROOT_DIR}
mount --bind -o ro "$folder/certificates" .{config.CERTS_DIR}
mount --bind "$folder/data" .{config.DATA_DIR}
mount -t tmpfs -o mode=1777,size={SCRATCH_MIB}m none tmp
for own in proc sys dev; do mount --rbind /$own $own; done
mount -o remount,ro,bind "$folder/root"
cd /
exec setpriv --no-new-privs -- chroot --userspec={USER}:{USER} --groups= "$folder/root" "$@"
"""


@dataclass
class ObjectStore:
    """A MinIO that runs, or did; what it keeps stays in the folder."""

    folder: Path
    port: int
    authority: pki.Pair
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """Where S3 answers."""
        return f"https://{HOST}:{self.port}"

    @property
    def credentials(self) -> Path:
        """The administrator's folder, as Jobs find it: username, password, ca.crt."""
        return self.folder / "admin"

    @property
    def ca(self) -> Path:
        """The authority's certificate."""
        return self.credentials / "ca.crt"

    def trust(self) -> ssl.SSLContext:
        """Trust in its authority, and nobody else."""
        return ssl.create_default_context(cafile=str(self.ca))

    @property
    def log(self) -> str:
        """What it said."""
        return (self.folder / "log").read_text(errors="replace")

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        argv = [part.replace(f":{config.PORT}", f"127.0.0.1:{self.port}") for part in config.COMMAND]
        alone = ("setpriv", "--pdeathsig", "KILL", "--", "unshare", "--mount", "--propagation", "private")
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*alone, "sh", "-c", _CONFINED, "sh", self.folder, program(), *argv],
                env={"PATH": os.environ["PATH"], "TZ": "UTC", **config.ENVIRONMENT},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        until(f"MinIO is ready ({self.folder}/log)", self._ready, seconds=_STARTS_S)

    def stop(self) -> int:
        """End it as a pod is ended; its exit code."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_ENDS_S)

    def issue(self, name: str) -> None:
        """Put a new certificate where it looks for it."""
        pair = pki.issue(self.authority, self.folder / "pki", name, HOST, hosts=[HOST, "127.0.0.1"])
        issued = {"tls.crt": pair.cert, "tls.key": pair.key, "ca.crt": self.authority.cert}
        files = {config.CERTIFICATE_FILES[key]: path.read_text() for key, path in issued.items()}
        project(self.folder / "certificates", name, files)

    def _ready(self) -> bool:
        assert self.process
        assert self.process.poll() is None, self.log
        try:
            return httpx.get(f"{self.url}{config.READY}", verify=self.trust(), trust_env=False).status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def object_store(folder: Path) -> Generator[ObjectStore]:
    """An empty one of its own, ready; it is killed at the end if it has not ended."""
    folder.chmod(0o755)
    for name in ("root", "data", "admin"):
        (folder / name).mkdir()
    # A claimed volume belongs to the pod's group.
    shutil.chown(folder / "data", group=USER)
    (folder / "data").chmod(0o2775)
    store = ObjectStore(folder=folder, port=free_port(), authority=pki.authority(folder / "pki", "ca", "objects"))
    account = {"username": config.ROOT, "password": PASSWORD}
    for name, text in {**account, "ca.crt": store.authority.cert.read_text()}.items():
        (store.credentials / name).write_text(text)
    project(folder / "passwords", "first", account)
    store.issue("first")
    try:
        store.start()
        yield store
    finally:
        if store.process and store.process.poll() is None:
            store.process.kill()
            store.process.wait(_ENDS_S)


def project(folder: Path, name: str, files: Mapping[str, str]) -> None:
    """Put the files of a Secret into a folder as the kubelet does: by links to one that is exchanged as a whole.

    Args:
        folder: where they are seen.
        name: of this content of the Secret.
        files: path -> content.
    """
    content = folder / f"..{name}"
    for path, text in files.items():
        (content / path).parent.mkdir(parents=True, exist_ok=True)
        (content / path).write_text(text)
        (content / path).chmod(0o440)
        shutil.chown(content / path, group=USER)
    link = folder / "..data_tmp"
    link.symlink_to(content.name)
    link.rename(folder / "..data")
    for top in {Path(path).parts[0] for path in files}:
        if not (folder / top).is_symlink():
            (folder / top).symlink_to(f"..data/{top}")


@cache
def program() -> Path:
    """The program of the image, built as its Dockerfile builds it, or found built.

    Errors:
        SandboxError: a module is refused or does not compile.
    """
    return gobuild.build("minio", MODULE, ldflags=ldflags()) / "minio"


def ldflags() -> str:
    """What the Dockerfile tells the linker."""
    told = re.search(r'-ldflags "([^"]+)"', (MODULE / "Dockerfile").read_text())
    assert told
    return " ".join(told[1].replace("\\\n", " ").split())
