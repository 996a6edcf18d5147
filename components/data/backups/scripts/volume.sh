#!/bin/sh
# volume KEYS FOLDER KEEP_DAYS
# A snapshot of a folder, in the repository that RESTIC_REPOSITORY names; those that are too old go.
# KEYS: folder with access-key, secret-key and ca.crt.
set -eu
AWS_ACCESS_KEY_ID=$(cat "$1/access-key")
AWS_SECRET_ACCESS_KEY=$(cat "$1/secret-key")
export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
restic() {
    command restic --cacert "$keys/ca.crt" --cache-dir /tmp/restic --quiet "$@"
}
keys=$1
# It fails where there is a repository, and then the next command tells whether it can be read.
restic cat config >/dev/null 2>&1 || restic init
restic unlock
restic backup --host "$VOLUME" --one-file-system "$2"
restic forget --host "$VOLUME" --group-by host --keep-within "$3d" --prune
restic check
restic snapshots --host "$VOLUME" --latest 1
