"""A reply with a descriptor for a full table: failed by the driver in C, lost by that in Rust."""

import resource
import sys

from harness import open_device
from harness.binder import Parcel, open_pair

with (
    open_device(sys.argv[1]) as device,
    open_pair(device, str(device.facts.free_binder_device), lambda _: Parcel().file_descriptor(1)) as pair,
):
    full = len(pair.client_process.procfs.descriptors)
    limit = full.to_bytes(8, "little") * 2
    pair.client_process.syscall("prlimit64", 0, resource.RLIMIT_NOFILE, limit, 0)
    pair.client.transact(0, 1)
