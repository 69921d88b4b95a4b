# $1: the HOME of a launch, $2: stop_cvd, whose flag is newer than some host packages.
"$2" --clear_instance_dirs || "$2" || exit 1
rm -rf "$1"
