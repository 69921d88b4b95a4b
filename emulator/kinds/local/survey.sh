# What a machine has for Binder, a line for each thing; it changes nothing.
devices() {
    for path; do
        if [ -c "$path" ] && [ ! -L "$path" ]; then
            if [ -r "$path" ] && [ -w "$path" ]; then echo "open $path"; else echo "closed $path"; fi
        fi
    done
}
echo "release $(uname -r)"
echo "user $(id -u)"
echo "processes $(readlink /proc/self/ns/pid)"
grep -qw binder /proc/filesystems && echo "binderfs known"
for file in /sys/module/*binder*/parameters/*devices; do
    [ -r "$file" ] || continue
    echo "driver $file"
    for name in $(tr , ' ' < "$file"); do devices "/dev/$name"; done
done
while read -r _ directory type _; do
    [ "$type" = binder ] || continue
    echo "mounted $directory"
    devices "$directory"/*
done < /proc/mounts
[ -d /dev/binder ] && echo "directory /dev/binder"
find "/lib/modules/$(uname -r)" -name 'binder_linux.ko*' 2> /dev/null | sed 's/^/loadable /'
exit 0
