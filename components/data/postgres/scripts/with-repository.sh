#!/bin/sh
# with-repository KEYS CIPHER COMMAND [ARGUMENT...]
# Becomes COMMAND, in whose environment pgBackRest finds what opens the repository; its own children find it too.
# KEYS: folder with access-key and secret-key, the account at the object store. CIPHER: file with the passphrase.
set -eu
keys=$1 cipher=$2
shift 2
PGBACKREST_REPO1_S3_KEY=$(cat "$keys/access-key")
PGBACKREST_REPO1_S3_KEY_SECRET=$(cat "$keys/secret-key")
PGBACKREST_REPO1_CIPHER_PASS=$(cat "$cipher")
export PGBACKREST_REPO1_S3_KEY PGBACKREST_REPO1_S3_KEY_SECRET PGBACKREST_REPO1_CIPHER_PASS
exec "$@"
