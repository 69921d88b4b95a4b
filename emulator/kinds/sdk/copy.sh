# $1: the AVD; $2: the copy's directory; $3: a snapshot, or nothing; $4: qemu-img, or nothing.
set -eu
rm -rf "${2%/*}"
mkdir -p "$2"
cd "$1"
copy() { cp -a --reflink=auto --sparse=always -- "$1" "$2"; }
for file in *; do
    case $file in
    *.lock | hardware-qemu.ini | read-snapshot.txt | emu-launch-params.txt | tmpAdbCmds) ;;
    snapshots)
        if [ "$3" ]; then mkdir "$2/snapshots"; copy "snapshots/$3" "$2/snapshots/"; fi ;;
    *.qcow2)
        if [ "$3" ] || [ -z "$4" ]
        then copy "$file" "$2/"
        else "$4" create -q -f qcow2 -F qcow2 -b "$1/$file" "$2/$file"
        fi ;;
    *) copy "$file" "$2/" ;;
    esac
done
