"""The floor of the Python tests: functions named test_* of a module, run in order, reported as TAP.

A test fails by raising (assert, or anything else) and is skipped by raising Skip. A failure prints its traceback as
comments. A module ends with `tap.main(globals())`; a first argument on the command line picks tests by substring.
"""

import os
import pathlib
import sys
import traceback

ROOT = pathlib.Path(__file__).resolve().parent.parent


class Skip(Exception):
    """The reason why a test cannot run here."""


def build_dir():
    """The build whose programs are tested; tools/run_tests.py names it."""
    return pathlib.Path(os.environ.get("TANDEM_BUILD_DIR", ROOT / "build" / "plain"))


def comment(text):
    for line in str(text).splitlines():
        print("# " + line)


def run(tests):
    """Runs (name, function) pairs; returns the exit code."""
    print(f"1..{len(tests)}", flush=True)
    bad = 0
    for i, (name, test) in enumerate(tests, 1):
        try:
            test()
            print(f"ok {i} - {name}")
        except Skip as reason:
            print(f"ok {i} - {name} # SKIP {reason}")
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            bad += 1
            print(f"not ok {i} - {name}")
            comment(traceback.format_exc())
        sys.stdout.flush()
    return 1 if bad else 0


def main(names):
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    sys.exit(run([(name, test) for name, test in names.items()
                  if name.startswith("test_") and callable(test) and wanted in name]))


def must_fail(check, text):
    """A planted breach: `check` returns its findings as texts, and one of them must contain `text`."""
    found = list(check())
    assert any(text in line for line in found), f"the planted breach was not found: {text!r} in {found}"


def must_be_empty(findings):
    found = list(findings)
    assert not found, "\n".join(str(line) for line in found)
