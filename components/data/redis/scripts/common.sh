# What the scripts share, by `.`: who this pod is, and how others are asked who the primary is. POSIX sh.
set -eu
# What they write holds passwords.
umask 077
# Redis resolves names in its only thread: a name server that is away must not stop it for longer than this.
export RES_OPTIONS="timeout:1 attempts:2 ndots:1"

POD=${HOSTNAME:-$(uname -n)}
SET=redis PORT=6379 SENTINEL_PORT=26379
CONFIG=/etc/redis DATA=/data STATE=/state TLS=/run/tls ACL=/run/acl PASSWORDS=/run/passwords
LOCAL=127.0.0.1
# Seconds: for an answer, for anybody's answer after a start, for another primary to be chosen, between two looks at
# certificate and users.
ANSWER_S=2 DISCOVER_S=10 STAND_BACK_S=20 CHECK_S=${REDIS_CHECK_S:-60}

say() {
    echo "${0##*/}: $*" >&2
}

# own_name HOST...: the one of this pod.
own_name() {
    for host in "$@"; do
        case $host in "$POD" | "$POD".*) echo "$host" && return ;; esac
    done
    say "$POD is none of: $*"
    return 1
}

# ask ACCOUNT HOST PORT WORD...: what a server answers, within a bound; nothing, and a failure, if it does not.
ask() {
    account=$1 host=$2 port=$3
    shift 3
    REDISCLI_AUTH=$(cat "$PASSWORDS/$account") timeout "$ANSWER_S" redis-cli --user "$account" \
        --tls --cacert "$TLS/ca.crt" -h "$host" -p "$port" "$@" 2>/dev/null
}

# The sentinels' word, of those that know of the newest failover: `<primary> <how many say so> <replicas they know>
# <1 if they think that it is down, or 0>`. Nothing where none answers.
sentinels_say() {
    for sentinel in $REDIS_SENTINELS; do
        ask health "$sentinel" "$SENTINEL_PORT" SENTINEL MASTER "$SET" | paste -d ' ' - - | awk '
            { said[$1] = $2 }
            END {
                down = said["flags"] ~ /s_down|o_down|failover_in_progress/ ? 1 : 0
                if (said["ip"] != "") print said["config-epoch"], said["ip"], said["num-slaves"], down
            }'
    done | awk '
        count == 0 || $1 > epoch { epoch = $1; primary = $2; count = replicas = down = 0 }
        $1 == epoch && $2 == primary { count++; if ($3 > replicas) replicas = $3; if ($4) down = 1 }
        END { if (count) print primary, count, replicas, down }'
}

# The other members' word: `<primary> <1 if that member ever held anything, or 0>`. Best is who has replicas, then who
# says to be the primary, then whom a replica names. Nothing where none answers.
members_say() {
    for member in $REDIS_MEMBERS; do
        [ "$member" = "$SELF" ] || ask health "$member" "$PORT" INFO replication keyspace | tr -d '\r' |
            awk -F: -v host="$member" '
                { said[$1] = $2 }
                /^db[0-9]/ { keys = 1 }
                END {
                    used = keys || said["master_repl_offset"] > 0 ? 1 : 0
                    if (said["role"] == "master") print (said["connected_slaves"] > 0 ? 0 : 1), host, used
                    if (said["role"] == "slave") print 2, said["master_host"], used
                }'
    done | sort -k 1,1n -k 3,3nr | head -n 1 | cut -d ' ' -f 2-
}

# A text that changes with the certificate: its own, not that of the links by which it is mounted.
certificate() {
    cat "$TLS/tls.crt" "$TLS/tls.key" "$TLS/ca.crt" | cksum
}
