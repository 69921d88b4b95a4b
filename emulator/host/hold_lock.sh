# $1: a file. The kernel refuses to create one in /tmp that another user has created (fs.protected_regular).
(set -o noclobber; umask 333; : > "$1") 2> /dev/null
exec 9< "$1" && flock --nonblock 9 && echo held && exec sleep infinity
