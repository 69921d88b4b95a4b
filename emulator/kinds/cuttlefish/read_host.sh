# What Cuttlefish asks of a machine, a line for each thing that is there.
echo "groups $(id -Gn)"
for file in /.dockerenv /run/.containerenv; do [ -e "$file" ] && echo container; done
[ -r /dev/kvm ] && [ -w /dev/kvm ] && echo kvm
for interface in /sys/class/net/*; do echo "interface ${interface##*/}"; done
