"""Symbols: the shared library exports tdm_ and nothing else, all that the public headers declare; the static one
defines no global outside tdm_."""

import re
import subprocess

from planted import ROOT, planted
import tap
import tree

DECLARED = re.compile(r"TDM_API\b[^;{]*?\b(tdm_\w+)\s*\(", re.S)


def names(library, *options):
    done = subprocess.run(["nm", "--defined-only", "-P", *options, str(library)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return sorted({line.split()[0] for line in done.stdout.splitlines() if len(line.split()) > 2})


def check_shared(exported, declared):
    findings = [f"{name} is exported" for name in exported if not re.match(r"tdm_[a-z]", name)]
    return findings + [f"{name} is declared by a public header, but not exported"
                       for name in sorted(declared) if name not in exported]


def check_static(defined):
    """A sanitizer's own symbols do not count."""
    return [f"the global {name} does not start with tdm_" for name in defined
            if not name.startswith("tdm_") and not re.match(r"_|\.|asan|DW\.", name)]


def declared_in(root):
    found = set()
    for path in tree.files(root):
        if path.startswith("include/") and path.endswith(".h"):
            found |= set(DECLARED.findall(tree.without_directives(tree.blanked(tree.read(root, path)))))
    return found


def test_the_shared_library():
    library = tap.build_dir() / "libtandem.so"
    tap.must_be_empty(check_shared(names(library, "-D"), declared_in(ROOT)))


def test_the_static_library():
    tap.must_be_empty(check_static(names(tap.build_dir() / "libtandem-static.a", "-g")))


def test_breaches():
    tap.must_fail(lambda: check_shared(["tdm_a", "helper"], set()), "helper")
    tap.must_fail(lambda: check_shared(["tdm__a"], set()), "tdm__a")
    tap.must_fail(lambda: check_shared(["tdm_a"], {"tdm_a", "tdm_b"}), "tdm_b")
    tap.must_fail(lambda: check_static(["tdm__x", "counter"]), "counter")


def test_breach_in_a_real_library():
    source = ("int tdm_a(void); int tdm__b(void); int c(void);\nint tdm_a(void) { return 1; }\n"
              "int tdm__b(void) { return 2; }\nint c(void) { return 3; }\nstatic int d(void) { return 4; }\n"
              "int tdm_e(void);\nint tdm_e(void) { return d(); }\n")
    header = "#define TDM_API\nTDM_API int\ntdm_a(void);\nTDM_API const char *tdm_z(int a);\n"
    with planted({"x.c": source, "include/tandem/x.h": header}) as root:
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", "x.so", "x.c"], cwd=root, check=True)
        assert declared_in(root) == {"tdm_a", "tdm_z"}, declared_in(root)
        found = check_shared(names(root / "x.so", "-D"), declared_in(root))
        assert [f.split()[0] for f in found] == ["c", "tdm__b", "tdm_z"], found


if __name__ == "__main__":
    tap.main(globals())
