"""AIDL of later releases, for an aidl of Android 10: what is rewritten, and what Java an enumeration gets."""

from __future__ import annotations

import pytest

from emulator.build.java.old_aidl import enum_in_java, for_old_aidl


def rewritten(text: str) -> str:
    """Without differences in white space."""
    return " ".join(for_old_aidl(text).split())


@pytest.mark.parametrize(
    ("later", "old"),
    [
        ('@EnforcePermission("A(B)") void a();', "void a();"),
        ('@UnsupportedAppUsage(maxTargetSdk = 30, publicAlternatives = "{@link x()}") int b();', "int b();"),
        ("@nullable String c(@utf8InCpp String name);", "@nullable String c(@utf8InCpp String name);"),
        ("void d(in ParceledListSlice<Intent> slice);", "void d(in ParceledListSlice slice);"),
        ("void e(in AndroidFuture<List<String>> future);", "void e(in AndroidFuture future);"),
        ("List<String> f();", "List<String> f();"),
        ('parcelable G cpp_header "g.h" rust_type "g";', "parcelable G;"),
        ("void h(); // not h", "void h();"),
    ],
)
def test_what_makes_no_difference_to_a_parcel_is_left_out(later: str, old: str) -> None:
    assert rewritten(later) == old


def test_constants_have_the_values_of_their_expressions() -> None:
    text = """
        const int FIRST = 1 << 3;
        const int BOTH = FIRST |
            0x1;
        const int NEGATIVE = -1;
        const String NAME = "x";
    """
    assert rewritten(text) == (
        'const int FIRST = 8; const int BOTH = 9; const int NEGATIVE = -1; const String NAME = "x";'
    )


def test_a_method_with_a_map_of_types_keeps_its_place_and_no_parameters() -> None:
    text = "interface I { void a(); oneway void b(in Map<String, List<X>> map, int c); void d(in Map e); }"
    assert rewritten(text) == "interface I { void a(); oneway void b(); void d(in Map e); }"


def test_an_inner_class_in_a_list_has_its_full_name() -> None:
    text = "import a.b.Outer.Inner; interface I { void c(in List<Inner> list, in Inner one); }"
    assert rewritten(text) == (
        "import a.b.Outer.Inner; interface I { void c(in List<a.b.Outer.Inner> list, in Inner one); }"
    )


def test_an_expression_of_what_is_elsewhere_stays() -> None:
    assert rewritten("const int A = Other.B | 1;") == "const int A = Other.B | 1;"


def test_an_enumeration_is_an_annotation_with_constants() -> None:
    text = 'package a.b; @Backing(type="int") enum State { UNKNOWN = -1, FIRST, SECOND, LAST = 8 }'

    assert enum_in_java(for_old_aidl(text)) == (
        "a.b",
        "package a.b;\n\npublic @interface State {\n"
        "    public static final int UNKNOWN = -1;\n"
        "    public static final int FIRST = 0;\n"
        "    public static final int SECOND = 1;\n"
        "    public static final int LAST = 8;\n"
        "}\n",
    )


def test_an_enumeration_in_an_interface_is_none_of_its_own() -> None:
    assert enum_in_java("package a.b; interface I { enum State { A } void a(); }") is None
