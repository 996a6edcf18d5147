"""The API server, asked by the sandbox itself."""

import json
import ssl
import urllib.request
from typing import Any, cast

from sandbox.cluster.control_plane import PKI
from sandbox.cluster.settings import Settings


def get(wanted: Settings, path: str) -> bytes:
    """GET `path` as the administrator.

    Errors:
        OSError: it does not answer, or not with success (urllib.error.HTTPError has the status).
    """
    context = ssl.create_default_context(cafile=str(PKI / "ca.pem"))
    context.load_cert_chain(PKI / "admin.pem", PKI / "admin-key.pem")
    # The machine's proxy settings do not concern 127.0.0.1.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    with opener.open(f"{wanted.api_url}{path}", timeout=5) as answer:
        return cast("bytes", answer.read())


def get_json(wanted: Settings, path: str) -> dict[str, Any]:
    """GET an object; errors as `get`."""
    return cast("dict[str, Any]", json.loads(get(wanted, path)))
