#!/usr/bin/env python3
"""Whether our load generator agrees with wrk: both against nginx in a closed loop, in turn, medians.

    check_load.py [--small] [--build DIR]

Against nginx's plain answer a generator may be the limit itself, and ours may be the faster one. Against nginx that
asks itself first (`/twice`) the server is the limit, and both must find the same rate: within 5% (a small run: half).
"""

import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "job"))

import measure
from measure import Failed, median
import generator
import request_files
import servers

CONNECTIONS = 64


def compare(build, small, say):
    """[(path, ours, wrk's)]: medians of the rates."""
    load, rows, rounds, seconds = generator.Generator(build), [], 1 if small else 5, 1 if small else 2
    with tempfile.TemporaryDirectory(prefix="tandem-load-") as name, servers.nginx(120) as server:
        folder = pathlib.Path(name)
        all_files = {path: request_files.Files(folder, path.strip("/") or "plain", [
            request_files.post(path, b"x" * 400, Content_Type="application/octet-stream")]) for path in ("/", "/twice")}
        server.start(all_files["/"].requests[0])
        for path, files in all_files.items():
            rates = []
            for _ in range(rounds):
                ours = load(server, files, connections=CONNECTIONS, seconds=seconds, warm=0.1)
                if ours["failed"]:
                    raise Failed(f"{ours['failed']} requests failed: {ours['status']} {ours['errors']}")
                theirs = generator.wrk(server, files.requests[0], CONNECTIONS, seconds, folder)
                if theirs is None:
                    say("wrk is missing (Debian's package wrk): the generator is not compared with it.")
                    return rows
                rates.append((ours["rate"], theirs))
            rows.append((path, median(r[0] for r in rates), median(r[1] for r in rates)))
    return rows


def judge(rows, small):
    for path, ours, theirs in rows:
        low, high = (0.5, 2) if small else (0.95, 1.05 if path == "/twice" else 2)
        if not low <= ours / theirs <= high:
            raise Failed(f"{path}: serve_load says {ours:,.0f} requests/s, wrk {theirs:,.0f}")


def shown(rows):
    return [(f"nginx `{path}`", f"{ours:,.0f}", f"{theirs:,.0f}", f"{ours / theirs:.2f}") for path, ours, theirs in rows]


def main():
    a = measure.arguments(__doc__.splitlines()[0])

    def work():
        page = measure.Page("The load generator against wrk")
        rows = compare(a.build, a.small, page.say)
        page.table(["server", "serve_load, requests/s", "wrk, requests/s", "ratio"], shown(rows))
        judge(rows, a.small)
    return measure.bench("the load generator against wrk", work)


if __name__ == "__main__":
    sys.exit(main())
