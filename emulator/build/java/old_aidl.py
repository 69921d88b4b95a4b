"""AIDL of later releases, rewritten for Debian's aidl, which is that of Android 10.

What is lost makes no difference to a parcel: annotations for compilers and checkers, what a parcelable is a
parcelable of, headers for other languages, and names in constants, whose values take their place. A method
with a map of given types, which is written in a way that aidl of Android 10 does not know, keeps its code,
and loses its parameters: nothing that would call it compiles.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_ANNOTATION = re.compile(r"@(\w+)(\s*\((?:[^()\"]|\"[^\"]*\"|\((?:[^()]|\([^()]*\))*\))*\))?")
_KNOWN = {"nullable", "utf8InCpp"}
"""The annotations that aidl of Android 10 takes and that matter to its Java."""
_HEADER = re.compile(r'\s(?:cpp_header|ndk_header|rust_type)\s+"[^"]*"')
_METHOD_WITH_MAP = re.compile(r"(?<=[;{])(\s*(?:oneway\s)?)[^;{}]*\bMap\s*<[^;{}]*;")
_METHOD_NAME = re.compile(r"(\w+)\s*\(")
_INNER_LIST = re.compile(r"\bList\s*<[^<>;{}]*>(?=\s*>)")
_GENERIC = re.compile(r"\b(?!List\b|Map\b)([\w.]*[A-Z]\w*)\s*<[^<>;{}]*>")
_INNER_CLASS = re.compile(r"^\s*import\s+([\w.]+\.[A-Z]\w*\.([A-Z]\w*))\s*;", re.MULTILINE)
_CONSTANT = re.compile(r"(\bconst\s+(?:int|byte|long)\s+(\w+)\s*=\s*)([^;]+);")
_ENUM = re.compile(
    r"\bpackage\s+([\w.]+)\s*;\s*(?:import\s+[\w.]+\s*;\s*)*enum\s+(\w+)\s*\{([^}]*)\}", re.DOTALL
)
_OPERATIONS: Mapping[type, Callable[[int, int], int]] = {
    ast.LShift: operator.lshift,
    ast.BitOr: operator.or_,
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}


def for_old_aidl(text: str) -> str:
    """The same declarations as aidl of Android 10 parses them; what it cannot express stays as it is."""
    text = _COMMENT.sub("", text)
    text = _ANNOTATION.sub(lambda found: found[0] if found[1] in _KNOWN else "", text)
    text = _HEADER.sub("", text)
    text = _METHOD_WITH_MAP.sub(_without_parameters, text)
    text = _GENERIC.sub(r"\1", _INNER_LIST.sub("List", text))
    for full, short in _INNER_CLASS.findall(text):
        text = re.sub(rf"List\s*<\s*{short}\s*>", f"List<{full}>", text)
    values: dict[str, int] = {}

    def constant(found: re.Match[str]) -> str:
        try:
            values[found[2]] = _value(ast.parse(f"({found[3]})", mode="eval").body, values)
        except (SyntaxError, LookupError, ValueError):
            return found[0]
        return f"{found[1]}{values[found[2]]};"

    return _CONSTANT.sub(constant, text)


def enum_in_java(text: str) -> tuple[str, str] | None:
    """The package and the Java of an enumeration of integers, as later aidl writes it; None where none is.

    `text` is rewritten AIDL. The constants of an annotation have the values: those given, or one more than
    the constant before (system/tools/aidl, generate_java.cpp).
    """
    found = _ENUM.search(text)
    if found is None:
        return None
    package, name, members = found.groups()
    values: dict[str, int] = {}
    following = 0
    for member in filter(None, map(str.strip, members.split(","))):
        constant, _, given = map(str.strip, member.partition("="))
        value = _value(ast.parse(given, mode="eval").body, values) if given else following
        values[constant] = value
        following = value + 1
    body = "".join(
        f"    public static final int {constant} = {value};\n" for constant, value in values.items()
    )
    return package, f"package {package};\n\npublic @interface {name} {{\n{body}}}\n"


def _without_parameters(found: re.Match[str]) -> str:
    name = _METHOD_NAME.search(found[0])
    return found[0] if name is None else f"{found[1]}void {name[1]}();"


def _value(expression: ast.expr, names: Mapping[str, int]) -> int:
    """The value of an expression of integers; LookupError or ValueError for one of anything else."""
    match expression:
        case ast.Constant(value=int(value)):
            return value
        case ast.Name(id=name):
            return names[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, names)
        case ast.BinOp(left=left, op=operation, right=right):
            return _OPERATIONS[type(operation)](_value(left, names), _value(right, names))
    raise ValueError(expression)
