from __future__ import annotations

from emulator.packages import with_sources


def test_stanzas_get_source_packages_and_keep_everything_else() -> None:
    text = (
        "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\n"
        "Components: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    )
    assert with_sources(text, one_line=False) == text.replace("Types: deb", "Types: deb deb-src")


def test_stanzas_that_have_source_packages_stay_as_they_are() -> None:
    text = "Types: deb deb-src\nURIs: http://mirror.example/debian\nSuites: bookworm\nComponents: main\n"
    assert with_sources(text, one_line=False) == text


def test_one_line_entries_get_source_packages_beside_them() -> None:
    text = (
        "# deb http://mirror.example/off bookworm main\n"
        "deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib\n"
        "deb-src http://mirror.example/debian bookworm main\n"
    )
    assert with_sources(text, one_line=True).splitlines() == [
        "deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib",
        "deb-src [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib",
    ]
