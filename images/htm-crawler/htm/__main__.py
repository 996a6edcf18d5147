"""`python -m htm crawl | query TEXT | check`: see `docs/adr/0014-htm.md`. Errors are one line, and exit code 1."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

from htm import repository, settings
from htm.crawl import crawl
from htm.embeddings import EmbeddingsEndpoint
from htm.errors import HtmError, Stopped
from htm.hashing import NAME, FeatureHashing
from htm.store import State, connected
from htm.vectors import DIMENSIONS, Model

MOST = 1000
"""Hits of one query."""


def main(arguments: Sequence[str], env: Mapping[str, str]) -> int:
    """Run one command; returns the exit code."""
    options = _options(arguments)
    try:
        with _bounded(settings.deadline_s(env)):
            match options.command:
                case "crawl":
                    _crawl(env)
                case "query":
                    _query(env, options.text, options.limit)
                case _:
                    _check(env)
    except (HtmError, Stopped) as error:
        _say(f"error: {error}")
        return 1
    return 0


def _crawl(env: Mapping[str, str]) -> None:
    began = time.monotonic()
    place = settings.store(env)
    with _model(env) as model:
        _say(model.note)
        # Read before a connection waits for it.
        contents = repository.read(settings.repository(env))
        _say(f"{len(contents.texts)} files read, {contents.skipped} skipped")
        with connected(place) as store:
            done = crawl(store, contents, model, _say)
    _say(
        f"crawled in {time.monotonic() - began:.1f} s: {done.embedded} chunks embedded, "
        f"{done.known} known from elsewhere, {done.unchanged} unchanged; "
        f"{done.written_files} files written, {done.removed_files} removed"
    )


def _query(env: Mapping[str, str], text: str, limit: int) -> None:
    with _model(env) as model, connected(settings.store(env)) as store:
        _say(model.note)
        (vector,) = model.embed([text])
        hits = store.nearest(vector, model.name, limit)
    if not hits:
        raise HtmError(f"the store holds nothing of model {model.name!r}: crawl with it first")
    for hit in hits:
        print(f"{hit.path}\t{hit.chunk}\t{hit.similarity:.4f}")


def _check(env: Mapping[str, str]) -> None:
    with connected(settings.store(env)) as store:
        state = store.state()
    if broken := complaints(state):
        raise HtmError(f"the store is not as it should be: {'; '.join(broken)}")
    (model,) = state.models
    if model == NAME:
        _say(FeatureHashing.note)
    print(f"{state.rows} chunks of {state.files} files, {DIMENSIONS} dimensions, model {model}, index valid")


def complaints(state: State) -> list[str]:
    """What breaks the invariant of a store that was crawled."""
    looked_at = {
        "it holds no chunk": state.rows == 0,
        f"{state.misshapen} embeddings have not {DIMENSIONS} dimensions": state.misshapen > 0,
        f"its embeddings are of several models: {', '.join(state.models)}": len(state.models) > 1,
        "its index over the embeddings is missing or invalid": not state.index_valid,
        "its index does not find a chunk by its own embedding": state.rows > 0 and not state.index_answers,
    }
    return [complaint for complaint, broken in looked_at.items() if broken]


@contextmanager
def _model(env: Mapping[str, str]) -> Generator[Model]:
    if (endpoint := settings.endpoint(env)) is None:
        yield FeatureHashing()
        return
    with EmbeddingsEndpoint(endpoint) as model:
        yield model


@contextmanager
def _bounded(seconds: int) -> Generator[None]:
    """End the run in an orderly way, its transaction undone, when it takes too long or is told to."""

    def late(number: int, at: FrameType | None) -> None:
        raise Stopped(f"not done within {seconds} s (HTM_DEADLINE_S): what is stored stays, the next run goes on")

    def told(number: int, at: FrameType | None) -> None:
        raise Stopped("told to end: what is stored stays, the next run goes on")

    signal.signal(signal.SIGALRM, late)
    signal.signal(signal.SIGTERM, told)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    about = "A repository's text as embeddings in PostgreSQL."
    parser = argparse.ArgumentParser(prog="python -m htm", description=about)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("crawl", help="make the store what the repository is")
    query = commands.add_parser("query", help="print path, chunk and similarity of what is nearest to a text")
    query.add_argument("text")
    query.add_argument("--limit", type=_limit, default=5, help=f"hits, 1 to {MOST}")
    commands.add_parser("check", help="check what is stored, and that it can be searched")
    return parser.parse_args(arguments)


def _limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is not 1 to {MOST}")
    return int(text)


def _say(line: str) -> None:
    """To stderr: stdout has the answers."""
    print(f"htm: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
