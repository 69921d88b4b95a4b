# The command, in this shell's place, with the variables that its input exports: first their number of lines, and
# then the lines, of shell commands. It gets the rest of the input.

# Nobody reads from a broken connection, and a clean-up must not end for that.
trap '' PIPE HUP
IFS= read -r count || exit 1
environment=
while [ "$count" -gt 0 ]; do
    IFS= read -r line || exit 1
    environment="$environment$line
"
    count=$((count - 1))
done
eval "$environment"
unset count line environment
exec "$@"
