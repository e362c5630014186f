"""Sizes: no function and no file is longer than allowed, exceptions only shrink, and the scanner counts rightly."""

from planted import ROOT, planted
import check_sizes
import tap


def body(lines):
    return "{\n" + "    x();\n" * (lines - 2) + "}\n"


def breach(files, exceptions, text):
    with planted(files) as root:
        tap.must_fail(lambda: check_sizes.check(root, exceptions), text)


def test_the_tree_is_clean():
    tap.must_be_empty(check_sizes.check(ROOT, (ROOT / "tools/sizes.txt").read_text()))


def test_limits_are_exact():
    with planted({"lib/a.c": "int f(void)\n" + body(70), "lib/b.c": "\n" * 1000}) as root:
        tap.must_be_empty(check_sizes.check(root, ""))
    breach({"lib/a.c": "int f(void)\n" + body(71)}, "", "lib/a.c:f has 71 lines")
    breach({"lib/b.c": "\n" * 1001}, "", "lib/b.c has 1001 lines")


def test_ratchet():
    files = {"lib/a.c": "int f(void)\n" + body(80)}
    with planted(files) as root:
        tap.must_be_empty(check_sizes.check(root, "lib/a.c:f 80"))
    breach(files, "lib/a.c:f 79", "has 80 lines, 79 are allowed")
    breach(files, "lib/a.c:f 81", "has shrunk to 80")
    breach({"lib/a.c": "int f(void)\n" + body(10)}, "lib/a.c:f 80", "no longer needs")


def test_scanner():
    text = ('#include <a.h>\n#define M(x) { \\\n    x {\n'
            'extern "C" {\nstruct s { int a; };\nstatic const int t[] = {1, 2};\n'
            'enum { A };\n/* int no(void) { */\nint f(int a,\n      int b)\n{\n    char c = \'{\', *s = "}}\\"{";\n}\n'
            'TDM_API void *g(void (*h)(int)) {\n    if (1) {\n    }\n}\n}\n')
    assert check_sizes.functions(text) == [("f", 3), ("g", 4)], check_sizes.functions(text)


def test_unbalanced_braces_are_told():
    breach({"lib/a.c": "int f(void)\n{\n"}, "", "do not balance")


if __name__ == "__main__":
    tap.main(globals())
