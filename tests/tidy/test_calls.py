"""Banned calls: none in the tree, and the checker sees each kind."""

from planted import ROOT, planted
import check_calls
import tap


def breach(path, line, text):
    with planted({path: f"void f(void)\n{{\n    {line}\n}}\n"}) as root:
        tap.must_fail(lambda: check_calls.check(root), text)


def test_the_tree_is_clean():
    tap.must_be_empty(check_calls.check(ROOT))


def test_breaches():
    breach("lib/log/a.c", "p = malloc(3);", "lib/log/a.c:3: malloc")
    breach("lib/base/a.c", "free (p);", "free")
    breach("app/a.c", "strcpy(a, b);", "strcpy")
    breach("lib/base/a.c", "x = (int)atoi(s);", "atoi")
    breach("lib/base/a.c", "if (!strtod(s, &e)) return;", "locale")
    breach("lib/base/a.c", "printf(\"x\");", "never prints")
    breach("lib/engine/a.c", "abort();", "never ends")
    breach("lib/model/a.c", "y = -exp(x);", "exact.h")
    breach("app/a.c", "system(s);", "shell")


def test_what_is_allowed():
    files = {"lib/base/memory.c": "void *p = malloc(3);\n",
             "app/main.c": "int main(void)\n{\n    printf(\"x\");\n    exit(1);\n}\n",
             "lib/log/a.c": "/* malloc(3) */ int a = x->free(3) + y.free(4) + tdm__free(p) + my_malloc(1);\n"
                            "const char *s = \"free(x)\";\n#define F(x) free(x)\n"}
    with planted(files) as root:
        tap.must_be_empty(check_calls.check(root))


if __name__ == "__main__":
    tap.main(globals())
