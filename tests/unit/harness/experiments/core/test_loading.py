"""Claims from elsewhere: files, packages, installed distributions, and what is wrong with them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from emulator.base.errors import UsageError
from harness.experiments.core.claim import CLAIMS, Topic
from harness.experiments.core.loading import GROUP, load_claims, origin
from harness.experiments.core.measurement import MEASUREMENTS
from harness.experiments.core.source_documents import SourceDocument, named, source_document, titles
from tests.support.fake_device import FACTS
from tests.support.own_claims import TEXT, unchanged_registries, written

__all__ = ["unchanged_registries"]

pytestmark = pytest.mark.usefixtures("unchanged_registries")


def test_a_file_brings_claims_measurements_and_their_document(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert load_claims([path]) == (str(path),)
    (claim,) = CLAIMS.select(["own"])
    assert claim.topic is Topic.OTHER
    assert list(CLAIMS.all())[-1] == claim.id
    assert claim.verdict(claim.measurement_from({"number": 3}), FACTS).verdict == "confirmed"
    assert MEASUREMENTS.get("own-doors").run is claim.measure
    assert titles("AZ", named("AZ")) == [
        "A “Inter-process communication in Android”",
        "Z “Our guide”",
    ]
    assert origin("own.doors") == str(path)
    assert origin("mmap.once") is None


def test_a_topic_of_ours_can_be_named(tmp_path: Path) -> None:
    text = TEXT.replace("import Facts", "import Topic, Facts").replace(
        'documents="Z"', 'documents="Z", topic=Topic.NODE'
    )
    load_claims([written(tmp_path, text)])
    order = list(CLAIMS.all())
    assert order.index("node.misc") < order.index("own.doors") < order.index("mmap.once")


def test_a_file_is_loaded_once_and_imports_what_lies_beside_it(tmp_path: Path) -> None:
    written(tmp_path, "from harness import Figure\nloads = []\n", "beside_own_claims.py")
    path = written(tmp_path, f"{TEXT}\nimport beside_own_claims\nbeside_own_claims.loads.append(1)\n")
    load_claims([path])
    load_claims([path, path])
    assert sys.modules["beside_own_claims"].loads == [1]


def test_a_package_is_loaded_with_all_below_it_but_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, "", "acme_claims/__init__.py")
    written(tmp_path, TEXT, "acme_claims/doors/three.py")
    written(tmp_path, "", "acme_claims/doors/__init__.py")
    written(tmp_path, "raise AssertionError", "acme_claims/doors/test_three.py")
    monkeypatch.syspath_prepend(tmp_path)
    assert load_claims(["acme_claims"]) == ("acme_claims",)
    assert CLAIMS.get("own.doors").verdict.__module__ == "acme_claims.doors.three"


def test_an_installed_distribution_needs_no_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, TEXT, "installed_claims.py")
    written(tmp_path, "Metadata-Version: 2.1\nName: acme\nVersion: 1\n", "acme-1.dist-info/METADATA")
    written(tmp_path, f"[{GROUP}]\nacme = installed_claims\n", "acme-1.dist-info/entry_points.txt")
    monkeypatch.syspath_prepend(tmp_path)
    assert load_claims() == ()
    assert origin("own.doors") == ""


def test_an_installed_distribution_that_is_broken_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, "import no_such_module", "installed_broken.py")
    written(tmp_path, "Metadata-Version: 2.1\nName: acme\nVersion: 1\n", "acme-1.dist-info/METADATA")
    written(tmp_path, f"[{GROUP}]\nacme = installed_broken\n", "acme-1.dist-info/entry_points.txt")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match=r"installed_broken, which acme installed: .*no_such_module"):
        load_claims()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n\n1 +\n", "line 3: invalid syntax"),
        ("\n\nimport no_such_module\n", "line 3: ModuleNotFoundError: No module named 'no_such_module'"),
        (TEXT.replace("Figure, ", ""), "NameError: name 'Figure' is not defined"),
        ("print('nothing')", "it declares no claim"),
        (TEXT.replace('documents="Z"', 'documents="ZQ"'), "own.doors is stated in Q, but no document has"),
        (TEXT.replace('("Z"', '("A"'), "line 5: the letter A is taken: it is that of “Inter-process"),
        (TEXT.replace('("Z"', '("Zz"'), "line 5: 'Zz' is not a document's letter"),
        (TEXT.replace("https://", "javascript:"), "is not the address of a document"),
        (TEXT.replace('"own.doors"', '"mmap.once"'), "two claims are named mmap.once: one in "),
        (TEXT.replace('"own.doors"', '"doors"'), "'doors' is not a claim id: area.what-is-stated"),
        (TEXT + TEXT[TEXT.index("@claim(") :], "two claims are named own.doors: one in "),
        (TEXT.replace("m: Doors", "m"), "which are annotated with their types: own_doors(m: Measured"),
        (TEXT.replace("m: Doors", "m: 'Door'"), "name 'Door' is not defined"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    if "NameError" in message:
        # It is used only when the verdict is asked for.
        path.write_text(text + "\nFigure\n")
    with pytest.raises(UsageError) as refused:
        load_claims([path])
    assert str(refused.value).startswith(f"claims from {path}: ")
    assert message in str(refused.value)


def test_a_source_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, TEXT, "own_file.py")
    for source, message in (
        ("none.py", "there is no such file"),
        ("no_such_package", "there is no package no_such_package. Install it"),
        (str(written(tmp_path, TEXT, "own.txt")), "ends in .py"),
        (str(tmp_path), "there is no such file"),
        (".", "there is no such file"),
        ("harness.aosp_test", "there is no package harness.aosp_test. Did you mean harness.aosp_tests?"),
        ("harnes.aosp_tests", "there is no package harnes. Did you mean harness?"),
        ("harness.cli.claims", "there is no package harness.cli.claims. Install it"),
        ("on_file", "Did you mean own_file.py?"),
        (str(tmp_path / "own_fle.py"), "there is no such file. Did you mean own_file.py?"),
    ):
        with pytest.raises(UsageError, match=message):
            load_claims([source])


def test_a_document_may_be_declared_twice_if_it_is_the_same() -> None:
    assert source_document("Y", "A book") == source_document("Y", "A book") == SourceDocument("Y", "A book")
    with pytest.raises(ValueError, match="the letter Y is taken: it is that of “A book”"):
        source_document("Y", "Another book")
