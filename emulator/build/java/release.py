"""The releases of AOSP's framework in Java that can be built: one record each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import device_agents
from emulator.build.generation import ANDROID_10, NATIVE_10, Generation, SourcePackage

AGENT = Path(device_agents.__file__).parent / "java_agent"
"""What is written for these releases: for all of them, and in its directories android_N for one."""
CLEAN = (
    "android/app/ContextImpl",
    "android/app/IActivityManager",
    "android/app/IApplicationThread",
    "android/app/IServiceConnection",
    "android/app/LoadedApk",
    "android/app/Service",
    "android/content/BroadcastReceiver",
    "android/content/ComponentName",
    "android/content/Context",
    "android/content/IIntentReceiver",
    "android/content/IntentFilter",
    "android/net/Uri",
    "android/os/BaseBundle",
    "android/os/Binder",
    "android/os/BinderProxy",
    "android/os/Bundle",
    "android/os/Handler",
    "android/os/Looper",
    "android/os/Message",
    "android/os/Parcel",
    "android/os/PersistableBundle",
    "android/os/ServiceManager",
    "android/os/ServiceManagerNative",
    "android/util/ArrayMap",
    "android/util/EventLog",
    "android/util/Log",
    "com/android/internal/os/BinderInternal",
)
"""The classes that have to compile without an error."""
CLEAN_BUT_FOR_ABSENT = (
    "android/app/ActivityManager",
    "android/app/ActivityThread",
    "android/app/SystemServiceRegistry",
    "android/content/Intent",
    "android/os/MessageQueue",
)
"""Those that may have errors about what is absent."""


@dataclass(frozen=True, slots=True)
class JavaRelease:
    """One release: where its sources are, and what has to come of them."""

    generation: Generation
    """Whose libbinder its native methods call, and whose servicemanager is on the device."""
    base: SourcePackage
    """Its framework: core, without `services`."""
    native: SourcePackage
    """It has interfaces of frameworks/native that the framework's Java uses."""
    java_directories: tuple[str, ...]
    """Where `base` has what Android's framework.jar is compiled of (its Android.bp)."""
    aidl_directories: tuple[str, ...]
    """Where `native` has those interfaces."""
    language: str
    """The version of Java that it is written in."""
    prefix: str = ""
    """What the names in its tarball begin with."""
    clean: tuple[str, ...] = CLEAN
    clean_but_for_absent: tuple[str, ...] = CLEAN_BUT_FOR_ABSENT

    @property
    def number(self) -> int:
        """The release of Android."""
        return self.generation.number

    def of_agent(self, name: str) -> Iterator[Path]:
        """The directories of this name of the agent: that of all releases, and this one's own, if any."""
        for directory in (AGENT / name, AGENT / f"android_{self.number}" / name):
            if directory.is_dir():
                yield directory


JAVA_10 = JavaRelease(
    ANDROID_10,
    base=SourcePackage("android-platform-frameworks-base", patched=False),
    native=NATIVE_10,
    java_directories=(
        "core/java",
        "graphics/java",
        "location/java",
        "lowpan/java",
        "media/java",
        "media/mca/effect/java",
        "media/mca/filterfw/java",
        "media/mca/filterpacks/java",
        "drm/java",
        "opengl/java",
        "sax/java",
        "telecomm/java",
        "telephony/java",
        "wifi/java",
        "keystore/java",
        "rs/java",
    ),
    aidl_directories=(
        "aidl/binder",
        "aidl/gui",
        "cmds/dumpstate/binder",
        "cmds/installd/binder",
        "libs/binder/aidl",
        "libs/incidentcompanion/binder",
    ),
    language="9",
)
JAVA_RELEASES = {release.number: release for release in (JAVA_10,)}
"""By the release of Android."""
