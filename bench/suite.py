"""What a benchmark is: a name to select it by, and a function that measures on the shared device."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.rows import Row
from emulator.base.errors import HarnessError, UsageError, did_you_mean
from emulator.build.agents import ipc_bench
from emulator.build.userland import THROUGHPUT_TEST, binder_userland
from emulator.embedded.device import EmbeddedDevice, generation_of, open_embedded
from emulator.target import Target, parse_target
from harness.device.device import Device

WARM = parse_target("embedded")
ON_DEVICE = "/data/local/tmp"


class Bench:
    """The shared device and the number of rounds; a context manager that closes the device."""

    def __init__(self, rounds: int, target: Target = WARM) -> None:
        self.rounds = rounds
        """How often a measurement of about a second is taken; quicker ones are taken more often."""
        self._target = target
        self._resources = contextlib.ExitStack()

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    @functools.cached_property
    def device(self) -> Device:
        """A warm embedded device, started at the first use."""
        return self._resources.enter_context(Device(open_embedded(self._target)))

    @property
    def controller(self) -> EmbeddedDevice:
        """The device's controller."""
        assert isinstance(self.device.controller, EmbeddedDevice)
        return self.device.controller

    @functools.cached_property
    def ipc_bench(self) -> str:
        """The path of device_agents/ipc_bench on the device."""
        return self._put(ipc_bench(self.controller.hardware.architecture))

    @functools.cached_property
    def throughput_test(self) -> str:
        """The path on the device of AOSP's binderThroughputTest, for the device's generation."""
        generation = generation_of(self._target)
        return self._put(binder_userland(self.controller.hardware.architecture, generation) / THROUGHPUT_TEST)

    def _put(self, program: Path) -> str:
        remote = f"{ON_DEVICE}/{program.name}"
        self.device.push(program, remote, mode=0o755)
        return remote


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One or several rows that are measured together."""

    name: str
    """With dots, like a claim's id."""
    measure: Callable[[Bench], Iterator[Row]]

    def rows(self, bench: Bench) -> Iterator[Row]:
        """The rows; after a failure, a row with the reason is the last one."""
        try:
            yield from self.measure(bench)
        except (HarnessError, OSError, ValueError) as error:
            yield Row(self.name, failure=str(error))


def chosen(benchmarks: list[Benchmark], names: list[str]) -> list[Benchmark]:
    """The benchmarks with these names or prefixes (`start` for `start.cold`); all if `names` is empty.

    Raises UsageError, with all names, for an unknown one.
    """
    for name in names:
        if not any(_named(benchmark, name) for benchmark in benchmarks):
            valid = " ".join(benchmark.name for benchmark in benchmarks)
            near = did_you_mean(name, (benchmark.name for benchmark in benchmarks))
            raise UsageError(f"There is no benchmark {name!r}.{near} Benchmarks: {valid}")
    return [
        benchmark for benchmark in benchmarks if not names or any(_named(benchmark, name) for name in names)
    ]


def _named(benchmark: Benchmark, name: str) -> bool:
    return f"{benchmark.name}.".startswith(f"{name}.")
