# $1: the HOME of a launch, $2: cvd, $3: its option for the group. The home goes with the group, also with one
# that cvd never got to create.
if "$2" "$3" remove || ! "$2" "$3" status; then rm -rf "$1"; else exit 1; fi
