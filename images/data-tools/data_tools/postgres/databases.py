"""Databases, each closed to all but its owner."""

from collections.abc import Sequence

from data_tools.errors import ToolError
from data_tools.postgres.server import MAINTENANCE, Session, rows, run
from data_tools.progress import Changes

RESERVED = (MAINTENANCE, "template0", "template1")
"""Databases that no client is named after."""


def close_all(session: Session, changes: Changes) -> None:
    """Take from everybody what PostgreSQL grants everybody: to connect to any database, and to make tables there."""
    open_ones = rows(
        session,
        """SELECT datname::text FROM pg_database WHERE EXISTS
            (SELECT FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) WHERE grantee = 0) ORDER BY 1""",
    )
    for (database,) in open_ones:
        run(session, "REVOKE ALL ON DATABASE {database} FROM PUBLIC", database=database)
        changes.note(f"database {database}: closed to everybody")


def ensure(session: Session, name: str, changes: Changes) -> None:
    """Make the database of a client, who owns it.

    Errors:
        ToolError: somebody else owns it.
        psycopg.Error: the server refuses.
    """
    owned = rows(session, "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = %s", name)
    if not owned:
        run(session, "CREATE DATABASE {name} OWNER {name} TEMPLATE template0", name=name)
        changes.note(f"database {name}: created")
    elif owned != [(name,)]:
        raise ToolError(f"database {name!r} is owned by {owned[0][0]!r}, not by its client")
    close_all(session, changes)
    allow(session, name, name, changes)


def allow(session: Session, database: str, role: str, changes: Changes) -> None:
    """Let a role connect."""
    if not rows(session, "SELECT WHERE has_database_privilege(%s, %s, 'CONNECT')", role, database):
        run(session, "GRANT CONNECT ON DATABASE {database} TO {role}", database=database, role=role)
        changes.note(f"database {database}: {role} may connect")


def furnish(inside: Session, owner: str, extensions: Sequence[str], changes: Changes) -> None:
    """Give its owner the schema `public`, nobody else anything of it, and make the granted extensions.

    Args:
        inside: a session in the database.
        owner: its client.
        extensions: those that only an administrator may make.
        changes: what was done.

    Errors:
        psycopg.Error: the server refuses, or has no such extension.
    """
    foreign = rows(
        inside,
        """SELECT FROM pg_namespace WHERE nspname = 'public' AND (pg_get_userbyid(nspowner) <> %s OR EXISTS
            (SELECT FROM aclexplode(coalesce(nspacl, acldefault('n', nspowner))) WHERE grantee = 0))""",
        owner,
    )
    if foreign:
        run(inside, "ALTER SCHEMA public OWNER TO {owner}", owner=owner)
        run(inside, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
        changes.note(f"database {owner}: its schema public is its owner's alone")
    present = {name for (name,) in rows(inside, "SELECT extname::text FROM pg_extension")}
    for extension in extensions:
        if extension not in present:
            run(inside, "CREATE EXTENSION {extension} WITH SCHEMA public", extension=extension)
            changes.note(f"database {owner}: extension {extension}")
