#!/usr/bin/env python3
"""Writes what the example ships, from the folder of the whole data set (README.md says where that comes from).

    python3 prepare.py FLIGHTS_FOLDER

Only the standard library. What a flight's row says was known at 02:00 local time of its day: the aircraft that flew in
the end is an outcome (a missing one tells a cancellation), so it is left out, and the aircraft that flew the same
carrier, number and origin last before that hour stands in its place. Outcomes go to a file of their own.
"""

import bisect
import csv
import datetime
import gzip
import io
import pathlib
import sys
import zoneinfo

HERE = pathlib.Path(__file__).resolve().parent
NEW_YORK = zoneinfo.ZoneInfo("America/New_York")
FIRST_DAY, LAST_DAY = "2013-06-08", "2013-06-21"     # what is shipped
AS_OF_HOUR = 2                                       # local

SCHEDULE = ["flight_key", "flight_date", "carrier", "flight", "last_tailnum", "origin", "dest", "distance",
            "sched_dep_utc", "sched_arr_utc", "sched_dep_local", "sched_arr_local", "sched_block_min",
            "origin_hour_departures"]


def read(folder, name):
    path = pathlib.Path(folder, name)
    opened = gzip.open(path, "rt", encoding="utf-8", newline="") if name.endswith(".gz") else \
        open(path, encoding="utf-8", newline="")
    with opened as file:
        yield from csv.DictReader(file)


def as_of(flight_date):
    """02:00 local of the day, UTC, as RFC 3339; it compares as text with the data's own times."""
    local = datetime.datetime.fromisoformat(flight_date).replace(hour=AS_OF_HOUR, tzinfo=NEW_YORK)
    return local.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def aircraft_seen(folder):
    """{(carrier and number, origin): ([time], [(date, tailnum)])} of the departures, by time."""
    seen = {}
    for row in read(folder, "departures.csv.gz"):
        date, flight, origin = row["flight_key"].split("-")
        seen.setdefault((flight, origin), []).append((row["time_utc"], date, row["tailnum"]))
    return {key: ([time for time, _, _ in rows], rows) for key, rows in
            ((key, sorted(rows)) for key, rows in seen.items())}


def last_tailnum(seen, row):
    """Of the latest earlier local date among the departures before the as-of; empty when there was none."""
    date, flight, origin = row["flight_key"].split("-")
    times, rows = seen.get((flight, origin), ([], []))
    known = rows[:bisect.bisect_left(times, as_of(row["flight_date"]))]
    earlier = [(day, time, tailnum) for time, day, tailnum in known if day < date]
    return max(earlier)[2] if earlier else ""


def schedule_rows(folder):
    """The schedule as known at the as-of of each flight's day, in the order of the data set."""
    rows = list(read(folder, "schedule.csv.gz"))
    seen, departures = aircraft_seen(folder), {}
    for row in rows:
        hour = (row["origin"], row["sched_dep_local"][:13])
        departures[hour] = departures.get(hour, 0) + 1
    for row in rows:
        del row["tailnum"]
        row["last_tailnum"] = last_tailnum(seen, row)
        row["origin_hour_departures"] = departures[row["origin"], row["sched_dep_local"][:13]]
    return rows


def outcomes(folder):
    return {row["flight_key"]: int(row["arr_delay_min"]) for row in read(folder, "arrivals.csv.gz")}


def write(path, columns, rows):
    """CSV; gzip without a time or a name, so that the same data gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    out = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    out.writeheader()
    out.writerows(rows)
    data = text.getvalue().encode()
    if path.suffix == ".gz":
        with open(path, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
            packed.write(data)
    else:
        path.write_bytes(data)


def main(folder):
    late = outcomes(folder)
    shipped = [row for row in schedule_rows(folder) if FIRST_DAY <= row["flight_date"] <= LAST_DAY]
    write(HERE / "data/schedule.csv.gz", SCHEDULE, shipped)
    write(HERE / "data/outcomes.csv.gz", ["flight_key", "arr_delay_min"],
          [{"flight_key": row["flight_key"], "arr_delay_min": late[row["flight_key"]]}
           for row in shipped if row["flight_key"] in late])
    for day in sorted({row["flight_date"] for row in shipped}):
        write(HERE / f"data/population/{day}.csv", ["flight_key"], [r for r in shipped if r["flight_date"] == day])
    planes = list(read(folder, "planes.csv"))
    write(HERE / "data/planes.csv", list(planes[0]), planes)
    zone = HERE / "zones/America/New_York"
    zone.parent.mkdir(parents=True, exist_ok=True)
    zone.write_bytes(next(file for folder in zoneinfo.TZPATH
                          if (file := pathlib.Path(folder, "America/New_York")).exists()).read_bytes())
    print(f"{len(shipped)} flights of {FIRST_DAY} to {LAST_DAY}, {len(planes)} aircraft")


if __name__ == "__main__":
    main(sys.argv[1])
