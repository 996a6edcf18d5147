"""Connections to the primary, as its administrator."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from data_tools.credentials import Credentials
from data_tools.deadline import Deadline
from data_tools.errors import ToolError, one_line

MAINTENANCE = "postgres"
"""The database that is there from the beginning, and no client's."""

CONNECT_S = 5
SILENCE_MS = 15_000
"""After which a peer that acknowledges nothing is given up."""
STATEMENT_MS = 120_000
LOCK_MS = 10_000

_NOT_NOW = (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction)
"""What is raised while a server starts, stops, or is no primary any more."""

Session = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True)
class Server:
    """Where the primary is, and as whom it is administered."""

    host: str
    port: int
    admin: Credentials

    def session(self, database: str = MAINTENANCE) -> Session:
        """A session in a database, each statement a transaction of its own; to be used as a context.

        Errors:
            psycopg.OperationalError: nobody answers, or who does is no primary.
        """
        return psycopg.connect(
            host=self.host,
            port=self.port,
            user=self.admin.username,
            password=self.admin.password,
            dbname=database,
            sslmode="verify-full",
            sslrootcert=str(self.admin.ca),
            target_session_attrs="read-write",
            connect_timeout=CONNECT_S,
            tcp_user_timeout=SILENCE_MS,
            application_name="data-tools",
            options=f"-c statement_timeout={STATEMENT_MS} -c lock_timeout={LOCK_MS}",
            autocommit=True,
        )


def run(session: Session, statement: LiteralString, **names: str | sql.Composable) -> None:
    """Execute a statement whose `{name}`s are identifiers, or what was composed already."""
    session.execute(composed(statement, **names))


def composed(statement: LiteralString, **names: str | sql.Composable) -> sql.Composed:
    """A statement whose `{name}`s are identifiers, or what was composed already."""
    parts = {key: sql.Identifier(name) if isinstance(name, str) else name for key, name in names.items()}
    return sql.SQL(statement).format(**parts)


def rows(session: Session, query: LiteralString, *values: object) -> Sequence[tuple[Any, ...]]:
    """All rows of a query with `%s` for each value."""
    return session.execute(query, values).fetchall()


def complete(work: Callable[[], None], deadline: Deadline) -> None:
    """Do work that changes nothing when it is done twice; anew where the server goes away, or its primary moves.

    Errors:
        ToolError: not in time, or the server refuses.
    """
    while True:
        try:
            return work()
        except psycopg.Error as error:
            # Not the whole text: it may quote the statement, and so a verifier.
            message = error.diag.message_primary or one_line(error)
            if not isinstance(error, _NOT_NOW):
                raise ToolError(f"PostgreSQL: {message}") from error
            deadline.pause(message)
