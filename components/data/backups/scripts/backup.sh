#!/bin/sh
# backup TYPE
# A backup of the cluster: `full`, or `incr`, what changed since the last (which is all, where there is none).
set -eu
# Makes nothing where the repository knows this cluster.
pgbackrest --stanza=main stanza-create
exec pgbackrest --stanza=main --type="$1" backup
