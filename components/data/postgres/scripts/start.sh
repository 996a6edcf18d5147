#!/bin/sh
# start SECRETS HOST COMMAND [ARGUMENT...]
# Becomes COMMAND, with what tells this member from the others, and what is secret, in its environment.
# SECRETS: folder of the passwords, a file each. HOST: the Service's name, of which each member's begins with its own.
set -eu
secrets=$1 host=$2
shift 2
PATRONI_NAME=$(uname -n)
PATRONI_POSTGRESQL_CONNECT_ADDRESS=$PATRONI_NAME.$host:5432
PATRONI_RESTAPI_CONNECT_ADDRESS=$PATRONI_NAME.$host:8008
PATRONI_SUPERUSER_PASSWORD=$(cat "$secrets/superuser")
PATRONI_REPLICATION_PASSWORD=$(cat "$secrets/replication")
PATRONI_RESTAPI_PASSWORD=$(cat "$secrets/restapi")
export PATRONI_NAME PATRONI_POSTGRESQL_CONNECT_ADDRESS PATRONI_RESTAPI_CONNECT_ADDRESS \
    PATRONI_SUPERUSER_PASSWORD PATRONI_REPLICATION_PASSWORD PATRONI_RESTAPI_PASSWORD
exec "$@"
