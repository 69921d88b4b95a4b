#!/bin/sh
# For `git bisect run` in a kernel's tree: is what the claims state still as expected on this kernel?
# usage: git bisect run sh bisect.sh CLAIM...
make olddefconfig && make -j"$(nproc)" bzImage || exit 125   # skip what cannot be built
binder-harness verify "$@" --kernel .
status=$?
[ "$status" -le 1 ] && exit "$status"   # 0: as expected; 1: not so any more
[ "$status" -eq 3 ] && exit 1           # the device was lost: the kernel panicked, or hangs
exit 125                                # 2 and 4: nothing was judged
