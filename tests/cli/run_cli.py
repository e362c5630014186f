#!/usr/bin/env python3
"""Runs the program as a user does and compares what it says with what lies beside the script.

A test is tests/cli/NAME.sh; NAME.out, NAME.err and NAME.exit hold the expected stdout, stderr and exit code (a missing
file means empty, or 0). The script runs under bash in a fresh empty folder, with `tandem` first in PATH, no
TANDEM_HOME, UTC, the C locale, and in its environment
    ROOT   the source tree       DATA   tests/cli/data, for files that several tests read.
What differs from run to run is replaced before comparing; VOLATILE below is the whole list.

    run_cli.py [PATTERN]             runs (TAP)
    run_cli.py --record [PATTERN]    writes what the program says now; read the difference before you commit it
"""

import difflib
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
import tap

TIMEOUT_S = 120
# (what, by what). Release ids are not here: the same input gives the same id on any machine.
VOLATILE = [
    (re.compile(r"\b20[2-9]\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"), "<now>"),   # test data is older
    (re.compile(r"\b\d+(\.\d+)? (ns|us|µs|ms|s|min)\b"), "<duration>"),
    (re.compile(r"\b\d[\d,.]*[kM]? (rows|events|records)/s"), r"<rate> \1/s"),
    (re.compile(r'("(?:\w+_)?(?:ns|us|ms|seconds)":)\d+(\.\d+)?(e-?\d+)?'), r"\1<duration>"),
    (re.compile(r'("id":)"[0-9a-f-]{16,36}"'), r'\1"<id>"'),
    (re.compile(r"\b(pid|process) \d+"), r"\1 <pid>"),
]


def normalised(text, folder):
    for path, name in ((str(folder), "<dir>"), (str(ROOT), "<root>")):
        text = text.replace(os.path.realpath(path), name).replace(path, name)
    for pattern, by in VOLATILE:
        text = pattern.sub(by, text)
    return text


def execute(script):
    """{"out": text, "err": text, "exit": text} of one script, normalised."""
    with tempfile.TemporaryDirectory(prefix="tandem-cli-") as folder:
        env = dict(os.environ, PATH=f"{tap.build_dir() / 'app'}:{os.environ['PATH']}", HOME=folder, TZ="UTC",
                   LC_ALL="C", ROOT=str(ROOT), DATA=str(ROOT / "tests/cli/data"))
        env.pop("TANDEM_HOME", None)
        child = subprocess.Popen(["bash", str(script)], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        try:
            out, err = child.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            return {"out": "", "err": f"killed after {TIMEOUT_S} seconds\n", "exit": "timeout\n"}
        return {"out": normalised(out.decode("utf-8", "backslashreplace"), folder),
                "err": normalised(err.decode("utf-8", "backslashreplace"), folder), "exit": f"{child.returncode}\n"}


def expected(script, part):
    file = script.with_suffix("." + part)
    return file.read_text(encoding="utf-8") if file.exists() else "0\n" if part == "exit" else ""


def compare(script):
    """The difference as text, empty when there is none."""
    found = execute(script)
    lines = []
    for part in ("exit", "err", "out"):
        wanted = expected(script, part)
        if found[part] != wanted:
            lines += difflib.unified_diff(wanted.splitlines(True), found[part].splitlines(True),
                                          f"{script.stem}.{part} expected", f"{script.stem}.{part} found", n=2)
    return "".join(line if line.endswith("\n") else line + "\n" for line in lines)


def record(script):
    for part, text in execute(script).items():
        file = script.with_suffix("." + part)
        if text == ("0\n" if part == "exit" else ""):
            file.unlink(missing_ok=True)
        elif not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            print(f"recorded {file.name}")


def scripts(folder, pattern):
    return [s for s in sorted(folder.glob("*.sh")) if re.search(pattern, s.stem)]


def case(script):
    def check():
        difference = compare(script)
        assert not difference, "\n" + difference
    return script.stem, check


def nothing_to_run():
    raise AssertionError("no script of that name")


def main(argv, folder=ROOT / "tests/cli"):
    recording = "--record" in argv
    chosen = scripts(folder, next((a for a in argv if not a.startswith("-")), ""))
    if not recording:
        return tap.run([case(s) for s in chosen] or [("there is a test to run", nothing_to_run)])
    for script in chosen:
        record(script)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
