"""Login roles that nobody needs any more: of other generations, and of clients that are gone."""

from collections.abc import Sequence
from dataclasses import dataclass

from data_tools.clients import Client
from data_tools.deadline import Deadline
from data_tools.postgres.server import MAINTENANCE, Server, Session, complete, rows, run
from data_tools.progress import Changes

_LOGINS = r"""
    SELECT login.rolname::text, owner.rolname::text FROM pg_roles AS login
    JOIN pg_auth_members AS membership ON membership.member = login.oid
    JOIN pg_roles AS owner ON owner.oid = membership.roleid
    WHERE login.rolname ~ '-g[1-9][0-9]*$' AND owner.rolname = regexp_replace(login.rolname, '-g[1-9][0-9]*$', '')
    ORDER BY 1
"""


@dataclass(frozen=True, kw_only=True)
class _Login:
    name: str
    client: str


def retire(server: Server, clients: Sequence[Client], deadline: Deadline) -> Changes:
    """Drop those login roles; databases and their owners stay, with all that is in them.

    A client that is gone loses its sessions too. Of a client that has another generation they go on: it has rolled
    over, and closes them itself.

    Errors:
        ToolError: the server was not reached in time, or refused.
    """
    changes = Changes()
    stay, present = {entry.username for entry in clients}, {entry.client for entry in clients}

    def work() -> None:
        with server.session() as admin:
            found = [_Login(name=name, client=client) for name, client in rows(admin, _LOGINS)]
            for login in found:
                if login.name in stay:
                    continue
                gone = login.client not in present
                if gone:
                    _end_sessions(admin, login, deadline)
                _drop(server, admin, login, gone=gone)
                changes.note(f"role {login.name}: removed{'; its client is gone, the database stays' if gone else ''}")

    complete(work, deadline)
    changes.close()
    return changes


def _end_sessions(admin: Session, login: _Login, deadline: Deadline) -> None:
    """No session any more, and no new one; also none of a role that was dropped while it had some."""
    run(admin, "ALTER ROLE {role} NOLOGIN", role=login.name)
    while rows(
        admin,
        """SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend'
            AND (usename = %s OR usename IS NULL AND datname = %s)""",
        login.name,
        login.client,
    ):
        deadline.pause(f"sessions of {login.name} end")


def _drop(server: Server, admin: Session, login: _Login, *, gone: bool) -> None:
    """Drop a login role; what it made itself, and not as its client, becomes the client's."""
    made_in = rows(
        admin,
        """SELECT d.datname::text FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid
            WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = (SELECT oid FROM pg_roles WHERE rolname = %s)
            GROUP BY 1""",
        login.name,
    )
    for database in {MAINTENANCE, *(name for (name,) in made_in)}:
        with server.session(database) as inside:
            run(inside, "REASSIGN OWNED BY {login} TO {owner}", login=login.name, owner=login.client)
            run(inside, "DROP OWNED BY {login}", login=login.name)
    with admin.transaction():
        if gone:
            run(admin, "ALTER ROLE {owner} NOLOGIN", owner=login.client)
            _revoke_connect(admin, login.client)
        run(admin, "DROP ROLE {login}", login=login.name)


def _revoke_connect(admin: Session, client: str) -> None:
    if rows(admin, "SELECT FROM pg_database WHERE datname = %s", client):
        run(admin, "REVOKE CONNECT ON DATABASE {client} FROM {client}", client=client)
