# $1: the run's directory. $2: `private` in a mount namespace of its own. The rest: devices of which the
# directory gets copies there, which every user may open. It lasts until its input ends, or the process whose
# number it prints is killed. Then it ends what still runs of the run, which it knows by the namespace or by
# the environment variable: sudo passes none on.

# A shell reports the death of what it waited for, nobody may read that any more, and the rest must run.
trap '' PIPE HUP
if [ "$2" = private ]; then
    mount -t tmpfs -o mode=755 binder-harness "$1" || exit
    for device; do
        [ -c "$device" ] && cp -R "$device" "$1" && chmod 666 "$1/${device##*/}"
    done
    [ -e /sys/kernel/debug/binder ] || mount -t debugfs none /sys/kernel/debug
    [ -e /sys/kernel/tracing/instances ] || mount -t tracefs none /sys/kernel/tracing
fi
# shellcheck disable=SC2016 # `$$` is the number of the inner shell
sh -c 'echo $$; exec cat > /dev/null'
if [ "$2" = private ]; then
    found=$(find -L /proc/[0-9]*/ns/mnt -maxdepth 0 -samefile "/proc/$$/ns/mnt" 2> /dev/null)
else
    found=$(grep -lsF "BINDER_HARNESS_DIRECTORY=$1" /proc/[0-9]*/environ)
fi
for path in $found; do
    process=${path#/proc/}
    process=${process%%/*}
    [ "$process" = $$ ] || kill -s KILL "$process" 2> /dev/null
done
if [ "$2" = private ]; then umount -l "$1"; rmdir "$1"; else rm -rf "$1"; fi
