# $1: the run's directory. $2: `private` in a mount namespace of its own. The rest: devices of which the
# directory gets copies there, which every user may open. It lasts until its input ends, or the process whose
# number it prints is killed. Then it ends what still runs of the run, which it knows by the namespace or by
# the environment variable: sudo passes none on.
directory=$1
kind=$2
shift 2

# The run's processes, as paths below /proc; and those of this search, which end with it.
search() {
    if [ "$kind" = private ]; then
        find -L /proc/[0-9]*/ns/mnt -maxdepth 0 -samefile "/proc/$$/ns/mnt" 2> /dev/null
    else
        grep -lsF "BINDER_HARNESS_DIRECTORY=$directory" /proc/[0-9]*/environ
    fi
}

# Whether any thread of process $1 is neither gone nor a zombie. One that has been killed gives its memory back
# first, which takes a while: its environment is empty by then.
runs() {
    grep -qs '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/task/"*/status
}

# A process may be forked after the search for it, and one that just calls exec shows no environment. So two
# searches in turn have to find nothing. What has not ended after five seconds is in the kernel's hands.
end_processes() {
    killed=
    in_vain=0
    read -r now _ < /proc/uptime
    limit=$((${now%.*} + 5))
    while :; do
        in_vain=$((in_vain + 1))
        for path in $(search); do
            process=${path#/proc/}
            process=${process%%/*}
            if [ "$process" != $$ ] && runs "$process"; then
                kill -s KILL "$process" 2> /dev/null
                case "$killed " in *" $process "*) ;; *) killed="$killed $process" ;; esac
                in_vain=0
            fi
        done
        running=
        for process in $killed; do
            if runs "$process"; then running="$running $process"; fi
        done
        killed=$running
        [ "$in_vain" -lt 2 ] || [ "$killed" ] || break
        read -r now _ < /proc/uptime
        [ "${now%.*}" -lt "$limit" ] || break
        sleep 0.02
    done
}

# A shell reports the death of what it waited for, nobody may read that any more, and the rest must run.
trap '' PIPE HUP
if [ "$kind" = private ]; then
    mount -t tmpfs -o mode=755 binder-harness "$directory" || exit
    for device; do
        [ -c "$device" ] && cp -R "$device" "$directory" && chmod 666 "$directory/${device##*/}"
    done
    [ -e /sys/kernel/debug/binder ] || mount -t debugfs none /sys/kernel/debug
    [ -e /sys/kernel/tracing/instances ] || mount -t tracefs none /sys/kernel/tracing
fi
# shellcheck disable=SC2016 # `$$` is the number of the inner shell
sh -c 'echo $$; exec cat > /dev/null'
end_processes
if [ "$kind" = private ]; then umount -l "$directory"; rmdir "$directory"; else rm -rf "$directory"; fi
