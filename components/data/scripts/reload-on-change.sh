#!/bin/sh
# reload-on-change FILE SIGNAL COMMAND [ARGUMENT...]
# Becomes COMMAND, and sends it SIGNAL whenever FILE has other content: a renewed certificate, say.
# RELOAD_INTERVAL: seconds between two looks, 60 if it is not set.
set -eu
file=$1 signal=$2
shift 2
main=$$
seen=$(cksum <"$file")
(
    while sleep "${RELOAD_INTERVAL:-60}" && kill -0 "$main"; do
        # A volume is replaced as a whole; who looks just then looks again.
        now=$(cksum <"$file") || continue
        if [ "$now" != "$seen" ]; then
            kill -s "$signal" "$main"
            seen=$now
        fi
    done
) &
exec "$@"
