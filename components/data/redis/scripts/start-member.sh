# Starts a member: of its configuration the generated part is new, and whom it replicates is what the sentinels say.
#
# redis.conf lies on the volume, because sentinels change it: they make a member the primary, or a replica of another.
. "${0%/*}/common.sh"

SELF=$(own_name $REDIS_MEMBERS)

# What the volume says: `new`, `primary`, or `replica` of $kept.
was=new kept=
if [ -f "$DATA/redis.conf" ]; then
    kept=$(sed -n 's/^replicaof \([^ ]*\) .*/\1/p' "$DATA/redis.conf" | tail -n 1)
    was=${kept:+replica}
    was=${was:-primary}
fi

# by_sentinels PRIMARY COUNT REPLICAS DOWN WAITED: sets `primary` as soon as it is clear.
by_sentinels() {
    if [ "$1" != "$SELF" ]; then
        primary=$1
    elif [ "$was" = replica ]; then
        # Promoted while it was away; but few of them may be behind the others, or have lost what they knew.
        if [ "$2" -ge "$REDIS_QUORUM" ] && [ "$3" -gt 0 ]; then primary=$SELF; else primary=$kept; fi
    elif [ "$was" = new ]; then
        if [ "$3" -eq 0 ] && unused "$(members_say)"; then primary=$SELF; else stay_away "$5"; fi
    elif [ "$3" -eq 0 ] || [ "$5" -ge "$STAND_BACK_S" ] || [ "$REDIS_STAND_BACK$4" = no0 ]; then
        primary=$SELF
    fi
}

# by_members PRIMARY USED WAITED: the same, where no sentinel answers.
by_members() {
    if [ "$1" != "$SELF" ] || [ "$was" = primary ]; then
        primary=$1
    elif [ "$was" = replica ]; then
        primary=$kept
    elif unused "$1 $2"; then
        primary=$SELF
    else
        stay_away "$3"
    fi
}

# unused "PRIMARY USED": whether the other members, as far as they answer, never held anything.
unused() {
    case $1 in "" | *" 0") ;; *) return 1 ;; esac
}

# An empty primary would empty its replicas: one of them takes over, as long as this one stays away.
stay_away() {
    [ "$1" -ge "$DISCOVER_S" ] || return 0
    say "the volume is empty, $SELF is the primary, and others hold data: waiting until the sentinels choose another"
    exit 1
}

choose() {
    primary=
    if [ -z "$REDIS_SENTINELS" ]; then
        primary=$SELF
        return
    fi
    started=$(date +%s)
    while [ -z "$primary" ]; do
        waited=$(($(date +%s) - started))
        set -- $(sentinels_say)
        if [ $# -eq 4 ]; then
            by_sentinels "$@" "$waited"
        else
            set -- $(members_say)
            if [ $# -eq 2 ]; then
                by_members "$@" "$waited"
            elif [ "$waited" -ge "$DISCOVER_S" ]; then
                nobody_answers
            fi
        fi
        [ -n "$primary" ] || sleep 1
    done
}

nobody_answers() {
    case $was in
        new) primary=${REDIS_MEMBERS%% *} ;;
        replica) primary=$kept ;;
        primary) primary=$SELF ;;
    esac
}

configure() {
    {
        cat "$CONFIG/redis.conf"
        echo "replica-announce-ip $SELF"
        echo "masteruser replication"
        echo "masterauth $(cat "$PASSWORDS/replication")"
        [ "$primary" = "$SELF" ] || echo "replicaof $primary $PORT"
    } >"$DATA/redis.conf.new"
    mv "$DATA/redis.conf.new" "$DATA/redis.conf"
}

# take_certificate, take_users: what changed while it runs. Both may fail, and are tried again.
take_certificate() {
    [ "$(ask admin "$LOCAL" "$PORT" CONFIG SET tls-cert-file "$TLS/tls.crt" tls-key-file "$TLS/tls.key" \
        tls-ca-cert-file "$TLS/ca.crt")" = OK ]
}

# Not ACL LOAD, which ends the sessions of everybody.
take_users() {
    refused=$(sed -n 's/^user \([^ ]*\) \(.*\)/ACL SETUSER \1 reset \2/p' "$ACL/users.acl" |
        ask admin "$LOCAL" "$PORT" | grep -vx OK || true)
    [ -z "$refused" ] && [ "$(ask health "$LOCAL" "$PORT" PING)" = PONG ]
}

watch() {
    set +e
    while sleep "$CHECK_S" && kill -0 "$$" 2>/dev/null; do
        now=$(certificate)
        if [ "$now" != "$tls_seen" ]; then
            if take_certificate; then
                tls_seen=$now && say "took the new certificate"
            else
                say "the new certificate was not taken"
            fi
        fi
        now=$(cksum <"$ACL/users.acl")
        if [ "$now" != "$users_seen" ]; then
            if take_users; then
                users_seen=$now && say "took the users"
            else
                say "the users were not all taken"
            fi
        fi
    done
}

choose
configure
say "$SELF starts, the primary is $primary"
tls_seen=$(certificate) users_seen=$(cksum <"$ACL/users.acl")
watch &
exec redis-server "$DATA/redis.conf"
