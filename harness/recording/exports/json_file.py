"""A recording as one JSON document, written as it comes, and read again."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from emulator.base.errors import UsageError
from harness.kernel.tracing.binder_transactions import End as HopEnd
from harness.kernel.tracing.binder_transactions import Failure, Hop
from harness.kernel.tracing.recording import Lost
from harness.recording.exports.export import Beginning, End
from harness.recording.histogram import Histogram
from harness.recording.hops import Hops
from harness.recording.statistics import Key, Row

FORMAT = "binder-harness recording"
VERSION = 1
QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


class JsonFile:
    """Writes a document that is valid JSON as soon as it has ended; each transaction is a line of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._between = "\n"

    def begin(self, beginning: Beginning) -> None:
        """Create the file, with what is known of the device."""
        self._names = beginning.names
        device = {
            name: getattr(beginning, name)
            for name in ("serial", "kernel_release", "architecture", "android_release")
        }
        heading = {"format": FORMAT, "version": VERSION, "device": device, "clock": beginning.clock}
        self._file = self.path.open("w", encoding="utf-8")
        self._file.write(f'{json.dumps(heading)[:-1]},\n"transactions": [')

    def add(self, hops: Sequence[Hop]) -> None:
        """Write them, one a line."""
        for hop in hops:
            fields = dataclasses.asdict(hop)
            fields["method"] = None if hop.reply else self._names(hop.interface, hop.code)
            self._file.write(f"{self._between}{json.dumps(fields)}")
            self._between = ",\n"

    def end(self, end: End) -> None:
        """Write what was lost and the summary, and close the file."""
        closing = {
            "seconds": end.seconds,
            "lost": dataclasses.asdict(end.lost),
            "unreadable": end.unreadable,
            "complete": end.complete,
            "summary": [_summary(key, row) for key, row in end.statistics.rows.items()],
        }
        self._file.write(f"\n],\n{json.dumps(closing)[1:]}\n")
        self._file.close()


def read_recording(path: str | Path) -> Hops:
    """The transactions of a JSON document that a recording wrote, with the names it had for codes.

    Raises UsageError for another file, and OSError where it cannot be read.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        if document["format"] != FORMAT or document["version"] > VERSION:
            raise UsageError(f"{path} is a {document['format']} of version {document['version']}.")
        records = document["transactions"]
        names = {
            (record["interface"], record["code"]): record["method"] for record in records if record["method"]
        }
        return Hops(
            tuple(_hop(record) for record in records),
            Lost(**document["lost"]),
            lambda interface, code: names.get((interface, code)),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(
            f"{path} is no recording: {error or type(error).__name__}. `binder-harness record -o FILE.json` "
            "writes one."
        ) from error


def _hop(record: Mapping[str, Any]) -> Hop:
    fields: dict[str, Any] = {name: value for name, value in record.items() if name != "method"}
    for name in ("sender", "receiver"):
        fields[name] = HopEnd(**fields[name])
    failure = fields["failure"]
    fields["failure"] = None if failure is None else Failure(**failure)
    return Hop(**fields)


def _summary(key: Key, row: Row) -> dict[str, object]:
    return {
        **key._asdict(),
        "calls": row.calls,
        "one_way": row.one_way,
        "failures": row.failures,
        "bytes": row.bytes,
        "largest": row.largest,
        "round_trip_seconds": dict(_quantiles(row.round_trips)),
        "delivery_seconds": dict(_quantiles(row.deliveries)),
    }


def _quantiles(histogram: Histogram) -> Iterator[tuple[str, float | None]]:
    for name, share in QUANTILES.items():
        yield name, histogram.quantile(share)
    yield "max", histogram.largest if histogram.count else None
