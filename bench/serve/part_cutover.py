"""Cutovers under load: a home with two releases of the flights example, promoted in turn over the admin socket, while
half of what the server can take arrives.

The socket is asked as `tandem promote` asks it, but without starting a process for each, which would share a core with
the generator or with the server. A round is an interval of the load; the rounds in which a cutover was under way are
compared with those in which none was.
"""

import csv
import gzip
import http.client
import json
import multiprocessing
import os
import shutil
import socket
import time

import flights_input
import measure
from measure import Failed
from sections import Section, median
import request_files
import servers

CUTOVERS, ROUND_S, PAUSE_S, CONNECTIONS = 100, 1.0, 2.0, 32
LOAD_S_MAX = 600       # it is ended after the last cutover
AFTER_S = 0.1          # what a cutover leaves behind is freed slowly
DAY, RELEASE = "2013-06-14", "flight-delay"


class AdminConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


def promote(home, release, table):
    """Over the admin socket; (begin, end) on the monotonic clock."""
    begin = time.monotonic()
    admin = AdminConnection(home / "admin.sock")
    try:
        admin.request("POST", "/admin/v1/promote", json.dumps({"release": release, "table": table}),
                      {"Content-Type": "application/json"})
        answer = admin.getresponse()
        lines = [json.loads(line) for line in answer.read().splitlines() if line.strip()]
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Failed(f"promote {release}: the admin socket: {error!r}") from error
    finally:
        admin.close()
    if answer.status != 200 or not lines or "result" not in lines[-1]:
        raise Failed(f"promote {release}: status {answer.status}: {lines[-1:]}")
    return begin, time.monotonic()


def prepare(bench):
    """(home, [(release, table)]): two releases that differ in a promise, each with its table of one day."""
    home = bench.folder / "home"
    tandem = measure.home_runner(bench.program, home)
    tandem("source", "add", flights_input.EXAMPLE / "sources.yaml")
    tandem("load", "schedule", flights_input.EXAMPLE / "data/schedule.csv.gz")
    tandem("load", "planes", flights_input.EXAMPLE / "data/planes.csv")
    pairs = []
    for turn, text in enumerate(("p99: 5ms", "p99: 6ms")):
        folder = bench.folder / f"release-{turn}"
        shutil.copytree(flights_input.EXAMPLE, folder, ignore=shutil.ignore_patterns("data", "__pycache__"))
        manifest = (folder / "release.yaml").read_text()
        if "p99: 5ms" not in manifest:
            raise Failed("examples/flights/release.yaml has no promise `p99: 5ms` to change")
        (folder / "release.yaml").write_text(manifest.replace("p99: 5ms", text))
        release = tandem("release", "pack", folder)[0].strip()
        table = tandem("run", release, "--population", flights_input.EXAMPLE / f"data/population/{DAY}.csv", "--as-of",
                       flights_input.AS_OF)[0].strip()
        tandem("promote", release, "--table", table)
        pairs.append((release, table))
    return home, pairs


def questions(bench):
    """The flights of the day as questions, and what LightGBM says of each."""
    with gzip.open(flights_input.EXAMPLE / "data/expected.csv.gz", "rt", encoding="utf-8", newline="") as file:
        expected = {row["flight_key"]: float(row["late"]) for row in csv.DictReader(file)}
    with open(flights_input.EXAMPLE / f"data/population/{DAY}.csv", encoding="utf-8", newline="") as file:
        keys = [row["flight_key"] for row in csv.DictReader(file)]
    keys = [key for key in keys if key in expected][:256]
    files = request_files.Files(bench.folder, "decide", [
        request_files.post(f"/v1/decide/{RELEASE}", json.dumps({"keys": {"flight": key}, "as_of": flights_input.AS_OF},
                                                               separators=(",", ":")).encode(),
                           Content_Type="application/json") for key in keys])
    return files, [expected[key] for key in keys]


def check(server, files, expected):
    """Answers are fresh ones, and LightGBM's but for its exp."""
    for request, wanted in zip(files.requests, expected):
        status, _, body = servers.ask(server.port, request)
        answer = json.loads(body)
        if status != 200 or answer["rung"] != "fresh" or abs(answer["prediction"]["late"] - wanted) > 1e-12:
            raise Failed(f"status {status}, LightGBM says {wanted!r}: {body[:300]!r}")


def take_idle_time():
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def cut_over(bench, home, pairs, loading):
    """All cutovers, while the load runs, and some quiet after them: [(begin, end)]. Whoever asks for them is a process that
    takes idle time alone: it is not what is measured, and both cores are in use."""
    done, pause = [], 0.4 if bench.small else PAUSE_S
    with multiprocessing.get_context("fork").Pool(1, take_idle_time) as asker:
        for turn in range(4 if bench.small else CUTOVERS):
            time.sleep(pause)
            if loading.poll() is not None:
                raise Failed(f"the load ended before cutover {turn + 1}")
            done.append(asker.apply(promote, (home, *pairs[turn % 2])))
        time.sleep(2 * pause)
    return done


def sort_rounds(result, cutovers, round_s):
    """(rounds with a cutover under way, rounds without); the last one may have been cut short."""
    with_, without = [], []
    for i, interval in enumerate(result["intervals"]):
        begin = result["begun_s"] + i * round_s
        if begin + round_s > result["begun_s"] + result["seconds"]:
            break
        busy = any(b < begin + round_s and e + AFTER_S > begin for b, e in cutovers)
        (with_ if busy else without).append(interval)
    return with_, without


def cutover(bench):
    section = Section("Cutovers under load")
    home, pairs = prepare(bench)
    files, expected = questions(bench)
    round_s = 0.2 if bench.small else ROUND_S
    with servers.tandem(bench.program, home=home) as server:
        server.start(files.requests[0])
        check(server, files, expected)
        most = bench.measured(server, files, connections=CONNECTIONS, seconds=bench.seconds(2))["rate"]
        loading = bench.load.started(server, files, connections=CONNECTIONS, seconds=LOAD_S_MAX, rate=most / 2,
                                     interval=round_s, warm=0.2, drain=5)
        try:
            cutovers = cut_over(bench, home, pairs, loading)
            loading.terminate()
            result = bench.load.finished(loading)
        finally:
            loading.kill()
            loading.wait()
        check(server, files, expected)
    report(section, result, cutovers, sort_rounds(result, cutovers, round_s), most, round_s)
    if bench.small and result["failed"]:
        raise Failed(f"{result['failed']} requests failed over the cutovers: {result['status']} {result['errors']}")
    return section


def report(section, result, cutovers, rounds, most, round_s):
    p = lambda intervals, name: median(i["latency_us"][name] for i in intervals)
    with_, without = rounds
    section.say(f"{len(cutovers)} cutovers in turn between two releases of the flights example (250 trees, 26 "
                f"features from two tables), {result['asked_rate']:,.0f} questions/s (half of {most:,.0f}), rounds of "
                f"{round_s:g} s. Staging runs on the core that the server has.")
    section.table(["rounds", "number", "p50 us", "p99 us", "p99.9 us", "longest us"],
                  [(name, len(some), f"{p(some, 'p50'):,.0f}", f"{p(some, 'p99'):,.0f}", f"{p(some, 'p99.9'):,.0f}",
                    f"{max(i['latency_us']['max'] for i in some):,.0f}")
                   for name, some in (("with a cutover", with_), ("without", without)) if some])
    took = [1e3 * (end - begin) for begin, end in cutovers]
    section.say(f"A cutover took {median(took):,.1f} ms (median; longest {max(took):,.1f} ms) from asking to done.")
    section.target(f"failed requests over {len(cutovers)} cutovers, of {result['arrived']:,}", str(result["failed"]),
                   "none", result["failed"] == 0)
    if with_ and without:
        got = p(with_, "p99") / p(without, "p99")
        section.target("median p99 of rounds with a cutover by those without", f"{got:.2f}", "within 1.1", got <= 1.1)
    else:
        section.say("Cutovers took longer than the pauses between them: no rounds to compare.")
    section.data = {"result": result, "cutovers": cutovers}
