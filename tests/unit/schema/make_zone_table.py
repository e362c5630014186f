#!/usr/bin/env python3
"""Writes zones/*.tzif and zones/expected.txt: what test_zone.c compares with, by Python's zoneinfo.

Real zones are copied from the system's zone folder; made-up ones hold nothing but a rule, to try its forms. Run by
hand; the results are committed, so that the test depends on neither Python nor the system's zones.

zoneinfo takes the day numbers of a rule without J as if they began with 1 (POSIX, and the C library, begin with 0), so for
such a rule the C library is asked instead, which knows rules from 1970 on.

    python3 tests/unit/schema/make_zone_table.py
"""
import datetime as dt
import io
import os
import random
import struct
import time
import zoneinfo

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "zones")
REAL = ["America/New_York", "Europe/Dublin", "Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca",
        "Asia/Kathmandu", "Pacific/Apia", "America/Sao_Paulo", "Asia/Gaza", "UTC"]
MADE = {
    "rule_none": "", "rule_fixed": "<+0545>-5:45", "rule_north": "EST5EDT,M3.2.0,M11.1.0",
    "rule_south": "AEST-10AEDT,M10.1.0,M4.1.0/3", "rule_negative": "IST-1GMT0,M10.5.0,M3.5.0/1",
    "rule_julian": "AAA3BBB,J60/0,J300/24", "rule_days": "AAA-3:30BBB-4,59/2:30,300/-1",
    "rule_far": "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1:15:30", "rule_always": "EST5EDT,J1/0,J365/25",
    "rule_week": "XXX-2<+03>-3,M3.4.4/50,M10.4.4/50",
}
BY_C_LIBRARY = {"rule_days"}
FIRST, LAST = -5_000_000_000, 7_500_000_000  # 1811 to 2207
EPOCH = dt.datetime(1970, 1, 1)


def made_file(rule):
    """A TZif file of version 2 with one type and no change."""
    head = b"TZif2" + bytes(15) + struct.pack(">6l", 0, 0, 0, 0, 1, 4)
    body = struct.pack(">lBB", 0, 0, 0) + b"UTC\0"
    return head + body + head + body + b"\n" + rule.encode() + b"\n"


def offset_at(zone, second):
    if isinstance(zone, str):
        return time.localtime(second).tm_gmtoff
    moment = dt.datetime.fromtimestamp(0, dt.timezone.utc) + dt.timedelta(seconds=second)
    return int(moment.astimezone(zone).utcoffset().total_seconds())


def instant_of(zone, local):
    if isinstance(zone, str):
        before, after = (offset_at(zone, local + days * 86400) for days in (-2, 2))
        for offset in sorted((before, after), reverse=True):
            if offset_at(zone, local - offset) == offset:
                return local - offset
        return local - before
    naive = EPOCH + dt.timedelta(seconds=local)
    return int((naive - naive.replace(tzinfo=zone, fold=0).utcoffset() - EPOCH).total_seconds())


def changes(zone, first):
    """Instants at which the offset changes, found by halving."""
    found, step = [], 5 * 86400
    at = first
    before = offset_at(zone, at)
    while at < LAST:
        after = offset_at(zone, at + step)
        if after != before:
            low, high = at, at + step
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset_at(zone, middle) == before else (low, middle)
            found.append(high)
        at, before = at + step, after
    return found


def lines_of(name, data, pick):
    first = FIRST
    if name in BY_C_LIBRARY:
        first = 0
        zone = os.environ["TZ"] = MADE[name]
        time.tzset()
    else:
        zone = zoneinfo.ZoneInfo.from_file(io.BytesIO(data), key=name)
    edges = changes(zone, first)
    edges = pick.sample(edges, min(16, len(edges)))
    instants = {pick.randrange(first, LAST) for _ in range(16)}
    for edge in edges:
        instants |= {edge - 1, edge}
    for at in sorted(instants):
        yield f"{name} offset {at} {offset_at(zone, at)}"
    locals_ = {pick.randrange(first, LAST) for _ in range(8)}
    for edge in edges:
        a, b = sorted((edge + offset_at(zone, edge - 1), edge + offset_at(zone, edge)))
        locals_ |= {a - 1, a, (a + b) // 2, b - 1, b}
    for at in sorted(locals_):
        yield f"{name} local {at} {instant_of(zone, at)}"


def main():
    pick = random.Random(20130101)
    out = []
    files = {real.replace("/", "_").lower(): real for real in REAL}
    for name, real in files.items():
        with open(os.path.join("/usr/share/zoneinfo", real), "rb") as f:
            files[name] = f.read()
    files |= {name: made_file(rule) for name, rule in MADE.items()}
    for name, data in files.items():
        with open(os.path.join(HERE, name + ".tzif"), "wb") as f:
            f.write(data)
        out += lines_of(name, data, pick)
    with open(os.path.join(HERE, "expected.txt"), "w") as f:
        f.write("\n".join(out) + "\n")


main()
