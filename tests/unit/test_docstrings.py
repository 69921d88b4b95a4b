"""What `help()` says of the names at a prompt: every name in it is one that can be used."""

from __future__ import annotations

import builtins
import importlib
import inspect
import keyword
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any

import pytest

import harness
from tests.support.own_claims import unchanged_registries

__all__ = ["unchanged_registries"]

pytestmark = pytest.mark.usefixtures("unchanged_registries")

PACKAGES = ("harness", "harness.binder", "harness.framework")
NAME = re.compile(r"`([A-Za-z_]\w*)(?:\.(\w+))?(?:\(\))?`")
ATTRIBUTE = re.compile(r"self\.(\w+)|^    (\w+): ", re.MULTILINE)


@cache
def modules() -> list[ModuleType]:
    found = pkgutil.walk_packages(harness.__path__, "harness.")
    return [importlib.import_module(module.name) for module in found if "templates" not in module.name]


@cache
def everything() -> dict[str, Any]:
    """All names of modules, classes and functions."""
    known = dict(vars(builtins)) | dict.fromkeys(keyword.kwlist)
    for module in modules():
        known |= vars(module) | {module.__name__.rpartition(".")[2]: module}
    return known


@cache
def members(cls: type) -> set[str]:
    """The attributes of a class and of its instances."""
    sources = [inspect.getsource(base) for base in cls.__mro__ if base.__module__.startswith("harness")]
    return set(dir(cls)) | {
        first or second for source in sources for first, second in ATTRIBUTE.findall(source)
    }


def documented(name: str, exported: Any) -> Iterator[tuple[str, Any, str]]:
    """An exported class or function and the class's methods, each with what `help()` shows of it."""
    yield name, exported, inspect.getdoc(exported) or ""
    if isinstance(exported, type):
        for member, value in vars(exported).items():
            function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
            if inspect.isfunction(function):
                yield f"{name}.{member}", function, inspect.getdoc(function) or ""


def parameters(documented: Any) -> set[str]:
    try:
        return set(inspect.signature(documented).parameters)
    except (TypeError, ValueError):
        return set()


def unknown_names(package: str) -> Iterator[tuple[str, str]]:
    module = importlib.import_module(package)
    for name in module.__all__:
        exported = getattr(module, name)
        if not isinstance(exported, type) and not inspect.isfunction(exported):
            continue
        own = members(exported) if isinstance(exported, type) else set()
        for label, subject, text in documented(name, exported):
            usable = own | parameters(subject) | parameters(exported) | everything().keys()
            for first, second in NAME.findall(text):
                owner = everything().get(first)
                found = first in usable
                if found and second:
                    known = members(owner) if isinstance(owner, type) else dir(owner)
                    found = second in known
                if not found:
                    yield label, f"{first}.{second}".rstrip(".")


@pytest.mark.parametrize("package", PACKAGES)
def test_help_names_only_what_exists(package: str) -> None:
    """A renamed method lived on in the help of its class."""
    assert list(unknown_names(package)) == []


def test_a_name_that_does_not_exist_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        harness.Binder,
        "__doc__",
        "`on_new_thread` and `Parcel.raw` exist; `on_thread` and `Parcel.cooked` do not.",
    )
    assert [name for label, name in unknown_names("harness") if label == "Binder"] == [
        "on_thread",
        "Parcel.cooked",
    ]
