"""Compiler flags: every C file of the build is C11 without contracted multiply-adds, and nothing loosens arithmetic.
Equal bits on every machine rest on this."""

import json
import shlex

import planted  # noqa: F401  (sets the path)
import tap

NEEDED = ["-std=c11", "-ffp-contract=off"]
FORBIDDEN = ["-ffast-math", "-Ofast", "-funsafe-math-optimizations", "-fassociative-math", "-ffp-contract=fast",
             "-ffp-contract=on", "-march=native", "-mtune=native", "-frounding-math"]


def check(commands):
    findings = []
    for entry in commands:
        words = shlex.split(entry["command"])
        findings += [f"{entry['file']}: {flag} is missing" for flag in NEEDED if flag not in words]
        findings += [f"{entry['file']}: {flag} is forbidden" for flag in FORBIDDEN if flag in words]
    return findings


def test_the_build_is_clean():
    commands = json.loads((tap.build_dir() / "compile_commands.json").read_text())
    assert any("/lib/" in entry["file"] for entry in commands), "no file of lib/ is built"
    tap.must_be_empty(check(commands))


def test_breaches():
    entry = lambda flags: [{"file": "a.c", "command": "cc " + flags + " -c a.c"}]
    tap.must_be_empty(check(entry("-std=c11 -ffp-contract=off -mavx2")))
    tap.must_fail(lambda: check(entry("-std=c11")), "-ffp-contract=off is missing")
    tap.must_fail(lambda: check(entry("-std=gnu11 -ffp-contract=off")), "-std=c11 is missing")
    tap.must_fail(lambda: check(entry("-std=c11 -ffp-contract=off -ffast-math")), "forbidden")


if __name__ == "__main__":
    tap.main(globals())
