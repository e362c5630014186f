"""What the job benches read: flights many times over as CSV files, and a release that takes its inputs from one file.

The shipped example joins two source tables. For an equal task the benches also score a file that carries every raw
column itself: `flat_release` derives that variant of the release from examples/flights/release.yaml, and `write_flat`
the file. The features, and so the answers, are the same in both. Standard library only.
"""

import csv
import gzip
import pathlib
import re
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
EXAMPLE = ROOT / "examples/flights"
ALL_FLIGHTS = ROOT.parent / "shared/data/flights"      # the whole data set, where it is at hand
AS_OF = "2013-06-14T02:00:00-04:00"

# A column of the flat file: its name, type, and where it comes from.
FLAT = [("carrier", "string", "schedule.carrier"), ("flight_number", "i64", "schedule.flight"),
        ("last_tailnum", "string?", "schedule.last_tailnum"), ("origin", "string", "schedule.origin"),
        ("dest", "string", "schedule.dest"), ("distance", "f64 mi", "schedule.distance"),
        ("sched_dep_utc", "timestamp", "schedule.sched_dep_utc"),
        ("sched_arr_utc", "timestamp", "schedule.sched_arr_utc"),
        ("sched_block_min", "i64 min", "schedule.sched_block_min"),
        ("origin_hour_departures", "i64", "schedule.origin_hour_departures"),
        ("plane_year", "i64?", "planes.year"), ("plane_seats", "i64?", "planes.seats"),
        ("plane_engines", "i64?", "planes.engines"), ("plane_engine", "string?", "planes.engine"),
        ("plane_manufacturer", "string?", "planes.manufacturer")]


def as_of(n):
    """For the n-th run on the same data: another run, since its second differs, with the same features."""
    return AS_OF.replace("02:00:00", f"02:{n // 60:02d}:{n % 60:02d}")


def flights(folder=None):
    """The schedule as known at 02:00 of each flight's day: of the whole data set in `folder`, else the shipped days."""
    if folder:
        sys.path.insert(0, str(EXAMPLE))
        import prepare
        return prepare.schedule_rows(folder), prepare.SCHEDULE
    with gzip.open(EXAMPLE / "data/schedule.csv.gz", "rt", encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        return list(reader), list(reader.fieldnames)


def planes():
    with open(EXAMPLE / "data/planes.csv", encoding="utf-8", newline="") as file:
        return {row["tailnum"]: row for row in csv.DictReader(file)}


def flat_row(flight, plane):
    values = []
    for _, _, place in FLAT:
        source, column = place.split(".")
        value = str((flight if source == "schedule" else plane).get(column, ""))
        values.append("" if value == "NA" else value)
    return values


def write_copies(path, header, keyed, rows):
    """A CSV of `rows` lines: `keyed`, pairs of a key and the rest of its line, again and again under new keys."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(",".join(header) + "\n")
        for copy, first in enumerate(range(0, rows, len(keyed))):
            end = f"-{copy:03d}"
            file.writelines(f"{key}{end}{rest}" for key, rest in keyed[:rows - first])


def line_rest(values):
    """A line behind its key. No value of these data needs quotes."""
    if any(c in value for value in values for c in ',"\n'):
        raise ValueError(f"a value needs quotes: {values}")
    return "".join("," + value for value in values) + "\n"


def write_flat(path, rows, schedule):
    """The population with all raw columns."""
    register = planes()
    keyed = [(f["flight_key"], line_rest(flat_row(f, register.get(f["last_tailnum"], {})))) for f in schedule]
    write_copies(path, ["flight_key"] + [name for name, _, _ in FLAT], keyed, rows)


def write_schedule(path, rows, schedule, columns):
    """The same flights for the source table `schedule`."""
    keyed = [(f["flight_key"], line_rest([str(f[c]) for c in columns[1:]])) for f in schedule]
    write_copies(path, columns, keyed, rows)


def flat_release(folder):
    """Writes the variant of the example's release whose features are all given by the population's columns."""
    text = (EXAMPLE / "release.yaml").read_text(encoding="utf-8")
    text = text.replace("name: flight-delay", "name: flight-delay-flat")
    text = text.replace("entity: flight\n", "entity: {name: flight, key: flight_key}\n")
    text = text.replace("  population: schedule\n", "")
    text = re.sub(r"^golden:.*\n", "", text, flags=re.M)     # those rows are given by source columns
    own = set()
    for name, kind, place in FLAT:
        text, n = re.subn(rf"^(  {name}: +){{column: {re.escape(place)}\b[^\n]*}}$", rf"\1{{request: {kind}}}", text,
                          flags=re.M)
        own |= {name} if n else set()
        text = re.sub(rf"\b{re.escape(place)}\b", name, text)
    given = "".join(f"  {name}: {{request: {kind}}}\n" for name, kind, _ in FLAT if name not in own)
    text = text.replace("features:\n", "features:\n" + given, 1)
    folder.mkdir(parents=True)
    (folder / "release.yaml").write_text(text, encoding="utf-8")
    for name in ("main.txt", "simple.json"):
        shutil.copy(EXAMPLE / name, folder)
    for name in ("lookups", "zones"):
        shutil.copytree(EXAMPLE / name, folder / name)
