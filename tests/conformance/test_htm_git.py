"""The HTM store's crawler reads a repository that a real git server on loopback serves."""

import os
import stat
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from dulwich import porcelain
from dulwich.objects import Blob, Tree
from dulwich.repo import Repo
from dulwich.server import DictBackend
from dulwich.web import WSGIRequestHandlerLogger, WSGIServerLogger, make_server, make_wsgi_chain

from htm import git, repository
from htm.errors import HtmError
from htm.settings import Remote

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of a git server with one repository, `/a.git`, which is also a proxy to `http://git.invalid/a.git`."""
    for name in (*PROXIES, *map(str.upper, PROXIES)):
        monkeypatch.delenv(name, raising=False)
    with porcelain.init(tmp_path / "work") as repo:
        commit(repo, {"gone.py": "gone = 1", "kept.py": "kept = 1", "big.bin": os.urandom(300_000).hex()})
        (tmp_path / "work/gone.py").unlink()
        (tmp_path / "work/big.bin").unlink()
        (tmp_path / "work/link.py").symlink_to("kept.py")
        commit(repo, {"a/deep.md": "# Deep", "long.txt": "x" * (repository.FILE_BYTES + 1), "data": "a\0b"})
        backend = DictBackend({"/a.git": repo, "/http://git.invalid/a.git": repo})
        with serving(make_wsgi_chain(backend)) as at:
            yield at


@contextmanager
def serving(application: WSGIApplication) -> Generator[str]:
    """The address of a web server."""
    # dulwich's classes: their log is not printed.
    with make_server("127.0.0.1", 0, application, WSGIServerLogger, WSGIRequestHandlerLogger) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def commit(repo: Repo, files: dict[str, str]) -> None:
    root = Path(repo.path)
    for path, text in files.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text)
    porcelain.add(repo, [str(root)])
    porcelain.commit(repo, message=b"m", author=b"a <a@example>", committer=b"a <a@example>", all=True)


def remote(url: str) -> Remote:
    return Remote(url=url, username="", password="")


def test_the_newest_text_is_read_and_the_past_is_not(served: str) -> None:
    contents = repository.read(remote(f"{served}/a.git"))
    assert contents.texts == {"a/deep.md": "# Deep", "kept.py": "kept = 1"}
    assert contents.skipped == 2, "one is too long, one is no text"


def test_nothing_stays_behind(served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    assert repository.read(remote(f"{served}/a.git")).texts
    assert list(scratch.iterdir()) == []


def test_the_past_is_not_fetched_and_size_has_a_bound(served: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "PACK_BYTES", 100_000)  # the first commit has 300 kB that do not compress
    assert repository.read(remote(f"{served}/a.git")).texts
    monkeypatch.setattr(git, "PACK_BYTES", 100)
    with pytest.raises(HtmError, match="is larger than"):
        repository.read(remote(f"{served}/a.git"))


def test_the_proxy_of_the_environment_is_used(served: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", served)
    assert repository.read(remote("http://git.invalid/a.git")).texts
    monkeypatch.setenv("no_proxy", "git.invalid")
    with pytest.raises(HtmError, match="cannot be fetched"):
        repository.read(remote("http://git.invalid/a.git"))


def test_what_is_no_repository_is_one_line(served: str) -> None:
    with pytest.raises(HtmError, match=r"/b.git is no git repository$"):
        repository.read(remote(f"{served}/b.git"))
    with pytest.raises(HtmError, match="cannot be fetched") as raised:
        repository.read(remote("http://127.0.0.1:1/a.git"))
    assert "\n" not in str(raised.value)


def test_an_answer_that_is_no_gits_is_one_line() -> None:
    def page(env: WSGIEnvironment, start: StartResponse) -> list[bytes]:
        start("200 OK", [("content-type", "text/html")])
        return [b"<html>\nsign in first</html>"]

    with serving(page) as at, pytest.raises(HtmError, match="cannot be fetched: ValueError: ") as raised:
        repository.read(remote(f"{at}/a.git"))
    assert "\n" not in str(raised.value)


def test_a_repository_without_a_commit_is_refused(tmp_path: Path) -> None:
    with (
        porcelain.init(tmp_path / "empty") as repo,
        serving(make_wsgi_chain(DictBackend({"/a.git": repo}))) as at,
        pytest.raises(HtmError, match="has no commit"),
    ):
        repository.read(remote(f"{at}/a.git"))


def test_a_path_is_never_taken_for_a_place_outside(served: str, tmp_path: Path) -> None:
    # Nothing is checked out: a path of a hostile tree is a name, and no more.
    with Repo(str(tmp_path / "work")) as repo:
        blob, tree = Blob.from_string(b"text"), Tree()
        tree.add(b"..", stat.S_IFREG | 0o644, blob.id)
        repo.object_store.add_object(blob)
        repo.object_store.add_object(tree)
        repo.get_worktree().commit(message=b"m", committer=b"a <a@example>", author=b"a <a@example>", tree=tree.id)
    assert repository.read(remote(f"{served}/a.git")).texts == {"..": "text"}
