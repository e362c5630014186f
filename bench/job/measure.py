"""What the job benches share: running and timing a process, medians, and a page of results that names its machine."""

import argparse
import datetime
import os
import pathlib
import shlex
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("TANDEM_BUILD_DIR", ROOT / "build/plain")).resolve()
PEERS = ROOT / "build/venv/bin/python"         # bench/peers.sh makes it

median = statistics.median


class Failed(Exception):
    """A process that should have succeeded did not, or results differ."""


def arguments(text, more=()):
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("--small", action="store_true", help="seconds: enough to see that all works")
    parser.add_argument("--build", type=pathlib.Path, default=BUILD, help="the build folder (build/plain)")
    parser.add_argument("--results", type=pathlib.Path, help="write the page of results there")
    for name, settings in more:
        parser.add_argument(name, **settings)
    return parser.parse_args()


def run(words, stdout=subprocess.PIPE):
    """Runs to the end: (standard output, seconds on the clock, seconds of CPU, peak resident bytes)."""
    words = [str(w) for w in words]
    with tempfile.TemporaryFile("w+") as errors:
        start = time.perf_counter()
        child = subprocess.Popen(words, stdout=stdout, stderr=errors, text=True)
        out = child.stdout.read() if stdout == subprocess.PIPE else ""
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            errors.seek(0)
            raise Failed(f"{shlex.join(words)} ended with {child.returncode}\n{errors.read()}")
    return out.strip(), seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def home_runner(program, home):
    """tandem(words...) on one home, as `run`."""
    return lambda *words: run([program, "--home", home, *words])


def load_average():
    return " ".join(f"{x:.1f}" for x in os.getloadavg())


def commit():
    done = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def machine():
    """Lines of a page's head."""
    def field(path, name):
        lines = pathlib.Path(path).read_text().splitlines() if os.path.exists(path) else []
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "unknown")
    memory = int(field("/proc/meminfo", "MemTotal").split()[0]) / 2**20
    return [f"- machine: {field('/proc/cpuinfo', 'model name')}, {len(os.sched_getaffinity(0))} cores, "
            f"{memory:.0f} GiB, Linux {os.uname().release}",
            f"- date: {datetime.date.today()}; commit {commit()}; load at the start {load_average()}",
            f"- command: `{shlex.join(['python3', *map(shown, sys.argv)])}`"]


def shown(word):
    """A path without the folders of this machine."""
    try:
        return str(pathlib.Path(word).resolve().relative_to(ROOT)) if os.sep in word else word
    except ValueError:
        return os.path.basename(word)


class Page:
    """Prints as TAP comments, and keeps what it prints for the page of results."""

    def __init__(self, title):
        self.lines = [f"# {title}", "", *machine(), ""]

    def say(self, line=""):
        for part in [line] if line.startswith("|") else textwrap.wrap(line, 117) or [""]:
            print(f"# {part}".rstrip(), flush=True)
            self.lines.append(part)

    def table(self, header, rows):
        self.say()
        self.say("| " + " | ".join(header) + " |")
        self.say("|" + "---|" * len(header))
        for row in rows:
            self.say("| " + " | ".join(str(cell) for cell in row) + " |")
        self.say()

    def write(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(self.lines).rstrip() + "\n", encoding="utf-8")


def bench(name, work):
    """Runs `work`, and tells its end as one TAP point; returns the exit code."""
    try:
        work()
        print(f"1..1\nok 1 - {name}")
        return 0
    except Failed as failed:
        print("".join(f"# {line}\n" for line in str(failed).splitlines()), end="")
        print(f"1..1\nnot ok 1 - {name}")
        return 1
