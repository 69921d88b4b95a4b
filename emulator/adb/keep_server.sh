# $1: adb, $2: port, $3: lock file, to which the server writes its output, $4: UNLESS_ORPHANED.
# A device that a killed run leaves behind takes a moment to vanish, on a busy machine a long one. So a server
# that has devices is asked again, and the lock is free meanwhile; after half a minute they are others'.
# `devices` is asked only while the server runs: it would start another, which must not inherit the lock.
# As in open_locked(), the lock file is opened again where somebody has removed it in the meantime.
setpriv --pdeathsig KILL -- sh -c "$4" "$$" "$1" -P "$2" nodaemon server > "$3" 2>&1 &
server=$!
for pause in 1 2 4 8 16; do
    while :; do
        exec 9>> "$3"
        setpriv --pdeathsig KILL -- flock 9 || exit
        [ "$3" -ef /proc/self/fd/9 ] && break
    done
    sleep 1
    kill -0 "$server" || exit
    if ! "$1" -P "$2" devices 9>&- | grep -q "device$"; then
        kill "$server"
        for _ in $(seq 100); do kill -0 "$server" || break; sleep 0.05; done
        rm -f "$3"
        exit
    fi
    exec 9>&-
    sleep "$pause"
done
wait "$server"
