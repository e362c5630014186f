"""The same models behind other servers: requests per core-second, latency at each one's own half load, and what is
left of a server under three times its load."""

from measure import Failed
from sections import Section, median, middle, p50, p99, per_core_s, rate, ratio_of
import peers
import request_files
import servers

CONNECTIONS, OVERLOAD_CONNECTIONS_MAX, DEADLINE_MS = 32, 8000, 100
ROUNDS = 3
OURS = {"tandem, JSON": "oip_json", "tandem, binary": "oip_binary"}
WANTED = {"big": 5, "small": 15}
TITLES = {"big": "500 trees of 31 leaves, 100 features", "small": "50 trees of 15 leaves, 10 features"}


def contender(bench, name, size):
    """(server, files, tolerance of its answers)."""
    if name in OURS:
        return bench.tandem(size), bench.files(OURS[name], size), 1e-12
    if name == "nginx":
        return servers.nginx(120), bench.files("plain_json", size), None
    form = peers.ALL[name][2]
    files = request_files.Files(bench.folder, f"peer-{form.__name__}-{size}",
                                [form(row) for row in bench.models[size][1]])
    return peers.make(name, bench.models[size][0].parent), files, peers.TOLERANCE.get(name, 1e-12)


def visit(bench, name, size):
    """One server, one round: all loads after the other."""
    server, files, tolerance = contender(bench, name, size)
    with server:
        server.start(files.requests[0])
        if tolerance:
            servers.right(server, files, bench.models[size][2], tolerance)
        load = lambda **options: bench.load(server, files, **({"connections": CONNECTIONS} | options))
        closed = load(seconds=bench.seconds(3), warm=bench.seconds(1))
        most = closed["rate"]
        visited = {"closed": closed, "half": load(seconds=bench.seconds(4), rate=most / 2, warm=0.2)}
        if size == "big":
            many = {"connections": crowd(3 * most), "deadline": DEADLINE_MS, "drain": 0.2}
            visited["overload"] = load(seconds=bench.seconds(5), rate=3 * most, warm=bench.seconds(1), **many)
            visited["after"] = load(seconds=bench.seconds(3), rate=most / 2, warm=0.5, **many)
        visited["memory"] = server.memory()["all"]
    return visited


def crowd(arrivals):
    """As many connections as there are clients that have not given up."""
    return max(CONNECTIONS, min(OVERLOAD_CONNECTIONS_MAX, round(arrivals * DEADLINE_MS / 1e3)))


def rounds(bench, section, size, names):
    visits = {name: [] for name in names}
    for turn in range(bench.a.rounds or ROUNDS):
        for name in list(visits):
            try:
                visits[name].append(visit(bench, name, size))
            except Failed as failed:
                if name in OURS:
                    raise
                section.say(f"{name} is left out from round {turn + 1} on: {str(failed).splitlines()[0]}")
                if not visits[name]:
                    del visits[name]
    return visits


def in_time(visit, load):
    """Answers within the deadline, as a share of what the server can do."""
    result = visit[load]
    able = visit["closed"]["rate"] if load == "overload" else result["arrived"] / result["seconds"]
    return result["in_time"] / result["seconds"] / able


def row(name, visits, size):
    closed, half = [v["closed"] for v in visits], [v["half"] for v in visits]
    cells = [name, f"{middle(closed, rate):,.0f}", f"{middle(closed, per_core_s):,.0f}",
             f"{middle(closed, lambda r: r['cpu_us']):,.1f}", f"{middle(closed, p50) / 1e3:,.2f}",
             f"{middle(closed, p99) / 1e3:,.2f}", f"{middle(half, p50) / 1e3:,.3f}", f"{middle(half, p99) / 1e3:,.2f}"]
    if size == "big":
        cells += [f"{median(in_time(v, 'overload') for v in visits):.0%}", f"{median(sent(v) for v in visits):.1f}x",
                  f"{median(in_time(v, 'after') for v in visits):.0%}"]
    return cells + [sum(v["closed"]["failed"] + v["half"]["failed"] for v in visits)]


def sent(visit):
    """What reached the server under overload, by its capacity: the rest was turned away here."""
    result = visit["overload"]
    return (result["arrived"] - result["turned_away"]) / result["seconds"] / visit["closed"]["rate"]


HEADER = ["server", "closed requests/s", "per core-second", "CPU us a request", "closed p50 ms", "p99 ms",
          "half load p50 ms", "p99 ms"]
OVERLOAD_HEADER = ["3x: in time, of capacity", "3x: sent", "half load after: in time"]


def compare(bench, size):
    section = Section(f"Against other servers: {TITLES[size]}")
    if size not in bench.models:
        raise Failed("the models are missing: python3 bench/serve/peers.py install")
    missing = [name for name in peers.ALL if name not in peers.present()]
    if missing:
        section.say("Not installed here, so not measured (`python3 bench/serve/peers.py install`): "
                    + "; ".join(missing) + ".")
    section.say(f"One core each, one row a request, {len(bench.models[size][1])} different rows in turn, answers "
                f"compared with LightGBM's first. Closed loop of {CONNECTIONS} connections; half load is Poisson at "
                "half of each one's own closed rate, timed from the intended send. Per core-second: answers by the CPU "
                "seconds of the server's processes in the closed loop.")
    if size == "big":
        section.say(f"3x: arrivals at three times the closed rate, each on a connection of its own (up to "
                    f"{OVERLOAD_CONNECTIONS_MAX:,}, beyond which clients are turned away here). A client gives up "
                    f"{DEADLINE_MS} ms after it should have sent, and closes its connection.")
    names = [*OURS, *peers.present()] + (["nginx"] if servers.nginx_program() else [])
    visits = rounds(bench, section, size, names)
    order = sorted(visits, key=lambda n: -middle([v["closed"] for v in visits[n]], per_core_s))
    section.table(HEADER + (OVERLOAD_HEADER if size == "big" else []) + ["failed"],
                  [row(name, visits[name], size) for name in order])
    judge(section, visits, size)
    section.data = {name: [{load: {k: v for k, v in r.items() if k != "histogram"} if isinstance(r, dict) else r
                            for load, r in visit.items()} for visit in runs] for name, runs in visits.items()}
    return section


def judge(section, visits, size):
    closed = {name: [v["closed"] for v in runs] for name, runs in visits.items()}
    python = [name for name in visits if name in peers.ALL and peers.ALL[name][3]]
    if not python:
        section.say("No Python server is at hand: nothing to compare with.")
        return
    best = max(python, key=lambda name: middle(closed[name], per_core_s))
    got = ratio_of(closed, "tandem, JSON", best, per_core_s)
    section.target(f"requests per core-second, {size} model, JSON, by the best Python server's ({best})", f"{got:.1f}x",
                   f"at least {WANTED[size]}x", got >= WANTED[size])
    for name in [n for n in visits if n.startswith("Go")]:
        section.say(f"By {name}: {ratio_of(closed, 'tandem, JSON', name, per_core_s):.1f}x.")


def big(bench):
    return compare(bench, "big")


def small(bench):
    return compare(bench, "small")
