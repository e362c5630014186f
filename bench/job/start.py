#!/usr/bin/env python3
"""From the start of a process to its answer: `tandem predict` on the flights example against `python3 -c pass`.

    start.py [--small] [--runs N] [--build DIR] [--results FILE]

The contenders run in turn, so that what disturbs the machine disturbs all; medians count. Ours opens a home with
both sources loaded, a release and a current table, checks every digest on its way, and computes the answer afresh.
It must be under Python's time. Which Python: the system's, else the one that runs this.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

import flights_input
import measure
from measure import Failed, median

RUNS, SMALL_RUNS = 60, 11
DAY, RELEASE, KEY = "2013-06-14", "flight-delay", "20130614-US1431-EWR"


def prepare(tandem):
    tandem("source", "add", flights_input.EXAMPLE / "sources.yaml")
    tandem("load", "schedule", flights_input.EXAMPLE / "data/schedule.csv.gz")
    tandem("load", "planes", flights_input.EXAMPLE / "data/planes.csv")
    tandem("release", "pack", flights_input.EXAMPLE)
    tandem("run", RELEASE, "--population", flights_input.EXAMPLE / f"data/population/{DAY}.csv", "--as-of",
           flights_input.AS_OF, "--promote")


def once(words, out):
    """Milliseconds on the clock, and of CPU."""
    start = time.perf_counter()
    pid = os.posix_spawn(words[0], words, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, out.fileno(), 1)])
    _, status, used = os.wait4(pid, 0)
    spent = time.perf_counter() - start
    if status:
        raise Failed(f"{words[0]} ended with {os.waitstatus_to_exitcode(status)}")
    return 1e3 * spent, 1e3 * (used.ru_utime + used.ru_stime)


def in_turn(contenders, runs):
    """{name: ([ms on the clock], [ms of CPU])}; the first round only warms."""
    spent = {name: ([], []) for name in contenders}
    with open(os.devnull, "w", encoding="utf-8") as out:
        for turn in range(runs + 1):
            for name, words in contenders.items():
                clock, cpu = once(words, out)
                if turn:
                    spent[name][0].append(clock)
                    spent[name][1].append(cpu)
    return spent


NOTES = {"home": "the home's FORMAT file",
         "log": "the log replayed: sources, versions, releases",
         "release": "files read and compared with their SHA-256, manifest, expressions, lookups, model",
         "files": "of which: reading them",
         "digests": "of which: SHA-256 of all files",
         "model": "of which: main.txt, 0.9 MB of text, to 250 checked trees",
         "engine": "both stores opened, their digests compared with the log's",
         "answer": "features, model, JSON"}


def split(a, home, runs):
    steps = {}
    for _ in range(runs):
        out = measure.run([a.build / "bench/start_split", home, RELEASE, "flight", KEY])[0]
        for line in out.splitlines():
            name, microseconds = line.split()
            steps.setdefault(name, []).append(float(microseconds))
    return [(name, f"{median(steps[name]) / 1e3:.2f}", NOTES[name]) for name in NOTES]


def work(a):
    page = measure.Page("Start-up")
    runs = a.runs or (SMALL_RUNS if a.small else RUNS)
    python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
    program = str(a.build / "app/tandem")
    with tempfile.TemporaryDirectory(prefix="tandem-start-") as folder:
        home = str(pathlib.Path(folder) / "home")
        prepare(measure.home_runner(program, home))
        spent = in_turn({"tandem predict": [program, "--home", home, "predict", RELEASE, "--key", f"flight={KEY}",
                                            "--as-of", flights_input.AS_OF],
                         "python3 -c pass": [python, "-c", "pass"],
                         "tandem version": [program, "version"]}, runs)
        steps = split(a, home, runs)
    page.say(f"- {runs} runs of each in turn; " + subprocess.run([python, "--version"], capture_output=True,
                                                                 text=True).stdout.strip())
    page.table(["process", "ms, median", "ms, best", "CPU ms, median"],
               [(name, f"{median(clock):.2f}", f"{min(clock):.2f}", f"{median(cpu):.2f}")
                for name, (clock, cpu) in spent.items()])
    ours, theirs = median(spent["tandem predict"][0]), median(spent["python3 -c pass"][0])
    page.say(f"Ratio, tandem predict / python3 -c pass: {ours / theirs:.2f}.")
    page.say("`tandem version` does nothing: it is what starting the program and linking its libraries costs.")
    page.table(["step", "ms", "what"], steps)
    if a.results:
        page.write(a.results)
    if a.small:      # beside other tests the clock tells of them; CPU time does less
        ours, theirs = median(spent["tandem predict"][1]), median(spent["python3 -c pass"][1])
    if ours >= theirs:
        raise Failed(f"tandem predict took {ours:.2f} ms, python3 -c pass {theirs:.2f} ms")


def main():
    a = measure.arguments(__doc__.splitlines()[0], [("--runs", {"type": int, "help": f"runs of each ({RUNS})"})])
    return measure.bench("start-up", lambda: work(a))


if __name__ == "__main__":
    sys.exit(main())
