# $1: names of files, any of which will do, with spaces between them; the rest: directories. The first directory
# that has such a file, as an absolute path.
wanted=$1; shift
for directory; do
    for name in $wanted; do
        if [ -e "$directory/$name" ]; then cd "$directory" && pwd; exit; fi
    done
done
