#!/bin/sh
# restore QUERIES
# Restores the newest backup with all of the log behind it, or up to TARGET, into a cluster of its own in RESTORED, and
# asks each database what must be true. Ends with 0 only if all of it is.
# QUERIES: folder with a file <database>.sql each; its query answers `t`. Every database is checked block by block.
set -eu
queries=$1
data=$RESTORED/pgdata
fetch='pgbackrest --stanza=main archive-get %f "%p"'
set -- --stanza=main --pg1-path="$data" --recovery-option="restore_command=$fetch"
if [ -n "${TARGET:-}" ]; then
    set -- "$@" --type=time --target="$TARGET" --target-action=promote
fi
mkdir -p -m 0700 "$data"
began=$(date +%s)
pgbackrest "$@" restore
echo "local all all peer map=pod" >"$data/pg_hba.conf"
echo "pod postgres postgres" >"$data/pg_ident.conf"
# Nobody can reach it, and it archives nothing.
cat >"$data/postgresql.conf" <<SETTINGS
listen_addresses = ''
unix_socket_directories = '$RESTORED'
archive_mode = off
ssl = off
shared_buffers = 64MB
max_connections = ${MAX_CONNECTIONS}
max_wal_senders = 10
dynamic_shared_memory_type = sysv
SETTINGS
PATH=/usr/lib/postgresql/15/bin:$PATH
pg_ctl --pgdata="$data" --wait --timeout=3600 --log=/dev/stderr --silent start
trap 'pg_ctl --pgdata="$data" --silent --mode=immediate stop' EXIT
sql() {
    psql --host="$RESTORED" --username=postgres --no-psqlrc --no-align --tuples-only --set=ON_ERROR_STOP=1 "$@"
}
recovering=t
while [ "$recovering" = t ]; do
    sleep 1
    recovering=$(sql --dbname=postgres --command='SELECT pg_is_in_recovery()')
done
ready=$(date +%s)
failed=0
for database in $(sql --dbname=postgres --command="SELECT datname FROM pg_database WHERE datallowconn AND datname <> 'template1'"); do
    if ! pg_amcheck --host="$RESTORED" --username=postgres --install-missing --no-dependent-toast "$database"; then
        echo "restore: $database: damaged" >&2
        failed=1
        continue
    fi
    if [ -f "$queries/$database.sql" ] && [ "$(sql --dbname="$database" --file="$queries/$database.sql")" != t ]; then
        echo "restore: $database: its query does not answer t" >&2
        failed=1
        continue
    fi
    echo "restore: $database is whole"
done
echo "restore: $((ready - began)) s until it answered, $(($(date +%s) - ready)) s for the checks"
exit "$failed"
