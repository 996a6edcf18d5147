"""The HTM store's crawler against PostgreSQL 15 with pgvector, by PgBouncer: what it keeps, and what it refuses."""

import shutil
from pathlib import Path

import pytest

from sandbox.cluster import pki
from tests.conformance.htm import CLIENT, PASSWORD, ROOT, HtmStore
from tests.conformance.htm import server as server
from tests.conformance.htm import store as store

QUESTION = "network policy that closes a namespace"
ANSWER = "components/tiers.py"
SIMULATION = "feature-hashing-768 stands in for one, a simulation"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "components").mkdir()
    for name in ("base.py", "endpoint.py", "tiers.py", "zones.py"):
        shutil.copy(ROOT / "components" / name, tmp_path / "components")
    return tmp_path


def crawl(store: HtmStore, folder: Path, **env: object) -> str:
    """Crawl a folder; returns the last line of the output."""
    done = store.run("crawl", HTM_FOLDER=folder, **env)
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()[-1]


def refusal(store: HtmStore, *arguments: str, **env: object) -> str:
    """The error of a run: one line, and the last one."""
    done = store.run(*arguments, **env)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    *_, last = done.stderr.splitlines()
    assert last.startswith("htm: error: ")
    return last


def test_a_question_finds_its_answer(store: HtmStore, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "components", tmp_path / "components", ignore=shutil.ignore_patterns("__pycache__"))
    crawl(store, tmp_path)
    done = store.run("query", QUESTION, "--limit", "5")
    assert done.returncode == 0, done.stderr
    hits = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(hits) == 5
    assert ANSWER in [path for path, _, _ in hits]
    similarities = [float(similarity) for _, _, similarity in hits]
    assert similarities == sorted(similarities, reverse=True)
    assert 0 < similarities[-1] <= similarities[0] <= 1


def test_every_run_says_that_the_model_is_a_simulation(store: HtmStore, repository: Path) -> None:
    for command in (["crawl"], ["query", QUESTION], ["check"]):
        assert SIMULATION in store.run(*command, HTM_FOLDER=repository).stderr, command
    assert store.ask("SELECT DISTINCT model FROM chunks") == [("feature-hashing-768",)]


def test_a_second_crawl_embeds_nothing_and_changes_nothing(store: HtmStore, repository: Path) -> None:
    first = crawl(store, repository)
    before = store.ask("SELECT path, chunk, xmin::text, ctid::text FROM chunks ORDER BY path, chunk")
    ((different,),) = store.ask("SELECT count(DISTINCT content_hash) FROM chunks")
    assert f"{different} chunks embedded, {len(before) - different} known from elsewhere, 0 unchanged" in first
    second = crawl(store, repository)
    assert f"0 chunks embedded, 0 known from elsewhere, {len(before)} unchanged; 0 files written, 0 removed" in second
    assert store.ask("SELECT path, chunk, xmin::text, ctid::text FROM chunks ORDER BY path, chunk") == before


def test_only_what_changed_is_embedded(store: HtmStore, repository: Path) -> None:
    crawl(store, repository)
    tiers, zones = repository / ANSWER, repository / "components/zones.py"
    tiers.write_text(f"{tiers.read_text()}\n\n{'# A new end.' * 100}\n")
    zones.rename(repository / "components/places.py")
    last = crawl(store, repository)
    embedded = int(last.split(" chunks embedded")[0].split()[-1])
    assert 1 <= embedded <= 3, "the last chunks of one file, and nothing of the one that moved"
    assert "2 files written, 1 removed" in last


def test_a_deleted_file_loses_its_rows(store: HtmStore, repository: Path) -> None:
    crawl(store, repository)
    rows = "SELECT count(*) FROM chunks WHERE path = 'components/tiers.py'"
    assert store.ask(rows) != [(0,)]
    (repository / ANSWER).unlink()
    assert "0 chunks embedded" in crawl(store, repository)
    assert store.ask(rows) == [(0,)]


def test_a_file_is_replaced_whole_or_not_at_all(store: HtmStore, repository: Path) -> None:
    crawl(store, repository)
    content = "SELECT path, chunk, content FROM chunks ORDER BY path, chunk"
    before = store.ask(content)
    store.ask(
        "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'disk full'; END$$;"
        "CREATE TRIGGER refuse BEFORE INSERT ON chunks FOR EACH ROW WHEN (NEW.chunk = 1) EXECUTE FUNCTION refuse()"
    )
    (repository / ANSWER).write_text("# Another text.\n\n" * 200)
    assert "disk full" in refusal(store, "crawl", HTM_FOLDER=repository)
    assert store.ask(content) == before


def test_an_empty_repository_does_not_empty_the_store(store: HtmStore, repository: Path, tmp_path: Path) -> None:
    crawl(store, repository)
    (tmp_path / "empty").mkdir()
    assert "holds no text: nothing was changed" in refusal(store, "crawl", HTM_FOLDER=tmp_path / "empty")
    assert store.run("check").returncode == 0


def test_the_index_is_used(store: HtmStore, repository: Path) -> None:
    crawl(store, repository)
    with store.admin() as connection:
        connection.execute("SET enable_seqscan = off")
        plan = connection.execute(
            "EXPLAIN SELECT path FROM chunks WHERE model = 'm' "
            "ORDER BY embedding <=> (SELECT embedding FROM chunks LIMIT 1) LIMIT 5"
        ).fetchall()
    assert any("Index Scan using chunks_embedding" in line for (line,) in plan), plan


def test_a_check_passes_and_says_what_is_there(store: HtmStore, repository: Path) -> None:
    crawl(store, repository)
    done = store.run("check")
    assert done.returncode == 0, done.stderr
    ((rows, files),) = store.ask("SELECT count(*), count(DISTINCT path) FROM chunks")
    assert done.stdout == (f"{rows} chunks of {files} files, 768 dimensions, model feature-hashing-768, index valid\n")


def test_a_check_finds_what_is_broken(store: HtmStore, repository: Path) -> None:
    assert "holds no chunks yet: crawl first" in refusal(store, "check")
    crawl(store, repository)
    store.ask("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'chunks_embedding'::regclass")
    assert "missing or invalid" in refusal(store, "check")
    store.ask("DROP INDEX chunks_embedding")
    assert "missing or invalid" in refusal(store, "check")
    store.ask("UPDATE chunks SET model = 'other' WHERE path = 'components/tiers.py'")
    assert "several models: feature-hashing-768, other" in refusal(store, "check")
    store.ask("DELETE FROM chunks")
    assert "holds no chunk;" in refusal(store, "check")
    assert "0 unchanged" in crawl(store, repository)
    assert store.run("check").returncode == 0, "a crawl makes the index anew"


def test_the_next_generation_of_the_account_goes_on(store: HtmStore, repository: Path) -> None:
    crawl(store, repository)
    second = store.credentials(generation=2)
    assert "0 chunks embedded" in crawl(store, repository, HTM_CREDENTIALS_DIR=second)
    (repository / ANSWER).unlink()
    assert "1 removed" in crawl(store, repository, HTM_CREDENTIALS_DIR=second)
    assert store.ask("SELECT tableowner FROM pg_tables WHERE tablename = 'chunks'") == [(CLIENT,)]


def test_a_wrong_password_and_another_authority_are_refused(store: HtmStore, tmp_path: Path) -> None:
    wrong = store.credentials(other={"password": "wrong"})
    assert "authentication failed" in refusal(store, "check", HTM_CREDENTIALS_DIR=wrong)
    stranger = pki.authority(tmp_path, "stranger", "stranger").cert.read_text()
    other = store.credentials(other={"ca.crt": stranger})
    assert "certificate verify failed" in refusal(store, "check", HTM_CREDENTIALS_DIR=other)
    assert "does not match host name" in refusal(store, "check", HTM_HOST="localhost")


def test_a_database_without_pgvector_is_refused(store: HtmStore, repository: Path) -> None:
    store.ask("DROP EXTENSION vector")
    try:
        said = refusal(store, "crawl", HTM_FOLDER=repository)
    finally:
        store.ask("CREATE EXTENSION vector")
    assert "the database has no extension vector" in said


def test_a_second_crawl_at_the_same_time_is_refused(store: HtmStore, repository: Path) -> None:
    crawl(store, repository)
    with store.admin() as other:
        other.execute("SELECT pg_advisory_lock(4740173)")  # HTM in ASCII
        assert "another crawl of this store is at work" in refusal(store, "crawl", HTM_FOLDER=repository)
    assert "0 chunks embedded" in crawl(store, repository)
