#!/usr/bin/env python3
"""The whole nightly job against the same job in Python: CSV in, to a table published and verified.

    job.py [--small] [--rows N] [--rounds N] [--build DIR] [--python PYTHON] [--results FILE]

Both read one CSV with every raw column, compute the same 26 features, score with examples/flights/main.txt on all
cores and end with keys and probabilities in a file; ours also indexes, syncs, reads back and checks it, and publishes.
The rounds go over all contenders in turn. All answers are compared: ours with LightGBM's, and those of the variant
that joins source tables with ours. Without the Python packages (bench/peers.sh) only ours run, and what is
compared are LightGBM's answers that the example ships.
"""

import csv
import gzip
import json
import pathlib
import shutil
import struct
import sys
import tempfile

import flights_input
import measure
from measure import Failed, median

SMALL_ROWS, COPIES = 20000, 30
ULPS_MAX = 2          # LightGBM's exp is the C library's; the margins below it are equal to the bit
SPLIT_ROWS = 500000


class Job:
    def __init__(self, a, folder):
        self.folder, self.a = folder, a
        self.python = a.python if a.python.exists() else None
        self.tandem = measure.home_runner(a.build / "app/tandem", folder / "home")
        self.runs = 0
        self.threads = len(measure.os.sched_getaffinity(0))

    def prepare(self):
        """The files, and a home with the two releases; not part of any time."""
        whole = flights_input.ALL_FLIGHTS if flights_input.ALL_FLIGHTS.exists() and not self.a.small else None
        schedule, columns = flights_input.flights(whole)
        self.rows = self.a.rows or (SMALL_ROWS if self.a.small else COPIES * len(schedule))
        self.flat, self.keyed = self.folder / "flat.csv", self.folder / "schedule.csv"
        flights_input.write_flat(self.flat, self.rows, schedule)
        flights_input.write_schedule(self.keyed, self.rows, schedule, columns)
        flights_input.flat_release(self.folder / "flat")
        self.tandem("source", "add", flights_input.EXAMPLE / "sources.yaml")
        self.load_seconds = self.tandem("load", "schedule", self.keyed)[1]
        self.tandem("load", "planes", flights_input.EXAMPLE / "data/planes.csv")
        self.tandem("release", "pack", self.folder / "flat")
        self.tandem("release", "pack", flights_input.EXAMPLE)
        self.keyed.unlink()

    def score(self, release, *words):
        """(table, seconds, CPU seconds, peak bytes) of a run."""
        self.runs += 1
        out, seconds, cpu, _ = self.tandem("--json", "run", release, "--as-of", flights_input.as_of(self.runs), *words)
        report = json.loads(out)
        return report["table"], seconds, cpu, report["peak_memory_bytes"]

    def ours_flat(self):
        return self.score("flight-delay-flat", "--population", self.flat)

    def ours_tables(self):
        return self.score("flight-delay")

    def peer(self):
        """As `score`, with the stages' seconds instead of a table."""
        out, *spent = measure.run([self.python, pathlib.Path(__file__).with_name("job_peer.py"), self.flat,
                                   flights_input.EXAMPLE, self.folder / "peer.csv", self.folder / "peer.parquet",
                                   self.threads])
        return json.loads(out), *spent

    def drop(self, table):
        """A table that nobody serves: only its room is wanted back."""
        shutil.rmtree(self.folder / "home/tables" / table)

    def answers(self, release, table):
        """Yields (key, probability), in the population's order."""
        path = self.folder / "export.csv"
        with open(path, "w", encoding="utf-8") as file:
            measure.run([self.a.build / "app/tandem", "--home", self.folder / "home", "table", "export",
                         f"{release}/{table}"], stdout=file)
        yield from read_answers(path)


def read_answers(path):
    with open(path, encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for key, late in rows:
            yield key, float(late)


def bits(x):
    return struct.unpack("<q", struct.pack("<d", x))[0]      # all are above 0: their order is the integers'


def compare(a, b, what, ulps_max):
    """Text: how many are equal to the bit, and how far the others are."""
    n = different = furthest = 0
    for (key, x), (other, y) in zip(a, b, strict=True):
        if key != other:
            raise Failed(f"{what}: {key} stands where {other} should")
        n += 1
        if x != y:
            different += 1
            furthest = max(furthest, abs(bits(x) - bits(y)))
    if furthest > ulps_max:
        raise Failed(f"{what}: {different} of {n} answers differ, by up to {furthest} ulp")
    return f"{what}: {n - different:,} of {n:,} equal to the bit" + \
        (f", the others within {furthest} ulp" if different else "")


def shipped(answers):
    """Ours and LightGBM's of the days whose answers are shipped."""
    with gzip.open(flights_input.EXAMPLE / "data/expected.csv.gz", "rt", encoding="utf-8", newline="") as file:
        expected = {row["flight_key"]: float(row["late"]) for row in csv.DictReader(file)}
    mine = [(key, late) for key, late in answers if key.rpartition("-")[0] in expected]
    if not mine:
        raise Failed("none of the flights whose answers are shipped was scored")
    return mine, [(key, expected[key.rpartition("-")[0]]) for key, _ in mine]


def visits_a_row():
    """Nodes that a row passes in the whole model, by the training rows' counts in the file."""
    total = 0.0
    for line in (flights_input.EXAMPLE / "main.txt").read_text().splitlines():
        if line.startswith("internal_count="):
            counts = [int(word) for word in line.split("=")[1].split()]
            total += sum(counts) / counts[0]
    return total


NOTES = {"name": "XXH3 of the file: part of the run's identity",
         "read": "the file's bytes, from the page cache, cut into records",
         "parse": "CSV to typed columns",
         "features": "26 of them, by expressions",
         "model": "250 trees of 31 leaves",
         "encode": "key and values to a record",
         "append": "record to file, its hash to the spool",
         "index": "hash index written, all synced",
         "verify": "every byte and entry read back and checked; the gates' distribution"}


def show_split(job, page):
    out, *_ = measure.run([job.a.build / "bench/job_split", job.folder / "home", "flight-delay-flat", job.flat,
                           job.folder, min(job.rows, SPLIT_ROWS)])
    rows, facts = [], {}
    for line in out.splitlines():
        name, *numbers = line.split()
        if name in NOTES:
            rows.append((name, *map(float, numbers)))
        else:
            facts[name] = float(numbers[0])
    visits, whole = visits_a_row(), sum(row[1] for row in rows)
    page.say(f"Where ours goes, one thread, {facts['rows']:,.0f} rows. Floors are the step's bytes at the speed of a "
             f"copy in memory ({facts['memory']:.1f} GB/s), of reading the file ({facts['reading']:.1f} GB/s), or of a "
             f"write with sync ({facts['disk']:.1f} GB/s, index), each measured in the same process.")
    page.table(["step", "ns a row", "share", "bytes a row", "floor, ns a row", "what"],
               [(name, f"{ns:.0f}", f"{ns / whole:.1%}", f"{size:.0f}", f"{floor:.1f}", NOTES[name])
                for name, ns, size, floor in rows] +
               [("all", f"{whole:.0f}", "", "", f"{sum(row[3] for row in rows):.0f}", "")])
    model = next(ns for name, ns, *_ in rows if name == "model")
    page.say(f"The model's bytes are its inputs and outputs alone. A row passes {visits:,.0f} nodes of "
             f"{facts['node_bytes']:.0f} bytes: {model / visits:.2f} ns a node, of which "
             f"{facts['node_bytes'] / facts['memory']:.2f} ns are its bytes at memory speed (they come from cache). It "
             "is the plain evaluator that defines the answers; a fast one has an issue of its own.")


def show_times(job, page, times):
    def line(name, spent):
        seconds = median(s[0] for s in spent)
        return (name, f"{seconds:.2f}", f"{job.rows / seconds:,.0f}", f"{median(s[1] for s in spent):.1f}",
                f"{max(s[2] for s in spent) / 1e6:,.0f}")
    names = {"flat": "tandem, all columns in the CSV", "tables": "tandem, features joined from two source tables",
             "csv": "Python, CSV out", "parquet": "Python, Parquet out"}
    page.table(["job", "seconds", "rows/s", "CPU seconds", "peak MB"],
               [line(names[n], times[n]) for n in times if times[n]])
    if times["csv"]:
        for name in ("csv", "parquet"):
            ratios = sorted(p[0] / t[0] for p, t in zip(times[name], times["flat"]))
            page.say(f"Ratio, {names[name]} / tandem with the same columns, within rounds: {median(ratios):.2f} "
                     f"({ratios[0]:.2f} to {ratios[-1]:.2f}).")
        cpu = [median(s[1] for s in times[name]) for name in ("csv", "flat")]
        page.say(f"Ratio of CPU seconds, of which other work on the machine takes none: {cpu[0] / cpu[1]:.2f}.")
    else:
        page.say("The Python packages are missing (bench/peers.sh makes them): nothing to compare times with.")


def show_stages(page, stages):
    names = ["import", "read", "features", "model", "csv", "parquet"]
    page.say("Python's stages, seconds: " + ", ".join(f"{n} {median(s[n] for s in stages):.2f}" for n in names) + ".")


def rounds(job, page):
    times, stages = {"flat": [], "csv": [], "parquet": [], "tables": []}, []
    tables = {}
    for _ in range(job.a.rounds or (1 if job.a.small else 3)):
        for name, work, release in (("flat", job.ours_flat, "flight-delay-flat"),
                                    ("tables", job.ours_tables, "flight-delay")):
            if name in tables:
                job.drop(tables.pop(name)[1])
            table, *spent = work()
            tables[name] = (release, table)
            times[name].append(spent)
            if name == "flat" and job.python:
                own, seconds, cpu, peak = job.peer()
                stages.append(own)
                times["csv"].append((seconds - own["parquet"], cpu, peak))
                times["parquet"].append((seconds - own["csv"], cpu, peak))
    show_times(job, page, times)
    if stages:
        show_stages(page, stages)
        page.say(compare(job.answers(*tables["flat"]), read_answers(job.folder / "peer.csv"),
                         "probabilities, ours and LightGBM's predict()", ULPS_MAX))
    elif not job.a.rows:
        page.say(compare(*shipped(job.answers(*tables["flat"])),
                         "probabilities, ours and those LightGBM gave when it was trained", ULPS_MAX))
    flat = list(job.answers(*tables["flat"]))
    page.say(compare(flat, job.answers(*tables["tables"]),
                     "probabilities, by the CSV's columns and by source tables", 0))


VERSIONS = """import sys, polars, lightgbm, numpy
print('Python', sys.version.split()[0], *(f'{m.__name__} {m.__version__}' for m in (polars, lightgbm, numpy)))"""


def main():
    a = measure.arguments(__doc__.splitlines()[0], [
        ("--rows", {"type": int, "help": "rows of the population (flights x 30)"}),
        ("--rounds", {"type": int, "help": "rounds over all contenders (3)"}),
        ("--python", {"type": pathlib.Path, "default": measure.PEERS, "help": "the peers' Python (build/venv)"})])

    def work():
        page = measure.Page("The whole job")
        with tempfile.TemporaryDirectory(prefix="tandem-job-") as folder:
            job = Job(a, pathlib.Path(folder))
            job.prepare()
            page.say(f"- {job.rows:,} rows, {job.flat.stat().st_size / 1e6:,.0f} MB of CSV, {job.threads} threads; "
                     f"loading the same rows as a source table took {job.load_seconds:.2f} s")
            if job.python:
                page.say("- " + measure.run([job.python, "-c", VERSIONS])[0])
            rounds(job, page)
            page.say()
            show_split(job, page)
        if a.results:
            page.write(a.results)
    return measure.bench("the whole job", work)


if __name__ == "__main__":
    sys.exit(main())
