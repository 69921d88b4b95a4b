"""Names of transaction codes from AIDL files: by the order of an interface's methods, and by `= N`.

The grammar is that of system/tools/aidl (aidl_language_l.ll, aidl_language_y.yy, Android 16), as far as it
decides where a method begins, what it is called and which number it has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from emulator.base.errors import UsageError
from emulator.base.progress import report

FIRST_CALL_TRANSACTION = 1
META_METHODS = {0xFFFFFF: "getInterfaceVersion", 0xFFFFFE: "getInterfaceHash"}
"""Codes that aidl gives to methods of its own (aidl_language.h, kGetInterfaceVersionId)."""
LARGEST = 4 << 20
"""Bytes of a file; more has no interface."""

_TOKEN = re.compile(
    r"(?P<skipped>\s+|//[^\n]*|/\*.*?\*/)"
    r"|(?P<word>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)"
    r"""|(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)')"""
    r"|(?P<number>\d\w*(?:\.\w*)?)|(?P<mark>.)",
    re.DOTALL,
)
_TYPES = ("interface", "parcelable", "enum", "union")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


def parse_aidl(text: str) -> dict[str, dict[int, str]]:
    """The methods' names by code, of each interface in the text.

    Raises ValueError, with the line, where it is no AIDL.
    """
    return dict(_Parser(list(_tokens(text))).document())


def read_aidl(*directories: Path) -> dict[str, dict[int, str]]:
    """The interfaces of all `.aidl` files below these directories; a file that cannot be read is reported.

    Raises UsageError for a directory without any: its methods would have no names, and nobody knew why.
    """
    found: dict[str, dict[int, str]] = {}
    for directory in directories:
        files = sorted(directory.rglob("*.aidl"))
        if not files:
            raise UsageError(f"There is no .aidl file below {directory}. Give a directory that has some.")
        for path in files:
            try:
                if path.stat().st_size <= LARGEST:
                    found |= parse_aidl(path.read_text(encoding="utf-8", errors="replace"))
            except (ValueError, OSError) as error:
                report(f"{path} is left out: {error}")
    return found


def _tokens(text: str) -> Iterator[_Token]:
    line = 1
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "mark"
        if kind != "skipped":
            yield _Token(kind, match[0], line)
        line += match[0].count("\n")


class _Parser:
    """Reads declarations one after the other; what is within braces it does not know, it skips."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._place = 0

    def document(self) -> Iterator[tuple[str, dict[int, str]]]:
        """Each interface, with its methods' names by code."""
        package = ""
        while self._more():
            if self._take("package"):
                package = f"{self._word()}."
                self._expect(";")
            elif self._take("import"):
                self._word()
                self._expect(";")
            else:
                yield from self._declaration(package, self._annotations())

    def _declaration(self, scope: str, descriptor: str | None) -> Iterator[tuple[str, dict[int, str]]]:
        self._take("oneway")
        kind = self._word()
        if kind not in _TYPES:
            raise self._unexpected(f"one of {', '.join(_TYPES)}, not {kind!r}", back=1)
        name = f"{scope}{self._word()}"
        if kind == "interface":
            if self._take(";"):  # declared, and defined elsewhere
                return
            self._expect("{")
            yield from self._interface(name, descriptor or name)
            return
        while not self._at("{", ";"):  # type parameters, cpp_header
            self._next()
        if self._take(";"):
            return
        self._expect("{")
        yield from self._body(f"{name}.", kind)

    def _interface(self, name: str, descriptor: str) -> Iterator[tuple[str, dict[int, str]]]:
        methods: dict[int, str] = {}
        position = 0
        while not self._take("}"):
            annotation = self._annotations()
            if self._at("const"):
                self._skip_to(";")
            elif self._at(*_TYPES):
                yield from self._declaration(f"{name}.", annotation)
            else:
                method, number = self._method()
                methods[FIRST_CALL_TRANSACTION + (position if number is None else number)] = method
                position += 1
        if methods:
            yield descriptor, META_METHODS | methods

    def _body(self, scope: str, kind: str) -> Iterator[tuple[str, dict[int, str]]]:
        """What is within a parcelable, an enum or a union: only types within it matter."""
        while not self._take("}"):
            annotation = self._annotations()
            if kind != "enum" and self._at(*_TYPES):
                yield from self._declaration(scope, annotation)
            elif kind == "enum":
                self._skip_to(",", "}")
            else:
                self._skip_to(";")

    def _method(self) -> tuple[str, int | None]:
        """A method's name, and the number after `=` if it has one."""
        name = None
        while not self._at("("):
            token = self._next()
            if token.text in ("{", "}", ";", "="):
                raise self._unexpected("a method", back=1)
            if token.text == "@":
                self._place -= 1
                self._annotations()
            elif token.kind == "word":
                name = token.text
        if name is None:
            raise self._unexpected("a method's name")
        self._parentheses()
        number = None
        if self._take("="):
            text = self._next().text
            try:
                number = int(text, 0)
            except ValueError:
                raise self._unexpected("a method's number", back=1) from None
        self._expect(";")
        return name, number

    def _annotations(self) -> str | None:
        """Skip annotations; the value of @Descriptor, which replaces the interface's name."""
        descriptor = None
        while self._take("@"):
            name = self._word()
            if self._at("("):
                values = [token.text for token in self._parentheses() if token.kind == "text"]
                if name == "Descriptor" and values:
                    descriptor = values[0][1:-1]
        return descriptor

    def _parentheses(self) -> list[_Token]:
        """The tokens up to the parenthesis that closes the next one."""
        start, depth = self._place, 0
        while True:
            token = self._next()
            depth += {"(": 1, ")": -1}.get(token.text, 0)
            if depth == 0:
                return self._tokens[start : self._place]

    def _skip_to(self, *ends: str) -> None:
        """Skip up to one of these outside of all parentheses and braces, and it, unless it is a brace."""
        depth = 0
        while depth or not self._at(*ends):
            token = self._next()
            depth += {"(": 1, "{": 1, "[": 1, ")": -1, "}": -1, "]": -1}.get(token.text, 0)
        if not self._at("}"):
            self._next()

    def _more(self) -> bool:
        return self._place < len(self._tokens)

    def _at(self, *texts: str) -> bool:
        return self._more() and self._tokens[self._place].text in texts

    def _take(self, text: str) -> bool:
        taken = self._at(text)
        self._place += taken
        return taken

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._unexpected(repr(text))

    def _word(self) -> str:
        token = self._next()
        if token.kind != "word":
            raise self._unexpected("a name", back=1)
        return token.text

    def _next(self) -> _Token:
        if not self._more():
            raise self._unexpected("more")
        self._place += 1
        return self._tokens[self._place - 1]

    def _unexpected(self, wanted: str, back: int = 0) -> ValueError:
        place = self._place - back
        if place < len(self._tokens):
            token = self._tokens[place]
            return ValueError(f"line {token.line}: expected {wanted}, found {token.text[:40]!r}")
        return ValueError(f"expected {wanted}, found the end of the file")
