#!/usr/bin/env python3
"""The main job on real flights, end to end: `make demo`, or demo.py TANDEM [FOLDER].

Adds the sources, loads the tables, packs the release, scores two nights, cuts over, looks flights up, asks for every
flight of the second day afresh in a process of its own and compares to the bit, compares with what really happened,
asks a server by HTTP and by Triton's client, cuts over under load, rolls back. All it knows of Tandem is its command line
and its routes. Standard library only. Exits with 1 when anything is not as it must be.
"""
import concurrent.futures
import csv
import gzip
import json
import math
import os
import pathlib
import shutil
import subprocess
import sys
import time

import live

HERE = pathlib.Path(__file__).resolve().parent
NIGHTS = [("2013-06-13", "2013-06-13T02:00:00-04:00"), ("2013-06-14", "2013-06-14T02:00:00-04:00")]
LATE_MIN = 15


class Tandem:
    """The program with one home."""

    def __init__(self, program, home):
        self.program, self.home = program, home

    def __call__(self, *words, shown=True):
        """Runs a command and returns its standard output; a failure ends the demo with the command's own message."""
        if shown:
            print(f"  $ tandem {' '.join(str(w) for w in words)}")
        done = subprocess.run([self.program, "--home", self.home, *map(str, words)], text=True, capture_output=True)
        if shown:
            for line in done.stderr.splitlines():
                print("    " + line.removeprefix("tandem: "))
        if done.returncode:
            sys.exit(f"'tandem {words[0]}' ended with {done.returncode}\n{done.stderr}")
        return done.stdout.strip()


def title(text):
    print(f"\n{text}")


def rows_of(path):
    opened = gzip.open(path, "rt") if path.suffix == ".gz" else open(path)
    with opened as file:
        return list(csv.DictReader(file))


def auc(scored):
    """The chance that a late flight has a higher score than one on time; ties count half (Mann-Whitney)."""
    ranked, at, rank_sum = sorted(scored), 0, 0.0
    late = sum(1 for _, is_late in scored if is_late)
    while at < len(ranked):
        end = at
        while end < len(ranked) and ranked[end][0] == ranked[at][0]:
            end += 1
        rank_sum += sum(is_late for _, is_late in ranked[at:end]) * (at + 1 + end) / 2
        at = end
    on_time = len(scored) - late
    return (rank_sum - late * (late + 1) / 2) / (late * on_time)


def brier(scored):
    return sum((p - is_late) ** 2 for p, is_late in scored) / len(scored)


def calibration(scored, bins=8):
    """Bins of equal numbers of flights: (mean said, share late, flights)."""
    ranked, out = sorted(scored), []
    for i in range(bins):
        part = ranked[i * len(ranked) // bins:(i + 1) * len(ranked) // bins]
        out.append((sum(p for p, _ in part) / len(part), sum(l for _, l in part) / len(part), len(part)))
    return out


def text_plot(points):
    width = 46
    for said, came, flights in points:
        bar = [" "] * (width + 1)
        for i in range(round(came * width)):
            bar[i] = "="
        bar[round(said * width)] = "|"
        print(f"    said {said:5.1%}  came {came:5.1%}  {''.join(bar)} {flights} flights")
    print("    (the bar is the share that was late, | is what the night said)")


def svg_plot(points, path, heading):
    """A calibration plot: what was said against what came, a dot for each bin, the diagonal for a perfect forecast."""
    size, left, top = 360, 56, 40

    def at(x, y):
        return left + x * size, top + (1 - y) * size
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size + 90} {size + 100}" font-family="sans-serif" font-size="12">',
           f'<rect width="100%" height="100%" fill="white"/><text x="{left}" y="22" font-size="14">{heading}</text>']
    for i in range(6):
        x, y = at(i / 5, i / 5)
        out.append(f'<line x1="{left}" x2="{left + size}" y1="{y}" y2="{y}" stroke="#ddd"/>'
                   f'<line x1="{x}" x2="{x}" y1="{top}" y2="{top + size}" stroke="#ddd"/>'
                   f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{i * 20}%</text>'
                   f'<text x="{x}" y="{top + size + 18}" text-anchor="middle">{i * 20}%</text>')
    (x0, y0), (x1, y1) = at(0, 0), at(1, 1)
    out.append(f'<line x1="{x0}" y1="{y0}" x2="{x1}" y2="{y1}" stroke="#888" stroke-dasharray="4 4"/>')
    line = " ".join("{:.1f},{:.1f}".format(*at(said, came)) for said, came, _ in points)
    out.append(f'<polyline points="{line}" fill="none" stroke="#1763b0" stroke-width="2"/>')
    for said, came, flights in points:
        x, y = at(said, came)
        out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="#1763b0"><title>said {said:.1%}, came {came:.1%}, '
                   f'{flights} flights</title></circle>')
    out.append(f'<text x="{left + size / 2}" y="{top + size + 42}" text-anchor="middle">said by the night run</text>'
               f'<text x="16" y="{top + size / 2}" text-anchor="middle" transform="rotate(-90 16 {top + size / 2})">were late</text></svg>')
    path.write_text("\n".join(out) + "\n")


def ask_all(tandem, keys, as_of):
    """Each flight's fresh answer from a process of its own."""
    def ask(key):
        return json.loads(tandem("predict", "flight-delay", "--key", f"flight={key}", "--as-of", as_of, shown=False))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return dict(zip(keys, pool.map(ask, keys)))


def load(tandem):
    title("1. Sources and data: what exists outside of any release")
    tandem("source", "add", HERE / "sources.yaml")
    tandem("load", "schedule", HERE / "data/schedule.csv.gz")
    tandem("load", "planes", HERE / "data/planes.csv")
    title("2. A release: features, models, promises and gates, frozen under one id")
    release = tandem("release", "pack", HERE)
    print(f"    {release}")
    return release


def nights(tandem):
    title("3. The nights: every flight of the day scored, verified, put through the gates, published, cut over")
    tables = []
    for day, as_of in NIGHTS:
        table = tandem("run", "flight-delay", "--population", HERE / f"data/population/{day}.csv", "--as-of", as_of)
        epoch = tandem("promote", "flight-delay", "--table", table)
        print(f"    {table} is served, epoch {epoch}")
        tables.append(table)
    again = tandem("run", "flight-delay", "--population", HERE / f"data/population/{NIGHTS[1][0]}.csv", "--as-of", NIGHTS[1][1])
    if again != tables[1]:
        sys.exit(f"the same run again gave {again}, not {tables[1]}")
    return tables


def compare_paths(tandem, table, night):
    title("4. The same flight, from the table and asked afresh")
    key = next(iter(night))
    print("    " + tandem("table", "get", table, key))
    print("    " + tandem("predict", "flight-delay", "--key", f"flight={key}", "--as-of", NIGHTS[1][1]))
    started = time.monotonic()
    fresh = ask_all(tandem, list(night), NIGHTS[1][1])
    seconds = time.monotonic() - started
    equal = sum(answer["prediction"]["late"].hex() == night[key].hex() for key, answer in fresh.items())
    print(f"    {equal} of {len(night)} flights of the day: equal to the bit, each from a process of its own "
          f"({1000 * seconds * (os.cpu_count() or 1) / len(night):.1f} ms a process)")
    if equal != len(night):
        sys.exit("the two paths differ")


def compare_framework(night):
    title("5. LightGBM's own answers for the same day (computed in Python when the model was trained)")
    own = {r["flight_key"]: float(r["late"]) for r in rows_of(HERE / "data/expected.csv.gz") if r["flight_key"] in night}
    distance = [abs(own[k] - night[k]) / math.ulp(own[k]) for k in own]
    print(f"    {sum(d == 0 for d in distance)} of {len(own)} probabilities equal to the bit, the others within "
          f"{max(distance):.0f} ulp")
    if len(own) != len(night) or max(distance) > 2:
        sys.exit("the answers are not LightGBM's")


def compare_outcomes(day, night, folder):
    title(f"6. What really happened on {day}")
    delay = {r["flight_key"]: float(r["arr_delay_min"]) for r in rows_of(HERE / "data/outcomes.csv.gz")}
    scored = [(p, delay[k] > LATE_MIN) for k, p in night.items() if k in delay]
    late = sum(l for _, l in scored)
    print(f"    {len(night)} flights, {len(night) - len(scored)} of them without an arrival (left out), {late} of "
          f"{len(scored)} more than {LATE_MIN} minutes late ({late / len(scored):.1%})")
    print(f"    AUC {auc(scored):.3f} (0.5: no better than chance)   Brier {brier(scored):.3f} "
          f"({brier([(0.237, l) for _, l in scored]):.3f}: the same 23.7% for everyone)\n")
    points = calibration(scored)
    text_plot(points)
    svg_plot(points, folder / "calibration.svg", f"Flights of {day}: said at 02:00, and what came")
    print(f"    drawn in {os.path.relpath(folder / 'calibration.svg')}")


def roll_back(tandem, tables):
    title("9. Second thoughts: one command back")
    before = json.loads(tandem("--json", "status", shown=False))
    tandem("promote", "flight-delay", "--table", tables[0 if before["services"][0]["table"] == tables[1] else 1])
    tandem("rollback")
    now = json.loads(tandem("--json", "status", shown=False))
    print("\n".join("    " + line for line in tandem("status").splitlines()))
    if now["services"][0]["table"] != before["services"][0]["table"]:
        sys.exit("the rollback did not bring back what was served before")


def main():
    program = os.path.abspath(sys.argv[1])
    folder = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "build/demo")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    started = time.monotonic()
    tandem = Tandem(program, folder / "home")
    print("Flights from New York, June 2013: will they arrive more than 15 minutes late?")
    load(tandem)
    tables = nights(tandem)
    export = tandem("table", "export", tables[1], shown=False)
    night = {r["flight_key"]: float(r["late"]) for r in csv.DictReader(export.splitlines())}
    compare_paths(tandem, tables[1], night)
    compare_framework(night)
    compare_outcomes(NIGHTS[1][0], night, folder)
    live.show(tandem, tables, night, NIGHTS[1][1], folder, title)
    roll_back(tandem, tables)
    print(f"\nDone in {time.monotonic() - started:.1f} s. The home is {folder / 'home'}; "
          f"'tandem --home {folder / 'home'} status' looks at it.")


if __name__ == "__main__":
    main()
