"""What a run is told, by its environment and by mounted files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from htm.errors import HtmError
from htm.hashing import NAME

FOLDER = "/repository"
"""Where a repository is mounted."""

DEADLINE_S = 1500


@dataclass(frozen=True, kw_only=True)
class Store:
    """The database, and who the crawler is there."""

    host: str
    port: int
    username: str
    password: str
    database: str
    ca: Path
    """Certificate of the authority that the server's is checked against."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An embedding model behind OpenAI's `POST /v1/embeddings`."""

    url: str
    model: str
    token: str
    """Empty: the endpoint asks for none."""
    ca: Path | None
    """None: what the image trusts."""


@dataclass(frozen=True, kw_only=True)
class Remote:
    """A git repository behind http(s)."""

    url: str
    username: str
    password: str
    """Both empty: anybody may read it."""

    def __str__(self) -> str:
        return self.url


def store(env: Mapping[str, str]) -> Store:
    """HTM_HOST, HTM_PORT and the files username, password, database, ca.crt in HTM_CREDENTIALS_DIR.

    Errors:
        HtmError: one is missing, or not what it should be.
    """
    folder = Path(_required(env, "HTM_CREDENTIALS_DIR"))
    return Store(
        host=_required(env, "HTM_HOST"),
        port=_number(env, "HTM_PORT", None),
        username=_file(folder, "username"),
        password=_file(folder, "password"),
        database=_file(folder, "database"),
        ca=_present(folder / "ca.crt"),
    )


def endpoint(env: Mapping[str, str]) -> Endpoint | None:
    """EMBEDDINGS_URL, EMBEDDINGS_MODEL and, in EMBEDDINGS_CREDENTIALS_DIR, the files token and ca.crt where needed.

    A URL without a path is completed with `/v1/embeddings`.

    Returns:
        None where no URL is set.

    Errors:
        HtmError: one is set without the other, or is not what it should be.
    """
    url, model = env.get("EMBEDDINGS_URL", ""), env.get("EMBEDDINGS_MODEL", "")
    if not url:
        if model:
            raise HtmError("EMBEDDINGS_MODEL is set, but not EMBEDDINGS_URL: set both, or neither")
        return None
    if not model or model == NAME:
        raise HtmError(f"EMBEDDINGS_URL is set: set EMBEDDINGS_MODEL to the model's name (not {NAME!r})")
    _checked_url("EMBEDDINGS_URL", url)
    folder = env.get("EMBEDDINGS_CREDENTIALS_DIR", "")
    token, ca = Path(folder, "token"), Path(folder, "ca.crt")
    return Endpoint(
        url=url if urlsplit(url).path.strip("/") else f"{url.rstrip('/')}/v1/embeddings",
        model=model,
        token=_file(Path(folder), "token") if folder and token.exists() else "",
        ca=ca if folder and ca.exists() else None,
    )


def repository(env: Mapping[str, str]) -> Path | Remote:
    """REPOSITORY_URL and, in REPOSITORY_CREDENTIALS_DIR, username and password where needed; else a folder.

    The folder is HTM_FOLDER, `/repository` by default.

    Errors:
        HtmError: the URL is none, or a file is missing.
    """
    if not (url := env.get("REPOSITORY_URL", "")):
        return Path(env.get("HTM_FOLDER") or FOLDER)
    _checked_url("REPOSITORY_URL", url)
    folder = env.get("REPOSITORY_CREDENTIALS_DIR", "")
    return Remote(
        url=url,
        username=_file(Path(folder), "username") if folder else "",
        password=_file(Path(folder), "password") if folder else "",
    )


def deadline_s(env: Mapping[str, str]) -> int:
    """HTM_DEADLINE_S: seconds that a run may take.

    Errors:
        HtmError: it is no whole number from 1.
    """
    return _number(env, "HTM_DEADLINE_S", DEADLINE_S)


def _required(env: Mapping[str, str], name: str) -> str:
    if not (value := env.get(name, "")):
        raise HtmError(f"{name} is not set")
    return value


def _number(env: Mapping[str, str], name: str, default: int | None) -> int:
    text = env.get(name, "") if default is not None else _required(env, name)
    if not text and default is not None:
        return default
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise HtmError(f"{name} is {text!r}: a whole number from 1 is wanted")
    return int(text)


def _checked_url(name: str, url: str) -> None:
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        # Never printed: it holds a password.
        raise HtmError(f"{name} holds credentials: they belong into files, see the documentation")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise HtmError(f"{name} is {url!r}: http://... or https://... is wanted")


def _present(path: Path) -> Path:
    if not path.is_file():
        raise HtmError(f"{path} is missing")
    return path


def _file(folder: Path, name: str) -> str:
    try:
        text = (folder / name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise HtmError(f"{folder / name} cannot be read: {_why(error)}") from error
    if not text:
        raise HtmError(f"{folder / name} is empty")
    return text


def _why(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or "unknown") if isinstance(error, OSError) else "it is no UTF-8"
