#!/usr/bin/env python3
"""The server under load: against nginx, against other servers, its start, its cutovers, idle, over time.

    serve.py [--small] [--part NAME]... [--all] [--again] [--rounds N] [--build DIR] [--results FILE]

The server has one core, the load generator (serve_load) another; contenders take turns in rounds, medians count, and
a ratio is taken within its round. `--all` measures every part that is not yet measured with these programs, keeps each
as it ends (build/bench/serve/parts), so that a broken run goes on where it ended, and writes the page of results.
`--again` measures anew. Without either, the parts that need no peers. A missed target is told, with its figure; what
fails is a wrong answer, or a request that should have been answered and was not.
"""

import hashlib
import json
import pathlib
import resource
import shutil
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "job"))

import measure
from measure import Failed
import check_load
import generator
import part_cutover
import part_floor
import part_life
import part_peers
import peers
import sections
import servers

PAGE = measure.ROOT / "bench/results/serve.md"
PARTS = {
    "wrk": "whether the load generator tells the truth, and agrees with wrk",
    "share": "requests/s, of nginx's with the same bodies",
    "half": "p50 and p99 at half load, by nginx's",
    "start": "process start to first right answer",
    "cutover": "100 cutovers under half load",
    "idle": "CPU of an idle server",
    "memory": "memory over 10 million requests",
    "peers": "other servers, 500 trees",
    "peers-small": "other servers, 50 trees",
}
CALM_MAX, CALM_TRIES = 0.1, 30
NEED_NGINX = ("share", "half", "start")
NEED_PEERS = ("peers", "peers-small")


def against_wrk(bench):
    section = sections.Section("The load generator against wrk")
    check_load.check_kinds(bench.a.build)
    section.say(f"{len(check_load.KINDS)} crafted answers count as what they are; latency counts from the intended send.")
    if lacks_nginx():
        section.say("nginx is missing: nothing to compare both with.")
        return section
    rows = check_load.compare(bench.a.build, bench.small, section.say)
    if rows:
        section.say("Closed loop, 64 connections, 400-byte bodies. Against `/twice`, where nginx asks itself first, the "
                    "server is the limit, and both must find the same rate.")
        section.table(["server", "serve_load, requests/s", "wrk, requests/s", "ratio"], check_load.shown(rows))
        for path, ours, theirs in rows:
            if path == "/twice":
                section.target("serve_load's rate by wrk's", f"{ours / theirs:.2f}", "0.95 to 1.05",
                               0.95 <= ours / theirs <= 1.05)
    section.data = {"rows": rows}
    return section


WORK = {"wrk": against_wrk, "share": part_floor.share, "half": part_floor.half, "start": part_life.start,
        "cutover": part_cutover.cutover, "idle": part_life.idle, "memory": part_life.memory, "peers": part_peers.big,
        "peers-small": part_peers.small}


def kept(name):
    return servers.FOLDER / f"parts/{name}.json"


def programs(a):
    """What was measured: the digests of the two programs."""
    return [hashlib.sha256((a.build / name).read_bytes()).hexdigest() for name in ("app/tandem", "bench/serve_load")]


def is_current(a, name):
    part = sections.saved(kept(name))
    return part and part["programs"] == programs(a)


def others_busy(seconds):
    """Share of the machine's cores that other work uses, over some seconds in which we do nothing."""
    def ticks():
        fields = [int(word) for word in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
        return sum(fields[:8]), fields[3] + fields[4]
    whole, quiet = ticks()
    time.sleep(seconds)
    now = ticks()
    return 1 - (now[1] - quiet) / max(1, now[0] - whole)


def calm(a):
    """Waits up to half a minute for others to be done; how busy they still are. A small run does not care."""
    if a.small:
        return 0.0
    for _ in range(CALM_TRIES):
        busy = others_busy(1)
        if busy < CALM_MAX:
            break
    return busy


def measure_part(a, name):
    """Measures a part and keeps it. A measurement at small size is not kept: it means nothing."""
    busy = calm(a)
    print(f"# == {name}: {PARTS[name]}" + (f"; other work uses {busy:.0%} of the cores" if busy else ""), flush=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tandem-serve-"))
    ours = measure.os.sched_getaffinity(0)
    measure.os.sched_setaffinity(0, {generator.cores()[1]})     # what watches must not sit on the server's core
    try:
        section = WORK[name](sections.Bench(a, folder))
    finally:
        measure.os.sched_setaffinity(0, ours)
        shutil.rmtree(folder, ignore_errors=True)
    part = section.saved() | {"programs": programs(a), "commit": measure.commit(), "busy": busy,
                              "date": str(measure.datetime.date.today())}
    if not a.small:
        kept(name).parent.mkdir(parents=True, exist_ok=True)
        kept(name).write_text(json.dumps(part))


def lacks_nginx():
    return not servers.nginx_program()


def missing():
    """What this machine lacks, and what is then not measured."""
    lacks = []
    if lacks_nginx():
        lacks.append("nginx (Debian's nginx-light): the parts " + ", ".join(NEED_NGINX))
    if not shutil.which("wrk"):
        lacks.append("wrk: the comparison of the generator with it")
    if not shutil.which("taskset"):
        lacks.append("taskset (util-linux): servers and generator share their cores")
    if len(set(generator.cores())) < 2:
        lacks.append("a second core: server and generator share one, and no figure means anything")
    absent = [name for name in peers.ALL if name not in peers.present()]
    if absent:
        lacks.append(f"peers ({'; '.join(absent)}): python3 bench/serve/peers.py install")
    return lacks


def write_page(path):
    """All parts that are kept, each with its commit and load."""
    page = measure.Page("The server under load")
    parts = {name: part for name in PARTS if (part := sections.saved(kept(name)))}
    server, load = generator.cores()
    page.say(f"- server on core {server}, generator on core {load}; medians of rounds in turn, ratios within rounds")
    page.table(["target", "measured", "wanted", ""], [row for part in parts.values() for row in part["targets"]])
    lines = page.lines
    for name in PARTS:
        part = parts.get(name)
        lines += part["lines"] + [f"(part `{name}`, {part['date']}, commit {part['commit']}; other work used "
                                f"{part['busy']:.0%} of the cores when it began)", ""] \
            if part else [f"Part `{name}` ({PARTS[name]}) is not measured yet.", ""]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    print(f"# written: {measure.shown(str(path))}")


def chosen(a):
    if a.part:
        return a.part
    names = [name for name in PARTS if a.all or name not in NEED_PEERS]
    return [name for name in names if not (lacks_nginx() and name in NEED_NGINX)]


def work(a):
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files[1], files[1]))      # for servers of many connections
    servers.FOLDER.mkdir(parents=True, exist_ok=True)
    if not (a.build / "bench/serve_load").exists():
        raise Failed(f"{measure.shown(str(a.build / 'bench/serve_load'))} is missing: ninja -C BUILD bench/serve_load")
    if a.small:
        print("# a small run: that all works is what it tells, its figures mean nothing", flush=True)
    for text in missing():
        print(f"# missing here: {text}", flush=True)
    failures = []
    for name in chosen(a):
        if a.all and not a.again and is_current(a, name):
            print(f"# == {name}: measured already, with the same programs", flush=True)
            continue
        try:
            measure_part(a, name)
        except Failed as failed:
            failures.append(f"{name}: {failed}")
            print(f"# {name} FAILED: {failed}".replace("\n", "\n# "), flush=True)
    if a.results or a.all and not a.small:
        write_page(a.results or PAGE)
    if failures:
        raise Failed("\n".join(failures))


def main():
    a = measure.arguments(__doc__.splitlines()[0], [
        ("--part", {"action": "append", "choices": list(PARTS), "help": "this part; may be given again"}),
        ("--all", {"action": "store_true", "help": "every part that is not yet measured, and the page"}),
        ("--again", {"action": "store_true", "help": "with --all: measured ones too"}),
        ("--rounds", {"type": int, "help": "rounds over all contenders (7; 3 with peers)"})])
    return measure.bench("the server under load", lambda: work(a))


if __name__ == "__main__":
    sys.exit(main())
