"""A server's life beside its answers: how soon it gives the first, what it uses when nobody asks, and whether its
memory stays where it is."""

import pathlib
import socket
import time

from sections import Section, median
import servers

STARTS, IDLE_S, IDLE_CONNECTIONS = 41, 60, 8
REQUESTS, PIECES = 10_000_000, 10
CPU_MS_MAX, GROWTH_MAX = 1.0, 0.01


def start(bench):
    """From the start of the process to its first right answer over HTTP, all contenders in turn."""
    section = Section("From start to first answer")
    contenders = {}
    floor = bench.files("oip_raw", "constant")
    nginx = servers.nginx(120, connections=512)       # its own default
    contenders["nginx"] = (nginx, floor)
    for model in ("constant", "big"):
        if model in bench.models:
            server, files = bench.tandem(model), bench.files("oip_raw", model)
            with server.start(files.requests[0]):
                bench.checked(server, files, model)
            contenders[f"tandem, {'constant model' if model == 'constant' else '500 trees'}"] = (server, files)
    spent = {name: [] for name in contenders}
    for turn in range(1 + (3 if bench.small else STARTS)):
        for name, (server, files) in contenders.items():
            result = bench.load.first_answer(server.port, files, server.command)
            if turn:       # the first round brings the files into memory
                spent[name].append(result)
    nginx.stop()
    section.say(f"{len(spent['nginx'])} starts of each in turn, from just before the process is made to the last byte "
                "of the first right answer; connections are tried without a pause meanwhile.")
    ms = {name: [r["first_us"] / 1e3 for r in results] for name, results in spent.items()}
    section.table(["server", "ms, median", "ms, best", "CPU ms, median", "by nginx's"],
                  [(name, f"{median(ms[name]):.2f}", f"{min(ms[name]):.2f}",
                    f"{median(r['cpu_us'] for r in spent[name]) / 1e3:.2f}",
                    f"{median(a / b for a, b in zip(ms[name], ms['nginx'])):.2f}") for name in ms])
    for name in list(ms)[1:]:
        got = median(a / b for a, b in zip(ms[name], ms["nginx"]))
        section.target(f"start to first answer by nginx's, {name}", f"{got:.2f}", "within 3", got <= 3)
    section.data = ms
    return section


def wakeups(pid):
    total = 0
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/status"):
        fields = dict(line.split(":", 1) for line in path.read_text().splitlines())
        total += int(fields["voluntary_ctxt_switches"])
    return total


def idle(bench):
    """CPU and wake-ups of a server that nobody asks, with some connections open."""
    section = Section("Idle")
    seconds = 1 if bench.small else IDLE_S
    files = bench.files("oip_raw", "constant")
    with bench.tandem("constant") as server:
        server.start(files.requests[0])
        asked = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(IDLE_CONNECTIONS)]
        time.sleep(1)
        cpu, woken = server.cpu_ns(), wakeups(server.pid)
        time.sleep(seconds)
        cpu, woken = (server.cpu_ns() - cpu) / 1e6, wakeups(server.pid) - woken
        for connection in asked:
            connection.close()
    section.say(f"{seconds} s with {IDLE_CONNECTIONS} open connections and no request: {cpu:.3f} ms of CPU, "
                f"{woken} wake-ups.")
    section.target(f"CPU of an idle server in {seconds} s", f"{cpu:.3f} ms", "none (under 1 ms)", cpu < CPU_MS_MAX)
    section.data = {"cpu_ms": cpu, "wakeups": woken, "seconds": seconds}
    return section


def memory(bench):
    """Resident memory after each of ten pieces of a long closed loop: JSON and binary in turn."""
    section = Section("Memory over many requests")
    requests = 20_000 if bench.small else REQUESTS
    rows = []
    with bench.tandem("constant") as server:
        forms = [bench.files(form, "constant") for form in ("oip_raw", "oip_json")]
        server.start(forms[0].requests[0])
        for files in forms:
            bench.checked(server, files, "constant")
        for piece in range(PIECES):
            result = bench.measured(server, forms[piece % 2], connections=64, seconds=600, warm=0,
                                    requests=requests // PIECES)
            use = server.memory()
            rows.append(((piece + 1) * requests // PIECES, use["all"], use["own"], result["rate"]))
    section.say(f"A closed loop of 64 connections, {requests:,} requests in {PIECES} pieces, each on new connections.")
    section.table(["requests so far", "resident KiB", "of which no file's", "requests/s"],
                  [(f"{n:,}", f"{all_ // 1024:,}", f"{own // 1024:,}", f"{rate:,.0f}") for n, all_, own, rate in rows])
    # Both kinds have been served after the second piece.
    growth = rows[-1][1] / rows[1][1] - 1
    section.target(f"growth of resident memory from {rows[1][0]:,} to {requests:,} requests", f"{growth:.2%}",
                   f"flat (within {GROWTH_MAX:.0%})", growth <= GROWTH_MAX)
    section.data = {"rows": rows}
    return section
