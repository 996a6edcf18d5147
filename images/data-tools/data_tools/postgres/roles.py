"""Roles that are exactly what they must be, whatever they were before."""

from dataclasses import dataclass, field
from typing import Any

from psycopg import sql

from data_tools.errors import ToolError
from data_tools.postgres import scram
from data_tools.postgres.server import Session, composed, rows, run
from data_tools.progress import Changes

_PLAIN = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT"

_STATE = """
    SELECT rolcanlogin, rolpassword, rolconnlimit,
        rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls OR NOT rolinherit
            OR coalesce(rolvaliduntil < 'infinity', false),
        ARRAY(SELECT g.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid),
        ARRAY(SELECT unnest(setconfig) FROM pg_db_role_setting WHERE setrole = r.oid AND setdatabase = 0)
    FROM pg_authid r WHERE rolname = %s
"""


@dataclass(frozen=True, kw_only=True)
class Role:
    """A role without privileges of its own."""

    name: str
    password: str | None = field(default=None, repr=False)
    """None: nobody logs in as it."""
    member_of: str = ""
    """The one role whose member it is, empty: none."""
    acts_as: str = ""
    """The role that its sessions begin with, empty: itself."""
    connections: int = -1
    """At most so many at a time; -1: any number."""


@dataclass(frozen=True, kw_only=True)
class _State:
    logs_in: bool
    verifier: str | None
    connections: int
    privileged: bool
    groups: list[str]
    settings: list[str]


def ensure(session: Session, role: Role, changes: Changes) -> None:
    """Make a role, or bring it in line.

    Errors:
        psycopg.Error: the server refuses.
    """
    state = _state(session, role.name)
    if state is None:
        run(session, "CREATE ROLE {role} NOLOGIN", role=role.name)
        changes.note(f"role {role.name}: created")
    state = state or _State(logs_in=False, verifier=None, connections=-1, privileged=False, groups=[], settings=[])
    # In this order: it can log in once it is limited to what it may.
    for group in state.groups:
        if group != role.member_of:
            run(session, "REVOKE {group} FROM {role}", group=group, role=role.name)
            changes.note(f"role {role.name}: no member of {group} any more")
    if role.member_of and role.member_of not in state.groups:
        run(session, "GRANT {group} TO {role}", group=role.member_of, role=role.name)
        changes.note(f"role {role.name}: member of {role.member_of}")
    if role.acts_as and f"role={role.acts_as}" not in state.settings:
        run(session, "ALTER ROLE {role} SET role = {other}", role=role.name, other=sql.Literal(role.acts_as))
        changes.note(f"role {role.name}: acts as {role.acts_as}")
    _attributes(session, role, state, changes)


def exists(session: Session, name: str) -> bool:
    """Whether there is such a role."""
    return bool(rows(session, "SELECT FROM pg_roles WHERE rolname = %s", name))


def refuse_others(session: Session, client: str) -> None:
    """A role that logs in under a client's own name is somebody else: an administrator, or a server.

    Errors:
        ToolError: there is one, and it owns no database of the client.
    """
    foreign = rows(
        session,
        """SELECT FROM pg_roles r WHERE rolname = %s AND rolcanlogin AND (rolsuper OR rolreplication OR NOT EXISTS
            (SELECT FROM pg_database d WHERE d.datname = r.rolname AND d.datdba = r.oid))""",
        client,
    )
    if foreign:
        raise ToolError(f"{client!r} is no client's name here: a role that logs in has it")


def _attributes(session: Session, role: Role, state: _State, changes: Changes) -> None:
    logs_in = role.password is not None
    known = state.verifier is None if role.password is None else scram.matches(state.verifier, role.password)
    if known and not state.privileged and (state.logs_in, state.connections) == (logs_in, role.connections):
        return
    secret: Any = None if role.password is None else scram.verifier(session.pgconn, role.name, role.password)
    # A verifier that is right stays: whoever keeps a copy of it (PgBouncer) would be refused with another salt.
    session.execute(
        composed(
            "ALTER ROLE {role} {logs_in} {plain} CONNECTION LIMIT {limit} VALID UNTIL 'infinity' PASSWORD {secret}",
            role=role.name,
            logs_in=sql.SQL("LOGIN" if logs_in else "NOLOGIN"),
            plain=sql.SQL(_PLAIN),
            limit=sql.Literal(role.connections),
            secret=sql.Literal(state.verifier if known else secret),
        )
    )
    changes.note(f"role {role.name}: {'logs in' if logs_in else 'does not log in'}, without privileges of its own")


def _state(session: Session, name: str) -> _State | None:
    found = rows(session, _STATE, name)
    if not found:
        return None
    logs_in, verifier, connections, privileged, groups, settings = found[0]
    return _State(
        logs_in=logs_in,
        verifier=verifier,
        connections=connections,
        privileged=privileged,
        groups=groups,
        settings=settings,
    )
