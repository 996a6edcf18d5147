"""What the crawler of the HTM store is told, and how it refuses nonsense: one line, and no secret in it."""

from pathlib import Path

import pytest

from htm import settings
from htm.__main__ import main
from htm.errors import HtmError
from htm.settings import Remote


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    for name in ("username", "password", "database", "ca.crt", "token"):
        (tmp_path / name).write_text(f"the-{name}\n")
    return tmp_path


@pytest.fixture
def env(credentials: Path) -> dict[str, str]:
    return {"HTM_HOST": "htm.example", "HTM_PORT": "5432", "HTM_CREDENTIALS_DIR": str(credentials)}


class TestStore:
    def test_it_is_read_from_the_environment_and_files(self, env: dict[str, str], credentials: Path) -> None:
        assert settings.store(env) == settings.Store(
            host="htm.example",
            port=5432,
            username="the-username",
            password="the-password",
            database="the-database",
            ca=credentials / "ca.crt",
        )

    @pytest.mark.parametrize("name", ["HTM_HOST", "HTM_PORT", "HTM_CREDENTIALS_DIR"])
    def test_each_variable_must_be_there(self, env: dict[str, str], name: str) -> None:
        with pytest.raises(HtmError, match=f"{name} is not set"):
            settings.store({**env, name: ""})

    @pytest.mark.parametrize("name", ["username", "password", "database", "ca.crt"])
    def test_each_file_must_be_there(self, env: dict[str, str], credentials: Path, name: str) -> None:
        (credentials / name).unlink()
        with pytest.raises(HtmError, match=name):
            settings.store(env)

    @pytest.mark.parametrize("port", ["x", "-1", "0", "5432.0", "²"])
    def test_the_port_must_be_a_number(self, env: dict[str, str], port: str) -> None:
        with pytest.raises(HtmError, match="HTM_PORT"):
            settings.store({**env, "HTM_PORT": port})


class TestEndpoint:
    URL = "https://models.example"

    def test_without_a_url_there_is_none(self) -> None:
        assert settings.endpoint({}) is None

    @pytest.mark.parametrize(
        ("url", "posted"),
        [
            (URL, f"{URL}/v1/embeddings"),
            (f"{URL}/", f"{URL}/v1/embeddings"),
            (f"{URL}:8443/api/embed", f"{URL}:8443/api/embed"),
        ],
    )
    def test_a_url_without_a_path_is_completed(self, url: str, posted: str) -> None:
        endpoint = settings.endpoint({"EMBEDDINGS_URL": url, "EMBEDDINGS_MODEL": "m"})
        assert endpoint is not None
        assert (endpoint.url, endpoint.model, endpoint.token, endpoint.ca) == (posted, "m", "", None)

    def test_its_token_and_authority_are_files(self, credentials: Path) -> None:
        known = {"EMBEDDINGS_URL": self.URL, "EMBEDDINGS_MODEL": "m", "EMBEDDINGS_CREDENTIALS_DIR": str(credentials)}
        endpoint = settings.endpoint(known)
        assert endpoint is not None
        assert (endpoint.token, endpoint.ca) == ("the-token", credentials / "ca.crt")

    @pytest.mark.parametrize(
        ("env", "says"),
        [
            ({"EMBEDDINGS_MODEL": "m"}, "not EMBEDDINGS_URL"),
            ({"EMBEDDINGS_URL": URL}, "set EMBEDDINGS_MODEL"),
            ({"EMBEDDINGS_URL": URL, "EMBEDDINGS_MODEL": "feature-hashing-768"}, "not 'feature-hashing-768'"),
            ({"EMBEDDINGS_URL": "models:80", "EMBEDDINGS_MODEL": "m"}, "https"),
        ],
    )
    def test_half_of_it_is_refused(self, env: dict[str, str], says: str) -> None:
        with pytest.raises(HtmError, match=says):
            settings.endpoint(env)


class TestRepository:
    def test_it_is_a_folder_unless_there_is_a_url(self) -> None:
        assert settings.repository({}) == Path("/repository")
        assert settings.repository({"HTM_FOLDER": "/other"}) == Path("/other")
        assert settings.repository({"REPOSITORY_URL": "https://git.example/a.git"}) == (
            Remote(url="https://git.example/a.git", username="", password="")
        )

    @pytest.mark.parametrize("url", ["git@git.example:a.git", "ssh://git.example/a", "file:///etc", "https://"])
    def test_other_ways_are_refused(self, url: str) -> None:
        with pytest.raises(HtmError, match="REPOSITORY_URL"):
            settings.repository({"REPOSITORY_URL": url})


class TestCommand:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"REPOSITORY_URL": "https://me:the-password@git.example/a.git"},
            {"EMBEDDINGS_URL": "https://:the-password@models.example", "EMBEDDINGS_MODEL": "m"},
            {"HTM_DEADLINE_S": "soon"},
            {"HTM_FOLDER": "/nowhere"},
        ],
        ids=lambda wrong: next(iter(wrong)),
    )
    def test_an_error_is_one_line_without_a_secret(
        self, env: dict[str, str], wrong: dict[str, str], capfd: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["crawl"], {**env, **wrong}) == 1
        out, err = capfd.readouterr()
        assert out == ""
        assert err.splitlines()[-1].startswith("htm: error: ")
        assert "Traceback" not in err
        assert "the-password" not in err

    @pytest.mark.parametrize("limit", ["0", "-1", "1001", "x"])
    def test_a_limit_has_bounds(self, limit: str, capfd: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            main(["query", "text", "--limit", limit], {})
        assert "is not 1 to 1000" in capfd.readouterr().err
