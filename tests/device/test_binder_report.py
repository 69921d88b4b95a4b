"""Which Binder the embedded device speaks, and what is free on it."""

from __future__ import annotations

from harness.binder import Binder
from harness.device.binder_report import report_binder
from harness.device.device import Device


def test_each_device_has_its_manager_or_is_free(device: Device) -> None:
    report = report_binder(device)
    nodes = {node.path: node for node in report.nodes}
    assert nodes.keys() >= set(device.facts.binder_devices)
    assert nodes["/dev/binder"].manager == "its service manager speaks Android 11"
    assert not nodes["/dev/binder"].free
    free = device.facts.free_binder_device
    assert free is not None
    assert nodes[free].free
    assert report.driver == f"{device.facts.driver} driver"
    assert (report.largest_call, report.largest_oneway) == (
        (1 << 20) - 2 * device.facts.page_size,
        (1 << 19) - device.facts.page_size,
    )


def test_a_manager_that_is_no_service_manager_is_no_free_device(device: Device) -> None:
    free = device.facts.free_binder_device
    assert free is not None
    with device.process() as process, Binder.open(process, free) as manager:
        manager.become_context_manager()
        manager.serve(lambda _: None)
        (node,) = [each for each in report_binder(device).nodes if each.path == free]
    assert not node.free
    assert not node.manager.startswith("its service manager speaks")
