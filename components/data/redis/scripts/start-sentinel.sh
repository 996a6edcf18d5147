# Starts a sentinel: of its configuration the generated part is new, and what it learnt is kept: who the primary is, the
# replicas and sentinels it knows, and the epochs by which newer news are told from older.
#
# sentinel.conf lies on a small volume, because the sentinel writes it. It reads its certificate only when it starts, and
# Redis 7.0 has no command for that: so it is started again, within this container, when the certificate was renewed.
. "${0%/*}/common.sh"

SELF=$(own_name $REDIS_SENTINELS)
ORDINAL=${POD##*-}
CONF=$STATE/sentinel.conf

# Whom to watch, if it never knew: not one who is a replica by now, which has no replicas to choose from.
find_primary() {
    started=$(date +%s)
    while set -- $(SELF='' members_say); [ $# -eq 0 ]; do
        if [ $(($(date +%s) - started)) -ge "$DISCOVER_S" ]; then
            echo "${REDIS_MEMBERS%% *}"
            return
        fi
        sleep 1
    done
    echo "$1"
}

configure() {
    learnt=
    if [ -f "$CONF" ]; then
        primary=$(sed -n "s/^sentinel monitor $SET \([^ ]*\) .*/\1/p" "$CONF")
        learnt=$(grep -E '^sentinel (myid|(config|leader|current)-epoch|known-(replica|sentinel)) ' "$CONF" || true)
    fi
    primary=${primary:-$(find_primary)}
    # Those that notice at the same moment vote for themselves, and nobody is elected. So they notice one second apart,
    # which is how far apart they ask, and the one that completes the quorum after as long as the settings say.
    down=$(sed -n "s/^sentinel down-after-milliseconds $SET //p" "$CONFIG/sentinel.conf")
    down=$((down + (ORDINAL - REDIS_QUORUM + 1) * 1000))
    {
        sed -e "s/^\(sentinel monitor $SET\) [^ ]*/\1 $primary/" \
            -e "s/^\(sentinel down-after-milliseconds $SET\) .*/\1 $down/" "$CONFIG/sentinel.conf"
        echo "sentinel announce-ip $SELF"
        echo "sentinel sentinel-pass $(cat "$PASSWORDS/sentinel")"
        echo "sentinel auth-pass $SET $(cat "$PASSWORDS/sentinel")"
        echo "$learnt"
    } >"$CONF.new"
    mv "$CONF.new" "$CONF"
}

# Ends the sentinel when the certificate is another, one pod after the other.
watch() {
    set +e
    while sleep "$CHECK_S" && kill -0 "$$" 2>/dev/null; do
        [ "$(certificate)" = "$tls_seen" ] && continue
        sleep $((ORDINAL * CHECK_S / 10))
        say "starts again with the new certificate"
        touch "$AGAIN"
        kill -TERM "$1"
        return
    done
}

AGAIN=$STATE/again
primary=
rm -f "$AGAIN"
while :; do
    configure
    say "$SELF starts, it watches $primary"
    tls_seen=$(certificate)
    redis-server "$CONF" --sentinel &
    sentinel=$!
    trap 'rm -f "$AGAIN"; kill -TERM "$sentinel"' TERM INT
    watch "$sentinel" &
    status=0
    # A signal ends the first wait before the sentinel has ended.
    wait "$sentinel" || status=$?
    while kill -0 "$sentinel" 2>/dev/null; do wait "$sentinel" || status=$?; done
    [ -f "$AGAIN" ] || exit "$status"
    rm "$AGAIN"
done
