"""Meson's lists are complete: every source of lib/ and app/ is built, every test, fuzz target and bench is a program,
and each fuzz target has a corpus, each corpus a target."""

import json
import os
import re
import subprocess

from planted import ROOT, planted
import tap
import tree

LISTED = re.compile(r"(lib|app)/.*\.c|tests/unit/.*/test_\w+\.c|tests/crash/test_\w+\.c|tests/fuzz/fuzz_\w+\.c|"
                    r"bench/.*\.c")


def check_sources(files, built):
    return [f"{path} is in no list of Meson" for path in files if LISTED.fullmatch(path) and path not in built]


def check_corpora(root):
    files = tree.files(root)
    targets = {path.split("/")[-1][:-2] for path in files if re.fullmatch(r"tests/fuzz/fuzz_\w+\.c", path)}
    corpora = {path.split("/")[3] for path in files if path.startswith("tests/fuzz/corpus/") and path.count("/") > 3}
    return [f"{name} has no corpus" for name in sorted(targets - corpora)] + \
           [f"tests/fuzz/corpus/{name} has no target" for name in sorted(corpora - targets)]


def test_the_lists_are_complete():
    done = subprocess.run(["meson", "introspect", str(tap.build_dir()), "--targets"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    built = {os.path.relpath(source, ROOT) for target in json.loads(done.stdout)
             for group in target["target_sources"] for source in group.get("sources", [])}
    tap.must_be_empty(check_sources(tree.files(ROOT), built))


def test_corpora():
    tap.must_be_empty(check_corpora(ROOT))


def test_breaches():
    for path in ("lib/a/b.c", "app/c.c", "tests/unit/base/test_x.c", "tests/fuzz/fuzz_x.c", "bench/micro/x.c"):
        tap.must_fail(lambda: check_sources([path], {"lib/a/other.c"}), path)
    tap.must_be_empty(check_sources(["lib/a/b.c", "tests/support.c", "tests/fuzz/replay.c"], {"lib/a/b.c"}))
    with planted({"tests/fuzz/fuzz_a.c": "", "tests/fuzz/corpus/fuzz_b/1": "x"}) as root:
        tap.must_fail(lambda: check_corpora(root), "fuzz_a has no corpus")
        tap.must_fail(lambda: check_corpora(root), "fuzz_b has no target")


if __name__ == "__main__":
    tap.main(globals())
