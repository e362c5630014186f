"""Every header compiles alone, twice in one file: public ones as C11 and as C++17, the others as C11."""

import concurrent.futures
import os
import shutil
import subprocess

from planted import ROOT, planted
import tap
import tree

WARNINGS = ["-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
AS_C = ["gcc", "-x", "c", "-std=c11", "-Wstrict-prototypes"] + WARNINGS
AS_CPP = ["g++", "-x", "c++", "-std=c++17"] + WARNINGS


def compile_alone(root, path, compiler):
    """Findings. The header is named as its users name it."""
    spelled = path.split("/", 1)[1]
    argv = compiler + [f"-I{root}/include", f"-I{root}/lib", "-"]
    done = subprocess.run(argv, input=f'#include "{spelled}"\n#include "{spelled}"\n', text=True, capture_output=True)
    return [] if done.returncode == 0 else [f"{path} as {compiler[2]}: {done.stderr[:2000]}"]


def check(root):
    jobs = []
    for path in tree.files(root):
        if path.startswith("include/") and path.endswith(".h"):
            jobs += [(path, AS_C), (path, AS_CPP)]
        elif path.startswith("lib/") and path.endswith(".h"):
            jobs.append((path, AS_C))
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        results = pool.map(lambda job: compile_alone(root, *job), jobs)
        return [finding for result in results for finding in result]


def need_compilers():
    for compiler in ("gcc", "g++"):
        assert shutil.which(compiler), f"{compiler} is missing"


def test_the_tree_is_clean():
    need_compilers()
    tap.must_be_empty(check(ROOT))


def test_breaches():
    need_compilers()
    for path, text, found in [
            ("include/tandem/a.h", "size_t f(void);\n", "include/tandem/a.h as c"),
            ("include/tandem/a.h", "#ifndef A\n#define A\nint f(int class);\n#endif\n", "include/tandem/a.h as c++"),
            ("include/tandem/a.h", "struct s { int a; };\n", "redefinition"),
            ("lib/base/a.h", "#ifndef A\n#define A\nuint8_t f(void);\n#endif\n", "lib/base/a.h as c")]:
        with planted({path: text}) as root:
            tap.must_fail(lambda: check(root), found)


if __name__ == "__main__":
    tap.main(globals())
