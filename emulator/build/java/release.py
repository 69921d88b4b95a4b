"""The releases of AOSP's framework in Java that can be built: one record each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import device_agents
from emulator.build.generation import (
    ANDROID_10,
    ANDROID_14,
    NATIVE_10,
    TOOLS_34,
    Generation,
    SourcePackage,
)

AGENT = Path(device_agents.__file__).parent / "java_agent"
"""What is written for these releases: for all of them, and in its directories android_N for one."""
ABSENT = (
    "R",  # resources
    "com.android.org.conscrypt",
    "org.apache.harmony",
    "OpenSSLSocketImpl",
    "TrustedCertificateStore",
    "DdmVmInternal",
    # Methods that Android's java.* has beyond OpenJDK's.
    "clearDnsCache",
    "set24HourTimePref",
)
"""Packages, classes, methods and fields that are not there: what needs one throws that when it is called."""
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
    """What the names in the tarballs of `base` and `native` begin with."""
    borrowed: tuple[str, ...] = ()
    """What it lacks, as it is in other libraries, and Android 10's framework has: annotations above all."""
    later_aidl: bool = False
    """Whether its AIDL has what Debian's aidl, of Android 10, does not know."""
    absent: tuple[str, ...] = ABSENT
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
JAVA_14 = JavaRelease(
    ANDROID_14,
    base=SourcePackage("android-platform-frameworks-base", suites=("trixie",), patched=False),
    native=TOOLS_34,
    java_directories=(
        "core/java",
        "apex/blobstore/framework/java",
        "apex/jobscheduler/framework/java",
        "graphics/java",
        "identity/java",
        "location/java",
        "media/aidl",
        "media/java",
        "media/mca/effect/java",
        "media/mca/filterfw/java",
        "media/mca/filterpacks/java",
        "mms/java",
        "native/android/aidl",
        "drm/java",
        "omapi/java",
        "opengl/java",
        "sax/java",
        "telecomm/java",
        "telephony/common",
        "telephony/java",
        "wifi/java",
        "keystore/java",
        "rs/java",
    ),
    aidl_directories=(
        "frameworks/native/aidl/binder",
        "frameworks/native/aidl/gui",
        "frameworks/native/cmds/dumpstate/binder",
        "frameworks/native/cmds/installd/binder",
        "frameworks/native/libs/binder/aidl",
        "frameworks/native/libs/gui/aidl",
        "frameworks/native/libs/incidentcompanion/binder",
        "frameworks/native/libs/permission/aidl",
    ),
    language="17",
    prefix="./",
    absent=(
        *ABSENT,
        # Of the core library, which is that of Android 10.
        "AppSpecializationHooks",
        "ZipPathValidator",
        "CODE_PATH_TYPE_PRIMARY_APK",
        "CODE_PATH_TYPE_SPLIT_APK",
        "dispatchNetworkConfigurationChange",
        "registerAppInfo",
        # Of modules that are updated apart from Android.
        "ConnectivityManager",
        "TrafficStats",
        "getNextArg",
        "getNextArgRequired",
        "getNextOption",
        "scanFile",
        "setBinderCallsStatsInitializer",
        "setBluetoothServiceManager",
        "setMediaServiceManager",
        "setStatsServiceManager",
        # Interfaces that Debian's aidl does not generate, or that name what is in such modules.
        "IDataLoaderManager",
        "IDevicePolicyManager",
        "IDynamicSystemService",
        "IIncrementalService",
        "INetworkPolicyManager",
        "IPacProxyManager",
        "ITunerResourceManager",
        "IVcnManagementService",
        "IVpnManager",
    ),
    clean=(
        *(name for name in CLEAN if name != "android/app/LoadedApk"),
        "android/app/AppOpsManager",
        "android/content/AttributionSource",
        "android/content/ContextParams",
    ),
    clean_but_for_absent=(*CLEAN_BUT_FOR_ABSENT, "android/app/LoadedApk"),
    borrowed=(
        "core/java/android/annotation",
        "core/java/com/android/internal/annotations",
        "core/java/android/provider/MediaStore.java",
    ),
    later_aidl=True,
)
JAVA_RELEASES = {release.number: release for release in (JAVA_10, JAVA_14)}
"""By the release of Android."""
