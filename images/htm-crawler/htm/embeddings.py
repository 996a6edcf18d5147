"""Embeddings from a model behind OpenAI's `POST /v1/embeddings`, which LiteLLM, vLLM, TEI and Ollama speak too."""

import json
import math
import ssl
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self, cast

import httpx

from htm.errors import HtmError, one_line
from htm.settings import Endpoint
from htm.vectors import DIMENSIONS, Vector

BATCH = 64
"""Texts in one request."""
TIMEOUT = httpx.Timeout(60, connect=5)
ATTEMPTS = 5
LONGEST_PAUSE_S = 30
"""Between two attempts, whatever the endpoint asks for."""

_AGAIN = frozenset({429, 500, 502, 503, 504})
"""Answers that may be others a little later."""


class EmbeddingsEndpoint:
    """The client of one endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.name = endpoint.model
        self.note = f"embeddings are made by {endpoint.model} at {endpoint.url}"
        self._url = endpoint.url
        self._client = httpx.Client(
            headers={"authorization": f"Bearer {endpoint.token}"} if endpoint.token else {},
            timeout=TIMEOUT,
            verify=ssl.create_default_context(cafile=endpoint.ca),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """An embedding for each text.

        Errors:
            HtmError: no answer after `ATTEMPTS`, or one that is no embeddings of `DIMENSIONS` dimensions.
        """
        batches = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
        return [vector for batch in batches for vector in self._batch(batch)]

    def _batch(self, texts: Sequence[str]) -> list[Vector]:
        answer = self._post({"model": self.name, "input": list(texts), "encoding_format": "float"})
        if not answer.is_success:
            raise HtmError(f"{self._url} answers {answer.status_code}: {one_line(answer.text)}")
        try:
            return vectors(answer.json(), len(texts))
        except json.JSONDecodeError as error:
            raise HtmError(f"{self._url} answers no JSON") from error
        except ValueError as error:
            raise HtmError(f"model {self.name!r} at {self._url}: {error}") from error

    def _post(self, body: Mapping[str, Any]) -> httpx.Response:
        for attempt in range(1, ATTEMPTS + 1):
            pause_s = 2.0 ** (attempt - 1)
            try:
                answer = self._client.post(self._url, json=body)
            except httpx.TransportError as error:
                if attempt == ATTEMPTS:
                    why = one_line(error) or type(error).__name__
                    raise HtmError(f"{self._url} does not answer: {why}") from error
            else:
                if attempt == ATTEMPTS or answer.status_code not in _AGAIN:
                    return answer
                asked = answer.headers.get("retry-after", "")
                pause_s = float(asked) if asked.isdecimal() else pause_s
            time.sleep(min(pause_s, LONGEST_PAUSE_S))
        raise AssertionError("the last attempt returns or raises")


def vectors(answer: object, count: int) -> list[Vector]:
    """The embeddings of an answer, in the order of what was asked.

    Args:
        answer: the JSON document.
        count: how many texts were sent.

    Errors:
        ValueError: it holds anything else than `count` embeddings of `DIMENSIONS` numbers that are not all 0.
    """
    try:
        entries = cast("list[dict[str, Any]]", cast("dict[str, Any]", answer)["data"])
        by_index = {entry["index"]: cast("list[Any]", entry["embedding"]) for entry in entries}
        found = [[float(value) for value in by_index[index]] for index in range(count)]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the answer does not hold an embedding for each of {count} texts") from error
    if len(entries) != count:
        raise ValueError(f"{len(entries)} embeddings for {count} texts")
    for vector in found:
        if len(vector) != DIMENSIONS:
            raise ValueError(f"embeddings of {len(vector)} dimensions, the store holds {DIMENSIONS}")
        if not all(map(math.isfinite, vector)) or not any(vector):
            raise ValueError("an embedding that is no direction: not a number in it, or nothing but 0")
    return found
