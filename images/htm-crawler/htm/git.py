"""The newest commit of a repository that git serves over http(s), and nothing of its past."""

import stat
from collections.abc import Iterator, Mapping
from tempfile import TemporaryDirectory

from dulwich.client import HttpGitClient, HTTPUnauthorized
from dulwich.errors import GitProtocolError, NotGitRepository
from dulwich.objects import Commit, ObjectID
from dulwich.refs import HEADREF, Ref
from dulwich.repo import Repo

from htm.errors import HtmError, one_line
from htm.settings import Remote

PACK_BYTES = 40 * 1024 * 1024
"""Of what git sends: it lies in /tmp, which holds 64 MiB, with its index beside it."""
SILENT_S = 60
"""Seconds that the server may be silent."""


def files(remote: Remote, most_bytes: int) -> Iterator[tuple[str, bytes | None]]:
    """Path -> content of each file, None for one that is longer than `most_bytes`.

    Nothing is checked out. The proxies that the environment names are used.

    Errors:
        HtmError: there is no such repository, or it is too large.
    """
    try:
        with TemporaryDirectory(prefix="htm-") as folder, Repo.init_bare(folder) as repo:
            for entry in repo.object_store.iter_tree_contents(_fetch(remote, repo)):
                # Neither links nor submodules: they have no text of their own.
                if entry.path and entry.sha and entry.mode and stat.S_ISREG(entry.mode):
                    data = repo[entry.sha].as_raw_string()
                    yield entry.path.decode(errors="surrogateescape"), data if len(data) <= most_bytes else None
    except HtmError:
        raise
    except NotGitRepository as error:
        raise HtmError(f"{remote} is no git repository") from error
    except HTTPUnauthorized as error:
        raise HtmError(f"{remote} wants other credentials (REPOSITORY_CREDENTIALS_DIR)") from error
    except Exception as error:
        # What a broken answer raises in dulwich is anything: ValueError, KeyError, AssertionError, BufferError.
        raise HtmError(f"{remote} cannot be fetched: {type(error).__name__}: {one_line(error)}") from error


def _fetch(remote: Remote, repo: Repo) -> ObjectID:
    """Fetch the newest commit alone; returns the id of its tree."""
    client = HttpGitClient(
        remote.url,
        username=remote.username or None,
        password=remote.password or None,
        timeout=SILENT_S,
        quiet=True,
    )
    pack, keep, abort = repo.object_store.add_pack()
    received = 0

    def newest(refs: Mapping[Ref, ObjectID], depth: int | None = None) -> list[ObjectID]:
        if HEADREF not in refs:
            raise HtmError(f"{remote} has no commit")
        return [refs[HEADREF]]

    def bounded(data: bytes) -> int:
        nonlocal received
        received += len(data)
        if received > PACK_BYTES:
            raise HtmError(f"{remote} is larger than {PACK_BYTES // 1024**2} MiB: crawl a smaller one, or mount it")
        return pack.write(data)

    try:
        refs = client.fetch_pack("", newest, repo.get_graph_walker(), bounded, depth=1).refs
    except BaseException:
        abort()
        raise
    keep()
    head = refs[HEADREF]
    if head is None or not isinstance(commit := repo[head], Commit):
        raise GitProtocolError("its HEAD is no commit")
    return commit.tree
