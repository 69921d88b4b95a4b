"""Classes for modules that register services in the system's registry and are not here."""

from __future__ import annotations

from pathlib import Path

from emulator.build.java.absent_modules import called, write_initializers

REGISTRY = """\
package android.app;

import android.bluetooth.BluetoothFrameworkInitializer;
import android.nfc.NfcFrameworkInitializer;

    static {
            BluetoothFrameworkInitializer.registerServiceWrappers();
            NfcFrameworkInitializer.initialize();
            OfThisPackage.registerServiceWrappers();
    }
"""


def test_what_the_registry_calls_and_imports() -> None:
    assert list(called(REGISTRY)) == [
        ("android.bluetooth", "BluetoothFrameworkInitializer", "registerServiceWrappers"),
        ("android.nfc", "NfcFrameworkInitializer", "initialize"),
    ]


def test_only_what_no_source_has_is_written(tmp_path: Path) -> None:
    there = tmp_path / "core/java/android/nfc/NfcFrameworkInitializer.java"
    there.parent.mkdir(parents=True)
    there.write_text("")

    write_initializers(REGISTRY, [tmp_path / "none", tmp_path / "core/java"], tmp_path / "made")

    (made,) = (tmp_path / "made").rglob("*.java")
    assert made.relative_to(tmp_path / "made") == Path("android/bluetooth/BluetoothFrameworkInitializer.java")
    assert "public static void registerServiceWrappers() {}" in made.read_text()
