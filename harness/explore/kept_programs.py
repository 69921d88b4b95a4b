"""Programs that are kept by name, and read again from the Python that they were printed as."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emulator.base.atomic_write import write_atomically
from emulator.base.errors import UsageError, reason_of
from harness.explore import names
from harness.explore.program import as_python
from harness.model.steps import Step

NAME_LENGTH = 8
_CLASSES: dict[str, type[Any]] = {
    name: getattr(names, name) for name in names.__all__ if isinstance(getattr(names, name), type)
}


def keep(program: Sequence[Step], directory: Path) -> str:
    """Write a program into the directory, and return its name, which is the same for the same program."""
    text = as_python(program)
    name = hashlib.sha256(text.encode()).hexdigest()[:NAME_LENGTH]
    directory.mkdir(parents=True, exist_ok=True)
    write_atomically(directory / f"{name}.py", text)
    return name


def load(name: str, directory: Path) -> tuple[Step, ...]:
    """The program of a name, or in a file; UsageError, with the names that there are, where there is none."""
    path = Path(name) if Path(name).suffix == ".py" else directory / f"{name}.py"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        kept = ", ".join(sorted(each.stem for each in directory.glob("*.py"))) or "none"
        why = reason_of(error) if isinstance(error, OSError) else "it is no text"
        raise UsageError(
            f"{path} cannot be read: {why}. Give a file that ends in .py, or a name; kept are: {kept}."
        ) from error
    return from_python(text, str(path))


def from_python(text: str, where: str) -> tuple[Step, ...]:
    """The steps of a script that calls replay(), which is not run; UsageError, with the line, for another."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise UsageError(f"{where} is no Python: {error}") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "replay":
            steps = tuple(_value(each, where) for each in node.args[1:])
            if steps and all(isinstance(each, Step) for each in steps):
                return steps
    raise UsageError(f"{where} has no program: expected `replay(device, Open(1), …)`")


def _value(node: ast.expr, where: str) -> Any:
    match node:
        case ast.Constant(value):
            return value
        case ast.Tuple(elements):
            return tuple(_value(each, where) for each in elements)
        case ast.UnaryOp(ast.USub(), ast.Constant(int(value))):
            return -value
        case ast.Attribute(ast.Name("BinderIoctl"), name) if name in names.BinderIoctl.__members__:
            return names.BinderIoctl[name]
        case ast.Call(ast.Name(name), arguments, keywords) if name in _CLASSES:
            try:
                return _CLASSES[name](
                    *(_value(each, where) for each in arguments),
                    **{each.arg: _value(each.value, where) for each in keywords if each.arg},
                )
            except (TypeError, ValueError) as error:
                raise UsageError(f"{where}, line {node.lineno}: {error}") from error
    raise UsageError(f"{where}, line {node.lineno}: {ast.unparse(node)} is no part of a program")
