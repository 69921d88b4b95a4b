# $1: the directory of the logs; $2: where a copy of it is to be, whose path is printed.
mkdir -p "$2"
kept=$(mktemp -d "$2/cuttlefish-logs-XXXXXX") && cp -r "$1/." "$kept" && echo "$kept"
