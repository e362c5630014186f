#!/usr/bin/env python3
"""Generated files are what their generators print: nobody edits them by hand, and no generator changes alone."""

import importlib.util
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
import tap    # noqa: E402

# (generator, what it prints, the Python module that it needs and the build does not)
GENERATED = [
    ("tools/gen_powers_of_ten.py", "lib/base/powers_of_ten.c", None),
    ("tools/gen_exact_tables.py", "lib/base/exact_tables.c", "mpmath"),
]
ELSEWHERE = {"tools/gen_errors.py", "tools/gen_metrics.py"}    # pages of the reference: test_docs.py


def differences(generator, text):
    """Lines that differ between the generator's output and the text, a few of them."""
    made = subprocess.run([sys.executable, str(ROOT / generator)], check=True, capture_output=True, text=True).stdout
    ours, theirs = text.splitlines(), made.splitlines()
    if len(ours) != len(theirs):
        yield f"{generator} prints {len(theirs)} lines, the file has {len(ours)}"
    for number, (a, b) in enumerate(zip(ours, theirs), 1):
        if a != b:
            yield f"line {number}: the file has {a!r}, the generator prints {b!r}"
            return


def checked(generator, path, module):
    if module and importlib.util.find_spec(module) is None:
        raise tap.Skip(f"{module} is not installed")
    tap.must_be_empty(differences(generator, (ROOT / path).read_text()))


def test_powers_of_ten():
    checked(*GENERATED[0])


def test_exact_tables():
    checked(*GENERATED[1])


def test_every_generator_is_checked():
    there = {f"tools/{path.name}" for path in (ROOT / "tools").glob("gen_*.py")}
    unknown = there - ELSEWHERE - {generator for generator, *_ in GENERATED}
    tap.must_be_empty(f"{name} is not in GENERATED" for name in unknown)


def test_a_changed_digit_is_found():
    generator, path, _ = GENERATED[0]
    text = (ROOT / path).read_text()
    changed = text.replace("0xa000000000000000", "0xa000000000000001", 1)
    tap.must_fail(lambda: differences(generator, changed), "line")
    tap.must_fail(lambda: differences(generator, text + "\n"), "lines")


if __name__ == "__main__":
    tap.main(globals())
