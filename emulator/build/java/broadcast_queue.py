"""AOSP's queue of broadcasts, of Android 6: Debian's sources of later releases have nothing of `services`."""

from __future__ import annotations

import logging
from pathlib import Path

from emulator.base.command import run
from emulator.base.errors import SetupError
from emulator.build.generation import SourcePackage
from emulator.build.java.event_log_tags import write_event_log_tags
from emulator.build.java.release import AGENT, JavaRelease
from emulator.build.sources import source_package
from emulator.cache.scratch import scratch_directory
from emulator.cache.store import entry, fingerprint

logger = logging.getLogger(__name__)

PACKAGE = SourcePackage("android-framework-23", suites=("bullseye",))
SERVER = "frameworks/base/services/core/java/com/android/server"
CLASSES = (
    "IntentResolver",
    "am/ActivityManagerDebugConfig",
    "am/BroadcastFilter",
    "am/BroadcastQueue",
    "am/BroadcastRecord",
    "am/ReceiverList",
)
TAGS = f"{SERVER}/am/EventLogTags.logtags"
SURROUNDINGS = AGENT / "services"
"""What the queue asks of the rest of `services/`, and how the stand-in for the activity manager uses it."""
RECIPE = (SURROUNDINGS, Path(__file__))
"""What an agent with the queue depends on, beside its sources, which no longer change."""
RELEASES = (10,)
"""Those with whose classes it compiles: BroadcastOptions of Android 14 has other methods."""
UNPACK_SECONDS = 120.0


def broadcast_queue(release: JavaRelease) -> tuple[Path, ...]:
    """The directories of Java sources with the queue, for the agent: 28 MB are downloaded at the first use.

    None, with a line in the log, for a release that it does not compile with, and where the mirror does not
    have the package: then the stand-in has a queue of its own.
    """
    if release.number not in RELEASES:
        return ()
    try:
        files = source_package(PACKAGE)
    except SetupError as error:
        logger.warning("the stand-in for the activity manager has a queue of its own: %s", error)
        return ()

    def extract(target: Path) -> None:
        (tarball,) = files.glob("*.orig.tar.*")
        members = [f"{SERVER}/{name}.java" for name in CLASSES]
        with scratch_directory(target.parent) as scratch:
            run(["tar", "-xf", tarball, "-C", scratch, *members, TAGS], seconds=UNPACK_SECONDS)
            for name in CLASSES:
                file = target / f"com/android/server/{name}.java"
                file.parent.mkdir(parents=True, exist_ok=True)
                (scratch / SERVER / f"{name}.java").rename(file)
            write_event_log_tags(scratch, target)

    found = entry("broadcast-queue", fingerprint(str(files), *CLASSES, Path(__file__)), extract)
    return found, SURROUNDINGS
