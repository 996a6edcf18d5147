"""The store: PostgreSQL with pgvector, a row for each chunk."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString, NamedTuple

import psycopg
from pgvector import Vector as Stored
from pgvector.psycopg import register_vector
from psycopg import errors, sql

from htm import settings
from htm.chunks import Chunk
from htm.errors import HtmError, one_line
from htm.plan import Row
from htm.vectors import DIMENSIONS, Vector

CONNECT_S = 10
STATEMENT_S = 120
"""Seconds that one statement may take."""

_LOCK = 0x48544D
"""Of a crawl, in PostgreSQL's advisory locks: HTM in ASCII."""

_TABLE = """
CREATE TABLE IF NOT EXISTS chunks (
    path text NOT NULL,
    chunk integer NOT NULL,
    content_hash text NOT NULL,
    content text NOT NULL,
    model text NOT NULL,
    embedding vector({dimensions}) NOT NULL,
    PRIMARY KEY (path, chunk)
);
CREATE INDEX IF NOT EXISTS chunks_content_hash ON chunks (content_hash);
CREATE INDEX IF NOT EXISTS chunks_embedding ON chunks USING hnsw (embedding vector_cosine_ops);
"""


class Hit(NamedTuple):
    """A chunk that is near to what was asked."""

    path: str
    chunk: int
    similarity: float
    """Cosine, 1 for the same direction."""


@dataclass(frozen=True, kw_only=True)
class State:
    """What a check looks at."""

    rows: int
    files: int
    models: Sequence[str]
    misshapen: int
    """Embeddings of other than `DIMENSIONS` dimensions."""
    index_valid: bool
    """Whether the index over the embeddings is there and in use."""
    index_answers: bool
    """Whether it finds, for an embedding that is stored, one that is as good as equal."""


class Store:
    """One connection; see `connected`."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def prepare(self) -> None:
        """Make the table and its index where they are missing, and keep other crawls out.

        Errors:
            HtmError: another crawl is at work, or there is no pgvector.
        """
        (alone,) = self._one("SELECT pg_try_advisory_lock(%s)", _LOCK)
        if not alone:
            raise HtmError("another crawl of this store is at work")
        try:
            self._connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        except (errors.InsufficientPrivilege, errors.UndefinedFile, errors.FeatureNotSupported) as error:
            raise HtmError(
                "the database has no extension vector, and it cannot be made by the crawler: an administrator of the "
                f"database makes it (CREATE EXTENSION vector): {error.diag.message_primary}"
            ) from error
        with self._connection.transaction():
            self._connection.execute(sql.SQL(_TABLE).format(dimensions=DIMENSIONS))
        register_vector(self._connection)

    def rows(self) -> dict[str, list[Row]]:
        """All that is stored: path -> its rows, sorted by chunk."""
        stored: dict[str, list[Row]] = {}
        listed = "SELECT path, chunk, content_hash, model FROM chunks ORDER BY path, chunk"
        for path, *row in self._connection.execute(listed):
            stored.setdefault(path, []).append(Row(*row))
        return stored

    def known(self, hashes: Sequence[str], model: str) -> dict[str, Vector]:
        """Content hash -> embedding, of those that a model has embedded before, in whatever file."""
        found = self._connection.execute(
            "SELECT content_hash, embedding FROM chunks WHERE content_hash = ANY(%s) AND model = %s",
            (list(hashes), model),
        )
        return {content_hash: embedding.to_list() for content_hash, embedding in found}

    def write(self, files: Mapping[str, Sequence[Chunk]], vectors: Mapping[str, Vector], model: str) -> None:
        """Put the chunks of some files in the place of what is stored of them, all or nothing.

        Args:
            files: path -> all of its chunks.
            vectors: content hash -> embedding, for each of them.
            model: what made the embeddings.
        """
        rows = [
            (path, number, chunk.content_hash, chunk.text, model, Stored(vectors[chunk.content_hash]))
            for path, chunks in files.items()
            for number, chunk in enumerate(chunks)
        ]
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute("DELETE FROM chunks WHERE path = ANY(%s)", (list(files),))
            cursor.executemany(
                "INSERT INTO chunks (path, chunk, content_hash, content, model, embedding) "
                "VALUES (%s, %s, %s, %s, %s, %s)",
                rows,
            )

    def remove(self, paths: Sequence[str]) -> None:
        """Remove what is stored of some files, all or nothing."""
        self._connection.execute("DELETE FROM chunks WHERE path = ANY(%s)", (list(paths),))

    def nearest(self, vector: Vector, model: str, limit: int) -> list[Hit]:
        """The chunks that a model sees nearest to a vector, the nearest first."""
        register_vector(self._connection)
        with self._connection.transaction():
            # Rows of another model are left out after the index was asked: it goes on until there are enough.
            self._connection.execute("SET LOCAL hnsw.iterative_scan = strict_order")
            self._one("SELECT set_config('hnsw.ef_search', %s, true)", str(max(40, min(2 * limit, 1000))))
            found = self._connection.execute(
                "SELECT path, chunk, 1 - (embedding <=> %(vector)s) FROM chunks WHERE model = %(model)s "
                "ORDER BY embedding <=> %(vector)s LIMIT %(limit)s",
                {"vector": Stored(vector), "model": model, "limit": limit},
            )
            return [Hit(*row) for row in found]

    def state(self) -> State:
        """What is stored, and whether it can be searched."""
        rows, files, models, misshapen = self._one(
            "SELECT count(*), count(DISTINCT path), coalesce(array_agg(DISTINCT model), '{}'), "
            "count(*) FILTER (WHERE vector_dims(embedding) <> %s) FROM chunks",
            DIMENSIONS,
        )
        (valid,) = self._one(
            "SELECT count(*) > 0 FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid "
            "JOIN pg_am ON pg_am.oid = relam JOIN pg_opclass ON pg_opclass.oid = indclass[0] "
            "WHERE indrelid = 'chunks'::regclass AND indisvalid AND indisready "
            "AND amname = 'hnsw' AND opcname = 'vector_cosine_ops'"
        )
        with self._connection.transaction():
            self._connection.execute("SET LOCAL enable_seqscan = off")
            near = self._connection.execute(
                "WITH any_row AS MATERIALIZED (SELECT embedding FROM chunks ORDER BY path, chunk LIMIT 1) "
                "SELECT embedding <=> (SELECT embedding FROM any_row) FROM chunks "
                "ORDER BY embedding <=> (SELECT embedding FROM any_row) LIMIT 1"
            ).fetchone()
        return State(
            rows=rows,
            files=files,
            models=models,
            misshapen=misshapen,
            index_valid=valid,
            index_answers=near is not None and near[0] < 1e-5,
        )

    def _one(self, statement: LiteralString, *values: object) -> tuple[Any, ...]:
        (row,) = self._connection.execute(statement, values).fetchall()
        return row


@contextmanager
def connected(store: settings.Store) -> Generator[Store]:
    """A connection to the store, closed at the end. It asks for nothing in a start-up packet: PgBouncer refuses that.

    Errors:
        HtmError: PostgreSQL refuses, in one line.
    """
    try:
        with psycopg.connect(
            host=store.host,
            port=store.port,
            user=store.username,
            password=store.password,
            dbname=store.database,
            sslmode="verify-full",
            sslrootcert=str(store.ca),
            connect_timeout=CONNECT_S,
            application_name="htm",
            autocommit=True,
        ) as connection:
            connection.execute("SELECT set_config('statement_timeout', %s, false)", (f"{STATEMENT_S}s",))
            yield Store(connection)
    except errors.UndefinedTable as error:
        raise HtmError("the store holds no chunks yet: crawl first") from error
    except psycopg.Error as error:
        raise HtmError(f"the store at {store.host}:{store.port}: {one_line(error)}") from error
