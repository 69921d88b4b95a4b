# $1: seconds of silence. The rest: the command.
silence=$1
shift
echo ready
while [ -n "$(timeout "$silence" head -c 1)" ]; do :; done
exec "$@" < /dev/null > /dev/null 2>&1
