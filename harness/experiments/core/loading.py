"""Brings in claims, measurements and documents from elsewhere: files, packages, installed distributions.

A file is Python that declares claims with the same decorators as Binder harness's own modules; a package is
one that can be imported, with all modules below it. An installed distribution names its
package as an entry point:

    [project.entry-points."binder_harness.claims"]
    acme = "acme_claims"
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import pkgutil
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from emulator.base.errors import UsageError, did_you_mean
from harness.experiments.core.claim import CLAIMS
from harness.experiments.core.measurement import MEASUREMENTS
from harness.experiments.core.source_documents import source_documents

GROUP = "binder_harness.claims"
"""The group of entry points."""
NOT_IMPORTED = ("test_", "conftest", "__main__")
"""The beginnings of the names of modules that declare nothing, and do something when they are imported."""
_ORIGINS: dict[str, str] = {}
"""Of each claim from elsewhere, by id: the file or package that was named; empty for an installed one."""
_LOADED: set[str] = set()


def load_claims(sources: Iterable[str | Path] = ()) -> tuple[str, ...]:
    """Bring in what is installed, and these files and packages; each once in a process.

    Returns the sources as another process names them: files by their absolute paths. Raises UsageError for
    one that cannot be imported, has a mistake, or declares nothing.
    """
    _load_installed()
    names = tuple(dict.fromkeys(_absolute(str(source)) for source in sources))
    for name in names:
        if name not in _LOADED:
            _checked(name, name, partial(_import_file if name.endswith(".py") else _import_package, name))
            _LOADED.add(name)
    return names


def origin(claim: str) -> str | None:
    """What `--claims` names for this claim: empty for an installed one; None for Binder harness's own."""
    return _ORIGINS.get(claim)


@functools.cache
def _load_installed() -> None:
    if not _any_installed():
        return
    import importlib.metadata

    for entry in importlib.metadata.entry_points(group=GROUP):
        distribution = entry.dist.name if entry.dist else entry.name
        _checked(
            f"{entry.module}, which {distribution} installed", "", partial(_import_package, entry.module)
        )


def _any_installed() -> bool:
    """Whether an installed distribution has entry points of the group.

    Their files are searched for it: importlib.metadata, and its look at each distribution, would take half of
    the time of `list`. What is no directory, such as an archive, it has to look at itself.
    """
    for place in map(Path, sys.path):
        if place.is_file():
            return True
        for file in place.glob("*-info/entry_points.txt"):  # of wheels and eggs
            if GROUP in file.read_text(errors="replace"):
                return True
    return False


def _absolute(source: str) -> str:
    path = Path(source)
    if path.suffix == ".py" or len(path.parts) != 1 or source.startswith("."):
        if not path.is_file():
            near = did_you_mean(path.name, (file.name for file in path.parent.glob("*.py")))
            raise UsageError(
                f"claims from {source}: there is no such file.{near} Give a file of Python, or the name of a "
                "package."
            )
        if path.suffix != ".py":
            raise UsageError(f"claims from {source}: the name of a file of Python ends in .py")
        return str(path.resolve())
    return source


def _checked(name: str, origin: str, load: Callable[[], object]) -> None:
    """Load claims, and check what they name; UsageError, with the place of the mistake."""
    before, measured = set(CLAIMS.entries), set(MEASUREMENTS.entries)
    try:
        load()
    except Exception as error:
        raise UsageError(f"claims from {name}: {_in_words(error, name)}") from error
    added = [CLAIMS.entries[id_] for id_ in CLAIMS.entries if id_ not in before]
    ours = [claim for claim in added if not claim.verdict.__module__.startswith(f"{CLAIMS.package}.")]
    if not ours and MEASUREMENTS.entries.keys() == measured:
        raise UsageError(
            f"claims from {name}: it declares no claim. A claim is a function with the decorator @claim: "
            "docs/own-claims.md has an example."
        )
    known = source_documents()
    for claim in ours:
        for letter in claim.documents:
            if letter not in known:
                raise UsageError(
                    f"claims from {name}: {claim.id} is stated in {letter}, but no document has that letter. "
                    f'Declare it, source_document("{letter}", "its title"), or use one of {", ".join(known)}.'
                )
        try:
            claim.measured_type  # noqa: B018 — it is found by the annotation, which may be missing
        except (NameError, KeyError, StopIteration) as error:
            raise UsageError(
                f"claims from {name}: the verdict of {claim.id} is a function of a measurement and of facts, "
                f"which are annotated with their types: {claim.verdict.__name__}(m: Measured, facts: Facts). "
                f"{error if isinstance(error, NameError) else ''}".rstrip()
            ) from error
        _ORIGINS[claim.id] = origin


def _import_file(name: str) -> None:
    path = Path(name)
    # As for a script of Python: what lies beside it can be imported, though nothing that is there already.
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    module_name = f"binder_harness_claims_{len(_LOADED)}_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)


def _import_package(name: str) -> None:
    """Import a module, and of a package all modules below it but its tests."""
    module = importlib.import_module(name)
    for found in pkgutil.walk_packages(getattr(module, "__path__", ()), f"{name}."):
        if not found.name.rpartition(".")[2].startswith(NOT_IMPORTED):
            importlib.import_module(found.name)


def _beside(package: str) -> Iterator[str]:
    """What may be meant by a package that is not there: those beside it, and files of Python here."""
    above, dot, _ = package.rpartition(".")
    places = getattr(sys.modules[above], "__path__", ()) if above else None
    yield from (f"{above}{dot}{found.name}" for found in pkgutil.iter_modules(places))
    yield from (file.name for file in Path().glob("*.py"))


def _in_words(error: Exception, name: str) -> str:
    """What went wrong, and in which line of what was loaded."""
    missing = error.name if isinstance(error, ModuleNotFoundError) and error.name else ""
    if missing and f"{name}.".startswith(f"{missing}."):
        near = did_you_mean(missing, _beside(missing))
        return (
            f"there is no package {missing}.{near} Install it where Binder harness is installed, or name its "
            "directory's parent in PYTHONPATH."
        )
    message = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError):
        return f"line {error.lineno or 1}: {error.msg}"
    library = str(Path(__file__).parent)
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((library, "<"))
    ]
    if not frames:
        return message
    last = frames[-1]
    line = f"line {last.lineno or 1}"
    place = line if last.filename == name else f"{last.filename}, {line}"
    return f"{place}: {message}"
