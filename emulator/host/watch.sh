# $1: a directory for this run. $2: seconds of silence. $3: `live`, or `kept`, which sends the output at the
# end: what the command leaves running may hold it open. The rest: the command, in a process group.
directory=$1
silence=$2
output=$3
shift 3
# shellcheck disable=SC2174 # both are named, so both get the mode
mkdir -p -m 700 "${directory%/*}" "$directory"
exec 3<&0 4>&1
[ "$output" = live ] || exec 4> "$directory/output"
setsid "$@" < /dev/null >&4 2> "$directory/errors" 3<&- &
started=$!
exec 4>&-
(
    while [ -n "$(timeout "$silence" head -c 1)" ]; do :; done
    kill -s KILL -- "-$started"
) <&3 > /dev/null 2>&1 &
wait "$started"
status=$?
# What was killed with it may take longer to end: it has its memory to give back, and its locks. After the name
# come the state, the parent and the process group (proc_pid_stat(5)). 137: killed.
if [ "$status" = 137 ]; then
    for _ in $(seq 200); do
        grep -qsE "\) [^ZX] [0-9]+ $started " /proc/[0-9]*/task/[0-9]*/stat || break
        sleep 0.02
    done
fi
[ "$output" = live ] || tail -c 1000000 "$directory/output"
tail -c 100000 "$directory/errors" >&2
rm -rf "$directory"
exit "$status"
