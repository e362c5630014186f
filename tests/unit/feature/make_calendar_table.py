#!/usr/bin/env python3
"""Writes expr_calendar_table.h: calendar fields by Python's zoneinfo, the oracle of test_expr_eval.c.

Run by hand: ./make_calendar_table.py > expr_calendar_table.h
UTC rows span the years 1 to 9999; New York rows start in 2007, when its present rule began.
"""
import datetime as dt
import random
import zoneinfo

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
NEW_YORK = zoneinfo.ZoneInfo("America/New_York")


def row(zone, name, us):
    t = (EPOCH + dt.timedelta(microseconds=us)).astimezone(zone)
    fields = (t.hour, t.minute, t.isoweekday(), t.day, t.timetuple().tm_yday, t.month, t.year)
    return "    {INT64_C(%d), %d, {%s}}," % (us, name, ", ".join(map(str, fields)))


def instants(first, last, rng, n):
    low = (dt.datetime(first, 1, 2, tzinfo=dt.timezone.utc) - EPOCH) // dt.timedelta(microseconds=1)
    high = (dt.datetime(last, 12, 30, tzinfo=dt.timezone.utc) - EPOCH) // dt.timedelta(microseconds=1)
    return [rng.randrange(low, high) for _ in range(n)]


def main():
    rng = random.Random(20130601)
    utc = [0, -1, -86400000000, 951782400000000, 951868799999999, 4107542399999999, 1230768000000000 - 1]
    utc += instants(1, 9999, rng, 25)
    spring = int(dt.datetime(2013, 3, 10, 7, tzinfo=dt.timezone.utc).timestamp()) * 10**6
    autumn = int(dt.datetime(2013, 11, 3, 6, tzinfo=dt.timezone.utc).timestamp()) * 10**6
    local = [spring - 1, spring, autumn - 1, autumn, autumn - 3600 * 10**6] + instants(2007, 2037, rng, 25)
    print("/* Written by make_calendar_table.py: instant, whether New York, hour minute day_of_week day day_of_year month year. */")
    print("static const struct calendar_row {")
    print("    int64_t us;\n    int new_york;\n    int field[7];\n} calendar_rows[] = {")
    for us in utc:
        print(row(dt.timezone.utc, 0, us))
    for us in local:
        print(row(NEW_YORK, 1, us))
    print("};")


main()
