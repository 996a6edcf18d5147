"""What a pooler asks to authenticate clients: PgBouncer's `auth_query`.

The function lies in the database `postgres` and in each client's: PgBouncer before 1.19 asks in the database that the
client wants.
"""

from psycopg import sql

from data_tools.postgres import databases
from data_tools.postgres.server import Session, composed, rows, run
from data_tools.progress import Changes

SCHEMA = "pgbouncer"

QUERY = "SELECT usename, passwd FROM pgbouncer.lookup($1)"
"""What PgBouncer is configured with."""

_BODY = """
    SELECT shadow.usename::text, shadow.passwd FROM pg_catalog.pg_shadow AS shadow
    WHERE shadow.usename::text = lookup.name AND NOT shadow.usesuper AND NOT shadow.userepl
        AND (shadow.valuntil IS NULL OR shadow.valuntil > pg_catalog.now())
"""


def ensure(admin: Session, inside: Session, database: str, pooler: str, changes: Changes) -> None:
    """Make the function, for one role only: verifiers of roles that log in, and are no administrator or server.

    Args:
        admin: a session of the administrator.
        inside: one in the database.
        database: its name.
        pooler: the role that may call it.
        changes: what was done.

    Errors:
        psycopg.Error: the server refuses.
    """
    databases.allow(admin, database, pooler, changes)
    owned = rows(
        inside,
        "SELECT pg_get_userbyid(nspowner) = current_user FROM pg_namespace WHERE nspname = %s",
        SCHEMA,
    )
    with inside.transaction():
        if owned == [(False,)]:
            # Whoever owns the schema could put another function in its place.
            run(inside, "DROP SCHEMA {schema} CASCADE", schema=SCHEMA)
        if owned != [(True,)]:
            run(inside, "CREATE SCHEMA {schema}", schema=SCHEMA)
            changes.note(f"database {database}: {pooler} may look up verifiers")
        run(inside, "REVOKE ALL ON SCHEMA {schema} FROM PUBLIC", schema=SCHEMA)
        run(inside, "GRANT USAGE ON SCHEMA {schema} TO {pooler}", schema=SCHEMA, pooler=pooler)
        inside.execute(
            composed(
                "CREATE OR REPLACE FUNCTION {schema}.lookup(name text) RETURNS TABLE (usename text, passwd text)"
                " LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS {body}",
                schema=SCHEMA,
                body=sql.Literal(_BODY),
            )
        )
        run(inside, "REVOKE ALL ON FUNCTION {schema}.lookup(text) FROM PUBLIC", schema=SCHEMA)
        run(inside, "GRANT EXECUTE ON FUNCTION {schema}.lookup(text) TO {pooler}", schema=SCHEMA, pooler=pooler)
