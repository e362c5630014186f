#!/usr/bin/env python3
"""Peak memory of a run must not depend on the population: N rows and 10 N rows, the same peak within 10%.

    memory.py [--small] [--rows N] [--build DIR] [--results FILE]

For a population in a file, and for one in a source table with features joined from two; each from a home of its own.
How far threads run ahead of each other differs a little from run to run, so the fewer rows are scored ten times and the
highest peak counts: as many pieces for both.
The peak is that of the process (VmHWM): all pages resident at once, those of mapped files included. A run tells its
own; of other commands it is looked up while they run, for what the system tells of a child that has ended includes
what Python had when it made it.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

import flights_input
import measure
from measure import Failed

ROWS, SMALL_ROWS, TIMES, WITHIN = 400000, 15000, 10, 0.10
SMALL_GROWTH = 8 << 20      # few rows do not yet fill the windows that files are read through; the data grows by 33 MB


def watched(words):
    """The peak of a command, looked up until it ends."""
    peak, child = 0, subprocess.Popen([str(w) for w in words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while child.poll() is None:
        for line in pathlib.Path(f"/proc/{child.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                peak = max(peak, int(line.split()[1]) * 1024)
        time.sleep(0.002)
    if child.returncode:
        raise Failed(child.stderr.read().decode())
    return peak


def peaks(a, folder, rows, runs, schedule, columns):
    """{what was done: its peak in bytes} over `rows` rows; the highest of `runs` runs."""
    program, home = a.build / "app/tandem", folder / "home"
    tandem, found = measure.home_runner(program, home), {}
    flights_input.write_flat(folder / "flat.csv", rows, schedule)
    flights_input.write_schedule(folder / "schedule.csv", rows, schedule, columns)
    flights_input.flat_release(folder / "flat")
    tandem("source", "add", flights_input.EXAMPLE / "sources.yaml")
    found["load"] = watched([program, "--home", home, "load", "schedule", folder / "schedule.csv"])
    tandem("load", "planes", flights_input.EXAMPLE / "data/planes.csv")
    tandem("release", "pack", folder / "flat")
    tandem("release", "pack", flights_input.EXAMPLE)
    for what, release, more in (("run over a file", "flight-delay-flat", ["--population", folder / "flat.csv"]),
                                ("run over a source", "flight-delay", [])):
        outs = [tandem("--json", "run", release, "--as-of", flights_input.as_of(n), *more)[0] for n in range(runs)]
        found[what] = max(json.loads(out)["peak_memory_bytes"] for out in outs)
    found["promote"] = watched([program, "--home", home, "promote", "flight-delay"])
    return found


def work(a):
    page = measure.Page("Peak memory")
    rows = a.rows or (SMALL_ROWS if a.small else ROWS)
    schedule, columns = flights_input.flights()
    found = []
    for times in (1, TIMES):
        with tempfile.TemporaryDirectory(prefix="tandem-memory-") as folder:
            found.append(peaks(a, pathlib.Path(folder), times * rows, TIMES // times, schedule, columns))
    small, large = found
    page.table(["peak, MB", f"{rows:,} rows", f"{TIMES * rows:,} rows", "ratio"],
               [(what, f"{small[what] / 1e6:.1f}", f"{large[what] / 1e6:.1f}", f"{large[what] / small[what]:.3f}")
                for what in small])
    if a.results:
        page.write(a.results)
    grown = [what for what in small
             if large[what] - small[what] > (SMALL_GROWTH if a.small else WITHIN * small[what])]
    if grown:
        raise Failed(f"memory grows with the rows: {', '.join(grown)}")


def main():
    a = measure.arguments(__doc__.splitlines()[0],
                          [("--rows", {"type": int, "help": f"the smaller number ({ROWS:,})"})])
    return measure.bench("peak memory", lambda: work(a))


if __name__ == "__main__":
    sys.exit(main())
