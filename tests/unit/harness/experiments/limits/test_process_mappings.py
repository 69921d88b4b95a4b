"""Which mappings are those of apps, on a device with zygote."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from harness.device.device import Device
from harness.experiments.limits.process_mappings import AppMappings, measure_app_mapping
from tests.support.fake_files import FakeFiles

ZYGOTE, WEBVIEW, APP, SERVER = 300, 310, 400, 500
LINE = "/proc/{}/maps:7f0000000000-{} r--p 00000000 00:0f 11                         {}"
GREP = "\n".join(
    (
        LINE.format(ZYGOTE, "7f00000fe000", "/dev/binder"),
        LINE.format(APP, "7f00000fe000", "/dev/binderfs/binder"),
        LINE.format(APP, "7f0000001000", "/system/lib64/binder/libother.so"),
        LINE.format(APP, "7f0000002000", "/dev/binderfs/binder-control"),
        LINE.format(SERVER, "7f0000020000", "/dev/binderfs/binder"),
        LINE.format(999, "7f0000003000", "/dev/binderfs/binder"),
        "",
    )
)
PARENTS = {ZYGOTE: 1, APP: ZYGOTE, SERVER: 1}


class FakeAndroid:
    files = FakeFiles(
        {f"/proc/{pid}/status": f"Name:\tx\nPPid:\t{parent}\n" for pid, parent in PARENTS.items()}
    )
    facts = SimpleNamespace(page_size=4096)

    def run(self, command: Any) -> SimpleNamespace:
        if command[0] == "pidof":
            return SimpleNamespace(output=f"{ZYGOTE} {WEBVIEW}\n")
        assert command == "grep -s /binder /proc/[0-9]*/maps"
        return SimpleNamespace(output=GREP)


def test_only_children_of_zygote_count_and_only_their_mapping_of_the_device() -> None:
    measured = measure_app_mapping(cast(Device, FakeAndroid()))
    assert measured == AppMappings("processes forked from zygote", (1040384,), 1, 4096)
