# $1: the AVD's directory. Its path without links, what is in it, its snapshots: each ends with a zero byte.
cd "$1" || exit
printf '%s\0' "$(pwd -P)"
for file in *; do printf '%s\0' "$file"; done
for snapshot in snapshots/*/; do printf '%s\0' "$snapshot"; done
