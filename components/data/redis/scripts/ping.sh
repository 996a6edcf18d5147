# Whether the server on this pod's port $1 answers; for $2 = live it may still load its data.
. "${0%/*}/common.sh"

answer=$(ask health "$LOCAL" "$1" PING) || true
case $2:$answer in
    *:PONG | live:LOADING*) ;;
    *) say "$1: ${answer:-no answer}" && exit 1 ;;
esac
