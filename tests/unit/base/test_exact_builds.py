#!/usr/bin/env python3
"""Exact math gives the same bits however it is compiled: gcc and clang, without and with optimisation, with and without
the instructions of this machine. Each build prints a hash of some millions of results, and all hashes are equal.

That the check can find a difference is shown by a build that may contract a * b + c to one operation.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests"))
import tap    # noqa: E402

SOURCES = ["lib/base/exact.c", "lib/base/exact_angle.c", "lib/base/exact_tables.c"]
OPTIONS = [["-O0"], ["-O2"], ["-O3", "-march=native"], ["-Os", "-mno-avx"], ["-O2", "-fno-inline"]]
DRIVER = r"""
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/exact.h"

enum { COUNT = 100000 };

static uint64_t hash, state = 1;

static uint64_t draw(void)
{
    uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void add(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    hash = (hash ^ bits) * UINT64_C(0x9e3779b97f4a7c15) + (hash >> 29);
}

static void run(double (*f)(double), double low, double high)
{
    for (int i = 0; i < COUNT; i++) {
        double unit = (double)(draw() >> 11) * 0x1p-53, any;
        uint64_t bits = draw();
        memcpy(&any, &bits, sizeof any);
        add(f(low + unit * (high - low)));
        add(f(1 + (unit - 0.5) * 0x1p-8));
        add(f(any));
    }
}

int main(void)
{
    run(tdm__exp, -20, 20);
    run(tdm__exp, -750, 712);
    run(tdm__log, 0, 4);
    run(tdm__log1p, -1, 3);
    run(tdm__sin, -7, 7);
    run(tdm__sin, -1048576, 1048576);
    run(tdm__cos, -7, 7);
    run(tdm__asin, -1, 1);
    run(tdm__sqrt, 0, 100);
    run(tdm__floor, -100, 100);
    printf("%016" PRIx64 "\n", hash);
    return 0;
}
"""


def compilers():
    found = [shutil.which("gcc"), shutil.which("clang") or shutil.which("clang-14")]
    return [c for c in found if c]


def build_and_run(compiler, options):
    with tempfile.TemporaryDirectory() as folder:
        driver = pathlib.Path(folder, "driver.c")
        driver.write_text(DRIVER)
        program = pathlib.Path(folder, "driver")
        command = [compiler, "-std=c11", "-ffp-contract=off", *options, f"-I{ROOT}/include", f"-I{ROOT}/lib"]
        sources = [str(driver), *(str(ROOT / source) for source in SOURCES)]
        subprocess.run(command + sources + ["-lm", "-o", str(program)], check=True)
        return subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout.strip()


def test_all_builds_agree():
    assert compilers(), "there is no compiler"
    hashes = {}
    for compiler in compilers():
        for options in OPTIONS:
            name = pathlib.Path(compiler).name + " " + " ".join(options)
            hashes[name] = build_and_run(compiler, options)
            tap.comment(f"{hashes[name]} {name}")
    assert len(set(hashes.values())) == 1, hashes


def test_both_compilers_are_here():
    if len(compilers()) < 2:
        raise tap.Skip("only one compiler is installed")


def test_contraction_is_found():
    """The planted breach: with fused operations the bits must differ, or the arguments prove nothing."""
    if "fma" not in pathlib.Path("/proc/cpuinfo").read_text().split():
        raise tap.Skip("this machine has no fused operations")
    fused = build_and_run(compilers()[0], ["-O2", "-mfma", "-ffp-contract=fast"])
    assert fused != build_and_run(compilers()[0], ["-O2"])


if __name__ == "__main__":
    tap.main(globals())
