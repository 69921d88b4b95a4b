"""Java classes with the numbers of protocol buffers' fields, as Android's own generator writes them.

Android's classes write what `dumpsys --proto` shows with these (tools/streaming_proto/java, Android 10), and
few of them compile without. Debian does not have the generator.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

_TYPES = (
    *("double", "float", "int64", "uint64", "int32", "fixed64", "fixed32", "bool", "string"),
    *("group", "message", "bytes", "uint32", "enum", "sfixed32", "sfixed64", "sint32", "sint64"),
)
_NUMBERS: Mapping[str, int] = {name: number for number, name in enumerate(_TYPES, start=1)}
"""A type's number (android.util.proto.ProtoStream, FIELD_TYPE_)."""
_TYPE_SHIFT, _COUNT_SHIFT = 32, 40
_COUNTS = {"optional": 1, "required": 1, "": 1, "repeated": 2}
"""ProtoStream, FIELD_COUNT_; a packed field is repeated, too."""
_PACKED = 5
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\w.]+|[^\s\w]')


@dataclass(slots=True)
class _Scope:
    """A file's top, a message or an enum."""

    name: str
    fields: list[tuple[str, str, str, int]] = field(default_factory=list)
    """Of a message: label, type, name and number; of an enum, name and number alone."""
    messages: list[_Scope] = field(default_factory=list)
    enums: list[_Scope] = field(default_factory=list)


@dataclass(slots=True)
class ProtoFile:
    """What a .proto file declares."""

    package: str
    options: dict[str, str]
    top: _Scope

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a file of proto2; options of fields other than `packed` make no difference."""
        tokens = _TOKEN.findall(_COMMENT.sub(" ", text))
        file = cls("", {}, _Scope(""))
        _Parser(tokens, file).scope(file.top)
        return file

    def enums(self) -> Iterator[str]:
        """The full names of its enums."""
        yield from _enums(self.top, self.package)


class _Parser:
    def __init__(self, tokens: list[str], file: ProtoFile) -> None:
        self._tokens = iter(tokens)
        self._file = file

    def scope(self, scope: _Scope) -> None:
        """Read declarations up to a closing brace, or the end."""
        for token in self._tokens:
            if token == "}":
                return
            if token == "message":
                inner = _Scope(next(self._tokens))
                next(self._tokens)
                scope.messages.append(inner)
                self.scope(inner)
            elif token == "enum":
                inner = _Scope(next(self._tokens))
                next(self._tokens)
                scope.enums.append(inner)
                self._enum(inner)
            elif token == "oneof":
                next(self._tokens), next(self._tokens)
                self.scope(scope)  # whose fields are the message's
            elif token == "extend":
                next(self._tokens), next(self._tokens)
                self.scope(_Scope("extension"))
            else:
                self._statement(scope, [token, *self._words()])

    def _enum(self, scope: _Scope) -> None:
        for token in self._tokens:
            if token == "}":
                return
            words = [token, *self._words()]
            if len(words) > 2 and words[1] == "=":
                number = int("".join(words[2:4] if words[2] == "-" else words[2:3]), 0)
                scope.fields.append(("", "", token, number))

    def _words(self) -> Iterator[str]:
        """The words up to a semicolon."""
        for token in self._tokens:
            if token == ";":
                return
            yield token

    def _statement(self, scope: _Scope, words: list[str]) -> None:
        if words[0] == "package":
            self._file.package = words[1]
        elif words[0] == "option":
            if not scope.name:
                self._file.options[words[1]] = words[-1].strip('"')
        elif "=" in words[2:4]:
            label = words.pop(0) if words[0] in _COUNTS else ""
            packed = "packed true" in " ".join(words).replace(" = ", " ")
            scope.fields.append((f"{label} packed" if packed else label, words[0], words[1], int(words[3])))


def write_proto_constants(roots: list[Path], output: Path) -> None:
    """Write the classes of all .proto files below these directories."""
    files = [ProtoFile.parse(path.read_text()) for root in roots for path in sorted(root.rglob("*.proto"))]
    enums = {name for file in files for name in file.enums()}
    for file in files:
        package = file.options.get("java_package", file.package)
        directory = output.joinpath(*package.split("."))
        directory.mkdir(parents=True, exist_ok=True)
        for name, body in java_classes(file, enums):
            text = f"package {package};\n\npublic final class {name} {{\n{body}}}\n"
            (directory / f"{name}.java").write_text(text)


def java_classes(file: ProtoFile, enums: set[str]) -> Iterator[tuple[str, str]]:
    """The names and bodies of a file's classes; `enums` has the full names of all enums of all files."""
    outer = file.options.get("java_outer_classname")
    if file.options.get("java_multiple_files") == "true":
        for message in file.top.messages:
            yield message.name, _body(message, f"{file.package}.{message.name}", enums)
        if outer and file.top.enums:
            yield outer, _body(_Scope(outer, enums=file.top.enums), file.package, enums)
    elif outer:
        yield (
            outer,
            _body(_Scope(outer, messages=file.top.messages, enums=file.top.enums), file.package, enums),
        )


def _body(scope: _Scope, name: str, enums: set[str]) -> str:
    lines = [
        f"public static final int {constant.upper()} = {number};"
        for enum in scope.enums
        for _, _, constant, number in enum.fields
    ]
    for label, kind, constant, number in scope.fields:
        identifier = _number_of(kind, name, enums) << _TYPE_SHIFT | _count_of(label) << _COUNT_SHIFT | number
        lines.append(f"public static final long {constant.upper()} = {identifier:#018x}L;")
    for message in scope.messages:
        inner = _body(message, f"{name}.{message.name}", enums)
        lines.append(f"public static final class {message.name} {{\n{inner}}}")
    return "".join(f"{line}\n" for line in lines)


def _count_of(label: str) -> int:
    return _PACKED if label.endswith("packed") else _COUNTS[label]


def _number_of(kind: str, scope: str, enums: set[str]) -> int:
    """A type's number: a name that is no enum, from the inner scopes outwards, is a message."""
    if kind in _NUMBERS:
        return _NUMBERS[kind]
    parts = scope.split(".")
    names = {".".join([*parts[:length], kind]) for length in range(len(parts) + 1)} | {kind.lstrip(".")}
    return _NUMBERS["enum" if names & enums else "message"]


def _enums(scope: _Scope, name: str) -> Iterator[str]:
    yield from (f"{name}.{enum.name}" for enum in scope.enums)
    for message in scope.messages:
        yield from _enums(message, f"{name}.{message.name}")
